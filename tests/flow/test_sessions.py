# SPDX-License-Identifier: Apache-2.0
"""Conversations that the reference wrote are opened, resumed and saved without loss (issue: "Done when", 7)."""
import json
import urllib.request

import pytest

from conftest import ROOT, host

FIXTURES = ROOT / "tests" / "fixtures" / "sessions"


@pytest.mark.parametrize("generation", ["oldest", "second", "third"])
def test_a_session_of_any_generation_goes_on(home, provider, generation):
    home.use(provider, "echo")
    before = json.loads((FIXTURES / f"{generation}.json").read_text())
    sessions = home.path / "sessions"
    sessions.mkdir(mode=0o700)
    (sessions / f"{before['id']}.json").write_text((FIXTURES / f"{generation}.json").read_text())
    home.give(home.path)
    home.start()

    [row] = home.json("sessions", "list", "--json")
    assert row["id"] == before["id"] and row["turns"] == len(before["turns"])
    read = host(home, "host.session.read", profile="default", id=before["id"])
    assert read["total_turns"] == len(before["turns"])

    answer = home.ask("what did we say?", "--session", before["id"])
    assert answer["session_id"] == before["id"] and answer["reply"] == "what did we say?"
    with urllib.request.urlopen(provider.url + "/last") as sent:
        messages = json.load(sent)["messages"]
    said = [m["content"] for m in messages if m["role"] in ("user", "assistant")]
    whole = [turn for turn in before["turns"] if "\0" not in turn["user"]]     # NUL and half a character are replaced
    for turn in whole:
        if turn.get("assistant"):
            assert any(turn["user"] in text for text in said), turn["user"]
            assert any(turn["assistant"] in text for text in said), turn["assistant"]

    after = home.sessions()[before["id"]]
    assert len(after["turns"]) == len(before["turns"]) + 1
    for key, value in before.items():
        if key in ("turns", "elapsed", "model", "schema_version", "last_ctx_tokens") or key.endswith("_tokens"):
            continue
        assert after[key] == value, key
    for old, new in zip(before["turns"], after["turns"]):
        assert new == old or old not in whole


def test_a_deleted_session_is_gone(home, provider):
    home.use(provider, "echo")
    home.start()
    session = home.ask("hello")["session_id"]
    home.run("sessions", "delete", session)
    assert home.json("sessions", "list", "--json") == []
    done = home.run("chat", "--once", "again", "--session", session, check=False)
    assert done.returncode == 1
