/* SPDX-License-Identifier: Apache-2.0 */
/* See plan.h. What lies in skills/ may be anybody's: a link or a pipe is not opened, and no skill stops a plan. */
#include "plan/plan.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/paths.h"
#include "common/skill.h"

#define SKILLS_MAX	4096
#define HEAD_MAX	65536			/* bytes of a SKILL.md; what is declared stands in its first lines */

static uint64_t
number_of(const char *text)
{
	uint64_t n = 1469598103934665603u;

	for (; *text != '\0'; text++)
		n = (n ^ (unsigned char)*text) * 1099511628211u;
	return n;
}

static size_t
read_head(int dir, const char *name, char *text)
{
	cleanup_free char *path = path_join(name, "SKILL.md");
	cleanup_close int folder = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	cleanup_close int fd = folder == -1 ? -1 : openat(dir, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	ssize_t n;

	if (fd == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) || (n = read(fd, text, HEAD_MAX)) < 0)
		return 0;
	return (size_t)n;
}

/* The sum does not depend on the order in which a folder tells what is in it. */
static void
needs_of(const char *profile, int dir, const char *name, uint64_t *stamp)
{
	static char text[HEAD_MAX];
	char **names = skill_declared(text, read_head(dir, name, text));

	for (char **n = names; *n != NULL; n++) {
		*stamp += number_of(*n);
		printf("need %s %s\n", profile, *n);
	}
	skill_words_free(names);
}

void
plan_needs(const char *profile, const char *home, uint64_t *stamp)
{
	struct dirent *de;
	int left = SKILLS_MAX;

	for (const char *const *c = skill_categories; *c != NULL; c++) {
		cleanup_free char *path = xasprintf("%s/skills/%s", home, *c);
		DIR *dir = opendir(path);

		while (dir != NULL && (de = readdir(dir)) != NULL)
			if (skill_name_ok(de->d_name) && left-- > 0)
				needs_of(profile, dirfd(dir), de->d_name, stamp);
		if (dir != NULL)
			closedir(dir);
	}
}
