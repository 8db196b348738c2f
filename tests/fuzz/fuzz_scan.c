/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes through the text scanners: hits lie within the text, and what is found does not depend on who looks. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/scan.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const declared[] = { "A_KEY", NULL };
	struct scan_hits h, again;
	size_t lines = 1;

	if (size < 1 || size > 4096)
		return 0;
	for (size_t i = 1; i < size; i++)
		lines += data[i] == '\n';
	scan_text(data[0] % 3, (const char *)data + 1, size - 1, declared, &h);
	scan_text(data[0] % 3, (const char *)data + 1, size - 1, declared, &again);
	if (h.n != again.n)
		abort();
	for (size_t i = 0; i < h.n; i++)
		if (h.rows[i].line < 1 || h.rows[i].line > lines)
			abort();
	scan_hits_clear(&h);
	scan_hits_clear(&again);
	return 0;
}
