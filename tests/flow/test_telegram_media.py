# SPDX-License-Identifier: Apache-2.0
"""What people send to the bot beside text: fetched, shown to the model, once; and what cannot be had is told to them."""
import json
import os
import signal
import urllib.request

from conftest import wait_for
from test_telegram import UNIT, plain, telegram  # noqa: F401

PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4000          # two pieces on its way to engined


def asked(provider):
    with urllib.request.urlopen(provider.url + "/last") as answer:
        return json.dumps(json.load(answer))


def words(answer):
    """What somebody wrote: the echo runs its parts together."""
    return plain(answer).split("\n")[1].replace("[attached by the user]", "")


def photo(*ids):
    return [{"file_id": i, "file_unique_id": i, "width": 90 * (n + 1), "height": 90, "file_size": 100} for n, i in enumerate(ids)]


def document(file_id, name, size=5):
    return {"file_id": file_id, "file_name": name, "file_size": size}


def test_a_photo_and_a_document_reach_the_model(telegram, provider):  # noqa: F811
    t = telegram()
    with (t.home.path / "config.yaml").open("a") as f:
        f.write("model_vision: true\n")
    t.api.files = {"small": b"no", "large": PNG, "doc": b"the harvest was good"}
    t.api.post(11, None, photo=photo("small", "large"), caption="what is this")
    assert words(t.answered(1)[0]) == "what is this"
    assert "data:image/png;base64" in asked(provider)
    t.api.post(11, None, document=document("doc", "report.txt"))
    t.answered(2)
    assert "the harvest was good" in asked(provider) and "report.txt" in asked(provider)
    assert [name for method, name in t.api.calls if method == "file"] == ["large.bin", "doc.bin"]
    [session] = t.home.sessions().values()
    assert [turn["attachments"][0]["name"] for turn in session["turns"]] == ["photo.jpg", "report.txt"]


def test_an_album_is_one_message(telegram):  # noqa: F811
    t = telegram()
    t.api.files = {f"d{i}": b"text %d" % i for i in range(3)}
    with t.api.lock:                    # they come together, as Telegram sends them
        for i in range(3):
            t.api.post(11, None, document=document(f"d{i}", f"d{i}.txt"), media_group_id="9", **({"caption": "all three"} if i == 0 else {}))
    t.api.post(11, "next")
    assert [words(a) for a in t.answered(2)] == ["all three", "next"]
    [session] = t.home.sessions().values()
    assert [a["name"] for a in session["turns"][0]["attachments"]] == ["d0.txt", "d1.txt", "d2.txt"]


def test_what_cannot_be_had_is_told(telegram, provider):  # noqa: F811
    t = telegram()
    t.api.files = {"zip": b"PK\x03\x04" + bytes(200), "voice": b"OggS", "empty": b""}
    t.api.post(11, None, document=document("gone", "film.mkv", 30_000_000))
    t.api.post(11, None, document=document("zip", "a.zip"))
    t.api.post(11, None, document=document("empty", "b.txt"))
    t.api.post(11, None, voice=document("voice", ""))
    t.api.post(11, None, document=document("../../etc/passwd", "c.txt"))
    t.api.post(11, "still there")
    told = [plain(a) for a in t.answered(5)]
    assert told[0].startswith("[film.mkv could not be taken: Telegram gives bots no file larger than 20 MB")
    assert told[1].startswith("[a.zip could not be taken:") and told[2] == "[b.txt could not be taken: it is empty]"
    assert told[3] == "[voice.oga could not be taken: nothing here turns sound into text: tools.stt.model names no provider/model]"
    assert told[4].endswith("\nstill there")
    assert provider.stats()["requests"] == 1
    assert t.api.token.split(":")[1] not in t.home.log()


def test_a_death_while_it_is_fetched_loses_nothing(telegram):  # noqa: F811
    t = telegram()
    t.api.files = {"doc": b"the harvest was good"}
    t.api.refuse["getFile"] = [(500, {})] * 2
    t.api.post(11, None, document=document("doc", "report.txt"), caption="read")
    wait_for(lambda: any(m == "getFile" for m, _ in t.api.calls), "the file to be asked for")
    pid = t.home.pid(UNIT)
    os.kill(pid, signal.SIGKILL)
    t.home.ready(UNIT, not_pid=pid)
    assert len(t.answered(1)) == 1
    [session] = t.home.sessions().values()
    assert [a["name"] for a in session["turns"][0]["attachments"]] == ["report.txt"] and len(session["turns"]) == 1
