-- Flaskr's tables. Every statement ends its line with a semicolon and does
-- nothing where its table is there already; app.py runs them one by one.

-- What the author wrote. An id is never used again, so the address of an entry
-- can never lead to another one.
create table if not exists entries (
    id integer primary key autoincrement,
    title text not null,
    text text not null,
    created text  -- UTC as 2026-11-21T03:04:05Z; null: made by the tutorial's app
);

-- What Flaskr must remember for itself, the same for all workers: the key that
-- signs cookies, and a random word that changes whenever the author logs out.
create table if not exists settings (
    name text primary key,
    value text not null
);

-- The login attempts of the last minutes that have not succeeded.
create table if not exists failed_logins (
    id integer primary key,
    browser text not null,  -- which known browser tried; '' for all the others
    at real not null  -- seconds since 1970
);
