/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a command: judged without a crash, and what is dangerous stays so behind a safe command. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "toolrunner/approve.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct verdict v, after;
	char *text = xmalloc(size + 6);

	memcpy(text, "true\n", 5);
	memcpy(text + 5, data, size);
	approve_classify(text + 5, size, &v);
	approve_classify(text, size + 5, &after);
	if (v.nfindings > LABELS_MAX || (v.tier == TIER_SAFE) != (v.label == NULL))
		abort();
	if (v.tier == TIER_DANGEROUS && after.tier != TIER_DANGEROUS)
		abort();
	free(text);
	return 0;
}
