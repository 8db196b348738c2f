/* SPDX-License-Identifier: Apache-2.0 */
/* What a page about one profile is told, and what of it members are. */
#include "tests/unit/host_fixture.h"

/* A client that only listens. */
struct listener {
	struct client	 client;
	json_t		*heard;		/* the answer, once it is there */
};

static int
on_send(void *conn, const char *text, size_t len)
{
	struct listener *l = conn;

	l->heard = json_parse(text, len, 32, NULL);
	return 0;
}

static size_t
nothing(const void *conn)
{
	return 0;
}

static void
on_end(void *conn)
{
}

static const struct transport ears = { .send = on_send, .queued_bytes = nothing, .queued_messages = nothing, .end = on_end };

/* What engined answers at once, whenever it is asked. */
static void
answer_usage(struct fixture *f)
{
	struct asked *q = asked_for(f, MSG_usage_daily);
	cleanup_json json_t *days = json_array(), *peers = json_object();

	if (q != NULL)
		answer(f, q, &(struct usage_daily_reply){ .days = days, .by_peer = peers }, NULL);
}

/* The result of a verb as a caller with this role gets it; the caller frees. */
static json_t *
as(struct fixture *f, enum role role, const char *method, const char *params)
{
	struct listener l = { .client = { .host = &f->h, .transport = &ears, .role = role, .local = true, .connection = "host" } };
	cleanup_free char *line = xasprintf("{\"id\":1,\"method\":\"%s\",\"params\":%s}", method, params);
	json_t *result;

	l.client.conn = &l;
	f->idle = answer_usage;
	assert_int_equal(client_request(&l.client, line, strlen(line)), 0);
	while (l.heard == NULL)
		pump(f);
	f->idle = NULL;
	if ((result = json_incref(json_object_get(l.heard, "result"))) == NULL)
		fail_msg("%s", json_str(json_object_get(l.heard, "error"), "message", ""));
	json_decref(l.heard);
	return result;
}

#define DEFAULT "{\"profile\":\"default\"}"

static const json_t *
part_of(const json_t *rows, const char *key)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(json_str(row, "key", ""), key) == 0)
			return row;
	fail_msg("no part %s", key);
	return NULL;
}

static void
test_storage_counts_whole_folders_and_follows_no_link(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_free char *deep = path_join(f->root, "sessions/a/b"), *link = path_join(f->root, "sessions/a/away");
	cleanup_json json_t *o = NULL;
	const json_t *rows, *row;

	assert_int_equal(make_dirs(deep, 0700, NULL), 0);
	put_file(f->root, "sessions/one.json", "12345");
	put_file(f->root, "sessions/a/b/two.json", "1234567");
	put_file(f->root, "config.yaml", "model: offline/rules\n");
	assert_int_equal(symlink("/usr", link), 0);
	o = as(f, ROLE_ADMIN, "host.profile.storage", DEFAULT);
	rows = json_object_get(o, "storage");
	assert_int_equal(json_array_size(rows), 13);
	row = part_of(rows, "sessions");
	assert_int_equal(json_int(row, "file_count", -1), 2);
	assert_int_equal(json_int(row, "size_bytes", -1), 12);
	assert_true(strlen(json_str(row, "label", "")) > 0);
	assert_non_null(strstr(json_str(row, "path", ""), "/sessions"));
	assert_int_equal(json_int(part_of(rows, "workgroups"), "file_count", -1), 0);
	fixture_close(f);
}

static void
test_a_snapshot_has_all_sections_and_says_which_could_not_be_had(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_json json_t *o = NULL;

	put_file(f->root, ".env", "IMAP_ADDRESS=me@example.org\nOPENAI_API_KEY=sk-0123456789abcdef\n");
	o = as(f, ROLE_ADMIN, "host.settings.profile_snapshot", DEFAULT);
	assert_int_equal(json_array_size(json_at(o, "detail.provider_keys")), 1);
	assert_true(json_is_array(json_at(o, "storage")));
	assert_true(json_is_array(json_at(o, "usage.days")));
	assert_true(json_is_number(json_at(o, "usage.priceOut")));
	assert_string_equal(json_str(json_array_get(json_at(o, "email.accounts"), 0), "address", ""), "me@example.org");
	assert_false(json_bool(json_array_get(json_at(o, "email.accounts"), 0), "configured", true));
	assert_true(json_is_null(json_at(o, "schedules")));	/* there is no scheduler here */
	assert_non_null(json_at(o, "missing.schedules"));
	assert_int_equal(json_object_size(json_at(o, "missing")), 1);
	fixture_close(f);
}

static void
test_a_snapshot_has_the_sections_that_were_asked_for_and_no_other(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_json json_t *o = as(f, ROLE_ADMIN, "host.settings.profile_snapshot",
	    "{\"profile\":\"default\",\"sections\":[\"storage\",\"of a newer client\"]}");
	cleanup_json json_t *none = as(f, ROLE_ADMIN, "host.settings.profile_snapshot", "{\"profile\":\"default\",\"sections\":[]}");

	assert_int_equal(json_object_size(o), 1);
	assert_true(json_is_array(json_object_get(o, "storage")));
	assert_int_equal(json_object_size(none), 0);
	fixture_close(f);
}

/* No key's end, no server, no path, no spend: a member sees which model speaks and with what voice. */
static void
test_members_see_the_model_and_the_voice_only(void **state)
{
	struct fixture *f = fixture_open();
	cleanup_json json_t *o, *whole = NULL;

	put_file(f->root, ".env", "OPENAI_API_KEY=sk-0123456789abcdef\n");
	o = as(f, ROLE_MEMBER, "host.profile.detail", DEFAULT);
	assert_int_equal(json_object_size(o), 3);
	assert_true(json_is_array(json_object_get(o, "models")));
	whole = as(f, ROLE_MEMBER, "host.settings.profile_snapshot",
	    "{\"profile\":\"default\",\"sections\":[\"detail\",\"usage\",\"email\",\"storage\",\"schedules\"]}");
	assert_int_equal(json_object_size(whole), 1);
	assert_true(json_equal(json_object_get(whole, "detail"), o));
	assert_int_equal(f->nasked, 0);
	fixture_close(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_storage_counts_whole_folders_and_follows_no_link),
		TEST(test_a_snapshot_has_all_sections_and_says_which_could_not_be_had),
		TEST(test_a_snapshot_has_the_sections_that_were_asked_for_and_no_other),
		TEST(test_members_see_the_model_and_the_voice_only),
	};

	return RUN(tests);
}
