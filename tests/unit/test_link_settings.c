/* SPDX-License-Identifier: Apache-2.0 */
/* What config.yaml opens to peers, and that nothing else does. */
#include "tests/check.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "alpd/alpd.h"

static struct alpd_settings
settings(const char *profile, const char *yaml)
{
	char *home = temp_home();
	struct alpd_settings s;
	struct error e = { 0 };

	alpd_container_marks[0] = alpd_container_marks[1] = "/nonexistent";
	put_file(home, "config.yaml", yaml);
	assert_int_equal(alpd_settings_read(&s, profile, home, &e), 0);
	free(home);
	return s;
}

static void
expect_bind(const char *profile, const char *yaml, const char *bind, int port)
{
	struct alpd_settings s = settings(profile, yaml);

	if (bind == NULL) {
		assert_null(s.bind);
		assert_non_null(s.no_tcp);
	} else {
		assert_non_null(s.bind);
		assert_null(s.no_tcp);
		assert_string_equal(s.bind, bind);
		assert_int_equal(s.port, port);
	}
	alpd_settings_clear(&s);
}

static void
test_tcp_host_is_taken_as_it_stands(void **state)
{
	expect_bind("default", "alp: {tcp_host: 127.0.0.1, tcp_port: 1234}\n", "127.0.0.1", 1234);
	expect_bind("default", "alp: {tcp_host: 8.8.8.8}\nnetwork: {host: 10.0.0.1}\n", "8.8.8.8", 7423);
}

static void
test_the_address_follows_from_network_host(void **state)
{
	static const struct {
		const char *host, *bind;
	} rows[] = {
		{ "10.1.2.3", "10.1.2.3" }, { "172.31.0.1", "172.31.0.1" }, { "192.168.1.1", "192.168.1.1" },
		{ "100.64.0.1", "100.64.0.1" }, { "100.127.255.1", "100.127.255.1" },
		{ "127.0.0.1", NULL }, { "0.0.0.0", NULL }, { "224.0.0.1", NULL }, { "'::1'", NULL }, { "'::'", NULL },
		{ "8.8.8.8", NULL }, { "172.32.0.1", NULL }, { "100.128.0.1", NULL }, { "'2001:db8::1'", NULL },
		{ "'fd00::1'", "fd00::1" }, { "home.example", "0.0.0.0" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char yaml[128];

		snprintf(yaml, sizeof(yaml), "network: {host: %s}\n", rows[i].host);
		expect_bind("default", yaml, rows[i].bind, 7423);
	}
}

static void
test_a_public_address_needs_consent(void **state)
{
	expect_bind("default", "network: {host: 8.8.8.8}\nhost: {allow_public_bind: true}\n", "0.0.0.0", 7423);
}

static void
test_in_a_container_everything_is_inside(void **state)
{
	char *home = temp_home();
	struct alpd_settings s;
	struct error e = { 0 };

	alpd_container_marks[1] = home;
	put_file(home, "config.yaml", "network: {host: 127.0.0.1}\n");
	assert_int_equal(alpd_settings_read(&s, "default", home, &e), 0);
	assert_string_equal(s.bind, "0.0.0.0");
	alpd_settings_clear(&s);
	free(home);
}

/* What is found depends on the machine; it is never what strangers of the whole world reach. */
static void
test_without_a_setting_only_what_is_private_is_found(void **state)
{
	struct alpd_settings s = settings("default", "model: ''\n");
	struct in_addr a;

	if (s.bind == NULL)
		assert_non_null(s.no_tcp);
	else {
		assert_int_equal(inet_pton(AF_INET, s.bind, &a), 1);
		assert_true((ntohl(a.s_addr) >> 24) == 10 || (ntohl(a.s_addr) >> 20) == 0xac1 ||
		    (ntohl(a.s_addr) >> 16) == 0xc0a8 || (ntohl(a.s_addr) >> 22) == 0x191 || (ntohl(a.s_addr) >> 16) == 0xa9fe);
	}
	alpd_settings_clear(&s);
}

static void
test_a_named_profile_has_no_port_unless_it_asks_for_one(void **state)
{
	expect_bind("work", "alp: {tcp_host: 127.0.0.1}\n", NULL, 0);
	expect_bind("work", "alp: {tcp_host: 127.0.0.1, tcp_port: 7424}\n", "127.0.0.1", 7424);
	expect_bind("default", "alp: {tcp_host: 127.0.0.1, tcp_port: 0}\n", NULL, 0);
	expect_bind("default", "alp: {tcp_host: 127.0.0.1, tcp_port: 65536}\n", NULL, 0);
}

static void
test_a_file_that_does_not_load_opens_nothing(void **state)
{
	struct alpd_settings s = settings("default", "alp: {tcp_host: [\n");

	assert_null(s.bind);
	assert_non_null(s.no_tcp);
	assert_true(s.paused);
	assert_string_equal(s.agent_name, "default");
	alpd_settings_clear(&s);
}

static void
test_names_times_and_pause_are_read(void **state)
{
	struct alpd_settings s = settings("work", "public_name: Ada\npaused: true\n"
	    "alp: {link_idle_timeout_s: 0, link_max_duration_s: 1.5}\n");

	assert_string_equal(s.agent_name, "Ada");
	assert_true(s.paused);
	assert_int_equal(s.idle_ms, 0);
	assert_int_equal(s.whole_ms, 1500);
	alpd_settings_clear(&s);
	s = settings("work", "alp: {link_idle_timeout_s: -3, link_max_duration_s: x}\n");
	assert_string_equal(s.agent_name, "work");
	assert_false(s.paused);
	assert_int_equal(s.idle_ms, 60000);
	assert_int_equal(s.whole_ms, 0);
	alpd_settings_clear(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tcp_host_is_taken_as_it_stands),
		TEST(test_the_address_follows_from_network_host),
		TEST(test_a_public_address_needs_consent),
		TEST(test_in_a_container_everything_is_inside),
		TEST(test_without_a_setting_only_what_is_private_is_found),
		TEST(test_a_named_profile_has_no_port_unless_it_asks_for_one),
		TEST(test_a_file_that_does_not_load_opens_nothing),
		TEST(test_names_times_and_pause_are_read),
	};

	return RUN(tests);
}
