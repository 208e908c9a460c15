"""Flaskr: a microblog.

One author, the admin, posts entries; everybody reads them. An entry is a title
and a text. Run `python app.py`, open http://127.0.0.1:5000 and log in as admin
with the password admin. README.md tells how to put it on the internet.

The rooms, in this order: Configuration, Application, Database, Entries, Author, Views
for reading, Views for writing, Views for the account, Error pages, Command line, Page
cache, Development server. What it is made with is in parts/.
"""

import os
import re
import sqlite3
import sys
import time
from contextlib import closing
from functools import wraps
from secrets import token_hex

from flask import Flask, abort, flash, g, redirect, render_template, request, session, url_for
from markupsafe import Markup
from werkzeug.exceptions import HTTPException, NotFound, ServiceUnavailable

from parts.author import Author
from parts.commands import add_commands, plain_errors
from parts.databases import Watch, explain_trouble, is_postgres
from parts.guards import guard
from parts.jsonfeed import entry_urn
from parts.moving import marks
from parts.pagecache import PageCache
from parts.sqlite import SqliteConnection, make_file
from parts.staticfiles import keep_static_files
from parts.texts import FILTERS, drop_nul, split_words

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
PAGE_AGE = 1  # seconds that a page is kept on Postgres; 0: none. On SQLite until a change
MAX_CONTENT_LENGTH = 4 * 1024 * 1024  # bytes of a request's body
MAX_FORM_MEMORY_SIZE = MAX_CONTENT_LENGTH  # bytes of a field

# Application -------------------------------------------------------------------

app = Flask(__name__)
app.config.from_object(__name__)
app.jinja_env.filters.update(FILTERS, urn=entry_urn)
app.jinja_env.globals['new_key'] = token_hex  # for the form of a new entry
keep_static_files(app)
guard(app, changing_pages={'logout'})

# Database ----------------------------------------------------------------------

SCHEMA_VERSION = 6  # of schema.sql: a higher one for each change of it


def connect_db():
    """Open the database. A statement commits by itself; db.transaction() groups several."""
    database, timeout = app.config['DATABASE'], app.config['DATABASE_TIMEOUT']
    if is_postgres(database):
        from parts.postgres import connect_postgres  # here, since psycopg takes long to load

        return connect_postgres(database, timeout)
    if make_file(database):
        app.logger.warning('%s was not there: it is a new, empty blog', database)
    db = sqlite3.connect(database, timeout=timeout, factory=SqliteConnection)
    db.row_factory = sqlite3.Row
    return db


def init_db():
    """Run schema.sql, which makes what is not there yet and removes no entry."""
    statement = 'insert into internals (id, secret_key, logged_out) values (1, ?, ?)'
    with closing(connect_db()) as db, db.transaction():
        if db.find_schema_version() < SCHEMA_VERSION:  # or another process was first
            with app.open_resource(db.schema_file, 'r') as file:
                db.run_schema(file.read())
            db.execute(f'{statement} on conflict do nothing', [token_hex(), token_hex()])


def get_db():
    """Return this context's connection, to a database that has its tables."""
    if 'db' not in g:
        g.db = connect_db()
        if g.db.find_schema_version() < SCHEMA_VERSION:
            init_db()
    return g.db


@app.teardown_appcontext
def close_db(error):
    """Close this context's connection, if it has one."""
    if 'db' in g:
        g.db.close()


@app.template_global()
def entries_vanish():
    """Say whether the entries are on a disk that Heroku wipes."""
    return 'DYNO' in os.environ and not is_postgres(app.config['DATABASE'])


if entries_vanish():
    app.logger.warning('Entries will vanish! Run: heroku addons:create heroku-postgresql')

# Entries -----------------------------------------------------------------------

MAX_ID = sys.maxsize  # that a database can hold; a larger number would be an error
TYPED = 'title', 'text'  # the columns that the author types, each in a field of that name
TITLE_REQUIRED = 'Title is required.'


class NoSuchEntry(NotFound):
    name = 'No Such Entry'  # which error.html has words of its own for


def utc_now():
    """Return the time as entries keep it."""
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())


def require_entry(entry_id, view='published'):
    """Return an entry that readers may see, or one in the `trash`; NoSuchEntry if there is none."""
    query = f'select * from {view} where id = ?'  # a name of our own, never from a request
    entry = get_db().execute(query, [min(entry_id, MAX_ID)]).fetchone()
    if not entry:
        raise NoSuchEntry
    return entry


def find_newest(limit, before=MAX_ID, view='published', columns='*'):
    """Return the newest entries before an id, newest first; to skip by a count takes longer."""
    query = f'select {columns} from {view} where id < ? order by id desc limit ?'
    return get_db().execute(query, [before, limit]).fetchall()


def find_page(before=MAX_ID, view='published'):
    """Return a page of entries, newest first, as cut_page() does."""
    return cut_page(find_newest(app.config['PER_PAGE'] + 1, before, view))


def cut_page(rows):
    """Return the entries of a page, and the id that the next one starts before, or None."""
    size = app.config['PER_PAGE']
    return {'entries': rows[:size], 'next_before': rows[size - 1]['id'] if rows[size:] else None}


def search_entries(words, behind):
    """Return a page of the entries that have all the words, best first, from behind one on."""
    ids = get_db().find_matches(words, app.config['SEARCH_LIMIT'])
    start = ids.index(behind) + 1 if behind in ids else 0
    page = ids[start : start + app.config['PER_PAGE'] + 1]
    rows = get_db().execute(f'select * from published where id in ({marks(page)})', page)
    return cut_page(sorted(rows, key=lambda entry: page.index(entry['id'])))


def insert_entry(typed, key):
    """Store what was typed, a dict of TYPED, unless the same came with this key before.

    Browsers send a post again by themselves when the answer was lost.
    """
    with get_db().transaction():
        query = f'select {", ".join(TYPED)}, deleted from entries where guid = ?'
        first = get_db().execute(query, [key]).fetchone()
        if not first or dict(first) != {**typed, 'deleted': None}:
            row = {**typed, 'created': utc_now(), 'guid': None if first else key}
            statement = f'insert into entries ({", ".join(row)}) values ({marks(row)})'
            get_db().execute(statement, [*row.values()])


def update_entry(entry_id, typed, version):
    """Save an edit, but not over a later version than this, if one is given; say whether."""
    statement = f"""
        update entries set {', '.join(f'{name} = ?' for name in typed)}, updated = ?,
        version = version + 1 where id = ? and deleted is null and version = coalesce(?, version)
    """
    values = [*typed.values(), utc_now(), entry_id, version]
    return get_db().execute(statement, values).rowcount == 1


def move_entry(entry_id, deleted):
    """Move an entry to the trash, at a time, or out of it with None; all else stays."""
    get_db().execute('update entries set deleted = ? where id = ?', [deleted, entry_id])


def erase_entry(entry_id):
    """Delete an entry that is in the trash, forever."""
    get_db().execute('delete from entries where id = ? and deleted is not null', [entry_id])


# Author ------------------------------------------------------------------------

# The default password is for trying Flaskr out: by `python app.py`, or in a test.
author = Author(app, get_db, is_trial=lambda: __name__ == '__main__' or app.testing)


def author_only(view):
    """Let nobody but the author in: others are led to the login, and posts get 401."""

    @wraps(view)
    def checked_view(**values):
        if g.logged_in:
            return view(**values)
        if request.method == 'POST':
            abort(401)
        before = request.args.get('before')
        session['asked_for'] = url_for(request.endpoint, **values, before=before)
        return redirect(url_for('login'))

    return checked_view


# Views for reading -------------------------------------------------------------


def require_number(value, status):
    """Return a number that was sent, or None if nothing was; abort where it is none."""
    if value is not None and not re.fullmatch('[0-9]{1,18}', value):
        abort(status)
    return None if value is None else int(value)


def require_start():
    """Return the id before which a page starts; abort with 404 if the address has no number."""
    before = require_number(request.args.get('before'), 404)
    return MAX_ID if before is None else before


@app.route('/')
def index():
    """Show a page of entries, and to the author the form to add one."""
    return render_template('index.html', **find_page(require_start()))


@app.route('/entry/<int:entry_id>')
def show_entry(entry_id):
    """Show one entry."""
    return render_template('entry.html', entry=require_entry(entry_id))


@app.route('/search')
def search():
    """Show the entries that have all the words, best first."""
    words = split_words(request.args.get('q', ''))
    page = search_entries(words, require_start()) if words else {}
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
    entries = find_newest(app.config['SITEMAP_LENGTH'] - 1, columns='id, created, updated')
    page = render_template('sitemap.xml', entries=entries)
    return app.response_class(page, mimetype='application/xml')


# Views for writing -------------------------------------------------------------


def read_typed():
    """Return the columns that the form has, as they are stored."""
    return {name: drop_nul(request.form[name]) for name in TYPED}


@app.route('/add', methods=['POST'])
@author_only
def add_entry():
    """Post an entry."""
    typed = read_typed()
    if not typed['title'].strip():
        return render_template('index.html', error=TITLE_REQUIRED, **find_page()), 400
    key = request.form.get('key', '')
    insert_entry(typed, key if re.fullmatch('[0-9a-f]{16}', key) else None)
    flash('New entry was successfully posted')
    return redirect(url_for('index'))


@app.route('/edit/<int:entry_id>')
@author_only
def edit_entry(entry_id):
    """Show the form to edit an entry."""
    entry = require_entry(entry_id)
    return render_template('edit.html', entry=entry, typed=entry)


@app.route('/edit/<int:entry_id>', methods=['POST'])
@author_only
def save_entry(entry_id):
    """Save an edit, but not over a save that came after the version that was edited."""
    entry = require_entry(entry_id)
    typed = read_typed()
    version = require_number(request.form.get('version'), 400)
    if not typed['title'].strip():
        page = {'entry': entry, 'typed': request.form, 'error': TITLE_REQUIRED}
        return render_template('edit.html', **page), 400
    is_saved = typed == {name: entry[name] for name in TYPED}  # as when it is sent again
    if not is_saved and not update_entry(entry_id, typed, version):
        page = {'entry': require_entry(entry_id), 'typed': request.form}
        return render_template('conflict.html', **page), 409
    flash('The entry was saved')
    return redirect(url_for('show_entry', entry_id=entry_id))


def quote(title):
    """Return a title for a message, which has to fit into a cookie."""
    return f'“{title[:100]}{"…" if len(title) > 100 else ""}”'


@app.route('/delete/<int:entry_id>', methods=['POST'])
@author_only
def delete_entry(entry_id):
    """Move an entry to the trash."""
    title = quote(require_entry(entry_id)['title'])
    move_entry(entry_id, deleted=utc_now())
    flash(Markup(render_template('_undo.html', title=title, entry_id=entry_id)))
    return redirect(url_for('index'))


@app.route('/restore/<int:entry_id>', methods=['POST'])
@author_only
def restore_entry(entry_id):
    """Bring an entry back from the trash."""
    title = require_entry(entry_id, 'trash')['title']
    move_entry(entry_id, deleted=None)
    flash(f'{quote(title)} is back')
    return redirect(url_for('show_entry', entry_id=entry_id))


@app.route('/trash')
@author_only
def trash():
    """Show a page of what is in the trash."""
    return render_template('trash.html', **find_page(require_start(), 'trash'))


@app.route('/purge/<int:entry_id>', methods=['POST'])
@author_only
def purge_entry(entry_id):
    """Delete an entry that is in the trash, forever."""
    title = require_entry(entry_id, 'trash')['title']
    erase_entry(entry_id)
    flash(f'{quote(title)} is deleted forever')
    return redirect(url_for('trash'))


# Views for the account ---------------------------------------------------------


@app.route('/login', methods=['GET', 'POST'])
def login():
    """Log the author in."""
    if not author.has_password():
        return render_template('setup.html'), 403
    error = None
    if request.method == 'POST':
        error = author.check_login(request.form['username'], request.form['password'])
        if not error:
            page = session.get('asked_for') or url_for('index')  # before log_in() empties it
            response = redirect(page)
            author.log_in(response)
            flash('You were logged in')
            return response
    return render_template('login.html', error=error)


@app.route('/logout')
def logout():
    """Log the author out, in every browser."""
    author.log_out()
    flash('You were logged out')
    return redirect(url_for('index'))


# Error pages -------------------------------------------------------------------


@app.errorhandler(HTTPException)
@app.errorhandler(sqlite3.DatabaseError)
def show_error(error):
    """Show in plain words what went wrong, and give back what was typed."""
    cause = getattr(error, 'original_exception', None) or error  # Flask wraps what is no HTTP error
    if isinstance(cause, sqlite3.DatabaseError):
        app.logger.error('The database fails', exc_info=cause)
        error = ServiceUnavailable(explain_trouble(cause), retry_after=10)
    response = error.get_response()  # with its headers, such as Allow and Retry-After
    response.data = render_template('error.html', failure=error)
    return response


# Command line ------------------------------------------------------------------

add_commands(app, init_db, get_db, entry_view='show_entry')

# Page cache --------------------------------------------------------------------

watch = Watch(app.config)
app.wsgi_app = PageCache(app.wsgi_app, app.config, watch, is_off=lambda: app.jinja_env.auto_reload)

# Development server ------------------------------------------------------------

if __name__ == '__main__':
    with plain_errors(app.config['DATABASE']):
        init_db()
    app.jinja_env.auto_reload = True
    app.run(use_reloader=True, use_debugger=False)  # a debugger would let others run code
