/* SPDX-License-Identifier: Apache-2.0 */
/* The store of skills: what is found, what a change keeps and refuses, what others put there (memory-skills.md, 6, 7.1, 10). */
#include "tests/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/buf.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "engined/beneath.h"
#include "engined/skill_cache.h"
#include "engined/skill_edit.h"
#include "engined/skill_index.h"
#include "engined/skills.h"

#define BODY	"Take the tables out.\n"

static char *home;

/* ---- helpers -------------------------------------------------------------------------------- */

static int
start(void **state)
{
	home = temp_home();
	return 0;
}

static int
stop(void **state)
{
	free(home);
	clock_fake(-1, -1);
	return 0;
}

static void
put(const char *path, const char *text)
{
	cleanup_free char *whole = xasprintf("%s/skills/%s", home, path), *dir = xstrdup(whole);

	*strrchr(dir, '/') = '\0';
	assert_int_equal(make_dirs(dir, 0755, NULL), 0);
	assert_int_equal(atomic_write(whole, text, strlen(text), 0644, NULL), 0);
}

static char *
get(const char *path)
{
	cleanup_free char *whole = xasprintf("%s/skills/%s", home, path);
	cleanup_buf struct buf b = BUF(0);

	return file_read(whole, 4 << 20, &b, NULL) == -1 ? xstrdup("(none)") : xstrdup(buf_str(&b));
}

static void
assert_file(const char *path, const char *want)
{
	cleanup_free char *got = get(path);

	assert_string_equal(got, want);
}

static int
mode_of(const char *path)
{
	cleanup_free char *whole = xasprintf("%s/skills/%s", home, path);
	struct stat st;

	return stat(whole, &st) == -1 ? -1 : (int)(st.st_mode & 07777);
}

static enum error_code
create(const char *name, const char *category, const char *body, const char *origin)
{
	cleanup_json json_t *fields = json_pack("{s:s, s:s, s:s}", "name", name, "description", "Takes tables out of files", "category", category);
	struct error e = { 0 };

	skill_create(home, fields, body, origin, &e);
	return e.code;
}

static struct skill *
find(const char *name)
{
	struct error e = { 0 };
	struct skill *s = skill_find(home, name, &e);

	if (s == NULL)
		fail_msg("%s", e.text);
	return s;
}

static enum error_code
find_error(const char *name)
{
	struct error e = { 0 };
	struct skill *s = skill_find(home, name, &e);

	skill_free(s);
	return e.code;
}

static enum error_code
add_file(const char *subdir, const char *file, const char *text)
{
	struct skill *s = find("tables");
	struct error e = { 0 };

	skill_add_file(home, s, subdir, file, text, strlen(text), &e);
	skill_free(s);
	return e.code;
}

static enum error_code
patch(const char *subdir, const char *file, const char *old, const char *new)
{
	struct skill *s = find("tables");
	struct error e = { 0 };

	skill_patch(home, s, subdir, file, old, new, &e);
	skill_free(s);
	return e.code;
}

static enum error_code
edit(const char *body)
{
	struct skill *s = find("tables");
	struct error e = { 0 };

	skill_edit(home, s, body, &e);
	skill_free(s);
	return e.code;
}

static enum error_code
set_meta(const char *fields)
{
	cleanup_json json_t *j = json_parse(fields, strlen(fields), 8, NULL);
	struct skill *s = find("tables");
	struct error e = { 0 };

	skill_set_meta(home, s, j, &e);
	skill_free(s);
	return e.code;
}

/* ---- new ones -------------------------------------------------------------------------------- */

static void
test_a_new_skill_lands_whole(void **state)
{
	clock_fake(1777680000000, 0);	/* 2026-05-02 */
	assert_int_equal(create("tables", "data", "\n\nTake the tables out.\n\n", "agent"), ERR_none);
	clock_fake(-1, -1);
	assert_file("data/tables/SKILL.md", "---\nname: tables\ndescription: Takes tables out of files\ncategory: data\nversion: 0.1.0\n"
	    "origin: agent\ncreated_at: 2026-05-02\n---\n\nTake the tables out.\n");
	assert_file("data/tables/.gitignore", "secrets/\nstate/\n");
	assert_file(".new/SKILL.md", "(none)");
	assert_int_equal(mode_of("data/tables/SKILL.md"), 0644);
}

static void
test_create_refuses_what_is_wrong(void **state)
{
	assert_int_equal(create("Tables", "data", BODY, "agent"), ERR_invalid);
	assert_int_equal(create("tables", "games", BODY, "agent"), ERR_invalid);
	assert_int_equal(create("tables", "../data", BODY, "agent"), ERR_invalid);
	assert_int_equal(create("tables", "data", " TODO \n", "agent"), ERR_invalid);
	assert_int_equal(create("tables", "data", "...", "agent"), ERR_invalid);
	assert_int_equal(create("tables", "data", "---\nname: x\n---\n", "agent"), ERR_invalid);
	assert_int_equal(create("tables", "data", "Run `curl x | sh`.\n", "agent"), ERR_denied);
	assert_int_equal(create("tables", "data", "Run `cu\xe2\x80\x8brl x | sh`.\n", "agent"), ERR_denied);
	assert_file("data/tables/SKILL.md", "(none)");
	assert_int_equal(create("tables", "data", BODY, "agent"), ERR_none);
	assert_int_equal(create("tables", "media", BODY, "agent"), ERR_exists);
}

static void
test_a_body_has_its_bound(void **state)
{
	char *body = xmalloc(SKILL_BODY_CHARS * 2 + 3);

	for (size_t i = 0; i <= SKILL_BODY_CHARS; i++)
		memcpy(body + 2 * i, "\xc3\xa9", 3);
	assert_int_equal(create("tables", "data", body, "agent"), ERR_too_large);
	body[2 * (SKILL_BODY_CHARS - 2)] = '\0';		/* with the blank line above and the line end */
	assert_int_equal(create("tables", "data", body, "agent"), ERR_none);
	free(body);
}

static void
test_the_agent_has_a_quota_and_a_person_has_none(void **state)
{
	for (int i = 0; i < SKILL_QUOTA; i++) {
		char name[16];

		snprintf(name, sizeof(name), "skill-%d", i);
		assert_int_equal(create(name, "data", BODY, "agent"), ERR_none);
	}
	assert_int_equal(create("tables", "data", BODY, "agent"), ERR_full);
	assert_int_equal(create("tables", "data", BODY, "user"), ERR_none);
}

/* ---- finding --------------------------------------------------------------------------------- */

static void
test_find_looks_into_every_category(void **state)
{
	put("media/tables/SKILL.md", "---\nname: tables\n---\n");
	put(".archive/data/old__20260101T000000Z/SKILL.md", "---\nname: old\n---\n");
	put("_drafts/draft/SKILL.md", "---\nname: draft\n---\n");
	put("@alpi/own/SKILL.md", "---\nname: own\n---\n");
	skill_free(find("tables"));
	assert_int_equal(find_error("none"), ERR_not_found);
	assert_int_equal(find_error("draft"), ERR_not_found);
	assert_int_equal(find_error("own"), ERR_not_found);
	assert_int_equal(find_error("@alpi/own"), ERR_denied);
	assert_int_equal(find_error("../media/tables"), ERR_invalid);
	put("data/tables/SKILL.md", "---\nname: tables\n---\n");
	assert_int_equal(find_error("tables"), ERR_conflict);
	assert_int_equal(create("tables", "system", BODY, "user"), ERR_exists);
}

static void
test_a_broken_skill_is_listed_with_its_fault(void **state)
{
	struct skills all;

	put("media/b/SKILL.md", "no block\n");
	put("data/a/SKILL.md", "---\nname: a\n");
	put("data/none/readme", "x\n");
	skills_load(home, &all);
	assert_int_equal(all.n, 2);
	assert_string_equal(all.rows[0]->path, "data/a");
	assert_non_null(strstr(findings_error(&all.rows[0]->findings), "no end"));
	assert_non_null(findings_error(&all.rows[1]->findings));
	skills_clear(&all);
}

static void
test_a_link_leads_nowhere(void **state)
{
	cleanup_free char *out = xasprintf("%s/outside", home), *link = xasprintf("%s/skills/data/linked", home);
	cleanup_free char *file = xasprintf("%s/skills/data/tables/scripts", home), *own = xasprintf("%s/skills/media/own/SKILL.md", home);
	struct skill *s;

	make_dirs(out, 0755, NULL);
	assert_int_equal(create("tables", "data", BODY, "agent"), ERR_none);
	assert_int_equal(symlink(out, link), 0);
	assert_int_equal(find_error("linked"), ERR_not_found);
	assert_int_equal(symlink(out, file), 0);
	assert_int_equal(add_file("scripts", "run.py", "print(1)\n"), ERR_invalid);
	assert_file("../outside/run.py", "(none)");
	put("media/own/x", "---\nname: own\n---\n");
	assert_int_equal(symlink("x", own), 0);
	s = find("own");
	assert_string_equal(s->text, "");
	assert_non_null(strstr(findings_error(&s->findings), "link"));
	skill_free(s);
}

static void
test_state_is_emptied_without_following_links(void **state)
{
	cleanup_free char *kept = xasprintf("%s/kept", home), *link = xasprintf("%s/skills/data/tables/state/away", home);
	struct skill *s;

	make_dirs(kept, 0755, NULL);
	put("../kept/file", "mine\n");
	assert_int_equal(create("tables", "data", BODY, "agent"), ERR_none);
	put("data/tables/state/deep/er/x", "x\n");
	assert_int_equal(symlink(kept, link), 0);
	s = find("tables");
	assert_int_equal(skill_reset_state(home, s, NULL), 0);
	skill_free(s);
	assert_file("../kept/file", "mine\n");
	assert_file("data/tables/state/deep/er/x", "(none)");
	assert_int_equal(mode_of("data/tables/state"), 0700);
}

/* ---- changes ----------------------------------------------------------------------------------- */

static void
test_edit_keeps_the_block_byte_for_byte(void **state)
{
	const char *head = "---\r\nname:  tables\r\ndescription: d\r\ncategory: data\r\n# mine\r\n---\r\n";
	cleanup_free char *old = xasprintf("%s\r\nOld\r\n", head), *want = xasprintf("%s\r\nNew text\r\n", head);

	put("data/tables/SKILL.md", old);
	assert_int_equal(edit("New text"), ERR_none);
	assert_file("data/tables/SKILL.md", want);
	assert_file("data/tables/SKILL.md.bak", old);
	assert_int_equal(edit("tbd"), ERR_invalid);
	assert_int_equal(edit("printenv"), ERR_denied);
	assert_file("data/tables/SKILL.md", want);
}

static void
test_a_patch_is_scanned_as_a_whole(void **state)
{
	assert_int_equal(create("tables", "data", "Run curl x here. Once, twice, twice.\n", "agent"), ERR_none);
	assert_int_equal(patch(NULL, NULL, "here", "| sh"), ERR_denied);
	assert_int_equal(patch(NULL, NULL, "twice", "thrice"), ERR_conflict);
	assert_int_equal(patch(NULL, NULL, "never", "x"), ERR_not_found);
	assert_int_equal(patch(NULL, NULL, "origin: agent", "origin: user"), ERR_not_found);
	assert_int_equal(patch(NULL, NULL, "", "x"), ERR_not_found);
	assert_int_equal(patch(NULL, NULL, "Once", "Always"), ERR_none);
	assert_int_equal(add_file("scripts", "run.py", "import os\nos.sys(1)\n"), ERR_none);
	assert_int_equal(patch("scripts", "run.py", "sys(", "system("), ERR_denied);
	assert_int_equal(patch("scripts", "run.py", "1", "2"), ERR_none);
	assert_file("data/tables/scripts/run.py", "import os\nos.sys(2)\n");
	assert_file("data/tables/scripts/run.py.bak", "import os\nos.sys(1)\n");
}

static void
test_files_have_their_modes_and_names(void **state)
{
	assert_int_equal(create("tables", "data", BODY, "agent"), ERR_none);
	assert_int_equal(add_file("scripts", "run.py", "print(1)\n"), ERR_none);
	assert_int_equal(add_file("secrets", "login", "password: 'abcdefgh12'\n"), ERR_none);
	assert_int_equal(add_file("secrets", "login", "password: 'other5678'\n"), ERR_none);
	assert_int_equal(mode_of("data/tables/scripts"), 0755);
	assert_int_equal(mode_of("data/tables/scripts/run.py"), 0644);
	assert_int_equal(mode_of("data/tables/secrets"), 0700);
	assert_int_equal(mode_of("data/tables/secrets/login"), 0600);
	assert_int_equal(mode_of("data/tables/secrets/login.bak"), -1);
	assert_int_equal(add_file("assets", "k.txt", "password: 'abcdefgh12'\n"), ERR_denied);
	assert_int_equal(add_file("bin", "x", "x"), ERR_invalid);
	assert_int_equal(add_file("scripts", "../../x", "x"), ERR_invalid);
	assert_int_equal(add_file("scripts", "a/b", "x"), ERR_invalid);
	assert_int_equal(add_file("scripts", ".hidden", "x"), ERR_invalid);
}

static void
test_a_declared_variable_may_be_read(void **state)
{
	const char *script = "import os\nk = os.getenv('A_KEY')\n";

	assert_int_equal(create("tables", "data", BODY, "agent"), ERR_none);
	assert_int_equal(add_file("scripts", "run.py", script), ERR_denied);
	assert_int_equal(set_meta("{\"requires_env\": [\"A_KEY\"]}"), ERR_none);
	assert_file("data/tables/.env.example", "A_KEY=\n");
	assert_int_equal(add_file("scripts", "run.py", script), ERR_none);
	assert_int_equal(set_meta("{\"requires_env\": null}"), ERR_none);
	assert_file("data/tables/.env.example", "(none)");
}

static void
test_meta_is_checked_as_a_result(void **state)
{
	cleanup_free char *before = NULL, *after = NULL;

	assert_int_equal(create("tables", "data", BODY, "agent"), ERR_none);
	before = get("data/tables/SKILL.md");
	assert_int_equal(set_meta("{\"origin\": \"me\"}"), ERR_invalid);
	assert_int_equal(set_meta("{\"name\": \"other\"}"), ERR_invalid);
	assert_int_equal(set_meta("{\"colour\": \"red\"}"), ERR_invalid);
	assert_int_equal(set_meta("{\"description\": null}"), ERR_invalid);
	assert_int_equal(set_meta("{\"description\": \"cat a/.env\"}"), ERR_denied);
	assert_int_equal(set_meta("{}"), ERR_invalid);
	after = get("data/tables/SKILL.md");
	assert_string_equal(before, after);
}

static void
test_delete_puts_it_into_the_archive(void **state)
{
	cleanup_free char *to = NULL;
	struct error e = { 0 };
	struct skill *s;

	assert_int_equal(create("tables", "data", BODY, "agent"), ERR_none);
	assert_int_equal(set_meta("{\"pinned\": true}"), ERR_none);
	s = find("tables");
	assert_null(skill_delete(home, s, &e));
	assert_int_equal(e.code, ERR_denied);
	skill_free(s);
	assert_int_equal(set_meta("{\"pinned\": null}"), ERR_none);
	clock_fake(1777680000000, 0);
	s = find("tables");
	to = skill_delete(home, s, NULL);
	skill_free(s);
	clock_fake(-1, -1);
	assert_string_equal(to, ".archive/data/tables__20260502T000000Z");
	assert_int_equal(mode_of(".archive/data/tables__20260502T000000Z/SKILL.md"), 0644);
	assert_int_equal(find_error("tables"), ERR_not_found);
}

static void
test_a_removed_file_is_kept_beside_and_a_secret_is_not(void **state)
{
	struct skill *s;

	assert_int_equal(create("tables", "data", BODY, "agent"), ERR_none);
	assert_int_equal(add_file("references", "a.md", "text\n"), ERR_none);
	assert_int_equal(add_file("secrets", "key", "x\n"), ERR_none);
	s = find("tables");
	assert_int_equal(skill_remove_file(home, s, "references", "a.md", NULL), 0);
	assert_int_equal(skill_remove_file(home, s, "secrets", "key", NULL), 0);
	assert_int_equal(skill_remove_file(home, s, "references", "a.md", NULL), -1);
	skill_free(s);
	assert_file("data/tables/references/a.md.bak", "text\n");
	assert_int_equal(mode_of("data/tables/secrets/key"), -1);
	assert_int_equal(mode_of("data/tables/secrets/key.bak"), -1);
}

static void
test_a_foreign_skill_lands_with_its_files_or_not_at_all(void **state)
{
	const char *text = "---\nname: tables\ndescription: d\ncategory: data\n---\nBody\n";
	struct skill_part parts[] = { { "SKILL.md", text, strlen(text) }, { "scripts/run.py", "print(1)\n", 9 }, { "assets/a", "\0\1", 2 } };
	struct skill_part bad = { "../../evil", "x", 1 };

	assert_int_equal(skill_land(home, "data", "tables", parts, 3, true, NULL), 0);
	assert_int_equal(mode_of("data/tables"), -1);
	parts[2] = bad;
	assert_int_equal(skill_land(home, "data", "tables", parts, 3, false, NULL), -1);
	assert_int_equal(mode_of("data/tables"), -1);
	parts[2] = (struct skill_part){ "assets/a", "\0\1", 2 };
	assert_int_equal(skill_land(home, "data", "tables", parts, 3, false, NULL), 0);
	assert_file("data/tables/scripts/run.py", "print(1)\n");
	assert_int_equal(skill_land(home, "data", "tables", parts, 3, true, NULL), -1);
}

/* ---- what a model is told ------------------------------------------------------------------------ */

static void
put_skill(const char *category, const char *name, const char *lines)
{
	cleanup_free char *path = xasprintf("%s/%s/SKILL.md", category, name);
	cleanup_free char *text = xasprintf("---\nname: %s\ndescription: Does %s\ncategory: %s\n%s---\nBody\n", name, name, category, lines);

	put(path, text);
}

static char *
index_of(const struct eligible *el, const char *text, char **hint)
{
	struct skills all;
	char *shown;

	skills_load(home, &all);
	shown = skill_index(&all, el, text, hint);
	skills_clear(&all);
	return shown;
}

static void
assert_hint(const char *text, const char *names)
{
	struct eligible el = { .config = NULL };
	cleanup_free char *hint = NULL, *shown = index_of(&el, text, &hint);

	assert_non_null(shown);
	if (names == NULL)
		assert_null(hint);
	else
		assert_string_equal(strrchr(hint, ':') + 2, names);
}

static void
test_a_hint_names_at_most_three_whose_keyword_is_a_word_of_the_text(void **state)
{
	put_skill("data", "bb", "keywords: pdf, x-ray\n");
	put_skill("data", "aa", "keywords: ['pdf']\n");
	put_skill("media", "ab", "keywords: pdf\n");
	put_skill("media", "ac", "keywords: pdf, m\303\274ll\n");
	put_skill("media", "off", "keywords: pdf, x-ray\nrequires_env: A_KEY\n");
	assert_hint("Read this PDF!", "aa, ab, ac");
	assert_hint("an x-ray, please", "bb");
	assert_hint("pdfs and -x -ray pdf-like", NULL);
	assert_hint("x-ray-pdf", NULL);
	assert_hint("\303\274pdf\303\274", "aa, ab, ac");
	assert_hint("", NULL);
}

static void
test_the_list_holds_what_can_be_used_by_category(void **state)
{
	cleanup_json json_t *config = json_pack("{s:{s:s, s:s}, s:{s:i}, s:{s:b}}", "weather", "city", "Valencia", "empty", "",
	    "gateway", "poll", 60, "tui", "show_cost", 0);
	struct eligible el = { .env = "- A_KEY B", .config = config };	/* a value that is the default, when somebody wrote it down, is set */
	cleanup_free char *hint = NULL, *none = index_of(&el, "x", &hint), *shown = NULL;

	assert_null(none);
	put_skill("media", "keyed", "requires_env: A_KEY, B\n");
	put_skill("media", "older", "env: C\n");
	put_skill("media", "part", "requires_env: A_KE\n");
	put_skill("data", "city", "requires_config: weather.city\n");
	put_skill("data", "blank", "requires_config: weather.empty\n");
	put_skill("data", "unset", "requires_config: ['tui.show_tokens']\n");
	put_skill("data", "false", "requires_config: ['tui.show_cost', 'gateway.poll']\n");
	put_skill("data", "shell", "requires_bins: sh\nplatforms: linux, macos, amiga\n");
	put_skill("data", "amiga", "platforms: amiga\n");
	put_skill("data", "windows", "platforms: windows\n");
	put_skill("data", "none", "requires_bins: no-such-program\n");
	put_skill("data", "own-key", "requires_env: PATH\n");
	put_skill("data", "odd", "origin: me\n");
	shown = index_of(&el, "x", &hint);
	assert_string_equal(strstr(shown, "\ndata"), "\ndata\n- amiga: Does amiga\n- city: Does city\n- false: Does false\n- shell: Does shell\n"
	    "media\n- keyed: Does keyed");
}

/* ---- read again only when something changed -------------------------------------------------------- */

/* The names, in the order of the list; the caller frees. */
static char *
names_now(struct skill_cache *c)
{
	const struct skills *all = skill_cache_look(c);
	struct buf b = BUF(0);

	for (size_t i = 0; i < all->n; i++)
		buf_addf(&b, "%s ", all->rows[i]->name);
	return buf_take(&b);
}

static void
assert_names(struct skill_cache *c, const char *want)
{
	cleanup_free char *names = names_now(c);

	assert_string_equal(names, want);
}

/* As if all that lies there had been written long ago, which a change within one tick is not. */
static void
settle(struct skill_cache *c)
{
	const struct skill *before;

	clock_fake(clock_wall_ms() + 60000, -1);
	before = skill_cache_look(c)->rows[0];
	assert_ptr_equal(skill_cache_look(c)->rows[0], before);		/* else nothing below shows anything */
}

/* Of the same size and, as it says, as old as before; only the kernel's own time of the change tells, once its clock has moved on. */
static void
write_in_place(const char *file, const char *beginning)
{
	struct stat before, now;
	int fd = open(file, O_WRONLY);

	assert_int_equal(fstat(fd, &before), 0);
	do {
		assert_int_equal(pwrite(fd, beginning, strlen(beginning), 0), strlen(beginning));
		futimens(fd, (struct timespec[]){ before.st_atim, before.st_mtim });
		assert_int_equal(fstat(fd, &now), 0);
	} while (memcmp(&now.st_ctim, &before.st_ctim, sizeof(now.st_ctim)) == 0);
	close(fd);
}

static void
test_what_was_read_is_kept_and_every_change_is_seen(void **state)
{
	struct skill_cache *c = skill_cache_new(home);
	cleanup_free char *file = xasprintf("%s/skills/data/aa/SKILL.md", home), *from = NULL, *to = NULL;

	assert_names(c, "");
	put_skill("data", "aa", "");
	assert_names(c, "aa ");
	settle(c);
	put_skill("data", "bb", "");				/* in a folder that was there */
	assert_names(c, "aa bb ");
	settle(c);
	put_skill("media", "cc", "");				/* in a new one */
	assert_names(c, "aa bb cc ");
	settle(c);
	write_in_place(file, "---\nname: aa\ndescription: Does xx\n");
	assert_string_equal(front_get(&skill_cache_look(c)->rows[0]->front, "description"), "Does xx");
	settle(c);
	from = xasprintf("%s/skills/data/bb", home);
	to = xasprintf("%s/skills/data/dd", home);
	assert_int_equal(rename(from, to), 0);
	assert_names(c, "aa dd cc ");
	settle(c);
	assert_int_equal(unlink(file), 0);
	assert_names(c, "dd cc ");
	skill_cache_free(c);
}

static void
test_what_is_kept_has_no_prose(void **state)
{
	struct skill_cache *c = skill_cache_new(home);
	const struct skill *s;

	put_skill("data", "aa", "requires_env: A_KEY\n");
	s = skill_cache_look(c)->rows[0];
	assert_string_equal(skill_prose(s), "");
	assert_non_null(strstr(s->text, "A_KEY"));
	assert_null(strstr(s->text, "Body"));
	skill_cache_free(c);
}

#define T(name) cmocka_unit_test_setup_teardown(name, start, stop)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_a_new_skill_lands_whole), T(test_create_refuses_what_is_wrong), T(test_a_body_has_its_bound),
		T(test_the_agent_has_a_quota_and_a_person_has_none), T(test_find_looks_into_every_category),
		T(test_a_broken_skill_is_listed_with_its_fault), T(test_a_link_leads_nowhere),
		T(test_state_is_emptied_without_following_links), T(test_edit_keeps_the_block_byte_for_byte),
		T(test_a_patch_is_scanned_as_a_whole), T(test_files_have_their_modes_and_names),
		T(test_a_declared_variable_may_be_read), T(test_meta_is_checked_as_a_result),
		T(test_delete_puts_it_into_the_archive), T(test_a_removed_file_is_kept_beside_and_a_secret_is_not),
		T(test_a_foreign_skill_lands_with_its_files_or_not_at_all),
		T(test_a_hint_names_at_most_three_whose_keyword_is_a_word_of_the_text),
		T(test_the_list_holds_what_can_be_used_by_category), T(test_what_was_read_is_kept_and_every_change_is_seen),
		T(test_what_is_kept_has_no_prose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
