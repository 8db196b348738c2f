# SPDX-License-Identifier: Apache-2.0
"""The control plane over the real daemons: clients that leave, engines that hang, questions, settings."""
import os
import signal
import socket

from conftest import BUILD, HostStream, host, wait_for
from test_chat_tool import call, script


def send(home, text, request_id, profile="default", **params):
    return HostStream(home, "host.chat.send", profile=profile, text=text, request_id=request_id, **params)


def until(stream, kind):
    """The frames up to the first of this kind, without heartbeats."""
    frames = []
    for frame in stream:
        assert "event" in frame, frame
        if frame["event"] == "heartbeat":
            continue
        frames.append(frame)
        if frame["event"] == kind:
            return frames
    raise AssertionError(f"the stream ended without {kind}: {frames}")


def text_of(frames):
    return "".join(f["text"] for f in frames if f["event"] == "assistant_delta")


SLOW = {"text": "some words that come slowly " * 4}


def test_a_stream_begins_with_session_start_and_ends_with_done(home, provider):
    home.use(provider, "script")
    home.start()
    frames = until(send(home, script({"text": "hello there"}), "r1"), "done")
    assert frames[0]["event"] == "session_start"
    assert [f["event"] for f in frames[-2:]] == ["reply", "done"]
    assert frames[-2]["text"] == "hello there"
    assert {f["id"] for f in frames} == {1}
    again = until(send(home, "this text does not matter", "r1"), "done")
    assert text_of(again) == "hello there" and again[-2] == frames[-2], "shown again, not run again"
    assert provider.stats()["requests"] == 1


def test_a_client_that_vanishes_leaves_a_turn_that_ends(home, provider):
    home.use(provider, "script")
    home.start()
    stream = send(home, script(SLOW, delay=5), "r1")
    session = until(stream, "assistant_delta")[0]["session_id"]
    stream.close()
    wait_for(lambda: not host(home, "host.activity.list")["running"], "the turn to end")
    assert home.sessions()[session]["turns"][-1]["assistant"] == SLOW["text"]


def test_after_a_kill_the_same_request_id_shows_the_whole_turn(home, provider):
    home.use(provider, "script")
    home.start()
    message = script(SLOW, delay=10)
    stream = send(home, message, "r1")
    until(stream, "assistant_delta")
    old = home.pid("default/hostd")
    os.kill(old, signal.SIGKILL)
    assert list(stream) is not None     # its connection is over
    home.ready("default/hostd", not_pid=old)
    frames = until(send(home, message, "r1"), "done")
    assert frames[0]["event"] == "session_start"
    assert text_of(frames) == SLOW["text"]
    assert provider.stats()["requests"] == 1


def test_a_stopped_engine_stops_its_own_profile_only(home, provider):
    home.use(provider, "script")
    home.use(provider, "script", profile="work")
    home.start()
    home.ready("work/engined")
    stopped = home.pid("work/engined")
    os.kill(stopped, signal.SIGSTOP)
    try:
        waits = HostStream(home, "host.sessions.list", profile="work")
        chat = send(home, script({"text": "later"}), "w1", profile="work")
        for i in range(5):
            assert until(send(home, script({"text": "now"}), f"d{i}"), "done")[-2]["text"] == "now"
        assert host(home, "host.version")["agent_name"] == "alpi"
        assert len(host(home, "host.profiles.list")["profiles"]) == 2
    finally:
        os.kill(stopped, signal.SIGCONT)
    assert "sessions" in next(iter(waits))["result"]
    assert until(chat, "done")[-2]["text"] == "later"


def test_a_person_is_asked_and_the_first_answer_counts(home, provider):
    home.use(provider, "script")
    home.start()
    events = HostStream(home, "host.events.subscribe", kinds=["approval.request", "approval.resolved"])
    told = iter(events)
    assert next(told)["event"] == "subscribed"
    command = "echo x > f && rm -r f && echo gone"
    chat = send(home, script({"calls": [call("terminal", command=command)]}, {"text": "end"}), "r1")
    asked = next(told)["data"]
    assert asked["command"] == command and asked["profile"] == "default"
    assert [r["request_id"] for r in host(home, "host.approval.pending")["requests"]] == [asked["request_id"]]
    assert host(home, "host.activity.list")["needs_you"][0]["kind"] == "approval"
    assert host(home, "host.approval.respond", request_id=asked["request_id"], choice="maybe")["error"]["code"] == -32602
    assert host(home, "host.approval.respond", request_id=asked["request_id"], choice="once") == {"ok": True}
    assert host(home, "host.approval.respond", request_id=asked["request_id"], choice="deny")["ok"] is False
    resolved = next(told)["data"]
    assert (resolved["request_id"], resolved["choice"]) == (asked["request_id"], "once")
    frames = until(chat, "done")
    ended = next(f for f in frames if f["event"] == "tool_end")
    assert ended["ok"] and "gone" in ended["output"], ended


def test_a_question_survives_the_death_of_hostd(home, provider):
    home.use(provider, "script")
    home.start()
    chat = send(home, script({"calls": [call("terminal", command="mkdir d; rm -r d")]}, {"text": "end"}), "r1")
    pending = wait_for(lambda: host(home, "host.approval.pending")["requests"], "a question")
    old = home.pid("default/hostd")
    os.kill(old, signal.SIGKILL)
    home.ready("default/hostd", not_pid=old)
    chat = send(home, "", "r1")
    assert host(home, "host.approval.pending")["requests"] == pending
    assert host(home, "host.approval.respond", request_id=pending[0]["request_id"], choice="once") == {"ok": True}
    assert next(f for f in until(chat, "done") if f["event"] == "tool_end")["ok"]


def test_always_is_kept_in_the_configuration(home, provider):
    home.use(provider, "script")
    home.start()
    turn = script({"calls": [call("terminal", command="mkdir d; rm -r d")]}, {"text": "end"})
    chat = send(home, turn, "r1")
    asked = wait_for(lambda: host(home, "host.approval.pending")["requests"], "a question")[0]
    assert host(home, "host.approval.respond", request_id=asked["request_id"], choice="always") == {"ok": True}
    until(chat, "done")
    assert asked["pattern"] in (home.path / "config.yaml").read_text()
    frames = until(send(home, turn, "r2"), "done")      # nobody is asked any more
    assert next(f for f in frames if f["event"] == "tool_end")["ok"]


def test_cancel_interrupts_the_turn(home, provider):
    home.use(provider, "script")
    home.start()
    stream = send(home, script({"text": "word " * 500}, delay=20), "r1")
    until(stream, "assistant_delta")
    assert host(home, "host.chat.cancel", request_id="r1") == {"cancelled": True}
    assert "interrupted" in [f["event"] for f in until(stream, "done")]
    assert host(home, "host.chat.cancel", request_id="r1") == {"cancelled": False}


def test_a_new_profile_chats_at_once_and_goes_to_the_trash(home, provider):
    home.use(provider, "script")
    home.start()
    made = host(home, "host.profile.create", name="fresh")
    assert made["ok"]
    assert host(home, "host.config.set_field", profile="fresh", key="model", value="fake/script") == {"ok": True}
    assert host(home, "host.providers.add_ollama", profile="fresh", name="fake", url=provider.url) == {"ok": True}
    assert until(send(home, script({"text": "here"}), "r1", profile="fresh"), "done")[-2]["text"] == "here"
    assert host(home, "host.profile.create", name="fresh")["error"]["code"] == -32008
    gone = host(home, "host.profile.delete", name="fresh")
    assert os.path.isdir(gone["archived_at"])
    assert host(home, "host.chat.send", profile="fresh", text="x", request_id="r2")["error"]["code"] == -32004
    assert host(home, "host.profile.create", name="fresh")["ok"]    # the same name again, at once
    host(home, "host.config.set_field", profile="fresh", key="model", value="offline/rules")
    assert until(send(home, "hello", "r3", profile="fresh"), "done")[-2]["event"] == "reply"


def test_the_settings_child_and_hostd_come_back_together(home):
    home.config("model: offline/rules\n")
    home.start()
    old = home.pid("default/hostd")
    child = int(open(f"/proc/{old}/task/{old}/children").read().split()[0])
    assert b"--settings" in open(f"/proc/{child}/cmdline", "rb").read()
    os.kill(child, signal.SIGKILL)
    home.ready("default/hostd", not_pid=old)
    assert host(home, "host.config.set_field", profile="default", key="tui.theme", value="light") == {"ok": True}


def test_a_hundred_megabytes_are_cut_off_and_the_rest_goes_on(home):
    home.config("model: offline/rules\n")
    home.start()
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(str(home.path / "host" / "host.sock"))
        try:
            for _ in range(100):
                s.sendall(b"x" * 1048576)
            assert s.recv(1) == b"", "closed without a word"
        except (BrokenPipeError, ConnectionResetError):
            pass
    assert host(home, "host.version")["agent_name"] == "alpi"
    if b"__asan_init" in (BUILD / "libexec" / "alpi" / "alpi-hostd").read_bytes():
        return      # a sanitizer keeps what was freed
    status = open(f"/proc/{home.pid('default/hostd')}/status").read()
    assert int(status.split("VmRSS:")[1].split()[0]) < 40000, "what it took is given back"
