/* SPDX-License-Identifier: Apache-2.0 */
/* Mails as strangers write them, read; and answers written. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/mime.h"
#include "gatewayd/mime_html.h"

static struct mime_mail *
read_mail(const char *text)
{
	struct error e = { 0 };
	struct mime_mail *m = mime_read(text, strlen(text), &e);

	if (m == NULL)
		print_message("%s\n", e.text);
	assert_non_null(m);
	return m;
}

static void
expect_text(const char *mail, const char *text)
{
	struct mime_mail *m = read_mail(mail);

	assert_string_equal(m->text, text);
	mime_free(m);
}

static void
refuse(const char *mail)
{
	struct error e = { 0 };

	assert_null(mime_read(mail, strlen(mail), &e));
	assert_int_equal(e.code, ERR_invalid);
}

/* ---- headers --------------------------------------------------------------------------------------- */

static void
test_headers_are_decoded(void **state)
{
	struct mime_mail *m = read_mail("Return-Path: <x@y>\r\nFrom: =?koi8-r?B?8NLJ18XU?= <Ann.Lee@Example.ORG>\r\n"
	    "To: me@here, You <you@there>\r\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\n =?utf-8?q?_aus?= Bonn\r\n"
	    "Message-ID: <1.2@x>\r\nIn-Reply-To: <0@x> (old)\r\nReferences: <a@b>\r\n\t<0@x>\r\n"
	    "Date: Fri, 21 Nov 2025 10:00:00 +0100\r\n\r\nhello\r\nyou\r\n\r\n");

	assert_string_equal(m->from, "ann.lee@example.org");
	assert_string_equal(m->from_name, "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82");
	assert_string_equal(m->subject, "Gr\xc3\xbc\xc3\x9f" "e aus Bonn");
	assert_string_equal(m->message_id, "<1.2@x>");
	assert_string_equal(m->in_reply_to, "<0@x>");
	assert_string_equal(m->references, "<a@b> <0@x>");
	assert_string_equal(m->to, "me@here, You <you@there>");
	assert_int_equal(m->date, 1763715600);
	assert_string_equal(m->text, "hello\nyou");
	assert_false(m->automated);
	assert_int_equal(m->nfiles, 0);
	mime_free(m);
}

static void
test_a_mail_that_names_no_single_sender_is_refused(void **state)
{
	refuse("");
	refuse("Subject: x\n\nhello");
	refuse("From: undisclosed\n\nhello");
	refuse("From: good@x, evil@y\n\nhello");
	refuse("From: good@x\nFrom: evil@y\n\nhello");
	refuse("From: team: a@b;\n\nhello");
	refuse("From: \"a b\"@c\n\nhello");
	refuse("From: j\xc3\xb6rg@c\n\nhello");
}

static void
test_what_a_machine_sent_is_known(void **state)
{
	static const char *const automated[] = {
		"From: NoReply@x.org\n", "From: do-not-reply@x\n", "From: MAILER-DAEMON@x\n", "From: notifications@github.com\n",
		"From: a@b\nAuto-Submitted: auto-replied\n", "From: a@b\nauto-submitted : Auto-Generated (x)\n",
		"From: a@b\nPrecedence: Bulk\n", "From: a@b\nPrecedence: list\n", "From: a@b\nX-Auto-Response-Suppress: All\n",
		"From: a@b\nList-Unsubscribe: <mailto:x@y>\n", "From: a@b\nAuto-Submitted:\n",
	};
	static const char *const people[] = {
		"From: a@b\n", "From: a@b\nAuto-Submitted: no\n", "From: a@b\nAuto-Submitted: No (really)\n",
		"From: a@b\nPrecedence: normal\n", "From: \"noreply\" <ann@b>\n",
	};

	for (size_t i = 0; i < COUNT(automated) + COUNT(people); i++) {
		const char *head = i < COUNT(automated) ? automated[i] : people[i - COUNT(automated)];
		cleanup_free char *mail = xasprintf("%s\nhi", head);
		struct mime_mail *m = read_mail(mail);

		if (m->automated != (i < COUNT(automated)))
			fail_msg("%s", head);
		mime_free(m);
	}
}

static void
test_many_references_keep_the_latest(void **state)
{
	struct buf b = BUF(0);
	cleanup_free char *ids = NULL;

	for (int i = 0; i < 50; i++)
		buf_addf(&b, "<%d@x> ", i);
	ids = mime_reply_references(buf_str(&b), "<new@x>");
	assert_non_null(strstr(ids, "<31@x> <32@x>"));
	assert_null(strstr(ids, "<30@x>"));
	assert_string_equal(ids + strlen(ids) - strlen("<49@x> <new@x>"), "<49@x> <new@x>");
	buf_clear(&b);
	assert_null(mime_reply_references(NULL, NULL));
}

static void
test_references_fit_into_a_mail_of_ours_however_long_they_are(void **state)
{
	cleanup_free char *ids = NULL, *mail = NULL;
	struct buf b = BUF(0);
	struct error e = { 0 };
	size_t len;

	for (int i = 0; i < 21; i++)
		buf_addf(&b, "<%0200d@there.example> ", i);
	ids = mime_reply_references(buf_str(&b), "<new@x>");
	assert_string_equal(ids + strlen(ids) - strlen(" <new@x>"), " <new@x>");
	mail = mime_write(&(struct mime_draft){ .from = "me@x", .to = "you@x", .subject = "s", .text = "t", .references = ids }, &len, &e);
	if (mail == NULL)
		fail_msg("%s", e.text);
	buf_clear(&b);
}

static void
test_a_subject_is_marked_once(void **state)
{
	static const char *const pairs[][2] = {
		{ "Lunch?", "[alpi] re: Lunch?" }, { "Re: [alpi] re: Lunch?", "[alpi] re: Lunch?" },
		{ "RE: re:  AW: Lunch?", "[alpi] re: Lunch?" }, { "", "[alpi]" }, { "Re: ", "[alpi]" }, { "Reply", "[alpi] re: Reply" },
	};

	for (size_t i = 0; i < COUNT(pairs); i++) {
		cleanup_free char *subject = mime_reply_subject(pairs[i][0]);

		assert_string_equal(subject, pairs[i][1]);
	}
}

/* ---- bodies ------------------------------------------------------------------------------------------ */

static void
test_charsets_are_honoured_and_bad_bytes_replaced(void **state)
{
	expect_text("From: a@b\nContent-Type: text/plain; charset=iso-8859-1\n\ncaf\xe9", "caf\xc3\xa9");
	expect_text("From: a@b\nContent-Type: text/plain; charset=\"KOI8-R\"\nContent-Transfer-Encoding: base64\n\n8NLJ\n18XU\n",
	    "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82");
	expect_text("From: a@b\nContent-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B$3\x1b(B", "\xe3\x81\x93");
	expect_text("From: a@b\n\ncaf\xe9 caf\xc3\xa9", "caf\xef\xbf\xbd caf\xc3\xa9");
	expect_text("From: a@b\nContent-Type: text/plain; charset=shift_jis\n\na\xff\xff" "b", "a\xef\xbf\xbd\xef\xbf\xbd" "b");
	expect_text("From: a@b\nContent-Type: text/plain; charset=x-nonsense\n\ncaf\xe9", "caf\xef\xbf\xbd");
	expect_text("From: a@b\nContent-Type: text/plain; charset=\"utf-16//TRANSLIT\"\n\nhi", "hi");
	expect_text("From: a@b\nContent-Transfer-Encoding: quoted-printable\n\na=3Db=\n c=ZZ", "a=b c=ZZ");
}

static void
test_the_plain_part_goes_before_html(void **state)
{
	expect_text("From: a@b\nContent-Type: multipart/alternative; boundary=\"=_x\"\n\npreamble\n--=_x\nContent-Type: text/html\n\n<b>no</b>\n"
	    "--=_x\nContent-Type: text/plain\n\nyes\n--=_x--\nepilogue\n", "yes");
	expect_text("From: a@b\nContent-Type: text/html; charset=utf-8\n\n<html><head><title>t</title><style>p{x}</style></head>"
	    "<body><p>One &amp; two&nbsp;three</p><!-- no --><div>four<br>five</div><ul><li>six</ul>a &lt; b &#8364; 1 < 2</body></html>",
	    "One & two three\n\nfour\nfive\n\n- six\na < b \xe2\x82\xac 1 < 2");
}

static void
test_broken_html_ends(void **state)
{
	static const char *const broken[] = { "<", "<!--", "<script>x", "<a href=\"", "&#xFFFFFFFFFFFF;", "&", "&#;", "</", "<style></styl" };

	for (size_t i = 0; i < COUNT(broken); i++)
		free(html_text(broken[i]));
}

static void
test_files_are_taken_out(void **state)
{
	struct mime_mail *m = read_mail("From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nsee this\n"
	    "--b\nContent-Type: image/PNG; name=ignored.png\nContent-Transfer-Encoding: base64\n"
	    "Content-Disposition: attachment; filename*=utf-8''..%2F..%2Fpl%C3%A4n.png\n\naGVs\nbG8=\n"
	    "--b\nContent-Type: message/rfc822\n\nFrom: x@y\n\ninner\n--b\nContent-Type: text/plain; name=\"=?utf-8?q?n=C3=B6?=.txt\"\n\nnote\n--b--\n");

	assert_string_equal(m->text, "see this");
	assert_int_equal(m->nfiles, 3);
	assert_string_equal(m->files[0].name, "pl\xc3\xa4n.png");
	assert_string_equal(m->files[0].type, "image/png");
	assert_int_equal(m->files[0].len, 5);
	assert_memory_equal(m->files[0].bytes, "hello", 5);
	assert_string_equal(m->files[1].name, "message.eml");
	assert_memory_equal(m->files[1].bytes, "From: x@y\n\ninner", m->files[1].len);
	assert_string_equal(m->files[2].name, "n\xc3\xb6.txt");
	mime_free(m);
}

/* ---- bad mail ---------------------------------------------------------------------------------------- */

static void
test_broken_mime_gives_what_there_is(void **state)
{
	expect_text("From: a@b\nContent-Type: multipart/mixed\n\nno boundary", "no boundary");
	expect_text("From: a@b\nContent-Type: multipart/mixed; boundary=b\n\nnever used", "never used");
	expect_text("From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\ncut off", "cut off");
	expect_text("From: a@b\nContent-Type: ////\nContent-Transfer-Encoding: base65\n\nhi", "hi");
	expect_text("From: a@b\nContent-Transfer-Encoding: base64\n\n!!!!", "");
	expect_text("From: a@b", "");
}

/* Each of these ended the library's own parser, or kept it busy for ever. */
static void
test_a_mail_made_to_exhaust_us_is_read_in_a_moment(void **state)
{
	struct buf b = BUF(0);
	struct mime_mail *m;

	buf_puts(&b, "From: a@b\nContent-Type: multipart/mixed; boundary=b0\n\n");
	for (int i = 1; i < 300000; i++)
		buf_addf(&b, "--b%d\nContent-Type: multipart/mixed; boundary=b%d\n\n", i - 1, i);
	m = read_mail(buf_str(&b));
	mime_free(m);
	buf_reset(&b);
	buf_puts(&b, "From: a@b\nContent-Type: multipart/mixed; boundary=b\n\n");
	for (int i = 0; i < 1000000; i++)
		buf_puts(&b, "--b\nContent-Type: x/y\n\n");
	m = read_mail(buf_str(&b));
	assert_int_equal(m->nfiles, MIME_FILES_MAX);
	assert_int_equal(m->files_left, 256 - MIME_FILES_MAX);
	mime_free(m);
	buf_reset(&b);
	buf_puts(&b, "From: ");
	for (int i = 0; i < 1000000; i++)
		buf_puts(&b, "g:");
	buf_puts(&b, "\n\nx");
	refuse(buf_str(&b));
	buf_clear(&b);
}

static void
test_a_mail_that_is_too_large_is_refused(void **state)
{
	cleanup_free char *big = xcalloc(1, MIME_MAX + 1);
	struct error e = { 0 };

	assert_null(mime_read(big, MIME_MAX + 1, &e));
	assert_int_equal(e.code, ERR_too_large);
}

static void
test_a_long_text_is_cut_between_characters(void **state)
{
	struct buf b = BUF(0);
	struct mime_mail *m;

	buf_puts(&b, "From: a@b\n\na");
	for (int i = 0; i < MIME_TEXT_MAX; i++)
		buf_puts(&b, "\xc3\xa9");
	m = read_mail(buf_str(&b));
	assert_int_equal(strlen(m->text), MIME_TEXT_MAX - 1);
	mime_free(m);
	buf_clear(&b);
}

/* ---- writing ------------------------------------------------------------------------------------------ */

static const struct mime_draft plain = {
	.message_id = "<k1@alpi>", .from = "me@here", .to = "ann@there", .subject = "[alpi] re: Gr\xc3\xbc\xc3\x9f" "e",
	.in_reply_to = "<1@x>", .references = "<0@x> <1@x>", .text = "Hello \xe2\x82\xac\n.\nFrom here", .automated = true, .date = 1763715600,
};

static void
test_what_is_written_reads_the_same(void **state)
{
	struct error e = { 0 };
	size_t len;
	cleanup_free char *bytes = mime_write(&plain, &len, &e);
	struct mime_mail *m;

	assert_non_null(bytes);
	assert_non_null(strstr(bytes, "MIME-Version: 1.0\r\n"));
	assert_non_null(strstr(bytes, "Auto-Submitted: auto-replied\r\n"));
	assert_non_null(strstr(bytes, "Content-Type: text/plain; charset=utf-8\r\n"));
	for (const char *p = bytes; (p = strchr(p, '\n')) != NULL; p++)
		assert_true(p > bytes && p[-1] == '\r');
	m = read_mail(bytes);
	assert_string_equal(m->from, plain.from);
	assert_string_equal(m->to, plain.to);
	assert_string_equal(m->subject, plain.subject);
	assert_string_equal(m->message_id, plain.message_id);
	assert_string_equal(m->in_reply_to, plain.in_reply_to);
	assert_string_equal(m->references, plain.references);
	assert_string_equal(m->text, plain.text);
	assert_int_equal(m->date, plain.date);
	assert_true(m->automated);
	mime_free(m);
}

static void
test_text_is_utf8_whatever_is_in_it(void **state)
{
	struct mime_draft d = plain;
	struct error e = { 0 };
	size_t len;

	d.text = "caf\xc3\xa9";
	cleanup_free char *bytes = mime_write(&d, &len, &e);
	assert_non_null(strstr(bytes, "charset=utf-8"));
	struct mime_mail *m = read_mail(bytes);
	assert_string_equal(m->text, d.text);
	mime_free(m);
}

static void
test_files_survive_the_way(void **state)
{
	struct error e = { 0 };
	struct mime_file files[] = { { "pl\xc3\xa4n \"1\".png", "image/png", "\0\r\n\xff", 4 }, { "x", "nonsense", "y", 1 } };
	struct mime_draft d = plain;
	size_t len;

	d.files = files;
	d.nfiles = 2;
	cleanup_free char *bytes = mime_write(&d, &len, &e);
	assert_non_null(bytes);
	struct mime_mail *m = read_mail(bytes);
	assert_string_equal(m->text, plain.text);
	assert_int_equal(m->nfiles, 2);
	assert_string_equal(m->files[0].name, files[0].name);
	assert_string_equal(m->files[0].type, "image/png");
	assert_int_equal(m->files[0].len, 4);
	assert_memory_equal(m->files[0].bytes, files[0].bytes, 4);
	assert_string_equal(m->files[1].type, "application/octet-stream");
	mime_free(m);
}

/* RFC 2046, 5.2.1: in base64 a mail in a mail is garbage to those who read it. */
static void
test_an_attached_mail_is_written_in_no_encoding_that_its_type_forbids(void **state)
{
	static const char inner[] = "From: ann@x\r\nSubject: caf\xc3\xa9\r\n\r\ninner\r\n";
	struct mime_file files[] = { { "message.eml", "message/rfc822", (void *)(uintptr_t)inner, sizeof(inner) - 1 } };
	struct mime_draft d = plain;
	struct error e = { 0 };
	size_t len;

	d.files = files;
	d.nfiles = 1;
	cleanup_free char *bytes = mime_write(&d, &len, &e);
	assert_non_null(bytes);
	assert_null(strcasestr(bytes, "Content-Type: message/"));
	struct mime_mail *m = read_mail(bytes);
	assert_int_equal(m->nfiles, 1);
	assert_string_equal(m->files[0].name, "message.eml");
	assert_int_equal(m->files[0].len, sizeof(inner) - 1);
	assert_memory_equal(m->files[0].bytes, inner, sizeof(inner) - 1);
	mime_free(m);
}

static void
test_no_field_can_become_another(void **state)
{
	struct mime_file file = { "a\nX-Evil: 1", "text/plain", "x", 1 };
	struct mime_draft bad[] = { plain, plain, plain, plain, plain, plain, plain, plain, plain, plain };
	struct error e = { 0 };
	size_t len;

	bad[0].subject = "a\r\nBcc: x@y";
	bad[1].to = "a@b\nBcc: x@y";
	bad[2].to = "a@b> , <x@y";
	bad[3].in_reply_to = "<a@b>\nX: y";
	bad[4].references = "<a@b>\r\n\r\nbody";
	bad[5].message_id = "<a@b>\n";
	bad[6].from = "a@b\rX";
	bad[7].files = &file;
	bad[7].nfiles = 1;
	bad[8].cc = "x@y\n";
	bad[9].to = "";
	for (size_t i = 0; i < COUNT(bad); i++) {
		e = (struct error){ 0 };
		assert_null(mime_write(&bad[i], &len, &e));
		assert_int_equal(e.code, ERR_invalid);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_headers_are_decoded),
		TEST(test_a_mail_that_names_no_single_sender_is_refused),
		TEST(test_what_a_machine_sent_is_known),
		TEST(test_many_references_keep_the_latest),
		TEST(test_references_fit_into_a_mail_of_ours_however_long_they_are),
		TEST(test_a_subject_is_marked_once),
		TEST(test_charsets_are_honoured_and_bad_bytes_replaced),
		TEST(test_the_plain_part_goes_before_html),
		TEST(test_broken_html_ends),
		TEST(test_files_are_taken_out),
		TEST(test_broken_mime_gives_what_there_is),
		TEST(test_a_mail_made_to_exhaust_us_is_read_in_a_moment),
		TEST(test_a_mail_that_is_too_large_is_refused),
		TEST(test_a_long_text_is_cut_between_characters),
		TEST(test_what_is_written_reads_the_same),
		TEST(test_text_is_utf8_whatever_is_in_it),
		TEST(test_files_survive_the_way),
		TEST(test_an_attached_mail_is_written_in_no_encoding_that_its_type_forbids),
		TEST(test_no_field_can_become_another),
	};

	mime_begin();
	return RUN(tests);
}
