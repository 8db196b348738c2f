/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an answer of /sync leaves out: when much was written, the server gives
 * the last part of a room and a place to read backwards from. Without it the
 * first messages after a long absence would never be answered.
 */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/mem.h"
#include "gatewayd/matrix.h"
#include "gatewayd/webcall.h"

#define PAGE_MS		60000
#define PAGES_MAX	50		/* of a hundred events each */

static void on_page(void *arg, const struct matrix_answer *a);

static void
ask_page(struct matrix *m, const char *from)
{
	cleanup_free char *at = webcall_escape(from), *to = webcall_escape(m->since);
	cleanup_free char *rest = xasprintf("messages?dir=b&limit=100&from=%s&to=%s", at, to);
	cleanup_free char *path = matrix_room_path(m->got.gaps[m->gap].room, rest);

	m->pages++;
	m->call = matrix_ask(&m->server, "GET", path, NULL, PAGE_MS, on_page, m);
}

/* The next gap of a room that is heard, or the end. */
static void
next_gap(struct matrix *m)
{
	while (m->gap < m->got.n_gaps && !allow_has_chat(&m->allow, m->got.gaps[m->gap].room))
		m->gap++;
	m->pages = 0;
	if (m->gap < m->got.n_gaps)
		ask_page(m, m->got.gaps[m->gap].from);
	else
		m->filled(m, NULL);
}

static void
on_page(void *arg, const struct matrix_answer *a)
{
	struct matrix *m = arg;
	const char *room = m->got.gaps[m->gap].room;
	cleanup_free char *end = NULL;
	bool shut = a->status == 403 || a->status == 404;	/* we are no longer in that room */

	m->call = NULL;
	if (!a->ok && !shut) {
		m->filled(m, a);
		return;
	}
	if (shut || matrix_page_read(a->body, room, m->user, &m->got, &end) == -1)
		log_warn("matrix chat=%s what came before cannot be read: %s", room, shut ? a->why : "no page of messages");
	if (end != NULL && m->pages < PAGES_MAX) {
		ask_page(m, end);
		return;
	}
	if (end != NULL)
		log_warn("matrix chat=%s more was written meanwhile than is read", room);
	m->gap++;
	next_gap(m);
}

void
matrix_fill(struct matrix *m, void (*done)(struct matrix *m, const struct matrix_answer *failed))
{
	m->filled = done;
	m->gap = 0;
	next_gap(m);
}
