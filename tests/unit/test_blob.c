/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs of peers: the published conversation, every size, what is not followed, and every moment at which we may die. */
#include "alpd/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/audit.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"
#include "tests/check.h"

#define ALICE	"abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENoM="

struct at {
	char		*home, *alp;
	struct blobs	*b;
};

static struct at
begin(void)
{
	struct at a = { .home = temp_home() };
	struct error e = { 0 };

	a.alp = path_join(a.home, "alp");
	assert_int_equal(mkdir(a.alp, 0700), 0);
	assert_non_null(a.b = blobs_open(a.home, &e));
	return a;
}

/* What a new process has: nothing but the files. */
static void
restart(struct at *a)
{
	blobs_close(a->b);
	assert_non_null(a->b = blobs_open(a->home, NULL));
}

static void
end(struct at *a)
{
	blobs_close(a->b);
	free(a->home);
	free(a->alp);
}

/* ---- contents -------------------------------------------------------------------------------------- */

static void
fill(unsigned char *out, int64_t offset, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (unsigned char)((uint32_t)((uint64_t)(offset + (int64_t)i) * 2654435761u) >> 24);
}

static void
hash_of(int64_t size, char out[65])
{
	static unsigned char all[BLOB_MAX];
	static int64_t last = -1;
	static char hash[65];

	if (size != last) {
		fill(all, 0, (size_t)size);
		audit_hash(all, (size_t)size, hash);
		last = size;
	}
	memcpy(out, hash, sizeof(hash));
}

/* One chunk of the content of that size. 0 or -1. */
static int
put(struct at *a, const char *from, int64_t size, int64_t offset, size_t len, bool final, struct blob_state *st)
{
	static unsigned char chunk[BLOB_CHUNK + 1];
	struct error e = { 0 };
	char hash[65] = "6829a2ae36d2eae0a433e4d06ba8472ce882f7b3a75b24a7a8b1b6926af28671";

	if (size <= BLOB_MAX)
		hash_of(size, hash);
	fill(chunk, offset, len);
	return blob_put(a->b, from, hash, size, offset, chunk, len, final, st, &e) == 0 ? 0 : -(int)e.code;
}

/* From an offset to the end, as a sender does. */
static void
put_rest(struct at *a, const char *from, int64_t size, int64_t offset)
{
	struct blob_state st = { .next_offset = offset };

	while (!st.complete) {
		size_t len = (size_t)(size - st.next_offset < BLOB_CHUNK ? size - st.next_offset : BLOB_CHUNK);
		int64_t at = st.next_offset;

		assert_int_equal(put(a, from, size, at, len, at + (int64_t)len == size, &st), 0);
		assert_int_equal(st.next_offset, at + (int64_t)len);
	}
}

static void
check_stored(struct at *a, int64_t size)
{
	static unsigned char all[BLOB_MAX];
	char hash[65], found[65];
	int64_t said = -1;
	struct error e = { 0 };
	int fd;

	hash_of(size, hash);
	fd = blob_open(a->b, hash, &said, &e);
	assert_true(fd != -1);
	assert_int_equal(said, size);
	assert_int_equal(read(fd, all, sizeof(all)), size);
	close(fd);
	audit_hash(all, (size_t)size, found);
	assert_string_equal(found, hash);
}

static char *
part_path(const struct at *a, const char *from, int64_t size)
{
	char hash[65], sender[65];

	hash_of(size, hash);
	audit_hash(from, strlen(from), sender);
	return xasprintf("%s/blobs/.incoming/%.16s-%s.part", a->alp, sender, hash);
}

/* A part as a process left it that died. */
static void
leave_part(const struct at *a, const char *from, int64_t size, int64_t held)
{
	static unsigned char all[BLOB_MAX];
	cleanup_free char *path = part_path(a, from, size), *dir = path_join(a->alp, "blobs/.incoming");
	cleanup_close int fd = -1;

	assert_int_equal(make_dirs(dir, 0700, NULL), 0);
	assert_true((fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600)) != -1);
	fill(all, 0, (size_t)held);
	assert_int_equal(write(fd, all, (size_t)held), held);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), 0);
	return st.st_mode & 07777;
}

static bool
is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

/* ---- published vectors ------------------------------------------------------------------------------- */

/* The wire's parameters as methods.c takes them apart. 0 and *st, or -1. */
static int
put_row(struct at *a, const char *from, const json_t *params, struct blob_state *st)
{
	const char *data = json_str(params, "data", "");
	unsigned char bytes[64];
	struct error e = { 0 };
	char hash[65];
	size_t len;

	if (blob_hash(json_str(params, "hash", ""), hash) == -1 || !json_is_integer(json_object_get(params, "size")) ||
	    sodium_base642bin(bytes, sizeof(bytes), data, strlen(data), NULL, &len, NULL, sodium_base64_VARIANT_ORIGINAL) != 0)
		return -1;
	if (blob_put(a->b, from, hash, json_int(params, "size", 0), json_int(params, "offset", 0), bytes, len,
	    json_bool(params, "final", false), st, &e) == 0)
		return 0;
	assert_int_equal(e.code, ERR_invalid);
	assert_true(e.text[0] != '\0' && strchr(e.text, '/') == NULL);	/* it goes to the peer */
	return -1;
}

static void
test_the_published_conversation_has_its_answers(void **state)
{
	cleanup_json json_t *all = vectors("blobs.json");
	struct at a = begin();
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(all, "put_script"), i, row) {
		const json_t *want = json_at(row, "answer.result");
		struct blob_state st = { 0 };
		int status = put_row(&a, json_str(row, "sender", ""), json_object_get(row, "params"), &st);

		if (status != (want == NULL ? -1 : 0))
			fail_msg("call %zu (%s)", i, json_str(row, "why", "must succeed"));
		if (want != NULL) {
			assert_int_equal(st.next_offset, json_int(want, "next_offset", -1));
			assert_int_equal(st.complete, json_bool(want, "complete", false));
		}
	}
	assert_true(i > 15);
	end(&a);
}

static void
test_every_published_size_arrives_whole(void **state)
{
	cleanup_json json_t *all = vectors("blobs.json");
	struct at a = begin();
	const json_t *row;
	char hash[65];
	size_t i;

	json_array_foreach(json_object_get(all, "contents"), i, row) {
		int64_t size = json_int(row, "size", -1);

		hash_of(size, hash);
		assert_string_equal(hash, json_str(row, "sha256", ""));
		put_rest(&a, ALICE, size, 0);
		check_stored(&a, size);
	}
	assert_int_equal(i, 8);
	end(&a);
}

static void
test_a_part_has_its_published_name(void **state)
{
	cleanup_json json_t *all = vectors("blobs.json");
	const json_t *row = json_array_get(json_object_get(all, "staging"), 0);
	cleanup_free char *path = NULL;
	struct blob_state st = { 0 };
	struct error e = { 0 };
	struct at a = begin();

	assert_int_equal(blob_put(a.b, json_str(row, "sender", ""), json_str(row, "hash", ""), 17, 0, "conte", 5, false, &st, &e), 0);
	path = xasprintf("%s/blobs/.incoming/%s", a.alp, json_str(row, "part_file", ""));
	assert_true(is_there(path));
	assert_int_equal(mode_of(path), 0600);
	end(&a);
}

/* ---- the rules --------------------------------------------------------------------------------------- */

static void
test_what_does_not_fit_changes_nothing(void **state)
{
	struct at a = begin();
	struct blob_state st = { 0 };

	assert_int_equal(put(&a, ALICE, 1000, 0, 100, false, &st), 0);
	assert_int_equal(put(&a, ALICE, 1000, 0, 1001, false, &st), -ERR_invalid);
	assert_int_equal(put(&a, ALICE, 1000, 100, 901, false, &st), -ERR_invalid);
	assert_int_equal(put(&a, ALICE, 1000, 99, 10, false, &st), -ERR_invalid);
	assert_int_equal(put(&a, ALICE, 1000, 101, 10, false, &st), -ERR_invalid);
	assert_int_equal(put(&a, ALICE, BLOB_MAX, 0, BLOB_CHUNK + 1, false, &st), -ERR_invalid);
	assert_int_equal(put(&a, ALICE, BLOB_MAX + 1, 0, 1, false, &st), -ERR_invalid);
	assert_int_equal(put(&a, ALICE, 1000, 100, 900, true, &st), 0);
	assert_true(st.complete);
	end(&a);
}

static void
test_a_wrong_hash_leaves_nothing_behind(void **state)
{
	cleanup_free char *path = NULL;
	struct blob_state st = { 0 };
	struct error e = { 0 };
	struct at a = begin();
	char hash[65];
	int64_t size;

	hash_of(5, hash);
	path = part_path(&a, ALICE, 5);
	assert_int_equal(blob_put(a.b, ALICE, hash, 5, 0, "wrong", 5, true, &st, &e), -1);
	assert_int_equal(e.code, ERR_invalid);
	assert_false(is_there(path));
	assert_int_equal(blob_open(a.b, hash, &size, &e), -1);
	end(&a);
}

static void
test_a_hash_is_trimmed_and_lower_cased(void **state)
{
	char hash[65], out[65];
	cleanup_free char *upper = NULL, *padded = NULL, *inner = NULL;

	hash_of(1, hash);
	upper = xstrdup(hash);
	for (char *c = upper; *c != '\0'; c++)
		*c = (char)(*c >= 'a' ? *c - 32 : *c);
	padded = xasprintf(" \t%s\r\n", upper);
	assert_int_equal(blob_hash(padded, out), 0);
	assert_string_equal(out, hash);
	inner = xasprintf("%s %s", hash, "0");
	assert_int_equal(blob_hash(inner, out), -1);
	hash[63] = '\0';
	assert_int_equal(blob_hash(hash, out), -1);
	assert_int_equal(blob_hash("", out), -1);
}

/* ---- files -------------------------------------------------------------------------------------------- */

static void
test_folders_and_files_are_the_owners_alone(void **state)
{
	struct at a = begin();
	cleanup_free char *blobs = path_join(a.alp, "blobs"), *incoming = path_join(blobs, ".incoming"), *file = NULL;
	char hash[65];
	mode_t old = umask(0);

	assert_int_equal(mkdir(blobs, 0777), 0);
	put_rest(&a, ALICE, 55, 0);
	umask(old);
	hash_of(55, hash);
	file = path_join(blobs, hash);
	assert_int_equal(mode_of(blobs), 0700);
	assert_int_equal(mode_of(incoming), 0700);
	assert_int_equal(mode_of(file), 0600);
	end(&a);
}

static void
test_no_link_is_followed(void **state)
{
	struct at a = begin(), other = begin();
	cleanup_free char *blobs = path_join(a.alp, "blobs"), *incoming = path_join(blobs, ".incoming");
	cleanup_free char *target = path_join(other.alp, "target"), *file = NULL, *part = part_path(&a, ALICE, 55);
	struct blob_state st = { 0 };
	char hash[65];
	int64_t size;

	hash_of(55, hash);
	file = path_join(blobs, hash);
	assert_int_equal(symlink(other.alp, blobs), 0);
	assert_true(put(&a, ALICE, 55, 0, 55, true, &st) < 0);
	assert_int_equal(unlink(blobs), 0);
	assert_int_equal(mkdir(blobs, 0700), 0);
	assert_int_equal(symlink(other.alp, incoming), 0);
	assert_true(put(&a, ALICE, 55, 0, 55, true, &st) < 0);
	assert_int_equal(unlink(incoming), 0);
	assert_int_equal(mkdir(incoming, 0700), 0);
	assert_int_equal(symlink(target, part), 0);
	assert_true(put(&a, ALICE, 55, 0, 55, true, &st) < 0);
	assert_false(is_there(target));
	assert_int_equal(unlink(part), 0);
	put_rest(&other, ALICE, 55, 0);			/* the right bytes, but elsewhere */
	free(target);
	target = xasprintf("%s/blobs/%s", other.alp, hash);
	assert_int_equal(symlink(target, file), 0);
	assert_int_equal(put(&a, ALICE, 55, 0, 55, true, &st), -ERR_invalid);
	assert_int_equal(blob_open(a.b, hash, &size, NULL), -1);
	assert_int_equal(unlink(file), 0);
	put_rest(&a, ALICE, 55, 0);
	end(&a);
	end(&other);
}

static void
test_a_damaged_blob_is_neither_given_nor_taken_for_complete(void **state)
{
	struct at a = begin();
	struct blob_state st = { 0 };
	struct error e = { 0 };
	cleanup_free char *dir = path_join(a.alp, "blobs");
	char hash[65];
	int64_t size;

	put_rest(&a, ALICE, 55, 0);
	check_stored(&a, 55);
	hash_of(55, hash);
	put_file(dir, hash, "something else");
	assert_int_equal(blob_open(a.b, hash, &size, &e), -1);
	assert_int_equal(e.code, ERR_not_found);
	assert_int_equal(put(&a, ALICE, 55, 0, 55, true, &st), -ERR_invalid);
	end(&a);
}

static void
test_a_fenced_process_stores_blobs(void **state)
{
	struct at a = begin();
	int status;
	pid_t child = fork();

	if (child == 0) {
		struct error e = { 0 };
		struct blob_state st = { 0 };

		if (restrict_path(a.alp, "rw!", &e) == -1 || restrict_self("files", &e) == -1)
			_exit(2);
		_exit(put(&a, ALICE, 55, 0, 20, false, &st) == 0 && put(&a, ALICE, 55, 20, 35, true, &st) == 0 ? 0 : 1);
	}
	waitpid(child, &status, 0);
	assert_int_equal(status, 0);
	check_stored(&a, 55);
	end(&a);
}

/* As where the kernel refuses it: the folder of the parts is another file system. */
static void
test_a_part_is_copied_where_it_cannot_be_renamed(void **state)
{
	struct at a = begin();
	cleanup_free char *incoming = path_join(a.alp, "blobs/.incoming"), *left = path_join(a.alp, "blobs/.new"), *part = NULL;
	int status;
	pid_t child;

	assert_int_equal(make_dirs(incoming, 0700, NULL), 0);
	if ((child = fork()) == 0) {
		struct blob_state st = { 0 };

		if (unshare(CLONE_NEWNS) == -1 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 ||
		    mount("none", incoming, "tmpfs", 0, "mode=0700") == -1)
			_exit(77);
		part = part_path(&a, ALICE, 1048593);
		put_rest(&a, ALICE, 1048593, 0);
		_exit(put(&a, ALICE, 1048593, 0, 0, true, &st) == 0 && st.complete && !is_there(part) && !is_there(left) ? 0 : 1);
	}
	waitpid(child, &status, 0);
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
	check_stored(&a, 1048593);
	end(&a);
}

static void
test_hashing_the_largest_blob_needs_little_memory(void **state)
{
	struct at a = begin();
	struct rusage before, after;
	char hash[65];
	int64_t size;
	int fd;

	hash_of(BLOB_MAX, hash);
	put_rest(&a, ALICE, BLOB_MAX, 0);
	restart(&a);
	getrusage(RUSAGE_SELF, &before);
	fd = blob_open(a.b, hash, &size, NULL);
	getrusage(RUSAGE_SELF, &after);
	assert_true(fd != -1);
	close(fd);
	assert_true(after.ru_maxrss - before.ru_maxrss < 1024);
	end(&a);
}

/* ---- dying ------------------------------------------------------------------------------------------- */

/* The sender had the answer to the first chunk; then we died with that much of the second in the part. */
static void
go_on_after(int64_t on_disk)
{
	const int64_t size = 2 * BLOB_CHUNK;
	struct at a = begin();

	leave_part(&a, ALICE, size, on_disk);
	restart(&a);
	put_rest(&a, ALICE, size, BLOB_CHUNK);
	check_stored(&a, size);
	end(&a);
}

static void
test_a_sender_goes_on_whatever_was_written_when_we_died(void **state)
{
	go_on_after(BLOB_CHUNK);			/* before the second chunk */
	go_on_after(BLOB_CHUNK + 1);			/* within it */
	go_on_after(2 * BLOB_CHUNK - 1);
	go_on_after(2 * BLOB_CHUNK);			/* all of it, not renamed, not answered */
}

static void
test_a_sender_begins_again_whatever_was_left(void **state)
{
	struct at a = begin();

	leave_part(&a, ALICE, 55, 0);			/* only its name */
	put_rest(&a, ALICE, 55, 0);
	leave_part(&a, "bob", 1048593, 777);
	put_rest(&a, "bob", 1048593, 0);
	check_stored(&a, 1048593);
	end(&a);
}

static void
test_an_answer_that_was_lost_is_given_again(void **state)
{
	struct at a = begin();
	struct blob_state st = { 0 };
	cleanup_free char *part = part_path(&a, ALICE, 55);

	put_rest(&a, ALICE, 55, 0);			/* renamed; its sender never heard of it */
	leave_part(&a, ALICE, 55, 20);
	restart(&a);
	assert_int_equal(put(&a, ALICE, 55, 20, 35, true, &st), 0);
	assert_true(st.complete);
	assert_int_equal(st.next_offset, 55);
	assert_false(is_there(part));
	end(&a);
}

static void
test_bytes_beyond_a_part_are_not_made_up(void **state)
{
	struct at a = begin();
	struct blob_state st = { 0 };

	leave_part(&a, ALICE, 1000, 100);
	restart(&a);
	assert_int_equal(put(&a, ALICE, 1000, 101, 10, false, &st), -ERR_invalid);
	assert_int_equal(put(&a, ALICE, 1000, 100, 10, false, &st), 0);
	assert_int_equal(put(&a, ALICE, 1000, 100, 10, false, &st), -ERR_invalid);	/* now it is known what is held */
	end(&a);
}

/* A child stores chunks and tells each answer; it is killed; whoever heard the answers goes on. */
static void
test_a_killed_process_has_what_it_acknowledged(void **state)
{
	const int64_t size = BLOB_MAX;
	int64_t heard, last;
	int pair[2], killed = 0;

	for (int round = 0; round < 12; round++) {
		struct at a = begin();
		struct blob_state st = { 0 };
		pid_t child;

		assert_int_equal(pipe(pair), 0);
		if ((child = fork()) == 0) {
			for (st.next_offset = 0; !st.complete;) {
				if (put(&a, ALICE, size, st.next_offset, BLOB_CHUNK, st.next_offset + BLOB_CHUNK == size, &st) != 0 ||
				    write(pair[1], &st.next_offset, sizeof(int64_t)) != sizeof(int64_t))
					_exit(1);
			}
			_exit(0);
		}
		close(pair[1]);
		for (last = 0; read(pair[0], &heard, sizeof(heard)) == sizeof(heard); last = heard)
			if (heard == (1 + round) * BLOB_CHUNK) {
				kill(child, SIGKILL);
				killed++;
			}
		close(pair[0]);
		waitpid(child, NULL, 0);
		restart(&a);
		put_rest(&a, ALICE, size, last == size ? 0 : last);
		check_stored(&a, size);
		end(&a);
	}
	assert_int_equal(killed, 12);
}

/* ---- limits ------------------------------------------------------------------------------------------- */

static void
test_a_write_that_fails_changes_nothing(void **state)
{
	struct rlimit old, small;
	struct blob_state st = { 0 };
	struct at a = begin();
	cleanup_free char *part = part_path(&a, ALICE, BLOB_CHUNK);
	struct stat on_disk;

	assert_int_equal(put(&a, ALICE, BLOB_CHUNK, 0, 1000, false, &st), 0);
	getrlimit(RLIMIT_FSIZE, &old);
	small = (struct rlimit){ .rlim_cur = 5000, .rlim_max = old.rlim_max };
	signal(SIGXFSZ, SIG_IGN);
	setrlimit(RLIMIT_FSIZE, &small);
	assert_true(put(&a, ALICE, BLOB_CHUNK, 1000, BLOB_CHUNK - 1000, true, &st) < 0);
	setrlimit(RLIMIT_FSIZE, &old);
	assert_int_equal(stat(part, &on_disk), 0);
	assert_int_equal(on_disk.st_size, 1000);
	assert_int_equal(put(&a, ALICE, BLOB_CHUNK, 1000, BLOB_CHUNK - 1000, true, &st), 0);
	assert_true(st.complete);
	end(&a);
}

static void
test_a_sender_has_four_uploads_at_once(void **state)
{
	struct at a = begin();
	struct blob_state st = { 0 };

	for (int64_t size = 100; size < 104; size++)
		assert_int_equal(put(&a, ALICE, size, 0, 10, false, &st), 0);
	assert_int_equal(put(&a, ALICE, 104, 0, 10, false, &st), -ERR_full);
	assert_int_equal(put(&a, ALICE, 104, 0, 104, true, &st), -ERR_full);
	assert_int_equal(put(&a, "bob", 104, 0, 10, false, &st), 0);		/* others have their own */
	assert_int_equal(put(&a, ALICE, 103, 0, 20, false, &st), 0);		/* again from the beginning */
	assert_int_equal(put(&a, ALICE, 100, 10, 90, true, &st), 0);		/* and on */
	assert_int_equal(put(&a, ALICE, 104, 0, 10, false, &st), 0);
	leave_part(&a, ALICE, 105, 50);						/* a fifth that is there goes on */
	assert_int_equal(put(&a, ALICE, 105, 50, 55, true, &st), 0);
	end(&a);
}

static void
test_all_uploads_together_are_bounded(void **state)
{
	struct at a = begin();
	struct blob_state st = { 0 };
	char name[96];

	assert_int_equal(put(&a, ALICE, BLOB_MAX, 0, 10, false, &st), 0);
	for (int i = 0; i < 12; i++) {
		cleanup_free char *path = NULL;

		snprintf(name, sizeof(name), "%016d-%064d.part", i, i);
		path = xasprintf("%s/blobs/.incoming/%s", a.alp, name);
		put_file("/", path + 1, "");
		assert_int_equal(truncate(path, BLOB_MAX), 0);
	}
	assert_int_equal(put(&a, ALICE, BLOB_MAX, 10, BLOB_CHUNK, false, &st), 0);
	snprintf(name, sizeof(name), "%016d-%064d.part", 12, 12);
	cleanup_free char *path = xasprintf("%s/blobs/.incoming/%s", a.alp, name);
	put_file("/", path + 1, "");
	assert_int_equal(truncate(path, 256 * 1024 * 1024 - 12LL * BLOB_MAX - 2 * BLOB_CHUNK), 0);
	assert_int_equal(put(&a, ALICE, BLOB_MAX, 10 + BLOB_CHUNK, BLOB_CHUNK, false, &st), -ERR_full);
	assert_int_equal(put(&a, ALICE, BLOB_MAX, 10 + BLOB_CHUNK, BLOB_CHUNK - 10, false, &st), 0);
	end(&a);
}

static void
test_only_stale_uploads_are_swept(void **state)
{
	struct at a = begin();
	struct blob_state st = { 0 };
	cleanup_free char *stale = part_path(&a, ALICE, 100), *young = part_path(&a, ALICE, 101);
	int64_t now = time(NULL);

	assert_int_equal(put(&a, ALICE, 100, 0, 10, false, &st), 0);
	assert_int_equal(put(&a, ALICE, 101, 0, 10, false, &st), 0);
	put_rest(&a, ALICE, 55, 0);
	assert_int_equal(utimensat(AT_FDCWD, stale, (struct timespec[2]){ { .tv_sec = now }, { .tv_sec = now - BLOB_STALE_S - 1 } }, 0), 0);
	blobs_sweep(a.b, now);
	assert_false(is_there(stale));
	assert_true(is_there(young));
	assert_int_equal(put(&a, ALICE, 100, 10, 10, false, &st), -ERR_invalid);
	assert_int_equal(put(&a, ALICE, 101, 10, 10, false, &st), 0);
	check_stored(&a, 55);
	end(&a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_published_conversation_has_its_answers),
		TEST(test_every_published_size_arrives_whole),
		TEST(test_a_part_has_its_published_name),
		TEST(test_what_does_not_fit_changes_nothing),
		TEST(test_a_wrong_hash_leaves_nothing_behind),
		TEST(test_a_hash_is_trimmed_and_lower_cased),
		TEST(test_folders_and_files_are_the_owners_alone),
		TEST(test_no_link_is_followed),
		TEST(test_a_damaged_blob_is_neither_given_nor_taken_for_complete),
		TEST(test_a_fenced_process_stores_blobs),
		TEST(test_a_part_is_copied_where_it_cannot_be_renamed),
		TEST(test_hashing_the_largest_blob_needs_little_memory),
		TEST(test_a_sender_goes_on_whatever_was_written_when_we_died),
		TEST(test_a_sender_begins_again_whatever_was_left),
		TEST(test_an_answer_that_was_lost_is_given_again),
		TEST(test_bytes_beyond_a_part_are_not_made_up),
		TEST(test_a_killed_process_has_what_it_acknowledged),
		TEST(test_a_write_that_fails_changes_nothing),
		TEST(test_a_sender_has_four_uploads_at_once),
		TEST(test_all_uploads_together_are_bounded),
		TEST(test_only_stale_uploads_are_swept),
	};

	return RUN(tests);
}
