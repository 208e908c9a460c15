"""How gunicorn serves Flaskr; `gunicorn app:app` reads this file by itself.

The address and the number of workers stay gunicorn's own business: it takes them
from PORT and WEB_CONCURRENCY, and GUNICORN_CMD_ARGS overrides what is said here.
"""

import os

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

# On stdout, where Heroku and systemd collect it.
accesslog = '-'

# Nobody asks for it, and it would leave a folder .gunicorn in the home directory,
# which on Heroku is the app's own.
control_socket_disable = True

# No client may say under which path the blog is: its answers would lead elsewhere.
forwarder_headers = ''

# A dyno can be reached through Heroku's router only, and that sets
# X-Forwarded-Proto itself. Elsewhere gunicorn believes a proxy on this machine.
if 'DYNO' in os.environ:
    forwarded_allow_ips = '*'
