"""The tests of Flaskr: `python test.py` runs them all in half a minute,
and those of test_browser.py after them where there is a browser.

Each test starts with a database of its own and never opens the real one. The
classes stand in the order of app.py's rooms; a test's name is a sentence about
the blog, and the helpers in FlaskrTestCase are what a person does with it.
"""

import concurrent.futures
import contextlib
import errno
import gzip
import hashlib
import html
import http.client
import io
import itertools
import json
import multiprocessing
import os
import pathlib
import re
import resource
import runpy
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import warnings
from datetime import UTC, datetime
from unittest import mock
from xml.etree import ElementTree

import flask
import werkzeug.test
from psycopg.conninfo import conninfo_to_dict
from werkzeug.http import parse_accept_header, parse_etags
from werkzeug.security import check_password_hash, generate_password_hash

import app
from parts import jsonfeed, moving, pagecache, postgres, texts
from tools import bare

POSTGRES_URL = os.environ.get('DATABASE_URL', '')  # of a database to make schemas in
if not POSTGRES_URL.startswith('postgres'):
    POSTGRES_URL = None  # and the tests run on SQLite, in temporary files

SCHEMA_NUMBERS = itertools.count()

FOLDER = os.path.dirname(os.path.abspath(__file__))

TUTORIAL_SCHEMA = """
create table entries (
  id integer primary key autoincrement,
  title text not null,
  text text not null
);
"""


class FlaskrTestCase(unittest.TestCase):
    postgres_url = POSTGRES_URL

    def setUp(self):
        """Give each test an empty database and the tutorial's configuration."""
        if self.postgres_url:
            self.create_postgres_database()
        else:
            file, self.database = tempfile.mkstemp(suffix='.db')
            os.close(file)
            self.addCleanup(self.remove_database, self.database)
            self.database_url = f'sqlite:///{self.database}'
        self.configure(
            DATABASE=self.database,
            TESTING=True,
            USERNAME='admin',
            PASSWORD='admin',
            SECRET_KEY=None,
            PAGE_AGE=0,
        )
        self.client = app.app.test_client()

    def remove_database(self, path):
        os.unlink(path)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f'{path}-journal')  # left when a server was killed

    def create_postgres_database(self):
        """Give this test a schema of its own, which works like a database of its own."""
        self.schema = f'flaskr_test_{os.getpid()}_{next(SCHEMA_NUMBERS)}'
        parts = urllib.parse.urlsplit(self.postgres_url)
        options = {'options': f'-c search_path={self.schema}', 'application_name': self.schema}
        query = urllib.parse.urlencode(options, quote_via=urllib.parse.quote)
        self.database = self.database_url = parts._replace(query=query).geturl()
        self.ask_postgres(f'create schema {self.schema}')
        self.addCleanup(self.ask_postgres, f'drop schema {self.schema} cascade')

    def ask_postgres(self, statement, values=None):
        import psycopg

        with psycopg.connect(self.database, autocommit=True) as db:
            cursor = db.execute(statement, values)
            return cursor.fetchall() if cursor.description else []

    def count_connections(self):
        """Say how many connections to Postgres Flaskr has."""
        query = """
            select count(*) from pg_stat_activity
            where application_name = %s and pid <> pg_backend_pid()
        """
        return self.ask_postgres(query, [self.schema])[0][0]

    def configure(self, **settings):
        """Change the configuration until the end of the test."""
        patch = mock.patch.dict(app.app.config, settings)
        patch.start()
        self.addCleanup(patch.stop)
        self.forget_connection()

    def quiet_log(self):
        """Keep warnings out of the log until the end of the test."""
        self.enterContext(mock.patch.object(app.app.logger, 'warning'))

    def forget_connection(self):
        """Let the next request open the database anew, and ask it whether it has changed."""
        if hasattr(postgres.idle, 'db'):
            postgres.idle.db.db.close()
            del postgres.idle.db

    def login(self, username='admin', password='admin', client=None):
        return (client or self.client).post(
            '/login', data={'username': username, 'password': password}, follow_redirects=True
        )

    def logout(self):
        return self.client.get('/logout', follow_redirects=True)

    def add_entry(self, title, text=''):
        return self.client.post('/add', data={'title': title, 'text': text}, follow_redirects=True)

    def add_entries(self, *titles):
        """Log in, and post entries without a text, the oldest first."""
        self.login()
        for title in titles:
            self.add_entry(title)

    def edit_entry(self, entry_id, title, text='', **more):
        return self.client.post(
            f'/edit/{entry_id}', data={'title': title, 'text': text, **more}, follow_redirects=True
        )

    def post(self, path):
        """Press a button that posts to this path."""
        return self.client.post(path, follow_redirects=True)

    def titles(self, path='/', client=None):
        """Give the titles of the entries on a page, from the top down."""
        page = (client or self.client).get(path).get_data(as_text=True)
        return re.findall(r'class="p-name">(?:<a[^>]*>)?(.*?)(?:</a>)?</h', page)

    def open_connection(self):
        with app.app.app_context():
            return app.get_db()

    def assertClosed(self, db):
        with self.assertRaises(sqlite3.Error):
            db.execute('select 1')

    def read_index(self, client=None):
        return (client or self.client).get('/')

    def assertShows(self, response, text):
        """Assert that the page holds this text, as written in its HTML."""
        page = response.get_data(as_text=True)
        self.assertTrue(text in page, f'{text!r} is not on the page:\n{self.find_main(page)}')

    def assertDoesNotShow(self, response, text):
        page = response.get_data(as_text=True)
        self.assertFalse(text in page, f'{text!r} is on the page:\n{self.find_main(page)}')

    def find_main(self, page):
        """Give what a page has between its header and its end, for a message."""
        return re.sub(r'\n\s*\n', '\n', page.partition('<main>')[2].partition('</main>')[0] or page)

    def assertStatus(self, response, status):
        self.assertEqual(response.status_code, status)

    def query(self, statement, *values):
        """Ask the database directly, behind Flaskr's back."""
        if self.postgres_url:
            return self.ask_postgres(statement.replace('?', '%s'), values or None)
        db = sqlite3.connect(self.database)
        try:
            with db:
                return db.execute(statement, values).fetchall()
        finally:
            db.close()

    @contextlib.contextmanager
    def locked_database(self):
        """Keep all posts waiting."""
        if self.postgres_url:
            import psycopg

            with psycopg.connect(self.database) as db:
                db.execute('lock table entries in share mode')
                yield
        else:
            db = sqlite3.connect(self.database, isolation_level=None)
            db.execute('begin immediate')
            try:
                yield
            finally:
                db.close()

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


class TutorialTest(unittest.TestCase):
    """What the unittest file of the original tutorial relies on."""

    def setUp(self):
        self.config = dict(app.app.config)
        self.db_fd, app.app.config['DATABASE'] = tempfile.mkstemp()
        app.app.config['TESTING'] = True
        self.app = app.app.test_client()
        app.init_db()

    def tearDown(self):
        os.close(self.db_fd)
        os.unlink(app.app.config['DATABASE'])
        app.app.config.update(self.config)

    def login(self, more=''):
        username, password = app.app.config['USERNAME'], app.app.config['PASSWORD'] + more
        form = {'username': username, 'password': password}
        return self.app.post('/login', data=form, follow_redirects=True)

    def test_the_index_takes_an_odd_content_type(self):
        self.assertEqual(self.app.get('/', content_type='html/text').status_code, 200)

    def test_the_configured_name_and_password_log_in(self):
        self.assertIn(b'You were logged in', self.login().data)
        self.assertIn(b'Invalid password', self.login('x').data)

    def test_a_post_is_shown_with_its_title_escaped_and_its_text_as_html(self):
        self.login()
        form = {'title': '<Hello>', 'text': '<strong>HTML</strong> allowed here'}
        page = self.app.post('/add', data=form, follow_redirects=True).data
        self.assertIn(b'&lt;Hello&gt;', page)
        self.assertIn(b'<strong>HTML</strong> allowed here', page)


class DatabaseTest(FlaskrTestCase):
    def test_the_connection_is_the_same_within_one_context(self):
        with app.app.app_context():
            self.assertIs(app.get_db(), app.get_db())

    def test_a_connection_is_closed_rather_than_kept_in_a_transaction(self):
        with app.app.app_context():
            db = app.get_db()
            db.execute('begin')
            db.execute("insert into entries (title, text) values ('Half', 'done')")
        self.assertClosed(db)
        self.assertEqual(self.query('select * from entries'), [])

    def test_a_request_does_not_keep_the_database_locked(self):
        self.read_index()
        self.query("insert into entries (title, text) values ('From elsewhere', '')")
        self.assertEqual(self.titles(), ['From elsewhere'])

    def test_an_empty_file_becomes_a_blog_on_first_use(self):
        with app.app.app_context():
            self.assertEqual(app.find_newest(1), [])

    def test_a_change_of_the_schema_has_a_number_of_its_own(self):
        """Else no database would get it: only a new SCHEMA_VERSION may have new hashes."""
        hashes = []
        for name in ['schema.sql', 'parts/schema_postgres.sql']:
            with open(os.path.join(FOLDER, name), 'rb') as file:
                hashes.append(hashlib.sha256(file.read()).hexdigest()[:8])
        self.assertEqual((app.SCHEMA_VERSION, *hashes), (6, '77e3dfe0', '50341986'))

    def test_initializing_again_keeps_every_entry(self):
        with app.app.app_context():
            app.insert_entry('Title', 'Text')
        app.init_db()
        with app.app.app_context():
            self.assertEqual(len(app.find_newest(2)), 1)

    def test_a_process_that_comes_second_to_an_upgrade_leaves_it_alone(self):
        self.read_index()
        app.init_db()
        self.assertEqual(self.query('select count(*) from internals'), [(1,)])

    def test_eight_processes_can_start_at_once_on_an_empty_database(self):
        def serve(number):
            with app.app.app_context():
                app.insert_entry(f'From process {number}', '')

        self.assertEqual(self.at_once(8, serve), [0] * 8)
        self.assertEqual(self.query('select count(*) from entries'), [(8,)])
        self.assertEqual(len(self.query('select * from internals')), 1)

    def test_eight_writers_that_read_first_lose_nothing(self):
        def count_to_twenty(number):
            with app.app.app_context():
                db = app.get_db()
                for _ in range(20):
                    with db.transaction():
                        query = 'select cast(max(text) as integer) as count from entries'
                        count = db.execute(query).fetchone()['count']
                        db.execute('update entries set text = ?', [f'{count + 1:04}'])

        with app.app.app_context():
            app.insert_entry('Counter', '0000')
        self.assertEqual(self.at_once(8, count_to_twenty), [0] * 8)
        self.assertEqual(self.query('select text from entries'), [('0160',)])

    def test_a_transaction_that_fails_leaves_nothing_behind(self):
        with app.app.app_context():
            db = app.get_db()
            with self.assertRaises(ZeroDivisionError), db.transaction():
                db.execute("insert into entries (title, text) values ('Half', 'done')")
                1 / 0  # noqa: B018
            self.assertEqual(app.find_newest(1), [])


class SqliteTestCase(FlaskrTestCase):
    """What only SQLite does; so these run on SQLite wherever the others run."""

    postgres_url = None

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


class SqliteTest(SqliteTestCase):
    def make_tutorial_database(self):
        """Leave what the tutorial's app leaves: two entries of three, no times."""
        db = sqlite3.connect(self.database)
        with db:
            db.executescript(TUTORIAL_SCHEMA)
            for title in ['First', 'Second', 'Third']:
                db.execute('insert into entries (title, text) values (?, ?)', [title, 'Text'])
            db.execute("delete from entries where title = 'Third'")
        db.close()

    def test_the_path_may_be_a_path_object(self):
        self.configure(DATABASE=pathlib.Path(self.database))
        self.assertStatus(self.read_index(), 200)

    def test_a_database_that_takes_the_place_of_another_is_opened(self):
        self.add_entries('Old')
        shutil.copy(self.database, f'{self.database}.other')
        self.add_entry('Newer')
        os.replace(f'{self.database}.other', self.database)
        self.assertEqual(self.titles(), ['Old'])
        self.remove_file()
        self.assertEqual(self.titles(), [])

    def test_the_connection_is_closed_at_the_end_of_a_request(self):
        self.assertClosed(self.open_connection())

    def test_a_database_that_could_only_be_read_takes_posts_again_when_it_can_be_written(self):
        self.login()
        connect = sqlite3.connect

        def connect_to_read(path, **options):
            return connect(f'file:{path}?mode=ro', uri=True, **options)

        with (
            mock.patch.object(sqlite3, 'connect', connect_to_read),
            self.assertLogs(app.app.logger, 'ERROR'),
        ):
            self.assertStatus(self.add_entry('Title'), 503)
        self.assertStatus(self.add_entry('Title'), 200)

    def test_a_database_that_is_copied_over_this_one_loses_no_post(self):
        """Though SQLite's own counter of changes comes to the same number again."""
        self.add_entries('First')
        other = f'{self.database}.other'
        self.addCleanup(os.unlink, other)
        shutil.copyfile(self.database, other)
        self.query("insert into entries (title, text) values ('Replaced', '')")
        reader = app.app.test_client()
        self.assertEqual(self.titles(), ['Replaced', 'First'])
        self.assertEqual(self.titles(client=reader), ['Replaced', 'First'])
        shutil.copyfile(other, self.database)
        os.utime(self.database, ns=(10**18, 10**18))  # another, however coarse it is
        self.query("insert into entries (title, text) values ('New', '')")
        self.assertEqual(self.titles(client=reader), ['New', 'First'])
        self.add_entry('Newer')
        self.assertEqual(self.titles(), ['Newer', 'New', 'First'])

    def test_a_locked_database_is_waited_for_once(self):
        self.configure(DATABASE_TIMEOUT=0.01, PROPAGATE_EXCEPTIONS=False)
        self.login()
        for client in [self.client, app.app.test_client()]:
            with (
                contextlib.closing(sqlite3.connect(self.database)) as db,
                mock.patch.object(app, 'connect_db', side_effect=app.connect_db) as connect_db,
                self.assertLogs(app.app.logger, 'ERROR'),
            ):
                db.execute('begin exclusive')
                self.assertStatus(self.read_index(client), 503)
            connect_db.assert_called_once()
            self.assertStatus(self.read_index(client), 200)

    def test_nobody_else_can_read_the_file(self):
        """It holds the key that signs cookies."""
        self.remove_file()
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.read_index()
        self.assertEqual(os.stat(self.database).st_mode & 0o777, 0o600)

    def test_nobody_else_can_read_the_file_behind_a_link_either(self):
        self.read_index()
        link = f'{self.database}.link'
        self.addCleanup(os.unlink, link)
        self.addCleanup(os.unlink, f'{link}ed')
        os.symlink(f'{link}ed', link)
        self.quiet_log()
        self.configure(DATABASE=link)
        self.read_index(app.app.test_client())
        self.assertEqual(os.stat(link).st_mode & 0o777, 0o600)

    def test_who_can_read_a_file_that_is_there_stays_as_it_is(self):
        os.chmod(self.database, 0o640)
        self.read_index()
        self.assertEqual(os.stat(self.database).st_mode & 0o777, 0o640)

    def test_a_missing_file_becomes_a_blog_on_first_use_and_the_log_says_so(self):
        """Since it may have vanished, as with a disk that is not mounted."""
        os.unlink(self.database)
        with self.assertLogs(app.app.logger, 'WARNING') as logs, app.app.app_context():
            self.assertEqual(app.find_newest(1), [])
        self.assertIn(f'{self.database} was not there', logs.output[0])

    def test_the_log_says_it_once_and_of_a_missing_file_only(self):
        with self.assertNoLogs(app.app.logger, 'WARNING'):
            self.read_index()
        os.unlink(self.database)
        with self.assertLogs(app.app.logger, 'WARNING') as logs:
            self.read_index()
            self.read_index()
        self.assertEqual(len(logs.output), 1)

    def test_a_database_of_the_tutorial_keeps_every_entry(self):
        self.make_tutorial_database()
        with app.app.app_context():
            self.assertEqual(
                [tuple(entry)[:4] for entry in app.find_newest(9)],
                [(2, 'Second', 'Text', None), (1, 'First', 'Text', None)],
            )

    def test_a_database_of_the_tutorial_never_uses_an_id_again(self):
        self.make_tutorial_database()
        with app.app.app_context():
            app.insert_entry('Fourth', 'Text')
            self.assertEqual(app.find_newest(1)[0]['id'], 4)

    def test_a_database_of_an_earlier_flaskr_keeps_every_entry(self):
        db = sqlite3.connect(self.database)
        db.executescript("""
            create table entries (
                id integer primary key autoincrement,
                title text not null, text text not null, created text
            );
            create table settings (name text primary key, value text not null);
            insert into entries (title, text) values ('Old', 'Text');
            pragma user_version = 1;
        """)
        db.close()
        self.assertEqual(self.titles(), ['Old'])
        self.add_entries('New')
        self.assertEqual(self.titles(), ['New', 'Old'])

    def test_an_upgrade_does_not_bring_the_trash_into_the_search(self):
        self.add_entries('Apples', 'Old apples')
        self.post('/delete/2')
        self.query('pragma user_version = 1')
        self.assertEqual(self.titles('/search?q=apples'), ['<mark>Apples</mark>'])
        self.post('/restore/2')
        self.query("insert into entries_search (entries_search) values ('integrity-check')")
        self.assertEqual(len(self.titles('/search?q=apples')), 2)

    def test_a_search_index_of_an_earlier_flaskr_is_made_anew(self):
        self.add_entries('Apples')
        self.query('drop table entries_search')
        self.query("""
            create virtual table entries_search
            using fts5 (title, text, content='entries', content_rowid='id', prefix='1 2 3')
        """)
        self.query('pragma user_version = 3')
        self.assertEqual(self.titles('/search?q=appl'), ['<mark>Apples</mark>'])
        query = "select sql from sqlite_master where name = 'entries_search'"
        self.assertIn("prefix='1 2 3 4 5 6 7 8'", self.query(query)[0][0])

    def test_a_time_that_a_learner_added_to_the_tutorial_is_kept(self):
        self.make_tutorial_database()
        self.query('alter table entries add column created text')
        self.query("update entries set created = '2013-12-01T10:00:00Z'")
        with app.app.app_context():
            self.assertEqual(app.find_newest(1)[0]['created'], '2013-12-01T10:00:00Z')

    def test_a_kill_during_the_upgrade_leaves_the_old_state_or_the_new(self):
        def upgrade_until_statement(number):
            """Upgrade in a process that is killed before that statement."""
            connect = sqlite3.connect

            def connect_and_count(*args, **kwargs):
                db = connect(*args, **kwargs)
                statements = []

                def count(statement):
                    if len(statements) == number:
                        os.kill(os.getpid(), signal.SIGKILL)
                    statements.append(statement)

                db.set_trace_callback(count)
                return db

            with mock.patch.object(sqlite3, 'connect', connect_and_count):
                app.init_db()

        self.make_tutorial_database()
        number = 0
        killed = [-signal.SIGKILL]
        while self.at_once(1, lambda _, n=number: upgrade_until_statement(n)) == killed:
            columns = [row[1] for row in self.query('pragma table_info(entries)')]
            version = self.query('pragma user_version')[0][0]
            self.assertEqual('created' in columns, version == app.SCHEMA_VERSION)
            self.assertEqual(len(self.query('select * from entries')), 2)
            number += 1
        self.assertGreater(number, 5)
        self.assertEqual(self.query('pragma user_version'), [(app.SCHEMA_VERSION,)])

    def test_eight_processes_can_start_at_once_on_a_missing_file(self):
        def serve(number):
            with app.app.app_context():
                app.insert_entry(f'From process {number}', '')

        self.remove_file()
        self.assertEqual(self.at_once(8, serve), [0] * 8)
        self.assertEqual(self.query('select count(*) from entries'), [(8,)])
        self.assertEqual(len(self.query('select * from internals')), 1)

    def test_a_post_survives_the_loss_of_power(self):
        """EXTRA (3) also syncs the folder once the journal is gone."""
        with app.app.app_context():
            self.assertEqual(app.get_db().execute('pragma synchronous').fetchone()[0], 3)

    def test_the_blog_is_one_file_that_can_be_copied(self):
        with app.app.app_context():
            app.insert_entry('Title', 'Text')
        name = os.path.basename(self.database)
        folder = os.path.dirname(self.database)
        self.assertEqual([file for file in os.listdir(folder) if name in file], [name])

    def statements(self, path):
        """Give the queries that a page makes, as SQLite gets them."""
        statements = []
        with self.each_connection(lambda db: db.set_trace_callback(statements.append)):
            self.client.get(path)
        return [line for line in statements if line.lstrip().startswith('select')]

    def test_no_page_looks_through_all_entries_or_counts_them(self):
        """A page of a million entries costs what it costs of ten."""
        self.configure(PER_PAGE=2)
        self.add_entries('One', 'Two', 'Three', 'Four')
        self.client.post('/delete/2')
        for path in [
            *('/', '/?before=3', '/entry/1', '/feed.xml', '/sitemap.xml'),
            *('/trash', '/edit/1', '/search?q=o', '/search?q=one+two', '/search?q=o&before=1'),
        ]:
            queries = [line for line in self.statements(path) if re.search('from|update', line)]
            self.assertGreater(len(queries), 0)
            for query in queries:
                with self.subTest(path=path, query=query):
                    self.assertBounded(query)

    def assertBounded(self, query):
        """Assert that a query finds what it wants by an index, or stops at a limit."""
        self.assertNotIn('count(', query)
        plan = [row[3] for row in self.query(f'explain query plan {query}')]
        for step in plan:
            if step.startswith('SCAN entries_search'):
                self.assertRegex(step, r'VIRTUAL TABLE INDEX \d+:M')  # by the words
            elif step.startswith('SCAN entries'):
                self.assertRegex(query, r'order by id desc limit \d+\s*$')
                self.assertNotIn('USE TEMP B-TREE FOR ORDER BY', plan)

    def count_steps(self, path):
        """Give how many of SQLite's instructions a page takes, in tens."""
        steps = []

        def count(db):
            db.set_progress_handler(lambda: steps.append(1), 10)

        with self.each_connection(count):
            self.client.get(path)
        return len(steps)

    def test_no_page_takes_more_work_with_more_entries(self):
        self.configure(SEARCH_LIMIT=30)
        self.login()
        add_a_hundred = """
            with numbers (i) as (select 1 union all select i + 1 from numbers where i < 100)
            insert into entries (title, text) select 'Title ' || i, 'Text' from numbers
        """
        paths = ['/', '/?before=60', '/entry/9', '/feed.xml', '/trash']
        paths += ['/search?q=title', '/edit/9']
        self.query(add_a_hundred)
        before = [self.count_steps(path) for path in paths]
        for _ in range(20):
            self.query(add_a_hundred)
        after = [self.count_steps(path) for path in paths]
        self.assertGreater(min(before), 0)
        for path, few, many in zip(paths, before, after, strict=True):
            with self.subTest(path=path):
                self.assertLess(many, few * 1.5 + 3)  # the ways into a tree get longer

    def test_entries_from_before_the_search_are_found(self):
        self.make_tutorial_database()
        self.assertEqual(self.titles('/search?q=second'), ['<mark>Second</mark>'])

    def test_an_older_cookie_is_worth_nothing_on_a_disk_that_was_wiped(self):
        """As Heroku does; only the configured key stays the same."""
        self.configure(SECRET_KEY='from the environment')
        self.login()
        cookie = self.client.get_cookie('session')
        self.logout()
        os.truncate(self.database, 0)
        self.client.set_cookie('session', cookie.value)
        self.assertStatus(self.add_entry('Replayed'), 401)


@unittest.skipUnless(
    POSTGRES_URL,
    'These need a Postgres: DATABASE_URL=postgresql://user@host/database python test.py',
)
class PostgresTest(FlaskrTestCase):
    """What only Postgres does."""

    def test_a_database_of_an_earlier_flaskr_gets_what_it_lacks(self):
        """Some say version 4 without the table of changes."""
        self.query('drop view schema_version')
        self.query('alter table internals add column schema_version integer not null default 4')
        self.forget_connection()
        self.assertEqual(self.titles(), ['Before'])

    def setUp(self):
        super().setUp()
        self.add_entries('Before')

    def cut_connections(self):
        """Do to Flaskr's connections what a restart of Postgres does."""
        cut = """
            select pg_terminate_backend(pid, 1000) from pg_stat_activity
            where application_name = %s and pid <> pg_backend_pid()
        """
        self.ask_postgres(cut, [self.schema])

    def use_url(self, **changes):
        """Connect in another way."""
        settings = {**conninfo_to_dict(self.database), **changes}
        query = urllib.parse.urlencode(settings, quote_via=urllib.parse.quote)
        self.configure(DATABASE=f'postgresql://?{query}')

    def test_requests_share_a_connection(self):
        for _ in range(5):
            self.read_index()
        self.assertEqual(self.count_connections(), 1)

    def test_the_connection_is_kept_for_the_next_context(self):
        self.assertIs(self.open_connection(), self.open_connection())

    def test_a_connection_is_not_kept_for_another_database(self):
        db = self.open_connection()
        app.app.config['DATABASE'] += '&connect_timeout=7'
        self.assertIsNot(self.open_connection(), db)
        self.assertClosed(db)

    def test_of_two_connections_of_a_thread_one_is_kept(self):
        with app.app.app_context():
            db = app.get_db()
            other = self.open_connection()
        self.assertClosed(db)
        self.assertIs(self.open_connection(), other)

    def test_every_thread_has_a_connection_of_its_own(self):
        connections = [self.open_connection()]

        def open_another():
            connections.append(self.open_connection())
            self.forget_connection()

        thread = threading.Thread(target=open_another)
        thread.start()
        thread.join()
        self.assertIsNot(connections[0], connections[1])

    def test_a_connection_is_closed_after_an_error(self):
        with app.app.app_context(), self.assertRaises(sqlite3.OperationalError):
            db = app.get_db()
            db.execute('select no_such_column from entries')
        self.assertClosed(db)

    def test_a_process_does_not_use_the_connection_of_its_parent(self):
        def read(number):
            self.assertStatus(self.read_index(), 200)

        self.assertEqual(self.at_once(4, read), [0] * 4)
        self.assertStatus(self.read_index(), 200)

    def test_after_the_connection_was_cut_the_next_request_works(self):
        self.cut_connections()
        self.assertStatus(self.read_index(), 200)

    def test_after_the_connection_was_cut_a_post_is_stored_once(self):
        self.cut_connections()
        self.assertStatus(self.add_entry('After'), 200)
        self.assertEqual(self.titles(), ['After', 'Before'])

    def test_a_post_whose_connection_is_cut_comes_back_in_its_form(self):
        def cut_and_tell_time():
            self.cut_connections()
            return '2026-11-21T03:04:05Z'

        with (
            mock.patch.object(app, 'utc_now', side_effect=cut_and_tell_time),
            self.assertLogs(app.app.logger, 'ERROR'),
        ):
            response = self.add_entry('My title', 'My text')
        self.assertStatus(response, 503)
        self.assertShows(response, '\nMy text</textarea>')
        self.assertStatus(self.add_entry('My title', 'My text'), 200)
        self.assertEqual(self.titles(), ['My title', 'Before'])

    def assertTrouble(self, words):
        with self.assertLogs(app.app.logger, 'ERROR'):
            response = self.add_entry('Title', 'My text')
        self.assertStatus(response, 503)
        self.assertShows(response, words)
        self.assertShows(response, '\nMy text</textarea>')

    def test_a_server_that_cannot_be_reached(self):
        self.use_url(port=1)
        self.assertTrouble('The database cannot be reached')

    def test_the_environment_of_postgres_cannot_turn_the_encryption_off(self):
        for environment, mode in [
            ({'PGHOST': 'db.example.org'}, 'require'),
            ({'PGHOSTADDR': '192.0.2.1'}, 'require'),
            ({'PGSERVICE': 'elsewhere'}, 'require'),
            ({'PGHOST': 'db.example.org', 'PGSSLMODE': 'verify-full'}, None),
        ]:
            with (
                self.subTest(environment=environment),
                mock.patch.dict(os.environ, environment),
                mock.patch('psycopg.connect') as connect,
            ):
                postgres.PostgresConnection('postgresql:///blog', 1)
                self.assertEqual(connect.call_args.kwargs.get('sslmode'), mode)

    def test_a_url_that_makes_no_sense_is_told_without_its_password(self):
        for url in ['postgresql://[::1/blog', 'postgresql://me:hunter%2@127.0.0.1/blog']:
            self.configure(DATABASE=url)
            with self.assertLogs(app.app.logger, 'ERROR') as logs:
                self.assertStatus(self.read_index(app.app.test_client()), 503)
            self.assertNotIn('hunter', logs.output[0])

    def test_the_longest_post_in_any_script_is_stored(self):
        for text in ['각난닭' * 38_000, '𒀀' * 80_000]:
            self.assertStatus(self.add_entry('Long', text), 200)

    def test_a_post_during_an_import_waits_for_it(self):
        with app.app.app_context():
            entry = {'id': 2, 'title': 'Imported', 'text': '', 'created': None, 'updated': None}
            entry = {**entry, 'deleted': None, 'version': 1, 'guid': 'x'}
            with app.get_db().transaction():
                self.assertEqual(moving.import_part(app.get_db(), [entry], new_ids=False), 1)
                poster = threading.Thread(target=self.add_entry, args=['Posted'])
                poster.start()
                poster.join(0.2)
                self.assertTrue(poster.is_alive())
            poster.join()
        self.assertEqual(self.titles(), ['Posted', 'Imported', 'Before'])

    def test_a_server_that_is_out_of_connections(self):
        role = f'{self.schema}_role'
        self.ask_postgres(f'create role {role} login connection limit 0')
        self.addCleanup(self.ask_postgres, f'drop role {role}')
        self.use_url(user=role)
        self.assertTrouble('The database cannot be reached')

    def test_a_database_that_can_only_be_read(self):
        options = conninfo_to_dict(self.database)['options']
        self.use_url(options=f'{options} -c default_transaction_read_only=on')
        self.assertTrouble('The database can only be read')

    def test_a_locked_table(self):
        self.configure(DATABASE_TIMEOUT=0.1)
        self.cut_connections()
        with self.locked_database():
            self.assertTrouble('The database is busy')

    def test_signs_that_mean_something_in_a_query_are_stored(self):
        self.add_entry('100 % sure?', '%s ? %(x)s')
        self.assertEqual(self.titles()[0], '100 % sure?')

    def test_a_search_looks_for_no_more_words_than_take_reasonable_time(self):
        for query in ['a-' * 2000, ' '.join(f'a{number}' for number in range(2000))]:
            with app.app.app_context():
                row = app.get_db().execute('select numnode(flaskr_query(?))', [query]).fetchone()
            self.assertLess(row['numnode'], 2 * 32)  # the words, and what is between them

    def find_matches(self, word):
        """Give the ids that a search finds, and whether it has asked its index."""
        with app.app.app_context(), app.get_db().transaction():
            before = self.count_scans()
            ids = app.get_db().find_matches([word], app.app.config['SEARCH_LIMIT'])
            return ids, self.count_scans() > before

    def count_scans(self):
        query = "select pg_stat_get_xact_numscans(cast('entries_words' as regclass)) as scans"
        return app.get_db().execute(query).fetchone()['scans']

    def test_a_search_asks_its_index_for_a_word_that_is_rare_or_nowhere(self):
        self.assertEqual(self.find_matches('before'), ([1], True))
        self.assertEqual(self.find_matches('after'), ([], True))

    def test_a_search_reads_the_newest_entries_for_a_word_that_is_common(self):
        self.configure(SEARCH_LIMIT=2)
        self.add_entries('Apples 2', 'Apples 3', 'Apples 4', 'Pears 5', 'Apples 6')
        self.post('/delete/6')
        self.assertEqual(self.find_matches('apples'), ([4, 3], False))

    def test_a_search_finds_a_word_that_only_old_entries_have(self):
        self.configure(SEARCH_LIMIT=2)
        self.add_entries('Apples 2', 'Apples 3', 'Apples 4')
        self.query(
            "insert into entries (title, text) select 'New', '' from generate_series(1, 2000)"
        )
        self.assertEqual(self.find_matches('apples'), ([4, 3], True))

    def test_a_search_is_planned_alike_whatever_postgres_knows_of_the_words(self):
        """Which is nothing after an import, and everything after an analyze."""
        self.configure(SEARCH_LIMIT=2)
        self.query(
            "insert into entries (title, text) select 'New', '' from generate_series(1, 2000)"
        )
        for statement in ['select 1', 'analyze']:
            self.query(statement)
            self.assertEqual(self.find_matches('before'), ([1], True))
            self.assertEqual(self.find_matches('new'), ([2001, 2000], False))

    def test_a_server_elsewhere_has_to_encrypt(self):
        for url, mode in [
            ('postgres://u:p@db.example.org/blog', 'require'),
            ('postgresql://u:p@db.example.org/blog?sslmode=disable', 'require'),
            ('postgresql://u:p@db.example.org/blog?sslmode=verify-full', 'verify-full'),
            ('postgresql://u@localhost/blog', None),
            ('postgresql://u@127.0.0.1/blog', None),
            ('postgresql:///blog', None),
            ('postgresql:///blog?host=/var/run/postgresql', None),
            ('postgresql://u@127.0.0.1.example.org/blog', 'require'),
            ('postgresql://u@localhost,db.example.org/blog', 'require'),
            ('postgresql://u@localhost/blog?hostaddr=192.0.2.1', 'require'),
            ('postgresql:///blog?host=/run/postgresql,db.example.org', 'require'),
            ('postgresql:///blog?service=elsewhere', 'require'),
        ]:
            with self.subTest(url=url), mock.patch('psycopg.connect') as connect:
                postgres.PostgresConnection(url, 1)
                self.assertEqual(connect.call_args.kwargs.get('sslmode'), mode)


class EntriesTest(FlaskrTestCase):
    def test_the_newest_entry_comes_first(self):
        with app.app.app_context():
            app.insert_entry('Older', '')
            app.insert_entry('Newer', '')
            titles = [entry['title'] for entry in app.find_newest(9)]
        self.assertEqual(titles, ['Newer', 'Older'])

    def test_a_character_that_not_every_database_can_hold_is_dropped(self):
        with app.app.app_context():
            app.insert_entry('a\0b', 'c\0d')
            entry = app.find_newest(1)[0]
        self.assertEqual((entry['title'], entry['text']), ('ab', 'cd'))

    def test_an_id_is_never_used_again(self):
        with app.app.app_context():
            app.insert_entry('First', '')
            first = app.find_newest(1)[0]['id']
            app.get_db().execute('delete from entries')
            app.insert_entry('Second', '')
            self.assertGreater(app.find_newest(1)[0]['id'], first)

    def test_an_entry_keeps_when_it_was_made_in_utc(self):
        with mock.patch.dict(os.environ, TZ='Asia/Tokyo'), app.app.app_context():
            time.tzset()
            self.addCleanup(time.tzset)
            app.insert_entry('Title', 'Text')
            created = app.find_newest(1)[0]['created']
        self.assertRegex(created, r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        age = datetime.now(UTC) - datetime.fromisoformat(created.replace('Z', '+00:00'))
        self.assertLess(abs(age.total_seconds()), 3600)


class SessionTest(FlaskrTestCase):
    """Who is logged in."""

    def cookie(self, name='session'):
        return self.client.get_cookie(name)

    def replay(self, cookie):
        """Try to post with a cookie that was kept from an earlier time."""
        client = app.app.test_client()
        client.set_cookie(cookie.key, cookie.value)
        return client.post('/add', data={'title': 'Replayed', 'text': ''})

    def test_the_cookie_of_a_session_lets_its_browser_post(self):
        self.login()
        self.assertStatus(self.replay(self.cookie()), 302)

    def test_after_logging_out_an_older_cookie_is_worth_nothing(self):
        self.login()
        cookie = self.cookie()
        self.logout()
        self.assertStatus(self.replay(cookie), 401)

    def test_logging_in_again_does_not_revive_an_older_cookie(self):
        self.login()
        cookie = self.cookie()
        self.logout()
        self.login()
        self.assertStatus(self.replay(cookie), 401)

    def test_logging_out_ends_the_sessions_of_other_browsers_too(self):
        phone = app.app.test_client()
        self.login(client=phone)
        self.login()
        self.logout()
        self.assertShows(self.read_index(phone), 'Log in')

    def test_a_stranger_who_logs_out_does_not_log_the_author_out(self):
        self.login()
        app.app.test_client().get('/logout')
        self.assertStatus(self.add_entry('Still here'), 200)

    def test_after_the_password_changes_an_older_cookie_is_worth_nothing(self):
        self.login()
        self.configure(PASSWORD='another')
        self.assertStatus(self.replay(self.cookie()), 401)

    def test_after_the_name_changes_an_older_cookie_is_worth_nothing(self):
        self.login()
        self.configure(USERNAME='another')
        self.assertStatus(self.replay(self.cookie()), 401)

    def test_logging_in_starts_a_new_session(self):
        with self.client.session_transaction() as session:
            session['planted'] = 'by somebody else'
        self.login()
        with self.client.session_transaction() as session:
            self.assertNotIn('planted', session)

    def test_a_cookie_signed_with_another_key_is_worth_nothing(self):
        self.login()
        self.configure(SECRET_KEY='another')
        self.assertStatus(self.replay(self.cookie()), 401)

    def test_a_cookie_of_garbage_is_worth_nothing(self):
        for value in ['x', 'a.b.c', 'é', '.' * 4000]:
            with self.subTest(value=value):
                client = app.app.test_client()
                client.set_cookie('session', value)
                self.assertStatus(client.post('/add', data={'title': 'x'}), 401)

    def test_the_key_that_signs_cookies_is_random_and_kept(self):
        app.init_db()
        ((key,),) = self.query('select secret_key from internals')
        self.assertRegex(key, '^[0-9a-f]{64}$')
        app.init_db()
        self.assertEqual(self.query('select secret_key from internals'), [(key,)])

    def test_a_configured_key_comes_before_the_one_in_the_database(self):
        self.configure(SECRET_KEY='from the environment')
        self.login()
        self.query("update internals set secret_key = 'new'")
        self.assertStatus(self.add_entry('Still here'), 200)

    def test_logging_out_leaves_nothing_in_the_session(self):
        self.login()
        with self.client.session_transaction() as session:
            session['left'] = 'behind'
        self.logout()
        with self.client.session_transaction() as session:
            self.assertNotIn('left', session)

    def test_the_author_stays_logged_in_when_the_browser_is_closed(self):
        self.login()
        self.assertIsNotNone(self.cookie().expires)

    def test_scripts_cannot_read_the_cookies(self):
        self.login()
        for name in ['session', 'known_browser']:
            self.assertTrue(self.cookie(name).http_only)

    def test_other_sites_cannot_send_the_cookies_along_with_a_post(self):
        self.login()
        for name in ['session', 'known_browser']:
            self.assertEqual(self.cookie(name).same_site, 'Lax')

    def test_over_https_the_cookies_are_for_https_only(self):
        self.client = app.app.test_client()
        self.client.post(
            '/login', base_url='https://localhost', data={'username': 'admin', 'password': 'admin'}
        )
        for name in ['session', 'known_browser']:
            self.assertTrue(self.cookie(name).secure)

    def test_over_http_the_cookies_work_too(self):
        self.login()
        for name in ['session', 'known_browser']:
            self.assertFalse(self.cookie(name).secure)

    def test_a_reader_gets_no_cookie(self):
        self.assertNotIn('Set-Cookie', self.read_index().headers)

    def test_a_reader_of_a_page_without_entries_costs_no_look_at_the_database(self):
        with mock.patch.object(app, 'get_db') as get_db:
            self.client.get('/login')
        get_db.assert_not_called()


class PasswordTest(FlaskrTestCase):
    """What counts as the right name and password, and how often to try."""

    def use_hash(self, password):
        self.configure(PASSWORD=generate_password_hash(password, 'pbkdf2:sha256:1'))

    def test_the_password_may_be_configured_as_a_hash(self):
        self.use_hash('correct horse')
        self.assertShows(self.login(password='correct horse'), 'You were logged in')

    def test_a_wrong_password_does_not_match_a_hash(self):
        self.use_hash('correct horse')
        self.assertShows(self.login(password='wrong horse'), 'Invalid password')

    def test_the_hash_itself_is_not_a_password(self):
        self.use_hash('correct horse')
        self.assertShows(self.login(password=app.app.config['PASSWORD']), 'Invalid password')

    def test_a_password_need_not_be_ascii(self):
        self.configure(PASSWORD='pässwörd ✓')
        self.assertShows(self.login(password='pässwörd ✓'), 'You were logged in')

    def test_a_password_from_an_environment_that_is_not_utf8_can_be_compared(self):
        self.configure(PASSWORD=os.fsdecode(b'\xff\xfe'))
        self.assertShows(self.login(password='admin'), 'Invalid password')

    def test_odd_input_is_a_plain_failed_login(self):
        for odd in ['é', '\0', 'x' * 10_000, "' or 1=1 --"]:
            with self.subTest(odd=odd[:10]):
                app.init_db()
                self.query('delete from failed_logins')
                self.assertShows(self.login(username=odd), 'Invalid username')
                self.assertShows(self.login(password=odd), 'Invalid password')

    def test_a_wrong_name_costs_a_look_at_the_password_too(self):
        with mock.patch.object(app.author, 'is_password', return_value=True) as is_password:
            self.login(username='wrong')
        is_password.assert_called_once()

    def fail_to_log_in(self, times, client=None):
        for _ in range(times):
            response = self.login(password='wrong', client=client)
        return response

    def test_ten_failed_logins_are_let_through(self):
        self.assertStatus(self.fail_to_log_in(10), 200)

    def test_after_ten_failed_logins_nobody_new_can_try(self):
        self.fail_to_log_in(10)
        self.assertStatus(self.login(), 429)

    def test_the_form_says_how_long_to_wait_and_keeps_the_name(self):
        self.fail_to_log_in(10)
        response = self.login()
        wait = int(response.headers['Retry-After'])
        self.assertIn(wait, range(1, 181))
        self.assertShows(response, f'Try again in {wait} seconds')
        self.assertShows(response, 'value="admin"')

    def test_after_three_minutes_everybody_can_try_again(self):
        self.fail_to_log_in(10)
        self.query('update failed_logins set at = at - 181')
        self.assertShows(self.login(), 'You were logged in')

    def test_a_login_that_succeeds_does_not_count_as_failed(self):
        for _ in range(12):
            self.assertShows(self.login(), 'You were logged in')

    def test_a_browser_that_has_logged_in_before_is_not_locked_out(self):
        self.login()
        self.logout()
        self.fail_to_log_in(10, client=app.app.test_client())
        self.assertShows(self.login(), 'You were logged in')

    def test_a_browser_that_has_logged_in_before_can_fail_ten_times_too(self):
        self.login()
        self.logout()
        self.assertStatus(self.fail_to_log_in(11), 429)

    def test_a_browser_stays_known_for_a_year_under_the_same_id(self):
        self.login()
        first = self.client.get_cookie('known_browser')
        self.assertEqual(first.max_age, 365 * 24 * 60 * 60)
        self.logout()
        self.login()
        self.assertEqual(self.client.get_cookie('known_browser').value, first.value)

    def test_a_forged_cookie_does_not_make_a_known_browser(self):
        self.fail_to_log_in(10)
        self.client.set_cookie('known_browser', 'forged.signature')
        self.assertStatus(self.login(), 429)

    def test_a_forwarded_address_changes_nothing(self):
        self.fail_to_log_in(10)
        response = self.client.post(
            '/login',
            data={'username': 'admin', 'password': 'admin'},
            headers={'X-Forwarded-For': '203.0.113.7'},
        )
        self.assertStatus(response, 429)

    def test_ten_attempts_are_the_limit_for_many_processes_at_once(self):
        def attempt(number):
            for _ in range(3):
                self.login(password='wrong', client=app.app.test_client())

        self.assertEqual(self.at_once(8, attempt), [0] * 8)
        self.assertEqual(self.query('select count(*) from failed_logins'), [(10,)])


class CrossSiteTest(FlaskrTestCase):
    """Requests that change something have to come from the blog's own pages.

    The rules are those of CrossOriginProtection in Go's net/http.
    """

    def setUp(self):
        super().setUp()
        self.login()

    def assertPosts(self, status, **headers):
        headers = {name.replace('_', '-'): value for name, value in headers.items()}
        response = self.client.post('/add', data={'title': 'Title', 'text': ''}, headers=headers)
        self.assertStatus(response, status)

    def test_a_post_from_the_blog_itself_is_taken(self):
        self.assertPosts(302, Sec_Fetch_Site='same-origin')

    def test_a_post_that_the_user_began_is_taken(self):
        self.assertPosts(302, Sec_Fetch_Site='none')

    def test_a_post_from_another_site_is_refused(self):
        self.assertPosts(403, Sec_Fetch_Site='cross-site')

    def test_a_post_from_a_neighbour_on_the_same_domain_is_refused(self):
        self.assertPosts(403, Sec_Fetch_Site='same-site')

    def test_a_post_with_an_unknown_fetch_site_is_refused(self):
        self.assertPosts(403, Sec_Fetch_Site='same-origin, cross-site')

    def test_the_fetch_site_comes_before_the_origin(self):
        self.assertPosts(302, Sec_Fetch_Site='same-origin', Origin='https://evil.test')
        self.assertPosts(403, Sec_Fetch_Site='cross-site', Origin='http://localhost')

    def test_without_a_fetch_site_the_origin_has_to_be_the_host(self):
        self.assertPosts(302, Origin='http://localhost')
        self.assertPosts(403, Origin='http://evil.test')

    def test_https_in_front_of_http_is_the_same_origin(self):
        self.assertPosts(302, Origin='https://localhost')

    def test_another_port_is_another_origin(self):
        self.assertPosts(403, Origin='http://localhost:8080')
        self.assertPosts(302, Origin='http://localhost:8080', Host='localhost:8080')

    def test_an_origin_that_makes_no_sense_is_refused(self):
        for origin in [
            'null',
            'localhost',
            'http://evil.test/://localhost',
            'http://[',
            'http://\xff',
            '//',
            '\\',
        ]:
            with self.subTest(origin=origin):
                self.assertPosts(403, Origin=origin)

    def test_an_origin_that_makes_no_sense_is_refused_without_a_host_too(self):
        builder = werkzeug.test.EnvironBuilder('/add', method='POST', headers={'Origin': 'null'})
        environ = builder.get_environ()
        del environ['HTTP_HOST']
        response = werkzeug.test.run_wsgi_app(app.app, environ, buffered=True)
        self.assertEqual(response[1], '403 FORBIDDEN')

    def test_a_program_that_sends_neither_header_is_taken(self):
        self.assertPosts(302)

    def test_a_refused_post_leaves_nothing_behind(self):
        self.assertPosts(403, Sec_Fetch_Site='cross-site')
        self.assertShows(self.read_index(), 'No entries yet')

    def test_what_another_site_sent_is_not_put_into_the_form(self):
        response = self.client.post(
            '/add', data={'title': 'Planted', 'text': ''}, headers={'Sec-Fetch-Site': 'cross-site'}
        )
        self.assertDoesNotShow(response, 'Planted')

    def test_another_site_cannot_log_anybody_in(self):
        response = self.client.post(
            '/login',
            data={'username': 'admin', 'password': 'admin'},
            headers={'Sec-Fetch-Site': 'cross-site'},
        )
        self.assertStatus(response, 403)

    def test_another_site_cannot_log_the_author_out(self):
        for method in ['GET', 'HEAD']:
            response = self.client.open(
                '/logout', method=method, headers={'Sec-Fetch-Site': 'cross-site'}
            )
            self.assertStatus(response, 403)
        self.assertStatus(self.add_entry('Still here'), 200)

    def test_another_site_cannot_change_an_entry(self):
        self.add_entry('Title')
        for path in ['/edit/1', '/delete/1', '/restore/1', '/purge/1']:
            headers = {'Sec-Fetch-Site': 'cross-site', 'X-Requested-With': 'XMLHttpRequest'}
            form = {'title': 'Changed', 'text': ''}
            self.assertStatus(self.client.post(path, data=form, headers=headers), 403)
        self.assertEqual(self.titles(), ['Title'])

    def test_a_picture_in_an_entry_cannot_log_the_author_out(self):
        headers = {'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Dest': 'image'}
        self.assertStatus(self.client.get('/logout', headers=headers), 403)
        self.assertStatus(self.add_entry('Still here'), 200)

    def test_another_site_may_link_to_the_blog(self):
        response = self.client.get('/', headers={'Sec-Fetch-Site': 'cross-site'})
        self.assertStatus(response, 200)


class HeadersTest(FlaskrTestCase):
    def responses(self, **options):
        """Give one of every kind: a page, a redirect, a file, and errors."""
        for path in ['/', '/login', '/logout', '/static/style.css', '/static/none']:
            with self.client.get(path, **options) as response:
                yield response
        for method, path in [('GET', '/none'), ('GET', '/add'), ('OPTIONS', '/')]:
            yield self.client.open(path, method=method, **options)
        yield self.client.post('/add', **options)
        yield self.client.post('/', headers={'Origin': 'null'}, **options)
        yield self.client.get('/', headers={'Host': '..'}, **options)

    def test_every_response_forbids_foreign_scripts_frames_and_forms(self):
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; "
            "img-src 'self' https: data:; media-src 'self' https:; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        for response in self.responses():
            with self.subTest(path=response.request.path, status=response.status):
                self.assertEqual(response.headers['Content-Security-Policy'], policy)

    def test_every_response_forbids_to_guess_its_type(self):
        for response in self.responses():
            self.assertEqual(response.headers['X-Content-Type-Options'], 'nosniff')

    def test_every_response_keeps_addresses_from_other_sites(self):
        for response in self.responses():
            self.assertEqual(response.headers['Referrer-Policy'], 'same-origin')

    def test_every_response_is_asked_for_again(self):
        for response in self.responses():
            self.assertEqual(response.headers['Cache-Control'], 'no-cache')

    def test_every_response_by_https_lets_browsers_use_nothing_else_for_a_year(self):
        for response in self.responses(base_url='https://localhost'):
            header = response.headers['Strict-Transport-Security']
            self.assertEqual(header, 'max-age=31536000')

    def test_no_response_by_http_asks_for_https(self):
        for response in self.responses():
            self.assertNotIn('Strict-Transport-Security', response.headers)


class StaticFilesTest(FlaskrTestCase):
    YEAR = 'public, max-age=31536000, immutable'

    def address(self):
        with app.app.test_request_context():
            return flask.url_for('static', filename='style.css')

    def read(self, address, method='GET', **headers):
        """Give status, Cache-Control and ETag of an answer, and its length."""
        with self.client.open(address, method=method, headers=headers) as response:
            names = ['Cache-Control', 'ETag']
            return response.status_code, *map(response.headers.get, names), len(response.data)

    def cache_control(self, address):
        return self.read(address)[1]

    def test_the_address_holds_a_hash_of_the_content(self):
        with open(os.path.join(app.app.static_folder, 'style.css'), 'rb') as file:
            content_hash = hashlib.sha256(file.read()).hexdigest()
        self.assertEqual(self.address(), f'/static/style.css?v={content_hash[:16]}')

    def test_a_browser_keeps_it_for_a_year(self):
        self.assertEqual(self.cache_control(self.address()), self.YEAR)

    def test_under_another_address_it_is_asked_for_again(self):
        """As while a new version is deployed, on some of several servers."""
        for address in ['/static/style.css', '/static/style.css?v=', '/static/style.css?v=0123']:
            self.assertEqual(self.cache_control(address), 'no-cache')

    def test_a_file_that_is_missing_breaks_no_page(self):
        with app.app.test_request_context():
            self.assertEqual(flask.url_for('static', filename='none.css'), '/static/none.css')
        self.assertEqual(self.cache_control('/static/none.css'), 'no-cache')

    def test_a_way_around_to_a_file_is_no_error(self):
        self.assertEqual(self.cache_control('/static/none/../style.css?v=0123'), 'no-cache')

    def test_what_is_not_there_is_asked_for_again(self):
        for name in ['none.css', '../app.py', '%00']:
            for query in ['', '?v=', '?v=0123']:
                self.assertEqual(self.cache_control(f'/static/{name}{query}'), 'no-cache')

    def test_whatever_is_asked_for_no_other_file_is_opened(self):
        app.init_db()
        with tempfile.NamedTemporaryFile() as secret:
            way_out = '../' * app.app.static_folder.count('/')
            content_hash = hashlib.sha256(b'').hexdigest()[:16]
            for name in [secret.name, '/dev/zero', '/none', app.__file__]:
                path = f'/static/{way_out}{name[1:]}?v={content_hash}'
                with mock.patch('builtins.open', side_effect=AssertionError):
                    self.assertEqual(self.read(path, 'OPTIONS'), (200, 'no-cache', None, 0))
                    self.assertEqual(self.read(path)[0], 404)

    def test_no_date_is_too_late(self):
        self.login()  # the page cache answers readers
        late = f'Mon, 01 Jan {9**99} 00:00:00 GMT'
        for name in ['If-Range', 'If-Modified-Since', 'If-Unmodified-Since']:
            self.assertEqual(
                self.read('/static/style.css', Range='bytes=0-9', **{name: late})[0], 200
            )

    def test_while_working_on_the_blog_nothing_is_kept(self):
        with mock.patch.object(app.app.jinja_env, 'auto_reload', True):
            self.assertEqual(self.address(), '/static/style.css')

    def test_the_pages_use_such_addresses(self):
        addresses = re.findall(r'"(/static/[^"]*)"', self.read_index().get_data(as_text=True))
        self.assertEqual(len(addresses), 4)
        for address in addresses:
            self.assertRegex(address, r'\?v=[0-9a-f]{16}$')


class ReadingTest(FlaskrTestCase):
    def test_an_empty_blog_says_so(self):
        self.assertShows(self.read_index(), 'No entries yet. Add some!')

    def test_a_reader_sees_the_entries_newest_first(self):
        self.add_entries('Older', 'Newer')
        self.logout()
        self.assertEqual(self.titles(), ['Newer', 'Older'])

    def test_the_form_is_for_the_author_only(self):
        self.assertDoesNotShow(self.read_index(), '<textarea')
        self.login()
        self.assertShows(self.read_index(), '<textarea')

    def test_an_entry_tells_when_it_was_made(self):
        self.add_entries('Title')
        self.query("update entries set created = '2026-11-21T03:04:05Z'")
        self.assertShows(self.read_index(), 'datetime="2026-11-21T03:04:05Z">2026-11-21 03:04 UTC')

    def test_an_entry_tells_when_it_was_edited(self):
        self.add_entries('Title')
        self.query("update entries set updated = '2026-11-22T03:04:05Z'")
        self.assertShows(self.read_index(), 'datetime="2026-11-22T03:04:05Z"')

    def test_an_entry_of_the_tutorial_tells_no_time(self):
        self.add_entries('Title')
        self.query('update entries set created = null')
        self.assertDoesNotShow(self.read_index(), '<time')

    def test_an_entry_has_a_page_of_its_own(self):
        self.add_entries('First', 'Second')
        response = self.client.get('/entry/1')
        self.assertShows(response, '<title>First – Flaskr</title>')
        self.assertEqual(self.titles('/entry/1'), ['First'])

    def test_an_entry_that_is_not_there_has_no_page(self):
        for entry_id in ['1', '0', '-1', 'x', '9' * 30]:
            with self.subTest(entry_id=entry_id):
                self.assertStatus(self.client.get(f'/entry/{entry_id}'), 404)

    def test_an_entry_is_marked_up_for_readers_of_microformats(self):
        self.add_entries('Title')
        for name in ['h-entry', 'p-name', 'u-url', 'dt-published', 'e-content']:
            self.assertShows(self.read_index(), name)

    def test_an_entry_tells_other_sites_how_to_show_a_link_to_it(self):
        self.login()
        self.add_entry('My "title"', 'Some <em>fine</em> words')
        response = self.client.get('/entry/1')
        for name, content in [
            ('og:title', 'My &#34;title&#34;'),
            ('og:description', 'Some fine words'),
            ('og:url', 'http://localhost/entry/1'),
        ]:
            self.assertShows(response, f'<meta property="{name}" content="{content}">')
        self.assertShows(response, '<link rel="canonical" href="http://localhost/entry/1">')

    def test_every_page_tells_its_address_and_what_it_is_about(self):
        for path in ['/', '/login', '/search?q=x']:
            response = self.client.get(path)
            for name in ['og:title', 'og:description', 'og:url']:
                self.assertShows(response, f'<meta property="{name}" content="')
            self.assertShows(response, '<link rel="canonical"')

    def test_the_index_tells_its_own_address(self):
        for path in ['/', '/?before=7']:
            page = self.client.get(path).get_data(as_text=True)
            address = re.search('<link rel="canonical" href="([^"]*)"', page)[1]
            self.assertEqual(address, f'http://localhost{path}')

    def test_every_page_leads_to_the_feed_and_has_an_icon(self):
        for path in ['/', '/login', '/search', '/nowhere']:
            response = self.client.get(path)
            self.assertShows(response, 'type="application/atom+xml"')
            self.assertShows(response, '<link rel="icon"')

    def test_crawlers_are_shown_the_way(self):
        response = self.client.get('/robots.txt')
        self.assertEqual(response.mimetype, 'text/plain')
        self.assertShows(response, 'Sitemap: http://localhost/sitemap.xml')

    def test_the_sitemap_lists_the_index_and_the_entries_and_no_more(self):
        self.add_entries('First', 'Second', 'Third')
        self.query("update entries set updated = '2026-11-22T03:04:05Z' where id = 3")
        self.post('/delete/2')
        root = ElementTree.fromstring(self.client.get('/sitemap.xml').data)
        site = '{http://www.sitemaps.org/schemas/sitemap/0.9}'
        self.assertEqual(
            [place.text for place in root.iter(f'{site}loc')],
            ['http://localhost/', 'http://localhost/entry/3', 'http://localhost/entry/1'],
        )
        self.assertEqual(next(root.iter(f'{site}lastmod')).text, '2026-11-22T03:04:05Z')

    def test_the_sitemap_has_at_most_ten_thousand_addresses_the_newest(self):
        with app.app.app_context():
            rows = [[f'Entry {number}'] for number in range(10_005)]
            with app.get_db().transaction():
                app.get_db().executemany("insert into entries (title, text) values (?, '')", rows)
        page = self.client.get('/sitemap.xml').get_data(as_text=True)
        self.assertEqual(page.count('<loc>'), 10_000)
        self.assertIn('/entry/10005<', page)


class PagingTest(FlaskrTestCase):
    """The index in pages of two; entries are called after their ids."""

    def setUp(self):
        super().setUp()
        self.configure(PER_PAGE=2)
        self.add_entries('1', '2', '3', '4', '5')

    def test_a_page_has_the_configured_number_of_entries(self):
        self.assertEqual(self.titles('/'), ['5', '4'])

    def test_older_entries_follow_page_by_page(self):
        self.assertShows(self.client.get('/'), 'href="/?before=4"')
        self.assertEqual(self.titles('/?before=4'), ['3', '2'])
        self.assertShows(self.client.get('/?before=4'), 'href="/?before=2"')
        self.assertEqual(self.titles('/?before=2'), ['1'])

    def test_every_older_page_leads_to_the_newest_one(self):
        for path in ['/?before=4', '/?before=2']:
            self.assertShows(self.client.get(path), '<a href="/">Newest</a>')

    def test_the_newest_page_does_not_lead_to_itself(self):
        self.assertDoesNotShow(self.client.get('/'), '>Newest</a>')

    def test_the_last_page_has_no_older_one(self):
        self.assertDoesNotShow(self.client.get('/?before=2'), '>Older</a>')

    def test_a_new_entry_does_not_shift_what_somebody_is_reading(self):
        before = self.titles('/?before=4')
        self.add_entry('6')
        self.assertEqual(self.titles('/?before=4'), before)

    def test_a_page_may_start_from_an_entry_that_is_gone(self):
        self.post('/delete/4')
        self.assertEqual(self.titles('/?before=4'), ['3', '2'])

    def test_a_page_beyond_the_last_says_so(self):
        response = self.client.get('/?before=1')
        self.assertStatus(response, 200)
        self.assertShows(response, 'There is nothing older')

    def test_a_page_that_starts_nowhere_is_not_there(self):
        for start in ['x', '', '-1', '1.5', '9' * 30, '٣']:
            with self.subTest(start=start):
                response = self.client.get('/', query_string={'before': start})
                self.assertStatus(response, 404)


class SearchTest(FlaskrTestCase):
    def setUp(self):
        super().setUp()
        self.login()

    def found(self, query, **position):
        """Give the titles of what a search finds, without the marks."""
        address = '/search?' + urllib.parse.urlencode({'q': query, **position})
        return [re.sub('</?mark>', '', title) for title in self.titles(address)]

    def search(self, query):
        return self.client.get('/search', query_string={'q': query})

    def test_a_word_in_the_title_is_found(self):
        self.add_entries('Red apples', 'Green pears')
        self.assertEqual(self.found('apples'), ['Red apples'])

    def test_a_word_in_the_text_is_found(self):
        self.add_entry('Fruit', 'Some apples')
        self.assertEqual(self.found('apples'), ['Fruit'])

    def test_words_are_found_in_any_order_and_all_have_to_be_there(self):
        self.add_entries('Red apples', 'Green apples')
        self.assertEqual(self.found('apples red'), ['Red apples'])

    def test_the_beginning_of_a_word_finds_it(self):
        self.add_entries('Red apples')
        for query in ['appl', 'a', 'ap r']:
            self.assertEqual(self.found(query), ['Red apples'])

    def test_case_and_accents_make_no_difference(self):
        self.add_entries('Crème BRÛLÉE', 'Tromsø', 'Þorlákur', '日本語の話')
        for query in ['creme', 'CRÈME brulee', 'bru\u0302le\u0301e']:
            self.assertEqual(self.found(query), ['Crème BRÛLÉE'])
        self.assertEqual(self.found('þorlakur'), ['Þorlákur'])
        self.assertEqual(self.found('日本'), ['日本語の話'])

    def test_every_script_is_found_as_it_is_written(self):
        words = [
            'Мой',
            'ёлка',
            'Ελλάδα',
            'हिन्दी',
            'น้ำ',
            'שָׁלוֹם',
            'ガ',
            'm²',
            'ＡＢＣ',
            'ﬁnal',
            'Straße',
        ]
        for word in words:
            self.add_entry(word, '')
            with self.subTest(word=word):
                self.assertIn(word, self.found(word))

    def test_there_is_nothing_after_the_last_match(self):
        self.add_entries('Apples')
        self.assertEqual(self.found('apples', before=1), [])
        self.assertEqual(self.found('apples', after=1), ['Apples'])

    def test_the_best_match_comes_first(self):
        self.add_entry('In passing', 'A long text that mentions apples once among much else.')
        self.add_entry('Apples', 'All about apples')
        self.add_entry('Also in passing', 'Another long text that mentions apples only once.')
        self.add_entry('Pears', '')
        self.assertEqual(self.found('apples')[0], 'Apples')

    def test_more_of_the_words_in_the_title_are_better_and_then_newer_is_better(self):
        self.add_entry('Red apples', 'Fruit')
        self.add_entry('Apples', 'Red ones')
        self.add_entry('Fruit', 'Red apples, red apples, red apples')
        self.add_entry('Salad', 'With red apples')
        self.assertEqual(self.found('apples red'), ['Red apples', 'Apples', 'Salad', 'Fruit'])

    def test_any_string_is_taken_as_it_is_written(self):
        self.add_entry('col: NEAR(a b) "quoted" x* OR', 'AND NOT ^ -')
        for query in [
            '"',
            '*',
            'NEAR',
            'NEAR(',
            'col:',
            'title:col',
            '^',
            '-',
            "'",
            '\\',
            '%',
            '_',
        ]:
            with self.subTest(query=query):
                self.assertStatus(self.search(query), 200)
        for query in ['NEAR', 'col:', '"quoted"', 'x*', 'OR', 'and NOT', 'quoted\0']:
            with self.subTest(query=query):
                self.assertEqual(len(self.found(query)), 1)

    def test_a_very_long_query_is_no_error(self):
        for query in ['x' * 5000, 'x ' * 2500, 'x-' * 2500]:
            self.assertStatus(self.search(query), 200)

    def test_a_search_looks_for_few_words_and_parts_of_words(self):
        """For each part of a word takes SQLite as long as a word."""
        for query in ['a-' * 99, 'a- ' * 99, 'कि' * 99, 'ab.' * 10 + ' ' + 'cd_' * 90, 'a ' * 99]:
            words = ' '.join(app.split_words(query))
            self.assertEqual(len(re.findall(r'[^\W_]+', words)), 32)
            self.assertTrue(query.startswith(words))
            self.assertStatus(self.search(query), 200)
        self.assertEqual(app.split_words('x' * 999), ('x' * 200,))

    def test_signs_that_stand_for_many_letters_are_no_error(self):
        for sign in '㌖㍿ﷺ':  # kilometre, limited company, a blessing of four words
            with self.subTest(sign=sign):
                word = f'x{sign * 199}'
                self.assertStatus(self.add_entry(word, sign * 1000), 200)
                self.assertStatus(self.search(word), 200)
                self.assertStatus(self.search(' '.join([word] * 32)), 200)

    def test_a_match_is_marked_whatever_way_its_accents_are_stored(self):
        self.add_entry('cafe\u0301s', '')
        self.assertShows(self.search('café'), '<mark>cafés</mark>')

    def test_matches_are_marked(self):
        self.add_entry('Crème brûlée', 'A <em>creme</em> for you & me')
        response = self.search('CREME')
        self.assertShows(response, '<mark>Crème</mark> brûlée')
        self.assertShows(response, 'A <mark>creme</mark> for you &amp; me')

    def test_a_long_text_is_cut_around_the_first_match(self):
        self.add_entry('Title', 'before ' * 200 + 'needle' + ' after' * 200)
        response = self.search('needle')
        self.assertShows(response, 'before <mark>needle</mark> after')
        self.assertShows(response, '…')
        self.assertLess(len(response.data), 5000)

    def test_what_was_searched_for_is_escaped(self):
        self.assertShows(self.search('<b>"x"'), 'value="&lt;b&gt;&#34;x&#34;"')

    def test_an_empty_search_says_what_to_do(self):
        for path in ['/search', '/search?q=', '/search?q=+*+']:
            self.assertShows(self.client.get(path), 'Type one or more words')

    def test_a_search_that_finds_nothing_says_what_to_do(self):
        self.assertShows(self.search('zebra'), 'fewer or shorter words')

    def test_an_edit_is_found_by_its_new_words_only(self):
        self.add_entries('Old words')
        self.edit_entry(1, 'New words')
        self.assertEqual(self.found('old'), [])
        self.assertEqual(self.found('new'), ['New words'])

    def test_what_is_in_the_trash_is_not_found(self):
        self.add_entries('Apples')
        self.post('/delete/1')
        self.assertEqual(self.found('apples'), [])
        self.edit_entry(1, 'Pears')
        self.post('/restore/1')
        self.assertEqual(self.found('apples'), ['Apples'])

    def test_what_is_deleted_forever_is_not_found(self):
        self.add_entries('Apples')
        self.post('/delete/1')
        self.post('/purge/1')
        self.assertEqual(self.found('apples'), [])

    def test_results_are_paged_like_the_index(self):
        self.configure(PER_PAGE=2)
        self.add_entries('apple 1', 'apple 2', 'apple 3', 'apple 4', 'apple 5')
        self.assertEqual(self.found('apple'), ['apple 5', 'apple 4'])
        self.assertShows(self.search('apple'), 'href="/search?q=apple&amp;before=4"')
        self.assertEqual(self.found('apple', before=4), ['apple 3', 'apple 2'])
        self.assertEqual(self.found('apple', before=2), ['apple 1'])
        newest = '<a href="/search?q=apple">Newest</a>'
        self.assertShows(self.client.get('/search?q=apple&before=4'), newest)
        self.assertEqual(self.found('apple', before=99), ['apple 5', 'apple 4'])


class FeedTest(FlaskrTestCase):
    ATOM = '{http://www.w3.org/2005/Atom}'

    def read_feed(self, **options):
        response = self.client.get('/feed.xml', **options)
        self.assertEqual(response.mimetype, 'application/atom+xml')
        return ElementTree.fromstring(response.data)

    def texts(self, feed, name):
        return [element.text for element in feed.iter(self.ATOM + name)]

    def test_the_newest_fifty_entries_are_in_the_feed(self):
        self.add_entries(*[f'Entry {number}' for number in range(52)])
        titles = self.texts(self.read_feed(), 'title')
        self.assertEqual(titles[1:], [f'Entry {number}' for number in range(51, 1, -1)])

    def test_an_entry_is_in_it_with_its_full_content(self):
        self.login()
        self.add_entry('<Title>', 'Some **bold** words & a <b>tag</b>')
        feed = self.read_feed()
        self.assertEqual(self.texts(feed, 'title')[1], '<Title>')
        self.assertEqual(
            self.texts(feed, 'content'),
            ['<p>Some <strong>bold</strong> words &amp; a <b>tag</b></p>\n'],
        )

    def test_a_character_that_xml_forbids_does_not_break_it_however_it_is_written(self):
        self.login()
        self.add_entry('Title', 'a&#12;b &#xFFFE; \x0c')
        self.assertEqual(self.texts(self.read_feed(), 'content'), ['<p>ab  </p>\n'])

    def test_the_id_of_an_entry_stays_whatever_happens(self):
        self.add_entries('Title')
        ids = self.texts(self.read_feed(), 'id')
        self.edit_entry(1, 'Another title')
        self.post('/delete/1')
        self.post('/restore/1')
        feed = self.read_feed(base_url='https://example.org')
        self.assertEqual(self.texts(feed, 'id')[1], ids[1])

    def test_entries_have_different_ids(self):
        self.add_entries('One', 'Two')
        ids = self.texts(self.read_feed(), 'id')
        self.assertEqual(len(set(ids)), 3)

    def test_the_times_tell_of_edits(self):
        self.add_entries('Title')
        self.query("update entries set created = '2026-11-21T03:04:05Z'")
        self.assertEqual(self.texts(self.read_feed(), 'updated'), ['2026-11-21T03:04:05Z'] * 2)
        self.query("update entries set updated = '2026-11-22T03:04:05Z'")
        feed = self.read_feed()
        self.assertEqual(self.texts(feed, 'updated'), ['2026-11-22T03:04:05Z'] * 2)
        self.assertEqual(self.texts(feed, 'published'), ['2026-11-21T03:04:05Z'])

    def test_an_entry_of_the_tutorial_has_some_time_since_a_feed_needs_one(self):
        self.add_entries('Title')
        self.query('update entries set created = null')
        self.assertEqual(self.texts(self.read_feed(), 'updated'), ['1970-01-01T00:00:00Z'] * 2)

    def test_links_are_absolute(self):
        self.add_entries('Title')
        links = [link.get('href') for link in self.read_feed().iter(f'{self.ATOM}link')]
        self.assertEqual(
            links, ['http://localhost/', 'http://localhost/feed.xml', 'http://localhost/entry/1']
        )

    def test_links_in_a_text_start_from_its_entry(self):
        self.add_entries('Title')
        base = '{http://www.w3.org/XML/1998/namespace}base'
        content = next(self.read_feed().iter(f'{self.ATOM}content'))
        self.assertEqual(content.get(base), 'http://localhost/entry/1')

    def test_characters_that_xml_forbids_do_not_break_it(self):
        self.login()
        forbidden = '\x00\x0b\x1f\ufffe\uffff'
        self.add_entry(f'T{forbidden}itle', f't{forbidden}ext \U0001f600')
        feed = self.read_feed()
        self.assertEqual(self.texts(feed, 'title')[1], 'Title')
        self.assertIn('\U0001f600', self.texts(feed, 'content')[0])

    def test_an_empty_blog_has_a_feed(self):
        self.assertEqual(self.texts(self.read_feed(), 'title'), ['Flaskr'])

    def test_what_is_in_the_trash_is_not_in_the_feed(self):
        self.add_entries('Title')
        self.post('/delete/1')
        self.assertEqual(self.texts(self.read_feed(), 'title'), ['Flaskr'])


class TextTest(unittest.TestCase):
    """What becomes of the text of an entry."""

    def assertBecomes(self, html, text):
        self.assertEqual(texts.render_text(text).strip(), html)

    def assertBalanced(self, html):
        """Assert that each tag is closed where it was opened, and nothing else."""
        void, opened = {'br', 'hr', 'img', 'input', 'source', 'track', 'wbr', 'col'}, []
        for slash, name in re.findall('<(/?)([a-z0-9]+)', html):
            if slash:
                self.assertEqual(opened.pop(), name)
            elif name not in void:
                opened.append(name)
        self.assertEqual(opened, [])

    def test_html_comes_out_as_it_was_written(self):
        html = '<strong>HTML</strong> allowed here'
        self.assertBecomes(f'<p>{html}</p>', html)

    def test_plain_lines_look_as_they_were_typed(self):
        self.assertBecomes('<p>One<br>\nTwo</p>', 'One\r\nTwo')

    def test_markdown_is_rendered(self):
        self.assertBecomes(
            '<p><em>a</em> <a href="https://example.org">b</a></p>', '*a* [b](https://example.org)'
        )

    def test_a_bare_address_is_a_link(self):
        for text, address in [
            ('https://example.org/a?b&c', 'https://example.org/a?b&amp;c'),
            ('www.example.org', 'http://www.example.org'),
            ('me@example.org', 'mailto:me@example.org'),
        ]:
            self.assertIn(f'<a href="{address}">', texts.render_text(f'See {text}.'))

    def test_what_is_struck_out_is_marked_as_deleted(self):
        self.assertBecomes('<p><del>old</del> new</p>', '~~old~~ new')

    def test_a_table_has_its_columns_aligned_and_can_be_scrolled_by_keyboard(self):
        html = texts.render_text('| a | b |\n|:-:|--:|\n| 1 | 2 |')
        self.assertIn('<table tabindex="0">', html)
        self.assertIn('<th class="center">a</th>', html)
        self.assertIn('<td class="right">2</td>', html)

    def test_wide_code_can_be_scrolled_by_keyboard(self):
        self.assertBecomes('<pre tabindex="0"><code>a  b\n</code></pre>', '```python\na  b\n```')

    def test_a_task_is_a_box_that_nobody_can_tick(self):
        html = texts.render_text('- [ ] open\n- [x] done')
        self.assertEqual(html.count('<input aria-label="Done" type="checkbox" '), 2)
        self.assertEqual(html.count('disabled=""'), 2)
        self.assertEqual(html.count('checked=""'), 1)

    def test_pictures_wait_until_they_are_needed(self):
        self.assertBecomes('<p><img src="/a.png" alt="b" loading="lazy"></p>', '![b](/a.png)')

    def test_a_picture_may_be_in_the_text_itself(self):
        self.assertIn(
            'src="data:image/png;base64,AA"', texts.render_text('![](data:image/png;base64,AA)')
        )

    def test_sound_and_film_can_be_played(self):
        for name in ['audio', 'video']:
            html = texts.render_text(
                f'<{name} src="/a"><source src="https://example.org/b"></{name}>'
            )
            self.assertIn(f'<{name} src="/a" controls="">', html)
            self.assertIn('<source src="https://example.org/b">', html)

    def test_what_a_text_leaves_open_is_closed(self):
        for text in [
            '<b>bold', '<!-- note', '<plaintext>', '<noframes>', '<template><template>',
            '<object>', '<div title="', '</div></article></main>', '<textarea>', '<title>',
            '<style>', '<script>', '<select><option>', '<svg><style>', '<math><mtext>',
            '<table><tr><td>', '<xmp>', '<a href="', '<iframe>', '<noscript>', '<li>', '</p>',
            '<form action="/logout">', '<details><summary>',
        ]:  # fmt: skip
            for markdown in [text, f'Before {text} after', f'> * {text}\n\nafter']:
                with self.subTest(markdown=markdown):
                    self.assertBalanced(texts.render_text(markdown))

    # Or what is done to the cleaned HTML could break out of an attribute.
    ESCAPED = '<p><a href="/" title="&lt;input &lt;td align=&quot;left&quot;">x</a></p>'

    def test_what_could_do_harm_is_dropped(self):
        for text, rest in [
            ('<meta http-equiv="refresh" content="0; url=https://evil.test">', ''),
            ('<base href="https://evil.test">', ''),
            ('<link rel="stylesheet" href="/x">', ''),
            ('<script>x</script><style>x</style>', ''),
            ('<a href="/" ping="/logout" target="x">x</a>', '<p><a href="/">x</a></p>'),
            ('<form action="/edit/1" method="post"><button>x</button></form>', 'x'),
            ('<iframe src="/x"></iframe>', ''),
            ('<div id="a" name="b" class="c" style="d">x</div>', '<div>x</div>'),
            ('<div onclick="a" data-login="b" tabindex="1">x</div>', '<div>x</div>'),
            ('<img name="body" alt="">', '<img alt="" loading="lazy">'),
            ('<img src="x" onerror="alert(1)">', '<img src="x" loading="lazy">'),
            ('<object data="/x"></object><embed src="/x">', '<p></p>'),
            ('<svg onload="x"><a href="/">x</a></svg>', '<p></p>'),
            ('[x](javascript:alert(1))', '<p><a>x</a></p>'),
            ('<a href="java&#10;script:x">x</a>', '<p><a>x</a></p>'),
            ('[x](data:text/html,x)', '<p><a>x</a></p>'),
            ('<a href="&#1;data:text/html,x">x</a>', '<p><a>x</a></p>'),
            ('<a href="da&#9;ta:text/html,x">x</a>', '<p><a>x</a></p>'),
            ('<a href="/" title="<input <td align=&quot;left&quot;">x</a>', self.ESCAPED),
            ('<input name="x" type="submit">', '<input aria-label="Done" disabled="">'),
        ]:  # fmt: skip
            with self.subTest(text=text):
                self.assertBecomes(rest, text)

    def test_a_megabyte_of_tags_within_tags_is_shown_as_it_was_typed(self):
        for text in [
            '> ' * 500_000,
            '<div>' * 200_000,
            '<b><i>' * 100_000,
            '</x><div>' * 110_000,
            '<b title=i>' * 900 + '<p>x' * 8000,
        ]:
            self.assertBecomes(f'<pre tabindex="0">{html.escape(text)}</pre>', text)

    def test_a_table_of_millions_of_cells_is_none(self):
        for columns, rows in [(4000, 400), (1000, 1000), (20_000, 25)]:
            head = '|' + 'a|' * columns + '\n|' + '-|' * columns + '\n'
            self.assertNotIn('<td', texts.render_text(head + '|x|\n' * rows))
        self.assertIn('<td', texts.render_text('|a|b|\n|-|-|\n' + '|x|y|\n' * 5000))

    def test_a_megabyte_of_bare_addresses_is_none(self):
        self.assertNotIn('<a', texts.render_text('a@b.example ' * 80_000))
        self.assertIn('<a', texts.render_text('a@b.example ' * 2000))

    def test_a_thousand_lines_and_paragraphs_are_not_within_each_other(self):
        self.assertIn('<br>', texts.render_text('line\n' * 2000))
        self.assertIn('<li>', texts.render_text('<ul>' + '<li>item' * 2000))


class WritingTest(FlaskrTestCase):
    def test_a_new_entry_is_on_the_index(self):
        self.login()
        response = self.add_entry('Hello', 'World')
        self.assertShows(response, 'New entry was successfully posted')
        self.assertShows(response, 'Hello')
        self.assertShows(response, 'World')

    def test_a_post_redirects_so_that_a_reload_does_not_post_again(self):
        self.login()
        response = self.client.post('/add', data={'title': 'Title', 'text': ''})
        self.assertStatus(response, 302)
        self.assertEqual(response.location, '/')

    def test_the_title_is_escaped(self):
        self.login()
        self.assertShows(self.add_entry('<Hello>'), '&lt;Hello&gt;')

    def test_the_text_is_html(self):
        self.login()
        html = '<strong>HTML</strong> allowed here'
        self.assertShows(self.add_entry('Title', html), html)

    def test_a_stranger_cannot_post(self):
        self.assertStatus(self.add_entry('Title'), 401)
        self.assertShows(self.read_index(), 'No entries yet')

    def test_a_blank_title_is_refused(self):
        self.login()
        for title in ['', ' \t\n', '\u00a0']:
            with self.subTest(title=title):
                response = self.add_entry(title)
                self.assertStatus(response, 400)
                self.assertShows(response, 'Title is required.')
                self.assertShows(response, 'No entries yet')

    def test_a_page_with_an_error_leads_on_to_older_entries_too(self):
        self.configure(PER_PAGE=1)
        self.add_entries('First', 'Second')
        self.assertShows(self.add_entry(' '), 'href="/?before=2"')

    def test_a_blank_title_loses_nothing_that_was_typed(self):
        self.login()
        response = self.add_entry('', '\nOne\nTwo </textarea> & three')
        self.assertShows(response, '>\n\nOne\nTwo &lt;/textarea&gt; &amp; three</textarea>')

    def test_a_post_that_is_sent_again_is_stored_once(self):
        """Browsers send it again by themselves when the answer was lost."""
        self.login()
        form = {'title': 'Once', 'text': 'Text', 'key': 'the key of the form'}
        for _ in range(2):
            self.assertStatus(self.client.post('/add', data=form), 302)
        self.assertEqual(self.titles(), ['Once'])

    def test_any_key_is_taken(self):
        self.login()
        for key in ['', 'a\0b', 'é' * 10_000, 'é' * 10_001]:
            form = {'title': key[:5] or 'No key', 'text': '', 'key': key}
            self.assertStatus(self.client.post('/add', data=form), 302)
        self.assertEqual(len(self.titles()), 3)

    def test_a_form_that_is_sent_again_with_other_words_loses_none(self):
        self.login()
        for title in ['One', 'Two']:
            self.client.post('/add', data={'title': title, 'text': '', 'key': 'the same'})
        self.assertEqual(self.titles(), ['Two', 'One'])

    def test_a_form_that_is_sent_again_after_its_entry_was_deleted_stores_it(self):
        self.login()
        form = {'title': 'Again', 'text': '', 'key': 'the same'}
        self.client.post('/add', data=form)
        self.post('/delete/1')
        self.client.post('/add', data=form)
        self.assertEqual(self.titles(), ['Again'])

    def test_the_forms_of_new_entries_have_different_keys(self):
        self.login()
        keys = {
            re.search('name="key" value="([0-9a-f]+)"', self.read_index().get_data(as_text=True))[1]
            for _ in range(2)
        }
        self.assertEqual(len(keys), 2)

    def test_what_a_text_leaves_open_does_not_swallow_the_next_entry(self):
        self.add_entries('Next')
        for opening in ['<!-- note', '<textarea>', '<plaintext>', '<form action="/logout">']:
            self.assertDoesNotShow(self.add_entry('Open', f'{opening}text'), f'{opening}text')
        self.assertEqual(self.titles(), ['Open'] * 4 + ['Next'])

    def test_a_missing_field_is_refused(self):
        self.add_entries('Title')
        for path in ['/add', '/edit/1']:
            for form in [{}, {'title': 'New'}, {'text': 'New'}]:
                with self.subTest(path=path, form=form):
                    self.assertStatus(self.client.post(path, data=form), 400)
        self.assertEqual(self.titles(), ['Title'])

    def test_nothing_is_changed_by_reading(self):
        self.add_entries('Title')
        for path in ['/add', '/delete/1', '/restore/1', '/purge/1']:
            self.assertStatus(self.client.get(path), 405)
        self.assertEqual(self.titles(), ['Title'])

    def test_a_stranger_can_change_nothing(self):
        self.add_entries('Kept', 'In the trash')
        self.post('/delete/2')
        self.logout()
        for path in ['/edit/1', '/delete/1', '/restore/2', '/purge/2']:
            form = {'title': 'Changed', 'text': ''}
            self.assertStatus(self.client.post(path, data=form), 401)
        self.assertEqual(self.titles(), ['Kept'])
        self.login()
        self.assertEqual(self.titles('/trash'), ['In the trash'])

    def test_a_stranger_who_opens_a_page_for_the_author_is_asked_to_log_in(self):
        for path in ['/edit/1', '/trash', '/trash?before=7']:
            response = self.client.get(path)
            self.assertStatus(response, 302)
            self.assertEqual(response.location, '/login')

    def test_what_is_not_there_cannot_be_changed(self):
        self.login()
        self.assertStatus(self.client.get('/edit/1'), 404)
        for path in ['/edit/1', '/delete/1', '/restore/1', '/purge/1']:
            form = {'title': 'Title', 'text': ''}
            self.assertStatus(self.client.post(path, data=form), 404)


class EditTest(FlaskrTestCase):
    def setUp(self):
        super().setUp()
        self.login()
        self.add_entry('Title', 'Text')
        self.query("update entries set created = '2026-11-21T03:04:05Z'")

    def test_the_form_has_what_was_saved(self):
        response = self.client.get('/edit/1')
        self.assertShows(response, 'value="Title"')
        self.assertShows(response, '>\nText</textarea>')

    def test_an_edit_is_on_the_page_of_the_entry(self):
        response = self.edit_entry(1, 'New title', 'New text')
        self.assertEqual(response.request.path, '/entry/1')
        self.assertShows(response, 'The entry was saved')
        self.assertShows(response, 'New title')
        self.assertShows(response, 'New text')

    def test_an_edit_keeps_the_id_and_the_time_and_tells_its_own(self):
        self.edit_entry(1, 'New title')
        ((entry_id, created, updated),) = self.query('select id, created, updated from entries')
        self.assertEqual((entry_id, created), (1, '2026-11-21T03:04:05Z'))
        self.assertRegex(updated, r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')

    def test_a_blank_title_is_refused_and_nothing_typed_is_lost(self):
        response = self.edit_entry(1, ' ', 'New text')
        self.assertStatus(response, 400)
        self.assertShows(response, 'Title is required.')
        self.assertShows(response, '>\nNew text</textarea>')
        self.assertEqual(self.titles(), ['Title'])

    def test_an_edit_that_is_sent_again_is_no_conflict(self):
        for _ in range(2):
            self.assertStatus(self.edit_entry(1, 'New', 'Text', version=1), 200)

    def test_saving_over_a_newer_save_is_refused(self):
        self.edit_entry(1, 'From one tab', version=1)
        response = self.edit_entry(1, 'From another tab', version=1)
        self.assertStatus(response, 409)
        self.assertEqual(self.titles(), ['From one tab'])

    def test_a_refused_save_shows_both_texts(self):
        self.edit_entry(1, 'One', 'Text from one tab', version=1)
        response = self.edit_entry(1, 'Two', 'Text from another tab', version=1)
        self.assertShows(response, '>\nText from another tab</textarea>')
        self.assertShows(response, 'Text from one tab')

    def test_after_seeing_both_texts_the_author_can_save(self):
        self.edit_entry(1, 'One', version=1)
        response = self.edit_entry(1, 'Two', version=1)
        version = re.search(r'name="version" value="(\d+)"', response.get_data(as_text=True))[1]
        self.assertStatus(self.edit_entry(1, 'Both', version=version), 200)
        self.assertEqual(self.titles(), ['Both'])

    def test_a_version_that_is_no_number_is_refused(self):
        for version in ['x', '9' * 30]:
            self.assertStatus(self.edit_entry(1, 'New', version=version), 400)

    def test_an_edit_of_an_entry_that_is_gone_loses_nothing_that_was_typed(self):
        self.post('/delete/1')
        response = self.edit_entry(1, 'New title', 'New text')
        self.assertStatus(response, 404)
        self.assertShows(response, '>\nNew text</textarea>')
        self.assertShows(response, 'action="/add"')
        self.assertShows(response, 'There is no such entry')
        self.assertShows(response, '<label for="title-1">')  # beside the form for a new entry


class TrashTest(FlaskrTestCase):
    def setUp(self):
        super().setUp()
        self.add_entries('First', 'Second', 'Third')
        self.query("update entries set created = '2026-11-21T03:04:05Z'")

    def test_a_deleted_entry_leaves_the_blog_at_once(self):
        self.post('/delete/2')
        self.assertEqual(self.titles(), ['Third', 'First'])
        self.assertStatus(self.client.get('/entry/2'), 404)
        self.assertStatus(self.client.get('/edit/2'), 404)

    def test_a_message_about_a_long_title_fits_into_a_cookie(self):
        self.add_entry('\U0001f600' * 3000)
        for path in ['/delete/4', '/restore/4', '/delete/4', '/purge/4']:
            response = self.client.post(path)
            self.assertStatus(response, 302)
            self.assertLess(len(response.headers['Set-Cookie']), 4000)
            self.assertShows(self.client.get('/trash'), '\U0001f600…”')

    def test_the_message_carries_an_undo_button(self):
        response = self.post('/delete/2')
        self.assertShows(response, '“Second” is in the trash')
        self.assertShows(response, 'action="/restore/2"')

    def test_undo_brings_an_entry_back_as_it_was(self):
        query = 'select id, title, text, created, updated from entries order by id'
        before = self.query(query)
        self.post('/delete/2')
        self.assertShows(self.post('/restore/2'), '“Second” is back')
        self.assertEqual(self.titles(), ['Third', 'Second', 'First'])
        self.assertEqual(self.query(query), before)

    def test_pressing_a_button_twice_does_no_harm(self):
        self.post('/delete/2')
        self.assertStatus(self.post('/delete/2'), 404)
        self.post('/restore/2')
        self.assertStatus(self.post('/restore/2'), 404)
        self.assertEqual(self.titles(), ['Third', 'Second', 'First'])

    def test_the_trash_lists_what_is_there(self):
        self.post('/delete/1')
        self.post('/delete/3')
        self.assertEqual(self.titles('/trash'), ['Third', 'First'])

    def test_an_empty_trash_says_so(self):
        self.assertShows(self.client.get('/trash'), 'The trash is empty')

    def test_the_trash_is_paged_like_the_index(self):
        self.configure(PER_PAGE=2)
        for entry_id in [1, 2, 3]:
            self.post(f'/delete/{entry_id}')
        self.assertEqual(self.titles('/trash'), ['Third', 'Second'])
        self.assertEqual(self.titles('/trash?before=2'), ['First'])

    def test_an_entry_in_the_trash_can_be_deleted_forever(self):
        self.post('/delete/2')
        response = self.post('/purge/2')
        self.assertEqual(response.request.path, '/trash')
        self.assertShows(response, '“Second” is deleted forever')
        self.assertEqual(self.query('select count(*) from entries'), [(2,)])

    def test_only_what_is_in_the_trash_can_be_deleted_forever(self):
        self.assertStatus(self.post('/purge/2'), 404)
        self.assertEqual(self.titles(), ['Third', 'Second', 'First'])


class AccountTest(FlaskrTestCase):
    def test_the_author_can_log_in_and_out(self):
        self.assertShows(self.login(), 'You were logged in')
        self.assertShows(self.logout(), 'You were logged out')

    def test_logging_out_takes_the_form_away(self):
        self.login()
        self.assertDoesNotShow(self.logout(), '<textarea')

    def log_in_from(self, path, **options):
        """Log in with the form; give where that leads."""
        form = {'username': 'admin', 'password': 'admin'}
        return self.client.post(path, data=form, **options).location

    def test_after_logging_in_the_author_is_back_at_the_page_that_was_asked_for(self):
        for target in ['/trash', '/edit/1', '/trash?before=7']:
            response = self.client.get(target)
            self.assertEqual(response.location, '/login')
            self.assertEqual(self.log_in_from('/login'), target)
            self.logout()

    def test_a_blog_in_a_folder_is_not_left_either(self):
        blog = {'base_url': 'http://localhost/blog'}
        self.client.get('/trash', **blog)
        self.assertEqual(self.log_in_from('/login', **blog), '/blog/trash')

    def test_the_page_that_was_asked_for_is_forgotten_once_it_was_shown(self):
        self.client.get('/trash')
        self.log_in_from('/login')
        self.logout()
        self.assertEqual(self.log_in_from('/login'), '/')

    def test_a_mistyped_password_does_not_forget_the_page_that_was_asked_for(self):
        self.client.get('/trash')
        self.login(password='wrong')
        self.assertEqual(self.log_in_from('/login'), '/trash')

    def test_no_address_says_where_a_login_leads(self):
        for target in ['https://evil.test', '//evil.test', '/./logout', '/%256cogout', '/trash']:
            self.assertEqual(self.log_in_from(f'/login?next={target}'), '/')

    def test_an_address_that_makes_no_sense_is_no_error(self):
        for query in ['before=x', 'after=%ff&before=%0d%0aSet-Cookie:x', '_external=1&_scheme=x']:
            self.assertEqual(self.client.get(f'/trash?{query}').location, '/login')
        self.assertRegex(self.log_in_from('/login'), '^/trash')

    def test_a_wrong_name_is_refused(self):
        self.assertShows(self.login(username='adminx'), 'Invalid username')
        self.assertStatus(self.add_entry('Title'), 401)

    def test_a_wrong_password_is_refused(self):
        self.assertShows(self.login(password='adminx'), 'Invalid password')
        self.assertStatus(self.add_entry('Title'), 401)

    def test_nothing_is_typed_into_the_form_by_a_request_for_it(self):
        """A cache on the way would show it to all."""
        form = {'content_type': 'application/x-www-form-urlencoded', 'data': 'username=somebody'}
        self.client.set_cookie('session', 'any')  # so that no kept page is shown
        self.assertDoesNotShow(self.client.get('/login', **form), 'somebody')

    def test_a_failed_login_keeps_the_typed_name(self):
        self.assertShows(self.login(username='<me>'), 'value="&lt;me&gt;"')

    def test_a_failed_login_does_not_keep_the_typed_password(self):
        self.assertDoesNotShow(self.login(password='secret word'), 'secret word')

    def test_a_login_with_a_missing_field_is_refused(self):
        for form in [{}, {'username': 'admin'}, {'password': 'admin'}]:
            with self.subTest(form=form):
                self.assertStatus(self.client.post('/login', data=form), 400)

    def test_served_without_a_password_the_blog_can_be_read(self):
        self.configure(TESTING=False)
        self.assertStatus(self.read_index(), 200)

    def test_served_without_a_password_nobody_can_log_in(self):
        self.configure(TESTING=False)
        self.assertStatus(self.login(), 403)
        self.assertStatus(self.add_entry('Title'), 401)

    def test_served_without_a_password_the_login_page_tells_how_to_set_one(self):
        self.configure(TESTING=False)
        response = self.client.get('/login')
        self.assertStatus(response, 403)
        self.assertShows(
            response, "FLASKR_PASSWORD='a password of your own' .venv/bin/gunicorn app:app"
        )
        self.assertShows(response, 'heroku config:set FLASKR_PASSWORD=')
        self.assertDoesNotShow(response, '<form')

    def test_a_hash_does_not_bring_the_default_password_to_the_internet(self):
        self.configure(TESTING=False, PASSWORD=generate_password_hash('admin'))
        self.assertShows(self.login(), 'Invalid password')


class ErrorPagesTest(FlaskrTestCase):
    def assertPlainPage(self, response, status, words):
        """Assert that an error is told in the blog's own design and in plain words."""
        self.assertStatus(response, status)
        self.assertShows(response, '<a class="name" href="/">Flaskr</a>')
        self.assertShows(response, words)
        self.assertDoesNotShow(response, 'Traceback')

    def test_an_unknown_page(self):
        for path in ['/nowhere', '/static/nowhere.css', '/static/../app.py', '/%00']:
            with self.subTest(path=path):
                self.assertPlainPage(self.client.get(path), 404, 'There is no such page')

    def test_a_page_that_does_not_take_this_kind_of_request(self):
        response = self.client.delete('/')
        self.assertPlainPage(response, 405, 'This page cannot do that')
        self.assertIn('GET', response.headers['Allow'])

    def test_a_form_with_a_missing_field(self):
        self.assertPlainPage(
            self.client.post('/login'), 400, 'Part of the form is missing or wrong'
        )

    def test_a_post_by_somebody_who_is_not_logged_in(self):
        self.assertPlainPage(self.add_entry('Title'), 401, 'You are not logged in')

    def test_an_entry_that_is_not_there(self):
        self.assertPlainPage(self.client.get('/entry/7'), 404, 'There is no such entry')

    def test_a_post_by_somebody_who_is_not_logged_in_leads_to_the_login(self):
        for path in ['/add', '/delete/1']:
            self.assertShows(self.post(path), 'href="/login" target="_blank"')

    def test_a_post_by_somebody_who_is_not_logged_in_is_not_lost(self):
        response = self.add_entry('My <title>', 'My text')
        self.assertShows(response, 'value="My &lt;title&gt;"')
        self.assertShows(response, '\nMy text</textarea>')

    def test_a_post_from_another_site(self):
        response = self.client.post('/add', headers={'Origin': 'null'})
        self.assertPlainPage(response, 403, 'This came from another site')

    def test_a_body_over_four_megabytes(self):
        self.login()
        response = self.add_entry('Title', 'x' * 4 * 1024 * 1024)
        self.assertPlainPage(response, 413, 'That is too much at once')

    def test_a_body_of_almost_four_megabytes_is_stored(self):
        self.login()
        for letter in ['x', '\u0436']:
            text = letter * (4_190_000 // len(urllib.parse.quote(letter)))
            self.assertStatus(self.client.post('/add', data={'title': 'x', 'text': text}), 302)
        lengths = self.query('select length(text) from entries order by id')
        self.assertEqual(lengths, [(4_190_000,), (698_333,)])

    def test_the_advice_tells_what_can_be_sent(self):
        self.login()
        advice = self.client.post('/add', data=b'x' * 2**23).get_data(as_text=True)
        for number, letter in [('4 million', 'x'), ('650,000', 'ж'), ('450,000', '中')]:
            self.assertIn(number, advice)
            count = int(number.replace(' million', '000000').replace(',', ''))
            body = f'title=x&text={urllib.parse.quote(letter * count)}'
            self.assertLess(len(body), app.MAX_CONTENT_LENGTH)

    def test_a_body_that_the_server_cannot_read(self):
        """As gunicorn, whose exceptions of a broken chunk are its own."""
        broken = mock.Mock(spec=['read'], read=mock.Mock(side_effect=EOFError))
        body = {'wsgi.input': broken, 'wsgi.input_terminated': True}
        response = self.client.post('/add', environ_overrides=body)
        self.assertPlainPage(response, 400, 'Part of the form is missing or wrong')

    def test_a_form_of_very_many_fields(self):
        with self.client:
            response = self.client.post('/nowhere', data=dict.fromkeys(map(str, range(102)), ''))
            self.assertStatus(response, 400)
            self.assertNotIn('typed', flask.g)  # where each field takes much memory
        self.assertStatus(self.client.post('/nowhere', data={'text': '&' * 1000}), 404)

    def test_a_form_in_parts_may_be_as_long_as_another(self):
        self.login()
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in [('title', 'x'), ('text', 'x' * 4_190_000)]
        ]
        response = self.client.post(
            '/add', data=f'{"".join(parts)}--b--', content_type='multipart/form-data; boundary=b'
        )
        self.assertStatus(response, 302)

    def test_a_name_that_no_address_can_be_built_with(self):
        for path in ['/', '/static/style.css', '/nowhere']:
            for host in ['..', '', ':', ':80', 'a:99999', 'a b', 'a,b', 'a@b', 'a/b', '[', '"']:
                response = self.client.get(path, headers={'Host': host})
                self.assertStatus(response, 400)
                self.assertIn('Content-Security-Policy', response.headers)

    def test_an_address_that_is_no_text(self):
        for path in ['/', '/search', '/trash', '/login', '/static/style.css', '/nowhere']:
            response = self.client.get(path, environ_overrides={'QUERY_STRING': 'q=\xff'})
            self.assertPlainPage(response, 400, 'Part of the form is missing or wrong')

    def test_a_post_that_is_not_lost_comes_without_an_alarm(self):
        self.assertShows(self.add_entry('Title'), 'id="error-new" hidden>')

    def test_the_author_stays_logged_in_on_an_error_page(self):
        self.login()
        response = self.add_entry('Title', 'x' * 4 * 1024 * 1024)
        self.assertDoesNotShow(response, 'Log in')

    def test_a_mistake_in_the_code(self):
        self.configure(PROPAGATE_EXCEPTIONS=False)
        with (
            mock.patch.object(app, 'find_page', side_effect=ZeroDivisionError),
            self.assertLogs(app.app.logger, 'ERROR') as logs,
        ):
            response = self.read_index()
        self.assertPlainPage(response, 500, 'Something broke')
        self.assertIn('ZeroDivisionError', logs.output[0])


class DatabaseTroubleTest(SqliteTestCase):
    """A database that fails: the reader is told, nothing typed or stored is lost."""

    def setUp(self):
        super().setUp()
        self.login()
        self.add_entry('Before the trouble')
        self.configure(DATABASE_TIMEOUT=0.01)

    def lock(self, kind):
        db = sqlite3.connect(self.database, isolation_level=None)
        db.execute(f'begin {kind}')
        self.addCleanup(db.close)
        return db

    def corrupt(self):
        with open(self.database, 'r+b') as file:
            file.write(b'not a database any more' * 10)

    def pragma(self, pragma):
        """Make each connection start with this pragma."""
        self.enterContext(self.each_connection(lambda db: db.execute(f'pragma {pragma}')))

    def assertTrouble(self, words, text='What I typed', details='sqlite3'):
        """Assert that a post says what is wrong and gives the text back."""
        with self.assertLogs(app.app.logger, 'ERROR') as logs:
            response = self.add_entry('Title', text)
        self.assertIn(details, logs.output[0])
        self.assertStatus(response, 503)
        self.assertShows(response, words)
        self.assertShows(response, 'value="Title"')
        self.assertShows(response, f'\n{text[:100]}')
        self.assertDoesNotShow(response, 'Traceback')

    def test_a_locked_database(self):
        self.lock('immediate')
        self.assertTrouble('The database is busy', details='database is locked')

    def test_a_database_that_is_locked_for_readers_too(self):
        self.lock('exclusive')
        self.assertTrouble('The database is busy')

    def test_a_locked_database_that_can_be_read_still_shows_the_entries(self):
        self.lock('immediate')
        self.assertShows(self.read_index(), 'Before the trouble')

    def test_a_read_only_database(self):
        self.pragma('query_only = true')
        self.assertTrouble('The database can only be read')

    def test_a_full_disk(self):
        self.pragma('max_page_count = 1')
        self.assertTrouble('The disk is full', text='x' * 100_000)

    def test_a_corrupted_database(self):
        self.corrupt()
        self.assertTrouble('The database is damaged')

    def test_a_corrupted_database_is_left_as_it_is(self):
        self.corrupt()
        with open(self.database, 'rb') as file:
            before = file.read()
        with self.assertLogs(app.app.logger, 'ERROR'):
            self.add_entry('Title')
            self.read_index()
        with open(self.database, 'rb') as file:
            self.assertEqual(file.read(), before)

    def test_init_db_says_in_one_line_why_it_fails(self):
        self.corrupt()
        result = app.app.test_cli_runner().invoke(args=['init-db'])
        self.assertEqual(result.exit_code, 1)
        self.assertEqual(
            result.output, f'The database {self.database} cannot be used: file is not a database\n'
        )

    def test_a_database_in_a_folder_that_does_not_exist(self):
        self.configure(DATABASE=os.path.join(self.database, 'nowhere', 'flaskr.db'))
        self.assertTrouble('The database cannot be used')

    def test_no_command_shows_the_password_of_a_url(self):
        self.configure(DATABASE='mysql://me:hunter2@localhost/blog')
        result = app.app.test_cli_runner().invoke(args=['init-db'])
        self.assertEqual(result.exit_code, 1)
        self.assertNotIn('hunter2', result.output)

    def test_no_sign_in_a_password_lets_a_part_of_it_be_shown(self):
        passwords = ['hun@ter', 'hun/ter', 'hun?ter', 'hun#ter', 'hun@t/er', 'hun/t@er']
        urls = [f'postgresql://me:{password}@127.0.0.1:1/blog' for password in passwords]
        more = ['me:hunter', 'me:hunter/blog', '127.0.0.1:5432:hunter/blog']
        for url in urls + [f'postgresql://{rest}' for rest in more]:
            self.configure(DATABASE=url)
            result = app.app.test_cli_runner().invoke(args=['init-db'])
            with self.assertLogs(app.app.logger, 'ERROR') as logs:
                self.read_index(app.app.test_client())
            for output in [result.output, logs.output[0]]:
                self.assertNotRegex(output, 'hun|ter')
                self.assertIn('%40', output)

    def test_what_is_neither_a_path_nor_a_url_is_not_taken_for_a_path(self):
        for database in [
            'host=127.0.0.1 password=hunter2',
            'postgresql:me:hunter2@127.0.0.1/blog',
            'postgres:/me:hunter2@127.0.0.1/blog',
        ]:
            self.configure(DATABASE=database)
            for command in ['init-db', 'export']:
                result = app.app.test_cli_runner().invoke(args=[command])
                self.assertIn('DATABASE_URL has to begin with', result.output)
                self.assertNotIn('hunter2', result.output)
            self.assertFalse(os.path.exists(database))

    def test_a_url_is_taken_as_postgres_knows_it(self):
        for url in [
            'postgresql://me:hun%40ter@127.0.0.1:1/blog',
            'postgresql://me:hun？ter[]＠@127.0.0.1:1/blog',
            'postgres://127.0.0.1:1',
            'postgresql://me:a:b@[::1]:1/blog?connect_timeout=1',
            'postgresql://127.0.0.1:1,localhost:2/blog?sslmode=disable',
            'postgresql://%2Fnowhere/blog',
            'postgresql:///blog?host=/nowhere&port=1',
        ]:
            with self.subTest(url=url):
                self.configure(DATABASE=url)
                result = app.app.test_cli_runner().invoke(args=['init-db'])
                self.assertRegex(result.output, 'connection')
                self.assertNotRegex(result.output, 'makes no sense|hun')

    def test_a_url_of_another_kind_of_database(self):
        self.configure(DATABASE='mysql://localhost/blog')
        self.assertTrouble('The database cannot be used', details='DATABASE_URL has to begin')

    def test_a_reader_is_told_too(self):
        self.corrupt()
        with self.assertLogs(app.app.logger, 'ERROR'):
            response = self.read_index(app.app.test_client())
        self.assertStatus(response, 503)
        self.assertShows(response, 'The database is damaged')

    def test_the_page_asks_to_come_back_later(self):
        self.lock('exclusive')
        with self.assertLogs(app.app.logger, 'ERROR'):
            self.assertIn('Retry-After', self.read_index().headers)

    def test_a_reader_who_logs_out_is_told_too(self):
        self.configure(PROPAGATE_EXCEPTIONS=False)
        self.corrupt()
        with self.assertLogs(app.app.logger, 'ERROR'):
            self.assertStatus(app.app.test_client().get('/logout'), 503)

    def test_the_page_still_has_its_style(self):
        self.corrupt()
        with self.client.get('/static/style.css') as response:
            self.assertStatus(response, 200)

    def test_the_trouble_is_over_when_the_lock_is(self):
        lock = self.lock('exclusive')
        with self.assertLogs(app.app.logger, 'ERROR'):
            self.assertStatus(self.read_index(), 503)
        lock.rollback()
        self.assertStatus(self.read_index(), 200)


class CommandLineTest(FlaskrTestCase):
    def run_command(self, *args, typed=''):
        return app.app.test_cli_runner().invoke(args=args, input=typed)

    def test_init_db_says_that_it_is_done(self):
        result = self.run_command('init-db')
        self.assertEqual(result.output, 'Initialized the database.\n')
        self.assertEqual(result.exit_code, 0)

    def test_init_db_keeps_every_entry(self):
        self.login()
        self.add_entry('Title')
        self.run_command('init-db')
        self.assertShows(self.read_index(), 'Title')

    def test_hash_password_prints_a_hash_that_logs_in(self):
        result = self.run_command('hash-password', typed='correct horse\ncorrect horse\n')
        self.configure(PASSWORD=result.stdout.strip())
        self.assertShows(self.login(password='correct horse'), 'You were logged in')

    def test_hash_password_does_not_show_the_password(self):
        result = self.run_command('hash-password', typed='correct horse\ncorrect horse\n')
        self.assertNotIn('correct horse', result.output)

    def test_hash_password_asks_again_when_the_second_typing_differs(self):
        result = self.run_command('hash-password', typed='one\ntwo\nthree\nthree\n')
        self.assertIn('do not match', result.stderr)
        self.assertTrue(check_password_hash(result.stdout.strip(), 'three'))

    def test_hash_password_refuses_the_default_password(self):
        result = self.run_command('hash-password', typed='admin\nadmin\n')
        self.assertEqual(result.exit_code, 1)
        self.assertIn('Take another', result.stderr)


class DataTestCase(FlaskrTestCase):
    """The author's data, in and out by the command line."""

    def setUp(self):
        super().setUp()
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.file = os.path.join(self.folder, 'blog.json')

    def run_command(self, *args):
        result = app.app.test_cli_runner().invoke(args=args)
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

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


class ExportTest(DataTestCase):
    def test_it_is_a_json_feed(self):
        feed = self.read_export()
        self.assertEqual(feed['version'], 'https://jsonfeed.org/version/1.1')
        self.assertEqual(feed['title'], 'Flaskr')
        self.assertEqual(feed['items'], [])

    def test_it_has_everything(self):
        self.fill_the_blog()
        self.query("update entries set created = '2026-11-21T03:04:05Z' where id <> 2")
        self.query("update entries set updated = '2026-11-22T03:04:05Z' where id = 1")
        feed = self.read_export()
        first, second = feed['items']
        (third,) = feed['_flaskr']['trash']
        self.assertEqual(first['title'], 'First edited')
        self.assertEqual(first['content_html'], '<p>Some <em>text</em></p>\n')
        self.assertEqual(first['date_published'], '2026-11-21T03:04:05Z')
        self.assertEqual(first['date_modified'], '2026-11-22T03:04:05Z')
        self.assertEqual(first['_flaskr']['id'], 1)
        self.assertEqual(first['_flaskr']['text'], 'Some *text*')
        self.assertNotIn('date_published', second)
        self.assertRegex(third['_flaskr']['deleted'], 'Z$')

    def test_ids_are_strings_and_differ_as_the_format_wants(self):
        self.fill_the_blog()
        feed = self.read_export()
        ids = [item['id'] for item in feed['items'] + feed['_flaskr']['trash']]
        self.assertEqual(len({entry_id for entry_id in ids if isinstance(entry_id, str)}), 3)

    def test_an_item_has_its_address_where_that_of_the_blog_is_known(self):
        self.fill_the_blog()
        self.assertNotIn('url', self.read_export()['items'][0])
        for address in ['https://example.org', 'https://example.org/']:
            self.configure(URL=address)
            feed = self.read_export()
            self.assertEqual(feed['items'][1]['url'], 'https://example.org/entry/2')
            self.assertNotIn('url', feed['_flaskr']['trash'][0])

    def test_an_address_of_the_blog_that_is_none_is_an_error(self):
        self.fill_the_blog()
        for address in [
            'example.org', 'ftp://example.org', 'https://', 'https://a:b@example.org',
            'https://example org', 'https://example.org/?x', 'https://example.org/#x',
        ]:  # fmt: skip
            self.configure(URL=address)
            result = self.run_command('export', self.file)
            self.assertEqual(result.exit_code, 1)
            self.assertIn('FLASKR_URL has to be an address', result.output)

    def test_it_goes_to_a_file(self):
        self.fill_the_blog()
        result = self.run_command('export', self.file)
        self.assertEqual(result.output, '')
        with open(self.file, encoding='utf-8') as file:
            self.assertEqual(json.load(file), self.read_export())

    def test_it_takes_more_entries_than_it_reads_at_once(self):
        self.login()
        for number in range(5):
            self.add_entry(f'Entry {number}')
        with mock.patch.object(moving, 'ROWS_AT_ONCE', 2):
            titles = [item['title'] for item in self.read_export()['items']]
        self.assertEqual(titles, [f'Entry {number}' for number in range(5)])

    def test_it_overwrites_nothing(self):
        with open(self.file, 'w') as file:
            file.write('Precious')
        result = self.run_command('export', self.file)
        self.assertEqual(result.exit_code, 1)
        self.assertIn('File exists', result.output)
        with open(self.file) as file:
            self.assertEqual(file.read(), 'Precious')

    def test_a_full_disk_is_told_with_the_name_of_the_file(self):
        self.add_entries('x' * 2000)
        with self.full_disk():
            result = self.run_command('export', self.file)
        self.assertEqual(result.exit_code, 1)
        self.assertEqual(result.output, f'{self.file}: File too large\n')
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_path_without_a_blog_is_not_taken_for_an_empty_one(self):
        nowhere = os.path.join(self.folder, 'typo.db')
        self.configure(DATABASE=nowhere)
        for command in ['export', 'backup']:
            result = self.run_command(command, self.file)
            self.assertEqual(result.exit_code, 1)
            self.assertIn('there is no blog here', result.output)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_folder_that_is_not_there_is_an_error(self):
        result = self.run_command('export', os.path.join(self.folder, 'none', 'blog.json'))
        self.assertNotEqual(result.exit_code, 0)
        self.assertIn('No such file or directory', result.output)


class ImportTest(DataTestCase):
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

    def test_an_export_comes_back_as_it_was(self):
        self.fill_the_blog()
        before = self.rows()
        self.run_command('export', self.file)
        self.query('delete from entries')
        result = self.run_command('import', self.file)
        self.assertEqual(result.exit_code, 0)
        self.assertIn('Imported 3 entries; 0 were here already.', result.output)
        self.assertEqual(self.rows(), before)

    def test_importing_twice_changes_nothing(self):
        self.fill_the_blog()
        self.run_command('export', self.file)
        before = self.rows()
        for _ in range(2):
            result = self.run_command('import', self.file)
            self.assertIn('Imported 0 entries; 3 were here already.', result.output)
            self.assertEqual(self.rows(), before)

    def test_an_entry_that_was_edited_since_is_not_set_back(self):
        self.fill_the_blog()
        self.run_command('export', self.file)
        self.edit_entry(1, 'Edited since')
        self.run_command('import', self.file)
        self.assertIn('Edited since', self.titles())

    def test_an_id_that_is_taken_is_not_overwritten(self):
        self.fill_the_blog()
        self.run_command('export', self.file)
        self.query('delete from entries')
        self.query(
            'insert into entries (id, title, text, created) values (?, ?, ?, ?)',
            *(1, 'Somebody else', '', '2020-01-01T00:00:00Z'),
        )
        for _ in range(2):
            self.run_command('import', self.file)
            titles = [(row[0], row[1]) for row in self.rows()]
            self.assertEqual(len(titles), 4)
            self.assertEqual(titles[0], (1, 'Somebody else'))
            self.assertEqual(titles[1], (2, 'Sécond <b>'))
            self.assertIn('First edited', [title for _, title in titles])

    def test_an_imported_id_is_never_used_again(self):
        self.import_feed({'id': '70', 'content_text': 'Text'})
        self.login()
        self.add_entry('New')
        self.assertEqual(max(row[0] for row in self.rows()), 71)

    def test_an_imported_entry_is_found_by_the_search(self):
        self.import_feed({'id': '7', 'title': 'Apples', 'content_text': ''})
        self.assertEqual(self.titles('/search?q=apples'), ['<mark>Apples</mark>'])

    def test_any_json_feed_is_taken(self):
        self.import_feed(
            {
                'id': 'https://example.org/2',
                'title': 'Second',
                'content_html': '<p>Two</p>',
                'date_published': '2020-02-07T14:04:00-05:00',
                'date_modified': '2020-02-08T14:04:00.123Z',
            },
            {'id': 'https://example.org/1', 'content_text': 'One', 'url': 'https://example.org/1'},
            {'id': 3, 'summary': 'Three'},
        )
        rows = {row[1]: row for row in self.rows()}
        self.assertEqual(rows['Second'][2], '<p>Two</p>')
        self.assertEqual(rows['Second'][3], '2020-02-07T19:04:00Z')
        self.assertEqual(rows['Second'][4], '2020-02-08T14:04:00Z')
        self.assertEqual(rows['One'][2], 'One')
        self.assertEqual(rows['Three'][0], 3)

    def test_any_json_feed_twice_changes_nothing(self):
        items = [{'id': 'https://example.org/1', 'content_text': 'One'}, {'id': '5', 'title': 'x'}]
        self.import_feed(*items)
        before = self.rows()
        self.import_feed(*items)
        self.assertEqual(self.rows(), before)

    def test_an_item_that_is_in_the_file_twice_comes_in_once(self):
        item = {'id': 'https://example.org/1', 'content_text': 'One'}
        self.import_feed(item, item)
        self.assertEqual(len(self.rows()), 1)

    def test_plain_ids_of_two_feeds_do_not_stand_for_the_same_item(self):
        for name in ['one', 'two']:
            for _ in range(2):
                self.import_feed({'id': '1', 'title': name}, feed_url=f'https://{name}.example/')
        self.assertEqual([row[1] for row in self.rows()], ['one', 'two'])

    def test_plain_ids_of_a_feed_with_a_long_address_differ(self):
        items = [{'id': str(number), 'title': f'Entry {number}'} for number in range(1, 6)]
        for _ in range(2):
            self.import_feed(*items, feed_url=f'https://example.org/{"x" * 600}')
            self.assertEqual([row[1] for row in self.rows()], [item['title'] for item in items])

    def test_what_another_program_publishes_of_an_export_is_not_the_trash(self):
        self.fill_the_blog()
        titles = [item['title'] for item in self.read_export()['items']]
        self.assertEqual(titles, ['First edited', 'Sécond <b>'])

    def test_an_export_of_an_earlier_flaskr_brings_the_trash_among_its_items(self):
        deleted = '2026-11-21T03:04:05Z'
        self.import_feed({'id': 'a', 'title': 'Old', '_flaskr': {'deleted': deleted}})
        self.assertEqual(self.rows()[0][5], deleted)

    def test_a_feed_with_something_wrong_beside_its_items(self):
        for more, words in [
            ({'feed_url': '\ud800'}, 'feed_url has half a character in it'),
            ({'feed_url': 7}, 'feed_url has to be a text'),
            ({'home_page_url': []}, 'home_page_url has to be a text'),
            ({'feed_url': 'https://example.org/' + 'x' * 2000}, 'item 1: id'),
            ({'_flaskr': 7}, '_flaskr has to be an object'),
            ({'_flaskr': {'trash': 7}}, 'its trashed items have to be a list'),
            ({'_flaskr': {'trash': [{'id': ''}]}}, 'trashed item 1: id'),
            ({'_flaskr': {'trash': [{'id': 'b'}]}}, 'trashed item 1: deleted is missing'),
        ]:
            with self.subTest(more=more):
                self.write_feed({'id': 'a'}, **more)
                self.assertRefused(words)

    def test_an_entry_that_was_saved_very_often_can_be_edited(self):
        self.login()
        self.import_feed({'id': '1', 'title': 'Old', '_flaskr': {'version': 10**17 - 1}})
        self.assertStatus(self.edit_entry(1, 'New', version=10**17 - 1), 200)
        self.assertEqual(self.query('select title, version from entries'), [('New', 10**17)])

    def test_an_empty_time_counts_as_none(self):
        self.import_feed(
            {'id': 'a', 'title': 'x', 'date_published': '', 'date_modified': '2020-01-01t00:00:00z'}
        )
        self.assertEqual(self.rows()[0][3:5], (None, '2020-01-01T00:00:00Z'))

    def test_items_of_the_same_time_keep_their_order_where_their_ids_are_taken(self):
        self.add_entries('Here 1', 'Here 2', 'Here 3')
        titles = [f'Item {number}' for number in (1, 2, 3)]
        self.import_feed(*({'id': title[-1], 'title': title} for title in titles))
        self.assertEqual([row[1] for row in self.rows()][3:], titles)

    def test_what_is_known_of_the_items_adds_up_to_all(self):
        self.add_entries('Here 1')
        self.write_feed({'id': '1'}, {'id': '2'}, {'id': 'x'}, {'id': 'y'})
        with mock.patch.object(time, 'sleep'), app.app.app_context():
            counts = list(moving.import_entries(app.get_db(), jsonfeed.read_feed(self.file)))
        self.assertEqual([sum(column) for column in zip(*counts, strict=True)], [4, 4])

    def test_a_file_that_cannot_be_read_is_told_by_its_name(self):
        with mock.patch('builtins.open', side_effect=OSError(errno.EIO, 'Input/output error')):
            result = self.run_command('import', self.file)
        self.assertEqual(result.output, f'{self.file}: Input/output error\n')

    def test_the_older_item_gets_the_lower_id(self):
        self.import_feed(
            {'id': 'b', 'title': 'Newer', 'date_published': '2020-02-02T00:00:00Z'},
            {'id': 'a', 'title': 'Older', 'date_published': '2020-01-01T00:00:00Z'},
        )
        self.assertEqual(self.titles(), ['Newer', 'Older'])

    def test_an_item_without_a_title_is_called_after_its_first_words(self):
        self.import_feed({'id': 'a', 'content_html': f'<p>Good {"very " * 30}morning</p>'})
        title = self.rows()[0][1]
        self.assertTrue(title.startswith('Good very very'))
        self.assertLessEqual(len(title), 60)

    def test_an_item_without_any_words_has_a_title_too(self):
        self.import_feed({'id': 'a', 'content_html': '<img src="https://example.org/i">'})
        self.assertEqual(self.rows()[0][1], 'Untitled')

    def test_a_character_that_not_every_database_can_hold_is_dropped(self):
        self.import_feed({'id': 'a\0', 'title': 'a\0b', 'content_text': 'c\0d'})
        self.assertEqual(self.rows()[0][1:3], ('ab', 'cd'))

    def test_a_byte_order_mark_is_no_error(self):
        self.write('\ufeff{"version": "https://jsonfeed.org/version/1.1", "items": []}')
        self.assertEqual(self.run_command('import', self.file).exit_code, 0)

    def test_a_file_that_is_not_there(self):
        self.assertRefused('No such file or directory')

    def test_a_file_that_is_no_json(self):
        self.write('<html>')
        self.assertRefused('line 1')

    def test_a_file_that_was_cut_off(self):
        self.fill_the_blog()
        self.run_command('export', self.file)
        with open(self.file, 'r+') as file:
            file.truncate(os.path.getsize(self.file) - 30)
        self.assertRefused('line ')

    def test_a_file_that_is_no_text(self):
        with open(self.file, 'wb') as file:
            file.write(b'\xff\xfe\x00')
        self.assertRefused('is not UTF-8')

    def test_a_file_that_is_nested_too_deeply(self):
        self.write('[' * 100_000)
        self.assertRefused(self.file)

    def test_a_file_that_is_no_feed(self):
        for text in ['[]', '{}', '{"version": "1"}', '"x"', 'null']:
            self.write(text)
            self.assertRefused('is not a JSON Feed')

    def test_a_feed_without_items(self):
        for more in [{'items': 'x'}, {'items': None}]:
            self.write_feed()
            self.write(json.dumps({'version': 'https://jsonfeed.org/version/1.1', **more}))
            self.assertRefused('items')

    def test_an_item_with_something_wrong_in_it(self):
        good = {'id': 'good', 'content_text': 'x'}
        text = 'has to be a text'
        for wrong, words in [
            ('x', 'has to be an object'),
            ({}, 'id'),
            ({'id': None}, 'id'),
            ({'id': 'é' * 1001}, 'id is missing or longer'),
            ({'id': 'x', '_flaskr': {'id': 10**17}}, 'id is too large'),
            ({'id': 'x', 'title': 7}, f'title {text}'),
            ({'id': 'x', 'content_html': ['x']}, f'content_html {text}'),
            ({'id': 'x', 'content_text': {}}, f'content_text {text}'),
            ({'id': 'x', 'date_published': 7}, f'date_published {text}'),
            ({'id': 'x', 'date_published': 'yesterday'}, 'date_published is no time'),
            ({'id': 'x', 'date_published': '2026-11-21'}, 'date_published is no time'),
            ({'id': 'x', 'date_modified': '0001-01-01T00:00:00+14:00'}, 'date_modified is no time'),
            ({'id': 'x', 'title': '\ud800'}, 'half a character'),
            ({'id': 'x', '_flaskr': 7}, '_flaskr has to be an object'),
            ({'id': 'x', '_flaskr': {'text': 7}}, f'text {text}'),
            ({'id': 'x', '_flaskr': {'id': 'x'}}, 'id has to be a number'),
            ({'id': 'x', '_flaskr': {'id': 2**70}}, 'id is too large'),
            ({'id': 'x', '_flaskr': {'id': -1}}, 'id has to be a number'),
            ({'id': 'x', '_flaskr': {'version': 10**18}}, 'version is too large'),
            ({'id': 'x', '_flaskr': {'version': 2**63 - 1}}, 'version is too large'),
            ({'id': 'x', '_flaskr': {'version': True}}, 'version has to be a number'),
            ({'id': 'x', '_flaskr': {'deleted': 'x'}}, 'deleted is no time'),
        ]:
            with self.subTest(wrong=wrong):
                self.write_feed(good, wrong)
                self.assertRefused('item 2')
                self.assertRefused(words)

    def test_a_database_that_fails_changes_nothing(self):
        self.configure(DATABASE_TIMEOUT=0.1)
        self.login()
        self.write_feed({'id': 'x', 'title': 'x'})
        with self.locked_database():
            result = self.run_command('import', self.file)
        self.assertEqual(result.exit_code, 1)
        self.assertIn('cannot be used', result.output)
        self.assertEqual(self.rows(), [])

    def import_in_parts(self, pause=lambda: None):
        """Import five entries, two at once, and call pause() after each part."""
        items = [{'id': str(number), 'title': f'Entry {number}'} for number in range(2, 6)]
        self.write_feed({'id': 'x', 'title': 'Without a number'}, *items)

        def split(entries):
            return [entries[start : start + 2] for start in range(0, len(entries), 2)]

        with (
            mock.patch.object(moving, 'split_in_parts', split),
            mock.patch.object(time, 'sleep', side_effect=lambda seconds: pause()) as sleep,
        ):
            return self.run_command('import', self.file), sleep.call_count

    def test_an_empty_blog_gets_all_entries_at_once(self):
        result, pauses = self.import_in_parts()
        self.assertIn('Imported 5 entries; 0 were here already.', result.output)
        self.assertEqual(pauses, 0)
        self.assertEqual(self.titles()[::-1][:2], ['Entry 2', 'Entry 3'])

    def test_others_read_and_post_while_entries_come_in_by_parts(self):
        def read_and_post():
            self.assertStatus(self.read_index(app.app.test_client()), 200)
            posted.append(f'Posted {len(posted)}')
            self.assertStatus(self.add_entry(posted[-1]), 200)

        posted = []
        self.configure(DATABASE_TIMEOUT=0.01)
        self.add_entries('Before')
        result, _ = self.import_in_parts(read_and_post)
        self.assertIn('Imported 5 entries; 0 were here already.', result.output)
        self.assertEqual(len(posted), 3)
        self.assertEqual(
            {row[0]: row[1] for row in self.rows() if row[0] < 6},
            {1: 'Before', **{number: f'Entry {number}' for number in range(2, 6)}},
        )
        self.assertEqual({*posted, 'Without a number'}, {row[1] for row in self.rows()[5:]})

    def test_an_import_that_stops_half_way_is_finished_by_the_next(self):
        self.add_entries('Before')
        for error in [sqlite3.OperationalError('disk I/O error'), KeyboardInterrupt]:
            result, _ = self.import_in_parts(mock.Mock(side_effect=error))
            self.assertEqual(result.exit_code, 1)
            self.assertIn('Try again: what is here already stays', result.output)
        result, _ = self.import_in_parts()
        self.assertIn('Imported 1 entries; 4 were here already.', result.output)
        self.assertEqual(len(self.rows()), 6)

    def test_an_import_into_an_empty_blog_that_fails_half_way_leaves_nothing(self):
        import_part = moving.import_part
        parts = [import_part, mock.Mock(side_effect=sqlite3.OperationalError('disk I/O error'))]
        with mock.patch.object(moving, 'import_part', lambda *values: parts.pop(0)(*values)):
            result, _ = self.import_in_parts()
        self.assertEqual(result.exit_code, 1)
        self.assertEqual(self.rows(), [])

    def test_entries_are_split_in_parts_that_take_about_as_long(self):
        lengths = [10, 10, 2_000_000, 10, 900_000, 200_000]
        entries = [{'title': '', 'text': 'x' * length} for length in lengths]
        parts = [[len(entry['text']) for entry in part] for part in moving.split_in_parts(entries)]
        self.assertEqual(parts, [[10, 10, 2_000_000], [10, 900_000, 200_000]])
        many = list(moving.split_in_parts([{'title': 'x' * 50, 'text': 'x' * 200}] * 10_000))
        self.assertEqual([len(part) for part in many], [800] * 12 + [400])


class BackupTest(DataTestCase):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.folder, 'backup.db')
        self.add_entries('Kept')

    def test_on_postgres_it_says_what_to_use(self):
        self.configure(DATABASE='postgresql://localhost/blog')
        result = self.run_command('backup', self.file)
        self.assertEqual(result.exit_code, 1)
        self.assertIn('pg_dump', result.output)
        self.assertIn('flask export', result.output)


class SqliteBackupTest(BackupTest):
    postgres_url = None

    def test_a_backup_is_restored_by_copying_it_back(self):
        self.assertEqual(self.run_command('backup', self.file).exit_code, 0)
        self.add_entry('After the backup')
        shutil.copy(self.file, self.database)
        self.assertEqual(self.titles(), ['Kept'])

    def test_nobody_else_can_read_it(self):
        self.run_command('backup', self.file)
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o600)

    def test_it_overwrites_nothing(self):
        with open(self.file, 'w') as file:
            file.write('Precious')
        result = self.run_command('backup', self.file)
        self.assertEqual(result.exit_code, 1)
        self.assertIn('exists', result.output)
        with open(self.file) as file:
            self.assertEqual(file.read(), 'Precious')

    def test_it_leaves_nothing_else_behind(self):
        self.run_command('backup', self.file)
        self.run_command('backup', self.file)
        self.assertEqual(os.listdir(self.folder), ['backup.db'])

    def test_a_folder_that_is_not_there_is_an_error(self):
        result = self.run_command('backup', os.path.join(self.folder, 'none', 'backup.db'))
        self.assertEqual(result.exit_code, 1)
        self.assertIn('No such file or directory', result.output)

    def test_a_full_disk_is_told_with_the_name_of_the_file(self):
        with self.full_disk():
            result = self.run_command('backup', self.file)
        self.assertEqual(result.exit_code, 1)
        self.assertIn(f'{self.database} could not be copied to {self.file}: ', result.output)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_blog_with_a_damaged_page_is_not_backed_up(self):
        self.add_entry('Long', 'x' * 100_000)
        with open(self.database, 'r+b') as file:
            file.seek(-20_000, os.SEEK_END)
            file.write(b'\xff' * 20_000)
        result = self.run_command('backup', self.file)
        self.assertEqual(result.exit_code, 1)
        self.assertIn(f'could not be copied to {self.file}: it is damaged: ', result.output)
        self.assertEqual(os.listdir(self.folder), [])

    def test_a_damaged_blog_is_not_backed_up(self):
        with open(self.database, 'r+b') as file:
            file.write(b'not a database any more' * 10)
        result = self.run_command('backup', self.file)
        self.assertEqual(result.exit_code, 1)
        self.assertEqual(os.listdir(self.folder), [])

    def test_it_is_consistent_while_entries_are_written(self):
        def write_or_back_up(number):
            with app.app.app_context():
                for count in range(20):
                    if number:
                        db = app.get_db()
                        with db.transaction():
                            for title in [f'{number}, {count}'] * 2:
                                db.execute(
                                    'insert into entries (title, text) values (?, ?)',
                                    [title, 'x' * 10_000],
                                )
                    elif count < 3:
                        self.run_command('backup', f'{self.file}{count}')

        self.assertEqual(self.at_once(3, write_or_back_up), [0] * 3)
        for count in range(3):
            self.database = f'{self.file}{count}'
            self.assertEqual(self.query('pragma integrity_check'), [('ok',)])
            self.assertEqual(self.query('select count(*) % 2 from entries'), [(1,)])


class MovingTest(DataTestCase):
    """From one engine to the other and back."""

    def test_the_other_engine_exports_the_same_document_byte_for_byte(self):
        self.fill_the_blog()
        self.import_feed({'id': 'https://example.org/1', 'content_text': 'From elsewhere'})
        first = self.run_command('export').stdout_bytes
        self.write(first.decode())
        self.quiet_log()
        other = os.path.join(self.folder, 'other.db')
        self.configure(DATABASE=other)
        self.assertEqual(self.run_command('import', self.file).exit_code, 0)
        self.assertEqual(self.run_command('export').stdout_bytes, first)
        self.query('delete from entries')
        self.configure(DATABASE=self.database)
        self.assertEqual(self.run_command('import', self.file).exit_code, 0)
        self.assertEqual(self.run_command('export').stdout_bytes, first)


class PageCacheTestCase(FlaskrTestCase):
    postgres_url = None

    def setUp(self):
        super().setUp()
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


class PageCacheTest(PageCacheTestCase):
    turns = 200  # that two processes take; tools/turns.py lets them take more

    def test_a_page_is_rendered_once(self):
        with self.rendered(1):
            pages = {self.read().data for _ in range(3)}
        self.assertEqual(len(pages), 1)

    def test_it_is_rendered_anew_after_every_change(self):
        self.add_entries('First')
        changes = [
            lambda: self.add_entry('Second'),
            lambda: self.edit_entry(2, 'Changed'),
            lambda: self.post('/delete/2'),
            lambda: self.post('/restore/2'),
            lambda: self.query("update entries set title = 'By hand'"),
            lambda: self.query('delete from entries'),
        ]
        pages = [self.read().data]
        for change in changes:
            change()
            with self.rendered(1):
                self.assertEqual(self.read().data, self.read().data)
            self.assertNotEqual(self.read().data, pages[-1])
            pages.append(self.read().data)

    def test_every_address_has_its_own_page(self):
        self.configure(PER_PAGE=1)
        self.add_entries('First', 'Second')
        for _ in range(2):
            self.assertShows(self.read('/'), 'Second')
            self.assertShows(self.read('/?before=2'), 'First')
            self.assertShows(self.read('/entry/1'), 'First')
            self.assertShows(self.read('/search?q=second'), '<mark>Second</mark>')

    def test_every_name_of_the_blog_has_its_own_page(self):
        for name in ['one.example', 'two.example'] * 2:
            self.assertShows(self.read(Host=name), f'content="http://{name}/"')

    def test_every_scheme_has_its_own_page(self):
        for scheme in ['http', 'https'] * 2:
            page = self.reader.get('/', base_url=f'{scheme}://blog.example')
            self.assertShows(page, f'content="{scheme}://blog.example/"')

    def test_every_folder_that_it_is_served_from_has_its_own_page(self):
        for folder in ['/one', '/two'] * 2:
            page = self.reader.get('/', base_url=f'http://blog.example{folder}')
            self.assertShows(page, f'href="{folder}/login"')

    def test_the_author_never_gets_a_page_of_the_cache(self):
        self.login()
        with self.rendered(2):
            self.read_index()
            self.assertShows(self.read_index(), '<textarea')

    def test_readers_never_get_a_page_of_the_author(self):
        self.login()
        self.read_index()
        self.assertDoesNotShow(self.read(), '<textarea')
        self.logout()
        self.assertDoesNotShow(self.read_index(), '<textarea')

    def test_a_message_is_shown_to_the_one_it_is_for_and_once(self):
        self.assertShows(self.logout(), 'You were logged out')
        self.assertDoesNotShow(self.read(), 'You were logged out')
        self.assertDoesNotShow(self.read_index(), 'You were logged out')

    def test_a_page_does_not_depend_on_who_asked_for_it_first(self):
        """Nobody can put anything into the pages that others get."""
        form = {'username': 'Mallory was here', 'password': ''}
        self.reader.set_cookie('other', 'Mallory')
        page = self.reader.get('/login', data=form, headers={'Accept-Language': 'Mallory'})
        with self.rendered(0, 'login'):
            others = app.app.test_client().get('/login')
        self.assertEqual(page.data, others.data)
        self.assertDoesNotShow(page, 'Mallory')

    def test_only_pages_are_kept(self):
        self.add_entries('Title')
        for path, endpoint, status in [
            ('/entry/2', 'show_entry', 404),
            ('/trash', 'trash', 302),
            ('/logout', 'logout', 302),
        ]:
            with self.subTest(path=path), self.rendered(2, endpoint):
                for _ in range(2):
                    self.assertStatus(app.app.test_client().get(path), status)

    def test_a_page_that_fails_fails_once(self):
        self.configure(PROPAGATE_EXCEPTIONS=False)
        error = mock.Mock(side_effect=sqlite3.OperationalError('locked'))
        failing = mock.patch.dict(app.app.view_functions, index=error)
        with failing, self.assertLogs(app.app.logger, 'ERROR') as logs:
            self.assertStatus(self.read(), 503)
        self.assertEqual(len(logs.output), 1)
        self.assertStatus(self.read(), 200)

    def test_a_picture_in_an_entry_cannot_log_anybody_out(self):
        """It is for the application to refuse, though the cache asks on its behalf."""
        self.assertStatus(self.read('/logout', Sec_Fetch_Dest='image'), 403)
        self.assertStatus(self.read('/logout', Sec_Fetch_Site='cross-site'), 403)
        self.assertStatus(self.read('/logout', Origin='https://other.example'), 403)

    def test_what_is_done_to_the_headers_of_one_answer_is_done_to_no_other(self):
        def start_response(status, headers):
            headers.append(('X-Other', 'added by a server'))

        environ = self.reader.get('/').request.environ
        for _ in range(2):
            app.app({**environ}, start_response)
        self.assertNotIn('X-Other', self.read().headers)

    def test_a_page_that_sets_a_cookie_is_not_kept(self):
        def set_cookie():
            flask.flash('For one reader')
            return 'Page'

        with mock.patch.dict(app.app.view_functions, index=set_cookie), self.rendered(2):
            for _ in range(2):
                response = app.app.test_client().get('/')
                self.assertIn('session=', response.headers['Set-Cookie'])

    def test_a_request_without_a_host_is_answered(self):
        """As HTTP 1.0 allows."""
        environ = self.read('/robots.txt').request.environ
        del environ['HTTP_HOST']
        response = werkzeug.test.run_wsgi_app(app.app, environ, buffered=True)
        self.assertEqual(response[1], '200 OK')

    def test_what_comes_with_a_request_is_not_read(self):
        """gunicorn lets the application read on, whatever length is told."""
        environ = self.read('/robots.txt').request.environ
        environ |= {'wsgi.input': io.BytesIO(b'Mallory'), 'wsgi.input_terminated': True}
        with mock.patch.dict(app.app.view_functions, index=lambda: flask.request.get_data()):
            body, *_ = werkzeug.test.run_wsgi_app(app.app, {**environ, 'PATH_INFO': '/'}, True)
        self.assertEqual(b''.join(body), b'')

    def test_a_request_for_a_part_of_a_file_keeps_no_part(self):
        with self.read('/static/style.css', Range='bytes=0-9') as response:
            self.assertStatus(response, 200)
        self.assertGreater(len(self.read('/static/style.css').data), 1000)

    def test_a_static_file_is_kept_with_its_headers(self):
        path = re.search(r'/static/style[^"]*', self.read_index().get_data(as_text=True))[0]
        with self.rendered(1, 'static'):
            first, second = self.read(path), self.read(path)
        self.assertEqual(first.data, second.data)
        self.assertEqual(first.headers, second.headers)
        self.assertIn('max-age=31536000', second.headers['Cache-Control'])
        self.assertEqual(second.mimetype, 'text/css')
        for name in ['Accept-Ranges', 'Date', 'Last-Modified']:  # which would not be true
            self.assertNotIn(name, second.headers)

    def test_the_memory_is_bounded(self):
        self.configure(PAGE_CACHE=100_000)
        cache = app.app.wsgi_app
        for number in range(200):
            self.read(f'/search?q={number}')
            with self.rendered(0, 'search'):
                self.read(f'/search?q={number}')
            self.assertLess(sum(len(page[1]) for page in cache.pages.values()), cache.size)
            self.assertLess(cache.size, 100_000)
        with self.rendered(1, 'search'):
            self.read('/search?q=0')

    def test_one_large_page_does_not_drive_out_the_others(self):
        self.configure(PAGE_CACHE=100_000)
        self.login()
        self.add_entry('Long', secrets.token_hex(50_000))
        self.read('/login')
        with self.rendered(2, 'show_entry'):
            self.read('/entry/1')
            self.read('/entry/1')
        with self.rendered(0, 'login'):
            self.read('/login')

    def test_a_page_that_is_long_but_can_be_compressed_is_kept(self):
        self.configure(PAGE_CACHE=100_000)
        self.login()
        self.add_entry('Long', 'text ' * 100_000)
        for encoding in ['gzip', 'identity']:
            pages = []
            for times in [1, 0]:
                with self.rendered(times, 'show_entry'):
                    response = self.read('/entry/1', Accept_Encoding=encoding)
                pages.append((response.headers, response.data))
            self.assertEqual(*pages)
        self.assertIn(b'text text', pages[1][1])
        kept = [
            page[1] for address, page in app.app.wsgi_app.pages.items() if '/entry/1' in address
        ]
        self.assertLess(sum(map(len, kept)), 10_000)

    def test_a_template_that_may_change_is_rendered_every_time(self):
        with mock.patch.object(app.app.jinja_env, 'auto_reload', True), self.rendered(2):
            self.read()
            self.read()

    def test_no_page_is_older_than_a_change_that_came_while_it_was_rendered(self):
        self.add_entries('Before')
        index = app.app.view_functions['index']

        def change_meanwhile():
            page = index()
            self.query("update entries set title = 'After'")
            return page

        with mock.patch.dict(app.app.view_functions, index=change_meanwhile):
            self.assertShows(self.read(), 'Before')
        self.assertShows(self.read(), 'After')

    def test_every_acknowledged_post_shows_in_another_process_at_once(self):
        """Two processes take turns: one posts and reads, then the other reads and posts."""
        fork = multiprocessing.get_context('fork')
        here, there = fork.Pipe()

        def read_and_post(pipe, other_pipe, my_turn):
            other_pipe.close()  # so that a process that fails ends the other too
            author, reader = app.app.test_client(), app.app.test_client()
            self.login(client=author)
            session = author.get_cookie('session').value
            with self.rendered(self.turns):
                for number in range(self.turns):
                    if number % 2 == my_turn:
                        entry = {'title': f'Title {number}', 'text': ''}
                        author.post('/edit/1', data=entry)
                        author.set_cookie('session', session)  # without unread messages
                    else:
                        pipe.recv()
                    for _ in range(2):
                        self.assertShows(reader.get('/'), f'>Title {number}<')
                    if number % 2 == my_turn:
                        pipe.send('Your turn')

        def do_so_there():
            warnings.simplefilter('ignore', ResourceWarning)  # as in at_once()
            read_and_post(there, here, 1)

        self.add_entries('Title')
        self.read()
        process = fork.Process(target=do_so_there)
        process.start()
        self.addCleanup(process.join, 30)
        read_and_post(here, there, 0)
        process.join()
        self.assertEqual(process.exitcode, 0)


class HttpCacheTest(PageCacheTestCase):
    """What browsers and caches on the way are told, and how they ask again."""

    def setUp(self):
        super().setUp()
        self.add_entries(*'abcdefgh')
        self.page = self.read()
        self.etag = self.page.headers['ETag']

    def test_head_is_get_without_a_body(self):
        for path in ['/login', '/login', '/', '/static/style.css']:
            head, get = self.reader.head(path), self.read(path)
            self.assertStatus(head, 200)
            self.assertEqual(head.data, b'')
            self.assertNotEqual(get.data, b'')
            self.assertEqual(head.headers, get.headers)
            self.assertEqual(int(head.headers['Content-Length']), len(get.data))

    def test_a_browser_that_has_the_page_is_told_so(self):
        for header in [self.etag, f'"other", {self.etag}', f'W/{self.etag}', '*']:
            response = self.read(If_None_Match=header)
            self.assertStatus(response, 304)
            self.assertEqual(response.data, b'')
            self.assertNotIn('Content-Length', response.headers)
            self.assertNotIn('Content-Type', response.headers)
            for name in ['ETag', 'Cache-Control', 'Vary', 'Content-Security-Policy']:
                self.assertEqual(response.headers[name], self.page.headers[name])
        self.assertEqual(self.read().headers, self.page.headers)

    def test_a_head_too(self):
        response = self.reader.head('/', headers={'If-None-Match': self.etag})
        self.assertStatus(response, 304)

    def test_a_browser_that_has_an_older_page_gets_the_new_one(self):
        self.add_entry('New')
        response = self.read(If_None_Match=self.etag)
        self.assertStatus(response, 200)
        self.assertNotEqual(response.headers['ETag'], self.etag)

    def test_a_page_that_is_the_same_after_a_change_keeps_its_etag(self):
        self.add_entry('New')
        self.post('/delete/9')
        self.assertStatus(self.read(If_None_Match=self.etag), 304)

    def test_pages_are_asked_for_again_every_time(self):
        self.assertEqual(self.page.headers['Cache-Control'], 'no-cache')

    def test_pages_are_compressed_where_browsers_take_that(self):
        for header in ['gzip', 'br, gzip, deflate', 'gzip;q=0.5', '*', 'GZIP']:
            response = self.read(Accept_Encoding=header)
            self.assertEqual(response.headers['Content-Encoding'], 'gzip')
            self.assertEqual(int(response.headers['Content-Length']), len(response.data))
            self.assertLess(len(response.data), len(self.page.data) / 2)
            self.assertEqual(gzip.decompress(response.data), self.page.data)

    def test_pages_are_plain_elsewhere(self):
        for header in ['', 'br', 'gzip;q=0', 'identity', 'gzip;q=0, *;q=1', ';;q=,=']:
            response = self.read(Accept_Encoding=header)
            self.assertNotIn('Content-Encoding', response.headers)
            self.assertEqual(response.data, self.page.data)

    def test_both_have_an_etag_of_their_own(self):
        compressed = self.read(Accept_Encoding='gzip')
        self.assertNotEqual(compressed.headers['ETag'], self.etag)
        self.assertStatus(self.read(If_None_Match=compressed.headers['ETag']), 200)
        response = self.read(Accept_Encoding='gzip', If_None_Match=compressed.headers['ETag'])
        self.assertStatus(response, 304)

    def test_a_compressed_page_is_the_same_in_every_worker(self):
        with mock.patch('time.time', return_value=0):
            first = self.read('/login', Accept_Encoding='gzip')
        app.app.wsgi_app.pages.clear()
        second = self.read('/login', Accept_Encoding='gzip')
        self.assertEqual(first.headers['ETag'], second.headers['ETag'])

    def test_caches_on_the_way_are_told_what_a_page_depends_on(self):
        for headers in [{}, {'Accept_Encoding': 'gzip'}]:
            vary = self.read(**headers).vary
            for name in ['Accept-Encoding', 'Cookie']:
                self.assertIn(name, vary)

    def test_only_the_beginning_of_a_header_is_looked_at(self):
        """A reader may send almost a megabyte, which would take long and be kept."""
        for name in ['Accept-Encoding', 'If-None-Match']:
            with (
                self.subTest(name=name),
                mock.patch.object(
                    pagecache, 'parse_accept_header', wraps=parse_accept_header
                ) as one,
                mock.patch.object(pagecache, 'parse_etags', wraps=parse_etags) as other,
            ):
                self.assertStatus(self.reader.get('/', headers={name: 'x,' * 10_000}), 200)
                (call,) = one.call_args_list + other.call_args_list
                self.assertLessEqual(len(call.args[0]), pagecache.HEADER_LENGTH)

    def test_what_would_grow_is_not_compressed(self):
        response = self.read('/robots.txt', Accept_Encoding='gzip')
        self.assertNotIn('Content-Encoding', response.headers)


class SqlitePageCacheTest(SqliteTestCase, PageCacheTestCase):
    def test_a_database_that_takes_the_place_of_another_shows_at_once(self):
        self.add_entries('Old')
        other = f'{self.database}.other'
        shutil.copy(self.database, other)
        self.edit_entry(1, 'Newer')
        self.assertShows(self.read(), 'Newer')
        for path in [self.database, other]:
            os.utime(path, ns=(10**18, 10**18))
        self.assertShows(self.read(), 'Newer')
        os.replace(other, self.database)
        self.assertDoesNotShow(self.read(), 'Newer')
        self.query("update entries set title = 'Later'")
        self.assertShows(self.read(), 'Later')

    def test_a_change_shows_even_where_the_time_of_the_file_is_coarse(self):
        self.add_entries('Old')
        for title in ['Newer', 'Newest']:
            self.query('update entries set title = ?', title)
            os.utime(self.database, ns=(10**18, 10**18))
            self.assertShows(self.read(), title)

    def test_a_file_that_is_asked_about_keeps_its_locks(self):
        """To close a file would end all locks that the process has on it."""
        self.read()
        with contextlib.closing(sqlite3.connect(self.database)) as db:
            db.execute('begin immediate')
            self.read()
            self.assertEqual(self.at_once(1, lambda number: self.query('begin immediate')), [1])

    def test_all_threads_share_the_pages(self):
        self.read()
        with self.rendered(0):
            thread = threading.Thread(target=self.read)
            thread.start()
            thread.join()

    def test_threads_that_ask_at_once_get_the_same_answer(self):
        answers = []

        def ask():
            for _ in range(300):
                answers.append(app.watch.find_version())

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(len(answers), 1200)
        self.assertEqual(set(answers), {app.watch.find_version()})

    def test_a_database_that_is_gone_shows_at_once(self):
        self.add_entries('Old')
        self.read()
        self.remove_file()
        self.assertDoesNotShow(self.read(), 'Old')

    def test_a_locked_database_leaves_the_pages_to_readers(self):
        self.configure(DATABASE_TIMEOUT=0.01, PROPAGATE_EXCEPTIONS=False)
        self.read()
        with self.rendered(0), contextlib.closing(sqlite3.connect(self.database)) as db:
            db.execute('begin exclusive')
            self.assertStatus(self.read(), 200)
            with self.assertLogs(app.app.logger, 'ERROR'):
                self.assertStatus(self.read('/entry/1'), 503)


@unittest.skipUnless(
    POSTGRES_URL,
    'These need a Postgres: DATABASE_URL=postgresql://user@host/database python test.py',
)
class PostgresPageCacheTest(PageCacheTestCase):
    postgres_url = POSTGRES_URL

    def test_a_page_is_kept_for_a_while(self):
        self.configure(PAGE_AGE=3600)
        with self.rendered(1):
            for _ in range(5):
                self.read()

    def test_a_change_shows_after_that_while(self):
        self.configure(PAGE_AGE=0.1)
        self.add_entries('Before')
        self.assertShows(self.read(), 'Before')
        self.query("update entries set title = 'After'")
        time.sleep(0.1)
        self.assertShows(self.read(), 'After')

    def test_a_post_shows_at_once_where_it_was_taken(self):
        self.configure(PAGE_AGE=3600)
        self.login()
        self.read()
        self.add_entry('Posted')
        self.assertShows(self.read(), 'Posted')

    def test_a_change_shows_once_it_is_committed(self):
        import psycopg

        self.add_entries('Before')
        with psycopg.connect(self.database) as db:
            db.execute("update entries set title = 'After'")
            db.execute("update entries set text = 'More'")
            self.assertShows(self.read(), 'Before')
            db.commit()
            self.assertShows(self.read(), 'After')
            db.execute('truncate entries')
            db.commit()
            self.assertShows(self.read(), 'No entries yet')

    def test_the_author_can_log_out_during_an_import(self):
        import psycopg

        self.configure(DATABASE_TIMEOUT=0.1)
        self.login()
        with psycopg.connect(self.database) as db:
            db.execute("insert into entries (title, text) values ('Imported', '')")
            self.assertShows(self.logout(), 'You were logged out')

    def test_a_dump_of_the_entries_can_be_read_in(self):
        """pg_dump empties the search path."""
        self.ask_postgres(f"""
            set search_path = '';
            insert into {self.schema}.entries (title, text) values ('Dumped', '')
        """)
        self.assertEqual(self.titles(), ['Dumped'])

    def test_an_outage_shows_at_once_and_is_over_when_it_is(self):
        self.configure(PROPAGATE_EXCEPTIONS=False)
        self.read()
        failure = mock.Mock(side_effect=sqlite3.OperationalError('no'))
        with mock.patch.object(app, 'connect_db', failure):
            self.forget_connection()
            with self.assertLogs(app.app.logger, 'ERROR'):
                self.assertStatus(self.read(), 503)
        self.assertStatus(self.read(), 200)


class DevelopmentServerTest(SqliteTestCase):
    def run_app_py(self, use):
        """Do what `python app.py` does, but call use(app) in place of serving."""
        served = mock.patch('flask.Flask.run', autospec=True, side_effect=use)
        environment = mock.patch.dict(os.environ, DATABASE_URL=self.database_url)
        with served as run, environment:
            names = runpy.run_path(os.path.join(FOLDER, 'app.py'), run_name='__main__')
        if names['watch'].file:
            os.close(names['watch'].file)
        return run

    def test_the_log_says_when_entries_will_vanish(self):
        with mock.patch.dict(os.environ, DYNO='web.1'), self.assertLogs('app', 'WARNING') as logs:
            self.run_app_py(lambda app, **options: None)
        self.assertIn('heroku addons:create heroku-postgresql', logs.output[0])

    def test_it_restarts_when_the_code_changes(self):
        run = self.run_app_py(lambda app, **options: None)
        run.assert_called_once_with(mock.ANY, use_reloader=True, use_debugger=False)

    def test_it_logs_the_default_password_in(self):
        def log_in(app, **options):
            app.config.update(USERNAME='admin', PASSWORD='admin')
            self.assertShows(self.login(client=app.test_client()), 'You were logged in')

        self.run_app_py(log_in)

    def test_the_environment_configures_it(self):
        environment = mock.patch.dict(
            os.environ, FLASKR_USERNAME='me', FLASKR_PASSWORD='12345', FLASKR_SECRET_KEY='key'
        )

        def look(app, **options):
            names = ['USERNAME', 'PASSWORD', 'SECRET_KEY', 'DATABASE']
            values = [app.config[name] for name in names]
            self.assertEqual(values, ['me', '12345', 'key', self.database])

        with environment:
            self.run_app_py(look)

    def test_it_upgrades_the_database_before_it_serves(self):
        self.run_app_py(lambda app, **options: self.query('select * from internals'))

    def test_it_says_in_one_line_why_the_database_cannot_be_opened(self):
        with open(self.database, 'w') as file:
            file.write('not a database ' * 100)
        with self.assertRaisesRegex(SystemExit, 'file is not a database'):
            self.run_app_py(lambda app, **options: self.fail('It served all the same'))

    def test_the_database_is_beside_app_py_whatever_the_current_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ['app.py', 'schema.sql']:
                shutil.copy(os.path.join(FOLDER, name), folder)
            shutil.copytree(os.path.join(FOLDER, 'parts'), os.path.join(folder, 'parts'))
            copy = os.path.join(folder, 'app.py')
            subprocess.run(
                [sys.executable, '-m', 'flask', '--app', copy, 'init-db'],
                env={**os.environ, 'DATABASE_URL': ''},
                cwd=tempfile.gettempdir(),
                capture_output=True,
                check=True,
            )
            self.assertIn('flaskr.db', os.listdir(folder))


class ServedTestCase(FlaskrTestCase):
    """A real gunicorn on a free port of this machine, and a browser of sorts."""

    def start(self, *options, password='secret', **environment):
        """Start gunicorn with these options, and wait until it listens."""
        ours = ('FLASK', 'GUNICORN', 'PORT', 'WEB_CONCURRENCY', 'DYNO', 'DATABASE_URL', 'FORWARDED')
        inherited = {name: os.environ[name] for name in os.environ if not name.startswith(ours)}
        environment = {
            **inherited,
            'DATABASE_URL': self.database_url,
            'FLASKR_PASSWORD': password,
            **environment,
        }
        if 'PORT' not in environment:
            options += ('--bind', '127.0.0.1:0')
        self.server = subprocess.Popen(
            [sys.executable, '-m', 'gunicorn', 'app:app', *options],
            env=environment,
            cwd=FOLDER,
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


class HerokuTest(FlaskrTestCase):
    def read_dyno_index(self):
        with mock.patch.dict(os.environ, DYNO='web.1'):
            return self.read_index()

    def test_the_author_is_told_when_entries_will_vanish(self):
        self.quiet_log()
        self.configure(DATABASE=os.path.join(tempfile.mkdtemp(), 'flaskr.db'))
        self.login()
        response = self.read_dyno_index()
        self.assertShows(response, 'will vanish')
        self.assertShows(response, 'heroku addons:create heroku-postgresql')
        shutil.rmtree(os.path.dirname(app.app.config['DATABASE']))

    def test_readers_are_not(self):
        self.assertDoesNotShow(self.read_dyno_index(), 'will vanish')

    def test_nobody_is_told_on_another_machine_or_with_postgres(self):
        self.login()
        self.assertDoesNotShow(self.read_index(), 'will vanish')
        if self.postgres_url:
            self.assertDoesNotShow(self.read_dyno_index(), 'will vanish')

    def test_the_button_brings_a_database_a_key_and_asks_for_a_password(self):
        with open(os.path.join(FOLDER, 'app.json')) as file:
            button = json.load(file)
        self.assertEqual(button['addons'], ['heroku-postgresql:essential-0'])
        self.assertEqual(button['env']['FLASKR_SECRET_KEY']['generator'], 'secret')
        self.assertNotIn('value', button['env']['FLASKR_PASSWORD'])


class ServingTest(unittest.TestCase):
    """How gunicorn is told to serve."""

    def settings(self, **environment):
        with mock.patch.dict(os.environ, environment):
            return runpy.run_path(os.path.join(FOLDER, 'gunicorn.conf.py'))

    def read(self, *path):
        with open(os.path.join(FOLDER, *path), 'rb') as file:
            return file.read()

    def test_it_answers_before_heroku_gives_up_after_thirty_seconds(self):
        self.assertLess(self.settings()['timeout'], 30)
        self.assertLess(self.settings()['graceful_timeout'], 30)
        self.assertLess(app.DATABASE_TIMEOUT, 30)

    def test_it_keeps_connections_for_longer_than_herokus_router(self):
        self.assertGreater(self.settings()['keepalive'], 90)

    def test_there_is_a_worker_for_each_core_but_two_at_least_and_four_at_most(self):
        for cores, workers in [(1, 2), (2, 2), (3, 3), (4, 4), (64, 4)]:
            with (
                self.subTest(cores=cores),
                mock.patch('os.sched_getaffinity', return_value=set(range(cores)), create=True),
            ):
                self.assertEqual(self.settings(WEB_CONCURRENCY='')['workers'], workers)

    def test_where_nobody_tells_which_cores_may_be_used_all_count(self):
        for cores, workers in [(3, 3), (None, 2)]:
            with (
                mock.patch('os.cpu_count', return_value=cores),
                mock.patch('os.sched_getaffinity', create=True),
            ):
                del os.sched_getaffinity
                self.assertEqual(self.settings(WEB_CONCURRENCY='')['workers'], workers)

    def test_the_environment_decides_about_the_workers(self):
        self.assertEqual(self.settings(WEB_CONCURRENCY='7')['workers'], '7')

    def test_heroku_is_told_how_to_start_it(self):
        self.assertEqual(self.read('Procfile'), b'web: gunicorn app:app\n')

    def test_the_style_stays_small(self):
        self.assertLess(self.read('static', 'style.css').count(b'\n'), 250)

    def test_jquery_is_what_its_authors_published(self):
        """As jquery@4.0.0 in the npm registry has it, in dist/jquery.min.js."""
        self.assertEqual(
            hashlib.sha256(self.read('static', 'jquery-4.0.0.min.js')).hexdigest(),
            '39a546ea9ad97f8bfaf5d3e0e8f8556adb415e470e59007ada9759dce472adaa',
        )


class BenchmarkTest(FlaskrTestCase):
    def test_the_template_with_constants_gives_the_same_index(self):
        self.add_entries('First', 'Second')
        pages = [app.app.test_client().get('/'), bare.template().test_client().get('/')]
        index, constant = (page.get_data(as_text=True).partition('<main>')[2] for page in pages)
        self.assertIn('Second', index)
        self.assertEqual(index, constant)

    def test_the_tutorials_app_shows_all_entries(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'flaskr.db')
            client = bare.tutorial(path).test_client()
            with contextlib.closing(sqlite3.connect(path)) as db:
                db.executescript(TUTORIAL_SCHEMA)
                insert = 'insert into entries (title, text) values (?, ?)'
                db.executemany(insert, [(f'Title {n}', '<b>Text</b>') for n in range(30)])
                db.commit()
            page = client.get('/').get_data(as_text=True)
        titles = re.findall('<h2>(.*)</h2><b>Text</b>', page)
        self.assertEqual(titles, [f'Title {n}' for n in reversed(range(30))])

    def test_it_says_what_is_missing(self):
        benchmark = subprocess.run(
            [sys.executable, os.path.join(FOLDER, 'tools', 'benchmark.py')],
            env={**os.environ, 'PATH': ''},
            capture_output=True,
            text=True,
        )
        self.assertEqual(benchmark.returncode, 1)
        self.assertEqual(benchmark.stdout, '')
        self.assertEqual(
            benchmark.stderr,
            'wrk is missing: install it first, on Debian with apt-get install wrk\n',
        )


class ServedTest(ServedTestCase):
    def test_the_author_logs_in_and_posts_and_everybody_reads(self):
        self.start()
        self.log_in()
        self.post('From gunicorn')
        self.browser = self.new_browser()
        self.assertIn('From gunicorn', self.visit('/')[1])

    def test_the_default_password_is_refused(self):
        self.start(password='')
        status, page = self.log_in('admin')
        self.assertEqual(status, 403)
        self.assertIn('FLASKR_PASSWORD=', page)

    def test_a_password_of_digits_is_a_password(self):
        self.start(password='12345')
        self.assertIn('You were logged in', self.log_in('12345')[1])

    def test_workers_share_sessions_and_a_restart_keeps_them(self):
        self.start(WEB_CONCURRENCY='3')
        self.log_in()
        browser = self.browser
        self.assertEqual({self.post('Title')[0] for _ in range(12)}, {200})
        self.kill()
        self.start()
        self.browser = browser
        self.assertEqual(self.post('After the restart')[0], 200)

    def test_two_servers_share_a_blog(self):
        def at(server):
            vars(self).update(server)

        def start():
            self.start()
            self.log_in()
            names = ['server', 'address', 'port', 'browser', 'log']
            return {name: getattr(self, name) for name in names}

        one = start()
        self.addCleanup(self.kill)
        self.addCleanup(at, one)
        two = start()
        at(one)
        self.post('Posted on one')
        at(two)
        self.assertIn('Posted on one', self.visit('/')[1])
        self.visit('/edit/1', {'title': 'Edited on two', 'text': ''})
        at(one)
        self.assertIn('Edited on two', self.visit('/')[1])
        self.visit('/logout')
        at(two)
        self.assertEqual(self.post('After logging out on one')[0], 401)

    def test_workers_that_were_forked_from_a_loaded_application_serve(self):
        self.start('--preload', WEB_CONCURRENCY='2')
        self.log_in()
        self.assertEqual({self.post('Title')[0] for _ in range(6)}, {200})

    def test_port_and_options_come_from_the_environment(self):
        port = self.find_free_port()
        self.start(PORT=port, GUNICORN_CMD_ARGS='--name changed', WEB_CONCURRENCY='2')
        self.assertEqual(self.address, f'http://127.0.0.1:{port}')
        self.assertEqual(self.visit('/')[0], 200)
        self.read_log_until('Booting worker', times=2)

    def stop(self):
        self.server.terminate()
        self.server.wait(timeout=20)
        self.kill()

    def test_no_request_is_in_the_log(self):
        self.start()
        self.visit('/?in=the-log')
        self.stop()
        self.assertNotIn('in=the-log', self.log)

    def test_on_a_dyno_it_does_what_heroku_asks_for(self):
        """The buildpack for Python sets these in python.gunicorn.sh and WEB_CONCURRENCY.sh."""
        for workers in (2, 4):
            self.start(
                PORT=self.find_free_port(),
                DYNO='web.1',
                WEB_CONCURRENCY=str(workers),
                FORWARDED_ALLOW_IPS='*',
                GUNICORN_CMD_ARGS='--access-logfile -',
            )
            self.assertIn('Listening at: http://0.0.0.0:', self.log)
            self.read_log_until('Booting worker', times=workers)
            with concurrent.futures.ThreadPoolExecutor(40) as readers:
                pages = readers.map(lambda n: self.visit(f'/?page={n}')[0], range(200))
                self.assertEqual(set(pages), {200})
            if self.postgres_url:
                self.assertIn(self.count_connections(), range(1, 4 * workers + 1))
            self.log_in(X_Forwarded_Proto='https')
            self.assertEqual({cookie.secure for cookie in self.cookies()}, {True})
            self.stop()
            self.assertEqual(self.log.count('Booting worker'), workers)
            self.assertIn('GET /?page=199 ', self.log)
            self.assertEqual('will vanish' in self.log, not self.postgres_url)

    def test_nothing_else_appears_in_the_folder_or_at_home(self):
        before = {'__pycache__', *os.listdir(FOLDER)}
        with tempfile.TemporaryDirectory() as home:
            self.start(HOME=home)
            self.visit('/')
            self.assertEqual(os.listdir(home), [])
        self.assertEqual(set(os.listdir(FOLDER)) - before, set())

    def test_a_proxy_on_this_machine_may_say_that_a_request_came_by_https(self):
        self.start()
        self.log_in(X_Forwarded_Proto='https')
        # The cookies are for https only, so over http nobody is logged in.
        self.assertEqual(self.post('Title')[0], 401)

    def test_a_body_over_four_megabytes_gets_an_answer(self):
        self.start()
        self.log_in()
        status, page = self.post('x' * 6_000_000)
        self.assertEqual(status, 413)
        self.assertIn('too much at once', page)

    def test_a_body_without_a_length_is_taken(self):
        self.start()
        self.log_in()
        connection = self.begin_post('Transfer-Encoding: chunked')
        self.assertIn('302', self.end_post(connection, b'd\r\ntitle=A&text=\r\n0\r\n\r\n'))

    def test_a_body_without_a_length_is_not_cut_off_at_four_megabytes(self):
        self.start()
        self.log_in()
        connection = self.begin_post('Transfer-Encoding: chunked')
        body = b'5b8d8d\r\ntitle=A&text=' + b'x' * 6_000_000 + b'\r\n0\r\n\r\n'
        self.assertIn('413', self.end_post(connection, body))
        self.assertEqual(self.query('select title from entries'), [])

    def test_a_body_in_chunks_that_breaks_the_rules_is_refused(self):
        self.start()
        self.log_in()
        form = b'd\r\ntitle=A&text=\r\n'
        for body in [
            b'x\r\ntitle=A&text=\r\n0\r\n\r\n',
            b'-1\r\n',
            b'c\r\ntitle=A&text=\r\n0\r\n\r\n',
            form + b'0\r\nHost: evil.test\r\n\r\n',
            form + b'0\r\nContent-Length: 7\r\n\r\n',
            form + b'0\r\nx y: z\r\n\r\n',
            form,
            form[:9],
        ]:
            with self.subTest(body=body):
                connection = self.begin_post('Transfer-Encoding: chunked')
                self.assertIn('400', self.end_post(connection, body))
        self.assertEqual(self.query('select title from entries'), [])
        self.kill()
        self.assertNotIn('Traceback', self.log)

    def test_half_of_a_post_is_not_stored(self):
        self.start()
        self.log_in()
        connection = self.begin_post('Content-Length: 5000')
        self.assertIn('400', self.end_post(connection, b'title=Half&text=of+what+I+'))
        self.assertEqual(self.query('select title from entries'), [])

    def test_a_client_cannot_say_under_which_path_the_blog_is(self):
        self.start()
        request = b'GET /logout HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: //evil.test\r\n\r\n'
        with socket.create_connection(('127.0.0.1', self.port), timeout=20) as connection:
            connection.sendall(request)
            self.assertNotIn(b'evil.test', connection.recv(10_000))

    def test_a_slow_request_does_not_hold_up_the_others(self):
        self.start()
        self.log_in()
        self.begin_post('Content-Length: 13')
        self.assertEqual(self.visit('/')[0], 200)

    def test_on_sigterm_a_request_in_flight_finishes(self):
        self.start()
        self.log_in()
        connection = self.begin_post('Content-Length: 13')
        self.server.terminate()
        self.read_log_until('Handling signal: term')
        self.assertIn('302', self.end_post(connection, b'title=A&text='))
        self.assertEqual(self.server.wait(timeout=20), 0)
        self.assertEqual(self.query('select title from entries'), [('A',)])

    def test_nothing_acknowledged_is_lost_when_it_is_killed_under_load(self):
        acknowledged = []

        def post_until_it_dies(writer):
            with contextlib.suppress(OSError, http.client.HTTPException):
                for number in itertools.count():
                    title = f'Entry {number} of writer {writer}'
                    if self.post(title)[0] != 200:
                        break
                    acknowledged.append(title)

        self.start(WEB_CONCURRENCY='2')
        self.log_in()
        writers = [threading.Thread(target=post_until_it_dies, args=[n]) for n in range(4)]
        for writer in writers:
            writer.start()
        while len(acknowledged) < 20 and all(writer.is_alive() for writer in writers):
            time.sleep(0.01)
        self.kill()
        for writer in writers:
            writer.join()
        self.assertGreaterEqual(len(acknowledged), 20)
        self.start()
        self.assertEqual(self.visit('/')[0], 200)
        stored = {title for (title,) in self.query('select title from entries')}
        self.assertEqual(set(acknowledged) - stored, set())


def load_tests(loader, tests, pattern):
    """Run the tests in a browser too, after those above."""
    import test_browser  # which imports this module

    if test_browser.WHY_SKIPPED:
        print(test_browser.WHY_SKIPPED, file=sys.stderr)
    tests.addTests(loader.loadTestsFromModule(test_browser))
    return tests


if __name__ == '__main__':
    unittest.main()
