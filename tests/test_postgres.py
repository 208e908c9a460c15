"""What only Postgres does: the connection and the search."""

import os
import sqlite3
import threading
import urllib.parse
from unittest import mock

from psycopg.conninfo import conninfo_to_dict

import app
from parts import moving, postgres
from tests import cases


class UrlTest(cases.FlaskrTestCase):
    """Which no Postgres has to be there for."""

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


class PostgresTest(cases.OnPostgres, cases.FlaskrTestCase):
    def test_a_database_of_an_earlier_flaskr_gets_what_it_lacks(self):
        self.query('drop view published')
        self.query('update internals set schema_version = 5')
        self.forget_connection()
        self.assertEqual(self.titles(), ['Before'])
        self.assertEqual(self.query('select schema_version from internals'), [(9,)])

    def setUp(self):
        super().setUp()
        self.add_entries('Before')

    def cut_connections(self):
        """Do to Flaskr's connections what a restart of Postgres does."""
        cut = """
            select pg_terminate_backend(pid, 1000) from pg_stat_activity
            where application_name = ? and pid <> pg_backend_pid()
        """
        self.query(cut, self.schema)

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
        def post():
            self.add_entry('Posted')
            self.forget_connection()

        with app.app.app_context():
            entry = {'id': 2, 'title': 'Imported', 'text': '', 'created': None, 'updated': None}
            entry = {**entry, 'deleted': None, 'version': 1, 'guid': 'x'}
            with app.get_db().transaction():
                self.assertEqual(
                    moving.import_part(app.get_db(), [entry], new_ids=False, table='entries'), 1
                )
                poster = threading.Thread(target=post)
                poster.start()
                poster.join(0.2)
                self.assertTrue(poster.is_alive())
            poster.join()
        self.assertEqual(self.titles(), ['Posted', 'Imported', 'Before'])

    def test_a_server_that_is_out_of_connections(self):
        role = f'{self.schema}_role'
        self.query(f'create role {role} login connection limit 0')
        self.addCleanup(self.query, f'drop role {role}')
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
