/* SPDX-License-Identifier: Apache-2.0 */
/* See speech.h. The name of a recording is chosen by whoever brings it, and is no more than a name. */
#include "engined/speech.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/base64.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "engined/engine.h"
#include "engined/ledger.h"
#include "engined/provider.h"
#include "engined/spend.h"
#include "engined/target.h"
#include "engined/transcribe.h"

#define SOUND_MAX	(20 * 1024 * 1024)
#define SPARE		(16 * 1024 * 1024)	/* bytes that stay free on the disk */
#define KEEP_S		(7 * 86400)
#define WORD		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

/* A recording that is being listened to, once, however many bring it meanwhile: it may have been paid for already. */
struct listening {
	LIST_ENTRY(listening) link;
	struct engine	*engine;
	struct call	**calls;	/* of those */
	size_t		 n;
	char		*words;		/* the path of its text */
	int64_t		 size;
};

/* ---- the model ---------------------------------------------------------------------------------------- */

static int
resolve(struct engine *en, struct target *t, struct error *e)
{
	const char *model = config_str(en->config, "tools.stt.model");

	/* A name without a provider is of the reference implementation, which has a program of its own for it. */
	if (strchr(model, '/') == NULL)
		return error_set(e, ERR_unsupported, "nothing here turns sound into text: tools.stt.model names no provider/model");
	if (target_resolve(en->config, engine_secret, en, model, t, e) == -1)
		return error_add(e, "tools.stt.model");
	return 0;
}

const char *
speech_model(struct engine *en, struct error *e)
{
	struct target t = { 0 };
	int known = resolve(en, &t, e);

	target_clear(&t);
	return known == -1 ? NULL : config_str(en->config, "tools.stt.model");
}

/* ---- the folder ----------------------------------------------------------------------------------------- */

static int
check_name(const char *name, struct error *e)
{
	if (name[0] != '\0' && name[0] != '.' && name[strspn(name, WORD)] == '\0')
		return 0;
	return error_set(e, ERR_invalid, "no name of a recording");
}

/* What is old goes. */
static void
sweep(const char *home)
{
	cleanup_free char *path = path_join(home, SPEECH_DIR);
	DIR *dir = opendir(path);
	struct dirent *row;
	struct stat st;

	while (dir != NULL && (row = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), row->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    clock_wall_ms() / 1000 - st.st_mtime > KEEP_S)
			unlinkat(dirfd(dir), row->d_name, 0);
	if (dir != NULL)
		closedir(dir);
}

static int
keep(const char *home, const char *path, const struct speech_take *m, int64_t *next, struct error *e)
{
	size_t len = 0;
	cleanup_free unsigned char *data = base64_bytes(m->data, strlen(m->data), &len);

	if (data == NULL)
		return error_set(e, ERR_invalid, "the piece is no base64");
	if (m->offset == 0)
		sweep(home);
	*next = m->offset + (int64_t)len;
	return disk_has(home, SPARE + len, e) == -1 ? -1 : atomic_piece(path, m->offset, data, len, SOUND_MAX, e);
}

/* ---- listening ------------------------------------------------------------------------------------------ */

static struct listening *
listening_new(struct engine *en, const char *words, int64_t size)
{
	struct listening *l = xcalloc(1, sizeof(*l));

	*l = (struct listening){ .engine = en, .words = xstrdup(words), .size = size };
	LIST_INSERT_HEAD(&en->listenings, l, link);
	return l;
}

static void
listening_free(struct listening *l)
{
	LIST_REMOVE(l, link);
	free(l->calls);
	free(l->words);
	free(l);
}

static struct listening *
listening_find(const struct engine *en, const char *words)
{
	struct listening *l;

	LIST_FOREACH(l, &en->listenings, link)
		if (strcmp(l->words, words) == 0)
			return l;
	return NULL;
}

static int
join(struct listening *l, struct call *c)
{
	l->calls = xreallocarray(l->calls, l->n + 1, sizeof(*l->calls));
	l->calls[l->n++] = c;
	return CALL_LATER;
}

/* On disk first, then said: whoever loses the answer finds it. */
static void
keep_words(struct listening *l, const struct transcript *t)
{
	struct error e = { 0 };

	if (t->tokens_in > 0 || t->tokens_out > 0 || t->cost > 0)
		spend(l->engine, NULL, t->tokens_in, t->tokens_out, t->cost);
	if (atomic_write(l->words, t->text, strlen(t->text), 0600, &e) == -1)
		log_warn("the words of a recording are not kept: %s", e.text);
}

static void
on_heard(void *arg, const struct transcript *t, const struct error *e)
{
	struct listening *l = arg;

	if (t == NULL)
		log_warn("a recording is not understood: %s", e->text);
	else
		keep_words(l, t);
	for (size_t i = 0; i < l->n; i++)
		if (t == NULL)
			call_fail(l->calls[i], e);
		else
			call_reply(l->calls[i], &(struct speech_take_reply){ .next_offset = l->size, .text = t->text });
	listening_free(l);
}

/* Post it. 0 or -1. */
static int
begin(struct listening *l, const char *path, const char *name, struct error *e)
{
	struct engine *en = l->engine;
	cleanup_buf struct buf b = BUF(0);
	struct target target = { 0 };
	int status = -1;

	engine_config(en, false);
	if (resolve(en, &target, e) == 0 && ledger_check(en->ledger, e) == 0 && file_read(path, SOUND_MAX, &b, e) == 0)
		status = transcribe_start(en->base, provider_http(en->provider), &target, config_str(en->config, "tools.stt.language"),
		    name, &b, on_heard, l, e);
	target_clear(&target);
	return status;
}

/* It is whole. */
static int
listen_to(struct call *c, const char *path, const char *name, int64_t size, struct error *e)
{
	struct engine *en = c->ctx;
	cleanup_buf struct buf b = BUF(0);
	cleanup_free char *words = xasprintf("%s.txt", path);
	struct listening *l = listening_find(en, words);

	if (l != NULL)
		return join(l, c);
	if (file_read(words, TRANSCRIPT_MAX, &b, NULL) == 0)
		return call_reply(c, &(struct speech_take_reply){ .next_offset = size, .text = buf_str(&b) });
	l = listening_new(en, words, size);
	if (begin(l, path, name, e) == 0)
		return join(l, c);
	listening_free(l);
	return -1;
}

int
speech_asked(struct call *c, const void *in, struct error *e)
{
	const struct speech_take *m = in;
	struct engine *en = c->ctx;
	cleanup_free char *path = xasprintf("%s/" SPEECH_DIR "/%s", en->home, m->name);
	int64_t next = 0;

	if (check_name(m->name, e) == -1 || keep(en->home, path, m, &next, e) == -1)
		return -1;
	if (m->final)
		return listen_to(c, path, m->name, next, e);
	return call_reply(c, &(struct speech_take_reply){ .next_offset = next });
}
