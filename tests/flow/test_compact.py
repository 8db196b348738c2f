# SPDX-License-Identifier: Apache-2.0
"""A conversation that outgrows the model's window is folded; what that cost is paid once, whoever dies meanwhile."""
import json
import os
import signal
import urllib.request

from conftest import host, wait_for
from test_cli import Terminal
from test_hostd import send, until

MARK = "[auto-compacted summary]"


def fill(home, turns=7, size=600):
    """A conversation of so many turns; its id."""
    session = home.ask("first " + "a" * size)["session_id"]
    for i in range(turns - 1):
        home.ask(f"turn{i} " + "b" * size, "--session", session)
    return session


def rows(home):
    path = home.path / "logs" / "compaction.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def tokens(home):
    """What was used today, when it is written down: uses that come together are written together."""
    used = home.json("usage", "--json")["days"][-1]["tokens"]
    ledger = home.path / "logs" / "ledger.json"
    wait_for(lambda: ledger.exists() and json.loads(ledger.read_text())["profile"]["tokens"] == used, "the ledger to be written")
    return used


def last(provider, what="/last-stream"):
    """The newest request of a step; /last: of any kind."""
    with urllib.request.urlopen(provider.url + what) as sent:
        return json.load(sent)


def test_compact_shortens_the_conversation_and_is_charged(home, provider):
    home.use(provider, "echo")
    home.start()
    session = fill(home)
    before = tokens(home)
    answer = home.ask("/compact", "--session", session)
    assert "shortened" in answer["reply"]
    [row] = rows(home)
    assert set(row) == {"ts", "trigger", "session_id", "model", "ctx_window", "fired", "tokens_before", "tokens_after",
                        "summarized_messages", "tool_truncated"}
    assert row["trigger"] == "manual" and row["fired"] and row["session_id"] == session
    assert row["summarized_messages"] > 0
    assert "tools" not in last(provider, "/last")
    assert tokens(home) > before
    assert os.stat(home.path / "logs" / "compaction.jsonl").st_mode & 0o777 == 0o600

    home.ask("go on", "--session", session)
    texts = [m["content"] for m in last(provider)["messages"]]
    assert sum(t.startswith(MARK) for t in texts) == 1
    assert not any(t.startswith("/compact") for t in texts)


def test_a_kill_during_slash_compact_repeats_it(home, provider):
    home.use(provider, "echo")
    home.start()
    session = fill(home)
    home.use(provider, "silent")
    stream = send(home, "/compact", "c1", session_id=session)
    frames = iter(stream)
    wait_for(lambda: provider.stats()["models"].get("silent", 0) == 1, "the summary to be asked for")
    assert rows(home) == []
    home.use(provider, "echo")
    home.kill("default/engined", signal.SIGKILL)
    rest = until(frames, "done")
    stream.close()
    assert [f for f in rest if f["event"] == "reply"], rest
    [row] = rows(home)
    assert row["fired"]
    assert sum(t["user"] == "/compact" for t in home.sessions()[session]["turns"]) == 1


LONG = "and now? " + "c" * 10000        # with what was said before it is more than three quarters of 16384 tokens


def nearly_full(home, provider):
    """A conversation that the next LONG is too much for."""
    home.use(provider, "echo")
    home.start()
    session = fill(home, 6, 3300)
    assert rows(home) == []
    return session


def test_a_long_conversation_is_folded_before_the_step(home, small_provider):
    session = nearly_full(home, small_provider)
    frames = until(send(home, LONG, "l1", session_id=session), "done")
    assert [f["event"] for f in frames].count("auto_compact") == 1
    [folded] = [f for f in frames if f["event"] == "auto_compact"]
    assert folded["tokens_after"] < folded["tokens_before"] and "shortened" in folded["text"]
    [row] = rows(home)
    assert row["trigger"] == "auto" and row["fired"] and row["ctx_window"] == 16384
    assert row["tokens_before"] > 0.75 * 16384 and row["tokens_after"] == folded["tokens_after"]
    texts = [m["content"] for m in last(small_provider)["messages"]]
    assert sum(t.startswith(MARK) for t in texts) == 1 and texts[-1] == LONG
    assert texts[1].startswith("first aaa") and len(texts) < 2 * 6 + 3
    assert len(home.sessions()[session]["turns"]) == 7       # the file keeps every word
    assert all(t["user"] for t in home.sessions()[session]["turns"])


def test_a_summary_that_fails_leaves_the_turn_as_it_was(home, small_provider):
    session = nearly_full(home, small_provider)
    home.use(small_provider, "fold-refused")
    frames = until(send(home, LONG, "l1", session_id=session), "done")
    assert [f["text"] for f in frames if f["event"] == "reply"] == [LONG]
    assert not [f for f in frames if f["event"] in ("auto_compact", "error")]
    [row] = rows(home)
    assert not row["fired"] and row["tokens_before"] == row["tokens_after"] and row["summarized_messages"] == 0
    assert len(last(small_provider)["messages"]) == 1 + 2 * 6 + 2
    assert small_provider.stats()["models"]["fold-refused"] == 2


def test_slash_compact_that_fails_says_why(home, provider):
    home.use(provider, "echo")
    home.start()
    session = fill(home)
    home.use(provider, "fold-refused")
    refused = home.run("chat", "--once", "/compact", "--session", session, check=False)
    assert refused.returncode == 1 and "no summaries here" in refused.stdout + refused.stderr
    home.use(provider, "echo")
    home.ask("go on", "--session", session)
    assert not any(m["content"].startswith(MARK) for m in last(provider)["messages"])


def test_slash_compact_at_the_prompt(home, provider):
    home.use(provider, "echo")
    home.start()
    session = fill(home)
    terminal = Terminal(home, "chat", "--session", session, NO_COLOR="1")
    terminal.until("› ")
    terminal.seen = ""
    terminal.type("/compact\n")
    terminal.until("The conversation was shortened")
    terminal.until(" out · ")
    terminal.until("\r\n› ")
    terminal.type("/exit\n")
    assert terminal.end() == 0
    assert [row["trigger"] for row in rows(home)] == ["manual"]


def test_an_interrupt_stops_the_folding(home, small_provider):
    session = nearly_full(home, small_provider)
    home.use(small_provider, "fold-silent")
    stream = send(home, LONG, "l1", session_id=session)
    wait_for(lambda: small_provider.stats()["models"].get("fold-silent", 0) == 1, "the summary to be asked for")
    before = tokens(home)
    assert host(home, "host.chat.cancel", request_id="l1") == {"cancelled": True}
    frames = until(stream, "done")
    stream.close()
    assert frames[-2]["event"] == "interrupted" and not [f for f in frames if f["event"] == "reply"]
    wait_for(lambda: small_provider.stats()["open"] == 0, "the connection to be closed")
    assert rows(home) == [] and tokens(home) == before
    home.use(small_provider, "echo")
    assert home.ask("go on", "--session", session)["reply"] == "go on"


def test_a_kill_while_the_summary_is_written_asks_again_and_pays_once(home, small_provider):
    session = nearly_full(home, small_provider)
    before = tokens(home)
    home.use(small_provider, "fold-silent")
    stream = send(home, LONG, "l1", session_id=session)
    wait_for(lambda: small_provider.stats()["models"].get("fold-silent", 0) == 1, "the summary to be asked for")
    assert rows(home) == []
    home.use(small_provider, "fold-only")
    home.kill("default/engined", signal.SIGKILL)
    wait_for(lambda: small_provider.stats()["models"].get("fold-only", 0) == 2, "the step to be asked for")
    [row] = rows(home)
    assert row["fired"] and tokens(home) == before + SUMMARY
    host(home, "host.chat.cancel", request_id="l1")
    until(stream, "done")
    stream.close()


SUMMARY = 120 + 7       # tokens that the fake provider says a summary took


def test_a_kill_after_the_summary_neither_asks_nor_pays_again(home, small_provider):
    session = nearly_full(home, small_provider)
    before = tokens(home)
    home.use(small_provider, "fold-only")
    stream = send(home, LONG, "l1", session_id=session)
    wait_for(lambda: small_provider.stats()["models"].get("fold-only", 0) == 2, "the step to be asked for")
    assert tokens(home) == before + SUMMARY
    home.use(small_provider, "fold-refused")
    home.kill("default/engined", signal.SIGKILL)
    frames = until(stream, "done")
    stream.close()
    assert [f["text"] for f in frames if f["event"] == "reply"] == [LONG]
    assert small_provider.stats()["models"]["fold-refused"] == 1      # the step; no summary, and no candidates: that was forgotten
    texts = [m["content"] for m in last(small_provider)["messages"]]
    assert texts[3].startswith(MARK) and "what was said so far" in texts[3] and texts[-1] == LONG
    assert len(rows(home)) == 1 and tokens(home) == before + 2 * SUMMARY


def test_the_offline_rules_do_not_replace_a_conversation(home, provider):
    home.use(provider, "echo")
    home.start()
    session = fill(home)
    home.config(f"model: offline/rules\nworkspace: {home.workspace}\n")
    home.run("daemon", "reload")
    refused = home.run("chat", "--once", "/compact", "--session", session, check=False)
    assert refused.returncode == 1 and "offline" in refused.stdout + refused.stderr
    [row] = rows(home)
    assert not row["fired"] and row["tokens_before"] == row["tokens_after"]
    home.ask("hello", "--session", session)
