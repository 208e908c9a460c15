"""What `flask …` can do for a blog, and what it says when it can't."""

import errno
import os
from unittest import mock

from werkzeug.security import check_password_hash

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
