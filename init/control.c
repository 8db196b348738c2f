/* SPDX-License-Identifier: Apache-2.0 */
/* Orders of people: begun when the line is there, and answered when the units that it names have settled. */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "common/ask.h"
#include "common/clock.h"
#include "common/mem.h"
#include "common/process.h"
#include "init/init.h"

static int64_t began;

static void
list_tail(struct buf *out, const struct unit *u)
{
	unsigned first = u->tail.count < TAIL_LINES ? 0 : u->tail.count - TAIL_LINES;

	for (unsigned i = first; i < u->tail.count; i++)
		buf_addf(out, "stderr %s %s\n", u->name, u->tail.last[i % TAIL_LINES]);
}

static void
list(struct buf *out)
{
	int64_t now = clock_mono_ms(), up;

	buf_addf(out, "init %d %lld\n", (int)getpid(), (long long)(now - began));
	for (const struct unit *u = units; u != NULL; u = u->next) {
		up = u->pid != 0 ? now - u->began : 0;
		buf_addf(out, "unit %s %s %d %lld %d %ld\n", u->name, state_names[u->state], (int)u->pid, (long long)up,
		    u->restarts, u->pid != 0 ? process_rss_kb(u->pid) : 0);
		if (u->state == BACKOFF || u->state == FAILED)
			list_tail(out, u);
	}
}

static void
shut_down(struct buf *out)
{
	kill(getpid(), SIGTERM);
}

static const struct order {
	const char	*word;
	void		(*each)(struct unit *u);	/* of the units that X names; NULL: there is no X */
	void		(*once)(struct buf *out);
	enum { AT_ONCE, SETTLED, OVER } answer;
} orders[] = {
	{ "list",     NULL,         list,      AT_ONCE },
	{ "wait",     NULL,         NULL,      SETTLED },
	{ "start",    unit_start,   NULL,      SETTLED },
	{ "stop",     unit_stop,    NULL,      SETTLED },
	{ "restart",  unit_restart, NULL,      SETTLED },
	{ "reload",   unit_reload,  NULL,      SETTLED },
	{ "shutdown", NULL,         shut_down, OVER    },
};

const struct order *
control_parse(char *line, const char **x)
{
	char *blank = strchr(line, ' ');

	*x = blank != NULL ? blank + 1 : "all";
	if (blank != NULL)
		*blank = '\0';
	for (size_t i = 0; i < COUNT(orders); i++)
		if (strcmp(orders[i].word, line) == 0 && (blank != NULL) == (orders[i].each != NULL) && **x != '\0')
			return &orders[i];
	return NULL;
}

static void
begin(struct asker *a)
{
	const struct order *o = control_parse(a->line, &a->about);
	cleanup_buf struct buf out = BUF(0);
	struct unit *u = NULL;

	if (o == NULL) {
		ask_answer(a, "", "not an order: list, wait, shutdown; start, stop, restart, reload and a unit, a profile or all");
		return;
	}
	if (o->each != NULL && units_next(NULL, a->about) == NULL) {
		ask_answer(a, "", "no such unit or profile (alpi daemon status lists them)");
		return;
	}
	while (o->each != NULL && (u = units_next(u, a->about)) != NULL)
		o->each(u);
	if (o->once != NULL)
		o->once(&out);
	if (o->answer == AT_ONCE)
		ask_answer(a, buf_str(&out), "");
	else
		a->order = o;
}

int
control_open(struct error *e)
{
	began = clock_mono_ms();
	return ask_serve(CONTROL_PATH, begin, e);
}

void
control_round(int over)
{
	cleanup_buf struct buf why = BUF(0);

	for (struct asker *a = NULL; (a = ask_next(a)) != NULL;) {
		const struct order *o = a->order;

		if (o->answer == SETTLED && units_settled(a->about, &why))
			ask_answer(a, "", buf_str(&why));
		else if (over)
			ask_answer(a, "", o->answer == OVER ? "" : "init is stopping");
	}
}
