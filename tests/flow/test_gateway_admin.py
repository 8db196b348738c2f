# SPDX-License-Identifier: Apache-2.0
"""alpi gateway: a platform is switched on, tried, switched off and removed; what the doctor and clients see of it."""
import json
import os
import pty
import select
import sqlite3
import subprocess
import sys

import pytest

from conftest import ROOT, HostStream, host, wait_for

sys.path.insert(0, str(ROOT / "tests" / "fake"))
from botapi import BotAPI  # noqa: E402

UNIT = "default/gatewayd"


@pytest.fixture
def api():
    server = BotAPI()
    yield server
    server.close()


@pytest.fixture
def up(home, provider):
    home.use(provider, "echo")
    home.start()
    return home


def enable(home, api, *words, token=None, **options):
    return home.run("gateway", "enable", "telegram", "--token-stdin", "--api-url", api.url, *words,
                    input=(token or api.token) + "\n", **options)


def row(home, name="telegram"):
    return {r["name"]: r for r in home.json("gateway", "list", "--json")}[name]


def test_a_platform_is_switched_on_tried_and_answers(up, api):
    assert row(up) == {**row(up), "configured": False, "status": "off", "why": "not configured"}
    assert UNIT not in up.units()
    said = enable(up, api, "--chats", "11,-22").stdout
    assert "we are @test_bot" in said and api.token not in said
    assert row(up) == {"name": "telegram", "configured": True, "enabled": True, "status": "healthy", "failures": 0, "why": "",
                       "allowed": 2, "ignored": 0, "waiting": 0}
    api.post(11, "hello")
    wait_for(lambda: api.answers(11), "an answer")
    assert up.json("gateway", "probe", "telegram") == {"status": "ok", "who": "@test_bot"}
    table = up.run("gateway", "list").stdout
    assert "telegram" in table and "healthy" in table and "matrix" in table
    config = host(up, "host.gateway.config", profile="default", name="telegram")["config"]
    assert config["TELEGRAM_ALLOWED_CHAT_IDS"] == "11,-22" and "secret" not in json.dumps(config)


def test_a_list_can_be_changed_alone_and_an_empty_one_is_said(up, api):
    assert "TELEGRAM_ALLOWED_CHAT_IDS is empty" in enable(up, api).stdout
    pid = up.ready(UNIT)
    assert "nobody" in row(up)["why"] and row(up)["allowed"] == 0
    up.run("gateway", "enable", "telegram", "--chats", "11")
    assert up.pid(UNIT) != pid and row(up)["allowed"] == 1
    api.post(11, "hello")
    wait_for(lambda: api.answers(11), "an answer")


def test_what_cannot_work_is_said_and_exits_with_1(up, api):
    done = enable(up, api, "--chats", "11", token="7:wrong", check=False)
    assert done.returncode == 1 and "401" in done.stderr and "7:wrong" not in done.stdout + done.stderr
    assert up.run("gateway", "probe", "telegram", check=False).returncode == 1
    done = enable(up, api, token="no token at all", check=False)
    assert done.returncode == 1 and "no bot token" in done.stderr
    assert row(up)["status"] == "disabled" and "no bot token" in row(up)["why"]
    for words, why in ((("gateway", "probe", "telegrm"), "did you mean telegram"),
                       (("gateway", "enable", "nothing"), "no platform nothing"),
                       (("gateway", "enable", "matrix"), "needs --homeserver"),
                       (("gateway", "enable", "telegram", "--rooms", "x"), "telegram takes no --rooms")):
        done = up.run(*words, check=False)
        assert done.returncode in (1, 2) and why in done.stderr, done.stderr
    assert "not configured" in up.json("gateway", "probe", "matrix", check=False)["reason"]


def test_off_keeps_the_credentials_and_on_needs_no_more(up, api):
    enable(up, api, "--chats", "11")
    env = (up.path / ".env").read_text()
    up.run("gateway", "disable", "telegram")
    wait_for(lambda: UNIT not in up.units(), "a unit with nothing to do to go")
    assert (up.path / ".env").read_text() == env
    assert row(up) == {**row(up), "configured": True, "enabled": False, "status": "off", "why": "switched off"}
    assert up.json("gateway", "probe", "telegram", check=False) == {"status": "error", "reason": "switched off"}
    api.post(11, "hello")
    up.run("gateway", "enable", "telegram")
    wait_for(lambda: api.answers(11), "what came meanwhile to be answered")
    assert "enabled" not in (up.path / "config.yaml").read_text()


def test_remove_leaves_nothing(up, api):
    enable(up, api, "--chats", "11")
    api.post(11, "hello")
    wait_for(lambda: (up.path / "gateway/telegram-state.json").exists(), "the state file")
    assert up.run("gateway", "remove", "telegram", check=False).returncode == 1, "nobody said yes"
    up.run("gateway", "remove", "telegram", "--yes")
    assert not (up.path / "gateway/telegram-state.json").exists() and "TELEGRAM" not in (up.path / ".env").read_text()
    wait_for(lambda: UNIT not in up.units(), "the unit to go")


def test_what_was_removed_is_forgotten_before_it_is_read_again(up, api):
    """Where it was read stands in the inbox, which is the gateway's alone: it may not run when somebody removes a platform."""
    def read(sql):
        with sqlite3.connect(f"file:{up.path}/gateway/inbox.sqlite?mode=ro", uri=True) as db:
            return db.execute(sql).fetchall()
    enable(up, api, "--chats", "11")
    number = api.post(11, "hello")
    wait_for(lambda: api.answers(11) and read("SELECT mark FROM marks") == [(str(number + 1),)], "an answer, and the mark")
    up.run("gateway", "remove", "telegram", "--yes")
    wait_for(lambda: UNIT not in up.units(), "the unit to go")
    enable(up, api, "--chats", "11")
    wait_for(lambda: [body["offset"] for name, body in list(api.calls) if name == "getUpdates"].count(0) == 2,
             "the bot to be read from where the server stands")
    assert read("SELECT mark FROM marks WHERE mark = %d" % (number + 1)) == []
    assert not list((up.path / "gateway").glob(".removed-*"))


def test_an_answer_goes_out_through_the_bot_that_was_asked_alone(up, api):
    other = BotAPI(token="43:another_token")
    try:
        enable(up, api, "--chats", "11")
        up.ready(UNIT)
        api.refuse["sendMessage"] = [(500, {})] * 1000
        api.post(11, "for the first")
        wait_for(lambda: any(name == "sendMessage" for name, _ in list(api.calls)), "a try")
        up.run("gateway", "enable", "telegram", "--token-stdin", "--api-url", other.url, input=other.token + "\n")
        other.post(11, "for the second")
        wait_for(lambda: other.answers(11), "the second's answer")
        assert len(other.answers(11)) == 1 and "for the second" in other.answers(11)[0]
        wait_for(lambda: row(up)["waiting"] == 1, "the first's alone to wait")
        api.refuse.clear()
        enable(up, api)
        wait_for(lambda: api.answers(11), "the first's answer")
        assert "for the first" in api.answers(11)[0] and len(other.answers(11)) == 1
    finally:
        other.close()


def test_one_bot_serves_one_profile(up, api):
    enable(up, api, "--chats", "11")
    up.run("profile", "create", "other")
    wait_for(lambda: "other/engined" in up.units(), "the profile to run")
    for token in (api.token, f" '{api.token}' "):
        done = enable(up, api, "-p", "other", token=token, check=False)
        assert done.returncode != 0 and "profile default uses this token" in done.stderr
        done = up.run("-p", "other", "providers", "set-key", "TELEGRAM_BOT_TOKEN", "-", input=token, check=False)
        assert done.returncode == 1 and "profile default" in done.stderr
    assert not (up.path / "profiles/other/.env").exists() or "TELEGRAM" not in (up.path / "profiles/other/.env").read_text()


def test_two_profiles_with_one_bot_do_not_poll_it_both(up, api, provider):
    """As a hand that copies a .env makes them."""
    enable(up, api, "--chats", "11")
    up.ready(UNIT)
    wait_for(lambda: any(name == "getUpdates" for name, _ in list(api.calls)), "the first poller")
    other = up.use(provider, "echo", profile="work")
    (other / ".env").write_text((up.path / ".env").read_text())
    up.give(up.path)
    up.run("daemon", "reload")
    up.ready("work/gatewayd")
    def second():
        return next(r for r in up.json("-p", "work", "gateway", "list", "--json") if r["name"] == "telegram")
    wait_for(lambda: second()["why"] == "another profile polls this bot", "the second to say so")
    assert second()["failures"] == 0
    api.post(11, "hello")
    wait_for(lambda: api.answers(11), "an answer")
    assert row(up)["why"] == "" and len(api.answers(11)) == 1


def test_clients_are_told_of_changes_and_of_failures(up, api):
    events = HostStream(up, "host.events.subscribe", kinds=["gateway_changed", "gateway.state"])
    frames = (frame for frame in events if frame["event"] in ("gateway_changed", "gateway.state"))
    api.refuse["getUpdates"] = [(500, {})]
    enable(up, api, "--chats", "11")
    got = [next(frames), next(frames)]
    changed = [f["data"] for f in got if f["event"] == "gateway_changed"]
    [failed] = [f["data"] for f in got if f["event"] == "gateway.state"]
    assert changed == [{"profile": "default", "name": "telegram", "action": "configured"}]
    assert failed == {"profile": "default", "platform": "telegram", "previous": "healthy", "status": "degraded",
                      "reason": "500 refused", "disabled_until": None}
    assert next(frames)["data"] == {**failed, "previous": "degraded", "status": "healthy", "reason": ""}
    up.run("gateway", "disable", "telegram")
    up.run("gateway", "remove", "telegram", "--yes")
    assert [next(frames)["data"]["action"] for _ in range(2)] == ["disabled", "removed"]
    events.close()


def test_a_probe_that_goes_well_ends_a_long_pause(up, api):
    """Five failures are five minutes; whoever mends it need not wait."""
    (up.path / "gateway").mkdir(exist_ok=True)
    (up.path / "gateway/.breaker-state.json").write_text(json.dumps({"v": 1, "platforms": {"telegram": {
        "status": "disabled", "consecutive_failures": 9, "last_error": "401 Unauthorized", "disabled_until": 4102444800}}}))
    up.give(up.path)
    api.post(11, "hello")
    enable(up, api, "--chats", "11")
    wait_for(lambda: api.answers(11), "an answer")
    assert row(up)["status"] == "healthy"


def test_at_a_terminal_it_asks_and_shows_no_token(up, api):
    ours, theirs = pty.openpty()
    process = subprocess.Popen(up.command("gateway", "enable", "telegram", "--api-url", api.url), stdin=theirs, stdout=theirs,
                               stderr=theirs, env={**up.env, "TERM": "dumb"}, cwd=up.workspace, start_new_session=True)
    os.close(theirs)
    seen = b""
    for question, answer in ((b"@BotFather: ", api.token), (b"comma separated: ", "11")):
        while question not in seen:
            assert select.select([ours], [], [], 60)[0], seen
            seen += os.read(ours, 4096)
        os.write(ours, answer.encode() + b"\n")
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:
        pass
    os.close(ours)
    assert process.wait() == 0 and b"we are @test_bot" in seen and b"secret_token" not in seen
    assert row(up)["allowed"] == 1


def test_the_doctor_tries_what_is_configured(up, api):
    def found():
        rows = up.json("doctor", "--json", check=False)["rows"]
        return {r["label"]: (r["level"], r["detail"]) for r in rows if r["group"] == "Gateways"}
    assert found() == {"Platforms": ("info", "none configured (alpi gateway enable NAME)")}
    (up.path / ".env").write_text("IMAP_ADDRESS=me@example.org\n")
    up.give(up.path)
    assert found() == {"IMAP": ("info", "not configured: IMAP_PASSWORD is missing")}
    up.run("gateway", "remove", "imap", "--yes")
    enable(up, api, "--chats", "11")
    assert found() == {"Telegram": ("ok", "@test_bot"), "Voice notes": (
        "info", "nothing here turns sound into text: tools.stt.model names no provider/model")}
    up.run("gateway", "enable", "telegram", "--chats", "")
    assert found()["Telegram"] == ("warn", "@test_bot: nobody is let in: TELEGRAM_ALLOWED_CHAT_IDS is empty")
    api.refuse["getMe"] = [(401, {"description": "Unauthorized"})]
    assert found()["Telegram"] == ("fail", "401 Unauthorized")
    api.refuse["getUpdates"] = [(500, {})] * 2
    api.post(11, "hello")
    wait_for(lambda: row(up)["status"] == "degraded", "a failure")
    level, detail = found()["Telegram"]
    assert level == "warn" and "degraded" in detail and "500 refused" in detail
    up.run("gateway", "disable", "telegram")
    assert found()["Telegram"] == ("info", "off: switched off")
