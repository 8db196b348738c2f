/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a private key file: what is taken is the key that prints and reads the same. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alpd/keyfile.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t seed[KEY_BYTES], again[KEY_BYTES];
	struct buf b = BUF(0);

	if (pem_parse_seed((const char *)data, size, seed, NULL) == -1)
		return 0;
	pem_print_seed(seed, &b);
	if (pem_parse_seed(b.data, b.len, again, NULL) == -1 || memcmp(seed, again, sizeof(seed)) != 0)
		abort();
	buf_clear(&b);
	return 0;
}
