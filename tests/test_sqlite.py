"""What only SQLite does: upgrades of older files, who may read them, what fails."""

import contextlib
import os
import re
import shutil
import signal
import sqlite3
from unittest import mock

import app
from parts import sqlite
from tests import cases


class UpgradeTest(cases.SqliteTestCase):
    def make_tutorial_database(self):
        """Leave what the tutorial's app leaves: two entries of three, no times."""
        db = sqlite3.connect(self.database)
        with db:
            db.executescript(cases.TUTORIAL_SCHEMA)
            for title in ['First', 'Second', 'Third']:
                db.execute('insert into entries (title, text) values (?, ?)', [title, 'Text'])
            db.execute("delete from entries where title = 'Third'")
        db.close()

    def test_a_database_of_the_tutorial_keeps_every_entry(self):
        self.make_tutorial_database()
        self.assertEqual(self.titles(), ['Second', 'First'])
        self.assertEqual(
            self.query('select id, title, text, created from entries order by id'),
            [(1, 'First', 'Text', None), (2, 'Second', 'Text', None)],
        )

    def test_a_database_of_the_tutorial_never_uses_an_id_again(self):
        self.make_tutorial_database()
        self.add_entries('Fourth')
        self.assertEqual(self.query('select max(id) from entries'), [(4,)])

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
        self.assertEqual(self.titles(), ['Second', 'First'])
        created = self.query('select distinct created from entries')
        self.assertEqual(created, [('2013-12-01T10:00:00Z',)])

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
            self.assertEqual('created' in columns, version > 0)
            self.assertEqual(len(self.query('select * from entries')), 2)
            number += 1
        self.assertGreater(number, 5)
        self.assertGreater(self.query('pragma user_version'), [(0,)])

    def test_entries_from_before_the_search_are_found(self):
        self.make_tutorial_database()
        self.assertEqual(self.titles('/search?q=second'), ['<mark>Second</mark>'])


class FileTest(cases.SqliteTestCase):
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

    def test_the_log_says_it_once_and_of_a_missing_file_only(self):
        with self.assertNoLogs(app.app.logger, 'WARNING'):
            self.read_index()
        os.unlink(self.database)
        with self.assertLogs(app.app.logger, 'WARNING') as logs:
            self.read_index()
            self.read_index()
        self.assertEqual(len(logs.output), 1)

    def test_eight_processes_can_start_at_once_on_a_missing_file(self):
        def serve(number):
            self.add_entries(f'From process {number}')

        self.remove_file()
        self.assertEqual(self.at_once(8, serve), [0] * 8)
        self.assertEqual(self.query('select count(*) from entries'), [(8,)])
        self.assertEqual(len(self.query('select * from internals')), 1)

    def test_the_blog_is_one_file_that_can_be_copied(self):
        self.add_entries('Title')
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

    def test_an_older_cookie_is_worth_nothing_on_a_disk_that_was_wiped(self):
        """As Heroku does; only the configured key stays the same."""
        self.configure(SECRET_KEY='from the environment')
        self.login()
        cookie = self.client.get_cookie('session')
        self.logout()
        os.truncate(self.database, 0)
        self.client.set_cookie('session', cookie.value)
        self.assertStatus(self.add_entry('Replayed'), 401)


class TroubleTest(cases.SqliteTestCase):
    """What is said when the database fails, and that nothing typed is lost."""

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

    def test_a_url_of_another_kind_of_database(self):
        self.configure(DATABASE='mysql://localhost/blog')
        self.assertTrouble('The database cannot be used', details='DATABASE_URL has to begin')

    def test_the_page_asks_to_come_back_later(self):
        self.lock('exclusive')
        with self.assertLogs(app.app.logger, 'ERROR'):
            self.assertIn('Retry-After', self.read_index().headers)

    def test_the_page_still_has_its_style(self):
        self.corrupt()
        with self.client.get('/static/style.css') as response:
            self.assertStatus(response, 200)

    def test_a_connection_that_fails_is_closed(self):
        self.lock('exclusive')
        with mock.patch.object(sqlite.SqliteConnection, 'close', autospec=True) as close:
            self.assertRaises(sqlite3.OperationalError, app.connect_db)
        close.assert_called_once()

    def test_a_post_survives_the_loss_of_power(self):
        """EXTRA (3) also syncs the folder once the journal is gone."""
        with app.app.app_context():
            self.assertEqual(app.get_db().execute('pragma synchronous').fetchone()[0], 3)

    def test_the_trouble_is_over_when_the_lock_is(self):
        lock = self.lock('exclusive')
        with self.assertLogs(app.app.logger, 'ERROR'):
            self.assertStatus(self.read_index(), 503)
        lock.rollback()
        self.assertStatus(self.read_index(), 200)
