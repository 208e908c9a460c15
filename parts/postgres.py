"""A connection to Postgres that is used as one of sqlite3, errors included."""

import math
import os
import re
import sqlite3
import threading
import time
from contextlib import closing, contextmanager, suppress

LOCAL_HOST = r'|localhost|127\.0\.0\.1|\[?::1\]?|/.*'
HOST = r'(\[[^]@]*\]|[^][@:/?#,]*)(:[0-9]*)?'  # and port

idle = threading.local()  # the connection of each thread, between its requests


def read_settings(url):
    """Return a URL as libpq reads it, with encryption for all that leads to another machine.

    Raises sqlite3.OperationalError, which never tells a password.
    """
    import psycopg  # here, since it takes long and SQLite doesn't need it

    if not re.fullmatch(f'[a-z]+://([^@/?#]*@)?{HOST}(,{HOST})*([/?][^@]*)?', url):
        # Part of a password would be taken for the host or port, and told in an error.
        codes = '@ as %40, / as %2F, ? as %3F and # as %23'
        raise sqlite3.OperationalError(f'DATABASE_URL makes no sense; in a password, {codes}')
    try:
        settings = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error:  # whose message may have the password in it
        raise sqlite3.OperationalError('DATABASE_URL makes no sense') from None
    mode = settings.get('sslmode') or os.environ.get('PGSSLMODE')
    if not is_local(settings) and mode not in ('verify-ca', 'verify-full'):
        settings['sslmode'] = 'require'
    return settings


def is_local(settings):
    """Say whether a connection can only lead to this machine; libpq reads PG… too."""
    if 'service' in settings or 'PGSERVICE' in os.environ:
        return False
    names = [('host', 'PGHOST'), ('hostaddr', 'PGHOSTADDR')]
    hosts = [settings.get(name) or os.environ.get(variable, '') for name, variable in names]
    return all(re.fullmatch(LOCAL_HOST, host) for host in ','.join(hosts).split(','))


class PostgresConnection:
    """A connection to Postgres, with the methods and errors of parts.sqlite's."""

    schema_file = os.path.join(os.path.dirname(__file__), 'schema_postgres.sql')

    def __init__(self, url, timeout):
        """Connect; a statement waits `timeout` seconds for another's lock."""
        settings = read_settings(url)
        import psycopg

        self.url, self.process, self.has_failed = url, os.getpid(), False
        self.error, self.no_transaction = psycopg.Error, psycopg.pq.TransactionStatus.IDLE
        with self.translated_errors():
            self.db = psycopg.connect(
                **{'connect_timeout': 5, 'tcp_user_timeout': 10_000, **settings},  # s, ms
                autocommit=True,
                row_factory=psycopg.rows.dict_row,
            )
            self.execute(f"set lock_timeout = '{timeout}s'")

    @contextmanager
    def translated_errors(self):
        try:
            yield
        except self.error as error:
            self.has_failed = True
            raise sqlite3.OperationalError(str(error)) from error

    def execute(self, statement, values=None):
        if values is not None:  # or % and ? are what they are
            statement = statement.replace('%', '%%').replace('?', '%s')
        with self.translated_errors():
            return self.db.execute(statement, values)

    def executemany(self, statement, rows):
        with self.translated_errors():
            self.db.cursor().executemany(statement.replace('?', '%s'), rows)

    @contextmanager
    def transaction(self):
        """Let nobody else have a transaction meanwhile, as in SQLite.

        Else two of them that read and then write would both act on what they read.
        """
        with self.translated_errors(), self.db.transaction():
            self.db.execute("select pg_advisory_xact_lock(hashtext('flaskr'))")
            yield

    def find_schema_version(self):
        """Return 0 for an empty database, and for one that is older than this view."""
        if not self.execute("select to_regclass('schema_version') as name").fetchone()['name']:
            return 0
        return self.execute('select version from schema_version').fetchone()['version']

    run_schema = execute

    def find_matches(self, words, limit):
        """Return the ids of the entries that have all the words, as parts.sqlite has it."""
        query = 'select flaskr_search(?, ?) as ids'
        return self.execute(query, [' '.join(words), limit]).fetchone()['ids']

    def skip_given_ids(self, table):
        """Never give an id again that was given by hand."""
        sequence = f"pg_get_serial_sequence('{table}', 'id')"
        greatest = f'greatest(max(id), nextval({sequence}))'
        self.execute(f'select setval({sequence}, {greatest}) from {table}')

    def find_last_change(self):
        """Return what a trigger of schema_postgres.sql keeps, or None in an empty database."""
        if not self.find_schema_version():
            return None
        change = self.execute('select max(last_change) as last from changes').fetchone()['last']
        if change is None:
            raise sqlite3.OperationalError('the table changes has lost its row')
        return change

    def is_alive(self):
        """Ask, since the server may have restarted or the network been cut."""
        with suppress(sqlite3.OperationalError):
            self.execute('select 1')
        return not self.has_failed

    def close(self):
        """Leave the connection to this thread's next request, since opening one takes long.

        One that has failed or is in a transaction is closed, and a second of this thread.
        """
        is_free = self.db.info.transaction_status == self.no_transaction
        if self.has_failed or not is_free or hasattr(idle, 'db'):
            self.db.close()
        else:
            idle.db = self


def connect_postgres(url, timeout):
    """Return this thread's idle connection to a Postgres, or a new one."""
    db = vars(idle).pop('db', None)
    if db and db.process == os.getpid():  # or the parent goes on using its own
        if db.url == url and db.is_alive():
            return db
        db.db.close()
    return PostgresConnection(url, timeout)


class ServerWatch:
    """Tells, some time later, when the entries in a Postgres have changed."""

    def __init__(self, connect):
        """connect: opens a PostgresConnection"""
        self.connect, self.answer, self.asked = connect, None, -math.inf

    def find_version(self, url, interval):
        """Ask what a trigger of schema_postgres.sql keeps, if that was `interval` seconds ago.

        Returns None if it can't be told; raises sqlite3.OperationalError where it should be.
        """
        now = time.monotonic()
        if now - self.asked >= interval:
            self.asked, self.answer = now, None  # until there is one, which may take long
            with closing(self.connect()) as db:
                version = url, db.find_last_change()
            if self.asked == now:  # a late answer must not take the place of a newer one
                self.answer = version
        return self.answer
