/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See gateway.h. What options do not give is asked at a terminal, unless it
 * is stored already; a secret comes by standard input or unseen from the
 * keyboard, never as an argument, which the whole machine could read. At the
 * end the platform itself is asked whether it takes us.
 */
#include "cli/gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/print.h"
#include "cli/request.h"
#include "cli/setup.h"
#include "cli/text.h"
#include "common/gateways.h"
#include "common/json.h"
#include "common/mem.h"

/* ---- what it is configured with -------------------------------------------------------------------------- */

static char *
from_stdin(struct error *e)
{
	char *text = request_text("-", e);

	if (text != NULL)
		text[strcspn(text, "\r\n")] = '\0';
	return text;
}

/* The value that an option gives; NULL: none, or with the error. The caller wipes and frees. */
static char *
given(const struct args *a, const struct gateway_key *k, struct error *e)
{
	cleanup_free char *name = k->option == NULL ? NULL : xasprintf("%s%s", k->option, k->kind == GATEWAY_SECRET ? "-stdin" : "");

	if (name == NULL || opt_find(a->command, name, strlen(name)) == NULL || !arg_has(a, name))
		return NULL;
	return k->kind == GATEWAY_SECRET ? from_stdin(e) : xstrdup(arg_option(a, name));
}

static char *
asked(const struct gateway_key *k, const char *stored)
{
	return k->kind == GATEWAY_SECRET ? setup_ask_secret(k->question) : setup_ask(k->question, stored);
}

/* Ask for this one? Whom it lets in is asked, too: without, the platform hears nobody. */
static bool
shall_ask(const struct gateway_kind *g, const struct gateway_key *k, const char *stored)
{
	return k->option != NULL && stored == NULL && (k->needed || k->kind == GATEWAY_ALLOW || !gateway_needs(g));
}

/* An option that belongs to another platform is a mistake. */
static int
check_options(const struct args *a, const struct gateway_kind *g, struct error *e)
{
	for (const struct gateway_kind *other = gateway_kinds; other->name != NULL; other++)
		for (const struct gateway_key *k = other->keys; k->env != NULL; k++) {
			bool ours = false;
			cleanup_free char *name = k->option == NULL ? NULL :
			    xasprintf("%s%s", k->option, k->kind == GATEWAY_SECRET ? "-stdin" : "");

			for (const struct gateway_key *m = g->keys; m->env != NULL; m++)
				ours |= name != NULL && m->option != NULL && strcmp(m->option, k->option) == 0;
			if (name != NULL && !ours && opt_find(a->command, name, strlen(name)) != NULL && arg_has(a, name))
				return error_set(e, ERR_invalid, "%s takes no --%s", g->name, name);
		}
	return 0;
}

/* Its variables from options and questions; `stored` is what it has. NULL with the error. */
static json_t *
collect(const struct args *a, const struct gateway_kind *g, const json_t *stored, struct error *e)
{
	bool person = isatty(STDIN_FILENO) && !arg_has(a, "json");
	cleanup_json json_t *values = json_object();

	if (check_options(a, g, e) == -1)
		return NULL;
	for (const struct gateway_key *k = g->keys; k->env != NULL; k++) {
		const char *has = json_str(stored, k->env, NULL);
		cleanup_free char *value = given(a, k, e);

		if (value == NULL && e->code == 0 && person && shall_ask(g, k, has) && (value = asked(k, has)) == NULL)
			error_set(e, ERR_cancelled, "nothing was changed");
		if (value == NULL && e->code == 0 && k->needed && has == NULL)
			error_set(e, ERR_invalid, "%s needs --%s%s", g->name, k->option, k->kind == GATEWAY_SECRET ? "-stdin" : "");
		if (value != NULL && json_object_set_new(values, k->env, json_string(value)) == -1)
			error_set(e, ERR_invalid, "%s is not UTF-8", k->env);
		if (value != NULL)
			explicit_bzero(value, strlen(value));
		if (e->code != 0)
			return NULL;
	}
	if (json_object_size(values) == 0 && json_object_size(stored) == 0) {
		error_set(e, ERR_invalid, "%s needs options", g->name);
		return NULL;
	}
	return steal(values);
}

static json_t *
order(struct cli *c, const char *method, const char *name, json_t *values, struct error *e)
{
	return client_call(c, method, json_pack("{s:s, s:s, s:o*}", "profile", c->profile, "name", name, "config", values), e);
}

static int
configure(struct cli *c, const struct args *a, const struct gateway_kind *g, struct error *e)
{
	cleanup_json json_t *stored = order(c, "host.gateway.config", g->name, NULL, e), *values = NULL, *done = NULL;
	const char *env;
	json_t *value;

	if (stored == NULL || (values = collect(a, g, json_object_get(stored, "config"), e)) == NULL ||
	    (done = order(c, "host.gateway.set", g->name, json_incref(values), e)) == NULL)
		return -1;
	json_object_foreach(values, env, value)
		if (!arg_has(a, "json"))
			printf("%s %s\n", *json_string_value(value) != '\0' ? "stored" : "took away", env);
	return 0;
}

/* ---- the live check ---------------------------------------------------------------------------------------- */

/* How it fares, for the warning that nobody is let in. */
static char *
why_of(struct cli *c, const char *name)
{
	cleanup_json json_t *result = client_call(c, "host.gateway.status", json_pack("{s:s}", "profile", c->profile), NULL);
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(result, "gateways"), i, row)
		if (strcmp(json_str(row, "name", ""), name) == 0)
			return text_line(json_str(row, "why", ""), 200);
	return xstrdup("");
}

static int
try(struct cli *c, const struct args *a, const struct gateway_kind *g, struct error *e)
{
	cleanup_json json_t *result = order(c, "host.gateway.probe", g->name, NULL, e);
	bool ok = result != NULL && strcmp(json_str(result, "status", ""), "ok") == 0;
	cleanup_free char *who = text_line(json_str(result, "who", ""), 100), *why = NULL;
	cleanup_free char *reason = text_line(json_str(result, "reason", ""), 300);

	if (result == NULL)
		return cli_fail(e);
	if (arg_has(a, "json")) {
		json_object_set_new(result, "name", json_string(g->name));
		print_json(stdout, result);
		return ok ? 0 : EXIT_FAILED;
	}
	if (!ok)
		return cli_failf("%s is configured, but cannot be used: %s", g->label, reason);
	printf("%s answers%s%s\n", g->label, *who != '\0' ? ": we are " : "", who);
	if (*(why = why_of(c, g->name)) != '\0')
		printf("note: %s\n", why);
	return 0;
}

int
gateway_switch_on(struct cli *c, const struct args *a, const char *name)
{
	const struct gateway_kind *g = gateway_kind_find(name);
	struct error e = { 0 };

	if (g == NULL)
		return cli_failf("there is no platform %s", name);
	if (configure(c, a, g, &e) == -1)
		return e.code == ERR_invalid ? cli_usage(a, "%s", e.text) : cli_fail(&e);
	return try(c, a, g, &e);
}

int
gateway_offer(struct cli *c, const struct args *a)
{
	cleanup_free char *answer = NULL;

	printf("Where else may people write to it? Empty: nowhere.\n ");
	for (const struct gateway_kind *g = gateway_kinds; g->name != NULL; g++)
		printf(" %s", g->name);
	printf("\n");
	answer = setup_ask("Platform", NULL);
	return answer == NULL || *answer == '\0' ? 0 : gateway_switch_on(c, a, answer);
}
