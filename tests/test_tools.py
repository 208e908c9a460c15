"""Programs for those who work on Flaskr."""

import contextlib
import os
import re
import sqlite3
import subprocess
import sys
import tempfile

import app
from tests import cases
from tools import bare


@cases.on_both_engines
class BareTest(cases.FlaskrTestCase):
    def test_the_template_with_constants_gives_the_same_index(self):
        self.add_entries('First', 'Second')
        pages = [app.app.test_client().get('/'), bare.template().test_client().get('/')]
        index, constant = (page.get_data(as_text=True).partition('<main>')[2] for page in pages)
        self.assertIn('Second', index)
        self.assertEqual(index, constant)

    def test_the_tutorials_app_shows_all_entries(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, 'flaskr.db')
            client = bare.tutorial(path).test_client()
            with contextlib.closing(sqlite3.connect(path)) as db:
                db.executescript(cases.TUTORIAL_SCHEMA)
                insert = 'insert into entries (title, text) values (?, ?)'
                db.executemany(insert, [(f'Title {n}', '<b>Text</b>') for n in range(30)])
                db.commit()
            page = client.get('/').get_data(as_text=True)
        titles = re.findall('<h2>(.*)</h2><b>Text</b>', page)
        self.assertEqual(titles, [f'Title {n}' for n in reversed(range(30))])

    def test_it_says_what_is_missing(self):
        benchmark = subprocess.run(
            [sys.executable, os.path.join(cases.FOLDER, 'tools', 'benchmark.py')],
            env={**os.environ, 'PATH': ''},
            capture_output=True,
            text=True,
        )
        self.assertEqual(benchmark.returncode, 1)
        self.assertEqual(benchmark.stdout, '')
        self.assertEqual(
            benchmark.stderr,
            'wrk is missing: install it first, on Debian with apt-get install wrk\n',
        )
