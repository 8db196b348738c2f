/* SPDX-License-Identifier: Apache-2.0 */
/* See alike.h. Unicode's tables are libunistring's. */
#include "engined/alike.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <unicase.h>
#include <unictype.h>
#include <uninorm.h>
#include <unistr.h>

#include "common/buf.h"
#include "common/mem.h"

#define WORDS_MAX	512		/* of a note; what follows decides nothing */

char *
alike_fold(const char *text)
{
	size_t len = 0;
	uint8_t *folded = u8_casefold((const uint8_t *)text, strlen(text), NULL, UNINORM_NFD, NULL, &len);
	struct buf b = BUF(0);
	ucs4_t c;
	int n;

	for (const uint8_t *p = folded; p != NULL && len > 0; p += n, len -= (size_t)n) {
		n = u8_mbtouc(&c, p, len);
		if (!uc_is_general_category(c, UC_NON_SPACING_MARK))
			buf_add(&b, p, (size_t)n);
	}
	free(folded);
	return buf_take(&b);
}

/* ---- where ---------------------------------------------------------------------------------- */

/* A text folded character by character: where each byte of it comes from. */
struct places {
	struct buf	 folded;
	size_t		*from;		/* of each byte: where its character begins */
};

static void
add_character(struct places *p, const char *text, size_t at, size_t len)
{
	cleanup_free char *one = xstrndup(text + at, len), *folded = alike_fold(one);
	size_t n = strlen(folded);

	p->from = xreallocarray(p->from, p->folded.len + n + 1, sizeof(*p->from));
	for (size_t i = 0; i < n; i++)
		p->from[p->folded.len + i] = at;
	buf_add(&p->folded, folded, n);
}

static void
find_places(struct places *p, const char *text)
{
	size_t len = strlen(text), n;
	ucs4_t c;

	*p = (struct places){ .folded = BUF(0) };
	for (size_t at = 0; at < len; at += n) {
		n = (size_t)u8_mbtouc(&c, (const uint8_t *)text + at, len - at);
		add_character(p, text, at, n);
	}
}

/* Behind the character at `at`, and behind the marks on it. */
static size_t
behind(const char *text, size_t at)
{
	size_t len = strlen(text);
	ucs4_t c;

	at += (size_t)u8_mbtouc(&c, (const uint8_t *)text + at, len - at);
	while (at < len) {
		int n = u8_mbtouc(&c, (const uint8_t *)text + at, len - at);

		if (!uc_is_general_category(c, UC_NON_SPACING_MARK))
			break;
		at += (size_t)n;
	}
	return at;
}

int
alike_find(const char *text, const char *want, size_t *from, size_t *to)
{
	cleanup_free char *words = alike_fold(want);
	struct places p;
	const char *all, *at;
	int found = 0;

	find_places(&p, text);
	all = buf_str(&p.folded);
	if (words[0] != '\0' && (at = strstr(all, words)) != NULL) {
		*from = p.from[at - all];
		*to = behind(text, p.from[(size_t)(at - all) + strlen(words) - 1]);
		found = strstr(at + strlen(words), words) != NULL ? 2 : 1;
	}
	buf_clear(&p.folded);
	free(p.from);
	return found;
}

/* ---- alike ---------------------------------------------------------------------------------- */

/* Folded, without what may stand at the end of a sentence. */
static char *
normal_form(const char *text)
{
	char *f = alike_fold(text + strspn(text, " \t\r\n"));
	size_t n = strlen(f);

	while (n > 0 && strchr(".!?,;: \t\r\n", f[n - 1]) != NULL)
		f[--n] = '\0';
	return f;
}

/* ---- words ---------------------------------------------------------------------------------- */

static bool
is_stop(const char *word)
{
	static const char stop[] = " a al an and de del e el en es i in is la las lo los me mi my o of on or que se si su te the to "
	    "un una unas unos y yo ";
	cleanup_free char *padded = xasprintf(" %s ", word);

	return strstr(stop, padded) != NULL;
}

struct words {
	char	*word[WORDS_MAX];
	size_t	 n;
};

static bool
has_word(const struct words *w, const char *word)
{
	for (size_t i = 0; i < w->n; i++)
		if (strcmp(w->word[i], word) == 0)
			return true;
	return false;
}

/* The content words of a folded text, each once. */
static void
words_of(const char *folded, struct words *w)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";

	for (w->n = 0; *(folded += strcspn(folded, letters)) != '\0' && w->n < WORDS_MAX; ) {
		size_t len = strspn(folded, letters);
		cleanup_free char *word = xstrndup(folded, len);

		if (len >= 2 && !is_stop(word) && !has_word(w, word))
			w->word[w->n++] = steal(word);
		folded += len;
	}
}

static void
words_free(struct words *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->word[i]);
}

/* Of the smaller set, which has two or more, seven of ten are shared. */
static bool
words_shared(const char *a, const char *b)
{
	struct words x, y;
	size_t shared = 0, smaller;
	bool enough;

	words_of(a, &x);
	words_of(b, &y);
	for (size_t i = 0; i < x.n; i++)
		shared += has_word(&y, x.word[i]);
	smaller = x.n < y.n ? x.n : y.n;
	enough = smaller >= 2 && 10 * shared >= 7 * smaller;
	words_free(&x);
	words_free(&y);
	return enough;
}

bool
alike(const char *there, const char *text)
{
	cleanup_free char *a = normal_form(there), *b = normal_form(text);

	return strstr(a, b) != NULL || (a[0] != '\0' && strstr(b, a) != NULL) || words_shared(a, b);
}

/* ---- warnings ------------------------------------------------------------------------------- */

#define DATE	"[0-9]{4}-[0-9]{2}-[0-9]{2}"

static bool
matches(const char *pattern, const char *text)
{
	regex_t re;
	bool hit;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB) != 0)
		abort();
	hit = regexec(&re, text, 0, NULL, 0) == 0;
	regfree(&re);
	return hit;
}

char *
alike_warnings(const char *text)
{
	bool state = matches("(^|[^a-z0-9_])((chat|session)[ _]id|inbound)($|[^a-z0-9_])|first interaction|" DATE "t[0-9]{2}", text);
	bool dated = matches("[0-9]{5}", text) && matches(DATE, text);

	if (!state && !dated)
		return NULL;
	return xasprintf("%s%s%s", state ? "operational state" : "", state && dated ? ", " : "", dated ? "id with date" : "");
}
