"""Flaskr: a microblog.

One author, the admin, posts entries; everybody reads them. An entry is a title
and a text. Run `python app.py`, open http://127.0.0.1:5000 and log in as admin
with the password admin. README.md tells how to put it on the internet.

The rooms, in this order: Configuration, Application, Database, Entries, Security, Views
for reading, Views for writing, Views for the account, Error pages, Command line, Page
cache, Development server. What doesn't know the blog is in parts/.
"""

import hashlib
import hmac
import math
import os
import pathlib
import re
import secrets
import sqlite3
import sys
import tempfile
import threading
import time
from contextlib import closing, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from functools import wraps

import click
from flask import Flask, abort, flash, g, redirect, render_template, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature, Signer, URLSafeTimedSerializer
from werkzeug.exceptions import (
    BadHost,
    HTTPException,
    NotFound,
    RequestEntityTooLarge,
    ServiceUnavailable,
    TooManyRequests,
)
from werkzeug.security import check_password_hash, generate_password_hash

from parts.jsonfeed import entry_urn, format_time, read_feed, write_feed
from parts.pagecache import PageCache
from parts.postgres import PostgresConnection, take_idle_connection
from parts.texts import FILTERS, drop_nul

# Configuration -----------------------------------------------------------------

DATABASE = os.environ.get('DATABASE_URL', '').removeprefix('sqlite:///') or os.path.join(
    os.path.dirname(__file__), 'flaskr.db'
)  # a path, or the URL of a Postgres database
DATABASE_TIMEOUT = 10  # seconds that a statement waits for another's lock
USERNAME = os.environ.get('FLASKR_USERNAME') or 'admin'
PASSWORD = os.environ.get('FLASKR_PASSWORD') or 'admin'  # plain, or a hash
SECRET_KEY = os.environ.get('FLASKR_SECRET_KEY') or None  # None: the database's own
URL = os.environ.get('FLASKR_URL') or None  # of the blog, for the addresses in an export
LOGIN_ATTEMPTS = 10  # failed logins before others have to wait
LOGIN_WINDOW = 180  # seconds that a failed login counts
SESSION_COOKIE_SAMESITE = 'Lax'
PER_PAGE = 20  # entries
FEED_LENGTH = 50  # entries
SITEMAP_LENGTH = 10_000  # addresses, the newest
SEARCH_LIMIT = 1000  # matches that are ranked, the newest ones
PAGE_CACHE = 2 * 1024 * 1024  # bytes of rendered pages that a worker keeps
CHECK_INTERVAL = 1  # seconds until a worker asks Postgres again whether something changed
MAX_CONTENT_LENGTH = 4 * 1024 * 1024  # bytes of a request's body
MAX_FORM_MEMORY_SIZE = MAX_CONTENT_LENGTH  # bytes of a field

# Application -------------------------------------------------------------------

app = Flask(__name__)
app.config.from_object(__name__)
app.jinja_env.filters.update(FILTERS, urn=entry_urn)


# Made once from the files that are there, so that no request has any file hashed.
STATIC_HASHES = {
    file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:16]
    for file in pathlib.Path(app.static_folder).glob('*')
    if file.is_file()
}


@app.url_defaults
def add_hash(endpoint, values):
    """Give a static file another address when it changes, so that browsers can keep it."""
    is_edited = app.jinja_env.auto_reload  # while somebody works on the blog
    if endpoint == 'static' and values['filename'] in STATIC_HASHES and not is_edited:
        values['v'] = STATIC_HASHES[values['filename']]


@app.before_request
def ignore_dates():
    """Let ETags alone tell what a browser has: Werkzeug fails on a date beyond all years."""
    for name in ('HTTP_RANGE', 'HTTP_IF_RANGE', 'HTTP_IF_MODIFIED_SINCE'):
        request.environ.pop(name, None)


@app.after_request
def cache_static_files(response):
    """Let browsers keep a static file for a year, if it is the one that was asked for."""
    if request.endpoint == 'static' and response.status_code < 400:
        content_hash = STATIC_HASHES.get(request.view_args['filename'])
        if content_hash and request.args.get('v') == content_hash:
            response.headers['Cache-Control'] = 'public, max-age=31536000, immutable'
    return response


# Database ----------------------------------------------------------------------

SCHEMA_VERSION = 5
COARSEST_TIME = 3  # seconds; some file systems count in 2
MAX_ID = 2**63 - 1  # more than SQLite can hold would be an error
MAX_QUERY = 200  # letters of a search
MAX_WORDS = 32  # of a search, and parts of words; each takes SQLite its time

NEW_COLUMNS = {  # of entries, which the tutorial's app or an older Flaskr did not have
    'created': 'text',
    'updated': 'text',
    'deleted': 'text',
    'version': 'integer not null default 1',
    'guid': 'text',
}

TROUBLES = {  # part of the database's message: what to say
    'lock': 'The database is busy with something else.',
    'readonly': 'The database can only be read, not written.',
    'read-only': 'The database can only be read, not written.',
    'full': 'The disk is full.',
    'No space': 'The disk is full.',
    'connection': 'The database cannot be reached.',
    'malformed': 'The database is damaged.',
    'not a database': 'The database is damaged.',
}


def explain_trouble(error):
    """Say in plain words why the database failed."""
    words = [words for part, words in TROUBLES.items() if part in str(error)]
    return words[0] if words else 'The database cannot be used.'


def is_postgres():
    """Say whether the database is Postgres, or else SQLite."""
    return str(app.config['DATABASE']).startswith(('postgres://', 'postgresql://'))


@app.template_global()
def entries_vanish():
    """Say whether this is a dyno of Heroku, whose disk is wiped, without a database."""
    return 'DYNO' in os.environ and not is_postgres()


if entries_vanish():
    app.logger.warning('Entries will vanish! Run: heroku addons:create heroku-postgresql')


def is_path(database):
    """Say whether this is the path of a file, not something that may have a password in it."""
    return not re.search('://|^postgres(ql)?:|password=', str(database))


@contextmanager
def transaction(db):
    """Make the statements in a `with` block happen all together or not at all.

    The lock is taken first. In SQLite two transactions that both read and then want to
    write would each wait for the other, and one fail with "database is locked"; in
    Postgres both would act on what they read.
    """
    if db.in_transaction:
        yield db  # within another transaction, which this becomes a part of
    elif is_postgres():
        with db.transaction():
            db.execute("select pg_advisory_xact_lock(hashtext('flaskr'))")
            yield db
    else:
        db.execute('begin immediate')
        with db:
            yield db


def run_schema(db, name):
    """Run the statements of a schema file, which empty lines part.

    Not by executescript(): it commits what is under way before it starts.
    """
    with app.open_resource(name, 'r') as file:
        for statement in file.read().split('\n\n'):
            db.execute(statement)


def find_schema_version(db):
    """Return 0 for an empty database and for one made by the tutorial's app."""
    if not is_postgres():
        return db.execute('pragma user_version').fetchone()[0]
    if not db.execute("select to_regclass('internals') as name").fetchone()['name']:
        return 0
    return db.execute('select schema_version from internals').fetchone()['schema_version']


def upgrade_sqlite(db):
    columns = [row['name'] for row in db.execute('pragma table_info(entries)')]
    for name, kind in NEW_COLUMNS.items():
        if columns and name not in columns:
            db.execute(f'alter table entries add column {name} {kind}')
    db.execute('drop table if exists entries_search')  # which has no data of its own
    run_schema(db, 'schema.sql')
    db.execute("insert into entries_search (entries_search) values ('rebuild')")
    db.execute("""
        insert into entries_search (entries_search, rowid, title, text)
        select 'delete', id, title, text from entries where deleted is not null
    """)
    values = [secrets.token_hex(), secrets.token_hex()]
    statement = 'insert into internals (id, secret_key, logged_out) values (1, ?, ?)'
    db.execute(f'{statement} on conflict do nothing', values)
    db.execute(f'pragma user_version = {SCHEMA_VERSION}')


def upgrade_postgres(db):
    run_schema(db, 'schema_postgres.sql')
    statement = """
        insert into internals (id, secret_key, logged_out, schema_version) values (1, ?, ?, ?)
        on conflict (id) do update set schema_version = excluded.schema_version
    """
    db.execute(statement, [secrets.token_hex(), secrets.token_hex(), SCHEMA_VERSION])


def upgrade_db(db):
    """Bring the tables to SCHEMA_VERSION, in one transaction, keeping every row."""
    with transaction(db):
        if find_schema_version(db) < SCHEMA_VERSION:  # still, and no other was first
            upgrade_postgres(db) if is_postgres() else upgrade_sqlite(db)


def connect_db():
    """Open a database that is ready for use: made or upgraded first if need be.

    Nothing begins a transaction unasked: a statement commits by itself, and
    transaction() groups several. The caller closes the connection.
    """
    database, timeout = str(app.config['DATABASE']), app.config['DATABASE_TIMEOUT']
    if is_postgres():
        db = take_idle_connection(database)
        if db:
            return db  # which was ready before
        db = PostgresConnection(database, timeout)
    elif not is_path(database):
        schemes = 'postgres://, postgresql:// or sqlite:///'
        raise sqlite3.OperationalError(f'DATABASE_URL has to begin with {schemes}')
    else:
        with suppress(OSError):  # it is there already, or SQLite says what is wrong
            # For its owner only, since it will hold the key that signs cookies.
            os.close(os.open(os.path.realpath(database), os.O_CREAT | os.O_EXCL, 0o600))
            app.logger.warning('%s was not there: it is a new, empty blog', database)
        db = sqlite3.connect(database, timeout=timeout, isolation_level=None)
        db.row_factory = sqlite3.Row
    try:
        if not is_postgres():
            # The journal stays SQLite's own choice, a rollback journal: it keeps the blog
            # one file that can be copied, and WAL can corrupt it before SQLite 3.51.3
            # (https://sqlite.org/wal.html#walresetbug). EXTRA, unlike the default FULL,
            # syncs the folder too, so that a post survives power loss once acknowledged.
            db.execute('pragma synchronous = extra')
        if find_schema_version(db) < SCHEMA_VERSION:
            upgrade_db(db)
    except sqlite3.Error:
        db.close()
        raise
    return db


def init_db():
    """Create or upgrade the database now rather than on first use.

    Nothing is ever dropped or emptied, whatever is in the database.
    """
    connect_db().close()


def get_db():
    """Return this context's connection."""
    if 'db' not in g:
        g.db = connect_db()
    return g.db


@app.teardown_appcontext
def close_db(error):
    """Close this context's connection, if it has one."""
    db = g.pop('db', None)
    if db:
        db.close()


class Watch:
    """Notices cheaply when the database has changed, whoever changed it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.db = self.file = self.process = self.state = None
        self.openings, self.known = 0, (None, None)
        self.asked = -math.inf

    def find_state(self):
        """Return a value that is another one after each change, or None if it can't be told."""
        try:
            return self.ask_postgres() if is_postgres() else self.ask_sqlite()
        except sqlite3.Error as error:
            if 'locked' not in str(error):  # as it is for a moment with each post
                app.logger.warning('No page is kept: %s', error)
            return None

    def ask_again(self):
        """Ask again next time, since this process itself may have changed something."""
        self.asked = -math.inf

    def ask_sqlite(self):
        """Ask for what counts the changes that are not made on the same connection.

        So that connection never writes, and all threads share it: another counts anew.
        Nothing is asked while the file keeps its times, if those were old when it was asked
        last: who has written to it since would have given it others.
        See https://sqlite.org/pragma.html#pragma_data_version
        """
        path = app.config['DATABASE']
        try:
            status = os.stat(path)
        except OSError:
            return None  # there is no file yet
        file = str(path), status.st_dev, status.st_ino
        times = status.st_mtime_ns, status.st_ctime_ns
        known, state = self.known
        if known == (file, times):
            return state
        with self.lock:
            if file != self.file or self.process != os.getpid():
                if self.db:
                    self.db.close()
                self.db = sqlite3.connect(path, timeout=0, check_same_thread=False)
                self.file, self.process = file, os.getpid()
                self.openings += 1
            changes = self.db.execute('pragma data_version').fetchone()[0]
            # The times tell a file that was copied over this one and counts to the same number.
            state = self.openings, times, changes
            is_past = max(times) < (time.time() - COARSEST_TIME) * 1e9
            self.known = (file, times) if is_past else None, state
            return state

    def ask_postgres(self):
        """Ask every CHECK_INTERVAL seconds for what a trigger keeps in schema_postgres.sql."""
        now = time.monotonic()
        if now - self.asked >= app.config['CHECK_INTERVAL']:
            self.asked, self.state = now, None  # until there is an answer, which may take long
            with closing(connect_db()) as db:
                row = db.execute('select last_change from changes').fetchone()
                if row is None:
                    raise sqlite3.OperationalError('the table changes has lost its row')
            if self.asked == now:  # a late answer must not take the place of a newer one
                self.state = app.config['DATABASE'], row['last_change']
        return self.state


watch = Watch()


def find_matches(words):
    """Return the ids of the entries that have all the words or longer ones, best first.

    The more of them a title has the better, and then the newer. The best are found among
    the newest SEARCH_LIMIT matches, so that a word that is everywhere costs no more; a
    rank that weighs how common each word is, as bm25() does, would count all matches.
    """
    limit = app.config['SEARCH_LIMIT']
    if is_postgres():
        query = 'select flaskr_search(?, ?) as ids'
        return get_db().execute(query, [' '.join(words), limit]).fetchone()['ids']
    match = ' '.join(f'"{word}"*' for word in words)
    query = """
        select id from (
            select rowid as id,  -- a * before each match in the title tells how many
                length(highlight(entries_search, 0, '*', '')) - length(title) as rank
            from entries_search
            where entries_search match ? order by rowid desc limit ?
        ) order by rank desc, id desc
    """
    return [row['id'] for row in get_db().execute(query, [match, limit])]


def lock_entries(db):
    """Let nobody store an entry until the end of the transaction; reading goes on."""
    if is_postgres():  # in SQLite the transaction does so by itself
        db.execute('lock table entries in share row exclusive mode')


def skip_given_ids(db):
    """Make sure that ids which were given to entries by hand are not given again."""
    if is_postgres():  # SQLite sees to it by itself
        db.execute(
            """
            select setval(pg_get_serial_sequence('entries', 'id'), greatest(
                (select max(id) from entries), nextval(pg_get_serial_sequence('entries', 'id'))
            ))
            """
        )


# Entries -----------------------------------------------------------------------


SELECT_ENTRIES = """
    select id, title, text, created, updated, deleted, version, guid,
        coalesce(updated, created, '1970-01-01T00:00:00Z') as changed
    from entries
"""
ROWS_AT_ONCE = 100  # of an export; a text may be as large as a megabyte
IMPORT_PAUSE = 0.15  # seconds; SQLite asks every 0.1 whether a lock is free
IN_TRASH = {False: 'deleted is null', True: 'deleted is not null'}


@app.template_global()
def new_key():
    """Return a key for the form of a new entry, which becomes the entry's guid."""
    return secrets.token_hex(8)


def utc_now():
    """Return the time as entries keep it."""
    return format_time(datetime.now(UTC))


class NoSuchEntry(NotFound):
    """Becomes a page with the status 404."""


def find_entry(entry_id, trashed=False):
    """Return an entry; NoSuchEntry where there is none."""
    if entry_id > MAX_ID:
        raise NoSuchEntry
    query = f'{SELECT_ENTRIES} where id = ? and {IN_TRASH[trashed]}'
    entry = get_db().execute(query, [entry_id]).fetchone()
    if not entry:
        raise NoSuchEntry
    return entry


def find_page(before=None, after=None, trashed=False):
    """Return a page of entries, newest first, and the ids that its neighbours start from.

    It is the page before or after an id, else the first one. No entry is skipped by
    counting, so every page costs the same, and a new entry does not shift the others.

    Returns a dict of entries, newer and older; an id is None where there is no such page.
    """
    size = app.config['PER_PAGE']
    query = f'{SELECT_ENTRIES} where {IN_TRASH[trashed]} and id'
    if after is not None:
        rows = get_db().execute(f'{query} > ? order by id limit ?', [after, size + 1]).fetchall()
        if len(rows) <= size:
            return find_page(trashed=trashed)
        entries = rows[size - 1 :: -1]
        return {'entries': entries, 'newer': entries[0]['id'], 'older': entries[-1]['id']}
    start = MAX_ID if before is None else before
    rows = get_db().execute(f'{query} < ? order by id desc limit ?', [start, size + 1]).fetchall()
    entries = rows[:size]
    newer = entries[0]['id'] if entries and before is not None else None
    older = entries[-1]['id'] if len(rows) > size else None
    return {'entries': entries, 'newer': newer, 'older': older}


def find_addresses(limit):
    """Return the newest ids and when their entries changed, without the entries."""
    query = """
        select id, coalesce(updated, created) as changed from entries
        where deleted is null order by id desc limit ?
    """
    return get_db().execute(query, [limit]).fetchall()


def find_newest(limit):
    """Return the newest entries, newest first."""
    query = f'{SELECT_ENTRIES} where deleted is null order by id desc limit ?'
    return get_db().execute(query, [limit]).fetchall()


def split_words(query):
    """Return the words of a query as they are typed, as many as a search takes."""
    query = drop_nul(query).replace('"', ' ')[:MAX_QUERY]
    start = re.match(rf'([\W_]*[^\W_]+){{0,{MAX_WORDS}}}', query)[0]
    return tuple(word for word in start.split() if re.search(r'[^\W_]', word))


def search_entries(words, before=None, after=None):
    """Return a page of the entries that have all the words or longer ones, best first.

    Returns what find_page() returns.
    """
    ids = find_matches(words)
    size = app.config['PER_PAGE']
    if after in ids:
        start = max(ids.index(after) - size, 0)
    else:
        start = ids.index(before) + 1 if before in ids else 0
    page = ids[start : start + size]
    marks = ', '.join('?' * len(page)) or 'null'
    query = f'{SELECT_ENTRIES} where id in ({marks}) and deleted is null'
    entries = sorted(get_db().execute(query, page), key=lambda entry: page.index(entry['id']))
    newer = page[0] if page and start > 0 else None
    older = page[-1] if len(ids) > start + size else None
    return {'entries': entries, 'newer': newer, 'older': older}


def find_known(guids, ids):
    """Return the entries that have one of these guids or ids."""
    query = f"""
        {SELECT_ENTRIES} where guid in ({', '.join('?' * len(guids)) or 'null'})
        union all {SELECT_ENTRIES} where id in ({', '.join('?' * len(ids)) or 'null'})
    """
    return get_db().execute(query, [*guids, *ids]).fetchall()


def insert_entry(title, text, guid=None):
    """Store an entry as made now.

    A second one with the same guid is the same post sent again, as browsers do when the
    answer was lost: it is not stored.
    """
    statement = """
        insert into entries (title, text, created, guid) values (?, ?, ?, ?)
        on conflict do nothing
    """
    guid = drop_nul(guid or '')[:100] or None
    values = [drop_nul(title), drop_nul(text), utc_now(), guid]
    if get_db().execute(statement, values).rowcount == 0:
        (first,) = find_known([guid], [])
        if [first['title'], first['text'], first['deleted']] != [*values[:2], None]:
            insert_entry(title, text)  # not the same after all


def update_entry(entry_id, title, text, version):
    """Save an edit, unless the entry was saved after the version that was edited.

    Without a version it is saved in any case. Says whether it was.
    """
    statement = """
        update entries set title = ?, text = ?, updated = ?, version = version + 1
        where id = ? and deleted is null and version = coalesce(?, version)
    """
    values = [drop_nul(title), drop_nul(text), utc_now(), entry_id, version]
    return get_db().execute(statement, values).rowcount == 1


def read_all_entries():
    """Yield every entry, the trash too, from the lowest id on.

    In pages, so that neither the memory has to hold them all nor a lock to be kept.
    """
    query = f'{SELECT_ENTRIES} where id > ? order by id limit ?'
    last_id = -1
    while rows := get_db().execute(query, [last_id, ROWS_AT_ONCE]).fetchall():
        yield from rows
        last_id = rows[-1]['id']


def split_in_parts(entries):
    """Yield the entries in parts, each of which is stored in a fraction of a second."""
    part, weight = [], 0
    for entry in entries:
        part.append(entry)
        weight += 1000 + len(entry['title']) + len(entry['text'])
        if weight >= 1_000_000:
            yield part
            part, weight = [], 0
    if part:
        yield part


def import_part(part, new_ids):
    """Store the entries of a part that are not here already; return how many.

    With new_ids all get new ids. Without, those keep theirs, and where an id is missing or
    taken it becomes None, and the entry waits for a call with new_ids.
    """
    columns = ['title', 'text', 'created', 'updated', 'deleted', 'version', 'guid']
    if not new_ids:
        columns = ['id', *columns]
    by_guid = {entry['guid']: entry for entry in part}
    with transaction(get_db()) as db:
        lock_entries(db)
        here = find_known(list(by_guid), [entry['id'] for entry in part if entry['id']])
        known = {entry['guid'] or entry_urn(entry) for entry in here}
        taken = {entry['id'] for entry in here}
        rows = []
        for guid, entry in by_guid.items():
            if guid in known:
                continue
            if entry['id'] in taken:
                entry['id'] = None
            taken.add(entry['id'])
            if guid == entry_urn(entry):
                entry['guid'] = None  # which is found by its id
            if entry['id'] or new_ids:
                rows.append([entry[name] for name in columns])
        marks = ', '.join('?' * len(columns))
        db.executemany(f'insert into entries ({", ".join(columns)}) values ({marks})', rows)
        skip_given_ids(db)
    return len(rows)


def import_entries(entries):
    """Store the entries that are not here already, in parts.

    Yields for each part how many entries are done with, and how many of them were stored.

    Each is a dict of columns with a guid that says which it is. It keeps its id if that
    is free. The others get new ids at the end, from the oldest on. Into an empty blog all
    come in one transaction; in another each part has its own, and others get in between.
    """
    db = get_db()
    is_empty = not db.execute('select id from entries limit 1').fetchone()
    with transaction(db) if is_empty else nullcontext():
        for new_ids in False, True:
            queue = [entry for entry in entries if bool(entry['id']) != new_ids]
            if new_ids:
                queue.sort(key=lambda entry: entry['created'] or '')
            else:  # the highest first, so that none is given to a post that comes between
                queue.sort(key=lambda entry: entry['id'], reverse=True)
            for part in split_in_parts(queue):
                stored = import_part(part, new_ids)
                yield sum(1 for entry in part if entry['id'] or new_ids), stored
                if stored and not is_empty:
                    time.sleep(IMPORT_PAUSE)


def move_entry(entry_id, deleted):
    """Move an entry to the trash, at a time, or out of it with None; all else stays."""
    get_db().execute('update entries set deleted = ? where id = ?', [deleted, entry_id])


def erase_entry(entry_id):
    """Delete an entry that is in the trash, forever."""
    statement = 'delete from entries where id = ? and deleted is not null'
    get_db().execute(statement, [entry_id])


# Security ----------------------------------------------------------------------

BROWSER_LIFETIME = 365 * 24 * 60 * 60  # seconds that a known browser stays known

# No script, style, frame or foreign form, whatever gets past the sanitiser; pictures,
# sound and film may come from anywhere that is encrypted.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' https: data:; media-src 'self' https:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def is_same(given, expected):
    """Compare two strings in a time that does not tell where they differ.

    As bytes, since compare_digest() takes only ASCII strings; surrogateescape is
    how os.environ holds bytes that are not UTF-8.
    """
    return hmac.compare_digest(given.encode(), expected.encode(errors='surrogateescape'))


def find_internals():
    """Return the one row of what Flaskr keeps for itself.

    Asked for once a request: the cookie of an error page is signed after the database
    has failed.
    """
    if 'internals' not in g:
        query = 'select secret_key, logged_out from internals'
        g.internals = get_db().execute(query).fetchone()
    return g.internals


def secret_key():
    """Return the key that signs cookies, the same in all workers and after a restart."""
    return app.config['SECRET_KEY'] or find_internals()['secret_key']


def session_key():
    """Return the key that signs sessions, which makes the author's his.

    It is another one after each logout and for another name or password, so that no
    cookie from before verifies.
    """
    owner = [find_internals()['logged_out'], app.config['USERNAME'], app.config['PASSWORD']]
    return repr([secret_key(), *owner])


class SessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookies, with a key that is partly in the database."""

    def get_signing_serializer(self, app):
        return URLSafeTimedSerializer(
            session_key(),
            salt=self.salt,
            serializer=self.serializer,
            signer_kwargs={'key_derivation': 'hmac', 'digest_method': hashlib.sha256},
        )

    def open_session(self, app, request):
        if self.get_cookie_name(app) not in request.cookies:
            return self.session_class()  # a reader, who needs no key
        try:
            return super().open_session(app, request)
        except sqlite3.DatabaseError as error:
            # Flask has not got to the error handlers yet: recognize_author() raises it.
            g.session_error = error
            return None

    def get_cookie_secure(self, app):
        return request.is_secure


app.session_interface = SessionInterface()


def end_all_sessions():
    """Log the author out of every browser."""
    get_db().execute('update internals set logged_out = ?', [secrets.token_hex()])
    g.pop('internals', None)  # which are not what they were


@app.before_request
def refuse_odd_addresses():
    """Refuse with 400 what no browser sends: a Host or a query that makes no sense."""
    if isinstance(request.routing_exception, BadHost) or not request.host:
        return BadHost().get_response()  # no page, since that needs addresses
    try:
        request.query_string.decode()  # as Werkzeug will, which catches nothing
    except UnicodeDecodeError:
        abort(400)


@app.before_request
def refuse_other_sites():
    """Refuse with 403 to change anything at the wish of another site's page.

    The rules are those of CrossOriginProtection in Go's net/http: browsers say
    where a request comes from, in Sec-Fetch-Site or else in Origin, and what
    sends neither is no browser. Logging out changes something even by GET.
    """
    if request.endpoint == 'logout':
        if request.headers.get('Sec-Fetch-Dest', 'document') != 'document':
            abort(403)  # a picture in an entry, say, asks for it
    elif request.method in ('GET', 'HEAD', 'OPTIONS'):
        return
    fetch_site, origin = request.headers.get('Sec-Fetch-Site'), request.headers.get('Origin')
    if fetch_site:
        allowed = fetch_site in ('same-origin', 'none')
    else:
        host = request.headers.get('Host')
        allowed = not origin or origin in (f'http://{host}', f'https://{host}')
    if not allowed:
        abort(403)


@app.before_request
def read_form():
    """Parse the form before anything can fail, for an error page to give it back.

    Not before refuse_other_sites(), or another site could fill the form in.
    """
    # Behind gunicorn Werkzeug takes what has come for the whole body, even if it is
    # half of a post that was cut off (400), or the first megabytes of a longer one
    # that doesn't tell its length (413).
    if request.content_length is not None:
        request.environ.pop('wsgi.input_terminated', None)
    try:
        body = request.get_data()
        request.stream.read(1)
        if request.mimetype == 'application/x-www-form-urlencoded' and body.count(b'&') > 100:
            abort(400)  # no form has so many fields, and a million would fill the memory
        g.typed = request.form if request.method == 'POST' else {}  # or all could be shown it
    except RequestEntityTooLarge:
        # Read on for a while: who can't send it all would not look at an answer.
        with suppress(Exception):
            for _ in range(16):
                request.environ['wsgi.input'].read(1024 * 1024)
        raise
    except HTTPException:
        raise
    except Exception:  # the server's own: the body breaks the rules of HTTP
        abort(400)


@app.before_request
def recognize_author():
    """Find out once a request whether the author sent it."""
    if request.endpoint == 'static':
        return  # an error page needs its style even when the database is down
    session_error = g.pop('session_error', None)
    if session_error:
        raise session_error
    g.logged_in = 'logged_in' in session


@app.after_request
def add_security_headers(response):
    """Tell browsers to run nothing that is not the blog's own."""
    response.headers['Content-Security-Policy'] = CONTENT_SECURITY_POLICY
    response.headers['X-Content-Type-Options'] = 'nosniff'
    response.headers['Referrer-Policy'] = 'same-origin'
    if request.is_secure:
        response.headers['Strict-Transport-Security'] = 'max-age=31536000'  # seconds
    response.headers.setdefault('Cache-Control', 'no-cache')
    response.vary.add('Accept-Encoding')  # which decides about compression, in the page cache
    return response


def author_only(view):
    """Let nobody but the author in: others are led to the login, and posts get 401."""

    @wraps(view)
    def checked_view(*args, **kwargs):
        if g.logged_in:
            return view(*args, **kwargs)
        if request.method == 'POST':
            abort(401)
        position = {name: request.args.get(name) for name in ('before', 'after')}
        session['asked_for'] = url_for(request.endpoint, **request.view_args, **position)
        return redirect(url_for('login'))

    return checked_view


def is_trial():
    """Say whether Flaskr is only tried out: by `python app.py`, or in a test."""
    return __name__ == '__main__' or app.testing


def is_password(given):
    """Say whether this is the author's password."""
    expected = app.config['PASSWORD']
    if given == 'admin' and not is_trial():
        return False
    if expected.startswith(('scrypt:', 'pbkdf2:')):
        return check_password_hash(expected, given)
    return is_same(given, expected)


def known_browser():
    """Return the id of a browser that has logged in before, and '' for all others."""
    cookie = request.cookies.get('known_browser', '')
    try:
        return Signer(secret_key(), salt='known browser').unsign(cookie).decode()
    except BadSignature:
        return ''


def remember_browser(response):
    """Let this browser in again even while others try passwords."""
    browser = known_browser() or secrets.token_hex()
    response.set_cookie(
        'known_browser',
        Signer(secret_key(), salt='known browser').sign(browser).decode(),
        max_age=BROWSER_LIFETIME,
        httponly=True,
        samesite='Lax',
        secure=request.is_secure,
    )


def try_login(username, password):
    """Say what is wrong with a login, or None; abort with 429 after too many.

    Each known browser has a count of its own and all others share one, so that a
    stranger can't lock the author out. The lock is held from counting to counting
    up, so that many attempts at once can't slip through.
    """
    now, window = time.time(), app.config['LOGIN_WINDOW']
    browser = known_browser()
    with transaction(get_db()) as db:
        db.execute('delete from failed_logins where at <= ?', [now - window])
        query = 'select count(*) as count, min(at) as oldest from failed_logins where browser = ?'
        failed = db.execute(query, [browser]).fetchone()
        if failed['count'] >= app.config['LOGIN_ATTEMPTS']:
            raise TooManyRequests(retry_after=math.ceil(failed['oldest'] + window - now))
        error = None if is_password(password) else 'Invalid password'
        if not is_same(username, app.config['USERNAME']):  # after as long a time
            error = 'Invalid username'
        if error:
            statement = 'insert into failed_logins (browser, at) values (?, ?)'
            db.execute(statement, [browser, now])
    return error


# Views for reading -------------------------------------------------------------


def read_number(values, name, status):
    """Return a number from a form or an address, or None; abort where it is none."""
    value = values.get(name)
    if value is None:
        return None
    return int(value) if re.fullmatch('[0-9]{1,18}', value) else abort(status)


def read_position():
    """Return from which entries the address asks a page to start."""
    return {name: read_number(request.args, name, 404) for name in ('before', 'after')}


@app.route('/')
def index():
    """Show a page of entries, and to the author the form to add one."""
    return render_template('index.html', **find_page(**read_position()))


@app.route('/entry/<int:entry_id>')
def show_entry(entry_id):
    """Show one entry."""
    return render_template('entry.html', entry=find_entry(entry_id))


@app.route('/search')
def search():
    """Show the entries that have all the words, best first."""
    words = split_words(request.args.get('q', ''))
    page = search_entries(words, **read_position()) if words else {}
    return render_template('search.html', words=words, **page)


@app.route('/feed.xml')
def feed():
    """Return the newest entries as an Atom feed (RFC 4287)."""
    page = render_template('feed.xml', entries=find_newest(app.config['FEED_LENGTH']))
    return app.response_class(page, mimetype='application/atom+xml')


@app.route('/robots.txt')
def robots():
    """Tell crawlers where the sitemap is (RFC 9309)."""
    return app.response_class(render_template('robots.txt'), mimetype='text/plain')


@app.route('/sitemap.xml')
def sitemap():
    """List the index and the newest entries for crawlers, as sitemaps.org has it."""
    entries = find_addresses(app.config['SITEMAP_LENGTH'] - 1)
    page = render_template('sitemap.xml', entries=entries)
    return app.response_class(page, mimetype='application/xml')


# Views for writing -------------------------------------------------------------

TITLE_REQUIRED = 'Title is required.'
SAVED_MEANWHILE = (
    'This entry was saved from somewhere else meanwhile. '
    'Both texts are below: put together what you want to keep, and save again.'
)


@app.route('/add', methods=['POST'])
@author_only
def add_entry():
    """Post an entry."""
    title, text = request.form['title'], request.form['text']
    if not title.strip():
        return render_template('index.html', error=TITLE_REQUIRED, **find_page()), 400
    insert_entry(title, text, request.form.get('key'))
    flash('New entry was successfully posted')
    return redirect(url_for('index'))


@app.route('/edit/<int:entry_id>', methods=['GET', 'POST'])
@author_only
def edit_entry(entry_id):
    """Edit an entry, but not over a save that came after the version that was edited."""
    entry = find_entry(entry_id)
    typed, error, status = entry, None, 200
    if request.method == 'POST':
        typed = request.form
        title, text = typed['title'], typed['text']
        version = read_number(typed, 'version', 400)
        if not title.strip():
            error, status = TITLE_REQUIRED, 400
        elif (title, text) == (entry['title'], entry['text']) or update_entry(
            entry_id, title, text, version
        ):
            flash('The entry was saved')
            return redirect(url_for('show_entry', entry_id=entry_id))
        else:
            entry, error, status = find_entry(entry_id), SAVED_MEANWHILE, 409
    form = {'entry': entry, 'typed': typed, 'error': error, 'conflict': status == 409}
    return render_template('edit.html', **form), status


def quote(title):
    """Return a title for a message, which has to fit into a cookie."""
    return f'“{title[:100]}{"…" if len(title) > 100 else ""}”'


@app.route('/delete/<int:entry_id>', methods=['POST'])
@author_only
def delete_entry(entry_id):
    """Move an entry to the trash."""
    title = find_entry(entry_id)['title']
    move_entry(entry_id, deleted=utc_now())
    flash(f'{quote(title)} is in the trash', entry_id)  # for Undo
    return redirect(url_for('index'))


@app.route('/restore/<int:entry_id>', methods=['POST'])
@author_only
def restore_entry(entry_id):
    """Bring an entry back from the trash."""
    title = find_entry(entry_id, trashed=True)['title']
    move_entry(entry_id, deleted=None)
    flash(f'{quote(title)} is back')
    return redirect(url_for('show_entry', entry_id=entry_id))


@app.route('/trash')
@author_only
def trash():
    """Show a page of what is in the trash."""
    return render_template('trash.html', **find_page(trashed=True, **read_position()))


@app.route('/purge/<int:entry_id>', methods=['POST'])
@author_only
def purge_entry(entry_id):
    """Delete an entry that is in the trash, forever."""
    title = find_entry(entry_id, trashed=True)['title']
    erase_entry(entry_id)
    flash(f'{quote(title)} is deleted forever')
    return redirect(url_for('trash'))


# Views for the account ---------------------------------------------------------


@app.route('/login', methods=['GET', 'POST'])
def login():
    """Log the author in."""
    if app.config['PASSWORD'] == 'admin' and not is_trial():
        return render_template('setup.html'), 403
    error = None
    if request.method == 'POST':
        error = try_login(request.form['username'], request.form['password'])
        if not error:
            page = session.get('asked_for') or url_for('index')
            session.clear()
            session.permanent = True  # for PERMANENT_SESSION_LIFETIME, whatever is closed
            session['logged_in'] = True
            flash('You were logged in')
            response = redirect(page)
            remember_browser(response)
            return response
    return render_template('login.html', error=error)


@app.route('/logout')
def logout():
    """Log the author out, in every browser."""
    if g.logged_in:
        end_all_sessions()
    session.clear()
    flash('You were logged out')
    return redirect(url_for('index'))


# Error pages -------------------------------------------------------------------

ERRORS = {
    400: ('Part of the form is missing or wrong', 'Go back, fill in the form and try again.'),
    401: ('You are not logged in', 'Come back to this page when you have logged in.'),
    403: ('This came from another site', 'If you meant to do it, do it from a page of this blog.'),
    404: ('There is no such page', 'It may have moved, or the address has a mistake.'),
    405: ('This page cannot do that', 'Go to the start page and try from there.'),
    413: (
        'That is too much at once',
        'At most four megabytes can be sent: 4 million Latin letters without accents, 650,000 '
        'of most other alphabets, or 450,000 Chinese ones. Make it shorter, or post it in parts.',
    ),
    429: ('Too many failed logins', 'Somebody has typed wrong names or passwords.'),
    500: ('Something broke', 'The mistake is in Flaskr, and the log of the server tells more.'),
    503: ('The blog is out of order', 'Nothing was stored. Please try again later.'),
}


@app.errorhandler(HTTPException)
def show_error(error):
    """Show an error that HTTP has a status for; give back what was typed."""
    if isinstance(getattr(error, 'original_exception', None), sqlite3.DatabaseError):
        return show_database_error(error.original_exception)  # as when a cookie was signed
    heading, advice = ERRORS.get(error.code, (error.name, error.description))
    if isinstance(error, NoSuchEntry):
        heading, advice = 'There is no such entry', 'It was deleted, or there never was one.'
    if error.code == 429:
        advice = f'{advice} Try again in {error.retry_after} seconds.'
    elif error.code == 503:
        advice = f'{error.description} {advice}'
    response = error.get_response()  # with its headers, such as Allow and Retry-After
    page = render_template('error.html', heading=heading, advice=advice, status=error.code)
    response.data = page
    return response


@app.errorhandler(sqlite3.DatabaseError)
def show_database_error(error):
    """Show with 503 that the database fails; the log has the details."""
    app.logger.error('The database fails', exc_info=error)
    return show_error(ServiceUnavailable(explain_trouble(error), retry_after=10))


# Command line ------------------------------------------------------------------


def sync_folder(path):
    """Make sure that what was renamed in a folder survives the loss of power."""
    folder = os.open(path, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)


@contextmanager
def new_file(path):
    """Yield the path of a new file that becomes `path` when it is complete and on disk.

    Only its owner can read it, and no other file is overwritten.
    """
    folder, name = os.path.split(os.path.abspath(path))
    with tempfile.TemporaryDirectory(dir=folder, prefix=f'{name}.') as temporary:
        new_path = os.path.join(temporary, name)  # beside which SQLite may put its journal
        file = os.open(new_path, os.O_CREAT | os.O_EXCL, 0o600)
        try:
            yield new_path
            os.fsync(file)
            os.link(new_path, path)
            sync_folder(folder)
        finally:
            os.close(file)


@contextmanager
def plain_errors(file=None):
    """Say in one line why something fails, with exit status 1.

    file: what is read or written, or None for stdout
    """
    try:
        yield
    except sqlite3.Error as error:
        database = app.config['DATABASE']
        name = database if is_path(database) else 'of DATABASE_URL'
        sys.exit(f'The database {name} cannot be used: {error}')
    except OSError as error:
        sys.exit(f'{file or "stdout"}: {error.strerror}')


def require_blog():
    """Exit where the path leads to no blog, rather than take a new one for the author's."""
    database = app.config['DATABASE']
    if is_path(database) and not os.path.exists(database):
        sys.exit(f'{database}: there is no blog here')


@app.cli.command('init-db')
def init_db_command():
    """Create or upgrade the database; what is in it stays."""
    with plain_errors():
        init_db()
    click.echo('Initialized the database.')


@app.cli.command('hash-password')
def hash_password_command():
    """Ask for a password and print its hash, for FLASKR_PASSWORD."""
    # The questions go to stderr, so that $(flask hash-password) holds just the hash.
    password = click.prompt('Password', hide_input=True, confirmation_prompt=True, err=True)
    if password == 'admin':
        raise click.ClickException('Everybody knows this one. Take another.')
    click.echo(generate_password_hash(password))


@app.cli.command('backup')
@click.argument('file')
def backup_command(file):
    """Copy a SQLite blog to FILE while it is in use."""
    if is_postgres():
        sys.exit('This blog is on Postgres: use pg_dump, or flask export.')
    require_blog()
    with (
        plain_errors(file),
        closing(connect_db()) as source,
        new_file(file) as path,
        closing(sqlite3.connect(path)) as target,
    ):
        database = app.config['DATABASE']
        try:
            source.backup(target)
            trouble = target.execute('pragma quick_check(1)').fetchone()[0]
        except sqlite3.Error as error:
            sys.exit(f'{database} could not be copied to {file}: {error}')
        if trouble != 'ok':
            sys.exit(f'{database} is damaged, so it was not copied to {file}: {trouble}')


def find_url(entry):
    """Return the address of an entry, or None where that of the blog is not known."""
    is_known = app.config['URL'] is not None
    return url_for('show_entry', entry_id=entry['id'], _external=True) if is_known else None


@app.cli.command('export')
@click.argument('file', required=False)
def export_command(file):
    """Write everything as a JSON Feed to FILE or to stdout."""
    require_blog()
    url = app.config['URL']
    if url and not re.fullmatch(r'https?://[\w.:\[\]-]+(/[^?#\s]*)?', url):
        sys.exit(f'FLASKR_URL has to be an address such as https://example.org, not {url}')
    with plain_errors(file), app.test_request_context(base_url=url):  # for url_for()
        if file is None:
            stream = click.get_text_stream('stdout', encoding='utf-8')
            write_feed(stream, read_all_entries(), find_url)
        else:
            with new_file(file) as path, open(path, 'w', encoding='utf-8') as stream:
                write_feed(stream, read_all_entries(), find_url)


@app.cli.command('import')
@click.argument('file')
def import_command(file):
    """Read a JSON Feed from FILE; doing it twice is no harm."""
    with plain_errors(file):
        try:
            entries = read_feed(file)
        except ValueError as error:
            sys.exit(f'{file}: {error}')
        imported = 0
        with click.progressbar(
            length=len(entries), file=sys.stderr, hidden=not sys.stderr.isatty()
        ) as progress:
            try:
                for size, stored in import_entries(entries):
                    progress.update(size)
                    imported += stored
            except (sqlite3.Error, KeyboardInterrupt):
                if imported:
                    again = 'The import stopped. Try again: what is here already stays as it is.'
                    click.echo(again, err=True)
                raise
    click.echo(f'Imported {imported} entries; {len(entries) - imported} were here already.')


# Page cache --------------------------------------------------------------------

app.wsgi_app = PageCache(app.wsgi_app, app.config, watch, is_off=lambda: app.jinja_env.auto_reload)

# Development server ------------------------------------------------------------

if __name__ == '__main__':
    with plain_errors():
        init_db()
    app.jinja_env.auto_reload = True
    app.run(use_reloader=True, use_debugger=False)  # a debugger would let others run code
