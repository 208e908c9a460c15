"""Words with a # before them, in the HTML of a text."""

import functools
import re
import unicodedata

from markupsafe import Markup, escape

from parts.texts import drop_nul, render_text

MAX_LETTERS = 100  # of a tag, with their marks

# What a tag may stand behind, or it is part of another word or of an address.
OPENING = (
    r'\s\u200b\u200e\u200f\u2066-\u2068'  # spaces, and what turns the direction
    r'(\[{\-"\'«»‹›¡¿…\u2010-\u201f'  # brackets, dashes, quotes
    r'、。〈-】〔-〟（［｛｢！，．：；？'  # of Chinese and Japanese, which write no spaces
)
START = re.compile(rf'(?<![^{OPENING}])|(?<=&nbsp;)')

# The HTML is the sanitiser's: each element is closed, and < and > are only around markup.
EXCLUDED = 'a|code|h[1-6]|kbd|pre|samp'  # elements in which a tag is none
INLINE = (  # which readers don't see as a gap between letters
    'a|abbr|acronym|b|bdi|bdo|cite|code|data|del|dfn|em|i|ins|kbd|mark|s|samp|small|span|strike|'
    'strong|sub|sup|time|tt|u|var|wbr'
)
GAP = re.compile(rf'<(?!/?(?:{INLINE})\b)')

# Accents of Latin, Greek and Cyrillic letters (a block of their own: the marks of other scripts
# are vowels, or make another letter), and characters that nobody sees.
IGNORED = re.compile('[\u0300-\u036f\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef]+')


@functools.cache  # at the first tag, since it takes a while
def compile_word():
    """Return the pattern of letters, digits, underscores, and an unseen joiner between two.

    Persian and Sinhala have such joiners. And \\w leaves Unicode's marks out, though many a word
    isn't written without (हिन्दी).
    """
    categories = ''.join(unicodedata.category(chr(code))[0] for code in range(0x20000))
    ranges = (f'{chr(m.start())}-{chr(m.end() - 1)}' for m in re.finditer('M+', categories))
    letter = rf'[\w{"".join(ranges)}\U000e0100-\U000e01ef]'
    return re.compile(rf'\w(?:[\u200c\u200d]?{letter}++)*+')


@functools.cache
def compile_token():
    """Return the pattern of a piece of markup, or of a tag and what looks like one."""
    element = rf'(?P<opened>{EXCLUDED})\b|/(?P<closed>{EXCLUDED})\b'
    return re.compile(rf'<(?:{element})?[^<>]*>|#(?P<word>{compile_word().pattern})')


def fold_tag(word):
    """Return a word as a name that is the same with other case and accents, in Unicode's NFC."""
    word = drop_nul(word)
    letters = IGNORED.sub('', unicodedata.normalize('NFKD', word)).casefold()
    return unicodedata.normalize('NFKC', letters) or unicodedata.normalize('NFC', word)


def is_tag(word):
    return len(word) <= MAX_LETTERS and any(map(str.isalpha, word))


def is_start(html, start, end):
    """Say whether a tag may stand behind markup from start to end, of which there may be none."""
    return START.match(html, start) or GAP.search(html, start, end)


def find_matches(html):
    """Yield the match of each tag in the HTML of a text; its group `word` is without the #."""
    if '#' not in html:
        return
    depth = 0  # in elements that exclude tags
    start = end = 0  # of the markup met last, however many elements it opens and closes
    for match in compile_token().finditer(html):
        position, kind = match.start(), match.lastgroup
        if position != end:
            start = position
        if kind != 'word':
            depth += (kind == 'opened') - (kind == 'closed')
            end = match.end()
        elif depth == 0 and is_tag(match['word']) and is_start(html, start, position):
            yield match


def find_tags(html):
    """Return {name: word as it was typed first} of the tags in the HTML of a text, in order."""
    tags = {}
    for word in dict.fromkeys(match['word'] for match in find_matches(html)):
        tags.setdefault(fold_tag(word), word)
    return tags


def link_tags(html, find_url):
    """Return the HTML of a text with a link around each tag, to find_url(its name)."""
    links = {}  # a text may repeat a tag a million times
    pieces, end = [], 0
    for match in find_matches(html):
        word = match['word']
        if word not in links:
            address = escape(find_url(fold_tag(word)))
            words = f'#<span class="p-category">{word}</span>'
            links[word] = f'<a rel="tag" href="{address}">{words}</a>'
        pieces += html[end : match.start()], links[word]
        end = match.end()
    return Markup(''.join([*pieces, html[end:]]))


def unlink_tags(html):
    """Return the HTML of a feed with the tags that link_tags() has linked as they were typed."""
    link = '<a rel="tag"[^<>]*>#<span class="p-category">([^<>]*)</span></a>'
    return re.sub(link, r'#\1', html)


def add_tags(text, tags):
    """Return a text with tags of any wording in a line at its end, but for those that it has.

    Spaces and hyphens become underscores. What is no tag even so (c++, 2026) is left out.
    """
    words = {}
    for tag in tags:
        word = re.sub(r'\s+|(?<=\S)-(?=\S)', '_', tag).lstrip('#_').rstrip('_')
        if compile_word().fullmatch(word) and is_tag(word):
            words.setdefault(fold_tag(word), word)
    found = find_tags(render_text(text))
    line = ' '.join(f'#{word}' for name, word in words.items() if name not in found)
    if line:
        # At the start if the end is hidden, as a comment or code that goes on would hide it.
        for pieces in ([text.rstrip(), line], [line, text]):
            longer = '\n\n'.join(filter(None, pieces))
            if words.keys() <= find_tags(render_text(longer)).keys():
                return longer
    return text
