/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a model is served (spec/engine.md, section 4.2): from the name a
 * person gives, "groq/llama-3", to a server, its dialect and the key for it.
 * The configuration and the secrets are the person's own and are believed;
 * the name may come from a message. Nothing is asked of any server here:
 * whether the model exists is only known when it answers.
 */
#ifndef ALPI_TARGET_H
#define ALPI_TARGET_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

struct dialect;

/* The value of a secret or NULL; borrowed. */
typedef const char *target_secret(void *arg, const char *name);

struct target {
	char			*model;		/* as it was asked for, "groq/llama-3" */
	char			*provider;	/* "groq", or the name of the providers.ollama entry */
	char			*name;		/* what the server calls it, "llama-3" */
	char			*url;		/* without a trailing slash */
	char			*key;		/* wiped by target_clear */
	const char		*missing_key;	/* the variable that should hold the key and does not, else NULL; static */
	const struct dialect	*dialect;
	bool			 local;		/* an entry of providers.ollama, or offline */
	bool			 free;		/* costs nothing: local, or an OpenRouter id that ends in ":free" */
	double			 price_in, price_out;	/* USD per token, from `prices` of the configuration; 0: not known */
};

/*
 * "head/rest" (NULL or "": the configured model) to a target. 0, or -1: no model at all, an unknown head
 * (ERR_invalid) or no key (ERR_denied, missing_key says which). What is known stands in the target either way,
 * and is freed with target_clear either way.
 */
int	 target_resolve(const json_t *config, target_secret *secret, void *secret_arg, const char *model,
	    struct target *t, struct error *e);
/* Can it be asked? 0, or -1 and why not: ERR_invalid, or ERR_denied for a key that is missing. */
int	 target_check(const struct target *t, struct error *e);
/* What an answer of the model cost, in USD: what the server said (0: nothing), else what its tokens cost by the price. */
double	 target_cost(const struct target *t, double reported, int64_t tokens_in, int64_t tokens_out);
/* A copy to keep, with a key of its own; target_clear frees it. */
struct target target_copy(const struct target *t);
/* Wipe the key, free, set to zero. Accepts one that is all zero. */
void	 target_clear(struct target *t);
/* A server may repeat our key in its errors: what is said on has three stars in its place. */
void	 target_hide_key(const struct target *t, char *text);

#endif
