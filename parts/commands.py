"""What `flask …` can do for a blog: make it, move it, copy it, and hash a password."""

import os
import re
import sqlite3
import sys
import tempfile
from contextlib import contextmanager, nullcontext

import click
from flask import url_for
from werkzeug.security import generate_password_hash

from parts.author import DEFAULT_PASSWORD
from parts.jsonfeed import read_feed, write_feed
from parts.moving import import_entries, read_entries
from parts.sqlite import copy_database, is_path


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


def import_feed(get_db, file):
    """Import a JSON Feed, with a bar that shows how far it is."""
    try:
        entries = read_feed(file)
    except ValueError as error:
        sys.exit(f'{file}: {error}')
    imported, bar = 0, {'file': sys.stderr, 'hidden': not sys.stderr.isatty()}
    with click.progressbar(length=len(entries), **bar) as progress:
        try:
            for size, stored in import_entries(get_db(), entries):
                progress.update(size)
                imported += stored
        except (sqlite3.Error, KeyboardInterrupt):
            click.echo('Try again: what is here already stays as it is.', err=True)
            raise
    click.echo(f'Imported {imported} entries; {len(entries) - imported} were here already.')


def export_feed(app, file, read, find_url):
    """Write what read() returns as a JSON Feed to a file, or to stdout if it is None."""
    database, url = app.config['DATABASE'], app.config['URL']
    if url and not re.fullmatch(r'https?://[\w.:\[\]-]+(/[^?#\s]*)?', url):
        sys.exit(f'FLASKR_URL has to be an address such as https://example.org, not {url}')
    where = new_file(file) if file else nullcontext('-')
    with (
        plain_errors(database, file or 'stdout', may_be_new=False),
        app.test_request_context(base_url=url),
        where as path,
        click.open_file(path, 'w', 'utf-8') as stream,
    ):
        stream.writelines(write_feed(read(), find_url))


def add_commands(app, init_db, get_db, entry_view):
    """Add the commands to an application; its endpoint entry_view shows an entry_id."""

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

    add_moving_commands(app, app.config, get_db, entry_view)


def add_moving_commands(app, config, get_db, entry_view):
    def find_url(entry):
        return config['URL'] and url_for(entry_view, entry_id=entry['id'], _external=True)

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
        """Write everything as a JSON Feed to FILE or to stdout."""
        export_feed(app, file, lambda: read_entries(get_db()), find_url)

    @app.cli.command('import')
    @click.argument('file')
    def import_command(file):
        """Read a JSON Feed from FILE; doing it twice is no harm."""
        with plain_errors(config['DATABASE'], file):
            import_feed(get_db, file)
