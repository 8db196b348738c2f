# SPDX-License-Identifier: Apache-2.0
"""What the link daemon signs about the audit chains, and where it finds profiles of its machine."""
import json

from test_link import ALL, key, pin


def rows(home, chain="alpd"):
    return [json.loads(line) for line in (home.path / f"logs/audit/{chain}.jsonl").read_text().splitlines()]


def verified(home):
    return {row["chain"]: row for row in home.json("audit", "verify", "--json", check=False)}


def signed_home(home, provider):
    """A home with a chain of toolrunner's that alpd has signed at its end."""
    home.use(provider, "script")
    home.start()
    key(home)                                   # begins the link daemon
    call = {"name": "terminal", "arguments": {"command": "true"}}
    home.ask(json.dumps({"steps": [{"calls": [call]}, {"text": "done"}]}))
    home.run("daemon", "stop")
    return verified(home)


def test_the_end_of_the_link_daemon_signs_every_chain(home, provider):
    chains = signed_home(home, provider)
    assert all(row["ok"] for row in chains.values())
    tool = chains["toolrunner.jsonl"]
    assert tool["signed"] == tool["rows"] > 0
    assert home.run("audit", "verify").returncode == 0


def test_what_was_signed_cannot_be_cut_or_written_anew(home, provider):
    signed_home(home, provider)
    path = home.path / "logs/audit/toolrunner.jsonl"
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]))      # as a chain this still holds
    assert verified(home)["toolrunner.jsonl"]["detail"].startswith("truncated")
    assert home.run("audit", "verify", check=False).returncode != 0
    row = json.loads(lines[-1])
    row["who"] = "nobody"
    path.write_bytes(b"".join(lines[:-1]) + json.dumps(row, separators=(",", ":")).encode() + b"\n")
    assert verified(home)["toolrunner.jsonl"]["detail"].startswith("edited")
    path.write_bytes(whole)
    assert verified(home)["toolrunner.jsonl"]["ok"]


def test_a_restart_without_news_signs_nothing(home, provider):
    signed_home(home, provider)
    before = len(rows(home))
    home.start()
    home.run("peers", "list")
    home.run("daemon", "stop")
    assert len(rows(home)) == before


def test_a_profile_that_came_later_is_found_by_its_key(home, provider):
    """Under any id, and named when it knocks: its key file lies where no other alpd can look."""
    home.use(provider)
    home.start()
    mine = key(home)                            # our link daemon runs before the other profile exists
    home.run("profile", "create", "work")
    home.use(provider, profile="work")
    theirs = key(home, "work")
    pin(home, "boss", mine, profile="work")
    pin(home, "colleague", theirs)
    assert home.json("peers", "ping", "colleague", "--json")["status"] == "on"
    home.run("peers", "remove", "colleague")
    home.run("-p", "work", "peers", "ping", "boss", check=False)
    [knock] = home.json("peers", "pending", "--json")
    assert knock["local_profile"] == "work"
    home.run("peers", "accept", theirs, "colleague", "--allow", ALL)
    assert home.json("-p", "work", "peers", "ping", "boss", "--json")["status"] == "on"
