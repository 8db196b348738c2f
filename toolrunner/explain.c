/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See explain.h. Run by `alpi approval check` and `alpi path check`, so that
 * there is one classifier; it reads nothing but its arguments, the
 * environment's idea of home, and links on the way of the path.
 */
#include "toolrunner/explain.h"

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/approve.h"
#include "toolrunner/denylist.h"

static const char usage[] =
	"usage: alpi-toolrunner --explain approval [--json] -- COMMAND\n"
	"       alpi-toolrunner --explain path [--json] [--user-home DIR] [--workspace DIR] -- PATH\n";

struct asked {
	bool		 json;
	const char	*person, *workspace, *text;
};

static int
print_json(json_t *take)
{
	cleanup_json json_t *j = take;
	cleanup_free char *text = json_text(j);

	return puts(text) == EOF ? 1 : 0;
}

/* ---- approval ----------------------------------------------------------------------------- */

static json_t *
labels_of(const struct verdict *v)
{
	json_t *list = json_array();

	for (size_t i = 0; i < v->nfindings; i++)
		json_array_append_new(list, json_string(v->findings[i].label));
	return list;
}

static void
print_verdict(const struct verdict *v)
{
	if (v->label == NULL)
		printf("%s: %s\n", tier_name(v->tier), v->reason);
	else
		printf("%s: %s (%s)\n", tier_name(v->tier), v->label, v->reason);
	for (size_t i = 0; i < v->nfindings; i++)
		if (v->findings[i].label != v->label)
			printf("also %s: %s\n", tier_name(v->findings[i].tier), v->findings[i].label);
}

static int
explain_approval(const struct asked *a)
{
	struct verdict v;

	approve_classify(a->text, strlen(a->text), &v);
	if (a->json)
		return print_json(json_pack("{s:s, s:s?, s:o, s:s}", "tier", tier_name(v.tier), "label", v.label,
		    "labels", labels_of(&v), "reason", v.reason));
	print_verdict(&v);
	return 0;
}

/* ---- path --------------------------------------------------------------------------------- */

/* Where relative paths begin: as told, else configured, else here. The caller frees. */
static char *
workspace_for(const struct asked *a, const char *root)
{
	cleanup_free char *profile = profile_from_env(), *home = root == NULL ? NULL : profile_home(root, profile);
	cleanup_json json_t *config = home == NULL ? NULL : config_load(home, NULL);
	char here[PATH_MAX];

	if (a->workspace != NULL)
		return xstrdup(a->workspace);
	if (config != NULL && *config_str(config, "workspace") != '\0')
		return path_expand(config_str(config, "workspace"), a->person == NULL ? "/" : a->person);
	return xstrdup(getcwd(here, sizeof(here)) == NULL ? "/" : here);
}

static int
explain_path(const struct asked *a)
{
	cleanup_free char *person = a->person != NULL ? xstrdup(a->person) : home_person(), *resolved = NULL;
	cleanup_free char *root = a->person != NULL ? path_join(a->person, ".alpi") : home_root(NULL);
	cleanup_free char *workspace = workspace_for(a, root);
	struct denylist_env env = { .person = person, .root = root, .workspace = workspace };
	struct error e = { 0 };
	const char *rule, *verdict;

	if (denylist_check(a->text, &env, &rule, &resolved, &e) == -1) {
		fprintf(stderr, "alpi-toolrunner: %s\n", e.text);
		return 2;
	}
	verdict = rule == NULL ? "allowed" : "denied";
	if (a->json)
		return print_json(json_pack("{s:s, s:s?, s:s}", "verdict", verdict, "rule", rule, "resolved", resolved));
	printf("%s%s%s: %s\n", verdict, rule == NULL ? "" : " by ", rule == NULL ? "" : rule, resolved);
	return 0;
}

/* ---- arguments ---------------------------------------------------------------------------- */

static const struct {
	const char	*name;
	int		(*explain)(const struct asked *a);
	bool		 about_paths;
} subjects[] = {
	{ "approval", explain_approval, false },
	{ "path", explain_path, true },
};

/* Everything up to "--" and the text behind it. 0 or -1. */
static int
parse(int argc, char *argv[], bool about_paths, struct asked *a)
{
	int i;

	for (i = 3; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--json") == 0)
			a->json = true;
		else if (about_paths && strcmp(argv[i], "--user-home") == 0 && i + 1 < argc)
			a->person = argv[++i];
		else if (about_paths && strcmp(argv[i], "--workspace") == 0 && i + 1 < argc)
			a->workspace = argv[++i];
		else
			return -1;
	}
	if (i + 2 != argc)
		return -1;
	a->text = argv[i + 1];
	return 0;
}

int
explain_main(int argc, char *argv[])
{
	struct asked a = { 0 };

	for (size_t i = 0; argc > 2 && i < COUNT(subjects); i++)
		if (strcmp(argv[2], subjects[i].name) == 0 && parse(argc, argv, subjects[i].about_paths, &a) == 0)
			return subjects[i].explain(&a);
	fputs(usage, stderr);
	return 2;
}
