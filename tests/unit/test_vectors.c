/* SPDX-License-Identifier: Apache-2.0 */
/* Vectors of pieces: what a server may answer, what is kept of it, what is found. */
#include "tests/unit/shelf_fixture.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "engined/embed.h"
#include "engined/shelf.h"
#include "engined/vectors.h"

#define DIM	96

static struct db *db;

#define CASE_DB(fn) cmocka_unit_test_setup_teardown(fn, up_db, down)

static int
up_db(void **state)
{
	int r = up(state);

	db = shelf->db;
	return r;
}

static uint64_t seed = 88172645463325252;

static float
chance(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (float)((double)(seed >> 11) / 9007199254740992.0 - 0.5);
}

static void
some_vector(float *v)
{
	for (int i = 0; i < DIM; i++)
		v[i] = chance();
}

static double
cosine(const float *a, const float *b)
{
	double ab = 0, aa = 0, bb = 0;

	for (int i = 0; i < DIM; i++) {
		ab += (double)a[i] * b[i];
		aa += (double)a[i] * a[i];
		bb += (double)b[i] * b[i];
	}
	return ab / sqrt(aa * bb);
}

static struct vectors
make(const char *model, int64_t dim)
{
	struct vectors v;
	struct error e = { 0 };

	if (vectors_make(db, root, model, dim, &v, &e) == -1)
		fail_msg("%s", e.text);
	return v;
}

/* ---- the index ---------------------------------------------------------------------------------------- */

static void
test_vectors_finds_the_nearest_of_few_exactly(void **state)
{
	static float all[301][DIM];
	struct vectors v = make("m", DIM);
	struct vectors_hit hits[5];
	struct error e = { 0 };
	float query[DIM];

	for (int i = 1; i <= 300; i++) {
		cleanup_free char *name = xasprintf("f%d", i);

		put_at(root, name, "text");
		some_vector(all[i]);
		assert_int_equal(vectors_put(db, &v, i, all[i], &e), 0);
	}
	some_vector(query);
	assert_int_equal(vectors_search(db, &v, query, hits, 5, &e), 5);
	for (int k = 0; k < 5; k++) {
		int nearer = 0;

		for (int i = 1; i <= 300; i++)
			nearer += cosine(query, all[i]) > cosine(query, all[hits[k].piece]);
		assert_int_equal(nearer, k);
		assert_true(fabs(hits[k].score - cosine(query, all[hits[k].piece])) < 1e-5);
	}
}

static void
test_vectors_finds_a_near_one_among_many(void **state)
{
	struct vectors v = make("m", DIM);
	struct vectors_hit hit;
	struct error e = { 0 };
	float one[DIM], query[DIM];
	cleanup_buf struct buf text = BUF(0);

	for (int i = 0; i < 25 * (VECTORS_NEAR + 1000) + 5; i++)
		buf_puts(&text, "line\n");
	put_at(root, "long", buf_str(&text));
	assert_int_equal(words_begin(shelf, &e), 0);
	for (int i = 1; i <= VECTORS_NEAR + 1000; i++) {
		some_vector(one);
		if (i == 1234)
			memcpy(query, one, sizeof(query));
		assert_int_equal(vectors_put(db, &v, i, one, &e), 0);
	}
	assert_int_equal(words_end(shelf, true, &e), 0);
	for (int i = 0; i < DIM; i++)
		query[i] += 0.2f * chance();
	assert_int_equal(vectors_search(db, &v, query, &hit, 1, &e), 1);
	assert_int_equal(hit.piece, 1234);
}

static void
test_vectors_are_missing_until_they_are_put(void **state)
{
	struct vectors none, v;
	int64_t ids[4], missing, pieces;
	char *texts[4];
	struct error e = { 0 };
	float one[DIM];

	put_at(root, "a", "first");
	put_at(root, "b", " \n ");
	assert_int_equal(vectors_find(db, root, "m", &none, &e), 0);
	assert_int_equal(none.id, 0);
	assert_int_equal(vectors_missing(db, &none, 0, ids, texts, 4, &e), 2);
	assert_string_equal(texts[0], "first");
	assert_string_equal(texts[1], "(empty)");
	free(texts[0]);
	free(texts[1]);
	v = make("m", DIM);
	some_vector(one);
	assert_int_equal(vectors_put(db, &v, ids[0], one, &e), 0);
	assert_int_equal(vectors_missing(db, &v, 0, ids, texts, 4, &e), 1);
	assert_string_equal(texts[0], "(empty)");
	free(texts[0]);
	assert_int_equal(vectors_count(db, &v, &missing, &pieces, &e), 0);
	assert_int_equal(missing, 1);
	assert_int_equal(pieces, 2);
}

static void
test_vectors_go_with_their_file(void **state)
{
	struct vectors v = make("m", DIM);
	struct vectors_hit hit;
	struct error e = { 0 };
	float one[DIM];

	put_at(root, "a", "text");
	some_vector(one);
	assert_int_equal(vectors_put(db, &v, 1, one, &e), 0);
	assert_int_equal(vectors_put(db, &v, 77, one, &e), 0);		/* there is no such piece: nothing */
	assert_int_equal(vectors_search(db, &v, one, &hit, 1, &e), 1);
	assert_int_equal(shelf_shrink(shelf, root, "a", INT64_MAX, &e), 0);
	assert_int_equal(vectors_search(db, &v, one, &hit, 1, &e), 0);
}

static void
test_vectors_of_a_model_have_one_dimension(void **state)
{
	struct vectors v = make("m", DIM), other;
	struct error e = { 0 };
	float one[DIM];

	v = make("m", 7);			/* there were none yet */
	v = make("m", DIM);
	put_at(root, "a", "text");
	some_vector(one);
	assert_int_equal(vectors_put(db, &v, 1, one, &e), 0);
	assert_int_equal(vectors_make(db, root, "m", 7, &other, &e), -1);
	assert_int_equal(e.code, ERR_conflict);
}

static void
test_vectors_of_other_models_and_workspaces_stay_apart(void **state)
{
	struct error e = { 0 };
	int64_t elsewhere = shelf_root(shelf, "/other", true, &e);
	struct vectors v = make("m", DIM), old = make("old", DIM), theirs;
	struct vectors_hit hit;
	float one[DIM];
	int more;

	put_at(root, "a", "text");
	put_at(elsewhere, "b", "text");
	some_vector(one);
	assert_int_equal(vectors_make(db, elsewhere, "m", DIM, &theirs, &e), 0);
	assert_int_equal(vectors_put(db, &theirs, 2, one, &e), 0);
	assert_int_equal(vectors_put(db, &old, 1, one, &e), 0);
	assert_int_equal(vectors_search(db, &v, one, &hit, 1, &e), 0);
	assert_int_equal(vectors_put(db, &v, 1, one, &e), 0);
	while ((more = vectors_drop_others(db, &v, 1, &e)) == 1)
		;
	assert_int_equal(more, 0);
	assert_int_equal(vectors_search(db, &old, one, &hit, 1, &e), 0);
	assert_int_equal(vectors_search(db, &v, one, &hit, 1, &e), 1);
	assert_int_equal(vectors_search(db, &theirs, one, &hit, 1, &e), 1);
	assert_int_equal(hit.piece, 2);
}

/* ---- answers ------------------------------------------------------------------------------------------------ */

static void
test_embed_puts_vectors_where_the_server_says(void **state)
{
	static const char answer[] = "{\"data\":[{\"index\":1,\"embedding\":[3,4.5]},{\"index\":0,\"embedding\":[1,-2e0]}],"
	    "\"usage\":{\"prompt_tokens\":7}}";
	struct embed_result r;
	struct error e = { 0 };

	assert_int_equal(embed_read(answer, strlen(answer), 2, &r, &e), 0);
	assert_int_equal(r.dim, 2);
	assert_int_equal(r.tokens, 7);
	assert_true(r.numbers[0] == 1 && r.numbers[1] == -2 && r.numbers[2] == 3 && r.numbers[3] == 4.5f);
	embed_clear(&r);
}

static void
test_embed_refuses_what_is_no_answer(void **state)
{
	static const char *const bad[] = { "", "[]", "{}", "{\"data\":{}}", "{\"data\":[]}", "{\"data\":[{\"embedding\":[1]}]}",
	    "{\"data\":[{\"embedding\":[]},{\"embedding\":[]}]}", "{\"data\":[{\"embedding\":[1]},{\"embedding\":[1,2]}]}",
	    "{\"data\":[{\"embedding\":[1]},{\"embedding\":[\"1\"]}]}", "{\"data\":[{\"embedding\":[1]},{\"embedding\":[1e300]}]}",
	    "{\"data\":[{\"embedding\":[1],\"index\":0},{\"embedding\":[1],\"index\":0}]}",
	    "{\"data\":[{\"embedding\":[1],\"index\":0},{\"embedding\":[1],\"index\":2}]}",
	    "{\"data\":[{\"embedding\":[1],\"index\":-1},{\"embedding\":[1]}]}", "{\"data\":[1,2]}", "{\"data\":[{\"embedding\":\"AACAPw==\"},{}]}" };

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct embed_result r;
		struct error e = { 0 };

		if (embed_read(bad[i], strlen(bad[i]), 2, &r, &e) != -1)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(e.code, ERR_provider);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		CASE_DB(test_vectors_finds_the_nearest_of_few_exactly),
		CASE_DB(test_vectors_finds_a_near_one_among_many),
		CASE_DB(test_vectors_are_missing_until_they_are_put),
		CASE_DB(test_vectors_go_with_their_file),
		CASE_DB(test_vectors_of_a_model_have_one_dimension),
		CASE_DB(test_vectors_of_other_models_and_workspaces_stay_apart),
		cmocka_unit_test(test_embed_puts_vectors_where_the_server_says),
		cmocka_unit_test(test_embed_refuses_what_is_no_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
