/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions over real sockets, one at a time: who is served, who is not, and how it ends. */
#include "tests/unit/link_server_fixture.h"

#include <sys/un.h>

/* ---- one session -------------------------------------------------------------------------------------- */

static void
test_the_socket_is_ours_alone_and_replaces_a_stale_one(void **state)
{
	struct host h = host_open();
	cleanup_free char *path = path_join(h.f->home, "alp/alp.sock");
	struct client_side c;
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	dial_unix(&h, &c);
	assert_true(served(&c, &h.f->alice));
	conn_next(c.conn, 0);
	WAIT_FOR(h.f, c.closed);		/* one request, then the end */
	hang_up(&c);
	server_close(h.f->a.server);
	assert_int_equal(stat(path, &st), -1);
	put_file(h.f->home, "alp/alp.sock", "");
	assert_non_null(h.f->a.server = server_listen(&h.f->a, NULL));
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	host_close(&h);
}

static void
test_a_session_serves_on_after_a_refusal_and_ends_with_a_drop(void **state)
{
	struct host h = host_open();
	struct client_side c;

	dial_as(&h, &c, &h.f->alice);
	assert_true(served(&c, &h.f->alice));
	say_as(&c, &h.f->alice, "not.allowed", "{}");
	free(steal(c.answer));
	WAIT_FOR(h.f, c.answer != NULL || c.closed);
	assert_non_null(strstr(c.answer, "-32001"));
	assert_true(served(&c, &h.f->alice));
	assert_false(served(&c, &h.f->carol));	/* another one's words: a close, without a byte */
	assert_true(c.closed);
	assert_null(c.answer);
	hang_up(&c);
	host_close(&h);
}

static void
test_a_stranger_gets_a_close_and_is_noted(void **state)
{
	struct host h = host_open();
	struct client_side c;
	struct pending *rows;
	size_t n;

	dial_as(&h, &c, &h.f->carol);
	assert_true(c.ready);
	assert_false(served(&c, &h.f->carol));
	assert_true(c.closed);
	rows = pending_list(h.f->a.peers, &n);
	pending_free(rows, n);
	assert_int_equal(n, 1);
	hang_up(&c);
	host_close(&h);
}

static void
test_a_stranger_cannot_send_much(void **state)
{
	struct host h = host_open();
	struct buf params cleanup_buf = BUF(0);
	struct client_side c;
	struct pending *rows;
	size_t n;

	buf_puts(&params, "{\"nonce\":\"");
	while (params.len < SERVER_STRANGER_BYTES)
		buf_puts(&params, "many words ");
	buf_puts(&params, "\"}");
	dial_as(&h, &c, &h.f->carol);
	say_as(&c, &h.f->carol, "link.ping", buf_str(&params));
	WAIT_FOR(h.f, c.closed);
	rows = pending_list(h.f->a.peers, &n);
	pending_free(rows, n);
	assert_int_equal(n, 0);			/* it was not even read */
	hang_up(&c);
	dial_as(&h, &c, &h.f->alice);
	say_as(&c, &h.f->alice, "link.ping", buf_str(&params));
	WAIT_FOR(h.f, c.answer != NULL || c.closed);
	assert_non_null(c.answer);
	hang_up(&c);
	host_close(&h);
}

static void
test_no_port_is_no_end(void **state)
{
	struct host h = host_open();
	struct alpd other = h.f->a;
	struct server *s;
	struct error e = { 0 };

	other.settings.no_tcp = NULL;
	other.home = temp_home();
	{
		cleanup_free char *alp = path_join(other.home, "alp");

		assert_int_equal(mkdir(alp, 0700), 0);
	}
	assert_non_null(s = server_listen(&other, &e));	/* the same port: the Unix socket is served alone */
	assert_non_null(other.settings.no_tcp);
	free(other.settings.no_tcp);
	server_close(s);
	free((char *)other.home);
	host_close(&h);
}

/* ---- turns over sessions --------------------------------------------------------------------------------- */

static void
start_ask(struct host *h, struct client_side *c)
{
	say_as(c, &h->f->alice, "link.ask", "{\"prompt\":\"x\",\"stream\":true}");
	WAIT_FOR(h->f, asked_for(h->f, MSG_turn_start) != NULL);
	answer(asked_for(h->f, MSG_turn_start), &(struct turn_start_reply){ .turn = "t", .session = "s" }, NULL);
	WAIT_FOR(h->f, c->answer != NULL);
}

static void
expect_cancel(struct host *h, struct client_side *c)
{
	start_ask(h, c);
	hang_up(c);
	WAIT_FOR(h->f, asked_for(h->f, MSG_turn_cancel) != NULL);
}

static void
test_a_caller_that_hangs_up_ends_its_streamed_turn(void **state)
{
	struct host h = host_open();
	struct client_side c;

	dial_as(&h, &c, &h.f->alice);
	expect_cancel(&h, &c);
	host_close(&h);
	h = host_open();
	dial_unix(&h, &c);
	expect_cancel(&h, &c);
	host_close(&h);
}

static void
note(void *arg)
{
	*(bool *)arg = true;
}

static void
test_the_end_waits_for_the_running_answer(void **state)
{
	struct host h = host_open();
	struct client_side c, idle;
	bool drained = false;

	dial_as(&h, &idle, &h.f->alice);
	dial_as(&h, &c, &h.f->alice);
	start_ask(&h, &c);
	h.f->a.draining = true;
	server_drain(h.f->a.server, note, &drained);
	WAIT_FOR(h.f, idle.closed);
	assert_false(drained);
	free(steal(c.answer));
	conn_next(c.conn, 0);
	WAIT_FOR(h.f, asked_for(h.f, MSG_turn_next) != NULL);
	answer(asked_for(h.f, MSG_turn_next), &(struct turn_next_reply){ .done = true }, NULL);
	WAIT_FOR(h.f, c.answer != NULL);
	assert_non_null(strstr(c.answer, "\"final\""));
	assert_true(drained);
	hang_up(&c);
	hang_up(&idle);
	host_close(&h);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_socket_is_ours_alone_and_replaces_a_stale_one),
		TEST(test_a_session_serves_on_after_a_refusal_and_ends_with_a_drop),
		TEST(test_a_stranger_gets_a_close_and_is_noted),
		TEST(test_a_stranger_cannot_send_much),
		TEST(test_no_port_is_no_end),
		TEST(test_a_caller_that_hangs_up_ends_its_streamed_turn),
		TEST(test_the_end_waits_for_the_running_answer),
	};

	return RUN(tests);
}
