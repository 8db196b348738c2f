/* SPDX-License-Identifier: Apache-2.0 */
/* See unwrap.h. Which words of a wrapper are its own is in a table; the rest is the command. */
#include "toolrunner/unwrap.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"

#define LOOK_BACK 64		/* commands before a shell that may feed it literal text */

enum rest { REST_COMMAND, REST_TEXT };

static const struct wrapper {
	const char	*names;
	const char	*letters;	/* options that take a value */
	const char	*longs;
	int		 positionals;	/* words of its own after the options */
	enum rest	 rest;		/* what follows is a command, or words that make a text */
	char		 text;		/* the value of this option is a text to run, 0: none */
	const char	*textlong;
} wrappers[] = {
	{ "env", "uCS", "unset chdir split-string", 0, REST_COMMAND, 'S', "split-string" },
	{ "sudo", "ughprtTCDRU", "user group host prompt chdir chroot type role other-user close-from", 0, REST_COMMAND, 0, NULL },
	{ "doas", "uC", "", 0, REST_COMMAND, 0, NULL },
	{ "su runuser", "cgGsuw", "command group shell user", 1, REST_COMMAND, 'c', "command" },
	{ "pkexec run0", "uD", "user", 0, REST_COMMAND, 0, NULL },
	{ "nice", "n", "adjustment", 0, REST_COMMAND, 0, NULL },
	{ "ionice", "cnpPu", "class classdata pid uid", 0, REST_COMMAND, 0, NULL },
	{ "nohup setsid builtin busybox toybox unbuffer caffeinate rlwrap firejail", "", "", 0, REST_COMMAND, 0, NULL },
	{ "stdbuf", "ioe", "input output error", 0, REST_COMMAND, 0, NULL },
	{ "timeout gtimeout", "ks", "kill-after signal", 1, REST_COMMAND, 0, NULL },
	{ "exec", "a", "", 0, REST_COMMAND, 0, NULL },
	{ "command", "", "", 0, REST_COMMAND, 0, NULL },
	{ "time", "of", "output format", 0, REST_COMMAND, 0, NULL },
	{ "xargs gxargs", "adEILlnPs", "arg-file delimiter max-args max-procs max-chars replace max-lines", 0, REST_COMMAND, 0, NULL },
	{ "parallel", "jISN", "jobs", 0, REST_TEXT, 0, NULL },
	{ "chroot", "", "userspec groups", 1, REST_COMMAND, 0, NULL },
	{ "unshare nsenter setpriv", "SGRwtu", "", 0, REST_COMMAND, 0, NULL },
	{ "taskset chrt", "pTPD", "", 1, REST_COMMAND, 0, NULL },
	{ "flock", "wEc", "timeout conflict-exit-code command", 1, REST_COMMAND, 'c', "command" },
	{ "strace ltrace", "abeEIoOpPsSuUX", "", 0, REST_COMMAND, 0, NULL },
	{ "systemd-run", "pHMuE", "unit property slice description uid gid", 0, REST_COMMAND, 0, NULL },
	{ "script", "cEIOBTmoe", "command", 1, REST_COMMAND, 'c', "command" },
	{ "watch", "n", "interval", 0, REST_TEXT, 0, NULL },
	{ "ssh", "BbcDEeFIiJLlmOopQRSWw", "", 1, REST_TEXT, 0, NULL },
	{ "eval", "", "", 0, REST_TEXT, 0, NULL },
	{ "trap", "", "", 0, REST_TEXT, 0, NULL },
};

static const char shells[] = "sh bash zsh ash dash ksh mksh fish csh tcsh";
static const char interpreters[] =
	"sh bash zsh ash dash ksh mksh fish csh tcsh python pypy perl ruby node nodejs deno bun php lua luajit tclsh osascript "
	"pwsh powershell eval source .";

bool
in_set(const char *set, const char *name)
{
	size_t n = strlen(name);

	if (n == 0)
		return false;
	for (const char *p = set; (p = strstr(p, name)) != NULL; p += n)
		if ((p == set || p[-1] == ' ') && (p[n] == ' ' || p[n] == '\0'))
			return true;
	return false;
}

void
program_name(const struct command *c, char out[PROGRAM_MAX])
{
	const char *text = c->nwords > 0 ? c->words[0].text : "", *base = text;
	size_t n;

	for (const char *p = text; *p != '\0'; p++)
		if (*p == '/' || *p == '\\')
			base = p + 1;
	n = strnlen(base, PROGRAM_MAX - 1);
	for (size_t i = 0; i < n; i++)
		out[i] = (char)tolower((unsigned char)base[i]);
	out[n] = '\0';
	if (n > 4 && strcmp(out + n - 4, ".exe") == 0)
		out[n - 4] = '\0';
}

/* python3.12 and bash-5.1 are python and bash. */
static bool
in_versioned_set(const char *set, const char *program)
{
	char name[PROGRAM_MAX];
	size_t n = strlen(program);

	if (in_set(set, program))
		return true;
	while (n > 0 && (isdigit((unsigned char)program[n - 1]) || program[n - 1] == '.' || program[n - 1] == '-'))
		n--;
	memcpy(name, program, n);
	name[n] = '\0';
	return in_set(set, name);
}

bool
is_shell(const char *program)
{
	return in_versioned_set(shells, program);
}

bool
is_interpreter(const char *program)
{
	return in_versioned_set(interpreters, program);
}

bool
is_wrapper(const char *program)
{
	for (size_t i = 0; i < COUNT(wrappers); i++)
		if (in_set(wrappers[i].names, program))
			return true;
	return false;
}

int
script_base(const struct script *s, int command)
{
	const struct command *c = &s->commands[command];

	while (c->origin != -1 && s->commands[c->origin].pipe == c->pipe && s->commands[c->origin].segment == c->segment) {
		command = c->origin;
		c = &s->commands[command];
	}
	return command;
}

/* ---- options ------------------------------------------------------------------------------ */

/* Is the long option `word` (its dashes passed, perhaps with =value) one of set, or an abbreviation of one? */
static bool
is_long(const char *word, const char *set)
{
	size_t n = strcspn(word, "=");

	for (const char *p = set; *p != '\0'; p += strcspn(p, " "), p += *p == ' ')
		if (n >= 3 && strcspn(p, " ") >= n && strncmp(p, word, n) == 0)
			return true;
	return false;
}

bool
has_option(const struct command *c, const char *letters, const char *longs)
{
	for (size_t i = 1; i < c->nwords; i++) {
		const char *t = c->words[i].text;

		if (strcmp(t, "--") == 0)
			return false;
		if (t[0] != '-' || t[1] == '\0')
			continue;
		if (t[1] == '-' ? is_long(t + 2, longs) : t[1 + strcspn(t + 1, letters)] != '\0')
			return true;
	}
	return false;
}

const struct word *
next_operand(struct operands *o)
{
	while (o->i < o->c->nwords) {
		const struct word *w = &o->c->words[o->i++];

		if (o->ended || w->text[0] != '-' || w->text[1] == '\0')
			return w;
		o->ended = strcmp(w->text, "--") == 0;
	}
	return NULL;
}

/* Pass the option at words[i]: the index behind it and its value. *text: the value that is a text to run, if this was it. */
static size_t
pass_option(const struct command *c, const struct wrapper *w, size_t i, const char **text)
{
	const char *t = c->words[i].text, *next = i + 1 < c->nwords ? c->words[i + 1].text : NULL;

	if (t[1] == '-') {
		const char *eq = strchr(t, '=');
		bool value = is_long(t + 2, w->longs);

		if (w->textlong != NULL && is_long(t + 2, w->textlong))
			*text = eq != NULL ? eq + 1 : next;
		return i + (value && eq == NULL ? 2 : 1);
	}
	for (const char *p = t + 1; *p != '\0'; p++) {
		if (strchr(w->letters, *p) == NULL)
			continue;
		if (*p == w->text)
			*text = p[1] != '\0' ? p + 1 : next;
		return i + (p[1] == '\0' ? 2 : 1);
	}
	return i + 1;
}

/* ---- adding commands ---------------------------------------------------------------------- */

/* Words from i on as one text; quoted: each as one word again. */
static char *
join(const struct command *c, size_t i, size_t end, bool quoted)
{
	struct buf b = BUF(SCRIPT_TEXT_MAX);

	for (; i < end; i++) {
		if (b.len > 0)
			buf_addc(&b, ' ');
		if (quoted)
			buf_addc(&b, '\'');
		for (const char *p = c->words[i].text; *p != '\0'; p++)
			if (quoted && *p == '\'')
				buf_puts(&b, "'\\''");
			else
				buf_addc(&b, *p);
		if (quoted)
			buf_addc(&b, '\'');
	}
	return buf_take(&b);
}

static int
nest(struct script *s, int owner, char *take)
{
	return script_nest(s, owner, script_keep(s, take));
}

/* The words [from, to) of a command, as a command that it runs. */
static int
derive(struct script *s, int owner, size_t from, size_t to)
{
	const struct command *c = &s->commands[owner];
	struct word *words;
	int n;

	if (from >= to)
		return 0;
	words = xcalloc(to - from, sizeof(*words));	/* a copy: the table of commands moves */
	memcpy(words, c->words + from, (to - from) * sizeof(*words));
	n = script_derive(s, owner, words, to - from);
	free(words);
	return n == -1 ? -1 : 0;
}

/* sudo -s, sudo -i: a shell, and what follows is run by it. */
static int
derive_shell(struct script *s, int owner)
{
	struct word sh = { .text = "sh", .from = -1 };

	return script_derive(s, owner, &sh, 1) == -1 ? -1 : 0;
}

static bool
is_assignment(const char *text)
{
	const char *eq = strchr(text, '=');

	return eq != NULL && eq != text;
}

static int
unwrap_wrapper(struct script *s, int owner, const struct wrapper *w, const char *program)
{
	const struct command *c = &s->commands[owner];
	const char *text = NULL;
	size_t i = 1, n = c->nwords;
	int left = w->positionals;
	bool env = strcmp(program, "env") == 0, shell = strcmp(program, "sudo") == 0 && has_option(c, "si", "shell login");

	if (strcmp(program, "command") == 0 && has_option(c, "vV", ""))
		return 0;
	while (i < n) {
		const char *t = c->words[i].text;

		if (strcmp(t, "--") == 0)
			i++;
		else if (t[0] == '-' && t[1] != '\0') {
			i = pass_option(c, w, i, &text);
			continue;
		} else if ((env || in_set("sudo doas", program)) && is_assignment(t)) {
			i++;
			continue;
		} else if (env && strcmp(t, "-") == 0) {
			i++;
			continue;
		}
		break;
	}
	for (size_t k = i; text == NULL && w->text != 0 && !env && k < n; k++)	/* su USER -c TEXT */
		if (c->words[k].text[0] == '-' && c->words[k].text[1] != '\0')
			pass_option(c, w, k, &text);
	if (env && text != NULL) {
		cleanup_free char *rest = i < n ? join(c, i, n, true) : xstrdup("");

		return nest(s, owner, xasprintf("%s %s", text, rest));
	}
	if (text != NULL)
		return nest(s, owner, xstrdup(text));
	if (shell && derive_shell(s, owner) == -1)
		return -1;
	for (; left > 0 && i < n; left--)
		i++;
	c = &s->commands[owner];
	if (w->rest == REST_COMMAND)
		return derive(s, owner, i, n);
	if (strcmp(program, "trap") == 0)
		n = i + 1 < n ? i + 1 : n;
	return i < n ? nest(s, owner, join(c, i, n, false)) : 0;
}

/* find … -exec COMMAND ; */
static int
unwrap_find(struct script *s, int owner)
{
	size_t n = s->commands[owner].nwords, from;

	for (size_t i = 1; i < n; i++) {
		if (!in_set("-exec -execdir -ok -okdir", s->commands[owner].words[i].text))
			continue;
		for (from = ++i; i < n && !in_set("; +", s->commands[owner].words[i].text); i++)
			;
		if (derive(s, owner, from, i) == -1)
			return -1;
	}
	return 0;
}

/* What a shell was given to run: the text after -c, or NULL; *reads: it reads commands from its input. */
static const char *
shell_text(const struct command *c, bool *reads)
{
	bool text = false;
	size_t i = 1;

	*reads = false;
	for (; i < c->nwords; i++) {
		const char *t = c->words[i].text;

		if (strcmp(t, "--") == 0) {
			i++;
			break;
		}
		if ((t[0] != '-' && t[0] != '+') || t[1] == '\0')
			break;
		if (t[1] == '-') {
			i += in_set("--rcfile --init-file", t);
			continue;
		}
		text |= t[0] == '-' && strchr(t, 'c') != NULL;
		*reads |= strchr(t, 's') != NULL;
		i += strpbrk(t, "oO") != NULL;
	}
	if (text)
		return i < c->nwords ? c->words[i].text : NULL;
	*reads |= i >= c->nwords || in_set("- /dev/stdin", c->words[i].text);
	return NULL;
}

/* Literal text that comes to a shell's input: here-documents, and echo in front of its pipe. */
static int
unwrap_input(struct script *s, int owner)
{
	int base = script_base(s, owner), pipe = s->commands[base].pipe, segment = s->commands[base].segment;
	char program[PROGRAM_MAX];

	for (int k = owner; ; k = s->commands[k].origin) {
		for (size_t i = 0; i < s->commands[k].nredirs; i++)
			if (s->commands[k].redirs[i].op == REDIR_TEXT && script_nest(s, owner, s->commands[k].redirs[i].target.text) == -1)
				return -1;
		if (k == base)
			break;
	}
	for (int k = base - 1; k >= 0 && k > base - LOOK_BACK; k--) {
		const struct command *c = &s->commands[k];

		program_name(c, program);
		if (c->pipe == pipe && c->segment < segment && in_set("echo printf", program) && c->nwords > 1 &&
		    nest(s, owner, join(c, 1, c->nwords, false)) == -1)
			return -1;
	}
	return 0;
}

static int
unwrap_one(struct script *s, int command)
{
	char program[PROGRAM_MAX];
	const char *text;
	bool reads;

	program_name(&s->commands[command], program);
	if (is_shell(program)) {
		if ((text = shell_text(&s->commands[command], &reads)) != NULL)
			return script_nest(s, command, text);
		return reads ? unwrap_input(s, command) : 0;
	}
	if (strcmp(program, "find") == 0)
		return unwrap_find(s, command);
	for (size_t i = 0; i < COUNT(wrappers); i++)
		if (in_set(wrappers[i].names, program))
			return unwrap_wrapper(s, command, &wrappers[i], program);
	return 0;
}

int
script_unwrap(struct script *s)
{
	for (size_t i = 0; i < s->ncommands; i++)	/* the list grows while we walk it */
		if (unwrap_one(s, (int)i) == -1)
			return -1;
	return 0;
}
