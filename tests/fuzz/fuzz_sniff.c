/* SPDX-License-Identifier: Apache-2.0 */
/* An attachment: a line with its name, then its bytes. What is accepted is what it begins like, and a text holds no NUL where one looks. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "engined/sniff.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	const unsigned char *line = memchr(data, '\n', size);
	size_t n = line == NULL ? 0 : (size_t)(line - data), skip = line == NULL ? 0 : n + 1;
	cleanup_free char *name = xstrndup((const char *)data, n);
	cleanup_free unsigned char *rest = xmalloc(size - skip + 1);	/* its own end, for the sanitizer */
	struct error e = { 0 };
	const char *mime, *image;

	memcpy(rest, data + skip, size - skip);
	mime = sniff(name, NULL, rest, size - skip, &e);
	image = sniff_image(rest, size - skip);
	if ((mime == NULL) != (e.code != ERR_none))
		abort();
	if (mime != NULL && strncmp(mime, "image/", 6) == 0 && (image == NULL || strcmp(image, mime) != 0))
		abort();
	if (mime != NULL && strncmp(mime, "image/", 6) != 0 && memchr(rest, '\0', size - skip < 4096 ? size - skip : 4096) != NULL)
		abort();
	return 0;
}
