/* SPDX-License-Identifier: Apache-2.0 */
/* A part's bytes, and the text in them (mime_part.h): transfer encodings are the library's, character sets are iconv's. */
#include <ctype.h>
#include <errno.h>
#include <gmime/gmime.h>
#include <iconv.h>
#include <string.h>
#include <strings.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "gatewayd/mime_part.h"

#define REPLACEMENT	"\xef\xbf\xbd"
#define CHARSET_MAX	40

char *
part_decode(const struct part *p, size_t most, size_t *len)
{
	size_t n = p->body.len < most ? p->body.len : most;
	GMimeEncoding state;
	char *out;

	if (p->encoding == PART_plain) {
		out = xmalloc(n + 1);
		memcpy(out, p->body.at, n);
		*len = n;
	} else {
		g_mime_encoding_init_decode(&state, p->encoding == PART_base64 ? GMIME_CONTENT_ENCODING_BASE64 :
		    GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE);
		out = xmalloc(g_mime_encoding_outlen(&state, n) + 1);
		*len = g_mime_encoding_step(&state, p->body.at, n, out);
		*len += g_mime_encoding_flush(&state, NULL, 0, out + *len);
	}
	out[*len] = '\0';
	return out;
}

/* A name that can only be a name: iconv takes a slash for an order. */
static iconv_t
open_charset(const char *charset)
{
	static const char *const utf8[] = { "", "utf-8", "utf8", "us-ascii", "ascii" };

	for (size_t i = 0; i < COUNT(utf8); i++)
		if (strcasecmp(charset, utf8[i]) == 0)
			return (iconv_t)-1;
	for (const char *c = charset; *c != '\0'; c++)
		if (c - charset >= CHARSET_MAX || (!isalnum((unsigned char)*c) && strchr("-_.:+", *c) == NULL))
			return (iconv_t)-1;
	return iconv_open("UTF-8", charset);
}

/* Bytes that mean nothing are replaced one by one. */
static void
convert(iconv_t cd, const char *bytes, size_t len, struct buf *b)
{
	char out[4096], *in = (char *)bytes;

	while (len > 0) {
		char *to = out;
		size_t room = sizeof(out), r = iconv(cd, &in, &len, &to, &room);

		buf_add(b, out, sizeof(out) - room);
		if (r != (size_t)-1 || errno == E2BIG)
			continue;
		buf_puts(b, REPLACEMENT);
		in++;
		len--;
	}
}

/* \r\n and \r are \n; what else a terminal would obey is left out. */
static void
plain_lines(char *text)
{
	char *to = text;

	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '\r' && c[1] == '\n')
			continue;
		if (*c == '\r')
			*to++ = '\n';
		else if ((unsigned char)*c >= ' ' || *c == '\n' || *c == '\t')
			*to++ = *c;
	}
	*to = '\0';
}

char *
part_text(const char *bytes, size_t len, const char *charset)
{
	iconv_t cd = open_charset(charset);
	cleanup_buf struct buf converted = BUF(0);
	char *text;

	if (cd != (iconv_t)-1) {
		convert(cd, bytes, len, &converted);
		iconv_close(cd);
		text = utf8_clean(buf_str(&converted), converted.len);
	} else
		text = utf8_clean(bytes, len);
	plain_lines(text);
	return text;
}
