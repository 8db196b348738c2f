/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.yaml (spec/engine.md, section 3) and .env (section 2).
 *
 * A configuration is read as a JSON tree merged over the defaults: maps
 * recurse, anything else replaces (common/yaml.h says how words are read).
 *
 * A change edits the YAML document itself, so keys we do not know stay.
 */
#ifndef ALPI_CONFIG_H
#define ALPI_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define CONFIG_MAX_BYTES (1024 * 1024)

/* The defaults of spec/engine.md, section 3, as a new tree. */
json_t	*config_defaults(void);
/* HOME/config.yaml alone, an empty object when there is none; NULL when it does not load. */
json_t	*config_file(const char *home, struct error *e);
/* What a file holds, laid over the defaults. New reference. */
json_t	*config_over_defaults(json_t *file);
/* HOME/config.yaml over the defaults; a missing file is all defaults. NULL when it does not load. */
json_t	*config_load(const char *home, struct error *e);

/*
 * Values by dotted key; a wrong kind or a number below `least` gives the default of
 * config_defaults for that key (never an abort).
 */
const char	*config_str(const json_t *config, const char *key);		/* "" when unset */
bool		 config_bool(const json_t *config, const char *key);
int64_t		 config_int(const json_t *config, const char *key, int64_t least);
double		 config_num(const json_t *config, const char *key, double least);
/* The list at key as NULL-terminated trimmed non-empty strings without repeats; a bare string counts as empty. Free with config_list_free. */
char	**config_list(const json_t *config, const char *key);
void	 config_list_free(char **list);
/* 1 when the key itself stands in the file (not only in the defaults). */
int	 config_is_set(const char *home, const char *key);

/*
 * Change HOME/config.yaml: set a dotted key to a value (string, integer, real, boolean, list or
 * object; NULL removes the key and parents it leaves empty). Everything else in the file stays,
 * order included. Written atomically, 0600. 0, or -1: the file is as it was.
 */
int	 config_set(const char *home, const char *key, const json_t *value, struct error *e);
/* Append a string to a list unless it is there already; makes the list when missing. 0 or -1. */
int	 config_append(const char *home, const char *key, const char *value, struct error *e);

/* .env to an object of strings (last key wins, quotes removed); an unreadable or missing file is an empty object. */
json_t	*env_load(const char *home);
json_t	*env_parse(const char *text, size_t len);
/* Set (or with NULL remove) one variable, other lines untouched; atomic, 0600. Name [A-Z_][A-Z0-9_]{0,63}; value without newline. */
int	 env_set(const char *home, const char *name, const char *value, struct error *e);

#endif
