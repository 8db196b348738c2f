# SPDX-License-Identifier: Apache-2.0
"""A message that begins with @peer: the peer answers, no model of ours; whoever else is named is only named."""
import json

import pytest

from conftest import wait_for
from test_link import ALL, key, pin
from test_mail import Mailbox, servers, text as text_of  # noqa: F401
from test_telegram import Telegram, plain


@pytest.fixture
def bot(home, provider):
    home.use(provider, "text", profile="other")
    made = Telegram(home, provider, model="echo")
    wait_for(lambda: "other/engined" in home.units(), "the other profile to run")
    mine, theirs = key(home), key(home, "other")
    pin(home, "other", theirs)
    pin(home, "boss", mine, allow=ALL, profile="other")
    home.ready("default/alpd")
    yield made
    made.api.close()


def last(bot, n):
    return plain(bot.answered(n)[-1])


def test_a_peer_that_is_named_first_answers(bot, provider):
    before = provider.stats()["requests"]
    bot.api.post(11, "@other n=3")
    assert len(last(bot, 1).split()) == 3
    assert provider.stats()["requests"] == before + 1, "theirs alone"
    [thread] = (bot.home.path / "profiles/other/mentions").glob("boss@*.json")
    assert json.loads(thread.read_text())["turns"][-1]["user"] == "n=3", "without a banner"
    [session] = bot.home.sessions().values()
    assert session["turns"][0]["user"].startswith("[INBOUND TELEGRAM") and session["turns"][0]["tools"][0]["name"] == "peer"


@pytest.mark.parametrize("text", ["please ask @other n=3", "@nobody n=3", "@ other n=3", "@other"])
def test_any_other_name_is_text_under_its_banner(bot, text):
    bot.api.post(11, text)
    answer = last(bot, 1)
    assert answer.startswith("[INBOUND TELEGRAM") and answer.endswith(text)
    assert not (bot.home.path / "profiles/other/mentions").exists() or not any((bot.home.path / "profiles/other/mentions").iterdir())


@pytest.mark.parametrize("head", ["", "@nobody "])
def test_the_model_cannot_ask_a_peer_for_a_sender(bot, provider, head):
    bot.home.use(provider, "script")
    bot.home.run("daemon", "reload")
    call = {"name": "peer", "arguments": {"peer_id": "other", "prompt": "n=3"}}
    bot.api.post(11, head + json.dumps({"steps": [{"calls": [call]}, {"text": "done"}]}))
    assert last(bot, 1) == "done"
    assert not any((bot.home.path / "profiles/other").glob("mentions/*"))


def test_a_peer_that_does_not_answer_is_a_bracketed_error(bot):
    bot.home.run("-p", "other", "peers", "deny", "boss", "link.ask")
    bot.api.post(11, "@other n=3")
    assert last(bot, 1).startswith("[agent error]")


def test_a_peer_is_asked_by_mail_too(home, provider, servers):
    home.use(provider, "text", profile="work")
    m = Mailbox(home, servers, "peer").begin(provider)
    m.based()
    wait_for(lambda: "work/engined" in home.units(), "the other profile to run")
    pin(home, "work", key(home, "work"))
    pin(home, "boss", key(home), allow=ALL, profile="work")
    home.ready("default/alpd")
    m.put("@work n=3")
    [answer] = m.answers(1)
    assert len(text_of(answer).split()) == 3, "no subject, no banner: the peer's words"
    [thread] = (home.path / "profiles/work/mentions").glob("boss@*.json")
    assert json.loads(thread.read_text())["turns"][-1]["user"] == "n=3"
    [session] = home.sessions().values()
    assert session["turns"][0]["user"].startswith("[INBOUND EMAIL") and "Subject: Lunch" in session["turns"][0]["user"]
