/* SPDX-License-Identifier: Apache-2.0 */
/* See identity.h. */
#include "alpd/identity.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "alpd/key_wire.h"
#include "common/audit.h"
#include "common/child.h"
#include "common/mem.h"

struct identity {
	int	fd;
	pid_t	child;				/* 0: somebody else's */
	char	name[IDENTITY_BYTES];
	uint8_t	x25519[KEY_BYTES];
};

/* ---- asking ------------------------------------------------------------------------------------- */

int
key_send(int fd, const void *data, size_t len)
{
	const char *p = data;
	ssize_t n;

	for (; len > 0; p += n, len -= (size_t)n)
		if ((n = send(fd, p, len, MSG_NOSIGNAL)) == -1) {
			if (errno != EINTR)
				return -1;
			n = 0;
		}
	return 0;
}

size_t
key_receive(int fd, void *data, size_t len)
{
	size_t have = 0;
	ssize_t n;

	while (have < len)
		if ((n = recv(fd, (char *)data + have, len - have, 0)) > 0)
			have += (size_t)n;
		else if (n == 0 || errno != EINTR)
			break;
	return have;
}

/* At once: a child that wakes for the head alone only goes to sleep again. */
static int
send_question(int fd, const struct key_head *head, const void *text)
{
	struct iovec parts[] = { { (void *)head, sizeof(*head) }, { (void *)text, head->len } };
	struct msghdr m = { .msg_iov = parts, .msg_iovlen = COUNT(parts) };
	ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);
	size_t sent = n == -1 ? 0 : (size_t)n;

	if (n == -1 && errno != EINTR)
		return -1;
	if (sent < sizeof(*head))
		return key_send(fd, (const char *)head + sent, sizeof(*head) - sent) == -1 ? -1 : key_send(fd, text, head->len);
	sent -= sizeof(*head);
	return key_send(fd, (const char *)text + sent, head->len - sent);
}

static int
ask(struct identity *i, enum key_op op, const void *question, size_t len, void *out, size_t n, struct error *e)
{
	struct key_head head = { .op = op, .len = (uint32_t)len };
	struct key_answer a;
	int rc = 0;

	if (len > KEY_TEXT_MAX)
		return error_set(e, ERR_too_large, "a text of %zu bytes is not signed", len);
	if (send_question(i->fd, &head, question) == -1 || key_receive(i->fd, &a, sizeof(a)) != sizeof(a))
		return error_set(e, ERR_gone, "the key child ended");
	if (a.ok)
		memcpy(out, a.bytes, n);
	else
		rc = error_set(e, ERR_denied, "the key child refused");
	sodium_memzero(&a, sizeof(a));
	return rc;
}

int
identity_meet(struct identity *i, struct error *e)
{
	struct key_answer hello;

	if (key_receive(i->fd, &hello, sizeof(hello)) != sizeof(hello))
		return error_set(e, ERR_gone, "the key child ended at its start");
	if (!hello.ok)
		return error_set(e, ERR_invalid, "%.*s", (int)sizeof(hello.bytes) - 1, (char *)hello.bytes);
	identity_print(hello.bytes, i->name);
	memcpy(i->x25519, hello.bytes + KEY_BYTES, KEY_BYTES);
	return 0;
}

static struct identity *
identity_on(int fd, pid_t child)
{
	struct identity *i = xcalloc(1, sizeof(*i));

	i->fd = fd;
	i->child = child;
	return i;
}

struct identity *
identity_over(int fd, struct error *e)
{
	struct identity *i = identity_on(fd, 0);

	if (identity_meet(i, e) == 0)
		return i;
	identity_stop(i);
	return NULL;
}

struct identity *
identity_spawn(const char *program, const char *home, struct error *e)
{
	char *argv[] = { (char *)program, (char *)"--key", (char *)home, NULL };
	struct child c = { .argv = argv, .fds = { -1, -1, -1, -1 }, .bound = 1 };
	int pair[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) {
		error_errno(e, "socketpair");
		return NULL;
	}
	c.fds[0] = pair[1];
	pid = child_start(&c);
	close(pair[1]);
	if (pid == -1) {
		error_errno(e, "cannot start the key child");
		close(pair[0]);
		return NULL;
	}
	return identity_on(pair[0], pid);
}

void
identity_stop(struct identity *i)
{
	if (i == NULL)
		return;
	close(i->fd);
	if (i->child > 0)
		waitpid(i->child, NULL, 0);
	free(i);
}

int
identity_fd(const struct identity *i)
{
	return i->fd;
}

const char *
identity_name(const struct identity *i)
{
	return i->name;
}

const uint8_t *
identity_x25519(const struct identity *i)
{
	return i->x25519;
}

int
identity_sign(struct identity *i, const void *text, size_t len, uint8_t sig[SIGNATURE_BYTES], struct error *e)
{
	return ask(i, KEY_SIGN, text, len, sig, SIGNATURE_BYTES, e);
}

int
identity_dh(struct identity *i, const uint8_t theirs[KEY_BYTES], uint8_t out[KEY_BYTES], struct error *e)
{
	return ask(i, KEY_DH, theirs, KEY_BYTES, out, KEY_BYTES, e);
}

int
identity_unseal(struct identity *i, const uint8_t sealed[SEALED_BYTES], uint8_t key[KEY_BYTES], struct error *e)
{
	return ask(i, KEY_UNSEAL, sealed, SEALED_BYTES, key, KEY_BYTES, e);
}

int
identity_anchor(struct identity *i, const char *chain, int64_t rows, const char head[65],
    uint8_t sig[SIGNATURE_BYTES], struct error *e)
{
	struct key_anchor a;

	memset(&a, 0, sizeof(a));		/* the padding too */
	a.rows = rows;
	if (strlen(chain) >= sizeof(a.chain) || strlen(head) != 64)
		return error_set(e, ERR_invalid, "no head of a chain");
	strcpy(a.chain, chain);
	memcpy(a.head, head, 64);
	return ask(i, KEY_ANCHOR, &a, sizeof(a), sig, SIGNATURE_BYTES, e);
}

/* ---- names ---------------------------------------------------------------------------------------- */

void
identity_print(const uint8_t public[KEY_BYTES], char out[IDENTITY_BYTES])
{
	sodium_bin2base64(out, IDENTITY_BYTES, public, KEY_BYTES, sodium_base64_VARIANT_ORIGINAL);
}

/* There is one spelling: libsodium wants the padding, and zeroes in the bits that it does not need. */
int
identity_parse(const char *name, uint8_t out[KEY_BYTES])
{
	uint8_t bytes[KEY_BYTES];
	size_t n = 0;

	if (strlen(name) != IDENTITY_BYTES - 1 || sodium_base642bin(bytes, sizeof(bytes), name, IDENTITY_BYTES - 1, NULL, &n,
	    NULL, sodium_base64_VARIANT_ORIGINAL) != 0 || n != KEY_BYTES)
		return -1;
	if (out != NULL)
		memcpy(out, bytes, KEY_BYTES);
	return 0;
}

int
identity_to_x25519(const uint8_t public[KEY_BYTES], uint8_t out[KEY_BYTES])
{
	return crypto_sign_ed25519_pk_to_curve25519(out, public);
}

int
identity_verify(const uint8_t public[KEY_BYTES], const void *text, size_t len, const uint8_t sig[SIGNATURE_BYTES])
{
	return crypto_sign_verify_detached(sig, text, len, public) == 0;
}

int
identity_anchor_verify(const uint8_t public[KEY_BYTES], const char *chain, int64_t rows, const char head[65],
    const uint8_t sig[SIGNATURE_BYTES])
{
	char said[AUDIT_ANCHOR_MAX];
	size_t n = audit_anchor_text(said, chain, rows, head);

	return n > 0 && identity_verify(public, said, n, sig);
}
