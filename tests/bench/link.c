/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer for the benchmark: it pings, sends and fetches as fast as it is
 * answered, over the project's own connections, and measures what the
 * primitives alone cost on this machine.
 *
 *   link floor                                  lines "name value"
 *   link SEED KEY PATH|HOST:PORT ping N         median µs, one session
 *   link SEED KEY HOST:PORT new N               median µs, a connection each
 *   link SEED KEY HOST:PORT many SESSIONS N     pings per second
 *   link SEED KEY HOST:PORT idle SESSIONS       holds them until standard input ends
 *   link SEED KEY HOST:PORT put BYTES           MB per second, and the hash
 *   link SEED KEY HOST:PORT get HASH            MB per second
 */
#include <event2/event.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "alpd/blob.h"
#include "alpd/conn.h"
#include "alpd/envelope.h"
#include "common/mem.h"
#include "common/paths.h"

struct session {
	struct conn	*conn;
	int		 waiting;	/* for an answer */
	int		 left;		/* pings that it still has to send */
	double		 sent;
	json_t		*result;	/* of the newest frame */
	int		 more;		/* it was a chunk */
};

static struct event_base *base;
static struct identity *self;
static const char *key, *where;
static double *times;
static int ntimes, open_sessions;

static double
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void
die(const char *what, const struct error *e)
{
	fprintf(stderr, "link: %s: %s\n", what, e == NULL ? "" : e->text);
	exit(1);
}

/* ---- one question at a time on each session ------------------------------------------------------------ */

static void
ask(struct session *s, const char *method, const char *params)
{
	struct error e = { 0 };
	char id[ENVELOPE_ID_BYTES];
	size_t len;
	cleanup_free char *text = envelope_request(self, key, method, params, id, &len, &e);

	if (text == NULL || conn_send(s->conn, text, len, &e) == -1)
		die("ask", &e);
	s->waiting = 1;
	conn_next(s->conn, 60000);
}

static void
ping(struct session *s)
{
	s->sent = now_us();
	ask(s, "link.ping", "{\"nonce\":\"bench\"}");
}

static void
on_message(void *arg, const char *text, size_t len)
{
	struct session *s = arg;
	struct timespec t;
	struct envelope v = { 0 };
	struct error e = { 0 };

	clock_gettime(CLOCK_REALTIME, &t);
	if (envelope_open(&v, text, len, (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000, &e) == -1)
		die("answer", &e);
	if (v.error != NULL) {
		fprintf(stderr, "link: %.*s\n", (int)len, text);
		exit(1);
	}
	json_decref(s->result);
	s->result = node_json(v.result);
	s->more = node_equals(v.stream, "chunk");
	envelope_clear(&v);
	s->waiting = 0;
	if (s->left > 0) {
		times[ntimes++] = now_us() - s->sent;
		if (--s->left > 0) {
			ping(s);
			return;
		}
		open_sessions--;
	}
	if (s->left == 0)
		event_base_loopbreak(base);
}

static void
on_ready(void *arg)
{
	open_sessions++;
	event_base_loopbreak(base);
}

static void
on_closed(void *arg, const struct error *why)
{
	die("closed", why);
}

static const struct conn_owner owner = { .ready = on_ready, .message = on_message, .closed = on_closed };

static void
dial(struct session *s)
{
	int before = open_sessions, port = 0;
	cleanup_free char *host = NULL;
	uint8_t public[KEY_BYTES], x[KEY_BYTES];
	struct error e = { 0 };

	if (where[0] == '/')
		s->conn = conn_dial_unix(base, where, 5000, &owner, s, &e);
	else if (identity_parse(key, public) == -1 || identity_to_x25519(public, x) == -1 ||
	    (host = xstrndup(where, (size_t)(strrchr(where, ':') - where))) == NULL)
		die("key", NULL);
	else {
		port = atoi(strrchr(where, ':') + 1);
		s->conn = conn_dial_tcp(base, NULL, host, port, self, x, 5000, &owner, s, &e);
	}
	if (s->conn == NULL)
		die("dial", &e);
	while (open_sessions == before)
		event_base_loop(base, EVLOOP_ONCE);
}

static void
wait_answer(struct session *s)
{
	while (s->waiting)
		event_base_loop(base, EVLOOP_ONCE);
}

/* ---- what is measured -------------------------------------------------------------------------------------- */

static int
ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(void)
{
	qsort(times, (size_t)ntimes, sizeof(*times), ascending);
	return times[ntimes / 2];
}

/* A Unix socket answers one request, so each ping there has a connection of its own. */
static void
pings(int n, int anew)
{
	struct session s = { 0 };

	times = xcalloc((size_t)n, sizeof(*times));
	for (int i = 0; i < n; i++) {
		double begin = now_us();

		if (i == 0 || anew) {
			s.conn = NULL;
			dial(&s);
		}
		ask(&s, "link.ping", "{\"nonce\":\"bench\"}");
		wait_answer(&s);
		times[ntimes++] = now_us() - begin;
		if (anew)
			conn_close(s.conn);
	}
	printf("%.1f\n", median());
}

static void
many(int sessions, int n)
{
	struct session *all = xcalloc((size_t)sessions, sizeof(*all));
	double begin;

	times = xcalloc((size_t)n + (size_t)sessions, sizeof(*times));
	for (int i = 0; i < sessions; i++)
		dial(&all[i]);
	begin = now_us();
	for (int i = 0; i < sessions; i++) {
		all[i].left = n / sessions;
		ping(&all[i]);
	}
	while (open_sessions > 0)
		event_base_loop(base, EVLOOP_ONCE);
	printf("%.0f\n", ntimes / ((now_us() - begin) / 1e6));
}

static void
idle(int sessions)
{
	struct session *all = xcalloc((size_t)sessions, sizeof(*all));
	char c;

	for (int i = 0; i < sessions; i++) {
		dial(&all[i]);
		ask(&all[i], "link.ping", "{}");
		wait_answer(&all[i]);
	}
	printf("%d\n", sessions);
	fflush(stdout);
	while (read(STDIN_FILENO, &c, 1) > 0)
		;
}

static void
put(size_t size)
{
	unsigned char *data = xmalloc(size + 1), sum[32];
	struct session s = { 0 };
	char hash[65];
	double begin;

	randombytes_buf(data, size);
	crypto_hash_sha256(sum, data, size);
	sodium_bin2hex(hash, sizeof(hash), sum, sizeof(sum));
	dial(&s);
	begin = now_us();
	for (size_t at = 0; at < size;) {
		size_t n = size - at < BLOB_CHUNK ? size - at : BLOB_CHUNK, room = sodium_base64_ENCODED_LEN(n, 1);
		cleanup_free char *text = xmalloc(room), *params = NULL;

		sodium_bin2base64(text, room, data + at, n, sodium_base64_VARIANT_ORIGINAL);
		params = xasprintf("{\"data\":\"%s\",\"final\":%s,\"hash\":\"%s\",\"offset\":%zu,\"size\":%zu}", text,
		    at + n == size ? "true" : "false", hash, at, size);
		ask(&s, "link.put_blob", params);
		wait_answer(&s);
		at += n;
	}
	printf("%.1f\n%s\n", (double)size / (now_us() - begin), hash);
}

static void
get(const char *hash)
{
	cleanup_free char *params = xasprintf("{\"hash\":\"%s\"}", hash);
	struct session s = { 0 };
	double begin;

	dial(&s);
	begin = now_us();
	ask(&s, "link.get_blob", params);
	wait_answer(&s);
	while (s.more) {
		s.waiting = 1;
		conn_next(s.conn, 60000);
		wait_answer(&s);
	}
	printf("%.1f\n", (double)json_integer_value(json_object_get(s.result, "size")) / (now_us() - begin));
}

/* ---- the floors --------------------------------------------------------------------------------------------- */

#define TIMED(name, count, work)						\
	do {									\
		double begin_ = now_us();					\
		for (int i_ = 0; i_ < (count); i_++)				\
			work;							\
		printf("%s %.2f\n", name, (now_us() - begin_) / (count));	\
	} while (0)

/* One byte there and back between two processes. */
static void
socket_trip(void)
{
	int pair[2];
	char c = 0;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		exit(1);
	if (fork() == 0) {
		close(pair[0]);
		while (read(pair[1], &c, 1) == 1 && write(pair[1], &c, 1) == 1)
			;
		_exit(0);
	}
	close(pair[1]);
	TIMED("socket_us", 20000, if (write(pair[0], &c, 1) != 1 || read(pair[0], &c, 1) != 1) exit(1));
	close(pair[0]);
	wait(NULL);
}

static void
floors(void)
{
	unsigned char pk[32], sk[64], sig[64], q[32], *data = xcalloc(1, 1 << 20), sum[32], nonce[12] = { 0 };

	randombytes_buf(q, sizeof(q));
	crypto_sign_keypair(pk, sk);
	crypto_scalarmult_base(q, q);
	TIMED("sign_us", 4000, crypto_sign_detached(sig, NULL, data, 300, sk));
	TIMED("verify_us", 4000, if (crypto_sign_verify_detached(sig, data, 300, pk) != 0) exit(1));
	TIMED("x25519_us", 4000, if (crypto_scalarmult(sum, sk, q) != 0) exit(1));
	socket_trip();
	TIMED("aead_us_per_mib", 64, crypto_aead_chacha20poly1305_ietf_encrypt(data, NULL, data, (1 << 20) - 16, NULL, 0,
	    NULL, nonce, pk));
	TIMED("sha256_us_per_mib", 64, crypto_hash_sha256(sum, data, 1 << 20));
	TIMED("sha512_us_per_mib", 64, crypto_hash_sha512(sig, data, 1 << 20));
	free(data);
}

/* The key child of this peer, in a fork. */
static struct identity *
identity_of(const char *seed_hex)
{
	uint8_t seed[KEY_BYTES];
	struct error e = { 0 };
	int pair[2];

	if (sodium_hex2bin(seed, sizeof(seed), seed_hex, strlen(seed_hex), NULL, NULL, NULL) != 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		die("seed", NULL);
	if (fork() == 0) {
		close(pair[0]);
		_exit(key_serve(pair[1], seed));
	}
	close(pair[1]);
	return identity_over(pair[0], &e);
}

int
main(int argc, char *argv[])
{
	if (sodium_init() == -1)
		return 1;
	if (argc == 2 && strcmp(argv[1], "floor") == 0) {
		floors();
		return 0;
	}
	if (argc < 6 || (self = identity_of(argv[1])) == NULL)
		return 2;
	key = argv[2];
	where = argv[3];
	base = event_base_new();
	if (strcmp(argv[4], "ping") == 0)
		pings(atoi(argv[5]), where[0] == '/');
	else if (strcmp(argv[4], "new") == 0)
		pings(atoi(argv[5]), 1);
	else if (strcmp(argv[4], "many") == 0 && argc == 7)
		many(atoi(argv[5]), atoi(argv[6]));
	else if (strcmp(argv[4], "idle") == 0)
		idle(atoi(argv[5]));
	else if (strcmp(argv[4], "put") == 0)
		put((size_t)atol(argv[5]));
	else if (strcmp(argv[4], "get") == 0)
		get(argv[5]);
	else
		return 2;
	return 0;
}
