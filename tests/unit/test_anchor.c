/* SPDX-License-Identifier: Apache-2.0 */
/* The signature under the audit chains: made when something changed, and only then. */
#include "tests/unit/link_fixture.h"

#include "alpd/anchor.h"
#include "alpd/watch.h"
#include "common/audit.h"

static void
add_rows(struct fixture *f, const char *chain, int n)
{
	struct error e = { 0 };
	struct audit *a = audit_open(f->a.home, chain, &e);

	assert_non_null(a);
	for (int i = 0; i < n; i++)
		assert_int_equal(audit_add(a, "tool.exec", "local", "allow", NULL, &e), 0);
	audit_close(a);
}

static struct fixture *
open_anchor(void)
{
	struct fixture *f = fixture_new();
	struct error e = { 0 };

	if ((f->a.anchor = anchor_new(&f->a, &e)) == NULL)
		fail_msg("%s", e.text);
	return f;
}

static void
close_anchor(struct fixture *f)
{
	anchor_free(f->a.anchor);
	fixture_free(f);
}

static void
sign(struct fixture *f)
{
	struct error e = { 0 };

	if (anchor_now(f->a.anchor, &e) == -1)
		fail_msg("%s", e.text);
}

struct found {
	const char	*chain;
	int64_t		 rows;		/* of the newest anchor; 0: none */
	char		 head[65];
	uint8_t		 sig[SIGNATURE_BYTES];
	size_t		 n;
};

static void
find_anchor(void *arg, int64_t number, const char head[65], const json_t *row)
{
	struct found *f = arg;
	const char *sig = json_str(row, "sig", "");

	if (strcmp(json_str(row, "what", ""), "anchor") != 0 || strcmp(json_str(row, "chain", ""), f->chain) != 0)
		return;
	f->n++;
	f->rows = json_int(row, "rows", 0);
	snprintf(f->head, sizeof(f->head), "%s", json_str(row, "head", ""));
	assert_int_equal(sodium_base642bin(f->sig, sizeof(f->sig), sig, strlen(sig), NULL, NULL, NULL,
	    sodium_base64_VARIANT_ORIGINAL), 0);
}

static struct found
anchors(struct fixture *f, const char *chain)
{
	cleanup_free char *path = path_join(f->a.home, "logs/audit/alpd.jsonl");
	struct found found = { .chain = chain };
	struct error e = { 0 };

	if (audit_walk(path, find_anchor, &found, &e) == -1)
		fail_msg("%s", e.text);
	return found;
}

static void
test_every_chain_that_changed_is_signed_by_the_identity(void **state)
{
	struct fixture *f = open_anchor();
	cleanup_free char *path = path_join(f->a.home, "logs/audit/toolrunner.jsonl");
	struct found tool, own;
	uint8_t key[KEY_BYTES];
	char head[65];
	int64_t rows;

	add_rows(f, "toolrunner", 3);
	assert_int_equal(audit_add(f->a.audit, "peers.add", "host", "allow", NULL, NULL), 0);
	sign(f);
	tool = anchors(f, "toolrunner");
	own = anchors(f, "alpd");
	assert_int_equal(tool.n, 1);
	assert_int_equal(tool.rows, 3);
	assert_int_equal(own.n, 1);
	assert_int_equal(own.rows, 2);			/* with the anchor of the other */
	assert_int_equal(audit_head(path, &rows, head, NULL), 0);
	assert_string_equal(tool.head, head);
	assert_int_equal(identity_parse(identity_name(f->self.id), key), 0);
	assert_int_equal(identity_anchor_verify(key, "toolrunner", 3, tool.head, tool.sig), 1);
	assert_int_equal(identity_anchor_verify(key, "toolrunner", 4, tool.head, tool.sig), 0);
	close_anchor(f);
}

static void
test_what_did_not_change_is_not_signed_again(void **state)
{
	struct fixture *f = open_anchor();

	add_rows(f, "toolrunner", 3);
	sign(f);
	sign(f);
	assert_int_equal(anchors(f, "toolrunner").n, 1);
	assert_int_equal(anchors(f, "alpd").n, 1);
	add_rows(f, "toolrunner", 1);
	sign(f);
	assert_int_equal(anchors(f, "toolrunner").n, 2);
	close_anchor(f);
}

static void
test_a_restart_alone_signs_nothing(void **state)
{
	struct fixture *f = open_anchor();
	size_t n;

	add_rows(f, "toolrunner", 3);
	sign(f);
	anchor_free(f->a.anchor);
	f->a.anchor = anchor_new(&f->a, NULL);
	n = anchors(f, "alpd").n;
	sign(f);
	assert_int_equal(anchors(f, "toolrunner").n, 1);
	assert_int_equal(anchors(f, "alpd").n, n);
	close_anchor(f);
}

static void
test_no_chain_is_no_anchor(void **state)
{
	struct fixture *f = open_anchor();
	cleanup_free char *text = NULL;

	sign(f);
	text = get_file(f->a.home, "logs/audit/alpd.jsonl");
	assert_string_equal(text, "");
	close_anchor(f);
}

static void
test_files_that_are_no_chains_are_left_alone(void **state)
{
	struct fixture *f = open_anchor();

	put_file(f->a.home, "logs/audit/.jsonl", "x");
	put_file(f->a.home, "logs/audit/notes.txt", "x");
	put_file(f->a.home, "logs/audit/aname-that-is-longer-than-a-chain.jsonl", "x");
	sign(f);
	close_anchor(f);
}

/* One that cannot be read is told of, and does not keep the others unsigned. */
static void
test_a_broken_chain_does_not_keep_the_others_from_being_signed(void **state)
{
	struct fixture *f = open_anchor();
	struct error e = { 0 };

	put_file(f->a.home, "logs/audit/broken.jsonl", "what is this\n");
	add_rows(f, "toolrunner", 3);
	assert_int_equal(anchor_now(f->a.anchor, &e), -1);
	assert_non_null(strstr(e.text, "broken.jsonl"));
	assert_int_equal(anchors(f, "toolrunner").n, 1);
	close_anchor(f);
}

/* ---- when ------------------------------------------------------------------------------------------------ */

static void
count(void *arg)
{
	++*(int *)arg;
}

static void
test_many_changes_are_heard_of_once(void **state)
{
	struct fixture *f = fixture_new();
	cleanup_free char *dir = path_join(f->a.home, "logs/audit");
	struct error e = { 0 };
	struct watch *w;
	int heard = 0;

	w = watch_new(f->d.base, dir, count, &heard, &e);
	assert_non_null(w);
	add_rows(f, "toolrunner", 1);
	event_base_loop(f->d.base, EVLOOP_NONBLOCK);
	assert_int_equal(heard, 0);			/* nobody asked yet */
	for (int i = 1; i <= 2; i++) {
		assert_int_equal(watch_next(w, &e), 0);
		for (int j = 0; j < 5; j++) {
			add_rows(f, "toolrunner", 1);
			event_base_loop(f->d.base, EVLOOP_NONBLOCK);
		}
		assert_int_equal(heard, i);
	}
	watch_free(w);
	fixture_free(f);
}

static void
test_idle_costs_no_wake_up(void **state)
{
	struct fixture *f = open_anchor();

	assert_false(anchor_waits(f->a.anchor));
	add_rows(f, "toolrunner", 1);
	for (int i = 0; i < 10; i++)
		event_base_loop(f->d.base, EVLOOP_NONBLOCK);
	assert_true(anchor_waits(f->a.anchor));
	close_anchor(f);
}

static void
test_what_was_written_while_nobody_looked_is_a_change(void **state)
{
	struct fixture *f = fixture_new();

	add_rows(f, "toolrunner", 1);
	f->a.anchor = anchor_new(&f->a, NULL);
	assert_true(anchor_waits(f->a.anchor));
	sign(f);
	anchor_free(f->a.anchor);
	f->a.anchor = anchor_new(&f->a, NULL);
	assert_false(anchor_waits(f->a.anchor));
	close_anchor(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_chain_that_changed_is_signed_by_the_identity),
		TEST(test_what_did_not_change_is_not_signed_again),
		TEST(test_a_restart_alone_signs_nothing),
		TEST(test_no_chain_is_no_anchor),
		TEST(test_files_that_are_no_chains_are_left_alone),
		TEST(test_a_broken_chain_does_not_keep_the_others_from_being_signed),
		TEST(test_many_changes_are_heard_of_once),
		TEST(test_idle_costs_no_wake_up),
		TEST(test_what_was_written_while_nobody_looked_is_a_change),
	};

	return RUN(tests);
}
