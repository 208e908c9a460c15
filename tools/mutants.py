"""Change one thing in app.py at a time, and print every change that no test notices.

    python tools/mutants.py
    python tools/mutants.py find_page show_error 120-140

The first tries all that tools/mutations.py changes in app.py; the second two functions or
classes and some lines (app is what stands outside of both). Each mutant lives in a copy of the
folder. There a process of its own runs those tests of test.py that came by the lines when
nothing was changed, the quickest first, until one fails or takes ten times as long. Programs
that tests start there are mutants too.

A survivor tells what no test is for, or what isn't needed. tools/mutants.txt excuses those
that can't matter: a survivor as it is printed, from its place on, below it the reason, and an
empty line. The exit status is 1 if there is a survivor without an excuse, or an excuse without
a survivor. It needs Linux.
"""

import argparse
import compileall
import contextlib
import importlib
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
import unittest

from mutations import find_mutants

FOLDER = pathlib.Path(__file__).resolve().parent.parent
NOT_COPIED = shutil.ignore_patterns('.*', '__pycache__', 'venv', 'env', '*.db', '*.db-*')
PATIENCE = 10  # times as long as it took may a test take,
LEAST_PATIENCE = 3  # and seconds more
MEMORY_FOLDER = '/dev/shm' if os.path.isdir('/dev/shm') else None  # waits for no disk
MEMORY = 4 * 1024**3  # bytes for a mutant, which may collect without end


class TestsFail(Exception):
    """The tests fail before anything was changed."""


# Tests, in the process of a mutant -------------------------------------------------


def load_tests(name):
    """Return the tests of a module by their ids."""
    suites, tests = (
        [unittest.defaultTestLoader.loadTestsFromModule(importlib.import_module(name))],
        {},
    )
    for suite in suites:  # which grows
        for item in suite:
            if isinstance(item, unittest.TestSuite):
                suites.append(item)
            else:
                tests[item.id()] = item
    return tests


def run_test(test):
    result = unittest.TestResult()
    unittest.TestSuite([test]).run(result)
    return result


def trace_tests(module, name, report):
    """Run all tests; write down their seconds, by which lines they come, and what they import."""
    folder, reached, tests = os.getcwd(), set(), {}

    def trace(frame, event, argument):
        if frame.f_code.co_filename != path:
            return None
        reached.add(frame.f_lineno)
        return trace

    path = os.path.join(folder, module)
    threading.settrace(trace)
    sys.settrace(trace)
    loaded = load_tests(name)
    at_import = sorted(reached)
    for test_id, test in loaded.items():
        reached.clear()
        start = time.monotonic()
        result = run_test(test)
        if not result.wasSuccessful():
            sys.exit('\n'.join(text for _, text in result.errors + result.failures))
        if not result.skipped:
            tests[test_id] = time.monotonic() - start, sorted(reached)
    sys.settrace(None)
    others = []
    for key, item in sys.modules.items():
        origin = getattr(getattr(item, '__spec__', None), 'origin', None)
        if origin and not origin.startswith(folder):
            others.append(key)
    report.write_text(json.dumps([at_import, tests, others]))


def try_tests(name, seconds):
    """Fail where one of these tests does; one that takes too long is the end of the process.

    seconds: what each takes, by their ids; one that isn't there is left out
    """
    for stream in 1, 2:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    signal.setitimer(signal.ITIMER_REAL, LEAST_PATIENCE + PATIENCE)
    loaded = load_tests(name)
    for test_id, expected in seconds.items():
        signal.setitimer(signal.ITIMER_REAL, LEAST_PATIENCE + PATIENCE * expected)
        if test_id in loaded and not run_test(loaded[test_id]).wasSuccessful():
            sys.exit('The mutant was noticed.')


# Processes -------------------------------------------------------------------------


class Copies:
    """Copies of a project's folder within a temporary one, each with a process that works there.

    at_once: how many processes may run; as many as there are processors, if nothing is said
    """

    def __init__(self, temporary, project, module, at_once=None):
        self.temporary, self.module, self.running = pathlib.Path(temporary), module, {}
        self.at_once = at_once or os.cpu_count()
        self.first = self.temporary / 'first'
        shutil.copytree(project, self.first, ignore=NOT_COPIED)
        (self.first / module).unlink()  # it would leave bytecode, which is taken for a mutant's
        compileall.compile_dir(self.first, quiet=2)

    def start(self, mutant, source, work, *arguments):
        """Let a new process work in a copy whose module has this source."""
        pid = os.fork()
        if pid:
            self.running[pid] = mutant
            return
        status = 1
        try:
            os.setsid()  # to be stopped with all that it starts
            folder = self.temporary / str(os.getpid())
            shutil.copytree(self.first, folder / 'project')
            (folder / 'project' / self.module).write_text(source, encoding='utf-8')
            os.mkdir(folder / 'tmp')
            os.environ |= {'TMPDIR': f'{folder}/tmp', 'PYTHONDONTWRITEBYTECODE': '1'}
            tempfile.tempdir, sys.dont_write_bytecode = None, True
            os.chdir(folder / 'project')
            sys.path[0] = os.getcwd()
            work(*arguments)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)

    def wait(self):
        """Wait until a process ends; return its mutant and its exit status."""
        pid = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT).si_pid
        return self.running[pid], self.stop(pid)

    def stop(self, pid):
        """Stop a process and all that it has started, and remove its copy."""
        with contextlib.suppress(ProcessLookupError):  # it was stopped before setsid()
            os.killpg(pid, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        del self.running[pid]
        shutil.rmtree(self.temporary / str(pid), ignore_errors=True)
        return status

    def close(self):
        for pid in [*self.running]:
            self.stop(pid)


# Command line ----------------------------------------------------------------------


def is_wanted(mutant, names):
    """Say whether a mutant is in one of these functions, classes or ranges of lines."""
    for name in names:
        lines = re.fullmatch(r'(\d+)(?:-(\d+))?', name)
        if lines and int(lines[1]) <= mutant.line <= int(lines[2] or lines[1]):
            return True
        if f'{mutant.place}.'.startswith(f'{name}.'):
            return True
    return not names


def read_excuses(path):
    """Return the mutants that a file excuses; what it gives no reason for isn't."""
    text = path.read_text(encoding='utf-8') if path.exists() else ''
    return {block.split('\n')[0] for block in text.split('\n\n') if '\n' in block.strip()}


def find_tests(mutant, at_import, tests):
    """Return the seconds of the tests for a mutant: first those that come by it, quickest first.

    All are for what the import comes by, and for what only programs that they start come by.
    """
    seconds = {test: time for test, (time, _) in tests.items()}
    direct = {test for test, (_, reached) in tests.items() if set(mutant.lines) & set(reached)}
    chosen = tests if not direct or set(mutant.lines) & set(at_import) else direct
    order = sorted(chosen, key=lambda test: (test not in direct, seconds[test]))
    return {test: seconds[test] for test in order}


def trace(copies, source, module, name):
    """Return the lines by which the import comes, and by tests their seconds and their lines."""
    report = copies.temporary / 'report.json'
    copies.start(None, source, trace_tests, module, name, report)
    if copies.wait()[1] != 0:
        raise TestsFail('The tests have to succeed when nothing is changed.')
    at_import, tests, others = json.loads(report.read_text())
    for other in others:  # once, rather than by every mutant
        with contextlib.suppress(Exception):
            importlib.import_module(other)
    return at_import, tests


def try_mutants(copies, mutants, source, name, find_seconds):
    """Yield each mutant with its exit status.

    find_seconds: returns the tests for a mutant, in their order, with what they take
    """
    for mutant in mutants:
        if len(copies.running) == copies.at_once:
            yield copies.wait()
        copies.start(mutant, mutant.change(source), try_tests, name, find_seconds(mutant))
    while copies.running:
        yield copies.wait()


def find_survivors(copies, mutants, source, module, name):
    """Yield the mutants that no test notices.

    Where a statement can be removed, nothing else is changed in it.
    """
    at_import, tests = trace(copies, source, module, name)
    needless = set()

    def find_seconds(mutant):
        return find_tests(mutant, at_import, tests)

    for is_without in True, False:
        batch = [mutant for mutant in mutants if mutant.is_without == is_without]
        batch = [mutant for mutant in batch if not needless.issuperset(mutant.lines)]
        for mutant, status in try_mutants(copies, batch, source, name, find_seconds):
            if status == 0:
                needless.update(mutant.lines if is_without else [])
                yield mutant


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('names', nargs='*', metavar='NAME')
    parser.add_argument('--folder', type=pathlib.Path, default=FOLDER)
    parser.add_argument('--module', default='app.py')
    parser.add_argument('--tests', default='test.py')
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit('Stopped.'))  # and clean up
    start, count = time.monotonic(), 0
    source = (options.folder / options.module).read_text(encoding='utf-8')
    mutants = list(find_mutants(source, pathlib.Path(options.module).stem))
    wanted = [mutant for mutant in mutants if is_wanted(mutant, options.names)]
    excuses = read_excuses(options.folder / 'tools' / 'mutants.txt')
    excuses -= {str(mutant) for mutant in mutants if mutant not in wanted}
    stale = set(excuses)
    name = '.'.join(pathlib.Path(options.tests).with_suffix('').parts)
    with (
        tempfile.TemporaryDirectory(dir=MEMORY_FOLDER) as temporary,
        contextlib.closing(Copies(temporary, options.folder, options.module)) as copies,
    ):
        for mutant in find_survivors(copies, wanted, source, options.module, name):
            stale.discard(str(mutant))
            if str(mutant) not in excuses:
                count += 1
                print(f'{options.module}:{mutant.line} in {mutant}', flush=True)
    for excuse in sorted(stale):
        print(f'No survivor needs this excuse: {excuse}')
    print(
        f'Of {len(wanted)} mutants {count} survived, {len(excuses - stale)} more are excused '
        f'({time.monotonic() - start:.0f} seconds).'
    )
    sys.exit(1 if count or stale else 0)


if __name__ == '__main__':
    try:
        main()
    except TestsFail as error:
        sys.exit(str(error))
