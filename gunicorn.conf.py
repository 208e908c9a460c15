"""How gunicorn serves Flaskr; `gunicorn app:app` reads this file by itself.

The address stays gunicorn's own business: it takes it from PORT, and GUNICORN_CMD_ARGS
overrides what is said here.
"""

import os

# Processes: one for each core that this one may use, since Python's threads share one;
# at least two, so that one that hangs does not stop the blog, and at most four, since
# each takes its memory and its connections to a Postgres. Heroku sets WEB_CONCURRENCY.
cores = len(os.sched_getaffinity(0)) if hasattr(os, 'sched_getaffinity') else os.cpu_count()
workers = os.environ.get('WEB_CONCURRENCY') or min(max(cores or 2, 2), 4)

# One slow request would keep all others waiting in a worker without threads.
worker_class = 'gthread'
threads = 4

# Seconds, below Heroku's 30: after which a worker that hangs is replaced, and how long
# the requests in flight may take when the server is told to stop.
timeout = 25
graceful_timeout = 25

# Seconds. Heroku's router keeps a connection for 90 and expects the app to keep it
# for longer.
keepalive = 95

# Bytes of an address: what a phone shares comes in it, and a letter may take nine.
limit_request_line = 8190

# Nobody asks for it, and it would leave a folder .gunicorn in the home directory,
# which on Heroku is the app's own.
control_socket_disable = True

# No client may say under which path the blog is: its answers would lead elsewhere.
forwarder_headers = ''
