/* SPDX-License-Identifier: Apache-2.0 */
/* See secrets.h. The .env was written by people: every line that does not fit is skipped, none is an error. */
#include "init/secrets.h"

#include <sys/random.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "init/loop.h"

#define ENV_MAX		(256 * 1024)
#define VALUE_MAX	(BOOT_LINE_MAX - 256)		/* with the word and the name still one boot line */

static const char *const shares[][8] = {
	[SECRETS_NONE] = { NULL },
	[SECRETS_PROVIDER] = { "ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY",
	    "GROQ_API_KEY", NULL },
};

struct span {
	const char	*p;
	size_t		 len;
};

const char *const *
secrets_names(enum share share)
{
	return shares[share];
}

static int
blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static struct span
strip(const char *from, const char *to)
{
	while (from < to && blank(*from))
		from++;
	while (to > from && blank(to[-1]))
		to--;
	return (struct span){ from, (size_t)(to - from) };
}

static struct span
unquote(struct span v)
{
	if (v.len >= 2 && (v.p[0] == '"' || v.p[0] == '\'') && v.p[v.len - 1] == v.p[0])
		return (struct span){ v.p + 1, v.len - 2 };
	return v;
}

const char *
env_find(const char *text, size_t size, const char *name, size_t *len)
{
	const char *end = text + size, *found = NULL, *eol, *eq;

	for (const char *line = text; line < end; line = eol + 1) {
		struct span key, value;

		if ((eol = memchr(line, '\n', (size_t)(end - line))) == NULL)
			eol = end;
		if ((eq = memchr(line, '=', (size_t)(eol - line))) == NULL)
			continue;
		key = strip(line, eq);
		value = unquote(strip(eq + 1, eol));
		if (key.len != strlen(name) || memcmp(key.p, name, key.len) != 0)
			continue;		/* a comment's key begins with '#', and no name does */
		*len = value.len;
		found = value.len <= VALUE_MAX && memchr(value.p, '\0', value.len) == NULL ? value.p : NULL;
	}
	return found;
}

/* The file's text (the caller wipes it); an unreadable, missing or huge file is an empty one. */
static char *
env_read(const char *home, size_t *size)
{
	char path[4096], *text = need(calloc(1, ENV_MAX));
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/.env", home);
	*size = 0;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1)
		return text;
	while (*size < ENV_MAX && (n = read(fd, text + *size, ENV_MAX - *size)) > 0)
		*size += (size_t)n;
	if (n != 0)
		*size = 0;
	close(fd);
	return text;
}

void
secrets_each(const char *home, enum share share, int all,
    void (*fn)(void *arg, const char *name, const char *value, size_t len), void *arg)
{
	size_t size, len;
	const char *value;
	char *text;

	if (shares[share][0] == NULL)
		return;
	text = env_read(home, &size);
	for (const char *const *name = shares[share]; *name != NULL; name++)
		if ((value = env_find(text, size, *name, &len)) != NULL)
			fn(arg, *name, value, len);
		else if (all)
			fn(arg, *name, "", 0);
	wipe(text, ENV_MAX);
}

void
secrets_key(char out[KEY_HEX])
{
	unsigned char bytes[BOOT_KEY_BYTES];

	if (getentropy(bytes, sizeof(bytes)) == -1)
		abort();			/* no randomness, no capability */
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
	explicit_bzero(bytes, sizeof(bytes));
}
