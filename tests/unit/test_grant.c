/* SPDX-License-Identifier: Apache-2.0 */
/* Grants: what an origin mints verifies, what anyone changes after does not. */
#include "tests/check.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "common/grant.h"
#include "common/mem.h"

#define KEY	"000102030405060708090a0b0c0d0e0f" "101112131415161718191a1b1c1d1e1f"
#define OTHER	"ff0102030405060708090a0b0c0d0e0f" "101112131415161718191a1b1c1d1e1f"
#define NOW	1790000000

static struct boot origin, verifier;

static void
take(struct boot *b, const char *line)
{
	struct error e = { 0 };

	if (boot_line(b, line, &e) == -1)
		fail_msg("%s", e.text);
}

static int
set_up(void **state)
{
	clock_fake((int64_t)NOW * 1000, -1);
	take(&origin, "unit default/hostd");
	take(&origin, "mint work/toolrunner " KEY);
	take(&verifier, "unit work/toolrunner");
	take(&verifier, "verify default/hostd " KEY);
	take(&verifier, "verify default/engined " KEY);
	return 0;
}

static int
tear_down(void **state)
{
	boot_clear(&origin);
	boot_clear(&verifier);
	clock_fake(-1, -1);
	return 0;
}

static struct grant
usual(void)
{
	return (struct grant){ .audience = "work/toolrunner", .who = "local", .surface = "cli", .session = "0123456789ab",
	    .workspace = "/home/me/my project", .caps = 1u << CAP_read | 1u << CAP_exec, .until = NOW + 60 };
}

static char *
minted(void)
{
	struct grant g = usual();
	struct error e = { 0 };
	char *text = grant_mint(&origin, &g, &e);

	if (text == NULL)
		fail_msg("%s", e.text);
	return text;
}

static char *
narrowed(const char *caveat)
{
	cleanup_free char *text = minted();
	struct error e = { 0 };
	char *out = grant_narrow(text, caveat, &e);

	if (out == NULL)
		fail_msg("%s", e.text);
	return out;
}

static void
refuses(const char *text, const char *why)
{
	struct grant g;
	struct error e = { 0 };

	assert_int_equal(grant_verify(&verifier, text, &g, &e), -1);
	assert_string_equal(e.text, why);
	assert_int_equal(e.code, strstr(why, "chain") != NULL ? ERR_unproven : ERR_denied);
	assert_null(g.origin);
}

static struct grant
verified(const char *text)
{
	struct grant g;
	struct error e = { 0 };

	if (grant_verify(&verifier, text, &g, &e) == -1)
		fail_msg("%s", e.text);
	return g;
}

/* Text with one word changed for another, at its first place. */
static char *
replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	assert_non_null(at);
	return xasprintf("%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

/* A grant written by hand under a key: what a lying origin could send. */
static char *
forged(const char *statement, const unsigned char *key)
{
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	char hex[65];

	crypto_auth_hmacsha256(mac, (const unsigned char *)statement, strlen(statement), key);
	sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
	return xasprintf("%smac %s\n", statement, hex);
}

static void
test_the_text_is_the_documented_one(void **state)
{
	cleanup_free char *text = minted();
	cleanup_free char *want = forged("alpi-grant 1\norigin default/hostd\nfor work/toolrunner\nwho local\nsurface cli\n"
	    "session 0123456789ab\nworkspace /home/me/my project\ncaps read exec\nuntil 1790000060\n", origin.mints.rows[0].key);

	assert_string_equal(text, want);
}

static void
test_what_was_minted_verifies(void **state)
{
	cleanup_free char *text = minted();
	struct grant g = verified(text);

	assert_string_equal(g.origin, "default/hostd");
	assert_string_equal(g.audience, "work/toolrunner");
	assert_string_equal(g.who, "local");
	assert_string_equal(g.surface, "cli");
	assert_string_equal(g.session, "0123456789ab");
	assert_string_equal(g.workspace, "/home/me/my project");
	assert_int_equal(g.until, NOW + 60);
	assert_true(grant_has(&g, CAP_read) && grant_has(&g, CAP_exec) && grant_has(&g, CAP_none));
	assert_false(grant_has(&g, CAP_write) || grant_has(&g, CAP_approve));
	assert_true(grant_allows_tool(&g, "anything", NULL));
	grant_clear(&g);
}

static void
test_what_is_optional_may_be_absent(void **state)
{
	struct grant in = usual(), g;
	struct error e = { 0 };
	cleanup_free char *text = NULL;

	in.workspace = NULL;
	in.session = "";
	in.caps = 0;
	assert_non_null(text = grant_mint(&origin, &in, &e));
	g = verified(text);
	assert_null(g.workspace);
	assert_string_equal(g.session, "");
	assert_int_equal(g.caps, 0);
	grant_clear(&g);
}

static void
test_caveats_only_narrow(void **state)
{
	cleanup_free char *caps = narrowed("caps read write");
	cleanup_free char *later = narrowed("until 1790009999");
	cleanup_free char *sooner = narrowed("until 1790000010");
	struct grant g = verified(caps);

	assert_int_equal(g.caps, 1u << CAP_read);
	grant_clear(&g);
	g = verified(later);
	assert_int_equal(g.until, NOW + 60);
	grant_clear(&g);
	g = verified(sooner);
	assert_int_equal(g.until, NOW + 10);
	grant_clear(&g);
}

static void
test_tools_that_two_caveats_leave_are_those_in_both(void **state)
{
	cleanup_free char *one = narrowed("tools read_file search terminal");
	cleanup_free char *two = grant_narrow(one, "tools search write_file read_file", NULL);
	cleanup_free char *none = grant_narrow(two, "tools", NULL);
	struct grant g = verified(two);

	assert_true(grant_allows_tool(&g, "search", NULL) && grant_allows_tool(&g, "read_file", NULL));
	assert_false(grant_allows_tool(&g, "terminal", NULL) || grant_allows_tool(&g, "write_file", NULL));
	grant_clear(&g);
	g = verified(none);
	assert_false(grant_allows_tool(&g, "search", NULL));
	grant_clear(&g);
}

static void
test_a_pattern_covers_a_name_a_family_or_one_action(void **state)
{
	static const struct {
		const char	*pattern, *tool, *action;
		int		 covers;
	} rows[] = {
		{ "search", "search", NULL, 1 }, { "search", "search", "any", 1 }, { "search", "search_workspace", NULL, 0 },
		{ "search", "Search", NULL, 0 }, { "mcp_*", "mcp_git", NULL, 1 }, { "mcp_*", "mcp", NULL, 0 },
		{ "*", "terminal", "kill", 1 }, { "*_file", "read_file", NULL, 1 }, { "*_file", "read_files", NULL, 0 },
		{ "a*b*c", "aXbXbc", NULL, 1 }, { "a*b*c", "aXbX", NULL, 0 }, { "", "search", NULL, 0 },
		{ "terminal:status", "terminal", "status", 1 }, { "terminal:status", "terminal", "kill", 0 },
		{ "terminal:status", "terminal", NULL, 0 }, { "terminal:*", "terminal", "kill", 1 },
		{ "term*:status", "terminal", "status", 1 }, { "terminal:", "terminal", "status", 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(grant_tool_matches(rows[i].pattern, rows[i].tool, rows[i].action), rows[i].covers);
}

static void
test_patterns_of_two_caveats_must_both_cover_a_call(void **state)
{
	cleanup_free char *one = narrowed("tools read_* terminal");
	cleanup_free char *two = grant_narrow(one, "tools *_file terminal:status", NULL);
	struct grant g = verified(two);

	assert_true(grant_allows_tool(&g, "read_file", NULL));
	assert_false(grant_allows_tool(&g, "write_file", NULL) || grant_allows_tool(&g, "read_image", NULL));
	assert_true(grant_allows_tool(&g, "terminal", "status"));
	assert_false(grant_allows_tool(&g, "terminal", "run"));
	grant_clear(&g);
}

static void
test_tools_given_at_mint_are_a_caveat(void **state)
{
	char *tools[] = { "search", NULL };
	struct grant in = usual(), g;
	struct error e = { 0 };
	cleanup_free char *text = NULL;

	in.tools = tools;
	assert_non_null(text = grant_mint(&origin, &in, &e));
	g = verified(text);
	assert_true(grant_allows_tool(&g, "search", NULL));
	assert_false(grant_allows_tool(&g, "terminal", NULL));
	grant_clear(&g);
}

static void
test_a_widened_grant_is_refused(void **state)
{
	static const char *const changes[][2] = {
		{ "caps read exec", "caps read write exec" }, { "until 1790000060", "until 1790000061" },
		{ "who local", "who locaI" }, { "session 0", "session 1" }, { "surface cli", "surface tui" },
		{ "workspace /home/me", "workspace /" }, { "for work/toolrunner\n", "for work/toolrunner\n\n" },
	};
	cleanup_free char *text = minted();

	for (size_t i = 0; i < COUNT(changes); i++) {
		cleanup_free char *bad = replaced(text, changes[i][0], changes[i][1]);

		refuses(bad, "grant: the chain does not hold");
	}
}

static void
test_a_removed_or_changed_caveat_is_refused(void **state)
{
	cleanup_free char *text = narrowed("caps read");
	cleanup_free char *twice = grant_narrow(text, "until 1790000010", NULL);
	cleanup_free char *gone = replaced(text, "only caps read\n", "");
	cleanup_free char *wider = replaced(text, "only caps read", "only caps read exec");
	cleanup_free char *first = replaced(twice, "only caps read\n", "");
	cleanup_free char *last = replaced(twice, "only until 1790000010\n", "");
	cleanup_free char *order = replaced(first, "only until 1790000010\n", "only until 1790000010\nonly caps read\n");

	refuses(gone, "grant: the chain does not hold");
	refuses(wider, "grant: the chain does not hold");
	refuses(first, "grant: the chain does not hold");
	refuses(last, "grant: the chain does not hold");
	refuses(order, "grant: the chain does not hold");
}

static void
test_another_key_does_not_verify(void **state)
{
	struct boot liar = { 0 };
	struct grant g = usual();
	struct error e = { 0 };
	cleanup_free char *text = NULL;

	take(&liar, "unit default/hostd");
	take(&liar, "mint work/toolrunner " OTHER);
	assert_non_null(text = grant_mint(&liar, &g, &e));
	refuses(text, "grant: the chain does not hold");
	boot_clear(&liar);
}

static void
test_an_unknown_origin_is_refused(void **state)
{
	cleanup_free char *text = minted();
	cleanup_free char *bad = replaced(text, "origin default/hostd", "origin other/hostd");

	refuses(bad, "grant: its origin mints none for us");
}

static void
test_an_expired_grant_is_refused(void **state)
{
	cleanup_free char *text = minted();

	clock_fake((int64_t)(NOW + 60) * 1000, -1);
	refuses(text, "grant: it has expired");
	clock_fake((int64_t)NOW * 1000, -1);
}

static void
test_a_grant_for_another_unit_is_refused(void **state)
{
	struct boot neighbour = { 0 };
	struct grant g;
	struct error e = { 0 };
	cleanup_free char *text = minted();

	take(&neighbour, "unit default/toolrunner");
	take(&neighbour, "verify default/hostd " KEY);		/* even if it had the key */
	assert_int_equal(grant_verify(&neighbour, text, &g, &e), -1);
	assert_string_equal(e.text, "grant: it is for another unit");
	boot_clear(&neighbour);
}

/* engined holds a key here that init would never give it; its ceiling is still nothing. */
static void
test_an_origin_beyond_its_ceiling_is_refused(void **state)
{
	cleanup_free char *text = forged("alpi-grant 1\norigin default/engined\nfor work/toolrunner\nwho x\nsurface cli\n"
	    "session s\ncaps read\nuntil 1790000060\n", origin.mints.rows[0].key);
	cleanup_free char *again = grant_narrow(text, "caps none", NULL);
	struct boot engined = { 0 };
	struct grant g = usual();
	struct error e = { 0 };

	refuses(text, "grant: more than its origin may ever allow");
	refuses(again, "grant: more than its origin may ever allow");
	take(&engined, "unit default/engined");
	take(&engined, "mint work/toolrunner " KEY);
	assert_null(grant_mint(&engined, &g, &e));
	boot_clear(&engined);
}

static void
test_a_caveat_nobody_understands_is_refused(void **state)
{
	cleanup_free char *text = minted();
	cleanup_free char *made = NULL;
	struct error e = { 0 };
	unsigned char mac[32];
	char *last = strstr(text, "mac "), hex[65];

	assert_null(grant_narrow(text, "moon full", &e));
	assert_null(grant_narrow(text, "caps fly", &e));
	assert_null(grant_narrow(text, "until soon", &e));
	assert_null(grant_narrow(text, "until 1\nonly caps read", &e));
	assert_null(grant_narrow(text, "tools a  b", &e));
	assert_null(grant_narrow("nothing", "caps read", &e));
	sodium_hex2bin(mac, sizeof(mac), last + 4, 64, NULL, NULL, NULL);
	crypto_auth_hmacsha256(mac, (const unsigned char *)"only moon full\n", 15, mac);
	sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
	made = xasprintf("%.*sonly moon full\nmac %s\n", (int)(last - text), text, hex);
	refuses(made, "grant: a caveat is not understood");
}

static void
test_text_that_is_no_grant_is_refused(void **state)
{
	static const char *const texts[] = { "", "\n", "alpi-grant 1\n", "mac \n", "alpi-grant 1\nmac 00\n" };
	cleanup_free char *text = minted(), *large = xcalloc(1, GRANT_MAX + 100);
	cleanup_free char *tail = xasprintf("%s\n", text);
	cleanup_free char *head = replaced(text, "alpi-grant 1", "alpi-grant 2");

	for (size_t i = 0; i < COUNT(texts); i++)
		refuses(texts[i], "grant: malformed");
	memset(large, 'x', GRANT_MAX + 50);
	refuses(large, "grant: malformed");
	refuses(tail, "grant: malformed");
	refuses(head, "grant: its origin mints none for us");
	text[strlen(text) - 2] = 'Z';
	refuses(text, "grant: malformed");
}

static void
test_fields_that_would_break_a_line_are_not_minted(void **state)
{
	struct grant bad[] = { usual(), usual(), usual(), usual(), usual(), usual(), usual() };
	static char large[GRANT_MAX];
	struct error e = { 0 };

	memset(large, 'x', sizeof(large) - 1);
	bad[0].who = "a\nuntil 9";
	bad[1].surface = "";
	bad[2].workspace = "relative";
	bad[3].until = 0;
	bad[4].audience = "work/engined";
	bad[5].session = large;
	bad[6].caps = 1u << 20;
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_null(grant_mint(&origin, &bad[i], &e));
}

static void
test_a_seal_fits_only_its_parts(void **state)
{
	const char *parts[] = { "approval", "t1", "once", "rm -rf x", "", NULL };
	const char *other[] = { "approval", "t1", "always", "rm -rf x", "", NULL };
	const char *moved[] = { "approval", "t1o", "nce", "rm -rf x", "", NULL };
	const char *fewer[] = { "approval", "t1", "once", "rm -rf x", NULL };
	struct error e = { 0 };
	char seal[65];

	assert_int_equal(grant_seal(&origin, "work/toolrunner", parts, seal, &e), 0);
	assert_int_equal(strlen(seal), 64);
	assert_int_equal(grant_unseal(&verifier, "default/hostd", parts, seal, &e), 0);
	assert_int_equal(grant_unseal(&verifier, "default/hostd", other, seal, &e), -1);
	assert_int_equal(grant_unseal(&verifier, "default/hostd", moved, seal, &e), -1);
	assert_int_equal(grant_unseal(&verifier, "default/hostd", fewer, seal, &e), -1);
	assert_int_equal(grant_unseal(&verifier, "other/hostd", parts, seal, &e), -1);
	assert_int_equal(grant_unseal(&verifier, "default/hostd", parts, "", &e), -1);
	assert_int_equal(grant_seal(&origin, "other/toolrunner", parts, seal, &e), -1);
	seal[63] = seal[63] == '0' ? '1' : '0';
	assert_int_equal(grant_unseal(&verifier, "default/hostd", parts, seal, &e), -1);
	assert_int_equal(e.code, ERR_denied);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_text_is_the_documented_one),
		TEST(test_what_was_minted_verifies),
		TEST(test_what_is_optional_may_be_absent),
		TEST(test_caveats_only_narrow),
		TEST(test_tools_that_two_caveats_leave_are_those_in_both),
		TEST(test_a_pattern_covers_a_name_a_family_or_one_action),
		TEST(test_patterns_of_two_caveats_must_both_cover_a_call),
		TEST(test_tools_given_at_mint_are_a_caveat),
		TEST(test_a_widened_grant_is_refused),
		TEST(test_a_removed_or_changed_caveat_is_refused),
		TEST(test_another_key_does_not_verify),
		TEST(test_an_unknown_origin_is_refused),
		TEST(test_an_expired_grant_is_refused),
		TEST(test_a_grant_for_another_unit_is_refused),
		TEST(test_an_origin_beyond_its_ceiling_is_refused),
		TEST(test_a_caveat_nobody_understands_is_refused),
		TEST(test_text_that_is_no_grant_is_refused),
		TEST(test_fields_that_would_break_a_line_are_not_minted),
		TEST(test_a_seal_fits_only_its_parts),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
