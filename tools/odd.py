"""Requests that are odd in one thing or another: what tools/fuzz.py sends to Flaskr."""

import pathlib
import random
import re
import urllib.parse

LONG = b'A' * 9000  # more than gunicorn takes in a line
WORDS = b'entry|A text|# a\n\n- *b*\r\n|it\'s 5" & c|<b>d</b>|\xc3\xa9|e\xcc\x81'.split(b'|')
ODD = b'|-1|0|00|1.5|1e9|1_0|0x1| 1|\xd9\xa1|//elsewhere.example|/\\elsewhere.example'.split(b'|')
ODD += b'"|*|%|%s%n|{{ 7 * 7 }}|&lt;|a\r\nb: c|a&b=c;d|<!--|<textarea>'.split(b'|')
ODD += b' |\0|\xff|\xed\xa0\x80|\xf0\x9f\x98\x80|\xe2\x80\xae\xef\xbb\xbf'.split(b'|')
ODD += [b'9' * digits for digits in (10, 18, 19, 20, 4400)]  # 4300 are the most for int()
ODD += [b'|a' * 500 + b'\n' + b'|-' * 500 + b'\n|a' * 500, b'</a><div>' * 900]
ODD += [b'> ' * 500, b'[a](' * 500, b'*a _b ' * 500, LONG]

FOLDER = pathlib.Path(__file__).resolve().parent.parent
STATIC_FILES = [file.name.encode() for file in (FOLDER / 'static').iterdir()]
OUTSIDE = b'../app.py|../schema.sql|../.git/config|../templates'.split(b'|')  # of static/
OUTSIDE += [b'../' * 9 + path for path in (b'dev/zero', b'etc/passwd', b'proc/self/environ')]
STEPS = b'../|%2e%2e/|..%2f|%2e%2e%2f|%252e%252e/|..\\|..%5c|.../|/|%2f'.split(b'|')
PIECES = b'//|/./|/../|/%2e%2e/|%2f|\\|%00|%ff|%|%zz|%0d%0a|%20|;a|#|?|%c3%a9|%ed%a0%80'.split(b'|')
PIECES += b' |\t|\0|\n|\r\n|:|\xff|\xc3\xa9'.split(b'|') + [LONG]

METHODS = b'GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS|TRACE|CONNECT|FUZZ|get|G|@'.split(b'|')
ARGUMENTS = {
    b'before': [b'4', b'30'],
    b'after': [b'1'],
    b'q': WORDS,
    b'next': [b'/', b'/trash', b'//elsewhere.example', b'/\\elsewhere.example'],
    b'v': WORDS,
}
CONTENT_TYPES = b'|;|\xff|text/plain|application/json|multipart/form-data'.split(b'|')
CONTENT_TYPES += [b'multipart/form-data; boundary=' + value for value in (b'', b'"', b'-', LONG)]
CONTENT_TYPES += [b'application/x-www-form-urlencoded; charset=a', b'multipart/mixed; boundary=b']

HOSTS = b'| |:|:80|a:b|a:99999|[::1]|[|a,b|a b|a@b|a/b|.|..|%00|"|xn--a|\xff|\xc3\xa9'.split(b'|')
HOSTS += [b'other.example', b'A' * 300]
YEARS = [b'2026', b'0001', b'9999', b'9' * 20]
ZONES = [b'GMT', b'-2359', b'9' * 20]
DATES = [b'Sat, 21 Nov %b 13:00:00 %b' % (year, zone) for year in YEARS for zone in ZONES]
ETAGS = [b'*', b'"', b'W/"a"', b'"a", "b"', b'"a"' * 500]
SITES = b'null|http://localhost|https://other.example|file:///|http://['.split(b'|')
HEADERS = {
    b'Accept': [b'*/*', b'application/json', b'text/html;q=a'],
    b'Accept-Encoding': b'gzip|br, gzip|gzip;q=0|gzip;q=a|gzip;q=1e999|*|*;q=0'.split(b'|'),
    b'Authorization': [b'Basic', b'Basic !', b'Basic YTpi', b'Digest a'],
    b'Connection': [b'close', b'keep-alive', b'Upgrade, HTTP2-Settings'],
    b'Expect': [b'100-continue'],
    b'Forwarded': [b'for=1;host=other.example;proto=https', b'for="['],
    b'If-Modified-Since': DATES,
    b'If-None-Match': ETAGS,
    b'If-Range': DATES,
    b'If-Unmodified-Since': DATES,
    b'Origin': SITES,
    b'Range': [
        b'bytes=' + value for value in (b'0-', b'9-1', b'-1', b'0-0,2-3', b'9' * 4400 + b'-')
    ],
    b'Referer': SITES,
    b'SCRIPT_NAME': [b'/a'],
    b'Sec-Fetch-Dest': [b'document', b'image'],
    b'Sec-Fetch-Site': [b'same-origin', b'none', b'cross-site'],
    b'Upgrade': [b'h2c', b'websocket'],
    b'X-Forwarded-For': [b'1.2.3.4', b'a, b', b'['],
    b'X-Forwarded-Host': HOSTS,
    b'X-Forwarded-Proto': [b'https', b'http', b'ftp', b'https, http'],
    b'X-HTTP-Method-Override': [b'DELETE'],
    b'X-Requested-With': [b'XMLHttpRequest'],
}

LENGTHS = b'|-1|+1|1_0|a|0, 0|\xb2|1|99'.split(b'|') + [b'9' * 30, b'9' * 4400]
CODINGS = b'chunked|chunked|chunked|identity|gzip, chunked|chunked, chunked|a|'.split(b'|')
CHUNKS = b'5\r\na=bcd\r\n|5\r\na=b|5\r\na=bcdef\r\n|5\na=bcd\n|5;a="\r\na=bcd\r\n'.split(b'|')
CHUNKS += b'-1\r\n|zz\r\n|0x5\r\na=bcd\r\n|ffffffffffffffff\r\na|\r\n|'.split(b'|') + [LONG]
ENDS = b'0\r\n\r\n|0\r\n||0\r\na: b\r\n\r\n|0\r\nHost: a\r\n\r\n|0\r\na\r\n\r\n'.split(b'|')
ENDS += [b'0\r\na: \0\r\n\r\n', b'0\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n']
PART = b'--b\r\nContent-Disposition: form-data; name="%b"%b\r\n\r\n%b\r\n'
PART_HEADERS = b"|; filename=a|; filename*=utf-8''%ff|\r\nContent-Type: \xff|;|\r\na".split(b'|')


class RequestMaker(random.Random):
    """Makes requests; after the same seed the same ones."""

    def happens(self, share):
        return self.random() < share

    def choose(self, usual):
        """Return one of the usual values, or now and then an odd one."""
        return self.choice(ODD if self.happens(0.15) else usual)

    def quote(self, value):
        """Write a value into an address or a form, seldom twice or not at all."""
        for _ in range(self.choices([1, 2, 0], [90, 5, 5])[0]):
            value = urllib.parse.quote_from_bytes(value, safe='').encode()
        return value

    def encode(self, pairs):
        return b'&'.join(self.quote(name) + b'=' + self.quote(value) for name, value in pairs)

    def make_target(self, rule, ids):
        """Return the target of a request for a rule of the router, whose ids exist."""

        def fill(variable):
            if variable[1] == b'path' and self.happens(0.5):
                return self.choice(OUTSIDE).replace(b'../', self.choice(STEPS))
            usual = {b'path': STATIC_FILES, b'int': ids}.get(variable[1], WORDS)
            return self.quote(self.choose(usual))

        target = re.sub(rb'<(?:(\w+)[^:>]*:)?\w+>', fill, rule)
        if self.happens(0.1):
            place = self.randint(0, len(target))
            target = target[:place] + self.choice(PIECES) + target[place:]
        if self.happens(0.03):
            target = self.choice([b'http://other.example' + target, b'*', b'a:1', target[1:]])
        if self.happens(0.5):
            names = self.sample(list(ARGUMENTS), self.randint(1, 3))
            target += b'?' + self.encode((name, self.choose(ARGUMENTS[name])) for name in names)
        return target

    def make_body(self, fields):
        """Return a content type and a body, mostly of a form with all its fields."""
        pairs = [
            (name, self.choose(usual))
            for name, usual in fields.items()
            for _ in range(self.choices([1, 0, 2], [94, 4, 2])[0])
        ]
        kind = self.choices(['form', 'parts', 'other'], [70, 20, 10])[0]
        if kind == 'form':
            content_type, body = b'application/x-www-form-urlencoded', self.encode(pairs)
        elif kind == 'parts':
            content_type, body = b'multipart/form-data; boundary=b', b''
            for name, value in pairs:
                header = self.choice(PART_HEADERS) if self.happens(0.1) else b''
                body += PART % (name, header, value)
            body += self.choices([b'--b--\r\n', b'', b'--b', LONG * 60], [94, 2, 2, 2])[0]
        else:
            content_type = self.choice(CONTENT_TYPES)
            many = b'&'.join(b'%d' % number for number in range(9000))  # fields
            body = self.choice([b'', b'{"title": "a"}', b'[' * 9000, many, self.randbytes(99)])
        return self.choice(CONTENT_TYPES) if self.happens(0.1) else content_type, body

    def make_frame(self, body):
        """Return header lines that tell where a body ends, the body, and whether all is right."""
        kind = self.choices(['length', 'chunks', 'odd length', 'odd chunks'], [80, 10, 5, 5])[0]
        if kind == 'length':
            return [b'Content-Length: %d' % len(body)], body, True
        if kind == 'chunks' and body:
            body = b'%x\r\n%b\r\n0\r\n\r\n' % (len(body), body)
            return [b'Transfer-Encoding: chunked'], body, True
        if kind == 'odd length':
            lines = [b'Content-Length: ' + self.choice(LENGTHS)] * self.choice([1, 1, 2])
            return lines, body, False
        lines = [b'Transfer-Encoding: ' + self.choice(CODINGS)]
        if self.happens(0.1):
            lines.append(b'Content-Length: 5')
        return lines, self.choice(CHUNKS) + self.choice(ENDS), False

    def make_request(self, rule, methods, ids, fields, cookie):
        """Return the bytes of a request, and whether it is whole, so that an answer is due.

        `fields` are those of the forms, with a list of usual values for each.
        """
        method = self.choice(methods if self.happens(0.85) else METHODS)
        version = self.choices([b'1.1', b'1.0', b'0.9', b'2', b'1.10'], [96, 1, 1, 1, 1])[0]
        lines = [b'%b %b HTTP/%b' % (method, self.make_target(rule, ids), version)]
        for _ in range(self.choices([1, 0, 2], [96, 2, 2])[0]):
            host = self.choice(HOSTS) if self.happens(0.05) else b'localhost'
            lines.append(b'Host: ' + host)
        if self.happens(0.6):
            if self.happens(0.1):
                place = self.choice([len(b'session='), self.randrange(len(cookie))])
                rest = self.choice([cookie[place + 1 :], b''])
                cookie = cookie[:place] + self.choice(ODD) + rest
            lines.append(b'Cookie: ' + cookie)
        names = self.sample(list(HEADERS), self.choice([0, 0, 1, 2, 3]))
        if b'Range' in names:
            names.append(b'If-Range')  # which is not looked at alone
        lines += [name + b': ' + self.choose(HEADERS[name]) for name in names]
        body, is_whole = b'', True
        if self.happens(0.95 if method in (b'POST', b'PUT', b'PATCH') else 0.05):
            content_type, body = self.make_body(fields)
            frame, body, is_whole = self.make_frame(body)
            lines += [b'Content-Type: ' + content_type, *frame]
        lines = [line.replace(b'\r\n', b' ') for line in lines]
        head = b'\r\n'.join([*lines, b'', b''])
        if self.happens(0.03):
            place, is_whole = self.randrange(len(head)), False
            head = head[:place] + self.choice(PIECES) + head[place + self.randint(0, 3) :]
        # gunicorn reads only so much of what a refused request still sends.
        return head + body, is_whole and len(body) < 50_000
