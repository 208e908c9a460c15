"""A SQLite database as a blog needs it: for its owner only, upgraded, searched, copied."""

import os
import re
import sqlite3
from contextlib import closing, contextmanager


def is_path(database):
    """Say whether this is the path of a file, not something that may have a password in it."""
    return not re.search('://|^postgres(ql)?:|password=', str(database))


def make_file(path):
    """Make a file that only its owner can read, since it will hold a key; say whether it is new."""
    if not is_path(path):
        schemes = 'postgres://, postgresql:// or sqlite:///'
        raise sqlite3.OperationalError(f'DATABASE_URL has to begin with {schemes}')
    try:
        os.close(os.open(os.path.realpath(path), os.O_CREAT | os.O_EXCL, 0o600))
        return True
    except OSError:
        return False  # it is there already, or SQLite says what is wrong


class SqliteConnection(sqlite3.Connection):
    """A connection of sqlite3, with methods for what each engine does in its own way."""

    schema_file = 'schema.sql'

    def __init__(self, path, **settings):
        super().__init__(path, isolation_level=None, **settings)  # a statement commits by itself
        # The journal stays SQLite's own choice, a rollback journal: it keeps the blog
        # one file that can be copied, and WAL can corrupt it before SQLite 3.51.3
        # (https://sqlite.org/wal.html#walresetbug). EXTRA, unlike the default FULL,
        # syncs the folder too, so that a post survives power loss once acknowledged.
        try:
            self.execute('pragma synchronous = extra')
        except sqlite3.Error:  # it is locked for readers too, say
            self.close()
            raise

    @contextmanager
    def transaction(self):
        """Make the statements in a `with` block happen all together or not at all."""
        if self.in_transaction:  # and in one around it, if there is one
            yield
            return
        self.execute('begin immediate')  # or two that read before they write would lock each other
        with self:
            yield

    def find_schema_version(self):
        """Return 0 for an empty database and for one made by the tutorial's app."""
        return self.execute('pragma user_version').fetchone()[0]

    def run_schema(self, schema):
        """Run statements, which empty lines part; executescript() would commit at its start."""
        for table in 'entries', 'drafts':
            self.add_missing_columns(schema, table)
        for statement in schema.split('\n\n'):
            self.execute(statement)

    def add_missing_columns(self, schema, table):
        """Give a table, if it is there, the columns that it has in the schema and lacks."""
        columns = f'select name, type, "notnull", dflt_value from pragma_table_info(\'{table}\')'
        here = {name for name, *_ in self.execute(columns)}
        with closing(sqlite3.connect(':memory:')) as model:
            model.executescript(schema)
            for name, kind, is_required, default in model.execute(columns) if here else ():
                if name not in here:
                    rule = f'not null default {default}' if is_required else ''
                    self.execute(f'alter table {table} add column {name} {kind} {rule}')

    def find_matches(self, words, limit):
        """Return the ids of the newest entries with all the words or longer ones, best first.

        That is, with more of them in the title. bm25() would count all matches for its rank.
        """
        query = """
            select id from (
                select rowid as id,  -- a * before each match in the title tells how many
                    length(highlight(entries_search, 0, '*', '')) - length(title) as rank
                from entries_search where entries_search match ? order by rowid desc limit ?
            ) order by rank desc, id desc
        """
        match = ' '.join(f'"{word}"*' for word in words)
        return [row['id'] for row in self.execute(query, [match, limit])]

    def skip_given_ids(self, table):
        """Never give an id again that was given by hand: SQLite sees to it by itself."""


def copy_database(db, path):
    """Copy a SQLite database to a new file; sqlite3.DatabaseError where it is damaged."""
    with closing(sqlite3.connect(path)) as target:
        db.backup(target)
        trouble = target.execute('pragma quick_check(1)').fetchone()[0]
    if trouble != 'ok':
        raise sqlite3.DatabaseError(f'it is damaged: {trouble}')
