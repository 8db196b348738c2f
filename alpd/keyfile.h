/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The key files of a profile, alp/secrets/alp_key.{pem,pub} (alp-wire.md, 1).
 * Only the key child uses this. A private key that stands there is never
 * replaced: a missing .pub is written anew from it, and a .pem that does not
 * parse is an error for a person.
 */
#ifndef ALPD_KEYFILE_H
#define ALPD_KEYFILE_H

#include "alpd/identity.h"
#include "common/buf.h"

/* The seed of HOME, made with both files where there is no .pem; folder 0700, .pem 0600, .pub 0644 repaired. 0 or -1. */
int	keyfile_load(const char *home, uint8_t seed[KEY_BYTES], struct error *e);

/* The PEM forms: private key to seed; seed to private key; public key to its PEM. Parsers: 0 or -1. */
int	pem_parse_seed(const char *text, size_t len, uint8_t seed[KEY_BYTES], struct error *e);
void	pem_print_seed(const uint8_t seed[KEY_BYTES], struct buf *out);
void	pem_print_public(const uint8_t public[KEY_BYTES], struct buf *out);

#endif
