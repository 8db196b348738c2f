/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See settings_orders.h: what the parts of a home take on the disk. Folders
 * are walked without following links, so nothing is counted twice or outside.
 */
#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "hostd/settings_orders.h"

#define DEPTH_MAX	32		/* folders in folders; each keeps a descriptor open */

static const struct {
	const char *key, *label, *path;
} parts[] = {
	{ "sessions",	 "Conversations",	"sessions" },
	{ "skills",	 "Skills",		"skills" },
	{ "memories",	 "Memory",		"memories" },
	{ "knowledge",	 "Search index",	"rag" },
	{ "outputs",	 "Outputs",		"outputs" },
	{ "generated",	 "Generated files",	"out" },
	{ "audio",	 "Audio",		"cache/tts" },
	{ "logs",	 "Logs",		"logs" },
	{ "schedule",	 "Scheduled jobs",	"schedule" },
	{ "workgroups",	 "Workgroups",		"alp/workgroups" },
	{ "gateway",	 "Gateways",		"gateway" },
	{ "mentions",	 "Mentions",		"mentions" },
	{ "attachments", "Attachments",		"host/attachments" },
};

struct size {
	json_int_t bytes, files;
};

static void	add_folder(struct size *to, int parent, const char *name, int depth);

static void
add_entry(struct size *to, int dir, const char *name, int depth)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return;			/* it went while we looked */
	if (S_ISDIR(st.st_mode)) {
		add_folder(to, dir, name, depth + 1);
	} else if (S_ISREG(st.st_mode)) {
		to->bytes += st.st_size;
		to->files++;
	}
}

static void
add_folder(struct size *to, int parent, const char *name, int depth)
{
	int fd = depth > DEPTH_MAX ? -1 : openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd == -1 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (dir == NULL) {
		if (fd != -1)
			close(fd);
		return;
	}
	while ((d = readdir(dir)) != NULL)
		if (strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0)
			add_entry(to, fd, d->d_name, depth);
	closedir(dir);
}

/* A list of {key, label, path, size_bytes, file_count}; a part that is not there has nothing. */
json_t *
order_storage(const struct order_job *j, struct error *e)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < COUNT(parts); i++) {
		cleanup_free char *path = path_join(j->home, parts[i].path);
		struct size size = { 0 };

		add_folder(&size, AT_FDCWD, path, 0);
		json_array_append_new(rows, json_pack("{s:s, s:s, s:s, s:I, s:I}", "key", parts[i].key, "label", parts[i].label,
		    "path", path, "size_bytes", size.bytes, "file_count", size.files));
	}
	return rows;
}
