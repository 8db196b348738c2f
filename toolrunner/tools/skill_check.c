/* SPDX-License-Identifier: Apache-2.0 */
/*
 * skill, action validate (memory-skills.md, 7.2): what Python says of a
 * skill's scripts without running a line of them. They are parsed, and what
 * they import is looked for; the rest of the findings is engined's, which
 * needs no interpreter. What is put out are the findings, a line each.
 */
#include "toolrunner/tools/skill_check.h"

#include <string.h>
#include <sys/wait.h>

#include "common/mem.h"
#include "toolrunner/command.h"
#include "toolrunner/said.h"

#define LIMIT_MS	30000
#define OUT_HALF	16384

/* An import within a try may fail and be caught. Modules beside the script are found as when it runs. */
static const char program[] =
    "import ast, glob, importlib.util, re, sys\n"
    "sys.path[0] = 'scripts'\n"
    "def imports(tree):\n"
    "    caught = {id(x) for n in ast.walk(tree) if isinstance(n, ast.Try) for x in ast.walk(n)}\n"
    "    for n in ast.walk(tree):\n"
    "        if id(n) in caught: continue\n"
    "        if isinstance(n, ast.Import): yield from (a.name.split('.')[0] for a in n.names)\n"
    "        elif isinstance(n, ast.ImportFrom) and n.level == 0: yield n.module.split('.')[0]\n"
    "def found(name):\n"
    "    try: return importlib.util.find_spec(name) is not None\n"
    "    except (ImportError, ValueError): return True\n"
    "def ports(text): return set(re.findall(r'(?:localhost:|127\\.0\\.0\\.1:|\\bport\\s*=\\s*)(\\d{2,5})', text, re.I))\n"
    "told = ports(open('SKILL.md', encoding='utf-8', errors='replace').read())\n"
    "for name in sorted(glob.glob('scripts/*.py')):\n"
    "    data = open(name, 'rb').read()\n"
    "    text = data.decode('utf-8', 'replace')\n"
    "    try: tree = ast.parse(data, name)\n"
    "    except (SyntaxError, ValueError, RecursionError, MemoryError) as x:\n"
    "        print('error: %s: line %s: %s' % (name, getattr(x, 'lineno', '?'), getattr(x, 'msg', x)))\n"
    "        continue\n"
    "    for m in sorted(set(imports(tree)) - {'alpi'}):\n"
    "        if not found(m): print('error: %s: imports %s, which is not there' % (name, m))\n"
    "    opens = text.find('webbrowser.open')\n"
    "    serves = min((i for i in map(text.find, ('serve_forever', 'handle_request', '.listen(', 'HTTPServer(')) if i >= 0), default=-1)\n"
    "    if 0 <= opens < serves: print('warning: %s: opens the browser before the server listens that it calls back' % name)\n"
    "    if told and ports(text) and not told & ports(text):\n"
    "        print('warning: %s: has port %s, SKILL.md has %s' % (name, ' '.join(sorted(ports(text))), ' '.join(sorted(told))))\n";

int
skill_check_scripts(struct tool_call *call, const char *python, struct error *e)
{
	const char *const argv[] = { python, "-W", "ignore", "-c", program, NULL };
	struct command c = { .argv = argv, .cwd = call->skill, .input = -1, .limit_ms = LIMIT_MS, .out.half = OUT_HALF,
	    .err.half = OUT_HALF };
	int r = command_run(&c, e);

	if (r == 0 && (c.timed_out || !WIFEXITED(c.status) || WEXITSTATUS(c.status) != 0))
		r = error_set(e, ERR_unavailable, "the interpreter did not come to an end with the scripts");
	if (r == 0) {
		said_add(&call->result.output, &c.out);
		call->result.ok = true;
	}
	command_clear(&c);
	return r;
}
