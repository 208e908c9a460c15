"""What `flask …` can do for a blog: make it, move it, copy it, and hash a password."""

import functools
import os
import sqlite3
import sys
import tempfile
from contextlib import contextmanager, nullcontext

import click
from markupsafe import Markup
from werkzeug.security import generate_password_hash

from parts.album import Album
from parts.archive import FOLDER, MAX_FEED, Archive, is_archive, write_archive
from parts.author import DEFAULT_PASSWORD
from parts.jsonfeed import read_feed, write_feed
from parts.moving import count_pictures, import_entries, read_rows
from parts.sqlite import copy_database, is_path
from parts.tags import unlink_tags


@contextmanager
def new_file(path):
    """Yield the path of a private new file, which becomes `path` when it is whole and on disk."""
    folder, name = os.path.split(os.path.abspath(path))
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f'{name}.') as file:
        yield file.name
        os.fsync(file.fileno())
        os.link(file.name, path)
    descriptor = os.open(folder, os.O_RDONLY)
    os.fsync(descriptor)  # or the name might not survive the loss of power
    os.close(descriptor)


@contextmanager
def plain_errors(database, file='stdout', may_be_new=True):
    """Say in one line why something fails with a database or a file, with exit status 1."""
    if not may_be_new and is_path(database) and not os.path.exists(database):
        sys.exit(f'{database}: there is no blog here')
    try:
        yield
    except sqlite3.Error as error:
        name = database if is_path(database) else 'of DATABASE_URL'  # it may hold a password
        sys.exit(f'The database {name} cannot be used: {error}')
    except OSError as error:
        sys.exit(f'{file}: {error.strerror}')


def import_blog(get_db, path):
    """Import a JSON Feed, or an archive with its pictures."""
    with open(path, 'rb') as file:
        try:
            archive = Archive(file) if is_archive(file) else None
            entries, drafts, is_own = read_feed(
                archive.read('feed.json', MAX_FEED) if archive else file.read(),
                has_source=bool(archive),
            )
            album = Album(archive, entries + drafts, is_own)
        except ValueError as error:
            sys.exit(f'{path}: {error}')
        try:
            store_blog(get_db(), album, {'entries': entries, 'drafts': drafts})
        except (sqlite3.Error, KeyboardInterrupt):
            click.echo('Try again: what is here already stays as it is.', err=True)
            raise


def count(number, one, many):
    return f'{number} {one if number == 1 else many}'


def store_blog(db, album, tables):
    """Store the pictures of an album and the rows of tables; a bar shows how far it is."""
    sent, pictures, entries = sum(map(len, tables.values())), 0, 0
    bar = {'file': sys.stderr, 'hidden': not sys.stderr.isatty()}
    with click.progressbar(length=sent + len(album.pictures), **bar) as progress:
        for is_new in album.store(db):  # first, so that no entry is seen without its pictures
            progress.update(1)
            pictures += is_new
        for table, rows in tables.items():
            for size, stored in import_entries(db, rows, table):
                progress.update(size)
                entries += stored
    for note in album.notes:
        click.echo(note, err=True)
    entries_here = count(entries, 'entry', 'entries')
    click.echo(f'Imported {entries_here}; {sent - entries} here already.')
    if album.pictures:
        click.echo(f'Imported {count(pictures, "picture", "pictures")}.')


def export_blog(app, file, get_db, find_address, show_text):
    """Write everything to a file, or to stdout if it is None: a .zip has the pictures too."""
    url, is_zip = app.config['URL'], (file or '').lower().endswith('.zip')
    folder = FOLDER if is_zip else None
    show = functools.partial(show_text, is_external=bool(url), folder=folder)
    find_url = find_address if url else lambda entry: None
    where = new_file(file) if file else nullcontext('-')
    with (
        plain_errors(app.config['DATABASE'], file or 'stdout', may_be_new=False),
        app.test_request_context(base_url=url),
        where as path,
    ):
        db = get_db()
        entries, drafts = read_rows(db, 'stored'), read_rows(db, 'drafts')
        feed = write_feed(app.config, entries, drafts, find_url, show)
        if is_zip:
            page = make_page(app, db, find_url, show)
            write_archive(path, page, feed, read_rows(db, 'pictures', size=1))
            return
        with click.open_file(path, 'w', 'utf-8') as stream:
            stream.writelines(feed)
        pictures = count_pictures(db)
    if pictures:
        advice = 'to have everything, export to a name that ends in .zip.'
        left_out = count(pictures, 'picture', 'pictures')
        click.echo(f'A JSON Feed has no room for {left_out}: {advice}', err=True)


def make_page(app, db, find_url, show):
    """Yield the HTML of all that readers see, the newest first, to be opened as a file."""

    def show_alone(text):
        return Markup(unlink_tags(show(text)))  # since tags lead to pages, which aren't in it

    page = app.jinja_env.get_template('archive.html')
    entries = read_rows(db, 'published', is_backwards=True)
    show_there = show if app.config['URL'] else show_alone
    return page.generate(entries=entries, find_url=find_url, show=show_there)


def add_commands(app, init_db, get_db, find_address, show_text):
    """Add the commands to an application.

    find_address(entry): where others find an entry
    show_text(text, is_external, folder): the HTML of a text, its links for others or for this
        blog, its pictures files of a folder if there is one
    """

    @app.cli.command('init-db')
    def init_db_command():
        """Create or upgrade the database; what is in it stays."""
        with plain_errors(app.config['DATABASE']):
            init_db()
        click.echo('Initialized the database.')

    @app.cli.command('hash-password')
    def hash_password_command():
        """Ask for a password and print its hash, for FLASKR_PASSWORD."""
        # The questions go to stderr, so that $(flask hash-password) holds just the hash.
        password = click.prompt('Password', hide_input=True, confirmation_prompt=True, err=True)
        if password == DEFAULT_PASSWORD:
            raise click.ClickException('Everybody knows this one. Take another.')
        click.echo(generate_password_hash(password))

    add_moving_commands(app, app.config, get_db, find_address, show_text)


def add_moving_commands(app, config, get_db, find_address, show_text):
    @app.cli.command('backup')
    @click.argument('file')
    def backup_command(file):
        """Copy a SQLite blog to FILE while it is in use."""
        database = config['DATABASE']
        if not is_path(database):
            sys.exit('Only a SQLite file can be copied. Use pg_dump, or flask export.')
        with plain_errors(database, file, may_be_new=False), new_file(file) as path:
            try:
                copy_database(get_db(), path)
            except sqlite3.Error as error:
                sys.exit(f'{database} could not be copied to {file}: {error}')

    @app.cli.command('export')
    @click.argument('file', required=False)
    def export_command(file):
        """Write everything to FILE: called .zip, with the pictures; else, or to stdout, as JSON."""
        export_blog(app, file, get_db, find_address, show_text)

    @app.cli.command('import')
    @click.argument('file')
    def import_command(file):
        """Read a JSON Feed or a Blog Archive from FILE; doing it twice is no harm."""
        with plain_errors(config['DATABASE'], file):
            import_blog(get_db, file)
