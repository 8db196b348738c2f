# SPDX-License-Identifier: Apache-2.0
"""Voice notes: what somebody says reaches the model as text, is paid for, and whoever cannot be heard is told."""
import json
import os
import signal

import pytest

from conftest import wait_for
from gateway import UNIT
from speech import Speech
from test_matrix import ROOM, matrix  # noqa: F401
from test_telegram import plain, telegram  # noqa: F401

OGG = b"OggS" + bytes(range(256)) * 4000            # two pieces on its way to engined


@pytest.fixture
def ear():
    one = Speech()
    one.heard[OGG] = "  water the tomatoes\n"
    yield one
    one.close()


def listen(home, ear, model="ear/whisper-1", more=""):
    """The profile's sound goes to the ear."""
    path = home.path / "config.yaml"
    text = path.read_text().replace("}]}", f"}}, {{name: ear, url: '{ear.url}'}}]}}", 1)
    path.write_text(text + f"tools: {{stt: {{model: {model}, language: de}}}}\n" + more)


def voice(name="voice1"):
    return {"file_id": name, "file_unique_id": name, "duration": 2, "file_size": len(OGG)}


def words(answer):
    return plain(answer).split("\n", 1)[1]


def say(t, name="voice1", data=OGG, **more):
    t.api.files[name] = data
    t.api.post(11, None, voice=voice(name), **more)


def test_what_is_said_is_the_text(telegram, ear):  # noqa: F811
    t = telegram()
    listen(t.home, ear)
    say(t)
    assert words(t.answered(1)[0]) == "[voice note] water the tomatoes"
    say(t, caption="for today")
    assert words(t.answered(2)[1]) == "for today\n[voice note] water the tomatoes"
    [asked] = ear.asked                                     # the same recording again costs nothing
    assert asked == {"model": "whisper-1", "response_format": "json", "language": "de", "file": ("voice1.oga", OGG)}
    assert (t.home.path / "cache/inbound/voice1.oga").read_bytes() == OGG
    [session] = t.home.sessions().values()
    assert [turn["user"].split("\n", 1)[1] for turn in session["turns"]][0] == "[voice note] water the tomatoes"
    assert "attachments" not in session["turns"][0]
    today = t.home.json("usage", "--days", "1", "--json")["days"][-1]
    assert today["cost"] == pytest.approx(0.25) and today["tokens"] >= 42


def test_sound_in_a_room_is_heard_too(matrix, ear):  # noqa: F811
    m = matrix()
    listen(m.home, ear)
    m.server.attach(ROOM, "note.mp3", OGG, "m.audio", "audio/mpeg")
    assert words(m.answered(1)[0]) == "[voice note] water the tomatoes"
    assert ear.asked[0]["file"][0].endswith(".mp3") and len(ear.asked) == 1


def test_whoever_cannot_be_heard_is_told(telegram, ear, provider):  # noqa: F811
    t = telegram()
    say(t)
    assert plain(t.answered(1)[0]) == ("[voice.oga could not be taken: nothing here turns sound into text: "
                                       "tools.stt.model names no provider/model]")
    listen(t.home, ear, "nobody/whisper-1")
    say(t)
    assert 'no provider is called "nobody"' in plain(t.answered(2)[1])
    listen(t.home, ear)
    ear.refuse = [(401, {"error": {"message": "no such account"}})]
    say(t)
    assert "ear: HTTP 401: no such account" in plain(t.answered(3)[2])
    ear.refuse = [(200, {"words": "none"})]
    say(t)
    assert "the server's answer holds no text" in plain(t.answered(4)[3])
    say(t, "silence", b"OggS....")
    assert plain(t.answered(5)[4]) == "[voice.oga could not be taken: nothing is said in it]"
    assert provider.stats()["requests"] == 0
    ear.refuse = [(503, {})]
    say(t)
    assert words(t.answered(6)[5]) == "[voice note] water the tomatoes"


def test_the_daily_cap_holds_for_listening(telegram, ear):  # noqa: F811
    t = telegram()
    listen(t.home, ear, more="budget: {daily_usd: 0.2}\n")
    say(t)
    t.answered(1)
    say(t, "voice2", OGG + b"x")
    assert "the daily budget is used up" in plain(t.answered(2)[1]) and len(ear.asked) == 1


def brought_again(path, first):
    try:
        now = path.stat()
    except FileNotFoundError:
        return False
    return now.st_ino != os.fstat(first.fileno()).st_ino and now.st_size == len(OGG)


@pytest.mark.parametrize("unit", ["default/engined", UNIT])
def test_a_death_while_somebody_listens_loses_nothing(telegram, ear, unit):  # noqa: F811
    t = telegram()
    listen(t.home, ear)
    ear.hold = True
    say(t)
    wait_for(lambda: ear.asked, "the recording to be heard")
    pid = t.home.pid(unit)
    sound = t.home.path / "cache/inbound/voice1.oga"
    with sound.open("rb") as first:                         # open, so that its number is not given to another
        os.kill(pid, signal.SIGKILL)
        t.home.ready(unit, not_pid=pid)
        wait_for(lambda: brought_again(sound, first), "the recording to be brought again")
    if unit == "default/engined":
        wait_for(lambda: len(ear.asked) == 2, "it to be heard again")
    ear.let_go()
    assert [words(a) for a in t.answered(1)] == ["[voice note] water the tomatoes"]
    [session] = t.home.sessions().values()
    assert len(session["turns"]) == 1
    assert len(ear.asked) == (2 if unit == "default/engined" else 1)


def test_listening_costs_what_the_settings_say_where_the_server_says_nothing(telegram, ear):  # noqa: F811
    t = telegram()
    ear.usage = {"input_tokens": 1000000, "output_tokens": 500000}
    listen(t.home, ear, more="prices: {ear/whisper-1: {input: 0.5, output: 1}}\n")
    say(t)
    t.answered(1)
    assert t.home.json("usage", "--days", "1", "--json")["days"][-1]["cost"] == pytest.approx(1.0)


def test_the_doctor_says_who_listens(telegram, ear):  # noqa: F811
    t = telegram()

    def row():
        report = json.loads(t.home.run("doctor", "--json", check=False).stdout)
        return next(r for r in report["rows"] if r["label"] == "Voice notes")
    assert row()["level"] == "info" and "tools.stt.model names no provider/model" in row()["detail"]
    listen(t.home, ear)
    assert (row()["level"], row()["detail"]) == ("ok", "ear/whisper-1")
