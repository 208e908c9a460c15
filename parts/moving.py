"""All entries out of a database, and those of a feed into it."""

import time
from contextlib import nullcontext

from parts.jsonfeed import entry_urn

ROWS_AT_ONCE = 100  # of an export, so that neither the memory holds all nor a lock is kept
PART_WEIGHT = 1_000_000  # letters, about, that are stored in a fraction of a second
PAUSE = 0.15  # seconds between parts; SQLite asks every 0.1 whether a lock is free


def read_entries(db):
    """Yield every entry, the trash too, as a dict of its columns, from the lowest id on."""
    query = 'select * from stored where id > ? order by id limit ?'
    last_id = -1
    while rows := db.execute(query, [last_id, ROWS_AT_ONCE]).fetchall():
        yield from map(dict, rows)
        last_id = rows[-1]['id']


def import_entries(db, entries):
    """Store the entries, dicts of columns, whose guid is not here already, in parts.

    Yields for each how many entries are done with, and how many of them were stored. An entry
    keeps its id if that is free; the others get new ones at the end, from the oldest on. Into
    an empty blog all come in one transaction; else others get in between two parts.
    """
    is_empty = not db.execute('select id from entries limit 1').fetchone()
    with db.transaction() if is_empty else nullcontext():
        for new_ids in False, True:
            # First those that keep their id; then the others, whose id may have been taken.
            queue = [entry for entry in entries if new_ids == (not entry['id'])]
            # The highest id first, so that none is given to a post that comes between.
            queue.sort(key=lambda entry: -entry['id'] if entry['id'] else entry['created'] or '')
            for part in split_in_parts(queue):
                with nullcontext() if is_empty else db.transaction():
                    stored = import_part(db, part, new_ids)
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


def import_part(db, part, new_ids):
    """Store the entries of a part that are not here already and have an id, or get new ids.

    Returns how many. An id that is taken becomes None, so that the entry waits for a new one.
    """
    guids, ids = [[entry[name] for entry in part if entry[name]] for name in ('guid', 'id')]
    query = f"""
        select id, guid, created from entries where guid in ({marks(guids)})
        union all select id, guid, created from entries where id in ({marks(ids)})
    """
    here = db.execute(query, guids + ids).fetchall()
    known = {entry['guid'] or entry_urn(entry) for entry in here}
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
        insert_rows(db, rows, without={'id'} if new_ids else set())
    return len(rows)


def insert_rows(db, entries, without):
    """Store all columns of the entries that the table has, without some of them."""
    every_column = [name for name, *_ in db.execute('select * from stored limit 0').description]
    given = set().union(*entries) - without  # the others get what the schema says
    columns = [name for name in every_column if name in given]
    statement = f'insert into entries ({", ".join(columns)}) values ({marks(columns)})'
    db.executemany(statement, [[entry.get(name) for name in columns] for entry in entries])
    db.skip_given_ids('entries')


def marks(values):
    """Return as many question marks as there are values, for SQL."""
    return ', '.join('?' * len(values)) or 'null'
