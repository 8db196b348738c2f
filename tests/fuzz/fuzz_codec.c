/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as the body of every message: what decodes encodes, and that decodes to the same again. */
#include <stdint.h>
#include <stdlib.h>

#include "common/codec.h"
#include "common/json.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check(const struct shape *s, json_t *tree)
{
	struct error e = { 0 };
	struct decoded *one = codec_decode(s, tree, &e), *two;
	json_t *first, *second;

	if (one == NULL) {
		if (e.code == ERR_none || e.text[0] == '\0')
			abort();
		return;
	}
	if ((first = codec_encode(s, decoded_struct(one), &e)) == NULL || (two = codec_decode(s, first, &e)) == NULL ||
	    (second = codec_encode(s, decoded_struct(two), &e)) == NULL || !json_equal(first, second))
		abort();
	json_decref(first);
	json_decref(second);
	decoded_free(one);
	decoded_free(two);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *tree = json_parse((const char *)data, size, PROTO_DEPTH_MAX + 8, NULL);

	for (int i = MSG_none + 1; tree != NULL && i < MSG_count; i++) {
		check(&proto_message((enum msg)i)->request, tree);
		check(&proto_message((enum msg)i)->reply, tree);
	}
	json_decref(tree);
	return 0;
}
