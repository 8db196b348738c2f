/* SPDX-License-Identifier: Apache-2.0 */
/* The key files: made once, kept for ever, repaired, refused when they are not what they should be. */
#include "tests/unit/link_vectors.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alpd/keyfile.h"
#include "common/log.h"
#include "common/paths.h"

#define PEM "alp/secrets/alp_key.pem"
#define PUB "alp/secrets/alp_key.pub"

static char *home;
static uint8_t seed[KEY_BYTES];

static void
quiet(const char *line)
{
}

static char *
at(const char *name)
{
	return path_join(home, name);
}

static int
mode_of(const char *name)
{
	cleanup_free char *path = at(name);
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return (int)(st.st_mode & 07777);
}

static void
set_mode(const char *name, mode_t mode)
{
	cleanup_free char *path = at(name);

	assert_int_equal(chmod(path, mode), 0);
}

static void
load(void)
{
	struct error e = { 0 };

	if (keyfile_load(home, seed, &e) == -1)
		fail_msg("%s", e.text);
}

/* Refused, and why. */
static char *
refused(void)
{
	struct error e = { 0 };

	assert_int_equal(keyfile_load(home, seed, &e), -1);
	return xstrdup(e.text);
}

static void
assert_says(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("'%s' does not say '%s'", text, part);
}

static void
new_home(void)
{
	free(home);
	home = temp_home();
}

/* A home with alice's key. */
static void
home_of_alice(void)
{
	cleanup_json json_t *keys = vectors("keys.json");
	const json_t *alice = json_array_get(json_object_get(keys, "identities"), 0);
	cleanup_free char *dir = NULL;
	struct error e = { 0 };

	new_home();
	dir = at("alp/secrets");
	assert_int_equal(make_dirs(dir, 0700, &e), 0);
	put_file(home, PEM, json_str(alice, "alp_key.pem", ""));
}

/* ---- the PEM forms -------------------------------------------------------------------------------- */

static void
test_key_files_are_read_and_printed_as_the_vectors_say(void **state)
{
	cleanup_json json_t *keys = vectors("keys.json");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(keys, "identities"), i, row) {
		cleanup_bytes struct bytes want = hex(row, "ed25519_seed"), public = hex(row, "ed25519_public");
		const char *pem = json_str(row, "alp_key.pem", ""), *pub = json_str(row, "alp_key.pub", "");
		cleanup_buf struct buf one = BUF(0), two = BUF(0);

		assert_int_equal(pem_parse_seed(pem, strlen(pem), seed, NULL), 0);
		assert_bytes(seed, sizeof(seed), want);
		pem_print_seed(seed, &one);
		assert_string_equal(buf_str(&one), pem);
		pem_print_public(public.data, &two);
		assert_string_equal(buf_str(&two), pub);
	}
	assert_int_equal(i, 5);
}

#define BODY "MC4CAQAwBQYDK2VwBCIEINBcjaU/svOMjQfq8vwpdLH4MzfnPOSiriH2YO6SenRm"
#define BEGIN "-----BEGIN PRIVATE KEY-----\n"
#define END "-----END PRIVATE KEY-----\n"

static int
parses(const char *text)
{
	return pem_parse_seed(text, strlen(text), seed, NULL) == 0;
}

static void
test_lines_may_be_cut_otherwise_and_text_may_stand_around(void **state)
{
	assert_true(parses(BEGIN BODY "\n" END));
	assert_true(parses("-----BEGIN PRIVATE KEY-----\r\n" BODY "\r\n-----END PRIVATE KEY-----\r\n"));
	assert_true(parses("the key of alice\n" BEGIN BODY "\n" END "kept since\n"));
	assert_true(parses(BEGIN "MC4CAQAwBQYDK2VwBCIEINBcjaU/svOM\njQfq8vwpdLH4MzfnPOSiriH2YO6SenRm\n" END));
}

static void
test_what_is_no_such_key_is_refused(void **state)
{
	static const char *const bad[] = {
		"", "\n", BEGIN, END, END BODY BEGIN,
		BEGIN END, BEGIN BODY, BODY END,
		BEGIN "MC4CAQAwBQYDK2VwBCIEINBcjaU/svOMjQfq8vwpdLH4MzfnPOSiriH2YO6SenR\n" END,		/* cut */
		BEGIN BODY "AAAA\n" END,								/* more behind it */
		BEGIN "MC4CAQAwBQYDK2VuBCIEINBcjaU/svOMjQfq8vwpdLH4MzfnPOSiriH2YO6SenRm\n" END,	/* X25519's OID */
		BEGIN "!C4CAQAwBQYDK2VwBCIEINBcjaU/svOMjQfq8vwpdLH4MzfnPOSiriH2YO6SenRm\n" END,
		"-----BEGIN ENCRYPTED PRIVATE KEY-----\n" BODY "\n-----END ENCRYPTED PRIVATE KEY-----\n",
		"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAabW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENoM=\n-----END PUBLIC KEY-----\n",
	};

	for (size_t i = 0; i < COUNT(bad); i++)
		if (parses(bad[i]))
			fail_msg("%s", bad[i]);
}

/* ---- the files ---------------------------------------------------------------------------------------- */

static void
test_a_new_home_gets_an_identity_that_stays(void **state)
{
	cleanup_free char *pem = NULL, *pub = NULL, *again = NULL;
	uint8_t first[KEY_BYTES];

	new_home();
	load();
	memcpy(first, seed, sizeof(first));
	pem = get_file(home, PEM);
	pub = get_file(home, PUB);
	assert_int_equal(mode_of("alp/secrets"), 0700);
	assert_int_equal(mode_of(PEM), 0600);
	assert_int_equal(mode_of(PUB), 0644);
	load();
	again = get_file(home, PEM);
	assert_memory_equal(seed, first, sizeof(first));
	assert_string_equal(again, pem);
}

static void
test_two_homes_have_two_identities(void **state)
{
	uint8_t first[KEY_BYTES];

	new_home();
	load();
	memcpy(first, seed, sizeof(first));
	new_home();
	load();
	assert_memory_not_equal(seed, first, sizeof(first));
}

static void
assert_public(void)
{
	cleanup_json json_t *keys = vectors("keys.json");
	cleanup_free char *pub = get_file(home, PUB);

	assert_string_equal(pub, json_str(json_array_get(json_object_get(keys, "identities"), 0), "alp_key.pub", ""));
	assert_int_equal(mode_of(PUB), 0644);
}

static void
test_a_public_key_that_is_missing_or_differs_is_written_anew(void **state)
{
	cleanup_free char *before = NULL, *after = NULL;

	home_of_alice();
	before = get_file(home, PEM);
	load();
	assert_public();
	put_file(home, PUB, "something else\n");
	load();
	assert_public();
	set_mode(PUB, 0600);
	load();
	assert_public();
	after = get_file(home, PEM);
	assert_string_equal(after, before);
}

static void
test_what_others_could_read_is_repaired_at_every_start(void **state)
{
	home_of_alice();
	set_mode("alp/secrets", 0755);
	set_mode(PEM, 0644);
	load();
	assert_int_equal(mode_of("alp/secrets"), 0700);
	assert_int_equal(mode_of(PEM), 0600);
}

static void
test_a_key_that_does_not_parse_is_an_error_and_stays(void **state)
{
	cleanup_free char *why = NULL, *path = NULL, *left = NULL, *pub = NULL;

	home_of_alice();
	put_file(home, PEM, "not a key\n");
	path = at(PEM);
	why = refused();
	assert_says(why, path);
	assert_says(why, "no new identity is made");
	assert_says(why, "move it away");
	left = get_file(home, PEM);
	assert_string_equal(left, "not a key\n");
	pub = at(PUB);
	assert_int_equal(access(pub, F_OK), -1);
}

static void
test_an_empty_key_is_no_reason_for_a_new_one(void **state)
{
	cleanup_free char *why = NULL, *left = NULL;

	home_of_alice();
	put_file(home, PEM, "");
	why = refused();
	assert_says(why, "no new identity is made");
	left = get_file(home, PEM);
	assert_string_equal(left, "");
}

static void
test_a_folder_or_a_pipe_in_place_of_the_key_is_refused(void **state)
{
	cleanup_free char *pem = NULL, *one = NULL, *two = NULL;

	home_of_alice();
	pem = at(PEM);
	assert_int_equal(unlink(pem), 0);
	assert_int_equal(mkdir(pem, 0755), 0);
	one = refused();
	assert_says(one, pem);
	assert_int_equal(mode_of(PEM), 0755);
	assert_int_equal(rmdir(pem), 0);
	assert_int_equal(mkfifo(pem, 0600), 0);
	two = refused();
	assert_says(two, pem);
}

static void
test_links_are_not_followed(void **state)
{
	cleanup_free char *pem = NULL, *pub = NULL, *real = NULL, *dir = NULL, *away = NULL, *why = NULL, *also = NULL;
	cleanup_free char *untouched = NULL;

	home_of_alice();
	pem = at(PEM);
	real = at("real.pem");
	assert_int_equal(rename(pem, real), 0);
	assert_int_equal(symlink(real, pem), 0);
	why = refused();
	assert_says(why, "a symbolic link is not followed");
	assert_int_equal(unlink(pem), 0);
	assert_int_equal(symlink("nowhere", pem), 0);
	free(steal(why));
	why = refused();					/* nor is one made behind it */
	assert_says(why, "a symbolic link is not followed");
	assert_int_equal(unlink(pem), 0);
	assert_int_equal(rename(real, pem), 0);

	pub = at(PUB);						/* the public one is replaced, not written through */
	put_file(home, "other", "other\n");
	assert_int_equal(symlink("../../other", pub), 0);
	load();
	assert_public();
	untouched = get_file(home, "other");
	assert_string_equal(untouched, "other\n");

	dir = at("alp/secrets");
	away = at("away");
	assert_int_equal(rename(dir, away), 0);
	assert_int_equal(symlink(away, dir), 0);
	also = refused();
	assert_says(also, "a symbolic link is not followed");
}

static void
test_nothing_else_is_left_in_the_folder(void **state)
{
	cleanup_free char *command = NULL;

	new_home();
	load();
	load();
	command = xasprintf("test \"$(ls -A %s/alp/secrets | tr '\\n' ' ')\" = 'alp_key.pem alp_key.pub '", home);
	assert_int_equal(system(command), 0);
}

/* Two of us at the same time, many times: one identity. */
static void
test_two_that_start_at_once_get_one_identity(void **state)
{
	for (int round = 0; round < 20; round++) {
		uint8_t got[2][KEY_BYTES];
		int out[2][2], go[2];
		pid_t pid[2];

		new_home();
		assert_int_equal(pipe(go), 0);
		for (int i = 0; i < 2; i++) {
			assert_int_equal(pipe(out[i]), 0);
			if ((pid[i] = fork()) == 0) {
				char byte;

				close(go[1]);
				while (read(go[0], &byte, 1) > 0)	/* its end is the start */
					continue;
				_exit(keyfile_load(home, seed, NULL) != 0 || write(out[i][1], seed, KEY_BYTES) != KEY_BYTES);
			}
		}
		close(go[0]);
		close(go[1]);
		for (int i = 0; i < 2; i++) {
			int status;

			assert_int_equal(read(out[i][0], got[i], KEY_BYTES), KEY_BYTES);
			assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
			assert_int_equal(status, 0);
			close(out[i][0]);
			close(out[i][1]);
		}
		assert_memory_equal(got[0], got[1], KEY_BYTES);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_key_files_are_read_and_printed_as_the_vectors_say),
		TEST(test_lines_may_be_cut_otherwise_and_text_may_stand_around),
		TEST(test_what_is_no_such_key_is_refused),
		TEST(test_a_new_home_gets_an_identity_that_stays),
		TEST(test_two_homes_have_two_identities),
		TEST(test_a_public_key_that_is_missing_or_differs_is_written_anew),
		TEST(test_what_others_could_read_is_repaired_at_every_start),
		TEST(test_a_key_that_does_not_parse_is_an_error_and_stays),
		TEST(test_an_empty_key_is_no_reason_for_a_new_one),
		TEST(test_a_folder_or_a_pipe_in_place_of_the_key_is_refused),
		TEST(test_links_are_not_followed),
		TEST(test_nothing_else_is_left_in_the_folder),
		TEST(test_two_that_start_at_once_get_one_identity),
	};

	log_to(quiet);
	return sodium_init() == -1 ? 1 : RUN(tests);
}
