"""Pages that are kept until something changes, and what browsers are told of them."""

import gzip
import io
import re
import secrets
import sqlite3
from unittest import mock

import flask
import werkzeug.test
from werkzeug.http import parse_accept_header, parse_etags

import app
from parts import pagecache
from tests import cases


@cases.on_both_engines
class PageCacheTest(cases.PageCacheTestCase):
    def test_every_address_has_its_own_page(self):
        self.configure(PER_PAGE=1)
        self.add_entries('First', 'Second')
        for _ in range(2):
            self.assertShows(self.read('/'), 'Second')
            self.assertShows(self.read('/?before=2'), 'First')
            self.assertShows(self.read('/entry/1'), 'First')
            self.assertShows(self.read('/search?q=second'), '<mark>Second</mark>')

    def test_every_name_of_the_blog_has_its_own_page(self):
        for name in ['one.example', 'two.example'] * 2:
            self.assertShows(self.read(Host=name), f'content="http://{name}/"')

    def test_every_scheme_has_its_own_page(self):
        for scheme in ['http', 'https'] * 2:
            page = self.reader.get('/', base_url=f'{scheme}://blog.example')
            self.assertShows(page, f'content="{scheme}://blog.example/"')

    def test_every_folder_that_it_is_served_from_has_its_own_page(self):
        for folder in ['/one', '/two'] * 2:
            page = self.reader.get('/', base_url=f'http://blog.example{folder}')
            self.assertShows(page, f'href="{folder}/login"')

    def test_the_author_never_gets_a_page_of_the_cache(self):
        self.login()
        with self.rendered(2):
            self.read_index()
            self.assertShows(self.read_index(), '<textarea')

    def test_readers_never_get_a_page_of_the_author(self):
        self.login()
        self.read_index()
        self.assertDoesNotShow(self.read(), '<textarea')
        self.logout()
        self.assertDoesNotShow(self.read_index(), '<textarea')

    def test_a_message_is_shown_to_the_one_it_is_for_and_once(self):
        self.assertShows(self.logout(), 'You were logged out')
        self.assertDoesNotShow(self.read(), 'You were logged out')
        self.assertDoesNotShow(self.read_index(), 'You were logged out')

    def test_a_page_does_not_depend_on_who_asked_for_it_first(self):
        """Nobody can put anything into the pages that others get."""
        form = {'username': 'Mallory was here', 'password': ''}
        self.reader.set_cookie('other', 'Mallory')
        page = self.reader.get('/login', data=form, headers={'Accept-Language': 'Mallory'})
        with self.rendered(0, 'login'):
            others = app.app.test_client().get('/login')
        self.assertEqual(page.data, others.data)
        self.assertDoesNotShow(page, 'Mallory')

    def test_only_pages_are_kept(self):
        self.add_entries('Title')
        for path, endpoint, status in [
            ('/entry/2', 'show_entry', 404),
            ('/trash', 'trash', 302),
            ('/logout', 'logout', 302),
        ]:
            with self.subTest(path=path), self.rendered(2, endpoint):
                for _ in range(2):
                    self.assertStatus(app.app.test_client().get(path), status)

    def test_a_page_that_fails_fails_once(self):
        self.configure(PROPAGATE_EXCEPTIONS=False)
        error = mock.Mock(side_effect=sqlite3.OperationalError('locked'))
        failing = mock.patch.dict(app.app.view_functions, index=error)
        with failing, self.assertLogs(app.app.logger, 'ERROR') as logs:
            self.assertStatus(self.read(), 503)
        self.assertEqual(len(logs.output), 1)
        self.assertStatus(self.read(), 200)

    def test_a_picture_in_an_entry_cannot_log_anybody_out(self):
        """It is for the application to refuse, though the cache asks on its behalf."""
        self.assertStatus(self.read('/logout', Sec_Fetch_Dest='image'), 403)
        self.assertStatus(self.read('/logout', Sec_Fetch_Site='cross-site'), 403)
        self.assertStatus(self.read('/logout', Origin='https://other.example'), 403)

    def test_what_is_done_to_the_headers_of_one_answer_is_done_to_no_other(self):
        def start_response(status, headers):
            headers.append(('X-Other', 'added by a server'))

        environ = self.reader.get('/').request.environ
        for _ in range(2):
            app.app({**environ}, start_response)
        self.assertNotIn('X-Other', self.read().headers)

    def test_a_page_that_sets_a_cookie_is_not_kept(self):
        def set_cookie():
            flask.flash('For one reader')
            return 'Page'

        with mock.patch.dict(app.app.view_functions, index=set_cookie), self.rendered(2):
            for _ in range(2):
                response = app.app.test_client().get('/')
                self.assertIn('session=', response.headers['Set-Cookie'])

    def test_a_request_without_a_host_is_answered(self):
        """As HTTP 1.0 allows."""
        environ = self.read('/robots.txt').request.environ
        del environ['HTTP_HOST']
        response = werkzeug.test.run_wsgi_app(app.app, environ, buffered=True)
        self.assertEqual(response[1], '200 OK')

    def test_what_comes_with_a_request_is_not_read(self):
        """gunicorn lets the application read on, whatever length is told."""
        environ = self.read('/robots.txt').request.environ
        environ |= {'wsgi.input': io.BytesIO(b'Mallory'), 'wsgi.input_terminated': True}
        with mock.patch.dict(app.app.view_functions, index=lambda: flask.request.get_data()):
            body, *_ = werkzeug.test.run_wsgi_app(app.app, {**environ, 'PATH_INFO': '/'}, True)
        self.assertEqual(b''.join(body), b'')

    def test_a_request_for_a_part_of_a_file_keeps_no_part(self):
        with self.read('/static/style.css', Range='bytes=0-9') as response:
            self.assertStatus(response, 200)
        self.assertGreater(len(self.read('/static/style.css').data), 1000)

    def test_a_static_file_is_kept_with_its_headers(self):
        path = re.search(r'/static/style[^"]*', self.read_index().get_data(as_text=True))[0]
        with self.rendered(1, 'static'):
            first, second = self.read(path), self.read(path)
        self.assertEqual(first.data, second.data)
        self.assertEqual(first.headers, second.headers)
        self.assertIn('max-age=31536000', second.headers['Cache-Control'])
        self.assertEqual(second.mimetype, 'text/css')
        for name in ['Accept-Ranges', 'Date', 'Last-Modified']:  # which would not be true
            self.assertNotIn(name, second.headers)

    def test_the_memory_is_bounded(self):
        self.configure(PAGE_CACHE=100_000)
        cache = app.app.wsgi_app.wsgi_app
        for number in range(200):
            self.read(f'/search?q={number}')
            with self.rendered(0, 'search'):
                self.read(f'/search?q={number}')
            self.assertLess(sum(len(page[1]) for page in cache.pages.values()), cache.size)
            self.assertLess(cache.size, 100_000)
        with self.rendered(1, 'search'):
            self.read('/search?q=0')

    def test_one_large_page_does_not_drive_out_the_others(self):
        self.configure(PAGE_CACHE=100_000)
        self.login()
        self.add_entry('Long', secrets.token_hex(50_000))
        self.read('/login')
        with self.rendered(2, 'show_entry'):
            self.read('/entry/1')
            self.read('/entry/1')
        with self.rendered(0, 'login'):
            self.read('/login')

    def test_a_page_that_is_long_but_can_be_compressed_is_kept(self):
        self.configure(PAGE_CACHE=100_000)
        self.login()
        self.add_entry('Long', 'text ' * 100_000)
        for encoding in ['gzip', 'identity']:
            pages = []
            for times in [1, 0]:
                with self.rendered(times, 'show_entry'):
                    response = self.read('/entry/1', Accept_Encoding=encoding)
                pages.append((response.headers, response.data))
            self.assertEqual(*pages)
        self.assertIn(b'text text', pages[1][1])
        pages = app.app.wsgi_app.wsgi_app.pages
        kept = [page[1] for address, page in pages.items() if '/entry/1' in address]
        self.assertLess(sum(map(len, kept)), 10_000)

    def test_a_template_that_may_change_is_rendered_every_time(self):
        with mock.patch.object(app.app.jinja_env, 'auto_reload', True), self.rendered(2):
            self.read()
            self.read()


@cases.on_both_engines
class HttpCacheTest(cases.PageCacheTestCase):
    """What browsers and caches on the way are told, and how they ask again."""

    def setUp(self):
        super().setUp()
        self.add_entries(*'abcdefgh')
        self.page = self.read()
        self.etag = self.page.headers['ETag']

    def test_head_is_get_without_a_body(self):
        for path in ['/login', '/login', '/', '/static/style.css']:
            head, get = self.reader.head(path), self.read(path)
            self.assertStatus(head, 200)
            self.assertEqual(head.data, b'')
            self.assertNotEqual(get.data, b'')
            self.assertEqual(head.headers, get.headers)
            self.assertEqual(int(head.headers['Content-Length']), len(get.data))

    def test_a_browser_that_has_the_page_is_told_so(self):
        for header in [self.etag, f'"other", {self.etag}', f'W/{self.etag}', '*']:
            response = self.read(If_None_Match=header)
            self.assertStatus(response, 304)
            self.assertEqual(response.data, b'')
            self.assertNotIn('Content-Length', response.headers)
            self.assertNotIn('Content-Type', response.headers)
            for name in ['ETag', 'Cache-Control', 'Vary', 'Content-Security-Policy']:
                self.assertEqual(response.headers[name], self.page.headers[name])
        self.assertEqual(self.read().headers, self.page.headers)

    def test_a_head_too(self):
        response = self.reader.head('/', headers={'If-None-Match': self.etag})
        self.assertStatus(response, 304)

    def test_a_browser_that_has_an_older_page_gets_the_new_one(self):
        self.add_entry('New')
        response = self.read(If_None_Match=self.etag)
        self.assertStatus(response, 200)
        self.assertNotEqual(response.headers['ETag'], self.etag)

    def test_a_page_that_is_the_same_after_a_change_keeps_its_etag(self):
        self.add_entry('New')
        self.post('/delete/9')
        self.assertStatus(self.read(If_None_Match=self.etag), 304)

    def test_pages_are_asked_for_again_every_time(self):
        self.assertEqual(self.page.headers['Cache-Control'], 'no-cache')

    def test_pages_are_compressed_where_browsers_take_that(self):
        for header in ['gzip', 'br, gzip, deflate', 'gzip;q=0.5', '*', 'GZIP']:
            response = self.read(Accept_Encoding=header)
            self.assertEqual(response.headers['Content-Encoding'], 'gzip')
            self.assertEqual(int(response.headers['Content-Length']), len(response.data))
            self.assertLess(len(response.data), len(self.page.data) / 2)
            self.assertEqual(gzip.decompress(response.data), self.page.data)

    def test_pages_are_plain_elsewhere(self):
        for header in ['', 'br', 'gzip;q=0', 'identity', 'gzip;q=0, *;q=1', ';;q=,=']:
            response = self.read(Accept_Encoding=header)
            self.assertNotIn('Content-Encoding', response.headers)
            self.assertEqual(response.data, self.page.data)

    def test_both_have_an_etag_of_their_own(self):
        compressed = self.read(Accept_Encoding='gzip')
        self.assertNotEqual(compressed.headers['ETag'], self.etag)
        self.assertStatus(self.read(If_None_Match=compressed.headers['ETag']), 200)
        response = self.read(Accept_Encoding='gzip', If_None_Match=compressed.headers['ETag'])
        self.assertStatus(response, 304)

    def test_a_compressed_page_is_the_same_in_every_worker(self):
        with mock.patch('time.time', return_value=0):
            first = self.read('/login', Accept_Encoding='gzip')
        app.app.wsgi_app.wsgi_app.pages.clear()
        second = self.read('/login', Accept_Encoding='gzip')
        self.assertEqual(first.headers['ETag'], second.headers['ETag'])

    def test_caches_on_the_way_are_told_what_a_page_depends_on(self):
        for headers in [{}, {'Accept_Encoding': 'gzip'}]:
            vary = self.read(**headers).vary
            for name in ['Accept-Encoding', 'Cookie']:
                self.assertIn(name, vary)

    def test_only_the_beginning_of_a_header_is_looked_at(self):
        """A reader may send almost a megabyte, which would take long and be kept."""
        for name in ['Accept-Encoding', 'If-None-Match']:
            with (
                self.subTest(name=name),
                mock.patch.object(
                    pagecache, 'parse_accept_header', wraps=parse_accept_header
                ) as one,
                mock.patch.object(pagecache, 'parse_etags', wraps=parse_etags) as other,
            ):
                self.assertStatus(self.reader.get('/', headers={name: f'{self.id()},' * 200}), 200)
                (call,) = one.call_args_list + other.call_args_list
                self.assertLessEqual(len(call.args[0]), pagecache.HEADER_LENGTH)

    def test_what_would_grow_is_not_compressed(self):
        response = self.read('/robots.txt', Accept_Encoding='gzip')
        self.assertNotIn('Content-Encoding', response.headers)
