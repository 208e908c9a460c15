"""Flaskr: a microblog in one module.

One author, the admin, posts entries; everybody reads them. An entry is a title
and a text. Run `python app.py`, open http://127.0.0.1:5000 and log in as admin
with the password admin. README.md tells how to put it on the internet.

The rooms, in this order: Configuration, Application, Database, Entries, Security,
Views for reading, Views for writing, Views for the account, Error pages, Command
line, Development server.
"""

import hashlib
import hmac
import math
import os
import secrets
import sqlite3
import sys
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import wraps
from urllib.parse import urlsplit

import click
from flask import Flask, abort, flash, g, redirect, render_template, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature, Signer, URLSafeTimedSerializer
from werkzeug.exceptions import HTTPException, ServiceUnavailable
from werkzeug.security import check_password_hash, generate_password_hash

# Configuration ----------------------------------------------------------------

DATABASE = os.environ.get('FLASKR_DATABASE') or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), 'flaskr.db'
)
DATABASE_TIMEOUT = 10  # seconds that a statement waits for another's lock
USERNAME = os.environ.get('FLASKR_USERNAME') or 'admin'
PASSWORD = os.environ.get('FLASKR_PASSWORD') or 'admin'  # plain, or a hash
SECRET_KEY = os.environ.get('FLASKR_SECRET_KEY') or None  # None: the database's own
LOGIN_ATTEMPTS = 10  # failed logins before others have to wait
LOGIN_WINDOW = 180  # seconds that a failed login counts
SESSION_COOKIE_SAMESITE = 'Lax'
MAX_CONTENT_LENGTH = 1024 * 1024  # bytes of a request's body
MAX_FORM_MEMORY_SIZE = MAX_CONTENT_LENGTH  # the same for a form of several parts

# Application ------------------------------------------------------------------

app = Flask(__name__)
app.config.from_object(__name__)

# Database ---------------------------------------------------------------------

SCHEMA_VERSION = 1


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
            "insert into settings (name, value) values ('secret_key', ?)", [secrets.token_hex()]
        )
        db.execute(f'pragma user_version = {SCHEMA_VERSION}')


def connect_db():
    """Open a database that is ready for use: made or upgraded first if need be.

    Nothing begins a transaction unasked: a statement commits by itself, and
    transaction() groups several. The caller closes the connection.
    """
    db = sqlite3.connect(
        app.config['DATABASE'], timeout=app.config['DATABASE_TIMEOUT'], isolation_level=None
    )
    db.row_factory = sqlite3.Row
    try:
        # The journal stays SQLite's own choice, a rollback journal: it keeps the
        # blog one file that can be copied, and WAL can corrupt it before SQLite
        # 3.51.3 (https://sqlite.org/wal.html#walresetbug). EXTRA, unlike the default
        # FULL, syncs the folder too, so that a post survives power loss once
        # acknowledged.
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
    """Give this context's connection."""
    if 'db' not in g:
        g.db = connect_db()
    return g.db


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


# Security ---------------------------------------------------------------------

BROWSER_LIFETIME = 365 * 24 * 60 * 60  # seconds that a known browser stays known

# Even the author's own HTML can bring no script, style, frame or foreign form in;
# pictures may come from anywhere that is encrypted.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' https: data:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def is_same(given, expected):
    """Compare two strings in a time that does not tell where they differ.

    As bytes, since compare_digest() takes only ASCII strings; surrogateescape is
    how os.environ holds bytes that are not UTF-8.
    """
    return hmac.compare_digest(
        given.encode(errors='surrogateescape'), expected.encode(errors='surrogateescape')
    )


def find_setting(name):
    """Give a value that Flaskr keeps for itself, or None."""
    query = 'select value from settings where name = ?'
    row = get_db().execute(query, [name]).fetchone()
    return row and row['value']


def secret_key():
    """Give the key that signs cookies, the same in all workers and after a restart."""
    return app.config['SECRET_KEY'] or find_setting('secret_key')


class SessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookies, with a key that may be in the database."""

    def get_signing_serializer(self, app):
        return URLSafeTimedSerializer(
            secret_key(),
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
            g.session_error = error  # too early for an error page: raised again later
            return None

    def get_cookie_secure(self, app):
        return request.is_secure


app.session_interface = SessionInterface()


def login_proof():
    """Give what a session has to hold to be the author's.

    It changes when the author logs out and when the name or the password
    changes, so that every cookie from before is worth nothing.
    """
    facts = [find_setting('logged_out'), app.config['USERNAME'], app.config['PASSWORD']]
    return Signer(secret_key(), salt='login').get_signature(repr(facts)).decode()


def start_session():
    """Log the author in, in a session that holds nothing from before."""
    session.clear()
    session['login_proof'] = login_proof()


def end_all_sessions():
    """Log the author out of every browser."""
    statement = """
        insert into settings (name, value) values ('logged_out', ?)
        on conflict (name) do update set value = excluded.value
    """
    get_db().execute(statement, [secrets.token_hex()])


@app.before_request
def refuse_other_sites():
    """Refuse with 403 to change anything at the wish of another site's page.

    The rules are those of CrossOriginProtection in Go's net/http: browsers say
    where a request comes from, in Sec-Fetch-Site or else in Origin, and what
    sends neither is no browser. Logging out changes something even by GET.
    """
    if request.method in ('GET', 'HEAD', 'OPTIONS') and request.endpoint != 'logout':
        return
    fetch_site = request.headers.get('Sec-Fetch-Site')
    if fetch_site:
        if fetch_site not in ('same-origin', 'none'):
            abort(403)
        return
    origin = request.headers.get('Origin')
    try:
        if origin and urlsplit(origin).netloc != request.headers.get('Host'):
            abort(403)
    except ValueError:
        abort(403)


@app.before_request
def keep_what_was_typed():
    """Parse the form before anything can fail, for an error page to give it back."""
    g.typed = request.form


@app.before_request
def recognize_author():
    """Find out once a request whether the author sent it."""
    g.logged_in = False
    if request.endpoint == 'static':
        return  # an error page needs its style even when the database is down
    session_error = g.pop('session_error', None)
    if session_error:
        raise session_error
    if 'login_proof' in session:
        g.logged_in = is_same(session['login_proof'], login_proof())


@app.after_request
def add_security_headers(response):
    """Tell browsers to run nothing that is not the blog's own."""
    response.headers['Content-Security-Policy'] = CONTENT_SECURITY_POLICY
    response.headers['X-Content-Type-Options'] = 'nosniff'
    response.headers['Referrer-Policy'] = 'same-origin'
    response.headers.setdefault('Cache-Control', 'no-cache')
    return response


def author_only(view):
    """Refuse everybody but the author with 401."""

    @wraps(view)
    def checked_view(*args, **kwargs):
        if not g.logged_in:
            abort(401)
        return view(*args, **kwargs)

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


def find_login_error(username, password):
    """Say what is wrong with a login, or None.

    Both are always looked at, so that a wrong name takes as long as a wrong password.
    """
    right_username = is_same(username, app.config['USERNAME'])
    right_password = is_password(password)
    if not right_username:
        return 'Invalid username'
    if not right_password:
        return 'Invalid password'
    return None


def find_browser():
    """Give the id of a browser that has logged in before, and '' for all others."""
    cookie = request.cookies.get('known_browser', '')
    try:
        return Signer(secret_key(), salt='known browser').unsign(cookie).decode()
    except BadSignature:
        return ''


def remember_browser(response):
    """Let this browser in again even while others try passwords."""
    browser = find_browser() or secrets.token_hex()
    response.set_cookie(
        'known_browser',
        Signer(secret_key(), salt='known browser').sign(browser).decode(),
        max_age=BROWSER_LIFETIME,
        httponly=True,
        samesite='Lax',
        secure=request.is_secure,
    )


def begin_attempt(browser):
    """Count a login as failed before it is tried, or say that it has to wait.

    Counted first and under the lock, many attempts at once can't slip through.
    Each known browser has a count of its own, and all others share one, so that
    a stranger can't lock the author out.

    Gives the id of the attempt and None, or None and how long to wait, in seconds.
    """
    now = time.time()
    window = app.config['LOGIN_WINDOW']
    with transaction(get_db()) as db:
        db.execute('delete from failed_logins where at <= ?', [now - window])
        query = 'select count(*), min(at) from failed_logins where browser = ?'
        count, oldest = db.execute(query, [browser]).fetchone()
        if count >= app.config['LOGIN_ATTEMPTS']:
            return None, math.ceil(oldest + window - now)
        statement = 'insert into failed_logins (browser, at) values (?, ?)'
        return db.execute(statement, [browser, now]).lastrowid, None


def forget_attempt(attempt):
    """Take an attempt back that has turned out well."""
    get_db().execute('delete from failed_logins where id = ?', [attempt])


# Views for reading --------------------------------------------------------------


@app.route('/')
def index():
    """Show the entries, and to the author the form to add one."""
    return render_template('index.html', entries=find_entries())


# Views for writing --------------------------------------------------------------


@app.route('/add', methods=['POST'])
@author_only
def add_entry():
    """Post an entry."""
    title, text = request.form['title'], request.form['text']
    if title.strip():
        insert_entry(title, text)
        flash('New entry was successfully posted')
        return redirect(url_for('index'))
    error = 'Title is required.'
    return render_template('index.html', entries=find_entries(), error=error), 400


# Views for the account ----------------------------------------------------------


@app.route('/login', methods=['GET', 'POST'])
def login():
    """Log the author in."""
    if app.config['PASSWORD'] == 'admin' and not is_trial():
        return render_template('setup.html'), 403
    error = None
    if request.method == 'POST':
        username, password = request.form['username'], request.form['password']
        attempt, wait = begin_attempt(find_browser())
        if wait:
            error = f'Too many failed logins. Try again in {wait} seconds.'
            page = render_template('login.html', error=error)
            return page, 429, {'Retry-After': wait}
        error = find_login_error(username, password)
        if not error:
            forget_attempt(attempt)
            start_session()
            flash('You were logged in')
            response = redirect(url_for('index'))
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


# Error pages --------------------------------------------------------------------

DATABASE_TROUBLES = {  # part of SQLite's message: what to say
    'locked': 'The database is busy with something else.',
    'readonly': 'The database can only be read, not written.',
    'full': 'The disk is full.',
    'malformed': 'The database is damaged.',
    'not a database': 'The database is damaged.',
}


@app.errorhandler(HTTPException)
def show_error(error):
    """Show an error that HTTP has a status for; the template has the words."""
    response = error.get_response()  # with its headers, such as Allow
    response.data = render_template('error.html', error=error)
    return response


@app.errorhandler(sqlite3.DatabaseError)
def show_database_error(error):
    """Say that the database fails, with 503, and give back what was typed."""
    app.logger.error('The database fails', exc_info=error)
    signs = [sign for sign in DATABASE_TROUBLES if sign in str(error)]
    trouble = DATABASE_TROUBLES[signs[0]] if signs else 'The database cannot be used.'
    return show_error(ServiceUnavailable(trouble, retry_after=10))


# Command line -------------------------------------------------------------------


def init_db_or_exit():
    """Create or upgrade the database, or say in one line why that fails."""
    try:
        init_db()
    except sqlite3.Error as error:
        sys.exit(f'The database {app.config["DATABASE"]} cannot be used: {error}')


@app.cli.command('init-db')
def init_db_command():
    """Create or upgrade the database; what is in it stays."""
    init_db_or_exit()
    click.echo('Initialized the database.')


@app.cli.command('hash-password')
def hash_password_command():
    """Ask for a password and print its hash, for FLASKR_PASSWORD."""
    # The questions go to stderr, so that $(flask hash-password) holds just the hash.
    password = click.prompt('Password', hide_input=True, confirmation_prompt=True, err=True)
    if password == 'admin':
        raise click.ClickException('Everybody knows this one. Take another.')
    click.echo(generate_password_hash(password))


# Development server -------------------------------------------------------------

if __name__ == '__main__':
    init_db_or_exit()
    app.jinja_env.auto_reload = True
    app.run(use_reloader=True)  # and no debugger: it would let others run code
