/* SPDX-License-Identifier: Apache-2.0 */
/* An answer on its way to a platform that does what the test says: what does not leave is filed, all of it, and not too early. */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/mem.h"
#include "gatewayd/gateway.h"
#include "gatewayd/inbox.h"
#include "gatewayd/outbox.h"
#include "gatewayd/outfile.h"
#include "gatewayd/posts.h"
#include "gatewayd/split.h"
#include "gatewayd/turns.h"

#define DAY_MS	86400000LL
#define MADE	"[{\"name\":\"plan.pdf\",\"mime\":\"application/pdf\",\"path\":\"out/plan.pdf\"}]"

/* ---- a platform ------------------------------------------------------------------------------------------ */

static struct {
	int	 sent;
	sent_fn	*done;		/* of what is on its way; NULL: nothing is */
	void	*arg;
} wire;

static struct sending *
on_the_wire(sent_fn *done, void *arg)
{
	wire.sent++;
	wire.done = done;
	wire.arg = arg;
	return (struct sending *)&wire;
}

static struct sending *
my_send(void *self, const struct letter *to, const char *part, sent_fn *done, void *arg)
{
	return on_the_wire(done, arg);
}

static struct sending *
my_send_file(void *self, const struct letter *to, const struct outgoing *f, sent_fn *done, void *arg)
{
	return on_the_wire(done, arg);
}

static void
my_cancel(struct sending *s)
{
	wire.done = NULL;
}

static char **
my_split(const char *reply)
{
	return split_text(reply, 4000);
}

static const struct platform platform = { .name = "imap", .split = my_split, .send = my_send, .send_file = my_send_file,
	.cancel = my_cancel };

static void
it_says(enum outcome outcome)
{
	sent_fn *done = wire.done;

	assert_non_null(done);
	wire.done = NULL;
	done(wire.arg, outcome, 1);
}

/* ---- the stage ------------------------------------------------------------------------------------------- */

static struct daemon daemon_of;
static struct line lines[2];
static struct gateway gate = { .daemon = &daemon_of, .lines = lines };

static int
start(void **state)
{
	cleanup_free char *home = temp_home(), *at = xasprintf("home %s", home);

	memset(&wire, 0, sizeof(wire));
	assert_int_equal(boot_line(&daemon_of.boot, "unit default/gatewayd", NULL), 0);
	assert_int_equal(boot_line(&daemon_of.boot, at, NULL), 0);
	daemon_of.base = event_base_new();
	lines[0] = (struct line){ .platform = &platform, .self = (void *)"x" };
	assert_int_equal(outfile_sweep(home, NULL), 0);
	assert_non_null(gate.inbox = inbox_open(home, NULL));
	gate.turns = turns_new(&gate);
	gate.posts = posts_new(&gate, inbox_db(gate.inbox));
	return 0;
}

static int
stop(void **state)
{
	clock_fake(-1, -1);
	turns_free(gate.turns);
	posts_free(gate.posts);
	inbox_close(gate.inbox);
	event_base_free(daemon_of.base);
	boot_clear(&daemon_of.boot);
	daemon_of.boot = (struct boot){ 0 };
	return 0;
}

/* A message of this chat, and its answer on disk. */
static void
answered(const char *chat, const char *made)
{
	struct arrival a = { .ref = "1", .chat = chat, .sender = chat, .text = "?" };
	struct row r = { 0 };

	assert_int_equal(inbox_add(gate.inbox, "imap", "imap", &a, false, NULL), 1);
	assert_int_equal(inbox_next_head(gate.inbox, 0, &r, NULL), 1);
	assert_int_equal(inbox_reply(gate.inbox, &r, "the answer", made, NULL, NULL), 0);
	row_clear(&r);
}

static void
next_try(void)
{
	while (wire.done == NULL)
		event_base_loop(daemon_of.base, EVLOOP_ONCE);
}

static struct post
filed(void)
{
	struct post o = { 0 };

	assert_int_equal(outbox_next(inbox_db(gate.inbox), 0, &o, NULL), 1);
	assert_int_equal(o.state, POST_failed);
	assert_int_equal(inbox_open_rows(gate.inbox), 0);
	return o;
}

/* ---- claims ---------------------------------------------------------------------------------------------- */

static void
test_a_refused_answer_is_filed_with_the_names_of_its_files(void **state)
{
	struct post o;

	answered("ann@there.example", MADE);
	turns_look(gate.turns);
	it_says(OUT_never);
	o = filed();
	assert_string_equal(o.text, "the answer\n\n[file plan.pdf (application/pdf): out/plan.pdf]");
	assert_string_equal(o.title, "An answer on imap to ann@there.example");
	post_clear(&o);
}

static void
test_a_file_that_cannot_even_be_named_there_is_filed(void **state)
{
	struct post o;

	answered("ann@there.example", MADE);
	turns_look(gate.turns);
	it_says(OUT_sent);
	next_try();			/* nobody has the file's bytes here: its line */
	it_says(OUT_never);
	o = filed();
	assert_string_equal(o.text, "[file plan.pdf (application/pdf): out/plan.pdf]");
	post_clear(&o);
}

static void
test_of_a_chat_with_a_long_name_an_answer_can_be_filed(void **state)
{
	char chat[255];
	struct post o;

	memset(chat, 'c', sizeof(chat) - 1);
	chat[sizeof(chat) - 1] = '\0';
	answered(chat, NULL);
	turns_look(gate.turns);
	it_says(OUT_never);
	o = filed();
	assert_int_equal(strlen(o.title), 256);		/* outputs take no longer one */
	post_clear(&o);
}

static void
test_an_answer_of_before_a_long_absence_has_its_tries(void **state)
{
	struct post o;

	answered("ann@there.example", NULL);
	clock_fake(clock_wall_ms() + 2 * DAY_MS, -1);
	turns_look(gate.turns);
	it_says(OUT_later);		/* the network is not up yet */
	assert_int_equal(inbox_open_rows(gate.inbox), 1);
	next_try();
	it_says(OUT_sent);
	assert_int_equal(inbox_open_rows(gate.inbox), 0);
	assert_int_equal(outbox_next(inbox_db(gate.inbox), 0, &o, NULL), 0);
}

static void
test_what_is_not_taken_for_a_day_is_filed(void **state)
{
	int64_t now = clock_wall_ms();
	struct post o;

	answered("ann@there.example", NULL);
	turns_look(gate.turns);
	for (int i = 0; i < 10; i++, next_try())
		it_says(OUT_later);
	clock_fake(now + DAY_MS + 2000, -1);
	it_says(OUT_later);
	o = filed();
	assert_string_equal(o.why, "the platform did not take it for a day");
	post_clear(&o);
}

/* ---- what nobody asked for ---------------------------------------------------------------------------------- */

static void
posted(void)
{
	struct post o = { .key = (char *)"k", .platform = (char *)"imap", .account = (char *)"imap", .chat = (char *)"ann@there.example",
	    .text = (char *)"the news" };

	assert_int_equal(outbox_put(inbox_db(gate.inbox), &o, NULL), 1);
}

static enum post_state
stands(void)
{
	struct post o = { 0 };
	enum post_state state;

	assert_int_equal(outbox_find(inbox_db(gate.inbox), "k", &o, NULL), 1);
	state = o.state;
	post_clear(&o);
	return state;
}

static void
test_a_message_of_before_a_long_absence_has_its_tries(void **state)
{
	posted();
	clock_fake(clock_wall_ms() + 2 * DAY_MS, -1);
	posts_look(gate.posts);
	it_says(OUT_later);
	next_try();
	it_says(OUT_sent);
	assert_int_equal(stands(), POST_sent);
}

static void
test_a_message_that_is_not_taken_for_a_day_has_failed(void **state)
{
	int64_t now = clock_wall_ms();
	struct post o;

	posted();
	posts_look(gate.posts);
	for (int i = 0; i < 10; i++, next_try())
		it_says(OUT_later);
	clock_fake(now + DAY_MS + 2000, -1);
	it_says(OUT_later);
	while (stands() == POST_queued)
		event_base_loop(daemon_of.base, EVLOOP_ONCE);
	o = filed();
	assert_string_equal(o.why, "the platform did not take it for a day");
	post_clear(&o);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_refused_answer_is_filed_with_the_names_of_its_files, start, stop),
		cmocka_unit_test_setup_teardown(test_a_file_that_cannot_even_be_named_there_is_filed, start, stop),
		cmocka_unit_test_setup_teardown(test_of_a_chat_with_a_long_name_an_answer_can_be_filed, start, stop),
		cmocka_unit_test_setup_teardown(test_an_answer_of_before_a_long_absence_has_its_tries, start, stop),
		cmocka_unit_test_setup_teardown(test_what_is_not_taken_for_a_day_is_filed, start, stop),
		cmocka_unit_test_setup_teardown(test_a_message_of_before_a_long_absence_has_its_tries, start, stop),
		cmocka_unit_test_setup_teardown(test_a_message_that_is_not_taken_for_a_day_has_failed, start, stop),
	};

	return RUN(tests);
}
