# SPDX-License-Identifier: Apache-2.0
"""Gmail through the real daemons: what is answered and what is not, tokens that end, and kills in between."""
import json
import os
import random
import signal
import threading
import time
import urllib.parse
import urllib.request

from conftest import host, wait_for
from gateway import UNIT, Gateway, made_by
from gmail import Gmail

MAILS = int(os.environ.get("ALPI_MAILS", "12"))


class Account(Gateway):
    """A home whose profile has a Gmail account, authorised unless token is None."""
    platform = "gmail"

    def __init__(self, home, provider, model="echo", senders="ann@there.example,Bob@there.example", left=3600, token=True, state=None, before=None):
        self.api = Gmail()
        super().__init__(home, self.api)
        folder = home.use(provider, model, more="gateway:\n  gmail: {poll_interval: 1}\n")
        self.env(folder, GMAIL_CLIENT_ID=self.api.client[0], GMAIL_CLIENT_SECRET=self.api.client[1], GMAIL_API_URL=self.api.url,
                 GMAIL_ALLOWED_SENDERS=senders)
        self.token = folder / "secrets/gmail_token.json"
        if token:
            self.token.parent.mkdir(mode=0o700, exist_ok=True)
            self.token.write_text(json.dumps(self.api.token_file(left)))
            self.token.chmod(0o600)
        if before:
            before(self.api)
        if state is not None:
            (folder / "gateway").mkdir(exist_ok=True)
            (folder / "gateway/gmail-state.json").write_text(json.dumps({self.api.address: state}))
        home.give(home.path)
        self.begin()

    def watched(self):
        """The baseline stands: what comes from now on is answered."""
        wait_for(lambda: self.asked("history"), lambda: f"a poll\n{self.home.log()}")
        return self

    def asked(self, path):
        return [q for _, below, q in self.api.calls if below == path]

    def rows(self, words="state, chat"):
        return self.query(f"SELECT {words} FROM inbox ORDER BY id")

    def breaker(self):
        path = self.home.path / "gateway/.breaker-state.json"
        return json.loads(path.read_text())["platforms"].get("gmail", {}) if path.exists() else {}


account = made_by(Account)


def test_a_mail_is_answered_in_its_thread(account):
    a = account(before=lambda api: api.deliver("Ann <ann@there.example>", "older than us")).watched()
    ident = a.api.deliver("Ann <Ann@There.example>", "good morning", subject="Re: plans", References="<first@there.example>")
    [text] = a.answered(1)
    head, subject, opened, body, closed = text.split("\n")
    assert head.startswith("[INBOUND EMAIL chat ann@there.example") and "untrusted" in head
    assert subject == "Subject: Re: plans" and body == "good morning" and opened[1:] == closed[len("[END "):], text
    sent = a.api.sent[0]
    assert sent["To"] == "ann@there.example" and sent["From"] == a.api.address and sent["Subject"] == "[alpi] re: plans"
    assert sent["In-Reply-To"] == f"<{ident}@there.example>" and sent["Auto-Submitted"] == "auto-replied"
    assert sent["References"].split() == ["<first@there.example>", f"<{ident}@there.example>"]
    assert a.api.messages[ident]["threadId"] == list(a.api.messages.values())[-1]["threadId"]
    wait_for(lambda: "UNREAD" not in a.api.messages[ident]["labels"], "the mail to be marked as read")
    state = a.home.path / "gateway/gmail-state.json"
    wait_for(lambda: json.loads(state.read_text()) == {a.api.address: str(a.api.history_id)}, "the state file to follow")
    log = a.home.log()
    assert "ya29." not in log and "refresh-" not in log and a.api.client[1] not in log
    assert oct(a.token.stat().st_mode & 0o777) == "0o600"


def test_whom_we_do_not_answer(account):
    a = account().watched()
    ann = "ann@there.example"
    a.api.deliver("mallory@there.example", "let me in")
    a.api.deliver(f"mallory@there.example, {ann}", "two names")
    a.api.deliver(ann, "spam", labels=("SPAM",))
    a.api.deliver(ann, "binned", labels=("TRASH",))
    a.api.deliver(a.api.address, "from ourselves")
    a.api.deliver(ann, "away", Auto_Submitted="auto-replied")
    a.api.deliver(ann, "a list", Precedence="bulk")
    a.api.deliver(ann, "news", List_Unsubscribe="<mailto:x@y.example>")
    a.api.deliver("noreply@there.example", "a robot")
    a.api.deliver("Bob <BOB@there.example>", "it is me")
    assert [t.split("\n")[3] for t in a.answered(1)] == ["it is me"]
    wait_for(lambda: a.rows() == [(3, "bob@there.example")], "the only row")
    assert 1 <= a.ignored() <= 2                        # a mail of two senders has one of them, or none that can be answered
    fetched = [below for _, below, q in a.api.calls if q.get("format") == "raw"]
    assert len(fetched) == 1                            # nothing else was even fetched


def test_commands_of_mails_need_no_model(account, provider):
    a = account().watched()
    before = provider.stats()["requests"]
    a.api.deliver("ann@there.example", "/help\n\n-- \nAnn")
    assert "/stop" in a.answered(1)[0]
    assert provider.stats()["requests"] == before


def test_a_message_that_the_server_refuses_for_good_holds_up_no_other(account):
    a = account().watched()
    bad = f"{0x18c0000000 + len(a.api.messages):x}"
    a.api.refuse[f"messages/{bad}"] = [(403, {"error": {"code": 403, "message": "Not allowed", "status": "PERMISSION_DENIED"}})] * 100
    assert a.api.deliver("ann@there.example", "out of reach") == bad
    a.api.deliver("ann@there.example", "next")
    assert [t.split("\n")[3] for t in a.answered(1)] == ["next"]
    assert f"message={bad} cannot be fetched, it is passed after" in a.home.log() and len(a.api.refuse[f"messages/{bad}"]) == 95


def test_all_pages_are_read_and_each_mail_once(account):
    a = account()
    a.api.page = 3
    a.watched()
    a.api.refuse["history"] = [(503, {"error": {"code": 503, "message": "Try again", "status": "UNAVAILABLE"}})] * 1
    for i in range(8):
        a.api.deliver("ann@there.example", f"mail {i}")
    assert [t.split("\n")[3] for t in a.answered(8)] == [f"mail {i}" for i in range(8)]
    assert {"pageToken"} <= set().union(*[set(q) for q in a.asked("history")])
    assert a.breaker()["status"] == "healthy"


def test_a_forgotten_history_is_a_new_baseline(account):
    def forget(api):
        api.oldest = 4000
        api.deliver("ann@there.example", "while nobody looked")
    a = account(state="17", before=forget)
    wait_for(lambda: a.asked("profile"), "a new baseline")
    wait_for(lambda: len(a.asked("history")) > 1, "a poll after it")
    a.api.deliver("ann@there.example", "now")
    assert [t.split("\n")[3] for t in a.answered(1)] == ["now"]


def test_the_reference_left_where_it_stood(account):
    a = account(state="5000", before=lambda api: api.deliver("ann@there.example", "came while nothing ran"))
    assert [t.split("\n")[3] for t in a.answered(1)] == ["came while nothing ran"] and not a.asked("profile")


def test_a_token_near_its_end_is_renewed_once(account):
    a = account(left=100).watched()
    a.api.deliver("ann@there.example", "one")
    a.answered(1)
    assert a.api.refreshed == 1
    kept = json.loads(a.token.read_text())
    assert kept["access_token"] in a.api.access and kept["refresh_token"] == "1//refresh-0" and kept["email"] == a.api.address
    assert kept["expires_at"] > time.time() + 3000
    with a.api.lock:
        a.api.access.clear()                            # it ends before its time
        a.api.access["ya29.gone"] = 0
    a.api.deliver("ann@there.example", "two")
    a.answered(2)
    assert a.api.refreshed == 2


def test_a_consent_that_was_taken_back_is_said(account):
    a = account(left=100, before=lambda api: api.refresh.clear())
    wait_for(lambda: "alpi gateway gmail authorize" in a.breaker().get("last_error", ""), lambda: f"the hint\n{a.home.log()}")
    assert a.breaker()["status"] == "degraded" and "invalid_grant" in a.breaker()["last_error"]


def test_without_a_consent_it_sleeps(account):
    a = account(token=False)
    wait_for(lambda: "nobody has authorised" in a.home.log(), "the line that says so")
    assert a.api.calls == [] and a.breaker() == {}


def test_a_mail_that_cannot_be_fetched_whole_is_still_a_mail(account):
    a = account().watched()
    with a.api.lock:                                    # held, so that nobody sees it before it has grown
        big = a.api.deliver("ann@there.example", "x")
        a.api.messages[big]["size"] = 60 << 20
    assert "too large to be read" in a.answered(1)[0]


def test_each_mail_is_answered_once_whoever_dies(account):
    """Also where the kill falls between sending and writing that down: the thread says that the answer left."""
    a = account().watched()
    dice = random.Random(int(os.environ.get("ALPI_SEED", "7")))
    kills = 0
    for i in range(MAILS):
        a.api.deliver(("ann@there.example", "bob@there.example")[i % 2], f"mail {i}")
        if i % 3 != 2:
            continue
        pid = a.home.ready(UNIT)
        time.sleep(dice.random() * 0.5)                 # where the kill falls; nothing waits for it
        os.kill(pid, signal.SIGKILL)
        a.home.killed.add(pid)
        kills += 1
        if kills % 3 == 0:
            a.home.run("daemon", "restart", "all")      # what died too often in a minute begins again
    a.answered(MAILS)
    wait_for(lambda: all(row[0] == 3 for row in a.rows()), "all to be sent")
    assert sorted(t.split("\n")[3] for t in a.api.answers()) == sorted(f"mail {i}" for i in range(MAILS))


def test_an_answer_that_left_before_the_kill_is_not_sent_again(account):
    a = account().watched()
    killed = []

    def kill(method, path):
        if path.endswith("messages/send") and not killed:
            killed.append(a.home.pid(UNIT))

            def after():
                wait_for(lambda: a.api.sent, "the mail to leave")
                os.kill(killed[0], signal.SIGKILL)
            a.home.killed.add(killed[0])
            os.kill(killed[0], signal.SIGSTOP)          # it sends, and never learns that it did
            threading.Thread(target=after).start()
    a.api.hook = kill
    a.api.deliver("ann@there.example", "once")
    a.answered(1)
    a.home.ready(UNIT, not_pid=killed[0])
    wait_for(lambda: all(row[0] == 3 for row in a.rows()), lambda: f"the row to be closed\n{a.home.log()}")
    assert len(a.api.sent) == 1 and "had left already" in a.home.log()


def browse(url):
    """The person says yes: the browser follows where Google sends it."""
    with urllib.request.urlopen(url) as r:
        return r.read().decode()


def test_a_person_authorises_the_account(account):
    a = account(token=False)
    command = a.home.popen("gateway", "gmail", "authorize")
    url = next(line.strip() for line in command.stderr if line.strip().startswith("http"))
    q = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
    assert set(q["scope"].split()) == {f"https://www.googleapis.com/auth/{s}" for s in ("gmail.modify", "gmail.send", "userinfo.email")}
    assert "not what" in browse(q["redirect_uri"] + "?state=another&code=x")         # somebody else's consent is not taken
    assert "Done" in browse(url)
    out, err = command.communicate()
    assert command.returncode == 0 and out == f"authorised {a.api.address}\n", err
    kept = json.loads(a.token.read_text())
    assert kept["email"] == a.api.address and kept["refresh_token"] in a.api.refresh
    assert oct(a.token.stat().st_mode & 0o777) == "0o600"
    a.watched()
    a.api.deliver("ann@there.example", "now it works")
    assert [t.split("\n")[3] for t in a.answered(1)] == ["now it works"]
    [row] = [row for row in a.home.json("gateway", "list", "--json") if row["name"] == "gmail"]
    assert row["configured"] and row["status"] == "healthy"
    assert json.loads(a.home.run("gateway", "probe", "gmail").stdout) == {"status": "ok", "who": a.api.address}


def test_a_consent_is_good_once_and_for_this_machine_only(account):
    a = account(token=False)

    def begin(uri, **more):
        return host(a.home, "host.gateway.gmail.begin", profile="default", redirect_uri=uri, **more)
    for uri in ("https://there.example/", "http://there.example:80/", "http://127.0.0.1/", "http://127.0.0.1:80@there.example/",
                "http://127.0.0.1:0/", "http://127.0.0.1:80/?x"):
        assert "this machine" in begin(uri)["error"]["data"]["detail"], uri
    begun = begin("http://127.0.0.1:9/")
    url = urllib.parse.urlsplit(begun["auth_url"])
    code = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(a.api.consent(url.query)).query))["code"]

    def exchange(state, given):
        return host(a.home, "host.gateway.gmail.exchange", profile="default", state=state, code=given)
    assert "begin again" in exchange("another", code)["error"]["data"]["detail"]
    assert exchange(begun["state"], code)["email"] == a.api.address
    assert "begin again" in exchange(begun["state"], code)["error"]["data"]["detail"]
    again = begin("http://127.0.0.1:9/", client_id=a.api.client[0], client_secret="wrong")
    assert "invalid_client" in exchange(again["state"], code)["error"]["data"]["detail"]
    assert json.loads(a.token.read_text())["email"] == a.api.address        # the old one stands
