# SPDX-License-Identifier: Apache-2.0
"""The webhook through the real daemons: who may post to us, and what is posted back."""
import errno
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import time

import pytest

from conftest import wait_for
from gateway import UNIT, Gateway, made_by
from botapi import BotAPI
from receiver import Receiver
from service import free_port

SECRET = "a secret of sixteen or more"


def sign(stamp, body, secret=SECRET):
    return "sha256=" + hmac.new(secret.encode(), str(stamp).encode() + b"." + body, hashlib.sha256).hexdigest()


class Webhook(Gateway):
    platform = "webhook"

    def __init__(self, home, provider, answers=True, **env):
        self.receiver, self.port = Receiver(), free_port()
        super().__init__(home, self.receiver)
        folder = home.use(provider, "echo", more=f"gateway: {{webhook: {{port: {self.port}}}}}\n")
        if answers:
            env = {"WEBHOOK_POST_URL": self.receiver.url + "/answers", **env}
        self.env(folder, WEBHOOK_SECRET=SECRET, **env)
        self.begin()

    def post(self, body, stamp=None, signature=None, path="/webhook", method="POST"):
        """Status and answer."""
        stamp = int(time.time()) if stamp is None else stamp
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        headers = {"X-Alpi-Timestamp": str(stamp), "X-Alpi-Signature": sign(stamp, data) if signature is None else signature}
        try:
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def rows(self):
        return self.query("SELECT ref, chat, sender, state FROM inbox WHERE platform = 'webhook' ORDER BY id")


webhook = made_by(Webhook)


def test_a_signed_message_is_answered_where_the_operator_says(webhook):
    w = webhook()
    status, said = w.post({"chat_id": "ops", "text": "the build failed", "sender": "ci"})
    assert (status, json.loads(said)) == (202, {"status": "accepted"})
    [answer] = w.answered(1)
    first, rest = answer["text"].split("\n", 1)
    assert answer["chat_id"] == "ops" and first.startswith("[INBOUND WEBHOOK") and "ci" in first and rest == "the build failed"
    assert w.receiver.got[0]["path"] == "/answers"
    log = w.home.log()
    assert SECRET not in log and "the build failed" not in log
    w.post({"chat_id": "ops", "text": "/model"})
    assert "fake/echo" in w.answered(2)[1]["text"]


def test_forged_stale_and_odd_requests_change_nothing(webhook):
    w = webhook()
    good = {"chat_id": "ops", "text": "hello"}
    now = int(time.time())
    data = json.dumps(good).encode()
    refused = [
        (401, dict(body=good, signature=sign(now, data, "another secret of mine"))), (401, dict(body=good, signature="sha256=" + "0" * 64)),
        (401, dict(body=good, signature="")), (401, dict(body=good, stamp=now, signature=sign(now - 1, data))),
        (403, dict(body=good, stamp=now - 400)), (403, dict(body=good, stamp=now + 400)),
        (400, dict(body=b"{")), (400, dict(body={"chat_id": "ops"})), (400, dict(body={"chat_id": "a\nb", "text": "x"})),
        (413, dict(body={"chat_id": "ops", "text": "a" * 70000})), (413, dict(body=b" " * 200000)),
        (404, dict(body=good, path="/elsewhere")), (405, dict(body=good, method="PUT")),
    ]
    for want, request in refused:
        assert w.post(**request)[0] == want, request
    assert w.rows() == [] and w.receiver.got == []


def test_the_same_request_is_one_message_even_after_a_kill(webhook):
    w = webhook()
    now = int(time.time())
    assert w.post({"chat_id": "ops", "text": "once"}, stamp=now)[0] == 202
    pid = w.home.ready(UNIT)
    wait_for(lambda: w.rows()[0][3] == 3, "the answer to be noted as sent")     # one on its way would rightly go again
    os.kill(pid, signal.SIGKILL)
    w.home.killed.add(pid)
    w.home.ready(UNIT)
    assert w.post({"chat_id": "ops", "text": "once"}, stamp=now)[0] == 202
    assert w.post({"chat_id": "ops", "text": "named", "id": "7"})[0] == 202
    assert w.post({"chat_id": "ops", "text": "named again", "id": "7"}, stamp=now - 5)[0] == 202
    assert w.post({"chat_id": "ops", "text": "end"})[0] == 202
    assert [a["text"].split("\n")[-1] for a in w.answered(3)] == ["once", "named", "end"]
    assert len(w.rows()) == 3


def test_a_list_of_chats_holds_and_too_many_messages_wait(webhook):
    w = webhook(WEBHOOK_ALLOWED_CHAT_IDS="ops")
    assert w.post({"chat_id": "other", "text": "x"})[0] == 403
    statuses = [w.post({"chat_id": "ops", "text": "/help", "id": i})[0] for i in range(80)]
    assert statuses[0] == 202 and 429 in statuses and statuses.count(202) < 80
    w.answered(statuses.count(202))
    assert {row[1] for row in w.rows()} == {"ops"}


def test_a_list_that_is_set_but_empty_hears_nobody(webhook):
    w = webhook(WEBHOOK_ALLOWED_CHAT_IDS="")
    assert w.post({"chat_id": "ops", "text": "x"})[0] == 403
    assert w.rows() == [] and "its allow list is empty" in w.home.log()


def test_a_chat_of_the_webhook_is_in_no_conversation_of_another_platform(webhook):
    api = BotAPI()
    try:
        w = webhook(TELEGRAM_BOT_TOKEN=api.token, TELEGRAM_API_URL=api.url, TELEGRAM_ALLOWED_CHAT_IDS="11")
        api.post(11, "between us")
        wait_for(lambda: api.answers(11), "the bot's answer")
        assert w.post({"chat_id": "11", "text": "what did they say?"})[0] == 202
        w.answered(1)
        mapped = json.loads((w.home.path / "gateway/sessions/_map.json").read_text())
        assert set(mapped) == {"11", "webhook:11"} and mapped["11"] != mapped["webhook:11"]
        assert "between us" not in json.dumps(w.home.sessions()[mapped["webhook:11"]])
    finally:
        api.close()


def test_a_receiver_that_is_busy_is_asked_again_and_a_no_is_a_no(webhook):
    w = webhook()
    w.receiver.refuse = [429, 400]
    w.post({"chat_id": "ops", "text": "refused"})
    w.post({"chat_id": "ops", "text": "taken"})
    assert [a["text"].split("\n")[-1] for a in w.answered(1)] == ["taken"]


def test_without_an_address_answers_are_in_the_session_alone(webhook):
    w = webhook(answers=False)
    assert w.post({"chat_id": "ops", "text": "keep this"})[0] == 202
    wait_for(lambda: [row[3] for row in w.rows()] == [3], "the message to count as answered")
    assert "keep this" in json.dumps(list(w.home.sessions().values()))
    [row] = w.home.json("outputs", "list", "--json")
    assert row["body"].endswith("keep this") and (row["source"], row["title"], row["type"]) == ("webhook", "ops", "info")


def has_six():
    with socket.socket(socket.AF_INET6) as s:
        return s.connect_ex(("::1", 9)) not in (errno.EADDRNOTAVAIL, errno.ENETUNREACH)


def test_the_address_is_a_setting(webhook):
    w = webhook()
    for host in ["127.0.0.2"] + ["::1"] * has_six():
        pid = w.home.ready(UNIT)
        w.home.run("config", "set", "gateway.webhook.host", host)
        w.home.ready(UNIT, not_pid=pid)
        socket.create_connection((host, w.port)).close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", w.port))
    w.home.run("config", "set", "gateway.webhook.host", "nowhere")
    wait_for(lambda: "gateway.webhook.host is no address" in w.home.run("gateway", "list", check=False).stdout, "what is wrong with it")


def test_somebody_who_sends_nothing_holds_nobody_up(webhook):
    w = webhook()
    silent = [socket.create_connection(("127.0.0.1", w.port)) for _ in range(40)]
    half = socket.create_connection(("127.0.0.1", w.port))
    half.sendall(b"POST /webhook HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n{")
    assert w.post({"chat_id": "ops", "text": "still here"})[0] == 202
    assert w.answered(1)[0]["text"].endswith("still here")
    for one in silent + [half]:
        one.close()
