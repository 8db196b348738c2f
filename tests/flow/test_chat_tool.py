# SPDX-License-Identifier: Apache-2.0
"""Journey 1: a chat turn with tools, from the command to the provider and back (issue: "Done when", 2)."""
import json
import os
import urllib.request

import pytest

from conftest import HostStream, host


def script(*steps, **words):
    """A message whose steps the fake provider's model `script` follows; words like delay=5 go in front."""
    return " ".join(f"{k}={v}" for k, v in words.items()) + " " + json.dumps({"steps": list(steps)})


def call(name, **arguments):
    return {"name": name, "arguments": arguments}


def outputs(answer):
    return [tool.get("output", "") for tool in answer["tools"]]


def printed(answer):
    """What each command wrote to its standard output, without the line that tells its exit status."""
    return [text.rsplit("[exit ", 1)[0].strip() for text in outputs(answer)]


def test_text_comes_back_and_is_kept(any_user_home, provider):
    home = any_user_home
    home.use(provider)
    home.start()
    done = home.run("chat", "--once", "n=6")
    assert len(done.stdout.split()) == 6
    [session] = home.sessions().values()
    assert session["schema_version"] == 2
    assert session["turns"][0]["assistant"].strip() == done.stdout.strip()
    assert provider.stats()["requests"] == 1


def test_a_tool_call_runs_in_the_workspace(any_user_home, provider):
    home = any_user_home
    home.use(provider, "script")
    home.start()
    answer = home.ask(script(
        {"text": "Let me look. ", "calls": [call("terminal", command="pwd; echo made > made.txt; id -u")]},
        {"text": "It is done."}))
    assert answer["reply"].endswith("It is done.")
    assert str(home.workspace) in outputs(answer)[0]
    assert (home.workspace / "made.txt").read_text() == "made\n"
    assert (home.workspace / "made.txt").stat().st_uid == (home.uid or os.getuid())


def test_five_calls_of_one_answer_all_run(home, provider):
    home.use(provider, "five-tools")
    home.start()
    answer = home.ask("go")
    assert printed(answer) == ["0", "1", "2", "3", "4"]
    assert all(tool["ok"] for tool in answer["tools"])
    assert provider.stats()["requests"] == 2


@pytest.mark.parametrize("model", [
    "calls-no-index", "calls-same-index", "calls-no-id", "calls-bare", "calls-object"])
def test_calls_of_careless_servers_all_run(home, provider, model):
    home.use(provider, model)
    home.start()
    answer = home.ask("go")
    assert printed(answer) == ["0", "1", "2", "3", "4"]


def test_three_steps_follow_each_other(home, provider):
    home.use(provider, "steps")
    home.start()
    answer = home.ask("n=3")
    assert printed(answer) == ["step 1", "step 2", "step 3"]
    assert provider.stats()["requests"] == 4


def test_characters_split_across_packets_come_out_whole(home, provider):
    home.use(provider, "utf8")
    home.start()
    assert home.run("chat", "--once", "x").stdout.strip() == "Grüße aus Zürich, 日本語, 🙂🚀 und ﷺ."


@pytest.mark.parametrize("model", ["crlf", "cr", "odd-events"])
def test_streams_in_any_legal_form_are_read(home, provider, model):
    home.use(provider, model)
    home.start()
    assert home.run("chat", "--once", "x").stdout.strip() == "odd events"


def test_an_error_in_mid_stream_fails_the_turn_after_its_text(home, provider):
    home.use(provider, "error-mid")
    home.start()
    done = home.run("chat", "--once", "n=5", check=False)
    assert done.returncode == 1
    assert "[error]" in done.stdout
    stream = HostStream(home, "host.chat.send", profile="default", text="n=5", request_id="mid", interactive=False)
    frames = [frame for frame in stream if frame["event"] != "heartbeat"]
    stream.close()
    said = "".join(frame.get("text", "") for frame in frames if frame["event"] == "assistant_delta")
    assert len(said.split()) == 5, frames
    events = [frame["event"] for frame in frames]
    assert "assistant_delta" not in events[events.index("error"):] and events[-1] == "done", events
    done = home.run("chat", "--once", "n=5", "--emit-events", check=False)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert [row["kind"] for row in rows][-2:] == ["error", "reply"]
    assert done.returncode == 1


def test_a_429_is_repeated_and_succeeds(home, provider):
    home.use(provider, "retry")
    home.start()
    answer = home.ask("times=1 after=0")
    assert answer["reply"] and "error" not in answer
    assert provider.stats()["requests"] == 2


def test_a_server_that_keeps_refusing_is_given_up(home, provider):
    home.use(provider, "retry")
    home.start()
    done = home.run("chat", "--once", "times=9 after=0", check=False)
    assert done.returncode == 1
    assert "slow down" in done.stdout + done.stderr
    assert provider.stats()["requests"] == 3


@pytest.mark.parametrize("model,words", [
    ("error-json", "overloaded"), ("error-html", "Bad Gateway"), ("error-text", "upstream says no"),
    ("cut", ""), ("drop", ""), ("error-page", "")])
def test_a_failing_server_is_one_readable_line(home, provider, model, words):
    home.use(provider, model)
    home.start()
    done = home.run("chat", "--once", "status=400", check=False)
    assert done.returncode == 1
    error = [line for line in done.stdout.splitlines() if line.startswith("[error]")]
    assert len(error) == 1 and words in error[0] and "<html" not in error[0]


def test_an_unknown_tool_is_told_to_the_model_with_what_there_is(home, provider):
    home.use(provider, "unknown-tool")
    home.start()
    answer = home.ask("go")
    assert not answer["tools"][0]["ok"]
    assert "read_file" in outputs(answer)[0]
    assert answer["reply"]


def test_huge_arguments_cost_one_call_and_not_the_turn(home, provider):
    home.use(provider, "huge-arguments")
    home.start()
    answer = home.ask("mb=10")
    assert [tool["ok"] for tool in answer["tools"]] == [False, True]


def test_a_model_that_never_stops_is_stopped(home, provider):
    home.use(provider, "endless")
    home.start()
    done = home.run("chat", "--once", "x", check=False)
    assert done.returncode == 1
    assert home.ask("x", check=False)["error"]


def test_the_step_ceiling_ends_with_a_wrap_up(home, provider):
    home.use(provider, "steps", more="tools: {max_steps_per_turn: 3}\n")
    home.start()
    answer = home.ask("n=50", check=False)      # this model goes on asking for tools, so there is no summary
    assert len(answer["tools"]) == 3
    assert provider.stats()["requests"] == 4
    assert "max steps" in answer["error"]


def test_a_continued_session_replays_what_was_said(home, provider):
    home.use(provider, "echo")
    home.start()
    first = home.ask("remember the word marigold")
    second = home.ask("and now", "-c")
    assert second["session_id"] == first["session_id"]
    with urllib.request.urlopen(provider.url + "/last") as answer:
        body = json.load(answer)
    assert any("marigold" in str(m["content"]) for m in body["messages"] if m["role"] == "user")
    [session] = home.sessions().values()
    assert len(session["turns"]) == 2


def test_nothing_is_kept_when_asked(home, provider):
    home.use(provider)
    home.start()
    home.run("chat", "--once", "x", "--no-save")
    assert home.sessions() == {}


def test_text_may_come_from_standard_input(home, provider):
    home.use(provider, "echo")
    home.start()
    assert home.run("chat", "--once", "-", input="from a pipe: ü").stdout.strip() == "from a pipe: ü"


def test_the_request_for_hello_is_small(home, provider):
    home.use(provider)
    home.start()
    home.run("chat", "--once", "hello")
    with urllib.request.urlopen(provider.url + "/last") as answer:
        body = answer.read()
    assert len(body) <= 8192
    names = [tool["function"]["name"] for tool in json.loads(body)["tools"]]
    assert {"read_file", "write_file", "edit_file", "search", "terminal"} <= set(names)
    explained = home.json("chat", "--explain-prompt", "hello", "--json")
    assert abs(explained["request_bytes"] - len(body)) <= 64       # the clock may have moved on


def test_a_profile_is_a_home_of_its_own(home, provider):
    home.use(provider)
    home.use(provider, "echo", profile="work")
    home.start()
    home.ready("work/engined")
    assert home.run("chat", "--once", "mine", "-p", "work").stdout.strip() == "mine"
    assert home.sessions() == {} and len(home.sessions("work")) == 1


def test_offline_needs_no_key_and_says_what_it_is(home):
    home.config(f"model: offline/rules\nworkspace: {home.workspace}\n")
    home.start()
    assert "no" in home.run("chat", "--once", "who are you?").stdout.lower()
    answer = home.ask("run uname -s")
    assert "Linux" in outputs(answer)[0]
    (home.workspace / "a.txt").write_text("needle\n")
    home.give(home.workspace)
    assert "needle" in outputs(home.ask("read a.txt"))[0]
    assert "a.txt" in outputs(home.ask("search needle"))[0]


def test_no_model_is_an_error_that_names_the_way_out(home):
    home.config("model: ''\n")
    home.start()
    done = home.run("chat", "--once", "hi", check=False)
    assert done.returncode == 1
    assert "alpi setup" in done.stdout + done.stderr


def test_a_missing_key_is_named(home):
    home.config("model: openai/gpt-5.5\n")
    home.start()
    done = home.run("chat", "--once", "hi", check=False)
    assert done.returncode == 1
    assert "OPENAI_API_KEY" in done.stdout + done.stderr


def test_a_repeated_request_is_the_same_turn(home, provider):
    home.use(provider)
    home.start()
    for _ in range(2):
        stream = HostStream(home, "host.chat.send", profile="default", text="n=4", request_id="once", interactive=False)
        frames = [frame for frame in stream if frame["event"] != "heartbeat"]
        stream.close()
        assert frames[0]["event"] == "session_start" and frames[-1]["event"] == "done"
    assert provider.stats()["requests"] == 1
    assert host(home, "host.sessions.list", profile="default")["sessions"][0]["turns"] == 1


def test_the_model_can_read_the_documentation_of_alpi(home, provider):
    home.use(provider, "script")
    home.start()
    answer = home.ask(script({"calls": [call("alpi_knowledge", action="view", topic="security")]}, {"text": "read"}))
    assert answer["reply"] == "read" and "sandbox" in answer["tools"][0]["output"]
