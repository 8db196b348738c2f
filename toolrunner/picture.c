/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See picture.h. GraphicsMagick looks and scales, librsvg draws SVG: neither
 * is asked to guess what a file is, both read standard input, so that no
 * name in an image leads to another file. The limits are on what is decoded:
 * they are told by the header, before memory is taken for it.
 */
#include "toolrunner/picture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "toolrunner/program.h"

#define GM		"/usr/bin/gm"
#define GM_PACKAGE	"graphicsmagick"
#define RSVG		"/usr/bin/rsvg-convert"
#define EDGE		"1568"
#define EDGE_PIXELS	1568
#define LOOKED_AT	4096		/* bytes that decide what it is */
#define SVG		"image/svg+xml"

/* 64 million pixels in 8 bytes each, and nothing on the disk. */
#define GM_LIMITS	"-limit", "Width", "32768", "-limit", "Height", "32768", "-limit", "Pixels", "64000000", \
	"-limit", "Memory", "640000000", "-limit", "Map", "0", "-limit", "Disk", "0", "-limit", "Threads", "1"

static const struct kind {
	const char	*mime, *start;
	size_t		 len;
	const char	*frame;		/* for gm: the first of these */
	bool		 taken;		/* by models, as it is */
} kinds[] = {
	{ "image/png",  "\x89PNG\r\n\x1a\n", 8, "png:-[0]", true },
	{ "image/jpeg", "\xff\xd8\xff", 3, "jpeg:-[0]", true },
	{ "image/gif",  "GIF87a", 6, "gif:-[0]", true },
	{ "image/gif",  "GIF89a", 6, "gif:-[0]", true },
	{ "image/webp", "RIFF", 4, "webp:-[0]", true },
	{ "image/bmp",  "BM", 2, "bmp:-[0]", false },
	{ SVG, "", 0, NULL, false },
};

/* ---- which ------------------------------------------------------------------------------------------ */

static bool
is_svg(const char *data, size_t len)
{
	size_t n = len < LOOKED_AT ? len : LOOKED_AT, i = n >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;

	while (i < n && strchr(" \t\r\n", data[i]) != NULL && data[i] != '\0')
		i++;
	return i < n && data[i] == '<' && memchr(data, '\0', n) == NULL && memmem(data, n, "<svg", 4) != NULL;
}

static bool
begins(const struct kind *k, const char *data, size_t len)
{
	if (k->len == 0)
		return is_svg(data, len);
	if (len <= k->len || memcmp(data, k->start, k->len) != 0)
		return false;
	return k->start[0] != 'R' || (len >= 12 && memcmp(data + 8, "WEBP", 4) == 0);
}

static const struct kind *
kind_of(const void *data, size_t len)
{
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (begins(&kinds[i], data, len))
			return &kinds[i];
	return NULL;
}

const char *
picture_sniff(const void *data, size_t len)
{
	const struct kind *k = kind_of(data, len);

	return k == NULL ? NULL : k->mime;
}

/* ---- bytes and files -------------------------------------------------------------------------------- */

static int
read_all(int fd, size_t size, struct buf *out, struct error *e)
{
	cleanup_free char *data = xmalloc(size);
	size_t got = 0;
	ssize_t n;

	while (got < size) {
		n = pread(fd, data + got, size - got, (off_t)got);
		if (n == 0 || (n == -1 && errno != EINTR))
			return n == 0 ? error_set(e, ERR_invalid, "it changed while it was read") : error_errno(e, "read");
		got += n > 0 ? (size_t)n : 0;
	}
	return buf_add(out, data, size) == -1 ? error_set(e, ERR_too_large, "larger than %zu bytes", out->max) : 0;
}

int
picture_in_memory(const struct buf *b, struct error *e)
{
	int fd = memfd_create("image", MFD_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return error_errno(e, "memory for it");
	for (size_t done = 0; done < b->len; done += n > 0 ? (size_t)n : 0)
		if ((n = write(fd, b->data + done, b->len - done)) == -1 && errno != EINTR) {
			close(fd);
			return error_errno(e, "memory for it");
		}
	return fd;
}

/* ---- bitmaps ------------------------------------------------------------------------------------------ */

struct look {
	long	width, height;
	bool	transparent;
};

static int
look_at(const struct kind *k, int fd, struct look *look, struct error *e)
{
	const char *const argv[] = { GM, "identify", GM_LIMITS, "-format", "%w %h %A\n", k->frame, NULL };
	cleanup_buf struct buf said = BUF(0);
	char transparent[8] = "";

	if (program_read(&(struct program){ argv, GM_PACKAGE, 4096, false }, fd, &said, e) == -1)
		return -1;
	if (sscanf(buf_str(&said), "%9ld %9ld %7s", &look->width, &look->height, transparent) != 3)
		return error_set(e, ERR_invalid, "gm says nothing about its size");
	look->transparent = strcmp(transparent, "true") == 0;
	return 0;
}

static int
scale(const struct kind *k, int fd, const char *as, struct buf *out, struct error *e)
{
	/* -size: a JPEG of many pixels is decoded in a size near the one that is wanted */
	const char *const argv[] = { GM, "convert", GM_LIMITS, "-size", EDGE "x" EDGE, k->frame, "-auto-orient",
	    "-resize", EDGE "x" EDGE ">", "-colorspace", "RGB", "-strip", "-quality", "85", as, NULL };

	return program_read(&(struct program){ argv, GM_PACKAGE, PICTURE_FIT, true }, fd, out, e);
}

/* On white, where a JPEG would show what lies under a transparent place. */
static int
flatten(const struct kind *k, int fd, struct buf *out, struct error *e)
{
	const char *const argv[] = { GM, "convert", GM_LIMITS, "-background", "white", k->frame, "-auto-orient",
	    "-resize", EDGE "x" EDGE ">", "-flatten", "-strip", "-quality", "85", "jpeg:-", NULL };

	return program_read(&(struct program){ argv, GM_PACKAGE, PICTURE_FIT, true }, fd, out, e);
}

static const char *
convert(const struct kind *k, int fd, bool transparent, struct buf *out, struct error *e)
{
	if (transparent && scale(k, fd, "png:-", out, e) == 0)
		return "image/png";
	if (transparent && e->code != ERR_too_large)
		return NULL;
	*e = (struct error){ 0 };
	if ((transparent ? flatten(k, fd, out, e) : scale(k, fd, "jpeg:-", out, e)) == -1)
		return NULL;
	return "image/jpeg";
}

/* As it is: where nothing can scale it, the model's server does. */
static const char *
unchanged(const struct kind *k, int fd, size_t size, struct buf *out, struct error *e)
{
	return read_all(fd, size, out, e) == -1 ? NULL : k->mime;
}

static const char *
bitmap(const struct kind *k, int fd, size_t size, struct buf *out, struct error *e)
{
	bool may_stay = k->taken && size <= PICTURE_FIT;
	struct look look;

	if (may_stay && !program_is_there(GM))
		return unchanged(k, fd, size, out, e);
	if (look_at(k, fd, &look, e) == -1)
		return NULL;
	if (may_stay && look.width <= EDGE_PIXELS && look.height <= EDGE_PIXELS)
		return unchanged(k, fd, size, out, e);
	return convert(k, fd, look.transparent, out, e);
}

/* ---- drawings ----------------------------------------------------------------------------------------- */

/* It has no size of its own that means anything: it is drawn as large as a model sees. */
static const char *
drawing(int fd, struct buf *out, struct error *e)
{
	static const char *const argv[] = { RSVG, "--format", "png", "--keep-aspect-ratio", "--width", EDGE, "--height", EDGE, NULL };
	cleanup_buf struct buf png = BUF(PICTURE_MAX);

	if (program_read(&(struct program){ argv, "librsvg2-bin", PICTURE_MAX, true }, fd, &png, e) == -1)
		return NULL;
	cleanup_close int drawn = picture_in_memory(&png, e);
	return drawn == -1 ? NULL : bitmap(&kinds[0], drawn, png.len, out, e);
}

const char *
picture_fit(int fd, const char *name, struct buf *out, struct error *e)
{
	char start[LOOKED_AT];
	ssize_t n = pread(fd, start, sizeof(start), 0);
	const struct kind *k = n <= 0 ? NULL : kind_of(start, (size_t)n);
	const char *mime;
	struct stat st;

	if (n == -1 || fstat(fd, &st) == -1)
		error_errno(e, "read %s", name);
	else if (st.st_size > PICTURE_MAX)
		error_set(e, ERR_too_large, "%s is larger than 20 MB", name);
	else if (k == NULL)
		error_set(e, ERR_invalid, "%s is no image (png, jpeg, webp, gif, bmp, svg)", name);
	else if ((mime = k->frame == NULL ? drawing(fd, out, e) : bitmap(k, fd, (size_t)st.st_size, out, e)) == NULL)
		error_add(e, "%s", name);
	else
		return mime;
	return NULL;
}
