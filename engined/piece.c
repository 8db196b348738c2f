/* SPDX-License-Identifier: Apache-2.0 */
/* See piece.h. */
#include "engined/piece.h"

#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"

void
pieces_begin(struct pieces *p, const char *text)
{
	size_t len = strlen(text), from = 0, room = 0;

	*p = (struct pieces){ .text = text, .line = 1 };
	for (;; p->lines++) {
		const char *newline;

		if (p->lines == room)
			p->at = xreallocarray(p->at, room = room ? room * 2 : 64, sizeof(*p->at));
		p->at[p->lines] = from;
		if (from == len)
			break;
		newline = memchr(text + from, '\n', len - from);
		if (newline != NULL && newline - text - (ptrdiff_t)from < PIECE_LINE_MAX)
			from = (size_t)(newline - text) + 1;
		else
			from += utf8_cut(text + from, len - from, PIECE_LINE_MAX);
	}
}

/* The number of the line that holds the byte; those asked for come in order. */
static int64_t
line_at(struct pieces *p, size_t at)
{
	for (; p->counted < at; p->counted++)
		p->line += p->text[p->counted] == '\n';
	return p->line;
}

static int64_t
newlines(const char *text, size_t len)
{
	int64_t n = 0;

	for (size_t i = 0; i < len; i++)
		n += text[i] == '\n';
	return n;
}

bool
pieces_next(struct pieces *p, struct piece *out)
{
	size_t from = p->next, to = from + PIECE_LINES < p->lines ? from + PIECE_LINES : p->lines;

	if (from >= p->lines || ((from > 0 || p->later) && from + PIECE_LINES - PIECE_STEP >= p->lines))
		return false;
	out->text = p->text + p->at[from];
	out->len = p->at[to] - p->at[from];
	out->first = line_at(p, p->at[from]);
	out->last = out->first + newlines(out->text, out->len > 0 ? out->len - 1 : 0);
	p->next += PIECE_STEP;
	return true;
}

bool
pieces_next_full(struct pieces *p, struct piece *out)
{
	return p->next + PIECE_LINES <= p->lines && pieces_next(p, out);
}

size_t
pieces_used(const struct pieces *p)
{
	return p->at[p->next < p->lines ? p->next : p->lines];
}

void
pieces_end(struct pieces *p)
{
	free(p->at);
	*p = (struct pieces){ 0 };
}
