/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See skill_cache.h. A path counts as unchanged while inode, size, mtime and
 * ctime are those that were seen before it was read. Within one tick of the
 * kernel's clock two changes of a file can look alike, so what was read
 * shortly after a change is not relied upon.
 */
#include "engined/skill_cache.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/mem.h"
#include "engined/beneath.h"

#define SETTLED_MS	100		/* a tick is 10 ms at most */

/* What a path was when it was looked at; all zero: nothing was there. */
struct stamp {
	dev_t		 dev;
	ino_t		 ino;
	off_t		 size;
	struct timespec	 changed, written;
};

struct seen {
	char		*path;		/* below skills/ */
	struct stamp	 stamp;
};

struct skill_cache {
	char		*home;
	struct seen	*rows;
	size_t		 n;
	bool		 settled;	/* rows say what `all` is made of */
	struct skills	 all;
};

static struct stamp
stamp_of(int dir, const char *path)
{
	struct stamp s;
	struct stat st;

	memset(&s, 0, sizeof(s));	/* padding too: stamps are compared as bytes */
	if (fstatat(dir, path, &st, AT_SYMLINK_NOFOLLOW) == 0) {
		s.dev = st.st_dev;
		s.ino = st.st_ino;
		s.size = st.st_size;
		s.changed = st.st_ctim;
		s.written = st.st_mtim;
	}
	return s;
}

static void
forget(struct skill_cache *c)
{
	for (size_t i = 0; i < c->n; i++)
		free(c->rows[i].path);
	free(c->rows);
	c->rows = NULL;
	c->n = 0;
	c->settled = false;
	skills_clear(&c->all);
}

struct skill_cache *
skill_cache_new(const char *home)
{
	struct skill_cache *c = xcalloc(1, sizeof(*c));

	c->home = xstrdup(home);
	return c;
}

void
skill_cache_free(struct skill_cache *c)
{
	if (c == NULL)
		return;
	forget(c);
	free(c->home);
	free(c);
}

/* ---- what was seen ---------------------------------------------------------------------------- */

static bool
is_same(const struct skill_cache *c, int dir)
{
	for (size_t i = 0; i < c->n; i++) {
		struct stamp now = stamp_of(dir, c->rows[i].path);

		if (memcmp(&now, &c->rows[i].stamp, sizeof(now)) != 0)
			return false;
	}
	return c->settled;
}

static void
note(struct skill_cache *c, int dir, char *path)
{
	struct stamp s = stamp_of(dir, path);

	c->rows = xreallocarray(c->rows, c->n + 1, sizeof(*c->rows));
	c->rows[c->n++] = (struct seen){ .path = path };
	memcpy(&c->rows[c->n - 1].stamp, &s, sizeof(s));
	c->settled &= clock_wall_ms() - ((int64_t)s.changed.tv_sec * 1000 + s.changed.tv_nsec / 1000000) > SETTLED_MS;
}

/* Folders before the names in them, files before they are read: what changes in between is seen at the next look. */
static void
note_all(struct skill_cache *c, int dir)
{
	char **categories;

	c->settled = true;
	note(c, dir, xstrdup("."));
	categories = beneath_names(dir, "", true);
	for (char **k = categories; *k != NULL; k++) {
		char **names;

		note(c, dir, xstrdup(*k));
		names = beneath_names(dir, *k, true);
		for (char **n = names; *n != NULL; n++) {
			note(c, dir, xasprintf("%s/%s", *k, *n));
			note(c, dir, xasprintf("%s/%s/SKILL.md", *k, *n));
		}
		beneath_names_free(names);
	}
	beneath_names_free(categories);
}

/* Only the block is asked for again and again. */
static void
drop_prose(struct skill *s)
{
	if (s->front.n == 0 || s->front.body >= s->len)
		return;
	s->len = s->front.body;
	s->text[s->len] = '\0';
	s->text = xreallocarray(s->text, s->len + 1, 1);
}

const struct skills *
skill_cache_look(struct skill_cache *c)
{
	cleanup_close int dir = skills_dir(c->home, NULL);

	if (dir != -1 && is_same(c, dir))
		return &c->all;
	forget(c);
	if (dir == -1)
		return &c->all;
	note_all(c, dir);
	skills_load(c->home, &c->all);
	for (size_t i = 0; i < c->all.n; i++)
		drop_prose(c->all.rows[i]);
	return &c->all;
}
