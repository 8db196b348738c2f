/* SPDX-License-Identifier: Apache-2.0 */
/* See todo.h. */
#include "engined/todo.h"

#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/redact.h"

enum mark { WAITING, STARTED, COMPLETE };

static const char *const marks[] = { "[ ]", "[\xc2\xb7]", "[x]" };

struct todo_item {
	char		*text;
	enum mark	 mark;
};

typedef int action_fn(struct todo *, const json_t *args, struct error *);

void
todo_clear(struct todo *t)
{
	for (size_t i = 0; i < t->count; i++)
		free(t->items[i].text);
	free(t->items);
	*t = (struct todo){ 0 };
}

static int
list(struct todo *t, const json_t *args, struct error *e)
{
	return 0;
}

static int
add(struct todo *t, const json_t *args, struct error *e)
{
	const char *text = json_str(args, "content", "");

	if (text[strspn(text, " \t\r\n")] == '\0')
		return error_set(e, ERR_invalid, "todo: add needs \"content\"");
	if (t->count == TODO_ITEMS_MAX)
		return error_set(e, ERR_too_large, "todo: the list holds at most %d items", TODO_ITEMS_MAX);
	t->items = xreallocarray(t->items, t->count + 1, sizeof(*t->items));
	t->items[t->count++] = (struct todo_item){ .text = cut_bytes(text, TODO_TEXT_MAX) };
	return 0;
}

/* The item that "index" names, counted from 1. */
static struct todo_item *
item(struct todo *t, const json_t *args, struct error *e)
{
	int64_t index = json_int(args, "index", 0);

	if (index >= 1 && (uint64_t)index <= t->count)
		return &t->items[index - 1];
	error_set(e, ERR_invalid, "todo: \"index\" must be 1 to %zu", t->count);
	return NULL;
}

static int
start(struct todo *t, const json_t *args, struct error *e)
{
	struct todo_item *it = item(t, args, e);

	if (it == NULL)
		return -1;
	for (size_t i = 0; i < t->count; i++)
		if (t->items[i].mark == STARTED)
			t->items[i].mark = WAITING;
	it->mark = STARTED;
	return 0;
}

static int
complete(struct todo *t, const json_t *args, struct error *e)
{
	struct todo_item *it = item(t, args, e);

	if (it == NULL)
		return -1;
	it->mark = COMPLETE;
	return 0;
}

static int
clear(struct todo *t, const json_t *args, struct error *e)
{
	todo_clear(t);
	return 0;
}

static const struct {
	const char	*name;
	action_fn	*fn;
} actions[] = {
	{ "list",     list },
	{ "add",      add },
	{ "start",    start },
	{ "complete", complete },
	{ "clear",    clear },
};

static char *
show(const struct todo *t)
{
	struct buf b = BUF(0);

	for (size_t i = 0; i < t->count; i++)
		buf_addf(&b, "%s%zu. %s %s", i > 0 ? "\n" : "", i + 1, marks[t->items[i].mark], t->items[i].text);
	if (t->count == 0)
		buf_puts(&b, "(the list is empty)");
	return buf_take(&b);
}

char *
todo_call(struct todo *t, const json_t *args, struct error *e)
{
	const char *name = json_str(args, "action", "");

	for (size_t i = 0; i < COUNT(actions); i++)
		if (strcmp(name, actions[i].name) == 0)
			return actions[i].fn(t, args, e) == -1 ? NULL : show(t);
	error_set(e, ERR_invalid, "todo: \"action\" must be list, add, start, complete or clear");
	return NULL;
}

size_t
todo_open(const struct todo *t, char **lines)
{
	struct buf b = BUF(0);
	size_t open = 0;

	for (size_t i = 0; i < t->count; i++) {
		if (t->items[i].mark == COMPLETE)
			continue;
		buf_addf(&b, "%s- %s", open++ > 0 ? "\n" : "", t->items[i].text);
	}
	if (lines != NULL)
		*lines = buf_take(&b);
	buf_clear(&b);
	return open;
}
