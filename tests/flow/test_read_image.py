# SPDX-License-Identifier: Apache-2.0
"""The tool read_image over the real processes: toolrunner reads, a model looks, the answer is the result (tools.md, 7.3)."""
import base64
import json
import os
import signal
import struct
import urllib.request

import zlib

import pytest

from conftest import wait_for
from test_chat_tool import call, script

needs_gm = pytest.mark.skipif(not os.access("/usr/bin/gm", os.X_OK), reason="graphicsmagick is not installed")
needs_rsvg = pytest.mark.skipif(not os.access("/usr/bin/rsvg-convert", os.X_OK), reason="librsvg2-bin is not installed")


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width, height, said=None, more=b""):
    """A black image; said: what its header says instead, more: bytes that are no pixels."""
    rows = zlib.compress((b"\0" + bytes(3 * width)) * height)
    size = said or (width, height)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)) + (chunk(b"noIs", more) if more else b"") +
            chunk(b"IDAT", rows) + chunk(b"IEND", b""))


PNG = png(8, 8)


def start(home, provider, more="model_vision: true\n"):
    home.use(provider, "script", more=more)
    home.start()


def look(path, **more):
    return script({"calls": [call("read_image", path=str(path), **more)]}, {"text": "so it is"})


def put(home, name, data=PNG):
    (home.workspace / name).write_bytes(data)
    home.give(home.base)
    return name


def last(provider):
    with urllib.request.urlopen(provider.url + "/last") as answer:
        return json.load(answer)


def test_a_model_looks_and_its_answer_is_the_result(home, provider):
    start(home, provider)
    answer = home.ask(look(put(home, "cat.png"), question=script({"text": "a black cat"})))
    assert answer["tools"][0]["ok"] and answer["tools"][0]["output"] == "a black cat" and answer["reply"] == "so it is"
    assert provider.stats()["requests"] == 3
    assert "base64" not in json.dumps(last(provider)) and "kind=data" in json.dumps(last(provider))
    spent = home.json("usage", "--json")["days"][-1]
    assert spent["tokIn"] == answer["usage"]["tokens_in"] and spent["tokOut"] == answer["usage"]["tokens_out"]


def test_a_model_that_says_nothing_is_paid_for_by_the_turn(home, provider):
    start(home, provider)
    answer = home.ask(look(put(home, "cat.png"), question=script({"text": ""})))
    assert not answer["tools"][0]["ok"] and "said nothing" in answer["tools"][0]["output"] and answer["reply"] == "so it is"
    spent = home.json("usage", "--json")["days"][-1]
    assert spent["tokIn"] == answer["usage"]["tokens_in"] and spent["tokOut"] == answer["usage"]["tokens_out"]


@pytest.mark.parametrize("size", [1000, 2_900_000])
def test_the_named_model_is_shown_the_whole_image(home, provider, size):
    start(home, provider, "tools: {read_image: {model: fake/silent}}\n")
    data = png(8, 8, more=os.urandom(size))
    asked = home.popen("chat", "--once", look(put(home, "a.png", data), question="how many?"), "--json")
    wait_for(lambda: provider.stats()["models"].get("silent", 0) == 1, "the model to be asked")
    system, user = last(provider)["messages"]
    assert user["content"][0] == {"type": "text", "text": "how many?"}
    assert base64.b64decode(user["content"][1]["image_url"]["url"].removeprefix("data:image/png;base64,")) == data
    asked.send_signal(signal.SIGINT)
    out = json.loads(asked.communicate()[0])
    assert "interrupted" in json.dumps(out)
    home.use(provider, "script")
    assert home.ask(script({"text": "still here"}))["reply"] == "still here"


def shown(home, provider, name, data):
    """What the model is shown of a file: media type and bytes."""
    start(home, provider, "tools: {read_image: {model: fake/silent}}\n")
    asked = home.popen("chat", "--once", look(put(home, name, data)), "--json")
    wait_for(lambda: provider.stats()["models"].get("silent", 0) == 1, "the model to be asked")
    mime, text = last(provider)["messages"][1]["content"][1]["image_url"]["url"].removeprefix("data:").split(";base64,")
    asked.send_signal(signal.SIGINT)
    asked.communicate()
    return mime, base64.b64decode(text)


@needs_gm
def test_a_large_image_is_shown_smaller(home, provider):
    mime, data = shown(home, provider, "wide.png", png(4000, 1000))
    assert mime == "image/jpeg" and struct.pack(">HH", 392, 1568) in data


@needs_gm
def test_a_bitmap_of_another_kind_is_shown(home, provider):
    bmp = b"BM" + struct.pack("<IHHIIiiHHIIiiII", 246, 0, 0, 54, 40, 8, 8, 1, 24, 0, 192, 0, 0, 0, 0) + bytes(192)
    assert shown(home, provider, "a.bmp", bmp)[0] == "image/jpeg"


@needs_rsvg
def test_a_drawing_is_shown(home, provider):
    mime, data = shown(home, provider, "a.svg", b"<svg xmlns='http://www.w3.org/2000/svg' width='20' height='10'><text y='9'>hi</text></svg>")
    assert mime == "image/png" and data[16:24] == struct.pack(">II", 1568, 784)


BAD = {"a.txt": b"no image at all", "a.bmp": b"BM\0\0\0\0\0\0", "a.svg": b"<svg/>", "empty.png": b"",
       "bomb.png": png(8, 8, said=(50000, 50000)), "cut.png": png(800, 800)[:600],
       "entity.svg": b"<!DOCTYPE svg [<!ENTITY x SYSTEM 'file:///etc/hosts'>]><svg xmlns='http://www.w3.org/2000/svg' "
                     b"width='9' height='9'><text>&x;</text></svg>"}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_image_is_shown_to_nobody(home, provider, name):
    start(home, provider)
    answer = home.ask(look(put(home, name, BAD[name])))
    assert not answer["tools"][0]["ok"] and name in answer["tools"][0]["output"] and provider.stats()["requests"] == 2


def test_paths_are_judged_as_everywhere(home, provider):
    start(home, provider)
    put(home, ".env")
    (home.workspace / "link.png").symlink_to(".env")
    (home.person / "out.png").write_bytes(PNG)
    (home.workspace / "far.png").symlink_to(home.person / "out.png")
    os.mkfifo(home.workspace / "pipe.png")
    put(home, "huge.png", png(8, 8, more=bytes(20 * 2**20)))
    for path in (".env", "link.png", "far.png", home.person / "out.png", "pipe.png", "huge.png", "missing.png", ".", "",
                 "https://example.org/a.png", home.path / "config.yaml"):
        answer = home.ask(look(path))
        assert not answer["tools"][0]["ok"] and answer["tools"][0]["output"], path
    assert provider.stats()["requests"] == 22


def test_a_model_without_eyes_is_not_asked(home, provider):
    start(home, provider, "")
    answer = home.ask(look(put(home, "a.png")))
    assert "takes no images" in answer["tools"][0]["output"] and provider.stats()["requests"] == 2


def test_a_provider_that_fails_fails_the_call_only(home, provider):
    start(home, provider, "tools: {read_image: {model: fake/nobody-serves-this}}\nruntime: {max_retries: 0}\n")
    home.config((home.path / "config.yaml").read_text().replace("fake/nobody-serves-this", "nowhere/model"))
    answer = home.ask(look(put(home, "a.png")))
    assert not answer["tools"][0]["ok"] and "read_image" in answer["tools"][0]["output"] and answer["reply"] == "so it is"


def test_a_death_while_the_model_looks_makes_it_look_again(home, provider):
    start(home, provider, "tools: {read_image: {model: fake/silent}}\n")
    asked = home.popen("chat", "--once", look(put(home, "a.png")), "--json")
    wait_for(lambda: provider.stats()["models"].get("silent", 0) == 1, "the model to be asked")
    home.config((home.path / "config.yaml").read_text().replace("fake/silent", "fake/text"))
    victim = home.pid("default/engined")
    os.kill(victim, signal.SIGKILL)
    answer = json.loads(asked.communicate()[0])
    assert answer["tools"][-1]["ok"] and answer["reply"] == "so it is"
