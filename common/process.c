/* SPDX-License-Identifier: Apache-2.0 */
/* See process.h. /proc is Linux's; another kernel gets another file like this one. */
#include "common/process.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "common/mem.h"

#define STATE_FIELD	3			/* of /proc/PID/stat; the second is a name and can hold anything */
#define START_FIELD	22

/* The first line of /proc/PID/NAME; 0 or -1. */
static int
proc_line(pid_t pid, const char *name, char *line, int size)
{
	cleanup_free char *path = xasprintf("/proc/%d/%s", (int)pid, name);
	FILE *f = fopen(path, "re");
	int found;

	if (f == NULL)
		return -1;
	found = fgets(line, size, f) != NULL;
	fclose(f);
	return found ? 0 : -1;
}

uint64_t
process_start_time(pid_t pid)
{
	unsigned long long start = 0;
	char line[2048];
	const char *field;

	if (proc_line(pid, "stat", line, sizeof(line)) == -1 || (field = strrchr(line, ')')) == NULL)
		return 0;
	for (int i = STATE_FIELD - 1; i < START_FIELD && field != NULL; i++)
		field = strchr(field + 1, ' ');
	return field != NULL && sscanf(field, "%llu", &start) == 1 ? start : 0;
}

long
process_rss_kb(pid_t pid)
{
	char line[256];
	long pages = 0;

	if (proc_line(pid, "statm", line, sizeof(line)) == -1 || sscanf(line, "%*d %ld", &pages) != 1)
		return 0;
	return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

int
lock_take(const char *path, struct error *e)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd == -1)
		return error_errno(e, "%s", path);
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	if (errno == EWOULDBLOCK)
		error_set(e, ERR_busy, "%s is held", path);
	else
		error_errno(e, "%s", path);
	close(fd);
	return -1;
}

int
lock_held(const char *path)
{
	cleanup_close int fd = open(path, O_RDWR | O_CLOEXEC);

	return fd != -1 && flock(fd, LOCK_EX | LOCK_NB) == -1;
}

int
pidfile_write(const char *path, struct error *e)
{
	cleanup_free char *fresh = xasprintf("%s.new", path);
	FILE *f = fopen(fresh, "we");
	int written;

	if (f == NULL)
		return error_errno(e, "%s", fresh);
	written = fprintf(f, "%d %llu\n", (int)getpid(), (unsigned long long)process_start_time(getpid())) > 0;
	if (fclose(f) == EOF || !written || rename(fresh, path) == -1)
		return error_errno(e, "%s", path);
	return 0;
}

pid_t
pidfile_read(const char *path)
{
	unsigned long long start = 0;
	FILE *f = fopen(path, "re");
	int pid = 0, fields;

	if (f == NULL)
		return 0;
	fields = fscanf(f, "%d %llu", &pid, &start);
	fclose(f);
	return fields == 2 && pid > 0 && start != 0 && process_start_time(pid) == start ? pid : 0;
}
