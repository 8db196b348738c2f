# SPDX-License-Identifier: Apache-2.0
"""alpi scan check: what the text scanners say of a file, without a daemon."""
import json

import pytest

from conftest import ROOT

VECTORS = json.loads((ROOT / "tests/vectors/scan.json").read_text())["cases"]


def check(home, kind, text, *words):
    done = home.run("scan", "check", "--kind", kind, *words, "-", input=text, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("row", [r for r in VECTORS if r["match"] == "exact" and not r.get("allowed_env")][::7], ids=lambda r: r["id"])
def test_the_published_texts_have_their_verdict(home, row):
    code, out, _ = check(home, row["scanner"], row["text"], "--json")
    said = json.loads(out)
    assert (said["verdict"], said["classes"]) == (row["verdict"], row["classes"])
    assert code == (1 if row["verdict"] == "flagged" else 0)


def test_a_person_is_told_where_and_why(home):
    code, out, _ = check(home, "skill", "one\nos.system('x')\n")
    assert code == 1 and "2" in out and "exec.os-system" in out and "runs a command by a shell" in out
    assert check(home, "skill", "Two lines.\n")[:2] == (0, "clean: nothing of what is looked for\n")


def test_files_of_every_kind_are_read(home):
    path = home.person / "note"
    for data, code in [(b"caf\xe9\r\nos.system(1)\r\n", 1), (b"", 0), (b"\0" * 10, 0), (b"x" * 10_000_000 + b" crontab", 1)]:
        path.write_bytes(data)
        assert home.run("scan", "check", "--kind", "memory", str(path), check=False).returncode == code


@pytest.mark.parametrize("words,why", [
    (["scan", "check", "x"], "--kind"), (["scan", "check", "--kind", "poem", "x"], "skill, injection or memory"),
    (["scan", "check", "--kind", "skill", "/nonexistent"], "/nonexistent"), (["scan", "check", "--kind", "skill", "/"], "/"),
    (["scan", "check", "--kind", "skill", "/dev/zero"], "/dev/zero")])
def test_what_cannot_be_scanned_is_said(home, words, why):
    done = home.run(*words, check=False)
    assert done.returncode == 2 and why in done.stderr and done.stdout == ""


def test_more_than_is_read_is_refused(home):
    code, out, err = check(home, "skill", "x" * (16 * 1024 * 1024 + 1))
    assert (code, out) == (2, "") and "16 MiB" in err
