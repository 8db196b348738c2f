# SPDX-License-Identifier: Apache-2.0
"""Files that a turn made for somebody who wrote from outside: behind the answer, once, and nothing but what the turn could read."""
import os
import signal

import pytest

from conftest import wait_for
from test_chat_tool import script
from test_produced import DRAW
from test_skill_run import PYTHON, program
from test_skills import skill
from test_telegram import UNIT, plain, telegram  # noqa: F401
from test_webhook import webhook  # noqa: F401

pytestmark = pytest.mark.skipif(not os.path.exists(PYTHON), reason="skills are written in Python")

PNG = b"\x89PNG\r\n\x1a\n...."
BIG = ("import json, os, sys\n"
       "where = os.path.join(os.environ['WORKSPACE'], sys.argv[1])\n"
       "open(where, 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n' + b'x' * 1700000)\n"
       "print(json.dumps({'out': where}))\n")


def sent(t):
    return [(r.get("method", "sendMessage"), r.get("name") or plain(r["text"])) for r in t.api.sent]


def closed(t):
    return wait_for(lambda: t.rows() and all(row[1] == 3 for row in t.rows()), lambda: f"the message to be closed\n{t.home.log()}")


def made(name, *files):
    return script({"calls": [skill("run", name=name, args=[f]) for f in files]}, {"text": "here it is"})


def test_the_files_follow_the_answer(telegram):  # noqa: F811
    t = telegram(model="script")
    program(t.home, "draw", DRAW)
    program(t.home, "big", BIG)
    t.api.post(11, script({"calls": [skill("run", name="draw", args=["a.png"]), skill("run", name="big", args=["b.png"])]},
                          {"text": "here it is"}))
    t.api.post(11, "/help")
    t.answered(4)
    assert sent(t)[:3] == [("sendMessage", "here it is"), ("sendPhoto", "a.png"), ("sendPhoto", "b.png")] and "/help" in sent(t)[3][1]
    assert t.api.sent[1]["bytes"] == PNG and len(t.api.sent[2]["bytes"]) == 1700008
    closed(t)
    assert list((t.home.path / "gateway/outbound").iterdir()) == []


def test_a_file_that_cannot_go_is_named(telegram):  # noqa: F811
    """One that the platform refuses, and one that became a link to what the turn could not read."""
    t = telegram(model="script")
    secret = t.home.person / "secret.png"
    secret.write_bytes(PNG)
    program(t.home, "draw", DRAW)
    t.api.refuse["sendPhoto"] = t.api.refuse["sendDocument"] = [(413, {})]
    t.api.refuse["sendMessage"] = [(429, {"parameters": {"retry_after": 2}})]
    t.api.post(11, made("draw", "a.png", "b.png"))
    path = t.home.workspace / "b.png"
    wait_for(lambda: any(method == "sendMessage" for method, _ in t.api.calls), "the answer to be on its way")
    path.unlink()
    path.symlink_to(secret)
    t.answered(3)
    assert sent(t) == [("sendMessage", "here it is"), ("sendMessage", f"[file a.png (image/png): {t.home.workspace}/a.png]"),
                       ("sendMessage", f"[file b.png (image/png): {path}]")]
    closed(t)


@pytest.mark.parametrize("unit, when", [("default/engined", "sendMessage"), (UNIT, "sendPhoto"), ("default/toolrunner", "sendMessage")])
def test_a_death_on_the_way_sends_it_once(telegram, unit, when):  # noqa: F811
    t = telegram(model="script")
    program(t.home, "draw", DRAW)
    t.api.refuse[when] = [(429, {"parameters": {"retry_after": 1}})]
    t.api.post(11, made("draw", "a.png"))
    wait_for(lambda: any(method == when for method, _ in t.api.calls), "it to be on its way")
    pid = t.home.pid(unit)
    os.kill(pid, signal.SIGKILL)
    t.home.ready(unit, not_pid=pid)
    t.answered(2)
    closed(t)
    assert sent(t) == [("sendMessage", "here it is"), ("sendPhoto", "a.png")] and t.api.sent[1]["bytes"] == PNG


def test_who_takes_no_files_gets_the_list(webhook, provider):  # noqa: F811
    w = webhook()
    w.home.use(provider, "script", more=f"gateway: {{webhook: {{port: {w.port}}}}}\n")
    program(w.home, "draw", DRAW)
    assert w.post({"id": "1", "chat_id": "desk", "text": made("draw", "a.png")})[0] == 202
    [answer] = w.answered(1)
    assert answer["text"] == f"here it is\n\n[file a.png (image/png): {w.home.workspace}/a.png]"
