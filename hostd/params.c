/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every parameter of the host plane may hold, once. A name means the
 * same in every verb; a verb's row says which names it needs and may have.
 * Names that no row mentions are ignored, as the host plane asks.
 */
#include "hostd/client.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

enum kind {
	TEXT,		/* at most `most` bytes */
	WORD,		/* text without control characters */
	NAME,		/* goes into a path: letters, digits, _ and - */
	PROFILE,	/* a profile's name */
	INT,		/* 0 ... most; -1 where the host plane has it as a default */
	FLAG,
	LIST,		/* at most `most` rows */
	WORDS,		/* LIST of WORDs */
	ANY
};

static const struct param {
	const char	*name;
	enum kind	 kind;
	size_t		 most;
} table[] = {
	{ "profile", PROFILE, 64 }, { "name", WORD, 255 }, { "id", NAME, 64 }, { "session_id", NAME, 64 },
	{ "request_id", WORD, 64 }, { "ids", LIST, 200 }, { "text", TEXT, 1048576 },
	{ "model", WORD, 256 }, { "surface", NAME, 32 }, { "cwd", WORD, 4096 }, { "attachments", LIST, 10 },
	{ "interactive", FLAG, 0 }, { "no_save", FLAG, 0 }, { "force", FLAG, 0 },
	{ "rewrite_from_turn", INT, 1000000 }, { "limit", INT, 5000 }, { "days", INT, 31 }, { "after_seq", INT, INT_MAX },
	{ "after_turn", INT, 1000000 }, { "tail_turns", INT, 1000000 }, { "before_turn", INT, 1000000 },
	{ "max_turns", INT, 1000000 }, { "kinds", WORDS, 64 }, { "key", WORD, 256 }, { "value", ANY, 0 },
	{ "action", WORD, 32 }, { "target", WORD, 16 }, { "file", WORD, 128 }, { "category", WORD, 32 },
	{ "files", LIST, 256 }, { "check", FLAG, 0 }, { "content", TEXT, 65536 }, { "match", TEXT, 65536 },
	{ "confidence", WORD, 16 }, { "state", WORD, 64 }, { "status", WORD, 8 }, { "url", WORD, 1024 }, { "choice", TEXT, 8192 },
	{ "pubkey", WORD, 44 }, { "address", WORD, 300 }, { "alias", WORD, 128 }, { "allow", WORDS, 64 },
	{ "peer_id", WORD, 128 }, { "method", WORD, 64 }, { "on", FLAG, 0 }, { "hash", NAME, 64 },
	{ "size", INT, 20971520 }, { "offset", INT, 20971520 }, { "data", TEXT, 27962028 }, { "data_base64", TEXT, 27962028 },
	{ "mime", WORD, 128 }, { "final", FLAG, 0 },
	{ "job", ANY, 0 }, { "changes", ANY, 0 }, { "paused", FLAG, 0 }, { "run", INT, INT_MAX }, { "after", INT, INT_MAX },
	{ "wait_ms", INT, 60000 }, { "config", ANY, 0 }, { "enabled", FLAG, 0 }, { "sections", WORDS, 16 },
	{ "from", INT, INT_MAX }, { "broken", FLAG, 0 },
	{ "rev", WORD, 64 }, { "path", WORD, 128 }, { "include_body", FLAG, 0 },
	{ "redirect_uri", WORD, 256 }, { "code", WORD, 2048 },
	{ "client_id", WORD, 1024 }, { "client_secret", WORD, 1024 }, { "allowed_senders", WORD, 8192 },
};

static int
is_word(const char *s)
{
	for (; *s != '\0'; s++)
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			return 0;
	return 1;
}

static int
is_name(const char *s)
{
	if (*s == '\0')
		return 0;
	for (; *s != '\0'; s++)
		if (!isalnum((unsigned char)*s) && *s != '_' && *s != '-')
			return 0;
	return 1;
}

static int
check_text(const struct param *p, const json_t *value, struct error *e)
{
	const char *s = json_string_value(value);

	if (s == NULL)
		return error_set(e, ERR_invalid, "%s is not a string", p->name);
	if (json_string_length(value) > p->most)
		return error_set(e, ERR_invalid, "%s is longer than %zu bytes", p->name, p->most);
	if (p->kind == NAME && !is_name(s))
		return error_set(e, ERR_invalid, "%s may hold letters, digits, _ and - only", p->name);
	if (p->kind == PROFILE && profile_check(s, e) == -1) {
		if (e != NULL)
			e->code = ERR_invalid;
		return error_add(e, "%s", p->name);
	}
	if (p->kind != TEXT && !is_word(s))
		return error_set(e, ERR_invalid, "%s holds a control character", p->name);
	return 0;
}

static int
check_list(const struct param *p, const json_t *value, struct error *e)
{
	const json_t *row;
	size_t i;

	if (!json_is_array(value))
		return error_set(e, ERR_invalid, "%s is not a list", p->name);
	if (json_array_size(value) > p->most)
		return error_set(e, ERR_invalid, "%s has more than %zu rows", p->name, p->most);
	if (p->kind == WORDS)
		json_array_foreach(value, i, row)
			if (!json_is_string(row) || !is_word(json_string_value(row)))
				return error_set(e, ERR_invalid, "%s holds something else than words", p->name);
	return 0;
}

static int
check_int(const struct param *p, const json_t *value, struct error *e)
{
	json_int_t n = json_integer_value(value);

	if (!json_is_integer(value) || n < -1 || n > (json_int_t)p->most)
		return error_set(e, ERR_invalid, "%s is not a number up to %zu", p->name, p->most);
	return 0;
}

static int
check_one(const struct param *p, const json_t *value, struct error *e)
{
	switch (p->kind) {
	case INT:
		return check_int(p, value, e);
	case FLAG:
		return json_is_boolean(value) ? 0 : error_set(e, ERR_invalid, "%s is not true or false", p->name);
	case LIST:
	case WORDS:
		return check_list(p, value, e);
	case ANY:
		return 0;
	default:
		return check_text(p, value, e);
	}
}

static const struct param *
find(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT(table); i++)
		if (strlen(table[i].name) == len && memcmp(table[i].name, name, len) == 0)
			return &table[i];
	abort();	/* a verb's row names a parameter that has no row here */
}

/* null stands for "not given", and so does "" where nothing is needed. */
static bool
is_empty(const json_t *value, bool needed)
{
	return json_is_null(value) || (!needed && json_is_string(value) && json_string_length(value) == 0);
}

static int
check_names(const json_t *params, const char *names, bool needed, struct error *e)
{
	for (const char *s = names; s != NULL && *s != '\0'; s += strspn(s, " ")) {
		size_t len = strcspn(s, " ");
		const struct param *p = find(s, len);
		const json_t *value = json_object_get(params, p->name);
		bool absent = value == NULL || (p->kind != ANY && is_empty(value, needed));

		if (absent && needed)
			return error_set(e, ERR_invalid, "%s is missing", p->name);
		if (!absent && check_one(p, value, e) == -1)
			return -1;
		s += len;
	}
	return 0;
}

int
params_check(const json_t *params, const char *needs, const char *may, struct error *e)
{
	if (check_names(params, needs, true, e) == -1)
		return -1;
	return check_names(params, may, false, e);
}
