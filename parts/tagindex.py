"""Which entries have which tags: a table that is kept in step with their texts."""

from parts.tags import find_tags
from parts.texts import render_text

TEXTS_AT_ONCE = 1000  # whose tags are looked for, so that the memory never holds all texts


def read_tags(text):
    """Return {name: word as it was typed first} of the tags in a text."""
    return find_tags(render_text(text)) if '#' in text else {}


def store_tags(db, entry_id, text):
    """Let an entry be found by the tags of its text, and by no others any more."""
    db.execute('delete from tags where entry_id = ?', [entry_id])
    insert_tags(db, [{'id': entry_id, 'text': text}])


def insert_tags(db, entries):
    rows = [
        [name, entry['id'], word]
        for entry in entries
        for name, word in read_tags(entry['text']).items()
    ]
    if rows:
        db.executemany('insert into tags (name, entry_id, word) values (?, ?, ?)', rows)


def index_tags(db):
    """Make the table anew, from the texts of all entries."""
    db.execute('delete from tags')
    query = "select id, text from entries where id > ? and text like '%#%' order by id limit ?"
    last_id = -1
    while entries := db.execute(query, [last_id, TEXTS_AT_ONCE]).fetchall():
        insert_tags(db, entries)
        last_id = entries[-1]['id']


def find_tagged(db, name, limit, before):
    """Return the newest entries with a tag before an id, with its `name` and `word`."""
    query = """
        select published.*, name, word from tags join published on id = entry_id
        where name = ? and entry_id < ? order by entry_id desc limit ?
    """
    return db.execute(query, [name, before, limit]).fetchall()


def count_tags(db):
    """Return the name and word of each tag that readers may see, and the count of its entries."""
    query = """
        select name, max(word) as word, count(*) as count
        from tags join published on id = entry_id group by name order by name
    """
    return db.execute(query).fetchall()
