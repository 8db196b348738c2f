/* SPDX-License-Identifier: Apache-2.0 */
/* An embedding server's answer: as many finite numbers as it is believed to have, or a reason. */
#include <math.h>
#include <stdlib.h>

#include "engined/embed.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	size_t count = size > 0 ? data[0] % 4u : 1;
	struct embed_result r;
	struct error e = { 0 };

	if (embed_read((const char *)data, size, count, &r, &e) == -1) {
		if (e.text[0] == '\0')
			abort();
		return 0;
	}
	for (size_t i = 0; i < r.count * (size_t)r.dim; i++)
		if (!isfinite(r.numbers[i]))
			abort();
	embed_clear(&r);
	return 0;
}
