/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See boot.h. init is trusted, but the grammar is held strictly: a line that
 * is not understood means that the two come from different builds.
 */
#include "common/boot.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

#include "common/mem.h"

#define NAME_MAX_BYTES 64

/* ---- lists of pairs ------------------------------------------------------------------------- */

static struct boot_pair *
pair_at(const struct boot_list *l, const char *unit)
{
	for (size_t i = 0; i < l->count; i++)
		if (strcmp(l->rows[i].unit, unit) == 0)
			return &l->rows[i];
	return NULL;
}

static struct boot_pair *
pair_add(struct boot_list *l, const char *unit)
{
	struct boot_pair *rows = xcalloc(l->count + 1, sizeof(*rows));

	/* Not realloc: it would leave a copy of the keys behind. */
	if (l->count > 0) {
		memcpy(rows, l->rows, l->count * sizeof(*rows));
		sodium_memzero(l->rows, l->count * sizeof(*rows));
	}
	free(l->rows);
	l->rows = rows;
	rows[l->count].unit = xstrdup(unit);
	return &rows[l->count++];
}

static void
pair_drop(struct boot_list *l, const char *unit)
{
	struct boot_pair *p = pair_at(l, unit), *last;

	if (p == NULL)
		return;
	free(p->unit);
	last = &l->rows[--l->count];
	if (p != last)
		*p = *last;
	sodium_memzero(last, sizeof(*last));
}

static void
list_clear(struct boot_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->rows[i].unit);
	if (l->rows != NULL)
		sodium_memzero(l->rows, l->count * sizeof(*l->rows));
	free(l->rows);
	*l = (struct boot_list){ 0 };
}

/* ---- named values --------------------------------------------------------------------------- */

static void
free_wiped(char *s)
{
	if (s != NULL)
		sodium_memzero(s, strlen(s));
	free(s);
}

static struct boot_secret *
value_at(struct boot_secret *rows, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(rows[i].name, name) == 0)
			return &rows[i];
	return NULL;
}

static void
value_set(struct boot_secret **rows, size_t *n, const char *name, const char *value)
{
	struct boot_secret *row = value_at(*rows, *n, name);

	if (row == NULL) {
		*rows = xreallocarray(*rows, *n + 1, sizeof(**rows));
		row = &(*rows)[(*n)++];
		*row = (struct boot_secret){ .name = xstrdup(name) };
	}
	free_wiped(row->value);
	row->value = xstrdup(value);
}

static void
values_clear(struct boot_secret **rows, size_t *n)
{
	for (size_t i = 0; i < *n; i++) {
		free((*rows)[i].name);
		free_wiped((*rows)[i].value);
	}
	free(*rows);
	*rows = NULL;
	*n = 0;
}

/* ---- words of the grammar ------------------------------------------------------------------- */

static int
is_name(const char *s, size_t n)
{
	return n > 0 && n <= NAME_MAX_BYTES &&
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") >= n && s[0] != '.';
}

/* "profile/daemon" */
static int
is_unit(const char *s)
{
	size_t n = strcspn(s, "/");

	return s[n] == '/' && is_name(s, n) && is_name(s + n + 1, strlen(s + n + 1));
}

static int
take_key(const char *hex, unsigned char key[BOOT_KEY_BYTES])
{
	size_t n;

	if (strlen(hex) != 2 * BOOT_KEY_BYTES || strspn(hex, "0123456789abcdef") != 2 * BOOT_KEY_BYTES)
		return -1;
	return sodium_hex2bin(key, BOOT_KEY_BYTES, hex, 2 * BOOT_KEY_BYTES, NULL, &n, NULL);
}

/* "UNIT KEY" into a list; a unit that is there gets the new key. */
static int
take_pair(struct boot_list *l, const char *rest)
{
	char unit[2 * NAME_MAX_BYTES + 2];
	size_t n = strcspn(rest, " ");
	unsigned char key[BOOT_KEY_BYTES];
	struct boot_pair *p;

	if (n >= sizeof(unit) || rest[n] != ' ' || take_key(rest + n + 1, key) == -1)
		return -1;
	memcpy(unit, rest, n);
	unit[n] = '\0';
	if (!is_unit(unit))
		return -1;
	if ((p = pair_at(l, unit)) == NULL)
		p = pair_add(l, unit);
	memcpy(p->key, key, sizeof(key));
	sodium_memzero(key, sizeof(key));
	return 0;
}

static int
take_path(char **out, const char *rest)
{
	if (rest[0] != '/' || *out != NULL)
		return -1;
	*out = xstrdup(rest);
	return 0;
}

/* NAME, the separator, the rest as it is. */
static int
take_value(struct boot_secret **rows, size_t *n, const char *rest, char separator)
{
	const char *at = strchr(rest, separator);
	cleanup_free char *name = NULL;

	if (at == NULL || !is_name(rest, (size_t)(at - rest)))
		return -1;
	name = xstrndup(rest, (size_t)(at - rest));
	value_set(rows, n, name, at + 1);
	return 0;
}

/* ---- one function per word ------------------------------------------------------------------ */

static int
word_unit(struct boot *b, const char *rest)
{
	if (b->unit != NULL || !is_unit(rest))
		return -1;
	b->unit = xstrdup(rest);
	b->profile = xstrndup(rest, strcspn(rest, "/"));
	b->daemon = xstrdup(strchr(rest, '/') + 1);
	return 0;
}

static int
word_root(struct boot *b, const char *rest)
{
	return take_path(&b->root, rest);
}

static int
word_home(struct boot *b, const char *rest)
{
	return take_path(&b->home, rest);
}

static int
word_run(struct boot *b, const char *rest)
{
	return take_path(&b->run, rest);
}

static int
word_libexec(struct boot *b, const char *rest)
{
	return take_path(&b->libexec, rest);
}

static int
word_call(struct boot *b, const char *rest)
{
	return take_pair(&b->calls, rest);
}

static int
word_accept(struct boot *b, const char *rest)
{
	return take_pair(&b->accepts, rest);
}

static int
word_mint(struct boot *b, const char *rest)
{
	return take_pair(&b->mints, rest);
}

static int
word_verify(struct boot *b, const char *rest)
{
	return take_pair(&b->verifies, rest);
}

static int
word_drop(struct boot *b, const char *rest)
{
	if (!is_unit(rest))
		return -1;
	pair_drop(&b->calls, rest);
	pair_drop(&b->accepts, rest);
	return 0;
}

static int
word_secret(struct boot *b, const char *rest)
{
	b->reload |= b->complete;
	return take_value(&b->secrets, &b->nsecrets, rest, '=');
}

static int
word_option(struct boot *b, const char *rest)
{
	return take_value(&b->options, &b->noptions, rest, ' ');
}

static int
word_reload(struct boot *b, const char *rest)
{
	b->reload = 1;
	return rest[0] == '\0' ? 0 : -1;
}

static int
word_end(struct boot *b, const char *rest)
{
	b->complete = 1;
	return rest[0] == '\0' && b->unit && b->root && b->home && b->run && b->libexec ? 0 : -1;
}

enum when { FIRST = 1, LATER = 2, BOTH = 3 };

static const struct {
	const char	*word;
	enum when	 when;
	int		(*take)(struct boot *, const char *rest);
} words[] = {
	{ "unit", FIRST, word_unit },
	{ "root", FIRST, word_root },
	{ "home", FIRST, word_home },
	{ "run", FIRST, word_run },
	{ "libexec", FIRST, word_libexec },
	{ "call", BOTH, word_call },
	{ "accept", BOTH, word_accept },
	{ "mint", BOTH, word_mint },
	{ "verify", BOTH, word_verify },
	{ "secret", BOTH, word_secret },
	{ "option", BOTH, word_option },
	{ "end", FIRST, word_end },
	{ "drop", LATER, word_drop },
	{ "reload", LATER, word_reload },
};

/* Errors never quote a line: it may hold a secret. */
int
boot_line(struct boot *b, const char *line, struct error *e)
{
	size_t n = strcspn(line, " ");

	if (strlen(line) >= BOOT_LINE_MAX)
		return error_set(e, ERR_too_large, "boot line is too long");
	for (size_t i = 0; i < COUNT(words); i++) {
		if (strlen(words[i].word) != n || strncmp(words[i].word, line, n) != 0)
			continue;
		if ((words[i].when & (b->complete ? LATER : FIRST)) == 0)
			return error_set(e, ERR_invalid, "boot line \"%s\" is out of place", words[i].word);
		if (words[i].take(b, line[n] == ' ' ? line + n + 1 : "") == 0)
			return 0;
		return error_set(e, ERR_invalid, "boot line \"%s\" is malformed", words[i].word);
	}
	return error_set(e, ERR_invalid, "boot line of an unknown kind");
}

/* ---- the first part ------------------------------------------------------------------------- */

/*
 * One line from a stream socket, and not a byte more: what follows is for
 * the loop. The length without the newline, or -1.
 */
static ssize_t
read_line(int fd, char line[BOOT_LINE_MAX], struct error *e)
{
	size_t len = 0;
	ssize_t n;
	char *end;

	while (len < BOOT_LINE_MAX) {
		if ((n = recv(fd, line + len, BOOT_LINE_MAX - len, MSG_PEEK)) == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? error_set(e, ERR_gone, "the boot message ends too early") :
			    error_errno(e, "read the boot message");
		end = memchr(line + len, '\n', (size_t)n);
		n = recv(fd, line + len, end ? (size_t)(end + 1 - (line + len)) : (size_t)n, 0);
		if (n <= 0)
			return error_errno(e, "read the boot message");
		len += (size_t)n;
		if (end != NULL) {
			line[--len] = '\0';
			return memchr(line, '\0', len) == NULL ? (ssize_t)len :
			    error_set(e, ERR_invalid, "boot line holds a NUL");
		}
	}
	return error_set(e, ERR_too_large, "boot line is too long");
}

int
boot_read(struct boot *b, int fd, struct error *e)
{
	cleanup_free char *line = xmalloc(BOOT_LINE_MAX);
	int status = -1;

	if (read_line(fd, line, e) == -1)
		return -1;
	if (strcmp(line, "alpi-boot 1") != 0)
		return error_set(e, ERR_invalid, "the boot message does not begin with alpi-boot 1");
	while (read_line(fd, line, e) != -1 && (status = boot_line(b, line, e)) == 0 && !b->complete)
		status = -1;
	sodium_memzero(line, BOOT_LINE_MAX);
	return status;
}

void
boot_clear(struct boot *b)
{
	char **const texts[] = { &b->unit, &b->profile, &b->daemon, &b->root, &b->home, &b->run, &b->libexec };
	struct boot_list *const lists[] = { &b->calls, &b->accepts, &b->mints, &b->verifies };

	for (size_t i = 0; i < COUNT(texts); i++)
		free(steal(*texts[i]));
	for (size_t i = 0; i < COUNT(lists); i++)
		list_clear(lists[i]);
	values_clear(&b->secrets, &b->nsecrets);
	values_clear(&b->options, &b->noptions);
	b->reload = b->complete = 0;
}

const struct boot_pair *
boot_find(const struct boot_list *l, const char *unit)
{
	return pair_at(l, unit);
}

const char *
boot_secret(const struct boot *b, const char *name)
{
	const struct boot_secret *row = value_at(b->secrets, b->nsecrets, name);

	return row != NULL && row->value[0] != '\0' ? row->value : NULL;
}

int
boot_secret_given(const struct boot *b, const char *name)
{
	return value_at(b->secrets, b->nsecrets, name) != NULL;
}

const char *
boot_option(const struct boot *b, const char *name)
{
	const struct boot_secret *row = value_at(b->options, b->noptions, name);

	return row != NULL ? row->value : NULL;
}
