/* SPDX-License-Identifier: Apache-2.0 */
/* The writing half of boot.h, for init: it needs no library but libc. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/boot.h"
#include "common/env.h"

#define VALUE_MAX (BOOT_LINE_MAX - 256)		/* with its word and name still one line */

void
boot_write_head(FILE *to, const struct boot *b, int debug)
{
	const char *person = getenv("HOME");

	fprintf(to, "alpi-boot 1\nunit %s\nroot %s\nhome %s\n", b->unit, b->root, b->home);
	fprintf(to, "run %s\nlibexec %s\n", b->run, b->libexec);
	fprintf(to, "option person %s\n", person != NULL ? person : "/");
	if (debug)
		fprintf(to, "option debug 1\n");
}

void
boot_write_secrets(FILE *to, const char *home, const char *const *names, int all)
{
	size_t size, len = 0;
	const char *value;
	char *text;

	if (names == NULL)
		return;
	text = env_read(home, &size);
	for (; *names != NULL; names++) {
		value = env_value(text, size, *names, &len);
		if (value != NULL && (len > VALUE_MAX || memchr(value, '\0', len) != NULL))
			value = NULL;			/* no boot line */
		if (value != NULL)
			fprintf(to, "secret %s=%.*s\n", *names, (int)len, value);
		else if (all)
			fprintf(to, "secret %s=\n", *names);
	}
	env_free(text, size);
}

void
boot_write_names(FILE *to, const char *home)
{
	size_t size, len, room = BOOT_LINE_MAX - 64;
	char *text = env_read(home, &size), name[256];
	const char *at = text, *end = text + size;
	struct env_line line;

	fprintf(to, "option env -");		/* a value is never empty */
	while (env_next(&at, end, &line)) {
		if (line.name_len == 0 || line.name_len >= sizeof(name) || line.name_len + 1 > room)
			continue;
		memcpy(name, line.name, line.name_len);
		name[line.name_len] = '\0';
		if (strcspn(name, " \t\r") != line.name_len || env_value(text, size, name, &len) == NULL || len == 0)
			continue;
		fprintf(to, " %s", name);
		room -= line.name_len + 1;
	}
	fprintf(to, "\n");
	env_free(text, size);
}
