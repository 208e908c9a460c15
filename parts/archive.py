"""A Blog Archive (https://indieweb.org/.bar): a ZIP of a feed, a page of the same, pictures."""

import calendar
import io
import re
import time
import zipfile
from contextlib import contextmanager
from datetime import datetime

FOLDER = 'uploads/'  # of the pictures
MAX_FEED = 2**30  # bytes of feed.json; all of it is in memory at once
MAX_FILES = 1_000_000
PACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # the others unpack more than is asked for
TIME_FIELD = b'UT\5\0\1'  # and the seconds since 1970; a ZIP's own time is of two seconds
LOCKED = 0x2041  # flags of what is encrypted


def write_archive(path, page, feed, pictures):
    """Write a file piece by piece: the HTML of a page, a JSON Feed, pictures as they are stored."""
    with zipfile.ZipFile(path, 'w') as archive:
        for name, pieces in [('index.html', page), ('feed.json', feed)]:
            info = zipfile.ZipInfo(name, time.gmtime()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            with (
                archive.open(info, 'w', force_zip64=True) as stream,
                io.TextIOWrapper(stream, 'utf-8') as text,
            ):
                text.writelines(pieces)
        for picture in pictures:
            created = tuple(map(int, re.findall('[0-9]+', picture['created'])))
            moment = max(created, (1980, 1, 1, 0, 0, 0))  # before which a ZIP knows no time
            info = zipfile.ZipInfo(f'{FOLDER}{picture["name"]}.webp', moment)
            info.extra = TIME_FIELD + calendar.timegm(moment).to_bytes(4, 'little')
            archive.writestr(info, picture['content'])


def is_archive(file):
    """Say whether an opened file is a ZIP, be it whole or not."""
    return file.peek(2).startswith(b'PK')


def quote(name):
    """Return a name of a file for a message: what a terminal could obey is spelled out."""
    return name if name.isprintable() else ascii(name)


def check(is_so, reason):
    if not is_so:
        raise ValueError(reason)


@contextmanager
def plain_error(reason):
    """Let ValueError say what is wrong with a ZIP, for which zipfile raises nearly everything."""
    try:
        yield
    except Exception as error:
        raise ValueError(reason) from error


class Archive:
    """The files of a ZIP that somebody sent, which are read and never written to a disk.

    ValueError says what is wrong with it.
    """

    def __init__(self, file):
        with plain_error('it is not a whole ZIP file, or has a name in it that is not UTF-8'):
            self.zip = zipfile.ZipFile(file, metadata_encoding='utf-8')
        # Beside each file that a Mac has packed, it has one of its own.
        infos = [info for info in self.zip.infolist() if not info.filename.startswith('__MACOSX/')]
        check(len(infos) <= MAX_FILES, f'it has more than {MAX_FILES:,} files')
        for info in infos:
            self.check_file(info)
        names = {info.filename for info in infos}
        check(len(names) == len(infos), 'two files in it have the same name')
        tops = {f'{name.split("/")[0]}/' for name in names - {'feed.json'}}
        folder = tops.pop() if len(tops) == 1 and 'feed.json' not in names else ''
        files = (info for info in infos if not info.is_dir())
        self.files = {info.filename.removeprefix(folder): info for info in files}
        check('feed.json' in self.files, 'it has no feed.json')

    def check_file(self, info):
        name = quote(info.filename)
        parts = re.split(r'[/\\]', info.filename.removesuffix('/'))
        check(not {'', '.', '..'} & {*parts}, f'{name} is no name for a file')
        check(not info.flag_bits & LOCKED, f'{name} is encrypted')
        check(info.compress_type in PACKED, f'{name} is packed in a way that is not known here')

    def read(self, name, limit):
        """Return the bytes of a file, which has to be whole and have no more than this."""
        info = self.files[name]
        check(info.file_size <= limit, f'{quote(name)} has more than {limit:,} bytes')
        with plain_error(f'{quote(name)} is damaged'), self.zip.open(info) as stream:
            return stream.read(limit)  # which zipfile sees to, whatever the ZIP says

    def find_time(self, name):
        """Return when a file was made, as entries keep times, or None if that makes no sense."""
        info = self.files[name]
        moment = info.date_time
        if unix_time := re.search(re.escape(TIME_FIELD) + b'(.{4})', info.extra, re.DOTALL):
            moment = time.gmtime(int.from_bytes(unix_time[1], 'little'))[:6]
        try:
            return f'{datetime(*moment).isoformat()}Z'
        except ValueError:
            return None
