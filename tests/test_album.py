"""The pictures of an archive: into a database, and into the texts that refer to them."""

import io
import json
import os
import sqlite3
import zipfile
from unittest import TestCase, mock

from PIL import Image

from parts import album
from parts.gallery import name_picture
from tests import cases
from tests.test_archive import make_zip
from tests.test_gallery import make_file

VERSION = 'https://jsonfeed.org/version/1.1'


class AddressTest(TestCase):
    """Which file an address means, and where in a text there is one."""

    def test_an_address_may_be_relative_or_whole(self):
        for address in [
            'uploads/2019/a.jpg',
            '/uploads/2019/a.jpg',
            './uploads/2019/a.jpg',
            '../../uploads/2019/a.jpg',
            'https://me.micro.blog/uploads/2019/a.jpg',
            '//me.micro.blog/blog/uploads/2019/a.jpg',
            'https://me.micro.blog/uploads/2019/a.jpg?w=600#x',
        ]:
            self.assertEqual(album.find_file(address, {'uploads/2019/a.jpg'}), 'uploads/2019/a.jpg')

    def test_an_address_of_something_else_leads_to_no_file(self):
        for address in [
            '',
            'a.jpg',
            'https://other.example/a.jpg',
            'uploads/2019/b.jpg',
            'uploads/2019/a.jpg/b',
            'myuploads/2019/a.jpg',
            'https://other.example/?uploads/2019/a.jpg',
        ]:
            self.assertIsNone(album.find_file(address, {'uploads/2019/a.jpg', 'a.jpg'}))

    def test_an_address_may_have_what_html_or_an_address_cannot_spell(self):
        files = {'uploads/my cat.jpg', 'uploads/a&b.jpg', 'uploads/a%20b.jpg', 'uploads/é.jpg'}
        for address, expected in [
            ('uploads/my%20cat.jpg', 'uploads/my cat.jpg'),
            ('uploads/my cat.jpg', 'uploads/my cat.jpg'),
            ('uploads/a&amp;b.jpg', 'uploads/a&b.jpg'),
            ('uploads/a%20b.jpg', 'uploads/a%20b.jpg'),
            ('uploads/%C3%A9.jpg', 'uploads/é.jpg'),
        ]:
            self.assertEqual(album.find_file(address, files), expected)

    def test_a_long_address_takes_no_time(self):
        self.assertIsNone(album.find_file('/' * 5_000_000, {'uploads/a.jpg'}))

    def test_an_address_is_found_wherever_a_text_may_have_one(self):
        both = ['uploads/a.jpg', 'uploads/b.jpg']
        for text, expected in [
            ('<img src="uploads/a.jpg">', ['uploads/a.jpg']),
            ("<IMG SRC='uploads/my cat.jpg' alt=''>", ['uploads/my cat.jpg']),
            ('<img src=uploads/a.jpg width=600>', ['uploads/a.jpg']),
            ('<a href="uploads/a.jpg"><img src="uploads/b.jpg"></a>', both),
            ('<video src="uploads/a.jpg" poster="uploads/b.jpg">', both),
            ('![Two cats](uploads/a.jpg)', ['uploads/a.jpg']),
            ('![Two cats](uploads/a.jpg "Title")![](uploads/b.jpg)', both),
            ('[![](uploads/a.jpg)](uploads/b.jpg)', both),
            ('![](uploads/a(1).jpg) and (this)', ['uploads/a(1).jpg']),
            ('![](<uploads/my cat.jpg>)', ['uploads/my cat.jpg']),
            ('![Two cats][1]\n\n[1]: uploads/a.jpg\n', ['uploads/a.jpg']),
            ('![Two cats][1]\n\n[1]: <uploads/my cat.jpg>\n', ['uploads/my cat.jpg']),
            ('In uploads/a.jpg (uploads/a.jpg) is "uploads/a.jpg"', []),
        ]:
            with self.subTest(text=text):
                matches = album.REFERENCE.finditer(text)
                found = [match[match.lastindex] for match in matches]
                self.assertEqual([name for name in found if 'uploads' in name], expected)

    def test_a_hostile_text_takes_no_time(self):
        for piece in [
            '="',
            "='",
            'src=',
            '](',
            ']((',
            '](<',
            ']: ',
            ']: <',
            '](a(',
            'src="a',
            '](a',
        ]:
            album.REFERENCE.findall(piece * 200_000)
            album.REFERENCE.findall(piece + 'a' * 1_000_000)

    def test_the_name_of_a_file_tells_whether_it_may_be_a_picture(self):
        for name in ['a.jpg', 'a.JPEG', 'a.heic', 'a.webp', 'a', 'a.unheardof']:
            self.assertTrue(album.is_picture(name))
        for name in ['a.mp4', 'a.pdf', 'a.m4a', 'index.html']:
            self.assertFalse(album.is_picture(name))


class ArchiveTestCase(cases.FeedTestCase):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.folder, 'blog.bar')  # micro.blog's ending

    def import_zip(self, *files, expected=0):
        with open(self.file, 'wb') as file:
            file.write(make_zip(*files))
        result = self.run_command('import', self.file)
        self.assertEqual(result.exit_code, expected, result.output)
        return result

    def import_items(self, *items, files=(), expected=0):
        feed = json.dumps({'version': VERSION, 'items': items})
        return self.import_zip(('feed.json', feed), *files, expected=expected)

    def texts(self):
        return [row[0] for row in self.query('select text from entries order by id')]

    def pictures(self):
        return self.query('select name, width, height, created, content from pictures order by id')


@cases.on_both_engines
class ForeignTest(ArchiveTestCase):
    """Archives of other programs, as micro.blog's."""

    def setUp(self):
        super().setUp()
        self.jpeg = make_file(kind='JPEG').getvalue()
        self.photo = ('uploads/2019/abc.jpg', self.jpeg)

    def test_a_picture_is_converted_and_shown(self):
        address = 'https://me.micro.blog/uploads/2019/abc.jpg'
        result = self.import_items(
            {'id': 'a', 'content_html': '<p>One <img src="uploads/2019/abc.jpg" alt="Cats"></p>'},
            {'id': 'b', 'content_html': f'<a href="{address}"><img src="{address}"></a>'},
            {'id': 'c', 'content_html': '<img src="https://other.example/abc.jpg">'},
            files=[self.photo],
        )
        self.assertEqual(
            result.output, 'Imported 3 entries; 0 here already.\nImported 1 picture.\n'
        )
        [(name, width, height, _, content)] = self.pictures()
        self.assertEqual((width, height), (40, 30))
        self.assertEqual(Image.open(io.BytesIO(content)).format, 'WEBP')
        self.assertEqual(name, name_picture(content))
        new = f'/picture/{name}.webp'
        self.assertEqual(
            {*self.texts()},
            {
                f'<p>One <img src="{new}" alt="Cats"></p>',
                f'<a href="{new}"><img src="{new}"></a>',
                '<img src="https://other.example/abc.jpg">',
            },
        )
        self.assertShows(self.read_index(), f'<img src="{new}" width="40" height="30" alt="Cats"')

    def test_what_was_typed_is_taken_before_the_html(self):
        self.import_items(
            {
                'id': 'a',
                'content_text': 'Some *words*\n\n![](uploads/2019/abc.jpg)',
                'content_html': '<p>Some <em>words</em></p><p><img src="uploads/2019/abc.jpg"></p>',
            },
            files=[self.photo],
        )
        self.assertRegex(
            self.texts()[0], r'^Some \*words\*\n\n!\[\]\(/picture/[0-9a-f]{32}\.webp\)$'
        )

    def test_a_picture_that_only_the_html_has_is_not_lost(self):
        html = 'Words <img src="uploads/2019/abc.jpg">'
        self.import_items(
            {'id': 'a', 'content_text': 'Words', 'content_html': html}, files=[self.photo]
        )
        self.assertRegex(self.texts()[0], '^Words <img src="/picture/[0-9a-f]{32}.webp">$')

    def test_importing_twice_changes_nothing(self):
        items = [{'id': 'a', 'content_html': '<img src="uploads/2019/abc.jpg">'}]
        self.import_items(*items, files=[self.photo])
        before = self.rows(), self.pictures()
        result = self.import_items(*items, files=[self.photo])
        self.assertIn('Imported 0 entries; 1 here already.\n', result.output)
        self.assertIn('Imported 0 pictures.\n', result.output)
        self.assertEqual((self.rows(), self.pictures()), before)

    def test_what_is_no_picture_stays_referred_to(self):
        text = '<video src="uploads/a.mp4"></video> [b](uploads/b.pdf) ![](uploads/2019/abc.jpg)'
        files = [('uploads/a.mp4', b'film'), ('uploads/b.pdf', b'x'), ('uploads/c.pdf', b'x')]
        result = self.import_items({'id': 'a', 'content_text': text}, files=[*files, self.photo])
        self.assertIn('no pictures stay behind', result.stderr)
        self.assertIn(' (2): uploads/a.mp4, uploads/b.pdf\n', result.stderr)
        self.assertIn('<video src="uploads/a.mp4"></video> [b](uploads/b.pdf)', self.texts()[0])

    def test_a_picture_that_cannot_be_converted_is_told_and_stops_nothing(self):
        text = '![](uploads/bad.jpg) ![](uploads/2019/abc.jpg) ![](uploads/large.png)'
        files = [('uploads/bad.jpg', self.jpeg[:50]), ('uploads/large.png', bytes(3000))]
        with mock.patch.object(album, 'MAX_SIZE', 2000):
            result = self.import_items(
                {'id': 'a', 'content_text': text}, files=[*files, self.photo]
            )
        self.assertIn('uploads/bad.jpg stays behind: The picture is broken', result.stderr)
        self.assertIn('uploads/large.png stays behind: The picture is over 20 MB\n', result.stderr)
        self.assertEqual(len(self.pictures()), 1)
        self.assertRegex(
            self.texts()[0],
            r'^!\[\]\(uploads/bad.jpg\) !\[\]\(/picture/.*.webp\) !\[\]\(uploads/large.png\)$',
        )

    def test_pictures_that_nothing_refers_to_are_left_alone(self):
        result = self.import_items({'id': 'a', 'content_text': 'x'}, files=[self.photo])
        self.assertEqual(result.output, 'Imported 1 entry; 0 here already.\n')
        self.assertEqual(self.pictures(), [])

    def test_the_newest_picture_is_that_of_the_newest_entry(self):
        blue = make_file(colour='blue', kind='JPEG').getvalue()
        self.import_items(
            {
                'id': 'new',
                'content_text': '![](uploads/2019/abc.jpg)',
                'date_published': '2020-01-01T00:00:00Z',
            },
            {
                'id': 'old',
                'content_text': '![](uploads/blue.jpg)',
                'date_published': '2019-01-01T00:00:00Z',
            },
            files=[self.photo, ('uploads/blue.jpg', blue)],
        )
        old, new = self.texts()
        names = [picture[0] for picture in self.pictures()]
        self.assertEqual([names[0] in old, names[1] in new], [True, True])

    def test_a_picture_that_flaskr_has_made_is_not_made_worse(self):
        """Where another program has come between."""
        content = make_file(kind='WEBP').getvalue()
        name = name_picture(content)
        text = f'<img src="uploads/{name}.webp">'
        self.import_items(
            {'id': 'a', 'content_html': text}, files=[(f'uploads/{name}.webp', content)]
        )
        self.assertEqual(self.pictures()[0][4], content)
        self.assertEqual(self.texts(), [f'<img src="/picture/{name}.webp">'])

    def test_a_name_like_flaskrs_means_nothing_in_another_archive(self):
        file = f'uploads/{"a" * 32}.webp'
        self.import_items(
            {'id': 'a', 'content_html': f'<img src="{file}">'}, files=[(file, self.jpeg)]
        )
        self.assertEqual(len(self.pictures()), 1)

    def test_the_time_of_a_file_is_that_of_its_picture(self):
        info = zipfile.ZipInfo('uploads/a.jpg', (2019, 1, 2, 3, 4, 6))
        self.import_items(
            {'id': 'a', 'content_text': '![](uploads/a.jpg)'}, files=[(info, self.jpeg)]
        )
        self.assertEqual(self.pictures()[0][3], '2019-01-02T03:04:06Z')

    def test_the_pictures_of_a_json_feed_stay_where_they_are(self):
        text = '<img src="uploads/2019/abc.jpg">'
        self.import_feed({'id': 'a', 'content_html': text})
        self.assertEqual(self.texts(), [text])

    def test_an_import_that_stops_at_a_picture_is_finished_by_the_next(self):
        items = [{'id': 'a', 'content_html': '<img src="uploads/2019/abc.jpg">'}]
        for error in [sqlite3.OperationalError('disk I/O error'), KeyboardInterrupt]:
            with mock.patch.object(album, 'store_picture', side_effect=error):
                result = self.import_items(*items, files=[self.photo], expected=1)
            self.assertIn('Try again: what is here already stays', result.output)
            self.assertEqual((self.rows(), self.pictures()), ([], []))
        self.import_items(*items, files=[self.photo])
        self.assertEqual(len(self.rows() + self.pictures()), 2)


@cases.on_both_engines
class OwnTest(ArchiveTestCase):
    """What Flaskr itself has exported."""

    def setUp(self):
        super().setUp()
        self.zip = os.path.join(self.folder, 'blog.zip')
        self.login()
        self.names = [self.add_picture(colour) for colour in ['red', 'blue', 'green', 'white']]
        texts = [f'![](/picture/{name}.webp) `uploads/{name}.webp`' for name in self.names]
        self.add_entry('First', texts[0] + f'<img src="uploads/{self.names[0]}.webp">')
        self.add_entry('In the trash', texts[1])
        self.post('/delete/2')
        self.client.post('/drafts/add', data={'title': 'Begun', 'text': texts[2]})
        self.query("update pictures set created = '2024-01-02T03:04:06Z'")

    def add_picture(self, colour):
        form = {'title': '', 'text': '', 'pictures': (make_file(colour=colour), 'a.png')}
        self.client.post('/preview', data=form)
        return self.pictures()[-1][0]

    def everything(self):
        return self.rows(), self.query('select * from drafts'), self.pictures()

    def empty(self):
        for table in ['entries', 'drafts', 'pictures']:
            self.query(f'delete from {table}')

    def assertRefused(self, words, *files):
        self.empty()
        result = self.import_zip(*files, expected=1)
        self.assertEqual(result.output.count('\n'), 1)
        self.assertIn(f'{self.file}: ', result.output)
        self.assertIn(words, result.output)
        self.assertEqual(self.everything(), ([], [], []))

    def export(self):
        """Export the blog, and return its files, each a name and its content."""
        self.assertEqual(self.run_command('export', self.zip).exit_code, 0)
        with zipfile.ZipFile(self.zip) as file:
            return [(info, file.read(info)) for info in file.infolist()]

    def test_everything_comes_back_as_it_was(self):
        before = self.everything()
        self.export()
        for expected in ['Imported 3 entries; 0', 'Imported 0 entries; 3']:
            result = self.run_command('import', self.zip)
            self.assertEqual(self.everything(), before)
            if expected.startswith('Imported 3'):
                self.assertIn('Imported 0 entries', result.output)
                self.empty()
                result = self.run_command('import', self.zip)
            self.assertIn(expected, result.output)
            self.assertEqual(self.everything(), before)

    def test_it_comes_back_from_another_engine_too(self):
        before = self.everything()
        self.export()
        self.quiet_log()
        self.configure(DATABASE=os.path.join(self.folder, 'other.db'))
        self.assertEqual(self.run_command('import', self.zip).exit_code, 0)
        other = os.path.join(self.folder, 'other.zip')
        self.assertEqual(self.run_command('export', other).exit_code, 0)
        self.configure(DATABASE=self.database)
        self.empty()
        self.assertIn('Imported 4 pictures.', self.run_command('import', other).output)
        self.assertEqual(self.everything(), before)

    def test_a_picture_that_is_not_the_one_of_its_name_is_refused(self):
        page, feed, (name, _), *others = self.export()
        for content in [others[0][1], b'', b'x']:
            self.assertRefused('is not as Flaskr exports', page, feed, (name, content), *others)

    def test_a_file_that_is_no_picture_is_refused_under_its_own_name_too(self):
        page, feed, *_ = self.export()
        for content in [b'no picture', make_file(kind='PNG').getvalue()]:
            name = f'uploads/{name_picture(content)}.webp'
            self.assertRefused(f'{name} is not as Flaskr exports', page, feed, (name, content))

    def test_a_picture_that_is_too_large_is_refused(self):
        with mock.patch.object(album, 'MAX_OWN', 20):
            self.assertRefused('has more than 20 bytes', *self.export())

    def test_a_picture_that_is_missing_is_no_error(self):
        page, feed, *_ = self.export()
        self.empty()
        self.import_zip(page, feed)
        self.assertEqual(len(self.rows()), 2)

    def test_a_feed_with_a_mistake_in_it_brings_no_picture(self):
        page, _, *pictures = self.export()
        feed = json.dumps({'version': VERSION, 'items': [{}], '_flaskr': {'drafts': []}})
        self.assertRefused('item 1: id is missing', page, ('feed.json', feed), *pictures)

    def test_a_feed_that_is_too_large_is_refused(self):
        with mock.patch('parts.commands.MAX_FEED', 50):
            self.assertRefused('feed.json has more than 50 bytes', *self.export())

    def test_a_damaged_archive_changes_nothing(self):
        self.export()
        self.empty()
        with open(self.zip, 'rb') as file:
            whole = file.read()
        place = whole.index(b'RIFF') + 30
        for content in [whole[:-9], whole[:place] + b'xxx' + whole[place + 3 :]]:
            with open(self.file, 'wb') as file:
                file.write(content)
            result = self.run_command('import', self.file)
            self.assertEqual((result.exit_code, result.output.count('\n')), (1, 1))
            self.assertEqual(self.everything(), ([], [], []))

    def test_no_entry_is_here_before_its_pictures(self):
        def look(*values):
            self.assertEqual(len(self.pictures()), 4)
            yield 0, 0

        self.export()
        self.empty()
        with mock.patch('parts.commands.import_entries', look):
            self.assertEqual(self.run_command('import', self.zip).exit_code, 0)
