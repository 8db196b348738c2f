/* SPDX-License-Identifier: Apache-2.0 */
/* What a Matrix server's answers hold, which people of its rooms wrote. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/json_foreign.h"
#include "common/mem.h"
#include "gatewayd/matrix_sync.h"

#define SELF	"@alpi:x"

static void
must(bool claim)
{
	if (!claim)
		abort();
}

static void
check(const struct matrix_event *ev)
{
	must(ev->room[0] == '!' && ev->sender[0] == '@' && ev->id[0] == '$');
	must(strlen(ev->room) <= MATRIX_ID_MAX && strlen(ev->sender) <= MATRIX_ID_MAX && strlen(ev->id) <= MATRIX_ID_MAX);
	must(strpbrk(ev->room, " \r\n") == NULL && strpbrk(ev->sender, " \r\n") == NULL);
	must(ev->kind == MATRIX_SEALED || strcmp(ev->sender, SELF) != 0);
	must(ev->kind != MATRIX_TEXT || (ev->text != NULL && strlen(ev->text) <= MATRIX_TEXT_MAX));
	must((ev->kind == MATRIX_FILE) == (ev->media != NULL) && (ev->media != NULL) == (ev->name != NULL));
	must(ev->media == NULL || (strpbrk(ev->media, "/.?#%") == NULL && strpbrk(ev->server, "/?#%@") == NULL));
}

static void
check_all(struct matrix_sync *s)
{
	for (size_t i = 0; i < s->n; i++)
		check(&s->rows[i]);
	for (size_t i = 0; i < s->n_gaps; i++)
		must(s->gaps[i].room[0] == '!' && s->gaps[i].from[0] != '\0');
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_json json_t *answer = json_foreign((const char *)data, size, MATRIX_DEPTH, NULL);
	cleanup_free char *end = NULL;
	struct matrix_sync s = { 0 };
	size_t n;

	if (answer == NULL)
		return 0;
	must((matrix_sync_read(answer, SELF, &s) == 0) == (s.next != NULL));
	check_all(&s);
	n = s.n;
	if (matrix_page_read(answer, "!r:x", SELF, &s, &end) == -1)
		must(s.n == n && end == NULL);
	check_all(&s);
	matrix_sync_clear(&s);
	return 0;
}
