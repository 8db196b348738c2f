# SPDX-License-Identifier: Apache-2.0
"""The same turns against an OpenAI-compatible server that nobody here wrote: the npm package @copilotkit/aimock."""
import json
import subprocess
import urllib.request

import pytest

import npm
from conftest import wait_for
from service import free_port
from test_chat_tool import printed

VERSION = "1.43.0"


@pytest.fixture(scope="module")
def package():
    return npm.package("@copilotkit/aimock", VERSION) / "dist/cli.js"


@pytest.fixture
def aimock(package, tmp_path):
    """Start it with these fixtures; the URL."""
    running = []

    def start(fixtures, *options):
        path = tmp_path / "fixtures.json"
        path.write_text(json.dumps({"fixtures": fixtures}))
        port = free_port()
        running.append(subprocess.Popen(
            [npm.node(), package, "-p", str(port), "-f", path, "--log-level", "silent", "-c", "3", *options],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
        url = f"http://127.0.0.1:{port}"

        def up():
            try:
                urllib.request.urlopen(url + "/v1/models").close()
            except OSError as e:
                return isinstance(e, urllib.error.HTTPError)
            return True
        wait_for(up, "aimock to listen")
        return url

    yield start
    for process in running:
        process.kill()
        process.wait()


def use(home, url):
    home.config(f"model: mock/gpt-4o\nworkspace: {home.workspace}\n"
                f"providers: {{ollama: [{{name: mock, url: '{url}'}}]}}\nruntime: {{retry_backoff_s: 0.05}}\n")
    home.start()


def test_text(home, aimock):
    use(home, aimock([{"match": {"userMessage": "hello"}, "response": {"content": "Grüß Gott, 世界! 🙂"}}]))
    assert home.run("chat", "--once", "hello").stdout.strip() == "Grüß Gott, 世界! 🙂"


def test_parallel_tool_calls_and_steps(home, aimock):
    def terminal(command):
        return {"name": "terminal", "arguments": {"command": command}}

    use(home, aimock([
        {"match": {"userMessage": "work", "turnIndex": 0},
         "response": {"toolCalls": [terminal(f"echo {i}") for i in range(5)]}},
        {"match": {"userMessage": "work", "turnIndex": 1}, "response": {"toolCalls": [terminal("echo more")]}},
        {"match": {"userMessage": "work", "turnIndex": 2}, "response": {"toolCalls": [terminal("echo most")]}},
        {"match": {"userMessage": "work", "turnIndex": 3}, "response": {"content": "All done."}},
    ]))
    answer = home.ask("work")
    assert printed(answer) == ["0", "1", "2", "3", "4", "more", "most"]
    assert answer["reply"].endswith("All done.")


def test_a_cut_stream_is_an_error(home, aimock):
    use(home, aimock([{"match": {"userMessage": "cut"}, "response": {"content": "A long answer that breaks off."},
                       "truncateAfterChunks": 3}]))
    done = home.run("chat", "--once", "cut", check=False)
    assert done.returncode == 1
    assert "[error]" in done.stdout and "breaks off" not in done.stdout


def test_an_error_status_is_told(home, aimock):
    use(home, aimock([{"match": {"userMessage": "no"},
                       "response": {"error": {"message": "not for you", "type": "x"}, "status": 403}}]))
    done = home.run("chat", "--once", "no", check=False)
    assert done.returncode == 1 and "not for you" in done.stdout


def test_a_rate_limit_and_then_an_answer(home, aimock):
    limit = {"error": {"message": "slow down", "type": "rate_limit_error"}, "status": 429}
    use(home, aimock([{"match": {"userMessage": "busy", "sequenceIndex": 0}, "response": limit},
                      {"match": {"userMessage": "busy", "sequenceIndex": 1}, "response": {"content": "Now I can."}}]))
    answer = home.ask("busy")
    assert answer["reply"] == "Now I can." and "error" not in answer


def test_rate_limits_are_waited_for_and_then_given_up(home, aimock):
    use(home, aimock([{"match": {"userMessage": "x"}, "response": {"content": "never"}}], "--chaos-ratelimit", "1"))
    done = home.run("chat", "--once", "x", check=False)
    assert done.returncode == 1 and "429" in done.stdout
