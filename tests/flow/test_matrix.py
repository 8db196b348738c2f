# SPDX-License-Identifier: Apache-2.0
"""Matrix through the real daemons: what is answered, what is not read, and what stays true when they are killed."""
import collections
import json
import os
import random
import signal
import time

from conftest import wait_for
from gateway import UNIT, Gateway, made_by
from matrix import SELF, Homeserver

ROOM, OTHER = "!room/1:fake.test", "!other:fake.test"
MESSAGES = int(os.environ.get("ALPI_MESSAGES", "24"))


class Matrix(Gateway):
    """A home whose profile has a Matrix account, and the server that it is at."""
    platform = "matrix"

    def __init__(self, home, provider, model="echo", rooms=f"{ROOM},{OTHER}", before=None, **env):
        self.server = Homeserver()
        super().__init__(home, self.server)
        if before:
            before(self.server)
        folder = home.use(provider, model)
        self.env(folder, MATRIX_ALLOWED_ROOMS=rooms, **env)
        self.begin()
        wait_for(lambda: any("since" in query for _, query in self.calls("sync")), lambda: f"the first sync\n{home.log()}")

    def calls(self, name):
        return [row for row in self.server.calls if row[0] == name]

    def env(self, folder, **more):
        super().env(folder, MATRIX_HOMESERVER_URL=self.server.url + "/", MATRIX_USER_ID=SELF, MATRIX_ACCESS_TOKEN=self.server.token, **more)

    def log(self):
        return self.home.log()


matrix = made_by(Matrix)


def test_a_message_is_answered_under_its_banner_and_what_was_before_is_not(matrix):
    m = matrix(before=lambda server: server.post(ROOM, "long ago"))
    m.server.post(ROOM, "good *morning*")
    [answer] = m.answered(1)
    first, rest = answer.split("\n", 1)
    assert first.startswith("[INBOUND MATRIX") and "@ann:fake.test" in first and "untrusted" in first and rest == "good *morning*"
    assert "<em>morning</em>" in m.server.sent[0]["html"] and m.server.sent[0]["kind"] == "m.text"
    assert ROOM in m.server.typing
    m.server.post(ROOM, "and again")
    m.answered(2)
    mapped = json.loads((m.home.path / "gateway/sessions/_map.json").read_text())
    assert set(mapped) == {ROOM} and len(m.home.sessions()[mapped[ROOM]]["turns"]) == 2
    wait_for(lambda: json.loads((m.home.path / "gateway/matrix-state.json").read_text())["next_batch"] == f"s{len(m.server.stream)}",
             "the state to follow")
    assert m.server.token not in m.log()


def test_strangers_are_ignored_and_counted(matrix):
    m = matrix(rooms=OTHER, MATRIX_ALLOWED_CHAT_IDS=ROOM, MATRIX_ALLOWED_SENDERS="@ann:fake.test", MATRIX_ALLOWED_USER_IDS="@bob:fake.test")
    m.server.post("!elsewhere:fake.test", "let me in")
    m.server.post(ROOM, "let me in", sender="@eve:fake.test")
    m.server.put(ROOM, {"content": {"msgtype": "m.notice", "body": "a bot speaks"}})
    m.server.put(ROOM, {"content": {"msgtype": "m.text", "body": "* x", "m.relates_to": {"rel_type": "m.replace", "event_id": "$1"}}})
    m.server.put(ROOM, {"content": {"msgtype": "m.text", "body": 5}})
    m.server.put(ROOM, {"content": []})
    m.server.post(ROOM, "a\0b", sender="@bob:fake.test")
    m.server.post(OTHER, "it is me")
    assert sorted(a.split("\n")[-1] for a in m.answered(2)) == ["a\ufffdb", "it is me"]
    assert m.ignored() == 2 and {row["room"] for row in m.server.sent} == {ROOM, OTHER}


def test_an_encrypted_room_and_an_invitation_are_said_once(matrix):
    m = matrix()
    m.server.invites["!in:fake.test"] = {}
    m.server.encrypt(ROOM)
    m.server.encrypt(ROOM)
    m.server.encrypt("!elsewhere:fake.test")
    m.server.post(OTHER, "one")
    m.answered(1)
    m.server.encrypt(ROOM)
    m.server.post(OTHER, "two")
    m.answered(2)
    assert m.log().count("is encrypted") == 1 and m.log().count("invitations wait") == 1
    assert not [call for call in m.server.calls if call[0] == "join"]


def test_what_was_written_in_a_long_absence_is_all_answered(matrix):
    m = matrix()
    m.server.post(ROOM, "first")
    m.answered(1)
    m.home.run("daemon", "stop")
    for i in range(130):
        m.server.post(ROOM if i < 125 else OTHER, f"/model {i}" if i else "begin")
    m.server.post(ROOM, "last")
    m.home.start()
    m.answered(132)
    assert len(m.calls("messages")) >= 2
    texts = m.server.answers(ROOM)
    assert texts[1].endswith("begin") and texts[-1].endswith("last") and len(texts) == 127


def test_a_server_that_asks_for_patience_gets_it(matrix):
    m = matrix()
    m.server.refuse["send"] = [(429, {"errcode": "M_LIMIT_EXCEEDED", "retry_after_ms": 700})] * 2
    began = time.monotonic()
    m.server.post(ROOM, "patience")
    m.answered(1)
    assert time.monotonic() - began >= 1.4 and len(m.calls("send")) == 3
    m.server.refuse["send"] = [(403, {"errcode": "M_FORBIDDEN"})]
    m.server.post(ROOM, "not in the room")
    m.server.post(ROOM, "back in it")
    assert m.answered(2)[1].endswith("back in it")


def test_a_lost_login_opens_the_breaker_and_a_new_token_goes_on(matrix):
    m = matrix()
    m.server.logged_out = True
    m.server.post(ROOM, "wait for me")
    state = m.home.path / "gateway/.breaker-state.json"
    wait_for(lambda: state.exists() and json.loads(state.read_text())["platforms"]["matrix"]["consecutive_failures"] > 0, "the breaker")
    row = json.loads(state.read_text())["platforms"]["matrix"]
    assert row["status"] == "degraded" and "M_UNKNOWN_TOKEN" in row["last_error"] and "logged out" in row["last_error"]
    pid = m.home.pid(UNIT)
    m.server.logged_out, m.server.token = False, "another_token"
    m.env(m.home.path, MATRIX_ALLOWED_ROOMS=ROOM)
    m.home.ready(UNIT, not_pid=pid)
    assert m.answered(1)[0].endswith("wait for me")


def test_a_probe_says_who_we_are(matrix):
    m = matrix()
    assert m.home.json("gateway", "probe", "matrix") == {"status": "ok", "who": SELF}
    m.server.logged_out = True
    done = m.home.run("gateway", "probe", "matrix", "--json", check=False)
    assert done.returncode == 1 and "M_UNKNOWN_TOKEN" in json.loads(done.stdout)["reason"]


def test_a_long_answer_comes_in_parts(matrix):
    m = matrix()
    m.server.post(ROOM, "**word** " * 1500)
    m.answered(2)
    parts = m.server.sent
    assert len(parts) == 2 and sum(p["body"].count("word") for p in parts) == 1500 and all("<strong>" in p["html"] for p in parts)
    assert parts[0]["txn"] != parts[1]["txn"]


def test_each_message_is_answered_once_whoever_dies(matrix):
    """No message twice: the transaction of a part is the same after a restart."""
    m = matrix()
    dice = random.Random(int(os.environ.get("ALPI_SEED", "5")))
    want, kills = collections.defaultdict(list), 0
    for i in range(MESSAGES):
        room = dice.choice((ROOM, OTHER))
        m.server.post(room, f"message {i} is here")
        want[room].append(f"message {i} is here")
        if i % 4 != 3:
            continue
        pid = m.home.ready(UNIT)
        time.sleep(dice.random() * 0.1)             # where the kill falls; nothing waits for it
        os.kill(pid, signal.SIGKILL)
        m.home.killed.add(pid)
        kills += 1
        if kills % 4 == 0:
            m.home.run("daemon", "restart", "all")  # what died too often in a minute begins again
    m.answered(MESSAGES)
    wait_for(lambda: m.query("SELECT count(*) FROM inbox WHERE state <> 3") == [(0,)], "all to be sent")
    for room, texts in want.items():
        assert [a.split("\n")[-1] for a in m.server.answers(room)] == texts
    print(f"{MESSAGES} messages, {kills} kills, {m.server.again} sends that the server knew")
    assert kills == MESSAGES // 4
