/* SPDX-License-Identifier: Apache-2.0 */
/* What Telegram's server says, from its bytes to a prompt; and its text as if it were an answer, split and marked up. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/banner.h"
#include "gatewayd/commands.h"
#include "gatewayd/markup.h"
#include "gatewayd/split.h"
#include "gatewayd/update.h"

static void
check_text(const struct update *u)
{
	cleanup_free char *prompt = banner_text("INBOUND TELEGRAM", u->chat, u->sender, u->text);
	char **parts = split_text(u->text, 64);

	if (strlen(prompt) < strlen(u->text) || strcmp(prompt + strlen(prompt) - strlen(u->text), u->text) != 0)
		abort();
	command_find(u->text);
	for (char **p = parts; *p != NULL; p++) {
		free(markup_telegram(*p));
		if (**p == '\0' || split_units(*p, strlen(*p)) > 64 || utf8_cut(*p, strlen(*p), strlen(*p)) != strlen(*p))
			abort();
	}
	split_free(parts);
}

/* An id goes into a request, a name into a line. */
static void
check_files(const struct update *u)
{
	const json_t *row;
	size_t i;

	if (u->files != NULL && (u->kind != UPDATE_MESSAGE || json_array_size(u->files) == 0))
		abort();
	json_array_foreach(u->files, i, row)
		if (*json_str(row, "id", "") == '\0' || strpbrk(json_str(row, "id", ""), "/.:?&% ") != NULL ||
		    strlen(json_str(row, "name", "")) > 128)
			abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t bad, n;
	cleanup_json json_t *answer = updates_answer((const char *)data, size, &bad);
	struct update *rows = updates_read(json_object_get(answer, "result"), &n);

	for (size_t i = 0; i < n; i++) {
		if ((rows[i].kind == UPDATE_MESSAGE || rows[i].kind == UPDATE_PRESS) != (rows[i].text != NULL) || (i > 0 && rows[i].id < rows[i - 1].id))
			abort();
		check_files(&rows[i]);
		if (rows[i].text != NULL)
			check_text(&rows[i]);
	}
	updates_free(rows, n);
	return 0;
}
