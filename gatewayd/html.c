/* SPDX-License-Identifier: Apache-2.0 */
/* See html.h. cmark's default is the safe one: no raw HTML, no javascript: in a link. */
#include "gatewayd/html.h"

#include <stdlib.h>
#include <string.h>

#include <cmark-gfm.h>

#include "common/mem.h"

/* One paragraph, and no other mark in it. */
static int
is_plain(const char *html)
{
	const char *inside = html + 3, *next;

	return strncmp(html, "<p>", 3) == 0 && (next = strchr(inside, '<')) != NULL && strcmp(next, "</p>") == 0;
}

char *
html_of(const char *markdown)
{
	char *html = cmark_markdown_to_html(markdown, strlen(markdown), CMARK_OPT_HARDBREAKS);
	size_t n = html == NULL ? 0 : strlen(html);

	while (n > 0 && html[n - 1] == '\n')
		html[--n] = '\0';
	if (n > 0 && !is_plain(html))
		return html;
	free(html);
	return NULL;
}
