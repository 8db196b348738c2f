/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a person writes: a mention is what the expression says, and with ASCII alone that can be said without a library. */
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/mention.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
is_blank(char c)
{
	return isspace((unsigned char)c) || (c >= 0x1c && c <= 0x1f);
}

static bool
is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Where the first mention of an ASCII text stands: its length without the '@', 0: there is none. */
static size_t
plain(const char *text, size_t *at)
{
	for (*at = 0; text[*at] != '\0'; ++*at) {
		const char *id = text + *at + 1;
		size_t n = 0;

		if (text[*at] != '@' || (*at > 0 && !is_blank(text[*at - 1])))
			continue;
		while (is_word(id[n]) || id[n] == '-')
			n++;
		while (n > 0 && is_word(id[n - 1]) == is_word(id[n]))
			n--;
		if (n > 0)
			return n;
	}
	return 0;
}

static bool
is_ascii(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text > 127)
			return false;
	return true;
}

static void
check_plain(const char *text, const struct mention *m)
{
	size_t at, n = plain(text, &at), head = at, tail = at + 1 + n;
	cleanup_free char *prompt = NULL;

	if (n > 0) {
		while (head > 0 && is_blank(text[head - 1]))
			head--;
		while (is_blank(text[tail]))
			tail++;
		prompt = xasprintf("%.*s%s%s", (int)head, text, head > 0 && text[tail] != '\0' ? " " : "", text + tail);
	}
	if ((m->peer != NULL) != (n > 0 && prompt[0] != '\0'))
		abort();
	if (m->peer != NULL && (n != strlen(m->peer) || strncmp(text + at + 1, m->peer, n) != 0 || strcmp(m->prompt, prompt) != 0))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = utf8_clean((const char *)data, size);
	const char *roster[1];
	struct mention m, again;

	mention_parse(text, NULL, 0, &m);
	if (is_ascii(text))
		check_plain(text, &m);
	if (m.peer == NULL)
		return 0;
	roster[0] = m.peer;
	if (mention_parse(text, roster, 0, &again) || !mention_parse(text, roster, 1, &again) || strcmp(again.prompt, m.prompt) != 0)
		abort();
	mention_clear(&again);
	mention_clear(&m);
	return 0;
}
