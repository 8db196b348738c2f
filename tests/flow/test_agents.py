# SPDX-License-Identifier: Apache-2.0
"""Sub-agents: research and delegate as turns of their own (tools.md, 8), and what becomes of them when engined dies."""
import json
import os
import signal

import pytest

from conftest import host, wait_for
from test_chat_tool import call, script
from test_hostd import send, until

ROUNDS = int(os.environ.get("ALPI_KILLS", "24"))     # enough of them, and engined has died behind every commit of a batch


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


# ---- the death of engined at every step of a batch -----------------------------------------------------------------

def batch(i):
    """Three delegates, two effects each; the text at the end says how many outcomes its model was not told."""
    def effect(k):
        return call("terminal", command=f"echo {i}.{k} >> effects; sleep 0.02")
    tasks = [{"goal": script({"calls": [effect(2 * k)]}, {"calls": [effect(2 * k + 1)]}, {"text": f"did {k}, unknown:", "count": "outcome unknown"}),
              "toolsets": ["terminal"]} for k in range(3)]
    return script({"calls": [call("delegate", tasks=tasks)]}, {"text": f"end {i}"})


class Commits:
    """How often engined has written something down of its turns: the commits in the journal's log (sqlite.org/walformat.html)."""

    def __init__(self, home):
        self.path = home.path / "sessions" / "_journal.sqlite-wal"
        self.salt, self.at, self.log, self.before = None, 32, 0, 0
        self.before = self()

    def __call__(self):
        """Since it was made."""
        try:
            with open(self.path, "rb", buffering=0) as log:
                salt = os.pread(log.fileno(), 8, 16)
                if salt != self.salt:       # it begins anew, and so does what is read
                    self.salt, self.at = salt, 32
                while (frame := os.pread(log.fileno(), 16, self.at))[8:] == salt and len(frame) == 16:
                    self.log += frame[4:8] != bytes(4)
                    self.at += 24 + 4096
        except FileNotFoundError:
            pass
        return self.log - self.before


def effects(ready, i):
    file = ready.workspace / "effects"
    return [line for line in file.read_text().split() if line.startswith(f"{i}.")] if file.exists() else []


def die_when(ready, provider, i, moment, count=lambda: 1):
    """A batch in which engined is killed as soon as moment() is true; what count() says when it is dead, 0: it never was."""
    victim = ready.pid("default/engined")
    before = provider.stats()["requests"]
    os.setpriority(os.PRIO_PROCESS, victim, 19)         # that who watches is not the one who is late
    asked = ready.popen("chat", "--once", batch(i), "--json")
    while not moment() and asked.poll() is None:
        pass
    died = 0
    if asked.poll() is None:
        os.kill(victim, signal.SIGKILL)
        died = count()
    out, err = asked.communicate()
    answer = json.loads(out)
    assert answer["reply"] == f"end {i}", f"{answer} {err}\n{ready.log()}"
    done, told = effects(ready, i), 0
    assert len(done) == len(set(done)), f"twice: {done}"
    for k, part in enumerate(tool(answer, "delegate")["output"].split("\n\n---\n\n")):
        said, unknown = part.rsplit(" ", 1)
        assert said == f"## Task {k + 1}: did {k}, unknown:"
        told += int(unknown)
    assert 6 - len(done) <= told <= 3, f"{done}, {told} of them not told"      # a child makes one call at a time
    asked_again = provider.stats()["requests"] - before - 11
    assert 0 <= asked_again <= 3, "an answer that was there was paid for again"
    return died


def test_a_batch_survives_the_death_of_engined_at_every_step_and_runs_nothing_twice(ready, provider):
    ready.ask(script({"text": "warm"}))
    commits = Commits(ready)
    assert not die_when(ready, provider, 0, lambda: False)
    steps, died = commits(), set()
    assert steps > 40, "a batch has a step, a call and a result for each of eleven answers"
    for i in range(1, ROUNDS + 1):
        missing = [n for n in range(1, steps) if n not in died]
        if not missing:
            break
        ready.run("daemon", "restart", "default/engined")       # what died by our hand counts towards no limit
        commits = Commits(ready)
        pick = missing[i * 7 % len(missing)]
        died.add(die_when(ready, provider, i, lambda: commits() >= pick, commits))
    died.discard(0)
    assert len(died) > min(ROUNDS, steps) / 2, f"it died behind {sorted(died)} of {steps} commits"


@pytest.mark.parametrize("n", range(1, 7))
def test_a_batch_survives_the_death_of_engined_behind_an_effect_that_is_not_written_down(ready, provider, n):
    ready.ask(script({"text": "warm"}))
    assert die_when(ready, provider, 0, lambda: len(effects(ready, 0)) >= n)
