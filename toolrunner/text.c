/* SPDX-License-Identifier: Apache-2.0 */
/* See text.h. */
#include "toolrunner/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "toolrunner/docx.h"
#include "toolrunner/files.h"
#include "toolrunner/program.h"
#include "toolrunner/scan.h"

#define BLOCK		65536
#define DOCUMENT_MAX	(10 * 1024 * 1024)	/* bytes of a PDF or DOCX file */
#define PAGES_MAX	15		/* of a PDF that somebody attached to a request, and of a scan */
#define SCAN_LEAST	32		/* characters; a PDF with fewer shows its text in pictures, if it has any */
#define SCAN_MS		60000		/* for the pages of one, of the two minutes that a call has */
#define PICTURE_LEAST	50		/* characters; fewer are no text but what looked like some */

/* ---- plain text ------------------------------------------------------------------------------------ */

static int
plain(int fd, struct buf *text, struct error *e)
{
	cleanup_free char *block = xmalloc(BLOCK);
	ssize_t n;

	while ((n = read(fd, block, BLOCK)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return error_errno(e, "read");
		if (text->len + (size_t)n > TEXT_MAX)
			return error_set(e, ERR_too_large, "larger than %d bytes", TEXT_MAX);
		buf_add(text, block, (size_t)n);
	}
	if (files_is_binary(buf_str(text), text->len))
		return error_set(e, ERR_invalid, "binary");
	return 0;
}

/* ---- documents --------------------------------------------------------------------------------------- */

static int
docx(int fd, struct buf *text, struct error *e)
{
	return docx_text(fd, TEXT_MAX, text, e);
}

static int
by_program(const char *const *argv, const char *package, int fd, struct buf *text, struct error *e)
{
	return program_read(&(struct program){ .argv = argv, .package = package, .keep = TEXT_MAX }, fd, text, e);
}

static int
pdf(int fd, struct buf *text, struct error *e)
{
	static const char *const argv[] = { "/usr/bin/pdftotext", "-q", "-enc", "UTF-8", "-nopgbrk", "-", "-", NULL };

	return by_program(argv, "poppler-utils", fd, text, e);
}

/* Each page ends with a form feed; one more than may be is asked for. */
static int
pdf_pages(int fd, struct buf *text, int *count, struct error *e)
{
	static const char *const argv[] = { "/usr/bin/pdftotext", "-q", "-enc", "UTF-8", "-l", "16", "-", "-", NULL };
	int pages = 0;

	if (by_program(argv, "poppler-utils", fd, text, e) == -1)
		return -1;
	if (text->len >= TEXT_MAX)		/* and where the pages end is not known */
		return error_set(e, ERR_too_large, "more than %d bytes of text", TEXT_MAX);
	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] == '\f') {
			text->data[i] = '\n';
			pages++;
		}
	if (pages > PAGES_MAX)
		return error_set(e, ERR_too_large, "a PDF has at most %d pages", PAGES_MAX);
	*count = pages;
	return 0;
}

static int
picture(int fd, struct buf *text, struct error *e)
{
	static const char *const argv[] = { "/usr/bin/tesseract", "-", "-", NULL };

	if (by_program(argv, "tesseract-ocr", fd, text, e) == -1)
		return -1;
	if (utf8_count(buf_str(text), text->len) < PICTURE_LEAST)
		return error_set(e, ERR_invalid, "picture without text");
	return 0;
}

/* ---- which ---------------------------------------------------------------------------------------------- */

static const struct kind {
	const char	*suffix;
	off_t		 max;
	bool		 ocr;		/* only when asked for */
	int		(*read)(int fd, struct buf *text, struct error *e);
} kinds[] = {
	{ ".pdf", DOCUMENT_MAX, false, pdf }, { ".docx", DOCUMENT_MAX, false, docx },
	{ ".png", TEXT_IMAGE_MAX, true, picture }, { ".jpg", TEXT_IMAGE_MAX, true, picture },
	{ ".jpeg", TEXT_IMAGE_MAX, true, picture }, { ".tif", TEXT_IMAGE_MAX, true, picture },
	{ ".tiff", TEXT_IMAGE_MAX, true, picture }, { ".webp", TEXT_IMAGE_MAX, true, picture },
	{ "", TEXT_MAX, false, plain },
};

static const struct kind *
kind_of(const char *path)
{
	size_t n = strlen(path), s;

	for (const struct kind *k = kinds; ; k++)
		if ((s = strlen(k->suffix)) <= n && strcasecmp(path + n - s, k->suffix) == 0)
			return k;
}

/* A NUL would end the text for everybody who reads it later. */
static void
add_clean(struct buf *out, struct buf *text)
{
	cleanup_free char *clean = NULL;

	for (size_t i = 0; i < text->len; i++)
		if (text->data[i] == '\0')
			text->data[i] = ' ';
	clean = utf8_clean(buf_str(text), text->len);
	buf_add(out, clean, utf8_cut(clean, strlen(clean), TEXT_MAX));
}

/* Characters; blanks between them count once, those at the ends not. */
static size_t
length(const struct buf *text)
{
	size_t n = 0;
	bool blank = true, was;

	for (size_t i = 0; i < text->len; i++) {
		was = blank;
		blank = strchr(" \t\r\n\f", text->data[i]) != NULL;
		n += !(blank && was) && ((unsigned char)text->data[i] & 0xc0) != 0x80;
	}
	return n - (blank && n > 0);
}

/* What can be read in the pages of a PDF with hardly any text, instead of that. */
static int
read_scan(int fd, struct buf *text, struct error *e)
{
	cleanup_buf struct buf counted = BUF(0), read = BUF(0);
	int64_t until = clock_mono_ms() + SCAN_MS;
	int pages = 0;

	if (pdf_pages(fd, &counted, &pages, e) == -1)
		return error_add(e, "scan");
	for (int page = 1; page <= pages && read.len < TEXT_MAX; page++) {
		if (clock_mono_ms() > until)
			return error_set(e, ERR_too_large, "scan: its pages take more than %d s to read", SCAN_MS / 1000);
		if (scan_text(fd, page, &read, e) == -1)
			return -1;
		buf_addc(&read, '\n');
	}
	if (length(&read) > length(text)) {
		buf_reset(text);
		buf_add(text, buf_str(&read), read.len);
	}
	return length(text) > 0 ? 0 : error_set(e, ERR_invalid, "scan without text");
}

int
text_of(int fd, const char *path, bool ocr, struct buf *out, struct error *e)
{
	const struct kind *k = kind_of(path);
	cleanup_buf struct buf text = BUF(0);
	struct stat st;

	if (fstat(fd, &st) == -1)
		return error_errno(e, "fstat");
	if (k->ocr && !ocr)
		return error_set(e, ERR_invalid, "picture: ocr reads it");
	if (st.st_size > k->max)
		return error_set(e, ERR_too_large, "larger than %lld bytes", (long long)k->max);
	if (k->read(fd, &text, e) == -1)
		return -1;
	if (k->read == pdf && ocr && length(&text) < SCAN_LEAST && read_scan(fd, &text, e) == -1)
		return -1;
	if (k->read == pdf && length(&text) == 0)
		return error_set(e, ERR_invalid, "scan: ocr reads it");
	add_clean(out, &text);
	return 0;
}

/* ---- attached ------------------------------------------------------------------------------------------- */

int
text_attached(int fd, const char *path, struct buf *out, int *scan, struct error *e)
{
	const struct kind *k = kind_of(path);
	cleanup_buf struct buf text = BUF(0);
	int pages = 0;

	*scan = 0;
	if (k->read != pdf && k->read != docx)
		return error_set(e, ERR_invalid, "no document");
	if ((k->read == pdf ? pdf_pages(fd, &text, &pages, e) : docx(fd, &text, e)) == -1)
		return -1;
	if (pages > 0 && length(&text) < SCAN_LEAST) {
		*scan = pages;
		return 0;
	}
	if (length(&text) == 0)
		return error_set(e, ERR_invalid, "it has no text");
	add_clean(out, &text);
	return 0;
}
