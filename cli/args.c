/* SPDX-License-Identifier: Apache-2.0 */
/* See args.h. */
#include "cli/args.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct opt common_options[] = {
	{ "profile", 'p', "NAME", "which profile (else $ALPI_PROFILE, else default)" },
	{ "help", 'h', NULL, "this text" },
	{ "version", 0, NULL, NULL },
	{ 0 }
};

static const struct opt *
find_in(const struct opt *o, const char *name, size_t len)
{
	for (; o != NULL && o->name != NULL; o++)
		if (strlen(o->name) == len && strncmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

const struct opt *
opt_find(const struct command *c, const char *name, size_t len)
{
	const struct opt *o = c == NULL ? NULL : find_in(c->opts, name, len);

	return o != NULL ? o : find_in(common_options, name, len);
}

static const struct opt *
find_letter(const struct command *c, char letter)
{
	const struct opt *lists[] = { c == NULL ? NULL : c->opts, common_options };

	for (size_t i = 0; i < 2; i++)
		for (const struct opt *o = lists[i]; o != NULL && o->name != NULL; o++)
			if (o->letter == letter)
				return o;
	return NULL;
}

static int
add(struct args *a, const struct opt *o, const char *value, struct error *e)
{
	if (a->ngiven == ARGS_MAX)
		return error_set(e, ERR_invalid, "too many options");
	a->given[a->ngiven++] = (struct given){ o, value };
	return 0;
}

/* "--name", "--name=value", "--name value"; the number of words used, or -1. */
static int
parse_long(struct args *a, const char *word, const char *next, struct error *e)
{
	const char *name = word + 2, *equals = strchr(name, '=');
	size_t len = equals != NULL ? (size_t)(equals - name) : strlen(name);
	const struct opt *o = opt_find(a->command, name, len);

	if (o == NULL)
		return error_set(e, ERR_invalid, "unknown option --%.*s", (int)len, name);
	if (o->value == NULL)
		return equals != NULL ? error_set(e, ERR_invalid, "--%s takes no value", o->name) :
		    add(a, o, "", e) == -1 ? -1 : 1;
	if (equals != NULL)
		return add(a, o, equals + 1, e) == -1 ? -1 : 1;
	if (next == NULL)
		return error_set(e, ERR_invalid, "--%s needs a value: %s", o->name, o->value);
	return add(a, o, next, e) == -1 ? -1 : 2;
}

/* "-f", "-fn 5", "-n5"; the number of words used, or -1. */
static int
parse_letters(struct args *a, const char *word, const char *next, struct error *e)
{
	const struct opt *o;

	for (const char *p = word + 1; *p != '\0'; p++) {
		if ((o = find_letter(a->command, *p)) == NULL)
			return error_set(e, ERR_invalid, "unknown option -%c", *p);
		if (o->value == NULL) {
			if (add(a, o, "", e) == -1)
				return -1;
			continue;
		}
		if (p[1] != '\0')
			return add(a, o, p + 1, e) == -1 ? -1 : 1;
		if (next == NULL)
			return error_set(e, ERR_invalid, "-%c needs a value: %s", *p, o->value);
		return add(a, o, next, e) == -1 ? -1 : 2;
	}
	return 1;
}

int
args_check(const struct args *a, struct error *e)
{
	const struct command *c = a->command;

	if (arg_has(a, "help") || arg_has(a, "version"))
		return 0;
	if ((int)a->nrest < c->least)
		return error_set(e, ERR_invalid, "%s needs %s", c->words, c->args);
	if (c->most >= 0 && (int)a->nrest > c->most)
		return error_set(e, ERR_invalid, "%s: what is \"%s\" for?", c->words, a->rest[c->most]);
	return 0;
}

int
args_parse(struct args *a, const struct command *c, int argc, char *const *argv, struct error *e)
{
	bool options = true;
	int used;

	a->command = c;
	for (int i = 0; i < argc; i += used) {
		const char *next = i + 1 < argc ? argv[i + 1] : NULL;

		used = 1;
		if (options && strcmp(argv[i], "--") == 0) {
			options = false;
		} else if (options && strncmp(argv[i], "--", 2) == 0) {
			used = parse_long(a, argv[i], next, e);
		} else if (options && argv[i][0] == '-' && argv[i][1] != '\0') {
			used = parse_letters(a, argv[i], next, e);
		} else if (a->nrest == ARGS_MAX) {
			used = error_set(e, ERR_invalid, "too many arguments");
		} else {
			a->rest[a->nrest++] = argv[i];
		}
		if (used == -1)
			return -1;
	}
	return 0;
}

const char *
arg_option(const struct args *a, const char *name)
{
	for (size_t i = a->ngiven; i > 0; i--)
		if (strcmp(a->given[i - 1].opt->name, name) == 0)
			return a->given[i - 1].value;
	return NULL;
}

bool
arg_has(const struct args *a, const char *name)
{
	return arg_option(a, name) != NULL;
}

int
arg_number(const struct args *a, const char *name, long least, long otherwise, long *out, struct error *e)
{
	const char *text = arg_option(a, name);
	char *end;

	*out = otherwise;
	if (text == NULL)
		return 0;
	errno = 0;
	*out = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || *out < least)
		return error_set(e, ERR_invalid, "--%s: \"%s\" is no number from %ld on", name, text, least);
	return 0;
}

/* Characters in common: the longest common piece, then the same on both sides of it. */
static size_t
common(const char *a, size_t na, const char *b, size_t nb)
{
	size_t best = 0, at_a = 0, at_b = 0, n;

	for (size_t i = 0; i < na; i++)
		for (size_t j = 0; j < nb; j++) {
			for (n = 0; i + n < na && j + n < nb && a[i + n] == b[j + n]; n++)
				continue;
			if (n > best)
				best = n, at_a = i, at_b = j;
		}
	if (best == 0)
		return 0;
	return best + common(a, at_a, b, at_b) +
	    common(a + at_a + best, na - at_a - best, b + at_b + best, nb - at_b - best);
}

double
likeness(const char *a, const char *b)
{
	size_t na = strlen(a), nb = strlen(b);

	if (na + nb == 0 || na > 64 || nb > 64)
		return na == nb;
	return 2.0 * (double)common(a, na, b, nb) / (double)(na + nb);
}
