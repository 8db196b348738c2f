/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatewayd's parts, and what a platform is to them: the inbox and the turns
 * know messages, a platform knows how they come and go. All platforms stand
 * in one table, in gateway.c.
 */
#ifndef ALPI_GATEWAYD_GATEWAY_H
#define ALPI_GATEWAYD_GATEWAY_H

#include "common/daemon.h"
#include "common/dispatch.h"

struct allow;
struct breaker;
struct buf;
struct fetching;
struct gateway;
struct mail_ops;
struct mailcalls;
struct sending;

enum outcome {
	OUT_sent,
	OUT_later,		/* not sent; the same once more after a while */
	OUT_never		/* not sent, and never will be */
};

/* How one part of an answer fared; later_ms: of OUT_later. */
typedef void sent_fn(void *arg, enum outcome outcome, int64_t later_ms);

/* How a probe ended: who, whom the platform knows us as; NULL: why it cannot be used. */
typedef void probe_fn(void *arg, const char *who, const char *why);

/* Where a part goes; borrowed. */
struct letter {
	const char	*key;		/* of the message it answers: the same after any restart */
	const char	*chat;
	const char	*meta;		/* what the platform kept with that message; NULL */
	const char	*title;		/* NULL: none */
	int64_t		 part;		/* its number, from 0 */
	const char *const *models;	/* to choose from with it, where a platform has buttons */
	size_t		 n_models;
};

/* A file that goes out; borrowed. */
struct outgoing {
	const char	*path, *name;	/* where it is, and what it is called */
	const char	*caption;	/* a text of at most `caption` units; NULL: none */
	bool		 plain;		/* as a file, whatever it shows */
};

/* What was sent to us; bytes NULL: why it cannot be had, and whether a later try may fare better. */
typedef void fetched_fn(void *arg, const struct buf *bytes, const char *why, bool later);

struct platform {
	const char	*name;		/* also the surface of its turns, and its name in the inbox */
	const char	*banner;	/* "INBOUND TELEGRAM" */
	/*
	 * Before restrict: settings, files. *self NULL: it is off, and *wrong says what is wrong with its settings, NULL when there
	 * are none (static text). -1 with the error: nothing can begin.
	 */
	int	 (*open)(struct gateway *g, void **self, const char **wrong, struct error *e);
	void	 (*serve)(void *self);		/* it may talk to the network from here on */
	/* Who we are there, as the inbox knows it; NULL: nobody now. Without the function: the platform's own name. */
	const char *(*account)(const void *self);
	void	 (*stop)(void *self);		/* take nothing in any more */
	void	 (*free)(void *self);
	const struct breaker *(*breaker)(const void *self);
	const struct allow *(*allow)(const void *self);
	bool	 titled;			/* a title has a place of its own there; else it is the first line */
	/* The parts that an answer is sent in, always the same ones; free with split_free. */
	char	**(*split)(const char *reply);
	/* Send one part. The callback comes from the loop, unless cancel is called before. Never NULL. */
	struct sending *(*send)(void *self, const struct letter *to, const char *part, sent_fn *done, void *arg);
	/* Send a file; NULL: the platform takes none. caption: how many units of text can go with it (split_units). */
	struct sending *(*send_file)(void *self, const struct letter *to, const struct outgoing *f, sent_fn *done, void *arg);
	size_t	 caption;
	void	 (*cancel)(struct sending *s);
	/* A file of a message, by what the message calls it; NULL: files of its messages are at engined when they arrive. As send. */
	struct fetching *(*fetch)(void *self, const char *id, fetched_fn *done, void *arg);
	void	 (*fetch_cancel)(struct fetching *f);
	void	 (*typing)(void *self, const char *chat);	/* NULL: the platform shows none */
	/*
	 * Log in and look, send nothing. The callback comes once, from the loop; a pause of the breaker ends when it went well.
	 * NULL: there is nobody to ask.
	 */
	void	 (*probe)(void *self, probe_fn *done, void *arg);
	const struct mail_ops	*mail;		/* mail.h; NULL: it is no mail account */
};

/* A platform of this profile. */
struct line {
	const struct platform	*platform;
	void			*self;		/* NULL: off */
	const char		*wrong;		/* it is off, or on and kept from listening by somebody else: why; NULL */
};

struct gateway {
	struct daemon	*daemon;
	struct line	*lines;		/* one for each platform; one without a platform ends them */
	struct inbox	*inbox;
	struct threads	*threads;
	struct models	*models;	/* that chats chose */
	struct http	*http;
	struct turns	*turns;
	struct posts	*posts;
	struct mailcalls *mailcalls;
	bool		 draining;
};

/* Each platform opened; gateway_free also after -1. 0 or -1. */
int	 gateway_open(struct gateway *g, struct error *e);
void	 gateway_serve(struct gateway *g);
void	 gateway_stop(struct gateway *g);
void	 gateway_free(struct gateway *g);
/* NULL: no such platform, or it is off. */
const struct line *gateway_line(const struct gateway *g, const char *name);

/* Is it of this account? One that is not known, NULL, may be any. What came for one account is never answered by another. */
bool	 line_is_of(const struct line *l, const char *account);
/* A platform's account; NULL: it has none, or is off. */
const char *gateway_account(const struct gateway *g, const char *name);

/* The handler of gateway.probe. */
int	 gateway_probe(struct call *c, const void *in, struct error *e);

extern const struct platform telegram_platform, mailbox_platform, gmail_platform, matrix_platform, webhook_platform, ntfy_platform;
extern const struct handler gateway_handlers[];

#endif
