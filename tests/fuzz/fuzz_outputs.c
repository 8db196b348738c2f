/* SPDX-License-Identifier: Apache-2.0 */
/* outputs.jsonl, by whoever wrote it: what is listed can be marked, is read then, and is still there. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/outputs.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static char home[] = "/tmp/alpi-fuzz-XXXXXX", file[64], bad[80];

static void
remove_all(void)
{
	unlink(file);
	unlink(bad);
	*strrchr(file, '/') = '\0';
	rmdir(file);
	rmdir(home);
}

static void
say_nothing(const char *line)
{
}

static void
prepare(void)
{
	if (file[0] != '\0')
		return;
	if (mkdtemp(home) == NULL)
		abort();
	snprintf(file, sizeof(file), "%s/outputs", home);
	mkdir(file, 0700);
	strcat(file, "/outputs.jsonl");
	snprintf(bad, sizeof(bad), "%s.bad", file);
	log_to(say_nothing);	/* what is set aside is logged each time */
	atexit(remove_all);
}

static void
put(const unsigned char *data, size_t size)
{
	cleanup_close int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd == -1 || write(fd, data, size) != (ssize_t)size)
		abort();
	unlink(bad);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	cleanup_json json_t *before = NULL, *after = NULL, *unread = NULL;

	prepare();
	put(data, size);
	if ((before = outputs_list(home, NULL, 500, NULL)) == NULL || outputs_mark(home, NULL, NULL) == -1)
		abort();
	after = outputs_list(home, NULL, 500, NULL);
	unread = outputs_list(home, "unread", 500, NULL);
	if (json_array_size(after) != json_array_size(before) || json_array_size(unread) != 0)
		abort();
	return 0;
}
