/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hear of the next change below a folder, once: whoever has heard looks when
 * it suits, and asks again. So a busy folder costs one wake-up, not one per
 * change. The only file of alpd that knows how the system tells.
 */
#ifndef ALPD_WATCH_H
#define ALPD_WATCH_H

#include <event2/event.h>

#include "common/error.h"

struct watch;

/* NULL on error; nothing is watched yet. */
struct watch	*watch_new(struct event_base *base, const char *dir, void (*fn)(void *arg), void *arg, struct error *e);
void		 watch_free(struct watch *w);		/* NULL is fine */
/* From now on: fn runs from the loop after the next file of the folder was written. 0 or -1. */
int		 watch_next(struct watch *w, struct error *e);

#endif
