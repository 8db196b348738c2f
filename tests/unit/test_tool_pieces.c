/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of files that are passed on, judged like every path. */
#include "tests/unit/tool.h"

#include <sodium.h>
#include <unistd.h>

static void
put_bytes(const char *name, size_t len)
{
	cleanup_free char *path = xasprintf("%s/%s", workspace, name);
	FILE *f = fopen(path, "w");

	for (size_t i = 0; i < len; i++)
		fputc((int)(i * 7 % 251), f);
	fclose(f);
}

/* Decode a piece; its length. */
static size_t
piece(const struct outcome *o, unsigned char *out, size_t room, int64_t *size)
{
	cleanup_json json_t *j = json_parse(buf_str(&o->r.output), o->r.output.len, 4, NULL);
	const char *data = json_str(j, "data", "");
	size_t n = 0;

	*size = json_int(j, "size", -1);
	assert_int_equal(sodium_base642bin(out, room, data, strlen(data), NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL), 0);
	return n;
}

static void
test_a_file_comes_in_pieces(void **state)
{
	size_t all = 1600000, got = 0;
	cleanup_free unsigned char *bytes = xmalloc(all);
	int64_t size = 0;
	int pieces = 0;

	put_bytes("a.png", all);
	for (; got < all; pieces++) {
		cleanup_free char *args = xasprintf("{'path':'a.png','offset':%zu}", got);
		cleanup_outcome struct outcome o = run_tool("send_message", args);

		assert_true(o.r.ok);
		got += piece(&o, bytes + got, all - got, &size);
		assert_int_equal(size, all);
	}
	assert_int_equal(pieces, 3);
	for (size_t i = 0; i < all; i++)
		if (bytes[i] != i * 7 % 251)
			fail_msg("byte %zu", i);
}

static void
test_pieces_refuse_what_is_no_file_of_that_size(void **state)
{
	static const char *const args[] = { "{'path':'empty'}", "{'path':'huge'}", "{'path':'.'}", "{'path':'missing'}",
		"{'path':'small','offset':5}", "{'path':'small','offset':-1}", "{'path':'pipe'}" };
	cleanup_free char *huge = xasprintf("%s/huge", workspace), *pipe_path = xasprintf("%s/pipe", workspace);

	put_bytes("empty", 0);
	put_bytes("small", 5);
	put_bytes("huge", 1);
	assert_int_equal(truncate(huge, 20 * 1024 * 1024 + 1), 0);
	assert_int_equal(mkfifo(pipe_path, 0600), 0);
	for (size_t i = 0; i < COUNT(args); i++) {
		cleanup_outcome struct outcome o = run_tool("send_message", args[i]);

		if (o.status != -1)
			fail_msg("%s was read", args[i]);
		assert_int_equal(o.r.output.len, 0);
	}
}

static void
test_pieces_refuse_secrets_and_links_to_them(void **state)
{
	put_file(workspace, ".env", "KEY=1\n");
	link_in_workspace(".env", "a.png");
	cleanup_outcome struct outcome o = run_tool("send_message", "{'path':'a.png'}");
	cleanup_outcome struct outcome plain = run_tool("send_message", "{'path':'.env'}");

	assert_int_equal(o.status, -1);
	assert_int_equal(o.e.code, ERR_denied);
	assert_int_equal(plain.e.code, ERR_denied);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		WORKSPACE_TEST(test_a_file_comes_in_pieces),
		WORKSPACE_TEST(test_pieces_refuse_what_is_no_file_of_that_size),
		WORKSPACE_TEST(test_pieces_refuse_secrets_and_links_to_them),
	};

	return RUN(tests);
}
