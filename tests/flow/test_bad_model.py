# SPDX-License-Identifier: Apache-2.0
"""What a model, or the server that pretends to be one, may say: each call fails with a reason, the turn goes on."""
import json
import socket
import threading

import pytest

from conftest import wait_for
from test_bad_input import home, says      # noqa: F401: the home whose units may not restart
from test_chat_tool import script
from test_hostd import send, until

# ---- tool arguments ------------------------------------------------------------------------------

NAMES = {
    "read_file": ("path", "offset", "limit"),
    "write_file": ("path", "content"),
    "edit_file": ("path", "old_string", "new_string"),
    "search": ("pattern", "path", "target", "file_glob", "case_sensitive", "limit", "include_noise"),
    "terminal": ("action", "command", "timeout", "cwd", "pid"),
    "todo": ("action", "content", "index"),
    "load_tools": ("names",),
    "no_such_tool": ("x",),
}
SANE = {"path": "a.txt", "content": "x", "old_string": "a", "new_string": "b", "pattern": "x", "command": "true",
        "action": "list", "names": ["search"]}
VALUES = [None, True, 0, -1, 2**62, 1.5, 1e300, "", "x" * 5000, "a/" * 3000, "../" * 50 + "etc/passwd", "/proc/self/environ",
          "/dev/zero", "~root/x", "a\u0000b", "\ud7ff\uffff", "$(touch bad)", "-rf", [], ["a", 1], {}, {"a": {"b": []}}]
NO_OBJECTS = ["", "null", "[]", "7", '"text"', "{", '{"path":', '{"path":"a"}{}', '{"path":"a","path":"b"}',
              "{'path': 'a'}", "[" * 5000, '{"a":' * 5000, "x" * 100_000]


def in_batches(calls, size=30):
    return [{"calls": calls[i:i + size]} for i in range(0, len(calls), size)]


@pytest.mark.parametrize("tool", NAMES)
def test_whatever_the_arguments_are_each_call_is_answered(home, provider, tool):
    home.use(provider, "script")
    home.start()
    sane = {name: SANE[name] for name in NAMES[tool] if name in SANE}
    if tool == "terminal":
        sane["action"] = "run"
    rows = [{}] + [{**sane, name: value} for name in NAMES[tool] for value in VALUES]
    rows += [{name: value for name in NAMES[tool]} for value in VALUES]
    calls = [{"name": tool, "arguments": text} for text in [json.dumps(row) for row in rows] + NO_OBJECTS]
    steps = in_batches(calls) + [{"text": "the end"}]
    frames = until(send(home, script(*steps), "r1", interactive=False), "done")
    ended = [f for f in frames if f["event"] == "tool_end"]
    assert len(ended) == len(calls)
    assert frames[-2]["event"] == "reply" and frames[-2]["text"] == "the end", frames[-3:]
    assert all(f["output"] for f in ended if not f["ok"]), "a reason each"
    assert sum(not f["ok"] for f in ended) > len(ended) / 3 or tool in ("todo", "load_tools", "terminal")
    assert not (home.workspace / "bad").exists(), "no shell saw a path"
    assert not [p for p in home.base.rglob("*") if p.is_symlink()]
    assert says(home, script({"text": "on"}), "r2") == "on"
    json.loads(next((home.path / "sessions").glob("[!._]*.json")).read_text())


# ---- the stream ------------------------------------------------------------------------------------

class Raw:
    """A server that answers each request with the same bytes and closes."""

    def __init__(self, data):
        self.data = data
        self.asked = 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            with s:
                try:
                    head = b""
                    while b"\r\n\r\n" not in head and (data := s.recv(65536)):
                        head += data
                    self.asked += b"chat/completions" in head
                    s.sendall(self.data)
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(65536):
                        pass
                except OSError:
                    pass


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"


def event(value):
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def delta(**d):
    return event({"choices": [{"index": 0, "delta": d}]})


DEEP = b"data: " + b"[" * 100_000 + b"\n\n"
STREAMS = {
    "no http": bytes(range(256)) * 100,
    "nothing": b"",
    "a header without end": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 2_000_000,
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200_000,
    "no stream": HEAD,
    "bytes": HEAD + bytes(range(256)) * 1000,
    "zeros": HEAD + b"\0" * 1_000_000,
    "no json": HEAD + b"data: hello\n\n" * 1000,
    "deep": HEAD + DEEP,
    "numbers": HEAD + event(7) * 100,
    "lists": HEAD + event([[[]]]) * 100,
    "choices is a number": HEAD + event({"choices": 7}),
    "choices hold anything": HEAD + event({"choices": [None, 7, [], {}, {"delta": 7}, {"delta": {"content": {}}}]}),
    "calls hold anything": HEAD + delta(tool_calls=[None, 7, {}, {"index": "x"}, {"index": -1, "function": 7},
                                                    {"index": 2**62, "function": {"name": [], "arguments": {}}}]),
    "usage is wrong": HEAD + delta(content="x") + event({"choices": [], "usage": {"prompt_tokens": "a", "completion_tokens": -5,
                                                                                   "cost": [1]}}),
    "half utf-8": HEAD + b'data: {"choices":[{"delta":{"content":"\xff\xfe\xc3"}}]}\n\n',
    "a length that lies": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 99999999\r\n\r\n" + delta(content="x"),
    "a chunk that lies": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx",
    "compressed rubbish": b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Encoding: gzip\r\n\r\nnot gzip",
    "a way elsewhere": b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\n\r\n",
    "round and round": b"HTTP/1.1 302 Found\r\nLocation: /v1/chat/completions\r\n\r\n",
    "ten thousand calls": HEAD + b"".join(delta(tool_calls=[{"index": i, "id": f"c{i}", "function": {"name": "search",
                                                             "arguments": "{}"}}]) for i in range(10_000)),
}


@pytest.mark.parametrize("name", STREAMS)
def test_whatever_a_server_answers_the_turn_ends(home, provider, name):
    server = Raw(STREAMS[name])
    home.config(f"model: raw/x\nworkspace: {home.workspace}\ntools: {{max_steps_per_turn: 2}}\n"
                f"providers: {{ollama: [{{name: raw, url: '{server.url}'}}, {{name: fake, url: '{provider.url}'}}]}}\n"
                "runtime: {retry_backoff_s: 0.05, first_byte_timeout_s: 5, stream_idle_timeout_s: 5}\n")
    home.start()
    frames = until(send(home, "hello", "r1"), "done")
    assert [f for f in frames if f["event"] in ("error", "reply")], frames
    assert all(f["text"].strip() for f in frames if f["event"] == "error"), frames
    assert server.asked <= 12, "it is not asked for ever"
    assert "root:" not in json.dumps(frames)
    for path in (home.path / "sessions").glob("[!._]*.json"):
        json.loads(path.read_text())
    assert says(home, "on", "r2", model="fake/echo") == "on"
    server.listener.close()
