"""What SQLite and Postgres have to do alike, whatever differs between them."""

import contextlib
import hashlib
import multiprocessing
import os
import re
import shutil
import sqlite3
import threading
import time
import warnings
from unittest import mock

import psycopg

import app
from parts import texts
from tests import cases


@cases.on_both_engines
class DatabaseTest(cases.FlaskrTestCase):
    """Many processes at once, and statements that belong together."""

    def test_a_process_that_comes_second_to_an_upgrade_leaves_it_alone(self):
        self.read_index()
        with mock.patch.object(app.app, 'open_resource') as open_schema:
            app.init_db()
        open_schema.assert_not_called()

    def test_eight_processes_can_start_at_once_on_an_empty_database(self):
        def serve(number):
            self.add_entries(f'From process {number}')

        self.assertEqual(self.at_once(8, serve), [0] * 8)
        self.assertEqual(self.query('select count(*) from entries'), [(8,)])
        self.assertEqual(len(self.query('select * from internals')), 1)

    def test_a_post_that_is_sent_eight_times_at_once_is_stored_once(self):
        def post(number):
            response = self.client.post('/add', data={**form, 'key': '0123456789abcdef'})
            self.assertStatus(response, 302)

        form = {'title': 'Once', 'text': ''}
        self.login()
        self.assertEqual(self.at_once(8, post), [0] * 8)
        self.assertEqual(self.query('select title from entries'), [('Once',)])

    def test_eight_writers_that_read_first_lose_nothing(self):
        def count_to_twenty(number):
            with app.app.app_context():
                db = app.get_db()
                for _ in range(20):
                    with db.transaction():
                        query = 'select cast(max(text) as integer) as count from entries'
                        count = db.execute(query).fetchone()['count']
                        db.execute('update entries set text = ?', [f'{count + 1:04}'])

        self.login()
        self.add_entry('Counter', '0000')
        self.assertEqual(self.at_once(8, count_to_twenty), [0] * 8)
        self.assertEqual(self.query('select text from entries'), [('0160',)])

    def test_a_transaction_that_fails_leaves_nothing_behind(self):
        with app.app.app_context():
            db = app.get_db()
            with self.assertRaises(ZeroDivisionError), db.transaction():
                db.execute("insert into entries (title, text) values ('Half', 'done')")
                1 / 0  # noqa: B018
            self.assertEqual(db.execute('select id from entries').fetchall(), [])

    def test_a_change_of_the_schema_has_a_number_of_its_own(self):
        """Else no database would get it."""
        for name, number, expected in [
            ('schema.sql', 'pragma user_version = 9;', '4df59b61'),
            ('parts/schema_postgres.sql', 'schema_version set default 9;', 'e177f10e'),
        ]:
            content = (cases.FOLDER / name).read_bytes()
            given = app.SCHEMA_VERSION, hashlib.sha256(content).hexdigest()[:8]
            what = 'Raise SCHEMA_VERSION in app.py and both schema files; put the new hashes here'
            self.assertEqual(given, (9, expected), what)
            self.assertIn(number, content.decode(), what)

    def test_readers_and_exports_get_every_column(self):
        self.read_index()
        for view in ['stored', 'published', 'trash']:
            with app.app.app_context():
                table, seen = (
                    {name for name, *_ in app.get_db().execute(query).description}
                    for query in ['select * from entries limit 0', f'select * from {view} limit 0']
                )
            self.assertEqual(table - seen - {'words'}, set())


@cases.on_both_engines
class SearchTest(cases.FlaskrTestCase):
    """Whatever is typed is searched for as it is written."""

    def setUp(self):
        super().setUp()
        self.login()

    def search(self, query):
        return self.client.get('/search', query_string={'q': query})

    def test_more_of_the_words_in_the_title_are_better_and_then_newer_is_better(self):
        self.add_entry('Red apples', 'Fruit')
        self.add_entry('Apples', 'Red ones')
        self.add_entry('Fruit', 'Red apples, red apples, red apples')
        self.add_entry('Salad', 'With red apples')
        self.assertEqual(self.found('apples red'), ['Red apples', 'Apples', 'Salad', 'Fruit'])

    def test_a_word_in_the_title_is_found(self):
        self.add_entries('Red apples', 'Green pears')
        self.assertEqual(self.found('apples'), ['Red apples'])

    def test_a_word_in_the_text_is_found(self):
        self.add_entry('Fruit', 'Some apples')
        self.assertEqual(self.found('apples'), ['Fruit'])

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

    def test_the_best_match_comes_first(self):
        self.add_entry('In passing', 'A long text that mentions apples once among much else.')
        self.add_entry('Apples', 'All about apples')
        self.add_entry('Also in passing', 'Another long text that mentions apples only once.')
        self.add_entry('Pears', '')
        self.assertEqual(self.found('apples')[0], 'Apples')

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
            words = ' '.join(texts.split_words(query))
            self.assertEqual(len(re.findall(r'[^\W_]+', words)), 32)
            self.assertTrue(query.startswith(words))
            self.assertStatus(self.search(query), 200)
        self.assertEqual(texts.split_words('x' * 999), ('x' * 200,))

    def test_signs_that_stand_for_many_letters_are_no_error(self):
        for sign in '㌖㍿ﷺ':  # kilometre, limited company, a blessing of four words
            with self.subTest(sign=sign):
                word = f'x{sign * 199}'
                self.assertStatus(self.add_entry(word, sign * 1000), 200)
                self.assertStatus(self.search(word), 200)
                self.assertStatus(self.search(' '.join([word] * 32)), 200)

    def test_an_edit_is_found_by_its_new_words_only(self):
        self.add_entries('Old words')
        self.edit_entry(1, 'New words')
        self.assertEqual(self.found('old'), [])
        self.assertEqual(self.found('new'), ['New words'])

    def test_what_is_deleted_forever_is_not_found(self):
        self.add_entries('Apples')
        self.post('/delete/1')
        self.post('/purge/1')
        self.assertEqual(self.found('apples'), [])


class AddressTest(cases.FlaskrTestCase):
    """What DATABASE may be."""

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

    def test_no_command_shows_the_password_of_a_url(self):
        self.configure(DATABASE='mysql://me:hunter2@localhost/blog')
        result = app.app.test_cli_runner().invoke(args=['init-db'])
        self.assertEqual(result.exit_code, 1)
        self.assertNotIn('hunter2', result.output)


class FileWatchTest(cases.SqliteTestCase, cases.PageCacheTestCase):
    """What tells that the file has changed."""

    turns = 200  # that two processes take; tools/turns.py lets them take more

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

    def count_questions(self, times):
        """Read the index, so many times; give how often the file was read."""
        with mock.patch('os.pread', wraps=os.pread) as pread:
            for _ in range(times):
                self.read()
        return pread.call_count

    def test_a_file_that_was_just_written_to_is_asked_every_time(self):
        """Since the next write could have the same time."""
        self.add_entries('First')
        self.assertEqual(self.count_questions(5), 5)

    def test_a_file_that_nobody_has_written_to_for_a_while_is_asked_once(self):
        self.add_entries('First')
        with mock.patch('time.time_ns', return_value=time.time_ns() + 10**10):
            self.assertEqual(self.count_questions(5), 1)
            self.query("update entries set title = 'Second'")
            self.assertShows(self.read(), 'Second')

    def test_a_change_shows_in_wal_mode_too(self):
        """Which somebody else may have put the file in, and which lets it keep its times."""
        self.add_entries('Old')
        self.query('pragma journal_mode = wal')
        with contextlib.closing(sqlite3.connect(self.database)) as reader:
            reader.execute('select * from entries').fetchall()  # who keeps it in that mode
            self.assertShows(self.read(), 'Old')
            self.query("update entries set title = 'Newer'")
            self.assertShows(self.read(), 'Newer')

    def test_a_file_that_is_asked_about_keeps_its_locks(self):
        """To close a file would end all locks that the process has on it."""
        self.read()

        def fail_to_lock(number):
            with contextlib.closing(sqlite3.connect(self.database, timeout=0)) as other:
                self.assertRaises(sqlite3.OperationalError, other.execute, 'begin immediate')

        with contextlib.closing(sqlite3.connect(self.database)) as db:
            db.execute('begin immediate')
            self.read()
            self.assertEqual(self.at_once(1, fail_to_lock), [0])

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


class ServerWatchTest(cases.OnPostgres, cases.PageCacheTestCase):
    """Pages on Postgres, which is not asked whether it has changed."""

    def test_a_page_is_kept_for_a_while(self):
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
        self.login()
        self.read()
        self.add_entry('Posted')
        self.assertShows(self.read(), 'Posted')

    def test_a_change_shows_once_it_is_committed(self):
        self.configure(PAGE_AGE=0)
        self.add_entries('Before')
        with psycopg.connect(self.database) as db:
            db.execute("update entries set title = 'After'")
            db.execute("update entries set text = 'More'")
            self.assertShows(self.read(), 'Before')
            db.commit()
            self.assertShows(self.read(), 'After')
            db.execute('truncate entries cascade')
            db.commit()
            self.assertShows(self.read(), 'No entries yet')

    def test_the_author_can_log_out_during_an_import(self):
        self.configure(DATABASE_TIMEOUT=0.1)
        self.login()
        with psycopg.connect(self.database) as db:
            db.execute("insert into entries (title, text) values ('Imported', '')")
            self.assertShows(self.logout(), 'You were logged out')

    def test_a_dump_of_the_entries_can_be_read_in(self):
        """pg_dump empties the search path."""
        self.query(f"""
            set search_path = '';
            insert into {self.schema}.entries (title, text) values ('Dumped', '')
        """)
        self.assertEqual(self.titles(), ['Dumped'])

    def test_an_outage_shows_after_that_while_and_is_over_when_it_is(self):
        self.configure(PROPAGATE_EXCEPTIONS=False, PAGE_AGE=0.1)
        self.read()
        failure = mock.Mock(side_effect=sqlite3.OperationalError('no'))
        with mock.patch.object(app, 'connect_db', failure):
            time.sleep(0.1)
            with self.assertLogs(app.app.logger, 'ERROR'):
                self.assertStatus(self.read(), 503)
        self.assertStatus(self.read(), 200)
