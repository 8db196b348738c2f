/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a file of notes: taken apart and joined twice it stays the same; stripping takes every trailer. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "engined/alike.h"
#include "engined/entry.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *
again(const char *text)
{
	struct entries es;
	char *out;

	entries_parse(text, &es);
	for (size_t i = 0; i < es.n; i++) {
		cleanup_free char *strip = entry_strip(es.rows[i]), *clean = entry_clean(es.rows[i]), *fold = alike_fold(strip);

		(void)fold;
		(void)entry_trailer(es.rows[i]);
		(void)alike(strip, clean == NULL ? "" : clean);
	}
	out = entries_join(&es);
	entries_clear(&es);
	return out;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = NULL, *once = NULL, *twice = NULL, *warnings = NULL;

	if (size > 4096)
		return 0;
	text = xstrndup((const char *)data, size);
	once = again(text);
	twice = again(once);
	if (strcmp(once, twice) != 0)
		abort();
	warnings = alike_warnings(text);
	return 0;
}
