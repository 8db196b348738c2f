/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Group keys sealed for a member, posts and files under a group key
 * (alp-wire.md, 10.1).
 */
#ifndef ALPD_SEAL_H
#define ALPD_SEAL_H

#include <stddef.h>
#include <stdint.h>

#include "alpd/identity.h"

#define SEAL_NONCE	12
#define SEAL_TAG	16

/* Seal a group key for a member's X25519 key. ephemeral secret and nonce: NULL for random ones. 0, or -1: a low-order key. */
int	seal_key(const uint8_t member[KEY_BYTES], const uint8_t group[KEY_BYTES], const uint8_t *ephemeral,
	    const uint8_t *nonce, uint8_t sealed[SEALED_BYTES]);
/* Open one with our X25519 secret and public key (the key child). 0 or -1. */
int	seal_open(const uint8_t secret[KEY_BYTES], const uint8_t public[KEY_BYTES], const uint8_t sealed[SEALED_BYTES],
	    uint8_t group[KEY_BYTES]);
/* A post or a whole file: out has len + SEAL_TAG bytes. */
void	seal_post(const uint8_t group[KEY_BYTES], const uint8_t nonce[SEAL_NONCE], const void *plain, size_t len, uint8_t *out);
/* Open len >= SEAL_TAG bytes; out has len - SEAL_TAG bytes. 0 or -1. */
int	seal_post_open(const uint8_t group[KEY_BYTES], const uint8_t nonce[SEAL_NONCE], const void *text, size_t len, uint8_t *out);

#endif
