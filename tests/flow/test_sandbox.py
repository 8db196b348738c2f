# SPDX-License-Identifier: Apache-2.0
"""What a terminal command can reach, with approval and patterns out of the way: only the sandbox says no here.

Every attempt is made twice by the same user, outside, where it must succeed, and inside, where it must fail.
"""
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("ALPI_BUILD", "build")).resolve()
NOBODY = 65534
PYTHON = "/usr/bin/python3"
KEY = "-----BEGIN OPENSSH PRIVATE KEY-----"

pytestmark = pytest.mark.skipif(not os.path.exists(PYTHON), reason="the attempts are written in Python")

# A process of the same person outside: it holds a secret in its environment and memory, stands in ~/.ssh, and listens.
DECOY = r"""
import ctypes, os, socket, sys, threading
secret = ctypes.create_string_buffer(b"MEMORY-SECRET")
ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1), 0, 0, 0)    # where Yama guards ptrace: anybody may
def serve(s):
    s.listen()
    while True:
        s.accept()[0].close()
listeners = []
for family, address in ((socket.AF_UNIX, sys.argv[1]), (socket.AF_UNIX, "\0" + sys.argv[2]), (socket.AF_INET, ("127.0.0.1", 0))):
    s = socket.socket(family)
    s.bind(address)
    listeners.append(s)
    threading.Thread(target=serve, args=(s,), daemon=True).start()
print(os.getpid(), ctypes.addressof(secret), listeners[2].getsockname()[1], flush=True)
sys.stdin.read()
"""

SHELL = {
    "key": "grep -q BEGIN {home}/.ssh/id_ed25519",
    "key by a link in the workspace": "ln -sf {home}/.ssh/id_ed25519 l && grep -q BEGIN l",
    "key by a second name": "rm -f h && ln {home}/.ssh/id_ed25519 h && grep -q BEGIN h",
    "key by /proc/self/root": "grep -q BEGIN /proc/self/root{home}/.ssh/id_ed25519",
    "key by a process outside": "grep -q BEGIN /proc/{pid}/root{home}/.ssh/id_ed25519",
    "key by its directory": "grep -q BEGIN /proc/{pid}/cwd/id_ed25519",
    "dotenv": "grep -q API {alpi}/.env",
    "dotenv of a profile": "grep -q API {alpi}/profiles/work/.env",
    "configuration": "grep -q model {alpi}/config.yaml",
    "identity": "grep -q BEGIN {alpi}/alp/secrets/alp_key.pem",
    "sessions": "ls {alpi}/sessions/s.json",
    "inboxes": "ls {alpi}/run/default/engined.ipc",
    "environment of a process outside": "tr '\\0' '\\n' < /proc/{pid}/environ | grep -q ENVIRONMENT-SECRET",
    "signal": "kill -0 {pid}",
    "listing processes": "ls -d /proc/{pid}",
    "writing elsewhere": "echo x > {base}/elsewhere/made",
    "changing a file of the home": "echo x >> {home}/notes && grep -q x {home}/notes && grep -q mine {home}/notes",
    "removing a file elsewhere": "rm {base}/elsewhere/removable",
    "mounting": "unshare -U -r -m sh -c 'mount -t tmpfs none /tmp'",
    "namespaces": "unshare -U true",
}

CODE = {
    "memory of a process outside": "f = open('/proc/{pid}/mem', 'rb', 0); f.seek({address}); assert f.read(6) == b'MEMORY'",
    "ptrace": "import ctypes; c = ctypes.CDLL(None, use_errno=True); assert c.ptrace(0x4206, {pid}, 0, 0) == 0",
    "process_vm_readv": "import ctypes as c\n"
        "class V(c.Structure): _fields_ = [('b', c.c_void_p), ('n', c.c_size_t)]\n"
        "b = c.create_string_buffer(6)\n"
        "assert c.CDLL(None).process_vm_readv({pid}, c.byref(V(c.addressof(b), 6)), 1, c.byref(V({address}, 6)), 1, 0) == 6",
    "bus socket": "import socket; socket.socket(socket.AF_UNIX).connect('{alpi}/run/default/engined.ipc')",
    "abstract socket": "import socket; socket.socket(socket.AF_UNIX).connect('\\0{abstract}')",
    "tcp": "import socket; socket.socket().connect(('127.0.0.1', {port}))",
    "udp": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
    "netlink": "import socket; socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "keyring": "import ctypes; assert ctypes.CDLL(None).syscall({keyctl}, 0, -3, 0) != -1",
}


class Person:
    """A person's machine: a home with a key, alpi's home in it, a workspace, and a process that runs."""

    def __init__(self, uid):
        self.uid = uid
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="al-sb-", dir="/tmp"))
        self.home = self.base / "home"
        self.alpi = self.home / ".alpi"
        self.workspace = self.home / "project"
        self.tools = self.base / "bin"
        for place in (self.home / ".ssh", self.alpi / "alp/secrets", self.alpi / "run/default", self.alpi / "sessions",
                      self.alpi / "profiles/work", self.workspace, self.base / "elsewhere", self.tools):
            place.mkdir(parents=True)
        for name, text in ((self.home / ".ssh/id_ed25519", KEY), (self.alpi / ".env", "API_KEY=1\n"),
                           (self.alpi / "profiles/work/.env", "API_KEY=2\n"), (self.alpi / "config.yaml", "model: x\n"),
                           (self.alpi / "alp/secrets/alp_key.pem", KEY), (self.alpi / "sessions/s.json", "{}"),
                           (self.home / "notes", "mine\n"), (self.base / "elsewhere/removable", "")):
            name.write_text(text)
        for program in (BUILD / "tests/toolcall", BUILD / "libexec/alpi/alpi-worker"):
            shutil.copy(program, self.tools)
        self.own(uid)
        self.abstract = f"al-sb-{self.base.name}"
        self.decoy = self.popen([PYTHON, "-c", DECOY, str(self.alpi / "run/default/engined.ipc"), self.abstract],
                                cwd=self.home / ".ssh", env={"TOKEN": "ENVIRONMENT-SECRET"}, stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, text=True)
        self.pid, self.address, self.port = map(int, self.decoy.stdout.readline().split())

    def own(self, uid):
        if os.getuid() == 0:
            for path in [self.base, *self.base.rglob("*")]:
                os.chown(path, uid, uid, follow_symlinks=False)

    def popen(self, argv, **more):
        if os.getuid() == 0:
            more |= {"user": self.uid, "group": self.uid, "extra_groups": []}
        return subprocess.Popen(argv, **more)

    def names(self):
        keyctl = {"x86_64": 250, "aarch64": 219}.get(os.uname().machine, -1)
        return {"home": self.home, "alpi": self.alpi, "base": self.base, "pid": self.pid, "address": self.address,
                "port": self.port, "abstract": self.abstract, "keyctl": keyctl}

    def outside(self, command):
        p = self.popen(["/bin/sh", "-c", command], cwd=self.workspace, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        said = p.communicate()[0].decode(errors="replace")
        return p.returncode, said

    def lines(self, tool, args, policy=None, stdin=None, under=()):
        """Everything the call said, and its result as the last element."""
        p = self.popen([*under, str(self.tools / "toolcall"), str(self.tools), str(self.alpi), str(self.workspace), tool,
                        json.dumps(args), json.dumps(policy or {})], cwd=self.base, stdin=subprocess.PIPE,
                       stdout=subprocess.PIPE, env={"HOME": str(self.home), "PATH": os.environ["PATH"],
                                                    **{k: v for k, v in os.environ.items() if k.endswith("SAN_OPTIONS")}})
        said = p.communicate(None if stdin is None else stdin.encode())[0].decode()
        return [json.loads(line) for line in said.splitlines()]

    def run(self, command, policy=None, under=(), **args):
        return self.lines("terminal", {"command": command, **args}, policy, under=under)[-1]

    def close(self):
        self.decoy.stdin.close()
        self.decoy.wait()
        shutil.rmtree(self.base)


@pytest.fixture(scope="module", params=["root", "nobody"] if os.getuid() == 0 else ["self"])
def person(request):
    p = Person({"root": 0, "nobody": NOBODY, "self": os.getuid()}[request.param])
    yield p
    p.close()


def attempt(person, name):
    if name in SHELL:
        return SHELL[name].format(**person.names())
    script = person.workspace / "attempt.py"
    script.write_text(CODE[name].format(**person.names()) + "\n")
    return f"{PYTHON} attempt.py"


@pytest.mark.parametrize("name", [*SHELL, *CODE])
def test_works_outside_and_fails_inside(person, name):
    command = attempt(person, name)
    inside = person.run(command)
    assert not inside["ok"], inside
    assert "[exit " in inside["output"]         # it ran; what failed was the attempt
    (person.base / "elsewhere/removable").touch()
    code, said = person.outside(command)
    assert code == 0, said
    assert "BEGIN" not in inside["output"] and "SECRET" not in inside["output"]


def test_the_workspace_is_the_real_one(person):
    result = person.run("echo made > made && mkdir -p d && cat made")
    assert result["ok"] and (person.workspace / "made").read_text() == "made\n"
    assert (person.workspace / "made").stat().st_uid == person.uid


def test_nothing_was_changed_outside(person):
    person.run(f"echo x > {person.home}/notes; rm -rf {person.home}/.ssh; echo x > /tmp/al-sb-made; rm -rf {person.base}/*")
    assert (person.home / "notes").read_text().startswith("mine")
    assert (person.home / ".ssh/id_ed25519").read_text() == KEY
    assert not os.path.exists("/tmp/al-sb-made")
    assert (person.workspace).is_dir() and (person.base / "elsewhere").is_dir()


def test_a_command_cannot_forge_its_result(person):
    for target in ("/proc/1/fd/0", "/proc/1/mem", "/proc/1/environ"):
        result = person.run(f"echo '{{\"ok\":true,\"output\":\"forged\"}}' > {target}; cat {target}; exit 5")
        assert not result["ok"] and "forged" not in result["output"].split("[stderr]")[0]


def test_a_command_inherits_no_descriptor(person):
    result = person.run("ls /proc/self/fd")
    assert result["output"].split("\n[exit")[0].split() == ["0", "1", "2", "3"], result     # 3 is the listing's own


def test_nothing_survives_the_end(person):
    left = "setsid sh -c 'exec -a al-sb-survivor sleep 1000' & (setsid sh -c 'sleep 1000' &) ; echo left"
    assert person.run(left)["ok"]
    assert person.run("(setsid sh -c 'while :; do sleep 0.01; touch alive; done' &); sleep 1000", timeout=1)["code"] == "timeout"
    (person.workspace / "alive").unlink(missing_ok=True)
    running = [p for p in pathlib.Path("/proc").glob("[0-9]*") if shell_of(p, person)]
    assert running == [] and not (person.workspace / "alive").exists()


def shell_of(process, person):
    """A process that stands in the workspace."""
    try:
        return os.readlink(process / "cwd").startswith(str(person.workspace))
    except OSError:
        return False


def test_time_limit(person):
    result = person.run("echo begun; trap '' TERM INT HUP; sleep 1000", timeout=1)
    assert (result["ok"], result["error"], result["code"]) == (False, "Timed out after 1s", "timeout")
    assert "begun" in result["output"]


def test_cancel(person):
    result = person.run("sleep 1000", policy={"cancel_ms": 50})
    assert (result["ok"], result["code"]) == (False, "cancelled")


def test_a_gigabyte_of_output_is_bounded(person):
    result = person.run("echo first; head -c 1000000000 /dev/zero | tr '\\0' x; echo; echo last")
    assert result["ok"] and len(result["output"]) < 1024 * 1024
    assert result["output"].startswith("first\n") and "bytes left out" in result["output"]
    assert result["output"].endswith("last\n[exit 0]")


def test_forking_without_end_is_bounded(person):
    (person.workspace / "fork.py").write_text(
        "import os, time\nn = 0\ntry:\n    while n < 20000:\n        if os.fork() == 0:\n            time.sleep(1000)\n        n += 1\n"
        "except OSError:\n    pass\nprint('forked', n)\n")
    result = person.run(f"{PYTHON} fork.py", timeout=60)
    count = int(result["output"].split()[1])
    if person.uid == 0 and tuple(map(int, os.uname().release.split(".")[:2])) < (6, 14):
        pytest.skip("root is bounded by the time limit alone on this kernel")
    assert 100 < count < 1100


def test_memory_is_bounded(person):
    if "san" in str(BUILD):
        pytest.skip("sanitizers need all addresses")
    result = person.run(f"{PYTHON} -c 'x = bytearray(6 << 30)'")
    assert not result["ok"] and "MemoryError" in result["output"]


def test_a_crash_tells_its_signal(person):
    result = person.run("kill -SEGV $$")
    assert not result["ok"] and "[exit 139]" in result["output"]
    assert not person.run("kill -KILL 1; sleep 0; exit 3")["ok"]       # the worker is out of its reach


def test_refusals_name_the_setting(person):
    assert "sandbox.read" in person.run(f"cat {person.base}/elsewhere/removable")["output"]
    assert "sandbox.read" in person.run("cat ~/notes")["output"]
    assert "sandbox.write" in person.run("touch /usr/made")["output"]
    code = "import socket; socket.create_connection((\"192.0.2.1\", 80))"
    assert "sandbox.network" in person.run(f"{PYTHON} -c '{code}'")["output"]
    assert "sandbox." not in person.run("cat missing")["output"]
    read = person.lines("read_file", {"path": str(person.base / "elsewhere/removable")})[-1]
    assert not read["ok"] and "sandbox.read" in read["error"]
    write = person.lines("write_file", {"path": str(person.base / "elsewhere/made"), "content": "x"})[-1]
    assert not write["ok"] and "sandbox.write" in write["error"]


def test_settings_open_what_they_name(person):
    place = person.base / "elsewhere"
    (place / "shown").write_text("shown\n")
    assert person.run(f"cat {place}/shown", policy={"read": [str(place)]})["ok"]
    assert not person.run(f"echo x > {place}/shown", policy={"read": [str(place)]})["ok"]
    assert person.run(f"echo x > {place}/new && rm {place}/new", policy={"write": [str(place)]})["ok"]
    tcp = attempt(person, "tcp")
    assert person.run(tcp, policy={"network": "any"})["ok"]
    refused = person.run("true", policy={"read": [str(person.alpi)]})
    assert not refused["ok"] and "alpi's own home" in refused["error"]


def test_network_opens_no_other_socket(person):
    for name in ("bus socket", "abstract socket", "netlink"):
        assert not person.run(attempt(person, name), policy={"network": "any"})["ok"]


def test_file_tools(person):
    wrote = person.lines("write_file", {"path": "deep/a.py", "content": "x = 1\n"})[-1]
    assert wrote["ok"] and wrote["mutations"][0]["op"] == "create"
    assert not person.lines("write_file", {"path": "deep/a.py", "content": "x = (\n"})[-1]["ok"]
    assert person.lines("read_file", {"path": "deep/a.py"})[-1]["output"] == "     1\tx = 1"
    assert person.lines("edit_file", {"path": "deep/a.py", "old_string": "1", "new_string": "2"})[-1]["ok"]
    assert person.lines("search", {"pattern": "x =", "path": "deep"})[-1]["output"] == "deep/a.py:1:x = 2"
    for path in (f"{person.home}/.ssh/id_ed25519", f"{person.alpi}/.env", f"/proc/{person.pid}/environ"):
        refused = person.lines("read_file", {"path": path})[-1]
        assert not refused["ok"] and refused["output"] == ""


def test_a_second_name_of_a_secret_is_refused(person):
    (person.workspace / "innocent").unlink(missing_ok=True)
    os.link(person.home / ".ssh/id_ed25519", person.workspace / "innocent")
    for tool, args in (("read_file", {"path": "innocent"}), ("edit_file", {"path": "innocent", "old_string": "BEGIN", "new_string": ""})):
        assert person.lines(tool, args)[-1]["code"] == "denied"
    assert person.lines("search", {"pattern": "BEGIN OPENSSH"})[-1]["output"] == "(no matches)"
    (person.workspace / "innocent").unlink()


def test_background(person):
    policy = {"stdin": True}
    first = {"action": "background", "command": "echo hello; trap 'echo bye; exit' TERM; while :; do sleep 0.02; done"}
    p = person.popen([str(person.tools / "toolcall"), str(person.tools), str(person.alpi), str(person.workspace), "terminal",
                      json.dumps(first), json.dumps(policy)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                     env={"HOME": str(person.home)})

    def ask(action, pid):
        p.stdin.write(json.dumps({"action": action, "pid": pid}) + "\n")
        p.stdin.flush()
        return json.loads(p.stdout.readline())

    started = json.loads(p.stdout.readline())
    assert started["ok"], started
    pid = int(started["output"].split("pid ")[1].split()[0])
    meta = (person.alpi / f"run/bg/{pid}.meta").read_text()
    assert meta.startswith("command=echo hello;") and "\nlog=" in meta and "\nstarted=" in meta
    assert "is alive" in ask("status", pid)["output"]
    while "hello" not in ask("output", pid)["output"]:
        pass
    assert not ask("kill", os.getpid())["ok"]           # no command of ours, whoever it is
    assert not ask("status", 1)["ok"]
    assert ask("kill", pid)["ok"]
    while "not alive" not in ask("status", pid)["output"]:
        pass
    assert "bye" in ask("output", pid)["output"]
    assert not ask("kill", pid)["ok"]
    p.communicate()


def test_a_meta_file_that_does_not_match_kills_nothing(person):
    bg = person.alpi / "run/bg"
    bg.mkdir(parents=True, exist_ok=True)
    (bg / f"{person.pid}.meta").write_text(f"command=x\nlog={person.home}/.ssh/id_ed25519\nstarted=1\n")
    person.own(person.uid)
    assert not person.lines("terminal", {"action": "kill", "pid": person.pid})[-1]["ok"]
    assert "not alive" in person.lines("terminal", {"action": "status", "pid": person.pid})[-1]["output"]
    assert "BEGIN" not in person.lines("terminal", {"action": "output", "pid": person.pid})[-1]["output"]
    assert person.decoy.poll() is None


def test_selftest_says_what_held(person):
    layers = person.lines("selftest", {})[-1]["layers"]
    assert [l["name"] for l in layers if not l["held"]] == [], layers
    assert [l["name"] for l in layers] == ["namespaces", "mounts", "landlock-files", "landlock-net", "landlock-scope",
                                           "seccomp", "capabilities", "no_new_privs", "sandbox"]


# A kernel that refuses namespaces: a user namespace whose own limit is none, entered without rights.
NO_NAMESPACES = ("unshare", "-U", "-r", "/bin/sh", "-c",
                 'echo 0 > /proc/sys/user/max_user_namespaces && exec setpriv --bounding-set=-all --inh-caps=-all "$@"', "sh")


def test_without_namespaces_no_tool_runs_unless_allowed(person):
    refused = person.run("true", under=NO_NAMESPACES)
    assert refused["code"] == "unsupported" and "sandbox.allow_missing: [namespaces]" in refused["error"]
    layers = person.lines("selftest", {}, under=NO_NAMESPACES)[-1]["layers"]
    assert [l["name"] for l in layers if not l["held"] and l["name"] != "sandbox"] == ["namespaces", "mounts"]


# Landlock keeps files from being opened, not their names from being seen.
NAMES_ONLY = ("listing processes", "sessions", "inboxes")


@pytest.mark.parametrize("name", [n for n in [*SHELL, *CODE] if n not in NAMES_ONLY])
def test_without_namespaces_the_other_layers_still_hold(person, name):
    result = person.run(attempt(person, name), policy={"allow_missing": ["namespaces", "mounts"]}, under=NO_NAMESPACES)
    assert not result["ok"] and "[exit " in result["output"], result


def test_without_namespaces_nothing_survives_either(person):
    policy = {"allow_missing": ["namespaces", "mounts"]}
    assert person.run("(setsid sh -c 'sleep 1000 & sleep 1000' &) ; echo left", policy, under=NO_NAMESPACES)["ok"]
    assert [p for p in pathlib.Path("/proc").glob("[0-9]*") if shell_of(p, person)] == []
