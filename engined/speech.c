/* SPDX-License-Identifier: Apache-2.0 */
/* See speech.h. The name of a recording is chosen by whoever brings it, and is no more than a name. */
#include "engined/speech.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "common/atomic.h"
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

/* A recording that is being listened to. */
struct listening {
	struct call	*call;
	char		*words;		/* the path of its text */
	int64_t		 next_offset;
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
	if (name[0] != '.' && name[strspn(name, WORD)] == '\0')
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
	size_t room = strlen(m->data) / 4 * 3 + 1, len = 0;
	cleanup_free unsigned char *data = xmalloc(room);

	if (sodium_base642bin(data, room, m->data, strlen(m->data), NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		return error_set(e, ERR_invalid, "the piece is no base64");
	if (m->offset == 0)
		sweep(home);
	*next = m->offset + (int64_t)len;
	return disk_has(home, SPARE + len, e) == -1 ? -1 : atomic_piece(path, m->offset, data, len, SOUND_MAX, e);
}

/* ---- listening ------------------------------------------------------------------------------------------ */

static void
listening_free(struct listening *l)
{
	free(l->words);
	free(l);
}

static void
on_heard(void *arg, const struct transcript *t, const struct error *e)
{
	struct listening *l = arg;
	struct error why = { 0 };

	if (t == NULL) {
		log_warn("a recording is not understood: %s", e->text);
		call_fail(l->call, e);
		listening_free(l);
		return;
	}
	if (t->tokens_in > 0 || t->tokens_out > 0 || t->cost > 0)
		spend(l->call->ctx, NULL, t->tokens_in, t->tokens_out, t->cost);
	if (atomic_write(l->words, t->text, strlen(t->text), 0600, &why) == -1)
		log_warn("the words of a recording are not kept: %s", why.text);
	call_reply(l->call, &(struct speech_take_reply){ .next_offset = l->next_offset, .text = t->text });
	listening_free(l);
}

/* It is whole. */
static int
listen_to(struct call *c, const char *path, const char *name, int64_t size, struct error *e)
{
	struct engine *en = c->ctx;
	cleanup_buf struct buf b = BUF(0);
	cleanup_free char *words = xasprintf("%s.txt", path);
	struct target target = { 0 };
	struct listening *l;
	bool begun;

	if (file_read(words, TRANSCRIPT_MAX, &b, NULL) == 0)
		return call_reply(c, &(struct speech_take_reply){ .next_offset = size, .text = buf_str(&b) });
	engine_config(en, false);
	l = xcalloc(1, sizeof(*l));
	*l = (struct listening){ .call = c, .words = steal(words), .next_offset = size };
	begun = resolve(en, &target, e) == 0 && ledger_check(en->ledger, e) == 0 && file_read(path, SOUND_MAX, &b, e) == 0 &&
	    transcribe_start(en->base, provider_http(en->provider), &target, config_str(en->config, "tools.stt.language"), name, &b,
	    on_heard, l, e) != NULL;
	target_clear(&target);
	if (begun)
		return CALL_LATER;
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
