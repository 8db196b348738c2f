/* SPDX-License-Identifier: Apache-2.0 */
/* See growth.h. */
#include "engined/growth.h"

#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/piece.h"
#include "engined/said.h"
#include "engined/session.h"

#define SHRINK		32			/* pieces that go in a step */
#define TREE_MAX	(16 * 1024 * 1024)	/* bytes; a file that said.h does not understand is read as a tree if no larger */

struct growth {
	char		*home;
	struct fts_file	 file;
	enum { SHRINKING, GROWING } doing;
	bool		 broken;		/* said.h gave up */
	bool		 failed;
	struct said	*said;			/* NULL: it is read, or read as a tree */
	double		 started_at;
	struct buf	 text;			/* of which no piece is made yet, but for lines of the last one */
	struct pieces	 cut;			/* of the text */
	bool		 cutting, more;		/* text may follow */
	int64_t		 first, pieces;		/* that are in */
};

struct growth *
growth_new(const char *home, const struct fts_file *file)
{
	struct growth *g = xcalloc(1, sizeof(*g));

	*g = (struct growth){ .home = xstrdup(home), .file = *file, .started_at = (double)file->mtime_us / 1e6, .text = BUF(0) };
	return g;
}

void
growth_free(struct growth *g)
{
	if (g == NULL)
		return;
	said_close(g->said);
	pieces_end(&g->cut);
	buf_clear(&g->text);
	free(g->home);
	free(g);
}

const char *
growth_id(const struct growth *g)
{
	return g->file.id;
}

bool
growth_failed(const struct growth *g)
{
	return g->failed;
}

/* ---- reading --------------------------------------------------------------------------------------------- */

/* What the reference escapes and no strict parser takes, and what only the copy beside the file has, session.h mends. */
static void
read_tree(struct growth *g)
{
	cleanup_json json_t *session = g->file.size > TREE_MAX ? NULL : session_load(g->home, g->file.id, NULL);
	json_t *turn;
	size_t i;

	g->failed = session == NULL;
	g->started_at = json_num(session, "started_at", g->started_at);
	json_array_foreach(session == NULL ? NULL : session_turns(session), i, turn)
		said_add(&g->text, turn);
}

/* Nothing of the old pieces is left. */
static void
begin(struct growth *g, struct words *x)
{
	g->doing = GROWING;
	g->first = x->next;
	g->pieces = 0;
	if (!g->broken)
		g->said = said_open(g->home, g->file.id, NULL);
	g->more = g->said != NULL;
	if (g->said == NULL)
		read_tree(g);
	pieces_begin(&g->cut, buf_str(&g->text));
	g->cutting = true;
}

/* What no piece is made of yet stays at the front. */
static void
drop_cut(struct growth *g)
{
	bool later = g->cut.later || g->cut.next > 0;

	buf_drain(&g->text, pieces_used(&g->cut));
	pieces_end(&g->cut);
	g->cut.later = later;
	g->cutting = false;
}

/* More text, or the end of it. 0, or -1: it does not go on. */
static int
read_on(struct growth *g)
{
	bool later = g->cut.later;
	int more = said_next(g->said, &g->text, NULL);

	if (more == -1)
		return -1;
	g->more = more == 1;
	if (!g->more)
		g->started_at = said_started_at(g->said, g->started_at);
	pieces_begin(&g->cut, buf_str(&g->text));
	g->cut.later = later;
	g->cutting = true;
	return 0;
}

/* Begin again, and read it as a tree. */
static void
start_over(struct growth *g)
{
	said_close(steal(g->said));
	buf_reset(&g->text);
	g->cut.later = false;
	g->broken = true;
	g->doing = SHRINKING;
}

/* ---- steps ------------------------------------------------------------------------------------------------- */

static int
keep(struct growth *g, struct words *x, bool whole, struct error *e)
{
	struct fts_file file = g->file;

	if (!whole)
		file.size = -1;		/* no file's: it is looked at again */
	return fts_keep(x, &file, g->started_at, g->first, g->pieces, e);
}

static int
shrink(struct growth *g, struct words *x, struct error *e)
{
	int more = fts_shrink(x, g->file.id, SHRINK, e);

	if (more == 0)
		begin(g, x);
	return more == -1 ? -1 : 1;
}

int
growth_step(struct growth *g, struct words *x, struct error *e)
{
	struct piece p;

	if (g->doing == SHRINKING)
		return shrink(g, x, e);
	if (g->cutting && (g->more ? pieces_next_full(&g->cut, &p) : pieces_next(&g->cut, &p))) {
		g->pieces++;
		return fts_add(x, g->file.id, p.text, p.len, e) == -1 ? -1 : 1;
	}
	if (!g->more)
		return keep(g, x, true, e);
	drop_cut(g);
	if (read_on(g) == 0)
		return 1;
	if (keep(g, x, false, e) == -1)
		return -1;
	start_over(g);
	return 1;
}

int
growth_pause(struct growth *g, struct words *x, struct error *e)
{
	return g->doing == GROWING ? keep(g, x, false, e) : 0;
}
