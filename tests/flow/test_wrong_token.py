# SPDX-License-Identifier: Apache-2.0
"""An inbox answers nobody without the token that init gave to exactly these two ends."""
import json
import os
import socket

import pytest

import full
from test_bad_input import home      # noqa: F401: the home whose units may not restart

REQUESTER = b"\0SP\0\0\x30\0\0"


def connect_as(path, uid=None):
    """Inboxes answer their own user only: a socket that belongs to that one."""
    s = socket.socket(socket.AF_UNIX)
    me = os.geteuid()
    os.seteuid(me if uid is None else uid)
    try:
        s.connect(str(path))
    finally:
        os.seteuid(me)
    return s


class Bus:
    """A requester at an inbox, in the bytes of nng's ipc transport."""

    def __init__(self, path, token, uid=None):
        self.token = token
        self.socket = connect_as(path, uid)
        self.socket.sendall(REQUESTER)
        assert self.take(8) == b"\0SP\0\0\x31\0\0"
        self.number = 0

    def take(self, n):
        data = b""
        while len(data) < n:
            more = self.socket.recv(n - len(data))
            assert more, "the inbox hung up"
            data += more
        return data

    def send(self, payload):
        self.number += 1
        body = (0x80000000 | self.number).to_bytes(4, "big") + payload
        self.socket.sendall(b"\x01" + len(body).to_bytes(8, "big") + body)

    def receive(self):
        while True:
            assert self.take(1) == b"\x01"
            data = self.take(int.from_bytes(self.take(8), "big"))
            if int.from_bytes(data[:4], "big") == 0x80000000 | self.number:
                return json.loads(data[4:])

    def ask(self, kind, body, grant=None, **more):
        envelope = {"v": 1, "type": kind, "token": self.token, "body": body, **more}
        if grant is not None:
            envelope["grant"] = grant
        self.send(json.dumps(envelope).encode())
        return self.receive()

    def close(self):
        self.socket.close()


@pytest.fixture
def all_home(home):     # noqa: F811
    """One with every daemon."""
    bot = full.start_all(home)
    yield home
    bot.close()


# Each inbox with what somebody may ask there.
QUESTIONS = (
    ("engined", "session.list", {}), ("engined", "turn.cancel", {"key": "x"}), ("toolrunner", "tool.list", {}),
    ("toolrunner", "tool.cancel", {"key": "x"}), ("hostd", "event.push", {"kind": "x", "data": {}}),
    ("alpd", "peers.list", {}), ("alpd", "link.roster", {}), ("alpd", "peers.accept", {"pubkey": "x"}),
    ("scheduled", "job.list", {}), ("scheduled", "job.remove", {"id": "x"}),
    ("gatewayd", "gateway.status", {}), ("gatewayd", "message.next", {"key": "x"}),
)


def test_no_inbox_was_forgotten():
    assert {unit for unit, _, _ in QUESTIONS} == set(full.DAEMONS)


@pytest.mark.parametrize("token", ["", "0" * 64, "f" * 64, "0" * 63, "x" * 64, "0" * 100_000, None, 7, ["0" * 64]])
def test_a_wrong_token_is_denied_whatever_is_asked(all_home, token):
    for unit, kind, body in QUESTIONS:
        bus = Bus(all_home.path / "run" / "default" / f"{unit}.ipc", token, all_home.uid)
        answer = bus.ask(kind, body)
        assert answer.get("error", {}).get("name") in ("denied", "invalid"), (unit, answer)
        assert "body" not in answer
        bus.close()
    full.all_serve(all_home)


def test_what_is_no_message_is_an_error_to_the_one_who_sent_it(all_home):
    for unit in full.DAEMONS:
        bus = Bus(all_home.path / "run" / "default" / f"{unit}.ipc", "0" * 64, all_home.uid)
        for payload in (b"", b"\0", b"{}", b"[]", b"7", b"\xff" * 1000, b'{"v":2}', b"[" * 100_000, b'{"v":1,"type":7}',
                        b'{"v":1,"type":"no.such","token":"' + b"0" * 64 + b'","body":{}}'):
            bus.send(payload)
            assert "error" in bus.receive(), (unit, payload[:40])
        bus.close()
    full.all_serve(all_home)
