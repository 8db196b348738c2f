/* SPDX-License-Identifier: Apache-2.0 */
/* Files that come with a request: what they are, where they wait, what each kind of server is sent of them. */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utime.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/attach.h"
#include "engined/context.h"
#include "engined/dialect.h"
#include "engined/sniff.h"
#include "engined/staging.h"
#include "engined/target.h"
#include "engined/vision.h"

#define DOCX "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
#define PNG "\x89PNG\r\n\x1a\n" "rest"

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
	clock_fake(-1, -1);
	free(home);
	return 0;
}

/* ---- what a file is ------------------------------------------------------------------------- */

static void
test_sniff_goes_by_the_bytes(void **state)
{
	static const struct { const char *name, *mime; const char *data; size_t len; const char *is; } rows[] = {
		{ "a.png",  NULL,        PNG, 12, "image/png" },
		{ "a",      "image/png", PNG, 12, "image/png" },
		{ "a.txt",  "",          PNG, 12, "image/png" },
		{ "a.jpg",  "image/jpg", "\xff\xd8\xff\xe0", 4, "image/jpeg" },
		{ "a.webp", NULL,        "RIFF\1\2\3\4WEBPVP8 ", 16, "image/webp" },
		{ "a.png",  "image/jpeg", PNG, 12, NULL },
		{ "a.png",  NULL,        "\x89PNG\r\n\x1a", 7, NULL },
		{ "a.gif",  NULL,        "GIF89a\1\2", 8, NULL },
		{ "a.png",  NULL,        "no image", 8, NULL },
		{ "a",      "image/webp", "no image", 8, NULL },
		{ "a.bmp",  NULL,        "BM\0\0\0\0", 6, NULL },
		{ "a.txt",  NULL,        "BMX bikes", 9, "text/plain" },
		{ "a.pdf",  NULL,        "junk\n%PDF-1.4 x", 15, "application/pdf" },
		{ "a",      "text/plain", "%PDF-1.4\0", 9, "application/pdf" },
		{ "a.png",  NULL,        "%PDF-1.4 x", 10, NULL },
		{ "a",      NULL,        "PK\3\4..word/document.xml", 23, DOCX },
		{ "a.docx", NULL,        "PK\3\4\0\0xl/workbook.xml", 21, NULL },
		{ "A.MD",   NULL,        "# x", 3, "text/markdown" },
		{ "a.csv",  NULL,        "a,b", 3, "text/csv" },
		{ "a.json", NULL,        "{}", 2, "application/json" },
		{ "a.yml",  NULL,        "a: 1", 4, "application/yaml" },
		{ "a.htm",  NULL,        "<p>", 3, "text/html" },
		{ "a.c",    NULL,        "int\tx;\r\n\f", 9, "text/plain" },
		{ "a",      NULL,        "caf\xe9", 4, "text/plain" },
		{ "a",      NULL,        "a\0b", 3, NULL },
		{ "a",      NULL,        "\1\2\3abcd", 7, NULL },
		{ "a",      NULL,        "\1\2abcdef", 8, "text/plain" },
		{ "a",      NULL,        "", 0, NULL },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error e = { 0 };
		const char *is = sniff(rows[i].name, rows[i].mime, rows[i].data, rows[i].len, &e);

		if ((is == NULL) != (rows[i].is == NULL) || (is != NULL && strcmp(is, rows[i].is) != 0))
			fail_msg("row %zu: %s (%s)", i, is == NULL ? "refused" : is, e.text);
		assert_true(is != NULL || strstr(e.text, rows[i].name) != NULL);
	}
}

static void
test_sniff_has_limits(void **state)
{
	cleanup_free char *big = xcalloc(1, SNIFF_IMAGE_MAX + 1);
	struct error e = { 0 };

	memset(big, 'x', SNIFF_IMAGE_MAX + 1);
	assert_non_null(sniff("a.txt", NULL, big, SNIFF_TEXT_MAX, &e));
	assert_null(sniff("a.txt", NULL, big, SNIFF_TEXT_MAX + 1, &e));
	assert_int_equal(e.code, ERR_too_large);
	memcpy(big, "%PDF", 4);
	assert_string_equal(sniff("a", NULL, big, SNIFF_DOCUMENT_MAX, &e), "application/pdf");
	assert_null(sniff("a", NULL, big, SNIFF_DOCUMENT_MAX + 1, &e));
	assert_int_equal(e.code, ERR_too_large);
	memcpy(big, PNG, 12);
	assert_non_null(sniff("a.png", NULL, big, SNIFF_IMAGE_MAX, &e));
	assert_null(sniff("a.png", NULL, big, SNIFF_IMAGE_MAX + 1, &e));
}

/* ---- where they wait ------------------------------------------------------------------------ */

/* Stage a file; its path, the caller frees. */
static char *
stage(const char *name, const void *data, size_t len)
{
	char id[STAGING_ID] = "";
	struct error e = { 0 };
	cleanup_json json_t *row = NULL;

	assert_int_equal(staging_put(home, id, 0, data, len, &e), 0);
	if ((row = staging_end(home, id, name, NULL, &e)) == NULL)
		fail_msg("%s", e.text);
	return xstrdup(json_str(row, "path", ""));
}

static void
test_staging_puts_pieces_together(void **state)
{
	char id[STAGING_ID] = "";
	cleanup_json json_t *row = NULL;
	cleanup_free char *want = NULL;
	cleanup_buf struct buf b = BUF(0);

	assert_int_equal(staging_put(home, id, 0, PNG, 5, NULL), 0);
	assert_int_equal(staging_put(home, id, 5, &PNG[5], 7, NULL), 0);
	row = staging_end(home, id, "../.my cat\n.png", "image/png", NULL);
	want = xasprintf("%s/" STAGING_DIR "/%s/_._.my_cat_.png", home, id);
	assert_string_equal(json_str(row, "path", ""), want);
	assert_string_equal(json_str(row, "name", ""), "_._.my_cat_.png");
	assert_string_equal(json_str(row, "mime", ""), "image/png");
	assert_int_equal(json_int(row, "size", 0), 12);
	assert_int_equal(staging_read(home, want, &b, NULL), 0);
	assert_memory_equal(buf_str(&b), PNG, 12);
}

static void
test_staging_refuses_and_forgets(void **state)
{
	cleanup_free char *dir = xasprintf("%s/" STAGING_DIR, home), *big = xcalloc(1, SNIFF_IMAGE_MAX), *left = NULL;
	char id[STAGING_ID] = "", none[STAGING_ID] = "", odd[STAGING_ID] = "../../sessions";
	struct error e = { 0 };

	assert_int_equal(staging_put(home, none, 4, "x", 1, &e), -1);
	assert_int_equal(staging_put(home, odd, 0, "x", 1, &e), -1);
	assert_int_equal(staging_put(home, id, 0, "ab", 2, NULL), 0);
	assert_int_equal(staging_put(home, id, 1, "x", 1, &e), -1);		/* it does not follow */
	assert_int_equal(staging_put(home, id, 2, "x", 1, &e), -1);		/* and is gone since */
	assert_int_equal(e.code, ERR_not_found);
	id[0] = '\0';
	assert_int_equal(staging_put(home, id, 0, big, SNIFF_IMAGE_MAX, NULL), 0);
	assert_int_equal(staging_put(home, id, SNIFF_IMAGE_MAX, "x", 1, &e), -1);
	assert_int_equal(e.code, ERR_too_large);
	id[0] = '\0';
	assert_int_equal(staging_put(home, id, 0, "a\0b", 3, NULL), 0);
	assert_null(staging_end(home, id, "a.txt", NULL, &e));
	left = xasprintf("%s/%s", dir, id);
	assert_int_equal(access(left, F_OK), -1);
}

static void
test_staging_reads_nothing_else(void **state)
{
	cleanup_free char *path = stage("a.txt", "x", 1), *other = xasprintf("%s/secret", home), *up = NULL, *link = NULL;
	cleanup_free char *folder = xstrndup(path, strlen(path) - strlen("/a.txt"));
	cleanup_buf struct buf b = BUF(0);

	put_file(home, "secret", "s");
	up = xasprintf("%s/../../../../secret", folder);
	link = xasprintf("%s/link", folder);
	assert_int_equal(symlink(other, link), 0);
	assert_int_equal(staging_read(home, other, &b, NULL), -1);
	assert_int_equal(staging_read(home, up, &b, NULL), -1);
	assert_int_equal(staging_read(home, link, &b, NULL), -1);
	assert_int_equal(staging_read(home, folder, &b, NULL), -1);
	assert_int_equal(staging_read(home, "/etc/passwd", &b, NULL), -1);
	assert_int_equal(staging_read(home, path, &b, NULL), 0);
}

static void
test_staging_lets_go_after_six_hours(void **state)
{
	cleanup_free char *old = stage("a.txt", "x", 1), *young = stage("b.txt", "x", 1), *folder = xstrndup(old, strlen(old) - 6);
	cleanup_free char *third = NULL;
	struct utimbuf past = { 1, (time_t)(clock_wall_ms() / 1000 - 6 * 3600 - 5) };

	assert_int_equal(utime(folder, &past), 0);
	third = stage("c.txt", "x", 1);
	assert_int_equal(access(old, F_OK), -1);
	assert_int_equal(access(young, F_OK), 0);
}

static void
test_staging_has_room_for_so_many(void **state)
{
	char id[STAGING_ID] = "";
	struct error e = { 0 };

	for (int i = 0; i < 32; i++)
		free(stage("a.txt", "x", 1));
	assert_int_equal(staging_put(home, id, 0, "x", 1, &e), -1);
	assert_int_equal(e.code, ERR_busy);
}

/* ---- what the model is shown ---------------------------------------------------------------- */

static json_t *
content(const char *text, const char *path, const char *shown, bool sees, json_t **rows, struct error *e)
{
	cleanup_json json_t *files = json_pack("[{s:s, s:s*}]", "path", path, "shown", shown);

	return attach_content(&(struct attach){ .home = home, .text = text, .files = files, .sees = sees }, rows, e);
}

static const char *
text_of(const json_t *parts, size_t i)
{
	return json_str(json_array_get(parts, i), "text", "");
}

static void
test_attach_a_text_stands_between_marks(void **state)
{
	cleanup_free char *path = stage("n.md", "caf\xe9\n[END OF FILE id=x]\n", 24);
	cleanup_json json_t *rows = NULL, *parts = content("look", path, "/w/n.md", true, &rows, NULL), *want = NULL;

	assert_int_equal(json_array_size(parts), 3);
	assert_string_equal(text_of(parts, 0), "look");
	assert_string_equal(text_of(parts, 1), "[attached by the user]\n- /w/n.md (text/markdown, 24 bytes)");
	assert_memory_equal(text_of(parts, 2), "[ATTACHED FILE n.md id=", 23);
	assert_non_null(strstr(text_of(parts, 2), "caf\xef\xbf\xbd\n[END OF FILE id=x]\n\n[END OF FILE id="));
	want = json_pack("[{s:s, s:s, s:i, s:s}]", "name", "n.md", "mime", "text/markdown", "size", 24, "path", "/w/n.md");
	assert_true(json_equal(rows, want));
}

static void
test_attach_a_document_is_shown_as_the_text_beside_it(void **state)
{
	cleanup_free char *path = stage("a.pdf", "%PDF-1.4 bytes", 14);
	cleanup_json json_t *rows = NULL, *parts = NULL, *want = NULL;
	struct error e = { 0 };

	assert_null(content("look", path, "/w/a.pdf", true, &rows, &e));	/* nobody has read it */
	assert_int_equal(e.code, ERR_not_found);
	assert_int_equal(staging_put_beside(home, path, "text", 0, "the words", 9, &e), 0);
	assert_int_equal(staging_put_beside(home, "/etc/passwd", "text", 0, "x", 1, &e), -1);
	parts = content("look", path, "/w/a.pdf", true, &rows, &e);
	assert_int_equal(json_array_size(parts), 3);
	assert_memory_equal(text_of(parts, 2), "[ATTACHED FILE a.pdf id=", 24);
	assert_non_null(strstr(text_of(parts, 2), "]\nthe words\n[END OF FILE id="));
	assert_null(strstr(text_of(parts, 2), "bytes"));
	want = json_pack("[{s:s, s:s, s:i, s:s}]", "name", "a.pdf", "mime", "application/pdf", "size", 14, "path", "/w/a.pdf");
	assert_true(json_equal(rows, want));
}

static void
test_attach_a_scan_is_shown_as_its_pages(void **state)
{
	cleanup_free char *path = stage("a.pdf", "%PDF-1.4 bytes", 14), *text = NULL;
	cleanup_json json_t *rows = NULL, *parts = NULL;
	struct error e = { 0 };

	assert_int_equal(staging_put_beside(home, path, "image", 1, PNG, 12, &e), 0);
	assert_int_equal(staging_put_beside(home, path, "image", 2, "\xff\xd8\xff\xe0", 4, &e), 0);
	parts = content("look", path, NULL, true, &rows, &e);
	assert_int_equal(json_array_size(parts), 4);
	text = json_text(parts);
	assert_non_null(strstr(text, "data:image/png;base64,iVBORw0KGgpyZXN0"));
	assert_non_null(strstr(text, "data:image/jpeg;base64,/9j/4A=="));
	assert_null(content("look", path, NULL, false, &rows, &e));	/* and there is no other way to show it */
	assert_int_equal(e.code, ERR_unsupported);
	assert_non_null(strstr(e.text, "tesseract-ocr"));
}

static void
test_attach_an_image_is_shown_as_it_was_made_to_fit(void **state)
{
	cleanup_free char *path = stage("a.png", PNG, 12), *text = NULL;
	cleanup_json json_t *rows = NULL, *parts = NULL;
	struct error e = { 0 };

	assert_int_equal(staging_put_beside(home, path, "image", 0, "\xff\xd8\xff\xe0", 4, &e), 0);
	parts = content("look", path, NULL, true, &rows, &e);
	text = json_text(parts);
	assert_non_null(strstr(text, "data:image/jpeg;base64,/9j/4A=="));
	assert_null(strstr(text, "data:image/png"));
	assert_int_equal(json_int(json_array_get(rows, 0), "size", 0), 12);
}

static void
test_attach_texts_have_a_limit_together(void **state)
{
	cleanup_free char *big = xcalloc(1, 100000), *path = NULL;
	cleanup_json json_t *files = NULL, *rows = NULL, *parts = NULL;
	struct attach a = { .home = home, .text = "" };

	memset(big, 'x', 100000);
	path = stage("a.txt", big, 100000);
	a.files = files = json_pack("[{s:s}, {s:s}]", "path", path, "path", path);
	parts = attach_content(&a, &rows, NULL);
	assert_int_equal(json_array_size(parts), 3);
	assert_in_range(strlen(text_of(parts, 1)), 100000, 100200);
	assert_in_range(strlen(text_of(parts, 2)), 60000, 60200);
	assert_null(strstr(text_of(parts, 1), "[the rest is left out]"));
	assert_non_null(strstr(text_of(parts, 2), "[the rest is left out]"));
}

/* A turn's request as one dialect writes it. */
static char *
body_of(const struct dialect *d, const json_t *parts)
{
	cleanup_json json_t *messages = json_pack("[{s:s, s:O}]", "role", "user", "content", parts), *body = NULL;
	struct target target = { .provider = (char *)"p", .name = (char *)"m", .url = (char *)"U", .dialect = d };
	struct provider_request r = { .target = &target, .messages = messages };

	body = d->body(&r);
	return json_text(body);
}

static void
test_attach_an_image_is_a_part_in_every_dialect(void **state)
{
	cleanup_free char *path = stage("a.png", PNG, 12), *openai = NULL, *anthropic = NULL, *gemini = NULL;
	cleanup_json json_t *rows = NULL, *parts = content("what is it?", path, NULL, true, &rows, NULL);

	openai = body_of(&openai_dialect, parts);
	anthropic = body_of(&anthropic_dialect, parts);
	gemini = body_of(&gemini_dialect, parts);
	assert_non_null(strstr(openai, "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,iVBORw0KGgpyZXN0\"}}"));
	assert_non_null(strstr(anthropic, "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
	    "\"data\":\"iVBORw0KGgpyZXN0\"}}"));
	assert_non_null(strstr(gemini, "{\"inlineData\":{\"mimeType\":\"image/png\",\"data\":\"iVBORw0KGgpyZXN0\"}}"));
	assert_string_equal(json_str(json_array_get(rows, 0), "path", ""), path);
}

static void
test_attach_without_vision_an_image_is_a_note(void **state)
{
	cleanup_free char *path = stage("a.png", PNG, 12), *text = NULL;
	cleanup_json json_t *rows = NULL, *parts = content("x", path, NULL, false, &rows, NULL);

	text = json_text(parts);
	assert_null(strstr(text, "base64"));
	assert_string_equal(text_of(parts, 2), "[the image a.png is not shown: this model takes no images]");
}

static void
test_attach_images_are_not_shown_again(void **state)
{
	cleanup_free char *path = stage("a.png", PNG, 12), *text = NULL;
	cleanup_json json_t *rows = NULL, *parts = content("x", path, NULL, true, &rows, NULL), *history = NULL;
	cleanup_json json_t *messages = json_pack("[{s:s, s:s}, {s:s, s:O}]", "role", "system", "content", "p",
	    "role", "user", "content", parts);

	history = context_history(messages);
	text = json_text(history);
	assert_null(strstr(text, "base64"));
	assert_non_null(strstr(text, "[an image that was shown then]"));
	text = (free(text), json_text(messages));
	assert_non_null(strstr(text, "base64"));
}

static void
test_attach_refuses_what_was_not_staged_or_is_too_much(void **state)
{
	cleanup_free char *gone = stage("a.txt", "x", 1), *path = stage("b.txt", "x", 1);
	cleanup_json json_t *rows = NULL, *files = json_array(), *late = NULL;
	struct attach a = { .home = home, .text = "", .files = files };
	struct error e = { 0 };

	assert_null(content("", "/etc/passwd", NULL, true, &rows, &e));
	assert_int_equal(e.code, ERR_invalid);
	assert_int_equal(unlink(gone), 0);
	assert_null(content("", gone, NULL, true, &rows, &e));
	assert_int_equal(e.code, ERR_not_found);
	json_array_append_new(files, json_pack("{s:s}", "path", gone));
	a.late = true;			/* its turn had begun while it was there */
	late = attach_content(&a, &rows, &e);
	assert_string_equal(text_of(late, 1), "[a.txt is no longer there]");
	json_array_clear(files);
	for (int i = 0; i < 11; i++)
		json_array_append_new(files, json_pack("{s:s}", "path", path));
	assert_null(attach_content(&a, &rows, &e));
	json_array_clear(files);
	json_array_append_new(files, json_pack("s", "no row"));
	assert_null(attach_content(&a, &rows, &e));
}

static void
test_vision_goes_by_the_name_and_the_persons_word(void **state)
{
	static const struct { const char *name; bool sees; } rows[] = {
		{ "gpt-4o-mini", true }, { "gpt-3.5-turbo", false }, { "o3", true }, { "o3-mini", false }, { "claude-sonnet-4-6", true },
		{ "openai/gpt-5", true }, { "gemini-2.5-pro", true }, { "llava:7b", true }, { "qwen2.5vl:7b", true }, { "qwen3", false },
		{ "solo1", false }, { "llama3.2-vision", true }, { "text", false }, { NULL, false },
	};
	cleanup_json json_t *yes = json_pack("{s:b}", "model_vision", 1), *no = json_pack("{s:b}", "model_vision", 0);

	for (size_t i = 0; i < COUNT(rows); i++) {
		struct target t = { .name = (char *)rows[i].name };

		if (vision_has(NULL, &t) != rows[i].sees)
			fail_msg("%s", rows[i].name);
		assert_true(vision_has(yes, &t));
		assert_false(vision_has(no, &t));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)
		T(test_sniff_goes_by_the_bytes),
		T(test_sniff_has_limits),
		T(test_staging_puts_pieces_together),
		T(test_staging_refuses_and_forgets),
		T(test_staging_reads_nothing_else),
		T(test_staging_lets_go_after_six_hours),
		T(test_staging_has_room_for_so_many),
		T(test_attach_a_text_stands_between_marks),
		T(test_attach_a_document_is_shown_as_the_text_beside_it),
		T(test_attach_a_scan_is_shown_as_its_pages),
		T(test_attach_an_image_is_shown_as_it_was_made_to_fit),
		T(test_attach_texts_have_a_limit_together),
		T(test_attach_an_image_is_a_part_in_every_dialect),
		T(test_attach_without_vision_an_image_is_a_note),
		T(test_attach_images_are_not_shown_again),
		T(test_attach_refuses_what_was_not_staged_or_is_too_much),
		T(test_vision_goes_by_the_name_and_the_persons_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
