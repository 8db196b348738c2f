# SPDX-License-Identifier: Apache-2.0
"""What the flows of message platforms have in common: a home at a platform, and whoever is on its other side."""
import os
import signal
import sqlite3
import sys
import threading

import pytest

from conftest import ROOT, wait_for

sys.path.insert(0, str(ROOT / "tests" / "fake"))

UNIT = "default/gatewayd"


class Gateway:
    """A home whose profile is at `platform`, and the service there."""
    platform = None

    def __init__(self, home, service):
        self.home, self.service = home, service

    def env(self, folder, **lines):
        (folder / ".env").write_text("".join(f'{name}="{value}"\n' for name, value in lines.items()))
        self.home.give(self.home.path)

    def begin(self):
        self.home.start()
        self.home.ready(UNIT)

    def query(self, sql):
        with sqlite3.connect(f"file:{self.home.path}/gateway/inbox.sqlite?mode=ro", uri=True) as db:
            return db.execute(sql).fetchall()

    def ignored(self):
        return dict(self.query("SELECT platform, count FROM ignored")).get(self.platform, 0)

    def answered(self, n, *where):
        """The answers, when there are so many."""
        wait_for(lambda: len(self.service.answers(*where)) >= n,
                 lambda: f"{n} answers, there are {self.service.answers(*where)}\n{self.home.log()}")
        return self.service.answers(*where)

    def dies_when(self, relay, done):
        """gatewayd is killed when the server has done something, before it hears so (relay.py)."""
        pid, lock = self.home.pid(UNIT), threading.Lock()

        def hook():
            with lock:
                if pid not in self.home.killed and done():
                    os.kill(pid, signal.SIGKILL)
                    self.home.killed.add(pid)
        relay.hook = hook


def made_by(kind):
    """A fixture: makes them, and closes their services at the end."""
    @pytest.fixture
    def maker(home, provider):
        made = []

        def make(*args, **options):
            made.append(kind(home, provider, *args, **options))
            return made[-1]
        yield make
        for one in made:
            one.service.close()
    return maker
