# SPDX-License-Identifier: Apache-2.0
"""Telegram as others understand it: the npm package telegram-test-api plays the server, and people who write to the bot.

What it is not: it answers a long poll at once, and forgets what it has handed out. So nothing is killed here.
"""
import json
import subprocess
import urllib.request

import pytest

import npm
from conftest import wait_for
from service import free_port
from test_telegram import UNIT, plain

VERSION = "4.2.1"
TOKEN = "77:emulated_token"
SERVE = """
const Server = require(process.argv[1]);
const server = new Server({ port: Number(process.argv[2]), host: '127.0.0.1' });
server.start().then(() => console.log('up'));
"""


@pytest.fixture(scope="module")
def package():
    return npm.package("telegram-test-api", VERSION)


class Emulator:
    def __init__(self, package):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen([npm.node(), "-e", SERVE, package, str(port)], stdout=subprocess.PIPE, text=True)
        assert self.process.stdout.readline() == "up\n"

    def ask(self, method, body):
        request = urllib.request.Request(f"{self.url}/{method}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)["result"]

    def write(self, chat, text, kind="private", sender=5, method="sendMessage", **more):
        who = {"id": sender, "first_name": "Ada", "username": "ada", "is_bot": False}
        self.ask(method, {"botToken": TOKEN, "date": 0, "from": who, "text": text,
                          "chat": {"id": chat, "type": kind, "title": "T", "first_name": "Ada", "username": "ada"}, **more})

    def said(self, chat):
        """All that the bot has sent to a chat, in order."""
        rows = self.ask("getUpdatesHistory", {"token": TOKEN})
        return [row["message"]["text"] for row in rows if str(row["message"].get("chat_id")) == str(chat)]

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def emulator(package, home, provider):
    server = Emulator(package)
    folder = home.use(provider, "echo")
    (folder / ".env").write_text(f"TELEGRAM_BOT_TOKEN={TOKEN}\nTELEGRAM_API_URL={server.url}\n"
                                 "TELEGRAM_ALLOWED_CHAT_IDS=1,-1001,2\n")
    home.give(home.path)
    home.start()
    home.ready(UNIT)
    yield server
    server.close()


def answered(emulator, chat, n):
    return wait_for(lambda: (rows := emulator.said(chat)) and len(rows) >= n and [plain(row) for row in rows], f"{n} answers in {chat}")


def test_a_conversation(emulator, home):
    emulator.write(1, "good morning")
    [first] = answered(emulator, 1, 1)
    assert first.startswith("[INBOUND TELEGRAM chat 1 from 5.") and first.endswith("\ngood morning")
    emulator.write(1, "snake_case and *stars* (1.5)")
    assert answered(emulator, 1, 2)[1].split("\n")[-1] == "snake_case and _stars_ (1.5)"
    [session] = home.sessions().values()
    assert len(session["turns"]) == 2


def test_a_command_with_its_entity(emulator):
    emulator.write(1, "/help", method="sendCommand", entities=[{"type": "bot_command", "offset": 0, "length": 5}])
    assert "/status" in answered(emulator, 1, 1)[0]


def test_chats_of_several_kinds_and_a_stranger(emulator):
    emulator.write(99, "let me in")
    for i in range(10):
        emulator.write((1, 2, -1001)[i % 3], f"text{i}.", kind=("private", "private", "supergroup")[i % 3])
    for n, chat in enumerate((1, 2, -1001)):
        texts = [f"text{i}." for i in range(10) if i % 3 == n]
        assert [row.split("\n")[-1] for row in answered(emulator, chat, len(texts))] == texts
    assert emulator.said(99) == []


def test_a_long_answer_comes_in_parts_that_it_takes(emulator):
    emulator.write(1, "word " * 1500)
    parts = answered(emulator, 1, 2)
    assert len(parts) == 2 and all(len(p) <= 4096 for p in emulator.said(1)) and sum(p.count("word") for p in parts) == 1500
