# SPDX-License-Identifier: Apache-2.0
"""What a turn cost is in the ledger, in alpi usage, and in the refusal once the cap is reached."""
import json

import pytest

from conftest import host, wait_for

OLD = ('{"by_peer":{},"day":"2001-01-01","history":{"2000-12-31":{"tokens":9,"usd":0.1}},'
       '"odd":{"kept":[1,null]},"profile":{"tokens":4,"usd":0.25}}')


def test_looking_at_the_usage_leaves_the_ledger_as_it_was(home, provider):
    home.use(provider, "echo")
    logs = home.path / "logs"
    logs.mkdir(mode=0o700, exist_ok=True)
    (logs / "ledger.json").write_text(OLD)
    home.give(home.path)
    home.start()
    answer = home.json("usage", "--json")
    assert len(answer["days"]) == 14 and all(d["tokens"] == 0 for d in answer["days"])
    home.run("daemon", "stop")
    assert (logs / "ledger.json").read_text() == OLD


def test_usage_shows_what_a_turn_took_and_the_cap_refuses_the_next(home, provider):
    home.use(provider, "echo", more="budget: {daily_tokens: 3}\n")
    home.start()
    home.ask("hello there")
    today = home.json("usage", "--days", "2", "--json")["days"]
    assert len(today) == 2 and today[0]["tokens"] == 0 and today[1]["tokens"] >= 3
    assert today[1]["tokens"] == today[1]["tokIn"] + today[1]["tokOut"]
    ledger = home.path / "logs" / "ledger.json"
    wait_for(lambda: ledger.exists() and json.loads(ledger.read_text())["profile"]["tokens"] == today[1]["tokens"])
    refused = home.run("chat", "--once", "more", check=False)
    assert refused.returncode == 1 and "budget" in refused.stdout
    assert home.json("usage", "--json")["days"][-1]["tokens"] == today[1]["tokens"]
    crossed = [e for e in host(home, "host.events.history")["events"] if e["event"] == "budget.threshold"]
    assert [e["data"]["level"] for e in crossed] == ["100"]
    assert crossed[0]["data"]["profile"] == "default"


def test_usage_says_what_a_token_of_an_answer_costs(home, provider):
    home.use(provider, "echo", more="prices: {fake/echo: {input: 1, output: 8}}\n")
    home.start()
    assert host(home, "host.usage.daily", profile="default")["priceOut"] == pytest.approx(8e-6)


def test_usage_is_plain_in_a_pipe_and_refuses_odd_days(home, provider):
    home.use(provider, "echo")
    home.start()
    home.ask("hello there")
    text = home.run("usage").stdout
    assert "█" in text and "\033" not in text
    for days in ("0", "32", "x", "-1"):
        assert home.run("usage", "--days", days, check=False).returncode == 2


def test_a_kill_right_after_the_answer_forgets_no_charge(home, provider):
    home.use(provider, "echo")
    home.start()
    home.ask("hello")
    one = home.json("usage", "--json")["days"][-1]["tokens"]
    assert one > 0
    for turn in range(2, 6):          # a fifth death within a minute would be the last
        home.ask("hello")
        home.kill("default/engined")
        home.ready("default/engined")
        assert home.json("usage", "--json")["days"][-1]["tokens"] == turn * one
