/* SPDX-License-Identifier: Apache-2.0 */
/*
 * People wrote the .env: a line that does not fit is skipped, a file that cannot be read is empty. init keeps
 * no value: the file is read when a unit starts or reloads, and wiped.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "init/init.h"

#define VALUE_MAX (BOOT_LINE_MAX - 256)		/* with its word and name still one boot line */

static const char *const shares[][6] = {
	[SECRETS_NONE] = { NULL },
	[SECRETS_PROVIDER] = {
		"ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY", "GROQ_API_KEY", NULL },
};

struct span {
	const char	*at, *end;
};

static struct span
strip(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || (*at >= '\t' && *at <= '\r')))
		at++;
	while (end > at && (end[-1] == ' ' || (end[-1] >= '\t' && end[-1] <= '\r')))
		end--;
	return (struct span){ at, end };
}

/* The last line wins. A value that is no boot line counts as none. */
const char *
env_find(const char *text, size_t size, const char *name, size_t *len)
{
	const char *stop = text + size, *found = NULL, *eol, *eq;
	struct span key, value;

	for (const char *line = text; line < stop; line = eol + 1) {
		if ((eol = memchr(line, '\n', (size_t)(stop - line))) == NULL)
			eol = stop;
		if ((eq = memchr(line, '=', (size_t)(eol - line))) == NULL)
			continue;
		key = strip(line, eq);			/* a comment's begins with '#', and no name does */
		if ((size_t)(key.end - key.at) != strlen(name) || memcmp(key.at, name, strlen(name)) != 0)
			continue;
		value = strip(eq + 1, eol);
		if (value.end - value.at >= 2 && (*value.at == '"' || *value.at == '\'') && value.end[-1] == *value.at)
			value = (struct span){ value.at + 1, value.end - 1 };
		*len = (size_t)(value.end - value.at);
		found = *len <= VALUE_MAX && memchr(value.at, '\0', *len) == NULL ? value.at : NULL;
	}
	return found;
}

void
secrets_write(FILE *to, const char *home, enum share share, int all)
{
	static char text[256 * 1024];
	size_t size = 0, len = 0;
	const char *value;
	char path[160];
	ssize_t n = 0;
	int fd;

	snprintf(path, sizeof(path), "%s/.env", home);
	if (shares[share][0] == NULL)
		return;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) != -1)
		while ((n = read(fd, text + size, sizeof(text) - size)) > 0)
			size += (size_t)n;
	close(fd);
	if (n == -1 || size == sizeof(text))
		size = 0;
	for (const char *const *name = shares[share]; *name != NULL; name++)
		if ((value = env_find(text, size, *name, &len)) != NULL || all)
			fprintf(to, "secret %s=%.*s\n", *name, value != NULL ? (int)len : 0, value != NULL ? value : "");
	explicit_bzero(text, sizeof(text));
}

void
secrets_key(char out[KEY_HEX])
{
	unsigned char bytes[BOOT_KEY_BYTES];

	if (getentropy(bytes, sizeof(bytes)) == -1)
		abort();
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}
