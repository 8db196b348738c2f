# SPDX-License-Identifier: Apache-2.0
"""`alpi cron next`: the published vectors through the command, and what it refuses; no daemon is started for it."""
import json

import pytest

from conftest import ROOT

VECTORS = json.loads((ROOT / "tests" / "vectors" / "cron.json").read_text())


def test_one_vector_of_each_rule_is_printed(home):
    rules = {case["rule"]: case for case in VECTORS["cases"]}
    for case in rules.values():
        said = home.json("cron", "next", "--tz", case["tz"], "--after", case["after"], "-n", 3, "--json", "--", case["expr"])
        assert said["next"] == case["next"], case
        assert said["reads"]
    assert len(rules) == 23
    assert not home.path.exists()


def test_people_get_words_and_times(home):
    done = home.run("cron", "next", "--tz", "Europe/Madrid", "--after", "2026-03-28T12:00", "-n2", "--", "30", "2", "*", "*", "*")
    assert done.stdout.splitlines() == ["at 02:30 every day", "  2026-03-29T03:00:00+02:00", "  2026-03-30T02:30:00+02:00"]


def test_without_a_zone_it_is_the_machines(home):
    said = home.json("cron", "next", "--after", "2026-07-01T12:00:00Z", "-n", 1, "--json", "--", "@daily",
                     env={"TZ": "Asia/Kolkata"})
    assert said["next"] == ["2026-07-02T00:00:00+05:30"]


@pytest.mark.parametrize("words, why", [
    (["--", "61 * * * *"], "minute:"),
    (["--", "0 25 * * *"], "hour:"),
    (["--", "0 0 31 2 *"], "day of month: never due"),
    (["--", "0 0 * * 9"], "day of week:"),
    (["--", "* * * *"], "4 fields"),
    (["--", ""], "0 fields"),
    (["--tz", "../../etc/passwd", "--", "@daily"], "not the name of a time zone"),
    (["--tz", "Europe/Atlantis", "--", "@daily"], "no time zone"),
    (["--after", "soon", "--", "@daily"], "not a time"),
])
def test_what_is_wrong_is_said(home, words, why):
    done = home.run("cron", "next", "--json", *words, check=False)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("Error: ") and why in done.stderr
