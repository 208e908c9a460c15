"""The tests of the blog: `python test.py` runs them in a few seconds.

Each test starts with a fresh database and never opens the real one. The classes stand
in the order of app.py's rooms, and the name of a test is a sentence about the blog. What
the blog is made with is tested in tests/; `python -m unittest` runs all there is.
"""

import contextlib
import hashlib
import io
import json
import os
import pathlib
import re
import runpy
import shutil
import sqlite3
import tempfile
import time
import unittest
import urllib.parse
from datetime import UTC, datetime
from unittest import mock

import app


class FlaskrTestCase(unittest.TestCase):
    """An empty blog, and what its author does."""

    def setUp(self):
        self.database = self.make_database()
        self.configure(DATABASE=self.database, TESTING=True)
        self.configure(USERNAME='admin', PASSWORD='admin', SECRET_KEY=None, URL=None)
        self.configure(TITLE='Flaskr', DESCRIPTION='A microblog', AUTHOR='Flaskr', LANGUAGE='en')
        self.client = app.app.test_client()

    def make_database(self):
        """Return the path of an empty file, which is gone when the test is over."""
        file, path = tempfile.mkstemp(suffix='.db')
        os.close(file)
        self.addCleanup(os.unlink, path)
        return path

    def configure(self, **settings):
        """Change the configuration until the test is over."""
        self.enterContext(mock.patch.dict(app.app.config, settings))

    def login(self, username='admin', password='admin', client=None):
        form = {'username': username, 'password': password}
        return (client or self.client).post('/login', data=form, follow_redirects=True)

    def logout(self):
        return self.client.get('/logout', follow_redirects=True)

    def add_entry(self, title, text='', **more):
        form = {'title': title, 'text': text, **more}
        return self.client.post('/add', data=form, follow_redirects=True)

    def add_entries(self, *titles):
        """Log in, and post entries without a text, the oldest first."""
        self.login()
        for title in titles:
            self.add_entry(title)

    def edit_entry(self, entry_id, title, text='', **more):
        form = {'title': title, 'text': text, **more}
        return self.client.post(f'/edit/{entry_id}', data=form, follow_redirects=True)

    def post(self, path):
        """Press a button that posts to this path."""
        return self.client.post(path, follow_redirects=True)

    def read_index(self, client=None):
        return (client or self.client).get('/')

    def titles(self, path='/', client=None):
        """Return the titles of the entries on a page, from the top down."""
        page = (client or self.client).get(path).text
        return re.findall(r'class="p-name"[^>]*>(?:<a[^>]*>)?(.*?)(?:</a>)?</h', page)

    def found(self, query, **position):
        """Return the titles of what a search finds, without the marks."""
        address = '/search?' + urllib.parse.urlencode({'q': query, **position})
        return [re.sub('</?mark>', '', title) for title in self.titles(address)]

    def query(self, statement, *values):
        """Ask the database directly, behind the blog's back."""
        with contextlib.closing(sqlite3.connect(self.database)) as db, db:
            return db.execute(statement, values).fetchall()

    def assertStatus(self, response, status):
        self.assertEqual(response.status_code, status)

    def assertShows(self, response, text):
        """Assert that the page holds this text, as written in its HTML."""
        self.assertTrue(text in response.text, f'{text!r} is not on the page: {response.text}')

    def assertDoesNotShow(self, response, text):
        self.assertFalse(text in response.text, f'{text!r} is on the page: {response.text}')

    def assertPlainPage(self, response, status, words):
        """Assert that an error is told in the blog's own design and in plain words."""
        self.assertStatus(response, status)
        self.assertShows(response, '<a class="name" href="/" dir="auto">Flaskr</a>')
        self.assertShows(response, words)
        self.assertDoesNotShow(response, 'Traceback')


# Configuration -----------------------------------------------------------------


class ConfigurationTest(unittest.TestCase):
    """What app.py reads from the environment when it is imported."""

    NAMES = ['FLASKR_USERNAME', 'FLASKR_PASSWORD', 'FLASKR_SECRET_KEY', 'FLASKR_URL']
    NAMES += ['FLASKR_TITLE', 'FLASKR_DESCRIPTION', 'FLASKR_AUTHOR', 'FLASKR_LANGUAGE']

    def start(self, **environment):
        """Import app.py anew where nothing but this is set; return its configuration."""
        with mock.patch.dict(os.environ, environment, clear=True):
            return runpy.run_path(app.__file__, run_name='app')['app'].config

    def test_the_environment_configures_it(self):
        values = ['me', '12345', 'key', 'https://x.org', 'My notes', 'On cats', 'Ann', 'pt-BR']
        config = self.start(**dict(zip(self.NAMES, values, strict=True)))
        self.assertEqual([config[name.removeprefix('FLASKR_')] for name in self.NAMES], values)

    def test_the_database_may_be_a_path_or_a_url(self):
        for url, database in [('sqlite:////a/b.db', '/a/b.db'), ('a://b@c/d', 'a://b@c/d')]:
            self.assertEqual(self.start(DATABASE_URL=url)['DATABASE'], database)

    def test_where_nothing_is_set_or_what_is_set_is_empty_it_is_as_readme_says(self):
        expected = {
            'TITLE': 'Flaskr', 'DESCRIPTION': 'A microblog', 'AUTHOR': 'Flaskr', 'LANGUAGE': 'en',
            'USERNAME': 'admin', 'PASSWORD': 'admin', 'SECRET_KEY': None, 'URL': None,
            'DATABASE': os.path.join(os.path.dirname(app.__file__), 'flaskr.db'),
            'DATABASE_TIMEOUT': 10, 'PAGE_AGE': 1, 'LOGIN_ATTEMPTS': 10, 'LOGIN_WINDOW': 180,
            'PER_PAGE': 20, 'FEED_LENGTH': 50, 'SITEMAP_LENGTH': 10_000, 'SEARCH_LIMIT': 1000,
            'PAGE_CACHE': 2**21, 'MAX_CONTENT_LENGTH': 2**22, 'MAX_FORM_MEMORY_SIZE': 2**22,
            'MAX_UPLOAD_LENGTH': 50 * 2**20,
        }  # fmt: skip
        for environment in [{}, dict.fromkeys(['DATABASE_URL', *self.NAMES], '')]:
            config = self.start(**environment)
            self.assertEqual({name: config[name] for name in expected}, expected)

    def test_the_author_is_called_like_the_blog_unless_something_else_is_said(self):
        self.assertEqual(self.start(FLASKR_TITLE='My notes')['AUTHOR'], 'My notes')

    def test_an_address_that_makes_no_sense_is_told_at_once(self):
        with self.assertRaisesRegex(ValueError, 'FLASKR_URL has to be an address'):
            self.start(FLASKR_URL='example.org')

    def test_the_log_says_when_entries_will_vanish(self):
        with self.assertLogs(app.app.logger, 'WARNING') as logs:
            self.start(DYNO='web.1')
        self.assertIn('heroku addons:create', logs.output[0])
        with self.assertNoLogs(app.app.logger, 'WARNING'):
            self.start()


# Application -------------------------------------------------------------------


class ApplicationTest(FlaskrTestCase):
    """What guards the blog, serves its files and signs its cookies is plugged in."""

    def test_every_answer_tells_browsers_to_run_nothing_that_is_not_the_blogs_own(self):
        for path in ['/', '/logout', '/nowhere', '/static/main.js']:
            with self.client.get(path) as response:
                policy = response.headers['Content-Security-Policy']
                self.assertIn("default-src 'none'; script-src 'self'", policy)

    def test_another_site_can_do_nothing_in_the_authors_name(self):
        self.add_entries('Title')
        for path in ['/login', '/add', '/edit/1', '/delete/1', '/restore/1', '/purge/1']:
            form = {'title': 'Planted', 'text': ''}
            response = self.client.post(path, data=form, headers={'Origin': 'https://evil.test'})
            self.assertStatus(response, 403)
            self.assertDoesNotShow(response, 'Planted')
        self.assertEqual(self.titles(), ['Title'])

    def test_another_site_cannot_log_the_author_out(self):
        self.login()
        response = self.client.get('/logout', headers={'Sec-Fetch-Site': 'cross-site'})
        self.assertStatus(response, 403)
        self.assertStatus(self.add_entry('Still here'), 200)

    def test_a_host_that_makes_no_sense_is_refused(self):
        self.assertStatus(self.client.get('/', headers={'Host': '..'}), 400)

    def test_under_whatever_name_it_is_asked_for_it_knows_its_one_address(self):
        self.configure(URL='https://ann.example/notes')
        self.assertShows(self.client.get('/'), 'href="https://ann.example/notes/"')
        self.assertShows(self.client.get('/notes/search'), 'href="/notes/static/style.css')
        self.login()
        self.assertTrue(self.client.get_cookie('session', path='/notes').secure)

    def test_browsers_keep_the_files_of_a_page_for_a_year(self):
        page = self.read_index().text
        for name in ['style.css', 'main.js']:
            path = re.search(rf'"(/static/{name}\?v=[0-9a-f]+)"', page)[1]
            with self.client.get(path) as response:
                self.assertIn('max-age=31536000', response.headers['Cache-Control'])

    def test_scripts_and_other_sites_cannot_use_the_cookies(self):
        self.login()
        for name in ['session', 'known_browser']:
            cookie = self.client.get_cookie(name)
            self.assertTrue(cookie.http_only)
            self.assertEqual(cookie.same_site, 'Lax')


# Database ----------------------------------------------------------------------


class DatabaseTest(FlaskrTestCase):
    def test_the_connection_is_the_same_within_one_context(self):
        with app.app.app_context():
            self.assertIs(app.get_db(), app.get_db())

    def test_a_connection_is_closed_rather_than_kept_in_a_transaction(self):
        with app.app.app_context():
            db = app.get_db()
            db.execute('begin')
            db.execute("insert into entries (title, text) values ('Half', 'done')")
        with self.assertRaises(sqlite3.Error):
            db.execute('select 1')
        self.assertEqual(self.query('select * from entries'), [])

    def test_a_request_does_not_keep_the_database_locked(self):
        self.read_index()
        self.query("insert into entries (title, text) values ('From elsewhere', '')")
        self.assertEqual(self.titles(), ['From elsewhere'])

    def test_an_empty_file_becomes_a_blog_on_first_use(self):
        self.assertShows(self.read_index(), 'No entries yet. Add some!')
        self.assertEqual(self.query('select * from entries'), [])

    def test_initializing_again_keeps_every_entry(self):
        self.add_entries('Title')
        with mock.patch.object(app.app, 'open_resource') as open_schema:
            app.init_db()
        open_schema.assert_not_called()
        self.assertEqual(self.titles(), ['Title'])

    def test_the_address_of_a_postgres_leads_there(self):
        self.configure(DATABASE='postgresql://localhost/blog')
        with mock.patch('parts.postgres.connect_postgres') as connect:
            self.assertIs(app.connect_db(), connect.return_value)
        connect.assert_called_once_with('postgresql://localhost/blog', 10)


class FileTest(FlaskrTestCase):
    """What only a blog in one file does."""

    def test_every_connection_is_closed_and_only_the_first_request_makes_tables(self):
        connect, connections = app.connect_db, []

        def connect_and_note():
            connections.append(connect())
            return connections[-1]

        with mock.patch.object(app, 'connect_db', connect_and_note):
            for count in [2, 3]:  # init_db() has one of its own
                self.read_index()
                self.assertEqual(len(connections), count)
        for db in connections:
            with self.assertRaisesRegex(sqlite3.ProgrammingError, 'closed'):
                db.execute('select 1')

    def test_an_older_blog_is_upgraded_or_else_left_as_it_was(self):
        self.add_entries('Kept')
        self.query('pragma user_version = 1')
        last_step_fails = mock.patch.object(app, 'token_hex', side_effect=ZeroDivisionError)
        with last_step_fails:
            self.assertRaises(ZeroDivisionError, app.init_db)
        self.assertEqual(self.query('pragma user_version'), [(1,)])
        self.assertEqual(self.titles(), ['Kept'])
        self.assertEqual(self.found('kept'), ['Kept'])

    def test_the_entries_of_an_older_blog_have_their_tags_too(self):
        self.login()
        self.add_entry('Kept', 'On #cats')
        self.query('drop table tags')
        self.query('pragma user_version = 7')
        self.assertEqual(self.titles('/tag/cats'), ['Kept'])

    def test_the_path_may_be_a_path_object(self):
        self.configure(DATABASE=pathlib.Path(self.database))
        self.assertStatus(self.read_index(), 200)

    def test_a_missing_file_becomes_a_blog_on_first_use_and_the_log_says_so(self):
        """Since it may have vanished, as with a disk that is not mounted."""
        os.unlink(self.database)
        with self.assertLogs(app.app.logger, 'WARNING') as logs:
            self.assertEqual(self.titles(), [])
        self.assertIn(f'{self.database} was not there', logs.output[0])

    def test_a_backup_is_restored_by_copying_it_back(self):
        self.add_entries('Kept')
        backup = f'{self.database}.backup'
        result = app.app.test_cli_runner().invoke(args=['backup', backup])
        self.assertEqual((result.output, result.exit_code), ('', 0))
        self.addCleanup(os.unlink, backup)
        self.add_entry('After the backup')
        shutil.copy(backup, self.database)
        self.assertEqual(self.titles(), ['Kept'])

    def test_on_heroku_the_author_is_told_that_entries_will_vanish(self):
        with mock.patch.dict(os.environ, DYNO='web.1'):
            self.assertDoesNotShow(self.read_index(), 'will vanish')
            self.login()
            self.assertShows(self.read_index(), 'will vanish')
            self.assertShows(self.read_index(), 'heroku addons:create')
        self.assertDoesNotShow(self.read_index(), 'will vanish')


# Entries -----------------------------------------------------------------------


class EntriesTest(FlaskrTestCase):
    def test_a_character_that_not_every_database_can_hold_is_dropped(self):
        self.login()
        self.add_entry('a\0b', 'c\0d')
        self.assertEqual(self.query('select title, text from entries'), [('ab', 'cd')])
        self.edit_entry(1, 'e\0f', 'g\0h')
        self.assertEqual(self.query('select title, text from entries'), [('ef', 'gh')])

    def test_an_id_is_never_used_again(self):
        self.add_entries('First')
        self.query('delete from entries')
        self.add_entry('Second')
        self.assertEqual(self.query('select id from entries'), [(2,)])

    def test_an_entry_keeps_when_it_was_made_in_utc(self):
        with mock.patch.dict(os.environ, TZ='Asia/Tokyo'):
            time.tzset()
            self.addCleanup(time.tzset)
            self.add_entries('Title')
        ((created,),) = self.query('select created from entries')
        self.assertRegex(created, r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')
        age = datetime.now(UTC) - datetime.fromisoformat(created)
        self.assertLess(abs(age.total_seconds()), 3600)

    def test_a_key_that_no_form_has_is_no_error_and_counts_for_nothing(self):
        self.login()
        for key in ['', 'a\0b', 'é' * 10_000, '0' * 15, '0' * 17]:
            for _ in range(2):
                self.assertStatus(self.add_entry('Title', key=key), 200)
        self.assertEqual(len(self.titles()), 10)

    def test_only_what_is_in_the_trash_is_erased(self):
        self.add_entries('Restored meanwhile')
        with app.app.app_context():
            app.erase_entry(1)
        self.assertEqual(self.titles(), ['Restored meanwhile'])

    def test_what_was_deleted_meanwhile_is_not_updated(self):
        self.add_entries('Title')
        self.post('/delete/1')
        with app.app.app_context():
            self.assertFalse(app.update_entry(1, {'title': 'New', 'text': ''}, None))


class PagingTest(FlaskrTestCase):
    """The index in pages of two; entries are called after their ids."""

    def setUp(self):
        super().setUp()
        self.configure(PER_PAGE=2)
        self.add_entries('1', '2', '3', '4', '5')

    def test_older_entries_follow_page_by_page(self):
        self.assertEqual(self.titles('/'), ['5', '4'])
        self.assertShows(self.client.get('/'), 'href="/?before=4"')
        self.assertEqual(self.titles('/?before=4'), ['3', '2'])
        self.assertShows(self.client.get('/?before=4'), 'href="/?before=2"')
        self.assertEqual(self.titles('/?before=2'), ['1'])
        for path in ['/?before=2', '/?before=3']:
            self.assertDoesNotShow(self.client.get(path), '>Older</a>')

    def test_every_older_page_leads_to_the_newest(self):
        for path in ['/?before=4', '/?before=2']:
            self.assertShows(self.client.get(path), '<a href="/">Newest</a>')
        self.assertDoesNotShow(self.client.get('/'), '>Newest</a>')

    def test_a_page_that_starts_nowhere_is_not_there(self):
        for start in ['x', '', '-1', '1.5', '9' * 30, '٣']:
            with self.subTest(start=start):
                self.assertStatus(self.client.get('/', query_string={'before': start}), 404)


class SearchTest(FlaskrTestCase):
    def test_words_are_found_in_any_order_and_all_have_to_be_there(self):
        self.add_entries('Red apples', 'Green apples')
        self.assertEqual(self.found('apples red'), ['Red apples'])

    def test_the_beginning_of_a_word_finds_it(self):
        self.add_entries('Red apples')
        for query in ['appl', 'a', 'ap r', '"ap']:
            self.assertEqual(self.found(query), ['Red apples'])

    def test_case_and_accents_make_no_difference(self):
        self.add_entries('Crème BRÛLÉE')
        self.assertEqual(self.found('CREME brûlee'), ['Crème BRÛLÉE'])

    def test_what_is_in_the_trash_is_not_found(self):
        self.add_entries('Apples')
        self.post('/delete/1')
        self.assertEqual(self.found('apples'), [])
        self.edit_entry(1, 'Pears')
        self.post('/restore/1')
        self.assertEqual(self.found('apples'), ['Apples'])

    def test_an_edited_entry_is_found_by_its_new_words_only(self):
        self.add_entries('Apples')
        self.edit_entry(1, 'Pears')
        self.assertEqual([self.found('apples'), self.found('pears')], [[], ['Pears']])

    def test_results_are_paged_like_the_index(self):
        self.configure(PER_PAGE=2)
        self.add_entries('apple 1', 'apple 2', 'apple 3', 'apple 4', 'apple 5')
        self.assertEqual(self.found('apple'), ['apple 5', 'apple 4'])
        self.assertEqual(self.found('apple', before=4), ['apple 3', 'apple 2'])
        self.assertEqual(self.found('apple', before=2), ['apple 1'])
        self.assertEqual(self.found('apple', before=99), ['apple 5', 'apple 4'])
        self.assertShows(self.client.get('/search?q=apple'), '"/search?q=apple&amp;before=4"')
        page = self.client.get('/search?q=apple&before=4')
        for link in ['/search?q=apple&amp;before=2', '/search?q=apple']:
            self.assertShows(page, f'href="{link}"')

    def test_only_the_newest_matches_are_ranked(self):
        self.configure(SEARCH_LIMIT=2)
        self.add_entries('Apples', 'More apples', 'Most apples')
        self.assertEqual(self.found('apples'), ['Most apples', 'More apples'])


# Author ------------------------------------------------------------------------


class AuthorTest(FlaskrTestCase):
    """Who may write, and where the others are led."""

    def log_in_and_see_where_that_leads(self):
        form = {'username': 'admin', 'password': 'admin'}
        return self.client.post('/login', data=form).location

    def test_a_stranger_can_change_nothing(self):
        self.add_entries('Kept', 'In the trash')
        self.post('/delete/2')
        self.logout()
        for path in ['/add', '/edit/1', '/delete/1', '/restore/2', '/purge/2']:
            form = {'title': 'Changed', 'text': ''}
            self.assertStatus(self.client.post(path, data=form), 401)
        self.assertEqual(self.titles(), ['Kept'])
        self.login()
        self.assertEqual(self.titles('/trash'), ['In the trash'])

    def test_after_logging_in_the_author_is_back_at_the_page_that_was_asked_for(self):
        for target in ['/trash', '/edit/1', '/trash?before=7', '/share?title=a&text=b&url=c']:
            response = self.client.get(target)
            self.assertEqual(response.location, '/login')
            self.assertEqual(self.log_in_and_see_where_that_leads(), target)
            self.logout()

    def test_the_page_that_was_asked_for_is_forgotten_once_it_was_shown(self):
        self.client.get('/trash')
        self.log_in_and_see_where_that_leads()
        self.logout()
        self.assertEqual(self.log_in_and_see_where_that_leads(), '/')


# Views for reading -------------------------------------------------------------


class ReadingTest(FlaskrTestCase):
    def test_a_reader_sees_the_entries_newest_first(self):
        self.add_entries('Older', 'Newer')
        self.logout()
        self.assertEqual(self.titles(), ['Newer', 'Older'])

    def test_the_blog_is_called_what_its_author_calls_it(self):
        self.configure(TITLE='Ann & cats', DESCRIPTION='On cats', AUTHOR='Ann', LANGUAGE='pt-BR')
        self.add_entries('Miau')
        for path in ['/', '/entry/1', '/search?q=miau', '/trash', '/nowhere', '/edit/1', '/add']:
            page = self.client.get(path)
            self.assertShows(page, '<html lang="pt-BR">')
            self.assertRegex(page.text, '<title>(.* – )?Ann &amp; cats</title>')
            self.assertShows(page, '<a class="name" href="/" dir="auto">Ann &amp; cats</a>')
        self.assertShows(self.read_index(), '<meta name="description" content="On cats">')
        self.assertShows(self.client.get('/feed.xml'), '<author><name>Ann</name></author>')
        self.assertEqual(self.client.get('/feed.json').json['title'], 'Ann & cats')

    def test_the_form_is_for_the_author_only(self):
        self.assertDoesNotShow(self.read_index(), '<textarea')
        self.login()
        self.assertShows(self.read_index(), '<textarea')

    def test_an_entry_tells_when_it_was_made(self):
        self.add_entries('Title')
        self.query("update entries set created = '2026-11-21T03:04:05Z'")
        self.assertShows(self.read_index(), 'datetime="2026-11-21T03:04:05Z">2026-11-21 03:04 UTC')

    def test_an_entry_has_a_page_of_its_own(self):
        self.add_entries('First', 'Second')
        response = self.client.get('/entry/1')
        self.assertShows(response, '<title>First – Flaskr</title>')
        self.assertEqual(self.titles('/entry/1'), ['First'])

    def test_an_entry_without_a_title_is_shown_as_its_text_with_its_time_as_the_link(self):
        self.login()
        self.add_entry('', 'Just *some* words')
        self.query("update entries set created = '2026-11-21T03:04:05Z'")
        page = self.read_index()
        self.assertEqual(self.titles(), [])
        self.assertShows(page, 'Just <em>some</em> words')
        self.assertRegex(page.text, 'href="/entry/1"><time [^>]*>2026-11-21 03:04 UTC</time></a>')

    def test_an_entry_without_a_title_is_called_by_its_first_words(self):
        self.login()
        self.add_entry(' ', f'Just *some* words, and {"more and " * 20}')
        name = 'Just some words, and more and more and more and more and…'
        self.assertShows(self.client.get('/entry/1'), f'<title>{name} – Flaskr</title>')
        self.assertShows(self.client.get('/feed.xml'), f'<title>{name}</title>')
        self.assertEqual(self.client.get('/feed.json').json['items'][0]['title'], name)
        self.assertEqual(self.found('just'), [name])
        self.assertShows(self.post('/delete/1'), f'“{name}” is in the trash')

    def test_an_entry_that_is_not_there_has_no_page(self):
        for entry_id in ['1', '0', '-1', 'x', '9' * 30]:
            with self.subTest(entry_id=entry_id):
                self.assertStatus(self.client.get(f'/entry/{entry_id}'), 404)

    def test_matches_are_marked(self):
        self.login()
        self.add_entry('Crème brûlée', 'A <em>creme</em> for you & me')
        response = self.client.get('/search?q=CREME')
        self.assertShows(response, '<mark>Crème</mark> brûlée')
        self.assertShows(response, 'A <mark>creme</mark> for you &amp; me')

    def test_a_search_that_shows_nothing_says_what_to_do(self):
        for path in ['/search', '/search?q=', '/search?q=+*+']:
            self.assertShows(self.client.get(path), 'Type one or more words')
        self.assertShows(self.client.get('/search?q=zebra'), 'fewer or shorter words')

    def test_crawlers_are_shown_the_way(self):
        response = self.client.get('/robots.txt')
        self.assertEqual(response.mimetype, 'text/plain')
        self.assertShows(response, 'Sitemap: http://localhost/sitemap.xml')

    def test_the_sitemap_lists_the_index_and_the_newest_entries(self):
        self.assertEqual(self.client.get('/sitemap.xml').mimetype, 'application/xml')
        self.configure(SITEMAP_LENGTH=3)
        self.add_entries('First', 'Second', 'Third', 'Fourth')
        self.query("update entries set updated = '2026-11-22T03:04:05Z' where id = 4")
        self.post('/delete/3')
        page = self.client.get('/sitemap.xml').text
        addresses = re.findall('<loc>http://localhost(.*)</loc>', page)
        self.assertEqual(addresses, ['/', '/entry/4', '/entry/2'])
        self.assertIn('<lastmod>2026-11-22T03:04:05Z</lastmod>', page)

    def test_the_feed_has_the_newest_entries(self):
        self.configure(FEED_LENGTH=2)
        self.add_entries('One', 'Two', 'Three', 'Four')
        self.post('/delete/3')
        response = self.client.get('/feed.xml')
        self.assertEqual(response.mimetype, 'application/atom+xml')
        titles = re.findall('<title[^>]*>(.*)</title>', response.text)
        self.assertEqual(titles, ['Flaskr', 'Four', 'Two'])

    def test_the_json_feed_has_the_newest_entries(self):
        self.configure(FEED_LENGTH=2)
        self.add_entries('One', 'Two', 'Three')
        response = self.client.get('/feed.json')
        self.assertEqual(response.mimetype, 'application/feed+json')
        self.assertEqual(response.json['home_page_url'], 'http://localhost/')
        self.assertEqual(response.json['feed_url'], 'http://localhost/feed.json')
        items = [(item['title'], item['url']) for item in response.json['items']]
        addresses = ['http://localhost/entry/3', 'http://localhost/entry/2']
        self.assertEqual(items, [*zip(['Three', 'Two'], addresses, strict=True)])

    def test_the_id_of_an_entry_in_the_feed_stays_whatever_happens(self):
        self.add_entries('One', 'Two')
        ids = re.findall('<id>.*</id>', self.client.get('/feed.xml').text)
        self.assertEqual(len({*ids}), 3)
        self.edit_entry(1, 'Another title')
        feed = self.client.get('/feed.xml', base_url='https://example.org').text
        self.assertEqual(re.findall('<id>.*</id>', feed)[1:], ids[1:])


class TagsTest(FlaskrTestCase):
    """A word with a # before it leads to all entries that have it."""

    def setUp(self):
        super().setUp()
        self.login()
        self.add_entry('First', 'On #Cats and #dogs')
        self.add_entry('Second', 'More on #cats')

    def test_a_tag_in_a_text_leads_to_its_page(self):
        link = '<a rel="tag" href="/tag/cats">#<span class="p-category">Cats</span></a>'
        self.assertShows(self.client.get('/entry/1'), link)
        self.assertEqual(self.titles('/tag/cats'), ['Second', 'First'])
        self.assertEqual(self.titles('/tag/CÁTS'), ['Second', 'First'])
        self.assertEqual(self.titles('/tag/dogs'), ['First'])

    def test_a_tag_that_nobody_has_used_has_no_page(self):
        for name in ['birds', '%00', '%ff', 'x' * 1000]:
            self.assertStatus(self.client.get(f'/tag/{name}'), 404)
            self.assertDoesNotShow(self.client.get(f'/tag/{name}/feed.xml'), '<entry>')

    def test_the_entries_of_a_tag_are_paged_like_the_index(self):
        self.configure(PER_PAGE=1)
        self.assertEqual(self.titles('/tag/cats'), ['Second'])
        self.assertShows(self.client.get('/tag/cats'), 'href="/tag/cats?before=2"')
        self.assertEqual(self.titles('/tag/cats?before=2'), ['First'])
        self.assertStatus(self.client.get('/tag/cats?before=x'), 404)

    def test_a_tag_has_a_feed_of_its_own(self):
        self.configure(FEED_LENGTH=1)
        self.add_entry('Third')
        feed = self.client.get('/tag/CÁTS/feed.xml').text
        self.assertEqual(re.findall('<title>(.*)</title>', feed), ['Flaskr – #cats', 'Second'])
        self.assertIn('<category term="cats" label="cats"/>', feed)

    def test_links_in_feeds_are_whole_addresses(self):
        for path in ['/feed.xml', '/feed.json']:
            self.assertShows(self.client.get(path), 'http://localhost/tag/cats')
        self.assertEqual(self.client.get('/feed.json').json['items'][1]['tags'], ['Cats', 'dogs'])

    def test_all_tags_are_listed_with_their_counts(self):
        page = self.client.get('/tags').text
        counts = re.findall(r'href="/tag/(\w+)">#\w+</a>\s*(\d+)', page)
        self.assertEqual(counts, [('cats', '2'), ('dogs', '1')])

    def test_an_entry_has_the_tags_of_its_last_text(self):
        self.edit_entry(1, 'First', 'On #birds')
        self.assertEqual(self.titles('/tag/cats'), ['Second'])
        self.assertEqual(self.titles('/tag/birds'), ['First'])

    def test_an_edit_and_its_tags_are_stored_together_or_not_at_all(self):
        failure = mock.patch('app.store_tags', side_effect=sqlite3.OperationalError)
        with failure, self.assertLogs(app.app.logger, 'ERROR'):
            self.assertStatus(self.edit_entry(1, 'New'), 503)
        self.assertEqual(self.titles('/tag/dogs'), ['First'])
        self.edit_entry(1, 'Newer', '#birds', version=7)
        self.assertEqual(self.titles('/tag/dogs'), ['First'])

    def test_a_draft_and_what_is_in_the_trash_have_no_tags(self):
        self.client.post('/drafts/add', data={'title': '', 'text': '#birds'})
        self.assertStatus(self.client.get('/tag/birds'), 404)
        self.client.post('/drafts/edit/1', data={'title': '', 'text': '#more #birds'})
        self.assertStatus(self.client.get('/tag/birds'), 404)
        self.post('/delete/1')
        self.assertEqual(self.titles('/tag/cats'), ['Second'])
        self.assertStatus(self.client.get('/tag/dogs'), 404)
        self.assertDoesNotShow(self.client.get('/tags'), 'dogs')

    def test_a_tag_goes_with_its_entry(self):
        self.post('/delete/1')
        self.post('/purge/1')
        self.assertEqual(self.query('select name, entry_id from tags'), [('cats', 2)])


# Views for writing -------------------------------------------------------------


class WritingTest(FlaskrTestCase):
    def setUp(self):
        super().setUp()
        self.login()

    def test_a_new_entry_is_on_the_index(self):
        response = self.add_entry('Hello', 'World')
        self.assertShows(response, 'New entry was successfully posted')
        self.assertShows(response, 'Hello')
        self.assertShows(response, 'World')

    def test_the_title_is_text_and_the_text_is_markdown_and_html(self):
        response = self.add_entry('<Hello>', '*One*\nTwo <strong>three</strong><script>x</script>')
        self.assertShows(response, '&lt;Hello&gt;')
        self.assertShows(response, '<p><em>One</em><br>\nTwo <strong>three</strong></p>')

    def test_a_post_redirects_so_that_a_reload_does_not_post_again(self):
        response = self.client.post('/add', data={'title': 'Title', 'text': ''})
        self.assertStatus(response, 302)
        self.assertEqual(response.location, '/')

    def test_a_title_is_required_where_there_is_no_text(self):
        self.add_entry('Here before')
        for title in ['', ' \t\n', '\u00a0']:
            response = self.add_entry(title, ' \n ')
            self.assertStatus(response, 400)
            self.assertShows(response, 'Title is required.')
            self.assertShows(response, 'Here before')
            self.assertShows(response, '>\n \n </textarea>')

    def test_a_post_that_is_sent_again_is_stored_once(self):
        """Browsers send it again by themselves when the answer was lost."""
        for _ in range(2):
            self.assertStatus(self.add_entry('Once', 'Text', key='0123456789abcdef'), 200)
        self.assertEqual(self.titles(), ['Once'])

    def test_a_form_that_is_sent_again_with_other_words_loses_none(self):
        for title, text in [('One', ''), ('Two', ''), ('Two', 'More')]:
            self.add_entry(title, text, key='0123456789abcdef')
        self.assertEqual(self.titles(), ['Two', 'Two', 'One'])

    def test_a_form_that_is_sent_again_after_its_entry_was_deleted_stores_it(self):
        self.add_entry('Again', key='0123456789abcdef')
        self.post('/delete/1')
        self.add_entry('Again', key='0123456789abcdef')
        self.assertEqual(self.titles(), ['Again'])

    def test_the_forms_of_new_entries_have_different_keys(self):
        key = 'name="key" value="([0-9a-f]+)"'
        keys = {re.search(key, self.read_index().text)[1] for _ in range(2)}
        self.assertEqual(len(keys), 2)

    def test_nothing_is_changed_by_reading(self):
        self.add_entry('Title')
        for path in ['/add', '/delete/1', '/restore/1', '/purge/1']:
            self.assertStatus(self.client.get(path), 405)
        self.assertEqual(self.titles(), ['Title'])

    def test_what_is_not_there_cannot_be_changed(self):
        self.assertStatus(self.client.get('/edit/1'), 404)
        for path in ['/edit/1', '/delete/1', '/restore/1', '/purge/1']:
            form = {'title': 'Title', 'text': ''}
            self.assertStatus(self.client.post(path, data=form), 404)


class EditTest(FlaskrTestCase):
    def setUp(self):
        super().setUp()
        self.login()
        self.add_entry('Title', 'Text')
        self.query("update entries set created = '2026-11-21T03:04:05Z'")

    def test_the_form_has_what_was_saved(self):
        response = self.client.get('/edit/1')
        self.assertShows(response, 'value="Title"')
        self.assertShows(response, '>\nText</textarea>')

    def test_an_edit_is_on_the_page_of_the_entry(self):
        response = self.edit_entry(1, 'New title', 'New text')
        self.assertEqual(response.request.path, '/entry/1')
        self.assertShows(response, 'The entry was saved')
        self.assertShows(response, 'New title')
        self.assertShows(response, 'New text')

    def test_an_edit_keeps_the_id_and_the_time_and_tells_its_own(self):
        self.edit_entry(1, 'New title')
        ((entry_id, created, updated),) = self.query('select id, created, updated from entries')
        self.assertEqual((entry_id, created), (1, '2026-11-21T03:04:05Z'))
        self.assertRegex(updated, r'^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$')

    def test_a_title_is_required_where_there_is_no_text(self):
        response = self.edit_entry(1, ' ', ' ')
        self.assertStatus(response, 400)
        self.assertShows(response, 'Title is required.')
        self.assertEqual(self.titles(), ['Title'])
        self.assertStatus(self.edit_entry(1, ' ', 'Only a text'), 200)

    def test_an_edit_that_is_sent_again_is_no_conflict(self):
        for _ in range(2):
            self.assertStatus(self.edit_entry(1, 'New', 'Text', version=1), 200)

    def test_saving_over_a_newer_save_is_refused_and_shows_both_texts(self):
        self.edit_entry(1, 'One', 'Text from one tab', version=1)
        response = self.edit_entry(1, 'Two', 'Text from another tab', version=1)
        self.assertStatus(response, 409)
        self.assertShows(response, '>\nText from another tab</textarea>')
        self.assertShows(response, 'Text from one tab')
        self.assertEqual(self.titles(), ['One'])
        version = re.search(r'name="version" value="(\d+)"', response.text)[1]
        self.assertStatus(self.edit_entry(1, 'Both', version=version), 200)
        self.assertEqual(self.titles(), ['Both'])

    def test_what_is_saved_while_an_edit_is_looked_at_is_shown_too(self):
        def come_too_late(*values):
            self.query("update entries set text = 'From in between'")

        with mock.patch('app.update_entry', come_too_late):
            self.assertShows(self.edit_entry(1, 'New'), 'From in between')

    def test_a_version_that_is_no_number_is_refused(self):
        for version in ['x', '9' * 30]:
            self.assertStatus(self.edit_entry(1, 'New', version=version), 400)


class ShareTest(FlaskrTestCase):
    """What other programs share."""

    ADDRESS = '/share?title=A+<title>&text=Some+words&url=https://x.org/?a%26b'

    def test_the_form_is_filled_in_and_nothing_is_stored(self):
        self.add_entries('Here before')
        response = self.client.get(self.ADDRESS)
        self.assertShows(response, 'data-unsaved="shared"')
        self.assertShows(response, 'value="A &lt;title&gt;"')
        self.assertShows(response, '>\nSome words\n\nhttps://x.org/?a&amp;b</textarea>')
        response = self.client.get('/share?url=x')
        self.assertShows(response, 'name="title" value=""')
        self.assertShows(response, '>\nx</textarea>')
        self.assertEqual(self.titles('/share'), ['Here before'])

    def test_only_the_author_can_share(self):
        self.assertEqual(self.client.get(self.ADDRESS).location, '/login')

    def test_phones_are_told_how_to_install_the_blog_and_to_share_with_it(self):
        self.configure(TITLE='"Cats" & more')
        response = self.client.get('/manifest.webmanifest')
        self.assertEqual(response.mimetype, 'application/manifest+json')
        manifest = json.loads(response.text)
        self.assertEqual(manifest['name'], '"Cats" & more')
        self.assertEqual(manifest['share_target']['action'], '/share')


class PreviewTest(FlaskrTestCase):
    def preview(self, path='/preview', **more):
        form = {'title': 'My <title>', 'text': 'Some *words*', **more}
        return self.client.post(path, data=form)

    def test_what_is_typed_is_shown_as_it_will_look_and_the_form_below_it(self):
        self.login()
        response = self.preview(key='0123456789abcdef')
        self.assertShows(response, 'My &lt;title&gt;</h2>')
        self.assertShows(response, 'Some <em>words</em>')
        self.assertShows(response, 'value="My &lt;title&gt;"')
        self.assertShows(response, '>\nSome *words*</textarea>')
        self.assertShows(response, 'value="0123456789abcdef"')

    def test_nothing_is_stored_by_a_preview(self):
        self.login()
        self.client.post('/drafts/add', data={'title': 'Draft', 'text': ''})
        response = self.preview('/drafts/preview/1', version=1)
        self.assertShows(response, 'action="/drafts/edit/1"')
        self.assertShows(response, 'name="version" value="1"')
        self.add_entry('Before')
        for path, action in [('', '/add'), ('/1', '/edit/1')]:
            self.assertShows(self.preview(f'/preview{path}'), f'action="{action}"')
        self.assertEqual([self.titles(), self.titles('/drafts')], [['Before'], ['Draft']])

    def test_only_the_author_gets_a_preview_and_only_of_what_is_there(self):
        response = self.preview()
        self.assertStatus(response, 401)
        self.assertShows(response, '>\nSome *words*</textarea>')
        self.login()
        self.assertStatus(self.preview('/preview/1'), 404)


class PicturesTest(FlaskrTestCase):
    def setUp(self):
        super().setUp()
        self.login()
        convert = mock.patch('parts.gallery.convert_picture', lambda file: (file.read(), 40, 30))
        self.enterContext(convert)  # which tests/test_pictures.py tries
        self.name = hashlib.sha256(b'My picture').hexdigest()[:32]

    def add_picture(self, content=b'My picture', text='Look', client=None):
        form = {'title': '', 'text': text, 'pictures': (io.BytesIO(content), 'cat.jpg')}
        return (client or self.client).post('/preview', data=form)

    def test_a_picture_that_is_added_is_in_the_text(self):
        response = self.add_picture()
        markdown = f'![What the picture shows](/picture/{self.name}.webp)'
        self.assertShows(response, f'>\nLook\n\n{markdown}</textarea>')
        self.assertShows(response, f'src="/picture/{self.name}.webp" width="40" height="30"')

    def test_browsers_keep_a_picture_for_a_year(self):
        self.add_picture()
        reader, path = app.app.test_client(), f'/picture/{self.name}.webp'
        response = reader.get(path)
        self.assertEqual((response.data, response.mimetype), (b'My picture', 'image/webp'))
        self.assertIn('max-age=31536000', response.headers['Cache-Control'])
        headers = {'If-None-Match': response.headers['ETag']}
        self.assertStatus(reader.get(path, headers=headers), 304)
        self.assertNotIn('Set-Cookie', self.client.get(path).headers)

    def test_what_is_no_picture_is_refused_and_nothing_typed_is_lost(self):
        refusal = mock.Mock(side_effect=ValueError('it is none'))
        with mock.patch('parts.gallery.convert_picture', refusal):
            response = self.add_picture()
        self.assertStatus(response, 400)
        self.assertShows(response, 'cat.jpg: it is none')
        self.assertShows(response, '>\nLook</textarea>')

    def test_a_picture_that_is_chosen_has_to_be_added_first(self):
        self.add_entry('Title')
        form = {'title': 'Cats', 'text': 'Look', 'version': 1, 'pictures': 'cat.jpg'}
        for path in ['/add', '/edit/1']:
            response = self.client.post(path, data=form)
            self.assertShows(response, 'press “Add pictures” before')
            self.assertShows(response, '>\nLook</textarea>')

    def test_only_the_authors_pictures_may_be_larger_than_other_posts(self):
        self.configure(MAX_CONTENT_LENGTH=1000)
        large = b'x' * 2000
        self.assertStatus(self.add_picture(large), 200)
        self.assertDoesNotShow(self.add_picture(large, client=app.app.test_client()), 'Look')
        self.configure(MAX_UPLOAD_LENGTH=1000)
        response = self.add_picture(large)
        self.assertStatus(response, 413)
        self.assertShows(response, 'A picture may have 20 megabytes')

    def test_a_picture_is_deleted_once_the_author_has_seen_where_it_is_used(self):
        self.add_picture()
        self.assertShows(self.client.get('/pictures'), 'Not used anywhere')
        self.add_entry('Cats', f'![Two cats](/picture/{self.name}.webp)')
        self.assertShows(self.client.get('/feed.xml'), f'http://localhost/picture/{self.name}')
        self.client.post('/drafts/add', data={'title': 'Draft', 'text': f'/picture/{self.name}'})
        for path in ['/pictures', f'/pictures/delete/{self.name}']:
            self.assertShows(self.client.get(path), '<a href="/entry/1">Cats</a>')
            self.assertShows(self.client.get(path), '<a href="/drafts/edit/1">Draft</a>')
        response = self.post(f'/pictures/delete/{self.name}')
        self.assertEqual(response.request.path, '/pictures')
        self.assertShows(response, 'The picture is deleted forever')
        for path in ['/picture/{}.webp', '/pictures/delete/{}']:
            self.assertStatus(self.client.get(path.format(self.name)), 404)

    def test_only_the_author_sees_all_pictures(self):
        self.add_picture()
        self.logout()
        self.assertEqual(self.client.get('/pictures').location, '/login')
        self.assertStatus(self.client.post(f'/pictures/delete/{self.name}'), 401)


class DraftsTest(FlaskrTestCase):
    def setUp(self):
        super().setUp()
        self.login()
        self.keep_draft('Begun', 'A *first* line')

    def keep_draft(self, title, text='', path='/drafts/add', **more):
        form = {'title': title, 'text': text, **more}
        return self.client.post(path, data=form, follow_redirects=True)

    def test_what_is_kept_as_a_draft_is_on_the_page_of_drafts(self):
        form = {'title': 'Not yet', 'text': ''}
        self.assertEqual(self.client.post('/drafts/add', data=form).location, '/drafts')
        response = self.keep_draft('Another')
        self.assertShows(response, 'The draft was kept')
        self.assertShows(response, 'A <em>first</em> line')
        self.assertEqual(self.titles('/drafts'), ['Another', 'Not yet', 'Begun'])

    def test_no_reader_sees_a_draft(self):
        reader = app.app.test_client()
        for path in ['/', '/entry/1', '/search?q=begun', '/feed.xml', '/feed.json', '/sitemap.xml']:
            self.assertDoesNotShow(reader.get(path), 'Begun')
        for path in ['/drafts', '/drafts/edit/1', '/drafts/trash']:
            self.assertEqual(reader.get(path).location, '/login')
        for action in ['add', 'edit/1', 'share/1', 'delete/1', 'restore/1', 'purge/1']:
            form = {'title': 'Planted', 'text': ''}
            self.assertStatus(reader.post(f'/drafts/{action}', data=form), 401)
        self.assertEqual(self.titles('/drafts'), ['Begun'])

    def test_a_draft_needs_a_title_or_a_text_too(self):
        for path in ['/drafts/add', '/drafts/edit/1', '/drafts/share/1']:
            response = self.keep_draft(' ', ' ', path)
            self.assertStatus(response, 400)
            self.assertShows(response, 'Title is required.')

    def test_a_draft_is_edited_where_it_is(self):
        self.assertShows(self.client.get('/drafts/edit/1'), 'action="/drafts/edit/1"')
        response = self.keep_draft('Going on', path='/drafts/edit/1', version=1)
        self.assertEqual(response.request.path, '/drafts')
        self.assertShows(response, 'The draft was kept')
        self.assertEqual([self.titles('/drafts'), self.titles()], [['Going on'], []])

    def test_a_draft_that_is_shared_becomes_the_newest_entry(self):
        self.query("update drafts set created = '2026-11-21T03:04:05Z'")
        self.add_entry('Meanwhile')
        response = self.keep_draft('Done', 'All of it', '/drafts/share/1', version=1)
        self.assertEqual(response.request.path, '/')
        self.assertShows(response, 'New entry was successfully posted')
        self.assertDoesNotShow(response, '2026-11-21')
        self.assertEqual(self.titles(), ['Done', 'Meanwhile'])
        self.assertEqual(self.titles('/drafts'), [])

    def test_a_draft_that_is_shared_again_comes_back_in_a_form_that_stores_it_once(self):
        key = '0123456789abcdef'
        self.keep_draft('Done', path='/drafts/share/1', version=1, key=key)
        response = self.keep_draft('Done', path='/drafts/share/1', version=1, key=key)
        self.assertStatus(response, 404)
        self.assertShows(response, f'name="key" value="{key}"')
        self.add_entry('Done', key=key)
        self.assertEqual(self.titles(), ['Done'])

    def test_over_a_newer_draft_nothing_is_saved_and_nothing_is_shared(self):
        self.keep_draft('One', 'From one tab', '/drafts/edit/1', version=1)
        for path in ['/drafts/edit/1', '/drafts/share/1']:
            response = self.keep_draft('Two', 'From another tab', path, version=1)
            self.assertStatus(response, 409)
            self.assertShows(response, '>\nFrom another tab</textarea>')
            self.assertShows(response, 'From one tab')
            self.assertShows(response, 'action="/drafts/edit/1"')
        self.assertEqual([self.titles('/drafts'), self.titles()], [['One'], []])

    def test_a_draft_that_could_not_be_posted_stays_a_draft(self):
        failure = mock.patch('app.insert_entry', side_effect=sqlite3.OperationalError)
        with failure, self.assertLogs(app.app.logger, 'ERROR'):
            self.assertStatus(self.keep_draft('Done', path='/drafts/share/1'), 503)
        self.assertEqual(self.titles('/drafts'), ['Begun'])

    def test_what_is_discarded_comes_back_or_goes_forever(self):
        response = self.post('/drafts/delete/1')
        self.assertEqual(response.request.path, '/drafts')
        self.assertShows(response, 'action="/drafts/restore/1"')
        self.assertEqual([self.titles('/drafts'), self.titles('/drafts/trash')], [[], ['Begun']])
        self.assertShows(self.client.get('/drafts/trash'), '<h1>Discarded drafts</h1>')
        self.assertStatus(self.keep_draft('Done', path='/drafts/share/1'), 404)
        self.assertEqual(self.post('/drafts/restore/1').request.path, '/drafts')
        self.assertEqual(self.titles('/drafts'), ['Begun'])
        self.post('/drafts/delete/1')
        self.assertEqual(self.post('/drafts/purge/1').request.path, '/drafts/trash')
        self.assertEqual(self.query('select * from drafts'), [])


class TrashTest(FlaskrTestCase):
    def setUp(self):
        super().setUp()
        self.add_entries('First', 'Second', 'Third')
        self.query("update entries set created = '2026-11-21T03:04:05Z'")

    def test_a_deleted_entry_leaves_the_blog_at_once(self):
        self.post('/delete/2')
        self.assertEqual(self.titles(), ['Third', 'First'])
        self.assertStatus(self.client.get('/entry/2'), 404)
        self.assertStatus(self.client.get('/edit/2'), 404)

    def test_the_message_carries_an_undo_button(self):
        response = self.post('/delete/2')
        self.assertEqual(response.request.path, '/')
        self.assertShows(response, '“Second” is in the trash')
        self.assertShows(response, 'action="/restore/2"')

    def test_undo_brings_an_entry_back_as_it_was(self):
        query = 'select id, title, text, created, updated from entries order by id'
        before = self.query(query)
        self.post('/delete/2')
        response = self.post('/restore/2')
        self.assertEqual(response.request.path, '/entry/2')
        self.assertShows(response, '“Second” is back')
        self.assertEqual(self.titles(), ['Third', 'Second', 'First'])
        self.assertEqual(self.query(query), before)

    def test_the_trash_is_paged_like_the_index(self):
        self.configure(PER_PAGE=2)
        for entry_id in [1, 2, 3]:
            self.post(f'/delete/{entry_id}')
        self.assertEqual(self.titles('/trash'), ['Third', 'Second'])
        self.assertEqual(self.titles('/trash?before=2'), ['First'])

    def test_an_entry_in_the_trash_can_be_deleted_forever(self):
        self.post('/delete/2')
        self.assertEqual(self.client.post('/purge/2').location, '/trash')
        self.assertShows(self.client.get('/trash'), '“Second” is deleted forever')
        self.assertEqual(self.query('select count(*) from entries'), [(2,)])

    def test_only_what_is_in_the_trash_can_be_deleted_forever(self):
        self.assertStatus(self.post('/purge/2'), 404)
        self.assertEqual(self.titles(), ['Third', 'Second', 'First'])

    def test_a_message_tells_only_the_beginning_of_a_long_title(self):
        self.add_entry('x' * 101)
        self.assertShows(self.post('/delete/4'), f'“{"x" * 100}…” is in the trash')
        self.edit_entry(1, 'x' * 100)
        self.assertShows(self.post('/delete/1'), f'“{"x" * 100}” is in the trash')


# Views for the account ---------------------------------------------------------


class AccountTest(FlaskrTestCase):
    def test_the_author_can_log_in_and_out(self):
        response = self.client.get('/login')
        self.assertShows(response, 'name="password"')
        self.assertDoesNotShow(response, 'Error')
        self.assertShows(self.login(), 'You were logged in')
        response = self.logout()
        self.assertEqual(response.request.path, '/')
        self.assertShows(response, 'You were logged out')

    def test_a_wrong_name_is_refused(self):
        self.assertShows(self.login(username='adminx'), 'Invalid username')
        self.assertStatus(self.add_entry('Title'), 401)

    def test_a_wrong_password_is_refused(self):
        self.assertShows(self.login(password='adminx'), 'Invalid password')
        self.assertStatus(self.add_entry('Title'), 401)

    def test_a_failed_login_keeps_the_typed_name(self):
        self.assertShows(self.login(username='<me>'), 'value="&lt;me&gt;"')

    def test_logging_out_ends_the_sessions_of_other_browsers_too(self):
        phone = app.app.test_client()
        self.login(client=phone)
        self.login()
        self.logout()
        self.assertShows(self.read_index(phone), 'Log in')

    def test_a_stranger_who_logs_out_does_not_log_the_author_out(self):
        self.login()
        app.app.test_client().get('/logout')
        self.assertStatus(self.add_entry('Still here'), 200)

    def test_served_with_the_default_password_nobody_can_log_in(self):
        self.configure(TESTING=False)
        response = self.login()
        self.assertStatus(response, 403)
        self.assertShows(response, "FLASKR_PASSWORD='a password of your own'")
        self.assertStatus(self.add_entry('Title'), 401)
        self.assertStatus(self.read_index(), 200)

    def test_after_ten_failed_logins_others_have_to_wait(self):
        for _ in range(10):
            self.assertShows(self.login(password='wrong'), 'Invalid password')
        response = self.login()
        self.assertStatus(response, 429)
        wait = int(response.headers['Retry-After'])
        self.assertIn(wait, range(1, 181))
        self.assertShows(response, f'Try again in {wait} seconds')
        self.query('update failed_logins set at = at - 181')
        self.assertShows(self.login(), 'You were logged in')


# Error pages -------------------------------------------------------------------


class ErrorPagesTest(FlaskrTestCase):
    def test_an_unknown_page_is_told_as_such(self):
        for path in ['/nowhere', '/static/nowhere.css', '/static/../app.py', '/%00']:
            with self.subTest(path=path):
                self.assertPlainPage(self.client.get(path), 404, 'There is no such page')

    def test_a_page_says_that_it_does_not_take_this_kind_of_request(self):
        response = self.client.delete('/')
        self.assertPlainPage(response, 405, 'This page cannot do that')
        self.assertIn('GET', response.headers['Allow'])

    def test_a_form_with_a_missing_field_is_told_as_such(self):
        response = self.client.post('/login')
        self.assertPlainPage(response, 400, 'Part of the form is missing or wrong')

    def test_a_post_by_somebody_who_is_not_logged_in_is_told_as_such(self):
        self.assertPlainPage(self.add_entry('Title'), 401, 'You are not logged in')

    def test_an_entry_that_is_not_there_is_told_as_such(self):
        self.assertPlainPage(self.client.get('/entry/7'), 404, 'There is no such entry')

    def test_a_post_by_somebody_who_is_not_logged_in_is_not_lost(self):
        response = self.add_entry('My <title>', 'My text')
        self.assertShows(response, 'value="My &lt;title&gt;"')
        self.assertShows(response, '\nMy text</textarea>')

    def test_a_post_from_another_site_is_told_as_such(self):
        response = self.client.post('/add', headers={'Origin': 'null'})
        self.assertPlainPage(response, 403, 'This came from another site')

    def test_a_body_over_four_megabytes_is_told_as_such(self):
        self.login()
        response = self.add_entry('Title', 'x' * 4 * 1024 * 1024)
        self.assertPlainPage(response, 413, 'That is too much at once')

    def test_a_mistake_in_the_code_is_told_as_such(self):
        self.configure(PROPAGATE_EXCEPTIONS=False)
        mistake = mock.Mock(side_effect=ZeroDivisionError)
        with (
            mock.patch.dict(app.app.view_functions, index=mistake),
            self.assertLogs(app.app.logger, 'ERROR') as logs,
        ):
            response = self.read_index()
        self.assertPlainPage(response, 500, 'Something broke')
        self.assertIn('ZeroDivisionError', logs.output[0])


class DatabaseTroubleTest(FlaskrTestCase):
    """A database that fails: the reader is told, nothing typed or stored is lost."""

    def setUp(self):
        super().setUp()
        self.login()
        self.add_entry('Before the trouble')
        self.configure(DATABASE_TIMEOUT=0.01)

    def corrupt(self):
        with open(self.database, 'r+b') as file:
            file.write(b'not a database any more' * 10)

    def test_a_locked_database_gives_back_what_was_typed(self):
        with (
            contextlib.closing(sqlite3.connect(self.database)) as db,
            self.assertLogs(app.app.logger, 'ERROR') as logs,
        ):
            db.execute('begin immediate')
            response = self.add_entry('Title', 'What I typed')
        self.assertRegex(logs.output[0], '(?s)The database fails.*database is locked')
        self.assertStatus(response, 503)
        self.assertEqual(response.headers['Retry-After'], '10')
        self.assertShows(response, 'The database is busy with something else.')
        self.assertShows(response, 'value="Title"')
        self.assertShows(response, '\nWhat I typed</textarea>')
        self.assertStatus(self.add_entry('Title', 'What I typed'), 200)

    def test_a_reader_is_told_too(self):
        self.corrupt()
        with self.assertLogs(app.app.logger, 'ERROR'):
            response = self.read_index(app.app.test_client())
        self.assertStatus(response, 503)
        self.assertShows(response, 'The database is damaged')

    def test_a_reader_who_logs_out_is_told_too(self):
        self.configure(PROPAGATE_EXCEPTIONS=False)
        self.corrupt()
        with self.assertLogs(app.app.logger, 'ERROR'):
            response = app.app.test_client().get('/logout')
        self.assertStatus(response, 503)
        self.assertShows(response, 'The database is damaged')

    def test_a_url_of_another_kind_of_database_is_told_as_such(self):
        self.configure(DATABASE='mysql://localhost/blog')
        with self.assertLogs(app.app.logger, 'ERROR') as logs:
            self.assertShows(self.read_index(), 'The database cannot be used')
        self.assertIn('DATABASE_URL has to begin with', logs.output[0])


# Command line ------------------------------------------------------------------


class CommandLineTest(FlaskrTestCase):
    def setUp(self):
        super().setUp()
        self.file = os.path.join(self.enterContext(tempfile.TemporaryDirectory()), 'blog.json')

    def run_command(self, *args, typed=''):
        """Do what `flask …` does."""
        return app.app.test_cli_runner().invoke(args=args, input=typed)

    def test_init_db_says_that_it_is_done(self):
        result = self.run_command('init-db')
        self.assertEqual(result.output, 'Initialized the database.\n')
        self.assertEqual(len(self.query('select * from internals')), 1)
        self.assertEqual(result.exit_code, 0)

    def test_hash_password_prints_a_hash_that_logs_in(self):
        result = self.run_command('hash-password', typed='correct horse\ncorrect horse\n')
        self.configure(PASSWORD=result.stdout.strip())
        self.assertShows(self.login(password='correct horse'), 'You were logged in')

    def test_an_export_comes_back_as_it_was(self):
        self.add_entries('First', 'Second', 'In the trash')
        self.edit_entry(1, 'Edited', 'Some *text*')
        self.post('/delete/3')
        self.client.post('/drafts/add', data={'title': 'Begun', 'text': 'A *draft*'})
        columns = 'id, title, text, created, updated, deleted, version'
        both = (
            f'select {columns} from entries union select {columns} from drafts order by id, title'
        )
        before = self.query(both)
        self.run_command('export', self.file)
        for table in ['entries', 'drafts']:
            self.query(f'delete from {table}')
        for counts in ['Imported 4 entries; 0', 'Imported 0 entries; 4']:
            result = self.run_command('import', self.file)
            self.assertEqual(result.stdout, f'{counts} here already.\n')
            self.assertEqual(self.query(both), before)

    def test_a_zip_brings_the_pictures_too(self):
        hexadecimal = '524946461a000000574542505650384c0d0000002f00000010071011118888fe0700'
        content = bytes.fromhex(hexadecimal)  # a WebP of one pixel
        name, file = hashlib.sha256(content).hexdigest()[:32], f'{self.file}.zip'
        self.add_entries('Cats')
        self.edit_entry(1, 'Cats', f'![Two cats](/picture/{name}.webp)')
        row = name, 1, 1, '2026-11-21T03:04:06Z', content
        columns = 'name, width, height, created, content'
        self.query(f'insert into pictures ({columns}) values (?, ?, ?, ?, ?)', *row)
        self.assertIn('no room for 1 picture', self.run_command('export').stderr)
        self.run_command('export', file)
        for table in ['pictures', 'entries']:
            self.query(f'delete from {table}')
        for _ in range(2):
            self.assertEqual(self.run_command('import', file).exit_code, 0)
            self.assertEqual(self.query(f'select {columns} from pictures'), [row])
            self.assertShows(self.read_index(), f'src="/picture/{name}.webp" width="1" height="1"')

    def test_an_export_has_addresses_where_that_of_the_blog_is_known(self):
        self.add_entries('Title')
        for url, address in [(None, None), ('https://a.example', 'https://a.example/entry/1')]:
            self.configure(URL=url)
            (item,) = json.loads(self.run_command('export').stdout)['items']
            self.assertEqual(item.get('url'), address)

    def test_a_feed_from_elsewhere_comes_after_what_is_here(self):
        self.add_entries('Here')
        names = ['x', 'y', '1', '7']
        items = [{'id': name, 'title': f'Item {name}', 'content_text': ''} for name in names]
        feed = {'version': 'https://jsonfeed.org/version/1.1', 'items': items}
        pathlib.Path(self.file).write_text(json.dumps(feed))
        with mock.patch('time.sleep'):  # between the parts of an import
            self.assertEqual(self.run_command('import', self.file).exit_code, 0)
        self.assertEqual(self.titles(), ['Item 1', 'Item y', 'Item x', 'Item 7', 'Here'])

    def test_a_path_without_a_blog_is_not_taken_for_an_empty_one(self):
        self.configure(DATABASE=self.file)
        result = self.run_command('export')
        self.assertEqual(result.exit_code, 1)
        self.assertIn('there is no blog here', result.output)


# Page cache --------------------------------------------------------------------


class PageCacheTest(FlaskrTestCase):
    """What readers get is rendered once, until something changes."""

    def setUp(self):
        super().setUp()
        app.init_db()
        self.reader = app.app.test_client()

    @contextlib.contextmanager
    def rendered(self, times):
        """Assert how often the index is rendered, and not taken out of the cache."""
        view = mock.Mock(wraps=app.app.view_functions['index'])
        with mock.patch.dict(app.app.view_functions, index=view):
            yield
        self.assertEqual(view.call_count, times)

    def test_a_page_is_rendered_once(self):
        with self.rendered(1):
            pages = {self.read_index(self.reader).data for _ in range(3)}
        self.assertEqual(len(pages), 1)

    def test_it_is_rendered_anew_after_every_change(self):
        self.add_entries('First', 'Second')
        for change in [
            lambda: self.edit_entry(2, 'Changed'),
            lambda: self.post('/delete/2'),
            lambda: self.post('/restore/2'),
            lambda: self.query("update entries set title = 'By hand'"),
        ]:
            before = self.read_index(self.reader).data
            change()
            with self.rendered(1):
                pages = {self.read_index(self.reader).data for _ in range(2)}
            self.assertEqual(len(pages - {before}), 1)

    def test_what_the_author_sees_is_kept_for_nobody(self):
        self.login()
        with self.rendered(2):
            for _ in range(2):
                self.assertShows(self.read_index(), '<textarea')
        self.assertDoesNotShow(self.read_index(self.reader), '<textarea')

    def test_while_somebody_works_on_the_blog_nothing_is_kept(self):
        with mock.patch.object(app.app.jinja_env, 'auto_reload', True), self.rendered(2):
            for _ in range(2):
                self.read_index(self.reader)


# Development server ------------------------------------------------------------


class DevelopmentServerTest(FlaskrTestCase):
    def run_app_py(self, use):
        """Do what `python app.py` does, but call use(app) in place of serving."""
        environment = {'DATABASE_URL': f'sqlite:///{self.database}'}
        with (
            mock.patch('flask.Flask.run', autospec=True, side_effect=use) as run,
            mock.patch.dict(os.environ, environment),
        ):
            runpy.run_path(app.__file__, run_name='__main__')
        return run

    def test_it_restarts_when_the_code_changes_and_keeps_no_page(self):
        run = self.run_app_py(lambda app, **options: None)
        run.assert_called_once_with(mock.ANY, use_reloader=True, use_debugger=False)
        self.assertTrue(run.call_args.args[0].jinja_env.auto_reload)

    def test_it_logs_the_default_password_in(self):
        def log_in(app, **options):
            app.config.update(USERNAME='admin', PASSWORD='admin')
            self.assertShows(self.login(client=app.test_client()), 'You were logged in')

        self.run_app_py(log_in)

    def test_it_upgrades_the_database_before_it_serves(self):
        self.run_app_py(lambda app, **options: self.query('select * from internals'))

    def test_it_says_in_one_line_why_the_database_cannot_be_opened(self):
        with open(self.database, 'w') as file:
            file.write('not a database ' * 100)
        with self.assertRaisesRegex(SystemExit, f'{self.database}.*file is not a database'):
            self.run_app_py(lambda app, **options: self.fail('It served all the same'))


if __name__ == '__main__':
    unittest.main()
