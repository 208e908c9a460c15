"""Entries as a JSON Feed 1.1 (https://jsonfeed.org/version/1.1), and any JSON Feed as entries."""

import json
import re
import textwrap
import uuid
from contextlib import suppress
from datetime import UTC, datetime

from markupsafe import Markup, escape

from parts.texts import drop_nul, render_text

KINDS = {str: 'a text', int: 'a number', dict: 'an object'}
TOO_LARGE = 10**17  # a number from which on there would be no room to count
COMMON = {'title', 'created', 'updated', 'guid'}  # columns that the format has a place for
OWN = {'id': int, 'version': int, 'text': str, 'deleted': str}  # columns that it has not


def entry_urn(entry):
    """Return an id for the whole world that never changes (RFC 9562, version 5)."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f'flaskr:{entry["id"]}:{entry["created"]}').urn


def make_item(entry, find_url):
    """Return an entry as an item of a JSON Feed; what the format lacks is in _flaskr."""
    entry = {**entry, 'title': drop_nul(entry['title']), 'text': drop_nul(entry['text'])}
    own = sorted(entry.keys() - COMMON)
    item = {
        'id': entry['guid'] or entry_urn(entry),
        'url': None if entry['deleted'] else find_url(entry),
        'title': entry['title'],
        'content_html': render_text(entry['text']),
        'date_published': entry['created'],
        'date_modified': entry['updated'],
        '_flaskr': {name: entry[name] for name in own if entry[name] is not None},
    }
    return {name: value for name, value in item.items() if value is not None}


def write_feed(entries, find_url):
    """Yield the pieces of a JSON Feed, with one entry a line; find_url(entry) may be None."""
    yield '{"version": "https://jsonfeed.org/version/1.1", "title": "Flaskr", "items": ['
    # Others publish all items, so the trash is beside them; read with them, so that none is missed.
    trash, separator = [], '\n'
    for entry in entries:
        line = json.dumps(make_item(entry, find_url), ensure_ascii=False)
        if entry['deleted']:
            trash.append(f'\n{line}')
        else:
            yield separator + line
            separator = ',\n'
    yield '\n], "_flaskr": {"trash": [' + ','.join(trash) + '\n]}}\n'


def read_field(item, name, kind=str):
    """Return a value of an item, or None; ValueError says what is wrong with it."""
    value = item.get(name)
    if value is None:
        return None
    if type(value) is not kind or (kind is int and value < 0):
        raise ValueError(f'{name} has to be {KINDS[kind]}')
    if kind is int and value >= TOO_LARGE:
        raise ValueError(f'{name} is too large')
    if kind is str and re.search('[\ud800-\udfff]', value):
        raise ValueError(f'{name} has half a character in it')
    return drop_nul(value) if kind is str else value


def read_time(item, name):
    """Return a time of an item (RFC 3339) as entries keep it, or None."""
    value = read_field(item, name)
    if not value:
        return None
    with suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(value.upper())
        if moment.tzinfo:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
            return f'{moment.isoformat(timespec="seconds")}Z'
    raise ValueError(f'{name} is no time with its zone, as 2026-11-21T03:04:05Z is')


def read_guid(item, source):
    """Return the id of an item; a plain one, such as 1, is another in another feed."""
    if type(item.get('id')) is int:  # as the format's version 1.0 had it
        item = {'id': str(item['id'])}
    name = read_field(item, 'id')
    guid = f'{source}#{name}' if name and source and ':' not in name else name
    if not guid or len(guid.encode()) > 2000:  # more is too much for Postgres' index
        raise ValueError('id is missing or longer than 2000 bytes, with what the feed is called')
    return guid


def read_item(item, source):
    """Return an item of a JSON Feed as the columns of an entry."""
    if not isinstance(item, dict):
        raise ValueError('it has to be an object')
    own = read_field(item, '_flaskr', dict) or {}
    kinds = {name: OWN.get(name, type(value)) for name, value in own.items()}
    own = {name: read_field(own, name, kinds[name]) for name in own if kinds[name] in (int, str)}
    text = own.get('text')
    for name in ('content_html', 'content_text', 'summary'):
        value = read_field(item, name)
        if text is None and value is not None:
            text = value if name == 'content_html' else str(escape(value))
    words = textwrap.shorten(Markup(text or '').striptags(), 60, placeholder='…')
    title = read_field(item, 'title') or ''
    number = str(item.get('id'))
    return {
        **own,
        'guid': read_guid(item, source),
        'id': own.get('id') or (int(number) if re.fullmatch('[1-9][0-9]{0,9}', number) else None),
        'title': title if title.strip() else words or 'Untitled',
        'text': text or '',
        'created': read_time(item, 'date_published'),
        'updated': read_time(item, 'date_modified'),
        'deleted': read_time(own, 'deleted'),
        'version': own.get('version') or 1,
    }


def read_feed(path):
    """Return the entries of a JSON Feed; ValueError names the line or item that is wrong."""
    try:
        with open(path, encoding='utf-8-sig') as file:
            feed = json.load(file)
    except UnicodeDecodeError:
        raise ValueError('it is not UTF-8') from None
    except RecursionError:
        raise ValueError('it is nested too deeply') from None
    format_name = feed.get('version') if isinstance(feed, dict) else None
    if not str(format_name).startswith('https://jsonfeed.org/version/'):
        raise ValueError('it is not a JSON Feed')
    source = read_field(feed, 'feed_url') or read_field(feed, 'home_page_url')
    trash = (read_field(feed, '_flaskr', dict) or {}).get('trash', [])
    entries = []
    for kind, items in [('item', feed.get('items')), ('trashed item', trash)]:
        if not isinstance(items, list):
            raise ValueError(f'its {kind}s have to be a list')
        for number, item in enumerate(items, start=1):
            try:
                entries.append(read_item(item, source))
                if items is trash and not entries[-1]['deleted']:
                    raise ValueError('deleted is missing')
            except ValueError as error:
                raise ValueError(f'{kind} {number}: {error}') from None
    return entries
