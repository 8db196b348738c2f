# SPDX-License-Identifier: Apache-2.0
"""A tool command beside a running home: none of its sockets and none of its processes can be reached (issue: "Done when", 3).

As in test_sandbox.py approval and patterns are out of the way, and each attempt is made outside first, where it works. A
daemon shows itself to root alone: an ordinary user is refused by that and by the sandbox, which test_sandbox.py looks at alone.
"""
import os
import shutil

import pytest

import full
from conftest import BUILD, NOBODY, Home, Provider
from test_sandbox import NO_NAMESPACES, PYTHON, Person

pytestmark = pytest.mark.skipif(not os.path.exists(PYTHON), reason="the attempts are written in Python")

SOCKET = "import socket; socket.socket(socket.AF_UNIX).connect('{path}')"
PROCESS = {
    "environ": "f = open('/proc/{pid}/environ', 'rb'); f.read()",
    "mem": "f = open('/proc/{pid}/mem', 'rb', 0); f.seek({address}); assert len(f.read(6)) == 6",
    "maps": "assert 'stack' in open('/proc/{pid}/maps').read()",
    "ptrace": "import ctypes; c = ctypes.CDLL(None, use_errno=True); assert c.ptrace(0x4206, {pid}, 0, 0) == 0",
    "process_vm_readv": "import ctypes as c\n"
        "class V(c.Structure): _fields_ = [('b', c.c_void_p), ('n', c.c_size_t)]\n"
        "b = c.create_string_buffer(6)\n"
        "assert c.CDLL(None).process_vm_readv({pid}, c.byref(V(c.addressof(b), 6)), 1, c.byref(V({address}, 6)), 1, 0) == 6",
    "descriptor": "import os; os.readlink('/proc/{pid}/fd/3')",
    "signal": "import os; os.kill({pid}, 0)",
}
LAYERS = {"namespaces": ({}, ()), "landlock": ({"allow_missing": ["namespaces", "mounts"]}, NO_NAMESPACES)}


class Living(Person):
    """The person of test_sandbox.py, whose machine runs a real home."""

    def __init__(self, uid):
        self.uid = uid
        self.running = Home(uid)
        self.provider = Provider()
        self.bot = full.start_all(self.running, self.provider)
        self.base, self.home, self.alpi, self.workspace = (
            self.running.base, self.running.person, self.running.path, self.running.workspace)
        self.tools = self.base / "bin"
        self.tools.mkdir(mode=0o755)
        for program in (BUILD / "tests/toolcall", BUILD / "libexec/alpi/alpi-worker"):
            shutil.copy(program, self.tools)
        self.own_tools()
        self.pids = full.processes(self.running)
        self.sockets = full.sockets(self.running)

    def own_tools(self):
        for path in (self.tools, *self.tools.iterdir()):
            os.chown(path, self.uid, self.uid)

    def script(self, text):
        path = self.workspace / "attempt.py"
        path.write_text(text + "\n")
        path.chmod(0o644)
        return f"{PYTHON} attempt.py"

    def as_tester(self, command):
        """Outside with all rights that the test itself has: a daemon shows itself not even to its own user."""
        uid, self.uid = self.uid, os.getuid()
        try:
            return self.outside(command)
        finally:
            self.uid = uid

    def close(self):
        for it in (self.bot, self.running, self.provider):
            it.close()


@pytest.fixture(scope="module", params=["root", "nobody"] if os.getuid() == 0 else ["self"])
def living(request):
    p = Living({"root": 0, "nobody": NOBODY, "self": os.getuid()}[request.param])
    yield p
    p.close()


def address(pid):
    """Where a mapping of the process that can be read begins."""
    with open(f"/proc/{pid}/maps") as maps:
        return next(int(line.split("-")[0], 16) for line in maps if line.split()[1].startswith("r"))


def refused(living, layer, command):
    policy, under = LAYERS[layer]
    inside = living.run(command, policy, under)
    assert not inside["ok"] and "[exit 1]" in inside["output"], inside      # it ran; Python says what failed
    return inside["output"]


@pytest.mark.parametrize("layer", LAYERS)
def test_no_socket_of_the_home_can_be_reached(living, layer):
    assert len(living.sockets) >= len(full.DAEMONS) + 3, living.sockets
    for name, path in living.sockets.items():
        command = living.script(SOCKET.format(path=path))
        code, said = living.outside(command)
        assert code == 0, (name, said)
        output = refused(living, layer, command)
        assert "PermissionError" in output or "FileNotFoundError" in output, (name, output)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("attempt", PROCESS)
def test_no_process_of_the_home_can_be_looked_into(living, layer, attempt):
    assert {"init", *full.UNITS} <= set(living.pids)
    for name in ("default/engined", "init"):
        pid = living.pids[name]
        where = address(pid) if os.getuid() == 0 else 0
        command = living.script(PROCESS[attempt].format(pid=pid, address=where))
        if os.getuid() == 0:
            code, said = living.as_tester(command)
            assert code == 0, (name, said)
        refused(living, layer, command)
    assert {name: row["restarts"] for name, row in living.running.units().items()} == dict.fromkeys(full.UNITS, 0)


@pytest.mark.parametrize("layer", LAYERS)
def test_no_file_of_the_running_home_can_be_read(living, layer):
    for name in (".env", "config.yaml", "logs/service.log", "service.pid"):
        command = living.script(f"assert open('{living.alpi / name}').read()")
        code, said = living.outside(command)
        assert code == 0, (name, said)
        refused(living, layer, command)
