"""What keeps other sites, odd requests and foreign scripts out of an application."""

from contextlib import suppress

from flask import abort, g, request
from werkzeug.exceptions import BadHost, HTTPException, RequestEntityTooLarge
from werkzeug.wsgi import LimitedStream

# No script, style, frame or foreign form, whatever gets past the sanitiser; pictures,
# sound and film may come from anywhere that is encrypted.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; manifest-src 'self'; "
    "img-src 'self' https: data:; media-src 'self' https:; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)


def guard(app, changing_pages, uploads=(), is_author=lambda: False):
    """Guard an application; g.typed becomes a posted form.

    changing_pages: endpoints that change things by GET
    uploads: those to which the author, if is_author() says so, may send MAX_UPLOAD_LENGTH bytes
    """

    @app.before_request
    def check_request():
        if isinstance(request.routing_exception, BadHost) or not request.host:
            return BadHost().get_response()  # no page, since that needs addresses
        try:
            request.query_string.decode()  # as Werkzeug will, which catches nothing
        except UnicodeDecodeError:
            abort(400)
        is_changing = request.endpoint in changing_pages
        if is_changing and request.headers.get('Sec-Fetch-Dest', 'document') != 'document':
            abort(403)  # a picture in an entry, say, asks for it
        if is_changing or request.method not in ('GET', 'HEAD', 'OPTIONS'):
            refuse_other_sites()
        is_upload = request.endpoint in uploads and request.mimetype == 'multipart/form-data'
        if is_upload and is_author():
            request.max_content_length = app.config['MAX_UPLOAD_LENGTH']
        try:
            read_form(is_upload)  # last, or another site could fill in the form of an error page
        except RequestEntityTooLarge:
            abort(401 if is_upload and not is_author() else 413)
        return None

    app.after_request(add_security_headers)


def refuse_other_sites():
    """Refuse with 403 what another site's page asks for, as Go's CrossOriginProtection does.

    Browsers say where they come from in Sec-Fetch-Site or else in Origin; no others send them.
    """
    fetch_site, origin, host = map(request.headers.get, ('Sec-Fetch-Site', 'Origin', 'Host'))
    own = ('same-origin', 'none') if fetch_site else (f'http://{host}', f'https://{host}', '', None)
    if (fetch_site or origin) not in own:
        abort(403)


def read_form(is_upload):
    """Parse the form before anything can fail, for an error page to give it back."""
    # Behind gunicorn Werkzeug takes what has come for the whole body, even if it is
    # half of a post that was cut off (400), or the first megabytes of a longer one
    # that doesn't tell its length (413). A development server waits for more than it all.
    if request.content_length is not None:
        stream = LimitedStream(request.environ['wsgi.input'], request.content_length)
        request.environ['wsgi.input'] = stream
    try:
        if not is_upload:  # whose files go to the disk while the form is parsed
            body = request.get_data()
            request.stream.read(1)
            if request.mimetype == 'application/x-www-form-urlencoded' and body.count(b'&') > 100:
                abort(400)  # no form has so many fields, and a million would fill the memory
        g.typed = request.form if request.method == 'POST' else {}  # or all could be shown it
    except RequestEntityTooLarge:
        # Read on for a while: who can't send it all would not look at an answer.
        with suppress(Exception):
            for _ in range(16):
                request.environ['wsgi.input'].read(1024 * 1024)
        raise
    except HTTPException:
        raise
    except Exception:  # the server's own: the body breaks the rules of HTTP
        abort(400)


def add_security_headers(response):
    """Tell browsers to run nothing that is not the application's own."""
    response.headers['Content-Security-Policy'] = CONTENT_SECURITY_POLICY
    response.headers['X-Content-Type-Options'] = 'nosniff'
    response.headers['Referrer-Policy'] = 'same-origin'
    if request.is_secure:
        response.headers['Strict-Transport-Security'] = 'max-age=31536000'  # seconds
    response.headers.setdefault('Cache-Control', 'no-cache')
    response.vary.add('Accept-Encoding')  # which decides about compression, in the page cache
    return response
