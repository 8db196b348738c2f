# SPDX-License-Identifier: Apache-2.0
"""Platforms that are only sent to, through the tool send_message: ntfy, and the webhook's own address."""
import sys

import pytest

from conftest import ROOT
from test_send_message import message, send, tool_of

sys.path.insert(0, str(ROOT / "tests" / "fake"))
from receiver import Receiver  # noqa: E402

UNIT = "default/gatewayd"
TOKEN = "tk_secret_of_ntfy"


@pytest.fixture
def told(home, provider):
    """A home with both, and whoever is told."""
    receiver = Receiver()
    folder = home.use(provider, "script")
    lines = {"NTFY_TOPIC": "phone", "NTFY_URL": receiver.url, "NTFY_TOKEN": TOKEN, "WEBHOOK_POST_URL": receiver.url + "/hook"}
    (folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    home.give(home.path)
    home.start()
    home.ready(UNIT)
    yield home, receiver
    receiver.close()


def test_a_note_goes_to_the_topic_with_the_token(told):
    home, receiver = told
    assert tool_of(send(home, message("It is *done*.", channel="ntfy"))) == (True, "delivered: ntfy phone")
    [row] = receiver.got
    assert row["body"] == {"topic": "phone", "title": "alpi", "message": "It is *done*."} and row["path"] == "/"
    assert row["auth"] == f"Bearer {TOKEN}" and TOKEN not in home.log()
    assert not tool_of(send(home, message("psst", channel="ntfy", chat_id="other")))[0]
    assert len(receiver.got) == 1


def test_a_long_note_comes_in_parts_that_fit(told):
    home, receiver = told
    assert tool_of(send(home, message("w\u00f6rd " * 800, channel="ntfy")))[0]
    parts = [row["body"]["message"] for row in receiver.got]
    assert len(parts) > 1 and all(len(p.encode()) <= 4096 for p in parts) and sum(p.count("w\u00f6rd") for p in parts) == 800


def test_a_no_is_told_and_a_busy_server_is_asked_again(told):
    home, receiver = told
    receiver.refuse = [429]
    assert tool_of(send(home, message("patience", channel="ntfy")))[0]
    receiver.refuse = [413]
    ok, output = tool_of(send(home, message("too much", channel="ntfy")))
    assert not ok and "refuses" in output
    assert [row["body"]["message"] for row in receiver.got] == ["patience"]


def test_the_webhook_is_told_too(told):
    home, receiver = told
    assert tool_of(send(home, message("to the hook", channel="webhook"))) == (True, "delivered: webhook webhook")
    assert receiver.got == [{"path": "/hook", "auth": None, "body": {"chat_id": "webhook", "text": "to the hook"}}]
