# SPDX-License-Identifier: Apache-2.0
"""The link: profiles of one machine by Unix sockets, two homes by TCP, and a peer in another language."""
import base64
import datetime
import hashlib
import json
import os

import pytest

import alp
from conftest import NOBODY, Home, wait_for
from service import free_port
from test_cli import Terminal

ALL = "link.ping,link.ask,link.cancel,link.put_blob,link.get_blob"


def listening(home, provider, model="text", profile=None, more=""):
    """A profile that listens on a TCP port of loopback; its address."""
    port = free_port()
    home.use(provider, model, profile, f"alp: {{tcp_port: {port}, tcp_host: 127.0.0.1}}\n" + more)
    return f"127.0.0.1:{port}"


def key(home, profile="default"):
    return home.run("-p", profile, "peers", "key").stdout.strip()


def pin(home, peer, pubkey, *words, allow=ALL, profile="default"):
    home.run("-p", profile, "peers", "add", peer, pubkey, "--allow", allow, *words)


class Link:
    """A home that listens, and a pinned peer of it in the other language."""

    def __init__(self, home, provider, model="text", more="", allow=ALL):
        self.home = home
        self.address = listening(home, provider, model, more=more)
        home.start()
        self.key = key(home)
        self.peer = alp.Identity()
        pin(home, "snake", self.peer.name, allow=allow)
        self.wires = []

    def tcp(self, identity=None, source=None):
        where, port = self.address.split(":")
        wire = alp.TcpWire(identity or self.peer, (where, int(port)), self.key, source=source)
        self.wires.append(wire)
        return wire

    def unix(self):
        wire = alp.UnixWire(self.home.path / "alp/alp.sock")
        self.wires.append(wire)
        return wire

    def wire(self, kind):
        return self.tcp() if kind == "tcp" else self.unix()

    def ask(self, method, params=None, kind="tcp", **words):
        return alp.ask(self.wire(kind), self.peer, self.key, method, params, **words)

    def pending(self):
        return [row["pubkey"] for row in self.home.json("peers", "pending", "--json")]

    def close(self):
        for wire in self.wires:
            wire.close()


@pytest.fixture
def link(home, provider):
    made = Link(home, provider)
    yield made
    made.close()


@pytest.fixture
def other():
    made = Home(NOBODY if os.getuid() == 0 else None)
    yield made
    made.close()


# ---- one machine ------------------------------------------------------------------------------------------


def two_profiles(home, provider, model="text", allow=ALL):
    home.use(provider)
    home.use(provider, model, profile="other")
    home.start()
    mine, theirs = key(home), key(home, "other")
    assert mine != theirs
    pin(home, "other", theirs)
    pin(home, "boss", mine, allow=allow, profile="other")


def test_two_profiles_ping_each_other(any_user_home, provider):
    home = any_user_home
    two_profiles(home, provider)
    pong = home.run("peers", "ping", "other").stdout
    assert pong.startswith("pong from ") and "version=1" in pong and "via unix" in pong
    assert home.json("-p", "other", "peers", "ping", "boss", "--json")["status"] == "on"


def test_a_mention_goes_to_the_peer_and_to_no_model_of_ours(home, provider):
    two_profiles(home, provider)
    home.use(provider, "status=500")            # our own model would only fail
    home.run("daemon", "reload")
    answer = home.ask("@other n=4")
    assert len(answer["reply"].split()) == 4
    assert [tool["name"] for tool in answer["tools"]] == ["peer"]
    [session] = home.sessions().values()
    [turn] = session["turns"]
    assert turn["assistant"].split() == answer["reply"].split()
    assert turn["tools"][0]["name"] == "peer" and turn["tools"][0]["result"] == turn["assistant"]
    assert home.sessions("other") == {}          # an inbound ask is no session of theirs
    thread = json.loads((home.path / "profiles/other/mentions").glob("boss@*.json").__next__().read_text())
    assert thread["turns"][-1]["user"] == "n=4"
    assert provider.stats()["requests"] == 1


def test_the_model_asks_a_peer_and_the_turn_ends_with_the_reply(home, provider):
    two_profiles(home, provider)
    home.use(provider, "script")
    home.run("daemon", "reload")
    call = {"name": "peer", "arguments": {"peer_id": "other", "prompt": "n=3"}}
    answer = home.ask(json.dumps({"steps": [{"calls": [call]}, {"text": "never said"}]}))
    assert len(answer["reply"].split()) == 3
    assert answer["tools"][0]["name"] == "peer" and answer["tools"][0]["ok"]
    assert provider.stats()["requests"] == 2


def test_a_thread_remembers_what_the_peer_said_before(home, provider):
    two_profiles(home, provider, model="echo")
    first = home.ask("@other my word is sesame")
    again = home.ask("@other say it", "--session", first["session_id"])
    assert again["tools"][0]["ok"]
    folder = home.path / "profiles/other/mentions"
    [path] = folder.glob("boss@*.json")
    thread = json.loads(path.read_text())
    assert [t["user"] for t in thread["turns"]] == ["my word is sesame", "say it"]
    assert path.stat().st_mode & 0o77 == 0


def test_a_mention_of_nobody_is_text_for_the_model(home, provider):
    two_profiles(home, provider)
    answer = home.ask("@nobody n=2")
    assert answer["tools"] == [] and len(answer["reply"].split()) == 2


def test_a_mentioned_peer_that_is_not_there_is_an_error_that_says_so(home, provider):
    home.use(provider)
    home.start()
    pin(home, "far", alp.Identity().name, "--address", f"127.0.0.1:{free_port()}")
    done = home.run("chat", "--once", "@far hello", check=False)
    assert done.returncode == 1
    assert "far is not reachable" in done.stdout
    ping = home.run("peers", "ping", "far", check=False)
    assert ping.returncode == 1 and "off" in ping.stderr


# ---- two homes ----------------------------------------------------------------------------------------------


def test_two_homes_ping_ask_and_send_files_by_tcp(home, other, provider):
    here, there = listening(home, provider), listening(other, provider)
    home.start()
    other.start()
    pin(home, "you", key(other), "--address", there)
    pin(other, "me", key(home), "--address", here)
    assert "via tcp" in home.run("peers", "ping", "you").stdout
    assert len(home.ask("@you n=5")["reply"].split()) == 5
    blob = os.urandom(1024 * 1024)      # the largest: test_link_sides.py
    (home.workspace / "big").write_bytes(blob)
    home.give(home.workspace)
    sent = home.json("peers", "blob-put", "you", "big", "--json")
    assert sent == {"hash": hashlib.sha256(blob).hexdigest(), "size": len(blob)}
    assert (other.path / "alp/blobs" / sent["hash"]).read_bytes() == blob
    back = home.json("peers", "blob-get", "you", sent["hash"], "--output", "again", "--json")
    assert back["size"] == len(blob) and (home.workspace / "again").read_bytes() == blob
    refused = home.run("peers", "blob-get", "you", sent["hash"], "--output", "again", check=False)
    assert refused.returncode == 1 and "exists" in refused.stderr


# ---- methods, seen from the other language --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_ping_answers_and_keeps_nothing(link, kind):
    result = link.ask("link.ping", {"nonce": "seven"}, kind)["result"]
    assert result["nonce"] == "seven" and result["version"] == 1 and result["agent_name"]
    assert link.ask("link.ping", None, kind)["result"]["nonce"] == ""


def test_many_requests_share_a_session_and_come_in_order(link):
    wire = link.tcp()
    for i in range(20):
        assert alp.ask(wire, link.peer, link.key, "link.ping", {"nonce": str(i)})["result"]["nonce"] == str(i)
    messages = [alp.request(link.peer, link.key, "link.ping", {"nonce": f"early {i}"}) for i in range(5)]
    for message in messages:
        wire.send(alp.text_of(message))
    assert [json.loads(wire.receive())["id"] for _ in messages] == [m["id"] for m in messages]


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_streamed_ask_tells_its_session_its_words_and_the_sum(link, kind):
    frames = list(alp.stream(link.wire(kind), link.peer, link.key, "link.ask", {"prompt": "n=6 delay=5", "stream": True}))
    chunks, final = frames[:-1], frames[-1]
    assert all(f["stream"] == "chunk" for f in chunks) and final["stream"] == "final"
    assert chunks[0]["result"]["event"] == "started"
    words = "".join(f["result"].get("text", "") for f in chunks)
    assert words.split() == final["result"]["text"].split() and len(words.split()) == 6
    assert final["result"]["session_id"] == chunks[0]["result"]["session_id"]
    assert final["result"]["tokens_out"] > 0 and final["result"]["interrupted"] is False
    assert final["result"]["transient"] is False and final["result"]["history"] == "peer"


def test_a_plain_ask_has_one_answer(link):
    answer = link.ask("link.ask", {"prompt": "n=3", "conversation": "c0ffee"})
    assert "stream" not in answer and len(answer["result"]["text"].split()) == 3
    assert answer["result"]["history"] == "conversation"
    assert link.ask("link.ask", {"prompt": "n=1", "conversation": "../x"})["result"]["history"] == "none"
    names = sorted(p.name for p in (link.home.path / "mentions").iterdir())
    assert names == ["snake@c0ffee.json"]


@pytest.mark.parametrize("prompt", ["", "   ", None, 5])
def test_an_ask_without_a_prompt_is_refused(link, prompt):
    answer = link.ask("link.ask", {"prompt": prompt} if prompt is not None else {})
    assert (answer["error"]["code"], answer["error"]["message"]) == (-32602, "invalid-params")


def test_one_turn_at_a_time_and_only_its_starter_may_cancel_it(link):
    second = alp.Identity()
    pin(link.home, "second", second.name)
    frames = alp.stream(link.tcp(), link.peer, link.key, "link.ask", {"prompt": "n=100000 delay=50", "stream": True})
    session = next(frames)["result"]["session_id"]
    busy = link.ask("link.ask", {"prompt": "hello"})
    assert (busy["error"]["code"], busy["error"]["message"]) == (-32007, "target-busy")
    theirs = alp.ask(link.tcp(second), second, link.key, "link.cancel", {"session_id": session})
    assert theirs["result"] == {"cancelled": False}
    assert link.ask("link.cancel", {"session_id": "another"})["result"] == {"cancelled": False}
    assert link.ask("link.cancel", {"session_id": session})["result"] == {"cancelled": True, "session_id": session}
    final = list(frames)[-1]
    assert final["stream"] == "final" and final["result"]["interrupted"] is True
    assert link.ask("link.cancel")["result"] == {"cancelled": False}
    assert "result" in link.ask("link.ask", {"prompt": "n=1"})      # free before the last envelope was written


def test_a_caller_who_leaves_ends_a_streamed_turn(link):
    wire = link.tcp()
    frames = alp.stream(wire, link.peer, link.key, "link.ask", {"prompt": "n=100000 delay=50", "stream": True})
    next(frames)
    wire.close()
    wait_for(lambda: "result" in link.ask("link.ask", {"prompt": "n=1"}), "the turn of a caller who left to end")


def test_what_is_not_allowed_is_told_apart_from_what_is_not_there(home, provider):
    link = Link(home, provider, allow="link.ping")
    answer = link.ask("link.ask", {"prompt": "hello"})
    assert answer["error"] == {"code": -32001, "message": "capability-denied", "data": {"method": "link.ask"}}
    assert link.ask("link.nothing")["error"]["code"] == -32001
    assert link.ask("workgroup.nothing")["error"]["code"] == -32601
    home.run("peers", "allow", "snake", "link.ask")
    assert "result" in link.ask("link.ask", {"prompt": "n=1"})
    home.run("peers", "deny", "snake", "link.ask")
    assert link.ask("link.ask", {"prompt": "n=1"})["error"]["code"] == -32001
    link.close()


def test_the_tools_of_a_peer_are_those_of_its_list(home, provider):
    link = Link(home, provider, "script")
    path = home.path / "alp/peers.yaml"
    path.write_text(path.read_text().rstrip("\n") + "\n  tools: {allow: [read_file]}\n")
    steps = {"steps": [{"calls": [{"name": "terminal", "arguments": {"command": "echo no > made.txt"}}]}, {"text": "end"}]}
    assert link.ask("link.ask", {"prompt": json.dumps(steps)})["result"]["text"] == "end"
    assert not (home.workspace / "made.txt").exists()
    path.write_text(path.read_text().replace("tools: {allow: [read_file]}", "tools: {deny: [read_file]}"))
    answer = link.ask("link.ask", {"prompt": "x"})
    assert (answer["error"]["code"], answer["error"]["message"]) == (-32013, "peer-policy-invalid")
    link.close()


def test_too_many_requests_are_refused_for_a_minute(link):
    path = link.home.path / "alp/peers.yaml"
    path.write_text(path.read_text().rstrip("\n") + "\n  rate_limit: {per_minute: 3}\n")
    assert [("result" in link.ask("link.ping")) for _ in range(3)] == [True] * 3
    answer = link.ask("link.ping")
    assert answer["error"] == {"code": -32005, "message": "rate-limited", "data": {"window_seconds": 60}}


def test_a_spent_day_refuses_every_method(home, provider):
    link = Link(home, provider, more="budget: {daily_usd: 0.5}\n")
    ledger = home.path / "logs/ledger.json"
    home.run("daemon", "stop")
    ledger.write_text(json.dumps({"day": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
                                  "profile": {"usd": 1.0, "tokens": 5}, "by_peer": {}, "history": {}}))
    home.give(home.path)
    home.start()
    for method in ("link.ping", "link.cancel"):
        error = link.ask(method)["error"]
        assert (error["code"], error["message"]) == (-32005, "budget-exceeded")
        assert error["data"]["cap_kind"] == "usd" and error["data"]["used"] == 1.0
    link.close()


# ---- blobs --------------------------------------------------------------------------------------------------


def put(link, wire, data, start=0, stop=None, size=None):
    """Send data from start on in chunks; the last answer."""
    digest = hashlib.sha256(data).hexdigest()
    answer = None
    offset = start
    while True:
        chunk = data[offset:offset + 524288]
        final = offset + len(chunk) == len(data)
        answer = alp.ask(wire, link.peer, link.key, "link.put_blob", {
            "hash": digest, "size": size or len(data), "offset": offset, "data": alp.b64(chunk), "final": final})
        if "error" in answer or answer["result"]["complete"] or (stop and answer["result"]["next_offset"] >= stop):
            return answer
        offset = answer["result"]["next_offset"]


def get(link, digest):
    frames = list(alp.stream(link.tcp(), link.peer, link.key, "link.get_blob", {"hash": digest}))
    return b"".join(base64.b64decode(f["result"]["data"]) for f in frames[:-1]), frames[-1]


def test_a_blob_of_20_mib_goes_in_and_out(link):
    data = os.urandom(20 * 1024 * 1024)
    answer = put(link, link.tcp(), data)
    assert answer["result"]["complete"] and answer["result"]["next_offset"] == len(data)
    back, final = get(link, answer["result"]["hash"])
    assert back == data and final["stream"] == "final" and final["result"]["size"] == len(data)


def test_a_cut_upload_goes_on_where_it_stood_also_after_a_restart(link):
    data = os.urandom(3 * 524288 + 17)
    wire = link.tcp()
    held = put(link, wire, data, stop=1048576)["result"]["next_offset"]
    wire.close()
    link.home.kill("default/alpd")
    link.home.ready("default/alpd")
    answer = put(link, link.tcp(), data, start=held)
    assert answer["result"]["complete"]
    assert get(link, answer["result"]["hash"])[0] == data


def test_what_is_no_blob_is_refused_and_nothing_is_kept(link):
    wire = link.tcp()
    data = b"hello"
    digest = hashlib.sha256(data).hexdigest()
    for change in ({"hash": "xyz"}, {"size": -1}, {"size": 20971521}, {"size": True}, {"offset": 3}, {"data": "!!"},
                   {"data": alp.b64(b"x" * 524289)}, {"size": 4}, {"hash": "0" * 64}):
        params = {"hash": digest, "size": 5, "offset": 0, "data": alp.b64(data), "final": True, **change}
        error = alp.ask(wire, link.peer, link.key, "link.put_blob", params)["error"]
        assert (error["code"], error["message"]) == (-32602, "invalid-blob"), change
    missing = link.ask("link.get_blob", {"hash": digest})
    assert (missing["error"]["code"], missing["error"]["message"]) == (-32012, "blob-not-found")
    assert "stream" not in missing
    assert [p.name for p in (link.home.path / "alp/blobs").iterdir() if p.is_file()] == []


def test_a_blob_whose_content_changed_is_not_given_out(link):
    digest = put(link, link.tcp(), b"what was promised")["result"]["hash"]
    (link.home.path / "alp/blobs" / digest).write_bytes(b"what was swapped!")
    assert link.ask("link.get_blob", {"hash": digest})["error"]["message"] == "blob-not-found"


# ---- our client against peers that err ------------------------------------------------------------------------


@pytest.fixture
def client(home, provider):
    """A home that has pinned a scripted peer."""
    home.use(provider)
    home.start()
    peers = []

    def make(serve):
        peer = alp.Peer(serve)
        peers.append(peer)
        pin(home, f"p{len(peers)}", peer.identity.name, "--address", peer.address)
        return f"p{len(peers)}", peer

    yield home, make
    for peer in peers:
        peer.close()


def ping(home, name):
    return json.loads(home.run("peers", "ping", name, "--json", check=False).stdout)


def test_a_good_peer_is_on(client):
    home, make = client
    name, peer = make(lambda m, p, respond: respond(result={"nonce": p["nonce"], "version": 1, "agent_name": "Snake"}))
    answer = ping(home, name)
    assert answer["status"] == "on" and answer["agent_name"] == "Snake"
    assert peer.seen[0]["method"] == "link.ping" and list(peer.seen[0])[0]


def test_a_peer_that_drops_us_or_answers_wrongly_is_unverified(client):
    home, make = client
    stranger = alp.Identity()
    good = {"version": 1, "agent_name": "x", "nonce": ""}
    for serve in (lambda m, p, respond: False,
                  lambda m, p, respond: respond(result=good, to=stranger.name),
                  lambda m, p, respond: respond(result=good, ts="2001-01-01T00:00:00Z"),
                  lambda m, p, respond: respond(result=good, v=2),
                  lambda m, p, respond: respond(result=good, stream="chunk")):
        name, _ = make(serve)
        answer = ping(home, name)
        assert answer["status"] == "unverified" and answer["reason"]


def test_a_busy_peer_is_asked_again(client):
    home, make = client
    times = []

    def serve(method, params, respond):
        times.append(method)
        if len(times) < 3:
            respond(error={"code": -32007, "message": "target-busy", "data": {"detail": "a turn is running"}})
        else:
            respond(result={"text": "at last", "session_id": "s", "tokens_in": 1, "tokens_out": 2, "cost": 0.5,
                            "interrupted": False}, stream="final")

    name, _ = make(serve)
    assert home.ask(f"@{name} hello")["reply"] == "at last"
    assert times == ["link.ask"] * 3


def test_a_refusal_is_told_with_its_name(client):
    home, make = client
    name, _ = make(lambda m, p, respond: respond(error={"code": -32001, "message": "capability-denied",
                                                        "data": {"method": "link.ask"}}))
    done = home.run("chat", "--once", f"@{name} hello", check=False)
    assert done.returncode == 1 and "capability-denied" in done.stdout


def test_an_old_peer_that_closes_after_each_reply_is_dialled_again(client):
    home, make = client

    def serve(method, params, respond):
        respond(result={"nonce": params["nonce"], "version": 1, "agent_name": "old"})
        return False

    name, peer = make(serve)
    for _ in range(3):
        assert ping(home, name)["status"] == "on"
    assert len(peer.seen) == 3


# ---- who is pinned ------------------------------------------------------------------------------------------


def test_pinning_keeps_what_a_person_wrote_by_hand(link):
    path = link.home.path / "alp/peers.yaml"
    path.write_text("# my friends\n- id: snake\n  pubkey: " + link.peer.name + "\n  mood: sunny   # unknown\n  allow: [link.ping]\n")
    newcomer = alp.Identity()
    pin(link.home, "New-One", newcomer.name, "--alias", "Newcomer")
    text = path.read_text()
    assert "mood: sunny" in text and newcomer.name in text
    rows = {row["id"]: row for row in link.home.json("peers", "list", "--json")}
    assert set(rows) == {"snake", "new-one"} and rows["new-one"]["alias"] == "Newcomer"
    link.home.run("peers", "remove", "new-one")
    assert newcomer.name not in path.read_text() and "mood: sunny" in path.read_text()
    again = link.home.run("peers", "remove", "new-one", check=False)
    assert again.returncode == 1 and "new-one" in again.stderr


@pytest.mark.parametrize("words", [
    ["x", "tooshort"], ["x", "A" * 44], ["bad/id", None], ["snake", None], ["x", None, "--address", "nowhere"],
    ["x", None, "--allow", "link.everything"], ["x", "self"]])
def test_pinning_refuses_what_cannot_be(link, words):
    pubkey = {None: alp.Identity().name, "self": link.key}.get(words[1], words[1])
    before = (link.home.path / "alp/peers.yaml").read_bytes()
    done = link.home.run("peers", "add", words[0], pubkey, *words[2:], check=False)
    assert done.returncode == 1 and done.stderr.startswith("Error: ")
    assert (link.home.path / "alp/peers.yaml").read_bytes() == before


def test_a_broken_list_pins_nobody_and_is_not_overwritten(link):
    path = link.home.path / "alp/peers.yaml"
    path.write_text("- id: [broken\n")
    with pytest.raises(alp.Closed):
        link.ask("link.ping")
    done = link.home.run("peers", "add", "x", alp.Identity().name, check=False)
    assert done.returncode == 1 and path.read_text() == "- id: [broken\n"
    rows = {r["label"]: r for r in json.loads(link.home.run("doctor", "--json", check=False).stdout)["rows"] if r["group"] == "ALP"}
    assert rows["peers.yaml"]["level"] == "fail"


def test_who_knocks_is_listed_accepted_or_forgotten(link):
    stranger = alp.Identity()
    with pytest.raises(alp.Closed):
        alp.ask(link.tcp(stranger), stranger, link.key, "link.ping")
    assert link.pending() == [stranger.name]
    link.home.run("peers", "accept", stranger.name, "stranger")
    assert link.pending() == []
    assert "result" in alp.ask(link.tcp(stranger), stranger, link.key, "link.ping")
    third = alp.Identity()
    with pytest.raises(alp.Closed):
        alp.ask(link.unix(), third, link.key, "link.ping")
    link.home.run("peers", "discard", third.name)
    assert link.pending() == []


def test_pinning_and_calls_stand_in_the_audit_chain(link):
    link.ask("link.ask", {"prompt": "n=1"})
    link.home.run("peers", "remove", "snake")
    rows = [json.loads(line) for line in (link.home.path / "logs/audit/alpd.jsonl").read_text().splitlines()]
    whats = [row["what"] for row in rows]
    assert whats.index("peers.add") < whats.index("link.ask") < whats.index("peers.remove")
    assert [row["who"] for row in rows if row["what"] == "link.ask"] == ["snake"]
    assert link.home.run("audit", "verify").returncode == 0


def test_a_key_is_made_once_and_kept(home, provider):
    home.use(provider)
    home.start()
    first = key(home)
    secrets = home.path / "alp/secrets"
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert (secrets / "alp_key.pem").stat().st_mode & 0o777 == 0o600
    (secrets / "alp_key.pub").unlink()
    home.kill("default/alpd")
    home.ready("default/alpd")
    assert key(home) == first == alp.Identity.of(home.path).name
    assert (secrets / "alp_key.pub").read_text().startswith("-----BEGIN PUBLIC KEY-----\n")


def test_doctor_tells_how_the_link_stands(link):
    rows = {r["label"]: r for r in json.loads(link.home.run("doctor", "--json", check=False).stdout)["rows"] if r["group"] == "ALP"}
    assert rows["Identity"]["detail"] == link.key
    assert rows["Listener"]["detail"] == link.address
    assert rows["Peers"]["level"] == "warn"         # the peer of this test does not listen


def test_doctor_pings_a_good_peer(home, provider):
    two_profiles(home, provider)
    rows = {r["label"]: r for r in json.loads(home.run("doctor", "--json", check=False).stdout)["rows"] if r["group"] == "ALP"}
    assert (rows["Peers"]["level"], rows["Peers"]["detail"]) == ("ok", "1 of 1 answer")
    assert rows["Socket"]["level"] == "ok" and "Listener" in rows and "other" not in rows


def test_setup_shows_the_own_key_takes_theirs_and_offers_the_least(link):
    newcomer = alp.Identity()
    terminal = Terminal(link.home, "peers", "setup")
    for question, answer in (("The key of the peer", newcomer.name), ("A short name", "newcomer"), ("Address", ""), ("Number", "")):
        terminal.until(question)
        terminal.type(answer + "\n")
    assert terminal.end() == 0
    assert terminal.seen.index(link.key) < terminal.seen.index("The key of the peer")
    assert link.address in terminal.seen and "pinned newcomer" in terminal.seen
    rows = {row["id"]: row for row in link.home.json("peers", "list", "--json")}
    assert rows["newcomer"]["pubkey"] == newcomer.name and rows["newcomer"]["allow"] == ["link.ping"]
