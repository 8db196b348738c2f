/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the approval gate (tools.md, 3.1 and 3.2, with the holes of
 * 3.5 closed). A rule looks at one command at a time. Where it knows the
 * program it looks at options and operands; for every other program that
 * might run or pass on its words, the text of the words is searched as the
 * reference does: that is the floor below which no rule falls. Programs that
 * only print or search their words (echo, grep) have no floor. What each
 * rule looks at stands in rule_*.c by the kind of danger.
 */
#include "toolrunner/rules.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "toolrunner/rules_own.h"
#include "toolrunner/unwrap.h"

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
	{ "read private key / credential file", rule_readers, look_credential, TIER_DANGEROUS,
	    READ "|gpg)", "|;&", "(\\.ssh/id_|(\\.pem|id_rsa|id_ed25519|/\\.aws/credentials|/\\.gnupg|/\\.netrc|/\\.pgpass|/\\.npmrc|/\\.pypirc)" E ")",
	    "reads a private key or a credential" },
	{ "read profile secret", rule_readers, look_profile_read, TIER_DANGEROUS,
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
	flow_mark(&v, &v.downloads, rule_downloaders);
	flow_mark(&v, &v.decoded, rule_decoders);
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
