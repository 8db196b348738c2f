# SPDX-License-Identifier: Apache-2.0
"""The tool send_message: from a turn through gatewayd to people on the allow list, once, whoever dies."""
import json
import os
import signal
import sqlite3

from conftest import wait_for
from test_chat_tool import printed, script  # noqa: F401
from test_telegram import UNIT, plain, telegram  # noqa: F401

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4000


def message(text, **args):
    return {"name": "send_message", "arguments": {"text": text, "channel": "telegram", **args}}


def tool_of(answer):
    """The last call's ok and output."""
    return answer["tools"][-1]["ok"], answer["tools"][-1]["output"]


def send(home, *calls, check=True):
    return home.ask(script(*({"calls": [c]} for c in calls), {"text": "end"}), check=check)


def outputs(home):
    return home.json("outputs", "list", "--json")


def filed(home, n):
    return wait_for(lambda: (rows := outputs(home)) and len(rows) >= n and rows, f"{n} rows of outputs")


def outbox(home):
    with sqlite3.connect(f"file:{home.path}/gateway/inbox.sqlite?mode=ro", uri=True) as db:
        return db.execute("SELECT state, chat, why, filed IS NOT NULL FROM outbox ORDER BY id").fetchall()


def test_a_message_goes_to_the_first_of_the_list_or_to_one_of_it(telegram):  # noqa: F811
    t = telegram(model="script")
    answer = send(t.home, message("I am *done*."), message("You too", chat_id="33"))
    assert tool_of(answer) == (True, "delivered: telegram 33")
    assert [(r["chat"], r["text"], r["mode"]) for r in t.api.sent] == [
        (11, "I am _done_\\.", "MarkdownV2"), (33, "You too", "MarkdownV2")]
    rows = filed(t.home, 2)
    assert [(r["source"], r["type"], r["delivered_to"], r["body"]) for r in rows] == [
        ("send_message", "info", ["telegram"], "You too"), ("send_message", "info", ["telegram"], "I am *done*.")]
    assert all(r["session_id"] == answer["session_id"] for r in rows)


def test_nobody_else_is_written_to(telegram):  # noqa: F811
    t = telegram(model="script")
    for args in ({"chat_id": "99"}, {"chat_id": "11 "}, {"channel": "matrix"}, {"channel": "nowhere"}, {"text": " "}):
        ok, output = tool_of(send(t.home, message(**{"text": "psst", **args})))
        assert not ok, (args, output)
    assert t.api.sent == [] and outbox(t.home) == []


def test_a_platform_that_refuses_leaves_the_text_with_the_person(telegram):  # noqa: F811
    t = telegram(model="script")
    t.api.refuse["sendMessage"] = [(403, {})]
    ok, output = tool_of(send(t.home, message("important")))
    assert not ok and "not delivered" in output
    [row] = filed(t.home, 1)
    assert row["type"] == "error" and row["body"].startswith("important") and row["delivered_to"] == ["alpi"]
    wait_for(lambda: outbox(t.home) == [(2, "11", "the platform refuses it", 1)], "gatewayd to know that it is filed")
    ok, output = tool_of(send(t.home, message("elsewhere", channel="gmail")))
    assert not ok and "not set up" in output and filed(t.home, 2)[0]["body"] == "elsewhere"


def test_a_turn_of_a_gateway_may_write_too_and_still_answers(telegram):  # noqa: F811
    t = telegram(model="script")
    t.api.post(-22, json.dumps({"steps": [{"calls": [message("for 33", chat_id="33")]}, {"text": "told them"}]}))
    assert t.answered(1, -22) == ["told them"] and t.api.answers(33) == ["for 33"]


def test_files_go_as_what_they_are(telegram):  # noqa: F811
    t = telegram(model="script")
    for name in ("a.png", "b.ogg", "c.mp3", "d.mp4", 'e "x".csv'):
        (t.home.workspace / name).write_bytes(PNG)
    t.home.give(t.home.workspace)
    calls = [message(f"see {name[0]}", attachment=name) for name in ("a.png", "b.ogg", "c.mp3", "d.mp4", 'e "x".csv')]
    answer = send(t.home, *calls, message("long " * 300, attachment="a.png"))
    assert all(tool["ok"] for tool in answer["tools"]), answer["tools"]
    files = [r for r in t.api.sent if "method" in r]
    assert [(r["method"], r["name"], r["text"]) for r in files] == [
        ("sendPhoto", "a.png", "see a"), ("sendVoice", "b.ogg", "see b"), ("sendAudio", "c.mp3", "see c"),
        ("sendVideo", "d.mp4", "see d"), ("sendDocument", "e _x_.csv", "see e"), ("sendPhoto", "a.png", "")]
    assert all(r["bytes"] == PNG and r["chat"] == 11 for r in files)
    assert plain(t.api.sent[-2]["text"]) == ("long " * 300).strip()
    filed(t.home, 6)
    wait_for(lambda: list((t.home.path / "gateway/outbound").iterdir()) == [], "the files to go")


def test_a_picture_that_the_server_will_not_show_is_a_document(telegram):  # noqa: F811
    t = telegram(model="script")
    (t.home.workspace / "a.png").write_bytes(PNG)
    t.home.give(t.home.workspace)
    t.api.refuse["sendPhoto"] = [(400, {"description": "Bad Request: PHOTO_INVALID_DIMENSIONS"})]
    assert tool_of(send(t.home, message("see", attachment="a.png"))) == (True, "delivered: telegram 11")
    assert [r["method"] for r in t.api.sent] == ["sendDocument"]


def test_channels_of_older_prompts_reach_the_inbox(telegram):  # noqa: F811
    t = telegram(model="script")
    assert tool_of(send(t.home, message("for me", channel="alpi"))) == (True, "delivered: alpi")
    assert tool_of(send(t.home, message("for us", channel="both"))) == (True, "delivered: telegram 11")
    assert sorted(row["body"] for row in filed(t.home, 3)) == ["for me", "for us", "for us"]
    assert [plain(text) for text in t.api.answers()] == ["for us"]


def test_what_may_not_be_read_is_not_sent(telegram):  # noqa: F811
    t = telegram(model="script")
    (t.home.person / "secret.txt").write_text("theirs")
    t.home.give(t.home.base)
    for path in (str(t.home.path / ".env"), str(t.home.person / "secret.txt"), "none.png", "."):
        ok, output = tool_of(send(t.home, message("look", attachment=path)))
        assert not ok, (path, output)
    assert t.api.sent == []


def test_a_file_for_nobody_we_know_leaves_nothing_behind(telegram):  # noqa: F811
    t = telegram(model="script")
    (t.home.workspace / "a.bin").write_bytes(b"x" * 100000)
    t.home.give(t.home.workspace)
    ok, output = tool_of(send(t.home, message("look", chat_id="99", attachment="a.bin")))
    assert not ok and "not on the allow list" in output
    assert list((t.home.path / "gateway/outbound").iterdir()) == []


def test_it_leaves_once_whoever_dies(telegram):  # noqa: F811
    """The kill falls while the platform holds the request back: nobody knows yet that it arrived."""
    for unit in ("default/engined", UNIT):
        t = telegram(model="script")
        t.api.sent.clear()
        t.api.refuse["sendMessage"] = [(500, {})] * 2
        asked = t.home.popen("chat", "--once", script({"calls": [message(f"through {unit}")]}, {"text": "end"}), "--json")
        wait_for(lambda: any(m == "sendMessage" for m, _ in t.api.calls), "the platform to be asked")
        pid = t.home.pid(unit)
        os.kill(pid, signal.SIGKILL)
        t.home.ready(unit, not_pid=pid)
        answer = json.loads(asked.communicate()[0])
        assert answer["reply"] == "end"
        wait_for(lambda: t.api.answers(), "it to arrive")
        wait_for(lambda: all(row[0] == 1 and row[3] for row in outbox(t.home)), "it to be filed")
        assert [plain(text) for text in t.api.answers()] == [f"through {unit}"]
        t.home.run("daemon", "stop")
        t.api.close()
    assert len(outbox(t.home)) == 2
