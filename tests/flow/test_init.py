# SPDX-License-Identifier: Apache-2.0
"""alpi-init with units that only tell what they see: who is started, stopped and told what, and in which order."""
import os
import pathlib
import queue
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = (ROOT / os.environ.get("ALPI_BUILD", "build")).resolve()
LIBEXEC = BUILD / "libexec" / "alpi"
DAEMONS = ("toolrunner", "engined", "hostd", "gatewayd")
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")     # init cannot be looked at by a tracer, its own included

# A unit sends every line that it hears as a datagram to ROOT/seen; a file ROOT/<daemon>.<habit> changes its ways.
UNIT = r"""#!%s -IS
import os, signal, socket, sys
daemon = os.path.basename(sys.argv[0])[len("alpi-"):]
boot = socket.socket(fileno=3)
lines = boot.makefile("r")
assert lines.readline() == "alpi-boot 1\n"
unit, root = lines.readline().split()[1], lines.readline().split(" ", 1)[1].strip()
habit = lambda name: os.path.exists(f"{root}/{daemon}.{name}")
seen = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
seen.connect(root + "/seen")
tell = lambda text: seen.send(f"{unit} {os.getpid()} {text}".encode())
def term(*_):
    tell("TERM")
    if not habit("hangs"):
        os._exit(0)
signal.signal(signal.SIGTERM, term)
tell("ENV " + " ".join(sorted(os.environ)))
tell("FDS " + " ".join(sorted(os.listdir("/proc/self/fd"))[:4]) + " " + os.readlink("/proc/self/fd/0"))
if habit("dies"):
    print("ERROR no luck\nwith \x1b[31mred", file=sys.stderr, flush=True)
    os._exit(7)
if habit("floods"):
    sys.stderr.write("INFO " + "x" * 9000 + "\n" + ("INFO " + "y" * 994 + "\n") * 4500)
    sys.stderr.flush()
for line in lines:
    tell(line.rstrip("\n"))
    if line == "end\n":
        boot.send(b"R")
tell("EOF")
"""


class Init:
    def __init__(self):
        self.base = pathlib.Path(tempfile.mkdtemp(prefix="al-", dir="/tmp"))
        self.root = self.base / "h"
        self.root.mkdir(mode=0o700)
        self.programs = self.base / "x"
        self.programs.mkdir()
        for daemon in DAEMONS:
            program = self.programs / f"alpi-{daemon}"
            program.write_text(UNIT % sys.executable)
            program.chmod(0o755)
        (self.programs / "alpi-init-plan").symlink_to(LIBEXEC / "alpi-init-plan")
        self.seen = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.seen.bind(str(self.root / "seen"))
        self.told = queue.Queue()
        threading.Thread(target=self.listen, daemon=True).start()
        self.process = None

    def command(self, *options):
        return [LIBEXEC / "alpi-init", "-x", self.programs, *options, self.root]

    def start(self, *options, **more):
        env = {"PATH": os.environ["PATH"], "HOME": str(self.base), "ASAN_OPTIONS": os.environ["ASAN_OPTIONS"],
               "OPENAI_API_KEY": "of-the-process", **more}
        self.process = subprocess.Popen(self.command(*options), stderr=subprocess.PIPE, text=True, env=env)
        self.heard("default/hostd", until="end")
        return self

    def ask(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(str(self.root / "run" / "init.sock"))
            s.sendall(line.encode() + b"\n")
            return s.makefile().read().splitlines()

    def units(self):
        rows = [line.split() for line in self.ask("list") if line.startswith("unit ")]
        return {row[1]: dict(state=row[2], pid=int(row[3]), restarts=int(row[5]), rss=int(row[6])) for row in rows}

    def listen(self):
        """Always read, because a datagram socket holds only a few and units must not wait for a test."""
        while text := self.seen.recv(65536).decode():
            unit, pid, text = text.split(" ", 2)
            self.told.put((unit, int(pid), text))

    def next(self):
        """The next thing that any unit tells: (unit, pid, text)."""
        return self.told.get()

    def heard(self, unit, until):
        """What this unit hears up to a line that matches."""
        lines = []
        while not lines or not re.fullmatch(until, lines[-1]):
            who, _pid, text = self.next()
            if who == unit:
                lines.append(text)
        return lines

    def log(self):
        return (self.root / "logs" / "service.log").read_text()

    def close(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
        if self.process:
            self.process.wait()
            self.process.stderr.close()
        self.seen.shutdown(socket.SHUT_RDWR)
        shutil.rmtree(self.base)


@pytest.fixture
def init():
    it = Init()
    yield it
    it.close()


def ended(pids):
    """Wait until these processes are gone."""
    for pid in pids:
        try:
            fd = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        select.select([fd], [], [])
        os.close(fd)


def test_every_unit_gets_ready_and_list_shows_it(init):
    init.start()
    assert init.ask("wait") == ["ok"]
    units = init.units()
    assert set(units) == {"default/toolrunner", "default/engined", "default/hostd"}
    assert all(u["state"] == "ready" and u["pid"] > 0 and u["rss"] > 0 and u["restarts"] == 0 for u in units.values())
    assert re.fullmatch(r"init %d \d+" % init.process.pid, init.ask("list")[0])
    assert (init.root / "service.pid").read_text().split()[0] == str(init.process.pid)
    stat = pathlib.Path(f"/proc/{init.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    assert (init.root / "service.pid").read_text().split()[1] == stat[19]
    assert oct((init.root / "run").stat().st_mode & 0o777) == "0o700"
    assert oct((init.root / "run" / "init.sock").stat().st_mode & 0o777) == "0o600"


def test_alpi_init_has_no_library_but_libc():
    lines = subprocess.run(["ldd", LIBEXEC / "alpi-init"], capture_output=True, text=True, check=True).stdout
    names = {line.split()[0].rsplit("/")[-1] for line in lines.splitlines()}
    sanitizers = {name for name in names if name.startswith(("libasan", "libubsan", "libm.", "libstdc++", "libgcc_s"))}
    assert all(n.startswith(("linux-vdso", "libc.so", "ld-linux")) for n in names - sanitizers)


def test_alpi_init_stays_small():
    """An auditor reads all of it in one sitting."""
    assert sum(len(path.read_text().splitlines()) for path in (ROOT / "init").iterdir()) < 1200


def test_a_unit_inherits_a_clean_environment_and_four_descriptors(init):
    init.start(ANTHROPIC_API_KEY="x", LC_ALL="C.UTF-8", LD_LIBRARY_PATH="/x", ALPI_DEBUG="1", NOTIFY_SOCKET="/x")
    env, fds = init_boot(init, "default/toolrunner", lambda: init.ask("restart default/toolrunner"))["lines"][:2]
    assert set(env.split()[1:]) <= {"PATH", "HOME", "LC_ALL", "LC_CTYPE", "ASAN_OPTIONS", "GLIBC_TUNABLES"}
    assert fds.split()[1:5] == ["0", "1", "2", "3"] and fds.endswith("/dev/null")


def test_kill_brings_a_unit_back_with_fresh_tokens_that_its_neighbours_knew_first(init):
    init.start()
    init.ask("wait")
    old = init.units()["default/engined"]["pid"]
    first = init_boot(init, "default/engined", lambda: os.kill(old, signal.SIGKILL))
    assert first["pid"] != old
    tokens = {line for line in first["lines"] if line.split()[0] in ("call", "accept")}
    assert len(tokens) == 3
    # call of one is accept of the other, and it was heard before the unit existed
    for line in tokens:
        word, unit, token = line.split()
        other = {"call": "accept", "accept": "call"}[word]
        assert f"{other} default/engined {token}" in first["before"][unit]
    assert init.units()["default/engined"]["restarts"] == 1


def init_boot(init, unit, cause):
    """Make something happen, then gather the unit's new boot message, and what neighbours heard before it."""
    old = init.units()[unit]["pid"]
    cause()
    before, lines, pid = {}, [], 0
    while "end" not in lines:
        who, its, text = init.next()
        if who == unit and its != old:
            pid = its
            lines.append(text)
        elif who != unit:
            before.setdefault(who, []).append(text)
    return {"pid": pid, "lines": lines, "before": before}


def test_grant_keys_outlive_a_restart_and_tokens_do_not(init):
    init.start()
    init.ask("wait")
    boots = [init_boot(init, "default/toolrunner", lambda: init.ask("restart default/toolrunner")) for _ in range(2)]
    verify = [{x for x in b["lines"] if x.startswith("verify ")} for b in boots]
    accept = [{x for x in b["lines"] if x.startswith("accept ")} for b in boots]
    assert verify[0] == verify[1] and len(verify[0]) == 1
    assert len(accept[0]) == 1 and accept[0] != accept[1]


def test_five_deaths_are_failed_and_start_clears_it(init):
    init.start()
    init.ask("wait")
    (init.root / "engined.dies").touch()
    os.kill(init.units()["default/engined"]["pid"], signal.SIGKILL)
    while init.ask("wait") == ["ok"]:
        pass
    assert init.ask("wait") == ["error failed: default/engined"]
    assert init.units()["default/engined"]["state"] == "failed"
    assert init.units()["default/hostd"]["state"] == "ready"
    told = [line for line in init.ask("list") if line.startswith("stderr ")]
    assert told[-2:] == ["stderr default/engined ERROR no luck", "stderr default/engined with ?[31mred"]
    (init.root / "engined.dies").unlink()
    assert init.ask("start default/engined") == ["ok"]
    assert init.units()["default/engined"]["state"] == "ready"


def test_stop_goes_against_the_order_and_ends_init(init):
    init.start()
    init.ask("wait")
    assert init.ask("shutdown") == ["ok"]
    assert init.process.wait() == 0
    order = []
    while len(order) < 3:
        unit, _, text = init.next()
        if text == "TERM":
            order.append(unit)
    assert order == ["default/hostd", "default/engined", "default/toolrunner"]
    assert not (init.root / "service.pid").exists() and not (init.root / "run" / "init.sock").exists()


def test_one_that_ignores_term_is_killed_and_the_stop_goes_on_in_order(init):
    (init.root / "engined.hangs").touch()
    init.start()
    init.ask("wait")
    pids = {unit: row["pid"] for unit, row in init.units().items()}
    hanging = os.pidfd_open(pids["default/engined"])
    init.process.terminate()
    init.heard("default/hostd", until="TERM")
    init.heard("default/engined", until="TERM")
    assert not select.select([hanging], [], [], 0)[0], "it lives on after TERM"
    assert init.process.wait() == 0
    os.close(hanging)
    ended(pids.values())
    assert "default/engined is stopping for too long: killed" in init.log()
    assert init.log().count("for too long") == 1, "the others went by TERM"
    terms = []
    while "default/toolrunner" not in terms:
        who, _pid, text = init.next()
        terms += [who] if text == "TERM" else []
    assert terms == ["default/toolrunner"], "it hears of it last"
    assert not (init.root / "service.pid").exists() and not (init.root / "run" / "init.sock").exists()


def test_sigterm_stops_everything_with_status_0(init):
    init.start()
    pids = [u["pid"] for u in init.units().values()]
    init.process.terminate()
    assert init.process.wait() == 0
    ended(pids)


def test_units_end_when_init_is_killed(init):
    init.start()
    init.ask("wait")
    pids = [u["pid"] for u in init.units().values()]
    init.process.kill()
    init.process.wait()
    ended(pids)


def test_a_second_start_is_refused(init):
    init.start()
    second = subprocess.run(init.command(), capture_output=True, text=True)
    assert second.returncode == 1 and "already running" in second.stderr
    assert init.ask("wait") == ["ok"]


def test_stale_files_of_a_killed_init_do_not_stop_the_next(init):
    init.start()
    init.process.kill()
    init.process.wait()
    init.process.stderr.close()
    init.start()
    assert init.ask("wait") == ["ok"]


def test_secrets_reach_only_their_daemon(init):
    (init.root / ".env").write_text("OPENAI_API_KEY='sk-default'\nTELEGRAM_BOT_TOKEN=t\n# GROQ_API_KEY=no\n")
    work = init.root / "profiles" / "work"
    work.mkdir(parents=True)
    (work / ".env").write_text("OPENAI_API_KEY=sk-work\n")
    init.start()
    init.ask("wait")
    init.ask("restart all")
    heard = {name: [] for name in init.units()}
    pids = {u["pid"] for u in init.units().values()}
    while sum("end" in lines for lines in heard.values()) < 6:
        unit, pid, text = init.next()
        if pid in pids:
            heard[unit].append(text)
    secrets = {unit: sorted({x for x in lines if "secret " in x}) for unit, lines in heard.items()}
    assert secrets == {
        "default/engined": ["secret OPENAI_API_KEY=sk-default"], "work/engined": ["secret OPENAI_API_KEY=sk-work"],
        "default/toolrunner": [], "work/toolrunner": [], "default/hostd": [],
        "default/gatewayd": ["secret TELEGRAM_BOT_TOKEN=t"]}
    assert "sk-" not in init.log()


def skill(home, category, name, head):
    folder = home / "skills" / category / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "SKILL.md").write_text(f"---\nname: {name}\n{head}\n---\n# Body\n")
    return folder


def test_toolrunner_gets_what_skills_declare_and_nobody_else(init):
    (init.root / ".env").write_text("A_TOKEN=a\nB_TOKEN=b\nC_TOKEN=c\nOPENAI_API_KEY=k\nLD_PRELOAD=x\n")
    work = init.root / "profiles" / "work"
    work.mkdir(parents=True)
    (work / ".env").write_text("A_TOKEN=of-work\nB_TOKEN=of-work\n")
    skill(init.root, "research", "stars", "requires_env: ['A_TOKEN', 'OPENAI_API_KEY', 'LD_PRELOAD', 'A-B']")
    skill(init.root, "data", "rows", "env: A_TOKEN, B_TOKEN")
    skill(init.root, "elsewhere", "lost", "env: C_TOKEN")
    (init.root / "skills/data/linked").symlink_to(skill(init.base, "data", "linked", "env: C_TOKEN"))
    os.mkfifo(skill(init.root, "data", "pipe", "") / "x")
    (init.root / "skills/data/pipe/SKILL.md").unlink()
    os.mkfifo(init.root / "skills/data/pipe/SKILL.md")
    init.start()
    init.ask("wait")
    init.ask("restart all")
    heard = {name: [] for name in init.units()}
    pids = {u["pid"] for u in init.units().values()}
    while sum("end" in lines for lines in heard.values()) < 5:
        unit, pid, text = init.next()
        if pid in pids:
            heard[unit].append(text)
    secrets = {unit: sorted({x for x in lines if "secret " in x}) for unit, lines in heard.items()}
    assert secrets == {
        "default/toolrunner": ["secret A_TOKEN=a", "secret B_TOKEN=b"], "default/engined": ["secret OPENAI_API_KEY=k"],
        "work/toolrunner": [], "work/engined": [], "default/hostd": []}


def test_a_new_declaration_counts_from_the_next_reload(init):
    (init.root / ".env").write_text("A_TOKEN=a\nB_TOKEN=b\n")
    skill(init.root, "data", "rows", "env: A_TOKEN")
    init.start()
    init.ask("wait")
    skill(init.root, "data", "rows", "env: B_TOKEN")
    assert init.ask("reload all") == ["ok"]
    lines = init.heard("default/toolrunner", until="secret B_TOKEN=b")
    assert "secret A_TOKEN=" in lines and "reload" in lines
    pid = init.units()["default/toolrunner"]["pid"]
    init.ask("restart default/toolrunner")
    assert init.units()["default/toolrunner"]["pid"] != pid
    assert "secret A_TOKEN=a" not in init.heard("default/toolrunner", until="end")


def test_a_changed_env_reloads_that_profile_only(init):
    (init.root / ".env").write_text("OPENAI_API_KEY=a\nGROQ_API_KEY=g\n")
    (init.root / "profiles" / "work").mkdir(parents=True)
    init.start()
    init.ask("wait")
    new = init.root / ".env.new"
    new.write_text("OPENAI_API_KEY=b\n")
    new.rename(init.root / ".env")
    lines = init.heard("default/engined", until="secret GROQ_API_KEY=")
    assert "reload" in lines and "secret OPENAI_API_KEY=b" in lines
    assert "work/engined reloads" not in init.log()


def test_reload_orders_and_sighup_reach_the_units(init):
    init.start()
    init.ask("wait")
    assert init.ask("reload default/hostd") == ["ok"]
    init.heard("default/hostd", until="reload")
    init.process.send_signal(signal.SIGHUP)
    init.heard("default/toolrunner", until="reload")


def test_profiles_come_and_go_and_hostd_hears_of_them(init):
    init.start()
    init.ask("wait")
    (init.root / "profiles" / "new").mkdir(parents=True)
    words = set()
    while words != {"mint new/toolrunner", "call new/engined", "accept new/engined"}:
        unit, _, text = init.next()
        if unit == "default/hostd" and " new/" in text:
            words.add(" ".join(text.split()[:2]))
    init.ask("wait")
    assert init.units()["new/engined"]["state"] == "ready"
    pids = [u["pid"] for name, u in init.units().items() if name.startswith("new/")]
    (init.root / "profiles" / "new").rmdir()
    dropped = set()
    while dropped != {"drop new/engined", "drop new/toolrunner"}:
        unit, _, text = init.next()
        if unit == "default/hostd" and text.startswith("drop"):
            dropped.add(text)
    ended(pids)
    assert not any(name.startswith("new/") for name in init.units())


def test_a_broken_configuration_stops_nobody(init):
    (init.root / "profiles" / "work").mkdir(parents=True)
    init.start()
    init.ask("wait")
    pids = {name: u["pid"] for name, u in init.units().items()}
    (init.root / "profiles" / "work" / "config.yaml").write_text("a: [\n")
    init.heard("work/engined", until="reload")
    assert {name: u["pid"] for name, u in init.units().items()} == pids
    assert "WARNING alpi.init work: " in init.log()


def test_a_configuration_that_never_loaded_has_the_units_of_the_defaults(init):
    (init.root / "config.yaml").write_text("a: [\n")
    init.start()
    assert init.ask("wait") == ["ok"]
    assert set(init.units()) == {"default/toolrunner", "default/engined", "default/hostd"}
    assert "WARNING alpi.init default: " in init.log()


def test_a_broken_configuration_switches_nothing_on(init):
    (init.root / "config.yaml").write_text("service:\n  host: false\n")
    init.process = subprocess.Popen(init.command(), stderr=subprocess.PIPE, text=True)
    init.heard("default/engined", until="end")
    (init.root / "config.yaml").write_text("a: [\n")
    init.heard("default/engined", until="reload")
    init.ask("wait")
    assert set(init.units()) == {"default/toolrunner", "default/engined"}


def test_a_start_of_a_ready_unit_is_ok_and_forgives(init):
    init.start()
    init.ask("wait")
    pids = {name: u["pid"] for name, u in init.units().items()}
    assert init.ask("start all") == ["ok"]
    assert {name: u["pid"] for name, u in init.units().items()} == pids


def test_host_can_be_switched_off(init):
    (init.root / "config.yaml").write_text("service:\n  host: false\n")
    init.process = subprocess.Popen(init.command(), stderr=subprocess.PIPE, text=True)
    init.heard("default/engined", until="end")
    assert set(init.units()) == {"default/toolrunner", "default/engined"}


def test_what_units_make_for_themselves_asks_for_no_new_plan(init):
    plan = init.programs / "alpi-init-plan"
    plan.unlink()
    plan.write_text(f"#!/bin/sh\necho >> {init.base}/plans\nexec {LIBEXEC}/alpi-init-plan \"$@\"\n")
    plan.chmod(0o755)
    init.start()
    for name in ("host", "sessions", "service.json"):
        (init.root / name).mkdir()
    assert init.ask("wait") == ["ok"]       # answered when no plan is due
    assert (init.base / "plans").read_text() == "\n"
    init.root.joinpath("config.yaml").write_text("service: {host: false}\n")
    assert init.heard("default/hostd", until="TERM|EOF")
    assert (init.base / "plans").read_text() == "\n\n"


def test_orders_settle_before_they_are_answered(init):
    init.start()
    assert init.ask("stop default/engined") == ["ok"]
    assert init.units()["default/engined"]["state"] == "stopped" and init.units()["default/engined"]["pid"] == 0
    assert init.ask("start default") == ["ok"]
    before = init.units()
    assert init.ask("restart all") == ["ok"]
    after = init.units()
    assert all(u["state"] == "ready" and u["pid"] != before[name]["pid"] for name, u in after.items())


@pytest.mark.parametrize("line", ["", "start", "list all", "start no/such", "stop ..", "jump all"])
def test_what_is_no_order_is_refused(init, line):
    init.start()
    assert init.ask(line)[-1].startswith("error ")


def test_a_line_without_an_end_is_cut_off(init):
    init.start()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(init.root / "run" / "init.sock"))
        s.sendall(b"x" * 256)
        assert s.recv(100) == b""
    assert init.ask("wait") == ["ok"]


def test_silent_clients_hold_nobody_up(init):
    init.start()
    silent = []
    for i in range(40):
        s = socket.socket(socket.AF_UNIX)
        s.connect(str(init.root / "run" / "init.sock"))
        if i % 2:
            s.send(b"lis")
        silent.append(s)
    assert init.ask("wait") == ["ok"]
    for s in silent:
        s.close()
    assert init.ask("wait") == ["ok"]


def test_a_flood_is_cut_rotated_and_holds_nobody_up(init):
    (init.root / "toolrunner.floods").touch()
    init.start()
    assert init.ask("wait") == ["ok"]
    logs = sorted(p.name for p in (init.root / "logs").iterdir())
    assert logs == ["service.log", "service.log.1", "service.log.2", "service.log.3"]
    for name in logs:
        path = init.root / "logs" / name
        assert path.stat().st_size <= 1000000 and path.stat().st_mode & 0o777 == 0o600
        for line in path.read_text().splitlines():
            assert re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} [A-Z]+ alpi\.\S+ ", line) and len(line) < 4200


def test_detach_returns_when_every_unit_is_ready(init):
    done = subprocess.run(init.command("-d"), capture_output=True, text=True)
    try:
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert all(u["state"] == "ready" for u in init.units().values())
    finally:
        init.ask("shutdown")


def test_detach_says_what_failed(init):
    (init.root / "hostd.dies").touch()
    done = subprocess.run(init.command("-d"), capture_output=True, text=True)
    init.ask("shutdown")
    assert done.returncode == 1 and "failed: default/hostd" in done.stderr


def test_a_root_too_long_for_sockets_is_said(init):
    deep = init.base / ("d" * 100)
    deep.mkdir()
    done = subprocess.run([LIBEXEC / "alpi-init", deep], capture_output=True, text=True)
    assert done.returncode == 1 and "too long" in done.stderr


def test_the_service_manager_hears_ready_watchdog_and_stopping(init):
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(init.base / "notify"))
    init.start(NOTIFY_SOCKET=str(init.base / "notify"), WATCHDOG_USEC="100000")
    told = []
    while not any(text.startswith("READY=1\nSTATUS=") for text in told) or "WATCHDOG=1" not in told:
        told.append(manager.recv(4096).decode())
    init.process.send_signal(signal.SIGHUP)
    while "RELOADING=1" not in told[-1]:
        told.append(manager.recv(4096).decode())
    assert re.fullmatch(r"RELOADING=1\nMONOTONIC_USEC=\d+", told[-1])
    init.process.terminate()
    while told[-1] != "STOPPING=1":
        told.append(manager.recv(4096).decode())
    manager.close()


def test_a_terminal_sees_the_lines(init):
    master, slave = os.openpty()
    init.process = subprocess.Popen(init.command(), stderr=slave)
    text = b""
    while b"default/hostd ready" not in text:
        text += os.read(master, 4096)
    init.process.terminate()
    init.process.wait()
    os.close(master)
    os.close(slave)
    init.process = None


@pytest.mark.parametrize("config, wanted", [
    ("", {"scheduled", "gatewayd"}),
    ("paused: true\n", {"scheduled"}),              # it tells of its jobs, and runs none
    ("paused: [\n", set()),                         # it may say "paused"
])
def test_what_works_unasked_waits_for_settings_that_let_it(tmp_path, config, wanted):
    (tmp_path / "schedule").mkdir()
    (tmp_path / ".env").write_text("TELEGRAM_BOT_TOKEN=t\n")
    (tmp_path / "config.yaml").write_text(config)
    lines = subprocess.run([LIBEXEC / "alpi-init-plan", tmp_path], capture_output=True, text=True, check=True).stdout.splitlines()
    names = {line.split()[1].split("/")[1] for line in lines if line.startswith("unit ")}
    assert names - {"toolrunner", "engined", "hostd", "alpd"} == wanted and "engined" in names
