"""How the one author is known: key, sessions, password, patience with failed logins."""

import hashlib
import os
from unittest import mock

from werkzeug.security import generate_password_hash

import app
from tests import cases


@cases.on_both_engines
class SessionTest(cases.FlaskrTestCase):
    """Who is logged in."""

    def cookie(self, name='session'):
        return self.client.get_cookie(name)

    def replay(self, cookie):
        """Try to post with a cookie that was kept from an earlier time."""
        client = app.app.test_client()
        client.set_cookie(cookie.key, cookie.value)
        return client.post('/add', data={'title': 'Replayed', 'text': ''})

    def test_the_cookie_of_a_session_lets_its_browser_post(self):
        self.login()
        self.assertStatus(self.replay(self.cookie()), 302)

    def test_after_logging_out_an_older_cookie_is_worth_nothing(self):
        self.login()
        cookie = self.cookie()
        self.logout()
        self.assertStatus(self.replay(cookie), 401)

    def test_logging_in_again_does_not_revive_an_older_cookie(self):
        self.login()
        cookie = self.cookie()
        self.logout()
        self.login()
        self.assertStatus(self.replay(cookie), 401)

    def test_after_the_password_changes_an_older_cookie_is_worth_nothing(self):
        self.login()
        self.configure(PASSWORD='another')
        self.assertStatus(self.replay(self.cookie()), 401)

    def test_after_the_name_changes_an_older_cookie_is_worth_nothing(self):
        self.login()
        self.configure(USERNAME='another')
        self.assertStatus(self.replay(self.cookie()), 401)

    def test_logging_in_starts_a_new_session(self):
        with self.client.session_transaction() as session:
            session['planted'] = 'by somebody else'
        self.login()
        with self.client.session_transaction() as session:
            self.assertNotIn('planted', session)

    def test_logging_out_leaves_nothing_in_the_session(self):
        self.login()
        with self.client.session_transaction() as session:
            session['left'] = 'behind'
        self.logout()
        with self.client.session_transaction() as session:
            self.assertNotIn('left', session)

    def test_the_author_stays_logged_in_when_the_browser_is_closed(self):
        self.login()
        self.assertIsNotNone(self.client.get_cookie('session').expires)

    def test_a_cookie_signed_with_another_key_is_worth_nothing(self):
        self.login()
        self.configure(SECRET_KEY='another')
        self.assertStatus(self.replay(self.cookie()), 401)

    def test_a_cookie_of_garbage_is_worth_nothing(self):
        for value in ['x', 'a.b.c', 'é', '.' * 4000]:
            with self.subTest(value=value):
                client = app.app.test_client()
                client.set_cookie('session', value)
                self.assertStatus(client.post('/add', data={'title': 'x'}), 401)

    def test_the_key_that_signs_cookies_is_random_and_kept(self):
        app.init_db()
        ((key,),) = self.query('select secret_key from internals')
        self.assertRegex(key, '^[0-9a-f]{64}$')
        app.init_db()
        self.assertEqual(self.query('select secret_key from internals'), [(key,)])

    def test_a_configured_key_comes_before_the_one_in_the_database(self):
        self.configure(SECRET_KEY='from the environment')
        self.login()
        self.query("update internals set secret_key = 'new'")
        self.assertStatus(self.add_entry('Still here'), 200)

    def test_scripts_cannot_read_the_cookies(self):
        self.login()
        for name in ['session', 'known_browser']:
            self.assertTrue(self.cookie(name).http_only)

    def test_other_sites_cannot_send_the_cookies_along_with_a_post(self):
        self.login()
        for name in ['session', 'known_browser']:
            self.assertEqual(self.cookie(name).same_site, 'Lax')

    def test_over_https_the_cookies_are_for_https_only(self):
        self.client = app.app.test_client()
        self.client.post(
            '/login', base_url='https://localhost', data={'username': 'admin', 'password': 'admin'}
        )
        for name in ['session', 'known_browser']:
            self.assertTrue(self.cookie(name).secure)

    def test_over_http_the_cookies_work_too(self):
        self.login()
        for name in ['session', 'known_browser']:
            self.assertFalse(self.cookie(name).secure)

    def test_a_reader_gets_no_cookie(self):
        self.assertNotIn('Set-Cookie', self.read_index().headers)

    def test_a_reader_of_a_page_without_entries_costs_no_look_at_the_database(self):
        self.configure(DATABASE='nowhere://')
        self.assertStatus(self.client.get('/login'), 200)
        with self.assertLogs(app.app.logger, 'ERROR'):
            self.assertStatus(self.client.get('/'), 503)


@cases.on_both_engines
class LoginTest(cases.FlaskrTestCase):
    """The form, and where it leads."""

    def log_in_from(self, path, **options):
        """Log in with the form; give where that leads."""
        form = {'username': 'admin', 'password': 'admin'}
        return self.client.post(path, data=form, **options).location

    def test_logging_out_takes_the_form_away(self):
        self.login()
        self.assertDoesNotShow(self.logout(), '<textarea')

    def test_a_blog_in_a_folder_is_not_left_either(self):
        blog = {'base_url': 'http://localhost/blog'}
        self.client.get('/trash', **blog)
        self.assertEqual(self.log_in_from('/login', **blog), '/blog/trash')

    def test_a_mistyped_password_does_not_forget_the_page_that_was_asked_for(self):
        self.client.get('/trash')
        self.login(password='wrong')
        self.assertEqual(self.log_in_from('/login'), '/trash')

    def test_no_address_says_where_a_login_leads(self):
        for target in ['https://evil.test', '//evil.test', '/./logout', '/%256cogout', '/trash']:
            self.assertEqual(self.log_in_from(f'/login?next={target}'), '/')

    def test_an_address_that_makes_no_sense_is_no_error(self):
        for query in ['before=x', 'before=%ff&x=%0d%0aSet-Cookie:x', '_external=1&_scheme=x']:
            self.assertEqual(self.client.get(f'/trash?{query}').location, '/login')
        self.assertRegex(self.log_in_from('/login'), '^/trash')

    def test_a_failed_login_does_not_keep_the_typed_password(self):
        self.assertDoesNotShow(self.login(password='secret word'), 'secret word')

    def test_a_login_with_a_missing_field_is_refused(self):
        for form in [{}, {'username': 'admin'}, {'password': 'admin'}]:
            with self.subTest(form=form):
                self.assertStatus(self.client.post('/login', data=form), 400)

    def test_served_without_a_password_the_login_page_tells_how_to_set_one(self):
        self.configure(TESTING=False)
        response = self.client.get('/login')
        self.assertStatus(response, 403)
        self.assertShows(
            response, "FLASKR_PASSWORD='a password of your own' .venv/bin/gunicorn app:app"
        )
        self.assertShows(response, 'heroku config:set FLASKR_PASSWORD=')
        self.assertDoesNotShow(response, '<form')


@cases.on_both_engines
class PasswordTest(cases.FlaskrTestCase):
    """What counts as the right name and password, and how often to try."""

    def use_hash(self, password):
        self.configure(PASSWORD=generate_password_hash(password, 'pbkdf2:sha256:1'))

    def test_the_password_may_be_configured_as_a_hash(self):
        self.use_hash('correct horse')
        self.assertShows(self.login(password='correct horse'), 'You were logged in')

    def test_a_wrong_password_does_not_match_a_hash(self):
        self.use_hash('correct horse')
        self.assertShows(self.login(password='wrong horse'), 'Invalid password')

    def test_the_hash_itself_is_not_a_password(self):
        self.use_hash('correct horse')
        self.assertShows(self.login(password=app.app.config['PASSWORD']), 'Invalid password')

    def test_a_password_need_not_be_ascii(self):
        self.configure(PASSWORD='pässwörd ✓')
        self.assertShows(self.login(password='pässwörd ✓'), 'You were logged in')

    def test_a_password_from_an_environment_that_is_not_utf8_can_be_compared(self):
        self.configure(PASSWORD=os.fsdecode(b'\xff\xfe'))
        self.assertShows(self.login(password='admin'), 'Invalid password')

    def test_odd_input_is_a_plain_failed_login(self):
        for odd in ['é', '\0', 'x' * 10_000, "' or 1=1 --"]:
            with self.subTest(odd=odd[:10]):
                self.read_index()
                self.query('delete from failed_logins')
                self.assertShows(self.login(username=odd), 'Invalid username')
                self.assertShows(self.login(password=odd), 'Invalid password')

    def test_a_wrong_name_costs_a_look_at_the_password_too(self):
        self.use_hash('correct horse')
        with mock.patch('hashlib.pbkdf2_hmac', wraps=hashlib.pbkdf2_hmac) as look:
            self.login(username='wrong')
        look.assert_called_once()

    def test_ten_failed_logins_are_let_through(self):
        self.assertStatus(self.fail_to_log_in(10), 200)

    def test_after_ten_failed_logins_nobody_new_can_try(self):
        self.fail_to_log_in(10)
        self.assertStatus(self.login(), 429)

    def test_the_form_says_how_long_to_wait_and_keeps_the_name(self):
        self.fail_to_log_in(10)
        response = self.login()
        wait = int(response.headers['Retry-After'])
        self.assertIn(wait, range(1, 181))
        self.assertShows(response, f'Try again in {wait} seconds')
        self.assertShows(response, 'value="admin"')

    def test_after_three_minutes_everybody_can_try_again(self):
        self.fail_to_log_in(10)
        self.query('update failed_logins set at = at - 181')
        self.assertShows(self.login(), 'You were logged in')

    def test_a_login_that_succeeds_does_not_count_as_failed(self):
        for _ in range(12):
            self.assertShows(self.login(), 'You were logged in')

    def test_a_browser_that_has_logged_in_before_is_not_locked_out(self):
        self.login()
        self.logout()
        self.fail_to_log_in(10, client=app.app.test_client())
        self.assertShows(self.login(), 'You were logged in')

    def test_a_browser_that_has_logged_in_before_can_fail_ten_times_too(self):
        self.login()
        self.logout()
        self.assertStatus(self.fail_to_log_in(11), 429)

    def test_a_browser_stays_known_for_a_year_under_the_same_id(self):
        self.login()
        first = self.client.get_cookie('known_browser')
        self.assertEqual(first.max_age, 365 * 24 * 60 * 60)
        self.logout()
        self.login()
        self.assertEqual(self.client.get_cookie('known_browser').value, first.value)

    def test_a_forged_cookie_does_not_make_a_known_browser(self):
        self.fail_to_log_in(10)
        self.client.set_cookie('known_browser', 'forged.signature')
        self.assertStatus(self.login(), 429)

    def test_a_forwarded_address_changes_nothing(self):
        self.fail_to_log_in(10)
        response = self.client.post(
            '/login',
            data={'username': 'admin', 'password': 'admin'},
            headers={'X-Forwarded-For': '203.0.113.7'},
        )
        self.assertStatus(response, 429)

    def test_ten_attempts_are_the_limit_for_many_processes_at_once(self):
        def attempt(number):
            for _ in range(3):
                self.login(password='wrong', client=app.app.test_client())

        self.assertEqual(self.at_once(8, attempt), [0] * 8)
        self.assertEqual(self.query('select count(*) from failed_logins'), [(10,)])

    def fail_to_log_in(self, times, client=None):
        for _ in range(times):
            response = self.login(password='wrong', client=client)
        return response

    def test_a_hash_does_not_bring_the_default_password_to_the_internet(self):
        self.configure(TESTING=False, PASSWORD=generate_password_hash('admin'))
        self.assertShows(self.login(), 'Invalid password')
