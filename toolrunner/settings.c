/* SPDX-License-Identifier: Apache-2.0 */
/* See settings.h. A file that does not load stops the tools: it may hold the very line that forbids one. */
#include "toolrunner/settings.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/config.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/yaml.h"

static enum tool_net
net_of(const json_t *config)
{
	const char *word = config_str(config, "sandbox.network");

	if (strcmp(word, "any") == 0 || config_bool(config, "tools.terminal.allow_network"))
		return NET_ANY;
	return strcmp(word, "public") == 0 ? NET_PUBLIC : NET_NONE;
}

void
settings_clear(struct settings *s)
{
	config_list_free(s->deny);
	config_list_free(s->allow);
	config_list_free(s->read);
	config_list_free(s->write);
	config_list_free(s->missing);
	json_decref(s->config);
	free(s->workspace);
	free(s->broken);
	*s = (struct settings){ 0 };
}

/* A text that does not load leaves what was, and says so in `broken`. */
static void
parse(struct settings *s, const char *text, size_t len)
{
	struct error e = { 0 };
	cleanup_json json_t *config = yaml_parse(text, len, &e);
	const char *workspace;

	if (config == NULL) {
		free(s->broken);
		s->broken = xstrdup(e.text);
		log_error("config.yaml does not load, no tool runs: %s", e.text);
		return;
	}
	settings_clear(s);
	s->deny = config_list(config, "tools.deny");
	s->allow = config_list(config, "tools.terminal.approval.allowlist");
	s->read = config_list(config, "sandbox.read");
	s->write = config_list(config, "sandbox.write");
	s->missing = config_list(config, "sandbox.allow_missing");
	s->net = net_of(config);
	s->config = json_pack("{s:O*}", "tools", json_object_get(config, "tools"));
	workspace = config_str(config, "workspace");
	s->workspace = *workspace == '\0' ? NULL : xstrdup(workspace);
}

static bool
same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	    a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Read all of fd into b. 0, or -1 (an error, or more than a configuration may be). */
static int
read_all(int fd, struct buf *b)
{
	char chunk[16384];
	ssize_t n;

	while ((n = read(fd, chunk, sizeof(chunk))) > 0 || (n == -1 && errno == EINTR))
		if (n > 0 && buf_add(b, chunk, (size_t)n) == -1)
			return -1;
	return n == 0 ? 0 : -1;
}

/* No tool runs, and the next look begins anew. */
static void
unreadable(struct settings *s, const char *why)
{
	free(s->broken);
	s->broken = xstrdup(why);
	s->there = false;
	config_list_free(steal(s->deny));
}

void
settings_refresh(struct settings *s, struct launcher *l)
{
	struct error e = { 0 };
	cleanup_close int fd = launcher_config(l, &e);
	cleanup_buf struct buf text = BUF(CONFIG_MAX_BYTES);
	struct stat st = { 0 };
	bool there = fd != -1;

	if (!there && e.code != ERR_not_found) {
		unreadable(s, e.text);
		return;
	}
	if (s->deny != NULL && !there && !s->there)
		return;			/* read before, and still none */
	if (there && fstat(fd, &st) == 0 && s->there && same_file(&st, &s->seen))
		return;
	if (there && read_all(fd, &text) == -1) {
		unreadable(s, "config.yaml cannot be read, or is too long");
		return;
	}
	parse(s, buf_str(&text), text.len);
	s->there = there;
	s->seen = st;
}

bool
settings_denies(const struct settings *s, const char *tool)
{
	for (char **d = s->deny; d != NULL && *d != NULL; d++)
		if (strcmp(*d, tool) == 0)
			return true;
	return false;
}
