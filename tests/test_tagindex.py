"""Which entries have which tags."""

from unittest import mock

import app
from parts import tagindex
from tests import cases


class NotingConnection:
    """A connection that notes its statements."""

    def __init__(self, db, statements):
        self.db, self.statements = db, statements

    def execute(self, statement, *values):
        self.statements.append(statement)
        return self.db.execute(statement, *values)

    def __getattr__(self, name):
        return getattr(self.db, name)


@cases.on_both_engines
class TagIndexTest(cases.FlaskrTestCase):
    def setUp(self):
        super().setUp()
        self.login()

    def tags(self):
        with app.app.app_context():
            rows = [dict(row) for row in tagindex.count_tags(app.get_db())]
        return [(row['name'], row['word'], row['count']) for row in rows]

    def test_tags_are_counted_whatever_their_case_and_accents(self):
        self.add_entry('First', '#Crème #creme')
        self.add_entry('Second', '#creme #x')
        self.assertEqual(self.tags(), [('creme', 'creme', 1 + 1), ('x', 'x', 1)])

    def test_a_word_that_is_shown_as_code_is_no_tag(self):
        self.add_entry('First', 'See `#cats`')
        self.assertEqual(self.tags(), [])

    def test_the_list_of_all_tags_is_one_query(self):
        for number in range(30):
            self.add_entry(f'Entry {number}', f'#tag{number}')
        self.open_connection()
        connect, statements = app.connect_db, []

        def connect_and_note():
            return NotingConnection(connect(), statements)

        with mock.patch.object(app, 'connect_db', connect_and_note):
            self.client.get('/tags')
        self.assertEqual(sum('tags' in statement for statement in statements), 1)

    def test_it_is_made_anew_in_parts(self):
        with mock.patch.object(tagindex, 'TEXTS_AT_ONCE', 2):
            for number in range(5):
                self.add_entry(f'Entry {number}', '#cats' if number % 2 else '')
            self.query('delete from tags')
            with app.app.app_context():
                tagindex.index_tags(app.get_db())
                tagindex.index_tags(app.get_db())
        self.assertEqual(self.tags(), [('cats', 'cats', 2)])
