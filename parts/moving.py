"""All that is in a database out of it, and the entries and drafts of a feed into it."""

import sys
import time
from contextlib import nullcontext

from parts.jsonfeed import entry_urn
from parts.tagindex import insert_tags

EVERYTHING = {'entries': 'stored', 'drafts': 'drafts'}  # what has all columns of each table
ROWS_AT_ONCE = 100  # of an export, so that neither the memory holds all nor a lock is kept
PART_WEIGHT = 1_000_000  # letters, about, that are stored in a fraction of a second
PAUSE = 0.15  # seconds between parts; SQLite asks every 0.1 whether a lock is free


def read_rows(db, view, size=ROWS_AT_ONCE, is_backwards=False):
    """Yield all rows of a table or view as dicts, from the lowest id on, or from the highest back.

    size: how many are in memory at once
    """
    beyond, order, last_id = ('<', 'desc', sys.maxsize) if is_backwards else ('>', 'asc', -1)
    query = f'select * from {view} where id {beyond} ? order by id {order} limit ?'
    while rows := db.execute(query, [last_id, size]).fetchall():
        yield from map(dict, rows)
        last_id = rows[-1]['id']


def count_pictures(db):
    return db.execute('select count(*) as count from listed_pictures').fetchone()['count']


def import_entries(db, entries, table='entries'):
    """Store the entries, dicts of columns, whose guid is not here already, in parts.

    Yields for each how many entries are done with, and how many of them were stored. An entry
    keeps its id if that is free; the others get new ones at the end, from the oldest on. Into
    an empty blog all come in one transaction; else others get in between two parts.
    """
    is_empty = not db.execute(f'select id from {table} limit 1').fetchone()
    with db.transaction() if is_empty else nullcontext():
        for new_ids in False, True:
            # First those that keep their id; then the others, whose id may have been taken.
            queue = [entry for entry in entries if new_ids == (not entry['id'])]
            # The highest id first, so that none is given to a post that comes between.
            queue.sort(key=lambda entry: -entry['id'] if entry['id'] else entry['created'] or '')
            for part in split_in_parts(queue):
                with nullcontext() if is_empty else db.transaction():
                    stored = import_part(db, part, new_ids, table)
                yield sum(1 for entry in part if entry['id'] or new_ids), stored
                if stored and not is_empty:
                    time.sleep(PAUSE)


def split_in_parts(entries):
    """Yield the entries in parts, each of which is stored in a fraction of a second."""
    part, weight = [], 0
    for entry in entries:
        part.append(entry)
        weight += 1000 + len(entry['title']) + len(entry['text'])
        if weight >= PART_WEIGHT:
            yield part
            part, weight = [], 0
    if part:
        yield part


def import_part(db, part, new_ids, table):
    """Store the entries of a part that are not here already and have an id, or get new ids.

    Returns how many. An id that is taken becomes None, so that the entry waits for a new one.
    """
    guids, ids = [[entry[name] for entry in part if entry[name]] for name in ('guid', 'id')]
    query = f"""
        select id, guid, created from {table} where guid in ({marks(guids)})
        union all select id, guid, created from {table} where id in ({marks(ids)})
    """
    here = db.execute(query, guids + ids).fetchall()
    known = {name for entry in here for name in (entry['guid'], entry_urn(entry))}
    taken = {entry['id'] for entry in here}
    rows = []
    for entry in part:
        if entry['guid'] in known:
            continue
        known.add(entry['guid'])
        if entry['id'] in taken:
            entry['id'] = None
        taken.add(entry['id'])
        if entry['guid'] == entry_urn(entry):
            entry['guid'] = None  # which is found by its id
        if entry['id'] or new_ids:
            rows.append(entry)
    if rows:
        insert_rows(db, rows, table, without={'id'} if new_ids else set())
    return len(rows)


def insert_rows(db, entries, table, without):
    """Store all columns of the entries that the table has, without some of them."""
    nothing = db.execute(f'select * from {EVERYTHING[table]} limit 0')
    every_column = [name for name, *_ in nothing.description]
    given = set().union(*entries) - without  # the others get what the schema says
    columns = [name for name in every_column if name in given]
    statement = f'insert into {table} ({", ".join(columns)}) values ({marks(columns)})'
    db.executemany(statement, [[entry.get(name) for name in columns] for entry in entries])
    db.skip_given_ids(table)
    if table == 'entries':
        tag_imported(db, [entry for entry in entries if '#' in entry['text']], without)


def tag_imported(db, entries, without):
    """Let entries that have been stored be found by their tags."""
    name = 'guid' if without else 'id'  # by which they are known
    query = f'select id, text from entries where {name} in ({marks(entries)})'
    insert_tags(db, db.execute(query, [entry[name] for entry in entries]).fetchall())


def marks(values):
    """Return as many question marks as there are values, for SQL."""
    return ', '.join('?' * len(values)) or 'null'
