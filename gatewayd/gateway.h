/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gatewayd's parts, and what a platform is to them: the inbox and the turns
 * know messages, a platform knows how they come and go.
 */
#ifndef ALPI_GATEWAYD_GATEWAY_H
#define ALPI_GATEWAYD_GATEWAY_H

#include "common/daemon.h"
#include "common/dispatch.h"
#include "gatewayd/settings.h"

struct gateway;
struct sending;

enum outcome {
	OUT_sent,
	OUT_later,		/* not sent; the same once more after a while */
	OUT_never		/* not sent, and never will be */
};

/* How one part of an answer fared; later_ms: of OUT_later. */
typedef void sent_fn(void *arg, enum outcome outcome, int64_t later_ms);

struct platform {
	const char	*name;		/* also the surface of its turns */
	const char	*banner;	/* "INBOUND TELEGRAM" */
	/* The parts that an answer is sent in, always the same ones; free with split_free. */
	char	**(*split)(const char *reply);
	/* Send one part. The callback comes from the loop, unless sending_cancel is called before. Never NULL. */
	struct sending *(*send)(struct gateway *g, const char *chat, const char *part, sent_fn *done, void *arg);
	void	(*cancel)(struct sending *s);
	void	(*typing)(struct gateway *g, const char *chat);
};

struct gateway {
	struct daemon	*daemon;
	struct settings	 settings;
	struct inbox	*inbox;
	struct threads	*threads;
	struct http	*http;
	struct turns	*turns;
	struct telegram	*telegram;	/* NULL: not configured */
	bool		 draining;
};

extern const struct platform telegram_platform;
extern const struct handler gateway_handlers[];

#endif
