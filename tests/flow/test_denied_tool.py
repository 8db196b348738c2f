# SPDX-License-Identifier: Apache-2.0
"""A tool that the profile denies does not exist for the model, and does not run for one that calls it anyway."""
import json
import urllib.request

from test_bad_input import home, says      # noqa: F401: the home whose units may not restart
from test_chat_tool import call, outputs, script


def offered(provider):
    with urllib.request.urlopen(provider.url + "/last") as answer:
        return {tool["function"]["name"] for tool in json.load(answer).get("tools", [])}


def test_a_denied_tool_is_neither_offered_nor_run(home, provider):
    home.use(provider, "script", more="tools: {deny: [terminal, todo]}\n")
    home.start()
    answer = home.ask(script({"calls": [call("terminal", command="touch ran"), call("todo", action="add", content="x"),
                                        call("load_tools", names=["terminal"]), call("search", pattern="x")]},
                             {"calls": [call("terminal", command="touch ran")]}, {"text": "the end"}))
    assert answer["reply"].endswith("the end")
    assert [tool["ok"] for tool in answer["tools"]] == [False, False, True, True, False]
    assert all("tools.deny" in text for text in outputs(answer)[:3] + outputs(answer)[4:]), outputs(answer)
    assert not (home.workspace / "ran").exists()
    assert offered(provider).isdisjoint({"terminal", "todo"}) and "read_file" in offered(provider)


def test_a_tool_is_denied_and_allowed_again_while_the_daemons_run(home, provider):
    turn = script({"calls": [call("terminal", command="echo ran >> runs")]}, {"text": "the end"})
    home.use(provider, "script")
    home.start()
    assert home.ask(turn)["tools"][0]["ok"]
    home.use(provider, "script", more="tools: {deny: [terminal]}\n")
    assert not home.ask(turn)["tools"][0]["ok"]
    home.use(provider, "script")
    assert home.ask(turn)["tools"][0]["ok"]
    assert (home.workspace / "runs").read_text() == "ran\nran\n"
