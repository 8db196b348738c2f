# SPDX-License-Identifier: Apache-2.0
"""Messages of several chats while gatewayd, engined and init are killed: each is answered once, in the order of its chat.

ALPI_KILL_MESSAGES says how many (1000: the run that the figures are of), ALPI_SEED which moments.
"""
import collections
import json
import os
import random
import signal
import sqlite3
import time

import pytest

from conftest import wait_for
from test_kill_units import kill_init
from test_telegram import Telegram, plain, telegram  # noqa: F401

MESSAGES = int(os.environ.get("ALPI_KILL_MESSAGES", "100"))
CHATS = (11, -22, 33, 44, -55, 66)
UNITS = ("default/gatewayd", "default/engined")
PER_KILL = 5                # messages
UNTIL_INIT = 3              # kills of units; four in a minute are well below what init bears
TIME = 60 + MESSAGES        # only ends a run that hangs
DRAIN_S = 5                 # how long gatewayd waits for an answer when init is gone


def state(pid):
    with open(f"/proc/{pid}/stat") as f:
        return f.read().rsplit(")", 1)[1].split()[0]


def ports(pid):
    """Of all connections of a process that stands still; only root can look."""
    if os.getuid() != 0:
        return set()
    inodes = {os.readlink(fd.path) for fd in os.scandir(f"/proc/{pid}/fd")}
    with open("/proc/net/tcp") as f:
        rows = [line.split() for line in f][1:]
    return {int(row[1].split(":")[1], 16) for row in rows if f"socket:[{row[9]}]" in inodes}


class Killer:
    """Kills in turns, at moments that the dice choose; every fourth is init, which begins its count of deaths anew.

    `cut` holds, of each gatewayd that was killed, the ports of the connections that it had at that moment.
    """

    def __init__(self, home, dice):
        self.home, self.dice, self.kills, self.cut = home, dice, [], []

    def unit(self):
        unit = self.dice.choice(UNITS)
        pid = self.home.ready(unit)
        time.sleep(self.dice.random() * 0.15)       # where the kill falls; nothing waits for it
        os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: state(pid) == "T", f"{unit} to stand still")
        if unit == UNITS[0]:
            self.cut.append(ports(pid))
        os.kill(pid, signal.SIGKILL)
        self.home.killed.add(pid)
        self.kills.append(unit.split("/")[1])

    def init(self):
        time.sleep(self.dice.random() * 0.15)
        pids = kill_init(self.home)
        self.kills.append("init")
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "the units to end with init")
        self.home.start()

    def next(self):
        self.init() if len(self.kills) % (UNTIL_INIT + 1) == UNTIL_INIT else self.unit()


def said(row):
    return plain(row["text"]).split("\n")[-1]


def copies(t, chat, cut):
    """Texts of a chat as sent, without what came twice; and how often that was, each time because its sender was killed."""
    rows = [row for row in t.api.sent if row["chat"] == chat]
    once = [said(row) for i, row in enumerate(rows) if i == 0 or said(rows[i - 1]) != said(row)]
    twice = [(row, again) for row, again in zip(rows, rows[1:]) if said(row) == said(again)]
    if os.getuid() == 0:
        for row, again in twice:
            assert any(row["port"] in of and again["port"] not in of for of in cut), (row, again, t.home.log())
    return once, len(twice)


def asked(home):
    """Chat -> the messages that reached a model's conversation, in order."""
    turns = collections.defaultdict(list)
    for session in home.sessions().values():
        for turn in session["turns"]:
            head, text = turn["user"].split("\n", 1)
            turns[int(head.split()[3])].append(text)
    return turns


def test_each_message_is_answered_once_and_in_order_whoever_is_killed(telegram):  # noqa: F811
    """A second copy is allowed where a kill of gatewayd fell between send and record: Telegram offers nothing against it.
    Then the first came by a connection that the kill cut.

    When init dies gatewayd drains: what is being sent is recorded, and nothing goes out twice.
    """
    t = telegram(chats=",".join(map(str, CHATS)))
    dice = random.Random(int(os.environ.get("ALPI_SEED", "11")))
    killer, want, began = Killer(t.home, dice), collections.defaultdict(list), time.monotonic()
    for i in range(MESSAGES):
        chat = dice.choice(CHATS)
        want[chat].append(f"message {i} is here")
        t.api.post(chat, want[chat][-1])
        if i % PER_KILL == PER_KILL - 1:
            killer.next()
    for unit in UNITS:
        t.home.ready(unit)
    wait_for(lambda: len({said(row) for row in t.api.sent}) >= MESSAGES, "all answers", TIME)

    def closed():
        try:
            return all(row[1] == 3 for row in t.rows())
        except sqlite3.OperationalError:
            return False
    wait_for(closed, "all to be on record as sent", TIME)
    took, twice = time.monotonic() - began, 0
    for chat in CHATS:
        once, double = copies(t, chat, killer.cut)
        assert once == want[chat], f"chat {chat}"
        twice += double
    assert dict(asked(t.home)) == dict(want)
    count = collections.Counter(killer.kills)
    assert set(count) == {"gatewayd", "engined", "init"}
    print(f"{MESSAGES} messages, {len(CHATS)} chats, kills: {dict(count)}, {twice} sent twice, {took:.1f} s")


def starts(home, unit):
    done = home.run("daemon", "status", "--json", check=False)
    rows = json.loads(done.stdout)["units"] if done.returncode == 0 else []
    return any(row["unit"] == unit and row["state"] == "starting" and row["pid"] for row in rows)


def lose_init(t):
    """And start all again; that order."""
    init = kill_init(t.home)[0]
    wait_for(lambda: not os.path.exists(f"/proc/{init}"), "init to be gone")
    return t.home.popen("daemon", "start", "--detach")


def test_what_is_on_its_way_when_init_dies_goes_out_once(telegram):  # noqa: F811
    """The gatewayd that init leaves behind waits for the answer, and the next one for its end."""
    t = telegram(chats="11")
    t.api.free.clear()
    t.api.post(11, "once only")
    t.answered(1)
    start, died = lose_init(t), time.monotonic()
    wait_for(lambda: starts(t.home, UNITS[0]), "the next gatewayd")
    t.api.free.set()
    waited = time.monotonic() - died
    assert start.wait() == 0
    wait_for(lambda: t.rows()[0][1] == 3, "the message to be on record as sent")
    assert len(t.api.sent) == 1 or waited > DRAIN_S


def test_a_gatewayd_that_hangs_when_init_dies_makes_way(telegram):  # noqa: F811
    t = telegram(chats="11")
    t.home.killed.add(t.home.pid(UNITS[0]))
    os.kill(t.home.pid(UNITS[0]), signal.SIGSTOP)
    assert lose_init(t).wait() == 0
    t.home.ready(UNITS[0])
    t.api.post(11, "still here")
    assert plain(t.answered(1)[0]).endswith("still here")


def lose_it(t):
    pids = kill_init(t.home)
    t.home.killed.add(pids[0])


def stop_it(t):
    t.home.run("daemon", "stop")


@pytest.mark.parametrize("end", (lose_it, stop_it))
def test_a_gatewayd_that_waits_for_the_one_before_never_begins_when_it_is_to_end(telegram, end):  # noqa: F811
    """Else it would take the lock later, without an init, and be killed by the one after it in the middle of a message."""
    t = telegram(chats="11")
    first = t.home.pid(UNITS[0])
    t.home.killed.add(first)
    os.kill(first, signal.SIGSTOP)
    start = lose_init(t)
    wait_for(lambda: starts(t.home, UNITS[0]), "the next gatewayd")
    second = t.home.pid(UNITS[0])
    end(t)
    start.wait()
    wait_for(lambda: not os.path.exists(f"/proc/{second}"), "the one that waits to end")
    assert state(first) == "T"
    os.kill(first, signal.SIGCONT)
    wait_for(lambda: not os.path.exists(f"/proc/{first}"), "the first to end")
    t.home.start()
    t.api.post(11, "still here")
    assert plain(t.answered(1)[0]).endswith("still here")


def test_a_drain_goes_on_when_the_service_manager_ends_all_that_init_left(telegram):  # noqa: F811
    """As systemd does: the unit's processes get TERM when the main one has died."""
    t = telegram(chats="11")
    gatewayd = t.home.pid(UNITS[0])
    t.api.free.clear()
    t.api.post(11, "once only")
    t.answered(1)
    os.kill(gatewayd, signal.SIGSTOP)           # what happens meanwhile it sees all at once, the answer last
    init = kill_init(t.home)[0]
    wait_for(lambda: not os.path.exists(f"/proc/{init}"), "init to be gone")
    os.kill(gatewayd, signal.SIGTERM)
    t.api.free.set()
    os.kill(gatewayd, signal.SIGCONT)
    wait_for(lambda: not os.path.exists(f"/proc/{gatewayd}"), "the drain to end")
    assert t.rows()[0][1] == 3
    t.home.start()
