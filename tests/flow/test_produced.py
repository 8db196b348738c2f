# SPDX-License-Identifier: Apache-2.0
"""A file that a skill made goes with the answer: from the script's output to the person's screen (engine.md, 15)."""
import json
import os
import signal
import urllib.request

import pytest

from conftest import wait_for
from test_chat_tool import script
from test_skill_run import PYTHON, begin, program
from test_skills import skill

pytestmark = pytest.mark.skipif(not os.path.exists(PYTHON), reason="skills are written in Python")

DRAW = ("import json, os, sys\n"
        "where = os.path.join(os.environ['WORKSPACE'], sys.argv[1])\n"
        "open(where, 'wb').write(b'\\x89PNG\\r\\n\\x1a\\n....')\n"
        "print(json.dumps({'out': where}))\n"
        "print('drawn')\n")


def last(provider):
    with urllib.request.urlopen(provider.url + "/last") as answer:
        return json.dumps(json.load(answer))


def test_a_drawn_image_goes_with_the_answer(home, provider):
    begin(home, provider)
    program(home, "draw", DRAW)
    home.start()
    path = str(home.workspace / "plot.png")
    text = script({"calls": [skill("run", name="draw", args=["plot.png"]), skill("run", name="draw", args=["plot.png"])]},
                  {"text": "here it is"})
    answer = home.ask(text)
    row = {"path": path, "name": "plot.png", "mime": "image/png", "size": 12, "kind": "image", "source": "tool", "producer": "skill"}
    assert answer["reply"] == "here it is" and answer["attachments"] == [row]
    session = answer["session_id"]
    [turn] = home.sessions()[session]["turns"]
    assert turn["output_attachments"] == [row]
    assert home.run("chat", "--once", text).stdout.endswith(f"Attachments:\n- image/png plot.png {path}\n")
    home.run("daemon", "restart", "default/engined")
    home.ask(script({"text": "yes"}), "--session", session)
    assert "[produced this turn: plot.png" in last(provider) and path in last(provider)


def test_what_a_script_only_claims_goes_nowhere(home, provider):
    begin(home, provider)
    (home.person / "secret.txt").write_text("theirs")
    home.give(home.base)
    program(home, "liar", "import sys; print('{\"out\": \"%s\"}' % sys.argv[1])")
    program(home, "fails", DRAW + "sys.exit(1)\n")
    home.start()
    claims = [str(home.person / "secret.txt"), "/etc/os-release", str(home.path / ".env"), str(home.workspace / "none.png"), "relative.txt"]
    calls = [skill("run", name="liar", args=[c]) for c in claims] + [skill("run", name="fails", args=["a.png"])]
    answer = home.ask(script({"calls": calls}, {"text": "e"}))
    assert len(answer["tools"]) == 6 and not answer.get("attachments")
    assert "output_attachments" not in home.sessions()[answer["session_id"]]["turns"][0]


def test_a_death_after_the_script_keeps_its_file(home, provider):
    begin(home, provider)
    program(home, "draw", DRAW)
    home.start()
    asked = home.popen("chat", "--once", script({"calls": [skill("run", name="draw", args=["a.png"]),
                       {"name": "terminal", "arguments": {"command": "touch began; sleep 1"}}]}, {"text": "e"}), "--json")
    wait_for(lambda: (home.workspace / "began").exists())
    os.kill(home.pid("default/engined"), signal.SIGKILL)
    answer = json.loads(asked.communicate()[0])
    assert [row["name"] for row in answer["attachments"]] == ["a.png"]
