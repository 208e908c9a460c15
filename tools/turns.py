"""Let two processes post and read in turn for longer than test.py has time for.

    python tools/turns.py

It is the test of the page cache in which every post has to show in the other process at
once, with 5,000 posts, or as many as are told. With DATABASE_URL=postgresql://… it is on Postgres.
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from test import PageCacheTest

if __name__ == '__main__':
    PageCacheTest.turns = int(sys.argv[1]) if sys.argv[1:] else 5000
    name = 'test_every_acknowledged_post_shows_in_another_process_at_once'
    suite = unittest.TestSuite([PageCacheTest(name)])
    sys.exit(not unittest.TextTestRunner().run(suite).wasSuccessful())
