# SPDX-License-Identifier: Apache-2.0
"""Files that come with mails, and files that leave by mail: real servers (Dovecot, Exim), and a small Gmail."""
from email.message import EmailMessage

from conftest import wait_for
from gateway import UNIT
from test_chat_tool import script
from test_gmail import account  # noqa: F401
from test_mail import mailbox, servers, text  # noqa: F401
from test_send_message import PNG, message, tool_of


def with_files(sender, to, *files, body="please read"):
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = sender, to, "files"
    mail.set_content(body)
    for name, data in files:
        mail.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return mail.as_bytes().replace(b"\n", b"\r\n")


def attached(home):
    [session] = home.sessions().values()
    return [[a["name"] for a in turn.get("attachments", [])] for turn in session["turns"]]


FILES = (("report.txt", b"the harvest was good"), ("a.zip", b"PK\x03\x04" + bytes(200)), ("../../two.txt", b"and the second\n" * 60000))


def check(answer):
    assert "[attachment 1: report.txt]\n[attachment 2: a.zip]\n[attachment 3: two.txt]\n[END MAIL" in answer, answer
    assert "\n[3 attachments]\n[attachment 2 was left out: nobody here reads what it is]" in answer, answer


def test_files_of_a_mail_reach_the_turn(mailbox, provider):  # noqa: F811
    m = mailbox().begin(provider).based()
    m.servers.put(m.me, with_files(m.people["ann"], m.me, *FILES))
    check(text(m.answers(1)[0]))
    assert attached(m.home) == [["report.txt", "two.txt"]]
    m.servers.put(m.me, with_files(m.people["ann"], m.me, *((f"{i}.txt", b"%d" % i) for i in range(11))))
    answer = text(m.answers(2)[1])
    assert "[11 attachments]\n[those behind the first 8 were left out]" in answer and "8.txt" not in answer
    assert attached(m.home)[1] == [f"{i}.txt" for i in range(8)]
    m.servers.put(m.me, with_files(m.people["ann"], m.me, FILES[0], body="/help"))
    assert "/new" in text(m.answers(3)[2])


def test_a_death_while_files_are_taken_loses_nothing(mailbox, provider):  # noqa: F811
    m = mailbox().begin(provider).based()
    for i in range(3):
        m.servers.put(m.me, with_files(m.people["ann"], m.me, *FILES, body=f"mail {i}"))
        wait_for(lambda n=i: m.query("SELECT count(*) FROM inbox") == [(n + 1,)], "the mail")
        m.home.kill(UNIT)
        m.home.ready(UNIT)
    for answer in m.once(3):
        check(text(answer))
    assert attached(m.home) == [["report.txt", "two.txt"]] * 3


def test_a_file_leaves_by_mail(mailbox, provider):  # noqa: F811
    m = mailbox().begin(provider, model="script")
    (m.home.workspace / "a.png").write_bytes(PNG)
    m.home.give(m.home.workspace)
    answer = m.home.ask(script({"calls": [message("look\n.here", channel="imap", attachment="a.png")]}, {"text": "end"}))
    assert tool_of(answer) == (True, f"delivered: imap {m.people['ann']}")
    [sent] = m.answers(1)
    body, file = sent.iter_parts()
    assert sent["Subject"] == "[alpi]" and body.get_content().replace("\r\n", "\n").rstrip("\n") == "look\n.here"
    assert (file.get_filename(), file.get_content_type(), file.get_content()) == ("a.png", "image/png", PNG)


def test_files_of_gmail_come_and_go(account):  # noqa: F811
    a = account().watched()
    a.api.deliver("ann@there.example", raw=with_files("ann@there.example", a.api.address, *FILES))
    check(a.answered(1)[0])
    assert attached(a.home) == [["report.txt", "two.txt"]]


def test_a_file_leaves_by_gmail(account):  # noqa: F811
    a = account(model="script")
    (a.home.workspace / "b.csv").write_bytes(b"x,y\n")
    a.home.give(a.home.workspace)
    answer = a.home.ask(script({"calls": [message("see", channel="gmail", attachment="b.csv")]}, {"text": "end"}))
    assert tool_of(answer) == (True, "delivered: gmail ann@there.example"), answer["tools"]
    body, file = a.api.sent[0].iter_parts()
    assert body.get_content().strip() == "see" and (file.get_filename(), file.get_content_type()) == ("b.csv", "text/csv")


def test_a_mail_that_is_gone_is_answered_without_its_files(account):  # noqa: F811
    """It was read into the inbox, and is deleted before its files are taken."""
    a, asked = account().watched(), []

    def delete(method, path):
        asked.extend([path] if path.endswith(tuple(a.api.messages)) and method == "GET" else [])
        if len(asked) == 3:                 # the headers, the whole, and now the files
            a.api.messages.pop(path.rsplit("/", 1)[1], None)
    a.api.hook = delete
    a.api.deliver("ann@there.example", raw=with_files("ann@there.example", a.api.address, *FILES[:1]))
    [answer] = a.answered(1)
    assert "please read" in answer and "\n[attachment 1 was left out: it cannot be had]" in answer, answer
    assert attached(a.home) == [[]]
