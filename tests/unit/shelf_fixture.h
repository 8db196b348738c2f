/* SPDX-License-Identifier: Apache-2.0 */
/* An open index of files in a new home, with one root, /w. */
#ifndef ALPI_SHELF_FIXTURE_H
#define ALPI_SHELF_FIXTURE_H

#include "tests/check.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "common/mem.h"
#include "engined/shelf.h"

static char *home;
static struct words *shelf;
static int64_t root;

static int
up(void **state)
{
	struct error e = { 0 };
	cleanup_free char *rag = NULL;

	home = temp_home();
	rag = xasprintf("%s/rag", home);
	mkdir(rag, 0700);
	shelf = shelf_open(home, &e);
	assert_non_null(shelf);
	root = shelf_root(shelf, "/w", true, &e);
	assert_true(root > 0);
	return 0;
}

static int
down(void **state)
{
	words_close(shelf);
	shelf = NULL;
	free(home);
	return 0;
}

#define CASE(fn) cmocka_unit_test_setup_teardown(fn, up, down)

static void
put_at(int64_t where, const char *path, const char *text)
{
	struct shelf_file f = { .path = (char *)path, .mtime_us = 1, .size = 2 };
	struct shelf_growth *g = shelf_growth_new(where, &f, text);
	struct error e = { 0 };
	int more;

	while ((more = shelf_grow(shelf, g, &e)) == 1)
		;
	shelf_growth_free(g);
	if (more == -1)
		fail_msg("%s", e.text);
}

#endif
