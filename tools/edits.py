"""What a listing of the tutorial does to a file: put in by its place, or by a difference.

A file is a list of lines, each of which remembers the page that wrote it.
"""

import ast
import itertools
import re
from typing import NamedTuple

PARTED = '.py', '.sql', '.js', '.css'  # files whose parts stand between empty lines


class Line(NamedTuple):
    """A line of a file, and where it was typed: a page, its line and section, if on any."""

    text: str  # with its line break
    page: str | None = None
    number: int | None = None
    section: str | None = None


class Mistake(Exception):
    """A listing that can't be followed: why, in words for its author, and at which line."""

    def __init__(self, text, number=None):
        super().__init__(text)
        self.number = number


def read_lines(path):
    """Return the lines of a file that no page has written."""
    text = path.read_bytes().decode()
    return [Line(line) for line in text.splitlines(keepends=True)]


def join(lines):
    return ''.join(line.text for line in lines)


# Statements ------------------------------------------------------------------------


def parse(lines):
    try:
        return ast.parse(join(lines))
    except SyntaxError as error:
        raise Mistake(f'this is no Python: {error.msg} (its line {error.lineno})') from None


def find_names(node):
    """Return the names that a statement defines: of a function, a class or constants."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return [node.name]
        case ast.Assign():
            return [target.id for target in node.targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name()):
            return [node.target.id]
    return []


def find_nodes(lines, name):
    """Return the statements that a name, a `Class.method` or the beginning of one stands for."""
    body, wanted = parse(lines).body, name
    for node in body:
        if isinstance(node, ast.ClassDef) and re.fullmatch(rf'{node.name}\.\w+', name):
            body, wanted = node.body, name.partition('.')[2]
    return [node for node in body if wanted in find_names(node)] or [
        node for node in body if lines[find_start(node) - 1].text.startswith(name)
    ]


def find_start(node):
    """Return the first line of a statement or of its decorators, counted from 1."""
    return min(part.lineno for part in [node, *getattr(node, 'decorator_list', [])])


def find_node(lines, name):
    """Return the only statement that a name stands for."""
    nodes = find_nodes(lines, name)
    if not nodes:
        raise Mistake(f'the file has no statement that is called `{name}`, or begins so')
    if len(nodes) > 1:
        lines = ' and '.join(str(node.lineno) for node in nodes)
        raise Mistake(f'`{name}` could be any of the statements at the lines {lines}')
    return nodes[0]


def find_extent(lines, node):
    """Return where a statement begins, with the comments right above it, and where it ends."""
    start = find_start(node) - 1
    while start > 0 and lines[start - 1].text.lstrip().startswith('#'):
        start -= 1
    return start, node.end_lineno


# Empty lines -----------------------------------------------------------------------


def strip(lines):
    """Return lines without the empty ones at both ends."""
    filled = [index for index, line in enumerate(lines) if line.text.strip()]
    return lines[filled[0] : filled[-1] + 1] if filled else []


def begins_with_definition(lines):
    """Say whether a function or class comes first; a comment right above belongs to it."""
    code = next((line.text for line in lines if not line.text.startswith('#')), '')
    return bool(re.match(r'@|(async )?def |class ', code))


def ends_with_definition(lines):
    body = parse(lines).body
    if not body or lines[-1].text.startswith('#'):
        return False
    return isinstance(body[-1], ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


def find_gap(before, after):
    """Return how many empty lines belong between two pieces of a Python file, as ruff has it."""
    if not before or not after:
        return 0
    if after[0].text.startswith(' '):
        return 0 if re.match(r'\s*class .*:', before[-1].text) else 1
    return 2 if ends_with_definition(before) or begins_with_definition(after) else 1


def count_empty(lines):
    """Return how many empty lines come first."""
    return next((index for index, line in enumerate(lines) if line.text.strip()), len(lines))


def join_pieces(before, after, is_replaced=False):
    """Return two pieces of a Python file with the empty lines that belong between them.

    is_replaced: one of them takes the place of another, so what had no empty line gets none
    """
    found = count_empty(before[::-1]) + count_empty(after)
    before, after = strip(before), strip(after)
    gap = find_gap(before, after)
    if is_replaced and gap == 1:
        gap = min(gap, found)
    empty = [after[0]._replace(text='\n')] * gap if gap else []
    return [*before, *empty, *after]


def put_python(old, start, end, new):
    """Return the lines of a Python file with new ones in place of a range, which may be empty."""
    is_replaced = start < end
    return join_pieces(join_pieces(old[:start], new, is_replaced), old[end:], is_replaced)


# Edits -----------------------------------------------------------------------------


def put_at_end(name, old, new):
    """Return the lines of a file with new ones after its last one."""
    if name.endswith('.py'):
        return put_python(old, len(old), len(old), new)
    gap = [new[0]._replace(text='\n')] if old and name.endswith(PARTED) else []
    return [*old, *gap, *new]


def put(name, old, place, new):
    """Return the lines of a file with new ones at a place that a page names.

    name: of the file
    old: its lines, or None where there is no such file
    """
    if place == 'a new file':
        if old is not None:
            raise Mistake(f'{name} is no new file: it is there already')
        return new
    if old is None:
        raise Mistake(f'{name} is not there yet; the first listing of a file says "a new file"')
    if place == 'the whole file':
        return new
    if not new:
        raise Mistake('this listing is empty')
    if place == 'at the end':
        return put_at_end(name, old, new)
    found = re.fullmatch('(at the end of|below|above|in place of) `(.+)`', place)
    if not found:
        raise Mistake(f'"{place}" is no place: see how the other pages say it')
    if not name.endswith('.py'):
        raise Mistake('only a Python file has statements: use "at the end" or a ```diff here')
    return put_by_name(old, *found.groups(), new)


def put_by_name(old, where, name, new):
    """Return the lines of a Python file with new ones beside or in place of a statement."""
    node = find_node(old, name)
    if where == 'at the end of' and not isinstance(node, ast.ClassDef):
        raise Mistake(f'`{name}` is no class, so nothing can be put at its end')
    start, end = find_extent(old, node)
    if where == 'in place of':
        return put_python(old, start, end, new)
    position = start if where == 'above' else end
    return put_python(old, position, position, new)


# Differences -----------------------------------------------------------------------


def split_hunks(typed):
    """Return the hunks of a difference, each a list of lines; those with @@ part them."""
    hunks = [[]]
    for line in typed:
        if line.text.startswith('@@'):
            hunks.append([])
        elif line.text[0] in ' +-\n':
            hunks[-1].append(line if line.text != '\n' else line._replace(text=' \n'))
        else:
            raise Mistake('a line of a difference begins with " ", "+" or "-"', line.number)
    return [hunk for hunk in hunks if hunk]


def find_only(old, wanted, start, number):
    """Return where these lines stand in a file from a line on; they have to stand there once."""
    texts, size = [line.text for line in old], len(wanted)
    counts = []  # of the lines that fit, wherever the first one could stand
    for index in range(start, len(texts)):
        pairs = zip(wanted, texts[index : index + size], strict=False)
        fitting = itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)
        counts.append(sum(1 for _ in fitting))
    places = [start + index for index, count in enumerate(counts) if count == size]
    if len(places) > 1:
        found = ' and '.join(str(place + 1) for place in places)
        raise Mistake(f'these lines stand in the file more than once, at {found}', number)
    if not places:
        line = wanted[max(counts, default=0)].strip('\n')
        after = ' below the hunk before' if start else ''
        raise Mistake(
            f'no such lines are in the file{after}; the first other one: "{line}"', number
        )
    return places[0]


def apply_difference(old, typed):
    """Return the lines of a file after a difference, whose hunks are in the file's order."""
    result, position = [], 0
    hunks = split_hunks(typed)
    if not hunks:
        raise Mistake('this listing is empty')
    for hunk in hunks:
        wanted = [line.text[1:] for line in hunk if line.text[0] in ' -']
        if not wanted:
            raise Mistake('nothing says where this belongs: show a line beside it', hunk[0].number)
        start = find_only(old, wanted, position, hunk[0].number)
        result += old[position:start]
        position = start
        for line in hunk:
            if line.text[0] == '+':
                result.append(line._replace(text=line.text[1:]))
            else:
                result += old[position : position + 1] if line.text[0] == ' ' else []
                position += 1
    return [*result, *old[position:]]
