"""Which of the statements that a page adds does no test need? Each is left out in turn.

What is only a part of one, such as an `else` or half a condition, mutants.py changes in the end.
"""

import ast
import contextlib
import difflib
import re
import tempfile
from dataclasses import dataclass

from mutants import MEMORY_FOLDER, Copies, find_tests, trace, try_mutants


@dataclass
class Removal:
    """A file without one of its statements, which mutants.py tries as it does a mutant.

    start, end: of the statement, in the file's bytes
    lines: those of the statement, counted from 1
    text: its first line
    instead: what takes its place
    """

    start: int
    end: int
    lines: range
    text: str
    instead: str

    def change(self, source):
        """Return the file without the statement."""
        before, after = source.encode()[: self.start], source.encode()[self.end :]
        return f'{before.decode()}{self.instead}{after.decode()}'


def find_new_lines(old, new):
    """Return the numbers of the lines that a text has and an older one hasn't."""
    matcher = difflib.SequenceMatcher(None, old.splitlines(), new.splitlines(), autojunk=False)
    return {
        line + 1
        for kind, _, _, start, end in matcher.get_opcodes()
        for line in range(start, end)
        if kind != 'equal'
    }


def find_python_removals(old, new):
    """Yield the statements of a module that are new or of which a line is, and new decorators.

    Of a statement that has others in it, only its first line counts.
    """
    added = find_new_lines(old, new)
    for node in ast.walk(ast.parse(new)):
        if not isinstance(node, ast.stmt) or is_nothing(node):
            continue
        decorators = getattr(node, 'decorator_list', [])
        for decorator in decorators:
            if not added.isdisjoint(range(decorator.lineno, decorator.end_lineno + 1)):
                yield cut(new, decorator.lineno, node.col_offset, decorator, '')
        last = node.lineno if hasattr(node, 'body') else node.end_lineno
        if not added.isdisjoint(range(node.lineno, last + 1)):
            first = min(part.lineno for part in [node, *decorators])
            yield cut(new, first, node.col_offset, node, 'pass')


def is_nothing(node):
    """Say whether a statement does nothing: `pass` itself, or a docstring."""
    return isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def cut(source, first, column, node, instead):
    """Return the removal of what begins in a line, at a column, and ends with a node."""
    offsets = [0]  # of the lines, in bytes, as ast counts columns
    for line in source.encode().splitlines(keepends=True):
        offsets.append(offsets[-1] + len(line))
    start = offsets[first - 1] + column
    end = offsets[node.end_lineno - 1] + node.end_col_offset
    text = source.encode()[start:end].decode()
    if text.startswith('elif'):
        instead = 'else: pass'
    return Removal(start, end, range(first, node.end_lineno + 1), text.split('\n')[0], instead)


def find_sql_removals(old, new):
    """Yield the statements of a schema that are new or changed; empty lines part them."""
    added = find_new_lines(old, new)
    for block in re.finditer('(.+\n)+', new):
        first = new[: block.start()].count('\n') + 1
        lines = dict(enumerate(block[0].splitlines(), first))
        code = [line for line, text in lines.items() if not text.startswith('--')]
        if not added.isdisjoint(code):
            start, end = (len(new[:position].encode()) for position in block.span())
            yield Removal(start, end, range(first, first + len(lines)), lines[code[0]], '')


FINDERS = {'app.py': find_python_removals, 'schema.sql': find_sql_removals}


def find_removals(old, new):
    """Return the removals of all new statements, by the names of files, as old and new texts."""
    found = {name: [*find(old.get(name, ''), new.get(name, ''))] for name, find in FINDERS.items()}
    return {name: removals for name, removals in found.items() if removals}


def find_needless(path, old, new, likely, at_once):
    """Yield the file and the removal for each new statement that no test needs.

    path: of a folder with the files `new`, all of whose tests succeed
    old, new: texts by the names of files
    likely: the ids of the tests that need most of the statements, which are tried first
    at_once: how many processes may run
    """
    for name, removals in find_removals(old, new).items():
        with (
            tempfile.TemporaryDirectory(dir=MEMORY_FOLDER) as temporary,
            contextlib.closing(Copies(temporary, path, name, at_once)) as copies,
        ):
            for removal in find_survivors(copies, removals, new[name], likely):
                yield name, removal


def find_survivors(copies, removals, source, likely):
    """Return the removals that no test notices: first of the likely tests, then of all others."""
    seconds = dict.fromkeys(sorted(likely), 1)
    tried = try_mutants(copies, removals, source, 'test', lambda removal: seconds)
    left = [removal for removal, status in tried if status == 0]
    if not left:
        return []
    at_import, tests = trace(copies, source, copies.module, 'test')

    def find_seconds(removal):
        return find_tests(removal, at_import, tests)

    tried = try_mutants(copies, left, source, 'test', find_seconds)
    return [removal for removal, status in tried if status == 0]
