# SPDX-License-Identifier: Apache-2.0
"""
Two alpis of one machine: two profiles' homes over their Unix sockets (a peer without an address is a profile of the
same root: alp-wire.md, 6), and two homes of their own over TCP. The same set for both.
"""
import os

import pytest

import link_sides as sides
from conftest import NOBODY, Home
from test_link import key, listening, pin, two_profiles


@pytest.fixture(params=["unix", "tcp"])
def both(request, home, provider):
    """Ours, theirs, and theirs is called "other" here."""
    if request.param == "unix":
        two_profiles(home, provider)
        yield sides.Side(home), sides.Side(home, "other"), "via unix"
        return
    other = Home(NOBODY if os.getuid() == 0 else None)
    here, there = listening(home, provider), listening(other, provider)
    home.start()
    other.start()
    pin(home, "other", key(other), "--address", there)
    pin(other, "boss", key(home), "--address", here)
    yield sides.Side(home), sides.Side(other), f"via tcp {there}"
    other.close()


def test_asks_plain_and_streamed_are_answered_and_can_be_cancelled(both):
    here, there, way = both
    assert way in here.run("peers", "ping", "other").stdout
    sides.an_ask_is_answered(here, "other", "n=5")
    sides.a_streamed_ask_comes_in_pieces(here, "other")
    for how in ("host", "interrupt"):
        sides.a_cancel_reaches_the_peer(here, there, "other", how)


def test_a_blob_of_20_mib_goes_and_comes(both):
    here, there, _ = both
    sides.a_blob_goes_and_comes(here, there, "other")


def test_an_upload_goes_on_after_a_kill_of_either_side(both):
    here, there, _ = both
    for victim in (there, here):
        sides.an_upload_that_is_cut_goes_on(here, there, "other", lambda: victim.kill("alpd"))
