# SPDX-License-Identifier: Apache-2.0
"""What two alpis must be able to do with each other, over whatever lies between them: used by several tests."""
import hashlib
import json
import os
import signal
import time

from conftest import HostStream, host, wait_for

BLOB = 20 * 1024 * 1024
CHUNK = 524288
CUT = 12 * CHUNK            # what is cut: a third of the time of the largest


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


def an_ask_is_answered(here, peer, prompt):
    answer = here.ask(f"@{peer} {prompt}")
    assert answer["tools"][0]["name"] == "peer" and answer["tools"][0]["ok"], answer
    assert len(answer["reply"].split()) == int(prompt.removeprefix("n=")), answer


def a_streamed_ask_comes_in_pieces(here, peer):
    frames = [f for f in here.send(f"@{peer} n=8 delay=20", "pieces") if f["event"] != "heartbeat"]
    pieces = [f["text"] for f in frames if f["event"] == "assistant_delta"]
    assert len(pieces) > 1, frames
    assert frames[-1]["event"] == "done" and frames[-2]["event"] == "reply"
    assert "".join(pieces).split() == frames[-2]["text"].split() and len(frames[-2]["text"].split()) == 8


def a_cancel_reaches_the_peer(here, there, peer, how):
    """The turn would take hours: the peer is free for the next one only because it was interrupted."""
    before = len(there.audit("link.ask"))
    if how == "host":
        frames = iter(here.send(f"@{peer} n=100000 delay=100", "long"))
        next(f for f in frames if f["event"] == "assistant_delta")
        assert host(here.home, "host.chat.cancel", request_id="long") == {"cancelled": True}
        assert [f["event"] for f in frames][-1] == "done"
    else:
        process = here.home.popen(*here.words("chat", "--once", f"@{peer} n=100000 delay=100"))
        wait_for(lambda: len(there.audit("link.ask")) > before, "the peer to be asked")
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode != 0
    an_ask_is_answered(here, peer, "n=2")


def give(here, name, size):
    data = os.urandom(size)
    (here.home.workspace / name).write_bytes(data)
    here.home.give(here.home.workspace)
    return hashlib.sha256(data).hexdigest()


def arrived(there, digest):
    return hashlib.sha256((there.path / "alp/blobs" / digest).read_bytes()).hexdigest() == digest


def a_blob_goes_and_comes(here, there, peer):
    """20 MiB to the peer, and back out of it: the same bytes."""
    digest = give(here, "big", BLOB)
    assert here.json("peers", "blob-put", peer, "big", "--json") == {"hash": digest, "size": BLOB}
    assert arrived(there, digest)
    back = here.json("peers", "blob-get", peer, digest, "--output", "back", "--json")
    assert back["size"] == BLOB
    assert hashlib.sha256((here.home.workspace / "back").read_bytes()).hexdigest() == digest


def an_upload_that_is_cut_goes_on(here, there, peer, cut):
    """cut() breaks it while it runs. The peer keeps all that it answered for, in one file, and only one upload was begun."""
    digest = give(here, "cut", CUT)
    begun = len(here.audit("peer.put_blob"))
    process = here.home.popen(*here.words("peers", "blob-put", peer, "cut", "--json"))
    wait_for(lambda: (there.part() or (0,))[0] >= 2 * CHUNK, "some of it to be there")
    cut()
    held = there.part()
    assert held is not None and held[0] < CUT, "it was cut in the middle"
    least = (held[0] - 1) // CHUNK * CHUNK      # the answer for the last one may have been cut
    while process.poll() is None:
        now = there.part()
        assert now is None or (now[0] >= least and now[1] == held[1]), "it began again"
        time.sleep(0.005)
    out, errors = process.communicate()
    assert process.returncode == 0, errors
    assert json.loads(out) == {"hash": digest, "size": CUT} and arrived(there, digest)
    assert len(here.audit("peer.put_blob")) == begun + 1, "a chunk at 0 is an upload that begins"
