"""Let two processes post and read in turn for longer than the tests have time for.

    python tools/turns.py

It is the test in which every post has to show in the other process at once, with 5,000
posts, or as many as are told.
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from tests import test_databases

if __name__ == '__main__':
    test_databases.FileWatchTest.turns = int(sys.argv[1]) if sys.argv[1:] else 5000
    loader = unittest.TestLoader()
    loader.testNamePatterns = ['*.test_every_acknowledged_post_shows_in_another_process_at_once']
    tests = loader.loadTestsFromModule(test_databases)
    sys.exit(not unittest.TextTestRunner().run(tests).wasSuccessful())
