"""A Blog Archive: what goes into the ZIP, and what of one that somebody sent is believed."""

import io
import json
import os
import struct
import tracemalloc
import unittest
import zipfile
from unittest import mock

from PIL import Image

import app
from parts import archive
from parts.gallery import name_picture
from tests import cases


def make_webp(colour='red', size=(40, 30)):
    """Return the bytes of a picture as the blog stores it."""
    file = io.BytesIO()
    Image.new('RGB', size, colour).save(file, 'WEBP')
    return file.getvalue()


@cases.on_both_engines
class WriteTest(cases.FeedTestCase):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.folder, 'blog.zip')
        app.init_db()
        self.names = [self.add_picture(colour) for colour in ['red', 'blue']]
        self.login()

    def add_picture(self, colour, created='2024-01-02T03:04:06Z'):
        content = make_webp(colour)
        name = name_picture(content)
        self.query(
            'insert into pictures (name, width, height, created, content) values (?, 40, 30, ?, ?)',
            *(name, created, content),
        )
        return name

    def test_it_has_a_page_a_feed_and_all_pictures_byte_for_byte(self):
        file = self.export()
        uploads = [f'uploads/{name}.webp' for name in self.names]
        self.assertEqual(file.namelist(), ['index.html', 'feed.json', *uploads])
        self.assertEqual([*map(file.read, uploads)], [make_webp('red'), make_webp('blue')])

    def test_pictures_are_stored_as_they_are_and_the_rest_is_deflated(self):
        files = self.export().infolist()
        kinds = [file.compress_type for file in files]
        self.assertEqual(kinds, [zipfile.ZIP_DEFLATED] * 2 + [zipfile.ZIP_STORED] * 2)
        self.assertEqual(files[2].date_time, (2024, 1, 2, 3, 4, 6))

    def test_the_time_of_a_picture_is_kept_to_the_second(self):
        self.query("update pictures set created = '2024-01-02T03:04:07Z'")
        self.export()
        with open(self.file, 'rb') as file:
            opened = archive.Archive(file)
            times = {opened.find_time(name) for name in opened.files if name.startswith('uploads')}
        self.assertEqual(times, {'2024-01-02T03:04:07Z'})

    def test_a_clock_that_was_wrong_is_no_error(self):
        self.query("update pictures set created = '1970-01-01T00:00:00Z'")
        self.export()

    def test_its_feed_is_the_export_but_for_the_addresses_of_pictures(self):
        for url in [None, 'https://example.org/blog']:
            self.configure(URL=url)
            self.add_entry('Cats', f'![Two](/picture/{self.names[0]}.webp) #tag')
            self.client.post('/drafts/add', data={'title': 'Begun', 'text': ''})
            self.post('/delete/1')
            feed = json.loads(self.export().read('feed.json'))
            os.remove(self.file)
            other = self.read_export()
            for item in feed['items'] + feed['_flaskr']['trash']:
                self.assertIn(f'src="uploads/{self.names[0]}.webp"', item['content_html'])
                self.assertIn(f'/picture/{self.names[0]}.webp', item['_flaskr']['text'])
            for items in [feed['items'], feed['_flaskr']['trash'], other['items']]:
                for item in items + other['_flaskr']['trash']:
                    item.pop('content_html', None)
            self.assertEqual(feed, other)

    def test_its_page_has_what_readers_see_and_nothing_else(self):
        self.configure(TITLE='My <blog>')
        self.add_entry('First <b>', 'Some *text*')
        self.add_entry('', f'![Two](/picture/{self.names[0]}.webp) #cats')
        self.add_entry('In the trash')
        self.post('/delete/3')
        self.client.post('/drafts/add', data={'title': 'Begun', 'text': ''})
        self.query("update entries set created = '2026-11-21T03:04:05Z'")
        page = self.export().read('index.html').decode()
        self.assertIn('<h1 class="p-name" dir="auto">My &lt;blog&gt;</h1>', page)
        self.assertNotIn('In the trash', page)
        self.assertNotIn('Begun', page)
        second, first = page.split('<article class="entry h-entry"')[1:]
        self.assertIn('<div class="text e-content" dir="auto">\n<p>Some <em>text</em></p>', first)
        self.assertRegex(first, '<h2 class="p-name" dir="auto"><a class="u-url" href="#entry-1">')
        self.assertIn('datetime="2026-11-21T03:04:05Z"', first)
        self.assertNotIn('p-name', second)
        self.assertIn(f'<img src="uploads/{self.names[0]}.webp" width="40"', second)
        self.assertIn('<a class="u-url" href="#entry-2"><time class="dt-published"', second)

    def test_its_page_leads_to_no_page_that_is_not_there(self):
        self.add_entry('Cats', '#cats')
        self.assertNotIn('/tag/', self.export().read('index.html').decode())
        os.remove(self.file)
        self.configure(URL='https://example.org')
        page = self.export().read('index.html').decode()
        self.assertIn('href="https://example.org/tag/cats"', page)
        self.assertIn('class="u-url" href="https://example.org/entry/1"', page)

    def test_neither_a_whole_page_nor_all_pictures_are_in_memory(self):
        created, count = '2024-01-02T03:04:06Z', range(30)
        page, feed = (('x' * 1_000_000 for _ in count) for _ in range(2))
        pictures = (
            {'name': f'{number}', 'created': created, 'content': bytes(1_000_000)}
            for number in count
        )
        tracemalloc.start()
        try:
            archive.write_archive(self.file, page, feed, pictures)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        self.assertLess(peak, 10_000_000)

    def export(self):
        """Export the blog, and return the files of the archive."""
        result = self.run_command('export', self.file)
        self.assertEqual((result.output, result.exit_code), ('', 0))
        return self.enterContext(zipfile.ZipFile(self.file))


def make_zip(*files, compression=zipfile.ZIP_DEFLATED):
    """Return the bytes of a ZIP with files, each a name and its content."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, 'w', compression) as file:
        for name, content in files:
            file.writestr(name, content)
    return stream.getvalue()


FEED = ('feed.json', '{}')


class ReadTest(unittest.TestCase):
    def open(self, content):
        return archive.Archive(io.BytesIO(content))

    def assertRefused(self, content, words):
        with self.assertRaisesRegex(ValueError, words):
            self.open(content)

    def assertUnreadable(self, content, name, words, limit=1000):
        with self.assertRaisesRegex(ValueError, words):
            self.open(content).read(name, limit)

    def test_its_files_are_known_by_their_names(self):
        file = self.open(make_zip(FEED, ('uploads/2019/a.jpg', b'content')))
        self.assertEqual([*file.files], ['feed.json', 'uploads/2019/a.jpg'])
        self.assertEqual(file.read('uploads/2019/a.jpg', 7), b'content')

    def test_all_of_it_may_be_in_one_folder_as_a_mac_packs_it(self):
        files = [('blog/', ''), ('blog/feed.json', '{}'), ('__MACOSX/blog/._feed.json', 'x')]
        self.assertEqual([*self.open(make_zip(*files)).files], ['feed.json'])
        for more in ['other/a.jpg', 'a.jpg']:
            self.assertRefused(make_zip(*files, (more, 'x')), 'it has no feed.json')

    def test_a_feed_alone_is_an_archive(self):
        self.assertEqual([*self.open(make_zip(FEED)).files], ['feed.json'])

    def test_a_file_that_is_no_zip_or_a_part_of_one_is_refused(self):
        whole = make_zip(FEED, ('uploads/a.jpg', bytes(1000)))
        for content in [b'', b'PK', b'PK\3\4 and no more', whole[:-5], whole[: len(whole) // 2]]:
            self.assertRefused(content, 'not a whole ZIP')

    def test_whatever_zipfile_raises_is_told_in_plain_words(self):
        errors = [NotImplementedError, RuntimeError, EOFError, OSError, struct.error, MemoryError]
        for error in errors:
            with mock.patch('zipfile.ZipFile', side_effect=error('secret')):
                self.assertRefused(b'', 'not a whole ZIP')
            file = self.open(make_zip(FEED))
            with (
                mock.patch.object(file.zip, 'open', side_effect=error('secret')),
                self.assertRaisesRegex(ValueError, 'feed.json is damaged'),
            ):
                file.read('feed.json', 1000)

    def test_a_name_that_leads_elsewhere_is_refused(self):
        for name in ['/etc/passwd', '../a', 'a/../b', 'a//b', './a', 'a/.', '..', '..\\a', '/']:
            self.assertRefused(make_zip(FEED, (name, 'x')), 'is no name for a file')

    def test_what_a_terminal_could_obey_is_spelled_out(self):
        self.assertRefused(make_zip(FEED, ('../\x1b[2J', 'x')), r"'\.\./\\x1b\[2J' is no name")

    def test_a_name_that_is_not_utf_8_is_refused(self):
        content = make_zip(FEED, ('\xe9.jpg', 'x'))
        self.assertRefused(content.replace('\xe9'.encode(), b'\xe9x'), 'not UTF-8')
        # A Mac writes UTF-8 and does not say so.
        for start, at in [(b'PK\3\4', 6), (b'PK\1\2', 8)]:
            place = content.rindex(start) + at
            content = content[:place] + b'\0\0' + content[place + 2 :]
        self.assertIn('\xe9.jpg', self.open(content).files)

    def test_a_name_may_have_a_space_of_any_kind(self):
        name = 'uploads/Screenshot 4.25.33\u202fPM.png'  # as a Mac calls it
        self.assertIn(name, self.open(make_zip(FEED, (name, 'x'))).files)

    def test_two_files_of_the_same_name_are_refused(self):
        with self.assertWarns(UserWarning):
            content = make_zip(FEED, FEED)
        self.assertRefused(content, 'two files in it have the same name')

    def test_a_file_that_is_encrypted_is_refused(self):
        content = bytearray(make_zip(FEED))
        content[content.rindex(b'PK\1\2') + 8] |= 1
        self.assertRefused(bytes(content), 'feed.json is encrypted')

    def test_a_file_that_is_packed_in_a_way_that_has_no_limit_is_refused(self):
        for kind in [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]:
            self.assertRefused(make_zip(FEED, compression=kind), 'feed.json is packed')

    def test_a_file_that_is_too_large_is_not_unpacked(self):
        content = make_zip(FEED, ('uploads/a.jpg', bytes(50_000_000)))
        self.assertLess(len(content), 60_000)
        file = self.open(content)
        tracemalloc.start()
        try:
            with self.assertRaisesRegex(ValueError, 'uploads/a.jpg has more than 1,000 bytes'):
                file.read('uploads/a.jpg', 1000)
            for size in [0, 999]:  # as it says, which is not so
                file.files['uploads/a.jpg'].file_size = size
                with self.assertRaisesRegex(ValueError, 'uploads/a.jpg is damaged'):
                    file.read('uploads/a.jpg', 1000)
            self.assertLess(tracemalloc.get_traced_memory()[1], 1_000_000)
        finally:
            tracemalloc.stop()

    def test_a_file_that_is_damaged_is_refused(self):
        content = make_zip(FEED, ('a.jpg', b'content'), compression=zipfile.ZIP_STORED)
        self.assertUnreadable(content.replace(b'content', b'contend'), 'a.jpg', 'a.jpg is damaged')
        content = make_zip(FEED, ('a.jpg', bytes(100_000)))
        place = content.index(b'a.jpg') + 5
        content = content[:place] + b'\xff' * 20 + content[place + 20 :]
        self.assertUnreadable(content, 'a.jpg', 'a.jpg is damaged', 100_000)

    def test_too_many_files_are_refused(self):
        content = make_zip(FEED, *((f'{number}', '') for number in range(10)))
        with mock.patch.object(archive, 'MAX_FILES', 10):
            self.assertRefused(content, 'more than 10 files')
        with mock.patch.object(archive, 'MAX_FILES', 11):
            self.open(content)

    def test_a_file_has_the_time_when_it_was_made(self):
        file = self.open(make_zip(FEED))
        for date, expected in [
            ((2024, 1, 2, 3, 4, 6), '2024-01-02T03:04:06Z'),
            ((1980, 0, 0, 0, 0, 0), None),
        ]:
            file.files['feed.json'].date_time = date
            self.assertEqual(file.find_time('feed.json'), expected)

    def test_a_file_is_known_as_a_zip_by_its_first_bytes(self):
        for content in [make_zip(FEED), b'PK', b'{', b'P', b'']:
            with io.BufferedReader(io.BytesIO(content)) as file:
                self.assertEqual(archive.is_archive(file), content[:2] == b'PK')
                self.assertEqual(file.read(), content)
