"""How the pages of the tutorial are followed: small ones, made up here."""

import pathlib
import sys
import tempfile
import textwrap
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / 'tools'))

from edits import join
from replay import replay

MODULE = '''\
"""A shelf."""

import os

LONGEST = 10
SHORTEST = 1


def lend(book):
    return book


# Given back.
@checked
def take(book):
    pass


class Shelf:
    width = 1

    def add(self):
        pass

    def clear(self):
        pass


if __name__ == '__main__':
    lend(1)
'''


def fence(language, text):
    return '\n'.join([f'```{language}', text.removesuffix('\n'), '```', ''])


class ReplayTestCase(unittest.TestCase):
    """A project's folder with a tutorial of one page or more."""

    def setUp(self):
        self.project = pathlib.Path(self.enterContext(tempfile.TemporaryDirectory()))
        self.write('README.md', 'Type this:\n\n    heroku create\n    git push\n')

    def write(self, name, text):
        path = self.project / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)

    def follow(self, *listings):
        """Follow a page with these below each other; return it."""
        body = '\n'.join(listings)
        self.write('tutorial/01-shelf.md', f'# 1. A shelf\n\n## Red\n\n{body}')
        return replay(self.project)[0]

    def edit(self, place, text, name='app.py', old=MODULE, language='python'):
        """Return a file after a listing with this text, which may be indented here."""
        listings = [f'`{name}`, a new file:\n\n{fence(language, old)}'] if old is not None else []
        place = f', {place}' if place else ''
        text = textwrap.dedent(text)
        page = self.follow(*listings, f'`{name}`{place}:\n\n{fence(language, text)}')
        self.assertEqual(page.problems, [])
        return join(page.after['Red'][name])

    def change(self, text, old=MODULE):
        """Return app.py after a difference."""
        page = self.follow(f'`app.py`, a new file:\n\n{fence("python", old)}', difference(text))
        self.assertEqual(page.problems, [])
        return join(page.after['Red']['app.py'])

    def assertMistake(self, line, words, *listings):
        """Assert that what these listings say can't be done, and where it is said why."""
        page = self.follow(*listings)
        self.assertIsNone(page.after)
        found = [(problem.line, words in problem.text) for problem in page.problems]
        self.assertEqual(found, [(line, True)], page.problems)


def difference(text):
    return f'`app.py`:\n\n{fence("diff", textwrap.dedent(text))}'


APP = f'`app.py`, a new file:\n\n{fence("python", MODULE)}'
NEXT = 5 + APP.count('\n') + 3  # the line of the fence of a listing below it


class PlaceTest(ReplayTestCase):
    def test_a_new_file_is_what_is_typed(self):
        self.assertEqual(self.edit('a new file', 'a = 1\n', old=None), 'a = 1\n')

    def test_the_whole_file_is_replaced(self):
        self.assertEqual(self.edit('the whole file', 'a = 1\n'), 'a = 1\n')

    def test_a_function_stands_between_two_empty_lines(self):
        for place, before, after in [
            ('below `LONGEST`', 'LONGEST = 10', 'SHORTEST = 1'),
            ('below `lend`', '    return book', '# Given back.'),
            ('above `take`', '    return book', '# Given back.'),
            ('above `if __name__`', '        pass', "if __name__ == '__main__':"),
        ]:
            with self.subTest(place):
                text = self.edit(place, '# Why.\ndef f():\n    pass\n')
                wanted = f'{before}\n\n\n# Why.\ndef f():\n    pass\n\n\n{after}\n'
                self.assertIn(wanted, text)

    def test_another_statement_stands_between_empty_lines(self):
        text = self.edit('below `import os`', 'import sys\n')
        self.assertIn('\nimport os\n\nimport sys\n\nLONGEST = 10\n', text)
        text = self.edit('above `LONGEST`', '# Limits ----\n\nMIDDLE = 5\n')
        self.assertIn('import os\n\n# Limits ----\n\nMIDDLE = 5\n\nLONGEST = 10\n', text)

    def test_two_empty_lines_part_a_definition_from_what_follows_it(self):
        text = self.edit('below `take`', 'taken = 0\n')
        self.assertIn('    pass\n\n\ntaken = 0\n\n\nclass Shelf', text)

    def test_one_empty_line_parts_methods(self):
        method = '    def find(self):\n        pass\n'
        for place, before, after in [
            ('below `Shelf.add`', '        pass\n\n', '\n    def clear'),
            ('above `Shelf.add`', 'width = 1\n\n', '\n    def add'),
            ('below `Shelf.width`', 'width = 1\n\n', '\n    def add'),
            ('above `Shelf.width`', 'class Shelf:\n', '\n    width = 1\n'),
            ('at the end of `Shelf`', '        pass\n\n', '\n\nif __name__'),
        ]:
            with self.subTest(place):
                page = self.follow(APP, f'`app.py`, {place}:\n\n{fence("python", method)}')
                self.assertIn(f'{before}{method}{after}', join(page.after['Red']['app.py']))

    def test_what_is_replaced_takes_its_decorators_and_comments_along(self):
        text = self.edit('in place of `take`', 'def take():\n    pass\n')
        self.assertIn('    return book\n\n\ndef take():\n    pass\n\n\nclass', text)

    def test_lines_that_stood_close_together_still_do(self):
        text = self.edit('in place of `SHORTEST`', 'SHORTEST = 2\n')
        self.assertIn('LONGEST = 10\nSHORTEST = 2\n\n\ndef lend', text)
        text = self.edit('in place of `SHORTEST`', 'def f():\n    pass\n')
        self.assertIn('LONGEST = 10\n\n\ndef f():\n    pass\n\n\ndef lend', text)

    def test_the_end_of_a_file_is_below_all_else(self):
        text = self.edit('at the end', 'a = 1\n')
        self.assertTrue(text.endswith('    lend(1)\n\na = 1\n'))
        text = self.edit('at the end', 'select 2;\n', 'a.sql', 'select 1;\n', 'sql')
        self.assertEqual(text, 'select 1;\n\nselect 2;\n')
        text = self.edit('at the end', 'two\n', 'a.txt', 'one\n', 'text')
        self.assertEqual(text, 'one\ntwo\n')

    def test_a_place_that_is_not_there_is_told(self):
        for place, words in [
            ('below `give`', 'no statement that is called `give`'),
            ('below `Shelf.drop`', 'no statement that is called `Shelf.drop`'),
            ('at the end of `lend`', 'is no class'),
            ('beside `lend`', '"beside `lend`" is no place'),
            ('a new file', 'is there already'),
        ]:
            with self.subTest(place):
                listing = f'`app.py`, {place}:\n\n{fence("python", "a")}'
                self.assertMistake(NEXT, words, APP, listing)

    def test_a_place_that_could_be_two_is_told(self):
        listing = '`app.py`, a new file:\n\n' + fence('python', 'a = 1\n\na = 2\n')
        again = '`app.py`, below `a`:\n\n' + fence('python', 'b\n')
        self.assertMistake(15, 'at the lines 1 and 3', listing, again)

    def test_a_file_has_to_be_there(self):
        for place in ['the whole file', 'at the end', 'below `a`']:
            listing = f'`a.py`, {place}:\n\n{fence("python", "a")}'
            self.assertMistake(7, 'a.py is not there yet', listing)
        self.assertMistake(7, 'app.py is not there yet', difference('+a\n'))

    def test_only_python_has_statements(self):
        listings = [
            f'`a.sql`, {place}:\n\n{fence("sql", "a")}' for place in ('a new file', 'above `a`')
        ]
        self.assertMistake(13, 'only a Python file has statements', *listings)

    def test_a_file_that_is_no_python_has_no_places(self):
        listings = [
            '`a.py`, a new file:\n\n' + fence('python', 'a =\n'),
            '`a.py`, below `a`:\n\n' + fence('python', 'b\n'),
        ]
        self.assertMistake(13, 'this is no Python', *listings)


class DifferenceTest(ReplayTestCase):
    def test_lines_come_and_go_where_the_others_stand(self):
        text = self.change("""\
             SHORTEST = 1
            +MIDDLE = 5


            -def lend(book):
            +def lend(book, days):
                 return book
            """)
        self.assertIn(
            'SHORTEST = 1\nMIDDLE = 5\n\n\ndef lend(book, days):\n    return book\n', text
        )

    def test_hunks_follow_each_other(self):
        text = self.change("""\
            -import os
            @@ def add
                 def add(self):
            -        pass
            +        return 1
            @@
            -        pass
            +        return 2
            """)
        self.assertNotIn('import', text)
        self.assertIn('return 1\n\n    def clear(self):\n        return 2\n', text)

    def test_lines_that_are_not_there_are_told(self):
        text = ' LONGEST = 10\n-SHORTEST = 2\n'
        self.assertMistake(NEXT + 1, 'the first other one: "SHORTEST = 2"', APP, difference(text))

    def test_lines_above_the_hunk_before_are_not_there(self):
        text = ' LONGEST = 10\n@@\n-import os\n'
        self.assertMistake(NEXT + 3, 'below the hunk before', APP, difference(text))

    def test_lines_that_are_there_twice_are_told(self):
        text = '         pass\n+        return 1\n'
        self.assertMistake(NEXT + 1, 'more than once, at 23 and 26', APP, difference(text))

    def test_a_line_beside_it_has_to_be_shown(self):
        self.assertMistake(NEXT + 1, 'show a line beside it', APP, difference('+a = 1\n'))

    def test_each_line_has_a_sign(self):
        self.assertMistake(NEXT + 1, 'begins with " ", "+" or "-"', APP, difference('a = 1\n'))


class ListingTest(ReplayTestCase):
    def test_a_listing_without_a_place_is_told(self):
        for lead in ['', 'As in app.py:\n\n', 'In `app.py`, at the end:\n\n']:
            self.assertMistake(
                5 + lead.count('\n'), 'nothing checks this listing', lead + fence('python', 'a\n')
            )

    def test_a_listing_that_is_indented_or_has_other_signs_is_told(self):
        for listing in [
            '- ```python\n  a\n  ```\n',
            '    ```python\n    a\n    ```\n',
            '~~~\na\n~~~\n',
            '    $ git push\n    pushed\n',
            '\t$ git push\n',
            '<pre>\n$ git push\n</pre>\n',
            '<!-- Nobody sees it. -->\n',
        ]:
            with self.subTest(listing):
                page = self.follow(listing)
                self.assertEqual([problem.line for problem in page.problems], [5])
                self.assertIn('at the left margin', page.problems[0].text)

    def test_a_listing_without_an_end_is_told(self):
        page = self.follow('`a.py`, a new file:\n\n```python\na\n')
        self.assertEqual(page.problems[0].line, 7)
        self.assertIn('has no end', page.problems[0].text)

    def test_a_listing_has_the_language_of_its_file(self):
        for name, language in [('a.py', 'text'), ('a.html', ''), ('Procfile', 'python')]:
            listing = f'`{name}`, a new file:\n\n{fence(language, "a")}'
            self.assertMistake(7, 'begin this listing with ```', listing)

    def test_a_longer_fence_may_hold_a_shorter_one(self):
        listing = '`a.md`, a new file:\n\n````markdown\n```\na\n```\n````\n'
        self.assertEqual(join(self.follow(listing).after['Red']['a.md']), '```\na\n```\n')

    def test_an_excerpt_stands_in_the_learners_file_or_in_the_projects(self):
        for name, text in [('README.md', 'heroku create\ngit push\n'), ('app.py', 'import os\n')]:
            page = self.follow(APP, f'From `{name}`:\n\n{fence("text", text)}')
            self.assertEqual(page.problems, [])

    def test_an_excerpt_that_stands_nowhere_is_told(self):
        for name, words in [('README.md', 'do not stand like this'), ('a.md', 'there is no a.md')]:
            listing = f'From `{name}`:\n\n{fence("text", "heroku")}'
            self.assertMistake(7, words, listing)

    def test_each_line_remembers_where_it_was_typed(self):
        page = self.follow(APP, difference(' LONGEST = 10\n+MIDDLE = 5\n'))
        lines = {line.text: line for line in page.after['Red']['app.py']}
        self.assertEqual(lines['LONGEST = 10\n'].number, 12)
        self.assertEqual(lines['MIDDLE = 5\n'][1:], ('01-shelf.md', NEXT + 2, 'Red'))


class CommandTest(ReplayTestCase):
    def test_a_file_is_moved(self):
        self.write('static/main.js', 'shipped\n')
        page = self.follow(fence('console', '$ mv later/main.js static/main.js\n'))
        self.assertEqual(page.problems, [])
        self.assertEqual({*page.after['Red']}, {'static/main.js'})
        self.assertEqual({*page.commands[0].folder}, {'later/main.js'})

    def test_what_is_not_there_cannot_be_moved(self):
        self.assertMistake(6, 'there is no file a', fence('console', '$ mv a b\n'))

    def test_no_page_reaches_out_of_the_folder(self):
        """Or `start` would write there, which nobody expects of it."""
        for name in ['/tmp/a.py', '../a.py', 'a/../../a.py', 'a//a.py', '.git/config', 'a/.git']:
            listing = fence('python', 'a\n')
            self.assertMistake(7, 'no name of a file', f'`{name}`, a new file:\n\n{listing}')
            self.assertMistake(7, 'no name of a file', f'From `{name}`:\n\n{listing}')
        moved = fence('console', '$ mv app.py /tmp/app.py\n')
        self.assertMistake(NEXT - 1, 'no name of a file', APP, moved)

    def test_a_command_that_is_not_run_is_told(self):
        for command in [
            'heroku create', 'git push', 'python app.py', 'flask run', 'python test.py -v',
            'A=1 flask routes', 'mv a b && mv b a', "python -c 'print", 'rm a',
            'git log --output=/tmp/log', 'git init ../a',
        ]:  # fmt: skip
            with self.subTest(command):
                self.assertMistake(6, 'this command', fence('console', f'$ {command}\n'))

    def test_what_is_printed_belongs_to_a_command(self):
        self.assertMistake(6, 'begins with a command', fence('console', 'OK\n'))

    def test_where_a_page_cannot_be_followed_those_after_it_are_not(self):
        self.write('tutorial/02-more.md', f'# 2. More\n\n## Red\n\n{APP}')
        page = self.follow(fence('text', 'a\n'))
        self.assertIsNone(page.after)
        self.assertIsNone(replay(self.project)[1].before)


if __name__ == '__main__':
    unittest.main()
