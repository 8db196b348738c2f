/* SPDX-License-Identifier: Apache-2.0 */
/* See spend.h. */
#include "engined/spend.h"

#include <event2/event.h>

#include "common/log.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/journal.h"
#include "engined/ledger.h"

#define SAVE_MS		100		/* uses that come together are written together */

static void
save(struct engine *en)
{
	struct error e = { 0 };

	if (ledger_save(en->ledger, &e) == -1 || journal_charged(en->journal, &e) == -1)
		log_warn("%s", e.text);
}

static void
on_save(evutil_socket_t fd, short what, void *arg)
{
	save(arg);
}

static void
charge_again(void *arg, const char *peer, int64_t tokens_in, int64_t tokens_out, double usd)
{
	struct engine *en = arg;

	ledger_add(en->ledger, peer, tokens_in, tokens_out, usd);
}

void
spend_begin(struct engine *en)
{
	struct error e = { 0 };

	en->saver = evtimer_new(en->base, on_save, en);
	if (journal_charges(en->journal, charge_again, en, &e) == -1)
		log_warn("%s", e.text);
	save(en);
}

void
spend_end(struct engine *en)
{
	if (evtimer_pending(en->saver, NULL))
		save(en);
	event_free(en->saver);
}

void
spend(struct engine *en, const char *peer, int64_t tokens_in, int64_t tokens_out, double usd)
{
	struct timeval soon = { .tv_usec = SAVE_MS * 1000 };
	int level = ledger_add(en->ledger, peer, tokens_in, tokens_out, usd);
	struct error e = { 0 };

	if (journal_charge(en->journal, peer, tokens_in, tokens_out, usd, &e) == -1)
		log_warn("%s", e.text);
	if (level > 0) {
		cleanup_free char *text = xasprintf("%d", level);

		engine_push(en, "budget.threshold", json_pack("{s:s, s:f, s:f}", "level", text,
		    "used_usd", ledger_usd(en->ledger), "cap_usd", ledger_cap_usd(en->ledger)));
	}
	if (!evtimer_pending(en->saver, NULL))
		evtimer_add(en->saver, &soon);
}
