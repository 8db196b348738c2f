/* SPDX-License-Identifier: Apache-2.0 */
/* What the lexer finds in a text: commands, words and their marks, redirections, pipelines. */
#include "toolrunner/lexer.h"

#include <stdio.h>
#include <string.h>

#include "common/buf.h"
#include "common/mem.h"
#include "tests/check.h"
#include "toolrunner/unwrap.h"

/*
 * All commands in one line: words separated by ' ', commands by " ; ". A word
 * with marks is followed by them: ' quoted, * glob, ~ home, $ unknown,
 * ! computed. Redirections are <target, >target, &target and =text.
 */
static char *
shown(const struct script *s)
{
	static const char ops[] = { [REDIR_READ] = '<', [REDIR_WRITE] = '>', [REDIR_DUP] = '&', [REDIR_TEXT] = '=' };
	struct buf b = BUF(0);

	for (size_t i = 0; i < s->ncommands; i++) {
		const struct command *c = &s->commands[i];

		if (c->nwords + c->nredirs == 0)
			continue;
		buf_puts(&b, b.len > 0 ? " ;" : "");
		for (size_t k = 0; k < c->nwords; k++) {
			unsigned f = c->words[k].flags;

			buf_addf(&b, " %s%s%s%s%s%s", c->words[k].text, f & WORD_QUOTED ? "'" : "", f & WORD_GLOB ? "*" : "",
			    f & WORD_HOME ? "~" : "", f & WORD_UNKNOWN ? "$" : "", f & WORD_COMPUTED ? "!" : "");
		}
		for (size_t k = 0; k < c->nredirs; k++)
			buf_addf(&b, " %c%s", ops[c->redirs[k].op], c->redirs[k].target.text);
	}
	buf_drain(&b, b.len > 0);
	return buf_take(&b);
}

static void
check(const char *text, const char *want)
{
	struct script s = { 0 };
	cleanup_free char *have = NULL;

	script_read(&s, text, strlen(text));
	have = s.broken != NULL ? xasprintf("broken: %s", s.broken) : shown(&s);
	script_clear(&s);
	if (strcmp(have, want) != 0)
		fail_msg("%s\n  gives %s\n  not   %s", text, have, want);
}

static void
test_words_lose_their_quotes(void **state)
{
	check("echo 'a b' \"c d\" e\\ f g'h'i ''", "echo a b' c d' e f' ghi' '");
	check("echo $'a\\tb\\x41\\101\\'' $\"x\"", "echo a\tbAA'' x'");
	check("echo \"a\\$b\\\"c\\d\"", "echo a$b\"c\\d'");
	check("a\\\nb c \\\n d", "ab c d");
	check("echo a#b # comment\necho c", "echo a#b ; echo c");
}

static void
test_expansions_leave_marks(void **state)
{
	check("x ~ ~/a ~bob '~' a~ $HOME/x \"${HOME}\"", "x ~~ ~/a~ ~bob~ ~' a~ ~/x~ ~~");
	check("x $A ${A} \"$A\" ${A:-d} $1 $(b) `c`", "x $A$ $A$ $A$ d $1! $()! $()! ; b ; c");
	check("x * 'a*' a?b [c] ${#A} ${!A} $((1+2))", "x ** a*' a?b* [c]* $!! $!! $(())$");
}

static void
test_values_of_the_text_are_filled_in(void **state)
{
	check("A=1 B='2 3'; x $A \"$B\" $B ${A}z", "x 1 2 3' 2 3 1z");
	check("A=$(y); x $A", "y ; x $A!");
	check("export D=/; x $D", "export D=/ ; x /");
	check("read A; x $A", "read A ; x $A!");
	check("for f in a b; do x $f; done", "x a b");
	check("x${IFS}y", "x y");
}

static void
test_braces_expand(void **state)
{
	check("x {a,b}c {d} {e,{f,g}} '{h,i}' j{k,}", "x ac bc {d} e f g {h,i}' jk j");
}

static void
test_every_command_is_found(void **state)
{
	check("a; b & c && d || e | f |& g\nh", "a ; b ; c ; d ; e ; f ; g ; h");
	check("(a; b) | { c; d; }", "a ; b ; c ; d");
	check("if a; then b; elif c; then d; else e; fi", "a ; b ; c ; d ; e");
	check("while a; do b; done; until c; do d; done", "a ; b ; c ; d");
	check("for i in $(a); do b; done", "a ; b");
	check("for ((i=0; i<3; i++)); do a; done", "a");
	check("case $(a) in x|y) b ;; (z) c ;& *) d ;; esac; e", "a ; b ; c ; d ; e");
	check("f() { a; }; function g { b; }; h() ( c )", "a ; b ; c");
	check("a <(b) >(c; d) \"$(e `f`)\" ${x:-$(g)}", "a $()! $()! $()! $()! ; b ; c ; d ; e $()! ; f ; g");
	check("[[ -n $a && b < c ]] && d", "-n $a$ & & b < c ; d");
	check("! a | time b", "a ; b");
	check("A=(b $(c)) d", "d ; c");
	check("a &", "a");
	check("((x)) ; $((y $(z)))", "x ; $(())$ ; z");
}

static void
test_redirections_have_targets(void **state)
{
	check("a >b 2>>c <d &>e >|f <>g 3<&1 2>&- >& h", "a >b >c <d >e >f >g &1 &- >h");
	check("a > 'b c'; { b; } >x; (c) 2>y", "a >b c ; b ; >x ; c ; >y");
	check("a <<E >o\nx $B\nE\nb", "a =x $B\n >o ; b");
	check("a <<-'E' | b\n\t$(c)\n\tE\nd", "a =$(c)\n ; b ; d");
	check("a <<E\n$(b)\nE", "a =$()\n ; b");
	check("a <<< 'x y'", "a =x y");
	check("a <<X <<Y\n1\nX\n2\nY\nb", "a =1\n =2\n ; b");
}

/* The inner one was announced while the outer one's place was held: the second place stayed empty, and was read. */
static void
test_the_name_of_a_here_document_may_announce_another(void **state)
{
	check("cat <<$(cat <<X)\nb\nX\na\n$()\necho c\n", "cat =a\n ; cat =b\n ; echo c");
}

static void
test_what_does_not_balance_is_broken(void **state)
{
	static const char *const texts[] = {
		"'a", "\"a", "`a", "$(a", "${a", "(a", "{ a;", "a)", "}", "if a; then b", "case x in y) z", "a >", "a <<", "f() (", "[[ a", "a (b)",
		"fi", "$'a", "x=(a",
	};

	for (size_t i = 0; i < COUNT(texts); i++) {
		struct script s = { 0 };

		if (script_read(&s, texts[i], strlen(texts[i])) == 0)
			fail_msg("%s is not broken", texts[i]);
		assert_non_null(s.broken);
		script_clear(&s);
	}
}

static void
test_a_nul_byte_is_broken(void **state)
{
	struct script s = { 0 };

	assert_int_equal(script_read(&s, "a\0b", 3), -1);
	script_clear(&s);
}

static void
test_segments_know_their_place(void **state)
{
	const char *text = "a | (b; c) | d &";
	struct script s = { 0 };

	assert_int_equal(script_read(&s, text, strlen(text)), 0);
	assert_int_equal(s.ncommands, 4);
	assert_int_equal(s.commands[0].segment, 0);
	assert_int_equal(s.commands[3].segment, 2);
	assert_int_equal(s.commands[3].pipe, s.commands[0].pipe);
	assert_int_equal(s.pipes[s.commands[1].pipe].parent, s.commands[0].pipe);
	assert_int_equal(s.pipes[s.commands[1].pipe].segment, 1);
	assert_true(s.pipes[s.commands[0].pipe].async);
	script_clear(&s);
}

static void
test_a_substitution_knows_its_owner(void **state)
{
	const char *text = "a $(b) >(c)";
	struct script s = { 0 };

	assert_int_equal(script_read(&s, text, strlen(text)), 0);
	assert_int_equal(s.pipes[s.commands[1].pipe].owner, 0);
	assert_int_equal(s.pipes[s.commands[1].pipe].link, PIPE_INTO);
	assert_int_equal(s.pipes[s.commands[2].pipe].link, PIPE_FROM);
	script_clear(&s);
}

static void
unwrapped(const char *text, const char *want)
{
	struct script s = { 0 };
	cleanup_free char *have = NULL;

	assert_int_equal(script_read(&s, text, strlen(text)), 0);
	assert_int_equal(script_unwrap(&s), 0);
	have = shown(&s);
	script_clear(&s);
	if (strcmp(have, want) != 0)
		fail_msg("%s\n  gives %s\n  not   %s", text, have, want);
}

static void
test_wrappers_are_taken_off(void **state)
{
	unwrapped("sudo -u x -- a b", "sudo -u x -- a b ; a b");
	unwrapped("env -i A=1 -u B c", "env -i A=1 -u B c ; c");
	unwrapped("timeout -k 5 10 a", "timeout -k 5 10 a ; a");
	unwrapped("nohup nice -n 5 a", "nohup nice -n 5 a ; nice -n 5 a ; a");
	unwrapped("xargs -n 1 -I{} a {}", "xargs -n 1 -I{} a {} ; a {}");
	unwrapped("command -v a", "command -v a");
	unwrapped("sh -ec 'a; b'", "sh -ec a; b' ; a ; b");
	unwrapped("bash x.sh -c y", "bash x.sh -c y");
	unwrapped("find . -exec a {} ';' -o -execdir b +", "find . -exec a {} ;' -o -execdir b + ; a {} ; b");
	unwrapped("eval a '$B'", "eval a $B' ; a $B$");
	unwrapped("sudo -i a", "sudo -i a ; sh ; a");
	unwrapped("echo 'a b' | sh", "echo a b' ; sh ; a b");
	unwrapped("sudo bash <<E\na\nE", "sudo bash =a\n ; bash ; a");
	unwrapped("su -c 'a b' user", "su -c a b' user ; a b");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_words_lose_their_quotes),
		TEST(test_expansions_leave_marks),
		TEST(test_values_of_the_text_are_filled_in),
		TEST(test_braces_expand),
		TEST(test_every_command_is_found),
		TEST(test_redirections_have_targets),
		TEST(test_the_name_of_a_here_document_may_announce_another),
		TEST(test_what_does_not_balance_is_broken),
		TEST(test_a_nul_byte_is_broken),
		TEST(test_segments_know_their_place),
		TEST(test_a_substitution_knows_its_owner),
		TEST(test_wrappers_are_taken_off),
	};

	return RUN(tests);
}
