/* SPDX-License-Identifier: Apache-2.0 */
/* See rules_own.h: commands that read what is secret, or show it. */
#include "toolrunner/rules_own.h"

#include <string.h>

#include "toolrunner/unwrap.h"

const char rule_readers[] =
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
	for (size_t i = 1; (in_set(rule_readers, v->program) || in_set(rule_readers, name)) && i < v->c->nwords; i++) {
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

enum tier
look_credential(struct sight *v)
{
	return reads(v, judge_credential);
}

/* Writing it is another rule's, so that the first label in the table is the right one. */
enum tier
look_profile_read(struct sight *v)
{
	return look_profile_write(v) == TIER_SAFE ? reads(v, judge_profile) : TIER_SAFE;
}

/* Commands that print all variables: env, printenv, export -p, set, and reading a process's own. */
enum tier
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
