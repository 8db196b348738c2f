/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the approval gate (tools.md, 3.1 and 3.2, with the holes of
 * 3.5 closed). A rule looks at one command at a time. Where it knows the
 * program it looks at options and operands; for every other program that
 * might run or pass on its words, the text of the words is searched as the
 * reference does: that is the floor below which no rule falls. Programs that
 * only print or search their words (echo, grep) have no floor.
 */
#include "toolrunner/rules.h"

#include <ctype.h>
#include <limits.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "toolrunner/unwrap.h"

#define DOWNLOADS_MAX 64

/* Where what some commands put out goes to. */
struct flow {
	int	*least;		/* per pipeline: the first segment that puts out such bytes, or INT_MAX */
	bool	*into;		/* per command: such bytes become its words, through $( ) or <( ) */
};

struct sight {			/* all a rule can see */
	const struct script	*s;
	const struct command	*c;
	char			 program[PROGRAM_MAX];
	struct flow		 downloads, decoded;
	int			*live;		/* per pipeline: the last segment that does more than print, or -1 */
	const char		*files[DOWNLOADS_MAX];	/* downloaded so far, by base name */
	size_t			 nfiles;
};

typedef enum tier look_fn(struct sight *v);

static const char downloaders[] = "curl wget fetch aria2c axel http https xh lynx";
static const char decoders[] = "base64 base32 xxd openssl uudecode gunzip zcat xzcat bzcat zstdcat gpg";
static const char printers[] = "echo printf grep egrep fgrep rg cat man which type whatis apropos help true false test [";
static const char filters[] = "head tail sort uniq wc cut tr column less more nl fold tac rev jq";

/* ---- texts -------------------------------------------------------------------------------- */

/* strstr without case; bound: the byte behind the needle must not go on with the word. */
static const char *
find_text(const char *text, const char *needle, bool bound)
{
	size_t n = strlen(needle);

	for (; *text != '\0'; text++)
		if (strncasecmp(text, needle, n) == 0 &&
		    !(bound && (isalnum((unsigned char)text[n]) || text[n] == '_')))
			return text;
	return NULL;
}

/* Collapse slashes and dots of what may be a path: "/x/..//etc/./y" is "/etc/y". Longer ones no kernel opens. */
static const char *
clean_path(const char *text, char out[PATH_MAX])
{
	size_t n = 0;

	if (strlen(text) >= PATH_MAX)
		return text;
	while (*text != '\0') {
		size_t len = strcspn(text, "/");

		if (*text == '/') {
			if (n == 0 || out[n - 1] != '/')
				out[n++] = '/';
			text++;
			continue;
		}
		if (len == 2 && text[0] == '.' && text[1] == '.' && n > 1) {
			for (n--; n > 0 && out[n - 1] != '/'; n--)
				;
			out[n] = '\0';
		} else if (!(len == 2 && strncmp(text, "..", 2) == 0 && n == 1 && out[0] == '/') &&
		    !(len == 1 && *text == '.' && (n > 0 || text[1] == '/'))) {
			memcpy(out + n, text, len);
			n += len;
		}
		text += len;
	}
	out[n] = '\0';
	return out;
}

/* Is path this directory or below it? */
static bool
below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncasecmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

static bool
sensitive(const struct word *w)
{
	return w->text[0] == '/' || (w->flags & WORD_HOME) || find_text(w->text, "$ALPI_HOME", true) == w->text;
}

static bool
system_path(const char *text)
{
	static const char *const dirs[] = { "/etc", "/var", "/usr", "/boot", "/sys", "/proc" };
	char path[PATH_MAX];

	text = clean_path(text, path);
	for (size_t i = 0; i < COUNT(dirs); i++)
		if (below(text, dirs[i]))
			return true;
	return false;
}

static const struct {
	const char	*text;
	bool		 bound;
} credentials[] = {
	{ ".ssh/id_", false }, { ".pem", true }, { ".p12", true }, { ".pfx", true }, { "id_rsa", true }, { "id_dsa", true },
	{ "id_ecdsa", true }, { "id_ed25519", true }, { ".aws/credentials", true }, { ".gnupg", true }, { ".netrc", true },
	{ ".pgpass", true }, { ".npmrc", true }, { ".pypirc", true }, { ".git-credentials", true }, { ".kube/config", true },
	{ ".docker/config.json", true }, { ".config/gh/", false }, { ".config/gcloud/", false },
};

/* What a pattern like ~/.s?h/id_* would find. */
static const struct {
	const char	*dir, *name;
} samples[] = {
	{ ".ssh", "id_rsa" }, { ".ssh", "id_ed25519" }, { ".aws", "credentials" }, { ".gnupg", "secring.gpg" },
	{ NULL, "id_rsa" }, { NULL, "id_ed25519" }, { NULL, ".netrc" }, { NULL, ".pgpass" }, { NULL, ".npmrc" },
	{ NULL, ".pypirc" }, { NULL, ".git-credentials" },
}, profile_samples[] = {
	{ ".alpi", ".env" }, { ".alpi", "config.yaml" },
};

/* A pattern's last two elements against a sample; bare names need three letters in common with the pattern. */
static bool
sampled(const char *path, const char *dir, const char *name)
{
	const char *last = strrchr(path, '/'), *end = last, *prev;
	char element[NAME_MAX + 1];
	size_t literal = 0;

	last = last == NULL ? path : last + 1;
	for (const char *p = last; *p != '\0'; p++)
		literal += strchr("*?[]", *p) == NULL;
	if ((last[0] != '.' && name[0] == '.') || !approve_glob(last, name))
		return false;
	if (dir == NULL)
		return literal >= 3;
	if (end == NULL)
		return false;
	for (prev = end; prev > path && prev[-1] != '/'; prev--)
		;
	if (end == prev || (size_t)(end - prev) > NAME_MAX || *prev != '.')
		return false;
	memcpy(element, prev, (size_t)(end - prev));
	element[end - prev] = '\0';
	return approve_glob(element, dir);
}

static bool
names_credential(const struct word *w)
{
	char path[PATH_MAX];
	const char *text = clean_path(w->text, path);

	for (size_t i = 0; i < COUNT(credentials); i++)
		if (find_text(text, credentials[i].text, credentials[i].bound) != NULL)
			return true;
	for (size_t i = 0; w->flags & WORD_GLOB && i < COUNT(samples); i++)
		if (sampled(text, samples[i].dir, samples[i].name))
			return true;
	return false;
}

/* A .pem that says by its name that it is a certificate: public, but a key may stand in it too. */
static bool
names_certificate(const char *text)
{
	const char *base = strrchr(text, '/'), *ext = find_text(text, ".pem", true);

	base = base == NULL ? text : base + 1;
	return ext != NULL && ext[4] == '\0' && find_text(text, ".ssh/", false) == NULL && find_text(base, "key", false) == NULL &&
	    (strncasecmp(base, "ca", 2) == 0 || find_text(base, "cert", false) != NULL || find_text(base, "chain", false) != NULL);
}

/* .alpi/.env, .alpi/profiles/NAME/config.yaml and their like; also through $ALPI_HOME. */
static bool
names_profile(const struct word *w)
{
	char clean[PATH_MAX];
	const char *text = clean_path(w->text, clean), *p;

	for (size_t i = 0; w->flags & WORD_GLOB && i < COUNT(profile_samples); i++)
		if (sampled(text, profile_samples[i].dir, profile_samples[i].name))
			return true;
	if ((p = find_text(text, ".alpi/", false)) != NULL)
		p += strlen(".alpi/");
	else if ((p = find_text(text, "$ALPI_HOME/", false)) != NULL)
		p += strlen("$ALPI_HOME/");
	else
		return false;
	if (strncasecmp(p, "profiles/", 9) == 0) {
		p += 9 + strcspn(p + 9, "/");
		p += *p == '/';
	}
	return find_text(p, ".env", true) == p || find_text(p, "config.yaml", true) == p;
}

/* ---- flows -------------------------------------------------------------------------------- */

static bool
computes(const struct sight *v, const struct command *c, const char *set)
{
	char program[PROGRAM_MAX];

	program_name(c, program);
	if (!in_set(set, program))
		return false;
	return set != decoders || in_set("gunzip zcat xzcat bzcat zstdcat gpg uudecode", program) ||
	    (strcmp(program, "openssl") == 0 && c->nwords > 1) || has_option(c, "dDr", "decode");
}

static void
flow_mark(const struct sight *v, struct flow *f, const char *set)
{
	const struct script *s = v->s;

	f->least = xcalloc(s->npipes, sizeof(*f->least));
	f->into = xcalloc(s->ncommands, sizeof(*f->into));
	for (size_t i = 0; i < s->npipes; i++)
		f->least[i] = INT_MAX;
	for (size_t i = 0; i < s->ncommands; i++) {
		int pipe = s->commands[i].pipe, segment = s->commands[i].segment;

		if (!computes(v, &s->commands[i], set))
			continue;
		for (; pipe != -1; segment = s->pipes[pipe].segment, pipe = s->pipes[pipe].parent) {
			if (segment < f->least[pipe])
				f->least[pipe] = segment;
			if (s->pipes[pipe].link == PIPE_INTO)
				f->into[s->pipes[pipe].owner] = true;
		}
	}
}

static void
flow_clear(struct flow *f)
{
	free(f->least);
	free(f->into);
}

/* Do such bytes reach the command: through its pipe, as its words, or in a variable? */
static bool
flow_reaches(const struct sight *v, const struct flow *f, const char *set)
{
	const struct script *s = v->s;
	int pipe = v->c->pipe, segment = v->c->segment;

	for (int k = (int)(v->c - s->commands); k != -1; k = s->commands[k].origin)
		if (f->into[k])
			return true;
	for (size_t i = 0; i < v->c->nwords; i++)
		if (v->c->words[i].from != -1 && f->into[v->c->words[i].from])
			return true;
	for (; pipe != -1; segment = s->pipes[pipe].segment, pipe = s->pipes[pipe].parent) {
		if (f->least[pipe] < segment)
			return true;
		if (s->pipes[pipe].link == PIPE_FROM && computes(v, &s->commands[s->pipes[pipe].owner], set))
			return true;
	}
	return false;
}

/* Mark, for every pipeline around it, how far a command that does more than print stands. */
static void
live_mark(struct sight *v)
{
	const struct script *s = v->s;
	char program[PROGRAM_MAX];

	v->live = xcalloc(s->npipes, sizeof(*v->live));
	for (size_t i = 0; i < s->npipes; i++)
		v->live[i] = -1;
	for (size_t i = 0; i < s->ncommands; i++) {
		const struct command *c = &s->commands[i];
		int pipe = c->pipe, segment = c->segment;
		bool writes = false;

		program_name(c, program);
		for (size_t k = 0; k < c->nredirs; k++)
			writes |= c->redirs[k].op == REDIR_WRITE && strcmp(c->redirs[k].target.text, "/dev/null") != 0;
		if (!writes && (c->nwords == 0 || in_set(printers, program) || in_set(filters, program)))
			continue;
		segment += writes;		/* a file is where a later segment would be */
		for (; pipe != -1; segment = s->pipes[pipe].segment, pipe = s->pipes[pipe].parent)
			if (segment > v->live[pipe])
				v->live[pipe] = segment;
	}
}

/* Does this command only show its words, to nobody who would run them? */
static bool
inert(const struct sight *v)
{
	const struct script *s = v->s;
	int pipe = v->c->pipe, segment = v->c->segment;

	if (!in_set(printers, v->program) &&
	    !(strcmp(v->program, "git") == 0 && v->c->nwords > 1 && in_set("commit tag log show grep", v->c->words[1].text)))
		return false;
	if (strcmp(v->program, "rg") == 0 && has_option(v->c, "", "pre hostname-bin"))
		return false;
	for (; pipe != -1; segment = s->pipes[pipe].segment, pipe = s->pipes[pipe].parent)
		if (v->live[pipe] > segment || s->pipes[pipe].link == PIPE_INTO)
			return false;
	return true;
}

/* ---- rules that look at one program --------------------------------------------------------- */

static enum tier
look_pipe(struct sight *v)
{
	return is_interpreter(v->program) && flow_reaches(v, &v->downloads, downloaders) ? TIER_DANGEROUS : TIER_SAFE;
}

static enum tier
look_rm(struct sight *v)
{
	return has_option(v->c, "rR", "recursive") ? TIER_CAUTION : TIER_SAFE;
}

static enum tier
look_rm_sensitive(struct sight *v)
{
	const struct word *w;
	struct operands o = OPERANDS(v->c);

	if (look_rm(v) == TIER_SAFE)
		return TIER_SAFE;
	while ((w = next_operand(&o)) != NULL)
		if (sensitive(w))
			return TIER_DANGEROUS;
	return TIER_SAFE;
}

/* Does a mode let everybody write: an octal with that bit, or a+w, o=rw, +w for all? */
static bool
world_writable(const char *mode)
{
	bool all = false;
	const char *p = mode;

	if (isdigit((unsigned char)*p))
		return strspn(p, "01234567") == strlen(p) && (strtol(p, NULL, 8) & 02) != 0;
	for (; *p != '\0' && *p != '+' && *p != '='; p++)
		if (*p == '-' || *p == ',')
			return *p == ',' && world_writable(p + 1);
		else
			all |= *p == 'a' || *p == 'o';
	for (; *p != '\0' && *p != ','; p++)
		if (*p == 'w' && all)
			return true;
	return *p == ',' && world_writable(p + 1);
}

static enum tier
look_chmod(struct sight *v)
{
	const struct word *w;
	struct operands o = OPERANDS(v->c);

	while ((w = next_operand(&o)) != NULL)
		if (world_writable(w->text))
			return TIER_CAUTION;
	return TIER_SAFE;
}

static enum tier
look_chown(struct sight *v)
{
	const struct word *w;
	bool owner = !has_option(v->c, "", "reference");
	struct operands o = OPERANDS(v->c);

	if (!has_option(v->c, "R", "recursive"))
		return TIER_SAFE;
	while ((w = next_operand(&o)) != NULL) {
		if (!owner && sensitive(w))
			return TIER_DANGEROUS;
		owner = false;
	}
	return TIER_SAFE;
}

static enum tier
look_mkfs(struct sight *v)
{
	return TIER_DANGEROUS;
}

static enum tier
look_dd(struct sight *v)
{
	char path[PATH_MAX];

	for (size_t i = 1; i < v->c->nwords; i++) {
		const char *t = v->c->words[i].text;

		if (strncasecmp(t, "of=", 3) == 0 && below(clean_path(t + 3, path), "/dev"))
			return TIER_DANGEROUS;
	}
	return TIER_SAFE;
}

/* A function that calls itself through a pipe or into the background. */
static enum tier
look_bomb(struct sight *v)
{
	if (v->c->function == -1 || v->c->nwords == 0 || strcmp(v->c->words[0].text, v->s->functions[v->c->function]) != 0)
		return TIER_SAFE;
	return v->c->segment > 0 || v->s->pipes[v->c->pipe].async ? TIER_DANGEROUS : TIER_SAFE;
}

/* A device one writes to without harm. */
static bool
harmless_device(const char *path)
{
	static const char *const names[] = { "null", "zero", "full", "tty", "stdout", "stderr", "stdin", "fd", "shm", "pts", "random", "urandom" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (below(path + strlen("/dev/"), names[i]))
			return true;
	return false;
}

static enum tier
look_device_redirect(struct sight *v)
{
	char path[PATH_MAX];

	for (size_t i = 0; i < v->c->nredirs; i++) {
		const char *t = clean_path(v->c->redirs[i].target.text, path);

		if (v->c->redirs[i].op == REDIR_WRITE && strncmp(t, "/dev/", 5) == 0 && !harmless_device(t))
			return TIER_DANGEROUS;
	}
	return strcmp(v->program, "dd") == 0 ? look_dd(v) : TIER_SAFE;
}

/* The paths a command writes: redirections, and the operands of programs that write them. */
static bool
writes_to(const struct sight *v, bool (*is)(const struct word *w))
{
	const struct word *w, *last = NULL;
	struct operands o = OPERANDS(v->c);

	for (size_t k = 0; k < v->c->nredirs; k++)
		if (v->c->redirs[k].op == REDIR_WRITE && is(&v->c->redirs[k].target))
			return true;
	while ((w = next_operand(&o)) != NULL) {
		struct word value = { .text = w->text + 3, .from = -1 };

		if (in_set("tee truncate shred", v->program) && is(w))
			return true;
		if (strcmp(v->program, "sed") == 0 && has_option(v->c, "i", "in-place") && is(w))
			return true;
		if (strcmp(v->program, "dd") == 0 && strncasecmp(w->text, "of=", 3) == 0 && is(&value))
			return true;
		last = w;
	}
	return last != NULL && in_set("cp mv install ln rsync", v->program) && is(last);
}

static bool
word_system(const struct word *w)
{
	return system_path(w->text);
}

static enum tier
look_system_write(struct sight *v)
{
	return writes_to(v, word_system) ? TIER_DANGEROUS : TIER_SAFE;
}

static enum tier
look_profile_write(struct sight *v)
{
	return writes_to(v, names_profile) ? TIER_DANGEROUS : TIER_SAFE;
}

static const char readers[] =
	"cat tac head tail less more cp mv scp rsync sftp xxd hexdump hd od strings base64 base32 gpg openssl nl rev sort uniq cut "
	"paste fold awk gawk mawk sed grep egrep fgrep rg vi vim nvim nano emacs ed ex view bat batcat install ln tar zip gzip bzip2 "
	"xz zstd 7z cpio dd curl wget nc ncat socat diff cmp comm split source . python perl ruby node php lua zcat";

/* May this word of a reader be the name of a file it reads? (A pattern, a script's argument or a certificate to trust is not.) */
static bool
may_read(const struct sight *v, const struct word *w, size_t operand)
{
	if (in_set("curl wget http https xh", v->program))
		return strchr(w->text, '@') != NULL || has_option(v->c, "T", "upload-file post-file body-file");
	if (in_set("python perl ruby node php lua", v->program))
		return has_option(v->c, "cer", "eval");
	if (strcmp(v->program, "openssl") == 0 && v->c->nwords > 1)
		return !in_set("x509 verify crl req s_client ocsp", v->c->words[1].text);
	if (in_set("awk gawk mawk sed grep egrep fgrep rg", v->program))
		return operand > 1 || has_option(v->c, "ef", "regexp file expression");
	return true;
}

/* The worst of what a reader's words and a command's input say, by `judge`. */
static enum tier
reads(const struct sight *v, enum tier (*judge)(const struct sight *v, const struct word *w))
{
	enum tier worst = TIER_SAFE, t;
	char name[PROGRAM_MAX];
	size_t operand = 0, n = strcspn(v->program, "0123456789.-");

	memcpy(name, v->program, n);
	name[n] = '\0';
	for (size_t i = 0; i < v->c->nredirs; i++)
		if (v->c->redirs[i].op == REDIR_READ && (t = judge(v, &v->c->redirs[i].target)) > worst)
			worst = t;
	for (size_t i = 1; (in_set(readers, v->program) || in_set(readers, name)) && i < v->c->nwords; i++) {
		const struct word *w = &v->c->words[i];

		operand += w->text[0] != '-';
		if (may_read(v, w, operand) && (t = judge(v, w)) > worst)
			worst = t;
	}
	return worst;
}

static enum tier
judge_credential(const struct sight *v, const struct word *w)
{
	if (!names_credential(w))
		return TIER_SAFE;
	return in_set("cat head tail less more bat", v->program) && names_certificate(w->text) ? TIER_CAUTION : TIER_DANGEROUS;
}

static enum tier
judge_profile(const struct sight *v, const struct word *w)
{
	return names_profile(w) ? TIER_DANGEROUS : TIER_SAFE;
}

static enum tier
look_credential(struct sight *v)
{
	return reads(v, judge_credential);
}

/* Writing it is another rule's, so that the first label in the table is the right one. */
static enum tier
look_profile_read(struct sight *v)
{
	return look_profile_write(v) == TIER_SAFE ? reads(v, judge_profile) : TIER_SAFE;
}

/* Commands that print all variables: env, printenv, export -p, set, and reading a process's own. */
static enum tier
look_environment(struct sight *v)
{
	const struct word *w;
	struct operands o = OPERANDS(v->c);
	bool any = false;

	for (size_t k = 1; k < v->c->nwords; k++)
		if (strncmp(v->c->words[k].text, "/proc/", 6) == 0 && find_text(v->c->words[k].text, "/environ", true) != NULL)
			return TIER_DANGEROUS;
	for (size_t k = 0; k < v->c->nredirs; k++)
		if (find_text(v->c->redirs[k].target.text, "/environ", true) != NULL)
			return TIER_DANGEROUS;
	if (in_set("export declare typeset readonly", v->program)) {
		any = next_operand(&o) != NULL;
		return !any && (v->c->nwords == 1 || has_option(v->c, "px", "")) ? TIER_DANGEROUS : TIER_SAFE;
	}
	if (strcmp(v->program, "set") == 0)
		return v->c->nwords == 1 ? TIER_DANGEROUS : TIER_SAFE;
	if (!in_set("env printenv", v->program) || has_option(v->c, "hS", "help version split-string"))
		return TIER_SAFE;
	while ((w = next_operand(&o)) != NULL)
		any |= strcmp(v->program, "printenv") == 0 ||
		    (strchr(w->text, '=') == NULL && strcmp(w->text, "-") != 0 && !in_set("-u -C --unset --chdir", v->c->words[o.i - 2].text));
	return any ? TIER_SAFE : TIER_DANGEROUS;
}

/* SQL at the shell's prompt is a program of that name; in quotes it is the floor's. */
static enum tier
look_sql(struct sight *v)
{
	return v->c->nwords > 1 && in_set("TABLE DATABASE SCHEMA table database schema", v->c->words[1].text) ? TIER_CAUTION : TIER_SAFE;
}

/* The index of git's subcommand, its own options passed; 0 without one. */
static size_t
git_command(const struct command *c)
{
	for (size_t i = 1; i < c->nwords; i++) {
		const char *t = c->words[i].text;

		if (t[0] != '-')
			return i;
		i += in_set("-C -c --git-dir --work-tree --namespace --exec-path --config-env", t);
	}
	return 0;
}

static enum tier
look_force_push(struct sight *v)
{
	size_t i = git_command(v->c);

	if (i == 0 || strcasecmp(v->c->words[i].text, "push") != 0)
		return TIER_SAFE;
	while (++i < v->c->nwords) {
		const char *t = v->c->words[i].text;

		if (strncasecmp(t, "--force", 7) == 0 || strcmp(t, "--mirror") == 0 || t[0] == '+' ||
		    (t[0] == '-' && t[1] != '-' && strchr(t, 'f') != NULL))
			return TIER_CAUTION;
	}
	return TIER_SAFE;
}

static enum tier
look_hard_reset(struct sight *v)
{
	size_t i = git_command(v->c);

	if (i == 0 || strcasecmp(v->c->words[i].text, "reset") != 0)
		return TIER_SAFE;
	while (++i < v->c->nwords)
		if (strncasecmp(v->c->words[i].text, "--hard", 6) == 0)
			return TIER_CAUTION;
	return TIER_SAFE;
}

static enum tier
look_sudo(struct sight *v)
{
	return TIER_CAUTION;
}

static enum tier
look_kill(struct sight *v)
{
	for (size_t i = 1; i < v->c->nwords; i++) {
		const char *t = v->c->words[i].text, *next = i + 1 < v->c->nwords ? v->c->words[i + 1].text : "";

		if (in_set("-s -n --signal", t))
			t = next;
		else if (strncmp(t, "--signal=", 9) == 0)
			t += 9;
		else if (t[0] == '-' && t[1] == 's' && t[2] != '\0')
			t += 2;
		else if (t[0] != '-' || *++t == '\0')
			continue;
		t += strncasecmp(t, "SIG", 3) == 0 ? 3 : 0;
		if (strcmp(t, "9") == 0 || strcasecmp(t, "KILL") == 0)
			return TIER_CAUTION;
	}
	return TIER_SAFE;
}

static enum tier
look_find_delete(struct sight *v)
{
	for (size_t i = 1; i < v->c->nwords; i++)
		if (strcmp(v->c->words[i].text, "-delete") == 0)
			return TIER_CAUTION;
	return TIER_SAFE;
}

/* A program or a script that only running tells. */
static enum tier
look_computed(struct sight *v)
{
	if (v->c->nwords > 0 && v->c->words[0].flags & WORD_COMPUTED)
		return TIER_CAUTION;
	for (size_t i = 1; strcmp(v->program, "eval") == 0 && i < v->c->nwords; i++)
		if (v->c->words[i].flags & WORD_COMPUTED)
			return TIER_CAUTION;
	return is_interpreter(v->program) && flow_reaches(v, &v->decoded, decoders) ? TIER_CAUTION : TIER_SAFE;
}

static const char *
base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash == NULL ? path : slash + 1;
}

static void
note_file(struct sight *v, const char *path)
{
	if (*base_name(path) != '\0' && v->nfiles < DOWNLOADS_MAX)
		v->files[v->nfiles++] = base_name(path);
}

/* Remember where a downloader puts what it gets. */
static void
note_download(struct sight *v)
{
	bool curl = strcmp(v->program, "curl") == 0, named = false, remote = !curl;

	if (!in_set(downloaders, v->program))
		return;
	for (size_t i = 0; i < v->c->nredirs; i++)
		if (v->c->redirs[i].op == REDIR_WRITE)
			note_file(v, v->c->redirs[i].target.text);
	for (size_t i = 1; i + 1 < v->c->nwords; i++) {
		const char *t = v->c->words[i].text;

		remote |= curl && (strcmp(t, "--remote-name") == 0 || (t[0] == '-' && t[1] != '-' && strchr(t, 'O') != NULL));
		if (in_set("--output --output-document --out", t) || (t[0] == '-' && t[1] != '-' && t[strlen(t) - 1] == (curl ? 'o' : 'O'))) {
			note_file(v, v->c->words[i + 1].text);
			named = true;
		}
	}
	for (size_t i = 1; remote && !named && i < v->c->nwords; i++)
		if (strstr(v->c->words[i].text, "://") != NULL)
			note_file(v, v->c->words[i].text);
}

static bool
downloaded(const struct sight *v, const char *path)
{
	for (size_t i = 0; i < v->nfiles; i++)
		if (strcmp(base_name(path), v->files[i]) == 0)
			return true;
	return false;
}

/* curl -o x …; sh x */
static enum tier
look_download_run(struct sight *v)
{
	bool runs = is_interpreter(v->program);

	note_download(v);
	if (v->c->nwords > 0 && downloaded(v, v->c->words[0].text))
		return TIER_CAUTION;
	if (strcmp(v->program, "chmod") == 0 && v->c->nwords > 2)
		runs = strchr(v->c->words[1].text, 'x') != NULL || strpbrk(v->c->words[1].text, "1357") != NULL;
	for (size_t i = 1; runs && i < v->c->nwords; i++)
		if (downloaded(v, v->c->words[i].text))
			return TIER_CAUTION;
	return TIER_SAFE;
}

/* ---- the table ---------------------------------------------------------------------------- */

#define W	"(^|[^[:alnum:]_])"	/* a word begins */
#define E	"($|[^[:alnum:]_])"	/* a word ends */
#define S	"[[:space:]]+"
#define READ	"(cat|head|tail|less|more|cp|mv|scp|rsync|xxd|hexdump|strings|od|base64"
#define SECRET	"\\.alpi/(profiles/[^/[:space:]]+/)?(\\.env|config\\.yaml)"
#define ALL	NULL

static const struct rule {
	const char	*label;
	const char	*programs;	/* what the look understands; ALL: everything, there is no floor */
	look_fn		*look;
	enum tier	 tier;		/* of the floor, when its texts are found: */
	const char	*head;		/* first this, */
	const char	*stop;		/* then, before one of these bytes, */
	const char	*tail;		/* that */
	const char	*reason;
} rules[] = {
	{ "pipe-to-interpreter", ALL, look_pipe, TIER_SAFE, NULL, NULL, NULL,
	    "runs what it downloads" },
	{ "recursive rm on sensitive path", "rm", look_rm_sensitive, TIER_DANGEROUS,
	    W "rm" S "-[a-z]*r[a-z]*" S "(/$|/[^[:space:]/]|~|\\$HOME)", NULL, NULL,
	    "deletes a tree outside the working directory" },
	{ "recursive rm", "rm", look_rm, TIER_CAUTION,
	    W "rm" S "-[a-z]*r[a-z]*" E, NULL, NULL,
	    "deletes a tree" },
	{ "chmod 777 / a+w", "chmod", look_chmod, TIER_CAUTION,
	    W "chmod" E, "\n", W "(777|a\\+w)",
	    "lets everybody write" },
	{ "recursive chown outside workspace", "chown chgrp", look_chown, TIER_DANGEROUS,
	    W "chown" S "-R" S "[^[:space:]]+" S "(/|~|\\$HOME)", NULL, NULL,
	    "changes the owner of a tree outside the working directory" },
	{ "mkfs", "mkfs mke2fs mkswap wipefs", look_mkfs, TIER_DANGEROUS,
	    W "mkfs(\\.[a-z0-9]+)?" E, NULL, NULL,
	    "makes a file system" },
	{ "dd to block device", "dd", look_device_redirect, TIER_DANGEROUS,
	    W "dd" E, "|;&", W "of=/dev/",
	    "writes to a device" },
	{ "fork bomb", ALL, look_bomb, TIER_SAFE, NULL, NULL, NULL,
	    "starts itself again and again" },
	{ "write to system directory", "tee truncate shred sed dd cp mv install ln rsync", look_system_write, TIER_DANGEROUS,
	    "(>|tee)[[:space:]]*(-a" S ")?/(etc|var|usr|boot|sys|proc)/", NULL, NULL,
	    "writes into a system directory" },
	{ "read private key / credential file", readers, look_credential, TIER_DANGEROUS,
	    READ "|gpg)", "|;&", "(\\.ssh/id_|(\\.pem|id_rsa|id_ed25519|/\\.aws/credentials|/\\.gnupg|/\\.netrc|/\\.pgpass|/\\.npmrc|/\\.pypirc)" E ")",
	    "reads a private key or a credential" },
	{ "read profile secret", readers, look_profile_read, TIER_DANGEROUS,
	    READ "|grep|awk|sed)", "|;&", SECRET,
	    "reads alpi's own configuration or secrets" },
	{ "write profile config / secret", "tee truncate shred sed dd cp mv install ln rsync", look_profile_write, TIER_DANGEROUS,
	    "(>|" W "tee" E ")", "|;&", SECRET,
	    "writes alpi's own configuration or secrets" },
	{ "dump environment", ALL, look_environment, TIER_SAFE, NULL, NULL, NULL,
	    "prints all environment variables" },
	{ "sql drop / truncate", "drop truncate", look_sql, TIER_CAUTION,
	    W "(drop|truncate)" S "(table|database|schema)" E, NULL, NULL,
	    "drops or empties a database object" },
	{ "git force-push", "git", look_force_push, TIER_CAUTION,
	    "git" S "push", "\n", "--force",
	    "overwrites a branch on the server" },
	{ "git hard reset", "git", look_hard_reset, TIER_CAUTION,
	    "git" S "reset" S "--hard", NULL, NULL,
	    "throws uncommitted changes away" },
	{ "sudo", "sudo doas su pkexec run0 runuser", look_sudo, TIER_CAUTION,
	    W "sudo" E, NULL, NULL,
	    "runs as another user" },
	{ "process kill -9", "kill killall pkill skill", look_kill, TIER_CAUTION,
	    W "(kill|killall)" S "-9", NULL, NULL,
	    "kills without a chance to clean up" },
	/* ours, after the reference's so that its labels are reported first */
	{ "find -delete", ALL, look_find_delete, TIER_SAFE, NULL, NULL, NULL,
	    "deletes what it finds" },
	{ "computed command", ALL, look_computed, TIER_SAFE, NULL, NULL, NULL,
	    "runs something that cannot be known before" },
	{ "download and run", ALL, look_download_run, TIER_SAFE, NULL, NULL, NULL,
	    "runs a file it downloaded" },
};

_Static_assert(COUNT(rules) < LABELS_MAX, "every rule can be a finding");

static regex_t patterns[COUNT(rules)][2];

static void
compile(void)
{
	static bool done;

	for (size_t i = 0; !done && i < COUNT(rules); i++)
		if (rules[i].head != NULL &&
		    (regcomp(&patterns[i][0], rules[i].head, REG_EXTENDED | REG_ICASE | REG_NEWLINE) != 0 ||
		    (rules[i].tail != NULL && regcomp(&patterns[i][1], rules[i].tail, REG_EXTENDED | REG_ICASE | REG_NEWLINE) != 0)))
			abort();	/* a table that does not compile never leaves the tests */
	done = true;
}

/*
 * Is head there and, before a stop byte, tail behind it? One pass: when the
 * first head of a stretch has no tail behind it, no later one has.
 */
static bool
floor_hits(size_t rule, char *text)
{
	const struct rule *r = &rules[rule];
	regmatch_t m;

	while (regexec(&patterns[rule][0], text, 1, &m, 0) == 0) {
		char *from = text + m.rm_eo, *end, kept;
		int hit;

		if (r->tail == NULL)
			return true;
		end = from + strcspn(from, r->stop);
		kept = *end;
		*end = '\0';
		hit = regexec(&patterns[rule][1], from - (m.rm_eo > m.rm_so), 0, NULL, 0) == 0;
		*end = kept;
		if (hit)
			return true;
		if (*end == '\0')
			return false;
		text = end + 1;
	}
	return false;
}

/* The words, and text that is read from the command line itself, as one line. */
static char *
words_text(const struct sight *v)
{
	struct buf b = BUF(SCRIPT_GROWTH_MAX);

	for (size_t i = 0; i < v->c->nwords; i++) {
		buf_puts(&b, i > 0 ? " " : "");
		buf_puts(&b, v->c->words[i].text);
	}
	for (size_t i = 0; !is_shell(v->program) && i < v->c->nredirs; i++)
		if (v->c->redirs[i].op == REDIR_TEXT) {
			buf_addc(&b, '\n');
			buf_puts(&b, v->c->redirs[i].target.text);
		}
	return buf_take(&b);
}

/* Could the command pass its words on to something that runs them, unseen by script_unwrap? */
static bool
has_floor(const struct sight *v)
{
	if (v->c->nwords == 0 || inert(v) || is_wrapper(v->program))
		return false;
	return !(is_shell(v->program) && has_option(v->c, "c", ""));
}

static void
look_at(struct sight *v, enum tier tiers[COUNT(rules)])
{
	cleanup_free char *text = has_floor(v) ? words_text(v) : NULL;

	for (size_t i = 0; i < COUNT(rules); i++) {
		const struct rule *r = &rules[i];
		bool known = r->programs == ALL || in_set(r->programs, v->program) ||
		    (r->look == look_mkfs && strncmp(v->program, "mkfs.", 5) == 0);
		enum tier t = TIER_SAFE;

		/* what only redirections tell is looked at for every program */
		if (known || r->look == look_device_redirect || r->look == look_system_write || r->look == look_credential ||
		    r->look == look_profile_read || r->look == look_profile_write)
			t = r->look(v);
		if (t == TIER_SAFE && !known && text != NULL && r->head != NULL && floor_hits(i, text))
			t = r->tier;
		if (t > tiers[i])
			tiers[i] = t;
	}
}

void
rules_apply(const struct script *s, struct verdict *out)
{
	struct sight v = { .s = s };
	enum tier tiers[COUNT(rules)] = { TIER_SAFE };

	compile();
	flow_mark(&v, &v.downloads, downloaders);
	flow_mark(&v, &v.decoded, decoders);
	live_mark(&v);
	for (size_t i = 0; i < s->ncommands; i++) {
		v.c = &s->commands[i];
		program_name(v.c, v.program);
		look_at(&v, tiers);
	}
	for (size_t i = 0; i < COUNT(rules); i++) {
		if (tiers[i] == TIER_SAFE)
			continue;
		out->findings[out->nfindings++] = (struct finding){ rules[i].label, tiers[i] };
		if (tiers[i] > out->tier) {
			out->tier = tiers[i];
			out->label = rules[i].label;
			out->reason = rules[i].reason;
		}
	}
	flow_clear(&v.downloads);
	flow_clear(&v.decoded);
	free(v.live);
}

bool
rules_has_label(const char *label)
{
	for (size_t i = 0; i < COUNT(rules); i++)
		if (strcmp(rules[i].label, label) == 0)
			return true;
	return false;
}
