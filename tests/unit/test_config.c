/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/buf.h"
#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/yaml.h"

static json_t *
yaml(const char *text)
{
	struct error e = { 0 };
	json_t *j = yaml_parse(text, strlen(text), &e);

	if (j == NULL)
		fail_msg("%s", e.text);
	return j;
}

static void
test_config_scalars_resolve_as_yaml_1_1(void **state)
{
	cleanup_json json_t *j = yaml("a: yes\nb: 'yes'\nc: 1_000\nd: 0x1f\ne: 017\nf: 1.5\ng: 1e3\nh: ~\ni: -3\n"
	    "j: .5\nk: 1.0e+3\nl: 12:30\nm: on\nn: text # note\no: \"5\"\np: 99999999999999999999\n");
	cleanup_json json_t *want = json_pack(
	    "{s:b,s:s,s:i,s:i,s:i,s:f,s:s,s:n,s:i,s:f,s:f,s:s,s:b,s:s,s:s,s:I}", "a", 1, "b", "yes", "c", 1000, "d", 31,
	    "e", 15, "f", 1.5, "g", "1e3", "h", "i", -3, "j", 0.5, "k", 1000.0, "l", "12:30", "m", 1, "n", "text", "o",
	    "5", "p", INT64_MAX);

	assert_true(json_equal(j, want));
}

static void
test_config_a_second_document_is_refused(void **state)
{
	static const char *const one[] = { "---\na: 1\n...\n", "a: 1\n# end\n", "--- {a: 1}\n...\n# end\n" };
	static const char *const two[] = { "a: 1\n---\nb: 2\n", "a: 1\n...\n---\n- b\n", "--- {a: 1}\n--- ]\n" };

	for (size_t i = 0; i < COUNT(one); i++)
		json_decref(yaml(one[i]));
	for (size_t i = 0; i < COUNT(two); i++) {
		struct error e = { 0 };

		assert_null(yaml_parse(two[i], strlen(two[i]), &e));
		assert_int_equal(e.code, ERR_invalid);
	}
}

static void
test_config_file_lies_over_the_defaults(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_json json_t *c = NULL;
	struct error e = { 0 };

	put_file(home, "config.yaml", "model: x/y\ntools: {max_steps_per_turn: 7, deny: [a, ' b ', a, '']}\n"
	    "runtime: {max_retries: -4, retry_backoff_s: fast}\n");
	c = config_load(home, &e);
	assert_non_null(c);
	assert_string_equal(config_str(c, "model"), "x/y");
	assert_int_equal(config_int(c, "tools.max_steps_per_turn", 1), 7);
	assert_int_equal(config_int(c, "tools.budget.per_result_chars", -1), 100000);
	assert_int_equal(config_int(c, "runtime.max_retries", 0), 2);
	assert_true(config_num(c, "runtime.retry_backoff_s", 0) == 1.5);
	assert_true(config_bool(c, "service.host"));
	assert_true(config_is_set(home, "tools.max_steps_per_turn"));
	assert_false(config_is_set(home, "service.host"));
	char **deny = config_list(c, "tools.deny");
	assert_string_equal(deny[0], "a");
	assert_string_equal(deny[1], "b");
	assert_null(deny[2]);
	config_list_free(deny);
	deny = config_list(c, "model");
	assert_null(deny[0]);
	config_list_free(deny);
}

static void
test_config_missing_file_is_all_defaults(void **state)
{
	cleanup_free char *home = temp_home();
	struct error e = { 0 };
	cleanup_json json_t *c = config_load(home, &e), *d = config_defaults();

	assert_true(json_equal(c, d));
}

static void
test_config_broken_files_say_where(void **state)
{
	static const char *const broken[] = {
		"a: [1, 2\n", "a: b: c\n", "- just\n- a list\n", "\x01\x02", "a: !python/object x\n", "[a]: b\n",
		"&a [*a]\n", "a: *nowhere\n", "plain text\n",
	};
	cleanup_free char *home = temp_home();

	for (size_t i = 0; i < COUNT(broken); i++) {
		struct error e = { 0 };
		cleanup_json json_t *c = NULL;

		put_file(home, "config.yaml", broken[i]);
		c = config_load(home, &e);
		assert_null(c);
		assert_int_equal(e.code, ERR_invalid);
		assert_non_null(strstr(e.text, "config.yaml"));
	}
}

static void
test_config_alias_bomb_is_refused(void **state)
{
	const char *bomb = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
	    "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
	    "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
	struct error e = { 0 };

	assert_null(yaml_parse(bomb, strlen(bomb), &e));
	assert_int_equal(e.code, ERR_invalid);
}

static void
test_config_a_long_text_cannot_be_said_a_thousand_times(void **state)
{
	static const char *const forms[] = { "*a,", "{*a : 1}," };

	for (size_t i = 0; i < COUNT(forms); i++) {
		cleanup_buf struct buf b = BUF(0);
		struct error e = { 0 };

		(void)buf_puts(&b, "a: &a ");
		for (int k = 0; k < 50000; k++)
			(void)buf_addc(&b, 'x');
		(void)buf_puts(&b, "\nb: [");
		for (int k = 0; k < 1000; k++)
			(void)buf_puts(&b, forms[i]);
		(void)buf_puts(&b, "]\n");
		assert_null(yaml_parse(buf_str(&b), b.len, &e));
		assert_int_equal(e.code, ERR_too_large);
	}
}

/* Each of them kept libyaml busy for seconds, some for minutes. */
static void
test_config_no_text_takes_long_to_refuse(void **state)
{
	static const char *const parts[] = { "[", "[\n", "{", "[a,", "? ", "- ", "- &a%d x\n", "%%TAG !a%d! tag:x\n", "[a: " };

	for (size_t i = 0; i < COUNT(parts); i++) {
		cleanup_buf struct buf b = BUF(CONFIG_MAX_BYTES);
		struct error e = { 0 };
		clock_t before = clock();

		for (int k = 0; buf_addf(&b, parts[i], k) == 0; k++)
			continue;
		assert_null(yaml_parse(buf_str(&b), b.len, &e));
		if ((clock() - before) / CLOCKS_PER_SEC >= 2)
			fail_msg("%s: %s", parts[i], e.text);
	}
}

static void
test_config_set_keeps_what_it_does_not_know(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_free char *text = NULL;
	cleanup_json json_t *value = json_string("yes"), *number = json_integer(5), *c = NULL;
	struct error e = { 0 };

	put_file(home, "config.yaml", "zebra: {stripes: [1, 2]}\nmodel: old\ntiers:\n  fast: {model: m, effort: low}\n"
	    "quoted: '007'\nempty: {}\n");
	assert_int_equal(config_set(home, "model", value, &e), 0);
	assert_int_equal(config_set(home, "empty.deep.key", number, &e), 0);
	assert_int_equal(config_set(home, "tools.terminal.approval.allowlist", NULL, &e), 0);
	text = get_file(home, "config.yaml");
	assert_true(strstr(text, "zebra") < strstr(text, "model"));
	c = yaml(text);
	assert_string_equal(json_str(c, "model", ""), "yes");
	assert_string_equal(json_str(c, "quoted", ""), "007");
	assert_int_equal(json_integer_value(json_at(c, "empty.deep.key")), 5);
	assert_int_equal(json_array_size(json_at(c, "zebra.stripes")), 2);
	assert_string_equal(json_string_value(json_at(c, "tiers.fast.effort")), "low");
}

static void
test_config_set_keeps_nothing_what_it_is(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_json json_t *value = json_string("m"), *c = NULL;
	struct error e = { 0 };

	put_file(home, "config.yaml", "a: {b: , c: '', d}\ne:\nf: ''\ng: [h: ]\n");
	assert_int_equal(config_set(home, "model", value, &e), 0);
	c = config_file(home, &e);
	assert_true(json_is_null(json_at(c, "a.b")) && json_is_null(json_at(c, "a.d")) && json_is_null(json_at(c, "e")));
	assert_true(json_is_null(json_object_get(json_array_get(json_at(c, "g"), 0), "h")));
	assert_true(json_is_string(json_at(c, "a.c")) && json_is_string(json_at(c, "f")));
}

static void
test_config_unset_removes_empty_parents(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_free char *text = NULL;
	struct error e = { 0 };

	put_file(home, "config.yaml", "a: {b: {c: 1}}\nd: 2\n");
	assert_int_equal(config_set(home, "a.b.c", NULL, &e), 0);
	assert_int_equal(config_set(home, "x.y", NULL, &e), 0);
	text = get_file(home, "config.yaml");
	assert_string_equal(text, "d: 2\n");
}

static void
test_config_append_makes_the_list_and_adds_once(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_json json_t *c = NULL;
	struct error e = { 0 };
	char **list;

	put_file(home, "config.yaml", "# only a comment\n");
	for (int i = 0; i < 2; i++)
		assert_int_equal(config_append(home, "tools.terminal.approval.allowlist", "recursive rm", &e), 0);
	assert_int_equal(config_append(home, "tools.terminal.approval.allowlist", "make *", &e), 0);
	c = config_load(home, &e);
	list = config_list(c, "tools.terminal.approval.allowlist");
	assert_string_equal(list[0], "recursive rm");
	assert_string_equal(list[1], "make *");
	assert_null(list[2]);
	config_list_free(list);
}

static void
test_config_failed_change_leaves_the_file(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_free char *text = NULL;
	cleanup_json json_t *v = json_true();
	struct error e = { 0 };

	put_file(home, "config.yaml", "a: [\n");
	assert_int_equal(config_set(home, "b", v, &e), -1);
	assert_int_equal(config_set(home, "b..c", v, &e), -1);
	text = get_file(home, "config.yaml");
	assert_string_equal(text, "a: [\n");
}

static void
test_env_lines_follow_the_rules(void **state)
{
	const char *text = "# note\nA=1\n  B = two words \nC=\"quoted\"\nD='a=b'\nE=\"open\nA=last\nnothing\n=x\nF=\n";
	cleanup_json json_t *env = env_parse(text, strlen(text));
	cleanup_json json_t *want = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s}", "A", "last", "B", "two words", "C", "quoted",
	    "D", "a=b", "E", "\"open", "F", "");

	assert_true(json_equal(env, want));
}

static void
test_env_set_changes_one_line(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_free char *text = NULL, *path = path_join(home, ".env");
	cleanup_json json_t *env = NULL;
	struct error e = { 0 };
	struct stat st;

	put_file(home, ".env", "# keep\nA=1\nB=2\nA=3");
	assert_int_equal(env_set(home, "A", " spaced ", &e), 0);
	assert_int_equal(env_set(home, "Q", "\"x\"", &e), 0);
	assert_int_equal(env_set(home, "B", NULL, &e), 0);
	assert_int_equal(env_set(home, "C", "x\nD=1", &e), -1);
	assert_int_equal(env_set(home, "lower", "x", &e), -1);
	text = get_file(home, ".env");
	assert_non_null(strstr(text, "# keep\n"));
	env = env_load(home);
	assert_string_equal(json_str(env, "A", ""), " spaced ");
	assert_string_equal(json_str(env, "Q", ""), "\"x\"");
	assert_null(json_object_get(env, "B"));
	assert_null(json_object_get(env, "D"));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_config_scalars_resolve_as_yaml_1_1),
		TEST(test_config_a_second_document_is_refused),
		TEST(test_config_file_lies_over_the_defaults),
		TEST(test_config_missing_file_is_all_defaults),
		TEST(test_config_broken_files_say_where),
		TEST(test_config_alias_bomb_is_refused),
		TEST(test_config_a_long_text_cannot_be_said_a_thousand_times),
		TEST(test_config_no_text_takes_long_to_refuse),
		TEST(test_config_set_keeps_what_it_does_not_know),
		TEST(test_config_set_keeps_nothing_what_it_is),
		TEST(test_config_unset_removes_empty_parents),
		TEST(test_config_append_makes_the_list_and_adds_once),
		TEST(test_config_failed_change_leaves_the_file),
		TEST(test_env_lines_follow_the_rules),
		TEST(test_env_set_changes_one_line),
	};

	return RUN(tests);
}
