/* SPDX-License-Identifier: Apache-2.0 */
/* See telegram.h: the bytes of a file that somebody sent, by way of the path that the server gives for its id. */
#include "gatewayd/telegram.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/media.h"

#define ASK_MS		15000
#define FIRST_MS	30000
#define IDLE_MS		30000
#define PATH_BYTES	512
#define PATH_WORD	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./"

struct fetching {
	struct telegram		*telegram;
	struct botapi_call	*asking;	/* where it is */
	struct http_call	*http;		/* its bytes come */
	int			 status;
	struct buf		 bytes;
	fetched_fn		*done;
	void			*arg;
};

void
telegram_fetch_cancel(struct fetching *f)
{
	if (f == NULL)
		return;
	botapi_cancel(f->asking);
	if (f->http != NULL)
		http_cancel(f->http);
	buf_clear(&f->bytes);
	free(f);
}

/* f is gone after. bytes NULL: why not, and whether a later try may fare better. */
static void
end(struct fetching *f, const struct buf *bytes, const char *why, bool later)
{
	f->done(f->arg, bytes, why, later);
	telegram_fetch_cancel(f);
}

static void
on_head(void *arg, int status, const char *content_type, long retry_after_ms)
{
	((struct fetching *)arg)->status = status;
}

static int
on_data(void *arg, const void *bytes, size_t len)
{
	return buf_add(&((struct fetching *)arg)->bytes, bytes, len);
}

static void
on_done(void *arg, const struct error *e)
{
	struct fetching *f = arg;

	f->http = NULL;
	if (e != NULL)		/* what it says could hold the address, and that the token */
		end(f, NULL, e->code == ERR_too_large ? "it is larger than 20 MB" : "Telegram did not hand it over",
		    e->code != ERR_too_large && e->code != ERR_invalid);
	else if (f->status != 200)
		end(f, NULL, "Telegram does not hand it over", f->status >= 500 || f->status == 429);
	else
		end(f, &f->bytes, NULL, false);
}

/* A path below the server's root, and nothing that an address could take for something else. */
static bool
is_path(const char *path)
{
	return *path != '\0' && *path != '/' && strlen(path) <= PATH_BYTES && path[strspn(path, PATH_WORD)] == '\0' &&
	    strstr(path, "..") == NULL;
}

static void
get(struct fetching *f, const char *path)
{
	static const struct http_events events = { .head = on_head, .data = on_data, .done = on_done };
	struct telegram *t = f->telegram;
	cleanup_free char *url = xasprintf("%s/file/bot%s/%s", t->bot.api, t->bot.token, path);

	f->http = http_start(t->gateway->http, &(struct http_request){ .method = "GET", .url = url, .first_byte_ms = FIRST_MS,
	    .idle_ms = IDLE_MS, .max_body = MEDIA_MAX }, &events, f, NULL);
	explicit_bzero(url, strlen(url));
	if (f->http == NULL)
		end(f, NULL, "its address cannot be used", false);
}

static void
on_path(void *arg, const struct botapi_answer *a)
{
	struct fetching *f = arg;
	const char *path = json_str(a->result, "file_path", "");

	f->asking = NULL;
	if (!a->ok)
		end(f, NULL, a->status == 400 ? "Telegram gives bots no file larger than 20 MB, and none that is gone" :
		    "Telegram does not say where it is", a->status != 400 && a->status != 404);
	else if (!is_path(path))
		end(f, NULL, "Telegram does not say where it is", false);
	else
		get(f, path);
}

struct fetching *
telegram_fetch(void *self, const char *id, fetched_fn *done, void *arg)
{
	struct telegram *t = self;
	struct fetching *f = xcalloc(1, sizeof(*f));

	f->telegram = t;
	f->bytes = (struct buf)BUF(MEDIA_MAX);
	f->done = done;
	f->arg = arg;
	f->asking = botapi_start(t->gateway->http, t->gateway->daemon->base, &t->bot, "getFile", json_pack("{s:s}", "file_id", id), ASK_MS,
	    on_path, f);
	return f;
}
