# SPDX-License-Identifier: Apache-2.0
"""Every process of a running home as the kernel sees it: what it gave up, it has given up."""
import os
import re
import subprocess

import full
from conftest import LIBEXEC, ROOT, host, wait_for

OWN = ("environ", "mem", "maps", "fd/0", "root", "cwd")       # what a process shows only to who may trace it


def start(home, provider):
    """Start every daemon; the bot's server, and name to pid of all processes, when each has done some work."""
    bot = full.start_all(home, provider)
    home.ask("warm")
    assert host(home, "host.version")["agent_name"] == "alpi"
    return bot, full.processes(home)


def can_see(home, pid):
    """Which of these the home's own user can open."""
    look = f"for f in {' '.join(OWN)}; do {{ readlink /proc/$0/$f || ( : < /proc/$0/$f ); }} >/dev/null 2>&1 && echo $f; done; true"
    command = home.command()[:-1] + ["/bin/sh", "-c", look, str(pid)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def test_every_process_has_given_up_what_it_says(any_user_home, provider):
    home = any_user_home
    bot, pids = start(home, provider)
    bot.close()
    assert {"init", *full.UNITS} <= set(pids)
    uid = os.getuid() if home.uid is None else home.uid
    for name, pid in pids.items():
        words = full.status(pid)
        assert words["NoNewPrivs"] == "1", (name, words)
        assert words["Seccomp"] == ("0" if name == "init" else "2"), (name, words)     # init: alpi-init(8), its units would inherit it
        with open(f"/proc/{pid}/limits") as limits:
            [core] = [line.split()[4:6] for line in limits if line.startswith("Max core file size")]
        assert core == ["0", "0"], name
        assert words["Uid"].split() == [str(uid)] * 4, (name, words)


def test_no_process_shows_itself_to_its_own_user(home, provider):
    """Of an ordinary user: what root may look into its capabilities decide."""
    bot, pids = start(home, provider)
    bot.close()
    sleeper = subprocess.Popen(home.command()[:-1] + ["sleep", "1000"], stdin=subprocess.DEVNULL)
    try:
        wait_for(lambda: can_see(home, sleeper.pid) == list(OWN), "what is not confined to be seen in the same way")
        assert {name: can_see(home, pid) for name, pid in pids.items()} == {name: [] for name in pids}
    finally:
        sleeper.kill()
        sleeper.wait()


def test_every_program_has_a_page_that_says_what_it_can_still_do():
    programs = {path.name for path in LIBEXEC.iterdir()}
    pages = {path.name[:-2]: path.read_text() for path in (ROOT / "docs").glob("*.[18]")}
    assert {"alpi-init", "alpi-worker"} <= programs <= set(pages)
    for name in programs:
        assert re.search(r"can\s+still\b", pages[name]), name
        assert f".Nm {name}\n" in pages[name] and ".Sh DESCRIPTION" in pages[name], name
