"""Measure how close Flaskr comes to a server that answers with constants, and how far it
is ahead of the tutorial's app.

    python tools/benchmark.py

It makes blogs of up to a million entries in a temporary folder, serves them and the
programs of tools/bare.py on loopback with the project's own settings of gunicorn and one
worker each, and drives them with wrk. What is compared takes turns, so that whatever else
the machine does slows all alike. It prints one table.

In the rows "as shipped" everything has as many workers as those settings say. Those of
the tutorial's app are of the kind that gunicorn takes by itself, with one thread. nginx is
as deploy/nginx.conf has it, with the cache turned on.

With DATABASE_URL=postgresql://… it measures on Postgres too, in schemas of its own that
it removes again.
"""

import ast
import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import platform
import re
import runpy
import shutil
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.parse

from nginx import NGINX, Nginx

FOLDER = pathlib.Path(__file__).resolve().parent.parent
SIZES = [10, 1_000, 100_000, 1_000_000]  # entries
LARGEST = SIZES[-1]
POSTGRES_SIZES = [200_000, LARGEST]
POSTGRES_WORDS = {
    'one match': 'unicorn',
    'no match': 'zebra',
    '440 matches': 'griffin',
    'all match': 'common',
}
# Of the rows as shipped: how many times the rate of the tutorial's app is wanted.
SHIPPED_SIZES = {10: 3, 1_000: 20, 10_000: 200}
ROUNDS = 7  # of all runs of wrk
SECONDS = 1  # of a run
CONNECTIONS = 8  # that wrk keeps open for each worker
REQUESTS = 50  # of a kind, where they are timed one by one
PASSWORD = 'only for the benchmark'
POSTGRES_URL = os.environ.pop('DATABASE_URL', '')

INSERT = """
    insert into entries (title, text, created, guid) values (?, ?, ?, ?)
    on conflict do nothing
"""
SELECT = """
    select 'Entry ' || i,
        'A common text about subject' || (i % 5000) || ' and name' || (i * 79 % 100003) ||
        case i when 5 then ' and a unicorn' else '' end ||
        case i % {step} when 1 then ' and a griffin' else '' end ||
        '. It has **bold** words, two ' ||
        'sentences and [a link](https://example.com/' || i || ').', '2026-01-01T00:00:00Z'
"""

# Another address each time, and in each run, so that none is in the cache.
UNCACHED = """
    math.randomseed(os.time())
    local run, number = math.random(1e9), 0
    function request()
        number = number + 1
        return wrk.format('GET', '/?run=' .. run .. '&number=' .. number)
    end
"""

# Blogs -----------------------------------------------------------------------------


def select_entries(size):
    """Return the SQL of so many entries from a table of numbers; 440 of many have a griffin."""
    return SELECT.format(step=max(size // 440, 1))


def init_db(url):
    command = [sys.executable, '-m', 'flask', 'init-db']
    environment = {**os.environ, 'DATABASE_URL': url}
    subprocess.run(command, cwd=FOLDER, env=environment, stdout=subprocess.DEVNULL, check=True)


def fill_sqlite(path, size):
    """Make a blog; its search index at once rather than with each entry."""
    init_db(f'sqlite:///{path}')
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        query = "select name, sql from sqlite_master where type = 'trigger'"
        triggers = db.execute(query).fetchall()
        for name, _ in triggers:
            db.execute(f'drop trigger {name}')
        numbers = f'numbers (i) as (select 1 union all select i + 1 from numbers where i < {size})'
        db.execute(
            f'with {numbers} insert into entries (title, text, created)'
            f' {select_entries(size)} from numbers'
        )
        db.execute("insert into entries_search (entries_search) values ('rebuild')")
        for _, statement in triggers:
            db.execute(statement)


def fill_tutorial(path, blog):
    """Make a database of the tutorial's app with the entries of a blog."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute('attach ? as blog', [str(blog)])
        with db:
            db.execute('create table entries (id integer primary key, title text, text text)')
            db.execute('insert into entries select id, title, text from blog.entries')


def fill_postgres(url, size):
    import psycopg

    init_db(url)
    with psycopg.connect(url) as db:
        query = "select indexdef from pg_indexes where indexname = 'entries_words'"
        (statement,) = db.execute(query + ' and schemaname = current_schema').fetchone()
        db.execute('drop index entries_words')
        columns = 'entries (title, text, created)'
        numbers = f'generate_series(1, {size}) as i'
        db.execute(f'insert into {columns} {select_entries(size)} from {numbers}')
        db.execute(statement)


@contextlib.contextmanager
def postgres_schema(name):
    """Yield the URL of a new schema, which is like a database of its own."""
    import psycopg

    schema = f'flaskr_{name}_{os.getpid()}'
    parts = urllib.parse.urlsplit(POSTGRES_URL)
    settings = [*urllib.parse.parse_qsl(parts.query), ('options', f'-c search_path={schema}')]
    query = urllib.parse.urlencode(settings, quote_via=urllib.parse.quote)
    with psycopg.connect(POSTGRES_URL, autocommit=True) as db:
        db.execute(f'create schema {schema}')
        try:
            yield parts._replace(query=query).geturl()
        finally:
            db.execute(f'drop schema {schema} cascade')


# Servers ---------------------------------------------------------------------------


class Server:
    """A gunicorn on a free port of loopback, until the `with` block ends.

    It has one worker; where `workers` is None, as many as gunicorn.conf.py says.
    """

    def __init__(self, application, url='', *options, workers=1):
        self.application, self.url, self.options = application, url, options
        if workers is not None:
            self.options += ('--workers', str(workers))

    def __enter__(self):
        self.log = tempfile.TemporaryFile('w+')
        self.process = subprocess.Popen(
            [
                *(sys.executable, '-m', 'gunicorn', self.application),
                *('--bind', '127.0.0.1:0', '--pythonpath', 'tools'),
                *self.options,
            ],
            cwd=FOLDER,
            env={
                **{name: os.environ[name] for name in os.environ if 'GUNICORN' not in name},
                'DATABASE_URL': self.url,
                'FLASKR_USERNAME': 'admin',
                'FLASKR_PASSWORD': PASSWORD,
            },
            stdout=subprocess.DEVNULL,
            stderr=self.log,
        )
        try:
            self.port = int(self.read_log(r'Listening at: http://127\.0\.0\.1:(\d+)'))
            self.worker = int(self.read_log(r'Booting worker with pid: (\d+)'))
        except BaseException:
            self.__exit__()
            raise
        self.address = f'http://127.0.0.1:{self.port}'
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait()
        self.log.close()

    def read_log(self, pattern):
        for _ in range(200):
            self.log.seek(0)
            found = re.search(pattern, self.log.read())
            if found:
                return found[1]
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        self.log.seek(0)
        sys.exit(f'gunicorn did not start:\n{self.log.read()}')

    def connect(self):
        return http.client.HTTPConnection('127.0.0.1', self.port, timeout=30)

    def read_answer(self, path):
        """Return what the application itself says: the status, its headers, the body."""
        with contextlib.closing(self.connect()) as connection:
            connection.request('GET', path)
            response = connection.getresponse()
            headers = [
                header
                for header in response.getheaders()
                if header[0] not in ('Server', 'Date', 'Connection')
            ]
            return (
                f'{response.status} {response.reason}',
                headers,
                response.read().decode('latin-1'),
            )

    def memory(self):
        """Return the resident memory of the worker in bytes."""
        status = pathlib.Path(f'/proc/{self.worker}/status').read_text()
        return int(re.search(r'VmRSS:\s+(\d+) kB', status)[1]) * 1024


def count_workers():
    """Return how many workers gunicorn.conf.py says."""
    return int(runpy.run_path(str(FOLDER / 'gunicorn.conf.py'))['workers'])


def count_requests(server, path, script=None, workers=1):
    """Let wrk ask for a page as often as it can; return the requests per second."""
    options = ['-t', '1', '-c', str(CONNECTIONS * workers), '-d', f'{SECONDS}s']
    if script:
        options += ['-s', script]
    command = ['wrk', *options, server.address + path]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or 'Non-2xx' in done.stdout or 'Socket errors' in done.stdout:
        sys.exit(f'{path} failed:\n{done.stdout}{done.stderr}')
    with contextlib.closing(server.connect()) as connection:
        ask(connection, 200, 'GET', path)  # after what wrk no longer waited for
    return float(re.search(r'Requests/sec:\s+([\d.]+)', done.stdout)[1])


def timed(function, *arguments):
    """Return how many seconds a call takes."""
    start = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - start


def ask(connection, status, method, path, body=None, headers=None):
    """Send a request, and read the answer to its end."""
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    response.read()
    if response.status != status:
        sys.exit(f'{path}: {response.status} {response.reason}')
    return response


# Measurements ----------------------------------------------------------------------


def compare_rates(groups):
    """Run all groups of targets in turn; return each group's rates, a list of groups."""
    rates = [[] for _ in groups]
    for number in range(ROUNDS):
        step = 1 if number % 2 else -1  # forth or back
        for group, results in zip(groups, rates, strict=True):
            results.append([count_requests(*target) for target in group[::step]][::step])
    return rates


def time_search(server, word):
    """Return the median of the seconds that a search takes which is not in the cache."""
    with contextlib.closing(server.connect()) as connection:
        return statistics.median(
            timed(ask, connection, 200, 'GET', f'/search?q={word}&number={number}')
            for number in range(REQUESTS)
        )


def time_query(url, word):
    """Return the median of the seconds that a search waits for the database's first answer.

    That is without the page, which takes longer to make.
    """
    sys.path.insert(0, str(FOLDER))
    import app

    app.app.config['DATABASE'] = url
    with app.app.app_context():
        return statistics.median(
            timed(app.get_db().find_matches, [word], app.SEARCH_LIMIT) for _ in range(REQUESTS)
        )


def time_posts(server, path, view):
    """Return the medians of the seconds of a post, of its insert alone, and of a bare view."""
    form = {'Content-Type': 'application/x-www-form-urlencoded'}
    with (
        contextlib.closing(server.connect()) as blog,
        contextlib.closing(view.connect()) as bare,
        contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db,
    ):
        db.execute('pragma synchronous = extra')
        login = urllib.parse.urlencode({'username': 'admin', 'password': PASSWORD})
        response = ask(blog, 302, 'POST', '/login', login, form)
        cookies = [cookie.split(';')[0] for cookie in response.headers.get_all('Set-Cookie')]
        author = {**form, 'Cookie': '; '.join(cookies)}
        title, text = 'A new entry', 'A common text of a few words, stored by the benchmark.'
        entry = urllib.parse.urlencode({'title': title, 'text': text})

        def insert():
            db.execute(INSERT, [title, text, '2026-01-01T00:00:00Z', None]).fetchall()

        actions = [
            lambda: ask(blog, 302, 'POST', '/add', entry, author),
            insert,
            lambda: ask(bare, 200, 'POST', '/', entry, form),
        ]
        times = [[timed(action) for action in actions] for _ in range(REQUESTS)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


def time_imports():
    """Return the medians of the seconds to import app, and only what app.py imports."""
    tree = ast.parse((FOLDER / 'app.py').read_text())
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    libraries = '; '.join(ast.unparse(node) for node in imports)

    def time_import(statements):
        program = f'import time; start = time.perf_counter(); {statements}'
        program += '; print(time.perf_counter() - start)'
        return float(subprocess.check_output([sys.executable, '-c', program], cwd=FOLDER))

    times = [(time_import('import app'), time_import(libraries)) for _ in range(11)]
    return [statistics.median(column) for column in zip(*times, strict=True)]


# The table -------------------------------------------------------------------------


def per_second(rate):
    return f'{rate:,.0f}/s'


def milliseconds(seconds):
    return f'{seconds * 1000:.1f} ms'


def megabytes(count):
    return f'{count / 1e6:.0f} MB'


class Table:
    def __init__(self):
        self.rows = [('what', 'Flaskr', 'compared with', 'ratio', 'wanted', '')]

    def add(self, what, ours, theirs, ratio, wanted):
        sign, number, unit = re.fullmatch(r'([≥≤]) ([\d.,]+)(.*)', wanted).groups()
        limit = float(number.replace(',', ''))
        reached = ratio >= limit if sign == '≥' else ratio <= limit
        shown = '' if unit else f'{ratio:.2f}'
        self.rows.append((what, ours, theirs, shown, wanted, 'reached' if reached else 'MISSED'))

    def add_rates(self, what, pairs, wanted):
        """Add the medians of some rates and of their ratios, in the same round each."""
        ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        ratio = statistics.median(first / second for first, second in pairs)
        self.add(what, per_second(ours), per_second(theirs), ratio, wanted)

    def print(self):
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        for number, row in enumerate(self.rows):
            cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
            print(f'| {" | ".join(cells)} |')
            if number == 0:
                print(f'|{"|".join("-" * (width + 2) for width in widths)}|')


def describe_machine():
    model = re.search(r'model name\s*: (.*)', pathlib.Path('/proc/cpuinfo').read_text())
    return (
        f'{os.cpu_count()} cores of {model[1] if model else platform.machine()}, '
        f'Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}'
    )


def main():
    if not shutil.which('wrk'):
        sys.exit('wrk is missing: install it first, on Debian with apt-get install wrk')
    if not sys.platform.startswith('linux'):
        sys.exit('This needs Linux, which tells the memory of a process in /proc.')
    if not shutil.which(NGINX):
        sys.exit('nginx is missing: install it first, on Debian with apt-get install nginx')
    if POSTGRES_URL and not POSTGRES_URL.startswith('postgres'):
        sys.exit('DATABASE_URL has to begin with postgresql://, or else to be unset.')
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('Stopped.'))  # and clean up
    start = time.monotonic()
    table = Table()
    with contextlib.ExitStack() as stack:
        stack.callback(table.print)  # even if it is cut short
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sizes = POSTGRES_SIZES if POSTGRES_URL else []
        urls = {size: stack.enter_context(postgres_schema(f'benchmark_{size}')) for size in sizes}
        with concurrent.futures.ThreadPoolExecutor() as executor:
            filling = [executor.submit(fill_postgres, url, size) for size, url in urls.items()]
            for size in sorted({*SIZES, *SHIPPED_SIZES}):
                fill_sqlite(folder / f'{size}.db', size)
            for blog in filling:
                blog.result()
        measure_as_shipped(table, folder)
        measure(table, stack, folder, urls)
    print(f'\n{describe_machine()}. Measured in {time.monotonic() - start:.0f} s.')


def measure_as_shipped(table, folder):
    """Serve the smaller blogs with all workers, and add the rows of that to the table."""
    workers = count_workers()
    answers = folder / 'shipped.json'
    with contextlib.ExitStack() as stack:
        serve = stack.enter_context
        blogs = {
            f'/{size}': serve(Server('app:app', f'sqlite:///{folder}/{size}.db', workers=None))
            for size in SHIPPED_SIZES
        }
        answers.write_text(
            json.dumps({address: blog.read_answer('/') for address, blog in blogs.items()})
        )
        constants = serve(Server(f'bare:answers("{answers}")', workers=None))
        groups = []
        for size, (address, blog) in zip(SHIPPED_SIZES, blogs.items(), strict=True):
            path = folder / f'tutorial{size}.db'
            fill_tutorial(path, folder / f'{size}.db')
            kind = '--worker-class', 'sync', '--threads', '1'
            tutorial = serve(Server(f'bare:tutorial("{path}")', '', *kind, workers=workers))
            nginx = serve(Nginx(blog.port, cache=True))
            pages = (blog, '/'), (tutorial, '/'), (constants, address), (nginx, '/')
            groups.append([(*page, None, workers) for page in pages])
        rates = compare_rates(groups)

    for (size, times), rounds in zip(SHIPPED_SIZES.items(), rates, strict=True):
        what = f'as shipped, {size:,} entries'
        pairs = [(blog, tutorial) for blog, tutorial, _, _ in rounds]
        table.add_rates(f'{what}, beside the tutorial', pairs, f'≥ {times}')
        pairs = [(blog, constant) for blog, _, constant, _ in rounds]
        table.add_rates(f'{what}, beside a constant', pairs, '≥ 0.75')
        rate = statistics.median(nginx for _, _, _, nginx in rounds)
        table.add(f'{what}, through nginx', per_second(rate), '', rate, '≥ 20,000/s')


def measure(table, stack, folder, postgres_urls):
    """Serve the blogs and what they are compared with, and add all rows to the table."""

    def serve(application, url=''):
        return stack.enter_context(Server(application, url))

    urls = {f'/{size}': f'sqlite:///{folder / str(size)}.db' for size in SIZES}
    if postgres_urls:
        urls['/postgres'] = postgres_urls[LARGEST]
    blogs = {address: serve('app:app', url) for address, url in urls.items()}
    largest = blogs[f'/{LARGEST}']
    style = re.search('/static/style[^"]*', largest.read_answer('/')[2])[0]
    pages = {address: (blog, '/') for address, blog in blogs.items()}
    pages['/entry'] = largest, f'/entry/{LARGEST // 2}'
    pages['/feed'] = largest, '/feed.xml'
    pages['/style'] = largest, style
    answers = folder / 'answers.json'
    answers.write_text(
        json.dumps({address: page[0].read_answer(page[1]) for address, page in pages.items()})
    )
    constants = serve(f'bare:answers("{answers}")')
    view = serve('bare:view()')
    template = serve('bare:template()', urls[f'/{LARGEST}'])
    script = folder / 'uncached.lua'
    script.write_text(UNCACHED)

    pairs = {address: (page, (constants, address)) for address, page in pages.items()}
    pairs['uncached'] = (largest, '/', script), (template, '/', script)
    pairs['view'] = (view, '/'), (largest, '/')  # for its memory
    rates = dict(zip(pairs, compare_rates(list(pairs.values())), strict=True))

    for size in SIZES:
        table.add_rates(f'index of {size:,} entries', rates[f'/{size}'], '≥ 0.75')
    ours = [[pair[0] for pair in rates[f'/{size}']] for size in (LARGEST, SIZES[0])]
    table.add_rates('the largest index over the smallest', list(zip(*ours, strict=True)), '≥ 0.90')
    table.add_rates('an entry', rates['/entry'], '≥ 0.75')
    table.add_rates('the feed', rates['/feed'], '≥ 0.75')
    table.add_rates('a static file', rates['/style'], '≥ 0.75')
    table.add_rates('index, not kept', rates['uncached'], '≥ 0.5')
    if postgres_urls:
        table.add_rates(f'index of {LARGEST:,} entries on Postgres', rates['/postgres'], '≥ 0.6')
    for kind, word in [('rare', 'unicorn'), ('common', 'common')]:
        seconds = time_search(largest, word)
        what = f'search for a {kind} word, not kept'
        table.add(what, milliseconds(seconds), '', seconds * 1000, '≤ 25 ms')
    for size, url in postgres_urls.items():
        for kind, word in POSTGRES_WORDS.items():
            seconds = time_query(url, word)
            what = f'query of a search on Postgres, {size:,} entries, {kind}'
            table.add(what, milliseconds(seconds), '', seconds * 1000, '≤ 5 ms')
    post, insert, bare = time_posts(largest, folder / f'{LARGEST}.db', view)
    both = f'{milliseconds(insert)} + {milliseconds(bare)}'
    table.add('post an entry', milliseconds(post), both, post / (insert + bare), '≤ 2')
    memory = largest.memory(), view.memory()
    table.add('memory of a worker', *map(megabytes, memory), memory[0] / memory[1], '≤ 1.5')
    imports = time_imports()
    table.add('import', *map(milliseconds, imports), imports[0] / imports[1], '≤ 1.5')


if __name__ == '__main__':
    main()
