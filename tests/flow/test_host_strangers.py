# SPDX-License-Identifier: Apache-2.0
"""What strangers may say on the sockets: hostd's, the inboxes', a unit's descriptor 3. Nobody dies, others are served."""
import json
import os
import re
import resource
import socket
import subprocess

import pytest

import full
from conftest import LIBEXEC, ROOT, host, wait_for
from test_bad_input import home, says      # noqa: F401: the home whose units may not restart
from test_chat_tool import script
from test_hostd import send
from test_wrong_token import all_home, connect_as      # noqa: F401

METHODS = re.findall(r'^\t\{ "(host\.[a-z_.]+)",\s+\w+,\s+\w+, \w+, \w+,\s+"([^"]*)",\s+"([^"]*)" \}',
                     (ROOT / "hostd" / "methods.c").read_text(), re.M)
# These do what they are asked without any parameter, and these change what the next rows rest on.
LEFT_OUT = {"host.daemon.restart"}


def connect(home):
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(home.path / "host" / "host.sock"))
    return s


def exchange(home, line):
    """Send bytes, close our half, and read to the end."""
    with connect(home) as s:
        try:
            s.sendall(line)
            s.shutdown(socket.SHUT_WR)
            return s.makefile("rb").read()
        except (BrokenPipeError, ConnectionResetError):
            return b""


def first_line(home, line):
    with connect(home) as s:
        s.sendall(line)
        return s.makefile("rb").readline()


def alive(home):
    assert host(home, "host.version")["agent_name"] == "alpi"


def test_the_table_of_verbs_was_found():
    assert len(METHODS) >= 25 and "host.chat.send" in {name for name, _, _ in METHODS}


GARBAGE = {
    "nothing": b"",
    "a newline": b"\n",
    "zeros": b"\0" * 100_000 + b"\n",
    "bytes": bytes(range(256)) * 100 + b"\n",
    "no json": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "a list": b"[]\n",
    "no method": b'{"id":1}\n',
    "method is a number": b'{"id":1,"method":7}\n',
    "method is a list": b'{"id":1,"method":["host.version"]}\n',
    "bad utf-8": b'{"id":1,"method":"host.version","params":{"x":"\xff\xfe\x80"}}\n',
    "half a surrogate": b'{"id":1,"method":"host.version\\ud800"}\n',
    "deep": b'{"id":1,"method":"host.version","params":' + b"[" * 200_000 + b"\n",
    "deep and closed": b'{"id":' + b"[" * 5000 + b"]" * 5000 + b',"method":"host.version"}\n',
    "twice": b'{"id":1,"id":2,"method":"host.version"}\n',
    "a long id": b'{"id":"' + b"i" * 100_000 + b'","method":"host.version"}\n',
    "a number too large": b'{"id":1e999999,"method":"host.version"}\n',
    "cut": b'{"id":1,"method":"host.ver',
}


@pytest.mark.parametrize("name", GARBAGE)
def test_what_is_no_request_is_cut_off_without_a_word(home, name):
    home.config("model: offline/rules\n")
    home.start()
    assert exchange(home, GARBAGE[name]) == b""
    alive(home)


def test_what_is_nearly_a_request_gets_an_error(home):
    home.config("model: offline/rules\n")
    home.start()
    for line, code in ((b'{"id":1,"method":"host.nothing"}\n', -32601),
                       (b'{"id":1,"method":""}\n', -32601),
                       (b'{"id":1,"method":"host.version","params":[]}\n', -32602),
                       (b'{"id":1,"method":"host.version","params":null}\n', -32602),
                       (b'{"id":{"a":[1]},"method":"host.' + b"x" * 1_000_000 + b'"}\n', -32601)):
        assert json.loads(exchange(home, line))["error"]["code"] == code, line[:80]
    answers = exchange(home, b'{"id":1,"method":"host.version"}\n' * 1000)
    assert answers.count(b"\n") == 1, "one request a connection"


VALUES = [None, True, 0, -1, -2, 2**31, 2**63 - 1, 1.5, -1e300, "", " ", "a", "a\u0001b", "../../etc/passwd", "\u007f",
          "x" * 65, "x" * 5000, "\U0001f600" * 300, "%s%n", "default", "default/engined", [], [[]], [None], ["a"] * 6000,
          {}, {"a": {"b": [1]}}]


@pytest.mark.parametrize("method, needs, may", [row for row in METHODS if row[0] not in LEFT_OUT])
def test_every_verb_answers_whatever_its_parameters_are(home, method, needs, may):
    home.config("model: offline/rules\n")
    home.start()
    names = (needs + " " + may).split()
    sane = {"profile": "default", "name": "nobody", "request_id": "r", "id": "s", "session_id": "s", "text": "hello",
            "key": "tui.theme", "value": "x", "choice": "deny", "state": "off", "url": "http://127.0.0.1:1", "ids": ["s"],
            "pubkey": "abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENoM=", "peer_id": "s", "method": "link.ping", "on": True,
            "hash": "0" * 64, "size": 1, "offset": 0, "data": "QQ==", "action": "show", "status": "unread", "mime": "text/plain", "data_base64": "QQ==",
            "files": [], "redirect_uri": "http://127.0.0.1:1/", "code": "c",
            "job": {"kind": "once", "run_at": "2099-01-01", "prompt": "say hello"}, "changes": {"title": "a"}, "paused": True,
            "rev": "0" * 32, "path": "SKILL.md"}
    base = {name: sane[name] for name in needs.split()}
    if method == "host.chat.send":
        base = {"profile": "default", "text": "hello", "request_id": "r"}
    rows = [base, {}] + [{**base, name: value} for name in names for value in VALUES]
    rows += [{name: value for name in names} for value in VALUES]
    for n, params in enumerate(rows):
        if "request_id" in params and params["request_id"] == "r":
            params["request_id"] = f"r{n}"
        line = json.dumps({"id": n, "method": method, "params": params}).encode()
        for text in (line, line.replace(b'"a"', b'"a\\u0000b"')) if b'"a"' in line else (line,):
            answer = first_line(home, text + b"\n")
            if answer == b"":
                assert b"\\u0000" in text, text[:200]       # a NUL is no JSON here
                continue
            answer = json.loads(answer)
            assert answer["id"] == n
            assert "result" in answer or "event" in answer or answer["error"]["code"] != -32603, (text[:300], answer)
    alive(home)
    names = set(os.listdir(home.path / "profiles")) if (home.path / "profiles").exists() else set()
    assert all(re.fullmatch(r"\.?[a-z0-9_-]+(\.new)?", name) for name in names), names


def test_a_client_that_sends_half_a_line_keeps_nobody_waiting(home):
    """Nobody times out a line that never ends: it gives way when there are too many."""
    home.config("model: offline/rules\n")
    home.start()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4000:
        pytest.skip("not enough descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4000), hard))
    held = []
    try:
        for n in range(1500):
            held.append(connect(home))
            if n % 2:
                held[-1].sendall(b'{"id":1,"method":"host.ver')
        alive(home)
        assert home.ask("run echo hello")["tools"][0]["ok"]
        assert held[0].recv(1) == b"", "the oldest has given way"
        held[-1].sendall(b'sion"}\n')
        assert json.loads(held[-1].makefile("rb").readline())["result"]["agent_name"] == "alpi"
    finally:
        for s in held:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    alive(home)


def test_a_client_that_never_reads_holds_up_nobody(home, provider):
    home.use(provider, "script")
    home.start()
    text = "much text " * 2000
    deaf = [send(home, script({"text": text}), f"deaf-{n}") for n in range(20)]
    watcher = connect(home)
    watcher.sendall(b'{"id":1,"method":"host.events.subscribe"}\n')
    for n in range(5):
        assert says(home, script({"text": "heard"}), f"r{n}") == "heard"
    wait_for(lambda: not host(home, "host.activity.list")["running"], "all turns to end")
    assert sum(1 for s in home.sessions().values() if s["turns"][0]["assistant"] == text) == 20
    for stream in deaf:
        stream.close()
    watcher.close()


def test_many_bytes_from_many_clients_stay_within_bounds(home):
    """Each may send a message, all together not more than the total; the newest is cut off, the others go on."""
    home.config("model: offline/rules\n")
    home.start()
    held = [connect(home) for _ in range(8)]
    for s in held:
        try:
            s.sendall(b"x" * 20_000_000)
        except (BrokenPipeError, ConnectionResetError):
            pass
    alive(home)
    for s in held:
        s.close()
    assert home.ask("hello")["reply"]


# ---- the inboxes ---------------------------------------------------------------------------------------

def inbox(home, unit):
    return connect_as(home.path / "run" / f"{unit}.ipc", home.uid)


HELLO = b"\0SP\0\0\x30\0\0"     # what a requester of nng says first


@pytest.mark.parametrize("data", [
    bytes(range(256)) * 1000,
    HELLO,
    HELLO + b"\x01" + b"\xff" * 8,
    HELLO + b"\x01" + (2**40).to_bytes(8, "big") + b"x" * 100_000,
    HELLO + b"\x01" + (12).to_bytes(8, "big") + b"\x80\0\0\1" + b"\xff" * 8,
    HELLO + b"\x01" + (4).to_bytes(8, "big") + b"\x80\0\0\1",
    HELLO + b"\x01" + (0).to_bytes(8, "big"),
    HELLO + (b"\x01" + (20).to_bytes(8, "big") + b"\x80\0\0\1" + b'{"v":1,"type":"x' ) * 2000,
    b"\0SP\0\0\x10\0\0" * 10,
], ids=["bytes", "hello", "a length of all ones", "a terabyte", "no json", "empty", "no request id", "many", "a wrong protocol"])
def test_raw_bytes_in_the_inboxes_hurt_nobody(all_home, data):     # noqa: F811
    held = []
    for unit in full.UNITS:
        for _ in range(10):
            s = inbox(all_home, unit)
            try:
                s.sendall(data)
            except (BrokenPipeError, ConnectionResetError):
                pass
            held.append(s)
    full.all_serve(all_home)
    for s in held:
        s.close()
    full.all_serve(all_home)


def test_a_thousand_connections_that_say_nothing_hurt_nobody(home):
    home.config(f"model: offline/rules\nworkspace: {home.workspace}\n")
    home.start()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 4000:
        pytest.skip("not enough descriptors")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 4000), hard))
    held = []
    try:
        for unit in ("default/engined", "default/toolrunner", "default/hostd"):
            for n in range(1000):
                held.append(inbox(home, unit))
                if n % 2:
                    held[-1].sendall(HELLO)
        for n in range(3):
            assert home.ask(f"run echo {n}")["tools"][0]["ok"]
    finally:
        for s in held:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert home.ask("run echo after")["tools"][0]["ok"]


# ---- descriptor 3 ----------------------------------------------------------------------------------------

BOOT = {
    "nothing": b"",
    "garbage": bytes(range(256)) * 100,
    "a newer version": b"alpi-boot 2\nend\n",
    "only the end": b"alpi-boot 1\nend\n",
    "no end": b"alpi-boot 1\nunit default/engined\n",
    "a line without end": b"alpi-boot 1\nunit " + b"x" * 100_000,
    "an unknown word": b"alpi-boot 1\nfrobnicate x\nend\n",
    "a short token": b"alpi-boot 1\nunit default/engined\naccept default/hostd 12\nend\n",
    "another daemon": b"alpi-boot 1\nunit default/nobody\nroot /tmp/x\nhome /tmp/x\nrun /tmp/x\nlibexec /tmp/x\nend\n",
}


BARE = {name: os.environ[name] for name in ("PATH", "ASAN_OPTIONS", "UBSAN_OPTIONS") if name in os.environ}


@pytest.mark.parametrize("daemon", full.DAEMONS)
@pytest.mark.parametrize("name", BOOT)
def test_a_boot_message_that_is_none_ends_the_daemon_with_a_sentence(daemon, name):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        process = subprocess.Popen(
            [LIBEXEC / f"alpi-{daemon}"], pass_fds=[3], preexec_fn=lambda: os.dup2(theirs.fileno(), 3),
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True, env=BARE)
        theirs.close()
        try:
            ours.sendall(BOOT[name])
            ours.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass
        _, err = process.communicate()
    assert process.returncode == 1, err
    assert err.count("\n") == 1 and err.startswith("ERROR "), err


def test_a_daemon_without_descriptor_3_says_how_it_is_started():
    for daemon in full.DAEMONS:
        done = subprocess.run([LIBEXEC / f"alpi-{daemon}"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 1 and done.stderr.count("\n") == 1, done.stderr
