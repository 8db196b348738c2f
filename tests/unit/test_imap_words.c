/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of an IMAP server, written; what it says of mails and folders, read; and a search in Gmail's words. */
#include "tests/check.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/gmail_find.h"
#include "gatewayd/imap_fetch.h"
#include "gatewayd/imap_words.h"
#include "gatewayd/mailtext.h"

static struct buf text;

static struct imap_response
response(const char *bytes)
{
	struct imap_response r;
	struct error e = { 0 };

	assert_int_equal(imap_response(bytes, strlen(bytes), 1000, &text, &r, &e), 1);
	return r;
}

/* ---- written ------------------------------------------------------------------------------------------ */

static void
test_a_word_cannot_end_its_quotes(void **state)
{
	struct imap_words w = { 0 };
	struct error e = { 0 };
	cleanup_free char *lines = xcalloc(1, IMAP_WORD_MAX + 2);

	assert_int_equal(imap_words_text(&w, "a\" \\ (b) {3}", &e), 0);
	assert_string_equal(buf_str(&w.bytes), "\"a\\\" \\\\ (b) {3}\"");
	assert_int_equal(w.n_waits, 0);
	imap_words_clear(&w);
	assert_int_equal(imap_words_text(&w, "x\r\na1 LOGOUT", &e), -1);
	assert_int_equal(imap_words_text(&w, "x\ny", &e), -1);
	assert_int_equal(imap_words_text(&w, "\x7f", &e), -1);
	memset(lines, 'x', IMAP_WORD_MAX + 1);
	assert_int_equal(imap_words_text(&w, lines, &e), -1);
	assert_int_equal(w.bytes.len, 0);
	imap_words_clear(&w);
}

static void
test_what_is_not_ascii_is_counted(void **state)
{
	struct imap_words w = { 0 };
	struct error e = { 0 };

	imap_words_add(&w, "X ");
	assert_int_equal(imap_words_text(&w, "\xc3\xbc\"", &e), 0);
	assert_string_equal(buf_str(&w.bytes), "X {3}\r\n\xc3\xbc\"");
	assert_int_equal(w.n_waits, 1);
	assert_int_equal(w.waits[0], strlen("X {3}\r\n"));
	imap_words_clear(&w);
}

static void
test_a_search_asks_for_all_at_once(void **state)
{
	struct imap_words w = { 0 };
	struct error e = { 0 };

	assert_int_equal(imap_words_search(&w, &(struct mail_order){ .from = "", .limit = 3 }, &e), 0);
	assert_string_equal(buf_str(&w.bytes), "UID SEARCH UNDELETED");
	imap_words_clear(&w);
	assert_int_equal(imap_words_search(&w, &(struct mail_order){ .from = "ann", .to = "b", .subject = "s", .body = "\xc3\xbc",
	    .since = "2026-02-03", .unread_only = true }, &e), 0);
	assert_string_equal(buf_str(&w.bytes), "UID SEARCH CHARSET UTF-8 UNDELETED UNSEEN SINCE 3-Feb-2026 FROM \"ann\" TO \"b\" "
	    "SUBJECT \"s\" BODY {2}\r\n\xc3\xbc");
	imap_words_clear(&w);
	assert_int_equal(imap_words_search(&w, &(struct mail_order){ .since = "2026-13-01" }, &e), -1);
	imap_words_clear(&w);
}

static void
test_a_day_is_a_day(void **state)
{
	static const char *const odd[] = { "", "2026", "2026-1-02", "2026-00-10", "2026-01-32", "1900-01-01", "2026-01-02 ", "2026/01/02",
	    "-026-01-02", "26-01-2026", "2026-1--2" };
	int year, month, day;

	assert_true(mailtext_day("2026-11-21", &year, &month, &day));
	assert_int_equal(year * 10000 + month * 100 + day, 20261121);
	for (size_t i = 0; i < COUNT(odd); i++)
		assert_false(mailtext_day(odd[i], &year, &month, &day));
}

/* RFC 3501, 5.1.3, and characters of two, three and four bytes. */
static void
test_a_folder_is_spelt_as_servers_do(void **state)
{
	static const struct { const char *name, *spelt; } rows[] = {
		{ "INBOX", "INBOX" }, { "a & b", "a &- b" }, { "Gr\xc3\xbc\xc3\x9f" "e", "Gr&APwA3w-e" },
		{ "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", "~peter/mail/&U,BTFw-/&ZeVnLIqe-" },
		{ "\xf0\x9f\x98\x80", "&2D3eAA-" },
	};
	static const char *const odd[] = { "", "a\r\nb", "*", "a%", "\xc3", "\xff", "\xed\xa0\x80", "\xc0\xaf", "\xf5\x80\x80\x80", "a\tb" };
	struct error e = { 0 };

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_free char *name = imap_folder_name(rows[i].name, &e);

		assert_string_equal(name, rows[i].spelt);
	}
	for (size_t i = 0; i < COUNT(odd); i++)
		assert_null(imap_folder_name(odd[i], &e));
}

/* ---- read --------------------------------------------------------------------------------------------- */

static void
test_a_fetched_mail_is_read_in_whatever_order_it_is_told(void **state)
{
	struct imap_response r = response("* 3 FETCH (FLAGS (\\Answered \\Seen) BODYSTRUCTURE ((\"text\" \"plain\" NIL NIL NIL \"7bit\" 5 1)"
	    "(\"image\" \"png\" (\"NAME\" {5}\r\n\xc3\xbc.xy) NIL NIL \"base64\" 9 NIL (\"Attachment\" NIL)) \"mixed\") "
	    "BODY[HEADER.FIELDS (FROM \"TO\")]<0> {7}\r\nFrom: ) UID 42 RFC822.SIZE 1234)\r\n");
	struct imap_fetched f;

	assert_int_equal(imap_fetched(&r, &f), 0);
	assert_true(f.seen);
	assert_true(f.files);
	assert_int_equal(f.uid, 42);
	assert_int_equal(f.size, 1234);
	assert_int_equal(f.len, 7);
	assert_memory_equal(f.bytes, "From: )", 7);
}

static void
test_a_mail_without_files_has_none(void **state)
{
	struct imap_response r = response("* 1 FETCH (UID 1 BODYSTRUCTURE (\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" 5 1))\r\n");
	struct imap_fetched f;

	assert_int_equal(imap_fetched(&r, &f), 0);
	assert_false(f.files);
	assert_false(f.seen);
	assert_null(f.bytes);
	assert_int_equal(f.size, -1);
}

static void
test_what_is_no_fetch_is_none(void **state)
{
	static const char *const odd[] = { "* 1 EXISTS\r\n", "* FETCH (UID 1)\r\n", "* 1 FETCH UID 1\r\n", "a1 OK FETCH (UID 1)\r\n" };
	struct imap_fetched f;

	for (size_t i = 0; i < COUNT(odd); i++) {
		struct imap_response r = response(odd[i]);

		assert_int_equal(imap_fetched(&r, &f), -1);
		assert_int_equal(f.uid, -1);
	}
}

static void
test_a_listed_folder_says_what_it_is_for(void **state)
{
	struct imap_response r = response("* LIST (\\HasNoChildren \\Trash) \"/\" \"Waste \\\"x\\\"\"\r\n");
	struct imap_listed l;

	assert_int_equal(imap_listed(&r, &l), 0);
	assert_true(l.trash && !l.sent && !l.closed);
	assert_string_equal(l.name, "Waste \"x\"");
	free(l.name);
	r = response("* LIST (\\Noselect \\sent) NIL {6}\r\nGesend\r\n");
	assert_int_equal(imap_listed(&r, &l), 0);
	assert_true(l.sent && l.closed && !l.trash);
	assert_string_equal(l.name, "Gesend");
	free(l.name);
	r = response("* LIST () \"/\" Plain\r\n");
	assert_int_equal(imap_listed(&r, &l), 0);
	assert_string_equal(l.name, "Plain");
	free(l.name);
	r = response("* LIST () \"/\"\r\n");
	assert_int_equal(imap_listed(&r, &l), -1);
	assert_null(l.name);
}

/* ---- Gmail -------------------------------------------------------------------------------------------- */

static void
test_a_gmail_search_is_words_and_no_operators(void **state)
{
	struct error e = { 0 };
	cleanup_free char *all = gmail_query(&(struct mail_order){ .from = "ann", .subject = "x\" OR in:trash \"", .body = "a b",
	    .since = "2026-02-03", .unread_only = true }, &e);
	cleanup_free char *none = gmail_query(&(struct mail_order){ .limit = 1 }, &e);

	assert_string_equal(all, "from:\"ann\" subject:\"x  OR in:trash  \" \"a b\" after:2026/02/03 is:unread");
	assert_string_equal(none, "");
	assert_null(gmail_query(&(struct mail_order){ .since = "soon" }, &e));
}

static void
test_a_folder_is_a_label(void **state)
{
	cleanup_json json_t *said = json_pack("{s:[{s:s, s:s}, {s:s, s:s}, i]}", "labels", "id", "../x", "name", "Odd", "id", "Label_7",
	    "name", "Work", 5);

	assert_string_equal(gmail_own_label("inbox"), "INBOX");
	assert_string_equal(gmail_own_label("[Gmail]/Sent Mail"), "SENT");
	assert_string_equal(gmail_own_label("Archive"), "");
	assert_null(gmail_own_label("Work"));
	assert_string_equal(gmail_label(said, "work"), "Label_7");
	assert_null(gmail_label(said, "Odd"));
	assert_null(gmail_label(said, "Else"));
}

static int
end(void **state)
{
	buf_clear(&text);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_word_cannot_end_its_quotes),
		cmocka_unit_test(test_what_is_not_ascii_is_counted),
		cmocka_unit_test(test_a_search_asks_for_all_at_once),
		cmocka_unit_test(test_a_day_is_a_day),
		cmocka_unit_test(test_a_folder_is_spelt_as_servers_do),
		cmocka_unit_test(test_a_fetched_mail_is_read_in_whatever_order_it_is_told),
		cmocka_unit_test(test_a_mail_without_files_has_none),
		cmocka_unit_test(test_what_is_no_fetch_is_none),
		cmocka_unit_test(test_a_listed_folder_says_what_it_is_for),
		cmocka_unit_test(test_a_gmail_search_is_words_and_no_operators),
		cmocka_unit_test(test_a_folder_is_a_label),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
