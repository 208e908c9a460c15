"""The least that a server can do, and the tutorial's app: what tools/benchmark.py compares
Flaskr with.

Each function makes a WSGI application for gunicorn.
"""

import json

TUTORIAL_INDEX = """\
<!doctype html>
<html>
<head>
  <title>Flaskr</title>
  <link rel="stylesheet" href="{{ url_for('static', filename='style.css') }}">
</head>
<body>
  <h1>Flaskr</h1>
  {% if session.logged_in %}
    <form action="{{ url_for('add_entry') }}" method="post">
      <input name="title"><textarea name="text"></textarea><button>Share</button>
    </form>
  {% else %}
    <a href="{{ url_for('login') }}">log in</a>
  {% endif %}
  {% for message in get_flashed_messages() %}
    <p class="flash">{{ message }}</p>
  {% endfor %}
  <ul>
    {% for entry in entries %}
      <li><h2>{{ entry.title }}</h2>{{ entry.text|safe }}</li>
    {% else %}
      <li><em>No entries yet.</em></li>
    {% endfor %}
  </ul>
</body>
</html>
"""


def answers(path):
    """Answer each address with a constant: the status, headers and body in a JSON file."""
    with open(path) as file:
        constants = {
            address: (status, [tuple(header) for header in headers], body.encode('latin-1'))
            for address, (status, headers, body) in json.load(file).items()
        }

    def wsgi_app(environ, start_response):
        status, headers, body = constants[environ['PATH_INFO']]
        start_response(status, headers)
        return [body]

    return wsgi_app


def view():
    """Answer with a view of Flask that does nothing else."""
    from flask import Flask

    bare = Flask('bare')

    @bare.route('/', methods=['GET', 'POST'])
    def index():
        return 'Hello'

    return bare


def template():
    """Answer with Flaskr's index, of the newest entries as they were at the start."""
    from flask import Flask, g, render_template

    import app as flaskr

    with flaskr.app.app_context():
        page = flaskr.find_page()
    constants = {**page, 'entries': [dict(entry) for entry in page['entries']]}

    bare = Flask('bare', root_path=flaskr.app.root_path)
    bare.jinja_env.filters.update(flaskr.app.jinja_env.filters)
    for name in ('entries_vanish', 'table'):
        bare.jinja_env.globals[name] = flaskr.app.jinja_env.globals[name]
    bare.config.update(flaskr.app.config)
    bare.url_map.converters.update(flaskr.app.url_map.converters)
    for rule in flaskr.app.url_map.iter_rules():
        if rule.endpoint not in ('index', 'static'):
            bare.add_url_rule(rule.rule, rule.endpoint)

    @bare.url_defaults
    def add_hash(endpoint, values):
        if endpoint == 'static':
            values['v'] = '0123456789abcdef'

    @bare.route('/')
    def index():
        g.logged_in = False
        return render_template('index.html', **constants)

    return bare


def tutorial(path):
    """Answer as the tutorial's app first did: all entries, read and rendered each time."""
    import sqlite3

    from flask import Flask, g, render_template
    from jinja2 import DictLoader

    bare = Flask('bare')
    bare.secret_key = 'only for the benchmark'
    bare.jinja_loader = DictLoader({'index.html': TUTORIAL_INDEX})
    bare.add_url_rule('/login', 'login')

    @bare.route('/')
    def index():
        g.db = sqlite3.connect(path)
        g.db.row_factory = sqlite3.Row
        entries = g.db.execute('select * from entries order by id desc').fetchall()
        return render_template('index.html', entries=entries)

    @bare.teardown_appcontext
    def close_db(error):
        if 'db' in g:
            g.db.close()

    return bare
