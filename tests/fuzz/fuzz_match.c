/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What people and models look for, whatever bytes it is: as an expression it
 * is always one that SQLite takes, of the bounded number of words, and it
 * changes nothing in the index.
 */
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "engined/match.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static sqlite3 *
table(void)
{
	static sqlite3 *db;

	if (db == NULL && (sqlite3_open(":memory:", &db) != SQLITE_OK || sqlite3_exec(db,
	    "CREATE VIRTUAL TABLE words USING fts5(session UNINDEXED, content, tokenize = 'unicode61 remove_diacritics 2');"
	    "INSERT INTO words VALUES ('a', 'user: near the walrus or not'), ('b', 'alpi: a column and a row')",
	    NULL, NULL, NULL) != SQLITE_OK))
		abort();
	return db;
}

/* Every row that matches; aborts when the expression is none. */
static void
run(const char *expression)
{
	sqlite3_stmt *s;
	int step, rows = 0;

	if (sqlite3_prepare_v2(table(), "SELECT session, snippet(words, 1, '', '', '', 8) FROM words WHERE words MATCH ?"
	    " ORDER BY rank", -1, &s, NULL) != SQLITE_OK)
		abort();
	sqlite3_bind_text(s, 1, expression, -1, SQLITE_STATIC);
	while ((step = sqlite3_step(s)) == SQLITE_ROW)
		rows++;
	if (step != SQLITE_DONE || rows > 2)
		abort();
	sqlite3_finalize(s);
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	cleanup_free char *text = xstrndup((const char *)data, size), *any = NULL;
	struct match m;

	match_words(&m, text, size > 0 ? data[0] % 4u : 0);
	if (m.count > MATCH_WORDS || match_count(&m, text) > strlen(text) * (m.count + 1))
		abort();
	for (size_t i = 0; i < m.count; i++) {
		cleanup_free char *word = match_word(&m, i);

		run(word);
	}
	any = match_any(&m);
	if (m.count > 0)
		run(any);
	return 0;
}
