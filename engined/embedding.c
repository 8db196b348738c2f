/* SPDX-License-Identifier: Apache-2.0 */
/* See embedding.h. */
#include "engined/embedding.h"

#include <string.h>

#include "common/config.h"
#include "common/json.h"
#include "engined/engine.h"
#include "engined/ledger.h"
#include "engined/provider.h"
#include "engined/spend.h"
#include "engined/target.h"

#define QUERY_MS	10000		/* for the vector of a query */
#define QUERY_BYTES	8192

const char *
embedding_model(const struct engine *en)
{
	const char *model = config_str(en->config, "embeddings.model");

	return model[0] == '\0' ? NULL : model;
}

struct embed *
embedding_ask(struct engine *en, json_t *texts, int timeout_ms, embed_done *done, void *arg, struct error *e)
{
	struct target target = { 0 };
	struct embed *x = NULL;

	if (ledger_check(en->ledger, e) == -1 ||
	    target_resolve(en->config, engine_secret, en, config_str(en->config, "embeddings.model"), &target, e) == -1)
		json_decref(texts);
	else
		x = embed_start(en->base, provider_http(en->provider), &target, texts, timeout_ms, done, arg, e);
	target_clear(&target);
	return x;
}

struct embed *
embedding_ask_query(struct engine *en, const char *query, embed_done *done, void *arg, struct error *e)
{
	json_t *texts = json_pack("[s%]", query, utf8_cut(query, strlen(query), QUERY_BYTES));

	return embedding_ask(en, texts, QUERY_MS, done, arg, e);
}

int64_t
embedding_charge(struct engine *en, const char *peer, const struct embed_result *r)
{
	if (r->tokens > 0 || r->cost > 0)
		spend(en, peer, r->tokens, 0, r->cost);
	return r->tokens;
}
