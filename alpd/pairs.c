/* SPDX-License-Identifier: Apache-2.0 */
/* See pairs.h. */
#include "alpd/pairs.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"

#define NEVER_US	(INT64_MIN / 2)
#define CAP_MIN		256

_Static_assert(PAIRS_KEY == crypto_shorthash_KEYBYTES, "the hash's key");

/* ---- by what they are ----------------------------------------------------------------------------- */

struct pair *
pair_new(const struct pairs *s, const char *from, const char *nonce, int64_t seen_us)
{
	size_t first = strlen(from) + 1, len = first + strlen(nonce) + 1;
	struct pair *p = xmalloc(sizeof(*p) + len);
	uint8_t hash[crypto_shorthash_BYTES];

	*p = (struct pair){ .seen_us = seen_us, .len = len };
	memcpy(p->text, from, first);
	memcpy(p->text + first, nonce, len - first);
	crypto_shorthash(hash, (const uint8_t *)p->text, len, s->key);
	memcpy(&p->hash, hash, sizeof(p->hash));
	return p;
}

static struct pair **
bucket(const struct pairs *s, uint64_t hash)
{
	return &s->table[hash & (s->cap - 1)];
}

const struct pair *
pairs_find(const struct pairs *s, const struct pair *wanted)
{
	const struct pair *p = *bucket(s, wanted->hash);

	while (p != NULL && (p->hash != wanted->hash || p->len != wanted->len || memcmp(p->text, wanted->text, p->len) != 0))
		p = p->next;
	return p;
}

static void
table_put(struct pairs *s, struct pair *p)
{
	struct pair **b = bucket(s, p->hash);

	p->next = *b;
	*b = p;
}

static void
table_remove(struct pairs *s, const struct pair *p)
{
	struct pair **at = bucket(s, p->hash);

	while (*at != p)
		at = &(*at)->next;
	*at = p->next;
}

static void
grow(struct pairs *s)
{
	s->cap = 2 * s->cap;
	s->heap = xreallocarray(s->heap, s->cap, sizeof(*s->heap));
	free(s->table);
	s->table = xcalloc(s->cap, sizeof(*s->table));
	for (size_t i = 0; i < s->n; i++)
		table_put(s, s->heap[i]);
}

/* ---- by their age --------------------------------------------------------------------------------- */

void
pairs_insert(struct pairs *s, struct pair *take_p)
{
	size_t i, half;

	if (s->n == s->cap)
		grow(s);
	table_put(s, take_p);
	for (i = s->n++; i > 0 && s->heap[half = (i - 1) / 2]->seen_us > take_p->seen_us; i = half)
		s->heap[i] = s->heap[half];
	s->heap[i] = take_p;
}

static void
remove_oldest(struct pairs *s)
{
	struct pair *oldest = s->heap[0], *last = s->heap[--s->n];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < s->n) {
		if (child + 1 < s->n && s->heap[child + 1]->seen_us < s->heap[child]->seen_us)
			child++;
		if (s->heap[child]->seen_us >= last->seen_us)
			break;
		s->heap[i] = s->heap[child];
		i = child;
	}
	s->heap[i] = last;
	table_remove(s, oldest);
	free(oldest);
}

void
pairs_forgot(struct pairs *s, int64_t seen_us)
{
	if (seen_us > s->forgotten_us)
		s->forgotten_us = seen_us;
}

void
pairs_forget_oldest(struct pairs *s)
{
	pairs_forgot(s, s->heap[0]->seen_us);
	remove_oldest(s);
}

void
pairs_forget(struct pairs *s, int64_t before_us)
{
	while (s->n > 0 && s->heap[0]->seen_us < before_us)
		pairs_forget_oldest(s);
}

/* ---- start and end -------------------------------------------------------------------------------- */

void
pairs_init(struct pairs *s)
{
	*s = (struct pairs){ .forgotten_us = NEVER_US, .cap = CAP_MIN };
	s->table = xcalloc(s->cap, sizeof(*s->table));
	s->heap = xcalloc(s->cap, sizeof(*s->heap));
	random_bytes(s->key, sizeof(s->key));
}

void
pairs_clear(struct pairs *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->heap[i]);
	free(s->heap);
	free(s->table);
	*s = (struct pairs){ 0 };
}
