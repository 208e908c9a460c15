"""Static files that browsers keep for a year, since a change gives them another address."""

import hashlib
import pathlib

from flask import request


def keep_static_files(app):
    """Put a hash of its content, as it is now, into the address of each static file."""
    files = [file for file in pathlib.Path(app.static_folder).glob('*') if file.is_file()]
    hashes = {file.name: hashlib.sha256(file.read_bytes()).hexdigest()[:16] for file in files}

    @app.url_defaults
    def add_hash(endpoint, values):
        if endpoint == 'static' and not app.jinja_env.auto_reload:
            values['v'] = hashes.get(values['filename'])

    @app.before_request
    def ignore_conditions():
        # Werkzeug fails on dates beyond all years, and answers 412 to others, to be kept as a file.
        for name in ('RANGE', 'IF_RANGE', 'IF_MODIFIED_SINCE', 'IF_UNMODIFIED_SINCE', 'IF_MATCH'):
            request.environ.pop(f'HTTP_{name}', None)

    @app.after_request
    def keep(response):
        """Let browsers keep a file, if it is the one that was asked for."""
        if request.endpoint == 'static' and response.status_code < 400:
            content_hash = hashes.get(request.view_args['filename'])
            if content_hash and request.args.get('v') == content_hash:
                response.headers['Cache-Control'] = 'public, max-age=31536000, immutable'
        return response
