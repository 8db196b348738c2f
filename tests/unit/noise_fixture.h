/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of a handshake with the keys of our vectors, for test_noise and test_noise_refuse. */
#ifndef ALPI_NOISE_FIXTURE_H
#define ALPI_NOISE_FIXTURE_H

#include "tests/unit/link_vectors.h"

#include "alpd/noise.h"

/* One end of a handshake; its static secret stands here instead of in a child. */
struct end {
	struct noise	n;
	uint8_t		s[NOISE_KEY], s_pub[NOISE_KEY];
};

static inline int
own_dh(void *arg, const uint8_t theirs[NOISE_KEY], uint8_t out[NOISE_KEY])
{
	return crypto_scalarmult(out, ((struct end *)arg)->s, theirs);
}

static inline void
end_new(struct end *x, bool initiator, struct bytes prologue, struct bytes s, const uint8_t *rs, const uint8_t *e)
{
	memcpy(x->s, s.data, NOISE_KEY);
	crypto_scalarmult_base(x->s_pub, x->s);
	noise_init(&x->n, initiator, prologue.data, prologue.len, x->s_pub, own_dh, x, rs, e);
}

struct pair {
	struct end	i, r;
};

static inline void
pair_new(struct pair *p, const json_t *t)
{
	const json_t *from = json_object_get(t, "initiator"), *to = json_object_get(t, "responder");
	cleanup_bytes struct bytes is = hex(from, "s"), ie = hex(from, "e"), rs = hex(to, "s"), re = hex(to, "e");
	cleanup_bytes struct bytes known = hex(to, "s_pub");
	struct bytes none = { NULL, 0 };

	end_new(&p->i, true, none, is, known.data, ie.data);
	end_new(&p->r, false, none, rs, NULL, re.data);
}

static inline void
first_pair(struct pair *p)
{
	cleanup_json json_t *file = vectors("noise_xk.json");

	pair_new(p, json_array_get(json_object_get(file, "transcripts"), 0));
}

#endif
