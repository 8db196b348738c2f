/* SPDX-License-Identifier: Apache-2.0 */
/* See gate.h. */
#include "toolrunner/gate.h"

#define PEOPLE "default/hostd"		/* the unit through which people answer, whoever began the turn */

#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/grant.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/consent.h"

extern char **environ;

static void
add_list(struct buf *b, char **list)
{
	for (; list != NULL && *list != NULL; list++)
		buf_add(b, *list, strlen(*list) + 1);
	buf_addc(b, '\0');
}

/* Everything beside command, directory and turn that makes a command what it is: variables, workspace, what the sandbox opens. */
static void
environment_hash(const struct gate *g, char out[65])
{
	const struct settings *s = &g->runner->settings;
	cleanup_buf struct buf b = BUF(0);

	add_list(&b, environ);
	add_list(&b, s->read);
	add_list(&b, s->write);
	buf_addf(&b, "%d %d %s", (int)s->net, (int)g->net, g->workspace);
	audit_hash(buf_str(&b), b.len, out);
}

/* Where a command will begin. */
static char *
directory(const struct gate *g)
{
	const char *person = boot_option(g->runner->boot, "person");
	cleanup_free char *given = path_expand(g->given, person == NULL ? "~" : person);

	if (*given == '\0')
		return xstrdup(g->workspace);
	return given[0] == '/' ? xstrdup(given) : path_join(g->workspace, given);
}

enum ruling
gate_judge(struct gate *g)
{
	const struct runner *r = g->runner;
	struct verdict v;
	struct decision d;

	if (g->command == NULL)
		return RULE_ALLOW;
	approve_classify(g->command, strlen(g->command), &v);
	approve_decide(&v, g->command, (const char *const *)r->settings.allow, consent_session(r, g->origin, g->session),
	    g->approver, &d);
	g->cwd = directory(g);
	g->tier = v.tier;
	g->label = d.ask != NULL ? d.ask : v.label;
	g->why = v.reason;
	g->reason = d.reason;
	if (d.ruling == RULE_ASK) {
		random_hex(g->ticket, 16);
		environment_hash(g, g->environment);
	}
	return d.ruling;
}

int
gate_answer(struct gate *g, const char *choice, const char *seal, enum ruling *ruling, const char **why, struct error *e)
{
	const char *parts[] = { "approval", g->ticket, choice, g->command, g->label, g->cwd, NULL };
	struct decision d = { 0 };
	char now[65];
	bool same;

	if (grant_unseal(g->runner->boot, PEOPLE, parts, seal, e) == -1)
		return error_add(e, "answer to call %.64s", g->key);
	environment_hash(g, now);
	same = strcmp(now, g->environment) == 0;
	approve_answer(same ? choice : "deny", &d);
	*why = same ? "denied by the user" : "the settings changed while the question stood";
	*ruling = d.ruling;
	g->reason = d.reason;
	if (d.ruling != RULE_DENY && strcmp(choice, "once") != 0)
		consent_remember(g->runner, g->origin, g->session, g->label);
	return 0;
}

int
gate_record(const struct gate *g, bool allowed, struct error *e)
{
	struct consent_fact f = {
		.key = g->key, .who = g->who, .command = g->command, .label = g->label, .tier = g->tier,
		.allowed = allowed, .reason = g->reason,
	};

	if (g->command == NULL || (allowed && g->tier == TIER_SAFE))
		return 0;
	return consent_record(g->runner, &f, e);
}

char *
gate_refusal(const struct gate *g)
{
	if (g->tier == TIER_DANGEROUS)
		return xasprintf("%s: it %s; no setting and no answer allows that", g->label, g->why);
	return xasprintf("%s needs an approval, and nobody is here to give it; the list "
	    "tools.terminal.approval.allowlist in config.yaml allows it by that label", g->label);
}

void
gate_clear(struct gate *g)
{
	free(g->cwd);
	g->cwd = NULL;
}
