"""The tests of tools/mutants.py and tools/mutations.py: they try a module of a few lines."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'tools'))

from mutations import find_mutants

TOOL = pathlib.Path(__file__).resolve().parent.parent / 'tools' / 'mutants.py'

CHANGES = {  # of a module: what it can become
    'import a': [],
    '"""What it is for."""': [],
    'a = 1': ['pass', 'a = 2'],
    'a = 5000': ['pass', 'a = 10000'],
    'a = True': ['pass', 'a = False'],
    "a = 'b'": ['pass', "a = 'XX'"],
    "'a from b where c is null order by d desc'.e": [
        'pass',
        "'XX'.e",
        "'a from b where true order by d desc'.e",
        "'a from b where c is null order by d'.e",
    ],
    'a and b': ['pass', 'b', 'a'],
    'a < b': ['pass', 'a <= b'],
    'not a': ['pass', 'a'],
    'a if b else c': ['pass', 'a', 'c'],
    '[a, b]': ['pass', '[b]', '[a]'],
    '{a: b}': ['pass', '{}'],
    'a[:b]': ['pass', 'a[:]'],
    'a(b, *c, d=e)': ['pass', 'a(b, *c)', 'a(b, d=e)', 'a(None, *c, d=e)', 'b'],
    'a.b()': ['pass', 'a'],
    '[a for a in b if c]': ['pass', '[a for a in b]', '[a for a in b if not c]'],
    'if a:\n    b': ['pass', 'if True:\n    b', 'if a:\n    pass'],
    'if a:\n    b\nelif c:\n    d': [
        'pass',
        'if True:\n    b\nelif c:\n    d',
        'if False:\n    b\nelif c:\n    d',
        'if a:\n    pass\nelif c:\n    d',
        'if a:\n    b\nelse:\n    pass',
        'if a:\n    b\nelif True:\n    d',
        'if a:\n    b\nelif c:\n    pass',
    ],
    'with a:\n    b': ['pass', 'b', 'with a:\n    pass'],
    'try:\n    a\nfinally:\n    b': [
        'pass',
        'a\nb',
        'try:\n    pass\nfinally:\n    b',
        'try:\n    a\nfinally:\n    pass',
    ],
    'try:\n    a\nexcept b:\n    raise': [
        'pass',
        'a',
        'try:\n    pass\nexcept b:\n    raise',
        'try:\n    a\nexcept b:\n    pass',
    ],
    '@a\ndef b(c=1):\n    return': [
        'pass',
        'def b(c=1):\n    return',
        '@a\ndef b(c=2):\n    return',
        '@a\ndef b(c=1):\n    pass',
    ],
    "if __name__ == '__main__':\n    a": ['pass', "if __name__ == '__main__':\n    pass"],
}

MODULE = """\
WORD = 'about '


class Shelf:
    def name(self, title, limit=3):
        title = title.strip()
        self.seen = title  # by nobody
        if len(title) > limit:
            title = title[:limit]
        return WORD + title
"""

TESTS = """\
import tempfile
import unittest

import app


class ShelfTest(unittest.TestCase):
    def setUp(self):
        tempfile.mkstemp()

    def test_a_long_title_is_cut(self):
        self.assertEqual(app.Shelf().name('abcd'), 'about abc')

    def test_a_short_title_is_shown_as_it_is(self):
        title = 'ab '.join(['', ''])
        self.assertEqual(app.Shelf().name(title, 1000), 'about ab')
"""

SURVIVORS = [
    'Shelf.name: removed "self.seen = title"',
    'Shelf.name: "if len(title) > limit: title = title[:limit" became '
    '"if True: title = title[:limit"',
    'Shelf.name: "if len(title) > limit: title = title" became '
    '"if len(title) >= limit: title = title"',
]

TEST_OF_SEEN = """
    def test_the_title_was_seen(self):
        shelf = app.Shelf()
        shelf.name('ab')
        self.assertEqual(shelf.seen, 'ab')
"""

TEST_OF_PROGRAM = """
    def test_a_program_says_the_same(self):
        import subprocess
        import sys

        program = 'import app; print(app.Shelf().name("ab"))'
        said = subprocess.run([sys.executable, '-c', program], capture_output=True).stdout
        self.assertEqual(said, b'about ab\\n')
"""


class MutationsTest(unittest.TestCase):
    def test_a_module_changes_in_one_thing_at_a_time(self):
        for source, changed in CHANGES.items():
            with self.subTest(source):
                mutants = find_mutants(source, 'a')
                self.assertEqual([mutant.change(source) for mutant in mutants], changed)

    def test_what_is_around_the_statement_stays(self):
        source = 'def a():\n    b()  # why\n\n    # how\n    c()\n'
        changed = 'def a():\n    pass\n\n    # how\n    c()\n'
        self.assertIn(changed, [mutant.change(source) for mutant in find_mutants(source, 'a')])

    def test_no_two_mutants_have_the_same_name(self):
        names = [str(mutant) for mutant in find_mutants('a\na\n', 'b')]
        self.assertEqual(names, ['b: removed "a"', 'b: removed "a" (2)'])


class MutantsTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.write('app.py', MODULE)
        self.write('test.py', TESTS)

    def write(self, name, text):
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def excuse(self, survivors, reason="    It can't matter, since nobody looks.\n"):
        self.write('tools/mutants.txt', '\n'.join(f'{line}\n{reason}' for line in survivors))

    def run_tool(self, *arguments):
        """Try all mutants, or some; return the exit status and the lines that are printed."""
        program = [sys.executable, TOOL, '--folder', self.folder]
        done = subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=60)
        return done.returncode, done.stdout.splitlines() + done.stderr.splitlines()

    def assertFound(self, lines, *arguments):
        """Assert that this is printed, but for what sums it up."""
        status, found = self.run_tool(*arguments)
        self.assertCountEqual(found[:-1], lines)  # in the order in which processes end
        self.assertRegex(found[-1], r'^Of \d+ mutants \d+ survived')
        self.assertEqual(status, 1 if lines else 0)

    def test_what_no_test_notices_is_listed(self):
        lines = [
            f'app.py:{line} in {name}' for line, name in zip((7, 8, 8), SURVIVORS, strict=True)
        ]
        self.assertFound(lines)

    def test_what_a_test_notices_is_not(self):
        self.write('test.py', TESTS + TEST_OF_SEEN)
        self.assertFound([f'app.py:8 in {name}' for name in SURVIVORS[1:]])

    def test_an_excuse_keeps_a_survivor_off_the_list(self):
        self.excuse(SURVIVORS)
        self.assertFound([])

    def test_an_excuse_needs_a_reason(self):
        self.excuse(SURVIVORS[:2], reason='')
        self.assertEqual(len(self.run_tool()[1]), 4)

    def test_an_excuse_without_a_survivor_is_listed(self):
        for stale in ['Shelf.name: removed "return WORD + title"', 'Shelf.age: removed "pass"']:
            with self.subTest(stale):
                self.excuse([*SURVIVORS, stale])
                self.assertFound([f'No survivor needs this excuse: {stale}'])

    def test_a_function_or_a_line_can_be_tried_alone(self):
        self.excuse(SURVIVORS[1:])
        self.assertFound([], 'app')
        self.assertFound([f'app.py:7 in {SURVIVORS[0]}'], '5-7')
        self.assertFound([f'app.py:7 in {SURVIVORS[0]}'], 'Shelf')

    def test_programs_that_a_test_starts_are_mutants_too(self):
        tests = TESTS.replace('import app', 'app = None').replace(
            '(self):', '(self):\n        return'
        )
        self.write('test.py', tests + TEST_OF_PROGRAM)
        self.assertNotIn('return WORD', ''.join(self.run_tool('Shelf')[1]))

    def test_the_folder_stays_as_it_was(self):
        before = sorted(self.folder.rglob('*'))
        self.run_tool()
        self.assertEqual(sorted(self.folder.rglob('*')), before)
        self.assertEqual((self.folder / 'app.py').read_text(), MODULE)

    def test_tests_that_fail_anyway_tell_nothing(self):
        self.write('test.py', TESTS.replace('about abc', 'above'))
        status, lines = self.run_tool()
        self.assertEqual(status, 1)
        self.assertEqual(lines[-1], 'The tests have to succeed when nothing is changed.')


if __name__ == '__main__':
    unittest.main()
