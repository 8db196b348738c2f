/* SPDX-License-Identifier: Apache-2.0 */
/* See memory.h. */
#include "engined/memory.h"

#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "engined/alike.h"
#include "engined/memory_store.h"

#define PRUNE_DAYS	30

static const struct {
	const char	*name;
	size_t		 limit;		/* characters */
} files[MEMORY_FILES] = {
	[MEMORY_USER]  = { "USER.md", 3000 },
	[MEMORY_WORLD] = { "MEMORY.md", 5000 },
	[MEMORY_AGENT] = { "AGENT.md", 0 },
};

const char *
memory_name(enum memory_file f)
{
	return files[f].name;
}

size_t
memory_limit(enum memory_file f)
{
	return files[f].limit;
}

int
memory_file_of(const char *name, enum memory_file *out)
{
	for (size_t i = 0; i < MEMORY_FILES; i++)
		if (strcasecmp(files[i].name, name) == 0) {
			*out = (enum memory_file)i;
			return 0;
		}
	return -1;
}

static void
today(char out[11])
{
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;

	gmtime_r(&now, &tm);
	strftime(out, 11, "%Y-%m-%d", &tm);
}

/* ---- what may be kept ----------------------------------------------------------------------- */

static size_t
counted(const char *text)
{
	cleanup_free char *bare = entry_strip(text);

	return utf8_count(bare, strlen(bare));
}

/* A person or an older release may have filled a file beyond its limit: what does not add to it is let in. */
static int
check_room(enum memory_file f, const char *old, const char *text, struct error *e)
{
	size_t used = counted(text);

	if (files[f].limit == 0 || used <= files[f].limit || used <= counted(old))
		return 0;
	return error_set(e, ERR_full, "%s would hold %zu characters and may hold %zu: first put entries together, or remove some",
	    files[f].name, used, files[f].limit);
}

/* The place of an entry that says the same; n: none. */
static size_t
find_alike(const struct entries *es, const char *text)
{
	size_t i;

	for (i = 0; i < es->n; i++) {
		cleanup_free char *there = entry_strip(es->rows[i]);

		if (alike(there, text))
			break;
	}
	return i;
}

/* Paragraphs take the place of entries in AGENT.md; what is between two may hold blanks that nobody sees. */
static void
paragraphs(const char *text, struct entries *out)
{
	const char *begin = NULL;

	*out = (struct entries){ 0 };
	for (;;) {
		size_t len = strcspn(text, "\n");
		bool blank = strspn(text, " \t\r") == len;

		if (!blank && begin == NULL)
			begin = text;
		if (begin != NULL && (blank || text[len] == '\0')) {
			entries_add(out, xstrndup(begin, (size_t)(blank ? text - begin : text + len - begin)));
			begin = NULL;
		}
		if (text[len] == '\0')
			return;
		text += len + 1;
	}
}

static void
parse(enum memory_file f, const char *text, struct entries *out)
{
	(f == MEMORY_AGENT ? paragraphs : entries_parse)(text, out);
}

/* Is it in the other list already? */
static int
check_other(const char *home, enum memory_file f, const char *text, struct error *e)
{
	enum memory_file other = f == MEMORY_USER ? MEMORY_WORLD : MEMORY_USER;
	cleanup_free char *file = f == MEMORY_AGENT ? NULL : memory_load(home, other, NULL);
	struct entries es;
	int r = 0;

	if (file == NULL)
		return 0;
	entries_parse(file, &es);
	if (find_alike(&es, text) < es.n)
		r = error_set(e, ERR_exists, "%s says this already", files[other].name);
	entries_clear(&es);
	return r;
}

char *
memory_doubts(const char *home, enum memory_file f, const char *text)
{
	cleanup_free char *hits = memory_hits(text), *state = alike_warnings(text), *file = memory_load(home, f, NULL);
	struct entries es = { 0 };
	struct buf b = BUF(0);
	struct error e = { 0 };

	if (file != NULL)
		parse(f, file, &es);
	if (hits != NULL)
		buf_addf(&b, "%s", hits);
	if (find_alike(&es, text) < es.n || check_other(home, f, text, &e) == -1)
		buf_addf(&b, "%snear-duplicate", b.len > 0 ? ", " : "");
	if (state != NULL)
		buf_addf(&b, "%s%s", b.len > 0 ? ", " : "", state);
	entries_clear(&es);
	if (b.len > 0)
		return buf_take(&b);
	buf_clear(&b);
	return NULL;
}

/* ---- reading -------------------------------------------------------------------------------- */

char *
memory_read(const char *home, enum memory_file f, struct error *e)
{
	cleanup_free char *text = memory_load(home, f, e);

	return text == NULL ? NULL : entry_strip(text);
}

size_t
memory_used(const char *home, enum memory_file f)
{
	cleanup_free char *text = memory_read(home, f, NULL);

	return text == NULL ? 0 : utf8_count(text, strlen(text));
}

/* ---- changes -------------------------------------------------------------------------------- */

/* It was said again: surer, and the words of the first time stay. */
static char *
reinforce(struct entries *es, size_t i)
{
	cleanup_free char *text = entry_strip(es->rows[i]);
	struct trailer t = entry_trailer(es->rows[i]);

	t.reinforced++;
	if (t.conf == CONF_LOW && t.reinforced >= 2)
		t.conf = CONF_NORMAL;
	if (t.captured[0] == '\0')
		today(t.captured);
	entries_set(es, i, entry_make(text, &t));
	return xasprintf("known already, now said %ld times: %s", t.reinforced + 1, text);
}

static char *
append(enum memory_file f, const char *old, const char *text, enum confidence conf, char **said)
{
	struct trailer t = { .conf = conf };
	cleanup_free char *entry = NULL, *warnings = alike_warnings(text);
	size_t len = strlen(old);

	*said = xasprintf("kept in %s: %s%s%s", files[f].name, text, warnings != NULL ? "\nwarning: " : "",
	    warnings != NULL ? warnings : "");
	today(t.captured);
	entry = f == MEMORY_AGENT ? xstrdup(text) : entry_make(text, &t);
	while (len > 0 && strchr(" \t\r\n", old[len - 1]) != NULL)
		len--;
	return xasprintf("%.*s%s%s\n", (int)len, old, len == 0 ? "" : f == MEMORY_AGENT ? "\n\n" : "\n\xc2\xa7\n", entry);
}

static char *
add_locked(const char *home, enum memory_file f, const char *text, enum confidence conf, struct error *e)
{
	cleanup_free char *old = memory_load(home, f, e), *new = NULL, *said = NULL;
	struct entries es;
	size_t i;

	if (old == NULL || check_other(home, f, text, e) == -1)
		return NULL;
	parse(f, old, &es);
	if ((i = find_alike(&es, text)) == es.n) {
		new = append(f, old, text, conf, &said);
	} else if (f == MEMORY_AGENT) {
		error_set(e, ERR_exists, "AGENT.md says this already; replace changes it");
	} else {
		said = reinforce(&es, i);
		new = entries_join(&es);
	}
	entries_clear(&es);
	if (new == NULL || check_room(f, old, new, e) == -1 || memory_store(home, f, old, new, e) == -1)
		return NULL;
	return steal(said);
}

char *
memory_add(const char *home, enum memory_file f, const char *text, enum confidence conf, struct error *e)
{
	cleanup_free char *clean = entry_clean(text);
	cleanup_close int fd = -1;

	if (clean == NULL) {
		error_set(e, ERR_invalid, "nothing of this is a note: headings and empty lines are left out");
		return NULL;
	}
	if (memory_scan(clean, e) == -1 || (fd = memory_lock(home, e)) == -1)
		return NULL;
	return add_locked(home, f, clean, conf, e);
}

/* The one entry that holds the words; -1 with the reason. */
static int
find_one(const struct entries *es, const char *match, size_t *out, struct error *e)
{
	cleanup_free char *want = alike_fold(match);
	size_t found = 0;

	if (want[0] == '\0')
		return error_set(e, ERR_invalid, "\"match\" must hold words of the entry");
	for (size_t i = 0; i < es->n; i++) {
		cleanup_free char *text = entry_strip(es->rows[i]), *folded = alike_fold(text);

		if (strstr(folded, want) == NULL)
			continue;
		*out = i;
		found++;
	}
	if (found == 1)
		return 0;
	if (found > 1)
		return error_set(e, ERR_conflict, "%zu entries hold these words; give more of the one that is meant", found);
	return error_set(e, ERR_not_found, "no entry holds these words%s",
	    strstr(match, "\xc2\xa7") != NULL ? "; match one entry, without the \xc2\xa7 between two" : "");
}

/* AGENT.md is free text: the words are put, as they are, into the one place where the others stand. */
static char *
change_agent(const char *old, const char *match, const char *text, struct error *e)
{
	size_t from, to;

	switch (alike_find(old, match, &from, &to)) {
	case 1:
		return xasprintf("%.*s%s%s", (int)from, old, text, old + to);
	case 0:
		error_set(e, ERR_not_found, "AGENT.md does not hold these words");
		return NULL;
	default:
		error_set(e, ERR_conflict, "AGENT.md holds these words more than once; give more of the place that is meant");
		return NULL;
	}
}

static char *
change_entry(const char *old, const char *match, const char *text, struct error *e)
{
	struct entries es;
	struct trailer t;
	char *new = NULL;
	size_t i = 0;

	entries_parse(old, &es);
	if (find_one(&es, match, &i, e) == 0) {
		t = entry_trailer(es.rows[i]);
		if (text == NULL)
			entries_remove(&es, i);
		else
			entries_set(&es, i, t.present ? entry_make(text, &t) : xstrdup(text));
		new = entries_join(&es);
	}
	entries_clear(&es);
	return new;
}

/* text NULL: remove. */
static char *
change(const char *home, enum memory_file f, const char *match, const char *text, struct error *e)
{
	cleanup_close int fd = memory_lock(home, e);
	cleanup_free char *old = fd == -1 ? NULL : memory_load(home, f, e), *new = NULL;

	if (old == NULL)
		return NULL;
	new = f == MEMORY_AGENT ? change_agent(old, match, text == NULL ? "" : text, e) : change_entry(old, match, text, e);
	if (new == NULL || check_room(f, old, new, e) == -1 || memory_store(home, f, old, new, e) == -1)
		return NULL;
	return xasprintf("%s %s", text == NULL ? "removed from" : "replaced in", files[f].name);
}

char *
memory_replace(const char *home, enum memory_file f, const char *match, const char *text, struct error *e)
{
	cleanup_free char *clean = f == MEMORY_AGENT ? xstrdup(text) : entry_clean(text);

	if (clean == NULL || clean[0] == '\0') {
		error_set(e, ERR_invalid, "nothing of this is a note; remove takes an entry out");
		return NULL;
	}
	return memory_scan(clean, e) == -1 ? NULL : change(home, f, match, clean, e);
}

char *
memory_remove(const char *home, enum memory_file f, const char *match, struct error *e)
{
	return change(home, f, match, NULL, e);
}

/* ---- pruning -------------------------------------------------------------------------------- */

static bool
is_stale(const char *row)
{
	struct trailer t = entry_trailer(row);
	struct tm tm = { 0 };

	if (!t.present || t.conf != CONF_LOW || t.reinforced != 0 || strptime(t.captured, "%Y-%m-%d", &tm) == NULL)
		return false;
	return clock_wall_ms() / 1000 - (int64_t)timegm(&tm) >= PRUNE_DAYS * 86400;
}

static size_t
drop_stale(struct entries *es)
{
	size_t dropped = 0;

	for (size_t i = es->n; i-- > 0; )
		if (is_stale(es->rows[i])) {
			entries_remove(es, i);
			dropped++;
		}
	return dropped;
}

static void
prune_file(const char *home, enum memory_file f)
{
	cleanup_free char *old = memory_load(home, f, NULL), *new = NULL;
	struct error e = { 0 };
	struct entries es;
	size_t dropped;

	if (old == NULL)
		return;
	entries_parse(old, &es);
	dropped = drop_stale(&es);
	new = entries_join(&es);
	entries_clear(&es);
	if (dropped > 0 && memory_store(home, f, old, new, &e) == 0)
		log_info("%zu notes of %s let go: never sure, never said again, a month old", dropped, files[f].name);
	else if (dropped > 0)
		log_warn("%s is not pruned: %s", files[f].name, e.text);
}

/* Might something go? Looked at without the lock, since every turn asks. */
static bool
has_low(const char *home, enum memory_file f)
{
	cleanup_free char *text = memory_load(home, f, NULL);

	return text != NULL && strcasestr(text, "conf=low") != NULL;
}

void
memory_prune(const char *home)
{
	cleanup_close int fd = has_low(home, MEMORY_USER) || has_low(home, MEMORY_WORLD) ? memory_lock(home, NULL) : -1;

	if (fd == -1)
		return;
	prune_file(home, MEMORY_USER);
	prune_file(home, MEMORY_WORLD);
}
