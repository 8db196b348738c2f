# SPDX-License-Identifier: Apache-2.0
"""Bad input, from everywhere it can come: a clear error to the one who sent it, and the rest goes on."""
import json
import os
import socket
import subprocess

import pytest

from conftest import LIBEXEC, HostStream, host, wait_for
from test_chat_tool import call, outputs, script
from test_hostd import send, text_of, until


@pytest.fixture
def home(home):
    """None of what follows may cost a unit its life."""
    yield home
    if (home.path / "service.pid").exists():
        wait_for(lambda: all(row["state"] == "ready" for row in home.units().values()), "all units")
        hurt = [row for row in home.units().values() if row["restarts"]]
        assert not hurt, f"{hurt}\n{home.log()}"


def status(home, profile="default"):
    return host(home, "host.engine.status", profile=profile)


def says(home, text, request_id, profile="default", **params):
    """What one turn answers, over the socket."""
    return text_of(until(send(home, text, request_id, profile, **params), "done"))


# ---- config.yaml ---------------------------------------------------------------------------------

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi"))

BROKEN = {
    "an open bracket": (b"model: fake/text\ntools: [\n", "line 3"),
    "a tab": (b"model: a\ntools:\n\tdeny: []\n", "line 3"),
    "a list": (b"- model\n", "keys and values"),
    "a tag": (b"model: !!python/object:os.system x\n", "line 1"),
    "an alias of nothing": (b"model: *nothing\n", "line 1"),
    "binary": (bytes(range(256)) * 16, "line 1"),
    "two megabytes": (b"a: " + b"x" * 2_000_000, "larger than"),
    "an alias bomb": (BOMB.encode(), "values"),
    "a long text, often": (b"a: &a " + b"x" * 100_000 + b"\nb: [" + b"*a," * 50_000 + b"]\n", "text"),
    "deep": (b"[" * 1_000_000, "levels"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_config_that_breaks_leaves_the_last_good_one_in_force(home, provider, name):
    data, why = BROKEN[name]
    home.use(provider, "echo")
    home.start()
    assert says(home, "before", "r1") == "before"
    config = home.path / "config.yaml"
    good = config.read_text()
    config.write_bytes(data)
    assert says(home, "still here", "r2") == "still here"
    assert why in status(home)["config_error"]
    assert str(config) in status(home)["config_error"]
    doctor = home.run("doctor", check=False)
    assert doctor.returncode != 0 and why in doctor.stdout, doctor.stdout
    assert home.run("chat", "--once", "the command too").stdout.strip() == "the command too"
    refused = host(home, "host.config.set_field", profile="default", key="model", value="x/y")
    assert why in refused["error"]["data"]["detail"]
    assert config.read_bytes() == data, "nobody writes over what a person has to mend"
    config.write_text(good.replace("fake/echo", "fake/text"))
    assert says(home, "n=2", "r3").split() == ["word0", "word1"]
    assert not status(home).get("config_error")


@pytest.mark.parametrize("name", BROKEN)
def test_a_config_that_is_broken_at_the_start_disturbs_only_its_profile(home, provider, name):
    data, why = BROKEN[name]
    home.use(provider, "echo", profile="work")
    home.config("")
    (home.path / "config.yaml").write_bytes(data)
    home.start()
    home.ready("work/engined")
    assert says(home, "other profiles", "r1", profile="work") == "other profiles"
    done = home.run("chat", "--once", "hello", check=False)
    assert done.returncode == 1
    assert why in done.stdout + done.stderr, done.stderr
    assert why in home.run("doctor", check=False).stdout
    home.use(provider, "echo")
    assert says(home, "mended", "r2") == "mended"


def test_another_profiles_broken_config_disturbs_nobody(home, provider):
    home.use(provider, "echo")
    home.use(provider, "echo", profile="work")
    home.start()
    home.ready("work/engined")
    home.config("model: [\n", profile="work")
    assert says(home, "mine", "r1") == "mine"
    assert says(home, "the last good one", "r2", profile="work") == "the last good one"
    home.config("model: [\n", profile="fresh")
    home.ready("fresh/engined")
    assert "line 2" in status(home, "fresh")["config_error"]
    assert says(home, "mine", "r3") == "mine"


def test_values_of_the_wrong_type_count_as_not_set(home, provider):
    wrong = "{a: [1, {b: c}]}"
    keys = ("tools", "runtime", "budget", "memory", "tui", "mcp", "gateway", "alp", "host", "network", "service",
            "sandbox", "fallback_models", "model_reasoning", "public_bio", "paused")
    home.config(f"model: fake/echo\nworkspace: {home.workspace}\n"
                f"providers: {{ollama: [7, [], {{name: 3}}, {{name: fake, url: '{provider.url}'}}, {{url: []}}]}}\n"
                + "".join(f"{key}: {value}\n" for key, value in zip(keys, [wrong, "[]", "7", "'x'", "null"] * 4)))
    home.start()
    assert says(home, "on", "r1") == "on"
    home.config(f"model: [1]\nworkspace: 7\nproviders: 'x'\ntools: {{terminal: 3, budget: [], deny: {{}}}}\n"
                "sandbox: {read: 3, write: {a: b}, network: [1], allow_missing: 'all'}\n")
    frames = until(send(home, "x", "r2"), "done")
    assert "alpi setup" in next(f for f in frames if f["event"] == "error")["text"]


# ---- .env ------------------------------------------------------------------------------------------

@pytest.mark.parametrize("data, found", [
    (bytes(range(256)) * 100 + b"\nOPENAI_API_KEY=sk-1\n", True),
    (b"JUNK=" + b"x" * 10_000_000 + b"\nOPENAI_API_KEY=sk-1\n", False),
    (b"A=1\nOPENAI_API_KEY=sk-1", True),
    (b"\0" * 5000, False),
    (b"=\n==\n=x\nOPENAI_API_KEY\n#OPENAI_API_KEY=1\n", False),
    (b"OPENAI_API_KEY=sk\0x\n", False),
    (b"OPENAI_API_KEY=" + b"k" * 40_000 + b"\n", False),
], ids=["binary", "a line of ten megabytes", "no newline at the end", "zeros", "no values", "a zero", "a long key"])
def test_a_broken_env_costs_at_most_its_own_lines(home, provider, data, found):
    home.config("model: openai/gpt-5.5\n")
    (home.path / ".env").write_bytes(data)
    home.give(home.path)
    home.start()
    assert (status(home).get("missing_key") is None) == found
    assert host(home, "host.version")["agent_name"] == "alpi"
    home.use(provider, "echo")
    assert says(home, "chats go on", "r1") == "chats go on"


# ---- session files -----------------------------------------------------------------------------------

def good_session(name, **more):
    return {"schema_version": 2, "id": name, "model": "m", "started_at": 1.0, "elapsed": 0.0, "input_tokens": 0,
            "output_tokens": 0, "cost_usd": 0.0, "last_ctx_tokens": 0,
            "turns": [{"at": 1.0, "user": "u", "assistant": "a", "tools": []}], **more}


def put_session(home, name, data):
    path = home.path / "sessions" / f"{name}.json"
    path.write_bytes(data if isinstance(data, bytes) else json.dumps(data).encode())
    home.give(home.path)
    return path


UNREADABLE = {
    "empty": b"",
    "garbage": bytes(range(256)) * 50,
    "truncated": json.dumps(good_session("x")).encode()[:-20],
    "list": b"[1, 2]",
    "number": b"7",
    "turns": json.dumps(good_session("x", turns={"a": 1})).encode(),
    "turn": json.dumps(good_session("x", turns=[1, "x"])).encode(),
    "deep": b'{"turns": ' + b"[" * 100_000,
    "deep_and_closed": b'{"turns": [], "x": ' + b"[" * 5000 + b"]" * 5000 + b"}",
    "zeros": b"\0" * 4096,
    "utf8": b'{"turns": [{"user": "\xff\xfe"}]}',
}


def test_a_session_that_cannot_be_read_is_named_and_left_alone(home, provider):
    home.use(provider, "echo")
    home.start()
    good = home.ask("good")["session_id"]
    paths = {name: put_session(home, name, data) for name, data in UNREADABLE.items()}
    paths["folder"] = home.path / "sessions" / "folder.json"
    paths["folder"].mkdir()
    paths["pipe"] = home.path / "sessions" / "pipe.json"
    os.mkfifo(paths["pipe"])
    paths["nowhere"] = home.path / "sessions" / "nowhere.json"
    paths["nowhere"].symlink_to("/nonexistent")
    paths["huge"] = home.path / "sessions" / "huge.json"
    with open(paths["huge"], "wb") as f:
        f.write(b'{"turns": [')
        f.truncate(100 * 1024 * 1024)
    home.give(home.path)
    paths["locked"] = put_session(home, "locked", good_session("locked"))
    paths["locked"].chmod(0)
    for name, path in paths.items():
        if name == "locked" and os.getuid() == 0 and home.uid is None:
            continue
        for way in (("chat", "--once", "x", "--session", name), ):
            done = home.run(*way, check=False)
            assert done.returncode == 1, (name, done.stdout)
            assert name in done.stderr + done.stdout, (name, done.stderr)
        assert "error" in host(home, "host.session.read", profile="default", id=name), name
        sent = host(home, "host.chat.send", profile="default", text="x", request_id=f"r-{name}", session_id=name)
        assert "error" in sent or sent["event"] == "error", (name, sent)
        if name in UNREADABLE:
            assert path.read_bytes() == UNREADABLE[name], name
    listed = {row["id"] for row in host(home, "host.sessions.list", profile="default")["sessions"]}
    assert good in listed and not listed & set(paths), listed
    assert home.ask("again", "--session", good)["session_id"] == good
    assert home.ask("anew")["reply"] == "anew"
    assert home.ask("and on", "-c")["reply"] == "and on"
    gone = host(home, "host.sessions.delete", profile="default", ids=["garbage", "folder", "../x", "huge"])
    assert set(gone["deleted"]) == {"garbage", "huge"} and len(gone["errors"]) == 2, gone


WRONG = [None, True, 7, -1, 1e300, "", "x" * 10_000, [], [[]], {}, {"a": [1]}]


def test_a_session_whose_fields_have_wrong_types_opens_or_says_why(home, provider):
    home.use(provider, "echo")
    home.start()
    home.ask("first")
    fields = [key for key in good_session("x") if key != "turns"]
    inner = ["at", "user", "assistant", "tools", "attachments", "output_attachments", "reasoning", "ended_at"]
    sessions = {}
    for n, value in enumerate(WRONG):
        sessions[f"all{n}"] = {**{key: value for key in fields}, "turns": [{key: value for key in inner}] * 2}
        sessions[f"rows{n}"] = good_session("x", turns=[{"user": "u", "assistant": "a", "tools": [value],
                                                         "attachments": [value], "output_attachments": [value]}])
    for name, data in sessions.items():
        put_session(home, name, data)
    listed = host(home, "host.sessions.list", profile="default")["sessions"]
    assert len(listed) == len(sessions) + 1
    for name in sessions:
        assert "session" in host(home, "host.session.read", profile="default", id=name), name
        assert says(home, "go on", f"r-{name}", session_id=name) == "go on", name
        kept = json.loads((home.path / "sessions" / f"{name}.json").read_text())
        assert kept["turns"][-1]["assistant"] == "go on"
        assert kept["turns"][:-1] == sessions[name]["turns"], name


def test_damaged_side_files_are_no_obstacle(home, provider):
    home.use(provider, "echo")
    home.start()
    session = home.ask("one")["session_id"]
    for name in (f"sessions/_events_{session}.jsonl", "logs/runs.jsonl", "logs/agent.log", "logs/ledger.json",
                 "host/events.jsonl"):
        path = home.path / name
        path.write_bytes(bytes(range(256)) * 1000)
    home.give(home.path)
    assert host(home, "host.chat.events_since", profile="default", session_id=session)["events"] == []
    assert home.ask("two", "--session", session)["reply"] == "two"
    home.run("daemon", "restart")
    assert home.ask("three", "--session", session)["reply"] == "three"
    assert [t["user"] for t in home.sessions()[session]["turns"]] == ["one", "two", "three"]
