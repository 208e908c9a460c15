"""A connection to Postgres that is used as one of sqlite3, errors included."""

import os
import re
import sqlite3
import threading
from contextlib import contextmanager, suppress

LOCAL_HOSTS = {'', 'localhost', '127.0.0.1', '::1'}
HOST = r'(\[[^]@]*\]|[^][@:/?#,]*)(:[0-9]*)?'  # and port

idle = threading.local()  # the connection of each thread, between its requests


class PostgresConnection:
    """A connection to Postgres, with what is used of those of sqlite3."""

    def __init__(self, url, timeout):
        """Connect, or raise sqlite3.OperationalError, which never tells a password.

        url: postgres:// or postgresql://, as libpq reads it
        timeout: seconds that a statement waits for another's lock
        """
        import psycopg  # here, since it takes long and SQLite doesn't need it

        self.url, self.process, self.has_failed = url, os.getpid(), False
        self.error, self.no_transaction = psycopg.Error, psycopg.pq.TransactionStatus.IDLE
        if not re.fullmatch(f'[a-z]+://([^@/?#]*@)?{HOST}(,{HOST})*([/?][^@]*)?', url):
            # Part of a password would be taken for the host or port, and told in an error.
            codes = '@ as %40, / as %2F, ? as %3F and # as %23'
            raise sqlite3.OperationalError(f'DATABASE_URL makes no sense; in a password, {codes}')
        try:
            settings = psycopg.conninfo.conninfo_to_dict(url)
        except psycopg.Error:  # whose message may have the password in it
            raise sqlite3.OperationalError('DATABASE_URL makes no sense') from None
        mode = settings.get('sslmode') or os.environ.get('PGSSLMODE')
        if not self.is_local(settings) and mode not in ('verify-ca', 'verify-full'):
            settings['sslmode'] = 'require'
        with self.translated_errors():
            self.db = psycopg.connect(
                **{'connect_timeout': 5, 'tcp_user_timeout': 10_000, **settings},  # s, ms
                autocommit=True,
                row_factory=psycopg.rows.dict_row,
            )
            self.execute(f"set lock_timeout = '{timeout}s'")

    def is_local(self, settings):
        """Say whether a connection can only lead to this machine; libpq reads PG… too."""
        if 'service' in settings or 'PGSERVICE' in os.environ:
            return False
        host = settings.get('host') or os.environ.get('PGHOST', '')
        address = settings.get('hostaddr') or os.environ.get('PGHOSTADDR', '')
        hosts = f'{host},{address}'.split(',')
        return all(host in LOCAL_HOSTS or host.startswith('/') for host in hosts)

    @contextmanager
    def translated_errors(self):
        try:
            yield
        except self.error as error:
            self.has_failed = True
            raise sqlite3.OperationalError(str(error)) from error

    def execute(self, statement, values=()):
        with self.translated_errors():
            return self.db.execute(self.translate(statement), values)

    def executemany(self, statement, rows):
        with self.translated_errors():
            self.db.cursor().executemany(self.translate(statement), rows)

    def translate(self, statement):
        return statement.replace('%', '%%').replace('?', '%s')

    @contextmanager
    def transaction(self):
        with self.translated_errors(), self.db.transaction():
            yield

    def is_alive(self):
        """Ask, since the server may have restarted or the network been cut."""
        with suppress(sqlite3.OperationalError):
            self.execute('select 1')
        return not self.has_failed

    @property
    def in_transaction(self):
        """Say whether a transaction has begun and not ended."""
        return self.db.info.transaction_status != self.no_transaction

    def close(self):
        """Leave the connection to this thread's next request, since opening one takes long.

        One that has failed or is in a transaction is closed, and a second of this thread.
        """
        if self.has_failed or self.in_transaction or hasattr(idle, 'db'):
            self.db.close()
        else:
            idle.db = self


def take_idle_connection(url):
    """Return this thread's idle connection to a Postgres, or None."""
    db = vars(idle).pop('db', None)
    if db is None or db.process != os.getpid():  # the parent goes on using its own
        return None
    if db.url != url or not db.is_alive():
        db.db.close()
        return None
    return db
