-- Flaskr's tables. init_db() runs the statements one by one; empty lines part them. None
-- loses anything where what it makes is there already, and entries of an older schema get the
-- columns that they lack by themselves. parts/schema_postgres.sql has to say the same.

-- What the author wrote. An id is never used again, so the address of an entry can
-- never lead to another one. Times are UTC, as 2026-11-21T03:04:05Z.
create table if not exists entries (
    id integer primary key autoincrement,
    title text not null,
    text text not null,
    created text,  -- null: made by the tutorial's app, which kept no times
    updated text,  -- null: never edited
    deleted text,  -- null: not in the trash
    version integer not null default 1,  -- how often it was saved
    guid text  -- the key of the form or the id in the feed that it came from, if any
);

create index if not exists entries_in_trash on entries (id) where deleted is not null;

create unique index if not exists entries_by_guid on entries (guid) where guid is not null;

drop view if exists published;

drop view if exists trash;

drop view if exists stored;

-- All columns of all entries, for an export.
create view stored as select * from entries;

-- What readers may see: whatever they are shown is read from here.
create view published as select * from entries where deleted is null;

create view trash as select * from entries where deleted is not null;

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

pragma user_version = 6;  -- SCHEMA_VERSION in app.py: another one for each change of this file
