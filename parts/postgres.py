"""A connection to Postgres that is used as one of sqlite3, errors included."""

import os
import re
import sqlite3
import threading
from contextlib import contextmanager, suppress

import psycopg

LOCAL_HOST = r'|localhost|127\.0\.0\.1|\[?::1\]?|/.*'
HOST = r'(\[[^]@]*\]|[^][@:/?#,]*)(:[0-9]*)?'  # and port

idle = threading.local()  # the connection of each thread, between its requests


def read_settings(url):
    """Return a URL as libpq reads it, with encryption for all that leads to another machine."""
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
        self.url, self.process, self.has_failed, self.schema_version = url, os.getpid(), False, 0
        settings = {'connect_timeout': 5, 'tcp_user_timeout': 10_000, **read_settings(url)}  # s, ms
        with self.translated_errors():
            self.db = psycopg.connect(
                **settings, autocommit=True, row_factory=psycopg.rows.dict_row
            )
            self.execute(f"set lock_timeout = '{timeout}s'")

    @contextmanager
    def translated_errors(self):
        try:
            yield
        except psycopg.Error as error:
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
        """Let nobody else have one meanwhile, as in SQLite, and act on what this one changes."""
        with self.translated_errors(), self.db.transaction():
            self.db.execute("select pg_advisory_xact_lock(hashtext('flaskr'))")
            yield

    def find_schema_version(self):
        """Return 0 for an empty database; what was found once is not asked for again."""
        name = "select to_regclass('internals') as name"
        if not self.schema_version and self.execute(name).fetchone()['name']:
            row = self.execute('select schema_version from internals').fetchone()
            self.schema_version = row['schema_version']
        return self.schema_version

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

    def close(self):
        """Leave a good connection to this thread's next request, since opening one takes long."""
        is_free = self.db.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        if self.has_failed or not is_free or hasattr(idle, 'db'):
            self.db.close()
        else:
            idle.db = self


def connect_postgres(url, timeout):
    """Return this thread's idle connection to a Postgres, or a new one."""
    db = vars(idle).pop('db', None)
    if db and db.process == os.getpid():  # or the parent goes on using its own
        with suppress(sqlite3.OperationalError):  # the server has restarted, say
            if db.url == url and db.execute('select 1'):
                return db
        db.db.close()
    return PostgresConnection(url, timeout)
