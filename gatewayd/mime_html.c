/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See mime_html.h. No tree is built: what is wanted is what stands between
 * tags, and a tree's depth would be the sender's to choose. Broken HTML gives
 * some text, never an error.
 */
#include "gatewayd/mime_html.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/mem.h"

/* What ends a line; what is no text until it is closed. */
static const char *const blocks[] = {
	"p", "br", "div", "tr", "li", "ul", "ol", "table", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre", "hr",
	"section", "article", "header", "footer", "title",
};
static const char *const silent[] = { "script", "style", "head", "template" };

static const struct {
	const char	*name, *text;
} entities[] = {
	{ "amp", "&" }, { "lt", "<" }, { "gt", ">" }, { "quot", "\"" }, { "apos", "'" }, { "nbsp", " " },
	{ "ndash", "\xe2\x80\x93" }, { "mdash", "\xe2\x80\x94" }, { "hellip", "\xe2\x80\xa6" }, { "bull", "\xe2\x80\xa2" },
	{ "lsquo", "\xe2\x80\x98" }, { "rsquo", "\xe2\x80\x99" }, { "ldquo", "\xe2\x80\x9c" }, { "rdquo", "\xe2\x80\x9d" },
	{ "euro", "\xe2\x82\xac" }, { "copy", "\xc2\xa9" }, { "auml", "\xc3\xa4" }, { "ouml", "\xc3\xb6" },
	{ "uuml", "\xc3\xbc" }, { "Auml", "\xc3\x84" }, { "Ouml", "\xc3\x96" }, { "Uuml", "\xc3\x9c" },
	{ "szlig", "\xc3\x9f" }, { "eacute", "\xc3\xa9" }, { "egrave", "\xc3\xa8" }, { "agrave", "\xc3\xa0" },
	{ "ccedil", "\xc3\xa7" }, { "ntilde", "\xc3\xb1" }, { "aacute", "\xc3\xa1" }, { "iacute", "\xc3\xad" },
	{ "oacute", "\xc3\xb3" }, { "uacute", "\xc3\xba" },
};

static bool
is_one_of(const char *name, size_t len, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(list[i]) == len && strncasecmp(list[i], name, len) == 0)
			return true;
	return false;
}

/* ---- text ------------------------------------------------------------------------------------------ */

/* One blank between words, at most one empty line between blocks. */
static void
add_white(struct buf *b, char c)
{
	size_t lines = 0;

	if (c != '\n') {
		if (b->len > 0 && strchr(" \n", b->data[b->len - 1]) == NULL)
			buf_addc(b, ' ');
		return;
	}
	if (b->len > 0 && b->data[b->len - 1] == ' ')
		b->data[--b->len] = '\0';
	while (lines < b->len && b->data[b->len - 1 - lines] == '\n')
		lines++;
	if (lines < 2 && b->len > 0)
		buf_addc(b, '\n');
}

static void
add_point(struct buf *b, unsigned long c)
{
	if (c < ' ' || (c >= 0xd800 && c < 0xe000) || c > 0x10ffff || (c >= 0x7f && c <= 0xa0)) {
		add_white(b, ' ');
		return;
	}
	if (c < 0x80)
		buf_addc(b, (char)c);
	else if (c < 0x800)
		buf_addf(b, "%c%c", (int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
	else if (c < 0x10000)
		buf_addf(b, "%c%c%c", (int)(0xe0 | c >> 12), (int)(0x80 | (c >> 6 & 0x3f)), (int)(0x80 | (c & 0x3f)));
	else
		buf_addf(b, "%c%c%c%c", (int)(0xf0 | c >> 18), (int)(0x80 | (c >> 12 & 0x3f)), (int)(0x80 | (c >> 6 & 0x3f)),
		    (int)(0x80 | (c & 0x3f)));
}

/* "&amp;" at p. What is no reference is itself; behind it. */
static const char *
add_entity(struct buf *b, const char *p)
{
	size_t n = strcspn(p + 1, "; \t\r\n<&") + 1;
	bool hash = p[1] == '#', hex = hash && (p[2] == 'x' || p[2] == 'X');

	if (p[n] != ';' || n > 12)
		return buf_addc(b, '&'), p + 1;
	if (hash) {
		add_point(b, strtoul(p + 2 + hex, NULL, hex ? 16 : 10));
		return p + n + 1;
	}
	for (size_t i = 0; i < COUNT(entities); i++) {
		if (strlen(entities[i].name) != n - 1 || strncmp(entities[i].name, p + 1, n - 1) != 0)
			continue;
		if (entities[i].text[0] == ' ')
			add_white(b, ' ');
		else
			buf_puts(b, entities[i].text);
		return p + n + 1;
	}
	return buf_addc(b, '&'), p + 1;
}

/* ---- tags ------------------------------------------------------------------------------------------ */

/* Behind the tag that begins at p; a '>' within quotes does not end it. */
static const char *
tag_end(const char *p)
{
	char quote = '\0';

	for (; *p != '\0'; p++) {
		if (quote != '\0')
			quote = *p == quote ? '\0' : quote;
		else if (*p == '=' && (p[1] == '"' || p[1] == '\''))
			quote = *++p;
		else if (*p == '>')
			return p + 1;
	}
	return p;
}

/* Behind the "</name" that ends a silent element, or the end of all. */
static const char *
closing(const char *p, const char *name, size_t len)
{
	while ((p = strstr(p, "</")) != NULL) {
		p += 2;
		if (strncasecmp(p, name, len) == 0 && !isalnum((unsigned char)p[len]))
			return tag_end(p);
	}
	return NULL;
}

/* The tag or comment at p ('<'); behind it. */
static const char *
pass_tag(struct buf *b, const char *p)
{
	const char *name = p + 1, *after;
	size_t len;
	bool end = *name == '/';

	if (strncmp(p, "<!--", 4) == 0)
		return (after = strstr(p + 4, "-->")) == NULL ? p + strlen(p) : after + 3;
	name += end;
	if (!isalpha((unsigned char)*name) && *name != '!' && *name != '?')
		return buf_addc(b, '<'), p + 1;
	for (len = 0; isalnum((unsigned char)name[len]); len++)
		continue;
	after = tag_end(name + len);
	if (is_one_of(name, len, blocks, COUNT(blocks)))
		add_white(b, '\n');
	if (len == 2 && strncasecmp(name, "li", 2) == 0 && !end)
		buf_puts(b, "- ");
	if (len == 2 && (strncasecmp(name, "td", 2) == 0 || strncasecmp(name, "th", 2) == 0))
		add_white(b, ' ');
	if (!end && is_one_of(name, len, silent, COUNT(silent)))
		return (name = closing(after, name, len)) == NULL ? after + strlen(after) : name;
	return after;
}

char *
html_text(const char *html)
{
	struct buf b = BUF(0);

	while (*html != '\0') {
		if (*html == '<')
			html = pass_tag(&b, html);
		else if (*html == '&')
			html = add_entity(&b, html);
		else if (isspace((unsigned char)*html)) {
			add_white(&b, ' ');
			html++;
		} else
			buf_addc(&b, *html++);
	}
	while (b.len > 0 && strchr(" \n", b.data[b.len - 1]) != NULL)
		b.data[--b.len] = '\0';
	return buf_take(&b);
}
