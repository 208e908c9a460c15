"""One address, whatever is asked for."""

import unittest

from parts.address import OneAddress, read_address
from tests import cases


class AddressTest(unittest.TestCase):
    def test_an_address_has_a_scheme_a_host_and_maybe_a_path(self):
        for url, expected in [
            ('https://example.org', ('https', 'example.org', '')),
            ('https://example.org/', ('https', 'example.org', '')),
            ('http://[::1]:5000/a/b/', ('http', '[::1]:5000', '/a/b')),
            ('http://MyPi.local:80/A', ('http', 'mypi.local', '/A')),
            ('https://example.org:443', ('https', 'example.org', '')),
            ('https://example.org:80', ('https', 'example.org:80', '')),
        ]:
            self.assertEqual(read_address(url), expected)

    def test_anything_else_is_none(self):
        for url in [
            'example.org', 'ftp://example.org', 'https://', 'https://a:b@example.org',
            'https://example org', 'https://example.org/?x', 'https://example.org/#x',
            'https://example.org//x', 'https://example.org\n', 'https://bücher.example',
            'https://example.org/café', 'https://example.org/a%20b',
        ]:  # fmt: skip
            with self.subTest(url=url), self.assertRaisesRegex(ValueError, 'such as https://'):
                read_address(url)

    def test_it_is_read_when_the_application_starts(self):
        with self.assertRaises(ValueError):
            OneAddress(None, {'URL': 'example.org'})

    def ask(self, url, path):
        environ = {
            'wsgi.url_scheme': 'http',
            'HTTP_HOST': 'other',
            'SCRIPT_NAME': '',
            'PATH_INFO': path,
        }
        OneAddress(lambda *_: None, {'URL': url})(environ, None)
        return ' '.join(environ.values())

    def test_without_one_the_request_is_believed(self):
        self.assertEqual(self.ask(None, '/a'), 'http other  /a')

    def test_with_one_the_request_is_as_if_it_were_asked_for_there(self):
        for url, path, expected in [
            ('https://example.org', '/a', 'https example.org  /a'),
            ('https://example.org', '/', 'https example.org  /'),
            ('https://example.org/blog', '/blog/a', 'https example.org /blog /a'),
            ('https://example.org/blog', '/blog', 'https example.org /blog '),
            ('https://example.org/blog', '/a', 'https example.org /blog /a'),
            ('https://example.org/blog', '/blogger', 'https example.org /blog /blogger'),
        ]:
            with self.subTest(url=url, path=path):
                self.assertEqual(self.ask(url, path), expected)


@cases.on_both_engines
class BlogTest(cases.PageCacheTestCase):
    """A blog that knows its address, and is asked for by others."""

    def setUp(self):
        super().setUp()
        self.add_entries('Title')
        self.configure(URL='https://ann.example/notes')

    def test_every_absolute_link_leads_to_it(self):
        for path in ['/', '/entry/1', '/feed.xml', '/feed.json', '/sitemap.xml', '/robots.txt']:
            page = self.read(path, Host='evil.test').text
            self.assertNotIn('evil.test', page)
            self.assertNotIn('http://localhost', page)
            self.assertIn('https://ann.example/notes/', page)

    def test_a_page_is_kept_once_for_all_names(self):
        with self.rendered(1):
            pages = {self.read('/', Host=host).data for host in ['a.test', 'b.test', 'ann.example']}
        self.assertEqual(len(pages), 1)

    def test_its_pages_lead_to_each_other_below_its_path(self):
        self.assertIn('href="/notes/search"', self.read('/notes/').text)
        self.assertEqual(self.read('/notes').location, 'https://ann.example/notes/')
        response = self.login()
        self.assertShows(response, 'action="/notes/add"')

    def test_only_its_own_pages_can_post(self):
        for origin, status in [('https://ann.example', 302), ('https://evil.test', 403)]:
            form = {'username': 'admin', 'password': 'admin'}
            headers = {'Origin': origin, 'Host': 'evil.test'}
            response = self.client.post('/notes/login', data=form, headers=headers)
            self.assertStatus(response, status)

    def test_cookies_are_for_encrypted_connections_where_its_address_is(self):
        for url, is_secure in [('https://ann.example', True), ('http://ann.example', False)]:
            self.configure(URL=url)
            self.client = self.reader.application.test_client()
            self.login()
            cookie = self.client.get_cookie('session')
            self.assertEqual(cookie.secure, is_secure)

    def test_cookies_are_for_its_path_only(self):
        cookies = self.login().history[0].headers.getlist('Set-Cookie')
        self.assertEqual(len(cookies), 2)
        for cookie in cookies:
            self.assertIn('; Path=/notes', cookie)
