"""tools/tutorial.py, with a tutorial of two pages on a module of a few lines."""

import contextlib
import io
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'tools'))

from checks import check_end, find_unexplained
from proof import find_python_removals, find_sql_removals

import tutorial

ADD, SAY = 'tutorial/01-add.md', 'tutorial/02-say-it.md'
TOOL = pathlib.Path(__file__).resolve().parent.parent / 'tools' / 'tutorial.py'
NEEDED = 3, 13  # of which version a page shows the output
README = """\
# Adding

1. [Add](01-add.md)
2. [Say it](02-say-it.md)
"""
FIRST = """\
# 1. Add

Nothing can be added.

## Red

`test.py`, a new file:

```python
import unittest

import app


class AppTest(unittest.TestCase):
    def test_it_adds(self):
        self.assertEqual(app.add(1, 2), 3)


if __name__ == '__main__':
    unittest.main()
```

```console
$ python test.py
…
ModuleNotFoundError: No module named 'app'
```

## Green

`app.py`, a new file:

```python
def add(a, b):
    return a + b
```

```console
$ python test.py
.
----------------------------------------------------------------------
Ran 1 test in 0.001s

OK
```

## Question

Who says it?

Next: [2. Say it](02-say-it.md)
"""
SECOND = """\
# 2. Say it

**Answer:** Nobody.

## Red

`test.py`, at the end of `AppTest`:

```python
    def test_it_is_said(self):
        self.assertEqual(app.say(1, 2), 'It is 3')
```

```console
$ python test.py
.E
======================================================================
ERROR: test_it_is_said (__main__.AppTest.test_it_is_said)
----------------------------------------------------------------------
Traceback (most recent call last):
  File "/home/you/flaskr/test.py", line 11, in test_it_is_said
    self.assertEqual(app.say(1, 2), 'It is 3')
                     ^^^^^^^
AttributeError: module 'app' has no attribute 'say'

----------------------------------------------------------------------
Ran 2 tests in 0.001s

FAILED (errors=1)
```

## Green

`app.py`, below `add`:

```python
def say(a, b):
    return f'It is {add(a, b)}'
```

## Refactor

`app.py`:

```diff
 def say(a, b):
-    return f'It is {add(a, b)}'
+    \"\"\"Say a sum.\"\"\"
+    total = add(a, b)
+    return f'It is {total}'
```

## Try it

From `README.md`:

```text
adding things
```
"""
APP = """\
def add(a, b):
    return a + b


def say(a, b):
    \"\"\"Say a sum.\"\"\"
    total = add(a, b)
    return f'It is {total}'
"""
TEST = """\
import unittest

import app


class AppTest(unittest.TestCase):
    def test_it_adds(self):
        self.assertEqual(app.add(1, 2), 3)

    def test_it_is_said(self):
        self.assertEqual(app.say(1, 2), 'It is 3')


if __name__ == '__main__':
    unittest.main()
"""
ODD_TEST = """\
`test.py`, at the end of `AppTest`:

```python
    def test_it_is_odd(self):
        self.fail()
```
"""
EVEN_TEST = """\
`test.py`:

```diff
     def test_it_is_odd(self):
-        self.fail()
+        pass
```
"""
SCHEMA = """\
`schema.sql`, a new file:

```sql
-- Numbers.
create table numbers (n);
```
"""
COMMIT = """\
$ git init
Initialized empty Git repository in /home/you/flaskr/.git/
$ git add .
$ git commit --message Add
[main (root-commit) 1a2b3c4] Add
…
"""
PROCFILE = """\
`Procfile`, a new file:

```text
web: nothing
```
"""


class TutorialTestCase(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.learner = self.folder / 'learner'
        for name, text in [
            ('tutorial/README.md', README),
            ('tutorial/01-add.md', FIRST),
            ('tutorial/02-say-it.md', SECOND),
            ('README.md', 'Once:\n\n    adding things\n'),
            ('parts/given.py', '"""Given."""\n'),
            ('.gitignore', '*.db\n'),
            ('app.py', APP),
            ('test.py', TEST),
        ]:
            self.write(name, text)

    def write(self, name, text):
        path = self.folder / 'project' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def read(self, name):
        return (self.folder / 'project' / name).read_text()

    def replace(self, name, old, new):
        text = self.read(name)
        self.assertEqual(text.count(old), 1, old)
        self.write(name, text.replace(old, new))

    def run_tool(self, *arguments):
        """Run a command; return its exit status and what it prints."""
        arguments = [str(TOOL), '--folder', str(self.folder / 'project'), *map(str, arguments)]
        with (
            mock.patch.object(sys, 'argv', arguments),
            contextlib.redirect_stdout(io.StringIO()) as output,
        ):
            try:
                tutorial.main()
            except SystemExit as end:
                return 1, output.getvalue() + str(end.code)
        return 0, output.getvalue()


@unittest.skipIf(sys.version_info[:2] != NEEDED, 'pages show what Python 3.13 prints')
class CheckTest(TutorialTestCase):
    environment = {}

    def run_tool(self, *arguments):
        """Run a command in a process of its own, with its libraries alone."""
        done = subprocess.run(
            [sys.executable, TOOL, '--folder', self.folder / 'project', *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            env=os.environ | self.environment,
        )
        return done.returncode, done.stdout

    def assertProblems(self, *problems, arguments=()):
        """Assert that these are found: the page, its line, and words of what is said."""
        status, text = self.run_tool('check', *arguments)
        found = re.findall(r'^tutorial/(.*):(\d+): (.*)', text, re.MULTILINE)
        self.assertEqual(len(found), len(problems), text)
        for (name, number, said), (page, line, words) in zip(found, problems, strict=True):
            self.assertEqual(name, page)
            self.assertIn(words, said)
            if line is not None:
                self.assertEqual(self.read(f'tutorial/{page}').split('\n')[int(number) - 1], line)
        self.assertEqual(status, 1)

    def assertPasses(self, *arguments):
        status, text = self.run_tool('check', *arguments)
        self.assertRegex(text, r'^Problems: 0 \(\d+ seconds\)\n')
        self.assertEqual(status, 0)

    def test_a_tutorial_without_a_problem_passes(self):
        self.assertPasses()

    def test_a_picture_is_missing_on_no_page(self):
        picture = self.folder / 'project/static/icon.png'
        picture.parent.mkdir()
        picture.write_bytes(b'\x89PNG')
        self.assertPasses()

    def test_what_a_command_does_not_print_is_told(self):
        self.replace(ADD, 'Ran 1 test in', 'Ran 2 tests in')
        self.assertProblems(
            ('01-add.md', 'Ran 2 tests in 0.001s', 'not what is printed: "Ran 2 tests in 0.001s"')
        )

    def test_it_is_written_in_the_page_if_that_is_wished(self):
        self.replace(ADD, 'Ran 1 test in', 'Ran 2 tests in')
        self.replace(SAY, '(errors=1)', '(errors=7)')
        self.assertPasses('--write')
        self.assertIn('\nRan 1 test in', self.read(ADD))
        self.assertIn('$ python test.py\n…\nModuleNotFoundError: No module', self.read(ADD))
        self.assertEqual(self.read(SAY).partition('Ran')[0], SECOND.partition('Ran')[0])
        self.assertIn('(errors=1)', self.read(SAY))

    def test_red_needs_what_a_terminal_shows(self):
        text = self.read(ADD)
        start, end = text.index('```console'), text.index('## Green')
        self.write(ADD, text[:start] + text[end:])
        self.assertProblems(('01-add.md', '## Red', 'Red has to end with the tests that fail'))

    def test_a_test_that_passes_too_early_is_told(self):
        self.replace(SAY, '(self):\n        self', '(self):\n        return\n        self')
        needless = 'no test fails after {} without this'.format
        self.assertProblems(
            ('02-say-it.md', '$ python test.py', 'no test fails after Red'),
            ('02-say-it.md', '$ python test.py', 'AppTest.test_it_is_said does not fail after Red'),
            ('02-say-it.md', '.E', 'not what is printed: ".E"'),
            ('02-say-it.md', 'def say(a, b):', needless('Green')),
            ('02-say-it.md', "    return f'It is {add(a, b)}'", needless('Green')),
            ('02-say-it.md', '+    total = add(a, b)', needless('Refactor')),
            ('02-say-it.md', "+    return f'It is {total}'", needless('Refactor')),
            arguments=['2'],
        )

    def test_a_test_that_fails_too_is_told(self):
        self.replace(SAY, '$ python test.py', '$ python test.py AppTest.test_it_is_said')
        self.replace(SAY, '\n.E\n', '\nE\n')
        self.replace(SAY, 'Ran 2 tests', 'Ran 1 test')
        self.replace(SAY, '```console', f'{ODD_TEST}\n```console')
        self.replace(SAY, '## Green\n', f'## Green\n\n{EVEN_TEST}')
        command = '$ python test.py AppTest.test_it_is_said'
        self.assertProblems(
            ('02-say-it.md', command, 'AppTest.test_it_is_odd fails after Red too'), arguments=['2']
        )

    def test_each_failure_is_shown_with_its_reason(self):
        page = self.read(SAY)
        start = page.index('\nTraceback')
        end = page.index('\n\n', start)
        self.write(SAY, f'{page[:start]}\n…{page[end:]}')
        self.assertProblems(('02-say-it.md', '$ python test.py', 'show the last line of what'))

    def test_an_exception_may_say_what_was_not_found(self):
        said = ['ERROR: test_it (__main__.AppTest.test_it)', 'jinja2.TemplateNotFound: a.html']
        self.assertEqual([*find_unexplained(said)], [])

    def test_a_failure_that_is_left_out_is_told(self):
        page = self.read(SAY)
        start, end = page.index('====='), page.index('\n```', page.index('====='))
        self.write(SAY, f'{page[:start]}…{page[end:]}')
        self.assertProblems(
            ('02-say-it.md', '$ python test.py', 'test_it_is_said fails after Red too')
        )

    def test_a_statement_that_nobody_leaves_out_is_told(self):
        listing = '`app.py`, at the end:\n\n```python\nunused = 1\n```\n'
        self.replace(SAY, '## Try it\n', f'## Try it\n\n{listing}')
        self.assertProblems(
            ('02-say-it.md', '## Try it', 'unused = 1 (app.py) belongs under Green or Refactor'),
            ('02-say-it.md', 'unused = 1', 'app.py does not end as it is shipped'),
        )

    def test_all_tests_have_to_pass_after_green(self):
        self.replace(ADD, 'return a + b', 'return a')
        self.assertProblems(
            ('01-add.md', '## Green', 'after Green all tests have to pass'),
            ('01-add.md', '.', 'not what is printed'),
            arguments=['1'],
        )

    def test_no_test_may_be_skipped(self):
        self.replace(ADD, '    def test', "    @unittest.skip('later')\n    def test")
        self.assertProblems(
            ('01-add.md', '## Green', 'none be skipped'),
            ('01-add.md', '.', 'not what is printed'),
            arguments=['1'],
        )

    def test_a_statement_that_no_test_needs_is_told(self):
        self.replace(SAY, "add(a, b)}'\n```", "add(a, b)}'\n\n\nspoken = 1\n```")
        self.replace(SAY, '+    total', '+    spoken = 2\n+    total')
        after = 'no test fails after {} without this: '.format
        self.assertProblems(
            ('02-say-it.md', 'spoken = 1', after('Green') + 'spoken = 1 (app.py, line 9)'),
            ('02-say-it.md', '+    spoken = 2', after('Refactor') + 'spoken = 2 (app.py, line 7)'),
            arguments=['2'],
        )

    def test_a_statement_of_the_schema_that_no_test_needs_is_told(self):
        self.replace(ADD, 'return a + b\n```\n', f'return a + b\n```\n\n{SCHEMA}')
        words = 'no test fails after Green without this: create table numbers (n); (schema.sql'
        self.assertProblems(('01-add.md', '-- Numbers.', words), arguments=['1'])

    def test_git_knows_what_was_done_on_the_page_before(self):
        self.replace(ADD, 'OK\n```', f'OK\n{COMMIT}```')
        self.replace(
            SAY, '## Try it\n', '## Try it\n\n```console\n$ git log --format=%s\nAdd\n```\n'
        )
        self.assertPasses()

    def test_the_end_is_what_is_shipped(self):
        self.write('app.py', APP.replace('total', 'sum'))
        self.write('templates/index.html', '')
        self.replace(ADD, '## Question', f'{PROCFILE}\n## Question')
        self.assertProblems(
            ('02-say-it.md', '```', 'templates/index.html is not here at the end'),
            ('01-add.md', 'web: nothing', 'Procfile is not shipped'),
            ('02-say-it.md', '+    total = add(a, b)', 'app.py does not end as it is shipped'),
        )

    def test_pages_follow_each_other(self):
        self.replace(ADD, 'Next: [2. Say it]', 'Next: [3. Say it]')
        self.replace(SAY, '# 2. Say it', '# 3. Say that')
        self.replace(SAY, '**Answer:** ', '')
        self.replace(SAY, '## Try it', '## Try')
        self.replace('tutorial/README.md', '(01-add.md)', '(01-subtract.md)')
        link = 'Next: [3. Say it](02-say-it.md)'
        self.assertProblems(
            ('01-add.md', link, 'the last line has to be "Next: [3. Say that](02-say-it.md)"'),
            ('02-say-it.md', '# 3. Say that', 'this is page 2'),
            ('02-say-it.md', '# 3. Say that', '**Answer:**'),
            ('02-say-it.md', '## Try', 'a section of a page is one of'),
            ('README.md', '1. [Add](01-subtract.md)', 'there is no page 01-subtract.md'),
            ('README.md', '2. [Say it](02-say-it.md)', 'the title of 02-say-it.md is "Say that"'),
            ('README.md', '# Adding', 'not in the list: 01-add.md'),
        )

    def test_a_link_that_leads_nowhere_is_told(self):
        line = '[Here](01-add.md), [there](../gone.py), ![a picture](x).'
        self.replace(SAY, '## Try it\n', f'## Try it\n\n{line}\n')
        self.assertProblems(('02-say-it.md', line, 'this link leads nowhere: ../gone.py'))

    def test_nothing_depends_on_who_checks_it(self):
        self.environment = {'ADDING': 'odd', 'PYTHONPATH': str(self.folder / 'project')}
        self.replace(ADD, 'import app\n', 'import app\nimport os\n')
        line = '        self.assertEqual(app.add(1, 2), 3)\n'
        self.replace(ADD, line, line + "        self.assertNotIn('ADDING', os.environ)\n")
        self.assertPasses('1')

    def test_pages_can_be_checked_alone(self):
        self.replace(ADD, 'Ran 1 test', 'Ran 2 tests')
        self.write('app.py', '')
        self.assertPasses('2')
        self.assertProblems(('', None, 'there is no page 3'), arguments=['3'])

    def test_a_page_that_cannot_be_followed_hinders_only_those_after_it(self):
        self.replace(ADD, '`app.py`, a new file', '`app.py`, a nice file')
        mistake = ('01-add.md', '```python', 'app.py is not there yet')
        hindered = ('02-say-it.md', '# 2. Say it', 'not checked, since 01-add.md')
        self.assertProblems(mistake, hindered, arguments=['2'])
        self.assertProblems(mistake, arguments=['1'])

    def test_a_page_that_cannot_be_followed_is_told_and_those_before_it_are_checked(self):
        self.replace(ADD, 'Ran 1 test', 'Ran 2 tests')
        self.replace(SAY, 'below `add`', 'below `sub`')
        self.assertProblems(
            ('01-add.md', 'Ran 2 tests in 0.001s', 'not what is printed'),
            ('02-say-it.md', '```python', 'no statement that is called `sub`'),
        )


class ProofTest(unittest.TestCase):
    """What is left out of the files of a page, one thing at a time."""

    def assertLeftOut(self, old, new, *left):
        """Assert that these are the texts without something."""
        find = find_sql_removals if new.startswith('-') else find_python_removals
        self.assertEqual([removal.change(new) for removal in find(old, new)], [*left])

    def test_each_new_statement(self):
        self.assertLeftOut('a\n', 'a\nb\nimport c\n', 'a\npass\nimport c\n', 'a\nb\npass\n')

    def test_no_docstring_and_nothing_that_does_nothing(self):
        self.assertLeftOut('', '"""Doc."""\npass\n')

    def test_a_statement_of_which_a_line_is_new(self):
        self.assertLeftOut('é = [\n  1,\n]; b\n', 'é = [\n  2,\n]; b\n', 'pass; b\n')

    def test_a_block_whose_first_line_is_new(self):
        self.assertLeftOut('if a:\n    b\n', 'if a:\n    c\n', 'if a:\n    pass\n')
        self.assertLeftOut('if a:\n    b\n', 'if c:\n    b\n', 'pass\n')

    def test_another_condition(self):
        old, new = 'if a:\n    b\n', 'if a:\n    b\nelif c:\n    pass\nelse:\n    d\n'
        self.assertLeftOut(old, new, 'if a:\n    b\nelse: pass\n', new.replace('    d', '    pass'))

    def test_a_new_decorator(self):
        self.assertLeftOut('def f():\n    a\n', '@b\ndef f():\n    a\n', '\ndef f():\n    a\n')

    def test_statements_of_a_schema(self):
        old = '-- A.\ncreate a;\n'
        new = '-- What a is.\ncreate a;\n\n-- B.\ncreate b (\n  c\n);\n'
        self.assertLeftOut(old, new, '-- What a is.\ncreate a;\n\n')


class StartTest(TutorialTestCase):
    def test_the_first_step_begins_with_what_is_given(self):
        status, text = self.run_tool('start', self.learner)
        self.assertEqual(status, 0)
        self.assertIn(f'cd {self.learner}', text)
        self.assertIn('tutorial/01-add.md', text)
        files = {path.name for path in self.learner.rglob('*') if path.is_file()}
        self.assertEqual(files, {'given.py', '.gitignore'})

    def test_pictures_are_given_as_they_are(self):
        picture = self.folder / 'project/static/icon.png'
        picture.parent.mkdir()
        picture.write_bytes(b'\x89PNG\r\n')
        self.run_tool('start', self.learner)
        self.assertEqual((self.learner / 'static/icon.png').read_bytes(), b'\x89PNG\r\n')

    def test_a_later_step_begins_with_what_was_typed(self):
        self.assertEqual(self.run_tool('start', self.learner, '--step', 2)[0], 0)
        self.assertEqual((self.learner / 'app.py').read_text(), APP[: APP.index('\n\n')] + '\n')

    def test_nothing_is_overwritten(self):
        self.learner.mkdir()
        (self.learner / 'app.py').write_text('mine')
        status, text = self.run_tool('start', self.learner)
        self.assertEqual(
            (status, text),
            (1, f'{self.learner} is there already. Say a folder that is new or empty.'),
        )
        self.assertEqual((self.learner / 'app.py').read_text(), 'mine')

    def test_an_empty_folder_will_do(self):
        self.learner.mkdir()
        self.assertEqual(self.run_tool('start', self.learner)[0], 0)

    def test_there_is_no_step_after_the_last_one(self):
        status, text = self.run_tool('start', self.learner, '--step', 3)
        self.assertEqual((status, text), (1, 'There is no step 3; the last one is 2.'))


class StatusTest(TutorialTestCase):
    def setUp(self):
        super().setUp()
        self.run_tool('start', self.learner, '--step', 2)

    def assertStatus(self, where, following):
        status, text = self.run_tool('status', self.learner)
        lines = text.splitlines()
        self.assertEqual(lines[0], f'{self.learner} is {where}.')
        self.assertEqual(lines[-1], following)
        self.assertEqual(status, 0)
        return lines[1:-1]

    def test_a_folder_is_where_its_files_say(self):
        after = 'at step 1, Add, after "Green"'
        self.assertEqual(
            self.assertStatus(after, 'The next step is Say it: tutorial/02-say-it.md'), []
        )
        (self.learner / 'test.py').write_text(TEST)
        after = 'at step 2, Say it, after "Red"'
        self.assertEqual(
            self.assertStatus(after, 'Go on with "Green" in tutorial/02-say-it.md.'), []
        )
        (self.learner / 'app.py').write_text(APP)
        after = 'at step 2, Say it, after "Try it"'
        self.assertEqual(
            self.assertStatus(after, 'That was the last step: this is the blog as it is shipped.'),
            [],
        )

    def test_it_is_told_what_differs_from_the_nearest_point(self):
        (self.learner / 'test.py').write_text(TEST)
        (self.learner / 'app.py').write_text(APP.replace('total', 'sum'))
        (self.learner / 'flaskr.db').write_text('not of the tutorial')
        lines = self.assertStatus(
            'near step 2, Say it, after "Try it"',
            'Put that right first, or finish what you are at on the page.',
        )
        self.assertEqual(lines[2], 'app.py')
        self.assertIn('    -    total = add(a, b)', lines)
        self.assertIn('    +    sum = add(a, b)', lines)

    def test_a_folder_that_was_just_made_is_at_its_beginning(self):
        self.learner = self.folder / 'another'
        self.run_tool('start', self.learner)
        self.assertStatus(
            'at step 1, Add, before you begin', 'Go on with "Red" in tutorial/01-add.md.'
        )

    def test_a_folder_that_is_not_there_is_told_as_such(self):
        status, text = self.run_tool('status', self.folder / 'nowhere')
        self.assertEqual((status, text), (1, f'There is no folder {self.folder / "nowhere"}.'))

    def test_another_folder_is_told_as_such(self):
        (self.folder / 'other').mkdir()
        (self.folder / 'other' / 'app.py').write_text('import this\n')
        status, text = self.run_tool('status', self.folder / 'other')
        self.assertEqual(status, 1)
        self.assertIn('is no folder of the tutorial', text)


class BlameTest(TutorialTestCase):
    def test_a_line_is_traced_to_its_page(self):
        for place, line in [
            ('app.py:1', 'tutorial/01-add.md:35: Green: def add(a, b):\n'),
            ('app.py:8', "tutorial/02-say-it.md:50: Refactor:     return f'It is {total}'\n"),
            ('test.py:10', 'tutorial/02-say-it.md:10: Red:     def test_it_is_said(self):\n'),
        ]:
            self.assertEqual(self.run_tool('blame', place), (0, line))

    def test_a_line_is_traced_from_where_it_is_now(self):
        self.write('app.py', f'import os\n{APP.replace("total", "sum")}')
        status, text = self.run_tool('blame', 'app.py:2')
        self.assertEqual((status, text), (0, 'tutorial/01-add.md:35: Green: def add(a, b):\n'))
        status, text = self.run_tool('blame', 'app.py:8')
        self.assertIn('No page has this line', text)
        self.assertIn('tutorial/02-say-it.md:49: Refactor:     total = add(a, b)', text)

    def test_a_line_that_no_page_has_written_is_told(self):
        for place, words in [
            ('app.py:9', 'There is no such line: app.py has 8.'),
            ('nothing.py:1', 'nothing.py is no file of the tutorial'),
            ('parts/given.py:1', 'is there from the beginning'),
            ('app.py', 'as app.py:120'),
        ]:
            status, text = self.run_tool('blame', place)
            self.assertEqual(status, 1)
            self.assertIn(words, text)


class FlaskrTest(unittest.TestCase):
    """The pages of this repository; whether each shows what is printed, .ci/run checks."""

    def test_who_types_all_of_it_has_the_files_that_are_shipped(self):
        pages = tutorial.replay(tutorial.FOLDER)
        problems = [problem for page in pages for problem in page.problems]
        problems += check_end(tutorial.FOLDER, pages)
        self.assertEqual(len(problems), 0, '\n'.join(map(str, problems)))


if __name__ == '__main__':
    unittest.main()
