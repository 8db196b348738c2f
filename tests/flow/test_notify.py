# SPDX-License-Identifier: Apache-2.0
"""What is for the person reaches them by a message platform, too: replies of jobs and the tool notify, once, whoever dies."""
import json
import os
import signal
import sys

from conftest import ROOT, wait_for
from test_chat_tool import script
from test_schedule import add, ended, history, soon
from test_send_message import filed, outbox, outputs, tool_of
from test_telegram import UNIT, plain, telegram  # noqa: F401

sys.path.insert(0, str(ROOT / "tests" / "fake"))
from receiver import Receiver  # noqa: E402


def texts(t):
    return [(row["chat"], plain(row["text"])) for row in t.api.sent]


def by_telegram(t):
    t.home.run("config", "set", "notify.channel", "telegram")


def notify(home, **args):
    return home.ask(script({"calls": [{"name": "notify", "arguments": args}]}, {"text": "end"}))


def job(home, text, *words):
    return add(home, "--at", soon(0), "--notify", *words, script({"text": text}))


def delivered(t, n):
    wait_for(lambda: len(t.api.sent) >= n, lambda: f"{n} messages, there are {texts(t)}\n{t.home.log()}")
    wait_for(lambda: all(row[3] for row in outbox(t.home)), "gatewayd to be done with them")
    return texts(t)


def test_the_reply_of_a_job_is_in_the_inbox_and_on_the_phone(telegram):  # noqa: F811
    t = telegram(model="script")
    job(t.home, "three things", "--title", "today", "--channel", "telegram")
    assert delivered(t, 1) == [(11, "today\n\nthree things")]
    [row] = filed(t.home, 1)
    assert (row["type"], row["body"], row["title"], row["delivered_to"]) == ("info", "three things", "today", ["alpi"])
    [run] = ended(t.home)
    assert run["outcome"] == "ok" and run["delivered_to"] == "alpi"


def test_the_platform_is_a_setting_that_a_job_can_leave(telegram):  # noqa: F811
    t = telegram(model="script")
    job(t.home, "only here", "--channel", "alpi")
    job(t.home, "and there")
    assert delivered(t, 0) == [] and len(ended(t.home, 2)) == 2
    by_telegram(t)
    job(t.home, "only here", "--channel", "alpi", "--force")
    job(t.home, "and there", "--title", "x", "--force")
    ended(t.home, 4)
    assert delivered(t, 1) == [(11, "x\n\nand there")] and len(outputs(t.home)) == 4
    wrong = t.home.run("schedule", "add", "--at", soon(), "--channel", "pigeon", "x", check=False)
    assert wrong.returncode == 1 and "channel" in wrong.stderr


def test_a_job_of_an_older_alpi_goes_where_it_says(telegram):  # noqa: F811
    t = telegram(model="script")
    t.home.run("daemon", "stop")
    rows = [{"id": f"0000000{i}", "kind": "once", "run_at": "2026-01-01T00:00:00Z", "prompt": script({"text": f"r{i}"}), "title": f"t{i}", **more}
            for i, more in enumerate(({"platform": "telegram"}, {"channel": "both"}, {"notify": True, "platform": "alpi"}))]
    rows[1]["notify"] = True
    (t.home.path / "schedule").mkdir(exist_ok=True)
    (t.home.path / "schedule/jobs.json").write_text(json.dumps(rows))
    t.home.give(t.home.path)
    t.home.start()
    ended(t.home, 3)
    assert delivered(t, 2) == [(11, "t0\n\nr0"), (11, "t1\n\nr1")] and len(outputs(t.home)) == 3


def test_the_tool_goes_there_too(telegram):  # noqa: F811
    t = telegram(model="script")
    assert tool_of(notify(t.home, text="quiet")) == (True, "delivered: alpi")
    by_telegram(t)
    assert tool_of(notify(t.home, text="*loud*", title="Look", type="warning")) == (True, "delivered: alpi; telegram: queued")
    assert delivered(t, 1) == [(11, "Look\n\n_loud_")]
    assert [(r["body"], r["type"]) for r in outputs(t.home)] == [("*loud*", "warning"), ("quiet", "info")]


def test_a_platform_that_refuses_leaves_an_error(telegram):  # noqa: F811
    t = telegram(model="script")
    by_telegram(t)
    t.api.refuse["sendMessage"] = [(403, {})]
    job(t.home, "important", "--title", "news")
    rows = filed(t.home, 2)
    assert [(r["type"], r["title"]) for r in rows] == [("error", "news"), ("info", "news")]
    assert rows[0]["body"] == "important\n[not delivered by telegram: the platform refuses it]" and rows[0]["delivered_to"] == ["alpi"]
    t.home.run("config", "set", "notify.channel", "matrix")
    ok, output = tool_of(notify(t.home, text="nobody there"))
    assert ok and "matrix: not delivered" in output and "matrix is not set up" in output
    assert [r["type"] for r in outputs(t.home)[:2]] == ["error", "info"] and texts(t) == []


def test_without_a_gateway_the_text_is_there_with_the_reason(home, provider):
    home.use(provider, "script")
    home.start()
    home.run("config", "set", "notify.channel", "telegram")
    job(home, "hello?")
    rows = filed(home, 2)
    assert [r["type"] for r in rows] == ["error", "info"] and "no message platform is set up" in rows[0]["body"]
    assert ended(home)[0]["outcome"] == "ok"


def test_a_note_of_a_job_has_its_title(home, provider):
    receiver = Receiver()
    folder = home.use(provider, "script")
    (folder / ".env").write_text(f"NTFY_TOPIC=phone\nNTFY_URL={receiver.url}\n")
    home.give(home.path)
    home.start()
    home.ready(UNIT)
    job(home, "the text", "--title", "tea", "--channel", "ntfy")
    wait_for(lambda: receiver.got, "the note")
    assert [row["body"] for row in receiver.got] == [{"topic": "phone", "title": "tea", "message": "the text"}]
    receiver.close()


def test_it_arrives_once_whoever_dies(telegram):  # noqa: F811
    """The platform holds the message back while one after the other is killed."""
    t = telegram(model="script")
    by_telegram(t)
    t.api.refuse["sendMessage"] = [(500, {})] * 4
    job(t.home, "through it all", "--title", "once")
    for n, unit in enumerate((UNIT, "default/scheduled", "default/engined", UNIT)):
        wait_for(lambda: sum(m == "sendMessage" for m, _ in t.api.calls) > n, "the platform to be asked")
        pid = t.home.pid(unit)
        os.kill(pid, signal.SIGKILL)
        t.home.ready(unit, not_pid=pid)
    assert delivered(t, 1) == [(11, "once\n\nthrough it all")]
    assert len(history(t.home)) == 1 and ended(t.home)[0]["outcome"] == "ok"
    assert [(r["type"], r["body"]) for r in outputs(t.home)] == [("info", "through it all")]


def test_a_gateway_that_dies_before_it_answers_takes_it_when_it_is_back(telegram):  # noqa: F811
    """It is held still, so the request is at its door when it is killed."""
    t = telegram(model="script")
    by_telegram(t)
    pid = t.home.pid(UNIT)
    os.kill(pid, signal.SIGSTOP)
    job(t.home, "later", "--title", "when")
    filed(t.home, 1)
    os.kill(pid, signal.SIGKILL)
    t.home.ready(UNIT, not_pid=pid)
    assert delivered(t, 1) == [(11, "when\n\nlater")] and ended(t.home)[0]["outcome"] == "ok"
    assert [(r["type"], r["body"]) for r in outputs(t.home)] == [("info", "later")]
