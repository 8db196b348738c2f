/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a tool of engined's own needs from toolrunner (or gatewayd) while it
 * runs: a call of the same name, under the turn's grant, that only looks, or
 * that done twice is done once. So unlike a model's call it may be made again:
 * after the other one died it is, with a new key.
 */
#ifndef ALPI_ENGINED_FETCH_H
#define ALPI_ENGINED_FETCH_H

#include <jansson.h>

#include "common/error.h"

struct engine;
struct fetch;
struct turn;

/* Who carries it out. */
enum fetch_from { FETCH_toolrunner, FETCH_gatewayd };

/* Runs once, from the loop, never inside fetch_begin. output: what the call put out, or NULL with the reason. */
typedef void fetch_done(void *arg, const char *output, const struct error *e);
/* tool is borrowed, args are taken. The handle dies with done. */
struct fetch *fetch_begin(struct turn *t, const char *tool, json_t *args, fetch_done *done, void *arg);
/* The same of one of the two. */
struct fetch *fetch_begin_at(struct turn *t, enum fetch_from from, const char *tool, json_t *args, fetch_done *done, void *arg);
/* The same for a turn that has ended, of which the id is known; its requester gives a grant for it. Both are copied. */
struct fetch *fetch_after(struct engine *en, const char *turn, const char *grant, const char *tool, json_t *args, fetch_done *done,
	    void *arg);
/* It is not needed any more: its callback will not run, toolrunner is told. NULL is fine. */
void	 fetch_cancel(struct fetch *f);

#endif
