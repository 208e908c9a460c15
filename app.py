"""Flaskr: a microblog in one module.

One author, the admin, posts entries; everybody reads them. An entry is a title
and a text. Run `python app.py`, open http://127.0.0.1:5000 and log in as admin
with the password admin. README.md tells how to put it on the internet.

The rooms, in this order: Configuration, Application, Database, Entries.
"""

import os
import secrets
import sqlite3
from contextlib import contextmanager
from datetime import datetime, timezone

from flask import Flask, g

# Configuration ----------------------------------------------------------------

DATABASE = os.environ.get('FLASKR_DATABASE') or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), 'flaskr.db'
)
DATABASE_TIMEOUT = 10  # seconds that a statement waits for another's lock
USERNAME = os.environ.get('FLASKR_USERNAME') or 'admin'
PASSWORD = os.environ.get('FLASKR_PASSWORD') or 'admin'  # plain, or a hash
SECRET_KEY = os.environ.get('FLASKR_SECRET_KEY') or None  # None: one in the database

# Application ------------------------------------------------------------------

app = Flask(__name__)
app.config.from_object(__name__)

# Database ---------------------------------------------------------------------

SCHEMA_VERSION = 1


def connect_db():
    """Open the database file, and make it if it is missing.

    Nothing begins a transaction unasked: a statement commits by itself, and
    transaction() groups several.
    """
    db = sqlite3.connect(
        app.config['DATABASE'],
        timeout=app.config['DATABASE_TIMEOUT'],
        isolation_level=None,
    )
    db.row_factory = sqlite3.Row
    # The journal stays SQLite's own choice, a rollback journal: it keeps the blog
    # one file that can be copied, and WAL can corrupt it before SQLite 3.51.3
    # (https://sqlite.org/wal.html#walresetbug). EXTRA, unlike the default FULL,
    # syncs the folder too, so that a post survives power loss once acknowledged.
    db.execute('pragma synchronous = extra')
    return db


@contextmanager
def transaction(db):
    """Make the statements in a `with` block happen all together or not at all.

    The lock is taken first: two transactions that both read and then want to
    write would each wait for the other, and one fail with "database is locked".
    """
    db.execute('begin immediate')
    with db:
        yield db


def read_schema():
    """Give the statements of schema.sql one by one.

    Not executescript(): it commits what is under way before it starts.
    """
    statement = ''
    with app.open_resource('schema.sql', 'r') as file:
        for line in file:
            statement += line
            if sqlite3.complete_statement(statement):
                yield statement
                statement = ''


def find_schema_version(db):
    """Give 0 for an empty database and for one made by the tutorial's app."""
    return db.execute('pragma user_version').fetchone()[0]


def upgrade_db(db):
    """Bring the tables to SCHEMA_VERSION, in one transaction, keeping every row."""
    with transaction(db):
        if find_schema_version(db) >= SCHEMA_VERSION:
            return  # another process was first
        for statement in read_schema():
            db.execute(statement)
        columns = [row['name'] for row in db.execute('pragma table_info(entries)')]
        if 'created' not in columns:
            db.execute('alter table entries add column created text')
        db.execute(
            "insert into settings (name, value) values ('secret_key', ?)",
            [secrets.token_hex()],
        )
        db.execute(f'pragma user_version = {SCHEMA_VERSION}')


def get_db():
    """Give this context's connection to a database that is ready for use."""
    if 'db' not in g:
        g.db = connect_db()
        if find_schema_version(g.db) < SCHEMA_VERSION:
            upgrade_db(g.db)
    return g.db


def init_db():
    """Create or upgrade the database now rather than on first use.

    Nothing is ever dropped or emptied, whatever is in the database.
    """
    with app.app_context():
        get_db()


@app.teardown_appcontext
def close_db(error):
    """Close the connection at the end of its context."""
    db = g.pop('db', None)
    if db is not None:
        db.close()


# Entries ----------------------------------------------------------------------


def find_entries():
    """Give all entries, the newest first."""
    query = 'select id, title, text, created from entries order by id desc'
    return get_db().execute(query).fetchall()


def insert_entry(title, text):
    """Store an entry as made now, and give its id."""
    created = datetime.now(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    statement = 'insert into entries (title, text, created) values (?, ?, ?)'
    return get_db().execute(statement, [title, text, created]).lastrowid
