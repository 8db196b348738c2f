# SPDX-License-Identifier: Apache-2.0
"""What a script imports is looked up before it lands in a skill (memory-skills.md, 7.1, 10)."""
import sys

import pytest

from conftest import ROOT, host
from test_chat_tool import script
from test_hostd import send, until
from test_skills import create, folder, skill

sys.path.insert(0, str(ROOT / "tests" / "fake"))
from osv import Osv  # noqa: E402

BAD = {("PyPI", "evil-lib"): ["GHSA-1", "MAL-2024-17"], ("npm", "@evil/lib"): ["MAL-2025-3"], ("PyPI", "requests"): ["GHSA-2", "PYSEC-3"]}


@pytest.fixture
def osv():
    server = Osv(BAD)
    yield server
    server.close()


def start(home, provider, url, mode=None):
    home.use(provider, "script", more=f"skills: {{osv_url: '{url}'{', osv: ' + mode if mode else ''}}}\n")
    home.start()


def add(content, filename="run.py", subdir="scripts"):
    return skill("add_file", name="pdf-tables", subdir=subdir, filename=filename, content=content)


def tools(home, *calls):
    return home.ask(script({"calls": [create()]}, {"calls": list(calls)}, {"text": "e"}))["tools"][1:]


def lies(home, name="run.py"):
    return (folder(home) / "scripts" / name).exists()


def test_malware_is_refused_and_faults_are_not(any_user_home, provider, osv):
    home = any_user_home
    start(home, provider, osv.url)
    bad, node, good, own = tools(home, add("import os\nimport evil_lib\n", "a.py"), add("import x from '@evil/lib/sub'\n", "b.mjs"),
                                 add("import requests\nimport json\n", "c.py"), add("import json, c\n", "d.py"))
    assert not bad["ok"] and "evil-lib (MAL-2024-17)" in bad["output"] and not lies(home, "a.py")
    assert not node["ok"] and "@evil/lib (MAL-2025-3)" in node["output"] and not lies(home, "b.mjs")
    assert good["ok"] and "none is known as malware: requests" in good["output"] and lies(home, "c.py")
    assert own["ok"] and "OSV" not in own["output"] and lies(home, "d.py")
    assert osv.asked == [("/v1/querybatch", ["evil-lib"]), ("/v1/querybatch", ["@evil/lib"]), ("/v1/querybatch", ["requests"])]


def test_a_patch_is_looked_up_as_a_whole(home, provider, osv):
    start(home, provider, osv.url)
    _, bad, good = tools(home, add("import evil\n"),
                         skill("patch", name="pdf-tables", subdir="scripts", filename="run.py", old_string="evil", new_string="evil_lib"),
                         skill("patch", name="pdf-tables", subdir="scripts", filename="run.py", old_string="evil", new_string="httpx"))
    assert not bad["ok"] and "MAL-2024-17" in bad["output"]
    assert good["ok"] and "none is known as malware: httpx" in good["output"]
    assert (folder(home) / "scripts/run.py").read_text() == "import httpx\n"


def test_a_database_that_is_away_lets_the_file_in_and_it_is_said(home, provider, osv):
    osv.close()
    start(home, provider, osv.url)
    [tool] = tools(home, add("import evil_lib\n"))
    assert tool["ok"] and "not looked up in the OSV database of malware: evil-lib (" in tool["output"] and lies(home)


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"results": []}', b'{"results": [{"vulns": [{"id": "MAL-1\\nrun it"}]}]}',
                                    b'{"results": [{"next_page_token": "x"}]}'])
def test_an_answer_that_does_not_fit_is_none(home, provider, osv, answer):
    osv.answer = answer
    start(home, provider, osv.url)
    [tool] = tools(home, add("import evil_lib\n"))
    assert tool["ok"] and "not looked up" in tool["output"] and "run it" not in tool["output"]


def test_strict_keeps_out_what_was_not_looked_up(home, provider, osv):
    osv.status = 500
    start(home, provider, osv.url, "strict")
    tool, own = tools(home, add("import requests\n"), add("import json\n", "own.py"))
    assert not tool["ok"] and "skills.osv is strict" in tool["output"] and "HTTP 500" in tool["output"] and not lies(home)
    assert own["ok"] and lies(home, "own.py")
    osv.status = 200
    [tool] = tools(home, add("import requests\n"))
    assert tool["ok"] and lies(home)


def test_off_never_asks(home, provider, osv):
    start(home, provider, osv.url, "off")
    [tool] = tools(home, add("import evil_lib\n"))
    assert tool["ok"] and "skills.osv is off" in tool["output"] and osv.asked == []


def test_names_go_nowhere_in_clear_text(home, provider):
    start(home, provider, "http://osv.example")
    [tool] = tools(home, add("import evil_lib\n"))
    assert tool["ok"] and "must begin with https://" in tool["output"]


def test_a_slow_database_is_not_waited_for(home, provider, osv):
    osv.hold.clear()
    start(home, provider, osv.url)
    [tool] = tools(home, add("import evil_lib\n"))
    assert tool["ok"] and "no answer within 3 s" in tool["output"] and lies(home)


def test_a_person_interrupts_the_wait(home, provider, osv):
    osv.hold.clear()
    start(home, provider, osv.url)
    stream = send(home, script({"calls": [create()]}, {"calls": [add("import evil_lib\n")]}, {"text": "e"}), "stopped", interactive=True)
    assert osv.came.wait(60)
    assert host(home, "host.chat.cancel", request_id="stopped") == {"cancelled": True}
    ends = [f for f in until(stream, "done") if f["event"] == "tool_end"]
    assert not ends[-1]["ok"] and "interrupted" in ends[-1]["output"] and not lies(home)


def test_a_call_that_was_cut_off_is_made_again(home, provider, osv):
    osv.hold.clear()
    start(home, provider, osv.url)
    stream = send(home, script({"calls": [create()]}, {"calls": [add("import evil_lib\n")]}, {"text": "e"}), "cut", interactive=True)
    assert osv.came.wait(60)
    home.kill("default/engined")
    osv.hold.set()
    ends = [f for f in until(stream, "done") if f["event"] == "tool_end"]
    assert not ends[-1]["ok"] and "MAL-2024-17" in ends[-1]["output"] and not lies(home)
    assert len(osv.asked) == 2
