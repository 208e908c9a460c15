"""Files that browsers keep until they change."""

import hashlib
import os
import re
import tempfile
import unittest
from unittest import mock

import flask

import app
from tests import cases


@cases.on_both_engines
class StaticFilesTest(cases.FlaskrTestCase):
    YEAR = 'public, max-age=31536000, immutable'

    def address(self):
        with app.app.test_request_context():
            return flask.url_for('static', filename='style.css')

    def read(self, address, method='GET', **headers):
        """Give status, Cache-Control and ETag of an answer, and its length."""
        with self.client.open(address, method=method, headers=headers) as response:
            names = ['Cache-Control', 'ETag']
            return response.status_code, *map(response.headers.get, names), len(response.data)

    def cache_control(self, address):
        return self.read(address)[1]

    def test_the_address_holds_a_hash_of_the_content(self):
        with open(os.path.join(app.app.static_folder, 'style.css'), 'rb') as file:
            content_hash = hashlib.sha256(file.read()).hexdigest()
        self.assertEqual(self.address(), f'/static/style.css?v={content_hash[:16]}')

    def test_a_browser_keeps_it_for_a_year(self):
        self.assertEqual(self.cache_control(self.address()), self.YEAR)

    def test_under_another_address_it_is_asked_for_again(self):
        """As while a new version is deployed, on some of several servers."""
        for address in ['/static/style.css', '/static/style.css?v=', '/static/style.css?v=0123']:
            self.assertEqual(self.cache_control(address), 'no-cache')

    def test_a_file_that_is_missing_breaks_no_page(self):
        with app.app.test_request_context():
            self.assertEqual(flask.url_for('static', filename='none.css'), '/static/none.css')
        self.assertEqual(self.cache_control('/static/none.css'), 'no-cache')

    def test_a_way_around_to_a_file_is_no_error(self):
        self.assertEqual(self.cache_control('/static/none/../style.css?v=0123'), 'no-cache')

    def test_what_is_not_there_is_asked_for_again(self):
        for name in ['none.css', '../app.py', '%00']:
            for query in ['', '?v=', '?v=0123']:
                self.assertEqual(self.cache_control(f'/static/{name}{query}'), 'no-cache')

    def test_whatever_is_asked_for_no_other_file_is_opened(self):
        app.init_db()
        with tempfile.NamedTemporaryFile() as secret:
            way_out = '../' * app.app.static_folder.count('/')
            content_hash = hashlib.sha256(b'').hexdigest()[:16]
            for name in [secret.name, '/dev/zero', '/none', app.__file__]:
                path = f'/static/{way_out}{name[1:]}?v={content_hash}'
                with mock.patch('builtins.open', side_effect=AssertionError):
                    self.assertEqual(self.read(path, 'OPTIONS'), (200, 'no-cache', None, 0))
                    self.assertEqual(self.read(path)[0], 404)

    def test_no_date_is_too_late(self):
        self.login()  # the page cache answers readers
        late = f'Mon, 01 Jan {9**99} 00:00:00 GMT'
        for name in ['If-Range', 'If-Modified-Since', 'If-Unmodified-Since']:
            self.assertEqual(
                self.read('/static/style.css', Range='bytes=0-9', **{name: late})[0], 200
            )

    def test_no_condition_that_others_send_gets_another_answer_to_be_kept(self):
        self.login()
        for header in [
            {'If_Match': '"x"'},
            {'If_Unmodified_Since': 'Mon, 01 Jan 2001 00:00:00 GMT'},
        ]:
            self.assertEqual(self.read('/static/style.css', **header)[0], 200)

    def test_while_working_on_the_blog_nothing_is_kept(self):
        with mock.patch.object(app.app.jinja_env, 'auto_reload', True):
            self.assertEqual(self.address(), '/static/style.css')

    def test_the_pages_use_such_addresses(self):
        addresses = re.findall(r'"(/static/[^"]*)"', self.read_index().get_data(as_text=True))
        self.assertEqual(len(addresses), 5)
        for address in addresses:
            self.assertRegex(address, r'\?v=[0-9a-f]{16}$')


class ShippedFilesTest(unittest.TestCase):
    def read(self, *path):
        with open(os.path.join(cases.FOLDER, *path), 'rb') as file:
            return file.read()

    def test_the_style_stays_small(self):
        self.assertLess(self.read('static', 'style.css').count(b'\n'), 300)

    def test_jquery_is_what_its_authors_published(self):
        """As jquery@4.0.0 in the npm registry has it, in dist/jquery.min.js."""
        self.assertEqual(
            hashlib.sha256(self.read('static', 'jquery-4.0.0.min.js')).hexdigest(),
            '39a546ea9ad97f8bfaf5d3e0e8f8556adb415e470e59007ada9759dce472adaa',
        )
