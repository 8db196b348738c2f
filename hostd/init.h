/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Orders for init over run/init.sock: one line, the answer's lines, then
 * "ok" or "error TEXT". hostd asks init what runs and to reload or restart
 * units on behalf of people.
 */
#ifndef HOSTD_INIT_H
#define HOSTD_INIT_H

#include "common/error.h"

struct host;

/* Runs once on the loop. lines is the answer without its last line, borrowed; or NULL with the error. */
typedef void init_done(void *arg, const char *lines, const struct error *e);

/* Send one order. The answer is waited for at most timeout_s seconds. */
void	 init_order(struct host *h, const char *order, int timeout_s, init_done *done, void *arg);

#endif
