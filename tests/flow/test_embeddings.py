# SPDX-License-Identifier: Apache-2.0
"""Search by meaning: vectors of a server that may lie, stall or be gone; words alone are always searched."""
import json
import threading

import pytest

from conftest import wait_for
from test_index import call, counts, database, index, put, put_plain, tools


def begin(home, provider, model="embed"):
    home.use(provider, "script", more=f"embeddings: {{model: fake/{model}}}\n" if model else "")
    return home.start()


def change(home, model):
    home.run("config", "set", "embeddings.model", f"fake/{model}" if model else "")


def search(home, query, **arguments):
    """The rows, and what stands below them."""
    [tool] = tools(home, call("search_workspace", query=query, **arguments))
    assert tool["ok"], tool["output"]
    rows, _, note = tool["output"].partition("\n")
    return json.loads(rows), note


def vectors(home):
    with database(home) as db:
        return db.execute("SELECT count(*) FROM vectors").fetchone()[0]


def colours(home):
    put(home, "a.txt", "a purple flower on the table\n")
    put(home, "b.txt", "the lake in winter\n")
    put(home, "c.txt", "a table of numbers\n")


def test_what_is_said_in_other_words_is_found(any_user_home, provider):
    home = any_user_home
    colours(home)
    begin(home, provider)
    told = index(home)
    assert counts(told) == (3, 0, 0, 0) and told["embedded"] == 3 and "embeddings_error" not in told
    rows, note = search(home, "violet", k=1)
    assert rows[0]["path"] == "a.txt" and rows[0]["score"] > 0 and note == ""
    rows, note = search(home, "violet table", k=3)
    assert [row["path"] for row in rows][0] == "a.txt"          # in both orders
    assert provider.stats()["models"]["embed"] == 3             # one batch, two queries
    assert index(home)["embedded"] == 0
    put(home, "b.txt", "an automobile\n")
    assert index(home)["embedded"] == 1
    assert search(home, "car", k=1)[0][0]["path"] == "b.txt" and vectors(home) == 3


def test_words_alone_send_nothing(home, provider):
    colours(home)
    begin(home, provider, None)
    told = index(home)
    assert "embedded" not in told and search(home, "violet") == ([], "")
    assert not [model for model in provider.stats()["models"] if model.startswith("embed")]


@pytest.mark.parametrize("model,words", [
    ("embed-lies", "lies about its dimension"), ("embed-few", "2 vectors for 3 texts"), ("embed-nan", "no number"),
    ("embed-down", "503"), ("embed-refuse", "401")])
def test_a_server_that_fails_costs_no_word_and_no_vector(home, provider, model, words):
    colours(home)
    begin(home, provider)
    index(home)
    change(home, model)
    told = index(home)
    assert told["ok"] and words in told["embeddings_error"] and told["not_embedded"] == 3 and told["embedded"] == 0
    rows, note = search(home, "purple")
    assert rows[0]["path"] == "a.txt" and note.startswith("Only words were searched: ")
    change(home, "embed")                                       # the old vectors are still there
    rows, note = search(home, "violet", k=1)
    assert rows[0]["path"] == "a.txt" and note == "" and index(home)["embedded"] == 0


def test_a_model_that_is_another_all_of_a_sudden_is_told(home, provider):
    colours(home)
    begin(home, provider, "embed-turns")
    index(home)
    search(home, "violet")
    put(home, "d.txt", "more\n")
    told = index(home)
    assert "vectors of 128 numbers where the index has 64" in told["embeddings_error"] and told["not_embedded"] == 1
    assert vectors(home) == 3
    rows, note = search(home, "purple")
    assert rows[0]["path"] == "a.txt" and "index_workspace" in note
    told = index(home, force=True)                              # to begin anew is what force is for
    assert told["embedded"] == 4 and "embeddings_error" not in told
    assert search(home, "violet", k=1)[0][0]["path"] == "a.txt"


def test_another_model_replaces_the_vectors_when_all_are_there(home, provider):
    colours(home)
    begin(home, provider)
    index(home)
    change(home, "embed-wide")
    rows, note = search(home, "violet")
    assert rows == [] and "index_workspace" in note
    assert index(home)["embedded"] == 3
    assert vectors(home) == 3
    with database(home) as db:
        assert db.execute("SELECT name, dim FROM models").fetchall() == [("fake/embed-wide", 128)]
    assert search(home, "violet", k=1)[0][0]["path"] == "a.txt"


def test_a_server_that_is_busy_is_asked_again(home, provider):
    colours(home)
    begin(home, provider, "embed-retry")
    assert index(home)["embedded"] == 3


def test_a_model_nobody_serves_is_said(home, provider):
    colours(home)
    begin(home, provider, None)
    home.run("config", "set", "embeddings.model", "nobody/x")
    told = index(home)
    assert "no provider is called" in told["embeddings_error"]
    assert "no provider is called" in search(home, "purple")[1]


def test_what_vectors_cost_is_in_the_ledger(home, provider):
    colours(home)
    begin(home, provider, "embed-dear")
    assert index(home)["embedded"] == 3
    wait_for(lambda: sum(day["tokens"] for day in home.json("usage", "--json")["days"]) > 1000000)


def test_a_death_in_the_middle_costs_one_batch(home, provider):
    for n in range(1500):
        put_plain(home, f"f{n}.txt", f"item{n} purple " + "word " * 200)
    home.give(home.workspace)
    begin(home, provider)
    home.ask("{\"steps\": [{\"text\": \"hello\"}]}")
    result = []
    turn = threading.Thread(target=lambda: result.extend(tools(home, call("index_workspace"))))
    turn.start()

    def asked():
        return provider.stats()["models"].get("embed", 0)
    wait_for(lambda: asked() >= 3, "the third batch")
    home.kill("default/engined")
    turn.join()
    told = json.loads(result[0]["output"])
    assert "embeddings_error" not in told
    assert asked() <= -(-1500 // 64) + 1, "all batches, and the one that was under way again"
    assert vectors(home) == 1500
