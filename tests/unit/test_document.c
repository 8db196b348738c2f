/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that come in pieces, up to the worker that reads them. */
#include "tests/unit/exec_fixture.h"

static int
piece(const char *key, int64_t number, const char *data, bool final, struct answer *a, struct error *e)
{
	struct tool_document m = { .key = key, .name = "a.pdf", .piece = number, .data = data, .final = final };

	return deliver(MSG_tool_document, &m, a, e);
}

static void
test_a_document_is_read_when_its_last_piece_is_there(void **state)
{
	struct error e = { 0 };
	struct answer a;

	grant.caps = 0;
	assert_int_equal(piece("k", 0, "QUJD", false, &a, &e), 0);
	assert_true(a.answered);
	assert_int_equal(worker.starts, 0);
	assert_int_equal(piece("k", 1, "QQ==", true, &a, &e), CALL_LATER);
	assert_int_equal(worker.goes, 1);
	assert_int_equal(worker.net, NET_NONE);
	assert_false(a.answered);
	done("the words");
	assert_string_equal(a.state, "the words");
	assert_null(runner.documents);
}

static int
page(int64_t number, struct answer *a, struct error *e)
{
	struct tool_document m = { .key = "k", .name = "a.pdf", .piece = number, .data = "", .final = true, .page = number };

	return deliver(MSG_tool_document, &m, a, e);
}

static void
scan_has(int pages)
{
	cleanup_json json_t *made = json_pack("{s:i}", "pages", pages);

	worker.events->done(worker.arg, &(struct worker_result){ .ok = true, .output = "", .error = "", .code = "", .produced = made });
}

static void
test_a_scan_stays_until_its_last_page_was_read(void **state)
{
	struct error e = { 0 };
	struct answer a;

	assert_int_equal(piece("k", 0, "QUJD", true, &a, &e), CALL_LATER);
	scan_has(2);
	assert_int_equal(a.seq, 2);
	assert_int_equal(page(1, &a, &e), CALL_LATER);
	done("one");
	assert_string_equal(a.state, "one");
	assert_non_null(runner.documents);
	assert_int_equal(page(2, &a, &e), CALL_LATER);
	done("two");
	assert_string_equal(a.state, "two");
	assert_null(runner.documents);
}

static void
test_a_page_that_does_not_come_next_ends_a_scan(void **state)
{
	struct error e = { 0 };
	struct answer a;

	assert_int_equal(page(1, &a, &e), -1);
	assert_int_equal(e.code, ERR_gone);
	assert_int_equal(piece("k", 0, "QUJD", true, &a, &e), CALL_LATER);
	scan_has(3);
	assert_int_equal(piece("k", 1, "", true, &a, &e), -1);
	assert_int_equal(e.code, ERR_invalid);
	assert_null(runner.documents);
	assert_int_equal(piece("k", 0, "QUJD", true, &a, &e), CALL_LATER);
	scan_has(3);
	assert_int_equal(page(1, &a, &e), CALL_LATER);
	worker.events->done(worker.arg, &(struct worker_result){ .output = "", .error = "broken", .code = "invalid" });
	assert_null(runner.documents);
}

static void
test_why_a_document_has_no_text_is_told(void **state)
{
	struct error e = { 0 };
	struct answer a;

	assert_int_equal(piece("k", 0, "QUJD", true, &a, &e), CALL_LATER);
	worker.events->done(worker.arg, &(struct worker_result){ .output = "", .error = "a scan", .code = "invalid" });
	assert_string_equal(a.error, "a scan");
	assert_string_equal(a.code, "invalid");
	assert_string_equal(a.state, "");
}

static void
test_pieces_out_of_order_end_a_document(void **state)
{
	struct error e = { 0 };
	struct answer a;

	assert_int_equal(piece("k", 1, "QUJD", false, &a, &e), -1);
	assert_int_equal(e.code, ERR_gone);
	assert_int_equal(piece("k", 0, "QUJD", false, &a, &e), 0);
	assert_int_equal(piece("k", 2, "QUJD", true, &a, &e), -1);
	assert_int_equal(e.code, ERR_invalid);
	assert_null(runner.documents);
	assert_int_equal(piece("k", 0, "QUJD", false, &a, &e), 0);
	assert_int_equal(piece("k", 0, "QUJD", true, &a, &e), CALL_LATER);	/* from the beginning again */
	assert_int_equal(piece("k", 0, "QUJD", true, &a, &e), -1);
	assert_int_equal(e.code, ERR_conflict);
	done("x");
}

static void
test_a_document_has_a_limit(void **state)
{
	cleanup_free char *data = xmalloc(4000001);
	struct error e = { 0 };
	struct answer a;

	memset(data, 'A', 4000000);
	data[4000000] = '\0';
	for (int64_t i = 0; i < 6; i++)
		assert_int_equal(piece("k", i, data, false, &a, &e), 0);
	assert_int_equal(piece("k", 6, data, true, &a, &e), -1);
	assert_int_equal(e.code, ERR_too_large);
	assert_null(runner.documents);
	worker.fails = true;
	assert_int_equal(piece("k", 0, "QUJD", true, &a, &e), -1);
	assert_null(runner.documents);
}

static void
test_a_document_that_nobody_finishes_makes_room(void **state)
{
	char key[8];
	struct error e = { 0 };
	struct answer a, reading[8];

	for (int i = 0; i < 9; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		assert_int_equal(piece(key, 0, "QUJD", false, &a, &e), 0);
	}
	assert_int_equal(piece("k0", 1, "QUJD", true, &a, &e), -1);
	assert_int_equal(e.code, ERR_gone);
	for (int i = 0; i < 8; i++) {
		snprintf(key, sizeof(key), "r%d", i);
		assert_int_equal(piece(key, 0, "QUJD", true, &reading[i], &e), CALL_LATER);
	}
	assert_int_equal(piece("more", 0, "QUJD", true, &a, &e), -1);
	assert_int_equal(e.code, ERR_busy);
}

static void
test_no_document_is_read_where_no_tool_runs(void **state)
{
	struct error e = { 0 };
	struct answer a;

	runner.draining = true;
	assert_int_equal(piece("k", 0, "QUJD", true, &a, &e), -1);
	assert_int_equal(e.code, ERR_unavailable);
	runner.draining = false;
	config_text = "tools: [\n";
	assert_int_equal(piece("k", 0, "QUJD", true, &a, &e), -1);
	assert_int_equal(e.code, ERR_invalid);
	assert_int_equal(worker.starts, 0);
}

static void
test_no_call_can_name_the_reader(void **state)
{
	struct error e = { 0 };

	assert_int_equal(exec("k", document_tool.name, "{}", &e), -1);
	assert_int_equal(e.code, ERR_not_found);
	assert_ptr_equal(tool_of_worker(document_tool.name), &document_tool);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		STAGED(test_a_document_is_read_when_its_last_piece_is_there),
		STAGED(test_a_scan_stays_until_its_last_page_was_read),
		STAGED(test_a_page_that_does_not_come_next_ends_a_scan),
		STAGED(test_why_a_document_has_no_text_is_told),
		STAGED(test_pieces_out_of_order_end_a_document),
		STAGED(test_a_document_has_a_limit),
		STAGED(test_a_document_that_nobody_finishes_makes_room),
		STAGED(test_no_document_is_read_where_no_tool_runs),
		STAGED(test_no_call_can_name_the_reader),
	};

	return RUN(tests);
}
