# SPDX-License-Identifier: Apache-2.0
"""What is installed works from where it lies, and all of it goes again."""
import os
import pathlib
import re
import subprocess

import pytest

from conftest import BUILD, NOBODY, ROOT

PREFIX = "/opt/some where"


@pytest.fixture
def place(home):
    """A DESTDIR that an ordinary user can reach."""
    folder = home.base / "dest"
    (folder / "etc").mkdir(parents=True)
    subprocess.run([ROOT / "packaging/install.sh", BUILD, folder, PREFIX], cwd=ROOT, check=True)
    return pathlib.Path(f"{folder}{PREFIX}")


def files(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def test_what_is_installed_answers_and_has_its_pages(home, place):
    home.config("model: offline/rules\n")
    for folder in (home.base, *home.base.joinpath("dest").rglob("*")):
        os.chmod(folder, 0o755) if folder.is_dir() else None
    home.command = lambda *words: ["setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups", str(place / "bin/alpi"),
                                   *words] if home.uid is not None else [str(place / "bin/alpi"), *words]
    assert "17" in home.run("chat", "--once", "run echo 17").stdout
    home.run("daemon", "stop")
    programs = {path.name for path in (place / "libexec/alpi").iterdir()}
    assert programs == {path.name for path in (BUILD / "libexec/alpi").iterdir()}
    pages = {re.sub(r"\.gz$", "", path.name) for path in (place / "share/man").rglob("*.gz")}
    assert {"alpi.1", "alpi.7", "alpi.yaml.5"} <= pages
    unit = (place / "lib/systemd/user/alpi-daemon.service").read_text()
    assert f'ExecStart="{PREFIX}/bin/alpi" daemon start' in unit and "@PREFIX@" not in unit


def test_uninstall_takes_away_what_was_installed_and_nothing_else(home, place):
    strange = place / "bin/other"
    strange.write_text("mine\n")
    assert len(files(place)) > 20
    subprocess.run([ROOT / "packaging/uninstall.sh", home.base / "dest", PREFIX], cwd=ROOT, check=True)
    assert files(place) == ["bin/other"]
    assert not (place / "libexec/alpi").exists() and not (place / "share/alpi").exists()
    subprocess.run([ROOT / "packaging/uninstall.sh", home.base / "dest", PREFIX], cwd=ROOT, check=True)
