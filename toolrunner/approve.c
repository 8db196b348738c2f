/* SPDX-License-Identifier: Apache-2.0 */
/* See approve.h; the rules themselves are in rules.c. */
#include "toolrunner/approve.h"

#include <ctype.h>
#include <string.h>

#include "common/mem.h"
#include "toolrunner/lexer.h"
#include "toolrunner/rules.h"
#include "toolrunner/unwrap.h"

static const char unparsable[] = "unparsable command";

const char *
tier_name(enum tier t)
{
	return t == TIER_DANGEROUS ? "dangerous" : t == TIER_CAUTION ? "caution" : "safe";
}

bool
approve_is_label(const char *text)
{
	return strcmp(text, unparsable) == 0 || rules_has_label(text);
}

/* More than one command, or one that is put together at run time (tools.md, 3.3). */
static bool
is_compound(const struct script *s, const char *text)
{
	static const char *const signs[] = { "&&", "||", ";", "\n", "`", "$(", "|", "<(", ">(" };
	size_t n = 0;

	for (size_t i = 0; i < COUNT(signs); i++)
		if (strstr(text, signs[i]) != NULL)
			return true;
	for (size_t i = 0; i < s->ncommands; i++)
		n += s->commands[i].origin == -1;
	return n > 1;
}

static char *
trimmed(const char *text, size_t len)
{
	while (len > 0 && isspace((unsigned char)text[len - 1]))
		len--;
	while (len > 0 && isspace((unsigned char)*text)) {
		text++;
		len--;
	}
	return xstrndup(text, len);
}

void
approve_classify(const char *text, size_t len, struct verdict *v)
{
	struct script s = { 0 };
	cleanup_free char *trim = trimmed(text, len);

	*v = (struct verdict){ .reason = "nothing in it needs a person's consent" };
	if (script_read(&s, text, len) == 0)
		script_unwrap(&s);
	v->compound = is_compound(&s, trim);
	rules_apply(&s, v);
	if (s.broken != NULL) {
		v->findings[v->nfindings++] = (struct finding){ unparsable, TIER_DANGEROUS };
		if (v->tier < TIER_DANGEROUS) {
			v->tier = TIER_DANGEROUS;
			v->label = unparsable;
			v->reason = s.broken;
		}
	}
	script_clear(&s);
}

/* ---- the decision ------------------------------------------------------------------------- */

/* One [set] at *p (behind the bracket) against c; *p moves behind it. False also when it does not end. */
static bool
in_brackets(const char **p, char c)
{
	const char *q = *p;
	bool negate = *q == '!' || *q == '^', hit = false;

	q += negate;
	for (const char *first = q; *q != '\0' && (*q != ']' || q == first); q++) {
		if (q[1] == '-' && q[2] != ']' && q[2] != '\0') {
			hit |= (unsigned char)*q <= (unsigned char)c && (unsigned char)c <= (unsigned char)q[2];
			q += 2;
		} else
			hit |= *q == c;
	}
	if (*q == '\0')
		return false;
	*p = q + 1;
	return hit != negate;
}

/* Does one element of the pattern fit c? *p moves behind it. */
static bool
one_fits(const char **p, char c)
{
	char want = *(*p)++;

	if (want == '[' && strchr(*p, ']') != NULL)
		return in_brackets(p, c);
	return want == '?' || want == c;
}

bool
approve_glob(const char *pattern, const char *text)
{
	const char *star = NULL, *resume = NULL, *p = pattern, *next;

	while (*text != '\0') {
		if (*p == '*') {
			star = ++p;
			resume = text;
			continue;
		}
		next = p;
		if (*p != '\0' && one_fits(&next, *text)) {
			p = next;
			text++;
			continue;
		}
		if (star == NULL)
			return false;
		p = star;
		text = ++resume;
	}
	while (*p == '*')
		p++;
	return *p == '\0';
}

static bool
listed(const char *const *list, const char *label)
{
	for (; list != NULL && *list != NULL; list++)
		if (strcmp(*list, label) == 0)
			return true;
	return false;
}

static bool
fits_pattern(const char *const *allow, const char *command)
{
	cleanup_free char *text = trimmed(command, strlen(command));

	for (; allow != NULL && *allow != NULL; allow++)
		if (!approve_is_label(*allow) && approve_glob(*allow, text))
			return true;
	return false;
}

static void
set(struct decision *d, enum ruling ruling, const char *reason)
{
	d->ruling = ruling;
	d->reason = reason;
}

void
approve_decide(const struct verdict *v, const char *command, const char *const *allow, const char *const *session, bool approver, struct decision *d)
{
	bool all_session = true;
	const char *open = NULL;

	*d = (struct decision){ .ruling = RULE_DENY };
	if (v->tier == TIER_SAFE)
		return set(d, RULE_ALLOW, "safe");
	if (v->tier == TIER_DANGEROUS)
		return set(d, RULE_DENY, "dangerous");
	for (size_t i = 0; i < v->nfindings; i++) {
		const char *label = v->findings[i].label;

		if (listed(session, label))
			continue;
		all_session = false;
		if (open == NULL && !listed(allow, label))
			open = label;
	}
	if (all_session)
		return set(d, RULE_ALLOW, "session");
	if (open == NULL)
		return set(d, RULE_ALLOW, "config-category");
	if (!v->compound && fits_pattern(allow, command))
		return set(d, RULE_ALLOW, "config-glob");
	if (!approver)
		return set(d, RULE_DENY, "no-approver");
	d->ask = open;
	set(d, RULE_ASK, "asked");
}

static const struct {
	const char	*choice, *reason;
} answers[] = {
	{ "once", "approved-once" }, { "session", "approved-session" }, { "always", "approved-always" },
};

void
approve_answer(const char *choice, struct decision *d)
{
	for (size_t i = 0; i < COUNT(answers); i++)
		if (strcmp(choice, answers[i].choice) == 0)
			return set(d, RULE_ALLOW, answers[i].reason);
	set(d, RULE_DENY, "denied");
}
