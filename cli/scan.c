/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi scan check`: what the text scanners say of a file, and why. Exit
 * status like grep's: 0 clean, 1 flagged, 2 not looked at.
 */
#include "common/scan.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "common/atomic.h"
#include "common/buf.h"
#include "common/mem.h"

#define TEXT_MAX	(16 * 1024 * 1024)

static int
read_all(int fd, struct buf *b, struct error *e)
{
	char chunk[65536];
	ssize_t n;

	b->max = TEXT_MAX;
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		if (buf_add(b, chunk, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "standard input: larger than 16 MiB");
	return n == -1 ? error_errno(e, "standard input") : 0;
}

static json_t *
places(const struct scan_hits *h)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < h->n; i++)
		json_array_append_new(rows, json_pack("{s:s, s:I, s:s}", "class", h->rows[i].id,
		    "line", (json_int_t)h->rows[i].line, "why", h->rows[i].why));
	return rows;
}

static json_t *
classes(const struct scan_hits *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i < h->n; i++)
		json_array_append_new(list, json_string(h->rows[i].id));
	return list;
}

static void
tell(const struct args *a, const struct scan_hits *h)
{
	static const struct column columns[] = {
		{ "LINE", "line", PRINT_NUMBER, 0 }, { "CLASS", "class", PRINT_TEXT, 0 }, { "IT", "why", PRINT_TEXT, 0 },
	};
	json_t *rows = places(h), *all;

	if (arg_has(a, "json")) {
		all = json_pack("{s:s, s:o, s:O}", "verdict", h->n > 0 ? "flagged" : "clean", "classes", classes(h), "places", rows);
		print_json(stdout, all);
		json_decref(all);
	} else {
		print_table(stdout, columns, COUNT(columns), rows, "clean: nothing of what is looked for");
	}
	json_decref(rows);
}

int
scan_check_command(struct cli *c, const struct args *a)
{
	const char *word = arg_option(a, "kind"), *path = a->rest[0];
	cleanup_buf struct buf text = BUF(0);
	struct error e = { 0 };
	struct scan_hits hits;
	enum scan_kind kind;
	bool flagged;

	if (word == NULL || scan_kind_of(word, &kind) == -1)
		return cli_usage(a, "say what the text is for: --kind skill, injection or memory");
	if ((strcmp(path, "-") == 0 ? read_all(STDIN_FILENO, &text, &e) : file_read(path, TEXT_MAX, &text, &e)) == -1) {
		cli_fail(&e);
		return EXIT_USAGE;
	}
	scan_text(kind, buf_str(&text), text.len, NULL, &hits);
	tell(a, &hits);
	flagged = hits.n > 0;
	scan_hits_clear(&hits);
	return flagged ? EXIT_FAILED : 0;
}
