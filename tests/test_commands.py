"""What `flask …` can do for a blog, and what it says when it can't."""

import errno
import json
import os
import zipfile
from unittest import mock

from werkzeug.security import check_password_hash

import app
from tests import cases


@cases.on_both_engines
class CommandsTest(cases.FlaskrTestCase):
    def test_init_db_keeps_every_entry(self):
        self.login()
        self.add_entry('Title')
        self.run_command('init-db')
        self.assertShows(self.read_index(), 'Title')

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


@cases.on_both_engines
class ExportTest(cases.FeedTestCase):
    def add_picture(self, name):
        statement = 'insert into pictures (name, width, height, created, content) values '
        self.query(f"{statement} (?, 4, 3, '2024-01-02T03:04:06Z', ?)", name, b'content')

    def test_a_feed_says_how_many_pictures_it_leaves_out(self):
        app.init_db()
        self.assertEqual(self.run_command('export').stderr, '')
        for name, words in [('a', '1 picture: '), ('b', '2 pictures: ')]:
            self.add_picture(name)
            result = self.run_command('export')
            self.assertIn('version', json.loads(result.stdout))
            self.assertIn(words, result.stderr)
            self.assertIn('export to a name that ends in .zip.\n', result.stderr)
            result = self.run_command('export', f'{self.file}-{name}')
            self.assertEqual(result.stdout, '')
            self.assertIn(words, result.stderr)

    def test_a_zip_has_all_pictures_whatever_the_case_of_its_name(self):
        app.init_db()
        self.add_picture('a')
        for ending in ['.zip', '.ZIP', '.Zip']:
            file = os.path.join(self.folder, f'blog{ending}')
            self.assertEqual(self.run_command('export', file).output, '')
            with zipfile.ZipFile(file) as archive:
                self.assertIn('uploads/a.webp', archive.namelist())
            self.assertEqual(os.stat(file).st_mode & 0o777, 0o600)

    def test_a_zip_overwrites_nothing_and_is_whole_or_not_there(self):
        app.init_db()
        self.add_picture('a')
        self.query('update pictures set content = ?', bytes(5000))
        file = os.path.join(self.folder, 'blog.zip')
        with self.full_disk():
            result = self.run_command('export', file)
        self.assertEqual((result.output, result.exit_code), (f'{file}: File too large\n', 1))
        self.assertEqual(os.listdir(self.folder), [])
        for expected in [0, 1]:
            self.assertEqual(self.run_command('export', file).exit_code, expected)
        self.assertEqual(os.listdir(self.folder), ['blog.zip'])

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


@cases.on_both_engines
class ImportTest(cases.FeedTestCase):
    def test_a_file_that_cannot_be_read_is_told_by_its_name(self):
        with mock.patch('builtins.open', side_effect=OSError(errno.EIO, 'Input/output error')):
            result = self.run_command('import', self.file)
        self.assertEqual(result.output, f'{self.file}: Input/output error\n')

    def test_a_file_that_cannot_be_read_makes_no_blog(self):
        self.write('no feed')
        for file in [self.file, f'{self.file}.none']:
            path = os.path.join(self.folder, 'flaskr.db')
            self.configure(DATABASE=path)
            self.assertEqual(self.run_command('import', file).exit_code, 1)
            self.assertFalse(os.path.exists(path))

    def test_a_file_that_is_not_there(self):
        self.assertRefused('No such file or directory')


class BackupTest(cases.FeedTestCase):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.folder, 'backup.db')
        self.add_entries('Kept')

    def test_it_overwrites_nothing(self):
        with open(self.file, 'w') as file:
            file.write('Precious')
        result = self.run_command('backup', self.file)
        self.assertEqual(result.exit_code, 1)
        self.assertIn('exists', result.output)
        with open(self.file) as file:
            self.assertEqual(file.read(), 'Precious')

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


@cases.on_both_engines
class BackupOfPostgresTest(cases.FeedTestCase):
    def test_on_postgres_it_says_what_to_use(self):
        self.configure(DATABASE='postgresql://localhost/blog')
        result = self.run_command('backup', self.file)
        self.assertEqual(result.exit_code, 1)
        self.assertIn('pg_dump', result.output)
        self.assertIn('flask export', result.output)
