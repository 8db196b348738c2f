/* SPDX-License-Identifier: Apache-2.0 */
/* The share of a profile's .env that a daemon gets; the random bytes of tokens and grant keys. */
#ifndef INIT_SECRETS_H
#define INIT_SECRETS_H

#include <stdio.h>

#include "common/boot.h"

#define KEY_HEX (2 * BOOT_KEY_BYTES + 1)

enum share { SECRETS_NONE, SECRETS_PROVIDER };

/*
 * The value of a variable in the text of a .env (spec/engine.md, section 2; the last line wins), borrowed,
 * its length in *len. NULL: not there, or not fit for a boot line.
 */
const char *env_find(const char *text, size_t size, const char *name, size_t *len);
/* Write the boot lines of a share of HOME/.env; with `all`, an empty value for a name that is not there. */
void	 secrets_write(FILE *to, const char *home, enum share share, int all);
/* A new key in hex digits. */
void	 secrets_key(char out[KEY_HEX]);

#endif
