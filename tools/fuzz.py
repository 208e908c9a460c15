"""Send Flaskr odd requests, and print every way in which one breaks it.

    python tools/fuzz.py --requests 100000 --seconds 600 --seed 1

It serves a blog of its own from a temporary folder, by a gunicorn on loopback with the
project's own settings and one worker, and asks for every route that the application has,
as a reader and as the author. tools/odd.py makes the requests: the same ones after the
same seed, but for ids and cookies. Each finding is printed once, with the bytes of a
request that led to it; if there is any, the exit status is 1. It needs Linux.

With DATABASE_URL=postgresql://… the blog is on Postgres, in a schema of its own that is
removed again.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import gzip
import itertools
import os
import pathlib
import random
import re
import signal
import socket
import sys
import tempfile
import time
import urllib.parse
import zlib

from benchmark import FOLDER, PASSWORD, POSTGRES_URL, Server, postgres_schema
from odd import OUTSIDE, WORDS, RequestMaker

THREADS = 4  # that send, as many as a worker has to answer
SLOW = 5  # seconds that no answer may take
MEMORY = 256 * 1024**2  # bytes that the worker may have at most
BROWSERS = 50  # that have logged in: each may fail to do so 10 times in 3 minutes
FIELDS = {b'username': [b'admin'], b'password': [PASSWORD.encode()], b'version': [b'1', b'2']}
SECRETS = [b'root:x:0:0', b'"""Flaskr: a microblog', b'create table', b'SQLite format 3']
SECRETS += [b'[core]', b'Traceback (most recent call last)', PASSWORD.encode()]
SECURITY_HEADERS = {
    'cache-control',
    'content-security-policy',
    'referrer-policy',
    'x-content-type-options',
}
REFUSALS = {400, 414, 417, 431, 501}
REFUSAL = rb'<html>\n  <head>\n    <title>([\w -]+)</title>\n.*    <h1><p>\1</p></h1>\n.*</html>\n'

# Answers ---------------------------------------------------------------------------


def read_answer(file, method):
    """Return the next answer: its status, headers and body, or None at the end.

    ValueError says what is wrong with it.
    """
    line = file.readline()
    if not line:
        return None
    start = re.fullmatch(rb'HTTP/1\.[01] ([1-5]\d\d) [ -~]+\r\n', line)
    if not start:
        raise ValueError(f'no status: {line[:100]}')
    headers = collections.defaultdict(list)
    while (line := file.readline()) != b'\r\n':
        header = re.fullmatch(r'([\w-]+): ([\t -~\x80-\xff]*)\r\n', line.decode('latin-1'))
        if not header:
            raise ValueError(f'no header: {line[:100]}')
        headers[header[1].lower()].append(header[2])
    status, length = int(start[1]), ','.join(headers['content-length'])
    if status < 200:
        return read_answer(file, method)
    if status in (204, 304) or (method == b'HEAD' and 'server' in headers):
        return status, headers, b''
    if not re.fullmatch('[0-9]+', length):
        raise ValueError(f'its length is {length!r}')
    body = file.read(int(length))
    if len(body) < int(length):
        raise ValueError('it ends too early')
    return status, headers, body


def is_refusal(status, headers, body):
    """Say whether gunicorn refused what is no HTTP, before Flaskr could see it.

    It names itself in all that Flaskr answers, and in nothing else.
    """
    is_page = status in REFUSALS and re.fullmatch(REFUSAL, body, re.DOTALL)
    return is_page and 'server' not in headers


def find_faults(status, headers, body):
    """Yield what is wrong with an answer."""
    missing = SECURITY_HEADERS - headers.keys()
    if missing and not is_refusal(status, headers, body):
        yield f'lacks {", ".join(sorted(missing))}'
    if headers['content-encoding'] == ['gzip'] and body:
        try:
            body = gzip.decompress(body)
        except (OSError, EOFError, zlib.error):
            yield 'is not compressed as it says'
    for secret in SECRETS:
        if secret in body:
            yield f'tells {secret}'
    location = ''.join(headers['location'])
    if re.search(rb'https?:///', body) or re.match('https?:///', location):
        yield 'has an address without a host'
    if re.match(r'(https?:)?[/\\]{2,}elsewhere', location):
        yield 'leads to another site'


def show(raw):
    """Write bytes as Python does, what is repeated only once."""
    parts, end = [], 0
    for run in re.finditer(rb'(.{1,9}?)\1{49,}', raw, re.DOTALL):
        parts += [repr(raw[end : run.start()]), f'{run[1]!r} * {len(run[0]) // len(run[1])}']
        end = run.end()
    return ' + '.join([*parts, repr(raw[end:])])


def find_traces(log):
    """Yield the tracebacks in a log, each after what was raised and where."""
    pattern = r'^.*\nTraceback .*\n(?:(?: .*)?\n)+\S.*$'
    for trace in re.findall(pattern, log, re.MULTILINE):
        error = trace.splitlines()[-1].split(':')[0]
        place = re.findall('^  File (.*)', trace, re.MULTILINE)[-1]
        yield f'{error} in {place}', trace


# Requests --------------------------------------------------------------------------


class Client:
    """Sends requests, on the same connection as long as the answers say so."""

    def __init__(self, port):
        self.port, self.connection = port, None

    def connect(self):
        self.close()
        self.connection = socket.create_connection(('127.0.0.1', self.port), timeout=SLOW)
        self.file = self.connection.makefile('rb')

    def close(self):
        if self.connection:
            self.file.close()
            self.connection.close()
        self.connection = None

    def send(self, raw, is_whole=True):
        """Return the answers to a request; one that isn't whole ends with its connection."""
        is_new = not is_whole or not self.connection
        if is_new:
            self.connect()
        answers, is_kept = [], False
        method = raw.removeprefix(b'\r\n').split(b' ')[0]
        try:
            with contextlib.suppress(ConnectionError):  # refused before the end
                self.connection.sendall(raw)
            if not is_whole:
                with contextlib.suppress(OSError):  # closed already
                    self.connection.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionError):  # closed before all was read
                while not is_kept and (answer := read_answer(self.file, method)):
                    answers.append(answer)
                    is_kept, method = is_whole and answer[1]['connection'] == ['keep-alive'], b''
        finally:
            if not is_kept:
                self.close()
        return answers if answers or is_new else self.send(raw, is_whole)


class Fuzzer:
    """Sends a server requests of all kinds, and collects what is found."""

    def __init__(self, server, seed, fifo):
        self.server, self.seed, self.fifo = server, seed, fifo
        self.findings, self.statuses = set(), []
        self.rules, self.ids, self.fields = find_rules(), [b'1'], FIELDS
        client = Client(server.port)
        self.browsers = [self.log_in(client) for _ in range(BROWSERS)]
        for number in range(5):
            self.ask(client, b'POST', b'/add', self.session, b'title=%d&text=*A+text*' % number)
        self.ask(client, b'POST', b'/delete/2', self.session)
        for rule, _ in self.rules:
            self.log_in(client, self.browsers[0])  # again, if the last rule was the logout's
            page = self.ask(client, b'GET', re.sub(b'<.*?>', b'1', rule), self.session)[2]
            names = re.findall(rb'<(?:input|select|textarea)\b[^>]* name="(\w+)"', page)
            self.fields = dict.fromkeys(names, WORDS) | self.fields
        client.close()

    def ask(self, client, method, path, cookie, form=b''):
        """Send a valid request, and return the answer."""
        head = b'%b %b HTTP/1.1\r\nHost: localhost\r\nCookie: %b\r\nContent-Length: %d\r\n'
        head += b'Content-Type: application/x-www-form-urlencoded\r\n\r\n'
        (answer,) = client.send(head % (method, path, cookie, len(form)) + form)
        return answer

    def log_in(self, client, browser=b''):
        """Begin a session of the author's; return the cookie that makes the browser known."""
        form = b'username=admin&password=' + urllib.parse.quote(PASSWORD).encode()
        cookies = self.ask(client, b'POST', b'/login', browser, form)[1]['set-cookie']
        cookies = {cookie.split('=')[0]: cookie.split(';')[0].encode() for cookie in cookies}
        self.session = cookies['session']
        return cookies['known_browser']

    def report(self, finding, *examples):
        """Print what was found, unless it is known, with requests or lines that led to it."""
        if finding not in self.findings:
            self.findings.add(finding)
            print(finding)
            for example in examples:
                print(show(example) if isinstance(example, bytes) else example)
            print(flush=True)

    def read_log(self, length):
        """Return the end of gunicorn's log, without moving to where it writes next."""
        log = self.server.log.fileno()
        start = max(os.fstat(log).st_size - length, 0)
        return os.pread(log, length, start).decode(errors='replace')

    def try_request(self, client, number):
        maker = RequestMaker(f'{self.seed} {number}')
        rule, methods = maker.choice(self.rules)
        cookie = self.session + b'; ' + maker.choice(self.browsers[1:])
        raw, is_whole = maker.make_request(rule, methods, self.ids, self.fields, cookie)
        name, start = rule.decode(), time.monotonic()
        try:
            answers = client.send(raw, is_whole)
            has_left = name == '/logout' and self.session in raw
            if has_left and any(status == 302 for status, _, _ in answers):
                self.log_in(client, self.browsers[0])
        except (ValueError, OSError, KeyError) as error:
            self.report(f'{name} has no valid answer: {error}', raw)
            with contextlib.suppress(OSError):  # unless nobody waits for it
                os.close(os.open(self.fifo, os.O_WRONLY | os.O_NONBLOCK))
            return
        if time.monotonic() - start > SLOW:
            self.report(f'{name} is slow', raw)
        if is_whole and len(answers) != 1:
            self.report(f'{name} has {len(answers)} answers', raw)
        for status, headers, body in answers:
            self.statuses.append(status)
            for fault in find_faults(status, headers, body):
                self.report(f'{name} {status} {fault}', raw)
            if status >= 500 and not is_refusal(status, headers, body):
                traces = [(f'{name} {status}', ''), *find_traces(self.read_log(30_000))]
                self.report(f'fails with {traces[-1][0]}', raw, traces[-1][1])
            self.ids = re.findall(rb'="/\w+/(\d+)"', body) or self.ids

    def run(self, requests, seconds):
        """Send so many requests at most, for so many seconds at most; return how many."""
        numbers, end = itertools.count(), time.monotonic() + seconds

        def work():
            client, count = Client(self.server.port), 0
            while (number := next(numbers)) < requests and time.monotonic() < end:
                self.try_request(client, number)
                count += 1
            client.close()
            return count

        with concurrent.futures.ThreadPoolExecutor(THREADS) as executor:
            threads = [executor.submit(work) for _ in range(THREADS)]
            try:
                return sum(thread.result() for thread in concurrent.futures.as_completed(threads))
            finally:
                end = 0  # for the other threads too, if this is cut short

    def inspect_worker(self):
        """Look at what the worker has opened, logged and taken of the memory."""
        log = self.read_log(10**9)
        for path, request in re.findall('^Opened (.*) for (.*)$', log, re.MULTILINE):
            self.report(f'worker opened {path}', request)
        for cause, trace in find_traces(log):
            self.report(f'fails with {cause}', trace)
        workers = re.findall(r'Booting worker with pid: (\d+)', log)
        if len(workers) > 1:
            self.report('worker died', *re.findall(r'.*\[(?:ERROR|CRITICAL)\].*', log))
        status = pathlib.Path(f'/proc/{workers[-1]}/status').read_text()
        memory = int(re.search(r'VmHWM:\s+(\d+) kB', status)[1]) * 1024  # at its peak
        print(f'The worker took {memory / 1e6:.0f} MB at most.')
        if memory > MEMORY:
            self.report('worker took too much memory')


def find_rules():
    """Return the rules of Flaskr's router, each with its methods."""
    sys.path.insert(0, str(FOLDER))
    import app as flaskr

    return [
        (rule.rule.encode(), [method.encode() for method in sorted(rule.methods)])
        for rule in flaskr.app.url_map.iter_rules()
    ]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--requests', type=int, default=20_000)
    parser.add_argument('--seconds', type=int, default=600)
    parser.add_argument('--seed', default=random.randrange(10**6))
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('Stopped.'))  # and clean up
    print(f'Seed {options.seed}\n', flush=True)
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
        fifo = folder / 'fifo'
        os.mkfifo(fifo)  # whoever opens it waits until somebody writes
        OUTSIDE.append(b'../' * 9 + bytes(fifo)[1:])
        os.environ['TMPDIR'] = f'{folder}/temporary'  # where a worker may open files
        os.mkdir(os.environ['TMPDIR'])
        url = f'sqlite:///{folder}/flaskr.db'
        if POSTGRES_URL.startswith('postgres'):
            url = stack.enter_context(postgres_schema('fuzz'))
        server = stack.enter_context(Server('app:app', url, '-c', 'tools/fuzz.conf.py'))
        fuzzer, start = Fuzzer(server, options.seed, fifo), time.monotonic()
        count = fuzzer.run(options.requests, options.seconds)
        seconds = time.monotonic() - start
        fuzzer.inspect_worker()
    statuses = sorted(collections.Counter(fuzzer.statuses).items())
    print(
        f'{count} requests in {seconds:.0f} s, {count / seconds:.0f} a second. Answers:',
        ', '.join(f'{number} of {status}' for status, number in statuses),
    )
    sys.exit(bool(fuzzer.findings))


if __name__ == '__main__':
    main()
