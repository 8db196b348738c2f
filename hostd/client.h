/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client and the request it is being served: who it is, what it may do,
 * how its answers get back. Transports (sock.c) make clients and carry
 * lines; methods.c answers. Neither knows the other.
 */
#ifndef HOSTD_CLIENT_H
#define HOSTD_CLIENT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

struct ask;
struct host;

#define MESSAGE_MAX	28027562	/* 20 MiB in base64 and 64 KiB; both ways (host-plane.md, 1) */

enum role { ROLE_MEMBER, ROLE_ADMIN };

/* What a client needs of its connection. A message is one JSON text without its line end. */
struct transport {
	int	(*send)(void *conn, const char *text, size_t len);	/* 0, or -1: the connection is over */
	size_t	(*queued_bytes)(const void *conn);
	size_t	(*queued_messages)(const void *conn);
	void	(*end)(void *conn);			/* the request is answered in full */
};

struct client {
	struct host		*host;
	const struct transport	*transport;
	void			*conn;
	enum role		 role;
	bool			 local;
	const char		*connection;	/* "host" for the sovereign operator */
	struct ask		*ask;		/* what it waits for now */
};

typedef int method_fn(struct ask *a, struct error *e);

struct method {
	const char	*name;
	method_fn	*fn;		/* 0 when answered or about to be, -1 with the reason */
	enum role	 role;		/* the least that may call it */
	bool		 local_only;
	bool		 scope_free;	/* of use to a member without a profile of its scope */
	const char	*needs, *may;	/* parameter names, of the table in params.c */
};

extern const struct method methods[];	/* ends with a row of zeroes */

/* A request from its line to its last answer. */
struct ask {
	struct host		*host;
	struct client		*client;	/* NULL when it went away */
	const struct method	*method;
	json_t			*params;	/* an object whose members were checked */
	char			*id;		/* as JSON text */
	void			*arg;		/* of the two below */
	void			(*gone)(void *arg);	/* the client went away; ask_end is still due */
	void			(*drained)(void *arg);	/* all that was queued is taken */
};

/* Serve one request. 0, or -1 for what is not a request; the client may be closed by then. */
int	 client_request(struct client *c, const char *text, size_t len);
/* The connection is over. What the client asked for goes on. */
void	 client_gone(struct client *c);
/* All that was queued is taken. */
void	 client_drained(struct client *c);

/* Answer and end the request; not for one that has set `gone`. Results are taken. */
void	 ask_result(struct ask *a, json_t *result);
void	 ask_ok(struct ask *a);		/* {"ok": true} */
void	 ask_result_text(struct ask *a, const char *json);
void	 ask_error(struct ask *a, const struct error *e);
/* Why, for a person: without the name of the unit that said no; with it, and where to look, when it could not be reached. */
char	*error_words(const struct error *e);
/* The same, with a word of its own for it, where host-plane.md gives the verb one. */
void	 ask_error_as(struct ask *a, const char *message, const struct error *e);
/* It is no longer what the client has seen; rev: what it is now. */
void	 ask_conflict(struct ask *a, const char *rev);
/*
 * One more message of a stream: `rest` is an object's JSON text; the id is put in front. 0, or -1 when the
 * client is gone: then `gone` has run and the request must not be touched again.
 */
int	 ask_frame(struct ask *a, const char *rest);
/* A frame {event: kind, text?, code?}. */
int	 ask_frame_text(struct ask *a, const char *kind, const char *text, const char *code);
/* What waits to be taken by the client. */
size_t	 ask_queued_bytes(const struct ask *a);
size_t	 ask_queued_messages(const struct ask *a);
/* Nothing more will be said. Frees the request. */
void	 ask_end(struct ask *a);

/* A parameter that was checked: "" or otherwise when absent. Borrowed. */
const char *ask_str(const struct ask *a, const char *name);
const char *ask_str0(const struct ask *a, const char *name);	/* NULL when absent or empty */

/* Check what stands in params against the names a method needs and may have. 0, or -1 with ERR_invalid. */
int	 params_check(const json_t *params, const char *needs, const char *may, struct error *e);

#endif
