/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/check.h"

#include <stdlib.h>
#include <string.h>

#include "cli/render.h"
#include "cli/text.h"

#define B	"\033[0;1m"
#define I	"\033[0;3m"
#define C	"\033[0;36m"
#define D	"\033[0;2m"
#define U	"\033[0;4m"
#define O	"\033[0m"

/* The whole text in pieces of so many bytes. */
static char *
rendered(const char *text, bool colour, size_t piece)
{
	struct render r;
	struct buf out = BUF(0);
	size_t len = strlen(text), n;

	render_init(&r, colour);
	for (size_t i = 0; i < len; i += n) {
		n = len - i < piece ? len - i : piece;
		render_add(&r, text + i, n, &out);
	}
	render_end(&r, &out);
	render_clear(&r);
	return buf_take(&out);
}

/* The same however the text is cut into pieces. */
static void
shows(const char *text, const char *want)
{
	for (size_t piece = 1; piece <= strlen(text) + 1; piece++) {
		char *got = rendered(text, true, piece);

		assert_string_equal(got, want);
		free(got);
	}
}

static void
test_bold_italic_and_code_lose_their_markers(void **state)
{
	shows("a **b** *c* `d` _e_", "a " B "b" O " " I "c" O " " C "d" O " " I "e" O "\n");
}

static void
test_markers_that_mark_nothing_stay(void **state)
{
	shows("2*3 * 4 snake_case_name 5 ** 6", "2*3 * 4 snake_case_name 5 ** 6\n");
	shows("a \\*b\\* c\\d", "a *b* c\\d\n");
	shows("trailing *", "trailing *\n");
	shows("_a_b_", I "a_b" O "\n");
}

static void
test_an_unclosed_marker_costs_one_line(void **state)
{
	shows("a **b\nc", "a " B "b" O "\nc\n");
	shows("`b\nc", C "b" O "\nc\n");
}

static void
test_stars_open_inside_scripts_without_blanks(void **state)
{
	shows("这是**重点**。", "这是" B "重点" O "。\n");
}

static void
test_headings_lists_quotes_and_rules(void **state)
{
	shows("## Title\n- one\n  - two\n3. three\n> said\n---\nend",
	    B "Title" O "\n" B "• " O "one\n  " B "• " O "two\n" B "3." O " three\n"
	    D "│" O " said\n" D "────────────────────" O "\nend\n");
	shows("#hashtag\n#######\n-x\n1.5", "#hashtag\n#######\n-x\n1.5\n");
}

static void
test_nothing_is_markdown_inside_a_fence(void **state)
{
	shows("```sh\n# **x**\n\n  `y`\n``\n```\n*z*", D "```sh" O "\n" C "# **x**" O "\n\n"
	    "  " C "`y`" O "\n" C "``" O "\n" D "```" O "\n" I "z" O "\n");
}

static void
test_a_fence_without_an_end_ends_with_the_text(void **state)
{
	shows("~~~\na", D "~~~" O "\n" C "a" O "\n");
}

static void
test_a_link_shows_where_it_leads(void **state)
{
	shows("see [docs](https://a.b/c).", "see " U "docs" D " (https://a.b/c)" O ".\n");
	shows("[https://a.b](https://a.b)", U "https://a.b" O "\n");
	shows("array[1] [x] (y) [z", "array[1] [x] (y) [z\n");
	shows("[a [b](c)", "[a " U "b" D " (c)" O "\n");
}

static void
test_control_sequences_never_reach_the_terminal(void **state)
{
	static const char *const hostile[] = {
		"a\033[2Jb", "\033]0;title\007x", "a\rb", "a\bb", "\xc2\x9b" "2Jx", "\x7fx",
		"x\xe2\x80\xae" "y", "`\033[31m`", "```\n\033[2J\n```", "[\033c](\033d)", "# \033[0m",
	};

	for (size_t i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
		char *plain = rendered(hostile[i], false, 1), *colour = rendered(hostile[i], true, 1);

		for (const char *p = plain; *p != '\0'; p++)
			assert_true((unsigned char)*p >= 0x20 ? *p != 0x7f : *p == '\n');
		assert_null(strstr(plain, "\xc2\x9b"));
		assert_null(strstr(plain, "\xe2\x80\xae"));
		for (const char *p = colour; (p = strchr(p, '\033')) != NULL; p++)
			assert_int_equal(p[1] == '[' && p[2] == '0' && (p[3] == 'm' || p[3] == ';'), 1);
		free(plain);
		free(colour);
	}
}

static void
test_without_colour_the_text_stays_as_written(void **state)
{
	char *got = rendered("# a **b**\n- c\n", false, 3);

	assert_string_equal(got, "# a **b**\n- c\n");
	free(got);
}

static void
test_characters_cut_between_pieces_are_whole(void **state)
{
	char *got = rendered("grüße 🙂 ende", true, 1);

	assert_string_equal(got, "grüße 🙂 ende\n");
	free(got);
	got = rendered("a\xff" "b\xf0\x9f", false, 1);
	assert_string_equal(got, "a\xef\xbf\xbd" "b\xef\xbf\xbd\n");
	free(got);
}

static void
test_a_command_is_shown_with_its_control_characters_named(void **state)
{
	char *line = text_line("rm x\r\033[2K\necho ok", 0), *many = text_visible("a\n\033b");

	assert_string_equal(line, "rm x\\r\\x1b[2K\\necho ok");
	assert_string_equal(many, "a\n\\x1bb");
	free(line);
	free(many);
}

static void
test_a_line_is_cut_by_columns_not_by_bytes(void **state)
{
	char *line = text_line("日本語のテキスト", 9);

	assert_string_equal(line, "日本語の…");
	assert_int_equal(text_width(line), 9);
	free(line);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_bold_italic_and_code_lose_their_markers),
		TEST(test_markers_that_mark_nothing_stay),
		TEST(test_an_unclosed_marker_costs_one_line),
		TEST(test_stars_open_inside_scripts_without_blanks),
		TEST(test_headings_lists_quotes_and_rules),
		TEST(test_nothing_is_markdown_inside_a_fence),
		TEST(test_a_fence_without_an_end_ends_with_the_text),
		TEST(test_a_link_shows_where_it_leads),
		TEST(test_control_sequences_never_reach_the_terminal),
		TEST(test_without_colour_the_text_stays_as_written),
		TEST(test_characters_cut_between_pieces_are_whole),
		TEST(test_a_command_is_shown_with_its_control_characters_named),
		TEST(test_a_line_is_cut_by_columns_not_by_bytes),
	};

	return RUN(tests);
}
