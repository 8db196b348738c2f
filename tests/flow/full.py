# SPDX-License-Identifier: Apache-2.0
"""A home in which every daemon there is runs, and what can be seen of its processes from outside."""
import re
import stat
import sys

from conftest import ROOT, host, wait_for

sys.path.insert(0, str(ROOT / "tests" / "fake"))
from botapi import BotAPI  # noqa: E402
from service import free_port  # noqa: E402

DAEMONS = re.findall(r"^DAEMON\((\w+),", (ROOT / "proto" / "channels.def").read_text(), re.M)
UNITS = [f"default/{daemon}" for daemon in DAEMONS]


def start_all(home, provider=None, model="script", more=""):
    """Start a home with all daemons, of the offline model when there is no provider; the server of its bot, to be closed."""
    api = BotAPI()
    more += f"alp: {{tcp_port: {free_port()}, tcp_host: 127.0.0.1}}\n"
    offline = f"model: offline/rules\nworkspace: {home.workspace}\n{more}"
    folder = home.use(provider, model, more=more) if provider else home.config(offline)
    for name in ("alp", "schedule"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    (folder / ".env").write_text(f"TELEGRAM_BOT_TOKEN={api.token}\nTELEGRAM_API_URL={api.url}\nTELEGRAM_ALLOWED_CHAT_IDS=11\n")
    home.give(home.path)
    home.start()
    for unit in UNITS:
        home.ready(unit)
    return api


def sockets(home):
    """Every Unix socket below a home, when all that belong there are there."""
    def look():
        found = {str(p.relative_to(home.path)): p for p in home.path.rglob("*") if stat.S_ISSOCK(p.lstat().st_mode)}
        return {"run/init.sock", "host/host.sock", "alp/alp.sock", *(f"run/{unit}.ipc" for unit in UNITS)} <= set(found) and found
    return wait_for(look, "the sockets of all units")


def all_serve(home):
    """Each daemon does what it is for: a turn with a tool, and what the others are asked by hostd."""
    assert home.ask("run echo hello")["tools"][0]["ok"]
    for method in ("host.schedule.list", "host.peers.list", "host.gateway.status"):
        answer = host(home, method, profile="default")
        assert "error" not in answer, (method, answer)


def status(pid):
    """The words of /proc/PID/status."""
    with open(f"/proc/{pid}/status") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def processes(home):
    """Name to pid of init, of every unit, and of the children that units keep (unit/comm)."""
    found = home.json("daemon", "status", "--json")
    pids = {"init": found["pid"], **{row["unit"]: row["pid"] for row in found["units"]}}
    for unit, pid in list(pids.items()):
        if unit == "init":
            continue
        for child in open(f"/proc/{pid}/task/{pid}/children").read().split():
            pids[f"{unit}/{open(f'/proc/{child}/comm').read().strip()}"] = int(child)
    return pids
