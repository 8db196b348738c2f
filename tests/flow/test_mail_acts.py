# SPDX-License-Identifier: Apache-2.0
"""What the tool `email` does in a mail account, by gatewayd's own code: against real servers (Dovecot, Exim), and a small Gmail."""
import json
import os
import re
import subprocess
import sys

import pytest

from conftest import BUILD, ROOT, wait_for

sys.path.insert(0, str(ROOT / "tests" / "fake"))
from gmail import Gmail  # noqa: E402
from mail import DOMAIN, PASSWORD, MailServers  # noqa: E402

SPECIAL = """
namespace inbox {{
  inbox = yes
  mailbox Wastebasket {{
    auto = create
    special_use = \\Trash
  }}
  mailbox Outbox.Done {{
    auto = create
    special_use = \\Sent
  }}
}}
"""


class Account:
    def __init__(self, platform, folder, settings):
        self.platform, self.folder, self.settings = platform, folder, settings

    def orders(self, *orders):
        """Each one's answer, in their order."""
        out = subprocess.run([BUILD / "tests/mailops", self.folder, self.platform], text=True, capture_output=True,
                             input="".join(json.dumps(order) + "\n" for order in orders), env={"PATH": os.environ["PATH"], **self.settings}, check=False)
        assert out.returncode == 0, out.stderr
        self.said = out.stderr
        return [json.loads(line) for line in out.stdout.splitlines()]

    def order(self, act, **more):
        return self.orders({"act": act, **more})[0]

    def subjects(self, **more):
        answer = self.order("list", **{"folder": "INBOX", **more})
        assert answer["outcome"] == "done", answer
        return [row["subject"] for row in answer["rows"]]


@pytest.fixture(scope="module")
def servers():
    made = MailServers()
    yield made
    made.close()


@pytest.fixture(scope="module")
def special():
    made = MailServers()
    made.stop("dovecot")
    made.start_dovecot(SPECIAL.format())
    yield made
    made.close()


def open_account(servers, tmp_path, **more):
    (tmp_path / "gateway").mkdir(exist_ok=True)
    me = servers.user()
    made = Account("imap", tmp_path, {"IMAP_ADDRESS": me, "IMAP_PASSWORD": PASSWORD, "IMAP_HOST": "localhost", "IMAP_PORT": str(servers.imaps),
                                      "SMTP_HOST": "localhost", "SMTP_PORT": str(servers.smtp), "IMAP_CA_FILE": str(servers.ca), **more})
    made.me = me
    made.put = lambda mail: servers.put(me, mail)
    return made


@pytest.fixture
def account(servers, tmp_path):
    return open_account(servers, tmp_path)


def mail(subject, sender="Ann <ann@x>", to="me@x", text="hello", head=""):
    return (f"From: {sender}\r\nTo: {to}\r\nDate: Sat, 21 Nov 2026 10:00:00 +0100\r\n" + (f"Subject: {subject}\r\n" if subject else "") +
            f"{head}\r\n{text}\r\n").encode()


def in_folder(servers, me, folder):
    """(uid, flags, bytes) of each mail there."""
    imap = servers.session(me)
    kind, what = imap.select(f'"{folder}"', readonly=True)
    rows = imap.uid("FETCH", "1:*", "(FLAGS BODY.PEEK[])")[1] if kind == "OK" and what[0] != b"0" else []
    imap.logout()
    return [(int(re.search(rb"UID (\d+)", head).group(1)), re.search(rb"FLAGS \(([^)]*)\)", head).group(1).decode(), body)
            for head, body in (row for row in rows if isinstance(row, tuple))]


def folders(servers, me, *names):
    imap = servers.session(me)
    for name in names:
        assert imap.create(f'"{name}"')[0] == "OK"
    imap.logout()


# ---- IMAP and SMTP ------------------------------------------------------------------------------------


def test_a_list_shows_the_newest_first_and_changes_nothing(servers, account):
    for i in range(5):
        account.put(mail(f"number {i}"))
    account.put(mail("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", sender="=?utf-8?q?J=C3=BCrgen?= <j@x>", text="--b\r\n\r\nx\r\n--b\r\n"
                     "Content-Type: image/png\r\nContent-Disposition: attachment; filename=\"a (1).png\"\r\n\r\nx\r\n--b--",
                     head="Content-Type: multipart/mixed; boundary=b\r\n"))
    account.put(mail(None, sender=""))
    answer = account.order("list", folder="INBOX", limit=3)
    rows = answer["rows"]
    assert [r["subject"] for r in rows] == ["", "Grüße", "number 4"] and answer["outcome"] == "done"
    assert [r["files"] for r in rows] == [False, True, False] and all(r["unread"] and r["folder"] == "INBOX" for r in rows)
    assert rows[1]["from"] == "Jürgen <j@x>" and rows[1]["to"] == "me@x" and rows[1]["date"] == "2026-11-21T09:00:00Z"
    assert re.fullmatch(r"\d+\.7", rows[0]["uid"]) and servers.seen(account.me) == []
    assert account.subjects(limit=1) == [""] and len(account.subjects()) == 7


def test_a_search_finds_what_fits_all_of_it(servers, account):
    account.put(mail("Lunch", text="soup and bread"))
    account.put(mail("=?utf-8?q?Gr=C3=BC=C3=9Fe?=", sender="Bob <bob@x>", to="you@x"))
    account.put(mail('a "quoted" \\ word'))
    imap = servers.session(account.me)
    imap.select("INBOX")
    imap.uid("STORE", "1", "+FLAGS", "(\\Seen)")
    imap.append("INBOX", None, None, mail("old").replace(b"2026", b"1999"))
    imap.logout()
    assert account.subjects(body="bread") == ["Lunch"] and account.subjects(subject="Grüße") == ["Grüße"]
    assert account.subjects(**{"from": "bob"}) == ["Grüße"] and account.subjects(to="you@x", subject="grüße") == ["Grüße"]
    assert account.subjects(to="you@x", subject="lunch") == [] and "Lunch" not in account.subjects(unread_only=True)
    assert account.subjects(subject='"quoted" \\') == ['a "quoted" \\ word'] and account.subjects(since="2100-01-01") == []
    assert len(account.subjects(since="2020-01-01")) == 4
    for wrong in ({"subject": "x\r\na9 DELETE INBOX"}, {"since": "yesterday"}, {"from": "a\nb"}, {"folder": "a\r\nb"}, {"folder": "*"},
                  {"folder": "No such"}):
        answer = account.order("list", **{"folder": "INBOX", **wrong})
        assert answer["outcome"] == "never" and answer["why"] and answer["rows"] == [], wrong


def test_a_mail_is_fetched_whole_and_stays_unread(servers, account):
    whole = mail("whole", text="line\r\n" * 100)
    account.put(whole)
    [row] = account.order("list", folder="INBOX")["rows"]
    answer = account.order("fetch", folder="INBOX", uid=row["uid"])
    assert answer["bytes"].encode() == whole and answer["unread"] and servers.seen(account.me) == []
    validity, number = row["uid"].split(".")
    gone, other, *odd = account.orders(*({"act": "fetch", "folder": "INBOX", "uid": uid} for uid in
                                         (f"{validity}.99", f"{int(validity) + 1}.{number}", "7", "", "1.2.3", "1.", "1.99999999999", "x")))
    assert gone["outcome"] == "never" and "no such mail" in gone["why"]
    assert other["outcome"] == "never" and "list it again" in other["why"]
    assert all(o["outcome"] == "never" and "no uid" in o["why"] for o in odd)
    account.put(mail("large", text="x" * 28_000_000))
    answer = account.order("fetch", folder="INBOX", uid=f"{validity}.2")
    assert answer["outcome"] == "never" and "28 MB" in answer["why"]


@pytest.mark.parametrize("capability", ["", "imap_capability = IMAP4rev1 LITERAL+ UIDPLUS", "imap_capability = IMAP4rev1"])
def test_one_mail_is_moved_and_no_other_is_lost(servers, tmp_path, capability):
    servers.stop("dovecot")
    servers.start_dovecot(capability)
    account = open_account(servers, tmp_path)
    for name in ("one", "two", "three"):
        account.put(mail(name))
    folders(servers, account.me, "Gr&APwA3w-e & Co".replace(" & ", " &- "))
    imap = servers.session(account.me)
    imap.select("INBOX")
    imap.uid("STORE", "3", "+FLAGS", "(\\Deleted)")     # somebody else's, which an EXPUNGE of all would take along
    imap.logout()
    uid = account.order("list", folder="INBOX", subject="two")["rows"][0]["uid"]
    missing, moved, again = account.orders(*({"act": "move", "folder": "INBOX", "uid": uid, "dest": dest}
                                             for dest in ("nowhere", "Grüße & Co", "Grüße & Co")))
    assert missing["outcome"] == "never" and missing["why"] and moved["outcome"] == "done", (missing, moved)
    assert account.subjects() == ["one"] and account.subjects(folder="Grüße & Co") == ["two"]
    left = {number: flags for number, flags, _ in in_folder(servers, account.me, "INBOX")}
    assert 1 in left and 3 in left and (2 not in left or "\\Deleted" in left[2]) and (2 in left) == capability.endswith("rev1")
    assert again["outcome"] == "never" or 2 in left
    servers.stop("dovecot")
    servers.start_dovecot()


def test_the_trash_is_what_the_server_says_it_is(special, servers, tmp_path):
    for number, at in enumerate((special, servers)):
        (tmp_path / str(number)).mkdir()
        account = open_account(at, tmp_path / str(number))
        account.put(mail("keep"))
        account.put(mail("away"))
        uid = account.order("list", folder="INBOX", subject="away")["rows"][0]["uid"]
        if at is servers:
            none = account.order("trash", folder="INBOX", uid=uid)
            assert none["outcome"] == "never" and "no folder for deleted" in none["why"]
            folders(servers, account.me, "deleted items")
        folder = "Wastebasket" if at is special else "deleted items"
        assert account.order("trash", folder="INBOX", uid=uid)["outcome"] == "done"
        assert account.subjects() == ["keep"] and account.subjects(folder=folder) == ["away"]
        uid = account.order("list", folder=folder)["rows"][0]["uid"]
        again = account.order("trash", folder=folder, uid=uid)
        assert again["outcome"] == "never" and "for good" in again["why"] and account.subjects(folder=folder) == ["away"]


def test_a_mail_goes_to_all_and_is_kept(special, tmp_path):
    account = open_account(special, tmp_path)
    text = mail("to all", sender=account.me, to="a@x", text="hello\r\n.dot\r\n" + "x" * 300000).decode()
    everybody = [f"{who}.{account.me}" for who in ("a", "b", "c")]
    assert account.order("send", bytes=text, receivers=everybody)["outcome"] == "done", account.said
    for who in everybody:
        wait_for(lambda to=who: special.sent(to), lambda: f"the mail to {who}\n{special.log()}")
        [sent] = special.sent(who)
        assert sent["Subject"] == "to all" and sent.get_content().startswith("hello\n.dot\n")
    [(_, flags, kept)] = in_folder(special, account.me, "Outbox.Done")
    assert "\\Seen" in flags and kept.decode() == text


def test_what_did_not_go_says_so(servers, account):
    text, me = mail("x").decode(), f"z.{account.me}"
    refused, nobody, odd = account.orders(*({"act": "send", "bytes": text, "receivers": to} for to in
                                            ([me, f"nobody.here@{DOMAIN}"], [], [f"{me}>\r\nDATA"])))
    assert refused["outcome"] == "never" and "550" in refused["why"] and servers.sent(me) == []
    assert nobody["outcome"] == odd["outcome"] == "never"
    assert account.order("send", bytes=text, receivers=[me])["outcome"] == "done"   # it could not be kept
    wait_for(lambda: len(servers.sent(me)) == 1, lambda: f"the mail\n{servers.log()}")
    account.settings["SMTP_PORT"] = "1"
    assert account.order("send", bytes=text, receivers=[me])["outcome"] == "never"


# ---- Gmail ----------------------------------------------------------------------------------------------


@pytest.fixture
def gmail(tmp_path):
    api = Gmail()
    for name in ("gateway", "secrets"):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "secrets/gmail_token.json").write_text(json.dumps(api.token_file()))
    (tmp_path / "secrets/gmail_token.json").chmod(0o600)
    made = Account("gmail", tmp_path, {"GMAIL_CLIENT_ID": api.client[0], "GMAIL_CLIENT_SECRET": api.client[1], "GMAIL_API_URL": api.url})
    made.api = api
    yield made
    api.close()


def asked(api, path):
    return [q for _, below, q in api.calls if below == path]


def test_gmail_lists_by_label_and_in_its_query_language(gmail):
    plain = gmail.api.deliver("Ann <ann@x>", subject="Lunch")
    files = gmail.api.deliver("bob@x", raw=mail("plan", sender="Bob <bob@x>", text="--b\r\n\r\nx\r\n--b\r\nContent-Type: image/png\r\n"
                              "Content-Disposition: attachment; filename=a.png\r\n\r\nx\r\n--b--",
                              head="Content-Type: multipart/mixed; boundary=b\r\n"), labels=("INBOX",))
    gmail.api.deliver("eve@x", subject="elsewhere", labels=("Label_7",))
    rows = gmail.order("list", folder="INBOX", limit=5)["rows"]
    assert [(r["uid"], r["files"], r["unread"]) for r in rows] == [(files, True, False), (plain, False, True)]
    assert rows[0]["from"] == "Bob <bob@x>" and rows[1]["subject"] == "Lunch" and rows[0]["folder"] == "INBOX"
    assert gmail.subjects(folder="work") == ["elsewhere"] and gmail.subjects(**{"from": "ann"}) == ["Lunch"]
    assert len(gmail.subjects(folder="[Gmail]/All Mail")) == 3 and gmail.subjects(unread_only=True, subject="lunch") == ["Lunch"]
    gmail.order("list", folder="Spam", subject='x" OR in:trash "', body="soup", since="2026-01-02")
    last = asked(gmail.api, "messages")[-1]
    assert last["q"] == 'subject:"x  OR in:trash  " "soup" after:2026/01/02'
    assert last["labelIds"] == "SPAM" and last["includeSpamTrash"] == "true"
    none, odd = gmail.order("list", folder="No such"), gmail.order("list", folder="INBOX", since="x")
    assert none["outcome"] == "never" and "No such" in none["why"] and odd["outcome"] == "never"


def test_gmail_fetches_moves_and_throws_away(gmail):
    api = gmail.api
    one, two = api.deliver("ann@x", text="hello"), api.deliver("ann@x")
    fetched = gmail.order("fetch", folder="INBOX", uid=one)
    assert fetched["bytes"].encode() == api.messages[one]["raw"] and fetched["unread"] and "UNREAD" in api.messages[one]["labels"]
    assert gmail.order("move", folder="INBOX", uid=one, dest="Work")["outcome"] == "done"
    assert set(api.messages[one]["labels"]) == {"UNREAD", "Label_7"}
    assert gmail.order("move", folder="work", uid=one, dest="Archive")["outcome"] == "done" and api.messages[one]["labels"] == ["UNREAD"]
    assert gmail.order("trash", folder="INBOX", uid=two)["outcome"] == "done" and "TRASH" in api.messages[two]["labels"]
    for order in ({"act": "fetch", "uid": "ffff"}, {"act": "move", "uid": one, "dest": "No such"}, {"act": "trash", "uid": "../x"},
                  {"act": "trash", "uid": "ffff"}, {"act": "move", "uid": one, "dest": "INBOX"}):
        answer = gmail.order(**order, folder="INBOX")
        assert answer["outcome"] == "never" and answer["why"], order
    assert set(api.messages) == {one, two}


def test_gmail_says_whether_a_mail_went(gmail):
    text = mail("out", sender=gmail.api.address, to="ann@x").decode()
    gmail.api.refuse = {"messages/send": [(400, {"error": {"message": "Invalid To header"}}, {}), (503, {}, {})]}
    refused, broken, sent = gmail.orders(*[{"act": "send", "bytes": text, "receivers": ["ann@x"]}] * 3)
    assert refused["outcome"] == "never" and "Invalid To" in refused["why"] and broken["outcome"] == "unknown"
    assert sent["outcome"] == "done" and gmail.api.answers() == ["hello"]


def test_gmail_without_consent_does_nothing(gmail):
    (gmail.folder / "secrets/gmail_token.json").unlink()
    answer = gmail.order("list", folder="INBOX")
    assert answer["outcome"] == "never" and "authorize" in answer["why"] and gmail.api.calls == []
