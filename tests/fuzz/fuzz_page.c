/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker that read hostile files says of them: read within its bounds, or refused. */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "engined/page.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void
read_list(const char *text)
{
	struct page_list l;

	if (page_list_read(text, &l, NULL) == -1)
		return;
	for (size_t i = 0; i < l.count; i++)
		if (l.files[i].path[0] == '\0' || l.files[i].size < 0)
			abort();
	page_list_clear(&l);
}

static void
read_texts(const char *text, size_t len)
{
	struct page_text t;
	size_t at = 0, before = 0, bytes = 0;

	while (page_text_next(text, len, &at, &t, NULL) == 1) {
		bytes += t.text == NULL ? 0 : strlen(t.text);
		if (at <= before || at > len || bytes > len)
			abort();
		before = at;
		page_text_clear(&t);
	}
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	cleanup_free char *text = xstrndup((const char *)data, size);

	read_list(text);
	read_texts(text, strlen(text));
	return 0;
}
