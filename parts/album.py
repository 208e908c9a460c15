"""The pictures of an archive: into a database, and into the texts that refer to them."""

import io
import mimetypes
import re
from contextlib import suppress
from html import unescape
from urllib.parse import unquote

from parts.archive import FOLDER, quote
from parts.gallery import name_picture, store_picture
from parts.pictures import MAX_SIZE, convert_picture, read_size

OWN = re.compile(rf'{FOLDER}([0-9a-f]{{32}})\.webp')  # as write_archive() calls a picture
MAX_OWN = 5 * MAX_SIZE  # bytes: a WebP may be larger than what it was made of
MAX_DEPTH = 20  # folders within each other
REFERENCE = re.compile(  # an address in HTML or Markdown, in the group that matches
    r"""=(?:"([^"<>]++)"|'([^'<>]++)'|(?:(?<=src=)|(?<=href=))([^\s"'<>]++))"""
    r"""|\](?:\(((?:[^\s()<>]|\([^\s()<>]*\))++)|:[ ]([^\s<>]++)|(?:\(|:[ ])<([^<>\n]++)>)""",
    re.IGNORECASE,
)


def find_file(address, files):
    """Return the name of the file, in a folder, that an address ends in, or None."""
    for path in (address, unquote(unescape(address))):
        parts = re.split('[?#]', path, maxsplit=1)[0].split('/')[-MAX_DEPTH:]
        names = ('/'.join(parts[start:]) for start in range(len(parts) - 1))
        if name := next((name for name in names if name in files), None):
            return name
    return None


def find_files(texts, files):
    """Return the names of the files that texts refer to, in the order of the texts."""
    matches = (match for text in texts for match in REFERENCE.finditer(text))
    names = (find_file(match[match.lastindex], files) for match in matches)
    return list(dict.fromkeys(filter(None, names)))


def is_picture(name):
    """Say whether a file may be a picture, going by its name."""
    kind = mimetypes.guess_type(name)[0]
    return not kind or kind.startswith('image/')


def measure(name, content):
    """Return the width and height of a file that Flaskr has exported, or None if it hasn't."""
    own = OWN.fullmatch(name)
    if own and own[1] == name_picture(content):
        with suppress(ValueError):
            return read_size(content)
    return None


class Album:
    """The pictures that entries refer to; in an export of Flaskr's, all that there are.

    archive: its `files` by their names, read(name, limit) and find_time(name); or None
    entries: dicts with `created` and `text`, which gets the addresses of what is stored
    is_own: Flaskr has exported it, so all pictures are stored as they are, and texts fit them;
        else only those that a text refers to, each made anew
    ValueError says what is wrong with the archive, before anything is stored.
    """

    def __init__(self, archive, entries, is_own):
        self.archive, self.entries, self.is_own = archive, entries, is_own
        self.pictures, self.notes = [], []  # names of files; sentences on what stays behind
        if archive and is_own:
            self.pictures = [name for name in archive.files if OWN.fullmatch(name)]
        elif archive:
            self.choose_pictures()
        for name in self.pictures:
            content = self.read(name)
            if is_own and not measure(name, content):
                raise ValueError(f'{name} is not as Flaskr exports a picture')

    def choose_pictures(self):
        """Tell pictures from other files, and from what is too large, among what is referred to."""
        others, entries = [], sorted(self.entries, key=lambda entry: entry['created'] or '')
        for name in find_files((entry['text'] for entry in entries), self.archive.files):
            if not is_picture(name):
                others.append(quote(name))
            elif self.archive.files[name].file_size > MAX_SIZE:
                self.leave(name, 'The picture is over 20 MB')
            else:
                self.pictures.append(name)
        if others:
            words = 'Files that are no pictures stay behind, and texts refer to them as before'
            self.notes.append(f'{words} ({len(others)}): {", ".join(others)}')

    def leave(self, name, reason):
        self.notes.append(f'{quote(name)} stays behind: {reason}')

    def read(self, name):
        return self.archive.read(name, MAX_OWN if self.is_own else MAX_SIZE)

    def store(self, db):
        """Store the pictures, each by itself; yield for each whether it is new in the database."""
        addresses = {}
        for name in self.pictures:
            content = self.read(name)
            size, is_new = measure(name, content), False
            try:
                picture = (content, *size) if size else convert_picture(io.BytesIO(content))
                stored, is_new = store_picture(db, *picture, self.archive.find_time(name))
                addresses[name] = f'/picture/{stored}.webp'
            except ValueError as error:
                self.leave(name, error)
            yield is_new
        if addresses and not self.is_own:  # whose texts have these addresses
            self.change_addresses(addresses)

    def change_addresses(self, addresses):
        """Let the texts refer to the pictures, of whose files these are the addresses."""

        def change(match):
            former = match[match.lastindex]
            address = addresses.get(find_file(former, self.archive.files), former)
            return match[0].replace(former, address)

        for entry in self.entries:
            entry['text'] = REFERENCE.sub(change, entry['text'])
