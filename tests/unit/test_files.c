/* SPDX-License-Identifier: Apache-2.0 */
/* Paths, atomic files and the sqlite helper. */
#include "tests/check.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/db.h"
#include "common/mem.h"
#include "common/paths.h"

static void
test_root_follows_the_environment(void **state)
{
	static const struct {
		const char	*home, *profile, *root, *name;
	} rows[] = {
		{ "/srv/a", NULL, "/srv/a", "default" },
		{ "/srv/a/", "work", "/srv/a", "work" },
		{ "/srv/a/profiles/work", NULL, "/srv/a", "work" },
		{ "~/x", NULL, "/home/u/x", "default" },
		{ NULL, "", "/home/u/.alpi", "default" },
	};

	setenv("HOME", "/home/u", 1);
	for (size_t i = 0; i < COUNT(rows); i++) {
		cleanup_free char *root = NULL, *name = NULL;

		rows[i].home ? setenv("ALPI_HOME", rows[i].home, 1) : unsetenv("ALPI_HOME");
		rows[i].profile ? setenv("ALPI_PROFILE", rows[i].profile, 1) : unsetenv("ALPI_PROFILE");
		root = home_root(NULL);
		name = profile_from_env();
		assert_string_equal(root, rows[i].root);
		assert_string_equal(name, rows[i].name);
	}
}

static void
test_profile_names_are_checked(void **state)
{
	assert_int_equal(profile_check("work", NULL), 0);
	assert_int_equal(profile_check("a.b-c_1", NULL), 0);
	assert_int_equal(profile_check("default", NULL), 0);
	assert_int_equal(profile_check("", NULL), -1);
	assert_int_equal(profile_check("-x", NULL), -1);
	assert_int_equal(profile_check("a..b", NULL), -1);
	assert_int_equal(profile_check("a/b", NULL), -1);
	assert_int_equal(profile_check("alpi", NULL), -1);
}

static void
test_home_is_made_once_and_left_alone_after(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_free char *text = NULL, *work = path_join(home, "profiles/work");
	struct stat st;
	char **names;

	assert_int_equal(home_create(home, NULL), 0);
	put_file(home, "config.yaml", "model: mine\n");
	assert_int_equal(home_create(home, NULL), 0);
	text = get_file(home, "config.yaml");
	assert_string_equal(text, "model: mine\n");
	assert_int_equal(stat(home, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	assert_int_equal(home_create(work, NULL), 0);
	put_file(home, "profiles/zz", "a file is no profile");
	names = profile_list(home);
	assert_string_equal(names[0], "default");
	assert_string_equal(names[1], "work");
	assert_null(names[2]);
	profile_list_free(names);
}

static int
entries(const char *dir)
{
	DIR *d = opendir(dir);
	int n = -2;

	while (readdir(d) != NULL)
		n++;
	closedir(d);
	return n;
}

static void
test_atomic_write_replaces_whole_or_not_at_all(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_free char *path = path_join(home, "f"), *dir = path_join(home, "d"), *text = NULL;
	struct error e = { 0 };

	assert_int_equal(atomic_write(path, "one", 3, 0600, &e), 0);
	assert_int_equal(atomic_write(path, "two!", 4, 0600, &e), 0);
	text = get_file(home, "f");
	assert_string_equal(text, "two!");
	assert_int_equal(mkdir(dir, 0700), 0);
	assert_int_equal(atomic_write(dir, "x", 1, 0600, &e), -1);	/* a directory cannot be replaced */
	assert_int_equal(entries(home), 2);
}

static void
test_append_does_not_follow_links(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_free char *path = path_join(home, "log"), *link = path_join(home, "link"), *text = NULL;
	struct error e = { 0 };

	assert_int_equal(atomic_append(path, "a\n", 2, 0600, 1, &e), 0);
	assert_int_equal(atomic_append(path, "b\n", 2, 0600, 0, &e), 0);
	text = get_file(home, "log");
	assert_string_equal(text, "a\nb\n");
	assert_int_equal(symlink(path, link), 0);
	assert_int_equal(atomic_append(link, "c\n", 2, 0600, 0, &e), -1);
}

static void
test_file_read_has_a_ceiling_and_takes_regular_files_only(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_free char *path = path_join(home, "f"), *fifo = path_join(home, "p");
	cleanup_buf struct buf b = BUF(0);
	struct error e = { 0 };

	put_file(home, "f", "12345");
	assert_int_equal(file_read(path, 5, &b, &e), 0);
	assert_int_equal(file_read(path, 4, &b, &e), -1);
	assert_int_equal(e.code, ERR_too_large);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_int_equal(file_read(fifo, 5, &b, &e), -1);
	assert_int_equal(e.code, ERR_invalid);
}

static void
test_disk_that_lacks_room_is_full(void **state)
{
	struct error e = { 0 };

	assert_int_equal(disk_has("/tmp", 1, &e), 0);
	assert_int_equal(disk_has("/tmp", (size_t)1 << 62, &e), -1);
	assert_int_equal(e.code, ERR_full);
}

static const char *const first[] = { "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER)", NULL };
static const char *const second[] = { "CREATE TABLE t (k TEXT PRIMARY KEY, n INTEGER)", "ALTER TABLE t ADD x TEXT", NULL };

static void
test_db_migrates_forward_and_refuses_the_newer(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_free char *path = path_join(home, "a.sqlite");
	struct error e = { 0 };
	sqlite3_stmt *s;
	struct db *db;

	assert_int_equal(db_open(&db, path, first, 0, &e), 0);
	assert_int_equal(db_run(db, &e, "INSERT INTO t (k, n) VALUES (?, ?)", "si", "a", (int64_t)1), 0);
	assert_int_equal(db_run(db, &e, "INSERT INTO t (k, n) VALUES (?, ?)", "si", "a", (int64_t)2), -1);
	assert_int_equal(e.code, ERR_exists);
	db_close(db);
	assert_int_equal(db_open(&db, path, second, 1, &e), 0);
	assert_non_null(s = db_query(db, &e, "SELECT n, x FROM t WHERE k = ?", "s", "a"));
	assert_int_equal(db_step(db, s, &e), 1);
	assert_int_equal(sqlite3_column_int(s, 0), 1);
	assert_int_equal(db_step(db, s, &e), 0);
	db_done(s);
	db_close(db);
	assert_int_equal(db_open(&db, path, first, 0, &e), -1);
	assert_int_equal(e.code, ERR_unsupported);
}

static void
test_db_garbage_is_an_error(void **state)
{
	cleanup_free char *home = temp_home();
	cleanup_free char *path = path_join(home, "a.sqlite");
	struct error e = { 0 };
	struct db *db;

	put_file(home, "a.sqlite", "this is no database, and it is longer than a header of one hundred bytes would be, "
	    "so that sqlite looks at it");
	assert_int_equal(db_open(&db, path, first, 0, &e), -1);
	assert_int_equal(e.code, ERR_invalid);
}

/* A database of some pages, as `second` makes it. */
static char *
some_db(void)
{
	cleanup_free char *home = temp_home();
	char *path = path_join(home, "a.sqlite");
	struct db *db;

	assert_int_equal(db_open_whole(&db, path, second, 0, NULL), 0);
	assert_int_equal(sqlite3_exec(db_handle(db), "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 2000)"
	    " INSERT INTO t (k, n) SELECT 'key' || n, n FROM c", NULL, NULL, NULL), SQLITE_OK);
	db_close(db);
	return path;
}

static void
expect_damaged(const char *path)
{
	struct error e = { 0 };
	struct db *db;

	assert_int_equal(db_open_whole(&db, path, second, 0, &e), -1);
	assert_int_equal(e.code, ERR_invalid);
	assert_non_null(strstr(e.text, path));
}

static void
test_db_that_is_cut_off_is_damaged(void **state)
{
	cleanup_free char *path = some_db();
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(truncate(path, st.st_size / 2), 0);
	expect_damaged(path);
}

static void
test_db_with_garbage_in_a_page_is_damaged(void **state)
{
	cleanup_free char *path = some_db();
	FILE *f = fopen(path, "r+");

	assert_int_equal(fseek(f, 4096 * 2, SEEK_SET), 0);
	for (int i = 0; i < 512; i++)
		fputs("garbage ", f);
	fclose(f);
	expect_damaged(path);
}

static void
test_db_with_other_tables_is_damaged(void **state)
{
	cleanup_free char *path = some_db();
	struct db *db;

	assert_int_equal(db_open(&db, path, second, 0, NULL), 0);
	sqlite3_exec(db_handle(db), "ALTER TABLE t RENAME x TO y", NULL, NULL, NULL);
	db_close(db);
	expect_damaged(path);
}

static void
test_db_that_is_set_aside_makes_room_and_stays_readable(void **state)
{
	cleanup_free char *path = some_db(), *aside = xasprintf("%s.damaged", path);
	struct db *db;

	assert_int_equal(db_set_aside(path, NULL), 0);
	assert_int_equal(access(path, F_OK), -1);
	assert_int_equal(db_open_whole(&db, aside, second, 0, NULL), 0);
	db_close(db);
	assert_int_equal(db_open_whole(&db, path, second, 0, NULL), 0);
	db_close(db);
	assert_int_equal(db_set_aside(path, NULL), 0);		/* a second time */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_root_follows_the_environment),
		TEST(test_profile_names_are_checked),
		TEST(test_home_is_made_once_and_left_alone_after),
		TEST(test_atomic_write_replaces_whole_or_not_at_all),
		TEST(test_append_does_not_follow_links),
		TEST(test_file_read_has_a_ceiling_and_takes_regular_files_only),
		TEST(test_disk_that_lacks_room_is_full),
		TEST(test_db_migrates_forward_and_refuses_the_newer),
		TEST(test_db_garbage_is_an_error),
		TEST(test_db_that_is_cut_off_is_damaged),
		TEST(test_db_with_garbage_in_a_page_is_damaged),
		TEST(test_db_with_other_tables_is_damaged),
		TEST(test_db_that_is_set_aside_makes_room_and_stays_readable),
	};

	return RUN(tests);
}
