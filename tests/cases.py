"""What several files here share: two engines, many processes, a real gunicorn.

`test` is the blog's own test.py; the classes here stand on its FlaskrTestCase.
"""

import contextlib
import itertools
import json
import multiprocessing
import os
import pathlib
import re
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import unittest
import urllib.error
import urllib.parse
import urllib.request
import warnings
from unittest import mock

import app
import test
from parts import postgres

FOLDER = pathlib.Path(__file__).resolve().parent.parent
POSTGRES_URL = os.environ.get('DATABASE_URL', '')  # of a database to make schemas in
SCHEMA_NUMBERS = itertools.count()
TUTORIAL_SCHEMA = """
create table entries (
  id integer primary key autoincrement,
  title text not null,
  text text not null
);
"""


def leave_out(tests, how):
    """Say in one line which tests this machine can't run, and how it could."""
    print(f'Left out: {tests}. To run them: {how}', file=sys.stderr)


if not POSTGRES_URL.startswith('postgres'):
    POSTGRES_URL = None
    leave_out(
        'the tests on Postgres',
        'DATABASE_URL=postgresql://user@127.0.0.1/database python -m unittest',
    )


class FlaskrTestCase(test.FlaskrTestCase):
    """A blog as in test.py, and more of what can be done to it."""

    is_on_postgres = False

    def quiet_log(self):
        """Keep warnings out of the log until the end of the test."""
        self.enterContext(mock.patch.object(app.app.logger, 'warning'))

    def open_connection(self):
        with app.app.app_context():
            return app.get_db()

    def assertClosed(self, db):
        with self.assertRaises(sqlite3.Error):
            db.execute('select 1')

    def add_numbered_entries(self, count):
        """Make so many entries at once, Entry 1 and so on."""
        app.init_db()
        self.query(f"""
            with recursive numbers (i) as
                (select 1 union all select i + 1 from numbers where i < {count})
            insert into entries (title, text) select 'Entry ' || i, '' from numbers
        """)

    @contextlib.contextmanager
    def locked_database(self):
        """Keep all posts waiting."""
        db = sqlite3.connect(self.database, isolation_level=None)
        db.execute('begin immediate')
        try:
            yield
        finally:
            db.close()

    def run_command(self, *args, typed=''):
        """Do what `flask …` does."""
        result = app.app.test_cli_runner().invoke(args=args, input=typed)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    def at_once(self, count, work):
        """Run work(number) in several processes at once; give the exit codes."""
        fork = multiprocessing.get_context('fork')
        start = fork.Barrier(count)

        def wait_and_work(number):
            # A connection of the parent's is left alone, which psycopg warns about.
            warnings.simplefilter('ignore', ResourceWarning)
            start.wait()
            work(number)

        processes = [fork.Process(target=wait_and_work, args=[number]) for number in range(count)]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        return [process.exitcode for process in processes]


class OnPostgres:
    """What a class of tests needs before its other bases to run on Postgres.

    Each test has a schema of its own, which works like a database of its own.
    """

    is_on_postgres = True

    @classmethod
    def setUpClass(cls):
        if not POSTGRES_URL:
            raise unittest.SkipTest('There is no Postgres')
        super().setUpClass()

    def make_database(self):
        """Return the URL of a new schema, which is removed when the test is over."""
        self.schema = f'flaskr_test_{os.getpid()}_{next(SCHEMA_NUMBERS)}'
        url = urllib.parse.urlsplit(POSTGRES_URL)
        options = {'options': f'-c search_path={self.schema}', 'application_name': self.schema}
        query = urllib.parse.urlencode(options, quote_via=urllib.parse.quote)
        self.database = url._replace(query=query).geturl()
        self.query(f'create schema {self.schema}')
        self.addCleanup(self.query, f'drop schema {self.schema} cascade')
        self.addCleanup(self.forget_connection)
        self.configure(PAGE_AGE=0)
        return self.database

    def configure(self, **settings):
        super().configure(**settings)
        self.forget_connection()

    def forget_connection(self):
        """Let the next request open the database anew."""
        if hasattr(postgres.idle, 'db'):
            postgres.idle.db.db.close()
            del postgres.idle.db

    def query(self, statement, *values):
        import psycopg  # here, since without a Postgres nobody needs it

        with psycopg.connect(self.database, autocommit=True) as db:
            cursor = db.execute(statement.replace('?', '%s'), values or None)
            return cursor.fetchall() if cursor.description else []

    def count_connections(self):
        """Say how many connections to Postgres Flaskr has."""
        query = """
            select count(*) from pg_stat_activity
            where application_name = ? and pid <> pg_backend_pid()
        """
        return self.query(query, self.schema)[0][0]

    @contextlib.contextmanager
    def locked_database(self):
        import psycopg

        with psycopg.connect(self.database) as db:
            db.execute('lock table entries in share mode')
            yield


def on_both_engines(tests, module=None):
    """Decorate a class of tests: where there is a Postgres, its twin runs on that.

    module: the name of the module that gets the twin, if it isn't that of the class
    """
    if POSTGRES_URL:
        module = module or tests.__module__
        name = f'{tests.__name__}OnPostgres'
        twin = type(name, (OnPostgres, tests), {'__module__': module})
        setattr(sys.modules[module], name, twin)
    return tests


class SqliteTestCase(FlaskrTestCase):
    """What only SQLite does."""

    def remove_file(self):
        """Remove the database; the log says when another is made, which we know."""
        self.quiet_log()
        os.unlink(self.database)

    @contextlib.contextmanager
    def each_connection(self, prepare):
        """Call prepare(db) for each connection that is opened."""
        connect_db = app.connect_db

        def connect():
            db = connect_db()
            prepare(db)
            return db

        with mock.patch.object(app, 'connect_db', connect):
            yield


class FeedTestCase(FlaskrTestCase):
    """The author's entries, in and out as a JSON Feed by the command line."""

    def setUp(self):
        super().setUp()
        self.folder = self.enterContext(tempfile.TemporaryDirectory())
        self.file = os.path.join(self.folder, 'blog.json')

    def write(self, text):
        with open(self.file, 'w', encoding='utf-8', errors='surrogatepass') as file:
            file.write(text)

    @contextlib.contextmanager
    def full_disk(self):
        """Let no file grow over a kilobyte, which fails as a full disk does."""
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1024, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    def write_feed(self, *items, **more):
        feed = {'version': 'https://jsonfeed.org/version/1.1', 'title': 'Elsewhere', **more}
        self.write(json.dumps({**feed, 'items': items}))

    def import_feed(self, *items, **more):
        self.write_feed(*items, **more)
        return self.run_command('import', self.file)

    def read_export(self):
        result = self.run_command('export')
        self.assertEqual(result.exit_code, 0)
        return json.loads(result.stdout)

    def rows(self):
        return self.query(
            'select id, title, text, created, updated, deleted, version, guid '
            'from entries order by id'
        )

    def fill_the_blog(self):
        self.login()
        self.add_entry('First', 'Some *text*')
        self.add_entry('Sécond <b>', '日本 \U0001f600\r\n\r\n"x" \\ \u2028')
        self.add_entry('In the trash', '')
        self.post('/delete/3')
        self.edit_entry(1, 'First edited', 'Some *text*')
        self.query('update entries set created = null where id = 2')

    def assertRefused(self, words):
        """Assert that a file changes nothing and that the message says why."""
        self.login()
        self.add_entry('Here before')
        before = self.rows()
        result = self.run_command('import', self.file)
        self.assertEqual(result.exit_code, 1)
        self.assertIn(words, result.output)
        self.assertNotIn('Traceback', result.output)
        self.assertEqual(self.rows(), before)


class PageCacheTestCase(FlaskrTestCase):
    def setUp(self):
        super().setUp()
        self.configure(PAGE_AGE=3600)  # on Postgres; no other process posts here
        app.init_db()
        self.reader = app.app.test_client()

    def read(self, path='/', **headers):
        headers = {name.replace('_', '-'): value for name, value in headers.items()}
        return self.reader.get(path, headers=headers)

    @contextlib.contextmanager
    def rendered(self, times, endpoint='index'):
        """Assert how often a page is rendered, and not taken out of the cache."""
        view = mock.Mock(wraps=app.app.view_functions[endpoint])
        with mock.patch.dict(app.app.view_functions, {endpoint: view}):
            yield
        self.assertEqual(view.call_count, times)


class ServedTestCase(FlaskrTestCase):
    """A real gunicorn on a free port of this machine, and a browser of sorts."""

    def make_database(self):
        database = super().make_database()
        self.addCleanup(pathlib.Path(f'{database}-journal').unlink, missing_ok=True)
        return database  # whose journal is left when a server was killed

    def start(self, *options, folder=FOLDER, password='secret', **environment):
        """Start gunicorn with these options, and wait until it listens."""
        ours = ('FLASK', 'GUNICORN', 'PORT', 'WEB_CONCURRENCY', 'DYNO', 'DATABASE_URL', 'FORWARDED')
        inherited = {name: os.environ[name] for name in os.environ if not name.startswith(ours)}
        url = self.database if self.is_on_postgres else f'sqlite:///{self.database}'
        environment = {**inherited, 'DATABASE_URL': url, 'FLASKR_PASSWORD': password, **environment}
        if 'PORT' not in environment:
            options += ('--bind', '127.0.0.1:0')
        self.server = subprocess.Popen(
            [sys.executable, '-m', 'gunicorn', 'app:app', *options],
            env=environment,
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.addCleanup(self.kill)
        self.log = ''
        self.read_log_until('Listening at')
        self.port = re.search(r'Listening at: http://[^:]+:(\d+)', self.log)[1]
        self.address = f'http://127.0.0.1:{self.port}'
        self.browser = self.new_browser()

    def read_log_until(self, text, times=1):
        while self.log.count(text) < times:
            line = self.server.stdout.readline()
            self.assertNotEqual(line, '', f'gunicorn stopped:\n{self.log}')
            self.log += line

    def kill(self):
        """Kill gunicorn and its workers as a power cut would; keep their log."""
        if self.server.stdout.closed:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.server.pid, signal.SIGKILL)
        self.log += self.server.communicate()[0]

    def new_browser(self):
        cookies = urllib.request.HTTPCookieProcessor()
        no_proxy = urllib.request.ProxyHandler({})  # whatever the environment says
        return urllib.request.build_opener(cookies, no_proxy)

    def visit(self, path, form=None, **headers):
        """Open a page or post a form, follow redirects, and give status and page."""
        body = form and urllib.parse.urlencode(form).encode()
        headers = {name.replace('_', '-'): value for name, value in headers.items()}
        request = urllib.request.Request(self.address + path, body, headers)
        try:
            with self.browser.open(request, timeout=20) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def log_in(self, password='secret', **headers):
        form = {'username': 'admin', 'password': password}
        return self.visit('/login', form, **headers)

    def post(self, title):
        return self.visit('/add', {'title': title, 'text': ''})

    def find_free_port(self):
        with socket.create_server(('127.0.0.1', 0)) as listener:
            return str(listener.getsockname()[1])

    def cookies(self):
        (processor,) = (h for h in self.browser.handlers if hasattr(h, 'cookiejar'))
        return processor.cookiejar

    def begin_post(self, *headers):
        """Send a post but for its body, and wait until the application asks for that.

        gunicorn says so with "100 Continue". Returns the connection.
        """
        cookies = [f'{cookie.name}={cookie.value}' for cookie in self.cookies()]
        head = [
            'POST /add HTTP/1.1',
            'Host: 127.0.0.1',
            'Content-Type: application/x-www-form-urlencoded',
            'Expect: 100-continue',
            f'Cookie: {"; ".join(cookies)}',
            *headers,
        ]
        connection = socket.create_connection(('127.0.0.1', self.port), timeout=20)
        self.addCleanup(connection.close)
        connection.sendall('\r\n'.join([*head, '', '']).encode())
        self.assertIn(b'100 Continue', connection.recv(1000))
        return connection

    def end_post(self, connection, body):
        """Send the body of a post; return the status line of the answer."""
        with contextlib.suppress(BrokenPipeError):  # it may refuse before the end
            connection.sendall(body)
            connection.shutdown(socket.SHUT_WR)
        return connection.makefile().readline()
