-- Flaskr's tables. init_db() runs the statements one by one; empty lines part them. None
-- loses anything where what it makes is there already, and entries of an older schema get the
-- columns that they lack by themselves, drafts too. parts/schema_postgres.sql has to say the same.

-- What the author wrote. An id is never used again, so the address of an entry can
-- never lead to another one. Times are UTC, as 2026-11-21T03:04:05Z.
create table if not exists entries (
    id integer primary key autoincrement,
    title text not null,
    text text not null,
    created text,  -- null: made by the first Flaskr, which kept no times
    updated text,  -- null: never edited
    deleted text,  -- null: not in the trash
    version integer not null default 1,  -- how often it was saved
    guid text  -- the key of the form or the id in the feed that it came from, if any
);

-- What the author has begun and not shared. It has the columns of entries, and a table of
-- its own, so that nothing that reads entries for readers can ever find one.
create table if not exists drafts (
    id integer primary key autoincrement,
    title text not null,
    text text not null,
    created text,
    updated text,
    deleted text,
    version integer not null default 1,
    guid text
);

create index if not exists entries_in_trash on entries (id) where deleted is not null;

create unique index if not exists entries_by_guid on entries (guid) where guid is not null;

create unique index if not exists drafts_by_guid on drafts (guid) where guid is not null;

-- The tags of the entries, which are in their texts too; here they are found quickly.
create table if not exists tags (
    name text not null,  -- without case and accents
    entry_id integer not null,
    word text not null,  -- as it was typed
    primary key (name, entry_id)
);

create index if not exists tags_by_entry on tags (entry_id);

create trigger if not exists tags_after_delete after delete on entries begin
    delete from tags where entry_id = old.id;
end;

-- The pictures, which texts show by their names.
create table if not exists pictures (
    id integer primary key autoincrement,
    name text not null unique,  -- the beginning of the SHA-256 of its content
    width integer not null,  -- pixels
    height integer not null,
    created text not null,
    content blob not null,  -- WebP
    small blob  -- a copy for phones; null: there is none, since it would hardly be smaller
);

drop view if exists listed_pictures;

create view listed_pictures as select id, name, width, height, created from pictures;

drop view if exists published;

drop view if exists trash;

drop view if exists stored;

drop view if exists open_drafts;

drop view if exists discarded_drafts;

-- All columns of all entries, for an export.
create view stored as select * from entries;

-- What readers may see: whatever they are shown is read from here.
create view published as select * from entries where deleted is null;

create view trash as select * from entries where deleted is not null;

create view open_drafts as select * from drafts where deleted is null;

create view discarded_drafts as select * from drafts where deleted is not null;

-- What Flaskr must remember for itself, the same for all workers: one row.
create table if not exists internals (
    id integer primary key check (id = 1),
    secret_key text not null,  -- signs cookies
    logged_out text not null  -- a random word, new whenever the author logs out
);

-- The login attempts of the last minutes that have not succeeded.
create table if not exists failed_logins (
    browser text not null,  -- the id of a known browser; '' for all the others
    at real not null  -- seconds since 1970
);

-- The words of the entries that are not in the trash, without case and accents. It
-- keeps no text of its own; the triggers below keep it in step with the entries. The
-- beginnings of up to 8 letters are indexed too: a longer one has to be put together
-- from all the words that begin so. It is made anew, since it may be of an older kind.
drop table if exists entries_search;

create virtual table entries_search using fts5 (
    title, text, content='entries', content_rowid='id',
    prefix='1 2 3 4 5 6 7 8', tokenize='unicode61 remove_diacritics 2'
);

insert into entries_search (rowid, title, text) select id, title, text from published;

drop trigger if exists entries_search_insert;

drop trigger if exists entries_search_update;

drop trigger if exists entries_search_delete;

create trigger if not exists entries_search_after_insert after insert on entries begin
    insert into entries_search (rowid, title, text)
        select id, title, text from published where id = new.id;
end;

create trigger if not exists entries_search_before_update before update on entries begin
    insert into entries_search (entries_search, rowid, title, text)
        select 'delete', id, title, text from published where id = old.id;
end;

create trigger if not exists entries_search_after_update after update on entries begin
    insert into entries_search (rowid, title, text)
        select id, title, text from published where id = new.id;
end;

create trigger if not exists entries_search_before_delete before delete on entries begin
    insert into entries_search (entries_search, rowid, title, text)
        select 'delete', id, title, text from published where id = old.id;
end;

pragma user_version = 9;  -- SCHEMA_VERSION in app.py: another one for each change of this file
