/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between words (lexer.h): blanks, comments, the ends of lines, and the
 * bodies of here-documents, which begin behind the line that announces them
 * and may hold substitutions of their own.
 */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "toolrunner/lex.h"

void
lex_blanks(struct lex *l)
{
	for (; l->p < l->end; l->p++)
		if (lex_at(l, "\\\n"))
			l->p++;
		else if (*l->p == '#')
			while (l->p + 1 < l->end && l->p[1] != '\n')
				l->p++;
		else if (strchr(" \t\r", *l->p) == NULL || *l->p == '\0')
			return;
}

/* Read the line-wise body of one here-document, l->p at the beginning of a line. */
static int
read_heredoc(struct lex *l, struct heredoc *h)
{
	cleanup_buf struct buf body = BUF(SCRIPT_TEXT_MAX);
	cleanup_draft struct draft d = { .seen = true, .from = -1 };
	struct lex inner;

	while (l->p < l->end) {
		const char *nl = memchr(l->p, '\n', (size_t)(l->end - l->p));
		const char *stop = nl == NULL ? l->end : nl, *line = l->p;

		while (h->strip && line < stop && *line == '\t')
			line++;
		l->p = nl == NULL ? l->end : nl + 1;
		if ((size_t)(stop - line) == strlen(h->end) && memcmp(line, h->end, (size_t)(stop - line)) == 0)
			break;
		buf_add(&body, line, (size_t)(stop - line));
		buf_addc(&body, '\n');
	}
	inner = (struct lex){ .s = l->s, .p = buf_str(&body), .end = buf_str(&body) + body.len, .depth = l->depth };
	if (h->literal)
		draft_add(l, &d, buf_str(&body), body.len, QUOTED);
	else
		word_quoted(&inner, &d, h->command, '\0');
	lex_forget(&inner);
	l->s->commands[h->command].redirs[h->redir].target = draft_word(l, &d);
	return l->s->broken ? -1 : 0;
}

/* Pass a newline, and the here-documents that wait for it. */
static int
pass_newline(struct lex *l)
{
	size_t n = l->ndocs;
	int result = 0;

	l->p++;
	l->ndocs = 0;
	for (size_t i = 0; i < n; i++) {
		if (result == 0)
			result = read_heredoc(l, &l->docs[i]);
		free(l->docs[i].end);
	}
	return result;
}

int
lex_newlines(struct lex *l)
{
	for (lex_blanks(l); l->p < l->end && *l->p == '\n'; lex_blanks(l))
		if (pass_newline(l) == -1)
			return -1;
	return 0;
}

/* Blanks and newlines before a | or & that goes on with the line before (tools.md, 3.2, step 1). */
void
lex_join(struct lex *l)
{
	const char *q;

	lex_blanks(l);
	for (q = l->p; q < l->end && strchr(" \t\r\n", *q) != NULL && *q != '\0'; q++)
		;
	if (q < l->end && (*q == '|' || *q == '&') && l->ndocs == 0)
		l->p = q;
}

bool
lex_at_word(const struct lex *l, const char *w)
{
	size_t n = strlen(w);

	return lex_at(l, w) && (l->p + n == l->end || lex_is_meta(l->p[n]));
}

bool
lex_pass_word(struct lex *l, const char *w)
{
	if (!lex_at_word(l, w))
		return false;
	l->p += strlen(w);
	return true;
}

void
lex_forget(struct lex *l)
{
	for (size_t i = 0; i < l->ndocs; i++)
		free(l->docs[i].end);
	l->ndocs = 0;
}
