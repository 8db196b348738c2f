/* SPDX-License-Identifier: Apache-2.0 */
/* The fake provider's parts: what a request asks for (provider_order.c), how it is answered (provider_answer.c), HTTP (provider.c). */
#ifndef ALPI_TESTS_FAKE_PROVIDER_H
#define ALPI_TESTS_FAKE_PROVIDER_H

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum {
	BYTEWISE = 1 << 0, CRLF = 1 << 1, CR = 1 << 2, BOM = 1 << 3,
	NO_USAGE = 1 << 4, COST = 1 << 5, NO_FINISH = 1 << 6, NO_DONE = 1 << 7,
	HANG = 1 << 8,			/* the connection's part never ends */
	STALL = 1 << 9,			/* nothing after the text */
	CUT = 1 << 10,			/* the connection is cut after the text */
	FAIL = 1 << 11,			/* an error object after the text */
	ENDLESS = 1 << 12, COMMENTS = 1 << 13,
	SILENT = 1 << 14,		/* no answer at all */
	DROP = 1 << 15,			/* the connection is closed at once */
	REFUSE = 1 << 16,		/* a status instead of an answer */
	PLAIN_TYPE = 1 << 17, AS_WHOLE = 1 << 18, PAGE = 1 << 19,
	NO_INDEX = 1 << 20, SAME_INDEX = 1 << 21, NO_ID = 1 << 22, OBJECT = 1 << 23, AT_ONCE = 1 << 24,
	FINISH_STOP = 1 << 25,
};

struct stats {
	json_t	*models, *seen;		/* requests by model; by newest user message, for `retry` */
	size_t	 requests, open, most_open, aborted, connections;
	char	*last, *last_stream;
};

struct piece {
	const char	*text;
	size_t		 len;
	bool		 owned;
};

struct conn {
	struct bufferevent	*bev;
	struct event		*timer;
	bool			 streaming, ended, close_after;
	/* the answer that is being written */
	unsigned		 how;
	struct piece		*pieces;
	size_t			 npieces, next, byte;
	int			 delay, first;
};

/* What one request asks for, and what is to be answered. */
struct order {
	const char	*model;
	char		*user;		/* newest user message */
	size_t		 steps;		/* assistant messages since then */
	const char	*result;	/* newest tool result, NULL without */
	const json_t	*messages;
	bool		 stream;
	unsigned	 how;
	char		*text, *reasoning;
	const char	*refusal, *refusal_type;
	json_t		*calls;		/* [{name, arguments}] */
	size_t		 words;
	char		*raw;		/* ready-made events instead of all that */
};

extern struct stats stats;

/* What the model of a name is asked; false: nobody has that name. order_clear in any case. */
bool	 order_read(struct order *o, const json_t *request);
void	 order_clear(struct order *o);
/* The value of key=value in a text; the caller frees. NULL: none. */
char	*order_param(const char *text, const char *key);
/* The number that the newest user message gives for a word. */
long	 order_number(const struct order *o, const char *key, long otherwise);

/* The pieces of text that all streams share. */
void	 answer_init(void);
/* Carry the order out; c may be gone after. */
void	 answer(struct conn *c, struct order *o);
void	 send_body(struct conn *c, int status, const char *type, const char *extra, const char *body, size_t len);
void	 send_json(struct conn *c, int status, json_t *take_body);
/* Of c's bufferevent and timer. */
void	 answer_go_on(evutil_socket_t fd, short what, void *conn);
void	 answer_drained(struct bufferevent *bev, void *conn);
void	 conn_end(struct conn *c);

#endif
