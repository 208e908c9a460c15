"""What a text becomes: safe HTML, plain words, an excerpt with marks."""

import functools
import itertools
import re
import unicodedata

import comrak
import nh3
from markupsafe import Markup, escape

EXTENSIONS = comrak.ExtensionOptions()  # as on GitHub
EXTENSIONS.autolink = EXTENSIONS.strikethrough = EXTENSIONS.table = EXTENSIONS.tasklist = True
RENDERING = comrak.RenderOptions()
RENDERING.hardbreaks = RENDERING.unsafe_ = True  # HTML passes, for the sanitiser to look at

MEDIA = {
    'audio': {'src'},
    'video': {'src', 'poster', 'width', 'height'},
    'source': {'src', 'type'},
    'track': {'src', 'kind', 'srclang', 'label'},
}


def allow_attribute(tag, name, value):
    """Return the value of an attribute if it may be there: `data:` is for pictures only."""
    is_data = value.lstrip().lower().startswith('data:')
    return None if is_data and (tag, name) != ('img', 'src') else value


SANITISER = nh3.Cleaner(
    tags=nh3.ALLOWED_TAGS | {'tfoot', 'input', *MEDIA},
    attributes={
        **nh3.ALLOWED_ATTRIBUTES,
        **MEDIA,
        '*': {'dir', 'lang', 'title'},
        'a': {'href', 'hreflang', 'rel'},
        'input': {'checked', 'disabled'},
        'time': {'datetime'},
    },
    attribute_filter=allow_attribute,
    tag_attribute_values={'input': {'type': {'checkbox'}}},
    set_tag_attribute_values={  # one a tag: the order of several changes at each start
        'audio': {'controls': ''},
        'video': {'controls': ''},
        'img': {'loading': 'lazy'},
        'input': {'disabled': ''},
        'pre': {'tabindex': '0'},  # to be scrolled by keyboard
        'table': {'tabindex': '0'},
    },
    url_schemes=nh3.ALLOWED_URL_SCHEMES | {'data'},
    link_rel=None,
)
DEEPEST = 1000  # tags within tags; the sanitiser's time grows with their square
UNNESTED = 'br|hr|img|input|source|track|wbr|col|p|li|d[dt]|t[dhr]|tbody|thead|tfoot'
NESTING_TAG = re.compile(rf'<(/?)(?!(?:{UNNESTED})\b)[a-z]', re.IGNORECASE)
EXCERPTED_TEXT = 20_000  # letters that an excerpt is looked for in


def drop_nul(text):
    """Return a text without the character that Postgres can't store."""
    return text.replace('\0', '')


def is_too_deep(html):
    """Say whether tags that have to be closed stand too deep within each other."""
    steps = (-1 if slash else 1 for slash in NESTING_TAG.findall(html))
    return max(itertools.accumulate(steps), default=0) > DEEPEST


def render_text(text):
    """Return the safe HTML of a text: Markdown with the author's own HTML, line breaks kept."""
    html = comrak.render_markdown(text, EXTENSIONS, render_options=RENDERING)
    if is_too_deep(html):
        html = f'<pre>{escape(text)}</pre>'
    html = SANITISER.clean(html).replace('<input', '<input aria-label="Done"')  # a task
    # The columns of a table: `align` is no more in HTML, and comrak knows no other way.
    return Markup(re.sub('(<t[hd]) align=("left"|"center"|"right")', r'\1 class=\2', html))


def plain_text(text):
    """Return the words of a text without markup on one line, of a long one the first."""
    return render_text(text[:EXCERPTED_TEXT]).striptags()


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


FILTERS = {  # of templates, by name
    'markdown': render_text,
    'plain': plain_text,
    'mark': mark_words,
    'excerpt': cut_excerpt,
    'xml': drop_forbidden,
}
