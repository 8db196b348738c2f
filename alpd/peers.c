/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See peers.h: the file alp/peers.yaml and what was read of it. Another
 * program of the same person may change it at any time, so every question
 * looks whether it is still the file that was read.
 */
#include "alpd/peers.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "alpd/peers_edit.h"
#include "alpd/peers_own.h"
#include "common/atomic.h"
#include "common/clock.h"
#include "common/grant.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/yaml.h"

#define WORKGROUP	"workgroup."
#define LOCK_TRIES	100		/* of 10 ms: those who write hold it for no longer than a write takes */
#define SETTLE_MS	1000		/* two changes within a clock tick of the file system look alike */

/* ---- reading ------------------------------------------------------------------------------------- */

static int
read_all(int fd, struct buf *text, const char *path, struct error *e)
{
	char block[16384];
	ssize_t n;

	text->max = YAML_MAX_BYTES;
	while ((n = read(fd, block, sizeof(block))) != 0) {
		if (n == -1 && errno != EINTR)
			return error_errno(e, "read %s", path);
		if (n > 0 && buf_add(text, block, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "it is larger than %d bytes", YAML_MAX_BYTES);
	}
	return 0;
}

int
peers_file(const char *path, struct buf *text, struct stat *st, struct error *e)
{
	cleanup_close int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	buf_reset(text);
	*st = (struct stat){ 0 };
	if (fd == -1 && errno == ENOENT)
		return 1;
	if (fd == -1 && errno == ELOOP)
		return error_set(e, ERR_invalid, "it is a symbolic link");
	if (fd == -1 || fstat(fd, st) == -1)
		return error_errno(e, "open %s", path);
	if (!S_ISREG(st->st_mode))
		return error_set(e, ERR_invalid, "it is not a regular file");
	return read_all(fd, text, path, e);
}

/* Was it left alone for long enough that another change would get another time? */
static bool
is_settled(const struct stat *st)
{
	int64_t age = clock_wall_ms() - ((int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000);

	return age > SETTLE_MS || age < -SETTLE_MS;
}

static void
reload(struct peers *p)
{
	cleanup_buf struct buf text = BUF(YAML_MAX_BYTES);
	struct error e = { 0 };
	struct stat st;
	int status = peers_file(p->path, &text, &st, &e);

	peer_list_clear(&p->list);
	free(steal(p->broken));
	if (status == -1 || (status == 0 && peers_yaml_read(buf_str(&text), text.len, &p->list, &e) == -1))
		p->broken = xstrdup(e.text);
	p->stamp = stamp_of(&st);
	p->settled = is_settled(&st);
}

/* What cannot be read is tried again at every question. */
static void
refresh(struct peers *p)
{
	struct stat st = { 0 };
	struct stamp now;

	if (lstat(p->path, &st) == -1 && errno != ENOENT)
		st = (struct stat){ .st_ino = (ino_t)-1 };
	now = stamp_of(&st);
	if (!p->settled || !stamp_same(&now, &p->stamp))
		reload(p);
}

struct peers *
peers_open(const char *home, struct error *e)
{
	struct peers *p = xcalloc(1, sizeof(*p));

	p->path = path_join(home, "alp/peers.yaml");
	p->lock = path_join(home, "alp/peers.lock");
	p->pending = path_join(home, "alp/pending_peers.yaml");
	reload(p);
	return p;
}

void
peers_close(struct peers *p)
{
	if (p == NULL)
		return;
	peer_list_clear(&p->list);
	free(p->broken);
	free(p->path);
	free(p->lock);
	free(p->pending);
	free(p);
}

/* ---- questions ------------------------------------------------------------------------------------- */

const struct peer *
peers_by_key(struct peers *p, const char *pubkey)
{
	refresh(p);
	for (size_t i = 0; i < p->list.n; i++)
		if (strcmp(p->list.rows[i].pubkey, pubkey) == 0)
			return &p->list.rows[i];
	return NULL;
}

const struct peer *
peers_by_id(struct peers *p, const char *id)
{
	refresh(p);
	for (size_t i = 0; i < p->list.n; i++)
		if (strcmp(p->list.rows[i].id, id) == 0)
			return &p->list.rows[i];
	return NULL;
}

const struct peer *
peers_at(struct peers *p, size_t i)
{
	if (i == 0)
		refresh(p);
	return i < p->list.n ? &p->list.rows[i] : NULL;
}

const char *
peers_broken(struct peers *p)
{
	return p->broken;
}

bool
peers_all_may(const char *method)
{
	return strncmp(method, WORKGROUP, strlen(WORKGROUP)) == 0;
}

bool
peer_may(const struct peer *p, const char *method)
{
	if (peers_all_may(method))
		return true;
	for (char **m = p->allow; *m != NULL; m++)
		if (strcmp(*m, method) == 0)
			return true;
	return false;
}

bool
peer_tool(const struct peer *p, const char *tool, const char *action)
{
	if (p->tools == NULL)
		return !p->tools_broken;
	for (char **t = p->tools; *t != NULL; t++)
		if (grant_tool_matches(*t, tool, action))
			return true;
	return false;
}

static int
port_of(const char *text)
{
	size_t n = strspn(text, "0123456789");
	long port = n == 0 || n > 5 || text[n] != '\0' ? 0 : strtol(text, NULL, 10);

	return port > 65535 ? 0 : (int)port;
}

int
address_split(const char *address, char **host, int *port, struct error *e)
{
	const char *colon = strrchr(address, ':');
	size_t n = colon == NULL ? 0 : (size_t)(colon - address);

	*host = NULL;
	if (n == 0 || (*port = port_of(colon + 1)) == 0)
		return error_set(e, ERR_invalid, "'%.100s' is no address (host:port)", address);
	if (address[0] == '[' && address[n - 1] == ']') {
		address++;
		n -= 2;
	}
	if (n == 0)
		return error_set(e, ERR_invalid, "the address has no host");
	*host = xstrndup(address, n);
	return 0;
}

/* ---- changes --------------------------------------------------------------------------------------- */

/* The lock that all writers of the file take; closing the descriptor gives it back. -1: it cannot be had. */
static int
lock(const struct peers *p, struct error *e)
{
	cleanup_close int fd = open(p->lock, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	int out;

	if (fd == -1)
		return error_errno(e, "open %s", p->lock);
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) == -1; i++) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_errno(e, "lock %s", p->lock);
		if (i == LOCK_TRIES)
			return error_set(e, ERR_busy, "another program is changing the peers");
		nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
	}
	out = fd;
	fd = -1;
	return out;
}

/* What a change is made of: one of the three is used, by fn. */
struct edit {
	const struct peer	*row;
	const char		*id, *method;
	bool			 on;
};

typedef char *edit_fn(const char *text, size_t len, const struct edit *c, struct error *e);

static char *
edit_add(const char *text, size_t len, const struct edit *c, struct error *e)
{
	return peers_edit_add(text, len, c->row, e);
}

static char *
edit_remove(const char *text, size_t len, const struct edit *c, struct error *e)
{
	return peers_edit_remove(text, len, c->id, e);
}

static char *
edit_allow(const char *text, size_t len, const struct edit *c, struct error *e)
{
	return peers_edit_allow(text, len, c->id, c->method, c->on, e);
}

/* The file as it is now, changed by fn, in its place. */
static int
edit(struct peers *p, edit_fn *fn, const struct edit *c, struct error *e)
{
	cleanup_close int held = lock(p, e);
	cleanup_buf struct buf text = BUF(YAML_MAX_BYTES);
	cleanup_free char *out = NULL;
	struct stat st;

	if (held == -1)
		return -1;
	if (peers_file(p->path, &text, &st, e) == -1 || (out = fn(buf_str(&text), text.len, c, e)) == NULL)
		return error_add(e, "peers.yaml");
	if (strcmp(out, buf_str(&text)) != 0 && atomic_write(p->path, out, strlen(out), 0600, e) == -1)
		return -1;
	reload(p);
	return 0;
}

/* An id that can be mentioned and stand in a file's name, in lower case. */
static int
new_id(const char *id, char out[65], struct error *e)
{
	size_t n = strlen(id);

	if (n == 0 || n > 64)
		return error_set(e, ERR_invalid, "a peer's id has 1 to 64 characters");
	for (size_t i = 0; i <= n; i++)
		out[i] = (char)tolower((unsigned char)id[i]);
	if (strspn(out, "abcdefghijklmnopqrstuvwxyz0123456789_-") != n)
		return error_set(e, ERR_invalid, "a peer's id consists of letters, digits, '_' and '-'");
	return 0;
}

static int
check_key(const char *pubkey, struct error *e)
{
	uint8_t key[KEY_BYTES], x25519[KEY_BYTES];

	if (identity_parse(pubkey, key) == -1)
		return error_set(e, ERR_invalid, "a public key is 32 bytes in base64");
	if (identity_to_x25519(key, x25519) == -1)
		return error_set(e, ERR_invalid, "this is not a key that somebody can hold");
	return 0;
}

int
peers_add(struct peers *p, const struct peer *row, struct error *e)
{
	cleanup_free char *host = NULL;
	struct peer copy = *row;
	char id[65];
	int port;

	if (new_id(row->id, id, e) == -1 || check_key(row->pubkey, e) == -1)
		return -1;
	if (row->address != NULL && row->address[0] != '\0' && address_split(row->address, &host, &port, e) == -1)
		return -1;
	copy.id = id;
	return edit(p, edit_add, &(struct edit){ .row = &copy }, e);
}

int
peers_remove(struct peers *p, const char *id, struct error *e)
{
	return edit(p, edit_remove, &(struct edit){ .id = id }, e);
}

int
peers_allow(struct peers *p, const char *id, const char *method, bool on, struct error *e)
{
	return edit(p, edit_allow, &(struct edit){ .id = id, .method = method, .on = on }, e);
}
