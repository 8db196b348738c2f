/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: changes that outlive the turn and are trusted later: notes,
 * skills, jobs. After text of strangers such a change may be theirs:
 * a person who is present decides and sees all of it; where nobody is, it is
 * refused.
 */
#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/turn.h"

#define SHOWN_BYTES	32768		/* more is not put before anybody: what is not shown is not allowed */

/* All that would be written. The caller frees; NULL: too much. */
static char *
question_of(const json_t *args, const char *what)
{
	struct buf b = BUF(0);
	const char *key;
	json_t *v;

	buf_addf(&b, "Text that others wrote is in this conversation, and this turn now wants to change %s (%s). Allow it?", what,
	    json_str(args, "action", ""));
	json_object_foreach((json_t *)args, key, v) {
		cleanup_free char *text = json_is_string(v) ? xstrdup(json_string_value(v)) : json_text(v);

		if (strcmp(key, "action") != 0 && strcmp(key, "name") != 0)
			buf_addf(&b, "\n%s: %s", key, text);
	}
	if (b.len <= SHOWN_BYTES)
		return buf_take(&b);
	buf_clear(&b);
	return NULL;
}

static void
refuse(struct turn *t, const char *why)
{
	cleanup_free char *text = xasprintf("%s: this conversation has read text of others, %s", t->now.name, why);

	calls_fail(t, text);
}

void
lasting_change(struct turn *t, const char *what, void (*decided)(struct turn *t, bool yes))
{
	cleanup_free char *question = t->foreign ? question_of(t->now.args, what) : NULL;

	if (!t->foreign)
		decided(t, true);
	else if (!t->interactive)
		refuse(t, "so it may not change this, and nobody is here to ask; ask for it again in a new conversation");
	else if (question == NULL)
		refuse(t, "and this is too long to put before the user; write it in parts");
	else
		ask_permission(t, question, decided);
}
