# SPDX-License-Identifier: Apache-2.0
"""Earlier conversations by what they mean: vectors in the background, and a server that may lie, stall, be gone or cost too much."""
import json
import sqlite3

import pytest

from conftest import wait_for
from test_chat_tool import script
from test_index import call

SAID = ["a purple flower on the table", "the lake in winter", "a table of numbers"]


def say(home, texts, first=0):
    folder = home.path / "sessions"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for n, text in enumerate(texts, first):
        turns = [{"at": 1000.0 + n, "user": text, "assistant": "noted", "tools": []}]
        (folder / f"m{n}.json").write_text(json.dumps(
            {"schema_version": 2, "id": f"m{n}", "model": "m", "started_at": 1000.0 + n, "turns": turns}))
    home.give(home.path)


def begin(home, provider, model="embed", more=""):
    home.use(provider, "script", more=(f"embeddings: {{model: fake/{model}}}\n" if model else "") + more)
    return home.start()


def change(home, model):
    home.run("config", "set", "embeddings.model", f"fake/{model}" if model else "")


def once(home, name, **arguments):
    """What one call came to, in a conversation that is not kept."""
    answer = home.ask(script(call(name, **arguments), {"text": "done"}), "--no-save")
    [tool] = answer["tools"]
    return tool


def index(home, **arguments):
    tool = once(home, "index_sessions", **arguments)
    assert tool["ok"], tool["output"]
    return json.loads(tool["output"])


def recall(home, query, **arguments):
    """The ids, and what stands below them."""
    tool = once(home, "recall_sessions", query=query, **arguments)
    assert tool["ok"], tool["output"]
    rows, _, note = tool["output"].partition("\n")
    return [row["session_id"] for row in json.loads(rows)], note


def rows(home, sql):
    with sqlite3.connect(home.path / "rag" / "index.sqlite") as db:
        return db.execute(sql).fetchall()


def vectors(home):
    return rows(home, "SELECT count(*) FROM vectors")[0][0]


def all_there(home, count, model="embed"):
    wait_for(lambda: rows(home, f"SELECT count(*) FROM sessions WHERE model IN (SELECT id FROM models WHERE name = 'fake/{model}')")
             == [(count,)] and vectors(home) == count, f"{count} vectors")


def asked(provider, model="embed"):
    return provider.stats()["models"].get(model, 0)


def test_what_was_said_in_other_words_is_recalled(any_user_home, provider):
    home = any_user_home
    say(home, SAID)
    begin(home, provider)
    told = index(home)
    assert told["indexed"] == 3 and told["waiting_for_vectors"] in (0, 3)
    all_there(home, 3)
    assert recall(home, "violet", k=1) == (["m0"], "")
    ids, note = recall(home, "violet table", k=3)
    assert ids[0] == "m0" and note == ""                    # in both orders
    assert asked(provider) == 3                             # one batch, two queries
    told = index(home)
    assert told["unchanged"] == 3 and told["waiting_for_vectors"] == 0 and asked(provider) == 3
    say(home, ["an automobile"], first=1)                   # instead of the lake
    assert index(home)["indexed"] == 1
    all_there(home, 3)
    assert recall(home, "car", k=1)[0] == ["m1"] and vectors(home) == 3


def test_session_search_and_the_command_know_it_too(home, provider):
    say(home, SAID)
    begin(home, provider)
    found = once(home, "session_search", query="purple")    # before there are vectors
    assert found["output"].startswith("## session m0, 1970-01-01T00:16:40Z, 1 occurrences\n")
    all_there(home, 3)
    found = once(home, "session_search", query="violet")
    assert found["output"].startswith("## session m0, 1970-01-01T00:16:40Z, near in meaning\nuser: a purple flower")
    assert "Only words" not in found["output"]
    assert home.json("sessions", "search", "violet", "--json")[0]["session_id"] == "m0"


def test_words_alone_send_nothing(home, provider):
    say(home, SAID)
    begin(home, provider, None)
    told = index(home)
    assert "waiting_for_vectors" not in told and recall(home, "violet") == ([], "") and recall(home, "purple") == (["m0"], "")
    assert not [model for model in provider.stats()["models"] if model.startswith("embed")]


def test_a_deleted_conversation_takes_its_vectors_along(home, provider):
    say(home, SAID)
    begin(home, provider)
    index(home)
    all_there(home, 3)
    home.run("sessions", "delete", "m0")
    assert vectors(home) == 2
    assert "m0" not in recall(home, "violet")[0]
    (home.path / "sessions" / "m1.json").unlink()           # by hand: the next pass notices
    assert "m1" not in recall(home, "lake")[0]
    assert index(home)["removed"] == 1 and vectors(home) == 1


@pytest.mark.parametrize("model,words", [
    ("embed-lies", "lies about its dimension"), ("embed-few", "2 vectors for 3 texts"), ("embed-nan", "no number"),
    ("embed-refuse", "401")])
def test_a_server_that_fails_costs_no_word_and_no_vector(home, provider, model, words):
    say(home, SAID)
    begin(home, provider)
    index(home)
    all_there(home, 3)
    change(home, model)
    index(home)
    wait_for(lambda: words in index(home).get("embeddings_error", ""), "what went wrong")
    assert vectors(home) == 3
    ids, note = recall(home, "purple")
    assert ids == ["m0"] and note.startswith("Only words were searched: ")
    change(home, "embed")                                   # the old vectors are still there
    before = asked(provider)
    assert recall(home, "violet", k=1) == (["m0"], "") and index(home)["waiting_for_vectors"] == 0
    assert asked(provider) == before + 1


def test_a_query_whose_server_is_gone_is_answered_by_words(home, provider):
    say(home, SAID)
    begin(home, provider, "embed-brief")                    # it answers once
    index(home)
    all_there(home, 3, "embed-brief")
    ids, note = recall(home, "purple")
    assert ids == ["m0"] and note.startswith("Only words were searched: ") and "401" in note
    found = once(home, "session_search", query="purple")["output"]
    assert "## session m0, 1970-01-01T00:16:40Z, 1 occurrences" in found and "Only words were searched: " in found
    assert home.json("sessions", "search", "lake", "--json")[0]["session_id"] == "m1"


def test_nobody_serves_the_model(home, provider):
    say(home, SAID)
    begin(home, provider, None)
    home.run("config", "set", "embeddings.model", "nobody/x")
    index(home)
    wait_for(lambda: "no provider is called" in index(home).get("embeddings_error", ""), "the failure")
    ids, note = recall(home, "purple")
    assert ids == ["m0"] and "no vectors of this model yet" in note


def test_another_dimension_is_told_and_made_anew_when_asked(home, provider):
    say(home, SAID)
    begin(home, provider, "embed-turns")
    once(home, "session_search", query="winter")
    all_there(home, 3, "embed-turns")
    recall(home, "violet")                                  # from now on it answers with twice the numbers
    ids, note = recall(home, "purple")
    assert ids == ["m0"] and "index_sessions" in note
    say(home, ["the hound"], first=3)
    assert "m3" in once(home, "session_search", query="hound")["output"]
    wait_for(lambda: "vectors of 128 numbers where the index has 64" in home.log(), "the refusal")
    assert vectors(home) == 3                               # the old ones stay: nobody asked for all of them to be paid again
    index(home)
    all_there(home, 4, "embed-turns")
    assert rows(home, "SELECT name, dim FROM models") == [("fake/embed-turns", 128)]
    assert recall(home, "violet", k=1) == (["m0"], "")


def test_another_model_replaces_the_vectors_when_all_are_there(home, provider):
    say(home, SAID)
    begin(home, provider)
    index(home)
    all_there(home, 3)
    change(home, "embed-wide")
    ids, note = recall(home, "violet")
    assert ids == [] and "index_sessions" in note
    index(home)
    all_there(home, 3, "embed-wide")
    assert rows(home, "SELECT name, dim FROM models") == [("fake/embed-wide", 128)]
    assert recall(home, "violet", k=1)[0] == ["m0"]


def test_the_daily_cap_stops_the_batches_and_the_query_with_a_clear_word(home, provider):
    say(home, [f"conversation number {n}" for n in range(40)])
    begin(home, provider, "embed-dear", more="budget: {daily_tokens: 1500000}\n")       # a batch says it took a million
    first = home.ask(script(call("index_sessions"), {"text": "done"}), "--no-save")
    assert first["tools"][0]["ok"]
    wait_for(lambda: asked(provider, "embed-dear") == 2 and vectors(home) == 32, "two batches")
    wait_for(lambda: "the daily budget is used up" in home.log(), "the cap")
    home.run("config", "set", "budget.daily_tokens", "100000000")
    told = index(home)
    assert told["waiting_for_vectors"] in (8, 40) and "the daily budget is used up" in told["embeddings_error"]
    all_there(home, 40, "embed-dear")
    assert asked(provider, "embed-dear") == 3               # nothing was paid twice
    wait_for(lambda: sum(day["tokens"] for day in home.json("usage", "--json")["days"]) > 3000000)


def test_turns_go_on_while_vectors_are_made_and_a_death_costs_one_batch(home, provider):
    say(home, [f"conversation number {n} " + "word " * 100 for n in range(400)])
    begin(home, provider)
    index(home)
    wait_for(lambda: asked(provider) >= 3, "the third batch")
    assert home.ask(script({"text": "still here"}))["reply"] == "still here"
    home.kill("default/engined")
    home.ready("default/engined")
    assert 0 < vectors(home) < 400
    index(home)
    wait_for(lambda: vectors(home) >= 400, "the rest")
    assert asked(provider) <= 400 // 16 + 2, "all batches, the one that was under way again, and the chat's own"
