/* SPDX-License-Identifier: Apache-2.0 */
/* The path denylist against the published vectors, and the holes they name. */
#include "toolrunner/denylist.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "tests/check.h"

/* The vectors' virtual links: an object path -> target. */
static int
virtual_readlink(void *arg, const char *path, char *out, size_t size)
{
	const char *target = json_str(arg, path, NULL);

	return target == NULL ? -1 : snprintf(out, size, "%s", target);
}

static const char *
judge(const char *path, json_t *links, char **resolved)
{
	struct denylist_env env = {
		.person = "/home/u", .root = "/home/u/.alpi", .workspace = "/home/u/work", .readlink = virtual_readlink, .arg = links,
	};
	struct error e = { 0 };
	const char *rule;

	if (denylist_check(path, &env, &rule, resolved, &e) == -1)
		fail_msg("%s: %s", path, e.text);
	return rule;
}

static bool
passes(const json_t *c, const char *rule)
{
	bool denied = strcmp(json_str(c, "verdict", ""), "denied") == 0;
	const char *match = json_str(c, "match", "");

	if (strcmp(match, "at_least") == 0)
		return !denied || rule != NULL;
	if (strcmp(match, "at_most") == 0)
		return denied || rule == NULL;
	return (rule != NULL) == denied && (!denied || strcmp(rule, json_str(c, "rule", "")) == 0);
}

static void
test_every_published_path_has_its_verdict(void **state)
{
	cleanup_json json_t *all = vectors("paths.json");
	size_t i;
	json_t *c;

	json_array_foreach(json_object_get(all, "cases"), i, c) {
		cleanup_free char *resolved = NULL;
		const char *rule = judge(json_str(c, "path", ""), json_object_get(c, "symlinks"), &resolved);

		if (!passes(c, rule))
			fail_msg("%s: %s: %s", json_str(c, "id", "?"), json_str(c, "path", ""), rule ? rule : "allowed");
		assert_string_equal(resolved, json_str(c, "resolved", ""));
	}
	assert_int_equal(i, 90);
}

static void
test_weak_spots_of_the_vectors_are_denied(void **state)
{
	cleanup_json json_t *all = vectors("paths.json");
	size_t i;
	json_t *c;

	json_array_foreach(json_object_get(all, "cases"), i, c)
		if (strcmp(json_str(c, "match", ""), "at_least") == 0 && judge(json_str(c, "path", ""), NULL, NULL) == NULL)
			fail_msg("%s: %s is allowed", json_str(c, "id", "?"), json_str(c, "path", ""));
}

static const struct {
	const char	*path, *rule;
} more[] = {
	{ "/etc/", "prefix:/etc/" }, { "//etc", "prefix:/etc/" }, { "/./etc/../etc/x", "prefix:/etc/" }, { "/etcetera", NULL },
	{ "~/.ssh", NULL }, { "~/.ssh/config.d/work", NULL }, { "~/.SSH/GitHub", "ssh-other" }, { "~/.ssh/known_hosts.old", NULL },
	{ "x/.env.EXAMPLE", NULL }, { ".env.local", "dotenv" }, { "~/.alpi/profiles/work/host/devices.yaml", "alpi-private" },
	{ "~/.alpi/alp/secrets", "alpi-private" }, { "~/.alpi/run/default/engined.ipc", "alpi-private" }, { "~/.alpi/workspace/host/x", NULL },
	{ "~/.alpi", NULL }, { "~other/.netrc", "rc-credentials" }, { "", NULL }, { ".", NULL }, { "~", NULL },
	{ "skills/a/b/secrets", "skill-secrets" }, { "/dev", "device" }, { "a/../../../../../../../etc/passwd", "prefix:/etc/" },
	{ "x.KEY", "key-suffix" }, { "~/.config/systemd", "autostart" },
};

static void
test_holes_are_closed(void **state)
{
	for (size_t i = 0; i < COUNT(more); i++) {
		const char *rule = judge(more[i].path, NULL, NULL);

		if ((rule == NULL) != (more[i].rule == NULL) || (rule != NULL && strcmp(rule, more[i].rule) != 0))
			fail_msg("%s: %s", more[i].path, rule ? rule : "allowed");
	}
}

static void
test_a_home_by_another_name_is_denied_all_the_same(void **state)
{
	cleanup_free char *dir = temp_home(), *home = xasprintf("%s/agent", dir), *link = xasprintf("%s/link", dir);
	struct denylist_env env = { .person = dir, .root = link, .workspace = dir };
	cleanup_free char *config = xasprintf("%s/config.yaml", home), *resolved = NULL;
	const char *rule = NULL;
	struct error e = { 0 };

	assert_int_equal(mkdir(home, 0700), 0);
	assert_int_equal(symlink("agent", link), 0);
	assert_int_equal(denylist_check("agent/config.yaml", &env, &rule, &resolved, &e), 1);
	assert_string_equal(rule, "profile-config");
	assert_string_equal(resolved, config);
	assert_int_equal(denylist_check("link/profiles/x/config.yaml", &env, &rule, NULL, &e), 1);
	assert_int_equal(denylist_check("agent/workspace/config.yaml", &env, &rule, NULL, &e), 0);
	assert_null(rule);
}

static void
test_real_links_are_followed_and_missing_tails_kept(void **state)
{
	cleanup_free char *dir = temp_home(), *link = xasprintf("%s/l", dir), *resolved = NULL;
	struct denylist_env env = { .person = dir, .workspace = dir };
	const char *rule = NULL;
	struct error e = { 0 };

	assert_int_equal(symlink("/etc", link), 0);
	assert_int_equal(denylist_check("l/not/there", &env, &rule, &resolved, &e), 1);
	assert_string_equal(resolved, "/etc/not/there");
	assert_string_equal(rule, "prefix:/etc/");
}

static void
test_a_loop_of_links_is_an_error(void **state)
{
	cleanup_free char *dir = temp_home(), *link = xasprintf("%s/l", dir);
	struct denylist_env env = { .person = dir, .workspace = dir };
	struct error e = { 0 };

	assert_int_equal(symlink("l", link), 0);
	assert_int_equal(denylist_check("l", &env, NULL, NULL, &e), -1);
	assert_int_equal(e.code, ERR_invalid);
}

static void
test_a_path_that_is_too_long_is_an_error(void **state)
{
	cleanup_free char *path = xcalloc(1, 70000);
	struct denylist_env env = { .person = "/p", .workspace = "/w" };
	struct error e = { 0 };

	memset(path, 'x', 69999);
	assert_int_equal(denylist_check(path, &env, NULL, NULL, &e), -1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_published_path_has_its_verdict),
		TEST(test_weak_spots_of_the_vectors_are_denied),
		TEST(test_holes_are_closed),
		TEST(test_a_home_by_another_name_is_denied_all_the_same),
		TEST(test_real_links_are_followed_and_missing_tails_kept),
		TEST(test_a_loop_of_links_is_an_error),
		TEST(test_a_path_that_is_too_long_is_an_error),
	};

	return RUN(tests);
}
