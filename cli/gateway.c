/* SPDX-License-Identifier: Apache-2.0 */
/* `alpi gateway`: the message platforms, how each fares, and switching one off or removing it. gateway_on.c switches one on. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/gateway.h"
#include "cli/print.h"
#include "cli/text.h"
#include "common/buf.h"
#include "common/gateways.h"
#include "common/json.h"
#include "common/mem.h"

static json_t *
call(struct cli *c, const char *method, const char *name, struct error *e)
{
	return client_call(c, method, json_pack("{s:s, s:s*}", "profile", c->profile, "name", name), e);
}

static const struct gateway_kind *
kind_of(const struct args *a)
{
	const struct gateway_kind *g = gateway_kind_find(a->rest[0]), *near = NULL;
	cleanup_buf struct buf names = BUF(0);

	if (g != NULL)
		return g;
	for (const struct gateway_kind *k = gateway_kinds; k->name != NULL; k++) {
		buf_addf(&names, " %s", k->name);
		if (likeness(k->name, a->rest[0]) >= 0.6)
			near = k;
	}
	if (near != NULL)
		cli_failf("there is no platform %s; did you mean %s?", a->rest[0], near->name);
	else
		cli_failf("there is no platform %s; there are%s", a->rest[0], buf_str(&names));
	return NULL;
}

/* ---- list ------------------------------------------------------------------------------------------------ */

static const struct column columns[] = {
	{ "PLATFORM", "name", PRINT_TEXT, 0 }, { "CONFIGURED", "configured", PRINT_FLAG, 0 }, { "STATUS", "status", PRINT_TEXT, 0 },
	{ "ALLOWED", "allowed", PRINT_NUMBER, 0 }, { "IGNORED", "ignored", PRINT_NUMBER, 0 }, { "WAITING", "waiting", PRINT_NUMBER, 0 },
	{ "WHY", "why", PRINT_TEXT, 72 },
};

int
gateway_list_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *result = call(c, "host.gateway.status", NULL, &e);
	json_t *rows = json_object_get(result, "gateways");

	if (result == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json"))
		print_json(stdout, rows);
	else
		print_table(stdout, columns, COUNT(columns), rows, "no platforms");
	return 0;
}

/* ---- the rest ---------------------------------------------------------------------------------------------- */

int
gateway_enable_command(struct cli *c, const struct args *a)
{
	return kind_of(a) == NULL ? EXIT_FAILED : gateway_switch_on(c, a, a->rest[0]);
}

static int
say(const struct args *a, const json_t *result, const char *what)
{
	if (arg_has(a, "json"))
		print_json(stdout, result);
	else
		printf("%s %s\n", what, a->rest[0]);
	return 0;
}

int
gateway_disable_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *result = NULL;

	if (kind_of(a) == NULL)
		return EXIT_FAILED;
	result = client_call(c, "host.gateway.set", json_pack("{s:s, s:s, s:b}", "profile", c->profile, "name", a->rest[0], "enabled",
	    0), &e);
	return result == NULL ? cli_fail(&e) : say(a, result, "switched off");
}

/* The answer is JSON in any case (services-cli.md, 9). */
int
gateway_probe_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *result = NULL;

	if (kind_of(a) == NULL)
		return EXIT_FAILED;
	if ((result = call(c, "host.gateway.probe", a->rest[0], &e)) == NULL)
		return cli_fail(&e);
	print_json(stdout, result);
	return strcmp(json_str(result, "status", ""), "ok") == 0 ? 0 : EXIT_FAILED;
}

int
gateway_remove_command(struct cli *c, const struct args *a)
{
	const struct gateway_kind *g = kind_of(a);
	cleanup_free char *question = g == NULL ? NULL : xasprintf("Forget the credentials of %s, and where it was read to?", g->label);
	cleanup_json json_t *result = NULL;
	struct error e = { 0 };

	if (g == NULL)
		return EXIT_FAILED;
	if (!arg_has(a, "yes") && !confirm(question))
		return cli_failf(isatty(STDIN_FILENO) ? "not removed" : "not removed: without a terminal it takes --yes");
	result = call(c, "host.gateway.remove", g->name, &e);
	return result == NULL ? cli_fail(&e) : say(a, result, "removed");
}
