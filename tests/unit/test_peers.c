/* SPDX-License-Identifier: Apache-2.0 */
/* peers.yaml and pending_peers.yaml: what they mean, what a change leaves as it is, what is no file of ours. */
#include "alpd/peers.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alpd/peers_yaml.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"
#include "tests/check.h"

#define ALICE	"abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENoM="
#define CAROL	"7cIBKY2Cu80QQev3eQdbjf731+wrw/f6tdkADNlcvuc="
#define NOBODY	"AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

struct at {
	char		*home, *alp;
	struct peers	*p;
};

static struct at
begin(const char *yaml)
{
	struct at a = { .home = temp_home() };
	struct error e = { 0 };

	a.alp = path_join(a.home, "alp");
	assert_int_equal(mkdir(a.alp, 0700), 0);
	if (yaml != NULL)
		put_file(a.alp, "peers.yaml", yaml);
	assert_non_null(a.p = peers_open(a.home, &e));
	return a;
}

static void
end(struct at *a)
{
	peers_close(a->p);
	free(a->home);
	free(a->alp);
}

static void
check_rows(char *const *got, const json_t *want)
{
	const json_t *row;
	size_t i;

	json_array_foreach(want, i, row) {
		assert_non_null(got[i]);
		assert_string_equal(got[i], json_string_value(row));
	}
	assert_null(got[i]);
}

static bool
is_text(const char *got, const json_t *want)
{
	return got == NULL ? !json_is_string(want) : json_is_string(want) && strcmp(got, json_string_value(want)) == 0;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static void
test_the_published_file_has_its_published_meaning(void **state)
{
	cleanup_json json_t *all = vectors("peers.json");
	struct at a = begin(json_str(all, "peers_yaml", ""));
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(all, "parsed"), i, row) {
		const struct peer *p = peers_at(a.p, i);

		assert_non_null(p);
		assert_string_equal(p->id, json_str(row, "id", ""));
		assert_string_equal(p->pubkey, json_str(row, "pubkey", ""));
		assert_true(is_text(p->address, json_object_get(row, "address")));
		check_rows(p->allow, json_object_get(row, "allow"));
		assert_int_equal(p->per_minute, json_int(row, "per_minute", 0));
		assert_string_equal(peers_by_key(a.p, json_str(row, "pubkey", ""))->id, json_str(row, "id", ""));
	}
	assert_null(peers_at(a.p, i));
	json_array_foreach(json_object_get(all, "capability"), i, row)
		if (peer_may(peers_by_id(a.p, json_str(row, "peer", "")), json_str(row, "method", "")) !=
		    json_bool(row, "allowed", false))
			fail_msg("%s %s", json_str(row, "peer", ""), json_str(row, "method", ""));
	assert_string_equal(peers_by_id(a.p, "carol")->alias, "Carol at home");
	assert_null(peers_by_id(a.p, "Alice"));
	assert_null(peers_by_key(a.p, " " ALICE));
	assert_null(peers_broken(a.p));
	end(&a);
}

static void
test_published_addresses_are_split_at_their_last_colon(void **state)
{
	cleanup_json json_t *all = vectors("peers.json");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(all, "address_split"), i, row) {
		cleanup_free char *host = NULL;
		int port, status = address_split(json_str(row, "address", ""), &host, &port, NULL);

		assert_int_equal(status, json_is_string(json_object_get(row, "host")) ? 0 : -1);
		assert_true(is_text(host, json_object_get(row, "host")));
		if (status == 0)
			assert_int_equal(port, json_int(row, "port", 0));
	}
}

static void
test_an_address_has_a_port_that_exists(void **state)
{
	static const char *const none[] = { "h:0", "h:65536", "h:99999999999999999999", "h:-1", "h: 7", "[]:7", "" };
	cleanup_free char *host = NULL;
	int port;

	for (size_t i = 0; i < COUNT(none); i++) {
		if (address_split(none[i], &host, &port, NULL) != -1)
			fail_msg("%s", none[i]);
		assert_null(host);
	}
	assert_int_equal(address_split("[::1]:65535", &host, &port, NULL), 0);
	assert_string_equal(host, "::1");
	assert_int_equal(port, 65535);
}

static void
test_published_limits_give_their_cap(void **state)
{
	cleanup_json json_t *all = vectors("rate_limit.json");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(all, "cap_for"), i, row) {
		cleanup_free char *limit = json_text(json_object_get(row, "rate_limit"));
		cleanup_free char *text = xasprintf("- {id: a, pubkey: b, rate_limit: %s}\n", limit);
		struct peer_list l;

		assert_int_equal(peers_yaml_read(text, strlen(text), &l, NULL), 0);
		assert_int_equal(l.rows[0].per_minute, json_int(row, "cap", 0));
		peer_list_clear(&l);
	}
	assert_int_equal(i, 8);
}

static void
test_what_is_no_row_is_skipped(void **state)
{
	struct peer_list l;
	const char *text = "- {id: a}\n- {pubkey: b}\n- {id: '', pubkey: b}\n- {id: [x], pubkey: b}\n- {id: a, pubkey: 5}\n"
	    "- {id: ~, pubkey: b}\n- [id, pubkey]\n- {id: 1.5, pubkey: c, allow: link.ask, alias: 7}\n- {id: x, pubkey: d, "
	    "allow: [a, 5, [b], c], address: 7423, unknown: 1}\n- {id: x, pubkey: e}\n";

	assert_int_equal(peers_yaml_read(text, strlen(text), &l, NULL), 0);
	assert_int_equal(l.n, 3);
	assert_string_equal(l.rows[0].id, "1.5");
	assert_null(l.rows[0].allow[0]);
	assert_string_equal(l.rows[0].alias, "7");
	assert_string_equal(l.rows[1].allow[1], "c");
	assert_null(l.rows[1].allow[2]);
	assert_string_equal(l.rows[1].address, "7423");		/* no port, but not the Unix socket either */
	peer_list_clear(&l);
}

static void
test_the_first_of_two_rows_counts(void **state)
{
	struct at a = begin("- {id: x, pubkey: k, address: 'first:1'}\n- {id: x, pubkey: k, address: 'second:1'}\n");

	assert_string_equal(peers_by_id(a.p, "x")->address, "first:1");
	assert_string_equal(peers_by_key(a.p, "k")->address, "first:1");
	end(&a);
}

static void
test_a_policy_for_tools_is_whole_or_broken(void **state)
{
	static const struct {
		const char	*tools;
		int		 broken, read_file, status_of_terminal, kill_of_terminal;
	} rows[] = {
		{ "{allow: []}",				0, 0, 0, 0 },
		{ "{allow: [read_file]}",			0, 1, 0, 0 },
		{ "{allow: ['*']}",				0, 1, 1, 1 },
		{ "{allow: ['read_*', 'terminal:status']}",	0, 1, 1, 0 },
		{ "{allow: ['terminal']}",			0, 0, 1, 1 },
		{ "{allow: ['term*:st*']}",			0, 0, 1, 0 },
		{ "{allow: ['READ_FILE']}",			0, 0, 0, 0 },
		{ "~",						1, 0, 0, 0 },
		{ "{}",						1, 0, 0, 0 },
		{ "[read_file]",				1, 0, 0, 0 },
		{ "read_file",					1, 0, 0, 0 },
		{ "{deny: [terminal]}",				1, 0, 0, 0 },
		{ "{allow: [read_file], deny: []}",		1, 0, 0, 0 },
		{ "{allow: read_file}",				1, 0, 0, 0 },
		{ "{allow: ~}",					1, 0, 0, 0 },
		{ "{allow: [read_file, 5]}",			1, 0, 0, 0 },
		{ "{allow: [read_file, '']}",			1, 0, 0, 0 },
		{ "{allow: [read_file, 'a b']}",		1, 0, 0, 0 },
		{ "{allow: [read_file, \"a\\nb\"]}",		1, 0, 0, 0 },
		{ "{allow: [read_file, ':x']}",			1, 0, 0, 0 },
		{ "{allow: [read_file, 'x:']}",			1, 0, 0, 0 },
		{ "{allow: [read_file, 'x:y:z']}",		1, 0, 0, 0 },
	};

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_free char *text = xasprintf("- {id: a, pubkey: b, tools: %s}\n", rows[i].tools);
		struct peer_list l;

		assert_int_equal(peers_yaml_read(text, strlen(text), &l, NULL), 0);
		if (l.rows[0].tools_broken != rows[i].broken || (l.rows[0].tools == NULL) != rows[i].broken ||
		    peer_tool(&l.rows[0], "read_file", NULL) != rows[i].read_file ||
		    peer_tool(&l.rows[0], "terminal", "status") != rows[i].status_of_terminal ||
		    peer_tool(&l.rows[0], "terminal", "kill") != rows[i].kill_of_terminal)
			fail_msg("%s", rows[i].tools);
		peer_list_clear(&l);
	}
}

static void
test_without_a_policy_every_tool_may_run(void **state)
{
	struct at a = begin("- {id: a, pubkey: b}\n");
	const struct peer *p = peers_by_id(a.p, "a");

	assert_null(p->tools);
	assert_false(p->tools_broken);
	assert_true(peer_tool(p, "terminal", "run"));
	end(&a);
}

static void
test_a_file_that_does_not_load_pins_nobody_and_says_why(void **state)
{
	static const char *const broken[] = { "- {id: a, pubkey: b", "id: a\npubkey: b\n", "just words\n", "- !!python/x {}\n",
	    "- {id: a, pubkey: b}\n---\n- {id: a, pubkey: b}\n" };
	struct at a = begin("- {id: a, pubkey: b}\n");

	for (size_t i = 0; i < COUNT(broken); i++) {
		put_file(a.alp, "peers.yaml", broken[i]);
		if (peers_by_id(a.p, "a") != NULL || peers_broken(a.p) == NULL)
			fail_msg("%s", broken[i]);
	}
	put_file(a.alp, "peers.yaml", "- {id: a, pubkey: b}\n");
	assert_non_null(peers_by_id(a.p, "a"));
	assert_null(peers_broken(a.p));
	put_file(a.alp, "peers.yaml", "# nobody yet\n");
	assert_null(peers_at(a.p, 0));
	assert_null(peers_broken(a.p));
	end(&a);
}

static void
test_aliases_may_repeat_a_list_but_not_without_end(void **state)
{
	struct at a = begin("- {id: a, pubkey: b, allow: &usual [link.ping, link.ask]}\n- {id: c, pubkey: d, allow: *usual}\n");
	cleanup_buf struct buf b = BUF(0);

	assert_true(peer_may(peers_by_id(a.p, "c"), "link.ask"));
	buf_puts(&b, "- {id: a, pubkey: b, allow: &x [a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a, a]}\n");
	for (int i = 0; i < 20000; i++)
		buf_puts(&b, "- {id: c, pubkey: d, allow: *x}\n");
	put_file(a.alp, "peers.yaml", buf_str(&b));
	assert_null(peers_by_id(a.p, "a"));
	assert_non_null(peers_broken(a.p));
	end(&a);
}

/* ---- the file changes ------------------------------------------------------------------------------- */

static void
test_every_change_by_others_is_seen(void **state)
{
	struct at a = begin(NULL);

	assert_null(peers_by_id(a.p, "a"));
	for (int i = 0; i < 200; i++) {				/* same file, same size, within one tick of its clock */
		put_file(a.alp, "peers.yaml", i % 2 ? "- {id: a, pubkey: b}\n" : "- {id: c, pubkey: d}\n");
		if (peers_by_id(a.p, i % 2 ? "a" : "c") == NULL || peers_by_id(a.p, i % 2 ? "c" : "a") != NULL)
			fail_msg("change %d", i);
	}
	cleanup_free char *path = path_join(a.alp, "peers.yaml");
	assert_int_equal(unlink(path), 0);
	assert_null(peers_by_id(a.p, "a"));
	assert_null(peers_by_id(a.p, "c"));
	end(&a);
}

static void
test_a_file_that_stays_the_same_is_read_once(void **state)
{
	struct at a = begin("- {id: a, pubkey: b}\n");
	cleanup_free char *path = path_join(a.alp, "peers.yaml");
	const struct peer *p;

	assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){ { .tv_sec = 1 }, { .tv_sec = 1 } }, 0), 0);
	p = peers_by_id(a.p, "a");
	assert_ptr_equal(peers_by_id(a.p, "a"), p);
	put_file(a.alp, "peers.yaml", "- {id: c, pubkey: d}\n");	/* as long as before, and no younger */
	assert_int_equal(utimensat(AT_FDCWD, path, (struct timespec[2]){ { .tv_sec = 1 }, { .tv_sec = 1 } }, 0), 0);
	assert_non_null(peers_by_id(a.p, "c"));
	end(&a);
}

static void
test_links_and_folders_are_no_files_of_ours(void **state)
{
	struct at a = begin(NULL);
	cleanup_free char *path = path_join(a.alp, "peers.yaml"), *lock = path_join(a.alp, "peers.lock");
	struct peer row = { .id = "x", .pubkey = ALICE };
	struct error e = { 0 };

	put_file(a.home, "elsewhere", "- {id: a, pubkey: b}\n");
	assert_int_equal(symlink("../elsewhere", path), 0);
	assert_null(peers_by_id(a.p, "a"));
	assert_non_null(strstr(peers_broken(a.p), "link"));
	assert_int_equal(peers_add(a.p, &row, &e), -1);
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_null(peers_by_id(a.p, "a"));
	assert_non_null(peers_broken(a.p));
	rmdir(path);
	unlink(lock);
	assert_int_equal(symlink("../elsewhere", lock), 0);
	assert_int_equal(peers_add(a.p, &row, &e), -1);
	unlink(lock);
	assert_int_equal(peers_add(a.p, &row, &e), 0);
	end(&a);
}

/* ---- changes of ours ---------------------------------------------------------------------------------- */

enum what { ADD, REMOVE, ALLOW, DENY };

static const struct {
	enum what	 what;
	const char	*before, *after;	/* the peer is called x, the method m */
} changes[] = {
	{ ADD, "", "- id: x\n  pubkey: " ALICE "\n" },
	{ ADD, "# mine\n", "# mine\n- id: x\n  pubkey: " ALICE "\n" },
	{ ADD, "[]\n", "- id: x\n  pubkey: " ALICE "\n" },
	{ ADD, "null", "- id: x\n  pubkey: " ALICE "\n" },
	{ ADD, "# head\n- id: a   # who?\n  pubkey: b\n  mine: {x: 1}\n# tail", "# head\n- id: a   # who?\n  pubkey: b\n"
	    "  mine: {x: 1}\n# tail\n- id: x\n  pubkey: " ALICE "\n" },
	{ ADD, "[{id: a, pubkey: b}]\n", "[{id: a, pubkey: b}, {id: x, pubkey: " ALICE "}]\n" },
	{ ADD, "  - id: a\n    pubkey: b\n", "- id: a\n  pubkey: b\n- id: x\n  pubkey: " ALICE "\n" },
	{ REMOVE, "- id: x\n  pubkey: k\n", "" },
	{ REMOVE, "# head\n- id: x\n  pubkey: k\n  # inside\n\n# of a\n- id: a\n  pubkey: b\n", "# head\n  # inside\n\n# of a\n"
	    "- id: a\n  pubkey: b\n" },
	{ REMOVE, "- id: a # one\n  pubkey: b\n- id: x\n  pubkey: k\n- id: c # two\n  pubkey: d\n",
	    "- id: a # one\n  pubkey: b\n- id: c # two\n  pubkey: d\n" },
	{ REMOVE, "- {id: x, pubkey: k} # one\n- {id: \xc3\xa4, pubkey: b} # two\n- {id: x, pubkey: l}\n# end\n",
	    "- {id: \xc3\xa4, pubkey: b} # two\n# end\n" },
	{ REMOVE, "- {id: \xc3\xa4\xc3\xb6, pubkey: \xe2\x82\xac}\n-\n  id: x\n  pubkey: k\n- word # w\n",
	    "- {id: \xc3\xa4\xc3\xb6, pubkey: \xe2\x82\xac}\n- word # w\n" },
	{ REMOVE, "[{id: a, pubkey: b}, {id: x, pubkey: k}]", "[{id: a, pubkey: b}]\n" },
	{ ALLOW, "- id: x # me\n  pubkey: k\n  # note\n- id: a # a\n  pubkey: b\n", "- id: x\n  pubkey: k\n  allow:\n  - m\n"
	    "  # note\n- id: a # a\n  pubkey: b\n" },
	{ ALLOW, "- {id: a, pubkey: b} # a\n- id: x\n  pubkey: k\n  budget: {usd: 1.50}\n  allow: [n]\n  later: 'yes'\n",
	    "- {id: a, pubkey: b} # a\n- id: x\n  pubkey: k\n  budget: {usd: 1.50}\n  allow:\n  - n\n  - m\n  later: 'yes'\n" },
	{ ALLOW, "- id: x # as it is\n  pubkey: k\n  allow: [m,  n]\n", NULL },
	{ DENY, "- id: x # as it is\n  pubkey: k\n  allow: [n]\n", NULL },
	{ DENY, "- id: x\n  pubkey: k\n  allow: [m, n, m]\n", "- id: x\n  pubkey: k\n  allow:\n  - n\n" },
	{ DENY, "- id: x\n  pubkey: k\n  allow:\n  - m\n# end\n", "- id: x\n  pubkey: k\n# end\n" },
	{ ALLOW, "- {id: a, pubkey: b, allow: &l [n]}\n- {id: x, pubkey: k, allow: *l}\n",
	    "- {id: a, pubkey: b, allow: [n]}\n- {id: x, pubkey: k, allow: [n, m]}\n" },
	{ ALLOW, "- id: x\n  pubkey: k\n  alias: |\n    # no comment\n", "- id: x\n  pubkey: k\n  alias: |\n    # no comment\n"
	    "  allow:\n  - m\n" },
};

static int
make_change(struct peers *p, enum what what, struct error *e)
{
	struct peer row = { .id = "x", .pubkey = ALICE };

	if (what == ADD)
		return peers_add(p, &row, e);
	return what == REMOVE ? peers_remove(p, "x", e) : peers_allow(p, "x", "m", what == ALLOW, e);
}

static void
test_a_change_touches_its_own_lines_only(void **state)
{
	for (size_t i = 0; i < COUNT(changes); i++) {
		struct at a = begin(changes[i].before);
		const char *want = changes[i].after == NULL ? changes[i].before : changes[i].after;
		cleanup_free char *got = NULL;
		struct error e = { 0 };

		if (make_change(a.p, changes[i].what, &e) == -1)
			fail_msg("%zu: %s", i, e.text);
		got = get_file(a.alp, "peers.yaml");
		if (strcmp(got, want) != 0)
			fail_msg("%zu:\n%s\nbecame\n%s\nnot\n%s", i, changes[i].before, got, want);
		end(&a);
	}
}

static void
test_a_row_is_read_as_it_was_added(void **state)
{
	char *allow[] = { "link.ping", "link.ask", NULL }, *tools[] = { "read_*", "terminal:status", NULL };
	struct peer row = { .id = "Bob-2_x", .pubkey = ALICE, .alias = "- {Bob: \"'#\"}\n", .address = "host:7423", .allow = allow,
	    .per_minute = 7, .tools = tools };
	struct peer number = { .id = "42", .pubkey = CAROL, .alias = "", .address = "" };
	struct at a = begin(NULL);
	cleanup_free char *text = NULL;
	const struct peer *p;
	struct error e = { 0 };

	assert_int_equal(peers_add(a.p, &row, &e), 0);
	assert_int_equal(peers_add(a.p, &number, &e), 0);
	assert_non_null(p = peers_by_id(a.p, "bob-2_x"));
	assert_string_equal(p->pubkey, ALICE);
	assert_string_equal(p->alias, row.alias);
	assert_string_equal(p->address, "host:7423");
	assert_string_equal(p->allow[1], "link.ask");
	assert_int_equal(p->per_minute, 7);
	assert_string_equal(p->tools[1], "terminal:status");
	assert_non_null(p = peers_by_id(a.p, "42"));
	assert_null(p->address);
	assert_int_equal(p->per_minute, PEERS_PER_MINUTE);
	text = get_file(a.alp, "peers.yaml");
	assert_non_null(strstr(text, "- id: '42'\n  pubkey: " CAROL "\n"));
	assert_string_equal(strstr(text, CAROL), CAROL "\n");	/* what is empty was left out */
	end(&a);
}

static void
test_what_cannot_be_pinned_is_refused(void **state)
{
	static const struct {
		struct peer	row;
		int		code;
	} rows[] = {
		{ { .id = "", .pubkey = CAROL }, ERR_invalid },
		{ { .id = "a b", .pubkey = CAROL }, ERR_invalid },
		{ { .id = "../x", .pubkey = CAROL }, ERR_invalid },
		{ { .id = "\xc3\xa4", .pubkey = CAROL }, ERR_invalid },
		{ { .id = "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", .pubkey = CAROL }, ERR_invalid },
		{ { .id = "b", .pubkey = "AAAA" }, ERR_invalid },
		{ { .id = "b", .pubkey = " " CAROL }, ERR_invalid },
		{ { .id = "b", .pubkey = NOBODY }, ERR_invalid },
		{ { .id = "b", .pubkey = CAROL, .address = "host" }, ERR_invalid },
		{ { .id = "ALICE", .pubkey = CAROL }, ERR_exists },
		{ { .id = "b", .pubkey = ALICE }, ERR_exists },
	};
	const char *text = "- {id: Alice, pubkey: " ALICE "}\n";
	struct at a = begin(text);

	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_free char *now = NULL;
		struct error e = { 0 };

		if (peers_add(a.p, &rows[i].row, &e) != -1 || (int)e.code != rows[i].code)
			fail_msg("row %zu: %d %s", i, e.code, e.text);
		now = get_file(a.alp, "peers.yaml");
		assert_string_equal(now, text);
	}
	end(&a);
}

static void
test_a_file_that_does_not_load_is_never_replaced(void **state)
{
	static const char *const broken[] = { "- {id: x, pubkey: k", "id: x\n", "- {id: x, pubkey: k}\n---\n- 1\n" };

	for (size_t i = 0; i < COUNT(broken); i++)
		for (enum what what = ADD; what <= DENY; what++) {
			struct at a = begin(broken[i]);
			cleanup_free char *now = NULL;
			struct error e = { 0 };

			assert_int_equal(make_change(a.p, what, &e), -1);
			assert_int_equal(e.code, ERR_invalid);
			now = get_file(a.alp, "peers.yaml");
			assert_string_equal(now, broken[i]);
			end(&a);
		}
}

static void
test_who_is_not_there_is_not_found(void **state)
{
	struct at a = begin("- {id: x}\n- {id: a, pubkey: b}\n");

	for (enum what what = REMOVE; what <= DENY; what++) {
		struct error e = { 0 };

		assert_int_equal(make_change(a.p, what, &e), -1);
		assert_int_equal(e.code, ERR_not_found);
	}
	end(&a);
}

/* A row that stands twice through an alias would change twice. */
static void
test_what_cannot_be_changed_safely_is_left(void **state)
{
	const char *text = "- &x {id: x, pubkey: k}\n- *x\n";
	struct at a = begin(text);
	cleanup_free char *now = NULL;
	struct error e = { 0 };

	assert_int_equal(peers_allow(a.p, "x", "m", true, &e), -1);
	assert_int_equal(e.code, ERR_invalid);
	now = get_file(a.alp, "peers.yaml");
	assert_string_equal(now, text);
	assert_int_equal(peers_remove(a.p, "x", &e), 0);
	assert_null(peers_by_id(a.p, "x"));
	end(&a);
}

static void
test_changes_wait_for_the_lock_and_leave_nothing_beside_the_file(void **state)
{
	struct at a = begin(NULL);
	cleanup_free char *lock = path_join(a.alp, "peers.lock"), *path = path_join(a.alp, "peers.yaml");
	cleanup_close int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct error e = { 0 };
	struct stat st;

	assert_int_equal(flock(fd, LOCK_EX), 0);
	assert_int_equal(make_change(a.p, ADD, &e), -1);
	assert_int_equal(e.code, ERR_busy);
	assert_int_equal(flock(fd, LOCK_UN), 0);
	umask(0);
	assert_int_equal(make_change(a.p, ADD, &e), 0);
	umask(022);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	unlink(path);
	unlink(lock);
	assert_int_equal(rmdir(a.alp), 0);
	end(&a);
}

static void
test_a_fenced_process_reads_and_changes_peers(void **state)
{
	struct at a = begin("- {id: a, pubkey: b}\n");
	int status;
	pid_t child = fork();

	if (child == 0) {
		if (restrict_path(a.alp, "rw!", NULL) == -1 || restrict_self("files", NULL) == -1)
			_exit(2);
		_exit(make_change(a.p, ADD, NULL) == 0 && make_change(a.p, ALLOW, NULL) == 0 && make_change(a.p, REMOVE, NULL) == 0 &&
		    pending_note(a.p, CAROL, 1.5, NULL) == 0 && peers_by_id(a.p, "a") != NULL ? 0 : 1);
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	end(&a);
}

/* ---- who knocked ---------------------------------------------------------------------------------------- */

static const json_t *
row_of(const json_t *rows, const char *pubkey)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(json_str(row, "pubkey", ""), pubkey) == 0)
			return row;
	return NULL;
}

static void
test_published_strangers_leave_the_published_list(void **state)
{
	cleanup_json json_t *all = vectors("peers.json");
	const json_t *row, *want = json_object_get(all, "pending_after");
	struct at a = begin(NULL);
	struct pending *rows;
	struct stat st;
	size_t i, n;

	json_array_foreach(json_object_get(all, "pending_script"), i, row)
		assert_int_equal(pending_note(a.p, json_str(row, "pubkey", ""), json_num(row, "at", 0), NULL), 0);
	rows = pending_list(a.p, &n);
	assert_int_equal(n, json_array_size(want));
	for (i = 0; i < n; i++) {
		assert_non_null(row = row_of(want, rows[i].pubkey));
		assert_true(rows[i].first_seen == json_num(row, "first_seen", 0) && rows[i].last_seen == json_num(row, "last_seen", 0));
		assert_true(i == 0 || rows[i - 1].last_seen >= rows[i].last_seen);
	}
	pending_free(rows, n);
	cleanup_free char *path = path_join(a.alp, "pending_peers.yaml");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	end(&a);
}

static void
test_a_record_is_dropped_once(void **state)
{
	struct at a = begin(NULL);
	struct pending *rows;
	size_t n;

	assert_int_equal(pending_drop(a.p, ALICE, NULL), 0);
	assert_int_equal(pending_note(a.p, ALICE, 1, NULL), 0);
	assert_int_equal(pending_note(a.p, CAROL, 2, NULL), 0);
	assert_int_equal(pending_drop(a.p, ALICE, NULL), 1);
	assert_int_equal(pending_drop(a.p, ALICE, NULL), 0);
	rows = pending_list(a.p, &n);
	assert_int_equal(n, 1);
	assert_string_equal(rows[0].pubkey, CAROL);
	pending_free(rows, n);
	assert_int_equal(pending_drop(a.p, CAROL, NULL), 1);
	pending_free(pending_list(a.p, &n), 0);
	assert_int_equal(n, 0);
	end(&a);
}

/* Times that a wrong clock gave: the list stays whole and bounded, and the next honest knock has its place. */
static void
test_a_clock_that_is_set_loses_no_stranger(void **state)
{
	struct at a = begin(NULL);
	struct pending *rows;
	size_t n;

	assert_int_equal(pending_note(a.p, ALICE, 1000000, NULL), 0);
	assert_int_equal(pending_note(a.p, ALICE, 5000, NULL), 0);	/* back */
	assert_int_equal(pending_note(a.p, CAROL, 4e9, NULL), 0);	/* far ahead */
	rows = pending_list(a.p, &n);
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].pubkey, CAROL);
	assert_true(rows[1].first_seen == 1000000 && rows[1].last_seen == 5000);
	pending_free(rows, n);
	assert_int_equal(pending_note(a.p, CAROL, 6000, NULL), 0);
	rows = pending_list(a.p, &n);
	assert_true(n == 2 && rows[0].first_seen == 4e9 && rows[0].last_seen == 6000);
	pending_free(rows, n);
	end(&a);
}

static void
test_records_of_others_are_read(void **state)
{
	struct at a = begin(NULL);
	struct pending *rows;
	size_t n;

	put_file(a.alp, "pending_peers.yaml", "- {pubkey: short}\n- 5\n- {pubkey: '" ALICE "', first_seen: 3, last_seen: 4.5, "
	    "address: 'h:1', more: yes}\n");
	rows = pending_list(a.p, &n);
	assert_int_equal(n, 1);
	assert_true(rows[0].first_seen == 3 && rows[0].last_seen == 4.5);
	assert_string_equal(rows[0].address, "h:1");
	pending_free(rows, n);
	assert_int_equal(pending_note(a.p, ALICE, 6, NULL), 0);
	rows = pending_list(a.p, &n);
	assert_true(n == 1 && rows[0].first_seen == 3 && rows[0].last_seen == 6);
	assert_string_equal(rows[0].address, "h:1");
	pending_free(rows, n);
	end(&a);
}

static void
test_a_list_of_strangers_that_does_not_load_is_left(void **state)
{
	static const char *const broken[] = { "- {", "a: 1\n" };

	for (size_t i = 0; i < COUNT(broken); i++) {
		struct at a = begin(NULL);
		cleanup_free char *now = NULL;
		size_t n = 7;

		put_file(a.alp, "pending_peers.yaml", broken[i]);
		pending_free(pending_list(a.p, &n), 0);
		assert_int_equal(n, 0);
		assert_int_equal(pending_note(a.p, ALICE, 1, NULL), -1);
		assert_int_equal(pending_drop(a.p, ALICE, NULL), -1);
		now = get_file(a.alp, "pending_peers.yaml");
		assert_string_equal(now, broken[i]);
		end(&a);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_published_file_has_its_published_meaning),
		TEST(test_published_addresses_are_split_at_their_last_colon),
		TEST(test_an_address_has_a_port_that_exists),
		TEST(test_published_limits_give_their_cap),
		TEST(test_what_is_no_row_is_skipped),
		TEST(test_the_first_of_two_rows_counts),
		TEST(test_a_policy_for_tools_is_whole_or_broken),
		TEST(test_without_a_policy_every_tool_may_run),
		TEST(test_a_file_that_does_not_load_pins_nobody_and_says_why),
		TEST(test_aliases_may_repeat_a_list_but_not_without_end),
		TEST(test_every_change_by_others_is_seen),
		TEST(test_a_file_that_stays_the_same_is_read_once),
		TEST(test_links_and_folders_are_no_files_of_ours),
		TEST(test_a_change_touches_its_own_lines_only),
		TEST(test_a_row_is_read_as_it_was_added),
		TEST(test_what_cannot_be_pinned_is_refused),
		TEST(test_a_file_that_does_not_load_is_never_replaced),
		TEST(test_who_is_not_there_is_not_found),
		TEST(test_what_cannot_be_changed_safely_is_left),
		TEST(test_changes_wait_for_the_lock_and_leave_nothing_beside_the_file),
		TEST(test_a_fenced_process_reads_and_changes_peers),
		TEST(test_published_strangers_leave_the_published_list),
		TEST(test_a_record_is_dropped_once),
		TEST(test_a_clock_that_is_set_loses_no_stranger),
		TEST(test_records_of_others_are_read),
		TEST(test_a_list_of_strangers_that_does_not_load_is_left),
	};

	return RUN(tests);
}
