# SPDX-License-Identifier: Apache-2.0
"""/model in a chat: a list, a name, and on Telegram buttons; what is chosen is the chat's, not the settings'."""
import json

from conftest import wait_for
from test_telegram import plain, telegram       # noqa: F401: the home with a bot

MORE = "fallback_models: [fake/text, nobody/model, openai/no-key]\n"


def choices(t):
    """The settings name models; those without a server or a key are not offered."""
    config = t.home.path / "config.yaml"
    config.write_text(config.read_text() + MORE)
    t.home.give(t.home.path)


def buttons(markup):
    return [(b["text"], b["callback_data"]) for row in markup["inline_keyboard"] for b in row]


def presses(t, *data, **more):
    """Press; what the message with the buttons became."""
    for one in data:
        n = len(t.api.edits)
        t.api.press(11, one, **more)
        wait_for(lambda: len(t.api.edits) > n, f"{one} to be answered")
    return t.api.edits[-1]


def test_buttons_choose_a_model_for_one_chat(telegram):     # noqa: F811
    t = telegram()
    choices(t)
    t.api.post(11, "/model")
    said = plain(t.answered(1)[0])
    assert said.split("\n") == ["model: fake/echo", "Another for this chat: /model NAME, of", "- fake/echo", "- fake/text"]
    assert buttons(t.api.sent[0]["markup"]) == [("fake", "mp:fake"), ("Cancel", "mx")]
    edit = presses(t, "mp:fake", message=5)
    assert edit["message_id"] == 5 and edit["chat_id"] == "11"
    assert buttons(edit["reply_markup"]) == [("echo", "mm:fake:echo"), ("text", "mm:fake:text"), ("Cancel", "mx")]
    edit = presses(t, "mm:fake:text")
    assert edit["text"] == "model: fake/text" and "reply_markup" not in edit
    t.api.post(11, "n=1")
    t.api.post(33, "n=1")
    t.answered(3)
    assert plain(t.api.answers(33)[0]).endswith("n=1"), "the echo of the other chat"
    assert not plain(t.api.answers(11)[1]).endswith("n=1")
    assert "model: fake/echo" in (t.home.path / "config.yaml").read_text()
    assert [m for m, _ in t.api.calls].count("answerCallbackQuery") == 2
    wait_for(lambda: all(row[1] == 3 for row in t.rows()), "all to be noted as sent")
    t.home.kill("default/gatewayd")
    t.home.ready("default/gatewayd")
    t.api.post(11, "/status")
    assert "model: fake/text" in plain(t.answered(4)[-1]), "it is kept"
    assert presses(t, "mx")["text"] == "The model stays as it is."


def test_a_name_chooses_too_and_only_what_the_settings_name(telegram):      # noqa: F811
    t = telegram()
    choices(t)
    for text in ("/model fake/text", "/model openai/no-key", "/model fake/other", "/status", "/model default", "/status"):
        t.api.post(11, text)
    chosen, *refused, status, back, again = [plain(a) for a in t.answered(6)]
    assert chosen == "model: fake/text" and all("none of the models" in a for a in refused)
    assert "model: fake/text" in status and back == "model: fake/echo" and "model: fake/echo" in again


def test_a_press_that_means_nothing_changes_nothing(telegram):      # noqa: F811
    t = telegram()
    choices(t)
    t.api.press(99, "mm:fake:text")
    t.api.press(11, "mm:fake:nothing")
    for data in ("", "mm:", "mm:fake", "mm:fake:", "mm::text", "mp:", "x" * 64, "mm:fake:" + "t" * 60, "mx2"):
        t.api.press(11, data)
    t.api.put({"callback_query": {"id": 5, "from": {"id": 7}, "data": "mx"}})
    t.api.put({"callback_query": {"id": "i" * 100, "from": {"id": 7}, "data": "mx", "message": {"chat": {"id": 11}}}})
    t.api.put({"callback_query": [1]})
    t.api.post(11, "/model")
    assert "model: fake/echo" in plain(t.answered(1)[0])
    wait_for(lambda: t.api.edits, "the one press that was a choice once")
    assert [e["text"] for e in t.api.edits] == ["This model is not offered any more."]
    assert {e["chat_id"] for e in t.api.edits} == {"11"} and t.ignored() == 1
    assert not (t.home.path / "gateway/models.json").exists()


def test_the_apps_are_told_which_commands_there_are(telegram):      # noqa: F811
    t = telegram()
    wait_for(lambda: [m for m, _ in t.api.calls].count("setMyCommands") == 2, "both scopes")
    told = [body for m, body in t.api.calls if m == "setMyCommands"]
    assert sorted(b["scope"]["type"] for b in told) == ["all_group_chats", "default"]
    assert {"command": "new", "description": "begin a new conversation with the next message"} in told[0]["commands"]
    assert json.dumps(told[0]["commands"]) == json.dumps(told[1]["commands"])
