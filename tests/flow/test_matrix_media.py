# SPDX-License-Identifier: Apache-2.0
"""Files over Matrix, both ways: what people send goes with their turn, what leaves is in the room once, whoever dies."""
import os
import signal

import pytest

from conftest import wait_for
from gateway import UNIT
from test_chat_tool import script
from test_matrix import OTHER, ROOM, matrix  # noqa: F401
from test_produced import DRAW
from test_skill_run import PYTHON, program
from test_skills import skill
from test_telegram_media import PNG, asked

DRAWN = b"\x89PNG\r\n\x1a\n...."


def words(answer):
    return answer.split("\n", 1)[1].replace("[attached by the user]", "")


@pytest.mark.parametrize("old", [False, True])
def test_a_picture_and_a_document_reach_the_model(matrix, provider, old):  # noqa: F811
    m = matrix()
    m.server.old = old
    with (m.home.path / "config.yaml").open("a") as f:
        f.write("model_vision: true\n")
    m.server.attach(ROOM, "what is this", PNG, "m.image", "image/png", filename="plot.png")
    assert words(m.answered(1)[0]).startswith("what is this")
    assert "data:image/png;base64" in asked(provider)
    m.server.attach(ROOM, "report.txt", b"the harvest was good")
    assert words(m.answered(2)[1]).startswith("(sent without a text)")
    assert "the harvest was good" in asked(provider)
    assert len(m.calls("download")) == 2 and len(m.calls("old_download")) == (2 if old else 0)
    [session] = m.home.sessions().values()
    assert [turn["attachments"][0]["name"] for turn in session["turns"]] == ["plot.png", "report.txt"]


def test_what_cannot_be_had_is_told(matrix, provider):  # noqa: F811
    m = matrix()
    m.server.attach(ROOM, "film.mp4", b"\0\0\0\x18ftypisom" + bytes(200), "m.video", "video/mp4")
    m.server.put(ROOM, {"content": {"msgtype": "m.file", "body": "gone.txt", "url": "mxc://fake.test/none"}})
    m.server.attach(ROOM, "large.txt", b"x" * 21_000_000)
    m.server.put(ROOM, {"content": {"msgtype": "m.file", "body": "odd.txt", "url": "https://elsewhere/x"}})
    m.server.attach("!elsewhere:fake.test", "stranger.txt", b"x")
    m.server.post(ROOM, "still there")
    told = m.answered(4)
    assert told[0].startswith("[film.mp4 could not be taken: ")
    assert told[1:3] == ["[gone.txt could not be taken: the server has it no longer]",
                         "[large.txt could not be taken: it is larger than 20 MB]"]
    assert words(told[3]) == "still there" and provider.stats()["requests"] == 1 and m.ignored() == 1
    assert m.server.token not in m.log()


def test_a_death_while_it_is_fetched_loses_nothing(matrix):  # noqa: F811
    m = matrix()
    m.server.refuse["download"] = [(502, {})]
    m.server.attach(ROOM, "read", b"the harvest was good", filename="report.txt")
    wait_for(lambda: m.calls("download"), "the file to be asked for")
    pid = m.home.pid(UNIT)
    os.kill(pid, signal.SIGKILL)
    m.home.ready(UNIT, not_pid=pid)
    assert len(m.answered(1)) == 1
    [session] = m.home.sessions().values()
    assert [a["name"] for a in session["turns"][0]["attachments"]] == ["report.txt"] and len(session["turns"]) == 1


def message(text, attachment):
    return {"name": "send_message", "arguments": {"channel": "matrix", "chat_id": OTHER, "text": text, "attachment": attachment}}


def test_files_go_as_what_they_are(matrix):  # noqa: F811
    m = matrix(model="script")
    for name in ("a.png", "b.ogg", "c.mp4", "d \u00e9.csv"):
        (m.home.workspace / name).write_bytes(PNG)
    m.home.give(m.home.workspace)
    calls = [message(f"see {name[0]}", name) for name in ("a.png", "b.ogg", "c.mp4", "d \u00e9.csv")] + [message("long " * 300, "a.png")]
    answer = m.home.ask(script({"calls": calls}, {"text": "end"}))
    assert all(tool["ok"] for tool in answer["tools"]), answer["tools"]
    assert m.server.files() == [("m.image", "a.png", "see a", "image/png", PNG), ("m.audio", "b.ogg", "see b", "audio/ogg", PNG),
                                ("m.video", "c.mp4", "see c", "video/mp4", PNG), ("m.file", "d \u00e9.csv", "see d", "text/csv", PNG),
                                ("m.image", "a.png", "a.png", "image/png", PNG)]
    assert m.server.sent[4]["body"] == ("long " * 300).strip() and {row["room"] for row in m.server.sent} == {OTHER}


def test_a_server_that_takes_no_such_file_is_no_reason_to_wait(matrix):  # noqa: F811
    m = matrix(model="script")
    (m.home.workspace / "a.png").write_bytes(PNG)
    m.home.give(m.home.workspace)
    m.server.refuse["upload"] = [(413, {"errcode": "M_TOO_LARGE", "error": "too large"})]
    [tool] = m.home.ask(script({"calls": [message("see", "a.png")]}, {"text": "end"}))["tools"]
    assert not tool["ok"] and "refuses" in tool["output"] and m.server.sent == []


@pytest.mark.skipif(not os.path.exists(PYTHON), reason="skills are written in Python")
@pytest.mark.parametrize("when", ["upload", "send"])
def test_a_file_of_an_answer_is_in_the_room_once(matrix, when):  # noqa: F811
    """The kill falls after the file was brought, or after the event was taken and before anybody knew."""
    m = matrix(model="script")
    program(m.home, "draw", DRAW)
    m.server.hold = when
    m.server.post(ROOM, script({"calls": [skill("run", name="draw", args=["a.png"])]}, {"text": "here it is"}))
    wait_for(lambda: m.server.held, lambda: f"the file to be on its way\n{m.home.log()}")
    pid = m.home.pid(UNIT)
    os.kill(pid, signal.SIGKILL)
    m.server.let_go()
    m.home.ready(UNIT, not_pid=pid)
    wait_for(lambda: m.query("SELECT count(*) FROM inbox WHERE state <> 3") == [(0,)], "the answer to be closed")
    assert m.server.answers() == ["here it is", "a.png"]
    assert m.server.files() == [("m.image", "a.png", "a.png", "image/png", DRAWN)]
    assert m.server.again == (1 if when == "send" else 0)
