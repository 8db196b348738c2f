/* SPDX-License-Identifier: Apache-2.0 */
/* See check.h. */
#include "tests/check.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOMES_MAX 256

static char *homes[HOMES_MAX];
static size_t nhomes;
static pid_t owner;

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	return remove(path);
}

static void
remove_homes(void)
{
	if (getpid() != owner)		/* a forked child of a test leaves the parent's homes alone */
		return;
	for (size_t i = 0; i < nhomes; i++) {
		nftw(homes[i], remove_one, 16, FTW_DEPTH | FTW_PHYS);
		free(homes[i]);
	}
}

char *
temp_home(void)
{
	char name[] = "/tmp/alpi-test-XXXXXX";

	assert_non_null(mkdtemp(name));
	assert_true(nhomes < HOMES_MAX);
	if (nhomes == 0) {
		owner = getpid();
		atexit(remove_homes);
	}
	homes[nhomes++] = strdup(name);
	return strdup(name);
}

json_t *
vectors(const char *name)
{
	char path[512];
	json_error_t err;
	json_t *j;

	snprintf(path, sizeof(path), "tests/vectors/%s", name);
	if ((j = json_load_file(path, JSON_ALLOW_NUL, &err)) == NULL)
		fail_msg("%s: %s", path, err.text);
	return j;
}

void
put_file(const char *dir, const char *name, const char *text)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((f = fopen(path, "w")) == NULL || fputs(text, f) == EOF || fclose(f) == EOF)
		fail_msg("%s: cannot write", path);
}

char *
get_file(const char *dir, const char *name)
{
	char path[4096], *text = NULL;
	size_t size = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	if ((f = fopen(path, "r")) == NULL)
		fail_msg("%s: cannot read", path);
	if (getdelim(&text, &size, '\0', f) == -1) {
		free(text);
		text = strdup("");
	}
	fclose(f);
	return text;
}
