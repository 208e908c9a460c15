"""What can be changed in a module, one thing at a time.

Without it: a statement, the `with` or `try` around others, a decorator, an element, argument,
operand, condition of a comprehension, part of a slice or of an f-string, a call. Another one
in its place: a condition that always holds or never, either half of `a if b else c`, a
comparison or operator turned round, None for an argument, another constant, SQL without a
condition or an order. Imports and docstrings stay.
"""

import ast
import collections
import copy
import dataclasses
import os
import re
import textwrap

OPPOSITES = {
    **{ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Is: ast.IsNot, ast.IsNot: ast.Is},
    **{ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Lt: ast.LtE, ast.LtE: ast.Lt},
    **{ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Add: ast.Sub, ast.Sub: ast.Add},
    **{ast.Mult: ast.FloorDiv, ast.BitOr: ast.BitAnd},
}
SQL = re.compile(r'\b(?P<condition>\w+ is (?:not )?null)\b| desc\b| on conflict do nothing')
IS_PROGRAM = "__name__ == '__main__'"  # not changed: who imports it would start a server
LONGEST = 70  # letters that are shown of what was changed


@dataclasses.dataclass
class Mutant:
    """A module with one statement that is another.

    place: the function or class, or the module's name outside of both
    line: where in the module the change is
    lines: those of the whole statement
    indented: how the statement is written now
    text: what was changed, in words that no other mutant has in the same place
    is_without: whether a statement is gone that had no other ones in it
    """

    place: str
    line: int
    lines: range
    indented: str
    text: str
    is_without: bool

    def __str__(self):
        return f'{self.place}: {self.text}'

    def change(self, source):
        """Return the source of the module with this change."""
        lines = source.split('\n')
        lines[self.lines.start - 1 : self.lines.stop - 1] = [self.indented]
        return '\n'.join(lines)


def alter(node, **fields):
    """Return a copy of a node with other fields."""
    other = copy.copy(node)
    vars(other).update(fields)
    return other


def without_each(node, *fields):
    """Yield copies of a node, each without one of the items in its lists."""
    for index in range(len(getattr(node, fields[0]))):
        lists = {field: [*getattr(node, field)] for field in fields}
        for items in lists.values():
            del items[index]
        yield alter(node, **lists)


def with_each(node, field, find_other):
    """Yield copies of a node, each with another one for an item that find_other() has one for."""
    for index, item in enumerate(getattr(node, field)):
        if other := find_other(item):
            items = [*getattr(node, field)]
            items[index] = other
            yield alter(node, **{field: items})


def find_constants(value):
    match value:
        case bool():
            yield not value
        case int() | float():
            yield value + 1 if isinstance(value, int) and value < 1000 else value * 2
        case None:
            yield 'XX'
        case str():
            yield 'XX'
            for part in SQL.finditer(value):
                other = 'true' if part['condition'] else ''
                yield value[: part.start()] + other + value[part.end() :]


def find_argument(node):
    """Return None for an argument that isn't changed as a constant anyway."""
    return None if isinstance(node, ast.Constant | ast.Starred) else ast.Constant(None)


def find_expressions(node):
    """Yield what can stand in the place of an expression, or of a part of one."""
    match node:
        case ast.Constant():
            yield from map(ast.Constant, find_constants(node.value))
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.IfExp():
            yield from (node.body, node.orelse)
        case ast.BoolOp():
            yield from without_each(node, 'values')
        case ast.Compare():
            yield from with_each(node, 'ops', lambda op: OPPOSITES[type(op)]())
        case ast.BinOp() if type(node.op) in OPPOSITES:
            yield alter(node, op=OPPOSITES[type(node.op)]())
        case ast.Dict():
            yield from without_each(node, 'keys', 'values')
        case ast.List(ctx=ast.Load()) | ast.Tuple(ctx=ast.Load()) | ast.Set():
            yield from without_each(node, 'elts')
        case ast.Slice():
            yield from (alter(node, **{name: None}) for name, part in ast.iter_fields(node) if part)
        case ast.FormattedValue():
            yield ast.Constant('')
        case ast.comprehension():
            yield from without_each(node, 'ifs')
            yield from with_each(node, 'ifs', lambda test: ast.UnaryOp(ast.Not(), test))
        case ast.Call():
            yield from without_each(node, 'keywords')
            if node.args:  # without another one than the last it would only be an error
                yield alter(node, args=node.args[:-1])
            yield from with_each(node, 'args', find_argument)
            if isinstance(node.func, ast.Attribute):
                yield node.func.value
            elif node.args and not isinstance(node.args[0], ast.Starred):
                yield node.args[0]


def find_statements(node):
    """Yield lists of what can stand in the place of a statement."""
    yield [ast.Pass()]
    match node:
        case ast.If() if ast.unparse(node.test) != IS_PROGRAM:
            for is_true in (True, False) if node.orelse else (True,):
                yield [alter(node, test=ast.Constant(is_true))]
        case ast.With(items=[_]):
            yield node.body
        case ast.With():
            yield from ([other] for other in without_each(node, 'items'))
        case ast.Try(handlers=[_], finalbody=[]):
            yield [*node.body, *node.orelse]
        case ast.Try():
            if len(node.handlers) > 1:
                yield from ([other] for other in without_each(node, 'handlers'))
            if node.finalbody:
                tried = [alter(node, finalbody=[])] if node.handlers else node.body
                yield [*tried, *node.finalbody]
        case ast.FunctionDef() | ast.ClassDef():
            yield from ([other] for other in without_each(node, 'decorator_list'))


def find_changes(node, place, statement=None):
    """Yield what can be changed below a node: the place, the line, the statement and its text.

    The nodes are as they were whenever this goes on.
    """
    for field, old in ast.iter_fields(node):
        items = old if isinstance(old, list) else [old]
        for index, item in enumerate(items):
            whole, name = statement, place
            match item:
                case ast.Import() | ast.ImportFrom() | ast.Pass() | ast.Expr(value=ast.Constant()):
                    continue
                case ast.Constant(value=None) if isinstance(node, ast.Compare):
                    continue  # `is not` comes to the same
                case ast.Compare() if ast.unparse(item) == IS_PROGRAM:
                    continue
                case ast.If() if field == 'orelse' and item.col_offset == node.col_offset:
                    others = find_statements(item)  # an elif, which can't be a statement
                case ast.stmt():
                    whole, others = item, find_statements(item)
                case ast.AST():
                    others = ([other] for other in find_expressions(item))
                case _:
                    continue
            if isinstance(item, ast.FunctionDef | ast.ClassDef):
                name = item.name if isinstance(node, ast.Module) else f'{place}.{item.name}'
            for other in others:
                setattr(node, field, [*items[:index], *other, *items[index + 1 :]])
                if items is not old:
                    setattr(node, field, other[0])
                text = '\n'.join(map(ast.unparse, other)) if item is whole else ast.unparse(whole)
                setattr(node, field, old)
                yield name, getattr(item, 'lineno', whole.lineno), whole, text
            yield from find_changes(item, name, whole)


def shorten(text):
    return text if len(text) <= LONGEST else f'{text[: LONGEST - 3]}...'


def describe(old, new):
    """Say in one line what is different, with a little of what is around it."""
    old, new = (' '.join(text.split()) for text in (old, new))
    if new == 'pass':
        return f'removed "{shorten(old)}"'
    start = len(os.path.commonprefix([old, new]))
    end = len(os.path.commonprefix([old[start:][::-1], new[start:][::-1]]))
    before = re.search(r'\w*.{0,30}$', old[:start])[0]
    after = re.match(r'.{0,20}\w*', old[len(old) - end :])[0]
    old, new = (f'{before}{shorten(text[start : len(text) - end])}{after}' for text in (old, new))
    return f'"{old}" became "{new}"'


def find_mutants(source, name):
    """Yield all mutants of a module."""
    counts = collections.Counter()
    for place, line, statement, new in find_changes(ast.parse(source), name):
        decorators = getattr(statement, 'decorator_list', [])
        start = min(node.lineno for node in [statement, *decorators])
        lines = range(start, statement.end_lineno + 1)
        text = describe(ast.unparse(statement), new)
        counts[place, text] += 1
        if counts[place, text] > 1:
            text = f'{text} ({counts[place, text]})'
        indented = textwrap.indent(new, ' ' * statement.col_offset)
        is_without = new == 'pass' and not hasattr(statement, 'body')
        yield Mutant(place, line, lines, indented, text, is_without)
