/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which model a chat chose with /model: gateway/models.json, {chat: model}.
 * Only what the owner's settings name can be chosen; the settings themselves
 * stay as they are.
 */
#ifndef ALPI_GATEWAYD_MODELS_H
#define ALPI_GATEWAYD_MODELS_H

#include <stdbool.h>

#include "common/error.h"
#include "proto/proto.h"

struct models;

/* A file that cannot be read is one without choices. Never NULL. */
struct models *models_open(const char *home);
void	 models_free(struct models *m);		/* NULL is fine */
/* Borrowed until the next change; NULL: the configured one. */
const char *models_find(const struct models *m, const char *chat);
/* model NULL: the configured one from here on. 0, or -1: all is as it was. */
int	 models_set(struct models *m, const char *chat, const char *model, struct error *e);

/* Is it one of those that engined offers? */
bool	 models_offered(const struct engine_status_reply *engine, const char *model);

#endif
