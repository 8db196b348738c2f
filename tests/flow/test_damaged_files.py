# SPDX-License-Identifier: Apache-2.0
"""Databases that a bad disk or a hand has damaged: what can be had again is begun anew, what may hold a promise is not."""
import sqlite3

import pytest

from test_hostd import send, until


def garbage(path):
    path.write_bytes(b"garbage " * 4096)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:path.stat().st_size // 2])


def other_tables(path):
    with sqlite3.connect(path) as db:
        db.execute("ALTER TABLE turns RENAME COLUMN session TO was")
    db.close()


def spoil(home, name, damage):
    """Damage a file of a home that has run, while nothing runs."""
    assert home.ask("before")["reply"] == "before"
    home.run("daemon", "stop")
    path = home.path / name
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    damage(path)
    home.give(home.path)
    return path


@pytest.mark.parametrize("damage", [garbage, cut_off, other_tables], ids=lambda f: f.__name__)
def test_hostd_begins_its_rows_anew_and_says_so(home, provider, damage):
    home.use(provider, "echo")
    path = spoil(home, "host/turns.sqlite", damage)
    home.start()
    assert until(send(home, "after", "r1"), "done")[-2]["text"] == "after"
    assert path.with_name("turns.sqlite.damaged").exists()
    assert "set aside as" in home.log() and str(path) in home.log()


def test_engined_does_not_drop_a_journal_that_may_hold_turns(home, provider):
    home.use(provider, "echo")
    path = spoil(home, "sessions/_journal.sqlite", cut_off)
    before = path.read_bytes()
    home.use(provider, "echo", profile="work")
    done = home.run("daemon", "start", "--detach", check=False)
    assert done.returncode != 0 and "failed: default/engined" in done.stderr, done.stderr
    units = home.units()
    assert {name: row["state"] for name, row in units.items()} == {
        "default/engined": "failed", "default/toolrunner": "ready", "default/hostd": "ready", "default/scheduled": "ready",
        "work/engined": "ready", "work/toolrunner": "ready"}
    shown = home.run("daemon", "status", check=False).stdout
    assert str(path) in shown and "restore it, or move it away" in shown, shown
    assert path.read_bytes() == before
    assert home.run("-p", "work", "chat", "--once", "elsewhere").stdout.strip() == "elsewhere"
    path.rename(path.with_name("aside"))
    home.run("daemon", "restart", "default/engined")
    assert home.ask("after")["reply"] == "after"
