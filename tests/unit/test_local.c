/* SPDX-License-Identifier: Apache-2.0 */
/* Which profile of this machine a peer is. */
#include "tests/unit/client_fixture.h"

static void
test_a_profile_is_found_by_its_key_whatever_its_id_is(void **state)
{
	struct fixture *f = fixture_new();
	struct error e = { 0 };

	assert_int_equal(local_publish(f->bob.home, identity_name(f->bob.self.id), &e), 0);
	pin_bob(f, "robert", false);
	f->bob.script = answers;
	struct outcome o = ask(f, "robert", ping);
	assert_int_equal(o.how, CLIENT_OK);
	outcome_clear(&o);
	fixture_free(f);
}

static void
test_a_profile_without_a_known_key_is_found_by_its_id(void **state)
{
	struct fixture *f = fixture_new();
	struct peer p = { .id = (char *)"bob", .pubkey = (char *)identity_name(f->bob.self.id) };
	cleanup_free char *path = local_socket(f->a.root, f->d.boot.run, &p, NULL);
	cleanup_free char *want = path_join(f->a.root, "profiles/bob/alp/alp.sock");
	cleanup_free char *root = NULL, *root_want = path_join(f->a.root, "alp/alp.sock");
	struct error e = { 0 };

	assert_string_equal(path, want);
	p.id = (char *)"default";
	root = local_socket(f->a.root, f->d.boot.run, &p, NULL);
	assert_string_equal(root, root_want);
	p.id = (char *)"../../etc";
	assert_null(local_socket(f->a.root, f->d.boot.run, &p, &e));
	fixture_free(f);
}

static void
test_the_root_comes_first_and_a_key_that_changed_is_not_found(void **state)
{
	struct fixture *f = fixture_new();
	cleanup_free char *work = path_join(f->a.root, "profiles/work"), *run = path_join(f->a.root, "run/work");
	const char *me = identity_name(f->self.id), *bob = identity_name(f->bob.self.id);
	char *found;

	assert_int_equal(make_dirs(run, 0700, NULL), 0);
	assert_int_equal(local_publish(work, me, NULL), 0);
	found = local_profile(f->a.root, f->d.boot.run, me);
	assert_string_equal(found, "default");		/* client_new has put our own name up */
	free(found);
	assert_int_equal(local_publish(work, bob, NULL), 0);
	assert_int_equal(local_publish(f->bob.home, bob, NULL), 0);
	found = local_profile(f->a.root, f->d.boot.run, bob);
	assert_string_equal(found, "bob");		/* the first by name */
	free(found);
	assert_int_equal(local_publish(f->bob.home, me, NULL), 0);
	found = local_profile(f->a.root, f->d.boot.run, bob);
	assert_string_equal(found, "work");
	free(found);
	fixture_free(f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_profile_is_found_by_its_key_whatever_its_id_is),
		TEST(test_a_profile_without_a_known_key_is_found_by_its_id),
		TEST(test_the_root_comes_first_and_a_key_that_changed_is_not_found),
	};

	return RUN(tests);
}
