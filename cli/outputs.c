/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi outputs`: what the agent, a job or a gateway left for the person to
 * see (spec/engine.md, section 14), and whether they have.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/args.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/text.h"
#include "common/json.h"
#include "common/mem.h"

#define ROWS		20
#define ROWS_MAX	500
#define TITLE_WIDTH	72

/* ---- a row ---------------------------------------------------------------------------------- */

static const char *
time_of(const json_t *row, const char *form, char *out, size_t size)
{
	time_t at = (time_t)json_num(row, "created_at", 0);
	struct tm tm;

	if (localtime_r(&at, &tm) == NULL || strftime(out, size, form, &tm) == 0)
		snprintf(out, size, "?");
	return out;
}

/* The title, else how the body begins: one line. The caller frees. */
static char *
title_of(const json_t *row, size_t width)
{
	const char *title = json_str(row, "title", ""), *body = json_str(row, "body", "");
	cleanup_free char *begin = NULL;

	body += strspn(body, " \t\r\n");
	begin = title[0] != '\0' ? xstrdup(title) : xstrndup(body, strcspn(body, "\r\n"));
	return text_line(begin, width);
}

static void
print_row(const json_t *row, bool whose)
{
	cleanup_free char *title = title_of(row, TITLE_WIDTH), *profile = text_line(json_str(row, "profile", ""), 64);
	char at[32];

	printf("%s %s  [%s] %s  %s%s%s\n", strcmp(json_str(row, "status", ""), "unread") == 0 ? "●" : "○",
	    time_of(row, "%m-%d %H:%M", at, sizeof(at)), json_str(row, "type", ""), json_str(row, "id", ""),
	    whose ? profile : "", whose ? ": " : "", title);
}

/* ---- list ----------------------------------------------------------------------------------- */

static json_t *
rows_of(struct cli *c, const char *profile, bool unread, long limit, struct error *e)
{
	json_t *params = json_pack("{s:s, s:I, s:s*}", "profile", profile, "limit", (json_int_t)limit, "status",
	    unread ? "unread" : NULL);
	cleanup_json json_t *result = client_call(c, "host.outputs.list", params, e);

	return result == NULL ? NULL : json_incref(json_object_get(result, "outputs"));
}

static int
newer(const void *a, const void *b)
{
	double x = json_num(*(json_t *const *)a, "created_at", 0), y = json_num(*(json_t *const *)b, "created_at", 0);

	return x < y ? 1 : x > y ? -1 : 0;
}

/* The newest of them, in order. Takes the reference. */
static json_t *
sorted(json_t *rows, size_t limit)
{
	size_t n = json_array_size(rows), i;
	cleanup_free json_t **list = xcalloc(n + 1, sizeof(*list));
	json_t *out = json_array(), *row;

	json_array_foreach(rows, i, row)
		list[i] = row;
	qsort(list, n, sizeof(*list), newer);
	for (i = 0; i < n && i < limit; i++)
		json_array_append(out, list[i]);
	json_decref(rows);
	return out;
}

/* A profile that does not run is said, and does not hide the others. */
static json_t *
rows_of_all(struct cli *c, bool unread, long limit, struct error *e)
{
	cleanup_json json_t *result = client_call(c, "host.profiles.list", json_object(), e);
	json_t *all = json_array(), *profile;
	size_t i;

	json_array_foreach(json_object_get(result, "profiles"), i, profile) {
		struct error why = { 0 };
		const char *name = json_str(profile, "name", "");
		cleanup_json json_t *rows = rows_of(c, name, unread, limit, &why);

		if (rows == NULL)
			fprintf(stderr, "profile %s: %s\n", name, why.text);
		else
			json_array_extend(all, rows);
	}
	if (result != NULL)
		return sorted(all, (size_t)limit);
	json_decref(all);
	return NULL;
}

int
outputs_list_command(struct cli *c, const struct args *a)
{
	bool everybody = arg_has(a, "all-profiles"), unread = arg_has(a, "unread");
	struct error e = { 0 };
	cleanup_json json_t *rows = NULL;
	json_t *row;
	long limit;
	size_t i;

	if (arg_number(a, "limit", 1, ROWS, &limit, &e) == -1)
		return cli_usage(a, "%s", e.text);
	if (limit > ROWS_MAX)
		return cli_usage(a, "--limit takes 1 to %d", ROWS_MAX);
	rows = everybody ? rows_of_all(c, unread, limit, &e) : rows_of(c, c->profile, unread, limit, &e);
	if (rows == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json")) {
		print_json(stdout, rows);
		return 0;
	}
	if (json_array_size(rows) == 0)
		puts(unread ? "nothing unread" : "nothing yet");
	json_array_foreach(rows, i, row)
		print_row(row, everybody);
	return 0;
}

/* ---- show, read-all ------------------------------------------------------------------------- */

int
outputs_show_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	json_t *params = json_pack("{s:s, s:s}", "profile", c->profile, "id", a->rest[0]);
	cleanup_json json_t *result = params == NULL ? NULL : client_call(c, "host.outputs.mark_read", params, &e);
	const json_t *row = json_object_get(result, "output");
	cleanup_free char *title = NULL, *body = NULL;
	char at[32];

	if (params == NULL)
		return cli_failf("the id is not UTF-8");
	if (result == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json")) {
		print_json(stdout, row);
		return 0;
	}
	title = title_of(row, 0);
	body = text_visible(json_str(row, "body", ""));
	printf("%s\n%s · %s · %s\n\n%s\n", title, time_of(row, "%Y-%m-%d %H:%M", at, sizeof(at)), json_str(row, "type", ""),
	    json_str(row, "id", ""), body);
	return 0;
}

int
outputs_read_all_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *result = client_call(c, "host.outputs.mark_all_read", json_pack("{s:s}", "profile", c->profile), &e);

	if (result == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json"))
		print_json(stdout, result);
	else
		printf("marked %lld as read\n", (long long)json_int(result, "count", 0));
	return 0;
}
