# SPDX-License-Identifier: Apache-2.0
"""kill -9 of each unit during a streaming turn with a tool call (issue: "Done when", 4)."""
import json
import os
import signal
import time

import pytest

import full
from conftest import SANITIZED, wait_for
from test_chat_tool import call, script
from test_hostd import send, until
from test_wrong_token import connect_as

TIMES = int(os.environ.get("ALPI_KILLS", "20"))
TURN_S = 0.30           # about how long the turn below takes; the kills are spread over it


def message(mark):
    """Text, a command with one visible effect, text: with a delay between deltas so that kills fall everywhere."""
    return script(
        {"text": "first a few words " * 3,
         "calls": [call("terminal", command=f"echo {mark} >> effects; sleep 0.05; echo {mark} >> ends; echo ran {mark}")]},
        {"text": f"then the end {mark}"}, delay=4)


def resources(pid):
    """Memory of its own in KiB (what it shares depends on who else runs) and open descriptors of a process; only root can look."""
    fds = len(os.listdir(f"/proc/{pid}/fd"))
    with open(f"/proc/{pid}/smaps_rollup") as f:
        own = next(int(line.split()[1]) for line in f if line.startswith("Anonymous:"))
    return own, fds


def forgive(home, unit):
    """Its deaths would soon make init back off, then call it failed; a start of one that is ready clears them."""
    with connect_as(home.path / "run/init.sock", home.uid) as s:
        s.sendall(f"start {unit}\n".encode())
        assert s.makefile().read() == "ok\n"


def measured(home, killed):
    """Unit, or init, to its resources, of all that were not killed."""
    if os.getuid() != 0:
        return {}
    found = home.json("daemon", "status", "--json")
    pids = {"init": found["pid"], **{row["unit"]: row["pid"] for row in found["units"]}}
    assert set(pids) == {"init", *full.UNITS}
    return {name: resources(pid) for name, pid in pids.items() if name not in killed}


def effects(home, mark, file="effects"):
    path = home.workspace / file
    return path.read_text().split().count(mark) if path.exists() else 0


def in_tool(home, mark):
    """The command has begun and not ended: tool_start was before, tool_end will be later."""
    return effects(home, mark) == 1 and effects(home, mark, "ends") == 0


def turn_with_kills(home, units, mark, after_s, child=None):
    """Start a turn, kill units (or the child of one) after a while, or while the tool runs if that is None; the turn's answer, and
    was it in the tool."""
    victims = [home.pid(unit) for unit in units]
    asked = home.popen("chat", "--once", message(mark), "--json")
    if after_s is None:
        wait_for(lambda: effects(home, mark), "the command to begin")
    else:
        time.sleep(after_s)         # the moment of the kill is the experiment, not something to wait for
    inside = in_tool(home, mark)
    for victim in victims if child is None else [child]:
        os.kill(victim, signal.SIGKILL)
    out, err = asked.communicate()
    for unit, victim in zip(units, victims):
        home.ready(unit, not_pid=victim)
    assert out, f"{units} killed after {after_s}: {err}\n{home.log()}"
    return json.loads(out), inside


def right_or_unknown(home, mark, reply, tools):
    """Done when, 4: the right text; the one call told as it was, or its outcome unknown; nothing twice. Was it told?"""
    said = f"{mark}: {reply} {tools}"
    assert reply.endswith(f"then the end {mark}"), f"{said}\n{home.log()}"
    assert effects(home, mark) <= 1, f"ran twice: {said}"
    ran = [t for t in tools if t.get("ok")]
    if ran:
        assert effects(home, mark) == 1, said
        assert f"ran {mark}" in ran[-1]["output"], said
    else:
        assert "outcome unknown" in json.dumps(tools), said
    return bool(ran)


@pytest.fixture
def everyone(home, provider):
    """A home with every daemon."""
    bot = full.start_all(home, provider)
    home.ask(message("warm"))
    yield home
    bot.close()


PARTS = (["default/toolrunner"], ["default/engined"], ["default/hostd"])    # whom such a turn needs
REST = [unit for unit in full.UNITS if [unit] not in PARTS]


@pytest.mark.parametrize("units", [*PARTS, REST], ids=" ".join)
def test_a_turn_survives_the_death_of_a_unit(everyone, units):
    home, before, inside = everyone, {}, 0
    for i in range(TIMES):
        for unit in units:
            forgive(home, unit)
        if i == min(4, TIMES - 1):      # the first kills settle what is made once
            before = measured(home, units)
        mark = f"m{i}"
        answer, hit = turn_with_kills(home, units, mark, None if i % 5 == 2 else TURN_S * i / TIMES)
        inside += hit
        told = right_or_unknown(home, mark, answer["reply"], answer["tools"])
        assert told or units != REST, f"{units} have no part in it: {answer}"
    assert inside, "no kill fell between tool_start and tool_end"
    print(f"kills of {' '.join(units)}: {TIMES}, {inside} in the tool")
    for name, (own, fds) in measured(home, units).items():
        assert fds <= before[name][1] + 4, f"{name} keeps descriptors: {before[name]} -> {(own, fds)}"
        assert SANITIZED or own <= before[name][0] * 1.1 + 256, f"{name} grows: {before[name]} -> {(own, fds)}"
    turns = [t for s in home.sessions().values() for t in s["turns"]]
    for i in range(TIMES):
        assert sum(t["assistant"].endswith(f"then the end m{i}") for t in turns) == 1, f"m{i} is kept once"


CHILDREN = {"default/toolrunner": "alpi-launcher", "default/hostd": "alpi-hostd"}


@pytest.mark.parametrize("unit", CHILDREN)
def test_a_turn_survives_the_death_of_a_units_child(home, provider, unit):
    """While the tool runs: the unit ends with its child, both come back, and the turn's promise is the same."""
    home.use(provider, "script")
    home.start()
    for i in range(min(TIMES, 4)):
        forgive(home, unit)
        child = full.processes(home)[f"{unit}/{CHILDREN[unit]}"]
        answer, inside = turn_with_kills(home, [unit], f"c{i}", None, child)
        assert right_or_unknown(home, f"c{i}", answer["reply"], answer["tools"]) or unit == "default/toolrunner"


def kill_init(home):
    """kill -9 of init; nobody else may be left after it."""
    status = home.json("daemon", "status", "--json")
    os.kill(status["pid"], signal.SIGKILL)
    return [status["pid"]] + [row["pid"] for row in status["units"]]


def test_a_turn_survives_the_death_of_init(home, provider):
    home.use(provider, "script")
    for i in range(TIMES):
        home.start()
        mark = f"i{i}"
        stream = send(home, message(mark), mark, interactive=False)
        frames = iter(stream)
        assert next(frames)["event"] == "session_start"
        time.sleep(TURN_S * i / TIMES)      # the moment of the kill is the experiment, not something to wait for
        pids = kill_init(home)
        list(frames)
        stream.close()
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "the units to end with init")
        home.start()
        frames = until(send(home, message(mark), mark, interactive=False), "done")
        assert frames[-2]["event"] == "reply", f"{mark}: {frames[-4:]}\n{home.log()}"
        right_or_unknown(home, mark, frames[-2]["text"], [f for f in frames if f["event"] == "tool_end"])
        home.run("daemon", "stop")
    turns = [t for s in home.sessions().values() for t in s["turns"]]
    for i in range(TIMES):
        assert sum(t["assistant"].endswith(f"then the end i{i}") for t in turns) == 1, f"i{i} is kept once"


def test_a_turn_keeps_its_tools_when_all_is_stopped_and_started(home, provider):
    """Its grants are of the init that is gone: it waits for those that whoever asked for it gets anew."""
    home.use(provider, "script")
    for i in range(3):
        home.start()
        asked = home.popen("chat", "--once", script({"calls": [call("terminal", command=f"touch began{i}; sleep 1")]},
                                                    {"calls": [call("terminal", command=f"touch after{i}; echo ran")]}, {"text": f"end {i}"}))
        wait_for(lambda: (home.workspace / f"began{i}").exists(), "the tool to run")
        asked.kill()
        asked.communicate()
        home.run("daemon", "stop")
        home.start()
        wait_for(lambda: any(t["assistant"].endswith(f"end {i}") for s in home.sessions().values() for t in s["turns"]),
                 lambda: f"the turn to end\n{home.log()}")
        assert (home.workspace / f"after{i}").exists(), home.log()
        home.run("daemon", "stop")


def test_a_client_that_vanishes_leaves_no_turn_without_an_owner(home, provider):
    home.use(provider, "script")
    home.start()
    asked = home.popen("chat", "--once", message("gone"), "--json")
    wait_for(lambda: provider.stats()["requests"], "the turn to begin")
    asked.kill()
    asked.communicate()
    wait_for(lambda: any(t["assistant"].endswith("then the end gone")
                         for s in home.sessions().values() for t in s["turns"]), "the turn to end without its client")
    assert effects(home, "gone") == 1


def test_interrupts_stop_a_running_tool(home, provider):
    home.use(provider, "script")
    home.start()
    asked = home.popen("chat", "--once", script(
        {"calls": [call("terminal", command="touch started; sleep 1000; touch never")]}, {"text": "end"}), "--json")
    wait_for(lambda: (home.workspace / "started").exists(), "the tool to run")
    asked.send_signal(signal.SIGINT)
    out, _ = asked.communicate()
    assert json.loads(out).get("interrupted")
    assert asked.returncode == 130
    [session] = home.sessions().values()
    assert session["turns"][0]["interrupted"] is True
    assert not (home.workspace / "never").exists()


def test_a_stopped_unit_stops_nobody_else(home, provider):
    """SIGSTOP one unit of one profile: the other profile goes on ("Done when", 5)."""
    home.use(provider, "echo")
    home.use(provider, "echo", profile="work")
    home.start()
    home.ready("work/engined")
    home.ready("work/toolrunner")
    for unit in ("work/engined", "work/toolrunner"):
        home.kill(unit, signal.SIGSTOP)
        try:
            for i in range(5):
                assert home.run("chat", "--once", f"ping {i}").stdout.strip() == f"ping {i}"
        finally:
            home.kill(unit, signal.SIGCONT)


def test_a_stopped_toolrunner_delays_only_turns_that_need_it(home, provider):
    home.use(provider, "script")
    home.start()
    home.ask(message("warm"))
    home.kill("default/toolrunner", signal.SIGSTOP)
    try:
        needs = home.popen("chat", "--once", message("stopped"), "--json")
        for _ in range(5):
            assert home.ask(script({"text": "free"}))["reply"] == "free"
        assert needs.poll() is None
    finally:
        home.kill("default/toolrunner", signal.SIGCONT)
    out, _ = needs.communicate()
    assert json.loads(out)["reply"].endswith("then the end stopped")
    assert effects(home, "stopped") == 1


def test_a_hanging_provider_and_a_hanging_tool_delay_nobody_else(home, provider):
    home.use(provider, "script")
    home.use(provider, "silent", profile="mute")
    home.start()
    home.ready("mute/engined")
    silent = home.popen("chat", "--once", "x", "-p", "mute")
    hanging = home.popen("chat", "--once", script(
        {"calls": [call("terminal", command="touch hangs; sleep 1000")]}, {"text": "end"}))
    wait_for(lambda: (home.workspace / "hangs").exists(), "the tool to hang")
    for i in range(5):
        assert home.ask(message(f"f{i}"))["reply"].endswith(f"then the end f{i}")
    for process in (silent, hanging):
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 130


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_turns_that_had_ended_do_not_come_back_over_later_ones(home, provider, sig):
    home.use(provider, "echo")
    home.start()
    session = home.ask("zero")["session_id"]
    old = home.pid("default/engined")
    for n in range(5):      # faster than they are closed in the journal
        assert until(send(home, f"turn {n}", f"r{n}", session_id=session), "done")[-2]["text"] == f"turn {n}"
    os.kill(old, sig)
    home.ready("default/engined", not_pid=old)
    assert home.ask("last", "--session", session)["reply"] == "last"
    said = ["zero"] + [f"turn {n}" for n in range(5)] + ["last"]
    assert [t["user"] for t in home.sessions()[session]["turns"]] == said


def test_the_keeper_of_the_settings_and_engined_come_back_together(home, provider):
    home.use(provider, "text")
    home.start()
    old = home.pid("default/engined")
    keeper = int(open(f"/proc/{old}/task/{old}/children").read().split()[0])
    assert open(f"/proc/{keeper}/comm").read() == "alpi-settings\n"
    os.kill(keeper, signal.SIGKILL)
    home.use(provider, "script")
    assert home.ask(script({"text": "still here"}))["reply"] == "still here"
    home.ready("default/engined", not_pid=old)
    assert "the last good one stays in force" in home.log()
    assert home.ask(script({"text": "and again"}))["reply"] == "and again"
