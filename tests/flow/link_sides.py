# SPDX-License-Identifier: Apache-2.0
"""What two alpis must be able to do with each other, over whatever lies between them: used by several tests."""
import hashlib
import json
import os
import signal

from conftest import HostStream, host, wait_for

BLOB = 20 * 1024 * 1024
CHUNK = 524288


class Side:
    """One of the two: a profile of a home."""

    def __init__(self, home, profile="default"):
        self.home, self.profile = home, profile
        self.path = home.path if profile == "default" else home.path / "profiles" / profile

    def words(self, *words):
        return ("-p", self.profile, *words)

    def run(self, *words, **options):
        return self.home.run(*self.words(*words), **options)

    def json(self, *words):
        return self.home.json(*self.words(*words))

    def ask(self, text):
        return json.loads(self.run("chat", "--once", text, "--json").stdout)

    def send(self, text, request_id):
        return HostStream(self.home, "host.chat.send", profile=self.profile, text=text, request_id=request_id)

    def audit(self, what):
        rows = [json.loads(line) for line in (self.path / "logs/audit/alpd.jsonl").read_text().splitlines()]
        return [row for row in rows if row["what"] == what]

    def part(self):
        """How much of the one unfinished upload is here, and which file it is; None: there is none."""
        for path in (self.path / "alp/blobs/.incoming").glob("*.part"):
            try:
                return path.stat().st_size, path.stat().st_ino
            except FileNotFoundError:
                pass
        return None

    def kill(self, name):
        unit = f"{self.profile}/{name}"
        self.home.kill(unit)
        return unit


def an_ask_is_answered(here, peer, prompt, words):
    answer = here.ask(f"@{peer} {prompt}")
    assert answer["tools"][0]["name"] == "peer" and answer["tools"][0]["ok"]
    assert words(answer["reply"]), answer["reply"]


def a_streamed_ask_comes_in_pieces(here, peer):
    frames = [f for f in here.send(f"@{peer} n=8 delay=20", "pieces") if f["event"] != "heartbeat"]
    pieces = [f["text"] for f in frames if f["event"] == "assistant_delta"]
    assert len(pieces) > 1, frames
    assert frames[-1]["event"] == "done" and frames[-2]["event"] == "reply"
    assert "".join(pieces).split() == frames[-2]["text"].split() and len(frames[-2]["text"].split()) == 8


def a_cancel_reaches_the_peer(here, peer, how, provider):
    """The turn would take hours: the peer is free for the next one only because it was interrupted."""
    running = provider.stats()["requests"]
    if how == "host":
        stream = here.send(f"@{peer} n=100000 delay=100", "long")
        frames = iter(stream)
        next(f for f in frames if f["event"] == "assistant_delta")
        assert host(here.home, "host.chat.cancel", request_id="long") == {"cancelled": True}
        assert [f["event"] for f in frames][-1] == "done"
    else:
        process = here.home.popen(*here.words("chat", "--once", f"@{peer} n=100000 delay=100"))
        wait_for(lambda: provider.stats()["requests"] > running, "the peer's model to be asked")
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode != 0
    an_ask_is_answered(here, peer, "n=2", lambda text: len(text.split()) == 2)


def a_blob_goes_and_comes(here, there, peer, name):
    """20 MiB to the peer, and back out of it: the same bytes."""
    data = os.urandom(BLOB)
    digest = hashlib.sha256(data).hexdigest()
    (here.home.workspace / name).write_bytes(data)
    here.home.give(here.home.workspace)
    sent = here.json("peers", "blob-put", peer, name, "--json")
    assert sent == {"hash": digest, "size": BLOB}
    assert hashlib.sha256((there.path / "alp/blobs" / digest).read_bytes()).hexdigest() == digest
    back = here.json("peers", "blob-get", peer, digest, "--output", name + ".back", "--json")
    assert back["size"] == BLOB
    assert hashlib.sha256((here.home.workspace / (name + ".back")).read_bytes()).hexdigest() == digest


def an_upload_that_is_cut_goes_on(here, there, peer, cut):
    """cut() breaks it while it runs. What the peer holds never shrinks, in one file, and only one upload was begun."""
    data = os.urandom(BLOB)
    digest = hashlib.sha256(data).hexdigest()
    (here.home.workspace / "cut").write_bytes(data)
    here.home.give(here.home.workspace)
    begun = len(here.audit("peer.put_blob"))
    process = here.home.popen(*here.words("peers", "blob-put", peer, "cut", "--json"))
    wait_for(lambda: (there.part() or (0,))[0] >= 4 * CHUNK, "some of it to be there")
    cut()
    held = there.part()
    assert held is not None and 4 * CHUNK <= held[0] < BLOB, "it was cut in the middle"
    least = held[0] - held[0] % CHUNK
    while process.poll() is None:
        now = there.part()
        assert now is None or (now[0] >= least and now[1] == held[1]), "it began again"
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    assert json.loads(out) == {"hash": digest, "size": BLOB}
    assert hashlib.sha256((there.path / "alp/blobs" / digest).read_bytes()).hexdigest() == digest
    assert len(here.audit("peer.put_blob")) == begun + 1, "a chunk at 0 is an upload that begins"
