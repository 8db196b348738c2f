# SPDX-License-Identifier: Apache-2.0
"""Mail on the ports that it has by itself, in a network of this test's own (needs root): IMAP on 993, SMTP on 587 and 465."""
import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from test_mail import Mailbox, MailServers, said

CLONE_NEWNET = 0x40000000

pytestmark = pytest.mark.skipif(os.getuid() != 0 or shutil.which("ip") is None, reason="makes a network namespace")


@pytest.fixture(scope="module")
def servers():
    """Real servers where nothing else is; this thread and all that it starts are there meanwhile."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/thread-self/ns/net", "rb") as before:
        assert libc.unshare(CLONE_NEWNET) == 0, os.strerror(ctypes.get_errno())
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").write_text("0")     # neither server runs as root
            made = MailServers(imaps=993, smtp=587, smtps=465)
            yield made
            made.close()
        finally:
            assert libc.setns(before.fileno(), CLONE_NEWNET) == 0


@pytest.mark.parametrize("port", ["465", ""], ids=["tls_from_the_start", "unset_is_starttls"])
def test_a_mail_is_answered_on_the_usual_ports(servers, home, provider, port):
    m = Mailbox(home, servers, port or "x").begin(provider, IMAP_PORT="", SMTP_PORT=port).based()
    m.put("hello there")
    [answer] = m.answers(1)
    assert said(answer) == "hello there"
    assert m.me in m.home.run("gateway", "probe", "imap").stdout
    assert [int(at) for _, at in servers.taken(m.people["ann"])] == [int(port or 587)]
