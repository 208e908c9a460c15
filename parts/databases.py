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


class Watch:
    """Tells when the DATABASE of a configuration may have changed, whoever changed it."""

    def __init__(self, config):
        self.config, self.posts, self.lock = config, 0, threading.Lock()
        self.file = self.status = None  # the descriptor of a SQLite database, and what fstat() says

    def find_version(self):
        """Return what is another value after each change, or None; on Postgres, after PAGE_AGE."""
        database, age = str(self.config['DATABASE']), self.config['PAGE_AGE']
        if is_postgres(database):
            return (database, self.posts, time.monotonic() // age) if age else None
        with suppress(OSError):
            return database, *self.find_file_version(database)

    def find_file_version(self, path):
        """Return what SQLite counts changes with, and what tells another file with that count."""
        status = os.stat(path)
        with self.lock:
            if not self.status or not os.path.samestat(status, self.status):
                # Open for as long as it is the blog: to close a file ends all locks that this
                # process has on it (https://sqlite.org/howtocorrupt.html, section 2.2).
                former, self.file = self.file, os.open(path, os.O_RDONLY)
                self.status = os.fstat(self.file)
                if former is not None:
                    os.close(former)
            header = os.pread(self.file, 10, 18)  # https://sqlite.org/fileformat2.html
        # In WAL mode it counts elsewhere, so no two answers are the same.
        is_wal = header[:1] == b'\2' and time.monotonic()
        return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, header, is_wal

    def note_post(self):
        """Count what this process itself may have changed."""
        self.posts += 1
