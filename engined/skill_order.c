/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See turn.h: a person tries a skill, or has it looked at, without a model.
 * The request "/skill test NAME", then its arguments as a JSON list if there
 * are any, or "/skill validate NAME", is
 * written down as a step whose only call is that of the tool, so that it has
 * the rights, the record and the resumption of any other. Only for a turn
 * that is not kept: what a script puts out would stand in the conversation as
 * if we had said it.
 */
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/turn.h"

#define ORDER_CALL	"skill-order"	/* the id of the one call of such a request */

bool
skill_ordered(const struct turn *t)
{
	return strcmp(json_str(json_array_get(t->calls, 0), "id", ""), ORDER_CALL) == 0;
}

static const struct {
	const char	*words, *action;
} orders[] = { { "/skill test ", "test" }, { "/skill validate ", "validate" } };

/* The arguments of the call; NULL: the text is no such order. New reference. */
static json_t *
order_args(const char *text)
{
	const char *name = NULL, *action = NULL, *list;
	cleanup_free char *copy = NULL;
	json_t *args;

	for (size_t i = 0; i < COUNT(orders); i++)
		if (strncmp(text, orders[i].words, strlen(orders[i].words)) == 0) {
			name = text + strlen(orders[i].words);
			action = orders[i].action;
		}
	if (name == NULL)
		return NULL;
	copy = xstrndup(name, strcmp(action, "test") == 0 ? strcspn(name, " ") : strlen(name));
	list = name + strlen(copy) + strspn(name + strlen(copy), " ");
	args = json_pack("{s:s, s:s}", "action", action, "name", copy);
	if (args != NULL && *list != '\0')
		json_object_set_new(args, "args", json_parse(list, strlen(list), 4, NULL));
	return args;
}

bool
skill_order(struct turn *t)
{
	cleanup_json json_t *args = NULL;

	if (!t->no_save || t->agent != NULL || t->peer != NULL || t->thread != NULL || (args = order_args(t->text)) == NULL)
		return false;
	step_made(t, ORDER_CALL, "skill", args);
	return true;
}

void
skill_answer(struct turn *t, struct tool_result *r)
{
	if (r->ok && r->answer == NULL && skill_ordered(t))
		r->answer = xstrdup(r->output == NULL ? "" : r->output);
}
