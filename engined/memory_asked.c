/* SPDX-License-Identifier: Apache-2.0 */
/* See memory_asked.h. */
#include "engined/memory_asked.h"

#include <string.h>
#include <sys/stat.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/memory.h"
#include "engined/remember.h"

static void
tell(struct engine *en, const char *name)
{
	engine_push(en, "memory_changed", json_pack("{s:s}", "name", name));
}

/* A person at the command: what a model may only propose is done. */
int
memory_asked_call(struct call *c, const void *in, struct error *e)
{
	const struct memory_call *m = in;
	struct engine *en = c->ctx;
	struct remember who = { .home = en->home, .session = "", .model = "", .person = true };
	cleanup_json json_t *args = json_pack("{s:s, s:s*, s:s*, s:s*, s:s*, s:s*}", "action", m->action, "target", m->target,
	    "content", m->content, "match", m->match, "confidence", m->confidence, "id", m->id);
	cleanup_free char *text = remember_call(&who, args, e);

	if (text == NULL)
		return -1;
	if (strcmp(m->action, "add") == 0 || strcmp(m->action, "replace") == 0 || strcmp(m->action, "remove") == 0 ||
	    strcmp(m->action, "promotion_apply") == 0)
		tell(en, m->target == NULL ? "" : m->target);
	return call_reply(c, &(struct memory_call_reply){ .text = text });
}

static int
file_of(const char *name, enum memory_file *out, struct error *e)
{
	return memory_file_of(name, out) == 0 ? 0 : error_set(e, ERR_not_found, "the notes are USER.md, MEMORY.md and AGENT.md");
}

int
memory_asked_read(struct call *c, const void *in, struct error *e)
{
	const struct memory_read *m = in;
	const struct engine *en = c->ctx;
	cleanup_free char *text = NULL;
	char rev[MEMORY_REV];
	enum memory_file f;

	if (file_of(m->name, &f, e) == -1 || (text = memory_whole(en->home, f, rev, e)) == NULL)
		return -1;
	return call_reply(c, &(struct memory_read_reply){ .text = text, .rev = rev });
}

int
memory_asked_write(struct call *c, const void *in, struct error *e)
{
	const struct memory_write *m = in;
	struct engine *en = c->ctx;
	char rev[MEMORY_REV] = "";
	bool stale = false;
	enum memory_file f;

	if (strlen(m->rev) < sizeof(rev))	/* else it is none of ours, and so stale */
		memcpy(rev, m->rev, strlen(m->rev) + 1);
	if (file_of(m->name, &f, e) == -1 || memory_put_whole(en->home, f, m->text, rev, &stale, e) == -1)
		return -1;
	if (!stale)
		tell(en, memory_name(f));
	return call_reply(c, &(struct memory_write_reply){ .stale = stale, .rev = rev });
}

static json_t *
usage_of(const char *home, enum memory_file f)
{
	cleanup_free char *path = xasprintf("%s/memories/%s", home, memory_name(f));
	size_t used = memory_used(home, f), limit = memory_limit(f);
	bool there;
	struct stat st;

	there = stat(path, &st) == 0;
	return json_pack("{s:I, s:o, s:I, s:b, s:o}", "used", (json_int_t)used, "limit",
	    limit == 0 ? json_null() : json_integer((json_int_t)limit), "pct", (json_int_t)(limit == 0 ? 0 : used * 100 / limit),
	    "over", limit > 0 && used > limit, "updated_at", there ? json_integer(st.st_mtime) : json_null());
}

int
memory_asked_usage(struct call *c, const void *in, struct error *e)
{
	const struct engine *en = c->ctx;
	cleanup_json json_t *files = json_object();

	for (enum memory_file f = 0; f < MEMORY_FILES; f++)
		json_object_set_new(files, memory_name(f), usage_of(en->home, f));
	return call_reply(c, &(struct memory_usage_reply){ .files = files });
}
