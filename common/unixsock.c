/* SPDX-License-Identifier: Apache-2.0 */
/* See unixsock.h. */
#include "common/unixsock.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/mem.h"

#define BACKLOG 128

static int
address(struct sockaddr_un *at, const char *path, struct error *e)
{
	*at = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) > UNIX_PATH_BYTES)
		return error_set(e, ERR_invalid, "%s: longer than a socket's name may be (a shorter ALPI_HOME helps)", path);
	memcpy(at->sun_path, path, strlen(path));
	return 0;
}

static int
stream_to(const char *path, int flags, struct error *e)
{
	struct sockaddr_un at;
	int fd;

	if (address(&at, path, e) == -1)
		return -1;
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)) == -1)
		return error_errno(e, "socket");
	if (connect(fd, (struct sockaddr *)&at, sizeof(at)) == 0)
		return fd;
	error_errno(e, "%s", path);
	if (e != NULL && (errno == ENOENT || errno == ECONNREFUSED || errno == EAGAIN))
		e->code = ERR_unavailable;
	close(fd);
	return -1;
}

int
unix_connect(const char *path, struct error *e)
{
	return stream_to(path, 0, e);
}

int
unix_dial(const char *path, struct error *e)
{
	return stream_to(path, SOCK_NONBLOCK, e);
}

int
unix_listen(const char *path, struct error *e)
{
	cleanup_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un at;
	int bound, listener;
	mode_t old;

	if (fd == -1)
		return error_errno(e, "socket");
	if (address(&at, path, e) == -1)
		return -1;
	if (unlink(path) == -1 && errno != ENOENT)
		return error_errno(e, "%s", path);
	old = umask(0177);
	bound = bind(fd, (struct sockaddr *)&at, sizeof(at));
	umask(old);
	if (bound == -1 || listen(fd, BACKLOG) == -1)
		return error_errno(e, "%s", path);
	listener = fd;
	fd = -1;
	return listener;
}

int
unix_peer_is_own(int fd, uid_t *uid)
{
#ifdef SO_PEERCRED
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1)
		return 0;
	*uid = peer.uid;
#else
	gid_t gid;

	if (getpeereid(fd, uid, &gid) == -1)
		return 0;
#endif
	return *uid == geteuid() || *uid == 0;
}
