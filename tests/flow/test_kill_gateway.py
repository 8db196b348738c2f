# SPDX-License-Identifier: Apache-2.0
"""Messages of several chats while gatewayd, engined and init are killed: each is answered once, in the order of its chat.

ALPI_KILL_MESSAGES says how many (1000: the run that the figures are of), ALPI_SEED which moments.
"""
import collections
import os
import random
import signal
import sqlite3
import time

from conftest import wait_for
from test_kill_units import kill_init
from test_telegram import Telegram, plain, telegram  # noqa: F401

MESSAGES = int(os.environ.get("ALPI_KILL_MESSAGES", "100"))
CHATS = (11, -22, 33, 44, -55, 66)
UNITS = ("default/gatewayd", "default/engined")
PER_KILL = 5                # messages
UNTIL_INIT = 3              # kills of units; four in a minute are well below what init bears
TIME = 60 + MESSAGES        # only ends a run that hangs


class Killer:
    """Kills in turns, at moments that the dice choose; every fourth is init, which begins its count of deaths anew."""

    def __init__(self, home, dice):
        self.home, self.dice, self.kills = home, dice, []

    def unit(self):
        unit = self.dice.choice(UNITS)
        pid = self.home.ready(unit)
        time.sleep(self.dice.random() * 0.15)       # where the kill falls; nothing waits for it
        os.kill(pid, signal.SIGKILL)
        self.home.killed.add(pid)
        self.kills.append((unit.split("/")[1], time.monotonic()))

    def init(self):
        time.sleep(self.dice.random() * 0.15)
        pids = kill_init(self.home)
        self.kills.append(("init", time.monotonic()))
        wait_for(lambda: not any(os.path.exists(f"/proc/{pid}") for pid in pids), "the units to end with init")
        self.home.start()

    def next(self):
        self.init() if len(self.kills) % (UNTIL_INIT + 1) == UNTIL_INIT else self.unit()


def said(row):
    return plain(row["text"]).split("\n")[-1]


def copies(t, chat, kills):
    """Texts of a chat as sent, without what came twice; and how often that was, each time with a kill of the sender between."""
    rows = [row for row in t.api.sent if row["chat"] == chat]
    once = [said(row) for i, row in enumerate(rows) if i == 0 or said(rows[i - 1]) != said(row)]
    twice = 0
    for row, again in zip(rows, rows[1:]):
        if said(row) == said(again):
            twice += 1
            between = [unit for unit, when in kills if row["at"] - 1 < when < again["at"]]
            assert "gatewayd" in between, (row, again, kills)
    return once, twice


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
        once, double = copies(t, chat, killer.kills)
        assert once == want[chat], f"chat {chat}"
        twice += double
    assert dict(asked(t.home)) == dict(want)
    count = collections.Counter(unit for unit, _ in killer.kills)
    assert set(count) == {"gatewayd", "engined", "init"}
    print(f"{MESSAGES} messages, {len(CHATS)} chats, kills: {dict(count)}, {twice} sent twice, {took:.1f} s")
