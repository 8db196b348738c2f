/* SPDX-License-Identifier: Apache-2.0 */
/* Many connections at once: honest peers are served whoever else is connected. */
#include "tests/unit/link_server_fixture.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/resource.h>

#define MANY		5000
#define FILES_LEFT	8

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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_thousands_from_one_address_keep_nobody_out),
		TEST(test_nor_does_the_own_address),
		TEST(test_many_addresses_wait_their_turn_for_a_handshake),
		TEST(test_one_address_has_a_bound_for_those_who_are_known),
		TEST(test_all_addresses_together_have_a_bound),
		TEST(test_without_descriptors_it_waits_and_goes_on),
	};

	return RUN(tests);
}
