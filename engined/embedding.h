/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The embedding model that this profile names: asked only while today's cap
 * has something left, and charged like any other model.
 */
#ifndef ALPI_ENGINED_EMBEDDING_H
#define ALPI_ENGINED_EMBEDDING_H

#include <jansson.h>
#include <stdint.h>

#include "common/error.h"
#include "engined/embed.h"

struct engine;

/* Its name, which is also what the indexes call it; NULL: none. Borrowed from the configuration. */
const char *embedding_model(const struct engine *en);
/* See embed_start; texts is taken. NULL: it cannot be asked, or today's cap is used up (ERR_budget). */
struct embed *embedding_ask(struct engine *en, json_t *texts, int timeout_ms, embed_done *done, void *arg, struct error *e);
/* The same for the vector of a query. */
struct embed *embedding_ask_query(struct engine *en, const char *query, embed_done *done, void *arg, struct error *e);
/* What an answer used is charged (peer NULL: to nobody else's turn). Its tokens. */
int64_t	 embedding_charge(struct engine *en, const char *peer, const struct embed_result *r);

#endif
