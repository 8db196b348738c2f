/* SPDX-License-Identifier: Apache-2.0 */
/* Any stream to an answer, in the dialect the first byte names: what comes out is valid and within its limits. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/dialect.h"
#include "engined/refusal.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct dialect *const dialects[] = { &openai_dialect, &anthropic_dialect, &gemini_dialect };

struct reading {
	const struct dialect	*d;
	struct answer		 a;
	size_t			 shown;
};

static void
check(void *arg, const char *text, size_t len)
{
	struct reading *r = arg;
	char *clean = utf8_clean(text, len);

	if (strlen(text) != len || strcmp(clean, text) != 0)
		abort();
	free(clean);
	r->shown += len;
}

static const struct answer_sink sink = { check, check };

static int
on_event(void *arg, const struct sse_event *ev)
{
	struct reading *r = arg;
	struct error e = { 0 };

	if (r->d->event(&r->a, ev, &e) == 0)
		return 0;
	if (e.code == ERR_none || e.text[0] == '\0')
		abort();
	return -1;
}

static void
check_calls(const struct answer *a)
{
	json_t *calls = answer_calls(a), *row;
	size_t i;

	if (json_array_size(calls) > PROVIDER_CALLS_MAX)
		abort();
	json_array_foreach(calls, i, row)
		if (json_str(row, "id", "")[0] == '\0' || !json_is_string(json_object_get(row, "name")) ||
		    !json_is_string(json_object_get(row, "arguments")))
			abort();
	json_decref(calls);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reading r = { 0 };
	struct sse s;
	char *line;

	if (size < 1 || size > 65536)
		return 0;
	r.d = dialects[data[0] % COUNT(dialects)];
	answer_init(&r.a, &sink, &r);
	sse_init(&s);
	if (sse_feed(&s, data + 1, size - 1, on_event, &r, NULL) == 0)
		(void)sse_end(&s, on_event, &r, NULL);
	sse_clear(&s);
	answer_end(&r.a);
	check_calls(&r.a);
	answer_clear(&r.a);
	line = refusal_line((const char *)data + 1, size - 1);
	if (strlen(line) > REFUSAL_MAX)
		abort();
	free(line);
	return 0;
}
