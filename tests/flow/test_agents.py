# SPDX-License-Identifier: Apache-2.0
"""Sub-agents: research and delegate as turns of their own (tools.md, 8), and what becomes of them when engined dies."""
import json
import os
import signal
import time

import pytest

from conftest import host, wait_for
from test_chat_tool import call, script
from test_hostd import send, until

KILLS = int(os.environ.get("ALPI_KILLS", "20"))


def tool(answer, name):
    [row] = [t for t in answer["tools"] if t["name"] == name]
    return row


def with_one(home, name, **args):
    """A turn whose model makes one call of a sub-agent tool and then ends."""
    return home.ask(script({"calls": [call(name, **args)]}, {"text": "the parent's end"}))


@pytest.fixture
def ready(home, provider):
    home.use(provider, "script")
    home.start()
    return home


def test_research_reports_and_knows_nothing_of_the_conversation(ready, provider):
    brief = script({"text": "the report"})
    answer = with_one(ready, "research", brief=brief, depth="quick")
    assert answer["reply"] == "the parent's end"
    row = tool(answer, "research")
    assert row["ok"] and row["output"] == "the report"
    [session] = ready.sessions().values()
    assert len(session["turns"]) == 1           # the child is no conversation of its own
    assert session["input_tokens"] == answer["usage"]["tokens_in"]
    assert provider.stats()["requests"] == 3


def test_what_a_child_used_counts_for_the_turn(ready):
    alone = ready.ask(script({"text": "x"}))["usage"]["tokens_out"]
    answer = with_one(ready, "research", brief=script({"text": "report"}))
    assert answer["usage"]["tokens_out"] == 3 * alone


def test_delegates_run_side_by_side_each_with_its_own_part(ready):
    tasks = [{"goal": script({"calls": [call("write_file", path=f"part{i}", content=f"part {i}")]}, {"text": f"wrote {i}"})}
             for i in (1, 2, 3)]
    answer = with_one(ready, "delegate", tasks=tasks)
    assert tool(answer, "delegate")["output"] == "\n\n---\n\n".join(f"## Task {i}: wrote {i}" for i in (1, 2, 3))
    assert [(ready.workspace / f"part{i}").read_text() for i in (1, 2, 3)] == [f"part {i}" for i in (1, 2, 3)]


@pytest.mark.parametrize("name,args", [
    ("terminal", {"command": "touch no"}), ("delegate", {"goal": "x"}), ("todo", {"action": "list"}),
    ("ask_user", {"question": "x"}), ("load_tools", {"names": ["terminal"]})])
def test_a_call_outside_the_toolset_is_an_error_and_not_carried_out(ready, provider, name, args):
    goal = script({"calls": [call(name, **args)]}, {"text": "the end"})
    answer = with_one(ready, "delegate", goal=goal, toolsets=["file"])
    assert tool(answer, "delegate")["output"] == "the end"
    assert not (ready.workspace / "no").exists()


@pytest.mark.parametrize("name,args,why", [
    ("research", {}, "brief"), ("research", {"brief": "x", "depth": "bottomless"}, "depth"),
    ("delegate", {"goal": "x", "toolsets": ["keys"]}, "toolsets"), ("delegate", {"goal": "x", "toolsets": []}, "toolsets"),
    ("delegate", {"tasks": []}, "tasks"), ("delegate", {"tasks": [{"goal": "x"}] * 4}, "tasks"),
    ("delegate", {"tasks": [{"goal": "x"}, {}]}, "goal")])
def test_arguments_that_make_no_sense_begin_nothing(ready, provider, name, args, why):
    before = provider.stats()["requests"]
    row = tool(with_one(ready, name, **args), name)
    assert not row["ok"] and why in row["output"]
    assert provider.stats()["requests"] == before + 2


def test_the_profile_may_deny_a_tool_to_children_too(home, provider):
    home.use(provider, "script", more="tools: {deny: [write_file]}\n")
    home.start()
    goal = script({"calls": [call("write_file", path="no", content="x")]}, {"text": "tried"})
    assert tool(with_one(home, "delegate", goal=goal), "delegate")["output"] == "tried"
    assert not (home.workspace / "no").exists()


def test_an_interrupt_stops_the_children(ready):
    goal = script({"calls": [call("terminal", command="touch began; sleep 600")]}, {"text": "never"})
    text = script({"calls": [call("delegate", goal=goal, toolsets=["terminal"])]}, {"text": "never"})
    stream = send(ready, text, "cut", interactive=False)
    until(stream, "tool_start")
    wait_for(lambda: (ready.workspace / "began").exists(), "the command to begin")
    assert host(ready, "host.chat.cancel", request_id="cut") == {"cancelled": True}
    frames = until(stream, "done")
    assert any(f["event"] == "interrupted" for f in frames)
    [end] = [f for f in frames if f["event"] == "tool_end"]
    assert "[interrupted before it was finished]" in end["output"]


def effect(i, k):
    return call("terminal", command=f"echo {i}.{k} >> effects; sleep 0.02")


def test_a_batch_survives_the_death_of_engined_and_runs_nothing_twice(ready):
    ready.ask(script({"text": "warm"}))
    for i in range(KILLS):
        ready.run("daemon", "restart", "default/engined")
        tasks = [{"goal": script({"calls": [effect(i, 2 * k)]}, {"calls": [effect(i, 2 * k + 1)]}, {"text": f"did {k}"}, delay=2),
                  "toolsets": ["terminal"]} for k in range(3)]
        victim = ready.pid("default/engined")
        asked = ready.popen("chat", "--once", script({"calls": [call("delegate", tasks=tasks)]}, {"text": f"end {i}"}), "--json")
        time.sleep(0.6 * i / KILLS)     # the moment of the kill is the experiment, not something to wait for
        os.kill(victim, signal.SIGKILL)
        out, err = asked.communicate()
        answer = json.loads(out)
        assert answer["reply"] == f"end {i}", f"{answer} {err}\n{ready.log()}"
        done = (ready.workspace / "effects").read_text().split()
        for k in range(6):
            times = done.count(f"{i}.{k}")
            assert times <= 1, f"{i}.{k} ran {times} times"
            assert times == 1 or "did" in tool(answer, "delegate")["output"]
        assert tool(answer, "delegate")["output"] == "\n\n---\n\n".join(f"## Task {k + 1}: did {k}" for k in range(3))
