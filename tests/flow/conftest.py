# SPDX-License-Identifier: Apache-2.0
"""Real processes on loopback: a home, the daemons, a provider that follows its script, and the command."""
import atexit
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("ALPI_BUILD", "build")).resolve()
FAKE = BUILD / "tests" / "provider"
NOBODY = 65534
sys.path.insert(0, str(ROOT / "tests" / "fake"))


def programs():
    """Where the programs are; as root a copy that an ordinary user can reach, wherever the checkout is."""
    if os.getuid() != 0:
        return BUILD
    place = pathlib.Path(tempfile.mkdtemp(prefix="al-bin-", dir="/tmp"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    place.chmod(0o755)
    for folder in ("bin", "libexec"):
        shutil.copytree(BUILD / folder, place / folder)
    return place


PLACE = programs()
ALPI = PLACE / "bin" / "alpi"
LIBEXEC = PLACE / "libexec" / "alpi"
SANITIZED = b"__asan_init" in ALPI.read_bytes()     # then what is freed is kept for a while: memory says nothing


def wait_for(claim, what="", limit=60.0):
    """Wait until claim() is true and return its value; the limit only ends a test that hangs. `what`, or what() then, says for what."""
    end = time.monotonic() + limit
    while True:
        value = claim()
        if value:
            return value
        assert time.monotonic() < end, f"waited in vain for {what() if callable(what) else what or claim}"
        time.sleep(0.01)


class Provider:
    """The project's fake provider: the model's name selects what it does (tests/fake/provider.c)."""

    def __init__(self, *words):
        self.process = subprocess.Popen([FAKE, *words], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[-1])
        self.url = f"http://127.0.0.1:{self.port}"

    def stats(self):
        import urllib.request

        with urllib.request.urlopen(self.url + "/stats") as answer:
            return json.load(answer)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Home:
    """A root home with its daemons; uid says as whom everything runs."""

    def __init__(self, uid=None):
        self.uid = uid
        self.killed = set()                 # pids
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="al-", dir="/tmp"))
        self.path = self.base / "h"
        self.person = self.base / "p"       # the person's own home directory
        self.workspace = self.base / "w"
        for folder in (self.person, self.workspace):
            folder.mkdir()
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.person),
            "ALPI_HOME": str(self.path),
            "LANG": "C.UTF-8",
        }
        for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "ALPI_RESTRICT_DEBUG", "TSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]
        self.give(self.base)

    def give(self, path):
        """Hand a tree to the uid that everything runs as."""
        if self.uid is None:
            return
        for folder, _, files in os.walk(path):
            os.chown(folder, self.uid, self.uid)
            for name in files:
                os.chown(os.path.join(folder, name), self.uid, self.uid, follow_symlinks=False)

    def config(self, text, profile=None):
        home = self.path if profile is None else self.path / "profiles" / profile
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        (home / "config.yaml").write_text(text)
        self.give(self.path)
        return home

    def use(self, provider, model="text", profile=None, more=""):
        """Point a profile at the fake provider."""
        return self.config(
            f"model: fake/{model}\n"
            f"workspace: {self.workspace}\n"
            f"providers: {{ollama: [{{name: fake, url: '{provider.url}'}}]}}\n"
            f"runtime: {{retry_backoff_s: 0.05}}\n" + more,
            profile,
        )

    def command(self, *words):
        prefix = []
        if self.uid not in (None, os.getuid()):
            prefix = ["setpriv", "--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups"]
        return prefix + [str(ALPI), *map(str, words)]

    def run(self, *words, input=None, check=True, env=None, cwd=None):
        """Run alpi; the completed process with text output."""
        done = subprocess.run(
            self.command(*words), input=input, text=True, capture_output=True, cwd=cwd or self.workspace,
            env={**self.env, **(env or {})}, stdin=None if input is not None else subprocess.DEVNULL)
        if check:
            assert done.returncode == 0, f"alpi {words}: exit {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.log()}"
        return done

    def start(self):
        self.run("daemon", "start", "--detach")
        return self

    def popen(self, *words, **options):
        return subprocess.Popen(
            self.command(*words), text=True, cwd=self.workspace, env=self.env,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, **options)

    def json(self, *words, **options):
        return json.loads(self.run(*words, **options).stdout)

    def ask(self, text, *words, check=True):
        """One turn; what `chat --once --json` says."""
        done = self.run("chat", "--once", text, "--json", *words, check=check)
        return json.loads(done.stdout)

    def units(self):
        """Unit name to its status row."""
        status = self.json("daemon", "status", "--json")
        return {row["unit"]: row for row in status["units"]}

    def pid(self, unit):
        return self.units()[unit]["pid"]

    def kill(self, unit, sig=signal.SIGKILL):
        pid = self.pid(unit)
        os.kill(pid, sig)
        if sig == signal.SIGKILL:
            self.killed.add(pid)

    def ready(self, unit, not_pid=0):
        """Wait until a unit is ready, under another pid than the one given, and than one that we killed: init may not know yet."""
        def claim():
            row = self.units().get(unit)
            return row and row["state"] == "ready" and row["pid"] not in self.killed | {not_pid} and row["pid"]
        return wait_for(claim, f"{unit} to be ready")

    def log(self):
        paths = [self.path / "logs" / name for name in ("service.log", "schedule.log", "gateway.log")]
        return "".join(path.read_text(errors="replace")[-6000:] for path in paths if path.exists())

    def sessions(self, profile=None):
        home = self.path if profile is None else self.path / "profiles" / profile
        return {p.stem: json.loads(p.read_text()) for p in (home / "sessions").glob("[!._]*.json")}

    def close(self):
        if (self.path / "service.pid").exists():
            subprocess.run(self.command("daemon", "stop"), env=self.env, capture_output=True)
        shutil.rmtree(self.base, ignore_errors=True)


class HostStream:
    """A client of the host plane's socket: one request, its frames as they come."""

    def __init__(self, home, method, **params):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(str(home.path / "host" / "host.sock"))
        self.socket.sendall(json.dumps({"id": 1, "method": method, "params": params}).encode() + b"\n")
        self.file = self.socket.makefile("rb")

    def __iter__(self):
        for line in self.file:
            yield json.loads(line)

    def close(self):
        self.file.close()
        self.socket.close()


def host(home, method, **params):
    """One call of the host plane; its result, or the failure object."""
    stream = HostStream(home, method, **params)
    try:
        answer = next(iter(stream))
    finally:
        stream.close()
    return answer.get("result", answer)


@pytest.fixture
def provider():
    server = Provider()
    yield server
    server.close()


@pytest.fixture
def small_provider():
    """One that says how small its models' window is: 16384 tokens."""
    server = Provider("--ollama")
    yield server
    server.close()


@pytest.fixture(params=[None, NOBODY] if os.getuid() == 0 else [None], ids=lambda uid: "self" if uid is None else "user")
def any_user_home(request):
    """The same test as whoever runs the tests and, when that is root, as an ordinary user."""
    home = Home(request.param)
    yield home
    home.close()


@pytest.fixture
def home():
    made = Home(NOBODY if os.getuid() == 0 else None)
    yield made
    made.close()


def pytest_runtest_teardown(item):
    """Nothing of ours may outlive a test."""
    for thread in threading.enumerate():
        assert thread is threading.main_thread() or thread.daemon, thread
