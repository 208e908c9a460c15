"""The tests of Flaskr: `python test.py` runs them all in a few seconds.

Each test starts with a database of its own and never opens the real one. The
classes stand in the order of app.py's rooms; a test's name is a sentence about
the blog, and the helpers in FlaskrTestCase are what a person does with it.
"""

import multiprocessing
import os
import signal
import sqlite3
import tempfile
import unittest
from unittest import mock

import app

TUTORIAL_SCHEMA = """
create table entries (
  id integer primary key autoincrement,
  title text not null,
  text text not null
);
"""


class FlaskrTestCase(unittest.TestCase):
    def setUp(self):
        """Give each test an empty database and the tutorial's configuration."""
        file, self.database = tempfile.mkstemp(suffix='.db')
        os.close(file)
        self.addCleanup(os.unlink, self.database)
        self.configure(
            DATABASE=self.database,
            TESTING=True,
            USERNAME='admin',
            PASSWORD='admin',
            SECRET_KEY=None,
        )
        self.client = app.app.test_client()

    def configure(self, **settings):
        """Change the configuration until the end of the test."""
        patch = mock.patch.dict(app.app.config, settings)
        patch.start()
        self.addCleanup(patch.stop)

    def query(self, statement, *values):
        """Ask the database directly, behind Flaskr's back."""
        db = sqlite3.connect(self.database)
        try:
            with db:
                return db.execute(statement, values).fetchall()
        finally:
            db.close()

    def at_once(self, count, work):
        """Run work(number) in several processes at once; give the exit codes."""
        fork = multiprocessing.get_context('fork')
        start = fork.Barrier(count)

        def wait_and_work(number):
            start.wait()
            work(number)

        processes = [
            fork.Process(target=wait_and_work, args=[number]) for number in range(count)
        ]
        for process in processes:
            process.start()
        for process in processes:
            process.join()
        return [process.exitcode for process in processes]


class DatabaseTest(FlaskrTestCase):
    def make_tutorial_database(self):
        """Leave what the tutorial's app leaves: two entries of three, no times."""
        db = sqlite3.connect(self.database)
        with db:
            db.executescript(TUTORIAL_SCHEMA)
            for title in ['First', 'Second', 'Third']:
                db.execute(
                    'insert into entries (title, text) values (?, ?)', [title, 'Text']
                )
            db.execute("delete from entries where title = 'Third'")
        db.close()

    def test_the_connection_is_the_same_within_one_context(self):
        with app.app.app_context():
            self.assertIs(app.get_db(), app.get_db())

    def test_the_connection_is_closed_after_its_context(self):
        with app.app.app_context():
            db = app.get_db()
        with self.assertRaises(sqlite3.ProgrammingError):
            db.execute('select 1')

    def test_an_empty_file_becomes_a_blog_on_first_use(self):
        with app.app.app_context():
            self.assertEqual(app.find_entries(), [])

    def test_a_missing_file_becomes_a_blog_on_first_use(self):
        os.unlink(self.database)
        with app.app.app_context():
            self.assertEqual(app.find_entries(), [])

    def test_initializing_again_keeps_every_entry(self):
        with app.app.app_context():
            app.insert_entry('Title', 'Text')
        app.init_db()
        with app.app.app_context():
            self.assertEqual(len(app.find_entries()), 1)

    def test_a_database_of_the_tutorial_keeps_every_entry(self):
        self.make_tutorial_database()
        with app.app.app_context():
            self.assertEqual(
                [tuple(entry) for entry in app.find_entries()],
                [(2, 'Second', 'Text', None), (1, 'First', 'Text', None)],
            )

    def test_a_database_of_the_tutorial_never_uses_an_id_again(self):
        self.make_tutorial_database()
        with app.app.app_context():
            self.assertEqual(app.insert_entry('Fourth', 'Text'), 4)

    def test_a_time_that_a_learner_added_to_the_tutorial_is_kept(self):
        self.make_tutorial_database()
        self.query('alter table entries add column created text')
        self.query("update entries set created = '2013-12-01T10:00:00Z'")
        with app.app.app_context():
            self.assertEqual(
                app.find_entries()[0]['created'],
                '2013-12-01T10:00:00Z',
            )

    def test_a_kill_during_the_upgrade_leaves_the_old_state_or_the_new(self):
        def upgrade_until_statement(number):
            """Upgrade in a process that is killed before that statement."""
            connect_db = app.connect_db

            def connect_and_count():
                db = connect_db()
                statements = []

                def count(statement):
                    if len(statements) == number:
                        os.kill(os.getpid(), signal.SIGKILL)
                    statements.append(statement)

                db.set_trace_callback(count)
                return db

            with mock.patch.object(app, 'connect_db', connect_and_count):
                app.init_db()

        self.make_tutorial_database()
        number = 0
        while self.at_once(1, lambda _: upgrade_until_statement(number)) != [0]:
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

        os.unlink(self.database)
        self.assertEqual(self.at_once(8, serve), [0] * 8)
        self.assertEqual(self.query('select count(*) from entries'), [(8,)])
        self.assertEqual(len(self.query('select * from settings')), 1)

    def test_eight_writers_that_read_first_lose_nothing(self):
        def count_to_twenty(number):
            with app.app.app_context():
                for _ in range(20):
                    with app.transaction(app.get_db()) as db:
                        (count,) = db.execute(
                            'select max(text) + 0 from entries'
                        ).fetchone()
                        db.execute('update entries set text = ?', [f'{count + 1:04}'])

        with app.app.app_context():
            app.insert_entry('Counter', '0000')
        self.assertEqual(self.at_once(8, count_to_twenty), [0] * 8)
        self.assertEqual(self.query('select text from entries'), [('0160',)])

    def test_a_transaction_that_fails_leaves_nothing_behind(self):
        with app.app.app_context():
            with self.assertRaises(ZeroDivisionError), app.transaction(app.get_db()):
                app.insert_entry('Half', 'done')
                1 / 0  # noqa: B018
            self.assertEqual(app.find_entries(), [])

    def test_a_post_survives_the_loss_of_power(self):
        """EXTRA (3) also syncs the folder once the journal is gone."""
        with app.app.app_context():
            self.assertEqual(
                app.get_db().execute('pragma synchronous').fetchone()[0], 3
            )

    def test_the_blog_is_one_file_that_can_be_copied(self):
        with app.app.app_context():
            app.insert_entry('Title', 'Text')
        name = os.path.basename(self.database)
        folder = os.path.dirname(self.database)
        self.assertEqual([file for file in os.listdir(folder) if name in file], [name])


class EntriesTest(FlaskrTestCase):
    def test_the_newest_entry_comes_first(self):
        with app.app.app_context():
            app.insert_entry('Older', '')
            app.insert_entry('Newer', '')
            titles = [entry['title'] for entry in app.find_entries()]
        self.assertEqual(titles, ['Newer', 'Older'])

    def test_an_id_is_never_used_again(self):
        with app.app.app_context():
            first = app.insert_entry('First', '')
            app.get_db().execute('delete from entries')
            self.assertGreater(app.insert_entry('Second', ''), first)

    def test_an_entry_keeps_when_it_was_made_in_utc(self):
        with app.app.app_context():
            app.insert_entry('Title', 'Text')
            created = app.find_entries()[0]['created']
        self.assertRegex(created, r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        self.assertEqual(
            self.query("select abs(julianday('now') - julianday(?)) < 1", created),
            [(1,)],
        )


if __name__ == '__main__':
    unittest.main()
