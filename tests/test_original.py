"""What the unittest file of the original tutorial relies on."""

import os
import tempfile
import unittest

import app


class OriginalTest(unittest.TestCase):
    def setUp(self):
        self.config = dict(app.app.config)
        self.db_fd, app.app.config['DATABASE'] = tempfile.mkstemp()
        app.app.config['TESTING'] = True
        self.app = app.app.test_client()
        app.init_db()

    def tearDown(self):
        os.close(self.db_fd)
        os.unlink(app.app.config['DATABASE'])
        app.app.config.update(self.config)

    def login(self, more=''):
        username, password = app.app.config['USERNAME'], app.app.config['PASSWORD'] + more
        form = {'username': username, 'password': password}
        return self.app.post('/login', data=form, follow_redirects=True)

    def test_the_index_takes_an_odd_content_type(self):
        self.assertEqual(self.app.get('/', content_type='html/text').status_code, 200)

    def test_the_configured_name_and_password_log_in(self):
        self.assertIn(b'You were logged in', self.login().data)
        self.assertIn(b'Invalid password', self.login('x').data)

    def test_a_post_is_shown_with_its_title_escaped_and_its_text_as_html(self):
        self.login()
        form = {'title': '<Hello>', 'text': '<strong>HTML</strong> allowed here'}
        page = self.app.post('/add', data=form, follow_redirects=True).data
        self.assertIn(b'&lt;Hello&gt;', page)
        self.assertIn(b'<strong>HTML</strong> allowed here', page)
