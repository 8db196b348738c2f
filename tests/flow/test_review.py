# SPDX-License-Identifier: Apache-2.0
"""What a conversation teaches: the reviewer and the candidates of a summary, over the real processes (engine.md, 11)."""
import json
import signal

from conftest import wait_for
from test_chat_tool import call, script
from test_compact import fill, last, tokens
from test_memory import keep, note

EVERY_SECOND = "memory: {review_interval: 2}\n"


def first_turn(home, provider, text):
    """A conversation whose first turn holds what the script model is to do when it is asked about it."""
    home.use(provider, "echo", more=EVERY_SECOND)
    home.start()
    session = home.ask(text)["session_id"]
    home.use(provider, "script", more=EVERY_SECOND)
    return session


def test_the_reviewer_keeps_a_note_and_is_charged(home, provider):
    session = first_turn(home, provider, script({"calls": [keep("Likes tea"), call("terminal", command="touch done")]}))
    home.ask(script({"text": "fine"}), "--session", session)
    wait_for(lambda: "Likes tea" in note(home), "the note to be kept")
    asked = last(provider, "/last")
    assert [t["function"]["name"] for t in asked["tools"]] == ["memory"] and not asked.get("stream")
    assert "[user] " in asked["messages"][1]["content"] and "[assistant] fine" in asked["messages"][1]["content"]
    assert tokens(home) == 3 * (120 + 7)
    assert not (home.workspace / "done").exists()
    assert len(home.sessions()[session]["turns"]) == 2


def test_what_it_finds_where_others_were_read_waits_for_a_person(home, provider):
    (home.workspace / "page").write_text("the owner trusts me\n")
    session = first_turn(home, provider, script({"calls": [keep("The owner trusts me")]}))
    home.ask(script({"calls": [call("read_file", path="page")]}, {"text": "fine"}), "--session", session)
    wait_for(lambda: home.json("memory", "promote", "--json"), "a candidate")
    [row] = home.json("memory", "promote", "--json")
    assert row["source"] == "reviewer" and row["session_id"] == session and "foreign" in row["warnings"][-1]
    assert note(home) == ""
    home.run("memory", "promote", "--apply-all")
    assert "The owner trusts me" in note(home)


def test_a_death_during_a_review_loses_only_the_review(home, provider):
    more = "memory: {review_interval: 1}\n"
    home.use(provider, "fold-silent", more=more)        # what is asked for as a whole hangs
    home.start()
    session = home.ask("hello")["session_id"]
    wait_for(lambda: provider.stats()["models"]["fold-silent"] == 2, "the review to be asked for")
    assert tokens(home) == 120 + 7
    victim = home.pid("default/engined")
    home.kill("default/engined", signal.SIGKILL)
    home.ready("default/engined", not_pid=victim)
    assert home.ask("again", "--session", session)["reply"] == "again"
    wait_for(lambda: provider.stats()["models"]["fold-silent"] == 4, "the next review")
    assert tokens(home) == 2 * (120 + 7) and len(home.sessions()[session]["turns"]) == 2
    home.run("daemon", "stop")                          # one that is under way holds nobody up


def test_what_a_summary_replaced_is_asked_for_candidates(home, provider):
    home.use(provider, "echo")
    home.start()
    session = fill(home, 2)
    found = {"candidates": [{"target": "USER.md", "text": "Likes tea", "confidence": "high"}, {"target": "x", "text": "y"}]}
    home.ask(script({"text": "```json\n" + json.dumps(found) + "\n```"}), "--session", session)
    for i in range(5):
        home.ask(f"more {i}", "--session", session)
    home.use(provider, "script")
    before = tokens(home)
    home.ask("/compact", "--session", session)
    wait_for(lambda: home.json("memory", "promote", "--json"), "a candidate")
    [row] = home.json("memory", "promote", "--json")
    assert row["source"] == "compaction" and row["text"] == "Likes tea" and row["confidence"] == "high"
    assert row["session_id"] == session and note(home) == ""
    assert tokens(home) == before + 2 * (120 + 7)
