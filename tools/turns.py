"""Let two processes post and read in turn for longer than test.py has time for.

    python tools/turns.py 5000

It is the test of the page cache in which every post has to show in the other process at
once, with as many posts as are told. With DATABASE_URL=postgresql://… it is on Postgres.
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from test import PageCacheTest

if __name__ == '__main__':
    PageCacheTest.turns = int(sys.argv[1])
    name = 'test_every_acknowledged_post_shows_in_another_process_at_once'
    suite = unittest.TestSuite([PageCacheTest(name)])
    sys.exit(not unittest.TextTestRunner().run(suite).wasSuccessful())
