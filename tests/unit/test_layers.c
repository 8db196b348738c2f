/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources depend one way: proto, common, programs. Every #include of ours is
 * read from the tree itself: a file includes its own folder, common/ and
 * proto/, and nothing of another program; common/ knows no program; proto/
 * knows of common/ only its small headers.
 */
#include "tests/check.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"

static const char *const programs[] = { "init", "plan", "engined", "toolrunner", "hostd", "gatewayd", "scheduled", "alpd", "cli", "unpack" };

static size_t files;

static int
is_folder(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	return strncmp(path, folder, n) == 0 && path[n] == '/';
}

static int
is_program(const char *folder)
{
	for (size_t i = 0; i < COUNT(programs); i++)
		if (strcmp(programs[i], folder) == 0)
			return 1;
	return 0;
}

/* What init, which has no library but libc, may see of the rest. */
static int
is_libc_only(const char *path)
{
	static const char *const shown[] = { "common/ask.h", "common/boot.h", "common/buf.h", "common/clock.h", "common/env.h", "common/gateways.h", "common/skill.h",
	    "common/child.h", "common/confine.h", "common/error.h", "common/log.h", "common/logfile.h", "common/tail.h", "common/loop.h",
	    "common/mem.h", "common/notify.h", "common/paths.h",
	    "common/process.h", "common/unixsock.h", "proto/caps.def", "proto/channels.def" };

	for (size_t i = 0; i < COUNT(shown); i++)
		if (strcmp(shown[i], path) == 0)
			return 1;
	return 0;
}

/* 1 if a file of this top folder may include that path. */
static int
may_include(const char *folder, const char *path)
{
	if (strcmp(folder, "proto") == 0)
		return is_folder(path, "proto") || strcmp(path, "common/error.h") == 0 || strcmp(path, "common/mem.h") == 0;
	if (strcmp(folder, "init") == 0 && !is_folder(path, "init"))
		return is_libc_only(path);
	if (is_folder(path, "common") || is_folder(path, "proto"))
		return 1;
	return is_program(folder) && is_folder(path, folder);
}

static void
check_line(const char *folder, const char *file, const char *line)
{
	char path[256];

	if (sscanf(line, "#include \"%255[^\"]\"", path) != 1 && sscanf(line, "# include \"%255[^\"]\"", path) != 1)
		return;
	if (!may_include(folder, path))
		fail_msg("%s includes %s", file, path);
}

static void
check_file(const char *folder, const char *file)
{
	char line[1024];
	FILE *f = fopen(file, "r");

	assert_non_null(f);
	while (fgets(line, sizeof(line), f) != NULL)
		check_line(folder, file, line);
	fclose(f);
	files++;
}

static int
is_source(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot != NULL && (strcmp(dot, ".c") == 0 || strcmp(dot, ".h") == 0 || strcmp(dot, ".def") == 0);
}

static void
check_folder(const char *folder, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	if (d == NULL)		/* a program that is not written yet */
		return;
	while ((entry = readdir(d)) != NULL) {
		cleanup_free char *path = xasprintf("%s/%s", dir, entry->d_name);

		if (entry->d_name[0] == '.')
			continue;
		if (is_source(entry->d_name))
			check_file(folder, path);
		else if (strchr(entry->d_name, '.') == NULL)
			check_folder(folder, path);
	}
	closedir(d);
}

static void
test_every_include_goes_down(void **state)
{
	files = 0;
	check_folder("proto", "proto");
	check_folder("common", "common");
	assert_true(files > 20);		/* run from the tree's top */
	for (size_t i = 0; i < COUNT(programs); i++)
		check_folder(programs[i], programs[i]);
}

static void
test_the_rule_itself_refuses(void **state)
{
	assert_true(may_include("engined", "engined/turn.h"));
	assert_true(may_include("engined", "common/bus.h"));
	assert_false(may_include("engined", "hostd/client.h"));
	assert_false(may_include("engined", "engine/x.h"));
	assert_false(may_include("common", "engined/turn.h"));
	assert_false(may_include("proto", "common/bus.h"));
	assert_false(may_include("init", "common/json.h"));
	assert_false(may_include("cli", "tests/check.h"));
}

/* Its wire is spoken by common/wire; the library itself stops when a process at the other end dies (common/bus.h). */
static void
test_libnng_is_used_by_nobody(void **state)
{
	static const char *const dirs[] = { "common", "init", "plan", "engined", "toolrunner", "hostd", "alpd", "gatewayd", "cli", "unpack" };

	for (size_t i = 0; i < COUNT(dirs); i++) {
		cleanup_free char *command = xasprintf("grep -l '#include <nng/' %s/*.[ch] 2>/dev/null", dirs[i]);
		FILE *f = popen(command, "r");
		char name[256];

		assert_non_null(f);
		while (fgets(name, sizeof(name), f) != NULL)
			fail_msg("%s", name);
		pclose(f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_every_include_goes_down),
		TEST(test_the_rule_itself_refuses),
		TEST(test_libnng_is_used_by_nobody),
	};

	return RUN(tests);
}
