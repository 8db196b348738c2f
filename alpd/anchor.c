/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See anchor.h. A chain has changed when it has more rows than after our last
 * look; our own rows about that look are part of it, or they would be a
 * change for ever.
 */
#include "alpd/anchor.h"

#include <dirent.h>
#include <sodium.h>
#include <stdbool.h>
#include <string.h>

#include "alpd/identity.h"
#include "alpd/watch.h"
#include "common/atomic.h"
#include "common/audit.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"

#define OWN	"alpd"
#define SUFFIX	".jsonl"
#define MEMORY_MAX 65536

struct anchor {
	struct alpd	*alpd;
	char		*dir, *memory;
	json_t		*rows;		/* chain -> how many rows it had when we last looked; kept in memory's file */
	struct watch	*watch;
	struct event	*timer;
	bool		 unsaved;
};

/* ---- one chain ------------------------------------------------------------------------------------ */

static char *
path_of(const struct anchor *n, const char *chain)
{
	return xasprintf("%s/%s" SUFFIX, n->dir, chain);
}

static int
sign(struct anchor *n, const char *chain, int64_t rows, const char head[65], struct error *e)
{
	struct alpd *a = n->alpd;
	uint8_t sig[SIGNATURE_BYTES];
	char text[sodium_base64_ENCODED_LEN(SIGNATURE_BYTES, sodium_base64_VARIANT_ORIGINAL)];
	cleanup_json json_t *detail = NULL;

	if (identity_anchor(a->self, chain, rows, head, sig, e) == -1)
		return -1;
	sodium_bin2base64(text, sizeof(text), sig, sizeof(sig), sodium_base64_VARIANT_ORIGINAL);
	detail = json_pack("{s:s, s:I, s:s, s:s}", "chain", chain, "rows", (json_int_t)rows, "head", head, "sig", text);
	return audit_add(a->audit, "anchor", identity_name(a->self), "done", detail, e);
}

/* Sign it, if it has changed. */
static int
look(struct anchor *n, const char *chain, struct error *e)
{
	cleanup_free char *path = path_of(n, chain);
	char head[65];
	int64_t rows;

	if (audit_head(path, &rows, head, e) == -1)
		return -1;
	if (json_int(n->rows, chain, 0) == rows)
		return 0;
	if (sign(n, chain, rows, head, e) == -1)
		return -1;
	json_object_set_new(n->rows, chain, json_integer(rows));
	n->unsaved = true;
	return 0;
}

/* ---- all of them ------------------------------------------------------------------------------------ */

/* The chain's name of a file name, or NULL; the caller frees. */
static char *
chain_of(const char *file)
{
	size_t len = strlen(file), tail = strlen(SUFFIX);

	if (file[0] == '.' || len <= tail || len - tail > AUDIT_NAME_MAX || strcmp(file + len - tail, SUFFIX) != 0)
		return NULL;
	return xstrndup(file, len - tail);
}

/* Every chain but ours; one that cannot be read does not keep the others from being signed. */
static void
each_other(struct anchor *n, void (*fn)(struct anchor *n, const char *chain, void *arg), void *arg)
{
	DIR *d = opendir(n->dir);
	const struct dirent *row;

	while (d != NULL && (row = readdir(d)) != NULL) {
		cleanup_free char *chain = chain_of(row->d_name);

		if (chain != NULL && strcmp(chain, OWN) != 0)
			fn(n, chain, arg);
	}
	if (d != NULL)
		closedir(d);
}

struct result {
	int		 failed;
	struct error	*e;
};

static void
look_at(struct anchor *n, const char *chain, void *arg)
{
	struct result *r = arg;

	if (look(n, chain, r->e) == -1)
		r->failed = -1;
}

/* Without it only the next one of us signs what is signed already. */
static int
save(struct anchor *n, struct error *e)
{
	cleanup_free char *text = json_text_sorted(n->rows);

	n->unsaved = false;
	return atomic_write(n->memory, text, strlen(text), 0600, e);
}

/* Ours comes last, so that its signature covers those of the others. */
int
anchor_now(struct anchor *n, struct error *e)
{
	cleanup_free char *path = path_of(n, OWN);
	struct result r = { .e = e };
	char head[65];
	int64_t rows;

	each_other(n, look_at, &r);
	if (look(n, OWN, e) == -1 || audit_head(path, &rows, head, e) == -1)
		return -1;
	json_object_set_new(n->rows, OWN, json_integer(rows));
	if (n->unsaved && save(n, e) == -1)
		return -1;
	return r.failed;
}

/* ---- when ------------------------------------------------------------------------------------------- */

static void
on_change(void *arg)
{
	struct anchor *n = arg;

	event_add(n->timer, &(struct timeval){ ANCHOR_S, 0 });
}

/* Watch first: what is written while we look is seen next time. */
static void
on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct anchor *n = arg;
	struct error e = { 0 };

	if (watch_next(n->watch, &e) == -1 || anchor_now(n, &e) == -1)
		log_error("audit chains are not anchored: %s", e.text);
}

/* Has a chain gone on without us? */
static void
compare(struct anchor *n, const char *chain, void *arg)
{
	cleanup_free char *path = path_of(n, chain);
	bool *changed = arg;
	char head[65];
	int64_t rows;

	if (audit_head(path, &rows, head, NULL) == 0 && json_int(n->rows, chain, 0) != rows)
		*changed = true;
}

/* Take up what was signed before; what came since counts as a change. */
static void
begin(struct anchor *n)
{
	bool changed = false;

	if ((n->rows = json_load(n->memory, MEMORY_MAX, 2, NULL)) == NULL || !json_is_object(n->rows)) {
		json_decref(n->rows);
		n->rows = json_object();
	}
	each_other(n, compare, &changed);
	compare(n, OWN, &changed);
	if (changed)
		on_change(n);
}

struct anchor *
anchor_new(struct alpd *a, struct error *e)
{
	struct anchor *n = xcalloc(1, sizeof(*n));

	n->alpd = a;
	n->dir = path_join(a->home, "logs/audit");
	n->memory = path_join(a->home, "alp/anchors.json");
	n->timer = evtimer_new(a->base, on_timer, n);
	if ((n->watch = watch_new(a->base, n->dir, on_change, n, e)) != NULL && watch_next(n->watch, e) == 0) {
		begin(n);
		return n;
	}
	anchor_free(n);
	return NULL;
}

bool
anchor_waits(const struct anchor *n)
{
	return event_pending(n->timer, EV_TIMEOUT, NULL);
}

void
anchor_free(struct anchor *n)
{
	if (n == NULL)
		return;
	watch_free(n->watch);
	event_free(n->timer);
	json_decref(n->rows);
	free(n->dir);
	free(n->memory);
	free(n);
}
