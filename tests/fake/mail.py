# SPDX-License-Identifier: Apache-2.0
"""Real mail servers in a throw-away folder on loopback: Dovecot (IMAP) and Exim (SMTP), neither as root."""
import email
import grp
import imaplib
import os
import pwd
import re
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from email import policy
from pathlib import Path

from service import free_port

DOMAIN = "alpi.test"
PASSWORD = "open \"sesame\" {5}"
# As whoever runs the tests; a server that root starts is nobody's.
UID, GID = (65534, 65534) if os.getuid() == 0 else (os.getuid(), os.getgid())
USER, GROUP = pwd.getpwuid(UID).pw_name, grp.getgrgid(GID).gr_name

UNPRIVILEGED = ["setpriv", "--reuid", str(UID), "--regid", str(GID), "--clear-groups"] if os.getuid() == 0 else []

DOVECOT = """
base_dir = {run}
state_dir = {run}
log_path = {dir}/dovecot.log
protocols = imap
ssl = required
ssl_cert = <{dir}/server.pem
ssl_key = <{dir}/server.key
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
mail_location = maildir:~/Maildir
first_valid_uid = 1
auth_mechanisms = plain login
passdb {{
  driver = passwd-file
  args = scheme=PLAIN {dir}/passwords
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={dir}/home/%u
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {imaps}
    ssl = yes
  }}
}}
{more}
"""

EXIM = """
exim_user = {user}
exim_group = {group}
never_users =
spool_directory = {dir}/spool
log_file_path = {dir}/exim.%s
pid_file_path = {dir}/spool/pid
primary_hostname = localhost
local_interfaces = 127.0.0.1
daemon_smtp_ports = {smtp} : {smtps}
tls_on_connect_ports = {smtps}
tls_advertise_hosts = *
tls_certificate = {dir}/server.pem
tls_privatekey = {dir}/server.key
auth_advertise_hosts = ${{if eq{{$tls_in_cipher}}{{}}{{}}{{*}}}}
acl_smtp_rcpt = check
acl_smtp_data = take
keep_environment =
begin acl
check:
  deny message = no such user
       local_parts = nobody.here
  accept authenticated = *
  deny
take:
  accept logwrite = taken $message_exim_id on $received_port for $recipients
begin routers
all:
  driver = accept
  transport = keep
begin transports
keep:
  driver = appendfile
  directory = {dir}/sent
  maildir_format
  user = {user}
  group = {group}
  envelope_to_add
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${{if eq{{$auth3}}{{{password}}}}}
  server_set_id = $auth2
"""


def number_of(mail):
    return re.search(r"\sid ([\w-]+)", mail.get_all("Received")[0]).group(1)


def openssl(*words):
    return subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, text=True).stdout


class MailServers:
    def __init__(self, **ports):
        self.dir = Path(tempfile.mkdtemp(prefix="alpimail.", dir="/tmp"))
        self.imaps, self.smtp, self.smtps = (ports.get(name) or free_port() for name in ("imaps", "smtp", "smtps"))
        self.ca = self.dir / "ca.pem"
        self.users, self.tasks = 0, {}
        for name in ("home", "run", "sent", "spool"):
            (self.dir / name).mkdir()
        self.certificates()
        os.chmod(self.dir, 0o755)
        people = [f"u{i}@{DOMAIN}" for i in range(40)]
        (self.dir / "passwords").write_text("".join(f"{who}:{{PLAIN}}{PASSWORD}\n" for who in people))
        password = PASSWORD.replace("{", "\\{").replace("}", "\\}")
        (self.dir / "exim.conf").write_text(EXIM.format(dir=self.dir, user=USER, group=GROUP, smtp=self.smtp, smtps=self.smtps, password=password))
        for name in ("", "home", "run", "sent", "spool", "passwords", "server.key"):
            os.chown(self.dir / name, UID, GID)
        self.start_dovecot()
        self.start_exim()

    def certificates(self):
        d = self.dir
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=test CA",
                "-days", "30", "-keyout", d / "ca.key", "-out", self.ca)
        openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost",
                "-keyout", d / "server.key", "-out", d / "server.csr")
        (d / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
        openssl("x509", "-req", "-in", d / "server.csr", "-CA", self.ca, "-CAkey", d / "ca.key", "-CAcreateserial", "-days", "30",
                "-extfile", d / "names", "-out", d / "server.pem")

    # ---- the servers

    def start_dovecot(self, more=""):
        conf = self.dir / "dovecot.conf"
        conf.write_text(DOVECOT.format(dir=self.dir, run=self.dir / "run", uid=UID, gid=GID, user=USER, group=GROUP, imaps=self.imaps, more=more))
        self.start("dovecot", self.imaps, "dovecot", "-F", "-c", conf)

    def start_exim(self):
        self.start("exim", self.smtp, "/usr/sbin/exim4", "-bdf", "-C", self.dir / "exim.conf")

    def start(self, name, port, *words):
        words = [*UNPRIVILEGED, *map(str, words)]
        with open(self.dir / f"{name}.out", "ab") as out:
            self.tasks[name] = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        end = time.monotonic() + 60
        while time.monotonic() < end and self.tasks[name].poll() is None:
            with socket.socket() as s:
                if s.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(f"{name} does not start: {self.log()}")

    def stop(self, name):
        task = self.tasks.pop(name, None)
        if task is None:
            return
        os.killpg(task.pid, signal.SIGTERM)
        try:
            task.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(task.pid, signal.SIGKILL)
            task.wait()

    def close(self):
        for name in list(self.tasks):
            self.stop(name)
        subprocess.run(["rm", "-rf", str(self.dir)], check=False)

    def log(self):
        return "".join(f"--- {p.name}\n{p.read_text(errors='replace')[-3000:]}\n"
                       for p in [*self.dir.glob("*.out"), *self.dir.glob("*.log")] if p.exists())

    # ---- people

    def user(self):
        self.users += 1
        return f"u{self.users - 1}@{DOMAIN}"

    def inbox(self, user):
        return self.dir / "home" / user / "Maildir"

    def session(self, user):
        imap = imaplib.IMAP4_SSL("localhost", self.imaps, ssl_context=ssl.create_default_context(cafile=str(self.ca)))
        imap.login(user, PASSWORD)
        return imap

    def put(self, user, mail):
        """A mail into somebody's INBOX, as a server that took it would."""
        imap = self.session(user)
        kind, what = imap.append("INBOX", None, None, mail if isinstance(mail, bytes) else mail.encode())
        imap.logout()
        assert kind == "OK", what
        return int(re.search(rb"APPENDUID \d+ (\d+)", what[0]).group(1))

    def seen(self, user):
        imap = self.session(user)
        imap.select("INBOX", readonly=True)
        found = imap.uid("SEARCH", "SEEN")[1][0]
        imap.logout()
        return [int(n) for n in found.split()]

    def sent(self, to):
        """What the SMTP server has taken for somebody, in the order it came."""
        files = [p for p in (self.dir / "sent").rglob("*") if p.is_file() and p.parent.name in ("new", "cur")]
        mails = [email.message_from_bytes(p.read_bytes(), policy=policy.default) for p in files]
        order = [number for number, _ in self.taken(to)]
        return sorted((m for m in mails if m["Envelope-To"] == to), key=lambda m: order.index(number_of(m)))

    def taken(self, to):
        """(number, port) of the mails for somebody, in the order in which the SMTP server took them. It writes that down before its client
        hears of it; each one's file is written after that by a process of its own, whenever that runs."""
        return re.findall(rf" taken (\S+) on (\d+) for (?:.*, )?{re.escape(to)}(?=,|\n)", (self.dir / "exim.out").read_text())
