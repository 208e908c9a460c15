"""The blog as deploy/ sets it up.

nginx, gunicorn and the nightly copy run as the files in deploy/ say. Only the folders,
the ports and the certificate are other ones, and nothing is installed.
"""

import concurrent.futures
import configparser
import contextlib
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import sqlite3
import ssl
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
import warnings

from tests.cases import FOLDER, leave_out
from tools.nginx import NGINX, Nginx, find_free_ports

PATIENCE = 20  # seconds
READERS, SECONDS = 6, 3
SLOW = 24  # clients of each kind, more than gunicorn has threads
HAS_NGINX = bool(shutil.which(NGINX) and shutil.which('openssl'))
HAS_SYSTEMD = bool(shutil.which('systemd-analyze'))

if not HAS_NGINX:
    leave_out('the tests behind nginx', 'apt-get install nginx openssl')
if not HAS_SYSTEMD:
    leave_out('the test of the units for systemd', 'apt-get install systemd')


class MachineTestCase(unittest.TestCase):
    """A machine of one's own: a folder that takes the place of / for what deploy/ names."""

    @classmethod
    def setUpClass(cls):
        temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(temporary.cleanup)
        cls.folder = pathlib.Path(temporary.name)
        cls.places = {'/opt/flaskr': f'{cls.folder}/opt', '/var/lib/flaskr': f'{cls.folder}/state'}
        ignored = shutil.ignore_patterns('.*', '*.db', '*.db-*', '__pycache__')
        shutil.copytree(FOLDER, cls.folder / 'opt', ignore=ignored)
        (cls.folder / 'opt' / '.venv').symlink_to(sys.prefix)
        (cls.folder / 'state').mkdir()
        cls.settings = cls.read_settings()
        cls.environment = {**cls.settings, 'PATH': os.environ['PATH'], 'FLASKR_PASSWORD': 'secret'}

    @classmethod
    def read(cls, name):
        """Return a file of deploy/ as it is for this machine."""
        text = (FOLDER / 'deploy' / name).read_text()
        for place, ours in cls.places.items():
            text = text.replace(place, ours)
        return text

    @classmethod
    def read_unit(cls, name):
        unit = configparser.RawConfigParser(delimiters='=')
        unit.optionxform = str
        unit.read_string(cls.read(name))
        return unit['Service']

    @classmethod
    def read_settings(cls):
        lines = shlex.split(cls.read('flaskr.env'), comments=True)
        return dict(line.split('=', 1) for line in lines)

    @classmethod
    def run_command(cls, unit, name):
        """Run what a unit says, to its end; return its exit status and what it printed."""
        command = shlex.split(unit[name].removeprefix('-'))
        return subprocess.run(
            command,
            env=cls.environment,
            cwd=unit.get('WorkingDirectory', '/'),
            umask=int(unit.get('UMask', '0022'), 8),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=PATIENCE,
        )


class ServedTestCase(MachineTestCase):
    """nginx in front of gunicorn."""

    is_cached = False

    @classmethod
    def setUpClass(cls):
        if not HAS_NGINX:
            raise unittest.SkipTest('There is no nginx')
        super().setUpClass()
        cls.gunicorn_port, cls.unused_port = find_free_ports(2)
        cls.places['127.0.0.1:8000'] = f'127.0.0.1:{cls.gunicorn_port}'
        cls.start_gunicorn()
        cls.nginx = cls.enterClassContext(Nginx(cls.gunicorn_port, cls.is_cached))
        cls.certificate = cls.nginx.folder / 'fullchain.pem'

    @classmethod
    def start_gunicorn(cls):
        """Start the service, and wait until it says that it is ready, as systemd does."""
        unit = cls.read_unit('flaskr.service')
        cls.run_command(unit, 'ExecStartPre').check_returncode()
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
            notices.bind(f'{cls.folder}/notices')
            notices.settimeout(PATIENCE)
            cls.gunicorn = subprocess.Popen(
                shlex.split(unit['ExecStart']),
                env={
                    **cls.environment,
                    'NOTIFY_SOCKET': f'{cls.folder}/notices',
                    'PORT': str(cls.unused_port),
                },
                cwd=unit['WorkingDirectory'],
                umask=int(unit['UMask'], 8),
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            cls.addClassCleanup(cls.kill_gunicorn)
            while b'READY=1' not in notices.recv(1000):
                pass

    @classmethod
    def kill_gunicorn(cls):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(cls.gunicorn.pid, signal.SIGKILL)
        cls.gunicorn.wait()

    def setUp(self):
        self.browser = self.new_browser()

    def new_browser(self):
        """Return what follows redirects and keeps cookies as browsers do."""
        cookies = urllib.request.HTTPCookieProcessor()
        tls = ssl.create_default_context(cafile=self.certificate)
        browser = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=tls), urllib.request.ProxyHandler({}), cookies
        )
        browser.cookies = cookies.cookiejar
        return browser

    def connect(self, port):
        connection = socket.create_connection(('127.0.0.1', port), timeout=PATIENCE)
        self.addCleanup(connection.close)
        return connection

    def connect_by_http(self):
        return self.connect(self.nginx.http_port)

    def connect_by_tls(self, name='localhost', tls=None):
        tls = tls or ssl.create_default_context(cafile=self.certificate)
        connection = tls.wrap_socket(self.connect(self.nginx.port), server_hostname=name)
        self.addCleanup(connection.close)
        return connection

    def new_connection(self):
        """Return a connection by HTTPS, for as many requests as one likes."""
        connection = self.nginx.connect()
        self.addCleanup(connection.close)
        return connection

    def visit(self, path, form=None):
        """Open a page or post a form, follow redirects, and give the answer and its text."""
        body = form and urllib.parse.urlencode(form).encode()
        request = urllib.request.Request(self.nginx.address + path, body)
        try:
            answer = self.browser.open(request, timeout=PATIENCE)
        except urllib.error.HTTPError as error:
            answer = error
        with answer:
            return answer, answer.read().decode()

    def log_in(self):
        return self.visit('/login', {'username': 'admin', 'password': 'secret'})

    def post(self, title, text=''):
        return self.visit('/add', {'title': title, 'text': text})

    def read_as_stranger(self, path='/'):
        author, self.browser = self.browser, self.new_browser()
        try:
            return self.visit(path)
        finally:
            self.browser = author

    def ask(self, request, connection):
        """Send the bytes of a request; return those of the answer, none if there is none."""
        connection.sendall(request)
        answer = b''
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            while part := connection.recv(10_000):
                answer += part
        return answer


class ProxyTest(ServedTestCase):
    def test_the_author_posts_and_everybody_reads(self):
        self.assertIn('You were logged in', self.log_in()[1])
        self.assertIn('successfully posted', self.post('Through nginx')[1])
        self.assertIn('Through nginx', self.read_as_stranger()[1])

    def test_the_database_is_where_the_service_may_write_and_for_nobody_else(self):
        database = self.folder / 'state' / 'flaskr.db'
        self.assertEqual(database.stat().st_mode & 0o777, 0o600)

    def test_cookies_are_for_https_only(self):
        self.log_in()
        self.assertEqual(
            {cookie.name: cookie.secure for cookie in self.browser.cookies},
            {'session': True, 'known_browser': True},
        )

    def test_browsers_are_told_to_stay_with_https(self):
        answer, _ = self.visit('/')
        self.assertEqual(answer.headers['Strict-Transport-Security'], 'max-age=31536000')

    def test_http_leads_to_the_same_page_by_https(self):
        request = b'GET //x?q=%0d HTTP/1.1\r\nHost: localhost:80\r\nConnection: close\r\n\r\n'
        answer = self.ask(request, self.connect_by_http())
        self.assertIn(b' 301 ', answer)
        self.assertIn(b'Location: https://localhost//x?q=%0d\r\n', answer)

    def test_a_certificate_can_be_renewed_by_http(self):
        challenges = self.nginx.folder / '.well-known' / 'acme-challenge'
        challenges.mkdir(parents=True)
        (challenges / 'token').write_text('proof')
        request = b'GET /.well-known/acme-challenge/token HTTP/1.0\r\nHost: localhost\r\n\r\n'
        self.assertIn(b'\r\n\r\nproof', self.ask(request, self.connect_by_http()))

    def test_another_name_gets_no_answer(self):
        other = b'GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n'
        absolute = b'GET https://evil.test/ HTTP/1.1\r\nHost: localhost\r\n\r\n'
        for request in (other, absolute, b'GET / HTTP/1.0\r\n\r\n'):
            self.assertEqual(self.ask(request, self.connect_by_http()), b'')
            self.assertEqual(self.ask(request, self.connect_by_tls()), b'')
        for name in ('evil.test', None):
            trusting = ssl.create_default_context()
            trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
            with self.assertRaisesRegex(ssl.SSLError, 'UNRECOGNIZED_NAME'):
                self.connect_by_tls(name, trusting)

    def test_the_name_of_the_server_is_what_the_blog_takes_for_its_address(self):
        request = b'GET https://localhost/feed.xml HTTP/1.1\r\nHost: evil.test:99\r\n'
        answer = self.ask(request + b'Connection: close\r\n\r\n', self.connect_by_tls())
        self.assertIn(b'https://localhost/', answer)
        self.assertNotIn(b'evil.test', answer)

    def test_no_client_says_how_it_came(self):
        for lie in ('X-Forwarded-Proto: http', 'X_Forwarded_Proto: http', 'Forwarded: proto=http'):
            with self.subTest(lie):
                head = f'GET /trash HTTP/1.1\r\nHost: localhost\r\n{lie}\r\n{lie}\r\n'
                request = f'{head}Connection: close\r\n\r\n'.encode()
                answer = self.ask(request, self.connect_by_tls())
                self.assertIn(b'Strict-Transport-Security:', answer)
                self.assertRegex(answer, b'Set-Cookie: session=.*; Secure;')

    def test_what_can_be_read_in_two_ways_is_refused(self):
        for lines in (
            'Content-Length: 4\r\nTransfer-Encoding: chunked',
            'Content-Length: 4\r\nContent-Length: 5',
            'Transfer-Encoding: xchunked',
            'Host: evil.test',
            'Content-Length : 4',
        ):
            with self.subTest(lines):
                head = f'POST /login HTTP/1.1\r\nHost: localhost\r\n{lines}\r\n'
                request = f'{head}Connection: close\r\n\r\na=b\n'.encode()
                answer = self.ask(request, self.connect_by_tls())
                self.assertRegex(answer, b'^HTTP/1.1 (400|501) ')

    def test_four_megabytes_are_stored(self):
        self.log_in()
        self.post('Long', 'x' * 4_100_000)
        with contextlib.closing(sqlite3.connect(self.folder / 'state' / 'flaskr.db')) as db:
            (length,) = db.execute("select length(text) from entries where title = 'Long'")
        self.assertEqual(length, (4_100_000,))

    def test_more_gets_the_blogs_own_page(self):
        self.log_in()
        for size in (4_200_000, 16_000_000):
            answer, page = self.post('Too long', 'x' * size)
            self.assertEqual(answer.status, 413)
            self.assertIn('At most four megabytes', page)

    def test_slow_clients_keep_nobody_waiting(self):
        self.log_in()
        starts = ['GET / HTTP/1.1\r\nHost: localhost\r\n', 'POST /login HTTP/1.1\r\n']
        starts[1] += 'Host: localhost\r\nContent-Length: 1000\r\n\r\n'
        slow = [self.connect_by_tls() for _ in range(2 * SLOW)]
        for client, start in zip(slow, starts * SLOW, strict=True):
            client.sendall(start.encode())
        for number in range(5):
            for client in slow:
                client.sendall(b'a')
            self.assertIn('successfully posted', self.post(f'Number {number}')[1])
            self.assertIn(f'Number {number}', self.read_as_stranger()[1])

    def test_a_reload_interrupts_nobody(self):
        command = shlex.split(self.read_unit('flaskr.service')['ExecReload'])
        command = [part.replace('$MAINPID', str(self.gunicorn.pid)) for part in command]
        statuses = []
        stop = time.monotonic() + SECONDS
        subprocess.run(command, check=True)
        while time.monotonic() < stop:
            statuses.append(self.visit('/')[0].status)
        self.assertEqual(set(statuses), {200})

    def test_a_port_in_the_environment_opens_nothing(self):
        for address in ('127.0.0.1', '127.0.0.2'):
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection((address, self.unused_port))
        with self.assertRaises(ConnectionRefusedError):
            socket.create_connection(('127.0.0.2', self.gunicorn_port))

    def test_browsers_may_speak_http_2(self):
        tls = ssl.create_default_context(cafile=self.certificate)
        tls.set_alpn_protocols(['h2', 'http/1.1'])
        self.assertEqual(self.connect_by_tls(tls=tls).selected_alpn_protocol(), 'h2')

    def test_old_versions_of_tls_are_refused(self):
        tls = ssl.create_default_context(cafile=self.certificate)
        tls.set_ciphers('DEFAULT:@SECLEVEL=0')
        with warnings.catch_warnings(action='ignore'):
            tls.minimum_version = ssl.TLSVersion.TLSv1
            tls.maximum_version = ssl.TLSVersion.TLSv1_1
        with self.assertRaises(ssl.SSLError):
            self.connect_by_tls(tls=tls)


class CachedProxyTest(ServedTestCase):
    """The same with the cache that nginx.conf has for readers."""

    is_cached = True

    def setUp(self):
        super().setUp()
        self.log_in()

    def read_log(self):
        """Return what the cache did, as lists of: status, method, address, cookie."""
        lines = (self.nginx.folder / 'access.log').read_text().splitlines()
        return [shlex.split(line) for line in lines]

    def wait_for_cache(self):
        time.sleep(2.1)  # seconds: what is kept for one, until the clock has ticked twice

    def test_readers_share_pages(self):
        for _ in range(20):
            self.read_as_stranger('/?shared')
        statuses = [line[0] for line in self.read_log() if line[2] == '/?shared']
        self.assertIn('HIT', statuses)

    def test_a_post_shows_after_two_seconds_and_to_its_author_at_once(self):
        self.read_as_stranger()
        self.assertIn('Just now', self.post('Just now')[1])
        self.wait_for_cache()
        self.assertIn('Just now', self.read_as_stranger()[1])
        entry = re.search('/entry/([0-9]+)', self.visit('/')[1])
        self.assertIn('Just now', self.read_as_stranger(entry[0])[1])
        self.visit(f'/delete/{entry[1]}', {'a': 'b'})
        self.wait_for_cache()
        self.assertNotIn('Just now', self.read_as_stranger()[1])
        self.assertEqual(self.read_as_stranger(entry[0])[0].status, 404)

    def test_an_error_is_not_kept(self):
        self.post('Here')
        entry = re.search('/entry/([0-9]+)', self.visit('/')[1])
        self.visit(f'/delete/{entry[1]}', {'a': 'b'})
        self.wait_for_cache()
        self.assertEqual(self.read_as_stranger(entry[0])[0].status, 404)
        self.visit(f'/restore/{entry[1]}', {'a': 'b'})
        self.assertEqual(self.read_as_stranger(entry[0])[0].status, 200)

    def test_no_cookie_is_shared(self):
        for path in ('/trash', '/logout'):
            for _ in range(5):
                connection = self.new_connection()
                connection.request('GET', path)
                answer = connection.getresponse()
                answer.read()
                self.assertEqual(answer.status, 302)
                self.assertIn('session=', answer.headers['Set-Cookie'])
        statuses = [line[0] for line in self.read_log() if line[2] in ('/trash', '/logout')]
        self.assertEqual(set(statuses), {'MISS'})

    def test_a_browser_that_has_the_page_is_told_so(self):
        connection = self.new_connection()
        connection.request('GET', '/')
        answer = connection.getresponse()
        answer.read()
        connection.request('GET', '/', headers={'If-None-Match': answer.headers['ETag']})
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.read()), (304, b''))

    def test_an_answer_without_a_page_is_not_taken_for_the_page(self):
        connection = self.new_connection()
        for method, headers in (
            ('HEAD', {}),
            ('GET', {'Range': 'bytes=0-5'}),
            ('GET', {'If-None-Match': '*'}),
            ('GET', {'If-Modified-Since': 'Fri, 01 Jan 2100 00:00:00 GMT'}),
        ):
            with self.subTest(method=method, headers=headers):
                path = f'/?{method}&{"".join(headers)}'
                connection.request(method, path, headers=headers)
                connection.getresponse().read()
                self.assertIn('</html>', self.read_as_stranger(path)[1])

    def test_no_page_of_the_author_is_shared(self):
        """Neither by the plain cookie nor by one that is written in some odd way."""
        self.visit('/')  # which shows the message of the login, and clears it
        session = next(cookie.value for cookie in self.browser.cookies if cookie.name == 'session')
        cookies = [f'session={session}', f'0; session={session}', f'a="; session={session}']
        wrong, counts = [], {'author': 0, 'reader': 0}
        stop = time.monotonic() + SECONDS

        def read(cookie):
            connection = self.new_connection()
            while time.monotonic() < stop:
                for path in ('/', '/login', '/search?q=x'):
                    connection.request('GET', path, headers={'Cookie': cookie} if cookie else {})
                    answer = connection.getresponse()
                    page = answer.read().decode()
                    is_authors = 'href="/logout"' in page
                    if is_authors != bool(cookie) or (not cookie and answer.headers['Set-Cookie']):
                        wrong.append([cookie, path, answer.status, page])
                    counts['author' if cookie else 'reader'] += 1

        people = [*cookies, *[''] * READERS]
        with concurrent.futures.ThreadPoolExecutor(len(people)) as threads:
            list(threads.map(read, people))
        self.assertEqual(wrong, [])
        self.assertGreater(min(counts.values()), 0)
        with_cookie = [line for line in self.read_log() if line[3] != '-']
        self.assertEqual({line[0] for line in with_cookie if line[1] == 'GET'}, {'BYPASS'})

    def test_what_is_given_for_a_cookie_is_not_even_stored(self):
        connection = self.new_connection()
        connection.request('GET', '/?mine', headers={'Cookie': 'a=b'})
        connection.getresponse().read()
        self.read_as_stranger('/?shared')
        kept = [path.read_bytes() for path in (self.nginx.folder / 'flaskr').iterdir()]
        self.assertTrue(any(b'/?shared' in page for page in kept))
        self.assertFalse(any(b'/?mine' in page for page in kept))


class SettingsTest(MachineTestCase):
    def test_the_blog_and_its_copies_are_of_the_same_user_with_the_same_settings(self):
        readme = (FOLDER / 'README.md').read_text()
        for name, value in [('User', 'flaskr'), ('EnvironmentFile', '/etc/flaskr.env')]:
            for unit in ('flaskr.service', 'flaskr-backup.service'):
                self.assertEqual(self.read_unit(unit)[name], value)
            self.assertRegex(readme, rf'(adduser|install) .* {value}\n')

    def test_there_is_no_password_that_all_the_world_could_read_here(self):
        self.assertEqual(self.settings['FLASKR_PASSWORD'], '')


class NightlyCopyTest(MachineTestCase):
    def setUp(self):
        self.copies = self.folder / 'state' / 'backups'
        self.copies.mkdir()
        self.addCleanup(shutil.rmtree, self.copies)

    def init_db(self):
        self.run_command(self.read_unit('flaskr.service'), 'ExecStartPre').check_returncode()
        self.addCleanup(os.unlink, self.folder / 'state' / 'flaskr.db')

    def copy(self):
        return self.run_command(self.read_unit('flaskr-backup.service'), 'ExecStart')

    def add_copies(self, count, days):
        """Put as many copies there, of which the newest is so many days old."""
        now = time.time()
        for number in range(count):
            moment = now - (days + number) * 24 * 60 * 60
            name = time.strftime('flaskr-%Y-%m-%d-%H%M%S.db', time.gmtime(moment))
            (self.copies / name).touch()
            os.utime(self.copies / name, (moment, moment))

    def test_a_copy_has_the_time_in_its_name_and_is_a_blog_for_nobody_else(self):
        self.init_db()
        result = self.copy()
        self.assertEqual((result.returncode, result.stdout), (0, ''))
        copy, *_ = self.copies.iterdir()
        self.assertRegex(copy.name, r'^flaskr-\d{4}-\d\d-\d\d-\d{6}\.db$')
        self.assertEqual(copy.stat().st_mode & 0o777, 0o600)
        with contextlib.closing(sqlite3.connect(copy)) as db:
            self.assertEqual(db.execute('select count(*) from entries').fetchone(), (0,))

    def test_a_copy_that_fails_says_so_and_removes_nothing(self):
        self.add_copies(40, days=40)
        result = self.copy()
        self.assertEqual(result.returncode, 1)
        self.assertIn('there is no blog here', result.stdout)
        self.assertEqual(len(list(self.copies.iterdir())), 40)

    def test_old_copies_go_when_there_are_thirty_newer_ones(self):
        self.init_db()
        self.add_copies(60, days=1)
        (self.copies / 'before-the-move.db').touch()
        os.utime(self.copies / 'before-the-move.db', (0, 0))
        self.assertEqual(self.copy().returncode, 0)
        names = sorted(path.name for path in self.copies.iterdir())
        self.assertEqual(len(names), 31)
        self.assertIn('before-the-move.db', names)
        oldest = time.strftime('flaskr-%Y-%m-%d', time.gmtime(time.time() - 29 * 24 * 60 * 60))
        self.assertEqual(names[1][: len(oldest)], oldest)

    def test_what_is_left_of_a_copy_that_was_stopped_goes_the_day_after(self):
        self.init_db()
        for name, days in [('flaskr-2026-01-01-030000.db.abc', 3), ('flaskr-x.db.new', 0)]:
            (self.copies / name).mkdir()
            (self.copies / name / 'part').touch()
            moment = time.time() - days * 24 * 60 * 60
            os.utime(self.copies / name, (moment, moment))
        self.assertEqual(self.copy().returncode, 0)
        self.assertFalse((self.copies / 'flaskr-2026-01-01-030000.db.abc').exists())
        self.assertTrue((self.copies / 'flaskr-x.db.new').exists())

    def test_after_a_long_time_without_copies_the_old_ones_stay(self):
        self.init_db()
        self.add_copies(29, days=400)
        self.assertEqual(self.copy().returncode, 0)
        self.assertEqual(len(list(self.copies.iterdir())), 30)

    def test_many_copies_at_once_cost_none(self):
        self.init_db()
        self.add_copies(25, days=1)
        for number in range(40):
            (self.copies / f'flaskr-2999-01-01-{number:06}.db').touch()
        self.assertEqual(self.copy().returncode, 0)
        self.assertEqual(len(list(self.copies.iterdir())), 66)


class UnitsTest(MachineTestCase):
    @classmethod
    def setUpClass(cls):
        if not HAS_SYSTEMD:
            raise unittest.SkipTest('There is no systemd')
        super().setUpClass()

    def test_systemd_understands_the_units(self):
        units = self.folder / 'units'
        units.mkdir()
        names = [path.name for path in (FOLDER / 'deploy').glob('flaskr*.[st]*')]
        self.assertEqual(len(names), 3)
        for name in names:
            (units / name).write_text(self.read(name))
        command = ['systemd-analyze', 'verify', '--man=no', *sorted(units.iterdir())]
        result = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ''))
