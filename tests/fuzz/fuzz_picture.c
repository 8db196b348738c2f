/* SPDX-License-Identifier: Apache-2.0 */
/* The first bytes of an image: the same kind with a longer rest, and never a drawing that holds a NUL. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "toolrunner/picture.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	cleanup_free unsigned char *own = xmalloc(size + 1);	/* its own end, for the sanitizer */
	const char *mime;

	memcpy(own, data, size);
	mime = picture_sniff(own, size);
	if (mime == NULL)
		return 0;
	if (strcmp(mime, "image/svg+xml") == 0 && memchr(own, '\0', size < 4096 ? size : 4096) != NULL)
		abort();
	own[size] = '>';
	if (picture_sniff(own, size + 1) != mime)
		abort();
	return 0;
}
