/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See scan.h. The classes are tables of Perl-compatible expressions; matching
 * is interpreted, since the daemons may not have memory that is writable and
 * executable, and limited, since the text may have been written against it.
 */
#include "common/scan.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <ctype.h>
#include <pcre2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/mem.h"

#define MATCH_LIMIT	2000000		/* steps of one search */
#define WORK_MAX	(32 * 1024 * 1024)
#define HEAP_LIMIT_KB	65536

#define S	"\\s+"			/* blanks, line ends included */
#define SHELLS	"(?:bash|sh|zsh|python[\\d.]*|perl|ruby|node)\\b"
#define HOME	"(?:~|\\$HOME|\\$\\{HOME\\})"
#define SECRET	"(?:KEY|TOKEN|SECRET|PASSWORD|CREDENTIAL)"
#define NAME	"\\w*" SECRET "\\w*"
#define WORDS	"(?:\\w++\\s++){0,20}?"
#define LINE	"[^\\n]{0,1000}?"		/* spans end somewhere: a text made of beginnings must not cost its square */
#define CHARS40	"(?:[\\x00-\\x09\\x0b-\\x7f]|[\\xc0-\\xff][\\x80-\\xbf]*){0,40}?"	/* of UTF-8, on one line */

/* ---- the classes ---------------------------------------------------------------------------- */

struct class {
	const char	*id, *why, *pattern;
};

static const struct class skill_classes[] = {
	{ "destruct.rm-rf-root-home", "removes everything below the root or the home",
	    "\\brm" S "-rf" S "(?:/|\\$HOME|\\$\\{HOME\\}|~)" },
	{ "destruct.fork-bomb", "a shell function that calls itself for ever",
	    "(\\S)\\s*\\(\\s*\\)\\s*\\{\\s*\\1\\s*\\|\\s*\\1\\s*&\\s*\\}\\s*;\\s*\\1" },
	{ "destruct.mkfs", "makes a file system, which empties a disk", "(?i)mkfs\\.\\w+" },
	{ "destruct.dd-device", "writes to a device", "(?i)\\bdd\\b[^|;&\\n]{0,1000}?\\bof=/dev/" },
	{ "destruct.chmod-777", "lets everybody write", "\\bchmod" S "777" },
	{ "destruct.write-system-dir", "writes into the system's folders",
	    "(?:>>?|\\btee)" S "/(?:etc|var|usr|boot|sys|proc)/" },
	{ "destruct.rmtree-root-home", "removes a tree by a fixed path", "shutil\\.rmtree\\s*\\(\\s*['\"/~]" },
	{ "exfil.curl-secret-env", "sends a secret variable away",
	    "(?i)\\bcurl\\b[^|\\n]{0,1000}?\\$\\{?" NAME },
	{ "exfil.wget-secret-env", "sends a secret variable away",
	    "(?i)\\bwget\\b[^|\\n]{0,1000}?\\$\\{?" NAME },
	{ "exec.pipe-to-interpreter", "runs what it downloads",
	    "\\b(?:curl|wget|fetch)\\b[^|]{0,1000}\\|\\s*" SHELLS },
	{ "cred.ssh-dir", "reaches for SSH keys", HOME "/\\.ssh/(?!known_hosts|config\\b)" },
	{ "cred.aws-credentials", "reaches for AWS credentials", HOME "/\\.aws/credentials" },
	{ "cred.gnupg", "reaches for GnuPG keys", HOME "/\\.gnupg" },
	{ "cred.alpi-env", "reaches for alpi's secrets", HOME "/\\.alpi/\\.env" },
	{ "cred.known-secret-file", "reads or copies a file that is known to hold secrets",
	    "\\b(?:cat|head|tail|less|more|cp|mv)[ \\t]" LINE "(?:\\.env|credentials|\\.netrc|\\.pgpass|\\.npmrc|\\.pypirc)\\b" },
	{ "cred.dump-env", "shows all variables", "\\bprintenv\\b|\\benv\\s*\\|" },
	{ "inject.ignore-instructions", "tells a model to ignore its instructions",
	    "(?i)ignore" S WORDS "(?:previous|all|above|prior)" S "instructions" },
	{ "inject.disregard-rules", "tells a model to disregard its rules",
	    "(?i)disregard" S WORDS "(?:your|all|any)" S WORDS "(?:instructions|rules|guidelines)" },
	{ "inject.system-prompt", "goes for the system prompt", "(?i)system" S "prompt" S "(?:override|leak|dump)" },
	{ "inject.html-comment", "speaks to a model from where no person looks",
	    "(?i)<!--[^>]{0,1000}?(?:ignore|override|system\\s+prompt|hidden)" },
	{ "persist.crontab", "changes what is run by the clock", "\\bcrontab\\b" },
	{ "persist.authorized-keys", "changes who may log in", "authorized_keys" },
	{ "persist.sudoers", "changes who may become root", "/etc/sudoers|\\bvisudo\\b" },
	{ "persist.launchd", "starts something with the machine", "LaunchAgents|LaunchDaemons|launchctl" S "load" },
	{ "persist.systemd", "starts something with the machine", "systemctl" S "(?:enable|start)\\s" },
	{ "persist.shell-rc", "changes what every shell runs",
	    "\\.(?:bashrc|zshrc|profile|bash_profile|zprofile|zlogin)\\b" },
	{ "net.listener", "waits for connections", "\\b(?:nc|ncat)" S "-[lp]|\\bsocat\\b" },
	{ "net.dev-tcp", "hands a shell to the network", "/bin/(?:ba)?sh" S "-i\\s" LINE ">\\s*&?\\s*/dev/tcp/" },
	{ "net.python-socket-oneliner", "opens a socket from the command line",
	    "python[23]?" S "-c" S "['\"]\\s*import" S "socket" },
	{ "net.tunnel", "opens this machine to the internet",
	    "(?i)\\bngrok" S "(?:http|tcp|tls|start)\\b|\\bcloudflared" S "tunnel\\b|\\b(?:localtunnel|lt)" S "--port\\b|"
	    "\\bssh\\b" LINE "serveo\\.net" },
	{ "net.exfil-webhook", "names a place where anything can be dropped",
	    "webhook\\.site|requestbin\\.com|pipedream\\.net|hookbin\\.com" },
	{ "net.bind-all", "listens to everybody", "0\\.0\\.0\\.0:\\d+|\\bINADDR_ANY\\b" },
	{ "obf.eval-string", "runs text as code", "\\beval\\s*\\(\\s*['\"]" },
	{ "obf.exec-string", "runs text as code", "\\bexec\\s*\\(\\s*['\"]" },
	{ "obf.dunder-import", "hides what it imports", "__import__\\s*\\(" },
	{ "obf.compile-exec", "runs text as code", "\\bcompile\\s*\\([^)]{0,500}?,\\s*['\"]exec['\"]" },
	{ "obf.base64-to-interpreter", "runs what it decodes",
	    "base64" S "(?:-d|--decode)\\b" LINE "\\|\\s*(?:bash|sh|python|perl|node)\\b" },
	{ "obf.echo-to-interpreter", "runs what it prints",
	    "\\becho\\b" LINE "\\|\\s*(?:bash|sh|python|perl|ruby|node)\\b" },
	{ "obf.builtins-getattr", "hides what it calls", "getattr\\s*\\(\\s*__builtins__" },
	{ "obf.codecs-decode", "hides a text", "codecs\\.decode\\s*\\(\\s*['\"][^'\"]{12,}['\"]" },
	{ "exec.os-system", "runs a command by a shell", "os\\.system\\s*\\(" },
	{ "exec.os-popen", "runs a command by a shell", "os\\.popen\\s*\\(" },
	{ "exec.node-child-process", "starts a program", "child_process\\.(?:exec|spawn|fork)\\s*\\(" },
	{ "exec.java-runtime", "starts a program", "Runtime\\.getRuntime\\(\\)\\.exec\\(" },
	{ "hardcoded.api-key", "holds an API key", "(?i)api[_ -]?key\\s*[:=]\\s*['\"][A-Za-z0-9_-]{16,}" },
	{ "hardcoded.secret", "holds a secret", "(?i)(?:password|secret|token)\\s*[:=]\\s*['\"][^'\"\\n]{8,}" },
	{ "hardcoded.sk-key", "holds an API key", "sk-[A-Za-z0-9_-]{20,}" },
	{ "hardcoded.ghp", "holds a GitHub token", "ghp_[A-Za-z0-9]{20,}" },
	{ "hardcoded.akia", "holds an AWS key", "AKIA[0-9A-Z]{16}" },
	{ "path.passwd-shadow", "reaches for the system's accounts", "/etc/(?:passwd|shadow)\\b" },
	{ "path.deep-traversal", "climbs out of its folder", "(?:\\.\\.[/\\\\]){3}" },
};

static const struct class injection_classes[] = {
	{ "inj.override", "tells the model to ignore its instructions",
	    "(?i)ignore" S "(?:all" S ")?(?:previous|prior|above)" S "(?:instructions|directives|prompts)" },
	{ "inj.system-tag", "pretends to be the system", "(?i)\\[\\s*system\\s*[:\\]]" },
	{ "inj.assistant-tag", "pretends to be the assistant", "(?i)\\[\\s*assistant\\s*[:\\]]" },
	{ "inj.tool-call", "tells the model to call a tool",
	    "(?i)\\b(?:call|invoke|run)" S "(?:the" S ")?(?:tool|function)" S
	    "['\"`]?(?:send_message|email|terminal|write_file|schedule)\\b" },
	{ "inj.cred-exfil", "asks for secrets to be sent",
	    "(?i)\\b(?:send|forward|post|upload)\\b" CHARS40 "(?:password|credential|api[ _-]?key|token|secret|\\.env)" },
};

/* What comes before a variable's name in Python. */
#define PYTHON_ENV	"os\\.(?:getenv\\s*\\(|environ\\s*(?:\\[|\\.\\s*get\\s*\\())\\s*['\"]"

/* Of these every place counts; the name that group 1 or 2 holds is looked up among the declared ones. */
static const struct env_class {
	struct class	 class;
	bool		 declared_ok;
	bool		 shell;		/* of shell scripts only, and what they set themselves is theirs */
} env_classes[] = {
	{ { "env.prints-secret", "prints a secret variable",
	    "(?i)print\\s*\\([^)]{0,500}?" PYTHON_ENV "(" NAME ")['\"]|"
	    "console\\.(?:log|error|warn)\\s*\\([^)]{0,500}?process\\.env(?:\\.|\\[\\s*['\"])(" NAME ")" }, false, false },
	{ { "env.python-undeclared", "reads a secret variable it does not declare",
	    PYTHON_ENV "((?i)" NAME ")['\"]" }, true, false },
	{ { "env.node-undeclared", "reads a secret variable it does not declare",
	    "process\\.env(?:\\.((?i)" NAME ")|\\[\\s*['\"]((?i)" NAME ")['\"]\\s*\\])" }, true, false },
	{ { "env.shell-undeclared", "reads a secret variable it does not declare",
	    "(?<!\\\\)\\$\\{?[#!]?((?i)" NAME ")" }, true, true },
};

/* Characters that nobody sees, as the bytes of UTF-8. */
#define INVISIBLE_ALL	 "\\xe2\\x80[\\x8b-\\x8f\\xaa-\\xae]|\\xe2\\x81[\\xa0-\\xaf]|\\xef\\xbb\\xbf"
#define INVISIBLE_MEMORY "\\xe2\\x80[\\x8b-\\x8f\\xaa-\\xae]|\\xe2\\x81[\\xa0\\xa6-\\xa9]|\\xef\\xbb\\xbf"

static const struct class inj_invisible = { "inj.invisible", "holds characters that nobody sees", INVISIBLE_ALL };
static const struct class mem_invisible = { "mem.invisible", "holds characters that nobody sees", INVISIBLE_MEMORY };

/* ---- matching ------------------------------------------------------------------------------- */

struct scanned {
	const char		*text;
	size_t			 len;
	pcre2_match_context	*limits;
	struct scan_hits	*out;
	size_t			 counted, line;	/* how far lines were counted, and to how many */
	size_t			 work;		/* bytes that were looked at for what a script sets */
};

/* Expressions are compiled when they are first used, and kept. */
static pcre2_code *
compiled(const struct class *c)
{
	static struct { const struct class *class; pcre2_code *code; } known[COUNT(skill_classes) +
	    COUNT(injection_classes) + COUNT(env_classes) + 2];
	PCRE2_SIZE at;
	size_t i;
	int rv;

	for (i = 0; known[i].class != NULL && known[i].class != c; i++)
		continue;
	if (known[i].class == NULL) {
		known[i].class = c;
		known[i].code = pcre2_compile((PCRE2_SPTR)c->pattern, PCRE2_ZERO_TERMINATED, 0, &rv, &at, NULL);
		if (known[i].code == NULL)
			abort();	/* a table above is wrong; test_scan compiles them all */
	}
	return known[i].code;
}

/* The places of a class come one behind the other: a text full of them is counted once. */
static size_t
line_of(struct scanned *s, size_t offset)
{
	if (offset < s->counted || s->line == 0) {
		s->counted = 0;
		s->line = 1;
	}
	for (; s->counted < offset; s->counted++)
		s->line += s->text[s->counted] == '\n';
	return s->line;
}

static void
add(struct scanned *s, const struct class *c, size_t offset)
{
	struct scan_hits *h = s->out;

	h->rows = xreallocarray(h->rows, h->n + 1, sizeof(*h->rows));
	h->rows[h->n++] = (struct scan_hit){ .id = c->id, .why = c->why, .line = line_of(s, offset) };
}

/* Search from *at on; true: found, *at is behind it. Undecided counts as found, at the end. */
static bool
search(const struct scanned *s, const struct class *c, pcre2_match_data *data, size_t *at, size_t *start)
{
	int rv = pcre2_match(compiled(c), (PCRE2_SPTR)s->text, s->len, *at, 0, data, s->limits);
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(data);

	if (rv == PCRE2_ERROR_NOMATCH)
		return false;
	*start = rv > 0 ? v[0] : *at;
	*at = rv > 0 && v[1] > *at ? v[1] : rv > 0 ? *at + 1 : s->len + 1;
	return true;
}

static void
scan_class(struct scanned *s, const struct class *c)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(compiled(c), NULL);
	size_t at = 0, start;

	if (search(s, c, data, &at, &start))
		add(s, c, start);
	pcre2_match_data_free(data);
}

/* ---- shell scripts ---------------------------------------------------------------------------- */

/* Does the first line name a shell? */
static bool
is_shell(const char *text, size_t len)
{
	static const char *const shells[] = { "sh", "bash", "dash", "ash", "ksh", "zsh" };
	size_t n = strcspn(text, "\n"), word;

	if (len < 2 || memcmp(text, "#!", 2) != 0)
		return false;
	for (size_t at = 2; at < n; at += word + 1) {
		word = strcspn(text + at, " \t/\r\n");
		for (size_t i = 0; i < COUNT(shells); i++)
			if (word == strlen(shells[i]) && memcmp(text + at, shells[i], word) == 0)
				return true;
	}
	return false;
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Is what stands between these the beginning of a command that sets the names after it? */
static bool
sets_names(const char *from, const char *to)
{
	static const char *const setters[] = { "read", "for" };

	for (const char *p = from; p < to; p++)
		for (size_t i = 0; i < COUNT(setters); i++) {
			size_t n = strlen(setters[i]);

			if ((p == from || !is_word(p[-1])) && (size_t)(to - p) > n && memcmp(p, setters[i], n) == 0 && !is_word(p[n]))
				return true;
		}
	return false;
}

/* A command that sets a name does so near it, and a line of a script has an end. */
#define NEAR	100
#define LONG	1000

static const char *
command_of(const char *text, const char *p)
{
	const char *first = p - text > NEAR ? p - NEAR : text;

	while (p > first && strchr("\n;&|", p[-1]) == NULL)
		p--;
	return p;
}

/* Is the name that stands at p set there? */
static bool
is_set_at(struct scanned *s, const char *p, const char *after)
{
	if ((p > s->text && (is_word(p[-1]) || strchr("${#!", p[-1]) != NULL)) || is_word(*after))
		return false;
	s->work += NEAR;
	return *after == '=' || memcmp(after, "+=", 2) == 0 || sets_names(command_of(s->text, p), p);
}

/*
 * NAME=, or read NAME, or for NAME, in a command that ends before `at`: what reads itself is no value of the script's own. A text
 * that costs too much to look through sets nothing.
 */
static bool
is_set_before(struct scanned *s, size_t at, const char *name, size_t len)
{
	const char *end = s->text + at, *p, *from = s->text;

	while (s->work < WORK_MAX && (p = memmem(from, (size_t)(end - from), name, len)) != NULL) {
		s->work += (size_t)(p - from) + NEAR;
		from = p + len;
		if (!is_set_at(s, p, from))
			continue;
		p = from + strcspn(from, "\n;&|");	/* if this command has no end before `at`, none after it has */
		return p < end;
	}
	s->work += (size_t)(end - from);
	return false;
}

/* In a comment, or between single quotes as far as its line tells: it is not read. */
static bool
is_literal(const char *text, size_t at)
{
	size_t line = at, quotes = 0;
	bool doubled = false;

	while (line > 0 && text[line - 1] != '\n' && at - line < LONG)
		line--;
	if (line > 0 && text[line - 1] != '\n')
		return false;
	if (text[line + strspn(text + line, " \t")] == '#')
		return true;
	for (size_t i = line; i < at; i++) {
		quotes += text[i] == '\'' && (i == 0 || text[i - 1] != '\\');
		doubled |= text[i] == '"';
	}
	return quotes % 2 == 1 && !doubled;
}

static bool
shell_owns(struct scanned *s, size_t at, const char *name, size_t len)
{
	return is_literal(s->text, at) || is_set_before(s, at, name, len);
}

/* ---- variables ---------------------------------------------------------------------------------- */

static bool
is_declared(const char *const *declared, const char *name, size_t len)
{
	for (; declared != NULL && *declared != NULL; declared++)
		if (strlen(*declared) == len && memcmp(*declared, name, len) == 0)
			return true;
	return false;
}

/* Was the variable of this match declared, or is it the script's own? */
static bool
excused(struct scanned *s, const struct env_class *c, pcre2_match_data *data, const char *const *declared)
{
	const PCRE2_SIZE *v = pcre2_get_ovector_pointer(data);

	for (uint32_t g = 1; c->declared_ok && g < pcre2_get_ovector_count(data); g++)
		if (v[2 * g] != PCRE2_UNSET && (is_declared(declared, s->text + v[2 * g], v[2 * g + 1] - v[2 * g]) ||
		    (c->shell && shell_owns(s, v[0], s->text + v[2 * g], v[2 * g + 1] - v[2 * g]))))
			return true;
	return false;
}

static void
scan_env(struct scanned *s, const struct env_class *c, const char *const *declared)
{
	pcre2_match_data *data = pcre2_match_data_create_from_pattern(compiled(&c->class), NULL);
	size_t at = 0, start;

	while (at <= s->len && search(s, &c->class, data, &at, &start))
		if (!excused(s, c, data, declared))
			add(s, &c->class, start);
	pcre2_match_data_free(data);
}

/* ---- texts ---------------------------------------------------------------------------------- */

/* How many bytes at p are a character that nobody sees. */
static size_t
invisible(const unsigned char *p, size_t left)
{
	if (left < 3 || (p[0] != 0xe2 && p[0] != 0xef))
		return 0;
	if (p[0] == 0xef)
		return p[1] == 0xbb && p[2] == 0xbf ? 3 : 0;
	if (p[1] == 0x80)
		return (p[2] >= 0x8b && p[2] <= 0x8f) || (p[2] >= 0xaa && p[2] <= 0xae) ? 3 : 0;
	return p[1] == 0x81 && p[2] >= 0xa0 && p[2] <= 0xaf ? 3 : 0;
}

static char *
visible(const char *text, size_t len, size_t *out_len)
{
	char *out = xmalloc(len + 1);
	size_t n = 0, skip;

	for (size_t i = 0; i < len; i += skip > 0 ? skip : 1)
		if ((skip = invisible((const unsigned char *)text + i, len - i)) == 0)
			out[n++] = text[i];
	out[n] = '\0';
	*out_len = n;
	return out;
}

static void
scan_skill(struct scanned *s, bool shell, const char *const *declared)
{
	for (size_t i = 0; i < COUNT(skill_classes); i++)
		scan_class(s, &skill_classes[i]);
	for (size_t i = 0; i < COUNT(env_classes); i++)
		if (shell || !env_classes[i].shell)
			scan_env(s, &env_classes[i], declared);
}

int
scan_kind_of(const char *word, enum scan_kind *out)
{
	static const char *const words[] = { [SCAN_SKILL] = "skill", [SCAN_INJECTION] = "injection", [SCAN_MEMORY] = "memory" };

	for (size_t i = 0; i < COUNT(words); i++)
		if (strcmp(words[i], word) == 0) {
			*out = (enum scan_kind)i;
			return 0;
		}
	return -1;
}

void
scan_text(enum scan_kind kind, const char *text, size_t len, const char *const *declared, struct scan_hits *out)
{
	struct scanned raw = { .text = text, .len = len, .out = out }, s = raw;
	cleanup_free char *clean = visible(text, len, &s.len);

	*out = (struct scan_hits){ 0 };
	s.text = clean;
	s.limits = raw.limits = pcre2_match_context_create(NULL);
	pcre2_set_match_limit(s.limits, MATCH_LIMIT);
	pcre2_set_heap_limit(s.limits, HEAP_LIMIT_KB);
	if (kind == SCAN_INJECTION)
		for (size_t i = 0; i < COUNT(injection_classes); i++)
			scan_class(&s, &injection_classes[i]);
	else
		scan_skill(&s, kind == SCAN_SHELL || is_shell(clean, s.len), kind == SCAN_MEMORY ? NULL : declared);
	if (kind == SCAN_INJECTION)
		scan_class(&raw, &inj_invisible);
	else if (kind == SCAN_MEMORY)
		scan_class(&raw, &mem_invisible);
	pcre2_match_context_free(s.limits);
}

void
scan_hits_clear(struct scan_hits *h)
{
	free(h->rows);
	*h = (struct scan_hits){ 0 };
}

char *
scan_injection(const char *text, size_t len)
{
	struct scan_hits hits;
	struct buf b = BUF(0);

	scan_text(SCAN_INJECTION, text, len, NULL, &hits);
	for (size_t i = 0; i < hits.n; i++)
		buf_addf(&b, "%s%s", i > 0 ? ", " : "", hits.rows[i].id);
	scan_hits_clear(&hits);
	return b.len == 0 ? NULL : buf_take(&b);
}
