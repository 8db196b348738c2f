/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets: the share of a profile's .env that a daemon gets, and the random
 * bytes that tokens and grant keys are. init keeps no value of .env: the file
 * is read when a unit starts or reloads, and wiped.
 */
#ifndef INIT_SECRETS_H
#define INIT_SECRETS_H

#include <stddef.h>

#include "common/boot.h"

#define KEY_HEX (2 * BOOT_KEY_BYTES + 1)

enum share {
	SECRETS_NONE,
	SECRETS_PROVIDER,		/* the keys of model providers */
};

/* The names a share is made of, NULL-terminated. */
const char *const *secrets_names(enum share share);
/*
 * The value of a variable in the text of a .env (spec/engine.md, section 2; the last line wins), borrowed,
 * its length in *len. NULL: not there, or nothing that fits a boot line.
 */
const char *env_find(const char *text, size_t size, const char *name, size_t *len);
/* Call fn for each name of the share with its value, "" where HOME/.env has none and `all` is set. */
void	 secrets_each(const char *home, enum share share, int all,
	    void (*fn)(void *arg, const char *name, const char *value, size_t len), void *arg);
/* A new key as hex digits. */
void	 secrets_key(char out[KEY_HEX]);

#endif
