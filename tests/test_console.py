"""What a page shows of a terminal, and what commands really print."""

import json
import pathlib
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'tools'))

from console import find_difference, normalise, shorten, show

TOOLS = pathlib.Path(__file__).resolve().parent.parent / 'tools'
TESTS = '''\
import unittest

import app


class AppTest(unittest.TestCase):
    def test_it_adds(self):
        """An addition."""
        self.assertEqual(app.add(1, 2), 3)

    def test_it_prints(self):
        print('printed')


if __name__ == '__main__':
    unittest.main()
'''
RUN = """
import contextlib, json, subprocess, sys
sys.path.insert(0, sys.argv[1])
import console

console.LONGEST = float(sys.argv[2])
files, *commands = json.load(sys.stdin)
with contextlib.closing(console.Terminal()) as terminal:
    terminal.write(files)
    results = [terminal.run(words) for words in commands]
    really = subprocess.run(
        [sys.executable, 'test.py'], cwd=terminal.path, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=console.ENVIRONMENT,
    )
    results.append([really.returncode, terminal.show_paths(really.stdout).splitlines()])
print(json.dumps(results))
"""
RULE, HEADING = '-' * 70, '=' * 70


class DifferenceTest(unittest.TestCase):
    def assertDiffers(self, line, shown, printed):
        self.assertEqual(find_difference(shown.split(), printed.split()), line)

    def test_all_that_is_printed_has_to_be_shown(self):
        self.assertDiffers(None, 'a b', 'a b')
        self.assertDiffers(1, 'a b', 'a c')
        self.assertDiffers(2, 'a b', 'a b c')
        self.assertDiffers(1, 'a b', 'a')
        self.assertDiffers(0, '', 'a')
        self.assertDiffers(None, '', '')

    def test_an_ellipsis_stands_for_any_number_of_lines(self):
        for shown in ['…', 'a …', '… d', 'a … d', '… b …', 'a … c d', 'a … … d', 'a b c d …']:
            self.assertDiffers(None, shown, 'a b c d')

    def test_what_stands_round_an_ellipsis_has_to_be_printed(self):
        self.assertDiffers(2, 'a … x', 'a b c d')
        self.assertDiffers(0, 'x … d', 'a b c d')
        self.assertDiffers(3, 'a … b x … d', 'a b c d')
        self.assertDiffers(2, 'a … c', 'a b c d')
        self.assertDiffers(3, 'a b … b', 'a b')

    def test_a_line_may_be_left_out_in_part(self):
        self.assertDiffers(None, "'<html…'", "'<html><p>'")
        self.assertDiffers(0, "'<html…'", "'<p>'")

    def test_what_is_different_each_time_is_not_compared(self):
        for one, other in [
            ('Ran 1 test in 0.001s', 'Ran 1 test in 12.345s'),
            ('<object at 0x7f3190d4f4c0>', '<object at 0x7f0000000000>'),
            ('/tmp/tmpabcd1234.db', '/tmp/tmpefgh5678.db'),
        ]:
            self.assertEqual(normalise(one), normalise(other))
        shown, printed = ['[main 1a2b3c4] Start'], ['[main 5d6e7f8] Start']
        self.assertIsNone(find_difference(shown, printed, is_git=True))
        self.assertEqual(find_difference(shown, printed), 0)


class ShowTest(unittest.TestCase):
    def test_what_is_printed_takes_the_place_of_what_is_shown(self):
        self.assertEqual(show(['a', 'b'], ['a', 'c']), ['a', 'c'])

    def test_what_was_left_out_stays_so(self):
        printed = ['a', 'x', 'y', 'b', 'new']
        self.assertEqual(show(['a', '…', 'b'], printed), ['a', '…', 'b', 'new'])
        self.assertEqual(show(['…', 'b', 'old'], printed), ['…', 'b', 'new'])
        self.assertEqual(show(['old', 'a', '…'], printed), ['a', '…'])

    def test_it_ends_where_most_of_the_lines_behind_it_are_printed(self):
        printed = ['a', '<p>', '', '</p>', '', 'FAIL: t', 'b']
        self.assertEqual(show(['a', '…', '', 'FAIL: t', 'b'], printed), ['a', '…', *printed[4:]])

    def test_it_begins_where_most_of_the_lines_before_it_are_printed(self):
        printed = ['FAIL: s', RULE, 'x', 'yes', 'FAIL: t', RULE, 'y', 'no']
        shown = ['FAIL: t', RULE, '…', 'no']
        self.assertEqual(show(shown, printed), [*printed[:6], '…', 'no'])

    def test_a_test_that_fails_now_is_never_left_out(self):
        printed = ['one', 'x', '', HEADING, 'FAIL: new', '', HEADING, 'FAIL: two']
        shown = ['one', '…', '', HEADING, 'FAIL: two']
        self.assertEqual(show(shown, printed), ['one', '…', *printed[2:]])

    def test_it_stays_so_where_lines_beside_it_have_other_numbers(self):
        shown = ['line 1, in f', 'line 7, in g', '…', 'line 8, in h', '…', 'OK']
        printed = ['line 1, in f', 'line 9, in g', 'x', 'line 10, in h', 'y', 'OK']
        expected = ['line 1, in f', 'line 9, in g', '…', 'line 10, in h', '…', 'OK']
        self.assertEqual(show(shown, printed), expected)

    def test_a_line_that_differs_in_its_time_only_stays_as_it_is(self):
        self.assertEqual(show(['in 0.1s', 'a'], ['in 0.2s', 'b']), ['in 0.1s', 'b'])

    def test_all_is_shown_where_the_lines_beside_it_are_gone(self):
        for shown in [['z', '…', 'b'], ['a', '…', 'z'], ['b', '…', 'a']]:
            self.assertEqual(show(shown, ['a', 'x', 'b']), ['a', 'x', 'b'])

    def test_a_part_of_a_line_that_was_left_out_stays_so(self):
        self.assertEqual(show(["in '<p…", 'a'], ["in '<p>1</p>'", 'b']), ["in '<p…", 'b'])

    def test_frames_of_libraries_are_left_out(self):
        here, there = (
            ['  File "/home/you/flaskr/test.py", line 1, in f', '    f()'],
            ['  File "/…/flask/app.py", line 1, in g', '    g()', '    ~^^'],
        )
        printed = ['Traceback (most recent call last):', *here, *there, *there, *here, *there]
        shown = [printed[0], *here, '…', *here, '…', 'ValueError: no', '', RULE]
        self.assertEqual(shorten([*printed, 'ValueError: no', '', RULE]), shown)

    def test_of_a_page_of_html_only_the_beginning_is_shown(self):
        page = ["AssertionError: 'a' is not on the page: <!doctype html>", '<p>', '', '  <b>']
        self.assertEqual(shorten([*page, '', RULE]), [page[0], '…', '', RULE])
        line = "AssertionError: 'a' not found in '<!doctype html>"
        self.assertEqual(shorten([rf"{line}\n<p>'", '', RULE]), [f'{line}…', '', RULE])


class TerminalTest(unittest.TestCase):
    def run_commands(self, files, *commands, longest=60):
        """Return status and lines of some commands, and of what `python test.py` really prints."""
        done = subprocess.run(
            [sys.executable, '-c', RUN, TOOLS, str(longest)],
            input=json.dumps([files, *commands]),
            capture_output=True,
            text=True,
            timeout=60,
            env={'DATABASE_URL': 'x', 'FORCE_COLOR': '1', 'PATH': '/usr/bin:/bin'},
        )
        self.assertEqual(done.stderr, '')
        return json.loads(done.stdout)

    def test_the_tests_print_what_python_prints(self):
        for module in [
            'def add(a, b):\n    return a + b\n',
            'def add(a, b):\n    return a\n',
            'def add(a, b):\n    return a + c\n',
            'def add(a, b):\n    return a +\n',
            'import nothing\n',
            'raise SystemExit("the end")\n',
        ]:
            with self.subTest(module):
                ours, real = self.run_commands(
                    {'app.py': module, 'test.py': TESTS}, ['python', 'test.py']
                )
                ours, real = ([run[0], *map(normalise, run[1])] for run in (ours, real))
                self.assertEqual(ours, real)

    def test_tests_that_cannot_be_read_print_what_python_prints(self):
        ours, real = self.run_commands({'test.py': 'def'}, ['python', 'test.py'])
        self.assertEqual(ours, real)
        ours, _ = self.run_commands({}, ['python', 'test.py'])
        self.assertIn("can't open file '/home/you/flaskr/test.py'", ours[1][0])

    def test_the_tests_run_anew_each_time(self):
        program = "open('flaskr.db', 'a').write('x')\nprint(open('flaskr.db').read())\n"
        command = ['python', 'test.py']
        results = self.run_commands({'test.py': program}, command, command)
        self.assertEqual([lines for _, lines in results], [['x'], ['xx'], ['xxx']])

    def test_one_class_or_test_can_be_run(self):
        files = {'app.py': '', 'test.py': TESTS}
        command = ['python', 'test.py', 'AppTest.test_it_prints']
        (status, lines), _ = self.run_commands(files, command)
        self.assertEqual((status, lines[-1]), (0, 'OK'))

    def test_paths_are_as_on_a_page_even_where_unittest_cuts_them(self):
        program = "import os; print(os.getcwd(), os.getcwd()[:8] + '[5 chars]', '/h[')"
        (_, lines), _ = self.run_commands({}, ['python', '-c', program])
        self.assertEqual(lines, ['/home/you/flaskr /home/yo[5 chars] /h['])

    def test_nothing_of_whoever_runs_it_is_there(self):
        program = 'import os; print(*sorted(os.environ))'
        (_, lines), _ = self.run_commands({}, ['python', '-c', program])
        self.assertIn('HOME', lines[0])
        for name in ['DATABASE_URL', 'FORCE_COLOR']:
            self.assertNotIn(name, lines[0])

    def test_a_command_that_takes_too_long_is_stopped(self):
        command = ['python', '-c', 'import time; time.sleep(60)']
        (_, lines), _ = self.run_commands({}, command, longest=0.5)
        self.assertEqual(lines, ['It took longer than 0.5 seconds.'])

    def test_git_keeps_what_was_done_before(self):
        results = self.run_commands(
            {'a.txt': 'a\n'},
            ['git', 'init'],
            ['git', 'add', '.'],
            ['git', 'commit', '--message', 'Start'],
            ['git', 'log', '--format=%s by %an'],
        )
        self.assertEqual(results[3], [0, ['Start by You']])


if __name__ == '__main__':
    unittest.main()
