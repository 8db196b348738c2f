/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi peers`: who is pinned, who knocked, and files to and from them
 * (services-cli.md, 9). All of it is asked of the profile's link daemon
 * through hostd; a file is read and written here, because no daemon that
 * speaks with strangers can reach the person's files.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/text.h"
#include "common/base64.h"
#include "common/json.h"
#include "common/mem.h"

#define BLOB_MAX	20971520	/* alp-wire.md, 9.4 */
#define BLOB_CHUNK	524288
#define BLOB_TRIES	30		/* of one chunk, while the peer says "too many" or is away */
#define BLOB_PAUSE_S	2

/* ---- what is asked ------------------------------------------------------------------------ */

static json_t *
ask(struct cli *c, const char *method, json_t *params, struct error *e)
{
	json_object_set_new(params, "profile", json_string(c->profile));
	return client_call(c, method, params, e);
}

/* "link.ping,link.ask" as a list; NULL for what holds an empty name. */
static json_t *
methods_of(const char *text)
{
	json_t *list = json_array();

	for (const char *p = text; *text != '\0' && p != NULL; p = strchr(p, ',')) {
		p += *p == ',';
		json_array_append_new(list, json_stringn(p, strcspn(p, ",")));
	}
	return list;
}

/* Add --allow, --address, --alias where given. */
static void
add_options(json_t *params, const struct args *a)
{
	static const char *const names[] = { "address", "alias" };

	if (arg_option(a, "allow") != NULL)
		json_object_set_new(params, "allow", methods_of(arg_option(a, "allow")));
	for (size_t i = 0; i < COUNT(names); i++)
		if (arg_option(a, names[i]) != NULL)
			json_object_set_new(params, names[i], json_string(arg_option(a, names[i])));
}

/* Ask, and say the sentence or the JSON. */
static int
order(struct cli *c, const struct args *a, const char *method, json_t *params, const char *done)
{
	struct error e = { 0 };
	cleanup_json json_t *result = ask(c, method, params, &e);

	if (result == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json"))
		print_json(stdout, result);
	else
		printf(done, a->rest[0], a->nrest > 1 ? a->rest[1] : "");
	return 0;
}

/* ---- who -------------------------------------------------------------------------------------- */

static char *
joined(const json_t *list, const char *none)
{
	cleanup_buf struct buf b = BUF(0);
	const json_t *row;
	size_t i;

	json_array_foreach(list, i, row)
		buf_addf(&b, "%s%s", i > 0 ? " " : "", json_string_value(row));
	return b.len == 0 ? xstrdup(none) : buf_take(&b);
}

/* Cells a table can show: a short key, a word for no address, the methods in a row. */
static json_t *
shown(const json_t *peer)
{
	cleanup_free char *allow = joined(json_object_get(peer, "allow"), "nothing");

	return json_pack("{s:s, s:s%, s:s, s:s, s:s}", "id", json_str(peer, "id", ""),
	    "key", json_str(peer, "pubkey", ""), strlen(json_str(peer, "pubkey", "")) < 12 ?
	    strlen(json_str(peer, "pubkey", "")) : (size_t)12, "address", json_str(peer, "address", "local"),
	    "allow", allow, "alias", json_str(peer, "alias", ""));
}

static void
print_peers(const json_t *result)
{
	static const struct column columns[] = {
		{ "PEER", "id", PRINT_TEXT, 0 }, { "KEY", "key", PRINT_TEXT, 0 },
		{ "ADDRESS", "address", PRINT_TEXT, 0 }, { "MAY CALL", "allow", PRINT_TEXT, 60 },
		{ "ALIAS", "alias", PRINT_TEXT, 24 },
	};
	cleanup_json json_t *rows = json_array();
	const json_t *peer;
	size_t i;

	json_array_foreach(json_object_get(result, "peers"), i, peer)
		json_array_append_new(rows, shown(peer));
	print_table(stdout, columns, COUNT(columns), rows,
	    "nobody is pinned; alpi peers add ID KEY pins a peer, alpi peers key shows what to give to it");
}

int
peers_list_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *result = ask(c, "host.peers.list", json_object(), &e);
	const char *broken;

	if (result == NULL)
		return cli_fail(&e);
	if ((broken = json_str(result, "broken", NULL)) != NULL)
		fprintf(stderr, "Warning: nobody is pinned while peers.yaml does not load: %s\n", broken);
	if (arg_has(a, "json"))
		print_json(stdout, json_object_get(result, "peers"));
	else
		print_peers(result);
	return 0;
}

int
peers_key_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *result = ask(c, "host.peers.list", json_object(), &e);

	if (result == NULL)
		return cli_fail(&e);
	json_object_del(result, "peers");
	if (arg_has(a, "json"))
		print_json(stdout, result);
	else
		printf("%s\n", json_str(result, "key", ""));
	return 0;
}

int
peers_add_command(struct cli *c, const struct args *a)
{
	json_t *params = json_pack("{s:s, s:s}", "id", a->rest[0], "pubkey", a->rest[1]);

	add_options(params, a);
	return order(c, a, "host.peers.add", params, "pinned %s\n");
}

int
peers_remove_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *result = ask(c, "host.peers.remove", json_pack("{s:s}", "id", a->rest[0]), &e);

	if (result == NULL)
		return cli_fail(&e);
	if (!json_bool(result, "existed", false))
		return cli_failf("no peer %s", a->rest[0]);
	if (arg_has(a, "json"))
		print_json(stdout, result);
	else
		printf("removed %s\n", a->rest[0]);
	return 0;
}

static int
set_allowed(struct cli *c, const struct args *a, bool on, const char *done)
{
	return order(c, a, "host.peers.allow", json_pack("{s:s, s:s, s:b}", "id", a->rest[0], "method", a->rest[1],
	    "on", on), done);
}

int
peers_allow_command(struct cli *c, const struct args *a)
{
	return set_allowed(c, a, true, "%s may call %s\n");
}

int
peers_deny_command(struct cli *c, const struct args *a)
{
	return set_allowed(c, a, false, "%s may no longer call %s\n");
}

/* ---- who knocked -------------------------------------------------------------------------------- */

int
peers_pending_command(struct cli *c, const struct args *a)
{
	static const struct column columns[] = {
		{ "KEY", "pubkey", PRINT_TEXT, 0 }, { "LAST", "last_seen", PRINT_AGE, 0 },
		{ "FIRST", "first_seen", PRINT_AGE, 0 }, { "PROFILE HERE", "local_profile", PRINT_TEXT, 0 },
	};
	struct error e = { 0 };
	cleanup_json json_t *result = ask(c, "host.peers.pending_list", json_object(), &e);
	const json_t *rows = json_object_get(result, "pending");

	if (result == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json"))
		print_json(stdout, rows);
	else
		print_table(stdout, columns, COUNT(columns), rows, "nobody asks to be pinned");
	return 0;
}

int
peers_accept_command(struct cli *c, const struct args *a)
{
	json_t *params = json_pack("{s:s, s:s}", "pubkey", a->rest[0], "id", a->rest[1]);

	add_options(params, a);
	return order(c, a, "host.peers.pending_accept", params, "pinned %2$s (%1$.12s…)\n");
}

int
peers_discard_command(struct cli *c, const struct args *a)
{
	return order(c, a, "host.peers.pending_discard", json_pack("{s:s}", "pubkey", a->rest[0]),
	    "forgot %.12s…; it is listed again when it knocks again\n");
}

/* ---- ping ----------------------------------------------------------------------------------------- */

int
peers_ping_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *r = ask(c, "host.peers.ping", json_pack("{s:s}", "peer_id", a->rest[0]), &e);
	bool on = strcmp(json_str(r, "status", ""), "on") == 0;
	cleanup_free char *name = text_line(json_str(r, "agent_name", ""), 60);

	if (r == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json"))
		print_json(stdout, r);
	else if (on)
		printf("pong from %s · version=%lld · nonce=%s · via %s · %.1f ms\n", name,
		    (long long)json_int(r, "version", 0), json_str(r, "nonce", ""), json_str(r, "via", ""),
		    (double)json_int(r, "took_us", 0) / 1000);
	else
		return cli_failf("%s is %s: %s", a->rest[0], json_str(r, "status", "off"), json_str(r, "reason", "no reason given"));
	return on ? 0 : EXIT_FAILED;
}

/* ---- blobs ---------------------------------------------------------------------------------------- */

static void
progress(const char *what, int64_t at, int64_t size)
{
	char have[32], all[32];

	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s %s of %s%s", what, print_size(at, have, sizeof(have)),
		    print_size(size, all, sizeof(all)), at == size ? "\n" : "   ");
}

/* A whole regular file of at most BLOB_MAX bytes; the caller frees. */
static unsigned char *
read_whole(const char *path, int64_t *size, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	cleanup_free unsigned char *data = NULL;
	struct stat st;

	if (fd == -1 || fstat(fd, &st) == -1) {
		error_errno(e, "%s", path);
	} else if (!S_ISREG(st.st_mode) || st.st_size > BLOB_MAX) {
		error_set(e, ERR_too_large, "%s: %s", path, S_ISREG(st.st_mode) ? "a blob has at most 20 MiB" : "not a file");
	} else {
		data = xmalloc((size_t)st.st_size + 1);
		for (*size = 0; *size < st.st_size;) {
			ssize_t n = read(fd, data + *size, (size_t)(st.st_size - *size));

			if (n <= 0) {
				error_set(e, ERR_io, "%s changed while it was read", path);
				free(steal(data));
				break;
			}
			*size += n;
		}
	}
	if (fd != -1)
		close(fd);
	return steal(data);
}

static void
hash_of(const void *data, size_t len, char out[65])
{
	unsigned char sum[crypto_hash_sha256_BYTES];

	crypto_hash_sha256(sum, data, len);
	sodium_bin2hex(out, 65, sum, sizeof(sum));
}

/* Is it worth another try? Who has taken a chunk of ours is not gone for good: its daemon begins again, or ours, or the line. */
static bool
may_pass(enum error_code code, int64_t at)
{
	return code == ERR_busy || (at > 0 && code != ERR_invalid && code != ERR_unsupported);
}

/*
 * One chunk to the peer, again while that may help. The next offset, or -1. What a cut took may have been the answer
 * alone: then the peer holds the chunk, refuses it, and waits for the one that follows.
 */
static int64_t
put_chunk(struct cli *c, const char *peer, const char *hash, const unsigned char *data, int64_t size, int64_t at,
    bool *complete, struct error *e)
{
	size_t len = (size_t)(size - at < BLOB_CHUNK ? size - at : BLOB_CHUNK);
	cleanup_free char *text = base64_text(data + at, len);
	cleanup_json json_t *result = NULL;
	bool cut = false;

	for (int i = 0; i < BLOB_TRIES && result == NULL; i++) {
		if (i > 0)
			sleep(BLOB_PAUSE_S);
		result = ask(c, "host.peers.blob_put", json_pack("{s:s, s:s, s:I, s:I, s:s, s:b}", "peer_id", peer,
		    "hash", hash, "size", (json_int_t)size, "offset", (json_int_t)at, "data", text,
		    "final", at + (int64_t)len == size), e);
		if (result == NULL && cut && e->code == ERR_invalid)
			return at + (int64_t)len;
		if (result == NULL && !may_pass(e->code, at))
			return -1;
		cut = cut || (result == NULL && e->code != ERR_busy);
	}
	*complete = json_bool(result, "complete", false);
	return json_int(result, "next_offset", -1);
}

int
peers_blob_put_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	int64_t size = 0, at = 0;
	cleanup_free unsigned char *data = read_whole(a->rest[1], &size, &e);
	bool complete = false;
	char hash[65];

	if (data == NULL)
		return cli_fail(&e);
	hash_of(data, (size_t)size, hash);
	while (!complete) {
		int64_t next = put_chunk(c, a->rest[0], hash, data, size, at, &complete, &e);

		if (next == -1)
			return cli_fail(&e);
		if (!complete && next <= at)
			return cli_failf("%s does not go on: it asks for byte %lld again", a->rest[0], (long long)next);
		progress("sent", at = next, size);
	}
	if (arg_has(a, "json")) {
		cleanup_json json_t *out = json_pack("{s:s, s:I}", "hash", hash, "size", (json_int_t)size);

		print_json(stdout, out);
	} else
		printf("%s  %lld bytes\n", hash, (long long)size);
	return 0;
}

/* All of a blob of a peer; the caller frees. */
static unsigned char *
fetch(struct cli *c, const char *peer, const char *hash, int64_t *size, struct error *e)
{
	cleanup_free unsigned char *data = NULL;
	char got[65];

	for (int64_t at = 0; data == NULL || at < *size;) {
		cleanup_json json_t *r = ask(c, "host.peers.blob_get", json_pack("{s:s, s:s, s:I}", "peer_id", peer,
		    "hash", hash, "offset", (json_int_t)at), e);
		const char *text = json_str(r, "data", "");
		size_t n = 0;

		if (r == NULL)
			return NULL;
		if (data == NULL) {
			*size = json_int(r, "size", 0);
			data = xmalloc((size_t)(*size < 0 || *size > BLOB_MAX ? 0 : *size) + 1);
		}
		if (json_int(r, "size", 0) != *size || *size > BLOB_MAX ||
		    sodium_base642bin(data + at, (size_t)(*size - at), text, strlen(text), NULL, &n, NULL,
		    sodium_base64_VARIANT_ORIGINAL) != 0 || (n == 0 && at < *size)) {
			error_set(e, ERR_invalid, "the pieces of %s do not fit together", hash);
			return NULL;
		}
		progress("received", at += (int64_t)n, *size);
	}
	hash_of(data, (size_t)*size, got);
	if (strcasecmp(got, hash) != 0) {
		error_set(e, ERR_invalid, "what came has another hash: %s", got);
		return NULL;
	}
	return steal(data);
}

/* Write a file that was not there, whole or not at all. 0 or -1. */
static int
write_new(const char *path, const void *data, size_t len, struct error *e)
{
	cleanup_free char *part = xasprintf("%s.part-%d", path, (int)getpid());
	int fd = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), rc = -1;

	if (fd == -1)
		return error_errno(e, "%s", part);
	if (write(fd, data, len) != (ssize_t)len || fsync(fd) == -1)
		error_errno(e, "%s", part);
	else if (link(part, path) == -1)
		error_errno(e, "%s", path);
	else
		rc = 0;
	close(fd);
	unlink(part);
	return rc;
}

int
peers_blob_get_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	const char *path = arg_option(a, "output") != NULL ? arg_option(a, "output") : a->rest[1];
	cleanup_free unsigned char *data = NULL;
	struct stat st;
	int64_t size = 0;

	if (lstat(path, &st) == 0)
		return cli_failf("%s exists, and is not overwritten (--output PATH names another file)", path);
	if ((data = fetch(c, a->rest[0], a->rest[1], &size, &e)) == NULL ||
	    write_new(path, data, (size_t)size, &e) == -1)
		return cli_fail(&e);
	if (arg_has(a, "json")) {
		cleanup_json json_t *out = json_pack("{s:s, s:I, s:s}", "hash", a->rest[1], "size", (json_int_t)size,
		    "path", path);

		print_json(stdout, out);
	} else
		printf("%s  %lld bytes  %s\n", a->rest[1], (long long)size, path);
	return 0;
}
