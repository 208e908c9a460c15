"""What a terminal prints when a learner types a command, and whether a page shows the same.

The tests are run by copies of this process, which has imported the libraries once.
"""

import contextlib
import io
import os
import pathlib
import re
import secrets
import shutil
import signal
import sys
import sysconfig
import tempfile
import time
import traceback
import types

from mutants import MEMORY_FOLDER

HOME = '/home/you/flaskr'  # where the learner's folder is, on a page
LEFT_OUT = '…'  # a line that stands for any number of others, or a part of a line
HEADING = '=' * 70  # of a test that fails, behind an empty line
LONGEST = 60  # seconds that a command may take
LIBRARIES = [  # what is shown as /…/, the longest first
    *{sysconfig.get_path('purelib'), sysconfig.get_path('platlib')},
    *[sysconfig.get_path('stdlib'), sys.base_prefix],
]
YOU = {'NAME': 'You', 'EMAIL': 'you@example.org', 'DATE': '2026-01-31T12:00:00Z'}
ENVIRONMENT = {  # of all that is run here: nothing of whoever runs it, but where git is
    'PATH': os.pathsep.join([os.path.dirname(sys.executable), os.environ.get('PATH', os.defpath)]),
    'LANG': 'C.UTF-8',
    'PYTHON_COLORS': '0',
    'PYTHONDONTWRITEBYTECODE': '1',  # which could be taken for that of a later edit
    'PYTHONUNBUFFERED': '1',  # or the order of what is printed would not be that of a terminal
    **{f'GIT_{who}_{what}': YOU[what] for who in ('AUTHOR', 'COMMITTER') for what in YOU},
    **{'GIT_CONFIG_NOSYSTEM': '1', 'GIT_DISCOVERY_ACROSS_FILESYSTEM': '1', 'GIT_CONFIG_COUNT': '1'},
    **{'GIT_CONFIG_KEY_0': 'init.defaultBranch', 'GIT_CONFIG_VALUE_0': 'main'},
}
CHANGING = [  # what is different each time, and what stands for it when lines are compared
    (re.compile(r'\bin \d+\.\d+s\b'), 'in 0.000s'),
    (re.compile(r'\b0x[0-9a-f]{6,}\b'), '0x0'),
    (re.compile(r'/tmp/tmp\w{8}\b'), '/tmp/tmp0'),
]
COMMIT = re.compile(r'\b[0-9a-f]{7,40}\b')  # in what git prints


def clear_environment():
    os.environ.clear()
    os.environ.update(ENVIRONMENT)


# Running ---------------------------------------------------------------------------


class Terminal:
    """A learner's terminal in a temporary folder, to be closed.

    The folder's path is as long as that on a page, since unittest cuts what is long.
    """

    def __init__(self):
        self.files, self.tested = {}, None
        base = MEMORY_FOLDER or tempfile.gettempdir()
        self.path = pathlib.Path(base, secrets.token_hex(16)[: max(6, len(HOME) - len(base) - 1)])
        self.path.mkdir(mode=0o700)
        self.temporary = pathlib.Path(tempfile.mkdtemp(dir=base))
        for name in 'tmp', 'home':
            (self.temporary / name).mkdir()

    def close(self):
        shutil.rmtree(self.path)
        shutil.rmtree(self.temporary)

    def write(self, files):
        """Give the folder these files, texts by their names; what programs have made stays."""
        for name in self.files.keys() - files.keys():
            (self.path / name).unlink(missing_ok=True)
        for name, text in files.items():
            if self.files.get(name) != text:
                (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                (self.path / name).write_bytes(text.encode())
        self.files = dict(files)

    def run(self, words):
        """Run a command; return its exit status and the lines that it prints."""
        self.tested = None  # since other files may be there now
        match words:
            case ['python', 'test.py', *names]:
                result = self.start(run_test_file, names)
                self.tested = None if names else (self.files, result)
                return result
            case ['mv', *_]:  # write() does it
                return 0, []
        return self.start(become, words)

    def run_tests(self):
        """Do what `python test.py` does, if that wasn't the last command with the same files."""
        if self.tested and self.tested[0] == self.files:
            return self.tested[1]
        return self.run(['python', 'test.py'])

    def start(self, work, arguments):
        """Let a copy of this process work in the folder; return its status and its lines."""
        with tempfile.TemporaryFile(dir=self.temporary) as output:
            pid = os.fork()
            if not pid:
                self.work_alone(output.fileno(), work, arguments)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            with contextlib.suppress(ProcessLookupError):  # or what it has left would go on
                os.killpg(pid, signal.SIGKILL)
            output.seek(0)
            lines = self.show_paths(output.read().decode(errors='replace')).splitlines()
        if status == -signal.SIGALRM:
            lines.append(f'It took longer than {LONGEST} seconds.')
        return status, [line.rstrip() for line in lines]

    def work_alone(self, output, work, arguments):
        """Be the copy of this process, and end."""
        status = 1
        try:
            os.setsid()
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            clear_environment()
            os.environ.update(HOME=f'{self.temporary}/home', TMPDIR=f'{self.temporary}/tmp')
            time.tzset()
            tempfile.tempdir = None
            os.chdir(self.path)
            signal.setitimer(signal.ITIMER_REAL, LONGEST)
            status = work(arguments)
        except Exception:
            traceback.print_exc()
        finally:
            os._exit(status)

    def show_paths(self, text):
        """Return what was printed with the paths that a page has."""
        text = text.replace(str(self.path), HOME).replace(f'{self.temporary}/tmp', '/tmp')
        for length in range(2, len(HOME)):  # where unittest has cut it, as [69 chars]
            text = text.replace(f'{str(self.path)[:length]}[', f'{HOME[:length]}[')
        for library in LIBRARIES:
            text = text.replace(f'{library}/', '/…/')
        return text


def become(words):
    """Become the program of a command."""
    program = sys.executable if words[0] == 'python' else shutil.which(words[0])
    os.execv(program, words)


def run_test_file(names):
    """Do what `python test.py` does, to the last letter; return the exit status."""
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.FileIO(stream, 'w'), 'utf-8', 'backslashreplace', write_through=True)
        for stream in (1, 2)
    )
    path = os.path.abspath('test.py')
    if not os.path.exists(path):
        become(['python', 'test.py'])
    main = types.ModuleType('__main__')
    main.__file__, main.__builtins__ = path, __builtins__
    sys.modules['__main__'], sys.argv, sys.path[0] = main, ['test.py', *names], os.getcwd()
    sys.dont_write_bytecode = True
    try:
        exec(compile(pathlib.Path(path).read_bytes(), path, 'exec'), vars(main))
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException as error:
        without_this = error.with_traceback(error.__traceback__.tb_next)
        sys.excepthook(type(error), without_this, without_this.__traceback__)
        return 1
    return 0


# Comparing -------------------------------------------------------------------------


def is_left_out(line):
    return line.strip() == LEFT_OUT


def normalise(line, is_git=False):
    """Return a line without what is different each time."""
    for pattern, constant in CHANGING:
        line = pattern.sub(constant, line.rstrip())
    return COMMIT.sub('0000000', line) if is_git else line


def fits(shown, printed):
    """Say whether a line of a page shows a printed one, from which … may leave parts out."""
    parts = map(re.escape, shown.split(LEFT_OUT))
    return shown == printed or re.fullmatch('.*'.join(parts), printed) is not None


def count_fitting(shown, printed):
    """Return how many lines of a page, from the first on, show what is printed."""
    pairs = zip(shown, printed, strict=False)
    wrong = (index for index, pair in enumerate(pairs) if not fits(*pair))
    return next(wrong, min(len(shown), len(printed)))


def split_pieces(lines):
    """Return the lines between those that stand for others, each piece with where it begins."""
    marks = [-1, *[n for n, line in enumerate(lines) if is_left_out(line)], len(lines)]
    return [(a + 1, lines[a + 1 : b]) for a, b in zip(marks, marks[1:], strict=False)]


def find_difference(shown, printed, is_git=False):
    """Return which line of a page, counted from 0, is the first that isn't printed, or None."""
    shown, printed = ([normalise(line, is_git) for line in lines] for lines in (shown, printed))
    pieces, position = split_pieces(shown), 0
    for start, lines in pieces:
        places = [position] if start == 0 else range(position, len(printed) + 1)
        if start and start + len(lines) == len(shown):
            places = [max(position, len(printed) - len(lines))]
        best = max(places, key=lambda place: count_fitting(lines, printed[place:]))
        if (count := count_fitting(lines, printed[best:])) < len(lines):
            return start + count
        position = best + len(lines)
    return len(shown) if len(pieces) == 1 and position < len(printed) else None


# Writing ---------------------------------------------------------------------------


def show(shown, printed):
    """Return what a page should show of what is printed.

    What it leaves out now stays left out if the lines around that are still printed.
    """
    result, position = [], 0
    pieces = [lines for _, lines in split_pieces(shown)]
    for before, after in zip(pieces, pieces[1:], strict=False):
        start = position + find_lines(before, printed[position:], step=-1) + 1
        end = start + find_lines(after, printed[start:]) if after else len(printed)
        if before and start == position or end < start:
            result, position = [], 0
            break
        if HEADING in printed[start:end]:  # of a test that fails now
            end = printed.index(HEADING, start) - 1
        result += [*printed[position:start], LEFT_OUT]
        position = end
    result = [*result, *printed[position:]] if result else shorten(printed)
    kept = [line for line in shown if not is_left_out(line)]
    return [next((old for old in kept if is_same(old, line)), line) for line in result]


def is_same(shown, printed):
    return fits(normalise(shown), normalise(printed))


def find_lines(lines, printed, step=1):
    """Return where most of some lines of a page are printed, or -1.

    What counts is those from the first of them on or, where the step is -1, those up to the last.
    Where that isn't printed, one with other numbers will do, as a traceback has them.
    """
    for change in normalise, forget_numbers:
        shown, there = ([change(line) for line in some] for some in (lines[::step], printed))
        counts = [count_fitting(shown, there[place::step]) for place in range(len(there))]
        if any(counts):
            return counts.index(max(counts))
    return -1


def forget_numbers(line):
    return re.sub(r'\d+', '0', normalise(line))


def shorten(printed):
    """Leave out the frames of libraries, and of a page of HTML all but its beginning."""
    result, is_out = [], None
    for line in printed:
        if frame := re.match(r'  File "([^"]+)"', line):
            is_out = None if frame[1].startswith(HOME) else 'frame'
        elif is_out == 'frame' and not line.startswith('  '):
            is_out = None
        elif is_out == 'page' and re.fullmatch('={70}|-{70}', line):
            result.append('')
            is_out = None
        if not is_out:
            before, page, rest = line.partition('<!doctype html>')
            is_page = 'Error: ' in before and page
            result.append(f'{before}{page}{LEFT_OUT if rest else ""}' if is_page else line)
            is_out = 'page' if is_page and not rest else None
        elif not is_left_out(result[-1]):
            result.append(LEFT_OUT)
    return result
