# SPDX-License-Identifier: Apache-2.0
"""kill -9 of alpd, of its key child and of engined during a streamed ask: an error or the full answer, nothing twice."""
import json
import os
import random
import signal
import threading
import time

import pytest

import alp
from conftest import wait_for
from link_sides import Side
from test_link import Link, key, listening, other, pin     # noqa: F401 (other is a fixture)

KILLS = int(os.environ.get("ALPI_KILLS", "20"))


def key_child(home):
    pid = home.pid("default/alpd")
    [child] = [c for c in open(f"/proc/{pid}/task/{pid}/children").read().split()
               if "--key" in open(f"/proc/{c}/cmdline").read()]
    return int(child)


def victim(home, what):
    return key_child(home) if what == "key" else home.pid(f"default/{what}")


def streamed(link, seen):
    """One ask with 40 words over about 200 ms; "full", "told", "error" or "lost" as the caller sees it."""
    try:
        wire = link.tcp()
        request = alp.request(link.peer, link.key, "link.ask", {"prompt": "n=40 delay=5", "stream": True})
        seen.append(request)
        wire.send(alp.text_of(request))
        while True:
            frame = alp.check(json.loads(wire.receive()), link.key)
            if frame.get("stream") != "chunk":
                break
    except (alp.Closed, OSError):
        return "lost"
    if "error" in frame:
        return "error"
    return end_of(frame["result"]["text"])


def end_of(text):
    """A whole answer, or a turn that failed there and says so in its place."""
    if text.startswith("[error]"):
        return "told"
    assert len(text.split()) == 40, text
    return "full"


@pytest.mark.parametrize("what", ["alpd", "key", "engined"])
def test_a_streamed_ask_ends_in_an_error_or_the_full_answer(home, provider, what):
    link = Link(home, provider)
    stranger = alp.Identity()
    with pytest.raises(alp.Closed):
        alp.ask(link.tcp(stranger), stranger, link.key, "link.ping")
    seen, ends = [], []
    random.seed(7)
    for i in range(KILLS):
        pid = victim(home, what)
        result = []
        caller = threading.Thread(target=lambda: result.append(streamed(link, seen)), daemon=True)
        caller.start()
        time.sleep(0.25 * i / KILLS)            # spread over the ask: this is where the kill falls, nothing waits for it
        os.kill(pid, signal.SIGKILL)
        caller.join()
        ends.append(result[0])
        unit = "default/alpd" if what == "key" else f"default/{what}"
        home.run("daemon", "restart", unit)     # what died too often in a minute begins again, too
        home.ready(unit, not_pid=pid)
        wait_for(lambda: "result" in link.ask("link.ask", {"prompt": "n=1"}), "the turn of before to be over")
    assert set(ends) <= {"full", "told", "error", "lost"} and len(ends) == KILLS
    if what == "engined":
        assert ends.count("full") > KILLS // 2, ends        # its journal goes on where it stood
    for request in seen:                        # again: one that was taken is not taken a second time
        wire = link.tcp()
        try:
            wire.send(alp.text_of(request))
            wire.receive()
        except (alp.Closed, OSError):
            pass
        wire.close()
    wait_for(lambda: "result" in link.ask("link.ask", {"prompt": "n=1"}), "the turns of those that were not taken before")
    rows = [json.loads(line) for line in (home.path / "logs/audit/alpd.jsonl").read_text().splitlines()]
    taken = [row["nonce"] for row in rows if row["what"] == "link.ask" and row["decision"] == "allow"]
    assert len(taken) == len(set(taken)) and {request["alp"]["nonce"] for request in seen} & set(taken)
    wait_for(lambda: home.run("peers", "pending", check=False).returncode == 0, "hostd to find the last alpd")
    assert link.pending() == [stranger.name]
    link.close()


@pytest.mark.parametrize("what", ["alpd", "key", "engined"])
def test_an_alpi_that_asks_hears_an_error_or_the_full_answer(home, other, provider, what):     # noqa: F811
    link = Link(home, provider)
    listening(other, provider)
    other.start()
    pin(other, "far", link.key, "--address", link.address)
    pin(home, "asker", key(other))
    here, ends, rounds = Side(other), [], max(KILLS // 5, 2)
    for i in range(rounds):
        pid = victim(home, what)
        frames = iter(here.send("@far n=40 delay=5", f"kill-{i}"))
        seen = [next(frames)]
        time.sleep(0.25 * i / rounds)           # as above: where the kill falls
        os.kill(pid, signal.SIGKILL)
        seen += frames
        replies = [f["text"] for f in seen if f.get("event") == "reply"]
        failed = [f for f in seen if f.get("event") == "error" or "error" in f]
        assert replies or failed, seen
        ends.append("error" if failed else end_of(replies[-1]))
        unit = "default/alpd" if what == "key" else f"default/{what}"
        home.run("daemon", "restart", unit)
        home.ready(unit, not_pid=pid)
        wait_for(lambda: "result" in link.ask("link.ask", {"prompt": "n=1"}), "the turn of before to be over")
    assert len(ends) == rounds and set(ends) <= {"full", "told", "error"}
    link.close()
