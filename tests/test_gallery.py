"""Pictures in the database, from a form to a reader."""

import io
import re

from PIL import Image

import app
from parts import gallery
from tests import cases


def make_file(size=(40, 30), colour='red', kind='PNG'):
    """Return a file with a picture of one colour."""
    file = io.BytesIO()
    Image.new('RGB', size, colour).save(file, kind)
    file.seek(0)
    return file


@cases.on_both_engines
class GalleryTest(cases.PageCacheTestCase):
    def setUp(self):
        super().setUp()
        self.login()

    def add(self, *files, text=''):
        """Add pictures by the form; return the response and the names of what is in the text."""
        pictures = [(file, f'{number}.png') for number, file in enumerate(files, start=1)]
        form = {'title': '', 'text': text, 'pictures': pictures}
        response = self.client.post('/preview', data=form)
        typed = re.search('<textarea[^>]*>(.*)</textarea>', response.text, re.DOTALL)[1]
        return response, re.findall('/picture/([0-9a-f]+).webp', typed)

    def test_several_pictures_are_added_at_once(self):
        response, names = self.add(make_file(), make_file(colour='blue'))
        self.assertStatus(response, 200)
        self.assertEqual(len({*names}), 2)
        for name in names:
            content = self.read(f'/picture/{name}.webp').data
            with Image.open(io.BytesIO(content)) as image:
                self.assertEqual((image.format, image.size), ('WEBP', (40, 30)))

    def test_of_several_the_good_ones_are_added_and_the_others_are_named(self):
        response, names = self.add(make_file(), io.BytesIO(b'no picture'), text='Look')
        self.assertStatus(response, 400)
        self.assertEqual(len(names), 1)
        self.assertShows(response, '2.png: No picture is found in it')
        self.assertShows(response, '<title>Error: ')

    def test_the_same_picture_is_stored_once(self):
        names = [*self.add(make_file())[1], *self.add(make_file())[1]]
        self.assertEqual(len({*names}), 1)
        self.assertEqual(self.query('select count(*) from pictures'), [(1,)])

    def test_a_form_without_a_chosen_picture_is_a_preview(self):
        form = {'title': '', 'text': 'Text', 'pictures': (io.BytesIO(), '')}
        self.assertStatus(self.client.post('/preview', data=form), 200)
        self.assertEqual(self.query('select * from pictures'), [])

    def test_an_address_that_no_picture_has_is_not_there(self):
        for name in ['0' * 32, 'x', '%00' * 32, 'A' * 32, '..%2f' * 8]:
            for path in [f'/picture/{name}.webp', f'/pictures/delete/{name}']:
                self.assertStatus(self.client.get(path), 404)
        self.assertStatus(self.post(f'/pictures/delete/{"0" * 32}'), 404)

    def test_not_even_for_a_browser_that_says_it_has_it(self):
        for name in ['0' * 32, 'x', 'a%22b', 'a%0ab']:
            for known in ['*', '"x"', r'"a\"b"']:
                with self.subTest(name=name, known=known):
                    path, headers = f'/picture/{name}.webp', {'If-None-Match': known}
                    self.assertStatus(self.client.get(path, headers=headers), 404)

    def test_a_picture_has_its_size_and_its_address_in_the_page(self):
        _, [name] = self.add(make_file())
        picture = f'<img src="/picture/{name}.webp" width="40" height="30" '
        for text, expected in [
            (f'![Two cats](/picture/{name}.webp)', f'{picture}alt="Two cats"'),
            (f'<a href="/picture/{name}.webp">large</a>', f'<a href="/picture/{name}.webp">'),
            (f'<img alt=x src="/picture/{name}.webp">', 'width="40" height="30"'),
            (f'<img src="/picture/{name}.webp" width=20>', f'{name}.webp" width="20"'),
            (f'![a width=5](/picture/{name}.webp)', f'{picture}alt="a width=5"'),
            (f'`/picture/{name}.webp`', f'<code>/picture/{name}.webp</code>'),
            (f'![Gone](/picture/{"0" * 32}.webp)', f'<img src="/picture/{"0" * 32}.webp" alt'),
        ]:
            with self.subTest(text=text):
                form = {'title': '', 'text': text}
                self.assertShows(self.client.post('/preview', data=form), expected)

    def test_a_wide_picture_has_a_smaller_copy_for_phones(self):
        file = io.BytesIO()
        Image.effect_noise((1200, 600), 60).save(file, 'PNG')
        file.seek(0)
        _, [name] = self.add(file)
        page = self.client.post(
            '/preview', data={'title': '', 'text': f'![](/picture/{name}.webp)'}
        )
        picture, copy = f'/picture/{name}.webp', f'/picture/{name}-small.webp'
        self.assertShows(page, f' srcset="{copy} 800w, {picture} 1200w" sizes="')
        response = self.read(copy)
        self.assertIn('immutable', response.headers['Cache-Control'])
        with Image.open(io.BytesIO(response.data)) as image:
            self.assertEqual(image.size, (800, 400))
        self.assertStatus(self.client.get(f'/pictures/delete/{name}-small'), 404)

    def test_a_small_one_has_none(self):
        _, [name] = self.add(make_file())
        page = self.client.post(
            '/preview', data={'title': '', 'text': f'![](/picture/{name}.webp)'}
        )
        self.assertDoesNotShow(page, 'srcset')
        self.assertStatus(self.read(f'/picture/{name}-small.webp'), 404)

    def test_elsewhere_a_picture_has_its_whole_address(self):
        _, [name] = self.add(make_file())
        self.add_entry('Title', f'![Two cats](/picture/{name}.webp)')
        self.configure(URL='https://example.org/blog')
        for path in ['/blog/feed.xml', '/blog/feed.json']:
            self.assertIn(f'https://example.org/blog/picture/{name}.webp', self.read(path).text)
        self.assertIn(f'src="/blog/picture/{name}.webp"', self.read('/blog/entry/1').text)

    def test_in_an_archive_a_picture_is_a_file_of_a_folder(self):
        _, [name] = self.add(make_file())
        with app.app.test_request_context(base_url='https://example.org/blog'):
            for text in [f'![](/picture/{name}.webp)', f'<a href="/picture/{name}.webp">large</a>']:
                html = app.show_text(f'{text} #tag', is_external=True, folder='uploads/')
                self.assertIn(f'="uploads/{name}.webp"', html)
                self.assertIn('"https://example.org/blog/tag/tag"', html)

    def test_a_picture_is_stored_with_nothing_but_a_database(self):
        content, created = b'content', '2024-01-02T03:04:06Z'
        with app.app.app_context():
            db = app.get_db()
            name, is_new = gallery.store_picture(db, content, 4, 3, created)
            self.assertTrue(is_new)
            self.assertEqual(gallery.store_picture(db, content, 4, 3), (name, False))
        self.assertEqual(name, gallery.name_picture(content))
        rows = self.query('select name, width, height, created from pictures')
        self.assertEqual(rows, [(name, 4, 3, created)])

    def test_a_picture_that_is_known_is_not_read_again(self):
        _, [name] = self.add(make_file())
        path = f'/picture/{name}.webp'
        etag = self.read(path).headers['ETag']
        self.query('delete from pictures')
        for value in [etag, f'"other", {etag}', f'W/{etag}']:
            response = self.read(path, If_None_Match=value)
            self.assertStatus(response, 304)
            self.assertIn('immutable', response.headers['Cache-Control'])
            self.assertEqual(response.data, b'')
        self.assertStatus(self.read(path, If_None_Match='"other"'), 404)

    def test_pictures_take_no_room_of_the_pages(self):
        _, [name] = self.add(make_file())
        pages = app.app.wsgi_app.wsgi_app.pages
        pages.clear()
        self.read(f'/picture/{name}.webp')
        self.assertEqual(pages, {})

    def test_the_size_of_a_picture_is_asked_for_once(self):
        _, [name] = self.add(make_file())
        other = gallery.Gallery.__new__(gallery.Gallery)
        other.get_db, other.sizes = app.get_db, {}
        with app.app.app_context():
            self.assertEqual(other.find_size(name), (40, 30, False))
            self.query('delete from pictures')
            self.assertEqual(other.find_size(name), (40, 30, False))
            self.assertIsNone(other.find_size('0' * 32))

    def test_pictures_are_listed_in_pages_with_where_they_are_used(self):
        self.configure(PER_PAGE=1)
        _, [first] = self.add(make_file())
        _, [second] = self.add(make_file(colour='blue'))
        self.add_entry('In the trash', f'![](/picture/{first}.webp)')
        self.post('/delete/1')
        page = self.client.get('/pictures')
        self.assertShows(page, f'/picture/{second}.webp')
        self.assertDoesNotShow(page, f'/picture/{first}.webp')
        older = re.search(r'/pictures\?before=\d+', page.text)[0]
        page = self.client.get(older)
        self.assertShows(page, f'/picture/{first}.webp')
        self.assertRegex(page.text, r'Used in “In the trash” \(in the trash\)')
        self.assertShows(self.client.get(f'/pictures/delete/{first}'), 'It is still used')
        self.assertDoesNotShow(self.client.get(f'/pictures/delete/{second}'), 'It is still used')

    def test_of_many_uses_the_first_are_named_and_the_others_counted(self):
        _, [name] = self.add(make_file())
        for number in range(12):
            self.add_entry(f'Entry {number}', f'![](/picture/{name}.webp) and again {name}')
        for path in ['/pictures', f'/pictures/delete/{name}']:
            page = self.client.get(path)
            self.assertShows(page, 'Entry 9')
            self.assertDoesNotShow(page, 'Entry 10')
            self.assertShows(page, 'and 2 more')

    def test_each_picture_in_the_list_has_a_name_of_its_own(self):
        self.add(make_file(), make_file(colour='blue'))
        names = re.findall(' alt="([^"]*)"', self.client.get('/pictures').text)
        self.assertEqual(len({*names}), 2)

    def test_a_picture_that_goes_while_it_is_asked_about_is_told_as_such(self):
        _, [name] = self.add(make_file())
        self.post(f'/pictures/delete/{name}')
        self.assertStatus(self.post(f'/pictures/delete/{name}'), 404)


@cases.on_both_engines
class UploadTest(cases.FlaskrTestCase):
    """What the guard lets through."""

    def upload(self, path='/preview', size=5 * 2**20, client=None, **headers):
        form = {'title': 'Kept', 'text': 'x', 'pictures': (io.BytesIO(b'x' * size), 'x.png')}
        return (client or self.client).post(path, data=form, headers=headers)

    def test_nobody_but_the_author_may_send_more_than_four_megabytes(self):
        for size in [100, 5 * 2**20]:
            self.assertStatus(self.upload(size=size), 401)
        self.login()
        self.assertStatus(self.upload(), 400)  # since it is no picture
        for path in ['/add', '/edit/1', '/login', '/nowhere', '/pictures']:
            self.assertStatus(self.upload(path), 413)

    def test_another_site_cannot_send_pictures_in_the_authors_name(self):
        self.login()
        self.assertStatus(self.upload(size=100, Origin='https://evil.test'), 403)
        self.assertStatus(self.upload(Origin='https://evil.test'), 403)

    def test_an_upload_that_meets_a_database_in_trouble_gives_the_text_back(self):
        self.login()
        self.query('alter table internals rename to elsewhere')
        with self.assertLogs(app.app.logger, 'ERROR'):
            response = self.upload(size=100)
        self.assertStatus(response, 503)
        self.assertShows(response, 'value="Kept"')
