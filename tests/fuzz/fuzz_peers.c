/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peers.yaml and pending_peers.yaml by whoever wrote them: what is read, and
 * that a change changes what it says and nothing else.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "alpd/peers.h"
#include "alpd/peers_edit.h"
#include "alpd/peers_yaml.h"
#include "common/atomic.h"
#include "common/mem.h"
#include "common/paths.h"

#define KEY	"abW79y5S0PKsLjuAAIjJ5ntFCvdu6hKZOm/OLrMENoM="

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char home[] = "/tmp/alpi-fuzz-XXXXXX";

static void
must(bool holds)
{
	if (!holds)
		abort();
}

static void
read_text(const char *text, struct peer_list *l)
{
	must(peers_yaml_read(text, strlen(text), l, NULL) == 0);
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* But for what it may call. */
static bool
same(const struct peer *a, const struct peer *b)
{
	return same_text(a->id, b->id) && same_text(a->pubkey, b->pubkey) && same_text(a->alias, b->alias) &&
	    same_text(a->address, b->address) && a->per_minute == b->per_minute && a->tools_broken == b->tools_broken &&
	    (a->tools == NULL) == (b->tools == NULL);
}

/* What everybody does with a row. */
static void
use(const struct peer *p)
{
	cleanup_free char *host = NULL;
	int port;

	must(p->id[0] != '\0' && p->pubkey[0] != '\0' && p->per_minute > 0 && p->allow != NULL);
	must(!p->tools_broken || p->tools == NULL);
	must(peer_may(p, "workgroup.x"));
	for (char **m = p->allow; *m != NULL; m++)
		must(peer_may(p, *m));
	for (char **t = p->tools; t != NULL && *t != NULL; t++)
		peer_tool(p, *t, "status");
	if (p->address != NULL && address_split(p->address, &host, &port, NULL) == 0)
		must(host[0] != '\0' && port > 0 && port < 65536);
}

static void
check_add(const char *text, size_t len, const struct peer_list *was)
{
	struct peer row = { .id = "fuzz-added", .pubkey = KEY };
	cleanup_free char *now = peers_edit_add(text, len, &row, NULL);
	struct peer_list l;

	if (now == NULL)
		return;
	read_text(now, &l);
	must(l.n == was->n + 1 && strcmp(l.rows[was->n].id, "fuzz-added") == 0);
	for (size_t i = 0; i < was->n; i++)
		must(same(&l.rows[i], &was->rows[i]));
	peer_list_clear(&l);
}

static void
check_allow(const char *text, size_t len, const struct peer_list *was, bool on)
{
	cleanup_free char *now = peers_edit_allow(text, len, was->rows[0].id, "fuzz.method", on, NULL);
	struct peer_list l;

	if (now == NULL)
		return;
	read_text(now, &l);
	must(l.n == was->n && peer_may(&l.rows[0], "fuzz.method") == on);
	for (size_t i = 0; i < l.n; i++)
		must(same(&l.rows[i], &was->rows[i]));
	peer_list_clear(&l);
}

static void
check_remove(const char *text, size_t len, const struct peer_list *was)
{
	const char *id = was->rows[was->n - 1].id;
	cleanup_free char *now = peers_edit_remove(text, len, id, NULL);
	struct peer_list l;
	size_t kept = 0;

	if (now == NULL)
		return;
	read_text(now, &l);
	for (size_t i = 0; i < was->n; i++)
		if (strcmp(was->rows[i].id, id) != 0)
			must(kept < l.n && same(&l.rows[kept++], &was->rows[i]));
	must(kept == l.n || was->n == 1024);		/* where more stand there than are read, one moves up */
	peer_list_clear(&l);
}

static void
clean_up(void)
{
	cleanup_free char *alp = path_join(home, "alp"), *path = path_join(alp, "pending_peers.yaml");

	unlink(path);
	rmdir(alp);
	rmdir(home);
}

/* Once: a folder for the other file. */
static struct peers *
begin(void)
{
	cleanup_free char *alp = NULL;

	must(mkdtemp(home) != NULL);
	alp = path_join(home, "alp");
	must(mkdir(alp, 0700) == 0);
	atexit(clean_up);
	return peers_open(home, NULL);
}

static void
check_pending(const char *text, size_t len)
{
	static struct peers *p;
	cleanup_free char *path = NULL;
	struct pending *rows;
	size_t n;

	if (p == NULL)
		p = begin();
	path = path_join(home, "alp/pending_peers.yaml");
	must(atomic_write(path, text, len, 0600, NULL) == 0);
	rows = pending_list(p, &n);
	must(n <= PENDING_MAX);
	for (size_t i = 1; i < n; i++)
		must(rows[i - 1].last_seen >= rows[i].last_seen);
	pending_free(rows, n);
	if (pending_note(p, KEY, 4e9, NULL) == -1)
		return;
	rows = pending_list(p, &n);
	pending_free(rows, n);
	must(n > 0 && pending_drop(p, KEY, NULL) == 1 && pending_drop(p, KEY, NULL) == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = xstrndup((const char *)data, size);
	struct peer_list l;

	size = strlen(text);
	if (peers_yaml_read(text, size, &l, NULL) == -1)
		return 0;
	for (size_t i = 0; i < l.n; i++)
		use(&l.rows[i]);
	check_add(text, size, &l);
	if (l.n > 0) {
		check_allow(text, size, &l, true);
		check_allow(text, size, &l, false);
		check_remove(text, size, &l);
	}
	peer_list_clear(&l);
	if (size % 16 == 0)			/* files are slow */
		check_pending(text, size);
	return 0;
}
