/* SPDX-License-Identifier: Apache-2.0 */
/* See attach.h. A text of a file stands between marks that it cannot forge: it is what the person shows, not what they say. */
#include "engined/attach.h"

#include <stdint.h>
#include <string.h>

#include "common/base64.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "engined/sniff.h"
#include "engined/staging.h"

#define FILES_MAX	10
#define TURN_BYTES	(40 * 1024 * 1024)
#define IMAGE_BYTES	(24 * 1024 * 1024)	/* of what is shown of images and scans */
#define PAGES_MAX	15
#define TEXT_CHARS	160000		/* of all texts of a request */
#define URL_START	"data:image/"

/* What is being put together. */
struct making {
	const struct attach *a;
	json_t		*rows, *parts;
	struct buf	 list;		/* of the files, for the model */
	size_t		 bytes, chars, shown;
};

static json_t *
text_part(const char *text)
{
	return json_pack("{s:s, s:s}", "type", "text", "text", text);
}

json_t *
attach_image(const char *mime, const void *data, size_t len)
{
	cleanup_free char *text = base64_text(data, len), *url = xasprintf("data:%s;base64,%s", mime, text);

	return json_pack("{s:s, s:{s:s}}", "type", "image_url", "image_url", "url", url);
}

/* ---- one file ------------------------------------------------------------------------------- */

static void
add_text(struct making *m, const char *name, const struct buf *b)
{
	cleanup_free char *clean = utf8_clean(buf_str(b), b->len), *text = NULL;
	size_t len = strlen(clean), all = utf8_count(clean, len), left = TEXT_CHARS - m->chars;
	size_t n = all < left ? all : left;
	char mark[17];

	m->chars += n;
	random_hex(mark, 8);
	text = xasprintf("[ATTACHED FILE %s id=%s]\n%.*s\n%s[END OF FILE id=%s]", name, mark,
	    (int)utf8_offset(clean, len, n), clean, n < all ? "[the rest is left out]\n" : "", mark);
	json_array_append_new(m->parts, text_part(text));
}

/* An image, as a part of the request. */
static int
show(struct making *m, const char *mime, const struct buf *b, struct error *e)
{
	if (mime == NULL)
		return error_set(e, ERR_invalid, "a page is no image");
	if ((m->shown += b->len) > IMAGE_BYTES)
		return error_set(e, ERR_too_large, "the images of a turn have at most 24 MB together");
	json_array_append_new(m->parts, attach_image(mime, buf_str(b), b->len));
	return 0;
}

/* As it was made to fit when it came, if it did not. */
static int
add_image(struct making *m, const char *name, const char *path, const char *mime, const struct buf *b, struct error *e)
{
	cleanup_free char *note = NULL;
	cleanup_buf struct buf fit = BUF(0);

	if (m->a->sees && staging_read_beside(m->a->home, path, "image", 0, &fit, NULL) == 0)
		return show(m, sniff_image(buf_str(&fit), fit.len), &fit, e);
	if (m->a->sees)
		return show(m, mime, b, e);
	note = xasprintf("[the image %s is not shown: this model takes no images]", name);
	json_array_append_new(m->parts, text_part(note));
	return 0;
}

/* A name as one line, in a list that the model reads. */
static char *
plain(const char *text)
{
	char *copy = xstrdup(text);

	for (char *c = copy; *c != '\0'; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f || *c == '[' || *c == ']')
			*c = '_';
	return copy;
}

static int
gone(struct making *m, const char *name)
{
	cleanup_free char *note = xasprintf("[%s is no longer there]", name);

	json_array_append_new(m->parts, text_part(note));
	return 0;
}

/* The pages of a scan, as they were drawn when it came. */
static int
add_pages(struct making *m, const char *name, const char *path, struct error *e)
{
	struct error none = { 0 };
	int pages = 0, there;

	do {
		cleanup_buf struct buf b = BUF(0);

		if ((there = staging_read_beside(m->a->home, path, "image", pages + 1, &b, &none)) == 0 && m->a->sees &&
		    show(m, sniff_image(buf_str(&b), b.len), &b, e) == -1)
			return -1;
		pages += there == 0;
	} while (there == 0 && pages < PAGES_MAX);
	if (pages == 0)
		return error_set(e, none.code, "%s: %s", name, none.text);
	return m->a->sees ? 0 : error_set(e, ERR_unsupported, "%s is a scan, its text is in images, and this model takes none; where tesseract "
	    "is installed (package tesseract-ocr) its text is recognised when it is sent", name);
}

/* A document is shown as the text that was read out of it when it came, or as its pages. */
static int
add_document(struct making *m, const char *name, const char *path, struct error *e)
{
	cleanup_buf struct buf b = BUF(0);
	struct error why = { 0 };

	if (staging_read_beside(m->a->home, path, "text", 0, &b, &why) == 0) {
		add_text(m, name, &b);
		return 0;
	}
	if (why.code == ERR_not_found)
		return add_pages(m, name, path, e);
	return error_set(e, why.code, "%s: its text: %s", name, why.text);
}

static int
add_content(struct making *m, const char *name, const char *path, const char *mime, const struct buf *b, struct error *e)
{
	if (strncmp(mime, "image/", 6) == 0)
		return add_image(m, name, path, mime, b, e);
	if (sniff_document(mime) != NULL)
		return add_document(m, name, path, e);
	add_text(m, name, b);
	return 0;
}

/* shown: where the person has it; it is only told. */
static int
add_file(struct making *m, const json_t *row, struct error *e)
{
	const char *path = json_str(row, "path", ""), *mime;
	cleanup_free char *name = plain(json_str(row, "name", path_base(path))), *shown = plain(json_str(row, "shown", path));
	cleanup_buf struct buf b = BUF(0);
	struct error why = { 0 };

	if (staging_read(m->a->home, path, &b, &why) == -1)
		return m->a->late && why.code == ERR_not_found ? gone(m, name) : error_set(e, why.code, "%s", why.text);
	if ((m->bytes += b.len) > TURN_BYTES)
		return error_set(e, ERR_too_large, "the files of a turn have at most 40 MB together");
	if ((mime = sniff(name, NULL, buf_str(&b), b.len, e)) == NULL)
		return -1;
	buf_addf(&m->list, "\n- %s (%s, %zu bytes)", shown, mime, b.len);
	json_array_append_new(m->rows, json_pack("{s:s, s:s, s:I, s:s}", "name", name, "mime", mime, "size", (json_int_t)b.len,
	    "path", shown));
	return add_content(m, name, path, mime, &b, e);
}

/* ---- all ------------------------------------------------------------------------------------ */

static int
add_files(struct making *m, struct error *e)
{
	json_t *row;
	size_t i;

	if (json_array_size(m->a->files) > FILES_MAX)
		return error_set(e, ERR_invalid, "a turn has at most %d files", FILES_MAX);
	json_array_foreach(m->a->files, i, row)
		if (add_file(m, row, e) == -1)
			return -1;
	return 0;
}

json_t *
attach_content(const struct attach *a, json_t **rows, struct error *e)
{
	struct making m = { .a = a, .rows = json_array(), .parts = json_array(), .list = BUF(0) };
	int r;

	if (a->text[0] != '\0')
		json_array_append_new(m.parts, text_part(a->text));
	buf_puts(&m.list, "[attached by the user]");
	r = add_files(&m, e);
	if (r == 0)
		json_array_insert_new(m.parts, a->text[0] != '\0' ? 1 : 0, text_part(buf_str(&m.list)));
	else
		json_decref(steal(m.parts));
	if (r == 0)
		*rows = steal(m.rows);
	json_decref(m.rows);
	buf_clear(&m.list);
	return m.parts;
}

static bool
is_image(const json_t *part)
{
	return strncmp(json_str(json_object_get(part, "image_url"), "url", ""), URL_START, strlen(URL_START)) == 0;
}

json_t *
attach_without_images(json_t *message)
{
	json_t *content = json_object_get(message, "content"), *out, *part, *copy;
	size_t i;

	if (!json_is_array(content))
		return json_incref(message);
	out = json_array();
	json_array_foreach(content, i, part)
		json_array_append_new(out, is_image(part) ? text_part("[an image that was shown then]") : json_incref(part));
	copy = json_copy(message);
	json_object_set_new(copy, "content", out);
	return copy;
}
