/* SPDX-License-Identifier: Apache-2.0 */
/* See env.h. Persons wrote the file: a line that does not fit is nobody's, and not an error. */
#include "common/env.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "common/mem.h"
#include "common/paths.h"
#include "common/strip.h"

#define ENV_MAX_BYTES (1024 * 1024)

/* One pair of equal quotes around it is no part of a value. */
static void
unquote(const char **at, size_t *len)
{
	if (*len < 2 || (**at != '"' && **at != '\'') || (*at)[*len - 1] != **at)
		return;
	++*at;
	*len -= 2;
}

int
env_next(const char **text, const char *end, struct env_line *out)
{
	const char *line = *text, *stop, *equals;

	if (line >= end)
		return 0;
	if ((stop = memchr(line, '\n', (size_t)(end - line))) == NULL)
		stop = end;
	*text = stop + (stop < end);
	*out = (struct env_line){ .raw = line, .raw_len = (size_t)(stop - line) };
	if ((equals = memchr(line, '=', out->raw_len)) == NULL)
		return 1;
	out->name = line;
	out->name_len = (size_t)(equals - line);
	out->value = equals + 1;
	out->value_len = (size_t)(stop - out->value);
	strip(&out->name, &out->name_len);
	strip(&out->value, &out->value_len);
	unquote(&out->value, &out->value_len);
	if (out->name_len > 0 && out->name[0] == '#')
		out->name_len = 0;
	return 1;
}

const char *
env_value(const char *text, size_t size, const char *name, size_t *len)
{
	const char *end = text + size, *found = NULL;
	struct env_line line;

	while (env_next(&text, end, &line)) {
		if (line.name_len != strlen(name) || memcmp(line.name, name, line.name_len) != 0)
			continue;
		found = line.value;
		*len = line.value_len;
	}
	return found;
}

char *
env_read(const char *home, size_t *size)
{
	cleanup_free char *path = path_join(home, ".env");
	cleanup_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st = { 0 };
	ssize_t n = 0;
	char *text;

	if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || st.st_size > ENV_MAX_BYTES)
		st.st_size = 0;
	text = xcalloc(1, (size_t)st.st_size + 1);
	if (st.st_size > 0 && (n = read(fd, text, (size_t)st.st_size)) == -1)
		n = 0;
	*size = (size_t)n;
	return text;
}

void
env_free(char *text, size_t size)
{
	explicit_bzero(text, size);
	free(text);
}
