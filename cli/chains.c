/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chains.h. The public key is the one that stands beside the private
 * key: whoever can replace it there can also have the private one.
 */
#include "cli/chains.h"

#include <glob.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/atomic.h"
#include "common/audit.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

#define OWN		"alpd.jsonl"	/* the chain that holds the anchors */
#define PEM_MAX		1024
#define DER_HEAD	12		/* of an Ed25519 SubjectPublicKeyInfo */

struct chains {
	const char	*home;
	unsigned char	 key[crypto_sign_PUBLICKEYBYTES];
	bool		 has_key;
	json_t		*anchors;	/* chain -> { number of rows -> hash of the last } */
	json_t		*rows;		/* what is answered */
	char		*bad;		/* an anchor that does not hold, NULL: none */
};

/* ---- the key -------------------------------------------------------------------------------------- */

/* The base64 between the first line and the last one. */
static void
read_key(struct chains *s)
{
	static const unsigned char head[DER_HEAD] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0 };
	cleanup_free char *path = xasprintf("%s/alp/secrets/alp_key.pub", s->home);
	cleanup_buf struct buf pem = BUF(PEM_MAX);
	unsigned char der[DER_HEAD + sizeof(s->key)];
	const char *body, *end;
	size_t n;

	if (file_read(path, PEM_MAX, &pem, NULL) == -1 || (body = strchr(buf_str(&pem), '\n')) == NULL ||
	    (end = strstr(body, "-----END")) == NULL)
		return;
	if (sodium_base642bin(der, sizeof(der), body, (size_t)(end - body), "\n\r", &n, NULL,
	    sodium_base64_VARIANT_ORIGINAL) == -1 || n != sizeof(der) || memcmp(der, head, DER_HEAD) != 0)
		return;
	memcpy(s->key, der + DER_HEAD, sizeof(s->key));
	s->has_key = true;
}

/* ---- the anchors ----------------------------------------------------------------------------------- */

static bool
is_signed(const struct chains *s, const char *chain, int64_t rows, const char *head, const char *sig)
{
	unsigned char bytes[crypto_sign_BYTES];
	char text[AUDIT_ANCHOR_MAX];
	size_t n;

	if (strlen(head) != 64 || strlen(chain) > AUDIT_NAME_MAX ||
	    sodium_base642bin(bytes, sizeof(bytes), sig, strlen(sig), NULL, &n, NULL,
	    sodium_base64_VARIANT_ORIGINAL) == -1 || n != sizeof(bytes))
		return false;
	n = audit_anchor_text(text, chain, rows, head);
	return crypto_sign_verify_detached(bytes, (unsigned char *)text, n, s->key) == 0;
}

/* A second anchor for as many rows that says something else never fits: the chain cannot be both. */
static void
remember(struct chains *s, const char *chain, int64_t rows, const char *head)
{
	cleanup_free char *number = xasprintf("%lld", (long long)rows);
	json_t *of = json_object_get(s->anchors, chain);

	if (of == NULL)
		json_object_set_new(s->anchors, chain, of = json_object());
	if (json_object_get(of, number) != NULL && strcmp(json_str(of, number, ""), head) != 0)
		head = "";
	json_object_set_new(of, number, json_string(head));
}

static void
take_anchor(void *arg, int64_t number, const char line[65], const json_t *row)
{
	struct chains *s = arg;
	const char *chain = json_str(row, "chain", ""), *head = json_str(row, "head", "");
	int64_t rows = json_int(row, "rows", 0);

	if (strcmp(json_str(row, "what", ""), "anchor") != 0)
		return;
	if (s->has_key && is_signed(s, chain, rows, head, json_str(row, "sig", "")))
		remember(s, chain, rows, head);
	else if (s->bad == NULL)
		s->bad = xasprintf(s->has_key ? "row %lld: this anchor is not signed by the profile's key" :
		    "row %lld: without alp_key.pub no anchor can be checked", (long long)number);
}

/* ---- the chains -------------------------------------------------------------------------------------- */

struct check {
	const json_t	*anchors;	/* of this chain */
	int64_t		 covered;	/* rows, by an anchor that holds */
	int64_t		 edited;	/* the first row that is not what was signed; 0: none */
};

static void
compare(void *arg, int64_t number, const char line[65], const json_t *row)
{
	struct check *c = arg;
	char text[24];
	const char *head;

	snprintf(text, sizeof(text), "%lld", (long long)number);
	if ((head = json_str(c->anchors, text, NULL)) == NULL)
		return;
	if (strcmp(head, line) == 0)
		c->covered = number;
	else if (c->edited == 0)
		c->edited = number;
}

/* The longest that this chain ever was, by its anchors. */
static int64_t
longest(const json_t *anchors)
{
	int64_t most = 0;
	const char *number;
	json_t *head;

	json_object_foreach((json_t *)anchors, number, head)
		if (atoll(number) > most)
			most = atoll(number);
	return most;
}

static char *
fault(const struct chains *s, const char *file, const struct check *c, long rows, const struct error *e)
{
	int64_t most = longest(c->anchors);

	if (rows == -1)
		return xstrdup(e->text);
	if (c->edited != 0)
		return xasprintf("edited: up to row %lld it is not what was signed", (long long)c->edited);
	if (most > rows)
		return xasprintf("truncated: %lld rows were signed, %ld are there", (long long)most, rows);
	return strcmp(file, OWN) == 0 ? xstrdup0(s->bad) : NULL;
}

static void
check(struct chains *s, const char *file)
{
	cleanup_free char *path = xasprintf("%s/logs/audit/%s", s->home, file), *why = NULL;
	cleanup_free char *chain = xstrndup(file, strlen(file) - strlen(".jsonl"));
	struct check c = { .anchors = json_object_get(s->anchors, chain) };
	struct error e = { 0 };
	long rows = audit_walk(path, compare, &c, &e);

	why = fault(s, file, &c, rows, &e);
	json_array_append_new(s->rows, json_pack("{s:s, s:b, s:I, s:I, s:s*}", "chain", file, "ok", why == NULL,
	    "rows", (json_int_t)(rows == -1 ? 0 : rows), "signed", (json_int_t)c.covered, "detail", why));
}

static bool
is_checked(const json_t *rows, const char *file)
{
	const json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(json_str(row, "chain", ""), file) == 0)
			return true;
	return false;
}

/* A chain that was signed and is not there any more. */
static void
check_missing(struct chains *s)
{
	const char *chain;
	json_t *of;

	json_object_foreach(s->anchors, chain, of) {
		cleanup_free char *file = xasprintf("%s.jsonl", chain);

		if (!is_checked(s->rows, file))
			check(s, file);
	}
}

json_t *
chains_verify(const char *home)
{
	cleanup_free char *pattern = xasprintf("%s/logs/audit/*.jsonl", home);
	cleanup_free char *own = xasprintf("%s/logs/audit/" OWN, home);
	struct chains s = { .home = home, .anchors = json_object(), .rows = json_array() };
	glob_t found = { 0 };

	read_key(&s);
	audit_walk(own, take_anchor, &s, NULL);		/* where it breaks is told below */
	glob(pattern, 0, NULL, &found);
	for (size_t i = 0; i < found.gl_pathc; i++)
		check(&s, strrchr(found.gl_pathv[i], '/') + 1);
	globfree(&found);
	check_missing(&s);
	json_decref(s.anchors);
	free(s.bad);
	return s.rows;
}
