# SPDX-License-Identifier: Apache-2.0
"""Mail through the real daemons and real servers: what is answered and how, what is dropped, and what stays true after a kill."""
import json
import re

import pytest

from conftest import wait_for
from gateway import UNIT, Gateway
from mail import DOMAIN, PASSWORD, MailServers
from relay import Relay

ANN, EVE = f"ann@{DOMAIN}", f"eve@{DOMAIN}"


@pytest.fixture(scope="module")
def servers():
    made = MailServers()
    yield made
    made.close()


@pytest.fixture
def relays(servers):
    made = {"IMAP_PORT": Relay(servers.imaps), "SMTP_PORT": Relay(servers.smtp)}
    yield made
    for relay in made.values():
        relay.close()


class Mailbox(Gateway):
    """A home whose profile has a mail account, and the servers that it is at."""
    platform = "imap"

    def __init__(self, home, servers, number):
        super().__init__(home, servers)
        self.servers, self.me = servers, servers.user()
        self.people = {"ann": f"ann{number}@{DOMAIN}", "bob": f"bob{number}@{DOMAIN}"}

    def begin(self, provider, config="", model="echo", **env):
        folder = self.home.use(provider, model, more=f"gateway: {{imap: {{poll_interval: 1{config}}}}}\n")
        lines = {"IMAP_ADDRESS": self.me.upper(), "IMAP_PASSWORD": PASSWORD, "IMAP_HOST": "localhost", "IMAP_PORT": self.servers.imaps,
                 "SMTP_HOST": "localhost", "SMTP_PORT": self.servers.smtp, "IMAP_CA_FILE": self.servers.ca,
                 "IMAP_ALLOWED_SENDERS": ", ".join(p.title() for p in self.people.values()), **env}
        self.env(folder, **lines)
        super().begin()
        return self

    def put(self, text="hello", who="ann", subject="Lunch", head="", body=None):
        head = f"From: Somebody <{self.people.get(who, who)}>\r\nTo: {self.me}\r\nSubject: {subject}\r\n{head}"
        if body is None:
            body = text.encode()
        return self.servers.put(self.me, head.encode() + b"\r\n" + body)

    def based(self):
        """There is a baseline: what comes now is new."""
        wait_for(lambda: self.mark() is not None, lambda: "a baseline\n" + self.home.log() + self.servers.log())
        return self

    def mark(self):
        try:
            return json.loads((self.home.path / "gateway/imap-state.json").read_text()).get(self.me)
        except FileNotFoundError:
            return None

    def read_to(self, uid):
        wait_for(lambda: self.mark() == uid, lambda: f"mail {uid} to be read, at {self.mark()}\n{self.home.log()}{self.servers.log()}")

    def answers(self, n, who="ann"):
        to = self.people[who]
        wait_for(lambda: len(self.servers.sent(to)) >= n,
                 lambda: f"{n} answers to {to}: {[text(m) for m in self.servers.sent(to)]}\n{self.home.log()}{self.servers.log()}")
        return self.servers.sent(to)

    def once(self, n, who="ann"):
        """n answers without what came twice: one that was sent and not noted when gatewayd died goes again, as the same mail."""
        def found():
            return list({a["Message-ID"]: a for a in self.servers.sent(self.people[who])}.values())
        wait_for(lambda: len(found()) >= n,
                 lambda: f"{n} answers to {who}, there are {len(found())}\n{self.home.log()}{self.servers.log()}")
        return found()

    def done(self):
        wait_for(lambda: all(row[0] == 3 for row in self.query("SELECT state FROM inbox")), "all to be noted as sent")


def text(mail):
    return mail.get_body(("plain",)).get_content().replace("\r\n", "\n")


def said(mail):
    """What the prompt held between its marks, said back by the model."""
    return re.search(r"\[MAIL (\w+)\]\n(.*)\n\[END MAIL \1\]", text(mail), re.S).group(2)


@pytest.fixture
def mailbox(home, provider, servers, request):
    number = [0]

    def make(**options):
        number[0] += 1
        return Mailbox(home, servers, f"{servers.users}x{number[0]}")
    return make


def test_a_mail_is_answered_in_its_thread(mailbox, provider):
    m = mailbox()
    m.put("older than us")
    m.begin(provider).based()
    m.read_to(1)
    uid = m.put("What is for lunch?\r\nAnn", head="Message-ID: <q1@x>\r\nReferences: <q0@x>\r\n", subject="=?utf-8?q?Gr=C3=BC=C3=9Fe?=")
    [answer] = m.answers(1)
    assert answer["Subject"] == "[alpi] re: Grüße" and answer["To"] == m.people["ann"] and answer["From"] == m.me
    assert answer["In-Reply-To"] == "<q1@x>" and answer["References"].split() == ["<q0@x>", "<q1@x>"]
    assert answer["Auto-Submitted"] == "auto-replied" and answer["Message-ID"].endswith(f"@{DOMAIN}>") and answer["Date"]
    assert answer.get_content_type() == "text/plain" and answer.get_content_charset() == "utf-8"
    first, second = text(answer).split("\n")[:2]
    assert first.startswith("[INBOUND EMAIL") and m.people["ann"] in first and "untrusted" in first
    assert second == "Subject: Grüße" and said(answer) == "What is for lunch?\nAnn"
    wait_for(lambda: m.servers.seen(m.me) == [uid], "the mail to be marked as read, and no other")
    m.read_to(uid)
    m.put("And for dinner?", subject="Re: [alpi] re: Lunch")
    second = m.answers(2)[1]
    assert second["Subject"] == "[alpi] re: Lunch" and second["Message-ID"] != answer["Message-ID"]
    mapped = json.loads((m.home.path / "gateway/sessions/_map.json").read_text())
    assert set(mapped) == {m.people["ann"]} and len(m.home.sessions()[mapped[m.people["ann"]]]["turns"]) == 2
    assert "sesame" not in m.home.log()


def test_what_is_not_for_us_is_dropped_and_strangers_are_counted(mailbox, provider):
    m = mailbox().begin(provider, config=", mark_as_read: false").based()
    m.put("let me in", who=EVE)
    m.put("let me in", who=f"{ANN}, {EVE}")
    m.put("to myself", who=m.me)
    m.put("out of office", head="Auto-Submitted: auto-replied\r\n")
    m.put("news", head="List-Unsubscribe: <mailto:x@y>\r\n")
    m.put("news", head="Precedence: bulk\r\n")
    m.servers.put(m.me, b"no header at all")
    m.servers.put(m.me, b"\xff\xfe\x00broken\r\nFrom: \r\n\r\n")
    last = m.put("it is me")
    assert [said(a) for a in m.answers(1)] == ["it is me"]
    m.read_to(last)
    assert m.query("SELECT platform, count FROM ignored") == [("imap", 2)] and m.servers.seen(m.me) == []
    assert m.servers.sent(EVE) == [] and m.servers.sent(m.me) == []


def test_a_command_is_answered_without_a_model(mailbox, provider):
    m = mailbox().begin(provider).based()
    m.put("/help\r\n\r\n-- \r\nAnn")
    [answer] = m.answers(1)
    assert "/new" in text(answer) and "INBOUND" not in text(answer)


def test_what_people_write_in_is_understood(mailbox, provider):
    m = mailbox().begin(provider).based()
    m.put(head="Content-Type: text/plain; charset=iso-8859-1\r\n", body=b"caf\xe9")
    m.put(head="Content-Type: text/plain; charset=koi8-r\r\nContent-Transfer-Encoding: base64\r\n", body=b"8NLJ18XU")
    m.put(head="Content-Type: text/plain; charset=iso-2022-jp\r\n", body=b"\x1b$B$3$s\x1b(B")
    m.put(head="Content-Type: text/html; charset=utf-8\r\n", body="<p>Grüße &amp; <b>Küsse</b></p><script>no</script>".encode())
    m.put(head="Content-Type: multipart/mixed; boundary=b\r\n", body=b"--b\r\n\r\ncut \xff off\r\n--b\r\nContent-Type: image/png\r\n\r\nx")
    m.put(head="Content-Type: multipart/alternative; boundary=\"b\r\n", body=b"--b\r\n\r\nbroken")
    mails = m.answers(6)
    assert [said(a) for a in mails[:5]] == ["café", "Привет", "こん", "Grüße & Küsse", "cut � off\n[attachment 1: attachment]"]
    assert "[1 attachments]" in text(mails[4]) and "broken" in said(mails[5])


def test_an_injected_header_stays_text(mailbox, provider):
    m = mailbox().begin(provider).based()
    m.put(subject="=?utf-8?q?x=0D=0ABcc:_victim=40x?=", head="Message-ID: <a@b>\r\n")
    [answer] = m.answers(1)
    assert answer["Bcc"] is None and "x Bcc: victim@x" in answer["Subject"]


def test_a_large_mail_is_answered_without_being_fetched(mailbox, provider):
    m = mailbox().begin(provider).based()
    m.put(head="Content-Transfer-Encoding: base64\r\n", body=(b"A" * 76 + b"\r\n") * 400000)
    m.put("small again")
    first, second = m.answers(2)
    assert "31 MB" in said(first) and said(second) == "small again"


def stopped_after_one(mailbox, provider):
    """Nobody reads what comes now; one mail was answered."""
    m = mailbox().begin(provider).based()
    m.read_to(m.put("one"))
    m.answers(1)
    m.done()
    m.home.run("daemon", "stop")
    return m


def test_a_mail_that_the_server_cannot_read_holds_up_no_other(mailbox, provider):
    m = stopped_after_one(mailbox, provider)
    uid, box = m.put("nobody can read this"), m.servers.inbox(m.me)
    for path in [*box.glob("new/*"), *box.glob("cur/*")]:
        if b"nobody can read this" in path.read_bytes():
            path.chmod(0)
    m.put("three")
    m.home.start()
    m.home.ready(UNIT)
    assert [said(a) for a in m.answers(2)] == ["one", "three"]
    assert f"mail={uid} cannot be fetched, it is passed after" in m.home.log()


def test_a_new_uidvalidity_is_a_new_baseline(mailbox, provider):
    m = stopped_after_one(mailbox, provider)
    box = m.servers.inbox(m.me)
    head, rest = (box / "dovecot-uidlist").read_text().split("\n", 1)
    validity = int(re.search(r" V(\d+)", head).group(1))
    (box / "dovecot-uidlist").write_text(head.replace(f"V{validity}", f"V{validity + 7}") + "\n" + rest)
    for path in box.glob("dovecot.*index*"):
        path.unlink()
    m.put("came while the numbers changed")
    m.home.start()
    m.home.ready(UNIT)
    wait_for(lambda: "made anew" in m.home.log(), lambda: "the change to be noticed\n" + m.home.log())
    m.put("three")
    assert [said(a) for a in m.answers(2)] == ["one", "three"]


def test_each_mail_is_answered_once_whatever_dies(mailbox, provider):
    m = mailbox().begin(provider).based()
    for i in range(8):
        m.put(f"text{i}.", who=("ann", "bob")[i % 2])
        if i in (1, 3, 5):      # init lets a unit wait longer after each death
            m.home.ready(UNIT)
            m.home.kill(UNIT)
    wait_for(lambda: m.query("SELECT state, count(*) FROM inbox GROUP BY state") == [(3, 8)], lambda: "all to be noted as sent\n" + m.home.log())
    for n, who in enumerate(("ann", "bob")):
        assert [said(a) for a in m.once(4, who)] == [f"text{i}." for i in range(n, 8, 2)]
    assert sum(len(m.servers.sent(m.people[who])) for who in ("ann", "bob")) <= 8 + 3       # and never again but after a death


def test_an_answer_that_was_sent_and_not_noted_goes_again_as_the_same_mail(mailbox, provider, relays):
    m = mailbox().begin(provider, SMTP_PORT=relays["SMTP_PORT"].port).based()
    m.dies_when(relays["SMTP_PORT"], lambda: m.servers.taken(m.people["ann"]))
    m.put("one")
    first, again = m.answers(2)
    assert first["Message-ID"] == again["Message-ID"] and said(first) == said(again) == "one"
    m.put("two")
    assert [said(a) for a in m.once(2)] == ["one", "two"] and len(m.servers.sent(m.people["ann"])) == 3


def test_without_idle_the_mailbox_is_polled(mailbox, provider, servers):
    servers.stop("dovecot")
    servers.start_dovecot("imap_capability = IMAP4rev1 LITERAL+")
    try:
        m = mailbox().begin(provider).based()
        m.put("no IDLE here")
        assert said(m.answers(1)[0]) == "no IDLE here"
    finally:
        servers.stop("dovecot")
        servers.start_dovecot()


def test_a_server_that_comes_later_is_found(mailbox, provider, servers):
    servers.stop("dovecot")
    m = mailbox()
    try:
        m.begin(provider)
        wait_for(lambda: "imap is not read" in m.home.log(), "the failure to be said")
    finally:
        servers.start_dovecot()
    m.based()
    m.put("there you are")
    assert said(m.answers(1)[0]) == "there you are"


def test_a_probe_looks_at_both_servers(mailbox, provider):
    m = mailbox().begin(provider).based()
    assert m.me in m.home.run("gateway", "probe", "imap").stdout


@pytest.mark.parametrize("env, why", [
    ({"IMAP_PASSWORD": "wrong"}, "password"), ({"IMAP_CA_FILE": ""}, "certificate"), ({"SMTP_PORT": "1"}, "SMTP")])
def test_what_cannot_work_says_why(mailbox, provider, env, why):
    m = mailbox().begin(provider, **env)
    probe = m.home.run("gateway", "probe", "imap", check=False)
    assert probe.returncode != 0 and why in probe.stdout + probe.stderr
    assert "sesame" not in probe.stdout + probe.stderr + m.home.log()
