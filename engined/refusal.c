/* SPDX-License-Identifier: Apache-2.0 */
/* See refusal.h. This is for people's eyes only: nothing is decided by the words. */
#include "engined/refusal.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/answer.h"

#define DEPTH_MAX 32

/* Blanks, newlines and control characters become single blanks; what is too long ends with an ellipsis. */
static char *
one_line(const char *text)
{
	struct buf b = BUF(0);
	bool blank = false;

	for (; *text != '\0' && b.len <= REFUSAL_MAX; text++) {
		if (isspace((unsigned char)*text) || iscntrl((unsigned char)*text)) {
			blank = b.len > 0;
			continue;
		}
		if (blank)
			(void)buf_addc(&b, ' ');
		blank = false;
		(void)buf_addc(&b, *text);
	}
	if (b.len > REFUSAL_MAX) {
		b.len = utf8_cut(b.data, b.len, REFUSAL_MAX - 3);
		(void)buf_puts(&b, "\xe2\x80\xa6");
	}
	return buf_take(&b);
}

/* The text of an HTML page: its title when it has one, else all that stands outside of tags. */
static char *
html_text(const char *html)
{
	const char *title = strcasestr(html, "<title"), *p = title != NULL ? title : html;
	struct buf b = BUF(0);
	bool tag = false;

	for (; *p != '\0'; p++) {
		if (title != NULL && strncasecmp(p, "</title", 7) == 0)
			break;
		if (*p == '<')
			tag = true;
		else if (!tag)
			(void)buf_addc(&b, *p);
		else if (*p == '>' && buf_addc(&b, ' ') == 0)
			tag = false;
	}
	return buf_take(&b);
}

/* The words of a JSON error, NULL when the text is none. */
static char *
json_words(const char *text, size_t len)
{
	cleanup_json json_t *j = json_parse(text, len, DEPTH_MAX, NULL);
	struct answer a = { 0 };
	struct error e = { 0 };
	const char *said;

	if (j == NULL)
		return NULL;
	if (answer_refused(&a, j, &e) == -1)
		return xstrdup(e.text);
	said = json_str(j, "detail", json_str(j, "message", json_string_value(j)));
	return xstrdup0(said);
}

char *
refusal_line(const char *body, size_t len)
{
	cleanup_free char *clean = utf8_clean(body, len), *text = NULL;
	const char *start = clean + strspn(clean, " \t\r\n");

	if (*start == '<')
		text = html_text(start);
	else
		text = json_words(start, strlen(start));
	return one_line(text != NULL ? text : start);
}
