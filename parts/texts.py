"""What a text becomes: safe HTML, plain words, an excerpt with marks."""

import functools
import re
import unicodedata
from html import unescape
from urllib.parse import urljoin

import comrak
import nh3
from markupsafe import Markup, escape

EXTENSIONS = comrak.ExtensionOptions()  # as on GitHub
EXTENSIONS.autolink = EXTENSIONS.strikethrough = EXTENSIONS.table = EXTENSIONS.tasklist = True
RENDERING = comrak.RenderOptions()
RENDERING.hardbreaks = RENDERING.unsafe_ = True  # HTML passes, for the sanitiser to look at
RENDERING.escaped_char_spans = True
ESCAPED = re.compile('<span data-escaped-char>(?!#)([^<]+)</span>')  # but \\#, which begins no tag

MEDIA = {
    'audio': {'src'},
    'video': {'src', 'poster', 'width', 'height'},
    'source': {'src', 'type'},
    'track': {'src', 'kind', 'srclang', 'label'},
}


def allow_attribute(tag, name, value):
    """Return the value of an attribute if it may be there: `data:` is for pictures only."""
    is_data = re.sub('[\0- ]', '', value).lower().startswith('data:')  # as browsers read it
    return None if is_data and (tag, name) != ('img', 'src') else value


SANITISER = nh3.Cleaner(
    tags=nh3.ALLOWED_TAGS | {'tfoot', 'input', *MEDIA},
    attributes={
        **nh3.ALLOWED_ATTRIBUTES,
        **MEDIA,
        '*': {'dir', 'lang', 'title'},
        'a': {'href', 'hreflang', 'rel'},
        'details': {'open'},
        'input': {'checked', 'disabled'},
        'time': {'datetime'},
    },
    attribute_filter=allow_attribute,
    tag_attribute_values={'input': {'type': {'checkbox'}}},
    set_tag_attribute_values={  # one a tag: the order of several changes at each start
        **dict.fromkeys(['audio', 'video'], {'controls': ''}),
        **dict.fromkeys(['pre', 'table'], {'tabindex': '0'}),  # to be scrolled by keyboard
        **{'img': {'loading': 'lazy'}, 'input': {'disabled': ''}},
    },
    url_schemes=nh3.ALLOWED_URL_SCHEMES | {'data'},
    link_rel=None,
)
OPENING_TAG = re.compile('<[a-z]', re.IGNORECASE)
IMAGE_WORDS = re.compile('(<img [^>]*?alt="([^"]*)")')
EXCERPTED_TEXT = 20_000  # letters that an excerpt is looked for in
NAMED_AFTER = 1000  # letters whose first words an entry without a title is called by
NAME_LENGTH = 60  # letters of such a name, at most
MAX_QUERY = 200  # letters of a search
MAX_WORDS = 32  # of a search, and parts of words; each takes SQLite its time


def drop_nul(text):
    """Return a text without the character that Postgres can't store."""
    return text.replace('\0', '')


def takes_too_long(text):
    """Say whether a text could take more than a second or two.

    comrak's time grows with the lines of tables and the square of their columns, and with that
    of bare addresses; the sanitiser's with all tags times those within each other.
    """
    lines = text.split('\n')
    columns = max(line.count('|') for line in lines)
    quotations = max(re.match('[^A-Za-z_<]*', line)[0].count('>') for line in lines)
    opened = len(OPENING_TAG.findall(text)) + quotations
    tags = opened + sum(map(text.count, '\n*_`~['))
    cells = len(lines) * columns * max(columns, 200)
    return cells + text.count('@') ** 2 > 10**8 or opened * tags > 2 * 10**7


def render_text(text):
    """Return the safe HTML of a text: Markdown with the author's own HTML, line breaks kept."""
    if takes_too_long(text):
        html = f'<pre>{escape(text)}</pre>'  # as it was typed
    else:
        html = comrak.render_markdown(text, EXTENSIONS, render_options=RENDERING)
        html = ESCAPED.sub(r'\1', html)
    html = SANITISER.clean(html).replace('<input', '<input aria-label="Done"')  # a task
    # The columns of a table: `align` is no more in HTML, and comrak knows no other way.
    return Markup(re.sub('(<t[hd]) align=("left"|"center"|"right")', r'\1 class=\2', html))


def make_absolute(html, base):
    """Return the HTML of a text with all its addresses whole, as on a page of this address."""

    def change_address(match):
        return f' {match[1]}="{escape(urljoin(base, unescape(match[2])))}"'

    def change_tag(match):
        return re.sub(' (href|poster|src)="([^"]*)"', change_address, match[0])

    return re.sub('<[a-z][^<>]*>', change_tag, str(html))


def plain_text(text):
    """Return the words of a text, and of its pictures, on one line, of a long text the first."""
    html = str(render_text(text[:EXCERPTED_TEXT]))  # Python 3.11 escapes parts of a Markup
    return Markup(IMAGE_WORDS.sub(r' \2 \1', html)).striptags()


def first_words(text):
    """Return the beginning of a text without markup, as long as a title may be."""
    words = plain_text(text[:NAMED_AFTER])
    return words if len(words) <= NAME_LENGTH else f'{words[:NAME_LENGTH].rsplit(" ", 1)[0]}…'


def name_entry(entry):
    """Return what an entry is called: its title, or else its first words."""
    return entry['title'].strip() or first_words(entry['text']) or 'Untitled'


def quote_name(entry):
    """Return what an entry is called for a message, which has to fit into a cookie."""
    name = name_entry(entry)
    return f'“{name[:100]}{"…" if len(name) > 100 else ""}”'


def split_words(query):
    """Return the words of a query as they are typed, as many as a search takes."""
    query = drop_nul(query).replace('"', ' ')[:MAX_QUERY]
    start = re.match(rf'([\W_]*[^\W_]+){{0,{MAX_WORDS}}}', query)[0]
    return tuple(word for word in start.split() if re.search(r'[^\W_]', word))


def fold(text):
    """Return a text without case and accents."""
    letters = unicodedata.normalize('NFKD', text)
    return ''.join(letter for letter in letters if not unicodedata.combining(letter)).lower()


@functools.lru_cache
def fold_words(words):
    return tuple(part for word in words for part in re.findall(r'[^\W_]+', fold(word)))


def is_match(word, words):
    """Say whether a word begins with one of the words, as the search does."""
    return fold(word).startswith(fold_words(words))


def mark_words(text, words):
    """Return a text as HTML, with all that begins with one of the words marked."""
    parts = re.split(r'([^\W_]+)', unicodedata.normalize('NFC', text))
    mark = Markup('<mark>{}</mark>').format
    return Markup().join(mark(part) if is_match(part, words) else part for part in parts)


def cut_excerpt(text, words):
    """Return the part of a plain text around the first of the words."""
    text = unicodedata.normalize('NFC', text)
    starts = (word.start() for word in re.finditer(r'[^\W_]+', text) if is_match(word[0], words))
    start = max(next(starts, 0) - 80, 0)
    cut = text[start : start + 280]
    return f'{"…" if start else ""}{cut}{"…" if len(text) > start + 280 else ""}'


def drop_forbidden(text):
    """Return a text without the characters that XML 1.0 forbids (its section 2.2)."""
    return re.sub('[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]', '', text)


FUNCTIONS = render_text, plain_text, name_entry, mark_words, cut_excerpt, drop_forbidden
FILTERS = {function.__name__: function for function in FUNCTIONS}  # of templates
