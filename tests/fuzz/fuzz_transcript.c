/* SPDX-License-Identifier: Apache-2.0 */
/* A transcription server's answer: a text of bounded length and a price that can be charged, or a reason. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/transcribe.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct transcript t;
	struct error e = { 0 };
	size_t n;

	if (transcript_read((const char *)data, size, &t, &e) == -1) {
		if (e.text[0] == '\0' || t.text != NULL)
			abort();
		return 0;
	}
	n = strlen(t.text);
	if (n > TRANSCRIPT_MAX || utf8_cut(t.text, n, TRANSCRIPT_MAX) != n || t.tokens_in < 0 || t.tokens_out < 0 || !(t.cost >= 0 && t.cost < 1e6))
		abort();
	transcript_clear(&t);
	return 0;
}
