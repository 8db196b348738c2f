/* SPDX-License-Identifier: Apache-2.0 */
/* Whom a connection's limits are counted for. */
#include "tests/check.h"

#include <arpa/inet.h>
#include <string.h>

#include "alpd/origin.h"

struct seen {
	struct origin	origin;
	char		text[ORIGIN_TEXT];
};

static struct seen
v4(const char *host, int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
	struct seen s;

	assert_int_equal(inet_pton(AF_INET, host, &sa.sin_addr), 1);
	origin_of((struct sockaddr *)&sa, &s.origin, s.text);
	return s;
}

static struct seen
v6(const char *host, int port)
{
	struct sockaddr_in6 sa = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port) };
	struct seen s;

	assert_int_equal(inet_pton(AF_INET6, host, &sa.sin6_addr), 1);
	origin_of((struct sockaddr *)&sa, &s.origin, s.text);
	return s;
}

static void
test_a_network_of_64_bits_counts_as_one(void **state)
{
	struct seen a = v6("2001:db8:1:2::1", 5), b = v6("2001:db8:1:2:ffff::9", 6), c = v6("2001:db8:1:3::1", 5);

	assert_true(origin_same(&a.origin, &b.origin));
	assert_false(origin_same(&a.origin, &c.origin));
	assert_string_equal(a.text, "[2001:db8:1:2::1]:5");
}

static void
test_every_ipv4_address_counts_for_itself(void **state)
{
	struct seen a = v4("192.0.2.1", 7000), b = v4("192.0.2.1", 7001), c = v4("192.0.2.2", 7000);

	assert_true(origin_same(&a.origin, &b.origin));
	assert_false(origin_same(&a.origin, &c.origin));
	assert_string_equal(b.text, "192.0.2.1:7001");
}

/* Else one machine would have the limits of both families. */
static void
test_an_ipv4_address_in_an_ipv6_one_is_the_same_origin(void **state)
{
	struct seen a = v4("192.0.2.1", 7000), b = v6("::ffff:192.0.2.1", 7000);

	assert_true(origin_same(&a.origin, &b.origin));
	assert_string_equal(b.text, a.text);
}

static void
test_the_same_bytes_of_another_family_are_another_origin(void **state)
{
	struct seen a = v4("32.1.13.184", 1), b = v6("2001:db8::", 1);

	assert_memory_equal(a.origin.prefix, b.origin.prefix, 4);
	assert_false(origin_same(&a.origin, &b.origin));
}

static void
test_a_unix_socket_is_this_machine(void **state)
{
	struct sockaddr_storage sa = { .ss_family = AF_UNIX };
	struct seen s, other = v4("127.0.0.1", 1);

	origin_of((struct sockaddr *)&sa, &s.origin, s.text);
	assert_string_equal(s.text, "unix");
	assert_false(origin_same(&s.origin, &other.origin));
	assert_true(origin_same(&s.origin, NULL));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_network_of_64_bits_counts_as_one),
		TEST(test_every_ipv4_address_counts_for_itself),
		TEST(test_an_ipv4_address_in_an_ipv6_one_is_the_same_origin),
		TEST(test_the_same_bytes_of_another_family_are_another_origin),
		TEST(test_a_unix_socket_is_this_machine),
	};

	return RUN(tests);
}
