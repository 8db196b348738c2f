/* SPDX-License-Identifier: Apache-2.0 */
/* The settings child: what it changes, what it refuses, what it leaves alone. */
#include "tests/unit/host_fixture.h"

#include "common/gateways.h"

struct outcome {
	bool		 came;
	json_t		*result;
	struct error	 e;
};

static void
on_done(void *arg, const json_t *result, const struct error *e)
{
	struct outcome *o = arg;

	o->came = true;
	o->result = json_deep_copy(result);
	if (e != NULL)
		o->e = *e;
}

/* One order; its result, or NULL with *e. */
static json_t *
give(struct fixture *f, const char *what, json_t *params, struct error *e)
{
	struct outcome o = { 0 };

	settings_order(f->h.settings, what, params, on_done, &o);
	while (!o.came)
		event_base_loop(f->d.base, EVLOOP_ONCE);
	if (e != NULL)
		*e = o.e;
	return o.result;
}

static void
good(struct fixture *f, const char *what, json_t *params)
{
	struct error e;
	json_t *result = give(f, what, params, &e);

	if (result == NULL)
		fail_msg("%s: %s", what, e.text);
	json_decref(result);
}

static void
bad(struct fixture *f, const char *what, json_t *params, enum error_code code)
{
	struct error e = { 0 };

	assert_null(give(f, what, params, &e));
	if (e.code != code)
		fail_msg("%s: %s (%s)", what, error_name(e.code), e.text);
}

static json_t *
set(const char *key, json_t *take_value)
{
	return json_pack("{s:s, s:s, s:o}", "profile", "default", "key", key, "value", take_value);
}

static void
contains(struct fixture *f, const char *file, const char *text)
{
	cleanup_free char *all = get_file(f->root, file);

	if (strstr(all, text) == NULL)
		fail_msg("%s does not hold '%s':\n%s", file, text, all);
}

static void
lacks(struct fixture *f, const char *file, const char *text)
{
	cleanup_free char *all = get_file(f->root, file);

	if (strstr(all, text) != NULL)
		fail_msg("%s holds '%s':\n%s", file, text, all);
}

static void
test_values_are_coerced_as_the_host_plane_says(void **state)
{
	struct fixture *f = fixture_open();

	good(f, "set", set("alp.tcp_port", json_string("7423")));
	good(f, "set", set("budget.daily_usd", json_string("2.5")));
	good(f, "set", set("paused", json_string("true")));
	good(f, "set", set("tools.max_steps_per_turn", json_integer(12)));
	good(f, "set", set("public_bio", json_null()));
	good(f, "set", set("tui.accent", json_string("7")));
	contains(f, "config.yaml", "tcp_port: 7423\n");
	contains(f, "config.yaml", "daily_usd: 2.5\n");
	contains(f, "config.yaml", "paused: true\n");
	contains(f, "config.yaml", "max_steps_per_turn: 12\n");
	contains(f, "config.yaml", "accent: '7'\n");
	bad(f, "set", set("alp.tcp_port", json_string("many")), ERR_invalid);
	bad(f, "set", set("budget.daily_usd", json_string("")), ERR_invalid);
	bad(f, "set", set("host.endpoints", json_string("x")), ERR_denied);
	bad(f, "set", set("model", json_object()), ERR_invalid);
	fixture_close(f);
}

static void
test_lists_are_taken_where_a_list_belongs(void **state)
{
	struct fixture *f = fixture_open();

	good(f, "set", set("sandbox.read", json_pack("[s, s]", "/srv/a", "/srv/b")));
	contains(f, "config.yaml", "/srv/a");
	bad(f, "set", set("sandbox.read", json_pack("[i]", 1)), ERR_invalid);
	bad(f, "set", set("model", json_pack("[s]", "a/b")), ERR_invalid);
	fixture_close(f);
}

static void
test_what_we_do_not_know_stays(void **state)
{
	struct fixture *f = fixture_open();

	put_file(f->root, "config.yaml", "model: a/b\nrelay: {peer: kim}\nmine:\n  - 1\n");
	good(f, "set", set("model", json_string("offline/rules")));
	good(f, "set", set("tui.theme", json_string("light")));
	good(f, "unset", json_pack("{s:s, s:s}", "profile", "default", "key", "tui.theme"));
	contains(f, "config.yaml", "offline/rules");
	contains(f, "config.yaml", "kim");
	contains(f, "config.yaml", "mine:");
	lacks(f, "config.yaml", "tui");
	fixture_close(f);
}

static void
test_a_broken_file_is_left_alone(void **state)
{
	struct fixture *f = fixture_open();

	put_file(f->root, "config.yaml", "model: [\n");
	bad(f, "set", set("model", json_string("a/b")), ERR_invalid);
	contains(f, "config.yaml", "model: [\n");
	fixture_close(f);
}

static void
test_newlines_do_not_bring_in_more(void **state)
{
	struct fixture *f = fixture_open();

	put_file(f->root, "config.yaml", "model: a/b\n");
	bad(f, "set", set("a\nsandbox", json_string("x")), ERR_invalid);
	bad(f, "set", set("a: b", json_string("x")), ERR_invalid);
	good(f, "set", set("public_bio", json_string("x\nsandbox: {network: any}")));
	lacks(f, "config.yaml", "\nsandbox:");
	bad(f, "env_set", set("OPENAI_API_KEY", json_string("k\nTELEGRAM_BOT_TOKEN=1")), ERR_invalid);
	bad(f, "env_set", set("OPENAI_API_KEY", json_string("k\rX=1")), ERR_invalid);
	bad(f, "env_set", set("A\nB", json_string("k")), ERR_invalid);
	bad(f, "add_ollama", json_pack("{s:s, s:s, s:s}", "profile", "default", "name", "x", "url", "http://a\nb"),
	    ERR_invalid);
	fixture_close(f);
}

static void
test_keys_go_to_env_and_reserved_names_do_not(void **state)
{
	static const char *const reserved[] = { "HOME", "PATH", "USER", "ALPI_HOME", "ALPI_PROFILE", "PYTHONPATH",
		"TMPDIR", "LANG", "LC_ALL" };
	struct fixture *f = fixture_open();

	put_file(f->root, ".env", "# mine\nOTHER=1\n");
	good(f, "env_set", set("OPENAI_API_KEY", json_string("sk-12345678901234567890")));
	contains(f, ".env", "# mine\nOTHER=1\n");
	contains(f, ".env", "OPENAI_API_KEY=sk-12345678901234567890\n");
	for (size_t i = 0; i < COUNT(reserved); i++)
		bad(f, "env_set", set(reserved[i], json_string("x")), ERR_denied);
	bad(f, "env_set", set("lower", json_string("x")), ERR_invalid);
	bad(f, "env_set", set("1A", json_string("x")), ERR_invalid);
	bad(f, "env_set", set("", json_string("x")), ERR_invalid);
	fixture_close(f);
}

static void
test_a_model_is_cleared_with_the_key_it_needs(void **state)
{
	struct fixture *f = fixture_open();
	json_t *result;

	good(f, "env_set", set("OPENAI_API_KEY", json_string("k")));
	good(f, "set", set("model", json_string("openai/gpt-5.5")));
	good(f, "set", set("model_reasoning.effort", json_string("low")));
	contains(f, "config.yaml", "low");
	good(f, "set", set("model", json_string("groq/small")));
	lacks(f, "config.yaml", "low");		/* it cannot think with an effort */
	good(f, "set", set("model", json_string("openai/gpt-5.5")));
	result = give(f, "env_unset", json_pack("{s:s, s:s}", "profile", "default", "key", "OPENAI_API_KEY"), NULL);
	assert_true(json_bool(result, "model_cleared", false));
	json_decref(result);
	lacks(f, "config.yaml", "gpt");
	lacks(f, ".env", "OPENAI");
	fixture_close(f);
}

static void
test_one_telegram_token_serves_one_profile(void **state)
{
	struct fixture *f = fixture_open();
	struct error e = { 0 };

	good(f, "create", json_pack("{s:s}", "name", "work"));
	good(f, "env_set", set("TELEGRAM_BOT_TOKEN", json_string("12345678:abc")));
	good(f, "env_set", set("TELEGRAM_BOT_TOKEN", json_string("12345678:abc")));
	assert_null(give(f, "env_set", json_pack("{s:s, s:s, s:s}", "profile", "work", "key", "TELEGRAM_BOT_TOKEN",
	    "value", "12345678:abc"), &e));
	assert_int_equal(e.code, ERR_invalid);
	assert_non_null(strstr(e.text, "default"));
	fixture_close(f);
}

static json_t *
platform(const char *profile, const char *name, json_t *take_config)
{
	return json_pack("{s:s, s:s, s:o*}", "profile", profile, "name", name, "config", take_config);
}

static void
test_a_platform_is_stored_shown_and_forgotten(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *state_dir = path_join(f->root, "gateway"), *file = path_join(state_dir, "telegram-state.json");
	json_t *shown;

	good(f, "gateway_set", platform("default", "telegram", json_pack("{s:s, s:s}", "TELEGRAM_BOT_TOKEN", "12345678:abcdef",
	    "TELEGRAM_ALLOWED_CHAT_IDS", "1,2")));
	shown = give(f, "gateway_config", platform("default", "telegram", NULL), NULL);
	assert_string_equal(json_str(json_object_get(shown, "config"), "TELEGRAM_BOT_TOKEN", ""), "123…cdef");
	assert_string_equal(json_str(json_object_get(shown, "config"), "TELEGRAM_ALLOWED_CHAT_IDS", ""), "1,2");
	json_decref(shown);
	good(f, "gateway_set", platform("default", "telegram", json_pack("{s:s}", "TELEGRAM_ALLOWED_CHAT_IDS", "")));
	lacks(f, ".env", "ALLOWED");
	contains(f, ".env", "12345678:abcdef");
	assert_int_equal(mkdir(state_dir, 0700), 0);
	put_file(state_dir, "telegram-state.json", "{}");
	good(f, "gateway_clear", platform("default", "telegram", NULL));
	good(f, "gateway_forget", platform("default", "telegram", NULL));
	lacks(f, ".env", "TELEGRAM");
	assert_int_equal(access(file, F_OK), -1);
	good(f, "gateway_forget", platform("default", "telegram", NULL));
	fixture_close(f);
}

static void
test_a_platform_takes_only_what_is_its_own(void **state)
{
	struct fixture *f = fixture_open();

	good(f, "create", json_pack("{s:s}", "name", "work"));
	good(f, "gateway_set", platform("default", "telegram", json_pack("{s:s}", "TELEGRAM_BOT_TOKEN", "12345678:abcdef")));
	bad(f, "gateway_set", platform("work", "telegram", json_pack("{s:s}", "TELEGRAM_BOT_TOKEN", " '12345678:abcdef'")), ERR_invalid);
	bad(f, "gateway_set", platform("default", "telegram", json_pack("{s:s}", "OPENAI_API_KEY", "k")), ERR_invalid);
	bad(f, "gateway_set", platform("default", "telegram", json_pack("{s:i}", "TELEGRAM_BOT_TOKEN", 5)), ERR_invalid);
	bad(f, "gateway_set", platform("default", "telegram", json_pack("{s:s}", "TELEGRAM_BOT_TOKEN", "a\nHOME=/")), ERR_invalid);
	bad(f, "gateway_set", platform("default", "smoke", NULL), ERR_not_found);
	bad(f, "gateway_clear", platform("default", "smoke", NULL), ERR_not_found);
	bad(f, "gateway_forget", platform("default", "../x", NULL), ERR_not_found);
	fixture_close(f);
}

static void
test_what_is_off_stands_in_the_file_and_what_is_on_does_not(void **state)
{
	struct fixture *f = fixture_open();
	json_t *off = platform("default", "matrix", NULL);

	json_object_set_new(off, "enabled", json_false());
	good(f, "gateway_set", off);
	contains(f, "config.yaml", "enabled: false");
	good(f, "gateway_set", platform("default", "matrix", NULL));
	lacks(f, "config.yaml", "enabled");
	fixture_close(f);
}

/* init hands out the list; a platform reads the tables. */
static void
test_the_list_of_variables_is_that_of_the_platforms(void **state)
{
	size_t n = 0, keys = 0;

	for (const struct gateway_kind *g = gateway_kinds; g->name != NULL; g++)
		for (const struct gateway_key *k = g->keys; k->env != NULL; k++, keys++) {
			for (n = 0; gateway_variables[n] != NULL && strcmp(gateway_variables[n], k->env) != 0; n++)
				;
			if (gateway_variables[n] == NULL)
				fail_msg("%s is handed to nobody", k->env);
		}
	for (n = 0; gateway_variables[n] != NULL; n++)
		;
	assert_int_equal(n, keys);
}

static void
test_servers_are_added_once_and_removed(void **state)
{
	struct fixture *f = fixture_open();
	const char *form = "{s:s, s:s, s:s}";

	good(f, "add_ollama", json_pack(form, "profile", "default", "name", "box", "url", "http://10.0.0.2:11434"));
	bad(f, "add_ollama", json_pack(form, "profile", "default", "name", "box", "url", "http://x"), ERR_exists);
	bad(f, "add_ollama", json_pack(form, "profile", "default", "name", "b/x", "url", "http://x"), ERR_invalid);
	bad(f, "add_ollama", json_pack(form, "profile", "default", "name", "x", "url", "file:///etc"), ERR_invalid);
	contains(f, "config.yaml", "http://10.0.0.2:11434");
	good(f, "remove_ollama", json_pack("{s:s, s:s}", "profile", "default", "name", "box"));
	bad(f, "remove_ollama", json_pack("{s:s, s:s}", "profile", "default", "name", "box"), ERR_not_found);
	lacks(f, "config.yaml", "10.0.0.2");
	fixture_close(f);
}

static void
test_the_network_opens_only_with_the_sandbox_on(void **state)
{
	struct fixture *f = fixture_open();
	const char *form = "{s:s, s:s, s:s}";

	bad(f, "sandbox", json_pack(form, "profile", "default", "what", "network", "state", "on"), ERR_busy);
	good(f, "sandbox", json_pack(form, "profile", "default", "what", "sandbox", "state", "on"));
	good(f, "sandbox", json_pack(form, "profile", "default", "what", "network", "state", "on"));
	contains(f, "config.yaml", "allow_network: true");
	good(f, "sandbox", json_pack(form, "profile", "default", "what", "sandbox", "state", "off"));
	lacks(f, "config.yaml", "allow_network: true");
	bad(f, "sandbox", json_pack(form, "profile", "default", "what", "sandbox", "state", "half"), ERR_invalid);
	fixture_close(f);
}

static void
test_an_allowed_label_is_appended_once(void **state)
{
	struct fixture *f = fixture_open();

	put_file(f->root, "config.yaml", "tools: {terminal: {approval: {allowlist: [sudo]}}}\n");
	good(f, "allow", json_pack("{s:s, s:s}", "profile", "default", "label", "git force-push"));
	good(f, "allow", json_pack("{s:s, s:s}", "profile", "default", "label", "git force-push"));
	contains(f, "config.yaml", "sudo");
	contains(f, "config.yaml", "git force-push");
	bad(f, "allow", json_pack("{s:s, s:s}", "profile", "default", "label", ""), ERR_invalid);
	fixture_close(f);
}

static void
test_profiles_are_made_and_moved_to_the_trash(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *home = path_join(f->root, "profiles/work");
	struct stat st;
	json_t *result;

	good(f, "create", json_pack("{s:s}", "name", "work"));
	assert_int_equal(stat(home, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	bad(f, "create", json_pack("{s:s}", "name", "work"), ERR_exists);
	bad(f, "create", json_pack("{s:s}", "name", "default"), ERR_invalid);
	bad(f, "create", json_pack("{s:s}", "name", "alpi"), ERR_invalid);
	bad(f, "create", json_pack("{s:s}", "name", "../x"), ERR_invalid);
	result = give(f, "remove", json_pack("{s:s}", "profile", "work"), NULL);
	assert_non_null(result);
	assert_int_equal(stat(home, &st), -1);
	assert_int_equal(stat(json_str(result, "archived_at", ""), &st), 0);
	json_decref(result);
	bad(f, "remove", json_pack("{s:s}", "profile", "work"), ERR_not_found);
	bad(f, "remove", json_pack("{s:s}", "profile", "default"), ERR_invalid);
	fixture_close(f);
}

static void
test_lists_show_profiles_and_no_key(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *text = NULL;
	json_t *rows;

	good(f, "create", json_pack("{s:s}", "name", "zeta"));
	good(f, "create", json_pack("{s:s}", "name", "alfa"));
	good(f, "env_set", set("OPENAI_API_KEY", json_string("sk-abcdefghijklmnop")));
	rows = give(f, "profiles", json_object(), NULL);
	assert_string_equal(json_str(json_array_get(rows, 0), "name", ""), "default");
	assert_string_equal(json_str(json_array_get(rows, 1), "name", ""), "alfa");
	assert_true(json_bool(json_array_get(rows, 0), "is_default", false));
	json_decref(rows);
	rows = give(f, "summaries", json_object(), NULL);
	assert_true(json_bool(json_array_get(rows, 0), "has_any_provider", false));
	assert_false(json_bool(json_array_get(rows, 1), "has_any_provider", true));
	json_decref(rows);
	rows = give(f, "detail", json_pack("{s:s}", "profile", "default"), NULL);
	text = json_text(rows);
	assert_null(strstr(text, "abcdefgh"));
	assert_non_null(strstr(text, "sk-…mnop"));
	json_decref(rows);
	fixture_close(f);
}

static void
test_an_order_that_is_none_is_refused(void **state)
{
	struct fixture *f = fixture_open();

	bad(f, "shell", json_object(), ERR_unsupported);
	bad(f, "set", json_pack("{s:s}", "profile", "none"), ERR_not_found);
	bad(f, "set", json_pack("{s:s}", "profile", "../.."), ERR_invalid);
	fixture_close(f);
}

static void
test_clients_change_settings_through_verbs(void **state)
{
	struct fixture *f = fixture_open();
	int events = begin_call(f, "host.events.subscribe", "{\"kinds\":[\"config_changed\"]}");
	json_t *o;

	expect_frame(f, events, "subscribed");
	o = call_host(f, "host.config.set_field", "{\"profile\":\"default\",\"key\":\"model\",\"value\":\"offline/rules\"}");
	assert_true(json_bool(json_object_get(o, "result"), "ok", false));
	json_decref(o);
	o = frame(f, events, "config_changed");
	assert_string_equal(json_str(json_object_get(o, "data"), "profile", ""), "default");
	json_decref(o);
	o = call_host(f, "host.providers.set_key",	/* init is not there to reload: saved all the same */
	    "{\"profile\":\"default\",\"key\":\"OPENAI_API_KEY\",\"value\":\"sk-1\"}");
	assert_true(json_bool(json_object_get(o, "result"), "ok", false));
	json_decref(o);
	o = call_host(f, "host.profiles.list", "{}");
	assert_int_equal(json_array_size(json_at(o, "result.profiles")), 1);
	json_decref(o);
	o = call_host(f, "host.profile.summaries", "{}");
	assert_false(json_bool(json_array_get(json_at(o, "result.profiles"), 0), "running", true));
	json_decref(o);
	close(events);
	fixture_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_values_are_coerced_as_the_host_plane_says),
		TEST(test_lists_are_taken_where_a_list_belongs),
		TEST(test_what_we_do_not_know_stays),
		TEST(test_a_broken_file_is_left_alone),
		TEST(test_newlines_do_not_bring_in_more),
		TEST(test_keys_go_to_env_and_reserved_names_do_not),
		TEST(test_a_model_is_cleared_with_the_key_it_needs),
		TEST(test_one_telegram_token_serves_one_profile),
		TEST(test_a_platform_is_stored_shown_and_forgotten),
		TEST(test_a_platform_takes_only_what_is_its_own),
		TEST(test_what_is_off_stands_in_the_file_and_what_is_on_does_not),
		TEST(test_the_list_of_variables_is_that_of_the_platforms),
		TEST(test_servers_are_added_once_and_removed),
		TEST(test_the_network_opens_only_with_the_sandbox_on),
		TEST(test_an_allowed_label_is_appended_once),
		TEST(test_profiles_are_made_and_moved_to_the_trash),
		TEST(test_lists_show_profiles_and_no_key),
		TEST(test_an_order_that_is_none_is_refused),
		TEST(test_clients_change_settings_through_verbs),
	};

	return RUN(tests);
}
