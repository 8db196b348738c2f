/* SPDX-License-Identifier: Apache-2.0 */
/* `alpi skill`: the skills of the profile; one from elsewhere is shown whole before it lands (memory-skills.md, 6 and 7). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/once.h"
#include "cli/print.h"
#include "cli/skill_files.h"
#include "cli/text.h"
#include "common/json.h"
#include "common/mem.h"

/* ---- what there is -------------------------------------------------------------------------- */

int
skill_list_command(struct cli *c, const struct args *a)
{
	static const struct column columns[] = {
		{ "CATEGORY", "category", PRINT_TEXT, 0 }, { "NAME", "name", PRINT_TEXT, 0 }, { "STATUS", "status", PRINT_TEXT, 0 },
		{ "DESCRIPTION", "description", PRINT_TEXT, 60 }, { "REASON", "reason", PRINT_TEXT, 60 },
	};
	struct error e = { 0 };
	cleanup_json json_t *result = client_call(c, "host.skills.list", json_pack("{s:s}", "profile", c->profile), &e);

	if (result == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json"))
		print_json(stdout, json_object_get(result, "skills"));
	else
		print_table(stdout, columns, COUNT(columns), json_object_get(result, "skills"), "there are no skills");
	return 0;
}

/* One action on one skill; its text on standard output. */
static int
call(struct cli *c, const struct args *a, const char *action, const char *file)
{
	struct error e = { 0 };
	cleanup_json json_t *result = client_call(c, "host.skill.call", json_pack("{s:s, s:s, s:s, s:s*}", "profile", c->profile,
	    "action", action, "name", a->rest[0], "file", file), &e);
	cleanup_free char *text = NULL;

	if (result == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json")) {
		json_object_set_new(result, "name", json_string(a->rest[0]));
		print_json(stdout, result);
		return 0;
	}
	text = text_visible(json_str(result, "text", ""));
	printf("%s%s", text, text[0] != '\0' && text[strlen(text) - 1] == '\n' ? "" : "\n");
	return 0;
}

int
skill_show_command(struct cli *c, const struct args *a)
{
	return call(c, a, "view", a->nrest > 1 ? a->rest[1] : NULL);
}

/* A turn, since scripts are parsed in the sandbox alone. Exit status 1 when something is an error. */
int
skill_validate_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_free char *order = xasprintf("/skill validate %s", a->rest[0]), *said = once_answer(c, a, order, &e), *text = NULL;
	bool wrong;

	if (said == NULL)
		return cli_fail(&e);
	text = text_visible(said);
	wrong = strncmp(text, "error:", 6) == 0 || strstr(text, "\nerror:") != NULL;
	if (arg_has(a, "json")) {
		cleanup_json json_t *out = json_pack("{s:s, s:b, s:s}", "name", a->rest[0], "ok", (int)!wrong, "text", text);

		print_json(stdout, out);
	} else
		puts(text);
	return wrong ? EXIT_FAILED : 0;
}

int
skill_remove_command(struct cli *c, const struct args *a)
{
	return call(c, a, "delete", NULL);
}

/* ---- import ---------------------------------------------------------------------------------- */

static json_t *
ask_import(struct cli *c, const struct args *a, json_t *files, bool check, struct error *e)
{
	return client_call(c, "host.skill.import", json_pack("{s:s, s:O, s:b, s:s*, s:s*}", "profile", c->profile, "files", files,
	    "check", (int)check, "name", arg_option(a, "name"), "category", arg_option(a, "category")), e);
}

static void
show_words(const char *label, const json_t *list)
{
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v) {
		cleanup_free char *line = text_line(json_string_value(v), 0);

		printf("%s%s\n", label, line);
	}
}

static void
show_report(const json_t *r)
{
	cleanup_free char *name = text_line(json_str(r, "name", ""), 80), *category = text_line(json_str(r, "category", ""), 40);
	cleanup_free char *about = text_line(json_str(r, "description", ""), 300);
	json_t *row;
	size_t i;
	char size[32];

	printf("%s/%s: %s\n", category, name, about);
	if (strcmp(json_str(r, "layout", ""), "open") == 0)
		puts("in the open layout of Agent Skills; its head is translated");
	json_array_foreach(json_object_get(r, "files"), i, row) {
		cleanup_free char *path = text_line(json_str(row, "path", ""), 0);

		printf("  %-40s %s\n", path, print_size(json_int(row, "size", 0), size, sizeof(size)));
	}
	show_words("left out: ", json_object_get(r, "left_out"));
	show_words("note: ", json_object_get(r, "findings"));
}

/* What would be is known; what is wrong with it, or what the person says, ends it here. 0: go on. */
static int
decide(const struct args *a, const json_t *report)
{
	const char *refused = json_str(report, "refused", NULL);

	if (arg_has(a, "json") && (refused != NULL || arg_has(a, "check")))
		print_json(stdout, report);
	else if (!arg_has(a, "json"))
		show_report(report);
	if (refused != NULL)
		return cli_failf("refused: %s", refused);
	if (arg_has(a, "check"))
		return -1;
	if (arg_has(a, "yes") || confirm("Import this skill? What it says will be followed."))
		return 0;
	return cli_failf("nothing was imported (--yes imports without a question)");
}

int
skill_import_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *files = skill_files(a->rest[0], &e), *before = NULL, *after = NULL;
	int r;

	if (files == NULL || (before = ask_import(c, a, files, true, &e)) == NULL)
		return cli_fail(&e);
	if ((r = decide(a, json_object_get(before, "report"))) != 0)
		return r == -1 ? 0 : r;
	if ((after = ask_import(c, a, files, false, &e)) == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json"))
		print_json(stdout, json_object_get(after, "report"));
	else
		printf("imported %s\n", json_str(json_object_get(after, "report"), "name", ""));
	return 0;
}
