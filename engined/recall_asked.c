/* SPDX-License-Identifier: Apache-2.0 */
/* See recall_asked.h: first the index is brought up to date, then it is asked. */
#include "engined/recall_asked.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/meaning.h"
#include "engined/recall.h"

#define ROWS	20		/* unless it is said how many */

struct search {
	struct call	*call;
	char		*query;
	size_t		 limit;
};

static void
search_free(struct search *s)
{
	free(s->query);
	free(s);
}

static void
on_answer(void *arg, const struct meaning_answer *a, const struct error *e)
{
	struct search *s = arg;

	if (a->note[0] != '\0')
		log_info("a search of the sessions looked for words only: %s", a->note);
	if (a->rows != NULL)
		call_reply(s->call, &(struct session_search_reply){ .sessions = a->rows });
	else
		call_fail(s->call, e);
	search_free(s);
}

static void
on_indexed(void *arg, const struct recall_pass *pass, const struct error *e)
{
	struct search *s = arg;
	struct engine *en = s->call->ctx;

	if (pass == NULL) {
		call_fail(s->call, e);
		search_free(s);
		return;
	}
	meaning_update(en->meaning, false);
	recollect(en->meaning, &(struct recall_query){ .text = s->query, .k = s->limit }, NULL, on_answer, s);
}

int
recall_asked(struct call *c, const void *in, struct error *e)
{
	const struct session_search *m = in;
	struct engine *en = c->ctx;
	struct search *s = xcalloc(1, sizeof(*s));

	*s = (struct search){ .call = c, .query = xstrdup(m->query), .limit = m->limit > 0 ? (size_t)m->limit : ROWS };
	recall_update(en->recall, false, on_indexed, s);
	return CALL_LATER;
}
