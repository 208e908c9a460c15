"""What keeps other sites and odd requests out."""

import urllib.parse
from unittest import mock

import flask
import werkzeug.test

import app
from tests import cases


@cases.on_both_engines
class CrossSiteTest(cases.FlaskrTestCase):
    """Requests that change something have to come from the blog's own pages.

    The rules are those of CrossOriginProtection in Go's net/http.
    """

    def setUp(self):
        super().setUp()
        self.login()

    def assertPosts(self, status, **headers):
        headers = {name.replace('_', '-'): value for name, value in headers.items()}
        response = self.client.post('/add', data={'title': 'Title', 'text': ''}, headers=headers)
        self.assertStatus(response, status)

    def test_a_post_from_the_blog_itself_is_taken(self):
        self.assertPosts(302, Sec_Fetch_Site='same-origin')

    def test_a_post_that_the_user_began_is_taken(self):
        self.assertPosts(302, Sec_Fetch_Site='none')

    def test_a_post_from_another_site_is_refused(self):
        self.assertPosts(403, Sec_Fetch_Site='cross-site')

    def test_a_post_from_a_neighbour_on_the_same_domain_is_refused(self):
        self.assertPosts(403, Sec_Fetch_Site='same-site')

    def test_a_post_with_an_unknown_fetch_site_is_refused(self):
        self.assertPosts(403, Sec_Fetch_Site='same-origin, cross-site')

    def test_the_fetch_site_comes_before_the_origin(self):
        self.assertPosts(302, Sec_Fetch_Site='same-origin', Origin='https://evil.test')
        self.assertPosts(403, Sec_Fetch_Site='cross-site', Origin='http://localhost')

    def test_without_a_fetch_site_the_origin_has_to_be_the_host(self):
        self.assertPosts(302, Origin='http://localhost')
        self.assertPosts(403, Origin='http://evil.test')

    def test_https_in_front_of_http_is_the_same_origin(self):
        self.assertPosts(302, Origin='https://localhost')

    def test_another_port_is_another_origin(self):
        self.assertPosts(403, Origin='http://localhost:8080')
        self.assertPosts(302, Origin='http://localhost:8080', Host='localhost:8080')

    def test_an_origin_that_makes_no_sense_is_refused(self):
        for origin in [
            'null',
            'localhost',
            'http://evil.test/://localhost',
            'http://[',
            'http://\xff',
            '//',
            '\\',
        ]:
            with self.subTest(origin=origin):
                self.assertPosts(403, Origin=origin)

    def test_an_origin_that_makes_no_sense_is_refused_without_a_host_too(self):
        builder = werkzeug.test.EnvironBuilder('/add', method='POST', headers={'Origin': 'null'})
        environ = builder.get_environ()
        del environ['HTTP_HOST']
        response = werkzeug.test.run_wsgi_app(app.app, environ, buffered=True)
        self.assertEqual(response[1], '403 FORBIDDEN')

    def test_a_program_that_sends_neither_header_is_taken(self):
        self.assertPosts(302)

    def test_a_refused_post_leaves_nothing_behind(self):
        self.assertPosts(403, Sec_Fetch_Site='cross-site')
        self.assertShows(self.read_index(), 'No entries yet')

    def test_what_another_site_sent_is_not_put_into_the_form(self):
        response = self.client.post(
            '/add', data={'title': 'Planted', 'text': ''}, headers={'Sec-Fetch-Site': 'cross-site'}
        )
        self.assertDoesNotShow(response, 'Planted')

    def test_another_site_cannot_log_anybody_in(self):
        response = self.client.post(
            '/login',
            data={'username': 'admin', 'password': 'admin'},
            headers={'Sec-Fetch-Site': 'cross-site'},
        )
        self.assertStatus(response, 403)

    def test_another_site_cannot_log_the_author_out(self):
        for method in ['GET', 'HEAD']:
            response = self.client.open(
                '/logout', method=method, headers={'Sec-Fetch-Site': 'cross-site'}
            )
            self.assertStatus(response, 403)
        self.assertStatus(self.add_entry('Still here'), 200)

    def test_another_site_cannot_change_an_entry(self):
        self.add_entry('Title')
        for path in ['/edit/1', '/delete/1', '/restore/1', '/purge/1']:
            headers = {'Sec-Fetch-Site': 'cross-site', 'X-Requested-With': 'XMLHttpRequest'}
            form = {'title': 'Changed', 'text': ''}
            self.assertStatus(self.client.post(path, data=form, headers=headers), 403)
        self.assertEqual(self.titles(), ['Title'])

    def test_a_picture_in_an_entry_cannot_log_the_author_out(self):
        headers = {'Sec-Fetch-Site': 'same-origin', 'Sec-Fetch-Dest': 'image'}
        self.assertStatus(self.client.get('/logout', headers=headers), 403)
        self.assertStatus(self.add_entry('Still here'), 200)

    def test_another_site_may_link_to_the_blog(self):
        response = self.client.get('/', headers={'Sec-Fetch-Site': 'cross-site'})
        self.assertStatus(response, 200)


@cases.on_both_engines
class HeadersTest(cases.FlaskrTestCase):
    def responses(self, **options):
        """Give one of every kind: a page, a redirect, a file, and errors."""
        for path in ['/', '/login', '/logout', '/static/style.css', '/static/none']:
            with self.client.get(path, **options) as response:
                yield response
        for method, path in [('GET', '/none'), ('GET', '/add'), ('OPTIONS', '/')]:
            yield self.client.open(path, method=method, **options)
        yield self.client.post('/add', **options)
        yield self.client.post('/', headers={'Origin': 'null'}, **options)
        yield self.client.get('/', headers={'Host': '..'}, **options)

    def test_every_response_forbids_foreign_scripts_frames_and_forms(self):
        policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; manifest-src 'self'; "
            "img-src 'self' https: data:; media-src 'self' https:; connect-src 'self'; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        )
        for response in self.responses():
            with self.subTest(path=response.request.path, status=response.status):
                self.assertEqual(response.headers['Content-Security-Policy'], policy)

    def test_every_response_forbids_to_guess_its_type(self):
        for response in self.responses():
            self.assertEqual(response.headers['X-Content-Type-Options'], 'nosniff')

    def test_every_response_keeps_addresses_from_other_sites(self):
        for response in self.responses():
            self.assertEqual(response.headers['Referrer-Policy'], 'same-origin')

    def test_every_response_is_asked_for_again(self):
        for response in self.responses():
            self.assertEqual(response.headers['Cache-Control'], 'no-cache')

    def test_every_response_by_https_lets_browsers_use_nothing_else_for_a_year(self):
        for response in self.responses(base_url='https://localhost'):
            header = response.headers['Strict-Transport-Security']
            self.assertEqual(header, 'max-age=31536000')

    def test_no_response_by_http_asks_for_https(self):
        for response in self.responses():
            self.assertNotIn('Strict-Transport-Security', response.headers)


@cases.on_both_engines
class AddressTest(cases.FlaskrTestCase):
    def test_a_name_that_no_address_can_be_built_with(self):
        for path in ['/', '/static/style.css', '/nowhere']:
            for host in ['..', '', ':', ':80', 'a:99999', 'a b', 'a,b', 'a@b', 'a/b', '[', '"']:
                response = self.client.get(path, headers={'Host': host})
                self.assertStatus(response, 400)
                self.assertIn('Content-Security-Policy', response.headers)

    def test_an_address_that_is_no_text(self):
        for path in ['/', '/search', '/trash', '/login', '/static/style.css', '/nowhere']:
            response = self.client.get(path, environ_overrides={'QUERY_STRING': 'q=\xff'})
            self.assertPlainPage(response, 400, 'Part of the form is missing or wrong')


@cases.on_both_engines
class BodyTest(cases.FlaskrTestCase):
    def test_a_body_of_almost_four_megabytes_is_stored(self):
        self.login()
        for letter in ['x', '\u0436']:
            text = letter * (4_190_000 // len(urllib.parse.quote(letter)))
            self.assertStatus(self.client.post('/add', data={'title': 'x', 'text': text}), 302)
        lengths = self.query('select length(text) from entries order by id')
        self.assertEqual(lengths, [(4_190_000,), (698_333,)])

    def test_the_advice_tells_what_can_be_sent(self):
        self.login()
        advice = self.add_entry('Title', 'x' * 4 * 1024 * 1024).text
        for number, letter in [('4 million', 'x'), ('650,000', 'ж'), ('450,000', '中')]:
            self.assertIn(number, advice)
            count = int(number.replace(' million', '000000').replace(',', ''))
            body = f'title=x&text={urllib.parse.quote(letter * count)}'
            self.assertLess(len(body), app.app.config['MAX_CONTENT_LENGTH'])

    def test_a_body_that_the_server_cannot_read(self):
        """As gunicorn, whose exceptions of a broken chunk are its own."""
        broken = mock.Mock(spec=['read'], read=mock.Mock(side_effect=EOFError))
        body = {'wsgi.input': broken, 'wsgi.input_terminated': True}
        response = self.client.post('/add', environ_overrides=body)
        self.assertPlainPage(response, 400, 'Part of the form is missing or wrong')

    def test_nobody_waits_for_more_than_a_body_that_is_too_large(self):
        """As on a development server, where the end of a body isn't the end of what is read."""
        endless = mock.Mock(spec=['read'])
        endless.read.side_effect = bytes
        body = {'wsgi.input': endless, 'CONTENT_LENGTH': '5000000'}
        response = self.client.post('/add', environ_overrides=body)
        self.assertPlainPage(response, 413, 'That is too much at once')
        self.assertEqual(sum(call.args[0] for call in endless.read.mock_calls), 5_000_000)

    def test_a_form_of_very_many_fields(self):
        with self.client:
            response = self.client.post('/nowhere', data=dict.fromkeys(map(str, range(102)), ''))
            self.assertStatus(response, 400)
            self.assertNotIn('typed', flask.g)  # where each field takes much memory
        self.assertStatus(self.client.post('/nowhere', data={'text': '&' * 1000}), 404)

    def test_a_form_in_parts_may_be_as_long_as_another(self):
        self.login()
        parts = [
            f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in [('title', 'x'), ('text', 'x' * 4_190_000)]
        ]
        response = self.client.post(
            '/add', data=f'{"".join(parts)}--b--', content_type='multipart/form-data; boundary=b'
        )
        self.assertStatus(response, 302)

    def test_the_author_stays_logged_in_on_an_error_page(self):
        self.login()
        response = self.add_entry('Title', 'x' * 4 * 1024 * 1024)
        self.assertDoesNotShow(response, 'Log in')

    def test_nothing_is_typed_into_the_form_by_a_request_for_it(self):
        """A cache on the way would show it to all."""
        form = {'content_type': 'application/x-www-form-urlencoded', 'data': 'username=somebody'}
        self.client.set_cookie('session', 'any')  # so that no kept page is shown
        self.assertDoesNotShow(self.client.get('/login', **form), 'somebody')
