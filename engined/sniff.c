/* SPDX-License-Identifier: Apache-2.0 */
/* See sniff.h. */
#include "engined/sniff.h"

#include <string.h>
#include <strings.h>

#include "common/mem.h"

#define LOOKED_AT	4096		/* bytes that decide whether it is text */
#define PDF_WITHIN	1024
#define PDF		"application/pdf"
#define DOCX		"application/vnd.openxmlformats-officedocument.wordprocessingml.document"

static const struct {
	const char	*mime, *start;
	size_t		 len;
} images[] = {
	{ "image/png",  "\x89PNG\r\n\x1a\n", 8 },
	{ "image/jpeg", "\xff\xd8\xff", 3 },
	{ "image/gif",  "GIF87a", 6 },
	{ "image/gif",  "GIF89a", 6 },
	{ "image/bmp",  "BM", 2 },
};

/* What a name's ending says of a text; anything else is plain, and source code is, too. */
static const struct {
	const char	*ending, *mime;
} texts[] = {
	{ ".md", "text/markdown" }, { ".markdown", "text/markdown" }, { ".csv", "text/csv" }, { ".html", "text/html" },
	{ ".htm", "text/html" }, { ".json", "application/json" }, { ".yaml", "application/yaml" }, { ".yml", "application/yaml" },
};

const char *
sniff_image(const void *data, size_t len)
{
	if (len >= 12 && memcmp(data, "RIFF", 4) == 0 && memcmp((const char *)data + 8, "WEBP", 4) == 0)
		return "image/webp";
	for (size_t i = 0; i < COUNT(images); i++)
		if (len > images[i].len && memcmp(data, images[i].start, images[i].len) == 0)
			return images[i].mime;
	return NULL;
}

static bool
is_pdf(const void *data, size_t len)
{
	return memmem(data, len < PDF_WITHIN ? len : PDF_WITHIN, "%PDF", 4) != NULL;
}

/* A ZIP that names the part where a word processor keeps its text. */
static bool
is_docx(const void *data, size_t len)
{
	static const char part[] = "word/document.xml";

	return len > 4 && memcmp(data, "PK\3\4", 4) == 0 && memmem(data, len, part, strlen(part)) != NULL;
}

const char *
sniff_document(const char *mime)
{
	if (strncmp(mime, "image/", 6) == 0)
		return "a.image";
	return strcmp(mime, PDF) == 0 ? "a.pdf" : strcmp(mime, DOCX) == 0 ? "a.docx" : NULL;
}

/* A NUL, or nearly a third of control characters: nobody wrote that to be read. */
static bool
is_binary(const unsigned char *data, size_t len)
{
	size_t n = len < LOOKED_AT ? len : LOOKED_AT, controls = 0;

	for (size_t i = 0; i < n; i++) {
		if (data[i] == '\0')
			return true;
		controls += (data[i] < 0x20 && strchr("\t\n\r\f", data[i]) == NULL) || data[i] == 0x7f;
	}
	return controls * 10 > n * 3;
}

static const char *
ending_of(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot == NULL ? "" : dot;
}

static const char *
text_type(const char *name)
{
	for (size_t i = 0; i < COUNT(texts); i++)
		if (strcasecmp(ending_of(name), texts[i].ending) == 0)
			return texts[i].mime;
	return "text/plain";
}

/* Does the sender, or the name, say that it is an image? */
static bool
said_to_be_image(const char *name, const char *mime)
{
	static const char *const endings[] = { ".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".heic", ".tiff" };

	for (size_t i = 0; i < COUNT(endings); i++)
		if (strcasecmp(ending_of(name), endings[i]) == 0)
			return true;
	return mime != NULL && strncasecmp(mime, "image/", 6) == 0;
}

static const char *
check_image(const char *name, const char *mime, const char *is, size_t len, struct error *e)
{
	if (strcmp(is, "image/gif") == 0 || strcmp(is, "image/bmp") == 0)
		error_set(e, ERR_invalid, "%.128s: %s is not accepted; images are png, jpeg or webp", name, is);
	else if (mime != NULL && mime[0] != '\0' && strcasecmp(mime, is) != 0 && !(strcasecmp(mime, "image/jpg") == 0 && strcmp(is, "image/jpeg") == 0))
		error_set(e, ERR_invalid, "%.128s is %s, not %.64s", name, is, mime);
	else if (len > SNIFF_IMAGE_MAX)
		error_set(e, ERR_too_large, "%.128s is larger than 20 MB", name);
	else
		return is;
	return NULL;
}

static const char *
check_document(const char *name, const char *is, size_t len, struct error *e)
{
	if (len <= SNIFF_DOCUMENT_MAX)
		return is;
	error_set(e, ERR_too_large, "%.128s: a PDF or DOCX file has at most 20 MB", name);
	return NULL;
}

const char *
sniff(const char *name, const char *mime, const void *data, size_t len, struct error *e)
{
	const char *image = sniff_image(data, len);
	bool bitmap = image != NULL && strcmp(image, "image/bmp") == 0;

	if (bitmap && !is_binary(data, len))
		image = NULL;		/* a text that begins with BM */
	if (len == 0)
		error_set(e, ERR_invalid, "%.128s is empty", name);
	else if (image != NULL)
		return check_image(name, mime, image, len, e);
	else if (said_to_be_image(name, mime))
		error_set(e, ERR_invalid, "%.128s is no image: it does not begin like png, jpeg or webp", name);
	else if (is_pdf(data, len) || is_docx(data, len))
		return check_document(name, is_pdf(data, len) ? PDF : DOCX, len, e);
	else if (is_binary(data, len))
		error_set(e, ERR_invalid, "%.128s is neither an image (png, jpeg, webp) nor a document (PDF, DOCX) nor text", name);
	else if (len > SNIFF_TEXT_MAX)
		error_set(e, ERR_too_large, "%.128s: a text has at most 2 MB", name);
	else
		return text_type(name);
	return NULL;
}
