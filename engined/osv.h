/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packages looked up in the OSV database (osv.dev): which of them has an
 * advisory that it is malware. Those have ids that begin with MAL-; faults of
 * honest packages are not asked about. The server is believed in nothing but
 * that: an answer that does not fit the question is no answer.
 */
#ifndef ALPI_ENGINED_OSV_H
#define ALPI_ENGINED_OSV_H

#include <event2/event.h>

#include "common/error.h"
#include "engined/imports.h"

#define OSV_MS	3000			/* from the question to the end of the answer */

struct http;
struct osv;

/* The body of the question. The caller frees. */
char	*osv_question(const struct packages *p);
/* An answer: 0 with "name (MAL-...)", the caller's, or NULL when none is known as malware; -1: it is no whole answer. */
int	 osv_read(const char *body, size_t len, const struct packages *asked, char **malware, struct error *e);

/* Runs once, from the loop, never inside osv_ask. e: they were not looked up; else malware as of osv_read, borrowed. The handle dies with it. */
typedef void osv_done(void *arg, const char *malware, const struct error *e);
/* url: of the server. packages are borrowed until the end. NULL with the error: it cannot be asked. */
struct osv *osv_ask(struct event_base *base, struct http *http, const char *url, const struct packages *p, osv_done *done, void *arg,
	    struct error *e);
void	 osv_cancel(struct osv *o);		/* done will not run; NULL is fine */

#endif
