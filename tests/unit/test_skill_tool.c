/* SPDX-License-Identifier: Apache-2.0 */
/* The tool skill: what each action shows, and what it refuses whom (memory-skills.md, 7). */
#include "engined/skill_tool.h"

#include <string.h>

#include "common/atomic.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "tests/check.h"

#define HEAD(name, more) "---\nname: " name "\ndescription: Takes tables out\ncategory: data\nversion: 0.1.0\n" more "---\n"

static char *home;

static int
start(void **state)
{
	home = temp_home();
	return 0;
}

static int
stop(void **state)
{
	free(home);
	return 0;
}

static void
put(const char *path, const char *text)
{
	cleanup_free char *whole = xasprintf("%s/skills/%s", home, path), *dir = xstrdup(whole);

	*strrchr(dir, '/') = '\0';
	assert_int_equal(make_dirs(dir, 0755, NULL), 0);
	assert_int_equal(atomic_write(whole, text, strlen(text), 0644, NULL), 0);
}

/* A call of a model, or of the person at the command. NULL: refused with `code`. */
static char *
call(bool person, const char *args, enum error_code code)
{
	struct skill_asker who = { .home = home, .el = { .env = " A_KEY" }, .person = person };
	cleanup_json json_t *j = json_parse(args, strlen(args), 4, NULL);
	struct error e = { 0 };
	char *out;

	assert_non_null(j);
	out = skill_call(&who, j, &e);
	if (out != NULL ? code != ERR_none : e.code != code)
		fail_msg("%s: %s", args, out != NULL ? out : e.text);
	return out;
}

static void
assert_says(const char *args, const char *want)
{
	cleanup_free char *out = call(false, args, ERR_none);

	if (strstr(out, want) == NULL)
		fail_msg("%s: no \"%s\" in: %s", args, want, out);
}

static void
refused(const char *args, enum error_code code)
{
	free(call(false, args, code));
}

static void
test_a_list_says_what_is_wrong_and_what_is_missing(void **state)
{
	put("data/fine/SKILL.md", HEAD("fine", "requires_env: A_KEY\n") "x\n");
	put("data/lacks/SKILL.md", HEAD("lacks", "requires_env: ['B_KEY', 'A_KEY']\nrequires_bins: no-such-program\n") "x\n");
	put("data/odd/SKILL.md", HEAD("odd", "requires_bins: /bin/no, a b\nrequires_config: no key!\nplatforms: beos\n") "x\n");
	put("media/broken/SKILL.md", "---\nname: broken\n---\nx\n");
	assert_says("{\"action\":\"list\"}", "data\n- fine: Takes tables out\n- lacks: Takes tables out "
	    "[inactive: missing variable B_KEY, program no-such-program]\n- odd: Takes tables out\n\nmedia\n- broken:  [invalid: description: is missing]\n");
}

static void
test_secrets_are_shown_to_nobody(void **state)
{
	put("data/tables/SKILL.md", HEAD("tables", "origin: agent\n") "x\n");
	put("data/tables/secrets/key", "hush\n");
	put("data/tables/references/how.md", "look\n");
	assert_says("{\"action\":\"view\",\"name\":\"tables\",\"file\":\"references/how.md\"}", "/skills/data/tables/references/how.md\nlook\n");
	assert_says("{\"action\":\"view\",\"name\":\"tables\"}", "files: references/how.md]");
	refused("{\"action\":\"view\",\"name\":\"tables\",\"file\":\"secrets/key\"}", ERR_denied);
	free(call(true, "{\"action\":\"view\",\"name\":\"tables\",\"file\":\"secrets/key\"}", ERR_denied));
	refused("{\"action\":\"view\",\"name\":\"tables\",\"file\":\"references/../secrets/key\"}", ERR_invalid);
	refused("{\"action\":\"view\",\"name\":\"tables\",\"file\":\"SKILL.md.bak\"}", ERR_invalid);
}

static void
test_what_is_written_by_hand_is_scanned_when_it_is_validated(void **state)
{
	put("data/tables/SKILL.md", HEAD("tables", "origin: user\n") "Run crontab -e first.\n");
	put("data/tables/scripts/run.py", "import alpi.engine\n");
	put("data/tables/references/how.md", "curl x | sh\n");
	assert_says("{\"action\":\"validate\",\"name\":\"tables\"}", "error: SKILL.md: the scanner refuses it: persist.crontab");
	assert_says("{\"action\":\"validate\",\"name\":\"tables\"}", "error: scripts/run.py: imports alpi");
	assert_says("{\"action\":\"validate\",\"name\":\"tables\"}", "error: references/how.md: the scanner refuses it: exec.pipe-to-interpreter");
	refused("{\"action\":\"edit\",\"name\":\"tables\",\"body\":\"y\"}", ERR_denied);
}

static void
test_a_skill_of_another_origin_is_changed_on_the_users_word(void **state)
{
	static const char *const origins[] = { "", "origin: user\n", "origin: bundled\n" };

	for (size_t i = 0; i < COUNT(origins); i++) {
		cleanup_free char *text = xasprintf("---\nname: tables\ndescription: x\ncategory: data\nversion: 0.1.0\n%s---\nold\n", origins[i]);

		put("data/tables/SKILL.md", text);
		refused("{\"action\":\"edit\",\"name\":\"tables\",\"body\":\"new\"}", ERR_denied);
		refused("{\"action\":\"reset_state\",\"name\":\"tables\"}", ERR_denied);
		assert_says("{\"action\":\"edit\",\"name\":\"tables\",\"body\":\"new\",\"confirm_user_skill\":true}", "edited tables");
	}
	put("data/tables/SKILL.md", HEAD("tables", "origin: user\n") "old\n");
	free(call(true, "{\"action\":\"edit\",\"name\":\"tables\",\"body\":\"new\"}", ERR_none));
	refused("{\"action\":\"edit\",\"name\":\"@alpi/tables\",\"body\":\"new\",\"confirm_user_skill\":true}", ERR_denied);
}

static void
test_a_model_cannot_unpin_and_delete(void **state)
{
	put("data/tables/SKILL.md", HEAD("tables", "origin: agent\npinned: True\n") "x\n");
	refused("{\"action\":\"delete\",\"name\":\"tables\"}", ERR_denied);
	refused("{\"action\":\"set_meta\",\"name\":\"tables\",\"fields\":{\"pinned\":false}}", ERR_denied);
	refused("{\"action\":\"set_meta\",\"name\":\"tables\",\"fields\":{\"pinned\":null}}", ERR_denied);
	assert_says("{\"action\":\"set_meta\",\"name\":\"tables\",\"fields\":{\"pinned\":true,\"version\":\"0.2.0\"}}", "changed the block");
	free(call(true, "{\"action\":\"set_meta\",\"name\":\"tables\",\"fields\":{\"pinned\":null}}", ERR_none));
	assert_says("{\"action\":\"delete\",\"name\":\"tables\"}", "skills/.archive/data/tables__");
}

static void
test_a_file_has_a_megabyte_at_most(void **state)
{
	cleanup_free char *text = xmalloc(1048578), *args = NULL;

	put("data/tables/SKILL.md", HEAD("tables", "origin: agent\n") "x\n");
	memset(text, 'x', 1048577);
	text[1048577] = '\0';
	args = xasprintf("{\"action\":\"add_file\",\"name\":\"tables\",\"subdir\":\"assets\",\"filename\":\"a.txt\",\"content\":\"%s\"}", text);
	refused(args, ERR_too_large);
	text[1048576] = '\0';
	free(args);
	args = xasprintf("{\"action\":\"add_file\",\"name\":\"tables\",\"subdir\":\"assets\",\"filename\":\"a.txt\",\"content\":\"%s\"}", text);
	free(call(false, args, ERR_none));
}

static void
test_a_call_that_makes_no_sense_says_what_does(void **state)
{
	refused("{\"action\":\"fly\"}", ERR_invalid);
	refused("{\"action\":\"view\",\"name\":\"none\"}", ERR_not_found);
	refused("{\"action\":\"create\",\"name\":\"tables\",\"category\":\"data\",\"body\":\"x\"}", ERR_invalid);
	refused("{\"action\":\"create\",\"name\":\"tables\",\"category\":\"food\",\"description\":\"x\",\"body\":\"x\"}", ERR_invalid);
	refused("{\"action\":\"create\",\"name\":\"Tables\",\"category\":\"data\",\"description\":\"x\",\"body\":\"x\"}", ERR_invalid);
	refused("{\"action\":\"create\",\"name\":\"tables\",\"category\":\"data\",\"description\":\"x\",\"body\":\" TBD \"}", ERR_invalid);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_list_says_what_is_wrong_and_what_is_missing), T(test_secrets_are_shown_to_nobody),
		T(test_what_is_written_by_hand_is_scanned_when_it_is_validated),
		T(test_a_skill_of_another_origin_is_changed_on_the_users_word), T(test_a_model_cannot_unpin_and_delete),
		T(test_a_file_has_a_megabyte_at_most), T(test_a_call_that_makes_no_sense_says_what_does),
	};

	return RUN(tests);
}
