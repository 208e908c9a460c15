"""All entries out, and any feed in; copies of a blog that is in use."""

import contextlib
import json
import os
import sqlite3
import time
from unittest import mock

import app
from parts import jsonfeed, moving
from tests import cases


@cases.on_both_engines
class ExportTest(cases.FeedTestCase):
    def test_it_goes_to_a_file(self):
        self.fill_the_blog()
        result = self.run_command('export', self.file)
        self.assertEqual(result.output, '')
        with open(self.file, encoding='utf-8') as file:
            self.assertEqual(json.load(file), self.read_export())

    def test_it_takes_more_entries_than_it_reads_at_once(self):
        self.add_numbered_entries(305)
        titles = [item['title'] for item in self.read_export()['items']]
        self.assertEqual(titles, [f'Entry {number}' for number in range(1, 306)])


@cases.on_both_engines
class ImportTest(cases.FeedTestCase):
    def test_an_export_comes_back_as_it_was(self):
        self.fill_the_blog()
        before = self.rows()
        self.run_command('export', self.file)
        self.query('delete from entries')
        result = self.run_command('import', self.file)
        self.assertEqual(result.exit_code, 0)
        self.assertIn('Imported 3 entries; 0 here already.', result.output)
        self.assertEqual(self.rows(), before)

    def test_importing_twice_changes_nothing(self):
        self.fill_the_blog()
        self.run_command('export', self.file)
        before = self.rows()
        for _ in range(2):
            result = self.run_command('import', self.file)
            self.assertIn('Imported 0 entries; 3 here already.', result.output)
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

    def test_an_item_that_is_in_the_file_twice_comes_in_once(self):
        item = {'id': 'https://example.org/1', 'content_text': 'One'}
        self.import_feed(item, item)
        self.assertEqual(len(self.rows()), 1)

    def test_an_entry_that_was_saved_very_often_can_be_edited(self):
        self.login()
        self.import_feed({'id': '1', 'title': 'Old', '_flaskr': {'version': 10**17 - 1}})
        self.assertStatus(self.edit_entry(1, 'New', version=10**17 - 1), 200)
        self.assertEqual(self.query('select title, version from entries'), [('New', 10**17)])

    def test_items_of_the_same_time_keep_their_order_where_their_ids_are_taken(self):
        self.add_entries('Here 1', 'Here 2', 'Here 3')
        titles = [f'Item {number}' for number in (1, 2, 3)]
        self.import_feed(*({'id': title[-1], 'title': title} for title in titles))
        self.assertEqual([row[1] for row in self.rows()][3:], titles)

    def test_what_is_known_of_the_items_adds_up_to_all(self):
        self.add_entries('Here 1')
        self.write_feed({'id': '1'}, {'id': '2'}, {'id': 'x'}, {'id': 'y'})
        with open(self.file, 'rb') as file:
            entries, *_ = jsonfeed.read_feed(file.read())
        with mock.patch.object(time, 'sleep'), app.app.app_context():
            counts = list(moving.import_entries(app.get_db(), entries))
        self.assertEqual([sum(column) for column in zip(*counts, strict=True)], [4, 4])

    def test_the_older_item_gets_the_lower_id(self):
        self.import_feed(
            {'id': 'b', 'title': 'Newer', 'date_published': '2020-02-02T00:00:00Z'},
            {'id': 'a', 'title': 'Older', 'date_published': '2020-01-01T00:00:00Z'},
        )
        self.assertEqual(self.titles(), ['Newer', 'Older'])

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
        self.assertIn('Imported 5 entries; 0 here already.', result.output)
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
        self.assertIn('Imported 5 entries; 0 here already.', result.output)
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
        self.assertIn('Imported 1 entry; 4 here already.', result.output)
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


@cases.on_both_engines
class MovingTest(cases.FeedTestCase):
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


class BackupTest(cases.FeedTestCase):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.folder, 'backup.db')
        self.add_entries('Kept')

    def test_nobody_else_can_read_it(self):
        self.run_command('backup', self.file)
        self.assertEqual(os.stat(self.file).st_mode & 0o777, 0o600)

    def test_it_leaves_nothing_else_behind(self):
        self.run_command('backup', self.file)
        self.run_command('backup', self.file)
        self.assertEqual(os.listdir(self.folder), ['backup.db'])

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

    def add_two_at_once(self, db):
        with db:
            for title in ['One', 'Two']:
                values = [title, 'x' * 10_000]
                db.execute('insert into entries (title, text) values (?, ?)', values)

    def test_it_is_consistent_while_entries_are_written(self):
        def write_or_back_up(number):
            if number == 0:
                for count in range(3):
                    self.run_command('backup', f'{self.file}{count}')
            else:
                with contextlib.closing(sqlite3.connect(self.database, timeout=20)) as db:
                    for _ in range(20):
                        self.add_two_at_once(db)

        self.assertEqual(self.at_once(3, write_or_back_up), [0] * 3)
        for count in range(3):
            self.database = f'{self.file}{count}'
            self.assertEqual(self.query('pragma integrity_check'), [('ok',)])
            self.assertEqual(self.query('select count(*) % 2 from entries'), [(1,)])


class ColumnsTest(cases.FeedTestCase):
    def test_every_column_of_an_entry_comes_back_even_one_that_is_new(self):
        """What the format has no place for is kept beside it, whatever it is."""
        self.add_entries('First', 'In the trash')
        self.post('/delete/2')
        self.query('alter table entries add column a_text_of_tomorrow text')
        self.query('alter table entries add column a_number_of_tomorrow integer')
        self.query("""
            update entries set updated = '2026-11-22T03:04:05Z', version = 7, text = 'Some *text*',
                guid = 'https://example.org/' || id, a_number_of_tomorrow = 2 - id,
                a_text_of_tomorrow = 'glad ☺'
        """)
        rows = self.query('select * from entries order by id')
        for name, values in zip(self.column_names(), zip(*rows, strict=True), strict=True):
            self.assertTrue(any(value is not None for value in values), f'{name} has no value')
        self.run_command('export', self.file)
        self.query('delete from entries')
        self.assertIn('Imported 2 entries', self.run_command('import', self.file).output)
        self.assertEqual(self.query('select * from entries order by id'), rows)

    def column_names(self):
        return [row[1] for row in self.query('pragma table_info(entries)')]
