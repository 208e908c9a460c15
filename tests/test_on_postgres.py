"""The blog's own tests, those of test.py, once more on Postgres."""

import os
from unittest import mock

import test
from tests import cases

# Those that name a file, lock or spoil it themselves; and how long pages are kept differs.
ON_SQLITE_ONLY = (
    test.FileTest,
    test.DatabaseTroubleTest,
    test.DevelopmentServerTest,
    test.PageCacheTest,
)


def add_twins():
    for tests in vars(test).values():
        is_blog = isinstance(tests, type) and issubclass(tests, test.FlaskrTestCase)
        if is_blog and tests not in (test.FlaskrTestCase, *ON_SQLITE_ONLY):
            cases.on_both_engines(tests, __name__)


add_twins()


class HerokuTest(cases.OnPostgres, cases.FlaskrTestCase):
    def test_on_heroku_nobody_is_told_that_entries_will_vanish(self):
        self.login()
        with mock.patch.dict(os.environ, DYNO='web.1'):
            self.assertDoesNotShow(self.read_index(), 'will vanish')
