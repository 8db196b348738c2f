# SPDX-License-Identifier: Apache-2.0
"""A home that the reference wrote: what nobody changed is, byte for byte, what it was (tests/fixtures/home)."""
import json
import os
import shutil

import pytest

from conftest import ROOT

FIXTURES = ROOT / "tests" / "fixtures"
DOTTED = {"env": ".env", "gitignore": ".gitignore"}     # git would read these
LOOKS = [
    ("memory", "show"), ("memory", "show", "--json"), ("memory", "promote", "--json"),
    ("sessions", "list"), ("sessions", "list", "--json"), ("sessions", "show", "00112233aabb"), ("sessions", "search", "green"),
    ("usage",), ("usage", "--json"), ("peers", "list", "--json"), ("skill", "list", "--json"), ("skill", "show", "diary"),
    ("outputs", "list", "--json"), ("schedule", "list", "--json"), ("profile", "list", "--json"), ("doctor",), ("daemon", "status"),
    ("chat", "--explain-prompt", "hello"),
]


def files(home):
    return {str(p.relative_to(home)): p.read_bytes() for p in home.rglob("*") if p.is_file() and not p.is_symlink()}


@pytest.fixture
def old(home, provider):
    """The home, as it stood before the first start; home.before: every file of it."""
    shutil.copytree(FIXTURES / "home", home.path)
    for path in list(home.path.rglob("*")):
        if path.name in DOTTED:
            path.rename(path.with_name(DOTTED[path.name]))
    (home.path / "sessions").mkdir()
    for path in (FIXTURES / "sessions").iterdir():
        shutil.copy(path, home.path / "sessions" / f"{json.loads(path.read_text())['id']}.json")
    config = home.path / "config.yaml"
    config.write_text(config.read_text().replace("PROVIDER", provider.url))
    for folder, _, names in os.walk(home.path):
        os.chmod(folder, 0o700)
        for name in names:
            os.chmod(os.path.join(folder, name), 0o600)
    home.give(home.path)
    home.before = files(home.path)
    return home


def changed(home):
    now = files(home.path)
    return {name for name, data in home.before.items() if now.get(name) != data}


def test_looking_at_everything_changes_nothing(old):
    old.start()
    verbs = old.run("--help").stdout
    looked = [words for words in LOOKS if f" {words[0]} " in verbs]
    for words in looked:
        done = old.run(*words, check=False)
        assert done.returncode == 0 or words[0] == "doctor", (words, done.stderr)
    assert len(looked) >= 12
    assert changed(old) == set()
    old.run("daemon", "stop")
    assert changed(old) == set()


def test_what_it_holds_is_understood(old):
    old.start()
    shown = old.json("memory", "show", "--json")
    texts = {row["name"]: row["text"] for row in shown}
    assert texts["USER.md"].split("\n§\n") == ["Prefers metric units", "Works nights on weekdays", "Vive en València · 日本"]
    assert texts["MEMORY.md"].split("\n§\n")[1] == "user keeps invoices in ~/papers"
    assert len(old.json("sessions", "list", "--json")) == 3
    prompt = old.run("chat", "--explain-prompt", "hello").stdout
    assert "Works nights on weekdays" in prompt and "alpi-meta" not in prompt and "Short answers." in prompt
    assert old.json("chat", "--explain-prompt", "hello", "--json")["request_bytes"] <= 8192


def test_a_turn_writes_what_is_its_own_alone(old):
    old.start()
    answer = old.ask("hello")
    assert answer["reply"] == "hello"
    old.run("daemon", "stop")
    assert changed(old) == {"logs/ledger.json", "logs/runs.jsonl"}
    now = files(old.path)
    assert now["logs/runs.jsonl"].startswith(old.before["logs/runs.jsonl"])
    ledger = now["logs/ledger.json"]
    for kept in (b'"2026-05-09":{"tokens":10,"tokens_in":7,"tokens_out":3,"usd":1e-05}', b'"usd":0.30000000000000004', b'"later":{"x":1.0}'):
        assert kept in ledger


def test_a_setting_changes_its_own_lines_alone(old):
    old.start()
    old.run("config", "set", "budget.daily_usd", "3", check=False)
    old.run("setup", "--model", "fake/text")
    old.run("daemon", "stop")
    assert changed(old) <= {"config.yaml"}
    text = (old.path / "config.yaml").read_text()
    for kept in ("a_key_of_tomorrow", "tiers", "accounts", "NOTES_KEY: env:NOTES_KEY", "per_result_chars: 50000", "git push"):
        assert kept in text, kept
    assert "fake/text" in text


def test_a_new_note_keeps_the_others_as_they_were(old):
    old.start()
    old.run("memory", "add", "USER.md", "Drinks tea in the morning")
    old.run("daemon", "stop")
    assert changed(old) == {"memories/USER.md", "memories/USER.md.bak"}
    before, now = old.before["memories/USER.md"].decode(), (old.path / "memories/USER.md").read_text()
    assert now.startswith(before.rstrip("\n") + "\n§\nDrinks tea in the morning\n<!-- alpi-meta conf=normal captured=")
    assert (old.path / "memories/USER.md.bak").read_text() == before
