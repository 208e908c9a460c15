"""nginx in front of Flaskr as deploy/nginx.conf has it, for the tests and the benchmark."""

import http.client
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

NGINX = shutil.which('nginx') or '/usr/sbin/nginx'  # which is in no path but root's on Debian
CONFIGURATION = pathlib.Path(__file__).resolve().parent.parent / 'deploy' / 'nginx.conf'

# As Debian's own /etc/nginx/nginx.conf, but for the places of files, and a log that tells
# what the cache does.
MAIN = """\
user root;
worker_processes auto;
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ }}
http {{
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;
    ssl_prefer_server_ciphers on;
    gzip on;
    log_format cache '$upstream_cache_status $request_method $request_uri "$http_cookie"';
    access_log {folder}/access.log cache;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/flaskr.conf;
}}
"""


class Nginx:
    """nginx on free ports of loopback, until the `with` block ends; its name is localhost.

    application_port is where gunicorn is on loopback. `address` and connect() are for
    HTTPS, http_port is for HTTP. The cache is off unless it is asked for.
    """

    def __init__(self, application_port, cache=False):
        self.application_port, self.cache = application_port, cache

    def __enter__(self):
        self.files = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.files.name)
        self.http_port, self.port = find_free_ports(2)
        self.address = f'https://localhost:{self.port}'
        make_certificate(self.folder)
        (self.folder / 'flaskr.conf').write_text(self.configure(CONFIGURATION.read_text()))
        (self.folder / 'nginx.conf').write_text(MAIN.format(folder=self.folder))
        command = [NGINX, '-c', self.folder / 'nginx.conf']
        self.process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *error):
        self.process.terminate()
        self.process.wait()
        self.files.cleanup()

    def configure(self, text):
        """Return deploy/nginx.conf with the ports, the name and the files of this nginx."""
        ports = {'80': self.http_port, '443': self.port}
        text = re.sub(r'\n *listen \[::\].*', '', text)  # not every machine has IPv6
        text = re.sub(r'listen (\d+)', lambda found: f'listen 127.0.0.1:{ports[found[1]]}', text)
        text = text.replace('127.0.0.1:8000', f'127.0.0.1:{self.application_port}')
        text = text.replace('/etc/letsencrypt/live/example.org', str(self.folder))
        text = text.replace('/var/lib/nginx', str(self.folder))
        text = text.replace('/var/www/html', str(self.folder))
        text = text.replace('example.org', 'localhost')
        return re.sub('(?m)^( *)#cache ', r'\1', text) if self.cache else text

    def wait(self):
        """Return when it listens."""
        for _ in range(100):
            try:
                return self.connect().close()
            except OSError:
                if self.process.poll() is not None:
                    break
            time.sleep(0.1)
        raise RuntimeError(f'nginx did not start:\n{(self.folder / "error.log").read_text()}')

    def connect(self):
        """Return a new connection by HTTPS, which believes this nginx alone."""
        context = ssl.create_default_context(cafile=self.folder / 'fullchain.pem')
        connection = http.client.HTTPSConnection(
            'localhost', self.port, timeout=30, context=context
        )
        connection.connect()
        return connection


def find_free_ports(count):
    listeners = [socket.create_server(('127.0.0.1', 0)) for _ in range(count)]
    ports = [listener.getsockname()[1] for listener in listeners]
    for listener in listeners:
        listener.close()
    return ports


def make_certificate(folder):
    """Make a key and a certificate for localhost, by the names that certbot gives them."""
    command = ['openssl', 'req', '-x509', '-nodes', '-days', '1', '-subj', '/CN=localhost']
    command += ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256']
    command += ['-addext', 'subjectAltName=DNS:localhost']
    command += ['-keyout', folder / 'privkey.pem', '-out', folder / 'fullchain.pem']
    subprocess.run(command, stderr=subprocess.DEVNULL, check=True)
