"""How gunicorn serves Flaskr to tools/fuzz.py: as ever, but it tells which files are opened.

Its log names each file that a worker opens and that is not among those which Flaskr
needs. A worker gets only so much memory, since one of them could be /dev/zero.
"""

import mimetypes
import os
import resource
import runpy
import sys
import tempfile
import threading
import traceback

globals().update(runpy.run_path('gunicorn.conf.py'))

ADDRESS_SPACE = 2 * 1024**3  # bytes
FOLDERS = ['static', 'templates', tempfile.gettempdir()]
ALLOWED_FOLDERS = tuple(f'{os.path.realpath(folder)}/' for folder in FOLDERS)
ALLOWED_FILES = {
    *map(os.path.realpath, ['schema.sql', 'parts/schema_postgres.sql']),
    os.environ['DATABASE_URL'].removeprefix('sqlite:///'),
    *mimetypes.knownfiles,
    '/dev/null',
    '/dev/urandom',
}
# Imports and shown tracebacks: they open what the program names, never what a request does.
ALLOWED_READERS = {'<frozen importlib._bootstrap>', traceback.__file__}

served = threading.local()


def report_opened(event, arguments):
    """Write to the log which file is opened for which request, unless it is allowed."""
    if event != 'open' or not isinstance(arguments[0], str | bytes | os.PathLike):
        return
    path = os.path.realpath(os.fsdecode(arguments[0]))
    if path in ALLOWED_FILES or f'{path}/'.startswith(ALLOWED_FOLDERS):
        return
    frames = traceback.walk_stack(sys._getframe(1))
    if not any(frame.f_code.co_filename in ALLOWED_READERS for frame, _ in frames):
        request = getattr(served, 'request', 'no request')
        os.write(sys.stderr.fileno(), f'Opened {path!r} for {request}\n'.encode())


def pre_request(worker, request):
    served.request = f'{request.method} {request.uri[:200]}'


def post_worker_init(worker):
    sys.addaudithook(report_opened)


resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
