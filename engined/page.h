/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker tells of files, a page at a time (toolrunner/tools/index.c).
 * The worker has read what anybody wrote, so a page is foreign bytes too:
 * what does not have its form is refused whole.
 */
#ifndef ALPI_ENGINED_PAGE_H
#define ALPI_ENGINED_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "engined/shelf.h"

#define PAGE_PATH_MAX	8192		/* bytes */

/* A page of the list, or those of the files asked about that may be read. */
struct page_list {
	char			*workspace;	/* as toolrunner calls it */
	char			*scope;		/* the path that was listed, as the files' paths begin; "" all, or not said */
	struct shelf_file	*files;
	size_t			 count;
	bool			 more;		/* behind the last one */
};

int	 page_list_read(const char *text, struct page_list *out, struct error *e);
void	 page_list_clear(struct page_list *l);

/* A file as it was read. */
struct page_text {
	struct shelf_file	 file;
	char			*text;		/* NULL: it has none, */
	char			*why;		/* for this reason */
	bool			 gone;		/* it is not there any more, or may not be read */
};

/* The next one of a page, from *at on; 1, 0: there is no more, -1: the page is broken. page_text_clear it after 1. */
int	 page_text_next(const char *page, size_t len, size_t *at, struct page_text *out, struct error *e);
void	 page_text_clear(struct page_text *t);

#endif
