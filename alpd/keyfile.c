/* SPDX-License-Identifier: Apache-2.0 */
/* See keyfile.h. The PEM forms hold one fixed DER head each, so no ASN.1 is parsed. */
#include "alpd/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"

#define PEM_MAX		4096		/* bytes; ours have about 120 */
#define COLUMNS		64

static const unsigned char seed_head[] = {	/* PKCS#8, Ed25519, an octet string of 32 bytes */
	0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20 };
static const unsigned char public_head[] = {	/* SubjectPublicKeyInfo, Ed25519, a bit string of 32 bytes */
	0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00 };

#define PRIVATE "PRIVATE KEY"
#define PUBLIC "PUBLIC KEY"

/* ---- the PEM forms ---------------------------------------------------------------------------- */

static void
print(const char *what, const unsigned char *head, size_t n, const uint8_t key[KEY_BYTES], struct buf *out)
{
	unsigned char der[64];
	char text[128];

	memcpy(der, head, n);
	memcpy(der + n, key, KEY_BYTES);
	sodium_bin2base64(text, sizeof(text), der, n + KEY_BYTES, sodium_base64_VARIANT_ORIGINAL);
	buf_addf(out, "-----BEGIN %s-----\n", what);
	for (const char *line = text; *line != '\0'; line += strnlen(line, COLUMNS))
		buf_addf(out, "%.*s\n", COLUMNS, line);
	buf_addf(out, "-----END %s-----\n", what);
	sodium_memzero(der, sizeof(der));
	sodium_memzero(text, sizeof(text));
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

static void
wipe(struct buf *b)
{
	if (b->data != NULL)
		sodium_memzero(b->data, b->cap);
	buf_clear(b);
}

/* The folder, a real one, for its owner alone. */
static int
open_folder(const char *path, struct error *e)
{
	struct stat st;
	int fd, bad;

	if (make_dirs(path, 0700, e) == -1)
		return -1;
	if ((fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)) == -1)
		return error_errno(e, "%s", path);
	bad = fstat(fd, &st) == -1 || ((st.st_mode & 07777) != 0700 && fchmod(fd, 0700) == -1);
	if (bad)
		error_errno(e, "%s", path);
	close(fd);
	return bad ? -1 : 0;
}

static int
read_seed(const char *path, uint8_t seed[KEY_BYTES], struct error *e)
{
	struct buf b = BUF(0);
	int bad = file_read(path, PEM_MAX, &b, e) == -1;

	if (!bad && pem_parse_seed(b.data == NULL ? "" : b.data, b.len, seed, e) == -1)
		bad = error_add(e, "%s (the identity is not made anew: bring back the file, or move it away to begin as somebody else)", path);
	wipe(&b);
	return bad ? -1 : 0;
}

static int
make_seed(const char *path, uint8_t seed[KEY_BYTES], struct error *e)
{
	struct buf b = BUF(0);
	int bad;

	randombytes_buf(seed, KEY_BYTES);
	pem_print_seed(seed, &b);
	bad = atomic_write(path, b.data, b.len, 0600, e);
	wipe(&b);
	if (!bad)
		log_info("a new identity was made: %s", path);
	return bad;
}

/* The public half beside it, for people: written where it is missing or is not ours. */
static void
write_public(const char *path, const uint8_t seed[KEY_BYTES])
{
	uint8_t public[KEY_BYTES], secret[crypto_sign_SECRETKEYBYTES];
	cleanup_buf struct buf want = BUF(0), have = BUF(0);
	struct error e = { 0 };
	struct stat st;

	crypto_sign_seed_keypair(public, secret, seed);
	sodium_memzero(secret, sizeof(secret));
	pem_print_public(public, &want);
	if (file_read(path, PEM_MAX, &have, NULL) == 0 && have.len == want.len && memcmp(have.data, want.data, want.len) == 0 &&
	    lstat(path, &st) == 0 && (st.st_mode & 07777) == 0644)
		return;
	if (atomic_write(path, want.data, want.len, 0644, &e) == -1)
		log_warn("%s", e.text);
}

static int
repair_mode(const char *path, struct error *e)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC), bad;
	struct stat st;

	if (fd == -1)
		return error_errno(e, "%s", path);
	bad = fstat(fd, &st) == -1 || ((st.st_mode & 07777) != 0600 && fchmod(fd, 0600) == -1);
	if (bad)
		error_errno(e, "%s", path);
	close(fd);
	return bad ? -1 : 0;
}

int
keyfile_load(const char *home, uint8_t seed[KEY_BYTES], struct error *e)
{
	cleanup_free char *dir = path_join(home, "alp/secrets");
	cleanup_free char *pem = path_join(dir, "alp_key.pem"), *pub = path_join(dir, "alp_key.pub");
	struct stat st;

	if (open_folder(dir, e) == -1)
		return -1;
	if (lstat(pem, &st) == -1) {
		if (errno != ENOENT)
			return error_errno(e, "%s", pem);
		if (make_seed(pem, seed, e) == -1)
			return -1;
	} else if (repair_mode(pem, e) == -1 || read_seed(pem, seed, e) == -1) {
		return -1;
	}
	write_public(pub, seed);
	return 0;
}
