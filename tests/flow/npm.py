# SPDX-License-Identifier: Apache-2.0
"""Servers from npm, each installed once below the build folder."""
import shutil
import subprocess

import pytest

from conftest import BUILD

NODE = (20, 15)         # the oldest that all of them run on
NEWER = "22"


def package(name, version):
    """The folder of one."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    place = BUILD / "npm" / f"{name.replace('/', '-')}-{version}"
    if not (place / "installed").exists():
        place.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--prefix", place, f"{name}@{version}"],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        (place / "installed").touch()
    return place / "node_modules" / name


def node():
    """The machine's own, or a newer one when that is too old."""
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    own = tuple(int(n) for n in version.strip().lstrip("v").split(".")[:2])
    return "node" if own >= NODE else package("node", NEWER) / "bin/node"
