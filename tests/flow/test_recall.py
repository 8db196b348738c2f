# SPDX-License-Identifier: Apache-2.0
"""What was said before: found, read, exported, forgotten; by people and by models."""
import json
import os
import subprocess
import threading

import pytest

from conftest import host, wait_for
from test_chat_tool import script


def write_sessions(home, count, text="a note about number {n}", size=1):
    folder = home.path / "sessions"
    folder.mkdir(mode=0o700, exist_ok=True)
    for n in range(count):
        turns = [{"at": 1000.0 + n, "user": text.format(n=n), "assistant": "noted " * size, "tools": []}]
        (folder / f"s{n}.json").write_text(json.dumps(
            {"schema_version": 2, "id": f"s{n}", "model": "m", "started_at": 1000.0 + n, "turns": turns}))
    home.give(home.path)


def test_words_find_a_conversation(any_user_home, provider):
    home = any_user_home
    home.use(provider, "echo")
    home.start()
    session = home.ask("the walrus sleeps on the ice")["session_id"]
    home.ask("something else entirely")
    [row] = home.json("sessions", "search", "walrus", "ice", "--json")
    assert row["session_id"] == session and "walrus sleeps" in row["snippet"] and row["score"] > 0
    assert row["when"].startswith("20") and row["when"].endswith("Z")
    assert session in home.run("sessions", "search", "walrus").stdout
    assert home.run("sessions", "search", "submarine").stdout == "no conversation has these words\n"
    assert (home.path / "rag" / "index.sqlite").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("query", ['"', "*", "a OR (", "NEAR(", "x AND NOT", "col:walrus\" OR 1", "^", "-", "'; DROP TABLE sessions"])
def test_no_query_is_more_than_words(home, provider, query):
    home.use(provider, "echo")
    home.start()
    session = home.ask("the walrus")["session_id"]
    done = home.run("sessions", "search", "--", query, check=False)
    assert done.returncode == 0 or "there is no word in the query" in done.stderr, done.stderr
    assert home.json("sessions", "search", "walrus", "--json")[0]["session_id"] == session


def test_a_query_that_is_too_long_or_a_wrong_limit_is_refused(home, provider):
    home.use(provider, "echo")
    home.start()
    assert home.run("sessions", "search", "x" * 5000, check=False).returncode == 1
    assert home.run("sessions", "search", "--limit", "0", "x", check=False).returncode == 2
    assert home.run("sessions", "search", check=False).returncode == 2


def test_a_deleted_conversation_leaves_the_index(home, provider):
    home.use(provider, "echo")
    home.start()
    session = home.ask("the walrus")["session_id"]
    assert len(home.json("sessions", "search", "walrus", "--json")) == 1
    home.run("sessions", "delete", session)
    assert home.json("sessions", "search", "walrus", "--json") == []


def test_models_search_read_and_recall_what_was_said(home, provider):
    home.use(provider, "echo")
    write_sessions(home, 3, "the heron number {n} nests")
    home.start()
    home.run("config", "set", "model", "fake/script")
    call = lambda name, **arguments: {"calls": [{"name": name, "arguments": arguments}]}
    answer = home.ask(script(
        call("recall_sessions", query="heron"), call("index_sessions"), call("recall_sessions", query="heron", k=2),
        call("session_search", query="heron"), call("session_read", session="s1", phrase="HERON"), {"text": "done"}))
    outputs = [tool["output"] for tool in answer["tools"]]
    assert all(tool["ok"] for tool in answer["tools"])
    assert "call index_sessions first" in outputs[0]
    assert json.loads(outputs[1])["indexed"] in (3, 4)        # the conversation that asks may stand there already
    assert {row["session_id"] for row in json.loads(outputs[2])} < {"s0", "s1", "s2"} and len(json.loads(outputs[2])) == 2
    assert outputs[3].count("## session s") == 3
    assert "[turn 1]\nuser: the heron number 1 nests" in outputs[4]
    with open(next((home.path / "sessions").glob("s1.json"))) as file:
        assert json.load(file)["turns"][0]["user"] == "the heron number 1 nests"


def test_a_conversation_is_exported_whole(home, provider):
    home.use(provider, "script")
    home.start()
    session = home.ask(script({"calls": [{"name": "todo", "arguments": {"action": "list"}}]},
                              {"text": "**bold** \x1b[31mred\x1b[0m"}))["session_id"]
    home.ask(script({"text": "second"}), "--session", session)
    [file] = home.sessions().values()
    assert json.loads(home.run("sessions", "export", session, "--format", "json").stdout) == file
    assert home.json("sessions", "export", session, "--json") == file
    text = home.run("sessions", "export", session).stdout
    assert text.startswith(f"# Session {session}\n") and "## 2. " in text and "\x1b" not in text
    assert "- tool **todo** (ok) {\"action\":\"list\"}" in text and "**bold** [31mred" in text
    assert home.run("sessions", "export", session, "--format", "pdf", check=False).returncode == 2
    assert home.run("sessions", "export", "nobody", check=False).returncode == 1


def test_an_export_larger_than_a_message_is_joined(home, provider):
    home.use(provider, "echo")
    folder = home.path / "sessions"
    folder.mkdir(mode=0o700)
    turns = [{"at": float(n), "user": f"turn {n}", "assistant": "x" * 60000, "tools": []} for n in range(300)]
    (folder / "big.json").write_text(json.dumps({"schema_version": 2, "id": "big", "model": "m", "turns": turns}))
    home.give(home.path)
    home.start()
    out = json.loads(home.run("sessions", "export", "big", "--json").stdout)
    assert out["turns"] == turns


def test_a_killed_pass_is_finished_by_the_next_and_chats_go_on_beside_it(home, provider):
    home.use(provider, "echo")
    write_sessions(home, 4000, size=200)
    home.start()
    first = home.popen("sessions", "search", "number")
    index = home.path / "rag" / "index.sqlite-wal"
    wait_for(lambda: index.exists() and index.stat().st_size > 0, "the pass to write")
    old = home.pid("default/engined")
    os.kill(old, 9)
    first.communicate()
    home.ready("default/engined", old)
    assert len(home.json("sessions", "search", "3999", "--json")) == 1
    assert len(home.json("sessions", "search", "17", "--json")) == 1
    done = []
    write_sessions(home, 4000, text="another text about number {n}", size=200)
    again = threading.Thread(target=lambda: done.append(home.json("sessions", "search", "another", "1234", "--json")))
    again.start()
    assert home.ask("hello")["reply"] == "hello"
    again.join()
    assert done[0][0]["session_id"] == "s1234"


def test_the_references_store_is_not_touched(home, provider):
    home.use(provider, "echo")
    store = home.path / "rag" / "store.sqlite"
    store.parent.mkdir(mode=0o700)
    store.write_bytes(b"SQLite format 3\0 and what the reference keeps")
    before = store.read_bytes(), store.stat().st_mtime_ns
    home.give(home.path)
    home.start()
    home.ask("the walrus")
    assert len(home.json("sessions", "search", "walrus", "--json")) == 1
    assert (store.read_bytes(), store.stat().st_mtime_ns) == before


def test_a_damaged_index_is_begun_anew(home, provider):
    home.use(provider, "echo")
    index = home.path / "rag" / "index.sqlite"
    index.parent.mkdir(mode=0o700)
    index.write_bytes(os.urandom(8192))
    home.give(home.path)
    home.start()
    home.ask("the walrus")
    assert len(home.json("sessions", "search", "walrus", "--json")) == 1
    assert (index.parent / "index.sqlite.damaged").exists()
    home.run("daemon", "restart", "engined")
    data = bytearray(index.read_bytes())
    for at in range(4096, len(data), 512):      # every page but the first
        data[at:at + 256] = os.urandom(256)
    index.write_bytes(data)
    home.run("daemon", "restart", "engined")
    home.run("sessions", "search", "walrus", check=False)       # this one may find it out
    assert len(home.json("sessions", "search", "walrus", "--json")) == 1
