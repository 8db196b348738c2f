/* SPDX-License-Identifier: Apache-2.0 */
/* The people of tests/vectors/keys.json, each with a key child of its own. */
#ifndef TESTS_LINK_PEOPLE_H
#define TESTS_LINK_PEOPLE_H

#include "tests/check.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alpd/identity.h"
#include "common/json.h"
#include "common/mem.h"

struct person {
	struct identity	*id;
	pid_t		 child;
};

static inline void
seed_of(const char *name, uint8_t seed[KEY_BYTES])
{
	cleanup_json json_t *keys = vectors("keys.json");
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(keys, "identities"), i, row)
		if (strcmp(json_str(row, "name", ""), name) == 0) {
			sodium_hex2bin(seed, KEY_BYTES, json_str(row, "ed25519_seed", ""), 2 * KEY_BYTES, NULL, NULL, NULL);
			return;
		}
	fail_msg("keys.json has no %s", name);
}

static inline struct person
person(const char *name)
{
	uint8_t seed[KEY_BYTES];
	struct error e = { 0 };
	struct person p;
	int pair[2];

	assert_true(sodium_init() >= 0);
	seed_of(name, seed);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	p.child = fork();
	assert_true(p.child >= 0);
	if (p.child == 0) {
		dup2(pair[1], STDERR_FILENO + 1);
		closefrom(STDERR_FILENO + 2);		/* nobody else's ends */
		_exit(key_serve(STDERR_FILENO + 1, seed));
	}
	close(pair[1]);
	if ((p.id = identity_over(pair[0], &e)) == NULL)
		fail_msg("%s", e.text);
	return p;
}

static inline void
person_gone(struct person *p)
{
	identity_stop(p->id);
	waitpid(p->child, NULL, 0);
}

#endif
