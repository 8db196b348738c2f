/* SPDX-License-Identifier: Apache-2.0 */
/* A connection takes what is due and no more, within its time, and says nothing to who breaks a rule. */
#include "tests/unit/link_people.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>

#include "alpd/conn.h"
#include "alpd/envelope.h"
#include "alpd/frame.h"
#include "alpd/noise.h"

/* One side, and what it was told. */
struct side {
	struct conn	*conn;
	bool		 ready, closed, go_on;	/* go_on: asks for the next message at once */
	size_t		 messages, drained;
	char		*text;			/* the newest message */
	size_t		 len;
	struct error	 why;
};

static struct event_base *base;

static void
on_ready(void *arg)
{
	struct side *s = arg;

	s->ready = true;
}

static void
on_message(void *arg, const char *text, size_t len)
{
	struct side *s = arg;

	free(s->text);
	s->text = xmalloc(len + 1);
	memcpy(s->text, text, len);
	s->text[len] = '\0';
	s->len = len;
	s->messages++;
	if (s->go_on)
		conn_next(s->conn, 0);
}

static void
on_drained(void *arg)
{
	((struct side *)arg)->drained++;
}

static void
on_closed(void *arg, const struct error *why)
{
	struct side *s = arg;

	s->closed = true;
	s->why = *why;
	s->conn = NULL;
}

static const struct conn_owner owner = {
	.ready = on_ready, .message = on_message, .drained = on_drained, .closed = on_closed,
};

#define WAIT_FOR(condition) do { } while (!(condition) && event_base_loop(base, EVLOOP_ONCE) != -1)

static void
pump(void)
{
	event_base_loop(base, EVLOOP_NONBLOCK);
}

static void
clear(struct side *s)
{
	conn_close(s->conn);
	free(s->text);
	memset(s, 0, sizeof(*s));
}

static int
set_up(void **state)
{
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	return 0;
}

static int
tear_down(void **state)
{
	pump();
	event_base_free(base);
	return 0;
}

/* An accepted Unix socket; the client's end. */
static int
unix_side(struct side *s, int first_ms)
{
	int pair[2];

	memset(s, 0, sizeof(*s));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	s->conn = conn_accept(base, pair[0], CONN_UNIX, NULL, first_ms, &owner, s);
	return pair[1];
}

static void
say(int fd, const char *text)
{
	assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

/* ---- lines ----------------------------------------------------------------------------------------- */

static void
test_a_line_is_a_message_and_the_next_waits_to_be_asked_for(void **state)
{
	struct side s;
	int fd = unix_side(&s, 0);

	say(fd, "one\ntwo\nthr");
	WAIT_FOR(s.messages == 1);
	assert_string_equal(s.text, "one");
	pump();
	assert_int_equal(s.messages, 1);
	conn_next(s.conn, 0);
	WAIT_FOR(s.messages == 2);
	assert_string_equal(s.text, "two");
	conn_next(s.conn, 0);
	say(fd, "ee\n");
	WAIT_FOR(s.messages == 3);
	assert_string_equal(s.text, "three");
	clear(&s);
	close(fd);
}

static void
test_what_came_along_is_taken_when_it_is_asked_for_at_once(void **state)
{
	struct side s;
	int fd = unix_side(&s, 0);

	s.go_on = true;
	say(fd, "one\ntwo\nthree\n");
	WAIT_FOR(s.messages == 3);
	assert_string_equal(s.text, "three");
	clear(&s);
	close(fd);
}

static void
test_a_last_line_needs_no_newline(void **state)
{
	struct side s;
	int fd = unix_side(&s, 0);
	char answer[8];

	say(fd, "last");
	shutdown(fd, SHUT_WR);
	WAIT_FOR(s.messages == 1);
	assert_string_equal(s.text, "last");
	pump();
	assert_false(s.closed);			/* half closed: it waits for its answer */
	assert_int_equal(conn_send(s.conn, "yes", 3, NULL), 0);
	conn_finish(steal(s.conn));
	pump();
	assert_int_equal(recv(fd, answer, sizeof(answer), 0), 4);
	assert_memory_equal(answer, "yes\n", 4);
	assert_int_equal(recv(fd, answer, sizeof(answer), 0), 0);
	clear(&s);
	close(fd);
}

static void
test_nothing_but_an_end_is_no_message(void **state)
{
	struct side s;
	int fd = unix_side(&s, 0);

	close(fd);
	WAIT_FOR(s.closed);
	assert_int_equal(s.messages, 0);
	assert_int_equal(s.why.code, ERR_gone);
	clear(&s);
}

static void
fill(int fd, struct side *s, size_t bytes)
{
	static char x[65536];
	ssize_t n;

	memset(x, 'x', sizeof(x));
	while (bytes > 0 && !s->closed) {
		n = send(fd, x, bytes < sizeof(x) ? bytes : sizeof(x), MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0)
			bytes -= (size_t)n;
		else if (errno != EAGAIN)
			break;
		pump();
	}
}

static void
test_a_line_has_a_limit(void **state)
{
	struct side s;
	int fd = unix_side(&s, 0);

	fill(fd, &s, ENVELOPE_LINE_MAX);
	say(fd, "\n");
	WAIT_FOR(s.messages == 1);
	assert_int_equal(s.len, ENVELOPE_LINE_MAX);
	conn_next(s.conn, 0);
	fill(fd, &s, ENVELOPE_LINE_MAX + 2);
	WAIT_FOR(s.closed);
	assert_int_equal(s.why.code, ERR_invalid);
	assert_int_equal(s.messages, 1);
	clear(&s);
	close(fd);
}

static void
test_silence_ends_it(void **state)
{
	struct side s;
	int fd = unix_side(&s, 20);

	WAIT_FOR(s.closed);
	assert_int_equal(s.why.code, ERR_timeout);
	clear(&s);
	close(fd);
	fd = unix_side(&s, 0);
	say(fd, "question\n");
	WAIT_FOR(s.messages == 1);
	conn_next(s.conn, 20);			/* and before the next as well */
	WAIT_FOR(s.closed);
	assert_int_equal(s.why.code, ERR_timeout);
	clear(&s);
	close(fd);
}

static void
trickle(evutil_socket_t fd, short what, void *arg)
{
	send(*(int *)arg, "x", 1, MSG_NOSIGNAL);
}

/* The clock is for the whole message: a byte now and then does not wind it up again. */
static void
test_a_trickle_ends_with_the_clock(void **state)
{
	struct side s;
	int fd = unix_side(&s, 100);
	struct event *drip = event_new(base, -1, EV_PERSIST, trickle, &fd);

	event_add(drip, &(struct timeval){ 0, 5000 });
	WAIT_FOR(s.closed);
	assert_int_equal(s.why.code, ERR_timeout);
	event_free(drip);
	clear(&s);
	close(fd);
}

static void
test_who_leaves_while_it_is_answered_is_noticed(void **state)
{
	struct side s;
	int fd = unix_side(&s, 0);

	say(fd, "question\n");
	WAIT_FOR(s.messages == 1);
	close(fd);
	WAIT_FOR(s.closed);
	assert_int_equal(s.why.code, ERR_gone);
	clear(&s);
}

static void
test_what_is_not_asked_for_stays_with_its_sender(void **state)
{
	struct side s;
	int fd = unix_side(&s, 0);
	size_t sent = 0;
	ssize_t n;
	char x[4096];

	memset(x, 'x', sizeof(x));
	say(fd, "first\n");
	WAIT_FOR(s.messages == 1);
	for (int i = 0; i < 4096; i++) {
		if ((n = send(fd, x, sizeof(x), MSG_NOSIGNAL | MSG_DONTWAIT)) > 0)
			sent += (size_t)n;
		pump();
	}
	assert_true(sent < 1024 * 1024);	/* what the kernel holds, and nothing of it here */
	assert_false(s.closed);
	clear(&s);
	close(fd);
}

static void
test_a_slow_reader_is_refused_more_and_told_of_room(void **state)
{
	static char text[ENVELOPE_MAX], sink[1 << 20];
	struct side s;
	int fd = unix_side(&s, 0);
	struct error e = { 0 };
	size_t sent = 0;

	memset(text, 'x', sizeof(text));
	while (conn_send(s.conn, text, sizeof(text), &e) == 0)
		assert_true(++sent < 10);
	assert_int_equal(e.code, ERR_busy);
	assert_true(sent * sizeof(text) <= CONN_OUT_MAX + (1 << 20));
	while (s.drained == 0) {
		while (recv(fd, sink, sizeof(sink), MSG_DONTWAIT) > 0)
			continue;
		pump();
	}
	assert_int_equal(conn_send(s.conn, text, sizeof(text), &e), 0);
	assert_int_equal(conn_send(s.conn, text, ENVELOPE_MAX + 1, &e), -1);
	assert_int_equal(e.code, ERR_too_large);
	clear(&s);
	close(fd);
}

static void
close_at_once(void *arg, const char *text, size_t len)
{
	struct side *s = arg;

	s->messages++;
	conn_close(steal(s->conn));
}

static void
test_it_may_be_closed_from_within_a_message(void **state)
{
	static const struct conn_owner closer = { .message = close_at_once, .closed = on_closed };
	struct side s = { 0 };
	char byte;
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	s.conn = conn_accept(base, pair[0], CONN_UNIX, NULL, 0, &closer, &s);
	say(pair[1], "x\ny\n");
	WAIT_FOR(s.messages == 1);
	pump();
	assert_false(s.closed);
	assert_true(recv(pair[1], &byte, 1, 0) <= 0);	/* not a byte */
	close(pair[1]);
}

/* ---- TCP -------------------------------------------------------------------------------------------- */

static struct person alice, bob;

static int
meet(void **state)
{
	alice = person("alice");
	bob = person("bob");
	return set_up(state);
}

static int
part(void **state)
{
	person_gone(&alice);
	person_gone(&bob);
	return tear_down(state);
}

static int
listener(int *port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(at);

	assert_int_equal(bind(fd, (void *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (void *)&at, &len), 0);
	*port = ntohs(at.sin_port);
	return fd;
}

/* A raw client and the accepted side. */
static int
raw(struct side *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int port, l = listener(&port), fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	memset(s, 0, sizeof(*s));
	at.sin_port = htons((uint16_t)port);
	assert_int_equal(connect(fd, (void *)&at, sizeof(at)), 0);
	s->conn = conn_accept(base, accept(l, NULL, NULL), CONN_TCP, bob.id, 0, &owner, s);
	close(l);
	return fd;
}

static void
dialled(struct side *from, struct side *to)
{
	struct error e = { 0 };
	int port, l = listener(&port);

	memset(from, 0, sizeof(*from));
	memset(to, 0, sizeof(*to));
	from->conn = conn_dial_tcp(base, NULL, "127.0.0.1", port, alice.id, identity_x25519(bob.id), 5000, &owner, from, &e);
	assert_non_null(from->conn);
	pump();
	to->conn = conn_accept(base, accept(l, NULL, NULL), CONN_TCP, bob.id, 0, &owner, to);
	WAIT_FOR((from->ready && to->ready) || from->closed || to->closed);
	assert_true(from->ready && to->ready);
	close(l);
}

static void
test_both_sides_know_each_other_after_the_handshake(void **state)
{
	struct side from, to;

	dialled(&from, &to);
	assert_memory_equal(conn_remote(to.conn), identity_x25519(alice.id), KEY_BYTES);
	assert_memory_equal(conn_remote(from.conn), identity_x25519(bob.id), KEY_BYTES);
	clear(&from);
	clear(&to);
}

static void
test_messages_of_any_size_arrive_whole(void **state)
{
	static const size_t sizes[] = { 0, 1, 65519, 65520, 65536, ENVELOPE_MAX };
	static char text[ENVELOPE_MAX];
	struct side from, to;

	randombytes_buf(text, sizeof(text));
	dialled(&from, &to);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		assert_int_equal(conn_send(from.conn, text, sizes[i], NULL), 0);
		WAIT_FOR(to.messages == i + 1);
		assert_int_equal(to.len, sizes[i]);
		assert_memory_equal(to.text, text, sizes[i]);
		assert_int_equal(conn_send(to.conn, text, sizes[i], NULL), 0);
		conn_next(from.conn, 0);
		WAIT_FOR(from.messages == i + 1);
		assert_memory_equal(from.text, text, sizes[i]);
		conn_next(to.conn, 0);
	}
	clear(&from);
	clear(&to);
}

static void
test_requests_that_come_early_are_served_in_turn(void **state)
{
	struct side from, to;

	dialled(&from, &to);
	for (char c = 'a'; c <= 'c'; c++)
		assert_int_equal(conn_send(from.conn, &c, 1, NULL), 0);
	WAIT_FOR(to.messages == 1);
	pump();
	assert_int_equal(to.messages, 1);
	assert_string_equal(to.text, "a");
	conn_next(to.conn, 0);
	WAIT_FOR(to.messages == 2);
	conn_next(to.conn, 0);
	WAIT_FOR(to.messages == 3);
	assert_string_equal(to.text, "c");
	clear(&from);
	clear(&to);
}

/* A wire that sends these bytes instead of a handshake, and is closed without an answer. */
static void
expect_drop(const void *bytes, size_t len)
{
	struct side s;
	int fd = raw(&s);
	char byte;

	assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
	WAIT_FOR(s.closed);
	assert_int_equal(s.why.code, ERR_invalid);
	assert_true(recv(fd, &byte, 1, 0) <= 0);
	clear(&s);
	close(fd);
}

static void
test_garbage_is_no_handshake(void **state)
{
	static char web[2 + 0x4745] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
	uint8_t first[50] = { 0, 48 };

	expect_drop(web, sizeof(web));		/* its first two bytes are a length */
	expect_drop("\0\0", 2);
	expect_drop("\0\57", 2);		/* one byte short of a message 1 */
	expect_drop(first, sizeof(first));	/* an all-zero point */
	randombytes_buf(first + 2, 48);
	expect_drop(first, sizeof(first));
}

/* Alice, by hand: so that she can break rules after the handshake. */
struct hand {
	struct noise	 noise;
	struct cipher	 seal, open;
	int		 fd;
};

static int
dh(void *self, const uint8_t theirs[NOISE_KEY], uint8_t out[NOISE_KEY])
{
	return identity_dh(self, theirs, out, NULL);
}

static void
hand_send(struct hand *h)
{
	struct buf b cleanup_buf = BUF(0);
	uint8_t head[2];

	assert_int_equal(noise_write(&h->noise, NULL, 0, &b, NULL), 0);
	head[0] = (uint8_t)(b.len >> 8);
	head[1] = (uint8_t)b.len;
	assert_int_equal(send(h->fd, head, 2, MSG_NOSIGNAL), 2);
	assert_int_equal(send(h->fd, b.data, b.len, MSG_NOSIGNAL), b.len);
}

static void
hand_shake(struct hand *h, struct side *s)
{
	uint8_t answer[50];
	size_t have = 0;
	ssize_t n;

	h->fd = raw(s);
	noise_init(&h->noise, true, NULL, 0, identity_x25519(alice.id), dh, alice.id, identity_x25519(bob.id), NULL);
	hand_send(h);
	while (have < sizeof(answer)) {
		pump();
		if ((n = recv(h->fd, answer + have, sizeof(answer) - have, MSG_DONTWAIT)) > 0)
			have += (size_t)n;
		assert_false(s->closed);
	}
	assert_int_equal(noise_read(&h->noise, answer + 2, 48, NULL, NULL), 0);
	hand_send(h);
	noise_split(&h->noise, &h->seal, &h->open);
	WAIT_FOR(s->ready);
}

static void
hand_expect_drop(struct hand *h, struct side *s, const void *bytes, size_t len)
{
	char byte;

	assert_int_equal(send(h->fd, bytes, len, MSG_NOSIGNAL), len);
	WAIT_FOR(s->closed);
	assert_int_equal(s->messages, 0);
	assert_true(recv(h->fd, &byte, 1, 0) <= 0);
	clear(s);
	close(h->fd);
}

static void
test_a_length_beyond_the_limit_ends_it_before_the_rest_comes(void **state)
{
	struct hand h;
	struct side s;

	hand_shake(&h, &s);
	hand_expect_drop(&h, &s, "\0\20\0\1", 4);	/* 1 048 577 */
	hand_shake(&h, &s);
	hand_expect_drop(&h, &s, "\377\377\377\377", 4);
	hand_shake(&h, &s);
	hand_expect_drop(&h, &s, "\0\0\0\17", 4);	/* shorter than a tag */
}

static void
test_the_owner_can_take_less(void **state)
{
	struct hand h;
	struct side s;

	hand_shake(&h, &s);
	conn_limit(s.conn, 1000);
	hand_expect_drop(&h, &s, "\0\0\3\351", 4);	/* 1001 */
}

static void
test_a_wrong_tag_ends_it(void **state)
{
	struct hand h;
	struct side s;
	uint8_t frame[4 + 5 + NOISE_TAG] = { 0, 0, 0, 5 + NOISE_TAG };

	hand_shake(&h, &s);
	assert_int_equal(cipher_seal(&h.seal, "hello", 5, frame + 4), 0);
	frame[sizeof(frame) - 1] ^= 1;
	hand_expect_drop(&h, &s, frame, sizeof(frame));
}

static void
test_a_message_said_twice_is_not_theirs(void **state)
{
	uint8_t frame[4 + 5 + NOISE_TAG] = { 0, 0, 0, 5 + NOISE_TAG };
	struct hand h;
	struct side s;

	hand_shake(&h, &s);
	s.go_on = true;
	assert_int_equal(cipher_seal(&h.seal, "hello", 5, frame + 4), 0);
	assert_int_equal(send(h.fd, frame, sizeof(frame), MSG_NOSIGNAL), sizeof(frame));
	assert_int_equal(send(h.fd, frame, sizeof(frame), MSG_NOSIGNAL), sizeof(frame));
	WAIT_FOR(s.closed);
	assert_int_equal(s.messages, 1);
	clear(&s);
	close(h.fd);
}

/* One message is taken; then she leaves: with an end, or with a reset, which is neither data nor an end. */
static void
leave_after_a_question(const struct linger *how)
{
	uint8_t frame[4 + 5 + NOISE_TAG] = { 0, 0, 0, 5 + NOISE_TAG };
	struct hand h;
	struct side s;

	hand_shake(&h, &s);
	assert_int_equal(cipher_seal(&h.seal, "hello", 5, frame + 4), 0);
	assert_int_equal(send(h.fd, frame, sizeof(frame), MSG_NOSIGNAL), sizeof(frame));
	WAIT_FOR(s.messages == 1);
	setsockopt(h.fd, SOL_SOCKET, SO_LINGER, how, sizeof(*how));
	close(h.fd);
	WAIT_FOR(s.closed);			/* the loop once turned for ever over a reset */
	assert_int_equal(s.why.code, ERR_gone);
	clear(&s);
}

static void
test_who_leaves_a_session_while_it_is_answered_is_noticed(void **state)
{
	leave_after_a_question(&(struct linger){ 0 });
	leave_after_a_question(&(struct linger){ .l_onoff = 1 });
}

static void
test_a_message_cut_by_the_end_is_none(void **state)
{
	uint8_t frame[4 + 5 + NOISE_TAG] = { 0, 0, 0, 5 + NOISE_TAG };
	struct hand h;
	struct side s;

	hand_shake(&h, &s);
	assert_int_equal(cipher_seal(&h.seal, "hello", 5, frame + 4), 0);
	assert_int_equal(send(h.fd, frame, sizeof(frame) - 1, MSG_NOSIGNAL), sizeof(frame) - 1);
	close(h.fd);
	WAIT_FOR(s.closed);
	assert_int_equal(s.messages, 0);
	clear(&s);
}

static void
test_who_is_not_the_one_that_was_dialled_is_not_reached(void **state)
{
	struct side from = { 0 }, to = { 0 };
	struct error e = { 0 };
	int port, l = listener(&port);

	from.conn = conn_dial_tcp(base, NULL, "127.0.0.1", port, alice.id, identity_x25519(alice.id), 5000, &owner, &from, &e);
	pump();
	to.conn = conn_accept(base, accept(l, NULL, NULL), CONN_TCP, bob.id, 0, &owner, &to);
	WAIT_FOR(from.closed && to.closed);
	assert_false(from.ready || to.ready);
	clear(&from);
	clear(&to);
	close(l);
}

static void
test_nobody_there_is_told_from_the_loop(void **state)
{
	struct side s = { 0 };
	struct error e = { 0 };
	int port, l = listener(&port);

	close(l);
	s.conn = conn_dial_tcp(base, NULL, "127.0.0.1", port, alice.id, identity_x25519(bob.id), 5000, &owner, &s, &e);
	assert_non_null(s.conn);
	assert_false(s.closed);
	WAIT_FOR(s.closed);
	assert_int_equal(s.why.code, ERR_unavailable);
	assert_null(conn_dial_unix(base, "/nonexistent/socket", 1000, &owner, &s, &e));
	assert_int_equal(e.code, ERR_unavailable);
	clear(&s);
}

static void
test_a_listener_that_says_nothing_is_not_waited_for(void **state)
{
	struct side s = { 0 };
	struct error e = { 0 };
	int port, l = listener(&port);

	s.conn = conn_dial_tcp(base, NULL, "127.0.0.1", port, alice.id, identity_x25519(bob.id), 30, &owner, &s, &e);
	WAIT_FOR(s.closed);
	assert_int_equal(s.why.code, ERR_timeout);
	clear(&s);
	close(l);
}

#define OVER_UNIX(fn)	cmocka_unit_test_setup_teardown(fn, set_up, tear_down)
#define OVER_TCP(fn)	cmocka_unit_test_setup_teardown(fn, meet, part)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		OVER_UNIX(test_a_line_is_a_message_and_the_next_waits_to_be_asked_for),
		OVER_UNIX(test_what_came_along_is_taken_when_it_is_asked_for_at_once),
		OVER_UNIX(test_a_last_line_needs_no_newline),
		OVER_UNIX(test_nothing_but_an_end_is_no_message),
		OVER_UNIX(test_a_line_has_a_limit),
		OVER_UNIX(test_silence_ends_it),
		OVER_UNIX(test_a_trickle_ends_with_the_clock),
		OVER_UNIX(test_who_leaves_while_it_is_answered_is_noticed),
		OVER_UNIX(test_what_is_not_asked_for_stays_with_its_sender),
		OVER_UNIX(test_a_slow_reader_is_refused_more_and_told_of_room),
		OVER_UNIX(test_it_may_be_closed_from_within_a_message),
		OVER_TCP(test_both_sides_know_each_other_after_the_handshake),
		OVER_TCP(test_messages_of_any_size_arrive_whole),
		OVER_TCP(test_requests_that_come_early_are_served_in_turn),
		OVER_TCP(test_garbage_is_no_handshake),
		OVER_TCP(test_a_length_beyond_the_limit_ends_it_before_the_rest_comes),
		OVER_TCP(test_the_owner_can_take_less),
		OVER_TCP(test_a_wrong_tag_ends_it),
		OVER_TCP(test_a_message_said_twice_is_not_theirs),
		OVER_TCP(test_who_leaves_a_session_while_it_is_answered_is_noticed),
		OVER_TCP(test_a_message_cut_by_the_end_is_none),
		OVER_TCP(test_who_is_not_the_one_that_was_dialled_is_not_reached),
		OVER_TCP(test_nobody_there_is_told_from_the_loop),
		OVER_TCP(test_a_listener_that_says_nothing_is_not_waited_for),
	};

	return RUN(tests);
}
