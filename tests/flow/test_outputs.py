# SPDX-License-Identifier: Apache-2.0
"""The person's inbox: the tool notify, the verbs and events of the host plane, alpi outputs; over the real processes."""
import json
import os
import signal
import time

from conftest import host, wait_for
from test_chat_tool import call, script


def start(home, provider):
    home.use(provider, "script")
    home.start()


def notify(**args):
    return script({"calls": [call("notify", **args)]}, {"text": "told"})


def rows(home, *words):
    return home.json("outputs", "list", "--json", *words)


def events(home, kind):
    return [e["data"] for e in host(home, "host.events.history", kinds=[kind])["events"]]


def test_a_notice_is_kept_told_listed_and_read(home, provider):
    start(home, provider)
    answer = home.ask(notify(text="The roof is wet\nsince noon", title="Rain", type="warning"))
    assert answer["tools"][0]["ok"] and answer["tools"][0]["output"] == "delivered: alpi"
    [row] = rows(home)
    assert (row["title"], row["type"], row["status"], row["session_id"]) == ("Rain", "warning", "unread", answer["session_id"])
    stored = json.loads((home.path / "outputs/outputs.jsonl").read_text())
    assert stored == row and (home.path / "outputs/outputs.jsonl").stat().st_mode & 0o777 == 0o600
    [told] = wait_for(lambda: events(home, "agent.message"))
    assert told == {"profile": "default", "title": "Rain", "body": "The roof is wet\nsince noon", "type": "warning",
                    "output_id": row["id"], "deep_link": f"/outputs/default/{row['id']}", "session_id": answer["session_id"]}
    assert events(home, "output.created") == [{"profile": "default", "id": row["id"], "source": "send_message", "type": "warning"}]
    line = home.run("outputs", "list").stdout
    assert line.startswith("● ") and line.endswith(f"[warning] {row['id']}  Rain\n")
    assert "The roof is wet\nsince noon" in home.run("outputs", "show", row["id"]).stdout
    assert home.run("outputs", "list").stdout.startswith("○ ") and rows(home, "--unread") == []
    assert wait_for(lambda: events(home, "output.updated")) == [{"profile": "default", "id": row["id"], "status": "read"}]


def test_the_host_plane_reads_marks_and_deletes(home, provider):
    start(home, provider)
    for n in range(3):
        home.ask(notify(text=f"number {n}"))
    listed = host(home, "host.outputs.list", profile="default", status="unread", limit=2)["outputs"]
    assert [row["body"] for row in listed] == ["number 2", "number 1"]
    one = listed[0]["id"]
    assert host(home, "host.outputs.read", profile="default", id=one)["output"]["status"] == "unread"
    assert host(home, "host.outputs.mark_read", profile="default", id=one)["output"]["status"] == "read"
    assert host(home, "host.outputs.mark_all_read", profile="default") == {"ok": True, "count": 2}
    assert host(home, "host.outputs.delete", profile="default", id=one) == {"ok": True}
    assert host(home, "host.outputs.read", profile="default", id=one)["error"]["code"] == -32004
    assert host(home, "host.outputs.list", profile="default", status="odd")["error"]["code"] == -32602
    assert len(rows(home)) == 2


def test_all_profiles_are_one_list(home, provider):
    home.use(provider, "script", profile="work")
    start(home, provider)
    home.ask(notify(text="here"))
    home.json("-p", "work", "chat", "--once", notify(text="there"), "--json")
    assert [row["body"] for row in rows(home, "--all-profiles")] == ["there", "here"]
    assert [row["body"] for row in rows(home, "--all-profiles", "-n", "1")] == ["there"]
    assert "work: there" in home.run("outputs", "list", "--all-profiles").stdout
    assert "marked 1 as read" in home.run("outputs", "read-all").stdout
    assert [row["body"] for row in rows(home, "--all-profiles", "--unread")] == ["there"]


def test_what_is_no_notice_is_refused(home, provider):
    start(home, provider)
    for args in ({}, {"text": "  "}, {"text": "x", "type": "loud"}, {"text": "x" * 9000}, {"text": "x", "title": "t" * 300},
                 {"text": 7}):
        answer = home.ask(notify(**args))
        assert not answer["tools"][0]["ok"] and "notify" in answer["tools"][0]["output"], args
    assert rows(home) == [] and "nothing yet" in home.run("outputs", "list").stdout
    for words in (["show", "nobody"], ["show", "0" * 12], ["list", "-n", "0"], ["list", "-n", "501"], ["show"], ["odd"]):
        done = home.run("outputs", *words, check=False)
        assert done.returncode in (1, 2) and done.stderr, words


def test_a_peers_turn_calls_nobody(home, provider):
    from test_link import key, pin
    home.use(provider)
    home.use(provider, "script", profile="work")
    home.start()
    pin(home, "work", key(home, "work"))
    pin(home, "boss", key(home), profile="work")
    home.ask("@work " + notify(text="planted").strip())
    assert not (home.path / "profiles/work/outputs/outputs.jsonl").exists()


def test_a_file_of_another_program_is_read_as_far_as_it_goes(home, provider):
    home.use(provider, "script")
    good = '{"id": "00000000000a", "created_at": 1700000000.25, "body": "\\u001b[2Jold", "kind": "error", "status": "unread"}'
    (home.path / "outputs").mkdir(mode=0o700, exist_ok=True)
    (home.path / "outputs/outputs.jsonl").write_bytes(b"\xff\xfe\x00\n" + good.encode() + b"\n{\n" + b"x" * 3_000_000)
    home.give(home.path)
    home.start()
    shown = home.run("outputs", "list").stdout
    assert "[error] 00000000000a  \\x1b[2Jold" in shown and "\x1b" not in shown + home.run("outputs", "show", "00000000000a").stdout
    assert (home.path / "outputs/outputs.jsonl").read_text() == good.replace("unread", "read") + "\n"
    assert b"\xff\xfe\x00\n" in (home.path / "outputs/outputs.jsonl.bad").read_bytes()
    assert "stand in outputs.jsonl.bad now" in home.log()


def test_a_death_files_a_notice_once(home, provider):
    start(home, provider)
    for i in range(int(os.environ.get("ALPI_KILLS", "6"))):
        victim = home.pid("default/engined")
        asked = home.popen("chat", "--once", notify(text=f"notice {i}"), "--json")
        time.sleep(0.02 + 0.01 * i)         # the moment of the kill is the experiment, not something to wait for
        os.kill(victim, signal.SIGKILL)
        asked.communicate()
        home.ready("default/engined", not_pid=victim)
        home.run("daemon", "restart", "default/engined")
        assert [row["body"] for row in rows(home)].count(f"notice {i}") <= 1
        assert (home.path / "outputs/outputs.jsonl").exists() is False or \
            all(json.loads(line) for line in (home.path / "outputs/outputs.jsonl").read_text().splitlines())
