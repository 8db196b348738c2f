# SPDX-License-Identifier: Apache-2.0
"""What must be dropped is dropped without a byte, at once; honest peers are served all the while (alp-wire.md, 4 and 14)."""
import json
import os
import resource
import socket
import struct

import pytest

import alp
from conftest import SANITIZED, wait_for
from test_link import Link, pin  # noqa: F401


@pytest.fixture
def link(home, provider):
    made = Link(home, provider)
    yield made
    assert "result" in made.ask("link.ping"), "an honest peer is not served any more"
    made.close()


def silence(wire, data=None):
    """The other side closes without a byte."""
    if data is not None:
        try:
            wire.send(data)
        except (BrokenPipeError, ConnectionResetError):
            return
    with pytest.raises(alp.Closed) as closed:
        wire.receive()
    assert not closed.value.args or closed.value.args[0] == b""


def ping(link, identity=None, to=None, **alp_members):
    members = {**({} if to is None else {"to": to}), **alp_members}
    return alp.request(identity or link.peer, link.key, "link.ping", {"nonce": "x"}, **members)


def resigned(link, message, change):
    """The message after a change made under its signature."""
    change(message)
    message["alp"]["sig"] = alp.b64(link.peer.key.sign(alp.canonical(message)))
    return alp.text_of(message)


def nested(levels):
    return b"[" * levels + b"]" * levels


def drops(link):
    """Name to the bytes of a message that must be dropped."""
    good = ping(link)
    text = alp.text_of(good)
    flipped = {**good, "method": "link.pinG"}
    return {
        "not json": b"hello",
        "not utf-8": text.replace(b'"x"', b'"\xff"'),
        "half": text[: len(text) // 2],
        "a list": b"[" + text + b"]",
        "no alp": b'{"jsonrpc":"2.0","id":"1","method":"link.ping","params":{}}',
        "changed after signing": alp.text_of(flipped),
        "version 2": alp.text_of(ping(link, v=2)),
        "too old": alp.text_of(ping(link, shift=-121)),
        "too new": alp.text_of(ping(link, shift=121)),
        "no zone": alp.text_of(ping(link, ts="2026-01-01T00:00:00")),
        "for another": alp.text_of(ping(link, to=alp.Identity().name)),
        "from a stranger": alp.text_of(ping(link, alp.Identity())),
        "a name twice": text.replace(b'"method":', b'"method":"link.ask","method":', 1),
        "10,000 levels": text.replace(b'{"nonce":"x"}', nested(10000)),
        "lone surrogate": text.replace(b'"x"', b'"\\ud800"'),
        "not a number": text.replace(b'"x"', b"NaN"),
        "beyond a double": text.replace(b'"x"', b"1e999"),
        "method is a list": resigned(link, ping(link), lambda m: m.update(method=["link.ping"])),
        "sig with blanks": text.replace(b'"sig":"', b'"sig":" '),
        "empty": b"",
    }


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_what_must_be_dropped_is_dropped_without_a_byte(link, kind):
    for name, data in drops(link).items():
        print(name)
        silence(link.wire(kind), data)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_no_nonce_is_accepted_twice_by_any_transport_or_after_a_restart(link, kind):
    message = ping(link)
    wire = link.wire(kind)
    wire.send(alp.text_of(message))
    assert "result" in json.loads(wire.receive())
    silence(link.tcp(), alp.text_of(message))
    silence(link.unix(), alp.text_of(message))
    link.home.kill("default/alpd")
    link.home.ready("default/alpd")
    silence(link.tcp(), alp.text_of(message))


def test_a_session_speaks_for_its_own_key_only(link):
    """A pinned envelope over another's session is dropped, and plants nobody in the pending list."""
    thief = alp.Identity()
    silence(link.tcp(thief), alp.text_of(ping(link)))
    silence(link.tcp(thief), alp.text_of(ping(link, alp.Identity())))
    assert link.pending() == []


def test_params_of_another_kind_are_refused_with_a_signed_error(link):
    for params in ([], "x", 5):
        message = resigned(link, ping(link), lambda m: m.update(params=params))
        wire = link.tcp()
        wire.send(message)
        assert alp.check(json.loads(wire.receive()), link.key)["error"]["code"] == -32602


def raw(link):
    where, port = link.address.split(":")
    s = socket.create_connection((where, int(port)))
    s.settimeout(60)
    return s


def closes(s):
    try:
        return s.recv(1) == b""
    except ConnectionError:
        return True


def test_handshakes_of_garbage_get_nothing(link):
    low_order = bytes(32)
    for data in (b"GET / HTTP/1.1\r\n\r\n" * 4, struct.pack(">H", 48) + os.urandom(48), struct.pack(">H", 0),
                 struct.pack(">H", 47) + os.urandom(47), struct.pack(">H", 48) + low_order + os.urandom(16),
                 struct.pack(">H", 65535) + os.urandom(70000)):
        s = raw(link)
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        assert closes(s)
        s.close()


def test_frames_outside_the_limits_end_the_session(link):
    for length in (0, 15, 1048577, 2**32 - 1):
        wire = link.tcp()
        wire.socket.sendall(struct.pack(">I", length))
        silence(wire)
    wire = link.tcp()
    wire.socket.sendall(struct.pack(">I", 64) + os.urandom(64))
    silence(wire)


def sized(link, size):
    """A good ping of so many bytes."""
    while True:
        base = len(alp.text_of(alp.request(link.peer, link.key, "link.ping", {"pad": ""})))
        message = alp.text_of(alp.request(link.peer, link.key, "link.ping", {"pad": "x" * (size - base)}))
        if len(message) == size:        # a timestamp without microseconds is shorter
            return message


def test_the_largest_message_passes_and_one_byte_more_does_not(link):
    wire = link.tcp()
    wire.send(sized(link, 1048560))
    assert "result" in json.loads(wire.receive())
    silence(wire, sized(link, 1048561))
    line = link.unix()
    line.send(b" " * 17 + sized(link, 1048560))
    assert "result" in json.loads(line.receive())
    silence(link.unix(), b" " * 18 + sized(link, 1048560))


def test_a_last_line_without_its_end_counts_and_a_second_line_is_never_read(link):
    wire = link.unix()
    wire.socket.sendall(alp.text_of(ping(link)))
    wire.socket.shutdown(socket.SHUT_WR)
    assert "result" in json.loads(wire.receive())
    wire = link.unix()
    wire.send(alp.text_of(ping(link)) + b"\n" + alp.text_of(ping(link)))
    assert "result" in json.loads(wire.receive())
    with pytest.raises(alp.Closed):
        wire.receive()


def memory(link):
    with open(f"/proc/{link.home.pid('default/alpd')}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_five_thousand_connections_of_one_address_keep_nobody_out(link):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 6000), hard))
    before = memory(link)
    crowd = []
    try:
        for i in range(min(5000, min(hard, 6000) - 300)):
            crowd.append(raw(link))
            if i % 1000 == 0:
                assert "result" in link.ask("link.ping")
        assert "result" in link.ask("link.ping")
        wire = link.tcp()
        alp.ask(wire, link.peer, link.key, "link.ping")
        assert SANITIZED or memory(link) - before < 16 * 1024, "KiB for those who only knock"
    finally:
        for s in crowd:
            s.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_peer_that_stops_reading_holds_up_nobody(link):
    data = os.urandom(4 * 1024 * 1024)
    from test_link import put
    digest = put(link, link.tcp(), data)["result"]["hash"]
    slow = link.tcp()
    slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    before = memory(link)
    for _ in range(4):
        slow.send(alp.text_of(alp.request(link.peer, link.key, "link.get_blob", {"hash": digest})))
    for _ in range(20):
        assert "result" in link.ask("link.ping")
    assert SANITIZED or memory(link) - before < 12 * 1024, "KiB for one who does not read"


def test_a_stranger_learns_nothing_from_time_or_bytes(link):
    """Unpinned, wrong recipient and replayed look the same: closed, no byte."""
    stranger = alp.Identity()
    for message in (ping(link, stranger), ping(link, stranger, to=alp.Identity().name)):
        silence(link.tcp(stranger), alp.text_of(message))
    assert wait_for(link.pending) == [stranger.name]


def test_the_pending_list_keeps_the_newest_twenty(link):
    strangers = [alp.Identity() for _ in range(23)]
    for stranger in strangers:
        silence(link.tcp(stranger), alp.text_of(ping(link, stranger)))
    assert set(link.pending()) == {s.name for s in strangers[3:]}
    assert (link.home.path / "alp/pending_peers.yaml").stat().st_mode & 0o777 == 0o600


def test_the_process_that_hears_strangers_cannot_open_the_key(link):
    """After restrict; asked through /proc, where only root may look."""
    pid = link.home.pid("default/alpd")
    if os.getuid() == 0:
        assert "alp_key.pem" not in " ".join(os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd"))
    else:
        with pytest.raises(PermissionError):
            os.listdir(f"/proc/{pid}/fd")
    children = open(f"/proc/{pid}/task/{pid}/children").read().split()
    names = [open(f"/proc/{child}/cmdline").read().replace("\0", " ") for child in children]
    assert any("--key" in name for name in names)
