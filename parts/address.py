"""The one address of an application, whatever name and path it is asked for by."""

import functools
import re

DEFAULT_PORTS = {'http': ':80', 'https': ':443'}  # which browsers leave out
ADDRESS = re.compile(r'(https?)://([\w.:\[\]-]+)((?:/[\w.~-]+)*)/*', re.ASCII)


@functools.lru_cache
def read_address(url):
    """Return scheme, host as browsers say it, and path (no slash at its end), else ValueError."""
    match = ADDRESS.fullmatch(url)
    if not match:
        raise ValueError(f'FLASKR_URL has to be an address such as https://example.org, not {url}')
    scheme, host, path = match.groups()
    return scheme, host.lower().removesuffix(DEFAULT_PORTS[scheme]), path


class OneAddress:
    """A WSGI application that lets another believe it was asked for at the URL of a config.

    So its links, its cookies and what is kept of its pages are right, and no request can lead
    them elsewhere. Where URL is None, each request says where the application is.
    """

    def __init__(self, wsgi_app, config):
        self.wsgi_app, self.config = wsgi_app, config
        if config['URL']:
            read_address(config['URL'])  # at start, rather than at the first request

    def __call__(self, environ, start_response):
        if self.config['URL']:
            scheme, host, path = read_address(self.config['URL'])
            environ |= {'wsgi.url_scheme': scheme, 'HTTP_HOST': host, 'SCRIPT_NAME': path}
            # A proxy may pass the whole path on, or only what is behind the application's.
            if f'{environ["PATH_INFO"]}/'.startswith(f'{path}/'):
                environ['PATH_INFO'] = environ['PATH_INFO'].removeprefix(path)
        return self.wsgi_app(environ, start_response)
