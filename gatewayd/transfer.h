/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcurl's handles for mail servers: common/http.h is for requests of HTTP,
 * this takes a handle with whatever options. Our callbacks never run while
 * libcurl is on the stack (common/multi.h).
 */
#ifndef ALPI_GATEWAYD_TRANSFER_H
#define ALPI_GATEWAYD_TRANSFER_H

#include <curl/curl.h>
#include <event2/event.h>

#include "common/error.h"

struct transfers;
struct transfer;

/* why NULL: it is done; else a line that holds no secret. */
typedef void transfer_done(void *arg, CURLcode code, const char *why);

struct transfers *transfers_new(struct event_base *base, struct error *e);
void	 transfers_free(struct transfers *t);		/* after its transfers; NULL is fine */

/* A handle with what all of them share: certificates are checked, against ca (a file) instead of the system's if there is one. */
CURL	*transfer_handle(const char *url, const char *user, const char *password, const char *ca);
/* Takes the handle over. The callback runs once, from the loop; the handle and its connection live until transfer_end. */
struct transfer *transfer_start(struct transfers *t, CURL *easy, transfer_done *done, void *arg);
CURL	*transfer_easy(struct transfer *x);
void	 transfer_end(struct transfer *x);		/* NULL is fine */

#endif
