"""Firefox for the tests in a browser, driven by selenium without geckodriver.

All that geckodriver does is to translate selenium's WebDriver into Marionette, which every
Firefox speaks, and so does this for the commands that the tests use. The protocol:
https://firefox-source-docs.mozilla.org/testing/marionette/Protocol.html
The commands: remote/marionette/driver.sys.mjs in Firefox's sources.
"""

import json
import os
import pathlib
import socket
import subprocess
import time

from selenium import webdriver
from selenium.webdriver.remote.command import Command
from selenium.webdriver.remote.file_detector import UselessFileDetector

PATIENCE = 60  # seconds that Firefox has for its start, for a command and for its end

# Firefox itself turns off updates, telemetry, first run pages and the like when it is
# driven (remote/shared/RecommendedPreferences.sys.mjs). The rest gets nowhere: without
# names and a proxy it reaches nothing but addresses in figures, such as this machine's.
PREFERENCES = {
    'browser.startup.page': 0,  # blank
    'intl.locale.requested': 'en-US',
    'marionette.port': 0,  # a free one
    'network.dns.disabled': True,
    'network.proxy.type': 0,  # none, whatever the environment says
}

# The commands that don't have the same name in selenium and in Marionette.
NAMES = {
    Command.QUIT: 'Marionette:Quit',
    Command.GET: 'WebDriver:Navigate',
    Command.FIND_CHILD_ELEMENT: 'WebDriver:FindElement',
    Command.CLICK_ELEMENT: 'WebDriver:ElementClick',
    Command.SEND_KEYS_TO_ELEMENT: 'WebDriver:ElementSendKeys',
    Command.W3C_ACTIONS: 'WebDriver:PerformActions',
    Command.W3C_GET_CURRENT_WINDOW_HANDLE: 'WebDriver:GetWindowHandle',
    Command.CLOSE: 'WebDriver:CloseWindow',
}


class Marionette:
    """A connection to Firefox, which selenium takes for one to a driver."""

    def __init__(self, process, port):
        self.process = process
        self.socket = socket.create_connection(('127.0.0.1', port), PATIENCE)
        self.stream = self.socket.makefile('rb')
        self.receive()  # Firefox says first which version of the protocol it speaks

    def receive(self):
        """Return a message, which comes as its length in bytes, a colon and its JSON."""
        length = b''
        while (byte := self.stream.read(1)) != b':':
            if not byte:
                raise ConnectionError('Firefox has closed the connection')
            length += byte
        return json.loads(self.stream.read(int(length)))

    def execute(self, command, params):
        """Let Firefox carry out a command of selenium's; return what a driver would.

        Raises OSError when Firefox is gone or takes longer than PATIENCE.
        """
        if command == Command.NEW_SESSION:
            params = params['capabilities']['alwaysMatch']
        elif command == Command.QUIT:
            params = {'flags': ['eForceQuit']}
        elif command == Command.FIND_CHILD_ELEMENT:
            params = {**params, 'element': params['id']}
        same = command.removeprefix('w3c')
        name = NAMES.get(command, f'WebDriver:{same[0].upper()}{same[1:]}')
        message = json.dumps([0, 0, name, params])  # of the type 0, a command, and number 0
        self.socket.sendall(f'{len(message)}:{message}'.encode())
        _, _, error, result = self.receive()
        if error:
            return {'status': error['error'], 'value': error}
        return {'value': result.get('value', result) if isinstance(result, dict) else result}

    def close(self):
        """Wait for the end of Firefox, which has been told to quit."""
        self.stream.close()
        self.socket.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def wait_for_port(process, profile):
    """Return the port at which Firefox listens, as soon as it does."""
    file = pathlib.Path(profile, 'MarionetteActivePort')
    deadline = time.monotonic() + PATIENCE
    while not (file.exists() and file.read_text()):
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError('Firefox does not start')
        time.sleep(0.05)
    return int(file.read_text())


def open_firefox(path, profile):
    """Start Firefox without a window, and return selenium's driver for it.

    path is that of the program, profile that of an empty folder, in which Firefox keeps
    all that it writes; once the driver's quit() has returned, it can be removed. Raises
    RuntimeError when Firefox doesn't start, OSError when it can't be reached.
    """
    lines = [f'user_pref("{name}", {json.dumps(PREFERENCES[name])});' for name in PREFERENCES]
    pathlib.Path(profile, 'user.js').write_text('\n'.join(lines))
    process = subprocess.Popen(
        [path, '--headless', '--marionette', '--profile', profile],
        env={**os.environ, 'HOME': profile},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    options = webdriver.FirefoxOptions()
    options.unhandled_prompt_behavior = 'accept'  # on a reload: yes, send the form again
    try:
        marionette = Marionette(process, wait_for_port(process, profile))
        return webdriver.Remote(marionette, options=options, file_detector=UselessFileDetector())
    except BaseException:
        process.kill()
        process.wait()
        raise
