/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events for clients (host-plane.md, 6): numbered by one counter that
 * survives restarts, the newest 500 kept in memory and in host/events.jsonl,
 * handed to whoever subscribed. Not for the frames of a chat: those are
 * followers.c's.
 */
#ifndef HOSTD_STREAM_H
#define HOSTD_STREAM_H

#include <event2/event.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

struct ask;
struct stream;

#define STREAM_RING		500
#define STREAM_RING_BYTES	(4u * 1024 * 1024)	/* the ring is shorter when its rows are long */
#define STREAM_REWRITE		50			/* appends between two rewrites of the file */
#define STREAM_QUEUE		1024			/* frames that may wait for a subscriber */
#define STREAM_PING_S		25

/* Open ROOT/host/events.jsonl; rows that do not parse are left out, a file that cannot be read is put aside. NULL on error. */
struct stream *stream_open(const char *root, struct event_base *base, struct error *e);
void	 stream_close(struct stream *s);

/* Number, store and send one event; data is taken. Its number. */
int64_t	 stream_emit(struct stream *s, const char *kind, json_t *data);
/* "Something is running, asking or no longer so" in a profile: not stored, at most once a second. */
void	 stream_activity(struct stream *s, const char *profile);
/* The number of the newest event. */
int64_t	 stream_last(const struct stream *s);

/* Serve host.events.subscribe: the request stays open until the client goes. kinds is NULL or a list of words. */
void	 stream_subscribe(struct stream *s, struct ask *a, const json_t *kinds);
/* {events[], next_seq} as text: the newest `limit` after a number. The caller frees. */
char	*stream_history(const struct stream *s, int64_t after, size_t limit, const json_t *kinds);

#endif
