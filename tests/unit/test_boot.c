/* SPDX-License-Identifier: Apache-2.0 */
/* What init says on descriptor 3: the first part, later lines, and what is refused. */
#include "tests/check.h"

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/boot.h"
#include "common/mem.h"

#define KEY_A	"00112233445566778899aabbccddeeff" "00112233445566778899aabbccddeeff"
#define KEY_B	"ffeeddccbbaa99887766554433221100" "ffeeddccbbaa99887766554433221100"
#define HEAD	"alpi-boot 1\nunit work/engined\nroot /r\nhome /r/profiles/work\nrun /r/run\nlibexec /usr/libexec/alpi\n"

/* Read a text through a socket; what is left unread goes to rest. */
static int
read_text(struct boot *b, const char *text, char *rest, size_t size, struct error *e)
{
	int fds[2], status;
	ssize_t n;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	assert_int_equal(write(fds[0], text, strlen(text)), strlen(text));
	shutdown(fds[0], SHUT_WR);
	status = boot_read(b, fds[1], e);
	if (rest != NULL) {
		n = read(fds[1], rest, size - 1);
		rest[n > 0 ? n : 0] = '\0';
	}
	close(fds[0]);
	close(fds[1]);
	return status;
}

static void
refuses(const char *text, const char *why)
{
	struct boot b = { 0 };
	struct error e = { 0 };

	assert_int_equal(read_text(&b, text, NULL, 0, &e), -1);
	assert_string_equal(e.text, why);
	boot_clear(&b);
}

static void
test_the_first_part_is_read(void **state)
{
	struct boot b = { 0 };
	struct error e = { 0 };

	assert_int_equal(read_text(&b, HEAD "call work/toolrunner " KEY_A "\naccept default/hostd " KEY_B "\n"
	    "mint work/toolrunner " KEY_B "\nverify default/hostd " KEY_A "\nsecret OPENAI_API_KEY=sk-1 = 2\n"
	    "option debug 1\noption person /home/me and you\nend\n", NULL, 0, &e), 0);
	assert_string_equal(b.unit, "work/engined");
	assert_string_equal(b.profile, "work");
	assert_string_equal(b.daemon, "engined");
	assert_string_equal(b.root, "/r");
	assert_string_equal(b.home, "/r/profiles/work");
	assert_string_equal(b.run, "/r/run");
	assert_string_equal(b.libexec, "/usr/libexec/alpi");
	assert_int_equal(boot_find(&b.calls, "work/toolrunner")->key[1], 0x11);
	assert_int_equal(boot_find(&b.accepts, "default/hostd")->key[0], 0xff);
	assert_non_null(boot_find(&b.mints, "work/toolrunner"));
	assert_non_null(boot_find(&b.verifies, "default/hostd"));
	assert_null(boot_find(&b.calls, "default/hostd"));
	assert_string_equal(boot_secret(&b, "OPENAI_API_KEY"), "sk-1 = 2");
	assert_null(boot_secret(&b, "OTHER"));
	assert_string_equal(boot_option(&b, "debug"), "1");
	assert_string_equal(boot_option(&b, "person"), "/home/me and you");
	assert_null(boot_option(&b, "other"));
	assert_true(b.complete && !b.reload);
	boot_clear(&b);
	assert_null(b.unit);
}

static void
test_nothing_is_read_beyond_the_end(void **state)
{
	struct boot b = { 0 };
	struct error e = { 0 };
	char rest[64];

	assert_int_equal(read_text(&b, HEAD "end\nreload\nsecret A=b\n", rest, sizeof(rest), &e), 0);
	assert_string_equal(rest, "reload\nsecret A=b\n");
	boot_clear(&b);
}

static void
test_a_message_in_pieces_is_read(void **state)
{
	static const char text[] = HEAD "call work/toolrunner " KEY_A "\nend\n";
	struct boot b = { 0 };
	struct error e = { 0 };
	int fds[2], status;
	pid_t writer;

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	if ((writer = fork()) == 0) {
		for (size_t i = 0; i < sizeof(text) - 1; i++)
			if (write(fds[0], text + i, 1) != 1)
				_exit(1);
		_exit(0);
	}
	close(fds[0]);
	status = boot_read(&b, fds[1], &e);
	assert_int_equal(waitpid(writer, NULL, 0), writer);
	assert_int_equal(status, 0);
	assert_non_null(boot_find(&b.calls, "work/toolrunner"));
	close(fds[1]);
	boot_clear(&b);
}

static void
test_malformed_messages_are_refused_without_quoting_them(void **state)
{
	refuses("", "the boot message ends too early");
	refuses(HEAD, "the boot message ends too early");
	refuses("alpi-boot 2\n", "the boot message does not begin with alpi-boot 1");
}

static void
test_lines_outside_the_grammar_are_refused(void **state)
{
	static const struct {
		const char *line, *why;
	} cases[] = {
		{ "hello", "boot line of an unknown kind" },
		{ "", "boot line of an unknown kind" },
		{ "uni work/x", "boot line of an unknown kind" },
		{ "unit work", "boot line \"unit\" is malformed" },
		{ "unit ../x", "boot line \"unit\" is malformed" },
		{ "unit a/b/c", "boot line \"unit\" is malformed" },
		{ "unit", "boot line \"unit\" is malformed" },
		{ "root relative", "boot line \"root\" is malformed" },
		{ "call work/x", "boot line \"call\" is malformed" },
		{ "call work/x 00", "boot line \"call\" is malformed" },
		{ "call work/x " KEY_A "00", "boot line \"call\" is malformed" },
		{ "call work/x FF" "112233445566778899aabbccddeeff00112233445566778899aabbccddeeff", "boot line \"call\" is malformed" },
		{ "call  " KEY_A, "boot line \"call\" is malformed" },
		{ "secret =x", "boot line \"secret\" is malformed" },
		{ "secret NAME", "boot line \"secret\" is malformed" },
		{ "option debug", "boot line \"option\" is malformed" },
		{ "end", "boot line \"end\" is malformed" },
		{ "reload", "boot line \"reload\" is out of place" },
		{ "drop a/b", "boot line \"drop\" is out of place" },
	};

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct boot b = { 0 };
		struct error e = { 0 };

		assert_int_equal(boot_line(&b, cases[i].line, &e), -1);
		assert_string_equal(e.text, cases[i].why);
		boot_clear(&b);
	}
}

static void
test_a_line_beyond_the_limit_is_refused(void **state)
{
	cleanup_free char *text = xcalloc(1, 2 * BOOT_LINE_MAX);
	struct boot b = { 0 };
	struct error e = { 0 };

	strcpy(text, "alpi-boot 1\nsecret A=");
	memset(text + strlen(text), 'x', BOOT_LINE_MAX);
	refuses(text, "boot line is too long");
	assert_int_equal(boot_line(&b, text + 12, &e), -1);
	assert_int_equal(e.code, ERR_too_large);
}

static void
whole(struct boot *b)
{
	struct error e = { 0 };

	assert_int_equal(read_text(b, HEAD "call work/toolrunner " KEY_A "\naccept default/hostd " KEY_A "\nsecret A=1\nend\n",
	    NULL, 0, &e), 0);
}

static void
later(struct boot *b, const char *line)
{
	struct error e = { 0 };

	if (boot_line(b, line, &e) == -1)
		fail_msg("%s: %s", line, e.text);
}

static void
test_later_lines_change_single_facts(void **state)
{
	struct boot b = { 0 };

	whole(&b);
	later(&b, "call work/toolrunner " KEY_B);
	assert_int_equal(b.calls.count, 1);
	assert_int_equal(boot_find(&b.calls, "work/toolrunner")->key[0], 0xff);
	later(&b, "accept other/hostd " KEY_B);
	later(&b, "mint other/toolrunner " KEY_B);
	assert_int_equal(b.accepts.count, 2);
	later(&b, "drop default/hostd");
	assert_null(boot_find(&b.accepts, "default/hostd"));
	assert_int_equal(boot_find(&b.accepts, "other/hostd")->key[0], 0xff);
	later(&b, "drop nobody/here");
	assert_false(b.reload);
	boot_clear(&b);
}

static void
test_a_reload_may_bring_and_take_secrets(void **state)
{
	struct boot b = { 0 };

	whole(&b);
	later(&b, "reload");
	assert_true(b.reload);
	b.reload = 0;
	later(&b, "secret A=2");
	later(&b, "secret B=3");
	assert_true(b.reload);
	assert_string_equal(boot_secret(&b, "A"), "2");
	later(&b, "secret B=");
	assert_null(boot_secret(&b, "B"));
	boot_clear(&b);
}

static void
test_who_we_are_does_not_change_later(void **state)
{
	struct boot b = { 0 };
	struct error e = { 0 };

	whole(&b);
	assert_int_equal(boot_line(&b, "unit other/engined", &e), -1);
	assert_int_equal(boot_line(&b, "run /elsewhere", &e), -1);
	assert_int_equal(boot_line(&b, "end", &e), -1);
	assert_string_equal(b.run, "/r/run");
	boot_clear(&b);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_first_part_is_read),
		TEST(test_nothing_is_read_beyond_the_end),
		TEST(test_a_message_in_pieces_is_read),
		TEST(test_malformed_messages_are_refused_without_quoting_them),
		TEST(test_lines_outside_the_grammar_are_refused),
		TEST(test_a_line_beyond_the_limit_is_refused),
		TEST(test_later_lines_change_single_facts),
		TEST(test_a_reload_may_bring_and_take_secrets),
		TEST(test_who_we_are_does_not_change_later),
	};

	return RUN(tests);
}
