"""What SQLite and Postgres have to do alike, whatever differs between them."""

import hashlib
import os
import re
import urllib.parse

import app
from tests import cases


@cases.on_both_engines
class DatabaseTest(cases.FlaskrTestCase):
    """Many processes at once, and statements that belong together."""

    def test_a_process_that_comes_second_to_an_upgrade_leaves_it_alone(self):
        with app.app.app_context():
            app.upgrade_db(app.get_db())
        self.assertEqual(self.query('select count(*) from internals'), [(1,)])

    def test_eight_processes_can_start_at_once_on_an_empty_database(self):
        def serve(number):
            self.add_entries(f'From process {number}')

        self.assertEqual(self.at_once(8, serve), [0] * 8)
        self.assertEqual(self.query('select count(*) from entries'), [(8,)])
        self.assertEqual(len(self.query('select * from internals')), 1)

    def test_eight_writers_that_read_first_lose_nothing(self):
        def count_to_twenty(number):
            with app.app.app_context():
                for _ in range(20):
                    with app.transaction(app.get_db()) as db:
                        query = 'select cast(max(text) as integer) as count from entries'
                        count = db.execute(query).fetchone()['count']
                        db.execute('update entries set text = ?', [f'{count + 1:04}'])

        self.login()
        self.add_entry('Counter', '0000')
        self.assertEqual(self.at_once(8, count_to_twenty), [0] * 8)
        self.assertEqual(self.query('select text from entries'), [('0160',)])

    def test_a_transaction_that_fails_leaves_nothing_behind(self):
        with app.app.app_context():
            with self.assertRaises(ZeroDivisionError), app.transaction(app.get_db()) as db:
                db.execute("insert into entries (title, text) values ('Half', 'done')")
                1 / 0  # noqa: B018
            self.assertEqual(db.execute('select id from entries').fetchall(), [])

    def test_a_change_of_the_schema_has_a_number_of_its_own(self):
        """Else no database would get it: only a new number may have new hashes."""
        self.read_index()
        query = 'select schema_version from internals'
        version = self.query(query if self.is_on_postgres else 'pragma user_version')
        self.assertEqual(version, [(5,)])
        for name, expected in [('schema.sql', '922931a1'), ('schema_postgres.sql', 'be0cb3ba')]:
            content = (cases.FOLDER / name).read_bytes()
            self.assertEqual(hashlib.sha256(content).hexdigest()[:8], expected)


@cases.on_both_engines
class SearchTest(cases.FlaskrTestCase):
    """Whatever is typed is searched for as it is written."""

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
