"""How the one author is known: by a name, a password, and a cookie that ends when it should."""

import hashlib
import hmac
import math
import secrets
import sqlite3
import time
from contextlib import suppress

from flask import g, request, session
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature, Signer, URLSafeTimedSerializer
from werkzeug.exceptions import TooManyRequests
from werkzeug.security import check_password_hash

DEFAULT_PASSWORD = 'admin'  # everybody knows it
BROWSER_LIFETIME = 365 * 24 * 60 * 60  # seconds that a known browser stays known


def is_same(given, expected):
    """Compare two strings in a time that does not tell where they differ."""
    expected = expected.encode(errors='surrogateescape')  # as os.environ holds any bytes
    return hmac.compare_digest(given.encode(), expected)


class Sessions(SecureCookieSessionInterface):
    """Flask's signed cookies, with a key that is partly in the database."""

    def __init__(self, find_keys):
        self.find_keys = find_keys

    def get_signing_serializer(self, app):
        signing = {'key_derivation': 'hmac', 'digest_method': hashlib.sha256}
        key, serializer = self.find_keys()[1], self.serializer
        return URLSafeTimedSerializer(key, self.salt, serializer, signer_kwargs=signing)

    def open_session(self, app, request):
        """Leave it empty, to be filled where a database that fails gets its error page."""
        return self.session_class()

    def fill_session(self, app):
        if self.get_cookie_name(app) in request.cookies:  # or it is a reader, who needs no key
            session.update(super().open_session(app, request))
            session.modified = False

    def get_cookie_secure(self, app):
        return request.is_secure

    def get_cookie_path(self, app):
        return request.root_path or '/'  # for no other program beside a blog at /blog


class Author:
    """The one who may write, as the configuration of an application has it."""

    def __init__(self, app, get_db, is_trial, public=()):
        """Let g.logged_in mark his requests.

        is_trial(): says if the default password counts
        public: endpoints that know nobody, so that their answers may be kept for everybody, as
            static files do, which an error page needs without a database
        """
        self.app, self.config, self.get_db, self.is_trial = app, app.config, get_db, is_trial
        self.public = {'static', *public}
        app.session_interface = Sessions(self.find_keys)
        app.before_request(self.recognize)

    def recognize(self):
        if request.endpoint not in self.public:
            self.app.session_interface.fill_session(self.app)
            g.logged_in = 'logged_in' in session

    def is_here(self):
        """Say whether the author sends this request, as far as a database that works can tell."""
        with suppress(sqlite3.Error):
            self.recognize()
        return g.get('logged_in', False)

    def find_keys(self):
        """Return the key that signs cookies, and the one that makes a session the author's.

        The second changes with each logout, name and password. They are kept in g, since the
        cookie of an error page is signed when the database has failed.
        """
        if 'keys' not in g:
            query = 'select secret_key, logged_out from internals'
            row = self.get_db().execute(query).fetchone()
            key = self.config['SECRET_KEY'] or row['secret_key']
            owner = [row['logged_out'], self.config['USERNAME'], self.config['PASSWORD']]
            g.keys = key, repr([key, *owner])
        return g.keys

    def has_password(self):
        """Say whether anybody can log in: there is a password of its own, or it is a trial."""
        return self.config['PASSWORD'] != DEFAULT_PASSWORD or self.is_trial()

    def is_password(self, given):
        expected = self.config['PASSWORD']
        if given == DEFAULT_PASSWORD and not self.is_trial():
            return False
        if expected.startswith(('scrypt:', 'pbkdf2:')):
            return check_password_hash(expected, given)
        return is_same(given, expected)

    def check_login(self, username, password):
        """Return what is wrong with a login, or None, and count it; abort with 429 after too many.

        Each known browser has a count of its own, and strangers share one, so that they can't
        lock the author out.
        """
        db, browser, now = self.get_db(), self.find_browser(), time.time()
        start = now - self.config['LOGIN_WINDOW']
        with db.transaction():  # or many at once could slip through
            db.execute('delete from failed_logins where at <= ?', [start])
            query = 'select at from failed_logins where browser = ? order by at'
            failed = db.execute(query, [browser]).fetchall()
            if len(failed) >= self.config['LOGIN_ATTEMPTS']:
                raise TooManyRequests(retry_after=math.ceil(failed[0]['at'] - start))
            mistake = None if self.is_password(password) else 'Invalid password'
            if not is_same(username, self.config['USERNAME']):  # after as long a time
                mistake = 'Invalid username'
            if mistake:
                statement = 'insert into failed_logins (browser, at) values (?, ?)'
                db.execute(statement, [browser, now])
        return mistake

    def log_in(self, response):
        """Begin a session of the author's, and remember the browser in a response's cookie."""
        session.clear()
        session.permanent = True  # for PERMANENT_SESSION_LIFETIME, whatever is closed
        session['logged_in'] = True
        browser = self.find_browser() or secrets.token_hex()
        cookie = Signer(self.find_keys()[0], salt='known browser').sign(browser).decode()
        safe = {'httponly': True, 'samesite': 'Lax', 'secure': request.is_secure}
        safe['path'] = self.app.session_interface.get_cookie_path(self.app)
        response.set_cookie('known_browser', cookie, max_age=BROWSER_LIFETIME, **safe)

    def log_out(self):
        """End this session, and if it is the author's, those of every browser."""
        if g.logged_in:
            statement = 'update internals set logged_out = ?'
            self.get_db().execute(statement, [secrets.token_hex()])
            del g.keys
        session.clear()

    def find_browser(self):
        """Return the id of a browser that has logged in before, and '' for all others."""
        try:
            cookie = request.cookies.get('known_browser', '')
            return Signer(self.find_keys()[0], salt='known browser').unsign(cookie).decode()
        except BadSignature:
            return ''
