/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the Matrix platform (gateway.md, section 11). Rooms that are not encrypted, nothing else. */
#ifndef ALPI_GATEWAYD_MATRIX_H
#define ALPI_GATEWAYD_MATRIX_H

#include "gatewayd/allow.h"
#include "gatewayd/gateway.h"
#include "gatewayd/matrix_api.h"
#include "gatewayd/matrix_sync.h"

struct matrix {
	struct gateway		*gateway;
	struct matrix_server	 server;
	struct allow		 allow;
	struct breaker		*breaker;
	struct event		*timer;
	struct matrix_call	*call;		/* a sync or what follows it; NULL: a pause */
	struct matrix_sync	 got;		/* not taken yet */
	size_t			 gap;		/* of got, that is being closed */
	int			 pages;		/* of it that were read */
	void			(*filled)(struct matrix *m, const struct matrix_answer *failed);
	char			*user;		/* our own name */
	char			*since;		/* NULL: what is there now is not for us */
	char			*state;		/* gateway/matrix-state.json */
	int64_t			 asked_at;
	char			**sealed;	/* rooms of which it was said that they are encrypted; NULL-terminated */
	size_t			 invites;	/* that were told */
	int			 said;		/* the status of the failure that was logged last, and one */
};

/* /_matrix/client/v3/rooms/ROOM, and what follows; the caller frees. */
char	*matrix_room_path(const char *room, const char *rest);
/*
 * Ask for what an answer of /sync left out, one thing after the other, in m->call. The callback runs from the loop or at once: NULL,
 * or why the same sync must be asked again.
 */
void	 matrix_fill(struct matrix *m, void (*done)(struct matrix *m, const struct matrix_answer *failed));

/* Something on its way to a room. */
struct sending {
	struct matrix		*matrix;
	struct matrix_call	*call;
	char			*chat, *path;	/* of the event */
	json_t			*event;		/* of a file that is being brought to the server; NULL: it is there, or it is a text */
	struct event		*soon;		/* for a file that cannot be read; NULL: it can */
	sent_fn			*done;
	void			*arg;
};

/* The same path for the same part of the same answer, and for nothing else, so that the room sees it once. */
struct sending *matrix_sending(struct matrix *m, const struct letter *to, sent_fn *done, void *arg);
/* The event; it is taken. */
void	 matrix_put(struct sending *s, json_t *event);
/* A call of it has ended. s is gone after. */
void	 matrix_sent(void *sending, const struct matrix_answer *a);

/* matrix_media.c: the files of a message, as the inbox keeps them; and the rows of the platform's table. */
void	 matrix_note_file(struct matrix_event *ev);
struct fetching *matrix_fetch(void *self, const char *id, fetched_fn *done, void *arg);
void	 matrix_fetch_cancel(struct fetching *f);
struct sending *matrix_send_file(void *self, const struct letter *to, const struct outgoing *f, sent_fn *done, void *arg);

/* matrix_send.c: the rows of the platform's table. */
char	**matrix_split(const char *reply);
struct sending *matrix_send(void *self, const struct letter *to, const char *part, sent_fn *done, void *arg);
void	 matrix_send_cancel(struct sending *s);
void	 matrix_typing(void *self, const char *chat);

#endif
