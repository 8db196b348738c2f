# SPDX-License-Identifier: Apache-2.0
"""Measure what the project promises, against floors taken in the same run."""
import json
import os
import pathlib
import re
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "flow"))
from conftest import ALPI, BUILD, LIBEXEC, ROOT, Home, Provider, wait_for  # noqa: E402

SPAWN = BUILD / "tests" / "spawn"
POST = BUILD / "tests" / "post"
BUS = BUILD / "tests" / "bus"
LINK = BUILD / "tests" / "link"
RECALL = BUILD / "tests" / "recall"
SHELF = BUILD / "tests" / "shelf"
JOBS = BUILD / "tests" / "jobs"
SETTLE_S = 7            # idle: what a turn left ready for the next one is gone (toolrunner's spare worker, 5 s)
HEAD = "name\tvalue\tunit\tfloor\tratio\tbudget\tmet"
rows = []


def met(value, floor, budget):
    """Whether a budget holds: `<= N unit`, `<= N x floor`, `>= N x floor` or `<= N unit over the floor`."""
    limit = re.match(r"([<>])= ([\d.]+)( x)?", budget)
    if limit is None:
        return "-"
    if limit[3]:
        value /= floor
    elif "over" in budget:
        value -= floor
    holds = value <= float(limit[2]) if limit[1] == "<" else value >= float(limit[2])
    return "met" if holds else "MISSED"


def row(name, value, unit, floor=None, budget=""):
    """One line of the result."""
    ratio = f"{value / floor:.2f}" if floor else "-"
    line = "\t".join([name, f"{value:.2f}", unit, "-" if floor is None else f"{floor:.2f}", ratio, budget,
                      met(value, floor, budget)])
    rows.append(line)
    print(line, flush=True)


def spawn_us(count, *words, env=None):
    """Median time of a whole process, in microseconds."""
    done = subprocess.run([SPAWN, str(count), *map(str, words)], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return float(done.stdout.split()[1])


def tree(home):
    """The processes of a home: init and all below it."""
    init = home.json("daemon", "status", "--json")["pid"]
    found, rest = [], [init]
    while rest:
        pid = rest.pop()
        found.append(pid)
        for task in os.listdir(f"/proc/{pid}/task"):
            rest += map(int, pathlib.Path(f"/proc/{pid}/task/{task}/children").read_text().split())
    return found


def pss_kb(pids):
    total = 0
    for pid in pids:
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total


def switches(pids):
    total = 0
    for pid in pids:
        for task in os.listdir(f"/proc/{pid}/task"):
            for line in pathlib.Path(f"/proc/{pid}/task/{task}/status").read_text().splitlines():
                if line.startswith("voluntary_ctxt"):
                    total += int(line.split()[1])
    return total


class Streams:
    """Many chat.send streams at once: when each had its first word and when it ended, in seconds from its start."""

    def __init__(self, home, texts, profile="default", **params):
        self.selector = selectors.DefaultSelector()
        self.left, self.first, self.total, self.failed = 0, [], [], 0
        for i, text in enumerate(texts):
            s = socket.socket(socket.AF_UNIX)
            s.connect(str(home.path / "host" / "host.sock"))
            request = {"id": i, "method": "host.chat.send", "params": {
                "profile": profile, "text": text, "interactive": False,
                "request_id": f"{os.getpid()}-{time.monotonic_ns()}-{i}", **params}}
            s.sendall(json.dumps(request).encode() + b"\n")
            self.selector.register(s, selectors.EVENT_READ, {"start": time.monotonic(), "tail": b"", "first": False})
            self.left += 1

    def step(self, timeout=None):
        for key, _ in self.selector.select(timeout):
            state, data = key.data, key.fileobj.recv(65536)
            seen = state["tail"] + data
            now = time.monotonic() - state["start"]
            if not state["first"] and b"assistant_delta" in seen:
                state["first"] = True
                self.first.append(now)
            if b'"event":"error"' in seen:
                self.failed += 1
            state["tail"] = seen[-64:]
            if not data:
                self.total.append(now)
                self.selector.unregister(key.fileobj)
                key.fileobj.close()
                self.left -= 1

    def run(self):
        while self.left:
            self.step()
        return self


def ask(home, text, **params):
    return Streams(home, [text], **params).run().total[0]


# ---- the rows ---------------------------------------------------------------------------------

def start_up(provider):
    """From `alpi daemon start` to every unit ready."""
    floor = sum(spawn_us(20, LIBEXEC / f"alpi-{name}", "--version") for name in ("init", "engined", "toolrunner", "hostd"))
    times = []
    for _ in range(7):
        home = Home()
        home.use(provider)
        begin = time.monotonic()
        home.start()
        times.append((time.monotonic() - begin) * 1000)
        home.close()
    row("start to ready", statistics.median(times), "ms", floor / 1000, "<= 60 ms")


def memory_and_rest(provider):
    home = Home()
    home.use(provider)
    home.start()
    home.ask("n=3")
    time.sleep(SETTLE_S)
    one = tree(home)
    row("memory of one profile, idle after a turn", pss_kb(one) / 1024, "MB PSS", None, "<= 14 MB")
    before, seconds = switches(one), 10
    time.sleep(seconds)
    row("idle wake-ups", (switches(one) - before) / seconds, "1/s", None, "<= 2 per s")
    home.use(provider, profile="second")
    home.ready("second/engined")
    home.ready("second/toolrunner")
    home.ask("n=3", "-p", "second")
    time.sleep(SETTLE_S)
    row("memory of one more profile", (pss_kb(tree(home)) - pss_kb(one)) / 1024, "MB PSS", None, "<= 6 MB")
    home.close()


def one_turn(provider):
    home = Home()
    home.use(provider)
    home.start()
    chat = [ALPI, "chat", "--once", "n=1"]
    spawn_us(20, *chat, env=home.env)
    floor = spawn_us(100, POST, provider.port, "text", "n=1")
    warm = spawn_us(100, *chat, env=home.env)
    row("warm turn over the provider's time", (warm - floor) / 1000, "ms", floor / 1000, "<= 5 ms")
    home.run("daemon", "stop")
    times = []
    for _ in range(7):
        times.append(spawn_us(1, *chat, env=home.env))
        home.run("daemon", "stop")
    row("cold turn over the provider's time", (statistics.median(times) - floor) / 1000, "ms", floor / 1000, "<= 100 ms")
    home.start()
    row("request for hello", home.json("chat", "--explain-prompt", "hello", "--json")["request_bytes"], "bytes", None,
        "<= 8192")
    home.close()


def tool_round_trip(provider):
    home = Home()
    home.use(provider, "script")
    home.start()

    def turn(calls):
        call = {"name": "terminal", "arguments": {"command": "/bin/true"}}
        return json.dumps({"steps": [{"calls": [call] * calls}, {"text": "x"}]})

    def trip_ms():
        few = statistics.median(ask(home, turn(1)) for _ in range(9))
        return (statistics.median(ask(home, turn(21)) for _ in range(5)) - few) / 20 * 1000

    def floor_ms():
        """A worker (a shell that waits) and its command, in fresh namespaces: two execs and nothing else."""
        return spawn_us(-50, "/bin/sh", "-c", "/bin/true; :") / 1000

    ask(home, turn(3))
    pairs = sorted(((trip_ms(), floor_ms()) for _ in range(5)), key=lambda pair: pair[0] - pair[1])
    row("tool round trip with its sandbox", pairs[2][0], "ms", pairs[2][1], "<= 5 ms over the floor")
    home.close()


def bus():
    done = subprocess.run([BUS], capture_output=True, text=True, cwd=ROOT)
    for line in done.stdout.splitlines():
        name, value, unit, floor, _ = line.split("\t")[:5]
        row(name, float(value), unit, float(floor), "100-170 us seen")


def many_streams(provider):
    home = Home()
    home.use(provider)
    home.start()
    home.ask("n=1")
    engined = home.pid("default/engined")
    streams = Streams(home, ["n=100 delay=50"] * 1000)
    high = 0
    while streams.left:
        streams.step(0.2)
        high = max(high, pss_kb([engined]))
    assert streams.failed == 0, f"{streams.failed} streams failed\n{home.log()}"
    row("1000 streams: memory of engined", high / 1024, "MB PSS", None, "<= 150 MB")
    row("1000 streams: slowest", max(streams.total), "s", statistics.median(streams.total), "<= 3 x median")
    home.close()


def saturation(provider):
    home, calm = Home(), Provider()
    home.use(calm)              # its own: what is measured is our queues, not those of the fake that feeds the load
    home.use(provider, profile="busy")
    home.start()
    home.ready("busy/engined")

    def first_ms(chats):
        times = []
        for _ in range(chats):
            times += Streams(home, ["n=1"]).run().first
            time.sleep(0.03)    # a person's chat meets every phase of the load, and an idle machine in between
        return statistics.median(times) * 1000

    idle = first_ms(30)
    load = Streams(home, ["n=400 delay=20"] * 200, profile="busy")
    wait_for(lambda: load.step(0.05) or len(load.first) >= 100, "the load")
    loaded = first_ms(60)       # nobody reads the load meanwhile: this program must not be part of it
    assert load.left == 200
    row("first token beside a saturated profile", loaded, "ms", idle, "<= 2 x idle")
    home.close()
    calm.close()


def beside_trouble(provider):
    """A chat while something else of the machine hangs, against the same chat without."""
    home = Home()
    home.use(provider)
    home.use(provider, profile="other")
    home.use(provider, "silent", profile="mute")
    home.start()
    for unit in ("other/engined", "other/toolrunner", "mute/engined"):
        home.ready(unit)

    def turn_ms():
        return statistics.median(ask(home, "n=3") * 1000 for _ in range(15))

    turn_ms()
    usual = turn_ms()
    for unit in ("other/engined", "other/toolrunner", "default/toolrunner", "default/scheduled"):
        home.kill(unit, signal.SIGSTOP)
        row(f"turn beside a stopped {unit}", turn_ms(), "ms", usual, "<= 2 x usual")
        home.kill(unit, signal.SIGCONT)
    waiting = Streams(home, ["x"], profile="mute")
    row("turn beside a provider that never answers", turn_ms(), "ms", usual, "<= 2 x usual")
    silent = Streams(home, ["x"], model="fake/silent")
    row("turn beside one of its profile that is never answered", turn_ms(), "ms", usual, "<= 2 x usual")
    home.use(provider, "script")
    call = {"name": "terminal", "arguments": {"command": "touch hangs; sleep 1000"}}
    hanging = Streams(home, [json.dumps({"steps": [{"calls": [call]}]})])
    wait_for(lambda: (home.workspace / "hangs").exists(), "the tool to hang")
    home.use(provider)
    row("turn beside a tool that hangs", turn_ms(), "ms", usual, "<= 2 x usual")
    assert waiting.left == silent.left == hanging.left == 1
    home.close()


def long_life(provider):
    home = Home()
    home.use(provider)
    home.start()
    measured = {}
    done = 0
    for target in (100, 10000):
        while done < target:
            batch = min(10, target - done)
            streams = Streams(home, ["n=2"] * batch).run()
            assert streams.failed == 0, home.log()
            done += batch
        time.sleep(SETTLE_S)
        measured[target] = pss_kb(tree(home)) / 1024
    row("memory after 10,000 turns", measured[10000], "MB PSS", measured[100], "<= 1.05 x after 100")
    home.close()


def installed_size():
    with tempfile.TemporaryDirectory() as place:
        subprocess.run(["packaging/install.sh", BUILD, place, "/usr"], cwd=ROOT, check=True)
        size = sum(p.stat().st_size for p in pathlib.Path(place).rglob("*") if p.is_file() and not p.is_symlink())
    row("installed size", size / 1e6, "MB", None, "<= 5 MB")


def link_rows(provider):
    """The link: pings and files of a peer that is as fast as it is answered, against the primitives alone."""
    import alp
    floors = {name: float(value) for name, value in
              (line.split() for line in subprocess.run([LINK, "floor"], capture_output=True, text=True).stdout.splitlines())}
    home, peer = Home(), alp.Identity()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    home.use(provider, more=f"alp: {{tcp_port: {port}, tcp_host: 127.0.0.1}}\n")
    home.start()
    key = home.run("peers", "key").stdout.strip()
    home.run("peers", "add", "bench", peer.name, "--allow", "link.ping,link.put_blob,link.get_blob")
    peers = home.path / "alp/peers.yaml"
    peers.write_text(peers.read_text().rstrip("\n") + "\n  rate_limit: {per_minute: 100000000}\n")
    home.ready("default/alpd")
    tcp, unix = f"127.0.0.1:{port}", home.path / "alp/alp.sock"

    def link(where, *words):
        done = subprocess.run([LINK, peer.seed.hex(), key, where, *map(str, words)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    signed = 2 * floors["sign_us"] + 2 * floors["verify_us"] + floors["socket_us"]
    row("link.ping, Unix socket", float(link(unix, "ping", 2000)[0]), "us", signed, "<= 2 x floor")
    row("link.ping, TCP, new connection", float(link(tcp, "new", 1000)[0]), "us",
        signed + 8 * floors["x25519_us"], "<= 2 x floor")
    row("link.ping, TCP, reused", float(link(tcp, "ping", 2000)[0]), "us", signed, "")
    row("link.ping, 64 sessions", float(link(tcp, "many", 64, 20000)[0]), "1/s", 1e6 / signed, "")
    aead, sha256, sha512 = (floors[f"{name}_us_per_mib"] for name in ("aead", "sha256", "sha512"))
    rate = 1048576 / (aead + sha256)
    # what the protocol itself asks for: base64, and Ed25519, which hashes twice to sign and once to verify
    wire = 1048576 / (sha256 + 4 / 3 * (3 * sha512 + 2 * aead))
    up, digest = link(tcp, "put", 20 * 1024 * 1024)
    down = link(tcp, "get", digest)[0]
    row("blob up, 20 MiB", float(up), "MB/s", rate, ">= 0.6 x floor")
    row("blob down, 20 MiB", float(down), "MB/s", rate, ">= 0.6 x floor")
    row("blob up, against the protocol's own primitives", float(up), "MB/s", wire, "")
    row("blob down, against the protocol's own primitives", float(down), "MB/s", wire, "")
    pids = [home.pid("default/alpd")]
    before = pss_kb(pids)
    link(tcp, "many", 64, 100000)
    row("memory of a ping that is remembered, for 5 minutes", (pss_kb(pids) - before) * 1024 / 100000, "bytes PSS", None, "")
    before = pss_kb(pids)
    crowd = subprocess.Popen([LINK, peer.seed.hex(), key, tcp, "idle", "100"], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    crowd.stdout.readline()
    row("memory of an idle link session", (pss_kb(pids) - before) / 100, "KB PSS", None, "")
    crowd.stdin.close()
    crowd.wait()
    home.close()


def recall_rows():
    """Conversations by words: many short ones, then as many that make 100,000 pieces."""
    for name, lines in (("10,000 sessions", 20), ("100,000 pieces", 246)):
        with tempfile.TemporaryDirectory(dir="/tmp") as home:
            for folder in ("sessions", "rag"):
                (pathlib.Path(home) / folder).mkdir()
            done = subprocess.run([RECALL, home, "10000", str(lines)], capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
        value = {key: float(number) for key, number in (line.split() for line in done.stdout.splitlines())}
        row(f"recall, {name}: common and rare words, 95 %", value["mixed_ms"], "ms", None, "<= 50 ms")
        row(f"recall, {name}: common and rare words, 95 %, processor", value["mixed_cpu_ms"], "ms", None, "")
        row(f"recall, {name}: a rare word, 95 %", value["rare_ms"], "ms", None, "<= 50 ms")
        row(f"recall, {name}: common words only, 95 %", value["common_ms"], "ms", None, "<= 50 ms")
        row(f"recall, {name}: most often common and rare words, 95 %", value["counted_mixed_ms"], "ms", None, "<= 50 ms")
        row(f"recall, {name}: most often common words only, 95 %", value["counted_common_ms"], "ms", None, "<= 50 ms")
        row(f"recall, {name}: most often common words only, 95 %, processor", value["counted_common_cpu_ms"], "ms", None, "")
        row(f"recall, {name}: nothing changed", value["again_ms"], "ms", None, "")
        row(f"recall, {name}: index build", value["build_per_s"], "sessions/s", None, "")
        row(f"recall, {name}: index build", value["build_per_s"] * value["pieces"] / 10000, "pieces/s", None, "")
        row(f"recall, {name}: longest turn of the loop", value["build_slice_ms"], "ms", None, "")
        row(f"recall, {name}: longest turn of the loop, processor", value["build_slice_cpu_ms"], "ms", None, "")
        row(f"recall, {name}: memory for build and queries", value["memory_kb"] / 1024, "MB", None, "")


def shelf_rows():
    """Files by words and by meaning: 100,000 pieces, a vector of 384 numbers each."""
    with tempfile.TemporaryDirectory(dir="/tmp") as home:
        (pathlib.Path(home) / "rag").mkdir()
        done = subprocess.run([SHELF, home, "10000", "250"], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        size = (pathlib.Path(home) / "rag" / "workspace.sqlite").stat().st_size
    value = {key: float(number) for key, number in (line.split() for line in done.stdout.splitlines())}
    name = f"workspace, {value['pieces']:,.0f} pieces"
    row(f"{name}: common and rare words, 95 %", value["mixed_ms"], "ms", None, "<= 50 ms")
    row(f"{name}: common and rare words, 95 %, processor", value["mixed_cpu_ms"], "ms", None, "")
    row(f"{name}: a rare word, 95 %", value["rare_ms"], "ms", None, "<= 50 ms")
    row(f"{name}: common words only, 95 %", value["common_ms"], "ms", None, "<= 50 ms")
    row(f"{name}: nearest vectors of 384 numbers, 95 %", value["vector_ms"], "ms", None, "<= 50 ms")
    row(f"{name}: nearest vectors of 384 numbers, 95 %, processor", value["vector_cpu_ms"], "ms", None, "")
    row(f"{name}: of the 10 nearest found", 100 * value["vector_right"], "%", None, "")
    row(f"{name}: index build", value["build_files_per_s"] * value["pieces"] / 10000, "pieces/s", None, "")
    row(f"{name}: longest file of 250 lines", value["build_longest_ms"], "ms", None, "")
    row(f"{name}: longest file of 250 lines, processor", value["build_longest_cpu_ms"], "ms", None, "")
    row(f"{name}: vectors kept", value["vectors_per_s"], "vectors/s", None, "")
    row(f"{name}: memory for build and queries", value["memory_kb"] / 1024, "MB", None, "")
    row(f"{name}: file", size / (1 << 20), "MB", None, "")


def job_rows():
    """The scheduler's own part: what a look costs when nothing is due, beside few jobs and beside many."""
    few, many = {}, {}
    for value, count in ((few, 10), (many, 100000)):
        with tempfile.TemporaryDirectory(dir="/tmp") as home:
            done = subprocess.run([JOBS, home, str(count)], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        value.update((key, float(number)) for key, number in (line.split() for line in done.stdout.splitlines()))
    row("100,000 jobs: one look, none due (floor: of 10)", many["look_us"], "us", few["look_us"], "<= 2 x of 10")
    row("100,000 jobs: read and armed", many["arm_ms"], "ms", None, "")
    row("100,000 jobs: memory for them", many["memory_kb"] / 1024, "MB PSS", None, "")
    row("100,000 jobs: 1,000 of them shown", many["page_ms"], "ms", None, "")
    row("100,000 jobs: one changed, the file on disk", many["change_ms"], "ms", None, "")


def many_jobs(provider):
    """All processes of a profile with 100,000 jobs that are not due, against the same with one."""
    measured = {}
    for count in (1, 100000):
        home = Home()
        home.use(provider)
        (home.path / "schedule").mkdir()
        stored = [{"id": f"{n:08x}", "kind": "cron", "expression": "0 0 1 1 *", "prompt": f"look at branch {n}",
                   "last_run_at": time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime())} for n in range(count)]
        (home.path / "schedule/jobs.json").write_text(json.dumps(stored, indent=2))
        home.give(home.path / "schedule")
        begin = time.monotonic()
        home.start()
        ready = time.monotonic() - begin
        begin = time.monotonic()
        home.run("schedule", "list")
        shown = time.monotonic() - begin
        begin = time.monotonic()
        assert len(home.json("schedule", "list", "--json")) == count
        listed = time.monotonic() - begin
        time.sleep(SETTLE_S)
        all_of_it, seconds = tree(home), 20
        before = switches(all_of_it)
        time.sleep(seconds)
        measured[count] = [(switches(all_of_it) - before) / seconds, ready * 1000, shown * 1000, listed,
                           pss_kb([home.pid("default/scheduled")]) / 1024]
        home.close()
    (wake, ready, shown, listed, memory), (floor, one, shown_one, listed_one, memory_one) = measured[100000], measured[1]
    row("100,000 jobs: idle wake-ups (floor: with one job)", wake, "1/s", floor, "<= 2 per s")
    row("100,000 jobs: start to ready", ready, "ms", one, "")
    row("100,000 jobs: alpi schedule list", shown, "ms", shown_one, "")
    row("100,000 jobs: alpi schedule list --json", listed, "s", listed_one, "")
    row("100,000 jobs: memory of scheduled", memory, "MB PSS", memory_one, "")


def recall_beside(provider):
    """A chat while all conversations are indexed for the first time, against the same chat without."""
    home = Home()
    home.use(provider, "echo")
    folder = home.path / "sessions"
    folder.mkdir(mode=0o700)
    for n in range(10000):
        turns = [{"at": float(n), "user": f"note {n}", "assistant": "noted " * 300, "tools": []}]
        (folder / f"s{n}.json").write_text(json.dumps({"schema_version": 2, "id": f"s{n}", "model": "m", "turns": turns}))
    home.start()

    def chat():
        began = time.monotonic()
        home.ask("hello")
        return (time.monotonic() - began) * 1000

    chat()
    alone = statistics.median(chat() for _ in range(10))
    search = home.popen("sessions", "search", "note")
    beside = []
    while search.poll() is None:
        beside.append(chat())
    search.communicate()
    row("a chat while 10,000 sessions are indexed", statistics.median(beside), "ms", alone, "")
    home.close()


def main():
    provider = Provider()
    print(HEAD, flush=True)
    try:
        for measure in (start_up, memory_and_rest, one_turn, tool_round_trip, many_streams, saturation,
                        beside_trouble, long_life, link_rows, recall_beside, many_jobs):
            if len(sys.argv) < 2 or measure.__name__ in sys.argv[1:]:
                measure(provider)
        for measure in (bus, recall_rows, shelf_rows, job_rows, installed_size):
            if len(sys.argv) < 2 or measure.__name__ in sys.argv[1:]:
                measure()
    finally:
        provider.close()
    (BUILD / "bench.tsv").write_text("\n".join([HEAD, *rows]) + "\n")


if __name__ == "__main__":
    main()
