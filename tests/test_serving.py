"""A real gunicorn, and what Heroku is told."""

import concurrent.futures
import contextlib
import http.client
import itertools
import json
import os
import runpy
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

import app
from tests import cases


class SettingsTest(unittest.TestCase):
    """How gunicorn is told to serve."""

    def settings(self, **environment):
        with mock.patch.dict(os.environ, environment):
            return runpy.run_path(os.path.join(cases.FOLDER, 'gunicorn.conf.py'))

    def test_it_answers_before_heroku_gives_up_after_thirty_seconds(self):
        self.assertLess(self.settings()['timeout'], 30)
        self.assertLess(self.settings()['graceful_timeout'], 30)
        self.assertLess(app.app.config['DATABASE_TIMEOUT'], 30)

    def test_it_keeps_connections_for_longer_than_herokus_router(self):
        self.assertGreater(self.settings()['keepalive'], 90)

    def test_there_is_a_worker_for_each_core_but_two_at_least_and_four_at_most(self):
        for cores, workers in [(1, 2), (2, 2), (3, 3), (4, 4), (64, 4)]:
            with (
                self.subTest(cores=cores),
                mock.patch('os.sched_getaffinity', return_value=set(range(cores)), create=True),
            ):
                self.assertEqual(self.settings(WEB_CONCURRENCY='')['workers'], workers)

    def test_where_nobody_tells_which_cores_may_be_used_all_count(self):
        for cores, workers in [(3, 3), (None, 2)]:
            with (
                mock.patch('os.cpu_count', return_value=cores),
                mock.patch('os.sched_getaffinity', create=True),
            ):
                del os.sched_getaffinity
                self.assertEqual(self.settings(WEB_CONCURRENCY='')['workers'], workers)

    def test_the_environment_decides_about_the_workers(self):
        self.assertEqual(self.settings(WEB_CONCURRENCY='7')['workers'], '7')

    def test_heroku_is_told_how_to_start_it(self):
        self.assertEqual((cases.FOLDER / 'Procfile').read_text(), 'web: gunicorn app:app\n')

    def test_the_button_brings_a_database_a_key_and_asks_for_a_password(self):
        with open(os.path.join(cases.FOLDER, 'app.json')) as file:
            button = json.load(file)
        self.assertEqual(button['addons'], ['heroku-postgresql:essential-0'])
        self.assertEqual(button['env']['FLASKR_SECRET_KEY']['generator'], 'secret')
        self.assertNotIn('value', button['env']['FLASKR_PASSWORD'])


@cases.on_both_engines
class ServedTest(cases.ServedTestCase):
    def test_the_author_logs_in_and_posts_and_everybody_reads(self):
        self.start()
        self.log_in()
        self.post('From gunicorn')
        self.browser = self.new_browser()
        self.assertIn('From gunicorn', self.visit('/')[1])

    def test_the_default_password_is_refused(self):
        self.start(password='')
        status, page = self.log_in('admin')
        self.assertEqual(status, 403)
        self.assertIn('FLASKR_PASSWORD=', page)

    def test_a_password_of_digits_is_a_password(self):
        self.start(password='12345')
        self.assertIn('You were logged in', self.log_in('12345')[1])

    def test_workers_share_sessions_and_a_restart_keeps_them(self):
        self.start(WEB_CONCURRENCY='3')
        self.log_in()
        browser = self.browser
        self.assertEqual({self.post('Title')[0] for _ in range(12)}, {200})
        self.kill()
        self.start()
        self.browser = browser
        self.assertEqual(self.post('After the restart')[0], 200)

    def test_two_servers_share_a_blog(self):
        def at(server):
            vars(self).update(server)

        def start():
            self.start()
            self.log_in()
            names = ['server', 'address', 'port', 'browser', 'log']
            return {name: getattr(self, name) for name in names}

        one = start()
        self.addCleanup(self.kill)
        self.addCleanup(at, one)
        two = start()
        at(one)
        self.post('Posted on one')
        at(two)
        self.assertIn('Posted on one', self.visit('/')[1])
        self.visit('/edit/1', {'title': 'Edited on two', 'text': ''})
        at(one)
        self.assertIn('Edited on two', self.visit('/')[1])
        self.visit('/logout')
        at(two)
        self.assertEqual(self.post('After logging out on one')[0], 401)

    def test_workers_that_were_forked_from_a_loaded_application_serve(self):
        self.start('--preload', WEB_CONCURRENCY='2')
        self.log_in()
        self.assertEqual({self.post('Title')[0] for _ in range(6)}, {200})

    def test_port_and_options_come_from_the_environment(self):
        port = self.find_free_port()
        self.start(PORT=port, GUNICORN_CMD_ARGS='--name changed', WEB_CONCURRENCY='2')
        self.assertEqual(self.address, f'http://127.0.0.1:{port}')
        self.assertEqual(self.visit('/')[0], 200)
        self.read_log_until('Booting worker', times=2)

    def stop(self):
        self.server.terminate()
        self.server.wait(timeout=20)
        self.kill()

    def test_no_request_is_in_the_log(self):
        self.start()
        self.visit('/?in=the-log')
        self.stop()
        self.assertNotIn('in=the-log', self.log)

    def test_on_a_dyno_it_does_what_heroku_asks_for(self):
        """The buildpack for Python sets these in python.gunicorn.sh and WEB_CONCURRENCY.sh."""
        for workers in (2, 4):
            self.start(
                PORT=self.find_free_port(),
                DYNO='web.1',
                WEB_CONCURRENCY=str(workers),
                FORWARDED_ALLOW_IPS='*',
                GUNICORN_CMD_ARGS='--access-logfile -',
            )
            self.assertIn('Listening at: http://0.0.0.0:', self.log)
            self.read_log_until('Booting worker', times=workers)
            with concurrent.futures.ThreadPoolExecutor(40) as readers:
                pages = readers.map(lambda n: self.visit(f'/?page={n}')[0], range(200))
                self.assertEqual(set(pages), {200})
            if self.is_on_postgres:
                self.assertIn(self.count_connections(), range(1, 4 * workers + 1))
            self.log_in(X_Forwarded_Proto='https')
            self.assertEqual({cookie.secure for cookie in self.cookies()}, {True})
            self.stop()
            self.assertEqual(self.log.count('Booting worker'), workers)
            self.assertIn('GET /?page=199 ', self.log)
            self.assertEqual('will vanish' in self.log, not self.is_on_postgres)

    def test_nothing_else_appears_in_the_folder_or_at_home(self):
        before = {'__pycache__', *os.listdir(cases.FOLDER)}
        with tempfile.TemporaryDirectory() as home:
            self.start(HOME=home)
            self.visit('/')
            self.assertEqual(os.listdir(home), [])
        self.assertEqual(set(os.listdir(cases.FOLDER)) - before, set())

    def test_a_proxy_on_this_machine_may_say_that_a_request_came_by_https(self):
        self.start()
        self.log_in(X_Forwarded_Proto='https')
        # The cookies are for https only, so over http nobody is logged in.
        self.assertEqual(self.post('Title')[0], 401)

    def test_a_body_over_four_megabytes_gets_an_answer(self):
        self.start()
        self.log_in()
        status, page = self.post('x' * 6_000_000)
        self.assertEqual(status, 413)
        self.assertIn('too much at once', page)

    def test_a_body_without_a_length_is_taken(self):
        self.start()
        self.log_in()
        connection = self.begin_post('Transfer-Encoding: chunked')
        self.assertIn('302', self.end_post(connection, b'd\r\ntitle=A&text=\r\n0\r\n\r\n'))

    def test_a_body_without_a_length_is_not_cut_off_at_four_megabytes(self):
        self.start()
        self.log_in()
        connection = self.begin_post('Transfer-Encoding: chunked')
        body = b'5b8d8d\r\ntitle=A&text=' + b'x' * 6_000_000 + b'\r\n0\r\n\r\n'
        self.assertIn('413', self.end_post(connection, body))
        self.assertEqual(self.query('select title from entries'), [])

    def test_a_body_in_chunks_that_breaks_the_rules_is_refused(self):
        self.start()
        self.log_in()
        form = b'd\r\ntitle=A&text=\r\n'
        for body in [
            b'x\r\ntitle=A&text=\r\n0\r\n\r\n',
            b'-1\r\n',
            b'c\r\ntitle=A&text=\r\n0\r\n\r\n',
            form + b'0\r\nHost: evil.test\r\n\r\n',
            form + b'0\r\nContent-Length: 7\r\n\r\n',
            form + b'0\r\nx y: z\r\n\r\n',
            form,
            form[:9],
        ]:
            with self.subTest(body=body):
                connection = self.begin_post('Transfer-Encoding: chunked')
                self.assertIn('400', self.end_post(connection, body))
        self.assertEqual(self.query('select title from entries'), [])
        self.kill()
        self.assertNotIn('Traceback', self.log)

    def test_half_of_a_post_is_not_stored(self):
        self.start()
        self.log_in()
        connection = self.begin_post('Content-Length: 5000')
        self.assertIn('400', self.end_post(connection, b'title=Half&text=of+what+I+'))
        self.assertEqual(self.query('select title from entries'), [])

    def test_a_client_cannot_say_under_which_path_the_blog_is(self):
        self.start()
        request = b'GET /logout HTTP/1.1\r\nHost: x\r\nSCRIPT_NAME: //evil.test\r\n\r\n'
        with socket.create_connection(('127.0.0.1', self.port), timeout=20) as connection:
            connection.sendall(request)
            self.assertNotIn(b'evil.test', connection.recv(10_000))

    def test_a_slow_request_does_not_hold_up_the_others(self):
        self.start()
        self.log_in()
        self.begin_post('Content-Length: 13')
        self.assertEqual(self.visit('/')[0], 200)

    def test_on_sigterm_a_request_in_flight_finishes(self):
        self.start()
        self.log_in()
        connection = self.begin_post('Content-Length: 13')
        self.server.terminate()
        self.read_log_until('Handling signal: term')
        self.assertIn('302', self.end_post(connection, b'title=A&text='))
        self.assertEqual(self.server.wait(timeout=20), 0)
        self.assertEqual(self.query('select title from entries'), [('A',)])

    def test_nothing_acknowledged_is_lost_when_it_is_killed_under_load(self):
        acknowledged = []

        def post_until_it_dies(writer):
            with contextlib.suppress(OSError, http.client.HTTPException):
                for number in itertools.count():
                    title = f'Entry {number} of writer {writer}'
                    if self.post(title)[0] != 200:
                        break
                    acknowledged.append(title)

        self.start(WEB_CONCURRENCY='2')
        self.log_in()
        writers = [threading.Thread(target=post_until_it_dies, args=[n]) for n in range(4)]
        for writer in writers:
            writer.start()
        while len(acknowledged) < 20 and all(writer.is_alive() for writer in writers):
            time.sleep(0.01)
        self.kill()
        for writer in writers:
            writer.join()
        self.assertGreaterEqual(len(acknowledged), 20)
        self.start()
        self.assertEqual(self.visit('/')[0], 200)
        stored = {title for (title,) in self.query('select title from entries')}
        self.assertEqual(set(acknowledged) - stored, set())


class DevelopmentServerTest(unittest.TestCase):
    def test_the_database_is_beside_app_py_whatever_the_current_folder(self):
        with tempfile.TemporaryDirectory() as folder:
            for name in ['app.py', 'schema.sql']:
                shutil.copy(os.path.join(cases.FOLDER, name), folder)
            shutil.copytree(os.path.join(cases.FOLDER, 'parts'), os.path.join(folder, 'parts'))
            copy = os.path.join(folder, 'app.py')
            subprocess.run(
                [sys.executable, '-m', 'flask', '--app', copy, 'init-db'],
                env={**os.environ, 'DATABASE_URL': ''},
                cwd=tempfile.gettempdir(),
                capture_output=True,
                check=True,
            )
            self.assertIn('flaskr.db', os.listdir(folder))
