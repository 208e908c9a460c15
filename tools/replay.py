"""The tutorial's pages as a program reads them, and the learner's folder after each of them.

A page is a script: its listings, and what it shows of a terminal, happen in the order in which
they stand. A folder is a dict of files by their names, a file a list of lines (see edits.py).
"""

import pathlib
import re
import shlex
import textwrap
from dataclasses import dataclass, field
from typing import NamedTuple

from edits import Line, Mistake, apply_difference, join, put, read_lines

GIVEN = [  # the files that a learner begins with
    *['parts/*.py', 'parts/*.sql', 'static/style.css', 'static/jquery-*.js', 'static/icon.svg'],
    *['requirements.txt', 'gunicorn.conf.py', '.python-version', '.gitignore'],
]
PICTURES = 'static/*.png'  # given too; they have no lines that a page could show
SCRIPT, GIVEN_SCRIPT = 'static/main.js', 'later/main.js'  # as shipped, and moved there by a page
SECTIONS = ['Red', 'Green', 'Refactor', 'Try it', 'Question']  # of a page, in this order
LANGUAGES = {
    **{'.py': 'python', '.html': 'html', '.xml': 'xml', '.sql': 'sql', '.js': 'js'},
    **{'.css': 'css', '.json': 'json', '.md': 'markdown', '.svg': 'xml'},
}  # and text for all others
NOT_CHECKED = 'nothing checks this listing: begin it with ``` at the left margin'
SHELL = frozenset('();<>|&')  # what parts commands
INDENTED = '    ', '\t'
GIT = 'init', 'add', 'commit', 'log'
GIT_OPTION = re.compile(r'--(quiet|message|initial-branch|format=[%\w ]+)|[^-./][^/]*|\.')
NAME = re.compile(r'(\w[\w-]*/)*\.?\w[\w.-]*')  # of a file in the learner's folder, .git apart


class Problem(NamedTuple):
    """What is wrong on a page and what to do; line 0 where it is no page's own line."""

    page: str
    line: int
    text: str

    def __str__(self):
        return f'tutorial/{self.page}:{self.line}: {self.text}'


@dataclass
class Listing:
    """A fenced block of a page.

    line: that of its fence
    section: the one in which it stands, or None above all of them
    lead: the line of text above it, which may say where it belongs
    """

    line: int
    fence: str
    language: str
    section: str | None
    lead: str
    typed: list[Line] = field(default_factory=list)


@dataclass
class Command:
    """A command that a page shows in a terminal.

    line: that of the command
    listing: the one that has it
    shown: the lines that it prints, as the page says
    folder: where it is run
    """

    line: int
    listing: Listing
    words: list[str]
    folder: dict
    shown: list[str] = field(default_factory=list)


@dataclass
class Page:
    """A page of the tutorial, and what comes of following it.

    sections: the lines of their headings, by their names
    before: the folder of the learner who begins with it
    after: the folder at the end of each section
    commits: the commands with git on all pages before
    Both are None where this page, or one before it, can't be followed.
    """

    name: str
    text: str
    number: int = 0
    title: str = ''
    sections: dict = field(default_factory=dict)
    listings: list[Listing] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    commits: list[Command] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    before: dict | None = None
    after: dict | None = None

    def report(self, line, text):
        self.problems.append(Problem(self.name, line, text))

    def end(self):
        """Return the folder that the page leaves."""
        return [self.before, *self.after.values()][-1]


# Pages -----------------------------------------------------------------------------


def read_pages(project):
    """Return the pages of a project's tutorial in their order."""
    return [read_page(path) for path in sorted(project.glob('tutorial/[0-9]*.md'))]


def read_page(path):
    page = Page(path.name, path.read_text(encoding='utf-8'))
    section, listing, lead, previous = None, None, '', ''
    for number, text in enumerate(page.text.split('\n'), 1):
        if listing and re.fullmatch(f' {{0,3}}{listing.fence}[`~]*', text):
            listing = None
        elif listing:
            listing.typed.append(Line(f'{text}\n', page.name, number, section))
        elif text.startswith(INDENTED) and (not previous or previous.startswith((*INDENTED, '#'))):
            if not previous.startswith(INDENTED):
                page.report(number, NOT_CHECKED)
        elif text.lstrip().startswith(('<pre', '<!--')):
            page.report(number, NOT_CHECKED)
        elif fence := re.match(r'(.*?)(`{3,}|~{3,})([^`]*)$', text):
            listing = Listing(number, fence[2], fence[3].strip(), section, lead)
            if fence[1] or '~' in fence[2]:
                page.report(number, NOT_CHECKED)
            else:
                page.listings.append(listing)
        elif text.startswith('#'):
            section = note_heading(page, number, text) or section
        lead, previous = text or lead, text
    if listing:
        page.report(listing.line, 'this listing has no end: close it with ```')
    return page


def note_heading(page, number, text):
    """Note a heading; return the section that begins with it, if any."""
    if title := re.fullmatch(r'# (\d+)\. (.+)', text):
        page.number, page.title = int(title[1]), title[2]
    if not text.startswith('## '):
        return None
    section = text.removeprefix('## ')
    if section in page.sections:
        page.report(number, f'there is a section "{section}" already')
    page.sections[section] = number
    return section


# The learner's folder --------------------------------------------------------------


def read_given(project):
    """Return the folder with which a learner begins, out of the project's own."""
    paths = {
        str(path.relative_to(project)): path
        for pattern in GIVEN
        for path in sorted(project.glob(pattern))
    }
    if (project / SCRIPT).exists():
        paths[GIVEN_SCRIPT] = project / SCRIPT
    return {name: read_lines(path) for name, path in paths.items()}


def read_texts(folder):
    """Return the texts of the files in a learner's folder, by their names."""
    return {name: join(lines) for name, lines in folder.items()}


def replay(project):
    """Return the pages of a project's tutorial, followed one after the other to the first mistake.

    project: the path of its folder
    """
    pages, folder, commits = read_pages(project), read_given(project), []
    for page in pages:
        page.before, page.commits = folder, [*commits]
        page.after = follow(page, project)
        if page.after is None:
            break
        folder = page.end()
        commits += [command for command in page.commands if command.words[0] == 'git']
    return pages


def follow(page, project):
    """Return the folder at the end of each section of a page, or None if there is a mistake."""
    folder, after = page.before, {}
    for section in [None, *page.sections]:
        for listing in [each for each in page.listings if each.section == section]:
            try:
                folder = follow_listing(page, listing, folder, project)
            except Mistake as mistake:
                page.report(mistake.number or listing.line, str(mistake))
                return None
        if section:
            after[section] = folder
    return after


def follow_listing(page, listing, folder, project):
    """Return the learner's folder after a listing."""
    if excerpt := re.fullmatch('From `([^`]+)`:', listing.lead):
        require_name(excerpt[1])
        check_excerpt(excerpt[1], listing, folder, project)
        return folder
    if listing.language == 'console':
        return follow_commands(page, listing, folder)
    if edit := re.fullmatch('`([^`]+)`(?:, (.+))?:', listing.lead):
        name, place = edit.groups()
        require_name(name)
        return folder | {name: edit_file(name, place, folder.get(name), listing)}
    raise Mistake(
        'nothing checks this listing: the line above it has to say where it belongs, '
        'as "`app.py`, below `index`:", or "From `README.md`:"'
    )


def require_name(name):
    """Let no page name a file outside of the learner's folder."""
    if not NAME.fullmatch(name) or name.endswith('.git'):
        raise Mistake(f'{name} is no name of a file in the folder')


def edit_file(name, place, old, listing):
    """Return the lines of a file after a listing."""
    language = LANGUAGES.get(pathlib.Path(name).suffix, 'text') if place else 'diff'
    if listing.language != language:
        raise Mistake(f'begin this listing with ```{language}, as what it shows')
    if place:
        return put(name, old, place, listing.typed)
    if old is None:
        raise Mistake(f'{name} is not there yet; the first listing of a file says "a new file"')
    return apply_difference(old, listing.typed)


def check_excerpt(name, listing, folder, project):
    """Make sure that lines stand in the learner's file, or else in the project's own."""
    if name not in folder and not (project / name).is_file():
        raise Mistake(f'there is no {name} to show something from')
    lines = folder[name] if name in folder else read_lines(project / name)
    wanted, size = textwrap.dedent(join(listing.typed)), len(listing.typed)
    starts = range(len(lines) - size + 1)
    if not any(textwrap.dedent(join(lines[start : start + size])) == wanted for start in starts):
        raise Mistake(f'these lines do not stand like this in {name} now')


# Commands --------------------------------------------------------------------------


def follow_commands(page, listing, folder):
    """Note the commands of a listing; return the learner's folder after them."""
    command = None
    for line in listing.typed:
        text = line.text.removesuffix('\n')
        try:
            if text.startswith('$ '):
                command = Command(line.number, listing, read_command(text[2:]), folder)
                page.commands.append(command)
                folder = change_folder(command.words, folder)
            elif command:
                command.shown.append(text)
            else:
                raise Mistake('what a terminal shows begins with a command, as "$ python test.py"')
        except Mistake as mistake:
            raise Mistake(str(mistake), line.number) from None
    return folder


def read_command(text):
    """Return the words of a command, which has to be one of those that are run here."""
    reader = shlex.shlex(text, posix=True, punctuation_chars=True)
    reader.whitespace_split, reader.commenters = True, ''
    try:
        words = [*reader]
    except ValueError as error:
        raise Mistake(f'this command cannot be read: {error}') from None
    if any(word and SHELL.issuperset(word) for word in words):
        words = []  # two commands, or a file that one reads or writes
    match words:
        case ['python', 'test.py', *names] if all(re.fullmatch(r'\w[\w.]*', n) for n in names):
            return words
        case ['python', '-c', _] | ['mv', _, _]:
            return words
        case ['flask', name, *_] if name != 'run':
            return words
        case ['git', name, *more] if name in GIT and all(map(GIT_OPTION.fullmatch, more)):
            return words
    raise Mistake(
        'nothing checks this command: only python test.py, python -c, flask (but run), mv and '
        f'git ({", ".join(GIT)}) are run'
    )


def change_folder(words, folder):
    """Return the folder after mv, and as it is after any other command."""
    if words[0] != 'mv':
        return folder
    _, old, new = words
    if old not in folder:
        raise Mistake(f'there is no file {old}')
    require_name(new)
    return {name: lines for name, lines in folder.items() if name != old} | {new: folder[old]}
