# SPDX-License-Identifier: Apache-2.0
"""A unit that stands still (SIGSTOP): all who do not need it go on as fast as before (issue: "Done when", 5).

Fast is measured, not set: the quickest chat beside the stopped unit against the usual chat of the same home a moment earlier. Others
use the machine, too, so what was slow is tried again; what waits for the unit is slow each time.
"""
import os
import signal
import statistics
import time

import pytest

import full
from conftest import wait_for
from test_chat_tool import call, script

CHATS = 5
TRIES = 5
TOOL = script({"calls": [call("terminal", command="echo ran")]}, {"text": "with a tool"})
TEXT = script({"text": "by words alone"})


@pytest.fixture
def everyone(home, provider):
    """Every daemon of the default profile, and a second profile."""
    home.use(provider, "script", profile="work")
    bot = full.start_all(home, provider)
    for daemon in ("engined", "toolrunner"):
        home.ready(f"work/{daemon}")
    yield home, bot
    bot.close()


def timed(home, profile, message):
    """How long each of some chats took."""
    took = []
    for _ in range(CHATS):
        start = time.monotonic()
        assert home.ask(message, "-p", profile)["reply"].endswith(("tool", "alone"))
        took.append(time.monotonic() - start)
    return took


def chats(unit):
    """The chats that have no need of a unit: profile and message."""
    profile, _, daemon = unit.partition("/")
    need_all = {"engined": (TEXT, TOOL), "toolrunner": (TOOL,)}.get(daemon, ())
    return [(p, m) for p in ("default", "work") for m in (TEXT, TOOL) if p != profile or m not in need_all]


def still_fast(home, usual, beside):
    for chat, before in usual.items():
        quickest = []
        while not quickest or (quickest[-1] > 2 * before and len(quickest) < TRIES):
            quickest.append(min(timed(home, *chat)))
        assert quickest[-1] <= 2 * before, f"beside {beside} {chat} takes {quickest} s, before {before:.3f} s"


@pytest.mark.parametrize("unit", ["init", *(u for u in full.UNITS if u != "default/hostd")])
def test_chats_go_on_beside_a_stopped_unit(everyone, unit):
    home, _ = everyone
    pid = full.processes(home)[unit]
    usual = {chat: statistics.median(timed(home, *chat)) for chat in chats(unit)}
    os.kill(pid, signal.SIGSTOP)
    try:
        still_fast(home, usual, f"a stopped {unit}")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert full.processes(home)[unit] == pid, "it was not taken for dead"


def test_a_message_is_answered_while_hostd_stands_still(everyone):
    """All people's chats pass through hostd; what comes by a platform does not."""
    home, bot = everyone
    home.kill("default/hostd", signal.SIGSTOP)
    try:
        for n in range(3):
            bot.post(11, TEXT)
            wait_for(lambda: len(bot.answers(11)) > n, "the answer")
    finally:
        home.kill("default/hostd", signal.SIGCONT)
    assert all("by words alone" in text for text in bot.answers(11)), bot.answers(11)
    assert home.ask(TEXT)["reply"] == "by words alone"


def test_chats_go_on_beside_a_provider_that_never_answers_and_a_tool_that_hangs(everyone):
    home, _ = everyone
    usual = {chat: statistics.median(timed(home, *chat)) for chat in chats("nobody")}
    asked = [home.popen("chat", "--once", "x", "--model", "fake/silent", "-p", profile) for profile in ("default", "work")]
    asked.append(home.popen("chat", "--once", script(
        {"calls": [call("terminal", command="touch hangs; sleep 1000")]}, {"text": "end"})))
    wait_for(lambda: (home.workspace / "hangs").exists(), "the tool to hang")
    still_fast(home, usual, "all that hangs")
    for process in asked:
        assert process.poll() is None
        process.send_signal(signal.SIGINT)
        process.communicate()
        assert process.returncode == 130
