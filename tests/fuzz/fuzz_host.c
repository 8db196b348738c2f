/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whatever comes over host.sock, in two pieces: every answer is one JSON
 * object a line, and hostd is there for the next client. The first byte says
 * where the pieces part. engined refuses everything, and so do the settings.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>
#include <sodium.h>

#include "common/buf.h"
#include "common/db.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "hostd/approvals.h"
#include "hostd/host.h"
#include "hostd/settings.h"
#include "hostd/sock.h"
#include "hostd/stream.h"
#include "hostd/turns.h"

#define KEY "11111111111111111111111111111111" "11111111111111111111111111111111"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char root[] = "/tmp/alpi-fuzz-XXXXXX";
static struct daemon d;
static struct host h = { .daemon = &d };
static int settings_end;

/* In the place of log.c: a line per input would bury what the fuzzer says. */
#define SILENT(name) void name(const char *fmt, ...) { }
SILENT(log_debug)
SILENT(log_info)
SILENT(log_warn)
SILENT(log_error)
void
log_verbose(int on)
{
}

static struct request *
refuse(struct daemon *daemon, const char *unit, enum msg type, const void *body, const char *grant, int timeout_ms,
    request_done *done, void *arg, struct error *e)
{
	error_set(e, ERR_denied, "not in a test");
	return NULL;
}

static void
lost(void *arg)
{
	abort();
}

static void
clean(void)
{
	static const char *const names[] = { "host/host.sock", "host/events.jsonl", "host/turns.sqlite",
		"host/turns.sqlite-wal", "host/turns.sqlite-shm", "host", "" };

	for (size_t i = 0; i < COUNT(names); i++) {
		cleanup_free char *path = path_join(root, names[i]);

		if (remove(path) == -1 && errno != ENOENT)
			fprintf(stderr, "%s: %s\n", path, strerror(errno));
	}
}

static void
boot(const char *fmt, const char *value)
{
	cleanup_free char *line = xasprintf(fmt, value);

	if (boot_line(&d.boot, line, NULL) == -1)
		abort();
}

static void
open_modules(void)
{
	cleanup_free char *dir = path_join(root, "host"), *file = path_join(dir, "turns.sqlite");
	struct error e = { 0 };
	int pair[2];

	if (mkdir(dir, 0700) == -1 || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		abort();
	settings_end = pair[1];
	h.settings = settings_over(pair[0]);
	if (host_db(&h.db, file, &e) == -1 || (h.stream = stream_open(root, d.base, &e)) == NULL ||
	    (h.approvals = approvals_open(&h, &e)) == NULL || (h.turns = turns_open(&h, &e)) == NULL ||
	    (h.sock = sock_listen(&h, root, &e)) == NULL)
		abort();
	settings_serve(h.settings, d.base, lost, NULL);
	sock_serve(h.sock);
}

static void
set_up(void)
{
	if (d.base != NULL)
		return;
	if (sodium_init() == -1 || mkdtemp(root) == NULL)
		abort();
	atexit(clean);
	boot("unit default/hostd", "");
	boot("root %s", root);
	boot("home %s", root);
	boot("run %s/run", root);
	boot("call default/engined " KEY, "");
	boot("mint default/toolrunner " KEY, "");
	d.base = event_base_new();
	h.send = refuse;
	open_modules();
}

/* The settings' part: no to every order. */
static int
refuse_orders(void)
{
	static const char no[] = "{\"error\":{\"code\":5,\"text\":\"not in a test\"}}\n";
	char chunk[65536];
	ssize_t n = recv(settings_end, chunk, sizeof(chunk), MSG_DONTWAIT);

	for (ssize_t i = 0; i < n; i++)
		if (chunk[i] == '\n' && write(settings_end, no, sizeof(no) - 1) == -1)
			abort();
	return n > 0;
}

static void
pump(void)
{
	do {
		event_base_loop(d.base, EVLOOP_NONBLOCK);
		event_base_loop(d.base, EVLOOP_NONBLOCK);
	} while (refuse_orders());
}

static int
dial(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(at.sun_path, sizeof(at.sun_path), "%s/host/host.sock", root);
	if (fd == -1 || connect(fd, (struct sockaddr *)&at, sizeof(at)) == -1)
		abort();
	return fd;
}

static void
check_answers(int fd)
{
	struct buf all cleanup_buf = BUF(0);
	char chunk[65536], *save = NULL;
	ssize_t n;

	while ((n = recv(fd, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
		buf_add(&all, chunk, (size_t)n);
	for (char *line = all.len == 0 ? NULL : strtok_r(all.data, "\n", &save); line != NULL;
	    line = strtok_r(NULL, "\n", &save)) {
		cleanup_json json_t *o = json_parse(line, strlen(line), 64, NULL);

		if (json_object_get(o, "id") == NULL)
			abort();
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t split = size == 0 ? 0 : data[0] % size;
	int fd;

	if (size > 100000)	/* the socket's own buffer: more would wait for us */
		return 0;
	set_up();
	fd = dial();
	send(fd, data + (size > 0), split, MSG_NOSIGNAL | MSG_DONTWAIT);
	pump();
	if (size > 0)
		send(fd, data + 1 + split, size - 1 - split, MSG_NOSIGNAL | MSG_DONTWAIT);
	send(fd, "\n", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
	pump();
	check_answers(fd);
	close(fd);
	pump();
	if (sock_clients(h.sock) != 0)
		abort();
	return 0;
}
