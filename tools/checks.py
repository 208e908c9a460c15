"""Whether the tutorial is as it says: its pages, what they show, and what each step needs."""

import concurrent.futures
import contextlib
import difflib
import importlib
import multiprocessing
import os
import pathlib
import re

import console
import proof
from edits import Line, read_lines
from mutants import TestsFail
from replay import PICTURES, SECTIONS, Problem, read_texts, replay

TYPED = ['app.py', 'test.py', 'schema.sql', 'templates/*', 'static/*', 'Procfile']
IMPORTED = ['comrak', 'flask', 'nh3', 'sqlite3', 'unittest.mock', 'werkzeug.security']
TESTS, PROVED = ['python', 'test.py'], ('Red', 'Green', 'Refactor')
FAILED = re.compile(r'(?:FAIL|ERROR): \S+ \(([\w.]+)\)')
REASON = re.compile(r'^([\w.]+(Error|Exception|Warning|NotFound)\b|[-+] )', re.MULTILINE)


def indent(lines, most=40):
    """Return some lines as they stand below a problem."""
    more = [f'… and {len(lines) - most} lines more'] if len(lines) > most else []
    return ''.join(f'\n    {line}' for line in [*lines[:most], *more])


def check(project, numbers=(), is_written=False):
    """Return what is wrong with a project's tutorial, or with the pages of these numbers.

    project: the path of its folder
    is_written: put what is really printed into the pages, in place of what they show
    """
    pages = replay(project)
    check_order(pages)
    for page in pages:
        check_links(project, page)
    wanted = [page for page in pages if page.number in numbers or not numbers]
    followed = [page for page in wanted if page.after is not None]
    for page, problems, text in run_pages(followed, is_written):
        page.problems += problems
        if text != page.text:
            (project / 'tutorial' / page.name).write_text(text, encoding='utf-8')
    problems = []
    for page in wanted:
        problems += sorted(page.problems, key=lambda problem: problem.line)
    problems += find_obstacles(pages, wanted)
    problems += [
        Problem('', 0, f'there is no page {number}')
        for number in sorted(set(numbers) - {page.number for page in pages})
    ]
    if not numbers:
        problems += [*check_list(project, pages), *check_end(project, pages)]
    return problems


def find_obstacles(pages, wanted):
    """Return why the last of some pages couldn't be checked, if a page before it is the reason."""
    if not wanted or wanted[-1].before is not None:
        return []
    broken = next(page for page in pages if page.after is None)
    text = f'this was not checked, since {broken.name} cannot be followed'
    return [*([] if broken in wanted else broken.problems), Problem(wanted[-1].name, 1, text)]


# Order -----------------------------------------------------------------------------


def check_order(pages):
    """Report what is wrong with numbers, sections, and the links and questions between pages."""
    for index, page in enumerate(pages):
        number = index + 1
        if not page.title:
            page.report(1, f'the first line has to be a title, as "# {number}. Log in"')
        elif page.number != number or not page.name.startswith(f'{number:02}-'):
            page.report(1, f'this is page {number}: its title and its file have to begin so')
        check_sections(page)
        check_next(page, *pages[index + 1 : index + 2])
        is_asked = index > 0 and 'Question' in pages[index - 1].sections
        if is_asked != ('\n**Answer:**' in page.text):
            what = 'asks a question' if is_asked else 'asks nothing'
            page.report(1, f'the page before {what}; "**Answer:** …" answers a question')


def check_sections(page):
    for section, line in page.sections.items():
        if section not in SECTIONS:
            page.report(line, f'a section of a page is one of {", ".join(SECTIONS)}')
    known = [section for section in page.sections if section in SECTIONS]
    if known != sorted(known, key=SECTIONS.index) or not {'Red', 'Green'} <= {*known}:
        page.report(
            1, f'the sections come as {", ".join(SECTIONS)}; Red and Green have to be there'
        )


def find_links(text):
    """Yield each link to a file, not to a picture: its line, its words, and the file's name."""
    for number, line in enumerate(text.split('\n'), 1):
        for words, name in re.findall(r'(?<!!)\[([^]]*)\]\(([^):#]+)\)', line):
            yield number, words, name


def check_links(project, page):
    """Report links that lead nowhere."""
    for line, _, name in find_links(page.text):
        if not (project / 'tutorial' / name).exists():
            page.report(line, f'this link leads nowhere: {name}')


def check_next(page, follower=None):
    lines = page.text.rstrip().split('\n')
    if follower:
        link = f'Next: [{follower.number}. {follower.title}]({follower.name})'
        if lines[-1] != link:
            page.report(len(lines), f'the last line has to be "{link}"')
    elif lines[-1].startswith('Next:'):
        page.report(len(lines), 'there is no next page')


def check_list(project, pages):
    """Return what is wrong with the list of pages in tutorial/README.md."""
    path = project / 'tutorial' / 'README.md'
    if not path.exists():
        return [Problem('README.md', 0, 'the list of the pages is missing')]
    text = path.read_text(encoding='utf-8')
    links = [link for link in find_links(text) if re.fullmatch(r'\d[\w-]*\.md', link[2])]
    expected = {page.name: page for page in pages}
    problems = []
    for line, words, name in links:
        page = expected.get(name)
        if not page:
            problems.append(Problem('README.md', line, f'there is no page {name}'))
        elif words.removeprefix(f'{page.number}. ') != page.title:
            problems.append(Problem('README.md', line, f'the title of {name} is "{page.title}"'))
    listed = [name for *_, name in links if name in expected]
    if missing := [name for name in expected if name not in listed]:
        problems.append(Problem('README.md', 1, f'not in the list: {", ".join(missing)}'))
    elif listed != [*expected]:
        problems.append(Problem('README.md', 1, 'list each page once, in their order'))
    return problems


# Pages -----------------------------------------------------------------------------


def run_pages(pages, is_written):
    """Yield each page with its problems, and its text as it should be, the last pages first."""
    for name in IMPORTED if pages else []:  # once, rather than in each process
        importlib.import_module(name)
    cores, fork = os.cpu_count() or 1, multiprocessing.get_context('fork')
    at_once = max(1, cores // max(1, len(pages)))
    with concurrent.futures.ProcessPoolExecutor(cores, fork, console.clear_environment) as pool:
        jobs = {pool.submit(run_page, page, at_once, is_written): page for page in reversed(pages)}
        try:
            for job in concurrent.futures.as_completed(jobs):
                yield jobs[job], *job.result()
        finally:
            pool.shutdown(cancel_futures=True)  # or who stops this waits for all the pages


def run_page(page, at_once, is_written):
    """Do what a page shows and check what it claims; return its problems and its text."""
    page.problems, shown = [], []
    with contextlib.closing(console.Terminal()) as terminal:
        rehearsal = Rehearsal(page, terminal, at_once)
        for section in [None, *page.sections]:
            commands = [each for each in page.commands if each.listing.section == section]
            shown += [rehearsal.run_command(command, is_written) for command in commands]
            if section in PROVED:
                rehearsal.check_section(section, commands)
            if section not in (None, 'Green', 'Refactor'):
                rehearsal.check_unproved(section)
    lines = page.text.split('\n')
    for command, new in zip(page.commands[::-1], shown[::-1], strict=True):
        lines[command.line : command.line + len(command.shown)] = new
    return page.problems, '\n'.join(lines)


class Rehearsal:
    """A page that is done in a terminal, section by section.

    at_once: how many processes may run
    failed: the tests that failed after Red
    """

    def __init__(self, page, terminal, at_once):
        self.page, self.terminal, self.at_once, self.failed = page, terminal, at_once, set()
        self.redo_git()

    def redo_git(self):
        """Do what the pages before did with git, if this one goes on with it."""
        if any(is_git(command) for command in self.page.commands):
            for command in self.page.commits:
                self.run(command)

    def run(self, command):
        self.terminal.write(read_texts(command.folder))
        return self.terminal.run(command.words)[1]

    def run_command(self, command, is_written):
        """Run a command that the page shows; return what the page should show."""
        printed = self.run(command)
        index = console.find_difference(command.shown, printed, is_git(command))
        if index is None:
            return command.shown
        if is_written:
            return console.show(command.shown, printed)
        what = 'more is printed than this page shows'
        if index < len(command.shown):
            what = f'this is not what is printed: "{command.shown[index]}"'
        self.page.report(
            command.line + 1 + index,
            f'{what}; check --write puts this in:{indent(console.shorten(printed))}',
        )
        return command.shown

    def check_section(self, section, commands):
        """Check what a section claims, at its end."""
        self.terminal.write(read_texts(self.page.after[section]))
        status, printed = self.terminal.run_tests()
        if section == 'Red':
            self.failed = find_failed(printed)
            self.check_red(commands, status)
        elif status or printed[-1:] != ['OK']:
            self.page.report(
                self.page.sections[section],
                f'after {section} all tests have to pass, and none be skipped:{indent(printed)}',
            )
        elif 'Red' in self.page.sections:
            self.check_proof(section)

    def check_red(self, commands, status):
        """Report where other tests fail than those that Red shows in the end."""
        last = [each for each in commands if each.listing is commands[-1].listing]
        if not any(command.words[:2] == TESTS for command in last):
            line = self.page.sections['Red']
            self.page.report(line, 'Red has to end with the tests that fail, as it is printed')
            return
        if status == 0:
            self.page.report(last[0].line, 'no test fails after Red')
        shown = [text for command in last for text in command.shown]
        for test in sorted(self.failed - find_failed(shown)):
            self.page.report(last[0].line, f'{test} fails after Red too, and is not shown here')
        for test in sorted(find_failed(shown) - self.failed):
            self.page.report(last[0].line, f'{test} does not fail after Red when all tests run')
        for test in find_unexplained(shown):
            self.page.report(last[0].line, f'show the last line of what is said of {test}')

    def find_change(self, section):
        """Return the texts of the files before a section and after it."""
        folders = [self.page.before, *self.page.after.values()]
        old = folders[[*self.page.after].index(section)]
        return read_texts(old), read_texts(self.page.after[section])

    def check_unproved(self, section):
        """Report where a section whose statements nobody leaves out adds some."""
        for name, removals in proof.find_removals(*self.find_change(section)).items():
            text = f'{removals[0].text.strip()} ({name}) belongs under Green or Refactor'
            self.page.report(self.page.sections[section], text)

    def check_proof(self, section):
        """Report the statements that a section adds and no test needs."""
        old, new = self.find_change(section)
        if section == 'Refactor':
            old['schema.sql'] = new.get('schema.sql', '')  # an index there changes no answer
        likely = {test.replace('__main__', 'test', 1) for test in self.failed}
        needless = proof.find_needless(self.terminal.path, old, new, likely, self.at_once)
        try:
            for name, removal in needless:
                self.report_needless(section, name, removal)
        except TestsFail:
            line = self.page.sections[section]
            self.page.report(line, f'after {section} the tests fail when their lines are traced')

    def report_needless(self, section, name, removal):
        lines = self.page.after[section][name][removal.lines.start - 1 : removal.lines.stop - 1]
        typed = [line.number for line in lines if line.page == self.page.name]
        self.page.report(
            min(typed, default=self.page.sections[section]),
            f'no test fails after {section} without this: {removal.text.strip()} '
            f'({name}, line {removal.lines.start})',
        )


def is_git(command):
    return command.words[0] == 'git'


def find_failed(lines):
    return {found[1] for line in lines if (found := FAILED.match(line))}


def find_unexplained(lines):
    """Yield the tests of whose failure a page shows neither an exception nor what differs."""
    parts = re.split('^(?==)', '\n'.join(lines), flags=re.MULTILINE)
    for part in parts:
        if (test := FAILED.search(part)) and not REASON.search(part):
            yield test[1]


# End -------------------------------------------------------------------------------


def check_end(project, pages):
    """Return where the last page's files differ from those that are shipped."""
    if not pages or not pages[-1].after:
        return []
    folder = pages[-1].end()
    shipped = {
        str(path.relative_to(project)): read_lines(path)
        for pattern in TYPED
        for path in project.glob(pattern)
        if not path.match(PICTURES)
    }
    typed = {name for name in folder if any(pathlib.PurePath(name).match(p) for p in TYPED)}
    problems = []
    end = Line('', pages[-1].name, pages[-1].text.count('\n'))  # where what is missing may go
    for name in sorted(shipped.keys() - folder.keys()):
        problems.append(Problem(end.page, end.number, f'{name} is not here at the end'))
    for name in sorted(typed):
        if name in shipped:
            problems += compare_end(name, folder[name], shipped[name], end)
        else:
            page, number = find_place(folder[name], 0, end)
            problems.append(Problem(page, number, f'{name} is not shipped'))
    return problems


def find_place(lines, index, default):
    """Return the page and its line that wrote the line at an index, or the last one before it."""
    typed = [line for line in lines[: index + 1] if line.page]
    line = (typed or [default])[-1]
    return line.page, line.number


def compare_end(name, old, new, default):
    """Yield where a file differs from the shipped one, each time with the page that wrote it."""
    texts = [[line.text for line in lines] for lines in (old, new)]
    matcher = difflib.SequenceMatcher(None, *texts, autojunk=False)
    for kind, start, end, new_start, new_end in matcher.get_opcodes():
        if kind != 'equal':
            index = start if start < end else start - 1
            lines = [f'-{line.text}' for line in old[start:end]]
            lines += [f'+{line.text}' for line in new[new_start:new_end]]
            what = f'{name} does not end as it is shipped (-: here, +: shipped)'
            words = f'{what}:{indent([line.rstrip() for line in lines])}'
            yield Problem(*find_place(old, index, default), words)
