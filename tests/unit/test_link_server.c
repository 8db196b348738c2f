/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions over real sockets: honest peers are served whoever else is connected. */
#include "tests/unit/link_in_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "alpd/conn.h"
#include "alpd/server.h"

#define MANY		5000
#define FILES_LEFT	8

struct host {
	struct fixture	*f;
	int		 port;
};

static int
free_port(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_ANY) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	socklen_t len = sizeof(at);

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	assert_int_equal(bind(fd, (void *)&at, sizeof(at)), 0);
	assert_int_equal(getsockname(fd, (void *)&at, &len), 0);
	close(fd);
	return ntohs(at.sin_port);
}

static struct host
host_open(void)
{
	struct host h = { .f = fixture_open(), .port = free_port() };
	struct error e = { 0 };

	clock_fake(-1, -1);
	h.f->a.settings.bind = (char *)"0.0.0.0";
	h.f->a.settings.port = h.port;
	if ((h.f->a.server = server_listen(&h.f->a, &e)) == NULL)
		fail_msg("%s", e.text);
	if (h.f->a.settings.no_tcp != NULL)
		fail_msg("%s", h.f->a.settings.no_tcp);
	server_serve(h.f->a.server);
	return h;
}

static void
host_close(struct host *h)
{
	server_close(h->f->a.server);
	pump(h->f);
	fixture_close(h->f);
}

static struct sockaddr_in
loopback(int last, int port)
{
	return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
	    .sin_addr.s_addr = htonl(0x7f000000u | (unsigned)last) };
}

/* A connection from 127.0.0.LAST that says nothing. */
static int
connect_from(int last, int port)
{
	struct sockaddr_in from = loopback(last, 0), to = loopback(1, port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (void *)&from, sizeof(from)), 0);
	assert_true(connect(fd, (void *)&to, sizeof(to)) == 0 || errno == EINPROGRESS);
	return fd;
}

/* ---- a client ------------------------------------------------------------------------------------- */

struct client_side {
	struct fixture	*f;
	struct conn	*conn;
	bool		 ready, closed;
	char		*answer;
};

static void
on_ready(void *arg)
{
	((struct client_side *)arg)->ready = true;
}

static void
on_message(void *arg, const char *text, size_t len)
{
	struct client_side *c = arg;

	free(c->answer);
	c->answer = xstrndup(text, len);
}

static void
on_closed(void *arg, const struct error *why)
{
	struct client_side *c = arg;

	c->closed = true;
	c->conn = NULL;
}

static const struct conn_owner owner = { .ready = on_ready, .message = on_message, .closed = on_closed };

#define WAIT_FOR(f, condition) do { } while (!(condition) && (answer_usage(f), event_base_loop((f)->d.base, EVLOOP_ONCE)) != -1)

static void
dial_as(struct host *h, struct client_side *c, const struct person *who)
{
	memset(c, 0, sizeof(*c));
	c->f = h->f;
	c->conn = conn_dial_tcp(h->f->d.base, NULL, "127.0.0.1", h->port, who->id, identity_x25519(h->f->bob.id), 10000, &owner,
	    c, NULL);
	assert_non_null(c->conn);
	WAIT_FOR(h->f, c->ready || c->closed);
}

static void
dial_unix(struct host *h, struct client_side *c)
{
	cleanup_free char *path = path_join(h->f->home, "alp/alp.sock");
	struct error e = { 0 };

	memset(c, 0, sizeof(*c));
	c->f = h->f;
	if ((c->conn = conn_dial_unix(h->f->d.base, path, 1000, &owner, c, &e)) == NULL)
		fail_msg("%s", e.text);
	WAIT_FOR(h->f, c->ready);
}

static void
hang_up(struct client_side *c)
{
	conn_close(c->conn);
	free(c->answer);
	memset(c, 0, sizeof(*c));
}

static void
say_as(struct client_side *c, const struct person *who, const char *method, const char *params)
{
	cleanup_free char *text = signed_by(who, identity_name(c->f->bob.id), method, params);

	assert_int_equal(conn_send(c->conn, text, strlen(text), NULL), 0);
	conn_next(c->conn, 0);
}

static bool
served(struct client_side *c, const struct person *who)
{
	free(steal(c->answer));
	say_as(c, who, "link.ping", "{}");
	WAIT_FOR(c->f, c->answer != NULL || c->closed);
	return c->answer != NULL && strstr(c->answer, "\"version\":1") != NULL;
}

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

/* ---- a crowd -------------------------------------------------------------------------------------------- */

static bool
many_files(void)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
	return r.rlim_cur >= MANY + 500;
}

static void
test_thousands_from_one_address_keep_nobody_out(void **state)
{
	static int fds[MANY];
	struct host h = host_open();
	struct client_side c, before;

	if (!many_files())
		skip();
	dial_as(&h, &before, &h.f->alice);
	for (int i = 0; i < MANY; i++) {
		fds[i] = connect_from(9, h.port);
		pump(h.f);
	}
	assert_true(server_sessions(h.f->a.server) <= 1 + SERVER_STRANGERS_MAX);
	dial_as(&h, &c, &h.f->alice);
	assert_true(served(&c, &h.f->alice));
	assert_true(served(&before, &h.f->alice));
	hang_up(&c);
	for (int i = 0; i < MANY; i++)
		close(fds[i]);
	hang_up(&before);
	host_close(&h);
}

static void
test_nor_does_the_own_address(void **state)
{
	struct host h = host_open();
	struct client_side c, before;
	int fds[200];

	dial_as(&h, &before, &h.f->alice);
	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = connect_from(1, h.port);
		pump(h.f);
	}
	assert_true(server_sessions(h.f->a.server) <= 1 + SERVER_STRANGERS_MAX);
	assert_true(served(&before, &h.f->alice));	/* who is known is not closed for strangers */
	dial_as(&h, &c, &h.f->alice);
	assert_true(served(&c, &h.f->alice));
	hang_up(&c);
	hang_up(&before);
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
	host_close(&h);
}

static void
test_many_addresses_wait_their_turn_for_a_handshake(void **state)
{
	struct host h = host_open();
	struct client_side c;
	int fds[3 * SERVER_HANDSHAKES_MAX];

	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = connect_from((int)i + 2, h.port);
		pump(h.f);
	}
	while (server_sessions(h.f->a.server) < COUNT(fds))
		pump(h.f);
	dial_as(&h, &c, &h.f->alice);		/* in its turn, as those who are silent give way */
	assert_true(c.ready);
	assert_true(served(&c, &h.f->alice));
	hang_up(&c);
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
	host_close(&h);
}

static void
test_one_address_has_a_bound_for_those_who_are_known(void **state)
{
	struct host h = host_open();
	static struct client_side c[SERVER_ADDRESS_MAX + 3];

	for (size_t i = 0; i < COUNT(c); i++)
		dial_as(&h, &c[i], &h.f->alice);
	WAIT_FOR(h.f, c[0].closed && c[1].closed && c[2].closed);	/* the oldest that are idle */
	assert_int_equal(server_sessions(h.f->a.server), SERVER_ADDRESS_MAX);
	assert_true(served(&c[COUNT(c) - 1], &h.f->alice));
	for (size_t i = 0; i < COUNT(c); i++)
		hang_up(&c[i]);
	host_close(&h);
}

/* Each address stays below its own bound; together they are too many. */
static void
test_all_addresses_together_have_a_bound(void **state)
{
	static int fds[SERVER_SESSIONS_MAX + 40];
	struct host h = host_open();
	struct client_side c;
	size_t most = 0;

	if (!many_files())
		skip();
	dial_as(&h, &c, &h.f->alice);
	for (size_t i = 0; i < COUNT(fds); i++) {
		fds[i] = connect_from((int)(i / (SERVER_STRANGERS_MAX / 2)) + 2, h.port);
		pump(h.f);
		most = server_sessions(h.f->a.server) > most ? server_sessions(h.f->a.server) : most;
	}
	assert_int_equal(most, SERVER_SESSIONS_MAX);
	assert_true(served(&c, &h.f->alice));	/* strangers gave way, not who is known */
	hang_up(&c);
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
	host_close(&h);
}

static int
highest_file(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

static void
test_without_descriptors_it_waits_and_goes_on(void **state)
{
	struct host h = host_open();
	struct rlimit all, few;
	struct client_side c;
	int fds[FILES_LEFT], turns = 0;
	int64_t begun;

	getrlimit(RLIMIT_NOFILE, &all);
	for (size_t i = 0; i < COUNT(fds); i++)
		fds[i] = connect_from((int)i + 2, h.port);
	few = all;
	few.rlim_cur = (rlim_t)highest_file();	/* none left */
	setrlimit(RLIMIT_NOFILE, &few);
	for (int i = 0; i < 20; i++)
		pump(h.f);
	assert_int_equal(server_sessions(h.f->a.server), 0);
	begun = clock_mono_ms();
	while (event_base_loop(h.f->d.base, EVLOOP_ONCE) == 0 && ++turns < 4)
		continue;
	assert_true(clock_mono_ms() - begun >= 100);	/* turns wait for the timer: it does not spin */
	setrlimit(RLIMIT_NOFILE, &all);
	dial_as(&h, &c, &h.f->alice);
	assert_true(served(&c, &h.f->alice));
	hang_up(&c);
	for (size_t i = 0; i < COUNT(fds); i++)
		close(fds[i]);
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
		TEST(test_thousands_from_one_address_keep_nobody_out),
		TEST(test_nor_does_the_own_address),
		TEST(test_many_addresses_wait_their_turn_for_a_handshake),
		TEST(test_one_address_has_a_bound_for_those_who_are_known),
		TEST(test_all_addresses_together_have_a_bound),
		TEST(test_without_descriptors_it_waits_and_goes_on),
		TEST(test_a_caller_that_hangs_up_ends_its_streamed_turn),
		TEST(test_the_end_waits_for_the_running_answer),
	};

	return RUN(tests);
}
