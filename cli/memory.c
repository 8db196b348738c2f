/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi memory`: the notes, as the person they are about sees and changes
 * them, and the candidates that wait for a decision (memory-skills.md, 3, 4).
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "cli/args.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/request.h"
#include "cli/text.h"
#include "common/json.h"
#include "common/mem.h"

/* ---- what is asked -------------------------------------------------------------------------- */

/* One action; the text it answers with, or NULL with the error. params is taken. */
static char *
ask(struct cli *c, const char *action, json_t *params, struct error *e)
{
	cleanup_json json_t *result = NULL;

	json_object_set_new(params, "profile", json_string(c->profile));
	json_object_set_new(params, "action", json_string(action));
	result = client_call(c, "host.memory.call", params, e);
	return result == NULL ? NULL : xstrdup(json_str(result, "text", ""));
}

/* The same for an answer that is JSON. */
static json_t *
ask_json(struct cli *c, const char *action, struct error *e)
{
	cleanup_free char *text = ask(c, action, json_object(), e);

	return text == NULL ? NULL : json_parse(text, strlen(text), 8, e);
}

static int
order(struct cli *c, const struct args *a, const char *action, json_t *params)
{
	struct error e = { 0 };
	cleanup_free char *said = ask(c, action, params, &e), *clean = NULL;

	if (said == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json")) {
		cleanup_json json_t *result = json_pack("{s:b, s:s}", "ok", 1, "text", said);

		print_json(stdout, result);
		return 0;
	}
	said[strcspn(said, "\n")] = '\0';	/* what was done; the whole file follows it */
	clean = text_line(said, 0);
	puts(clean);
	return 0;
}

/* ---- the files ------------------------------------------------------------------------------ */

static void
show_file(const json_t *row)
{
	cleanup_free char *text = text_visible(json_str(row, "text", ""));
	long long used = (long long)json_int(row, "used", 0), limit = (long long)json_int(row, "limit", 0);

	if (limit > 0)
		printf("%s: %lld of %lld characters\n", json_str(row, "name", ""), used, limit);
	else
		printf("%s: %lld characters\n", json_str(row, "name", ""), used);
	printf("%s\n", text[0] != '\0' ? text : "(empty)");
}

/* Say which files could not be read; the exit status. */
static int
unread(const json_t *rows)
{
	int status = 0;
	json_t *row;
	size_t i;

	fflush(stdout);
	json_array_foreach(rows, i, row)
		if (json_str(row, "error", NULL) != NULL)
			status = cli_failf("%s", json_str(row, "error", ""));
	return status;
}

int
memory_show_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *rows = ask_json(c, "show", &e);
	json_t *row;
	size_t i, shown = 0;

	if (rows == NULL)
		return cli_fail(&e);
	for (i = json_array_size(rows); a->nrest > 0 && i-- > 0; )
		if (strcasecmp(json_str(json_array_get(rows, i), "name", ""), a->rest[0]) != 0)
			json_array_remove(rows, i);
	if (json_array_size(rows) == 0)
		return cli_usage(a, "the files are USER.md, MEMORY.md and AGENT.md");
	if (arg_has(a, "json"))
		print_json(stdout, rows);
	else
		json_array_foreach(rows, i, row) {
			if (json_str(row, "error", NULL) != NULL)
				continue;
			if (shown++ > 0)
				putchar('\n');
			show_file(row);
		}
	return unread(rows);
}

/* A text may also come from standard input. */
static json_t *
with_text(const char *name, const char *text, struct error *e)
{
	cleanup_free char *whole = request_text(text, e);

	return whole == NULL ? NULL : json_pack("{s:s}", name, whole);
}

int
memory_add_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	json_t *params = with_text("content", a->rest[1], &e);

	if (params == NULL)
		return cli_fail(&e);
	json_object_set_new(params, "target", json_string(a->rest[0]));
	json_object_set_new(params, "confidence", json_string(arg_option(a, "confidence") != NULL ? arg_option(a, "confidence") : "normal"));
	return order(c, a, "add", params);
}

int
memory_replace_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	json_t *params = with_text("content", a->rest[2], &e);

	if (params == NULL)
		return cli_fail(&e);
	json_object_set_new(params, "target", json_string(a->rest[0]));
	json_object_set_new(params, "match", json_string(a->rest[1]));
	return order(c, a, "replace", params);
}

int
memory_remove_command(struct cli *c, const struct args *a)
{
	return order(c, a, "remove", json_pack("{s:s, s:s}", "target", a->rest[0], "match", a->rest[1]));
}

/* ---- candidates ----------------------------------------------------------------------------- */

struct totals {
	int	applied, discarded, left;
	int	failed;			/* of those that are left: they were to be decided, and could not be */
};

static void
show_candidate(const json_t *row, size_t i, size_t n)
{
	cleanup_free char *text = text_visible(json_str(row, "text", ""));
	json_t *label;
	size_t k;

	printf("%zu of %zu, for %s (%s, %s)\n%s\n", i + 1, n, json_str(row, "target", ""), json_str(row, "source", ""),
	    json_str(row, "confidence", ""), text);
	json_array_foreach(json_object_get(row, "warnings"), k, label) {
		cleanup_free char *word = text_line(json_string_value(label), 0);

		printf("  warning: %s\n", word);
	}
}

/* What the person decides: a, d, s or q; q when nobody can be asked any more. */
static char
decide(void)
{
	char line[64];

	for (;;) {
		printf("[a]pply, [d]iscard, [s]kip or [q]uit? ");
		fflush(stdout);
		if (fgets(line, sizeof(line), stdin) == NULL)
			return 'q';
		if (line[0] != '\0' && strchr("adsq", line[0]) != NULL)
			return line[0];
	}
}

static void
carry_out(struct cli *c, const json_t *row, char choice, struct totals *sum)
{
	json_t *params = json_pack("{s:s}", "id", json_str(row, "id", ""));
	struct error e = { 0 };
	cleanup_free char *said = ask(c, choice == 'a' ? "promotion_apply" : "promotion_discard", params, &e);

	if (said == NULL) {
		fprintf(stderr, "not done: %s\n", e.text);
		sum->left++;
		sum->failed++;
	} else if (choice == 'a')
		sum->applied++;
	else
		sum->discarded++;
}

static void
walk(struct cli *c, const json_t *rows, char all, struct totals *sum)
{
	size_t n = json_array_size(rows), i;
	json_t *row;
	char choice = all;

	json_array_foreach(rows, i, row) {
		if (all == '\0') {
			show_candidate(row, i, n);
			choice = decide();
		}
		if (choice == 'q') {
			sum->left += (int)(n - i);
			return;
		}
		if (choice == 's')
			sum->left++;
		else
			carry_out(c, row, choice, sum);
	}
}

static void
show_totals(const struct args *a, const struct totals *sum)
{
	cleanup_json json_t *row = json_pack("{s:i, s:i, s:i}", "applied", sum->applied, "discarded", sum->discarded, "left", sum->left);

	if (arg_has(a, "json"))
		print_json(stdout, row);
	else
		printf("applied %d, discarded %d, left %d\n", sum->applied, sum->discarded, sum->left);
}

int
memory_promote_command(struct cli *c, const struct args *a)
{
	bool apply = arg_has(a, "apply-all"), discard = arg_has(a, "discard-all");
	struct totals sum = { 0 };
	struct error e = { 0 };
	cleanup_json json_t *rows = NULL;

	if (apply && discard)
		return cli_usage(a, "--apply-all and --discard-all exclude each other");
	if ((rows = ask_json(c, "promotion_list", &e)) == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json") && !apply && !discard) {
		print_json(stdout, rows);
		return 0;
	}
	if (json_array_size(rows) == 0 && !arg_has(a, "json")) {
		puts("nothing waits for a decision");
		return 0;
	}
	walk(c, rows, apply ? 'a' : discard ? 'd' : '\0', &sum);
	show_totals(a, &sum);
	return sum.failed > 0 ? EXIT_FAILED : 0;
}
