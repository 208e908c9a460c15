"""Entries as a JSON Feed 1.1 (https://jsonfeed.org/version/1.1), and any JSON Feed as entries."""

import json
import re
import uuid
from contextlib import suppress
from datetime import UTC, datetime

from markupsafe import escape

from parts.tagindex import read_tags
from parts.tags import add_tags, unlink_tags
from parts.texts import drop_nul, make_absolute, name_entry

KINDS = {str: 'a text', int: 'a number', dict: 'an object', list: 'a list'}
TOO_LARGE = 10**17  # a number from which on there would be no room to count
COMMON = {'title', 'created', 'updated', 'guid'}  # columns that the format has a place for
OWN = {'id': int, 'version': int, 'text': str, 'deleted': str}  # columns that it has not


def entry_urn(entry):
    """Return an id for the whole world that never changes (RFC 9562, version 5)."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f'flaskr:{entry["id"]}:{entry["created"]}').urn


def make_item(entry, find_url, show_text):
    """Return an entry as an item of a JSON Feed; what the format lacks is in _flaskr."""
    entry = {**entry, 'title': drop_nul(entry['title']), 'text': drop_nul(entry['text'])}
    own = sorted(entry.keys() - COMMON)
    guid = entry['guid'] or ''
    item = {
        'id': guid if ':' in guid else entry_urn(entry),  # a plain one is only a form's key
        'url': None if entry['deleted'] else find_url(entry),
        'title': entry['title'],
        'content_html': show_text(entry['text']),
        'tags': list(read_tags(entry['text']).values()) or None,
        'date_published': entry['created'],
        'date_modified': entry['updated'],
        '_flaskr': {name: entry[name] for name in own if entry[name] is not None},
    }
    return {name: value for name, value in item.items() if value is not None}


def to_line(entry, find_url, show_text):
    return f'\n{json.dumps(make_item(entry, find_url, show_text), ensure_ascii=False)}'


def describe(config, **addresses):
    """Return what a feed says of itself; config: TITLE, DESCRIPTION, AUTHOR and LANGUAGE."""
    return {
        'version': 'https://jsonfeed.org/version/1.1',
        'title': config['TITLE'],
        'description': config['DESCRIPTION'],
        'language': config['LANGUAGE'],
        'authors': [{'name': config['AUTHOR']}],
        **addresses,
    }


def make_feed(config, entries, find_url, show_text, **addresses):
    """Return a JSON Feed for everybody; show_text(text, True) is the HTML for other places."""
    items = [make_item(entry, find_url, lambda text: show_text(text, True)) for entry in entries]
    for item, entry in zip(items, entries, strict=True):
        item.update(title=name_entry(entry), _flaskr={'id': entry['id']})
        item['content_html'] = make_absolute(item['content_html'], item['url'])
    return json.dumps({**describe(config, **addresses), 'items': items}, ensure_ascii=False)


def write_feed(config, entries, drafts, find_url, show_text):
    """Yield the pieces of a JSON Feed with everything, one entry a line.

    find_url(entry) may say None; show_text(text) is its HTML
    """
    yield json.dumps(describe(config), ensure_ascii=False)[:-1] + ', "items": ['
    # Others publish all items, so the trash and the drafts are beside them. The trash is read with
    # them and the drafts before, so that none is missed that moves meanwhile.
    drafts = [to_line(draft, lambda draft: None, show_text) for draft in drafts]
    trash, separator = [], ''
    for entry in entries:
        line = to_line(entry, find_url, show_text)
        if entry['deleted']:
            trash.append(line)
        else:
            yield separator + line
            separator = ','
    own = {'trash': trash, 'drafts': drafts}
    lists = (f'"{name}": [' + ','.join(lines) + '\n]' for name, lines in own.items())
    yield '\n], "_flaskr": {' + ', '.join(lists) + '}}\n'


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


def read_text(item, has_source):
    """Return the text of an item; its content_text may be the source that the HTML is made of."""
    names = ('content_html', 'content_text', 'summary')
    html, plain, summary = (read_field(item, name) for name in names)
    shown = (html or '').count('<img')  # pictures, which a mere extract of the words lacks
    if has_source and plain and shown <= plain.count('<img') + plain.count('!['):
        return plain
    plain = summary if plain is None else plain
    return str(escape(plain or '')) if html is None else html


def read_item(item, source, has_source):
    """Return an item of a JSON Feed as the columns of an entry."""
    if not isinstance(item, dict):
        raise ValueError('it has to be an object')
    own = read_field(item, '_flaskr', dict) or {}
    kinds = {name: OWN.get(name, type(value)) for name, value in own.items()}
    own = {name: read_field(own, name, kinds[name]) for name in own if kinds[name] in (int, str)}
    text, title = read_text(item, has_source), read_field(item, 'title') or ''
    if own.get('text') is None:
        tags = read_field(item, 'tags', list) or []
        tags = [read_field({'a tag': tag}, 'a tag') or '' for tag in tags]
        own['text'] = add_tags(unlink_tags(text), tags)
    number = str(item.get('id'))
    return {
        **own,
        'guid': read_guid(item, source),
        'id': own.get('id') or (int(number) if re.fullmatch('[1-9][0-9]{0,9}', number) else None),
        'title': title if title.strip() or own['text'].strip() else 'Untitled',
        'created': read_time(item, 'date_published'),
        'updated': read_time(item, 'date_modified'),
        'deleted': read_time(own, 'deleted'),
        'version': own.get('version') or 1,
    }


def read_feed(content, has_source=False):
    """Return the entries and drafts in the bytes of a JSON Feed, and whether Flaskr exported it.

    has_source: content_text is Markdown, as it was typed
    ValueError names the line or item at fault.
    """
    try:
        feed = json.loads(content.decode('utf-8-sig'))
    except UnicodeDecodeError:
        raise ValueError('it is not UTF-8') from None
    except RecursionError:
        raise ValueError('it is nested too deeply') from None
    format_name = feed.get('version') if isinstance(feed, dict) else None
    if not str(format_name).startswith('https://jsonfeed.org/version/'):
        raise ValueError('it is not a JSON Feed')
    source = read_field(feed, 'feed_url') or read_field(feed, 'home_page_url')
    own = read_field(feed, '_flaskr', dict) or {}
    from_here = source, has_source
    entries = read_items('item', feed.get('items'), *from_here)
    trash = read_items('trashed item', own.get('trash', []), *from_here, needed='deleted')
    return entries + trash, read_items('draft', own.get('drafts', []), *from_here), bool(own)


def read_items(kind, items, source, has_source, needed='guid'):
    """Return a list of items as entries; ValueError names the one at fault."""
    if not isinstance(items, list):
        raise ValueError(f'its {kind}s have to be a list')
    entries = []
    for number, item in enumerate(items, start=1):
        try:
            entries.append(read_item(item, source, has_source))
            if not entries[-1][needed]:
                raise ValueError(f'{needed} is missing')
        except ValueError as error:
            raise ValueError(f'{kind} {number}: {error}') from None
    return entries
