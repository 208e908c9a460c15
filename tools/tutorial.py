"""The tutorial: begin a step of it, see where a folder is, check all of its pages.

    python tools/tutorial.py start ../flaskr
    python tools/tutorial.py start ../flaskr --step 7
    python tools/tutorial.py status ../flaskr
    python tools/tutorial.py check
    python tools/tutorial.py check 3 4
    python tools/tutorial.py check --write
    python tools/tutorial.py blame app.py:120

`check` follows the pages and lists what isn't as they say: a listing without a place, output
that differs, a test that fails too early or too late, a statement that no test needs, a file
that doesn't end as it is shipped. With numbers it follows all pages up to these, and checks
only these. With --write it puts what is really printed into them, to be looked at with
`git diff`. It needs Linux and Python 3.13, whose output the pages show.

replay.py follows the pages, edits.py does what a listing says, checks.py has the checks;
console.py runs commands for them, and proof.py leaves statements out.
"""

import argparse
import difflib
import os
import pathlib
import shlex
import signal
import sys
import time
from collections import Counter

from checks import check, indent
from edits import read_lines
from replay import PICTURES, read_texts, replay

FOLDER = pathlib.Path(__file__).resolve().parent.parent
NEEDED = 3, 13  # the version of Python whose output is on the pages


def require_pages(project):
    """Return the pages of a project's tutorial; end where they can't be followed."""
    pages = replay(project)
    if not pages or pages[-1].after is None:
        problems = [str(problem) for page in pages for problem in page.problems]
        sys.exit('\n'.join([*problems, 'The tutorial cannot be followed to its end.']))
    return pages


# Start -----------------------------------------------------------------------------


def start(project, path, step):
    """Make a folder in which a step can begin."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        sys.exit(f'{path} is there already. Say a folder that is new or empty.')
    pages = {page.number: page for page in replay(project)}
    if step not in pages:
        sys.exit(f'There is no step {step}; the last one is {max(pages, default=0)}.')
    if pages[step].before is None:
        sys.exit(f'A page before step {step} cannot be followed. This tells which: check')
    files = {name: text.encode() for name, text in read_texts(pages[step].before).items()}
    for picture in project.glob(PICTURES):
        files[picture.relative_to(project)] = picture.read_bytes()
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    print(
        f'Step {step} begins in {path}. Go there, and give it the libraries:\n\n'
        f'    cd {shlex.quote(str(path))}\n'
        '    python3 -m venv .venv\n'
        '    source .venv/bin/activate\n'
        '    pip install -r requirements.txt\n\n'
        f'Then open tutorial/{pages[step].name}, and do what it says.'
    )


# Status ----------------------------------------------------------------------------


def find_points(pages):
    """Return all points of the tutorial: its page, section (None: before it) and files' texts."""
    points = [(pages[0], None, read_texts(pages[0].before))]
    for page in pages:
        for section, folder in page.after.items():
            if section != 'Question':
                points.append((page, section, read_texts(folder)))
    return points


def count_differences(old, new):
    """Return how many lines of two texts are in one only, wherever they stand."""
    if old == new:
        return 0
    old, new = Counter(old.splitlines()), Counter(new.splitlines())
    return max(1, (old - new).total() + (new - old).total())


def read_folder(path, names):
    """Return the texts of the files of these names that are in a folder."""
    return {
        name: (path / name).read_text(encoding='utf-8', errors='replace')
        for name in names
        if (path / name).is_file()
    }


def find_nearest(points, files):
    """Return the point that has the fewest lines other than a folder, and of such the last."""

    def distance(point):
        texts = point[2]
        names = texts.keys() | files.keys()
        return sum(count_differences(texts.get(name, ''), files.get(name, '')) for name in names)

    return min(reversed(points), key=distance)


def compare(old, new):
    """Return how two texts differ, as lines."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), n=1, lineterm='')
    return [*lines][2:]


def tell_next(pages, page, section):
    """Return in words what comes after a point."""
    sections = [None, *page.sections]
    rest = sections[sections.index(section) + 1 :]
    if rest and rest[0] in ('Red', 'Green', 'Refactor', 'Try it'):
        return f'Go on with "{rest[0]}" in tutorial/{page.name}.'
    for following in pages[pages.index(page) + 1 :]:
        return f'The next step is {following.title}: tutorial/{following.name}'
    return 'That was the last step: this is the blog as it is shipped.'


def status(project, path):
    """Tell at which point of the tutorial a folder is, and what differs from it."""
    if not path.is_dir():
        sys.exit(f'There is no folder {path}.')
    pages = require_pages(project)
    points = find_points(pages)
    names = {name for _, _, texts in points for name in texts}
    files = read_folder(path, names)
    page, section, texts = find_nearest(points, files)
    if 2 * sum(texts[name] == files.get(name) for name in texts) < len(texts):
        sys.exit(f'{path} is no folder of the tutorial. `start` makes one.')
    where = f'after "{section}"' if section else 'before you begin'
    different = sorted(name for name in names if texts.get(name) != files.get(name))
    print(f'{path} is {"near" if different else "at"} step {page.number}, {page.title}, {where}.')
    if different:
        print('What differs (-: in the tutorial, +: in your folder):')
    for name in different:
        lines = compare(texts.get(name, ''), files.get(name, ''))
        print(f'\n{name}{indent(lines or ["the line break at the end"])}')
    if different:
        print('Put that right first, or finish what you are at on the page.')
    else:
        print(tell_next(pages, page, section))


# Blame -----------------------------------------------------------------------------


def blame(project, place):
    """Tell which page wrote a line of a file as it is now, given as app.py:120."""
    name, _, number = place.rpartition(':')
    if not number.isdecimal():
        sys.exit('Say a file and a line, as app.py:120')
    typed = require_pages(project)[-1].end().get(name)
    if typed is None:
        sys.exit(f'{name} is no file of the tutorial.')
    lines = read_lines(project / name) if (project / name).is_file() else []
    if not 0 < int(number) <= len(lines):
        sys.exit(f'There is no such line: {name} has {len(lines)}.')
    index, is_same = find_line(typed, lines, int(number) - 1)
    line = typed[index]
    if not line.page:
        sys.exit(f'{name} is not typed on any page: it is there from the beginning.')
    if not is_same:
        print('No page has this line. In its place, or before it, is:')
    print(f'tutorial/{line.page}:{line.number}: {line.section}: {line.text}', end='')


def find_line(old, new, index):
    """Return where a line of a file is in an older one, and whether it is the same there."""
    texts = [[line.text for line in lines] for lines in (old, new)]
    matcher = difflib.SequenceMatcher(None, *texts, autojunk=False)
    kind, start, end, new_start, _ = next(
        change for change in matcher.get_opcodes() if change[3] <= index < change[4]
    )
    place = start + index - new_start
    return max(0, min(place, end - 1)), kind == 'equal'


# Command line ----------------------------------------------------------------------


def read_options():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--folder', type=pathlib.Path, default=FOLDER, help='of the project')
    commands = parser.add_subparsers(dest='command', required=True)
    command = commands.add_parser('start', help='make a folder in which a step can begin')
    command.add_argument('path', type=pathlib.Path)
    command.add_argument('--step', type=int, default=1)
    command = commands.add_parser('status', help='tell at which step a folder is')
    command.add_argument('path', type=pathlib.Path)
    command = commands.add_parser('check', help='tell what is wrong with the pages')
    command.add_argument('numbers', nargs='*', type=int, metavar='N')
    command.add_argument('--write', action='store_true', help='put in what is really printed')
    command = commands.add_parser('blame', help='tell which page wrote a line')
    command.add_argument('place', help='as app.py:120')
    return parser.parse_args()


def main():
    options, begun = read_options(), time.monotonic()
    match options.command:
        case 'start':
            start(options.folder, options.path, options.step)
        case 'status':
            status(options.folder, options.path)
        case 'blame':
            blame(options.folder, options.place)
        case 'check':
            if sys.version_info[:2] != NEEDED:
                sys.exit('The pages show what Python 3.13 prints: use that to check them.')
            if not sys.flags.ignore_environment:  # a PYTHONPATH could lead to another app.py
                os.execv(sys.executable, [sys.executable, '-E', *sys.argv])
            problems = check(options.folder, options.numbers, options.write)
            print(*problems, sep='\n', end='\n' if problems else '')
            print(f'Problems: {len(problems)} ({time.monotonic() - begun:.0f} seconds)')
            if options.numbers:
                print('Whether all ends as it is shipped, only `check` without a number tells.')
            sys.exit(1 if problems else 0)


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('Stopped.'))  # and stop all it has started
    try:
        main()
    except OSError as error:
        sys.exit(': '.join(str(part) for part in (error.filename, error.strerror) if part))
    except KeyboardInterrupt:
        sys.exit('Stopped.')
