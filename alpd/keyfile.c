/* SPDX-License-Identifier: Apache-2.0 */
/* See keyfile.h. The PEM forms hold one fixed DER head each, so no ASN.1 is parsed. */
#include "alpd/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"

#define PEM_MAX		4096		/* bytes; ours have about 120 */

static const unsigned char seed_head[] = {	/* PKCS#8, Ed25519, an octet string of 32 bytes */
	0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20 };
static const unsigned char public_head[] = {	/* SubjectPublicKeyInfo, Ed25519, a bit string of 32 bytes */
	0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

#define PRIVATE "PRIVATE KEY"
#define PUBLIC "PUBLIC KEY"

/* ---- the PEM forms ---------------------------------------------------------------------------- */

/* At most 48 bytes of DER: one line of 64 columns. In one piece into the buffer, which so leaves no copies behind. */
static void
print(const char *what, const unsigned char *head, size_t n, const uint8_t key[KEY_BYTES], struct buf *out)
{
	unsigned char der[48];
	char line[65], pem[192];

	memcpy(der, head, n);
	memcpy(der + n, key, KEY_BYTES);
	sodium_bin2base64(line, sizeof(line), der, n + KEY_BYTES, sodium_base64_VARIANT_ORIGINAL);
	snprintf(pem, sizeof(pem), "-----BEGIN %s-----\n%s\n-----END %s-----\n", what, line, what);
	buf_puts(out, pem);
	sodium_memzero(der, sizeof(der));
	sodium_memzero(line, sizeof(line));
	sodium_memzero(pem, sizeof(pem));
}

void
pem_print_seed(const uint8_t seed[KEY_BYTES], struct buf *out)
{
	print(PRIVATE, seed_head, sizeof(seed_head), seed, out);
}

void
pem_print_public(const uint8_t public[KEY_BYTES], struct buf *out)
{
	print(PUBLIC, public_head, sizeof(public_head), public, out);
}

int
pem_parse_seed(const char *text, size_t len, uint8_t seed[KEY_BYTES], struct error *e)
{
	static const char begin[] = "-----BEGIN " PRIVATE "-----", end[] = "-----END " PRIVATE "-----";
	const char *from = memmem(text, len, begin, strlen(begin)), *to;
	unsigned char der[64];
	size_t n = 0;
	int bad;

	if (from == NULL || (to = memmem(from, len - (size_t)(from - text), end, strlen(end))) == NULL)
		return error_set(e, ERR_invalid, "no " PRIVATE " block");
	from += strlen(begin);
	bad = sodium_base642bin(der, sizeof(der), from, (size_t)(to - from), "\r\n", &n, NULL, sodium_base64_VARIANT_ORIGINAL);
	if (bad || n != sizeof(seed_head) + KEY_BYTES || memcmp(der, seed_head, sizeof(seed_head)) != 0) {
		sodium_memzero(der, sizeof(der));
		return error_set(e, ERR_invalid, "not an unencrypted Ed25519 key");
	}
	memcpy(seed, der + sizeof(seed_head), KEY_BYTES);
	sodium_memzero(der, sizeof(der));
	return 0;
}

/* ---- the files -------------------------------------------------------------------------------- */

/* Why it did not open, in words for a person. */
static int
cannot_open(const char *path, struct error *e)
{
	int why = errno;
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return error_set(e, ERR_denied, "%s: a symbolic link is not followed here, put the real one in its place", path);
	errno = why;
	return error_errno(e, "%s", path);
}

static int
repair_mode(int fd, const char *path, mode_t mode, struct error *e)
{
	struct stat st;

	if (fstat(fd, &st) == -1 || ((st.st_mode & 07777) != mode && fchmod(fd, mode) == -1))
		return error_errno(e, "%s", path);
	return 0;
}

/* The folder, a real one, for its owner alone, and locked: of two of us only one makes an identity. Its descriptor, or -1. */
static int
open_folder(const char *path, struct error *e)
{
	int fd;

	if (make_dirs(path, 0700, e) == -1)
		return -1;
	if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) == -1)
		return cannot_open(path, e);
	flock(fd, LOCK_EX);
	if (repair_mode(fd, path, 0700, e) == 0)
		return fd;
	close(fd);
	return -1;
}

static int
parse_file(int fd, uint8_t seed[KEY_BYTES], struct error *e)
{
	char text[PEM_MAX];
	ssize_t n = read(fd, text, sizeof(text));
	int bad;

	if (n == -1)
		return error_errno(e, "read");
	bad = pem_parse_seed(text, (size_t)n, seed, e);
	sodium_memzero(text, sizeof(text));
	return bad;
}

static int
read_seed(int fd, const char *path, uint8_t seed[KEY_BYTES], struct error *e)
{
	struct error why = { 0 };

	if (parse_file(fd, seed, &why) == 0)
		return repair_mode(fd, path, 0600, e);
	return error_set(e, why.code, "%s: %s; no new identity is made while it stands: bring it back from a copy, "
	    "or move it away to begin as a new one", path, why.text);
}

static int
make_seed(const char *path, uint8_t seed[KEY_BYTES], struct error *e)
{
	struct buf b = BUF(0);
	int bad;

	randombytes_buf(seed, KEY_BYTES);
	pem_print_seed(seed, &b);
	bad = atomic_write(path, b.data, b.len, 0600, e);
	sodium_memzero(b.data, b.len);
	buf_clear(&b);
	if (!bad)
		log_info("a new identity was made: %s", path);
	return bad;
}

/* Does this text stand there, for all to read? */
static bool
stands(const char *path, const struct buf *text)
{
	cleanup_buf struct buf have = BUF(0);
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07777) == 0644 &&
	    file_read(path, PEM_MAX, &have, NULL) == 0 && have.len == text->len &&
	    memcmp(have.data, text->data, text->len) == 0;
}

/* The public half beside it, for people: written where it is missing or is not ours. */
static void
write_public(const char *path, const uint8_t seed[KEY_BYTES])
{
	uint8_t public[KEY_BYTES], secret[crypto_sign_SECRETKEYBYTES];
	cleanup_buf struct buf want = BUF(0);
	struct error e = { 0 };

	crypto_sign_seed_keypair(public, secret, seed);
	sodium_memzero(secret, sizeof(secret));
	pem_print_public(public, &want);
	if (!stands(path, &want) && atomic_write(path, want.data, want.len, 0644, &e) == -1)
		log_warn("%s", e.text);
}

int
keyfile_load(const char *home, uint8_t seed[KEY_BYTES], struct error *e)
{
	cleanup_free char *dir = path_join(home, "alp/secrets");
	cleanup_free char *pem = path_join(dir, "alp_key.pem"), *pub = path_join(dir, "alp_key.pub");
	cleanup_close int folder = open_folder(dir, e);
	cleanup_close int fd = -1;

	if (folder == -1)
		return -1;
	fd = openat(folder, "alp_key.pem", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd == -1 && errno != ENOENT)
		return cannot_open(pem, e);
	if ((fd == -1 ? make_seed(pem, seed, e) : read_seed(fd, pem, seed, e)) == -1)
		return -1;
	write_public(pub, seed);
	return 0;
}
