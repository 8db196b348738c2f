/* SPDX-License-Identifier: Apache-2.0 */
/* What the inbox lets in: grants, and what strangers send. */
#include "tests/unit/bus_fixture.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>

/* ---- grants --------------------------------------------------------------------------------- */

static char *
grant_of(uint32_t caps, int64_t until)
{
	struct boot hostd = { 0 };
	struct error e = { 0 };
	char *text;

	assert_int_equal(boot_line(&hostd, "unit default/hostd", &e), 0);
	assert_int_equal(boot_line(&hostd, "mint default/toolrunner " KEY_GRANT, &e), 0);
	text = grant_mint(&hostd, &(struct grant){ .audience = "default/toolrunner", .who = "local", .surface = "cli",
	    .session = "s1", .caps = caps, .until = until }, &e);
	assert_non_null(text);
	boot_clear(&hostd);
	return text;
}

static enum error_code
exec_with(const char *grant)
{
	json_t *args = json_object();
	struct result r = { 0 };
	struct error e = { 0 };

	assert_non_null(request_send(&me, "toolrunner", MSG_tool_exec,
	    &(struct tool_exec){ .key = "k", .turn = "t", .tool = "x", .args = args }, grant, LONG_MS, on_plain, &r, &e));
	json_decref(args);
	wait_for(&r);
	return r.code;
}

static void
test_a_handler_that_needs_a_grant_gets_a_verified_one(void **state)
{
	int64_t later = clock_wall_ms() / 1000 + 100;
	cleanup_free char *good = grant_of(1u << CAP_exec | 1u << CAP_read, later);
	cleanup_free char *weak = grant_of(1u << CAP_read, later);
	cleanup_free char *old = grant_of(1u << CAP_exec, 1000);
	cleanup_free char *narrowed = grant_narrow(good, "caps read", NULL);

	assert_int_equal(exec_with(good), ERR_none);
	assert_int_equal(exec_with(NULL), ERR_denied);
	assert_int_equal(exec_with(weak), ERR_denied);
	assert_int_equal(exec_with(old), ERR_denied);
	assert_int_equal(exec_with(narrowed), ERR_denied);
	strstr(good, "local")[0] = 'L';
	assert_int_equal(exec_with(good), ERR_unproven);
}

/* ---- what strangers send -------------------------------------------------------------------- */

/* Send bytes to toolrunner's inbox with a socket of our own; the error code of the answer, 0 for a body. */
static int
raw(const void *bytes, size_t len)
{
	cleanup_free char *url = xasprintf("ipc://%s/run/default/toolrunner.ipc", home);
	json_t *answer cleanup_json = NULL;
	struct error e = { 0 };
	nng_socket s;
	char *text;
	size_t n;

	assert_int_equal(nng_req0_open(&s), 0);
	assert_int_equal(nng_dial(s, url, NULL, 0), 0);
	assert_int_equal(nng_send(s, (void *)bytes, len, 0), 0);
	assert_int_equal(nng_recv(s, &text, &n, NNG_FLAG_ALLOC), 0);
	assert_non_null(answer = json_parse(text, n, 8, &e));
	nng_free(text, n);
	nng_close(s);
	return (int)json_int(json_object_get(answer, "error"), "code", 0);
}

static int
raw_text(const char *fmt, const char *a, const char *b)
{
	cleanup_free char *text = xasprintf(fmt, a, b);

	return raw(text, strlen(text));
}

#define ENVELOPE "{\"v\":1,\"type\":\"%s\",\"token\":\"%s\",\"body\":{\"key\":\"k\",\"after\":1}}"

static void
test_a_wrong_token_is_denied(void **state)
{
	assert_int_equal(raw_text(ENVELOPE, "tool.next", TOKEN_TOOL), ERR_none);
	assert_int_equal(raw_text(ENVELOPE, "tool.next", TOKEN_OTHER), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "tool.next", TOKEN_HOST), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "tool.next", ""), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "tool.next", "zz"), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "tool.next", TOKEN_TOOL "00"), ERR_denied);
}

static void
test_a_message_that_is_not_in_the_channel_is_denied(void **state)
{
	assert_int_equal(raw_text(ENVELOPE, "turn.start", TOKEN_TOOL), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "event.push", TOKEN_TOOL), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "no.such", TOKEN_TOOL), ERR_denied);
	assert_int_equal(raw_text(ENVELOPE, "tool.cancel", TOKEN_TOOL), ERR_unsupported);
}

static void
test_garbage_gets_an_error_and_the_inbox_goes_on(void **state)
{
	static const char *const texts[] = {
		"", "x", "[]", "null", "\"text\"", "{", "{}", "{\"v\":1}", "{\"v\":2,\"type\":\"tool.next\"}", "\xff\xfe", "{\"v\":1,\"v\":1}",
		"{\"v\":1,\"type\":7,\"token\":\"\",\"body\":{}}", "{\"v\":1,\"type\":\"tool.next\",\"token\":\"" TOKEN_TOOL "\"}",
		"{\"v\":1,\"type\":\"tool.next\",\"token\":\"" TOKEN_TOOL "\",\"body\":[]}",
		"{\"v\":1,\"type\":\"tool.next\",\"token\":\"" TOKEN_TOOL "\",\"body\":{\"key\":\"k\",\"after\":1,\"more\":1}}",
		"{\"v\":1,\"type\":\"tool.next\",\"token\":\"" TOKEN_TOOL "\",\"body\":{\"key\":\"k\"},\"more\":1}",
		"{\"v\":1,\"type\":\"tool.next\",\"token\":\"" TOKEN_TOOL "\",\"body\":{\"key\":\"k\"},\"grant\":1}",
		"{\"v\":1,\"type\":\"tool.next\",\"token\":\"" TOKEN_TOOL "\",\"body\":{\"key\":\"a\\u0000b\"}}",
	};
	char deep[10000], noise[4000];

	for (size_t i = 0; i < COUNT(texts); i++)
		assert_int_not_equal(raw(texts[i], strlen(texts[i])), ERR_none);
	memset(deep, '[', sizeof(deep));
	assert_int_equal(raw(deep, sizeof(deep)), ERR_invalid);
	for (int i = 0; i < 20; i++) {
		random_bytes(noise, sizeof(noise));
		assert_int_equal(raw(noise, sizeof(noise)), ERR_invalid);
	}
	assert_int_equal(ask("hello").code, ERR_none);
}

/* A connection to the inbox, below whatever speaks its language. */
static int
connect_raw(void)
{
	struct sockaddr_un { sa_family_t family; char path[108]; } sa = { .family = AF_UNIX };
	int fd;

	snprintf(sa.path, sizeof(sa.path), "%s/run/default/toolrunner.ipc", home);
	assert_int_not_equal(fd = socket(AF_UNIX, SOCK_STREAM, 0), -1);
	assert_int_equal(connect(fd, (struct sockaddr *)(void *)&sa, sizeof(sa)), 0);
	return fd;
}

/* Until we are cut off. */
static void
read_to_the_end(int fd)
{
	char block[8192];

	while (read(fd, block, sizeof(block)) > 0)
		;
	close(fd);
}

/* Bytes that are not even nng's framing, straight into the socket. */
static void
test_a_stranger_to_nng_is_cut_off(void **state)
{
	char noise[8192];

	for (int i = 0; i < 20; i++) {
		int fd = connect_raw();

		random_bytes(noise, sizeof(noise));
		if (send(fd, noise, sizeof(noise), MSG_NOSIGNAL) > 0)
			read_to_the_end(fd);
		else
			close(fd);
	}
	assert_int_equal(ask("hello").code, ERR_none);
}

/* The greeting of REQ, and the length of a message (a number of 4 bytes, the text) that is one byte too long: nothing of it need come. */
static void
test_an_oversize_message_ends_its_connection_only(void **state)
{
	unsigned char bytes[17] = { 0, 'S', 'P', 0, 0, 0x30, 0, 0, 1 };
	struct result r = { 0 };
	int fd;

	for (int i = 0; i < 8; i++)
		bytes[9 + i] = (unsigned char)((uint64_t)(4 + PROTO_MESSAGE_MAX + 1) >> (56 - 8 * i));
	ask_tool("hold", 0, LONG_MS, &r);
	fd = connect_raw();
	assert_int_equal(send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL), sizeof(bytes));
	read_to_the_end(fd);
	ask("release");
	wait_for(&r);
	assert_int_equal(r.code, ERR_none);
}

static void
test_a_new_token_is_known_before_it_is_refused(void **state)
{
	tell(&tool, "accept default/engined " PATTERN_TOKEN "\n");
	assert_int_equal(raw_text(ENVELOPE, "tool.next", PATTERN_TOKEN), ERR_none);
	tell(&tool, "accept default/engined " TOKEN_TOOL "\n");
	assert_int_equal(raw_text(ENVELOPE, "tool.next", TOKEN_TOOL), ERR_none);
	assert_int_equal(raw_text(ENVELOPE, "tool.next", PATTERN_TOKEN), ERR_denied);
}

int
main(int argc, char *argv[])
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_handler_that_needs_a_grant_gets_a_verified_one),
		TEST(test_a_wrong_token_is_denied),
		TEST(test_a_message_that_is_not_in_the_channel_is_denied),
		TEST(test_garbage_gets_an_error_and_the_inbox_goes_on),
		TEST(test_a_stranger_to_nng_is_cut_off),
		TEST(test_an_oversize_message_ends_its_connection_only),
		TEST(test_a_new_token_is_known_before_it_is_refused),
	};

	return RUN_BUS(argc, argv, tests);
}
