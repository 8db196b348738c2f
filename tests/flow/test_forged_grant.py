# SPDX-License-Identifier: Apache-2.0
"""toolrunner believes a grant, not the one who carries it: here the carrier is a liar with engined's own token."""
import hashlib
import hmac
import os
import socket
import subprocess
import time

import pytest

from conftest import LIBEXEC, Home, wait_for
from test_wrong_token import Bus

TOKEN, KEY = "11" * 32, "22" * 32
HOUR = 3600


def mac(key, text):
    return hmac.new(key, text.encode(), hashlib.sha256).digest()


def mint(key=KEY, caveats=(), caps="read write exec", origin="default/hostd", audience="default/toolrunner", until=None):
    """A grant as hostd would make it, and caveats as a carrier would add them."""
    head = (f"alpi-grant 1\norigin {origin}\nfor {audience}\nwho local\nsurface cli\nsession 0123456789ab\n"
            f"caps {caps}\nuntil {int(until or time.time() + HOUR)}\n")
    chain = mac(bytes.fromhex(key), head)
    for caveat in caveats:
        head += f"only {caveat}\n"
        chain = mac(chain, f"only {caveat}\n")
    return head + f"mac {chain.hex()}\n"


class Toolrunner:
    """The daemon with us in the place of init and of engined."""

    def __init__(self, home):
        home.path.mkdir(mode=0o700, exist_ok=True)
        (home.path / "run" / "default").mkdir(parents=True)
        self.ours, theirs = socket.socketpair()
        self.process = subprocess.Popen([LIBEXEC / "alpi-toolrunner"], pass_fds=[3], stdin=subprocess.DEVNULL,
                                        preexec_fn=lambda: os.dup2(theirs.fileno(), 3), env=home.env)
        theirs.close()
        self.ours.sendall(
            f"alpi-boot 1\nunit default/toolrunner\nroot {home.path}\nhome {home.path}\nrun {home.path}/run\n"
            f"libexec {LIBEXEC}\naccept default/engined {TOKEN}\nverify default/hostd {KEY}\n"
            f"option person {home.person}\nend\n".encode())
        assert self.ours.recv(1) == b"R"
        self.bus = Bus(home.path / "run" / "default" / "toolrunner.ipc", TOKEN)
        self.calls = 0

    def run(self, tool, args, grant):
        """One call to its end: what tool.exec refused, or the result."""
        self.calls += 1
        key = f"t/1/{self.calls}"
        answer = self.bus.ask("tool.exec", {"key": key, "turn": "t", "tool": tool, "args": args}, grant)
        if "error" in answer:
            return answer["error"]
        return wait_for(lambda: (r := self.bus.ask("tool.next", {"key": key, "wait_ms": 1000})["body"])["state"] == "done" and r)

    def close(self):
        self.bus.close()
        self.ours.close()
        self.process.wait()


@pytest.fixture
def home():
    made = Home()
    yield made
    made.close()


@pytest.fixture
def runner(home):
    home.config(f"workspace: {home.workspace}\ntools: {{deny: [search]}}\n")
    made = Toolrunner(home)
    yield made
    made.close()
    assert made.process.returncode == 0


def test_a_true_grant_lets_the_command_run(home, runner):
    result = runner.run("terminal", {"command": "echo true > made"}, mint())
    assert result["ok"], result
    assert (home.workspace / "made").read_text() == "true\n"


def test_no_forged_grant_lets_anything_run(home, runner):
    true = mint()
    widened = mint(caveats=["caps read"])
    forged = {
        "none": None,
        "empty": "",
        "another key": mint(key="33" * 32),
        "for another": mint(audience="work/toolrunner"),
        "from another": mint(origin="default/gatewayd"),
        "over": mint(until=time.time() - 1),
        "more than the origin may": mint(caps="read write exec root"),
        "a caveat taken away": widened.replace("only caps read\n", ""),
        "a caveat changed": widened.replace("only caps read\n", "only caps exec\n"),
        "a caveat under the old mac": true.replace("mac ", "only caps exec\nmac "),
        "a field changed": true.replace("who local", "who admin"),
        "a field twice": true.replace("caps ", "caps read write exec approve\ncaps ", 1),
        "a longer time": true.replace("until 1", "until 2"),
        "no mac": true[:true.index("mac ")],
        "another mac": true[:true.index("mac ")] + "mac " + "0" * 64 + "\n",
        "two macs": true + "mac " + "0" * 64 + "\n",
        "long": true + "x" * 10_000,
        "a list": [true],
    }
    for name, grant in forged.items():
        for tool, args in (("terminal", {"command": "touch forged"}), ("write_file", {"path": "forged", "content": "x"})):
            result = runner.run(tool, args, grant)
            assert not result.get("ok") and result.get("name") in ("denied", "unproven", "invalid", "too-large"), (name, result)
    assert not (home.workspace / "forged").exists()


def test_a_narrowed_grant_holds_what_is_left_of_it(home, runner):
    for caveats, tool, args in ((["caps read"], "terminal", {"command": "touch forged"}),
                                (["caps read"], "write_file", {"path": "forged", "content": "x"}),
                                (["caps read", "caps read write exec"], "terminal", {"command": "touch forged"}),
                                (["tools read_file"], "terminal", {"command": "touch forged"}),
                                (["until 1"], "terminal", {"command": "touch forged"})):
        result = runner.run(tool, args, mint(caveats=caveats))
        assert not result.get("ok"), (caveats, tool, result)
    assert not (home.workspace / "forged").exists()
    (home.workspace / "seen").write_text("here\n")
    assert "here" in runner.run("read_file", {"path": "seen"}, mint(caveats=["caps read"]))["output"]


def test_a_denied_tool_is_denied_where_it_would_run(runner):
    result = runner.run("search", {"pattern": "x"}, mint())
    assert not result.get("ok") and "deny" in str(result), result
