/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See scan.h. A page is drawn to a number of pixels and not to a resolution:
 * how large it says to be is a stranger's word, and 14,400 points would be a
 * gigabyte.
 */
#include "toolrunner/scan.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"
#include "toolrunner/picture.h"
#include "toolrunner/program.h"
#include "toolrunner/text.h"

#define SHOWN	"1568"		/* pixels of the long edge that a model is shown: twice the size of A4 on a screen, nearly */
#define READ	"3000"		/* and that tesseract is: it wants 250 dots an inch */

int
scan_image(int fd, int page, struct buf *out, struct error *e)
{
	char number[16];
	const char *const argv[] = { "/usr/bin/pdftoppm", "-q", "-f", number, "-l", number, "-scale-to", SHOWN, "-jpeg", "-jpegopt",
	    "quality=85", "-", NULL };

	snprintf(number, sizeof(number), "%d", page);
	if (program_read(&(struct program){ argv, "poppler-utils", PICTURE_FIT, true }, fd, out, e) == -1)
		return -1;
	return out->len == 0 ? error_set(e, ERR_invalid, "page %d cannot be drawn", page) : 0;
}

int
scan_text(int fd, int page, struct buf *out, struct error *e)
{
	static const char *const ocr[] = { "/usr/bin/tesseract", "-", "-", NULL };
	char number[16];
	const char *const argv[] = { "/usr/bin/pdftoppm", "-q", "-f", number, "-l", number, "-scale-to", READ, "-gray", "-", NULL };
	cleanup_buf struct buf drawn = BUF(PICTURE_MAX);

	snprintf(number, sizeof(number), "%d", page);
	if (program_read(&(struct program){ argv, "poppler-utils", PICTURE_MAX, true }, fd, &drawn, e) == -1)
		return -1;
	cleanup_close int image = picture_in_memory(&drawn, e);
	if (image == -1)
		return -1;
	return program_read(&(struct program){ ocr, "tesseract-ocr", TEXT_MAX, false }, image, out, e);
}
