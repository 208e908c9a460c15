"""Which engine is meant, whether a database may have changed, what to say when it fails."""

import os
import re
import threading
import time
from contextlib import suppress

TROUBLES = {  # a pattern of the database's message: what to say
    'lock': 'The database is busy with something else.',
    'read-?only': 'The database can only be read, not written.',
    'full|No space': 'The disk is full.',
    'connection': 'The database cannot be reached.',
    'malformed|not a database': 'The database is damaged.',
    '': 'The database cannot be used.',
}


def explain_trouble(error):
    """Say in plain words why the database failed."""
    return next(words for part, words in TROUBLES.items() if re.search(part, str(error)))


def is_postgres(database):
    """Say whether this is the address of a Postgres, or else the path of a SQLite file."""
    return str(database).startswith(('postgres://', 'postgresql://'))


def warn_of_loss(app):
    """Let the log, and entries_vanish() in templates, say if Heroku wipes the DATABASE."""

    @app.template_global()
    def entries_vanish():
        return 'DYNO' in os.environ and not is_postgres(app.config['DATABASE'])

    if entries_vanish():
        app.logger.warning('Entries will vanish! Run: heroku addons:create heroku-postgresql')


class Watch:
    """Tells when the DATABASE of a configuration may have changed, whoever changed it."""

    def __init__(self, config):
        self.config, self.posts, self.lock = config, 0, threading.Lock()
        self.file = self.status = None  # the descriptor of a SQLite database, and what fstat() says
        self.known = None, None  # the path and times of one, and its version

    def find_version(self):
        """Return a value that differs after each change, on Postgres after PAGE_AGE; or None."""
        database, age = str(self.config['DATABASE']), self.config['PAGE_AGE']
        if is_postgres(database):
            return (database, self.posts, time.monotonic() // age) if age else None
        with suppress(OSError):
            return database, *self.find_file_version(database)

    def find_file_version(self, path):
        """Return the times of a file, and what SQLite counts its changes with."""
        status = os.stat(path)
        times = status.st_ino, status.st_mtime_ns, status.st_ctime_ns
        known, version = self.known
        if known == (path, times):
            return version
        header = self.read_header(path, status)
        is_wal = header[:1] == b'\2'  # where it counts elsewhere: no two answers are the same
        version = times, header, is_wal and time.monotonic()
        # Some file systems count in two seconds, so that another change might have the same times.
        is_old = time.time_ns() - max(times[1:]) > 3e9 and not is_wal
        self.known = (path, times) if is_old else None, version
        return version

    def read_header(self, path, status):
        """Return what tells at byte 18 of WAL mode, and at byte 24 of the number of changes."""
        with self.lock:
            if not self.status or not os.path.samestat(status, self.status):
                # Open for as long as it is the blog: to close a file ends all locks that this
                # process has on it (https://sqlite.org/howtocorrupt.html, section 2.2).
                former, self.file = self.file, os.open(path, os.O_RDONLY)
                self.status = os.fstat(self.file)
                if former is not None:
                    os.close(former)
            return os.pread(self.file, 10, 18)  # https://sqlite.org/fileformat2.html

    def note_post(self):
        """Count what this process itself may have changed."""
        self.posts += 1
