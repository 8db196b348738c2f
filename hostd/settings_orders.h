/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the settings child can be ordered to do; settings_child.c has the
 * table. Each order checks its parameters anew and answers with its result,
 * a new reference, or NULL and the reason.
 */
#ifndef HOSTD_SETTINGS_ORDERS_H
#define HOSTD_SETTINGS_ORDERS_H

#include <jansson.h>
#include <stdbool.h>

#include "common/error.h"

struct order_job {
	const char	*root;
	char		*home;		/* of params' profile, when the row asks for one */
	const json_t	*params;
};

/* settings_child.c */
/* A parameter that is text, "" when it is not there. Borrowed. */
const char *order_param(const struct order_job *j, const char *name);
/* The answer to an order that has nothing to tell: {}, or NULL for -1. */
json_t	*order_done(int result);

/* settings_show.c */
json_t	*order_profiles(const struct order_job *j, struct error *e);
json_t	*order_summaries(const struct order_job *j, struct error *e);
json_t	*order_detail(const struct order_job *j, struct error *e);
json_t	*order_device_name(const struct order_job *j, struct error *e);

/* settings_storage.c */
json_t	*order_storage(const struct order_job *j, struct error *e);

/* settings_config.c */
json_t	*order_set(const struct order_job *j, struct error *e);
json_t	*order_unset(const struct order_job *j, struct error *e);
json_t	*order_allow(const struct order_job *j, struct error *e);
json_t	*order_sandbox(const struct order_job *j, struct error *e);
json_t	*order_add_ollama(const struct order_job *j, struct error *e);
json_t	*order_remove_ollama(const struct order_job *j, struct error *e);

/* settings_env.c */
json_t	*order_env_set(const struct order_job *j, struct error *e);
json_t	*order_env_unset(const struct order_job *j, struct error *e);
/* May this stand in .env? 0, or -1 with the reason. */
int	 env_check(const struct order_job *j, const char *name, const char *value, struct error *e);

/* settings_gateway.c */
json_t	*order_gateways(const struct order_job *j, struct error *e);
json_t	*order_mail_accounts(const struct order_job *j, struct error *e);
json_t	*order_gateway_config(const struct order_job *j, struct error *e);
json_t	*order_gateway_set(const struct order_job *j, struct error *e);
json_t	*order_gateway_clear(const struct order_job *j, struct error *e);
json_t	*order_gateway_forget(const struct order_job *j, struct error *e);

/* settings_profiles.c */
json_t	*order_create(const struct order_job *j, struct error *e);
json_t	*order_alp_begin(const struct order_job *j, struct error *e);
json_t	*order_remove(const struct order_job *j, struct error *e);

/* What people are shown of a key: its ends. New reference. */
json_t	*secret_preview(const char *value);
/* Which variable holds the key of the models whose names begin with head; ends with a row of NULL. */
extern const struct provider_key {
	const char	*head, *env;
} provider_keys[];

/* Models that can think with an effort (engine.md, 4.2), by how their name begins after the provider. */
bool	 model_reasons(const char *model);
/* The place of a server in the list providers.ollama, or -1. */
json_int_t server_find(const json_t *list, const char *name);

#endif
