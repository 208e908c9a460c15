"""Pages of a WSGI application, kept while a version stays the same (RFC 9111, RFC 9110)."""

import functools
import gzip
import io
import threading

from werkzeug.http import generate_etag, parse_accept_header, parse_etags, remove_entity_headers
from werkzeug.wrappers import Response

ADDRESS = 'wsgi.url_scheme', 'HTTP_HOST', 'SCRIPT_NAME', 'PATH_INFO', 'QUERY_STRING'
LONG_PAGE = 50_000  # bytes, from which on it is stored compressed for whoever asks for it
HEADER_LENGTH = 1000  # letters of a header that are looked at; browsers send far fewer

# Whether an Accept-Encoding header allows gzip (RFC 9110, section 12.5.3).
accepts_gzip = functools.lru_cache(lambda header: parse_accept_header(header).quality('gzip') > 0)


class PageCache:
    """A WSGI application that keeps the pages of another while a version is the same.

    They are for readers, whose requests have no session cookie. It is asked with the address
    only, so that nothing else of one request gets into another's page; and with where that came
    from, since it refuses what other sites ask for. A refusal is never kept.
    """

    def __init__(self, wsgi_app, config, watch, is_off, besides):
        """config: a mapping with SESSION_COOKIE_NAME, the cookie that readers don't have, and
        PAGE_CACHE, the bytes that all pages may take
        watch: find_version() returns what a page depends on, or None if that can't be told;
        note_post() is called after each POST, which may have changed it
        is_off: says whether no page may be kept
        besides: how the paths begin that are none of its pages
        """
        self.wsgi_app, self.config, self.watch = wsgi_app, config, watch
        self.is_off, self.besides = is_off, besides
        self.pages = {}  # by address: headers, body, ETag, and whether to unpack the body
        self.size = 0  # bytes, about, of all addresses and pages
        self.lock = threading.Lock()

    def __call__(self, environ, start_response):
        version = self.watch.find_version() if self.is_for_reader(environ) else None
        if version is None:
            body = self.wsgi_app(environ, start_response)
            if environ['REQUEST_METHOD'] == 'POST':
                self.watch.note_post()
            return body
        gzipped = accepts_gzip(environ.get('HTTP_ACCEPT_ENCODING', '')[:HEADER_LENGTH])
        address = version, gzipped, *map(environ.get, ADDRESS)
        page = self.pages.get(address)
        if page is None:
            response = self.render(environ)
            if response.status_code != 200 or 'Set-Cookie' in response.headers:
                return response(environ, start_response)
            page = self.store(address, response)
        headers, body, etag, is_packed = page
        headers = headers.copy()  # a server may add to it (PEP 3333)
        known = environ.get('HTTP_IF_NONE_MATCH', '')[:HEADER_LENGTH]
        if known and parse_etags(known).contains_weak(etag):
            remove_entity_headers(headers)
            start_response('304 NOT MODIFIED', headers)
            return []
        start_response('200 OK', headers)
        if environ['REQUEST_METHOD'] == 'HEAD':
            return []
        return [gzip.decompress(body) if is_packed else body]

    def is_for_reader(self, environ):
        """Say whether the answer is a page for everybody, as far as the request tells."""
        is_page = environ['REQUEST_METHOD'] in ('GET', 'HEAD') and 'HTTP_HOST' in environ
        is_page = is_page and not environ['PATH_INFO'].startswith(self.besides)
        session_cookie = f'{self.config["SESSION_COOKIE_NAME"]}='
        has_session = session_cookie in environ.get('HTTP_COOKIE', '')
        return is_page and not has_session and not self.is_off()

    def render(self, environ):
        """Return the other application's response to what is the same for all readers."""
        passed_on, dropped = ('HTTP_HOST', 'HTTP_ORIGIN', 'HTTP_SEC_FETCH_'), ('HTTP_', 'CONTENT_')
        bare = {'REQUEST_METHOD': 'GET', 'wsgi.input': io.BytesIO()}
        for name, value in environ.items():
            if name.startswith(passed_on) or not name.startswith(dropped):
                bare.setdefault(name, value)
        return Response.from_app(self.wsgi_app, bare, buffered=True)

    def store(self, address, response):
        """Return a response as a page, and store it if it leaves room for others."""
        _, gzipped, *names = address
        body = response.get_data()
        packed = gzip.compress(body, mtime=0)
        if gzipped and len(packed) < len(body):
            body, response.content_encoding = packed, 'gzip'
        for name in ('Accept-Ranges', 'Date', 'Last-Modified'):  # true of a file, not of a page
            response.headers.pop(name, None)
        response.content_length = len(body)
        response.set_etag(generate_etag(body))
        headers = response.headers.to_wsgi_list()
        is_packed = not gzipped and len(body) > LONG_PAGE
        page = headers, packed if is_packed else body, response.get_etag()[0], is_packed
        size = len(page[1]) + 3 * len(repr((names, headers)))  # many small strings take more
        limit = self.config['PAGE_CACHE']
        if size < limit / 4:
            with self.lock:
                if self.size + size > limit:  # begin anew, since most are of older versions
                    self.pages, self.size = {}, 0
                self.pages[address] = page
                self.size += size
        return page
