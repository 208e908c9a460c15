"""The door to both engines: which one is meant, what has changed, what to say when it fails."""

import math
import re
import sqlite3

from parts.postgres import ServerWatch
from parts.sqlite import FileWatch

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
    """Notices cheaply when the DATABASE of an application has changed, whoever changed it."""

    def __init__(self, app, connect):
        """connect: opens a connection, if it is a Postgres, every CHECK_INTERVAL seconds"""
        self.app, self.file, self.server = app, FileWatch(), ServerWatch(connect)

    def find_version(self):
        """Return a value that is another one after each change, or None if it can't be told."""
        database = self.app.config['DATABASE']
        if not is_postgres(database):
            return self.file.find_version(database)
        try:
            return self.server.find_version(database, self.app.config['CHECK_INTERVAL'])
        except sqlite3.Error as error:
            self.app.logger.warning('No page is kept: %s', error)

    def ask_again(self):
        """Ask a Postgres anew next time, since this process may have changed something."""
        self.server.asked = -math.inf
