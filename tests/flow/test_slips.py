# SPDX-License-Identifier: Apache-2.0
"""What people do wrong at the command line, and what the machine does to them: each is said, and none is a success."""
import os
import signal
import socket
import subprocess
import termios
import time

import pytest

from hoststub import CUT
from test_cli import Terminal, stub  # noqa: F401: the fixture

REPLY = [{"event": "session_start", "session_id": "s1"}, {"event": "assistant_delta", "text": "so it is"},
         {"event": "reply", "text": "so it is", "session_id": "s1"},
         {"event": "done", "session_id": "s1"}]


def shell(home, line):
    """A line of a shell, with alpi as $A."""
    return subprocess.run(["sh", "-c", line], env={**home.env, "A": home.command()[-1]}, capture_output=True, text=True, cwd=home.workspace)


@pytest.mark.parametrize("words", [["chat", "\udcff"], ["sessions", "delete", "x\udcff"], ["path", "check", "--json", "x\udcff"],
                                   ["chat", "--model", "x\udcff", "--once", "hi"], ["skill", "show", "\udcff"]])
def test_a_word_that_is_no_utf8_is_refused_before_anything_happens(stub, words):
    done = subprocess.run(stub.home.command(*words), env=stub.home.env, stdin=subprocess.DEVNULL, capture_output=True)
    assert done.returncode == 2 and done.stdout == b"" and b"is no UTF-8" in done.stderr
    assert stub.requests == []


def test_a_line_that_is_no_utf8_is_refused_and_the_next_one_is_heard(stub):
    stub.on("host.chat.send", REPLY)
    done = subprocess.run(stub.home.command("chat"), env=stub.home.env, input=b"\xff\nhello\n", capture_output=True)
    assert b"no UTF-8 (byte 1)" in done.stderr and b"so it is" in done.stdout
    assert [params["text"] for params in stub.asked("host.chat.send")] == ["hello"]


def test_a_daemon_that_hangs_up_is_asked_again_more_and_more_slowly(stub):
    stub.on("host.chat.send", [CUT])
    asking = stub.home.popen("chat", "--once", "x")
    stub.wait_for("host.chat.send")
    began = time.monotonic()
    stub.wait_for("host.chat.send", 7)
    asking.kill()
    asking.communicate()
    assert time.monotonic() - began > 0.3


@pytest.mark.parametrize("words", ["help", "daemon status", "proto", "--version", "completion bash"])
def test_what_could_not_be_written_is_no_success(home, words):
    for stream in ("> /dev/full", ">&-"):
        done = shell(home, f"$A {words} {stream}")
        assert done.returncode == 1 and "Error: standard output:" in done.stderr, stream


def test_a_closed_standard_stream_is_not_taken_for_the_daemon(stub):
    stub.on("host.sessions.list", {"sessions": []})
    for closed in ("<&-", ">&-", "2>&-"):
        shell(stub.home, f"$A sessions list {closed}")
    assert [request["method"] for request in stub.requests] == ["host.sessions.list"] * 3


def test_options_may_stand_behind_the_first_word_of_two(home):
    home.config("model: offline/rules\n")
    assert home.json("profile", "-p", "default", "list", "--json")[0]["name"] == "default"
    assert home.run("gateway", "-p", "default", "gmail", "authorize", "--help").stdout.startswith("alpi gateway gmail authorize:")


@pytest.mark.parametrize("words,code,said", [
    (["schedule", "--nosuch"], 2, "unknown option --nosuch\nTry: alpi schedule --help"),
    (["schedule", "-p"], 2, "-p needs a value"), (["help", "help"], 0, ""), (["-h", "schedule"], 0, ""),
    (["gateway", "gmail"], 2, "Did you mean 'gateway gmail authorize'?"),
    (["cron", "next", "@daily", "-n", "0"], 2, "is no number from 1 on"),
    (["cron", "next", "@daily", "-n", "1001"], 2, "--number takes 1 to 1000"),
    (["schedule", "history", "-n", "1001"], 2, "--limit takes 1 to 1000"),
    (["gateway", "probe", "pigeon"], 1, "there are telegram imap"), (["gateway", "remove", "ntfy"], 1, "it takes --yes"),
    (["setup", "--key", "x"], 1, "give --provider"), (["chat", ""], 1, "there is no text")])
def test_a_slip_is_said_and_what_to_do(home, words, code, said):
    done = home.run(*words, check=False, input="")
    assert done.returncode == code and said in done.stderr
    assert bool(done.stdout) == (code == 0)


def test_setup_changes_nothing_when_a_part_cannot_be(home):
    done = home.run("setup", "--provider", "offline", "--workspace", "/nonexistent", check=False)
    assert done.returncode == 1 and "workspace /nonexistent" in done.stderr and done.stdout == ""
    assert "offline" not in (home.path / "config.yaml").read_text() if (home.path / "config.yaml").exists() else True


def test_a_key_that_is_missing_is_asked_for_by_the_command_that_stores_it(home):
    done = home.run("setup", "--provider", "openai", check=False)
    assert done.returncode == 1 and "alpi providers set-key OPENAI_API_KEY -" in done.stderr


def test_a_platform_without_options_is_not_called_configured(home):
    done = home.run("gateway", "enable", "webhook", check=False, input="")
    assert done.returncode == 2 and "webhook needs options" in done.stderr


def test_a_table_has_one_line_per_row_and_no_blanks_at_their_ends(stub):
    stub.on("host.sessions.search", {"sessions": [{"session_id": "a", "when": "", "snippet": "user: x\n\n    y\talpi: z\n", "score": 1},
                                                  {"session_id": "b", "when": "t", "snippet": "", "score": 0}]})
    rows = stub.home.run("sessions", "search", "x").stdout.splitlines()
    assert rows[1].endswith("user: x y alpi: z") and len(rows) == 3
    assert all(row == row.rstrip() for row in rows)


def test_what_is_not_deleted_is_an_error(stub):
    stub.on("host.sessions.delete", {"deleted": ["a"], "errors": [{"id": "b", "code": "not-found"}]})
    done = stub.home.run("sessions", "delete", "a", "b", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "deleted a\n", "Error: no session b\n")


def doctor_home(home, **env):
    return [row["detail"] for row in home.json("doctor", "--json", check=False, env=env)["rows"] if row["label"] == "Home"]


def test_the_doctor_names_a_home_that_cannot_be_one(home):
    home.config("model: offline/rules\n")
    assert doctor_home(home) == []
    home.path.chmod(0o500)
    try:
        if home.uid is not None:
            assert "cannot be written" in doctor_home(home)[0]
    finally:
        home.path.chmod(0o700)
    assert "Not a directory" in doctor_home(home, ALPI_HOME="/etc/passwd/x")[0]
    assert "is no directory" in doctor_home(home, ALPI_HOME="/etc/passwd")[0]
    assert "too long" in doctor_home(home, ALPI_HOME="/tmp/" + "l" * 110)[0]


def test_a_home_that_cannot_be_made_says_why(home):
    home.person.chmod(0o500)
    done = home.run("chat", "--once", "x", check=False, env={"ALPI_HOME": str(home.person / "a/b")})
    home.person.chmod(0o700)
    assert home.uid is None or (done.returncode == 1 and "a: Permission denied" in done.stderr), done.stderr


def test_a_hostd_that_does_not_run_is_named(home):
    home.config("model: offline/rules\n")
    home.start()
    control = socket.socket(socket.AF_UNIX)
    control.connect(str(home.path / "run/init.sock"))
    control.sendall(b"stop default/hostd\n")
    assert control.makefile().read().endswith("ok\n")
    for words in (["sessions", "list"], ["chat", "--once", "x"]):
        done = home.run(*words, check=False)
        assert done.returncode == 1 and "alpi daemon status says why" in done.stderr


def test_a_stop_that_takes_its_time_says_what_it_waits_for(home):
    home.config("model: offline/rules\n")
    home.start()
    home.kill("default/scheduled", signal.SIGSTOP)
    stopped = home.pid("default/scheduled")
    terminal = Terminal(home, "daemon", "stop")
    terminal.until("stopping: what is under way")
    os.kill(stopped, signal.SIGCONT)
    assert terminal.end() == 0 and terminal.seen.endswith("stopped\r\n") and terminal.seen.count("stopping") == 1


def test_a_unit_that_is_not_there_is_named(home):
    home.config("model: offline/rules\n")
    home.start()
    for verb in ("restart", "reload"):
        done = home.run("daemon", verb, "nosuch", check=False)
        assert done.returncode == 1 and "nosuch: no such unit or profile (alpi daemon status" in done.stderr


@pytest.mark.parametrize("key,value,kept", [
    ("service.schedule", "off", "schedule: false"), ("service.schedule", "yes", "schedule: true"), ("sandbox.network", "public", "network: public"),
    ("service.schedule", "maybe", None), ("sandbox.network", "all", None)])
def test_a_setting_that_would_mean_something_else_is_refused(home, key, value, kept):
    home.config("model: offline/rules\n")
    done = home.run("config", "set", key, value, check=False)
    text = (home.path / "config.yaml").read_text()
    assert done.returncode == (0 if kept else 1)
    assert kept in text if kept else f"{key} takes " in done.stderr and key.split(".")[1] not in text


# ---- questions ---------------------------------------------------------------------------------------------------


def test_setup_asks_again_until_it_makes_sense(home):
    terminal = Terminal(home, "setup")
    for question, answer in [("Number", "99"), ("a number from 1 to 7", "7x"), ("a number from 1 to 7", "offline"),
                             ("Workspace", "/nonexistent"), ("No such file", str(home.workspace)), ("answers with offline/rules", ""),
                             ("Platform", "")]:
        terminal.until(question)
        terminal.type(answer + "\r")
    assert terminal.end() == 0
    assert f"workspace: {home.workspace}" in (home.path / "config.yaml").read_text()


def test_an_empty_key_or_model_is_asked_for_again_and_ctrl_d_changes_nothing(home):
    terminal = Terminal(home, "setup")
    for question, answer in [("Number", "2\r"), ("OPENROUTER_API_KEY", "\r"), ("as it is\r\nOPENROUTER_API_KEY", "sk-1\r"),
                             ("Model", "\r"), ("as it is\r\nModel", "\x04")]:
        terminal.until(question)
        terminal.type(answer)
    assert terminal.end() == 1 and "nothing was changed" in terminal.seen and not (home.path / ".env").exists()


def test_ctrl_c_at_a_secret_leaves_a_terminal_that_shows_what_is_typed(home):
    terminal = Terminal(home, "setup")
    terminal.until("Number")
    terminal.type("1\r")
    terminal.until("OPENAI_API_KEY")
    assert not termios.tcgetattr(terminal.master)[3] & termios.ECHO
    terminal.type("\x03")
    while terminal.read():
        pass
    assert termios.tcgetattr(terminal.master)[3] & termios.ECHO
    assert terminal.end() == -2


def test_a_setup_that_was_left_is_said_once(home):
    terminal = Terminal(home, "chat")
    for question, answer in [("[y/N]", "y\r"), ("Number", "\x04")]:
        terminal.until(question)
        terminal.type(answer)
    assert terminal.end() == 1 and terminal.seen.count("Error:") == 1
