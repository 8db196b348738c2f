# SPDX-License-Identifier: Apache-2.0
"""What a skill's script can reach, with the real launcher and worker: its own folder, its state, its workspace, and its time.

Every attempt is made twice by the same user, outside, where it must succeed, and as a skill, where it must fail.
"""
import json
import os
import pathlib
import tempfile

import pytest
from test_sandbox import NO_NAMESPACES, NOBODY, PYTHON, Person

pytestmark = pytest.mark.skipif(not os.path.exists(PYTHON), reason="skills are written in Python")

ATTEMPTS = {
    "dotenv": "assert 'API' in open('{alpi}/.env').read()",
    "dotenv of a profile": "assert 'API' in open('{alpi}/profiles/work/.env').read()",
    "configuration": "assert 'model' in open('{alpi}/config.yaml').read()",
    "identity": "assert 'BEGIN' in open('{alpi}/alp/secrets/alp_key.pem').read()",
    "key of the person": "assert 'BEGIN' in open('{home}/.ssh/id_ed25519').read()",
    "another skill's secrets": "assert 'theirs' in open('{skills}/data/other/secrets/token').read()",
    "another skill's secrets by its neighbour": "assert 'theirs' in open('{here}/../../data/other/secrets/token').read()",
    "another skill's secrets by a link": "import os\nl = '{here}/state/l'\nos.path.lexists(l) and os.unlink(l)\n"
        "os.symlink('{skills}/data/other/secrets/token', l); assert 'theirs' in open(l).read()",
    "another skill's secrets by a process outside": "assert 'theirs' in open('/proc/{pid}/root{skills}/data/other/secrets/token').read()",
    "another skill's state": "open('{skills}/data/other/state/x', 'w')",
    "names of other skills": "import os; assert 'other' in os.listdir('{skills}/data')",
    "names of categories": "import os; assert 'data' in os.listdir('{skills}')",
    "its own instructions": "open('{here}/SKILL.md', 'a')",
    "its own script": "open('{here}/scripts/run.py', 'a')",
    "a file beside its script": "open('{here}/scripts/made.py', 'w')",
    "its own secrets, to write": "open('{here}/secrets/token', 'a')",
    "replacing its state": "import os; os.rename('{here}/state', '{here}/state2'); os.rename('{here}/state2', '{here}/state')",
    "executing from its state": "import os, shutil, subprocess; p = '{here}/state/true'; shutil.copy('/bin/true', p)\n"
        "os.chmod(p, 0o755); subprocess.run([p], check=True)",
    "executing from its secrets": "import subprocess; subprocess.run(['{here}/secrets/true'], check=True)",
    "executing from its folder": "import subprocess; subprocess.run(['{here}/scripts/true'], check=True)",
    "loading code from its state": "import ctypes, glob, shutil; p = '{here}/state/lib.so'\n"
        "shutil.copy(glob.glob('/lib/*/libz.so.1')[0], p); ctypes.CDLL(p)",
    "environment of a process outside": "assert b'ENVIRONMENT-SECRET' in open('/proc/{pid}/environ', 'rb').read()",
    "tcp": "import socket; socket.socket().connect(('127.0.0.1', {port}))",
    "udp": "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
    "bus socket": "import socket; socket.socket(socket.AF_UNIX).connect('{alpi}/run/default/engined.ipc')",
    "signal": "import os; os.kill({pid}, 0)",
    "writing elsewhere": "open('{base}/elsewhere/made', 'w')",
}


class Home(Person):
    """A person whose alpi has two skills, of which `stars` is under test."""

    def __init__(self, uid):
        super().__init__(uid)
        self.skills = self.alpi / "skills"
        self.here = self.skills / "research/stars"
        for place in (self.here / "scripts", self.here / "secrets", self.here / "state", self.skills / "data/other/secrets",
                      self.skills / "data/other/state"):
            place.mkdir(parents=True)
        self.head("output_schema: {}")
        (self.here / "secrets/token").write_text("mine\n")
        (self.skills / "data/other/secrets/token").write_text("theirs\n")
        for folder in ("secrets", "scripts"):
            (self.here / folder / "true").write_bytes(pathlib.Path("/bin/true").read_bytes())
            (self.here / folder / "true").chmod(0o755)
        self.script("print('{}')")
        self.own(uid)

    def head(self, lines):
        (self.here / "SKILL.md").write_text(f"---\nname: stars\ncategory: research\n{lines}\n---\n# Count\n")

    def script(self, text):
        (self.here / "scripts/run.py").write_text(text + "\n")

    def names(self):
        return {**super().names(), "skills": self.skills, "here": self.here}

    def skill(self, action="run", env=None, policy=None, under=(), **args):
        given = {"skill": str(self.here), "env": env or {}, **(policy or {})}
        return self.lines("skill", {"action": action, "name": "stars", **args}, given, under=under)[-1]

    def db(self, action, sql, params=None, skill=None):
        return self.lines("db", {"action": action, "skill": "stars", "sql": sql, "params": params or []},
                          {"skill": str(skill or self.here)})[-1]


@pytest.fixture(scope="module", params=["root", "nobody"] if os.getuid() == 0 else ["self"])
def person(request):
    p = Home({"root": 0, "nobody": NOBODY, "self": os.getuid()}[request.param])
    yield p
    p.close()


@pytest.mark.parametrize("name", ATTEMPTS)
def test_works_outside_and_fails_as_a_skill(person, name):
    person.head("")
    person.script(ATTEMPTS[name].format(**person.names()))
    inside = person.skill()
    assert not inside["ok"] and "Traceback" in inside["output"], inside      # it ran; what failed was the attempt
    for made in ("state/true", "state/lib.so", "state/l"):
        (person.here / made).unlink(missing_ok=True)
    code, said = person.outside(f"{PYTHON} {person.here}/scripts/run.py")
    assert code == 0, said
    for made in ("state/true", "state/lib.so", "state/l"):
        (person.here / made).unlink(missing_ok=True)


def test_what_a_skill_may(person):
    person.head('output_schema: {"type": "object", "required": ["token"]}')
    person.script("import json, os, sys\n"
                  "open('state/count', 'a').write('x')\n"
                  "open(os.environ['WORKSPACE'] + '/made', 'w').write('made')\n"
                  "open('/tmp/scratch', 'w').write('gone')\n"
                  "print(json.dumps({'token': open('secrets/token').read(), 'env': sorted(os.environ), 'cwd': os.getcwd(),\n"
                  "                  'key': os.environ['A_KEY'], 'args': sys.argv[1:]}))")
    result = person.skill("invoke", env={"A_KEY": "k"}, args=["a b", ""])
    said = json.loads(result["output"])
    assert result["ok"] and said["token"] == "mine\n" and said["key"] == "k" and said["args"] == ["a b", ""]
    assert said["cwd"] == str(person.here)
    assert set(said["env"]) - {"LANG", "TZ", "LC_ALL", "LC_CTYPE", "ASAN_OPTIONS", "UBSAN_OPTIONS"} == {
        "A_KEY", "ALPI_HOME", "ALPI_SKILL_NAME", "ALPI_SKILL_DIR", "ALPI_WORKSPACE", "WORKSPACE", "HOME", "LOGNAME", "PATH", "PWD",
        "SHELL", "TERM", "TMPDIR", "USER"} - ({"USER", "LOGNAME"} - set(said["env"]))
    assert (person.workspace / "made").read_text() == "made"
    assert (person.here / "state/count").read_text() == "x" and not os.path.exists("/tmp/scratch")
    person.skill()
    assert (person.here / "state/count").read_text() == "xx"


def test_the_state_is_made_when_it_is_missing(person):
    fresh = person.skills / "data/fresh/scripts"
    fresh.mkdir(parents=True)
    (fresh / "run.py").write_text("open('state/x', 'w').write('x')\n")
    (fresh.parent / "SKILL.md").write_text("---\nname: fresh\n---\n")
    person.own(person.uid)
    assert person.lines("skill", {"action": "run", "name": "fresh"}, {"skill": str(fresh.parent)})[-1]["ok"]
    assert (fresh.parent / "state/x").read_text() == "x"
    assert (fresh.parent / "state").stat().st_mode & 0o777 == 0o700


def test_links_are_not_followed(person):
    outside = pathlib.Path(tempfile.mkdtemp(prefix="al-sb-", dir=person.base))
    (person.skills / "data/linked").symlink_to(outside)
    (outside / "SKILL.md").write_text("---\nname: linked\n---\n")
    folder = person.lines("skill", {"action": "run", "name": "linked"}, {"skill": str(person.skills / "data/linked")})[-1]
    assert not folder["ok"] and "through a link" in folder["error"]
    steals = person.skills / "data/steals"
    steals.mkdir()
    (steals / "SKILL.md").write_text("---\nname: steals\n---\n")
    (steals / "state").symlink_to(person.skills / "data/other/secrets")
    person.own(person.uid)
    state = person.lines("skill", {"action": "run", "name": "steals"}, {"skill": str(steals)})[-1]
    assert not state["ok"] and "is not a folder" in state["error"]


def test_a_script_does_not_outlive_its_time(person):
    person.head("")
    person.script("import os, signal, subprocess, time\n"
                  "for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP): signal.signal(s, signal.SIG_IGN)\n"
                  "subprocess.Popen(['/bin/sh', '-c', 'while :; do sleep 0.02; touch state/alive; done'], start_new_session=True)\n"
                  "if os.fork() == 0: os.setsid(); time.sleep(1000)\n"
                  "print('begun', flush=True); time.sleep(1000)")
    result = person.skill(timeout=1)
    assert (result["ok"], result["code"], result["error"]) == (False, "timeout", "skill stars: Timed out after 1s")
    assert "begun" in result["output"]
    (person.here / "state/alive").unlink(missing_ok=True)
    running = [p for p in pathlib.Path("/proc").glob("[0-9]*") if stands_in(p, person.here)]
    assert running == [] and not (person.here / "state/alive").exists()


def stands_in(process, folder):
    try:
        return os.readlink(process / "cwd").startswith(str(folder))
    except OSError:
        return False


def test_a_script_leaves_nothing_behind_when_it_ends(person):
    person.head("")
    person.script("import subprocess\nsubprocess.Popen(['/bin/sh', '-c', 'sleep 1000'], start_new_session=True)\nprint('left')")
    assert person.skill()["ok"]
    assert [p for p in pathlib.Path("/proc").glob("[0-9]*") if stands_in(p, person.here)] == []


def test_forking_without_end_ends(person):
    if person.uid == 0 and tuple(map(int, os.uname().release.split(".")[:2])) < (6, 14):
        pytest.skip("root is bounded by the time limit alone on this kernel")
    person.head("")
    person.script("import os, time\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        time.sleep(0.1)")
    result = person.skill(timeout=2)
    assert (result["ok"], result["code"]) == (False, "timeout")
    assert [p for p in pathlib.Path("/proc").glob("[0-9]*") if stands_in(p, person.here)] == []


def test_a_gigabyte_of_output_is_ended(person):
    person.head("")
    person.script("import sys\nprint('first')\nfor i in range(1000): sys.stdout.write('x' * 1000000)")
    result = person.skill()
    assert (result["ok"], result["code"]) == (False, "too-large") and "more than 16 MB" in result["error"]
    assert result["output"].startswith("first\n") and len(result["output"]) < 1024 * 1024


def test_the_network_opens_by_the_setting_alone(person):
    person.head("")
    person.script(ATTEMPTS["tcp"].format(**person.names()))
    refused = person.skill()
    assert not refused["ok"] and "sandbox.network: any" in refused["output"]
    assert person.skill(policy={"network": "any"})["ok"]


def test_a_database_is_one_file_and_nothing_else_is_there(person):
    assert person.db("exec", "CREATE TABLE t (a); INSERT INTO t VALUES ('kept')")["ok"]
    assert json.loads(person.db("query", "SELECT a FROM t")["output"]) == [{"a": "kept"}]
    assert (person.here / "state/db.sqlite").stat().st_mode & 0o777 == 0o600
    for name in ("SKILL.md", "secrets/token"):
        database = person.here / "state/db.sqlite"
        database.rename(person.here / "state/aside")
        database.symlink_to(person.here / name)
        refused = person.db("query", "SELECT 1")
        database.unlink()
        (person.here / "state/aside").rename(database)
        assert not refused["ok"] and "is not a file" in refused["error"]
    attached = person.db("exec", f"ATTACH '{person.here}/state/second' AS s")
    assert (attached["ok"], attached["code"]) == (False, "denied")
    assert not (person.here / "state/second").exists()


def test_a_script_and_the_tool_share_the_database(person):
    person.head("")
    person.db("exec", "CREATE TABLE IF NOT EXISTS shared (a)")
    person.script("import sqlite3\nd = sqlite3.connect('state/db.sqlite')\nd.execute('INSERT INTO shared VALUES (7)')\nd.commit()\n"
                  "d.execute('PRAGMA journal_mode = WAL')")
    assert person.skill()["ok"]
    assert json.loads(person.db("query", "SELECT a FROM shared")["output"]) == [{"a": 7}]


# Landlock does not see that a file is mapped to be run; without mounts nothing else keeps a script from that.
MOUNTS_ONLY = ("loading code from its state",)


@pytest.mark.parametrize("name", [n for n in ATTEMPTS if n not in MOUNTS_ONLY])
def test_without_namespaces_the_other_layers_still_hold(person, name):
    person.head("")
    person.script(ATTEMPTS[name].format(**person.names()))
    result = person.skill(policy={"allow_missing": ["namespaces", "mounts"]}, under=NO_NAMESPACES)
    assert not result["ok"] and "Traceback" in result["output"], result


def test_without_namespaces_a_skill_still_has_its_own(person):
    person.head("")
    person.script("open('state/y', 'w').write(open('secrets/token').read()); print('kept')")
    result = person.skill(policy={"allow_missing": ["namespaces", "mounts"]}, under=NO_NAMESPACES)
    assert result["ok"] and result["output"] == "kept\n", result
