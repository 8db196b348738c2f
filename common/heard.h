/* SPDX-License-Identifier: Apache-2.0 */
/* What a followed turn has said by now: its reply, how it failed, what it cost (the events of spec/host-plane.md, section 7). */
#ifndef ALPI_HEARD_H
#define ALPI_HEARD_H

#include "common/buf.h"
#include "proto/proto.h"

struct heard {
	struct buf	 said;		/* since the last tool: all that there is of a turn that is ended */
	char		*reply;		/* NULL: none yet */
	char		*failure;	/* NULL: none */
	json_t		*files;		/* that go with the reply; NULL: none */
	bool		 interrupted;
	bool		 transient;	/* the failure may pass */
	int64_t		 tokens_in, tokens_out;
	double		 cost;		/* USD */
};

#define HEARD_SAID_MAX	(1024 * 1024)
#define HEARD		{ .said.max = HEARD_SAID_MAX }

void	 heard_clear(struct heard *h);
/* One event more, in their order. Kinds that say nothing of this are fine. */
void	 heard_event(struct heard *h, const struct turn_event *ev);
/* It failed, and this is why, whatever else was said. text is copied. */
void	 heard_failure(struct heard *h, const char *text, bool transient);

#endif
