"""Flaskr: a microblog.

One author, the admin, posts entries; everybody reads them. An entry is a title,
a text, or both. Run `python app.py`, open http://127.0.0.1:5000 and log in as admin
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
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from parts.address import OneAddress
from parts.author import Author
from parts.commands import add_commands, plain_errors
from parts.databases import Watch, explain_trouble, is_postgres, warn_of_loss
from parts.gallery import Gallery
from parts.guards import guard
from parts.jsonfeed import entry_urn, make_feed
from parts.moving import marks
from parts.pagecache import PageCache
from parts.sqlite import SqliteConnection, make_file
from parts.staticfiles import keep_static_files
from parts.tagindex import count_tags, find_tagged, index_tags, read_tags, store_tags
from parts.tags import fold_tag, link_tags
from parts.texts import FILTERS, drop_nul, quote_name, render_text, split_words

# Configuration -----------------------------------------------------------------

DATABASE = os.environ.get('DATABASE_URL', '').removeprefix('sqlite:///') or os.path.join(
    os.path.dirname(__file__), 'flaskr.db'
)  # a path, or the URL of a Postgres database
DATABASE_TIMEOUT = 10  # seconds that a statement waits for another's lock
TITLE = os.environ.get('FLASKR_TITLE') or 'Flaskr'
DESCRIPTION = os.environ.get('FLASKR_DESCRIPTION') or 'A microblog'
AUTHOR = os.environ.get('FLASKR_AUTHOR') or TITLE
LANGUAGE = os.environ.get('FLASKR_LANGUAGE') or 'en'  # of the entries, as en-GB (RFC 5646)
URL = os.environ.get('FLASKR_URL') or None  # the one address; None: what each request says
USERNAME = os.environ.get('FLASKR_USERNAME') or 'admin'
PASSWORD = os.environ.get('FLASKR_PASSWORD') or 'admin'  # plain, or a hash
SECRET_KEY = os.environ.get('FLASKR_SECRET_KEY') or None  # None: the database's own
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
MAX_UPLOAD_LENGTH = 50 * 1024 * 1024  # bytes of a body in which the author sends pictures

# Application -------------------------------------------------------------------

app = Flask(__name__)
app.config.from_object(__name__)
app.jinja_env.filters.update(FILTERS, urn=entry_urn, read_tags=read_tags)
app.jinja_env.globals.update(new_key=token_hex, table='entries')  # or 'drafts' on their pages
keep_static_files(app)
guard(app, changing_pages={'logout'}, uploads={'preview'}, is_author=lambda: author.is_here())

# Database ----------------------------------------------------------------------

SCHEMA_VERSION = 9  # of schema.sql: a higher one for each change of it


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
            index_tags(db)
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


warn_of_loss(app)

# Entries -----------------------------------------------------------------------

MAX_ID = sys.maxsize  # that a database can hold; a larger number would be an error
TYPED = 'title', 'text'  # the columns that the author types, each in a field of that name
TITLE_REQUIRED = 'Title is required.'
NO_SUCH_ENTRY = 'No such entry'  # which error.html has more words for
OPEN = {'entries': 'published', 'drafts': 'open_drafts'}  # a view of each table
TRASHED = {'entries': 'trash', 'drafts': 'discarded_drafts'}


def utc_now():
    """Return the time as entries keep it."""
    return time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())


def require_entry(entry_id, view='published'):
    """Return an entry that readers may see, or one of another view; 404 if it has none."""
    query = f'select * from {view} where id = ?'  # a name of our own, never from a request
    entry = get_db().execute(query, [min(entry_id, MAX_ID)]).fetchone()
    return entry or abort(404, NO_SUCH_ENTRY)


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


def insert_entry(typed, key, table='entries'):
    """Store what was typed, a dict of TYPED, unless the same came with this key before.

    Browsers send a post again by themselves when the answer was lost.
    """
    key = key if re.fullmatch('[0-9a-f]{16}', key) else None
    with get_db().transaction():
        query = f'select {", ".join(TYPED)}, deleted from {table} where guid = ?'
        first = get_db().execute(query, [key]).fetchone()
        if not first or dict(first) != {**typed, 'deleted': None}:
            row = {**typed, 'created': utc_now(), 'guid': None if first else key}
            statement = f'insert into {table} ({", ".join(row)}) values ({marks(row)}) returning id'
            rows = get_db().execute(statement, [*row.values()]).fetchall()
            if table == 'entries':
                store_tags(get_db(), rows[0]['id'], typed['text'])


def update_entry(entry_id, typed, version, table='entries'):
    """Save an edit, but not over a later version than this, if one is given; say whether."""
    statement = f"""
        update {table} set {', '.join(f'{name} = ?' for name in typed)}, updated = ?,
        version = version + 1 where id = ? and deleted is null and version = coalesce(?, version)
    """
    with get_db().transaction():
        values = [*typed.values(), utc_now(), entry_id, version]
        is_done = get_db().execute(statement, values).rowcount == 1
        if is_done and table == 'entries':
            store_tags(get_db(), entry_id, typed['text'])
    return is_done


def share_draft(draft_id, typed, version, key):
    """Make an entry of a draft, but not of a later version than this; say whether."""
    with get_db().transaction():
        is_last = update_entry(draft_id, typed, version, 'drafts')
        if is_last:
            get_db().execute('delete from drafts where id = ?', [draft_id])
            insert_entry(typed, key)
    return is_last


def move_entry(entry_id, deleted, table):
    """Move an entry to the trash, at a time, or out of it with None; all else stays."""
    get_db().execute(f'update {table} set deleted = ? where id = ?', [deleted, entry_id])


def erase_entry(entry_id, table='entries'):
    """Delete an entry that is in the trash, forever."""
    get_db().execute(f'delete from {table} where id = ? and deleted is not null', [entry_id])


# Author ------------------------------------------------------------------------

# The default password is for trying Flaskr out: by `python app.py`, or in a test.
author = Author(app, get_db, lambda: __name__ == '__main__' or app.testing, public={'show_picture'})


def author_only(view):
    """Let nobody but the author in: others are led to the login, and posts get 401."""

    @wraps(view)
    def checked_view(**values):
        if g.logged_in:
            return view(**values)
        if request.method == 'POST':
            abort(401)
        asked = {name: request.args.get(name) for name in ('before', 'title', 'text', 'url')}
        session['asked_for'] = url_for(request.endpoint, **values, **asked)
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


gallery = Gallery(app, get_db, author_only, lambda: find_page(require_start(), 'listed_pictures'))


@app.template_filter('address')
def find_address(entry):
    """Return where others find an entry."""
    return url_for('show_entry', entry_id=entry['id'], _external=True)


@app.template_filter()
def show_text(text, is_external=False, folder=None):
    """Return the HTML of a text, with its pictures and tags; for others with whole addresses."""
    html = gallery.show(render_text(text), is_external, folder)
    return link_tags(html, lambda name: url_for('show_tag', word=name, _external=is_external))


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


@app.route('/tag/<word>')
def show_tag(word):
    """Show a page of the entries with a tag."""
    size = app.config['PER_PAGE'] + 1
    tag = fold_tag(word)
    rows = find_tagged(get_db(), tag, size, require_start()) or abort(404)
    return render_template('tag.html', **cut_page(rows))


@app.route('/tags')
def tags():
    """Show all tags, and how many entries have them."""
    return render_template('tags.html', tags=count_tags(get_db()))


@app.route('/feed.xml')
@app.route('/tag/<word>/feed.xml')
def feed(word=None):
    """Return the newest entries, or those with a tag, as an Atom feed (RFC 4287)."""
    size, tag = app.config['FEED_LENGTH'], word and fold_tag(word)
    entries = find_newest(size) if tag is None else find_tagged(get_db(), tag, size, MAX_ID)
    page = render_template('feed.xml', entries=entries, tag=tag)
    return app.response_class(page, mimetype='application/atom+xml')


@app.route('/feed.json')
def json_feed():
    """Return the same entries as a JSON Feed."""
    addresses = {'home_page_url': url_for('index', _external=True), 'feed_url': request.base_url}
    entries = find_newest(app.config['FEED_LENGTH'])
    page = make_feed(app.config, entries, find_address, show_text, **addresses)
    return app.response_class(page, mimetype='application/feed+json')


@app.route('/robots.txt')
def robots():
    """Tell crawlers where the sitemap is (RFC 9309)."""
    return app.response_class(render_template('robots.txt'), mimetype='text/plain')


@app.route('/manifest.webmanifest')
def manifest():
    """Tell phones how to install the blog, and share with it (W3C Web Application Manifest)."""
    page = render_template('manifest.webmanifest')
    return app.response_class(page, mimetype='application/manifest+json')


@app.route('/sitemap.xml')
def sitemap():
    """List the index and the newest entries for crawlers, as sitemaps.org has it."""
    entries = find_newest(app.config['SITEMAP_LENGTH'] - 1, columns='id, created, updated')
    page = render_template('sitemap.xml', entries=entries)
    return app.response_class(page, mimetype='application/xml')


# Views for writing -------------------------------------------------------------

POSTED, KEPT = 'New entry was successfully posted', 'The draft was kept'


def read_typed():
    """Return the columns that the form has, as they are stored."""
    return {name: drop_nul(request.form[name]) for name in TYPED}


def find_mistake(typed):
    """Return why a form can't be posted, or None."""
    if request.form.get('pictures'):  # the name of a file: only another button sends what is in it
        return 'Choose the pictures again, and press “Add pictures” before anything else.'
    return None if ''.join(typed.values()).strip() else TITLE_REQUIRED


def go_back(table, endpoint, **values):
    """Redirect to where an entry is seen; a draft is seen on the page of drafts."""
    return redirect(url_for('drafts') if table == 'drafts' else url_for(endpoint, **values))


@app.route('/share')
@author_only
def share():
    """Fill the form in with what another program shares; nothing is stored."""
    parts = [request.args.get(name) for name in ('text', 'url')]
    g.typed = {'title': request.args.get('title', ''), 'text': '\n\n'.join(filter(None, parts))}
    return render_template('index.html', is_shared=True, **find_page())


@app.route('/add', methods=['POST'], defaults={'table': 'entries'})
@app.route('/drafts/add', methods=['POST'], defaults={'table': 'drafts'})
@author_only
def add_entry(table):
    """Post an entry, or keep a draft."""
    typed = read_typed()
    if mistake := find_mistake(typed):
        return render_template('index.html', error=mistake, **find_page()), 400
    insert_entry(typed, request.form.get('key', ''), table)
    flash(KEPT if table == 'drafts' else POSTED)
    return go_back(table, 'index')


@app.route('/edit/<int:entry_id>', defaults={'table': 'entries'})
@app.route('/drafts/edit/<int:entry_id>', defaults={'table': 'drafts'})
@author_only
def edit_entry(entry_id, table):
    """Show the form to edit an entry or a draft."""
    entry = require_entry(entry_id, OPEN[table])
    return render_template('edit.html', entry=entry, typed=entry, table=table)


@app.route('/edit/<int:entry_id>', methods=['POST'], defaults={'table': 'entries'})
@app.route('/drafts/edit/<int:entry_id>', methods=['POST'], defaults={'table': 'drafts'})
@app.route('/drafts/share/<int:entry_id>', methods=['POST'], endpoint='share_entry')
@author_only
def save_entry(entry_id, table='drafts'):
    """Save an edit, or share a draft, but not over a save that came after what was edited."""
    entry = require_entry(entry_id, OPEN[table])
    typed = read_typed()
    version = require_number(request.form.get('version'), 400)
    page = {'entry': entry, 'typed': request.form, 'table': table}
    if mistake := find_mistake(typed):
        return render_template('edit.html', **page, error=mistake), 400
    is_shared = request.endpoint == 'share_entry'
    if is_shared:
        is_done = share_draft(entry_id, typed, version, request.form.get('key', ''))
    else:
        is_same = typed == {name: entry[name] for name in TYPED}  # as when it is sent again
        is_done = is_same or update_entry(entry_id, typed, version, table)
    if not is_done:
        page['entry'] = require_entry(entry_id, OPEN[table])  # as it is now
        return render_template('conflict.html', **page), 409
    if is_shared:
        flash(POSTED)
        return redirect(url_for('index'))
    flash(KEPT if table == 'drafts' else 'The entry was saved')
    return go_back(table, 'show_entry', entry_id=entry_id)


@app.route('/preview', methods=['POST'], defaults={'entry_id': None, 'table': 'entries'})
@app.route('/preview/<int:entry_id>', methods=['POST'], defaults={'table': 'entries'})
@app.route('/drafts/preview/<int:entry_id>', methods=['POST'], defaults={'table': 'drafts'})
@author_only
def preview(entry_id, table):
    """Show what was typed as it will look, above its form; nothing is stored but new pictures."""
    entry = require_entry(entry_id, OPEN[table]) if entry_id is not None else None
    pictures, error = gallery.add(request.files.getlist('pictures'))
    typed = read_typed()
    typed['text'] = '\n\n'.join(filter(None, [typed['text'], pictures]))
    page = {'entry': entry, 'typed': {**request.form, **typed}, 'table': table}
    return render_template('preview.html', error=error, **page), 400 if error else 200


@app.route('/drafts')
@author_only
def drafts():
    """Show a page of drafts."""
    return render_template('drafts.html', **find_page(require_start(), 'open_drafts'))


@app.route('/delete/<int:entry_id>', methods=['POST'], defaults={'table': 'entries'})
@app.route('/drafts/delete/<int:entry_id>', methods=['POST'], defaults={'table': 'drafts'})
@author_only
def delete_entry(entry_id, table):
    """Move an entry or a draft to the trash."""
    name = quote_name(require_entry(entry_id, OPEN[table]))
    move_entry(entry_id, utc_now(), table)
    words = render_template('_undo.html', name=name, entry_id=entry_id, table=table)
    flash(Markup(words))
    return go_back(table, 'index')


@app.route('/restore/<int:entry_id>', methods=['POST'], defaults={'table': 'entries'})
@app.route('/drafts/restore/<int:entry_id>', methods=['POST'], defaults={'table': 'drafts'})
@author_only
def restore_entry(entry_id, table):
    """Bring an entry or a draft back from the trash."""
    entry = require_entry(entry_id, TRASHED[table])
    move_entry(entry_id, None, table)
    flash(f'{quote_name(entry)} is back')
    return go_back(table, 'show_entry', entry_id=entry_id)


@app.route('/trash', defaults={'table': 'entries'})
@app.route('/drafts/trash', defaults={'table': 'drafts'})
@author_only
def trash(table):
    """Show a page of what is in the trash."""
    page = find_page(require_start(), TRASHED[table])
    return render_template('trash.html', table=table, **page)


@app.route('/purge/<int:entry_id>', methods=['POST'], defaults={'table': 'entries'})
@app.route('/drafts/purge/<int:entry_id>', methods=['POST'], defaults={'table': 'drafts'})
@author_only
def purge_entry(entry_id, table):
    """Delete what is in the trash, forever."""
    entry = require_entry(entry_id, TRASHED[table])
    erase_entry(entry_id, table)
    flash(f'{quote_name(entry)} is deleted forever')
    return redirect(url_for('trash', table=table))


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

add_commands(app, init_db, get_db, find_address, show_text)

# Page cache --------------------------------------------------------------------

watch = Watch(app.config)
options = {'is_off': lambda: app.jinja_env.auto_reload, 'besides': '/picture/'}
cache = PageCache(app.wsgi_app, app.config, watch, **options)
app.wsgi_app = OneAddress(cache, app.config)  # outermost: a page is kept for one address

# Development server ------------------------------------------------------------

if __name__ == '__main__':
    with plain_errors(app.config['DATABASE']):
        init_db()
    app.jinja_env.auto_reload = True
    app.run(use_reloader=True, use_debugger=False)  # a debugger would let others run code
