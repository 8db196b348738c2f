# SPDX-License-Identifier: Apache-2.0
"""The command: what it prints, how it ends, and what it does when hostd behaves badly (a scripted host.sock)."""
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios

import pytest

from conftest import ROOT, Home, wait_for

sys.path.insert(0, str(ROOT / "tests" / "fake"))
from hoststub import CUT, HostStub  # noqa: E402

START = {"event": "session_start", "session_id": "s1"}
TOOL = [
    {"event": "tool_start", "tool_id": "t1", "name": "terminal", "preview": "uname -s", "args": {"command": "uname -s"}},
    {"event": "tool_end", "tool_id": "t1", "name": "terminal", "ok": True, "output": "Linux"},
]
TEXT = [{"event": "assistant_delta", "text": "It is **Li"}, {"event": "assistant_delta", "text": "nux**."}]
END = [
    {"event": "usage", "tokens_in": 10, "tokens_out": 2, "cost": 0.5, "model": "a/b"},
    {"event": "reply", "text": "It is **Linux**.", "session_id": "s1"},
    {"event": "done", "session_id": "s1"},
]
WHOLE = [START, *TOOL, {"event": "heartbeat"}, *TEXT, *END]
MERGED = [START, *TOOL, {"event": "assistant_delta", "text": "It is **Linux**."}, *END]


@pytest.fixture
def stub(home):
    with HostStub(str(home.path)) as host:
        home.give(home.path)
        host.home = home
        yield host


def lines(done):
    return [json.loads(line) for line in done.stdout.splitlines()]


class Terminal:
    """alpi on a pseudo-terminal."""

    def __init__(self, home, *words, **env):
        self.master, slave = pty.openpty()
        if home.uid is not None:
            os.fchown(slave, home.uid, home.uid)
        termios.tcsetwinsize(slave, (24, int(env.pop("COLUMNS", 80))))
        self.process = subprocess.Popen(
            home.command(*words), stdin=slave, stdout=slave, stderr=slave, cwd=home.workspace, close_fds=True,
            env={**home.env, "TERM": "xterm", **env}, preexec_fn=lambda: take_terminal(slave))
        os.close(slave)
        self.seen = ""

    def read(self):
        if not select.select([self.master], [], [], 60)[0]:
            raise AssertionError(f"nothing more came after: {self.seen!r}")
        try:
            self.seen += os.read(self.master, 65536).decode(errors="replace")
        except OSError:
            return False
        return True

    def until(self, text):
        while text not in self.seen:
            assert self.read(), f"ended without {text!r}: {self.seen!r}"

    def type(self, text):
        os.write(self.master, text.encode())

    def leave(self):
        """Ctrl-D at the prompt, again for as long as it is not heard: what comes before the editor has the terminal is lost."""
        def heard():
            self.type("\x04")
            while select.select([self.master], [], [], 0.1)[0] and self.read():
                pass
            return self.process.poll() is not None
        wait_for(heard, "Ctrl-D to be heard")
        return self.end()

    def end(self):
        while self.read():
            pass
        os.close(self.master)
        return self.process.wait()


def take_terminal(slave):
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


# ---- words ------------------------------------------------------------------------------------------------------


def test_help_stands_on_every_level(home):
    top = home.run("--help").stdout
    assert top.index(" chat ") < top.index(" setup ") < top.index(" doctor ") < top.index(" daemon ")
    assert "status" in home.run("daemon", "--help").stdout
    assert "--json" in home.run("daemon", "status", "--help").stdout


def test_help_lists_what_is_used_most_first_and_then_by_name(home):
    top = home.run("--help").stdout
    words = [line.split()[0] for line in top.split("commands:\n")[1].split("\n\n")[0].splitlines()]
    first = ["chat", "setup", "doctor", "audit", "logs", "profile", "peers", "gateway", "schedule", "daemon"]
    assert words[:len(first)] == first and words[len(first):] == sorted(words[len(first):])
    assert "-c, --continue" in top


@pytest.mark.parametrize("words", [["chat"], ["daemon"], ["daemon", "start"], ["gateway", "enable"], ["gateway", "gmail", "authorize"]])
def test_help_may_stand_in_front(home, words):
    assert home.run("help", *words).stdout == home.run(*words, "--help").stdout != home.run("help").stdout
    done = home.run("help", "chta", check=False)
    assert done.returncode == 2 and "Did you mean 'chat'?" in done.stderr


@pytest.mark.parametrize("words,said", [
    (["chta"], "Did you mean 'chat'?"), (["daemon", "statsu"], "Did you mean 'daemon status'?"),
    (["xyzzy"], "no command 'xyzzy'"), (["chat", "--onec", "x"], "unknown option --onec"),
    (["logs", "-n", "many"], "is no number"), (["daemon"], "alpi daemon"), (["setup"], "needs options")])
def test_wrong_words_exit_with_2(home, words, said):
    done = home.run(*words, check=False)
    assert done.returncode == 2
    assert said in done.stderr and done.stdout == ""


def test_no_daemon_is_started_to_look_around(home):
    assert "not running" in home.run("daemon", "status").stdout
    assert home.json("daemon", "status", "--json")["pid"] is None
    assert home.run("doctor", check=False).returncode == 1
    home.run("profile", "list")
    assert "nothing was logged yet" in home.run("logs").stdout
    assert home.run("daemon", "stop").stdout == "not running\n"
    assert not (home.path / "service.pid").exists()


def test_a_home_that_is_not_made_yet_is_no_failure(home):
    doctor = home.json("doctor", "--json", check=False)
    assert [row["label"] for row in doctor["rows"] if row["level"] == "fail"] == ["Configured"], doctor


@pytest.mark.parametrize("words", [["doctor"], ["logs"], ["profile", "remove", "nope"], ["sessions", "list"], ["chat", "--session", "x"]])
def test_a_profile_that_is_not_there_is_said(home, words):
    home.config("model: offline/rules\n")
    done = home.run(*words, *([] if "nope" in words else ["-p", "nope"]), check=False)
    assert done.returncode == 1 and "no profile nope" in done.stderr and done.stdout == ""


def test_completion_scripts_are_valid(home):
    script = home.run("completion", "bash").stdout
    assert subprocess.run(["bash", "-n"], input=script, text=True).returncode == 0
    words = subprocess.run(["bash", "-c", script + "\n_alpi_words daemon"], capture_output=True, text=True).stdout
    assert "status" in words.split()
    zsh = home.run("completion", "zsh").stdout
    assert zsh.startswith("#compdef alpi\n") and "words=" not in zsh, "an array of zsh's own: what is assigned to it fails"
    assert 'then _alpi "$@"' in zsh, "found in fpath it answers the first time, too"


@pytest.mark.parametrize("typed,offered,others", [
    (["daemon", "st"], {"start", "stop", "status"}, set()),
    (["-p", "work", "daemon", "st"], {"start", "stop", "status"}, set()),
    (["gateway", ""], {"enable", "gmail"}, {"authorize"}), (["gateway", "gmail", ""], {"authorize"}, {"enable"}),
    (["gateway", "gmail", "authorize", "--"], {"--port", "--help"}, set()), (["chat", "hello", "--"], {"--once"}, {"--port"})])
def test_bash_completes_what_comes_next(home, typed, offered, others):
    words = " ".join(f"'{word}'" for word in ["alpi", *typed])
    run = f"\nCOMP_WORDS=({words}); COMP_CWORD={len(typed)}; _alpi; echo ${{COMPREPLY[@]}}"
    said = subprocess.run(["bash", "-c", home.run("completion", "bash").stdout + run], capture_output=True, text=True).stdout.split()
    assert offered <= set(said) and not others & set(said), said


def test_proto_prints_schema_and_graph(home):
    assert "turn.start" in json.dumps(home.json("proto"))
    graph = home.json("proto", "--channels", "--json")
    names = {row["name"] if isinstance(row, dict) else row for row in graph["daemons"]}
    assert names == {"toolrunner", "engined", "hostd", "alpd", "scheduled", "gatewayd"}


# ---- chat --once -------------------------------------------------------------------------------------------------


def test_a_pipe_gets_the_reply_alone(stub):
    stub.on("host.chat.send", WHOLE)
    done = stub.home.run("chat", "--once", "what is it?")
    assert done.stdout == "It is **Linux**.\n" and done.stderr == ""
    params = stub.asked("host.chat.send")[0]
    assert params["interactive"] is False and params["surface"] == "cli" and params["profile"] == "default"
    assert params["cwd"] == str(stub.home.workspace) and params["no_save"] is False


def test_events_have_the_published_shapes(stub):
    notify = {"event": "tool_start", "tool_id": "t2", "name": "notify", "preview": "p",
              "args": {"text": "t", "title": "u", "secret": "no"}}
    stub.on("host.chat.send", [START, *TOOL, notify, {"event": "tool_state", "tool_id": "t2", "name": "notify", "text": "x"},
                               {"event": "error", "text": "bad"}, {"event": "interrupted"}, *END])
    done = stub.home.run("chat", "--once", "x", "--emit-events", check=False)
    assert lines(done) == [
        {"kind": "tool_start", "name": "terminal", "preview": "uname -s"},
        {"kind": "tool_end", "name": "terminal", "ok": True},
        {"kind": "tool_start", "name": "notify", "preview": "p", "args": {"text": "t", "title": "u"}},
        {"kind": "tool_state", "name": "notify"},
        {"kind": "error", "text": "bad"},
        {"kind": "interrupted"},
        {"kind": "reply", "text": "It is **Linux**."},
    ]
    assert done.returncode == 1


def test_json_is_one_object(stub):
    stub.on("host.chat.send", WHOLE)
    answer = stub.home.json("chat", "--once", "x", "--json")
    assert answer["session_id"] == "s1" and answer["reply"] == "It is **Linux**."
    assert answer["usage"] == {"tokens_in": 10, "tokens_out": 2, "cost": 0.5, "model": "a/b"}
    assert answer["tools"] == [{"id": "t1", "name": "terminal", "args": {"command": "uname -s"}, "ok": True, "output": "Linux"}]
    assert "error" not in answer


def test_a_failed_turn_says_why_and_exits_1(stub):
    stub.on("host.chat.send", [START, {"event": "error", "text": "no model"}, {"event": "done", "session_id": "s1"}])
    done = stub.home.run("chat", "--once", "x", check=False)
    assert (done.returncode, done.stdout) == (1, "[error] no model\n")
    assert stub.home.ask("x", check=False)["error"] == "no model"
    assert lines(stub.home.run("chat", "--once", "x", "--emit-events", check=False))[-1] == {"kind": "reply", "text": ""}


def test_a_refused_request_is_not_repeated(stub):
    stub.on("host.chat.send", [{"event": "error", "text": "no session s9", "code": "not-found"}])
    done = stub.home.run("chat", "--once", "x", "--session", "s9", check=False)
    assert (done.returncode, done.stdout) == (1, "[error] no session s9\n")
    assert len(stub.asked("host.chat.send")) == 1
    stub.on("host.chat.send", {"error": {"code": -32602, "message": "invalid-params", "data": {"detail": "profile: bad"}}})
    assert "[error] profile: bad" in stub.home.run("chat", "--once", "x", check=False).stdout


@pytest.mark.parametrize("cut", range(1, len(WHOLE)))
def test_a_lost_connection_shows_every_piece_once(stub, cut):
    stub.on("host.chat.send", WHOLE[:cut] + [CUT], MERGED[:3] + [CUT], MERGED)
    done = stub.home.run("chat", "--once", "x", "--emit-events")
    assert [row["kind"] for row in lines(done)] == ["tool_start", "tool_end", "reply"]
    assert len({params["request_id"] for params in stub.asked("host.chat.send")}) == 1


def test_a_daemon_that_dies_while_it_is_asked_is_asked_again(stub):
    stub.deaf = 2
    stub.on("host.chat.send", WHOLE)
    text = "x" * 1000000                # more than a socket takes before it is read
    assert stub.home.run("chat", "--once", "-", input=text).stdout.strip() == "It is **Linux**."
    assert [params["text"] for params in stub.asked("host.chat.send")] == [text]


def test_a_terminal_shows_each_word_once_after_a_lost_connection(stub):
    stub.on("host.chat.send", [START, TEXT[0], CUT], MERGED[:1] + MERGED[3:])
    terminal = Terminal(stub.home, "chat", "--once", "x", NO_COLOR="1")
    assert terminal.end() == 0
    assert terminal.seen.count("It is **Linux**.") == 1


def test_no_tool_line_is_wider_than_the_terminal(stub):
    long = [{**frame, "name": "search_workspace", "preview": "find 猫 in everything there is"} for frame in TOOL]
    stub.on("host.chat.send", [START, *long, *END])
    for columns in (20, 30, 60):
        terminal = Terminal(stub.home, "chat", "--once", "x", NO_COLOR="1", COLUMNS=columns)
        assert terminal.end() == 0
        rows = [row for row in re.split(r"[\r\n]+|\x1b\[K", terminal.seen) if "sear" in row]
        assert rows and all(sum(2 if letter == "猫" else 1 for letter in row) < columns for row in rows), rows


@pytest.mark.parametrize("text,said", [("", "no text"), (" \n", "no text"), ("x" * (1 << 20) + "y", "larger")])
def test_a_text_that_cannot_be_sent_is_refused(stub, text, said):
    done = stub.home.run("chat", "--once", "-", input=text, check=False)
    assert done.returncode == 1 and said in done.stderr and stub.requests == []


def test_bytes_that_are_no_utf8_are_refused(stub):
    done = subprocess.run(stub.home.command("chat", "--once", "-"), input=b"a\xffb", capture_output=True, env=stub.home.env)
    assert done.returncode == 1 and b"no UTF-8 (byte 2)" in done.stderr


def test_continue_takes_the_newest_conversation_of_a_person(stub):
    stub.on("host.sessions.list", {"sessions": [
        {"id": "_map", "first_user": "x"}, {"id": "aa", "first_user": "[INBOUND TELEGRAM from x]"},
        {"id": "bb", "first_user": "hello"}, {"id": "cc", "first_user": "older"}]})
    stub.on("host.chat.send", WHOLE)
    stub.home.run("chat", "--once", "x", "-c")
    assert stub.asked("host.chat.send")[0]["session_id"] == "bb"


def test_attachments_are_sent_before_the_turn(stub):
    (stub.home.workspace / "a.txt").write_text("x")
    stub.on("host.chat.send", WHOLE)
    stub.on("host.attachments.stage", {"ok": True, "attachment": {"path": "/s/a.txt", "name": "a.txt"}})
    stub.home.run("chat", "--once", "x", "--attach", "a.txt")
    assert stub.asked("host.attachments.stage") == [{"profile": "default", "name": "a.txt", "data_base64": "eA=="}]
    assert stub.asked("host.chat.send")[0]["attachments"] == [
        {"path": "/s/a.txt", "name": "a.txt", "shown": str(stub.home.workspace / "a.txt")}]
    assert stub.home.run("chat", "--once", "x", "--attach", "missing", check=False).returncode == 1


def test_produced_files_are_listed(stub):
    files = [{"name": "a.png", "mime": "image/png", "path": "/w/a.png", "size": 3}]
    stub.on("host.chat.send", [START, {**END[1], "attachments": files}, END[2]])
    assert stub.home.run("chat", "--once", "x").stdout.endswith("Attachments:\n- image/png a.png /w/a.png\n")


def catches(pid, number):
    with open(f"/proc/{pid}/status") as status:
        [mask] = [line.split()[1] for line in status if line.startswith("SigCgt:")]
    return int(mask, 16) >> (number - 1) & 1


def test_ctrl_c_asks_the_turn_to_stop_and_its_reply_still_comes(stub):
    def turn(request, send):
        send(START)
        stub.wait_for("host.chat.cancel")
        for frame in [{"event": "interrupted"}, {"event": "reply", "text": "half", "session_id": "s1"}, END[2]]:
            send(frame)

    stub.on("host.chat.send", turn)
    stub.on("host.chat.cancel", {"cancelled": True})
    process = stub.home.popen("chat", "--once", "x", "--emit-events")
    sent = stub.wait_for("host.chat.send")
    wait_for(lambda: catches(process.pid, signal.SIGINT), "the signal to be caught")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 130
    assert out.splitlines()[-1] == '{"kind":"reply","text":"half"}'
    assert stub.asked("host.chat.cancel")[0]["request_id"] == sent["request_id"]


def test_a_hostile_model_cannot_reach_the_terminal(stub):
    evil = "a\x1b[2Jb\x1b]52;c;eA==\x07c\x9bd\rX"
    stub.on("host.chat.send", [
        START, {"event": "tool_start", "tool_id": "1", "name": "t\x1bc", "preview": evil, "args": {}},
        {"event": "tool_end", "tool_id": "1", "name": "t", "ok": False, "output": evil},
        {"event": "assistant_delta", "text": evil}, {"event": "error", "text": evil},
        {"event": "reply", "text": evil, "session_id": "s1"}, END[2]])
    terminal = Terminal(stub.home, "chat", "--once", "x")
    terminal.end()
    rest = re.sub(r"\x1b\[(0(;\d+)*|2|31|32)?m|\r\x1b\[K|\r\n", "", terminal.seen)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\x80-\x9f]", rest), repr(rest)
    piped = stub.home.run("chat", "--once", "x", check=False).stdout
    assert "\x1b" not in piped and "\x07" not in piped


def test_explain_prompt_adds_up(stub):
    stub.on("host.chat.explain", {"parts": [{"name": "base", "text": "Act.", "bytes": 4, "tokens": 1}],
                                  "model": "a/b", "request_bytes": 4000, "request_tokens": 1000})
    out = stub.home.run("chat", "--explain-prompt", "hello").stdout
    assert "## base\nAct.\n" in out and "4000 bytes, about 1000 tokens" in out
    assert stub.asked("host.chat.explain")[0]["text"] == "hello"


# ---- the conversation --------------------------------------------------------------------------------------------


def events(*frames):
    """A subscription that stays open until the test ends."""
    def serve(request, send):
        send({"event": "subscribed", "next_seq": 1})
        for frame in frames:
            frame(send) if callable(frame) else send(frame)
    return serve


def ready(stub):
    stub.on("host.engine.status", {"model": "a/b", "provider": "a", "open_turns": 0, "tools": 5})
    stub.on("host.approval.pending", {"requests": []})
    stub.on("host.events.subscribe", events(lambda send: stub.wait_for("never")))
    stub.on("host.chat.send", WHOLE)


def test_a_conversation_keeps_its_session(stub):
    ready(stub)
    terminal = Terminal(stub.home, "chat", NO_COLOR="1")
    terminal.until("› ")
    terminal.type("hello\n")
    terminal.until("10 in · 2 out")
    terminal.type("/new\n")
    terminal.until("a new conversation")
    terminal.type("again \\\nand more\n")
    stub.wait_for("host.chat.send", 2)
    terminal.type("/exit\n")
    assert terminal.end() == 0, terminal.seen
    first, second = stub.asked("host.chat.send")
    assert first["interactive"] is True and "session_id" not in second
    assert second["text"] == "again \nand more"
    history = stub.home.person / ".local/state/alpi/history"
    assert "hello" in history.read_text() and history.stat().st_mode & 0o77 == 0


def test_slash_words_that_do_not_exist_are_not_sent(stub):
    ready(stub)
    terminal = Terminal(stub.home, NO_COLOR="1")
    terminal.until("› ")
    terminal.type("/hepl\n")
    terminal.until("Did you mean /help?")
    terminal.type("/status\n")
    terminal.until("model    a/b")
    assert terminal.leave() == 0
    assert stub.asked("host.chat.send") == []


def test_a_model_with_a_slash_in_its_name_is_taken_for_the_conversation(stub):
    ready(stub)
    terminal = Terminal(stub.home, NO_COLOR="1")
    terminal.until("› ")
    terminal.type("/model\n")
    terminal.until("a/b, as configured")
    terminal.type("/model c/d\n")
    terminal.until("from here on: c/d")
    terminal.type("/etc/hosts is what?\n")
    stub.wait_for("host.chat.send", 1)
    assert terminal.leave() == 0
    (sent,) = stub.asked("host.chat.send")
    assert sent["model"] == "c/d" and sent["text"] == "/etc/hosts is what?"


LEFT = (130, -signal.SIGINT)     # 130 to a shell either way; while no line is edited the signal itself ends us


def test_a_terminal_that_overwrites_nothing_gets_plain_lines(stub):
    stub.on("host.chat.send", [START, *TOOL, *TEXT, *END])
    terminal = Terminal(stub.home, "chat", "--once", "x", TERM="dumb")
    assert terminal.end() == 0
    assert "\x1b" not in terminal.seen and "terminal" in terminal.seen and "Linux" in terminal.seen
    assert "\r" not in terminal.seen.replace("\r\n", "\n"), terminal.seen


def test_ctrl_c_twice_leaves_the_prompt(stub):
    ready(stub)
    terminal = Terminal(stub.home, "chat")
    terminal.until("› ")
    terminal.type("half a line\x03")
    terminal.until("Ctrl-C again leaves")
    terminal.type("\x03")
    assert terminal.end() in LEFT


def test_the_prompt_ends_in_order_when_it_is_told_to(stub):
    ready(stub)
    terminal = Terminal(stub.home, "chat")
    terminal.until("› ")
    terminal.type("half · a line")
    terminal.until("half · a line")
    terminal.process.send_signal(signal.SIGTERM)
    assert terminal.end() == 0


def test_ctrl_c_before_the_editor_has_the_terminal_is_the_same(stub):
    ready(stub)
    terminal = Terminal(stub.home, "chat")
    terminal.until("› ")
    terminal.process.send_signal(signal.SIGINT)
    terminal.until("Ctrl-C again leaves")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() in LEFT


def test_a_ctrl_d_typed_between_two_lines_is_heard(stub):
    ready(stub)
    terminal = Terminal(stub.home, "chat")
    terminal.until("› ")
    terminal.type("\x00")       # what the kernel makes of it when the editor takes the terminal back
    assert terminal.end() == 0


@pytest.mark.parametrize("typed,choice", [("o", "once"), ("s", "session"), ("a", "always"), ("d", "deny")])
def test_a_question_is_put_and_answered(stub, typed, choice):
    ready(stub)
    asked = {"request_id": "f" * 32, "profile": "default", "session_id": "s1", "command": "rm -r x\x1b[1A\necho ok",
             "severity": "caution", "pattern": "recursive delete", "cwd": "~/w", "timeout_s": 60}

    def turn(request, send):
        send(START)
        stub.wait_for("host.approval.respond")
        for frame in TEXT + END:
            send(frame)

    stub.on("host.chat.send", turn)
    stub.on("host.events.subscribe", events(
        lambda send: stub.wait_for("host.chat.send"), {"event": "approval.request", "data": asked, "seq": 1},
        lambda send: stub.wait_for("never")))
    stub.on("host.approval.respond", {"ok": True})
    terminal = Terminal(stub.home, "chat", "clean up", NO_COLOR="1")
    terminal.until("[d]eny: ")
    assert "rm -r x\\x1b[1A\r\n" in terminal.seen and "echo ok" in terminal.seen and "recursive delete" in terminal.seen
    terminal.type("perhaps\n")
    terminal.until("[d]eny: perhaps\r\n  [o]nce")
    terminal.type(typed + "\n")
    terminal.until("10 in")
    answer = stub.asked("host.approval.respond")[0]
    assert (answer["request_id"], answer["choice"]) == ("f" * 32, choice)
    terminal.until("› ")
    terminal.type("/exit\n")     # unlike Ctrl-D it also counts before the editor has the terminal
    assert terminal.end() == 0


def test_a_question_settled_elsewhere_goes_away(stub):
    ready(stub)
    asked = {"request_id": "e" * 32, "profile": "default", "session_id": "s1", "command": "x", "pattern": "p", "cwd": ""}

    def turn(request, send):
        send(START)
        stub.wait_for("resolved")
        for frame in TEXT + END:
            send(frame)

    def resolve(send):
        terminal.until("[d]eny: ")
        send({"event": "approval.resolved", "data": {"request_id": "e" * 32, "choice": "deny"}, "seq": 2})
        with stub.changed:
            stub.requests.append({"method": "resolved"})
            stub.changed.notify_all()

    stub.on("host.chat.send", turn)
    stub.on("host.events.subscribe", events(
        lambda send: stub.wait_for("host.chat.send"), {"event": "approval.request", "data": asked, "seq": 1},
        resolve, lambda send: stub.wait_for("never")))
    terminal = Terminal(stub.home, "chat", "clean up", NO_COLOR="1")
    wait_for(lambda: stub.asked("resolved"), "the question to be settled")
    terminal.until("settled without you")
    terminal.until("10 in")
    terminal.type("/exit\n")
    terminal.end()
    assert stub.asked("host.approval.respond") == []


# ---- logs --------------------------------------------------------------------------------------------------------


def test_logs_are_merged_by_time_with_their_continuation_lines(home):
    logs = home.path / "logs"
    logs.mkdir(parents=True)
    (logs / "service.log").write_text("2026-01-02 10:00:00,001 INFO a one\n2026-01-02 10:00:02,000 INFO a three\nmore of three\n")
    (logs / "agent.log").write_text("2026-01-02 10:00:01,000 INFO b two \x1b[2J\n2026-01-02 10:00:02,500 INFO b four")
    home.give(home.path)
    assert home.run("logs").stdout == (
        "[service ] 2026-01-02 10:00:00,001 INFO a one\n"
        "[agent   ] 2026-01-02 10:00:01,000 INFO b two \\x1b[2J\n"
        "[service ] 2026-01-02 10:00:02,000 INFO a three\n"
        "[service ] more of three\n")
    assert home.run("logs", "-n", "1").stdout == "[service ] more of three\n"
    assert "service" not in home.run("logs", "--source", "agent").stdout
    assert home.run("logs", "--source", "nothing", check=False).returncode == 2


def test_logs_follow_survives_rotation_and_truncation(home):
    logs = home.path / "logs"
    logs.mkdir(parents=True)
    file = logs / "agent.log"
    file.write_text("2026-01-02 10:00:00,001 INFO b one\n")
    home.give(home.path)
    process = home.popen("logs", "-f", "--source", "agent")
    assert "one" in process.stdout.readline()
    with file.open("a") as f:
        f.write("2026-01-02 10:00:01,001 INFO b two\n")
    assert "two" in process.stdout.readline()
    file.rename(logs / "agent.log.1")
    file.write_text("2026-01-02 10:00:02,001 INFO b three\n")
    home.give(home.path)
    assert "three" in process.stdout.readline()
    file.write_text("x\n")
    assert "x" in process.stdout.readline()
    process.kill()
    process.communicate()


# ---- with the daemons --------------------------------------------------------------------------------------------


def test_the_first_word_starts_a_daemon_and_says_so_once(home, provider):
    home.use(provider, "echo")
    first = home.run("chat", "--once", "good day")
    assert first.stdout == "good day\n"
    assert first.stderr.count("\n") == 1 and first.stderr.startswith("started alpi for ")
    assert home.run("chat", "--once", "again").stderr == ""
    assert home.run("daemon", "stop").stdout == "stopped\n"
    assert "not running" in home.run("daemon", "status").stdout


def test_two_at_once_start_one_daemon(home, provider):
    home.use(provider, "echo")
    both = [home.popen("chat", "--once", str(n)) for n in range(4)]
    assert [p.communicate()[0] for p in both] == ["0\n", "1\n", "2\n", "3\n"]
    assert len(home.units()) == 4


def test_setup_without_questions(home, provider):
    home.start()
    done = home.run("setup", "--provider", "fake", "--url", provider.url, "--model", "echo", "--workspace", str(home.workspace))
    assert "ready: alpi answers with fake/echo" in done.stdout
    assert home.run("chat", "--once", "hello there").stdout == "hello there\n"
    home.run("setup", "--provider", "openai", "--key-stdin", "--model", "gpt-x", input="sk-test-0123456789\n")
    assert "OPENAI_API_KEY=sk-test-0123456789" in (home.path / ".env").read_text()
    assert "sk-test" not in home.run("doctor", check=False).stdout
    done = home.run("setup", "--provider", "nobody", check=False)
    assert done.returncode == 1 and "--url" in done.stderr


def test_doctor_passes_on_a_working_home(home, provider):
    home.use(provider)
    home.start()
    report = home.json("doctor", "--json")
    assert report["failures"] == 0, report
    labels = {(row["group"], row["label"]) for row in report["rows"]}
    assert {("Model", "Server"), ("Services", "Daemon"), ("Security", "Sandbox"), ("Tools", "Registry")} <= labels
    home.config("model: [broken")
    assert "config.yaml" in home.run("doctor", check=False).stdout


def test_doctor_tells_that_a_budget_of_zero_is_none(home):
    for budget, level, detail in [("{}", "info", "no cap (budget.daily_usd sets one)"), ("{daily_usd: 0}", "info", "no cap: budget.daily_usd is 0"),
                                  ("{daily_usd: 2.5}", "ok", "$2.50 a day"), ("{daily_tokens: 9000}", "ok", "9000 tokens a day")]:
        home.config(f"model: offline/rules\nbudget: {budget}\n")
        [row] = [row for row in home.json("doctor", "--json", check=False)["rows"] if row["label"] == "Budget"]
        assert (row["level"], row["detail"]) == (level, detail), row


def test_the_profile_of_the_home_itself_stays(home):
    done = home.run("profile", "remove", "default", check=False)
    assert done.returncode == 1 and "stays" in done.stderr


def test_an_unknown_conversation_is_said_at_once_and_by_its_name(home, provider):
    home.use(provider, "echo")
    home.start()
    for words in (["chat", "--session", "nope"], ["sessions", "show", "nope"], ["sessions", "export", "nope"]):
        done = home.run(*words, check=False)
        assert (done.returncode, done.stderr) == (1, "Error: no session nope\n"), words
    assert home.ask("x", "--session", "nope", check=False)["error"] == "no session nope"
    terminal = Terminal(home, "chat", NO_COLOR="1")
    terminal.until("› ")
    terminal.type("/sessions nope\n")
    terminal.until("Error: no session nope")
    assert terminal.leave() == 0
    assert home.sessions() == {}


def test_a_person_who_leaves_after_a_failed_turn_leaves_in_order(home, provider):
    home.use(provider, "error-json")
    home.start()
    terminal = Terminal(home, "chat", "status=400", NO_COLOR="1")
    terminal.until("[error]")
    assert terminal.leave() == 0
    assert home.run("chat", "status=400", check=False).returncode == 1


def test_what_echo_adds_is_not_sent(stub):
    stub.on("host.chat.send", WHOLE)
    stub.home.run("chat", "--once", "-", input="two\n\nlines\n\n")
    assert stub.asked("host.chat.send")[0]["text"] == "two\n\nlines"


def test_profiles_come_and_go(home):
    home.start()
    home.run("profile", "create", "work")
    assert [row["name"] for row in home.json("profile", "list", "--json")] == ["default", "work"]
    assert home.run("profile", "create", "work", check=False).returncode == 1
    assert home.run("profile", "remove", "default", "--yes", check=False).returncode == 1
    assert home.run("profile", "remove", "work", check=False).returncode == 1       # nobody to ask
    home.run("profile", "remove", "work", "--yes")
    assert [row["name"] for row in home.json("profile", "list", "--json")] == ["default"]
    assert list((home.path / ".trash").glob("work-*"))


def test_settings_change_through_hostd(home):
    home.start()
    home.run("config", "set", "tui.theme", "light")
    assert "light" in (home.path / "config.yaml").read_text()
    home.run("config", "unset", "tui.theme")
    assert "light" not in (home.path / "config.yaml").read_text()
    home.run("providers", "add-ollama", "box", "http://127.0.0.1:1")
    assert "127.0.0.1:1" in (home.path / "config.yaml").read_text()
    home.run("providers", "set-key", "GROQ_API_KEY", "-", input="abc\n")
    assert "GROQ_API_KEY=abc" in (home.path / ".env").read_text()


def test_sessions_are_listed_shown_and_deleted(home, provider):
    home.use(provider, "echo")
    home.start()
    session = home.ask("first words")["session_id"]
    assert "first words" in home.run("sessions", "list").stdout
    assert [row["id"] for row in home.json("sessions", "list", "--json")] == [session]
    assert "› first words\nfirst words" in home.run("sessions", "show", session).stdout
    assert home.run("sessions", "delete", session).stdout == f"deleted {session}\n"
    assert home.run("sessions", "delete", session, check=False).returncode == 1


def test_units_are_restarted_by_their_short_name(home):
    home.config("model: offline/rules\n")
    home.start()
    before = home.pid("default/engined")
    assert home.run("daemon", "restart", "engined").stdout == "default/engined restarted\n"
    assert home.units()["default/engined"]["state"] == "ready" and home.pid("default/engined") != before
    done = home.run("daemon", "restart", "nobody/engined", check=False)
    assert done.returncode == 1 and "no such unit" in done.stderr
    assert home.run("daemon", "start", check=False).returncode == 1
    out = home.run("daemon", "status").stdout.splitlines()
    assert re.fullmatch(r"running  · pid \d+  · uptime \d+s", out[0])
    assert out[1:3] == ["not installed", "profiles: 1"]
    assert "engined ready" in out[3]


def test_audit_chains_are_checked(home):
    home.config(f"model: offline/rules\nworkspace: {home.workspace}\n")
    home.start()
    for _ in range(2):                  # the last row is only held by its successor
        home.ask("run uname -s")
    assert "toolrunner.jsonl" in home.run("audit", "verify").stdout
    chain = home.path / "logs/audit/toolrunner.jsonl"
    text = chain.read_text()
    chain.write_text(text.replace("terminal", "TERMINAL", 1))
    done = home.run("audit", "verify", check=False)
    assert done.returncode == 1 and "toolrunner.jsonl" in done.stdout


def test_tiers_and_paths_are_explained(home):
    verdict = home.json("approval", "check", "--json", "--", "rm", "-rf", "build")
    assert verdict["tier"] in ("safe", "caution", "dangerous") and {"label", "labels", "reason"} <= set(verdict)
    verdict = home.json("path", "check", "--json", "--user-home", "/home/u", "--", "/home/u/.ssh/id_ed25519")
    assert verdict["verdict"] == "denied" and {"rule", "resolved"} <= set(verdict)
