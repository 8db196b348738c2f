# SPDX-License-Identifier: Apache-2.0
"""A full disk refuses what it could not keep, and harms nothing that is on it (architecture.md, failure table)."""
import ctypes
import errno
import json
import os
import sqlite3

import pytest

from conftest import host, wait_for
from test_chat_tool import call, script
from test_hostd import send, text_of, until

MEGA = 1024 * 1024
CLONE_NEWNS = 0x20000
MS_REC_PRIVATE = 0x4000 | 0x40000
libc = ctypes.CDLL(None, use_errno=True)


def own_mounts():
    """A mount namespace of our own; a descriptor of the old one, or None where that is not allowed."""
    old = os.open("/proc/self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    if libc.unshare(CLONE_NEWNS) == 0 and libc.mount(None, b"/", None, MS_REC_PRIVATE, None) == 0:
        return old
    os.close(old)
    return None


@pytest.fixture
def small(home, provider):
    """The home on a disk of 48 MB, its daemons running; whatever happens none of them may end."""
    if (old := own_mounts()) is None:
        pytest.skip("mounting a small disk needs root")
    home.path.mkdir()
    assert libc.mount(b"small", bytes(home.path), b"tmpfs", 0, b"size=48m,mode=700") == 0, ctypes.get_errno()
    try:
        home.use(provider, "script")
        home.start()
        yield home
        free(home)
        wait_for(lambda: all(row["state"] == "ready" for row in home.units().values()), "all units")
        hurt = [row for row in home.units().values() if row["restarts"]]
        assert not hurt, f"{hurt}\n{home.log()}"
    finally:
        home.run("daemon", "stop", check=False)
        libc.umount2(bytes(home.path), 2)
        assert libc.setns(old, CLONE_NEWNS) == 0
        os.close(old)


def fill(home, leave=0):
    """Take all space of the disk but about so much."""
    with open(home.path / "ballast", "wb", buffering=0) as f:
        if leave > 0:
            stat = os.statvfs(home.path)
            os.posix_fallocate(f.fileno(), 0, stat.f_bavail * stat.f_frsize - leave)
            return
        f.seek(0, os.SEEK_END)
        for size in (MEGA, 4096):
            while True:
                try:
                    if f.write(b"x" * size) < size:
                        break
                except OSError as e:
                    assert e.errno == errno.ENOSPC
                    break


def free(home):
    (home.path / "ballast").unlink(missing_ok=True)


def check_files(home):
    """Everything on the disk can still be read: nothing is half-written."""
    seen = 0
    for path in home.path.rglob("*"):
        if path.suffix == ".json":
            json.loads(path.read_text())
            seen += 1
        if path.suffix == ".jsonl":
            for line in path.read_text().splitlines():
                json.loads(line)
        if path.suffix == ".sqlite":
            with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
                assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",), path
            seen += 1
        assert not path.name.endswith(".tmp"), path
    assert seen > 0


def says(home, text, request_id, **params):
    return text_of(until(send(home, script({"text": text}), request_id, **params), "done"))


def errors(frames):
    return " ".join(f["text"] for f in frames if f["event"] == "error")


def refusal(home, request_id):
    """How a turn is refused: an error without a stream, or a stream that only says it."""
    frames = list(send(home, script({"text": "never"}), request_id))
    assert "never" not in json.dumps([f for f in frames if f.get("event") == "assistant_delta"])
    return json.dumps(frames)


@pytest.mark.parametrize("leave", [0, 4 * MEGA], ids=["nothing left", "little left"])
def test_a_turn_is_refused_before_it_starts(small, provider, leave):
    home = small
    assert says(home, "before", "r0") == "before"
    asked = provider.stats()["requests"]
    fill(home, leave)
    for n in range(3):
        assert "space" in refusal(home, f"full-{n}")
    done = home.run("chat", "--once", "hello", check=False)
    assert done.returncode == 1 and "space" in done.stderr + done.stdout, done.stderr
    assert provider.stats()["requests"] == asked, "no model was asked"
    doctor = home.run("doctor", check=False)
    assert doctor.returncode != 0 and "no space left" in doctor.stdout, doctor.stdout
    assert len(host(home, "host.sessions.list", profile="default")["sessions"]) == 1, "what is there can be read"
    check_files(home)
    free(home)
    assert says(home, "after", "r1") == "after"
    check_files(home)


def test_settings_are_not_lost_on_a_full_disk(small):
    home = small
    before = (home.path / "config.yaml").read_text()
    fill(home)
    answer = host(home, "host.config.set_field", profile="default", key="tui.theme", value="light")
    assert "space" in json.dumps(answer["error"]), answer
    answer = host(home, "host.providers.set_key", profile="default", key="OPENAI_API_KEY", value="sk-1")
    assert "space" in json.dumps(answer["error"]), answer
    assert "error" in host(home, "host.profile.create", name="new")
    assert (home.path / "config.yaml").read_text() == before
    free(home)
    assert host(home, "host.config.set_field", profile="default", key="tui.theme", value="light") == {"ok": True}
    assert host(home, "host.profile.create", name="new")["ok"]


def test_a_disk_that_fills_while_a_tool_runs_ends_the_turn(small):
    home = small
    session = until(send(home, script({"text": "first"}), "r0"), "done")[-1]["session_id"]
    wait = "touch started; while ! test -e go; do sleep 0.01; done; echo finished"
    stream = send(home, script({"calls": [call("terminal", command=wait)]}, {"text": "end"}), "r1", session_id=session)
    wait_for(lambda: (home.workspace / "started").exists(), "the tool to run")
    fill(home)
    (home.workspace / "go").touch()
    frames = until(stream, "done")
    assert "space" in errors(frames) or "full" in errors(frames), frames
    assert "space" in refusal(home, "r2")
    check_files(home)
    free(home)
    assert says(home, "goes on", "r3", session_id=session) == "goes on"
    users = [turn["assistant"] for turn in home.sessions()[session]["turns"]]
    assert users[0] == "first" and users[-1] == "goes on"
    check_files(home)


def test_a_disk_that_fills_while_the_model_speaks_ends_the_turn(small):
    home = small
    stream = send(home, script({"text": "some words " * 50}, delay=5), "r1")
    until(stream, "assistant_delta")
    fill(home)
    frames = until(stream, "done")
    assert "space" in errors(frames) or "full" in errors(frames), frames
    check_files(home)
    free(home)
    assert says(home, "goes on", "r2") == "goes on"
    check_files(home)


def test_a_full_disk_at_the_start_is_said_and_forgotten_when_there_is_room(small):
    home = small
    assert says(home, "before", "r0") == "before"
    home.run("daemon", "stop")
    fill(home)
    done = home.run("daemon", "start", "--detach", check=False)
    assert done.returncode == 1 and "space" in done.stderr, done.stderr
    free(home)
    home.start()
    assert says(home, "after", "r1") == "after"
    check_files(home)
