/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files of how far a platform was read, in the reference implementation's
 * form (gateway.md): they are read once, when our own mark is missing, and
 * follow it from then on, so that an owner can go back.
 */
#ifndef ALPI_GATEWAYD_STATE_H
#define ALPI_GATEWAYD_STATE_H

#include <jansson.h>

/* The caller's; an empty object when the file is missing, or is none. Never NULL. */
json_t	*state_load(const char *path);
/* Takes the state over. What cannot be written is logged: the mark in the inbox is what counts. */
void	 state_save(const char *path, json_t *state);

#endif
