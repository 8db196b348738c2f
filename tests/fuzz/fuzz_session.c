/* SPDX-License-Identifier: Apache-2.0 */
/* Session files, by whoever wrote them: read, replayed, redacted, written again as the same tree. */
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/redact.h"
#include "engined/session.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	cleanup_free char *text = xstrndup((const char *)data, size), *clean = NULL, *again = NULL;
	cleanup_json json_t *session = session_parse((const char *)data, size, NULL), *messages = json_array(), *copy = NULL;

	clean = redact(text);
	if (session == NULL)
		return 0;
	session_kind(session);
	session_replay(session, (size_t)-1, messages);
	again = json_dumps(session, JSON_INDENT(2) | JSON_ENSURE_ASCII);
	if (again == NULL)
		return 0;
	copy = session_parse(again, strlen(again), NULL);
	if (copy == NULL || !json_equal(session, copy))
		abort();
	return 0;
}
