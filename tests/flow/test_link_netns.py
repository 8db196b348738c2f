# SPDX-License-Identifier: Apache-2.0
"""Two machines: two network namespaces with a cable between them, a home in each (needs root)."""
import hashlib
import os
import shutil
import subprocess
import sys

import pytest

import alp
import link_sides as sides
from conftest import FAKE, NOBODY, Home, Provider
from test_link import key, pin

pytestmark = pytest.mark.skipif(os.getuid() != 0 or shutil.which("ip") is None, reason="makes network namespaces")


def ip(*words):
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Machine(Home):
    """A home whose processes live in a namespace of their own."""

    def __init__(self, name, address, device):
        super().__init__(NOBODY)
        self.name, self.address, self.device = name, address, device
        ip("link", "set", device, "netns", name)
        ip("-n", name, "addr", "add", f"{address}/24", "dev", device)
        ip("-n", name, "link", "set", device, "up")
        ip("-n", name, "link", "set", "lo", "up")

    def command(self, *words):
        return ["ip", "netns", "exec", self.name, *super().command(*words)]


class Inside(Provider):
    """A provider on loopback of that machine."""

    def __init__(self, machine):
        self.process = subprocess.Popen(["ip", "netns", "exec", machine.name, FAKE], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[-1])
        self.url = f"http://127.0.0.1:{self.port}"


@pytest.fixture
def machines():
    names = [f"al-{os.getpid()}-{i}" for i in (1, 2)]
    devices = [f"al{os.getpid() % 100000}-{i}" for i in (1, 2)]
    for name in names:
        ip("netns", "add", name)
    ip("link", "add", devices[0], "type", "veth", "peer", "name", devices[1])
    made = [Machine(name, f"10.77.0.{i + 1}", device) for i, (name, device) in enumerate(zip(names, devices))]
    yield made
    for machine in made:
        machine.close()
    for name in names:
        ip("netns", "del", name)


@pytest.fixture
def pair(machines):
    """Both with the offline provider: there is no other on either machine."""
    for machine in machines:
        machine.config(f"model: offline/rules\nworkspace: {machine.workspace}\nalp: {{tcp_host: {machine.address}}}\n")
        machine.start()
    here, there = machines
    pin(here, "there", key(there), "--address", f"{there.address}:7423")
    pin(there, "here", key(here), "--address", f"{here.address}:7423")
    return machines


@pytest.fixture
def served(pair):
    """Both sides, each with a provider of its own."""
    providers = [Inside(machine) for machine in pair]
    for machine, provider in zip(pair, providers):
        machine.use(provider, more=f"alp: {{tcp_host: {machine.address}}}\n")
        machine.run("daemon", "reload")
    yield [sides.Side(machine) for machine in pair]
    for provider in providers:
        provider.close()


def test_asks_between_machines_plain_and_streamed_are_answered_and_can_be_cancelled(served):
    here, there = served
    sides.an_ask_is_answered(here, "there", "n=5")
    sides.a_streamed_ask_comes_in_pieces(here, "there")
    for how in ("host", "interrupt"):
        sides.a_cancel_reaches_the_peer(here, there, "there", how)


def test_a_blob_of_20_mib_goes_and_comes_between_machines(pair):
    sides.a_blob_goes_and_comes(*map(sides.Side, pair), "there")


def test_an_upload_goes_on_after_the_cable_was_out_and_the_receiver_died(pair):
    here, there = map(sides.Side, pair)

    def cut():
        """Down, so that not even the end of the connection is heard."""
        ip("-n", there.home.name, "link", "set", there.home.device, "down")
        there.kill("alpd")
        there.home.ready("default/alpd")
        ip("-n", there.home.name, "link", "set", there.home.device, "up")

    sides.an_upload_that_is_cut_goes_on(here, there, "there", cut)


def test_two_machines_ping_ask_and_send_each_other_files(pair):
    here, there = pair
    assert here.json("peers", "key", "--json")["listen"] == f"{here.address}:7423"
    assert f"via tcp {there.address}:7423" in here.run("peers", "ping", "there").stdout
    assert here.ask("@there run echo from $((40+2))")["tools"][0]["ok"]
    data = os.urandom(1 << 20)
    (here.workspace / "file").write_bytes(data)
    here.give(here.workspace)
    sent = here.json("peers", "blob-put", "there", "file", "--json")
    assert (there.path / "alp/blobs" / sent["hash"]).read_bytes() == data
    back = there.run("peers", "blob-get", "here", sent["hash"], check=False)
    assert back.returncode == 1 and "blob-not-found" in back.stderr
    (there.workspace / "own").write_bytes(data[:1000])
    there.give(there.workspace)
    sent = there.json("peers", "blob-put", "here", "own", "--json")
    got = there.json("peers", "blob-get", "here", sent["hash"], "--output", "again", "--json")
    assert got["size"] == 1000 and hashlib.sha256((there.workspace / "again").read_bytes()).hexdigest() == sent["hash"]


def test_a_cable_that_is_pulled_is_offline_and_heals(pair):
    here, there = pair
    ip("-n", there.name, "link", "set", "lo", "up")
    ip("-n", there.name, "addr", "flush", "to", f"{there.address}/24")
    answer = here.run("peers", "ping", "there", "--json", check=False)
    assert answer.returncode == 1 and '"off"' in answer.stdout
    device = [line.split(":")[1].split("@")[0].strip() for line in subprocess.run(
        ["ip", "-n", there.name, "-o", "link"], capture_output=True, text=True).stdout.splitlines() if "@" in line][0]
    ip("-n", there.name, "addr", "add", f"{there.address}/24", "dev", device)
    assert here.json("peers", "ping", "there", "--json")["status"] == "on"


def test_a_stranger_on_the_network_gets_no_byte(pair):
    here, there = pair
    stranger = alp.Identity()
    script = (
        "import sys; sys.path.insert(0, sys.argv[1]); import alp\n"
        "me = alp.Identity(bytes.fromhex(sys.argv[4]))\n"
        "wire = alp.TcpWire(me, (sys.argv[2], 7423), sys.argv[3])\n"
        "wire.send(alp.text_of(alp.request(me, sys.argv[3], 'link.ping')))\n"
        "try:\n    wire.receive(); print('answered')\n"
        "except alp.Closed as c:\n    print('silence' if not c.args or c.args[0] == b'' else 'bytes')\n")
    done = subprocess.run(["ip", "netns", "exec", there.name, sys.executable, "-c", script, os.path.dirname(__file__),
                           here.address, key(here), stranger.seed.hex()], capture_output=True, text=True)
    assert done.stdout.strip() == "silence", done.stderr
    assert [row["pubkey"] for row in here.json("peers", "pending", "--json")] == [stranger.name]
