/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See envelope.h. Opening goes from what costs nothing to what costs most,
 * which is also the order of the protocol: nobody makes us hash a text that
 * is not of this minute. The first word of a refusal names the check that
 * failed; it is for our log, a sender hears nothing.
 */
#include "alpd/envelope.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/clock.h"
#include "common/mem.h"

#define SECOND_US	INT64_C(1000000)
#define SIGNATURE_TEXT	88		/* base64 of SIGNATURE_BYTES */

/* ---- time ------------------------------------------------------------------------------------ */

/* n digits at *p, which moves behind them; -1: they are not there. */
static int
number(const char **p, const char *end, int n)
{
	int v = 0;

	if (end - *p < n)
		return -1;
	for (; n > 0; n--, (*p)++) {
		if (**p < '0' || **p > '9')
			return -1;
		v = v * 10 + (**p - '0');
	}
	return v;
}

/* The same between two limits, and one of `after` behind it unless that is empty. */
static bool
field(const char **p, const char *end, int n, int min, int max, char after, int *out)
{
	*out = number(p, end, n);
	if (*out < min || *out > max)
		return false;
	return after == '\0' || (*p < end && *(*p)++ == after);
}

static int
days_of_month(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return days[month - 1] + (month == 2 && leap);
}

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t
days_since_1970(int year, int month, int day)
{
	int64_t before = year - 1, days = before * 365 + before / 4 - before / 100 + before / 400;

	for (int m = 1; m < month; m++)
		days += days_of_month(year, m);
	return days + day - 1 - 719162;		/* from 0001-01-01 */
}

/* ".f" to ".fffffffff", or nothing; digits past the sixth are cut. */
static bool
fraction(const char **p, const char *end, int64_t *us)
{
	int unit = 100000, n = 0;

	*us = 0;
	if (*p == end || **p != '.')
		return true;
	for ((*p)++; *p < end && **p >= '0' && **p <= '9'; (*p)++, n++, unit /= 10)
		*us += (**p - '0') * unit;
	return n >= 1 && n <= 9;
}

/* "Z" or "±HH:MM", in seconds. */
static bool
zone(const char **p, const char *end, int *seconds)
{
	int hours, minutes;
	char c = *p < end ? *(*p)++ : '\0';

	*seconds = 0;
	if (c == 'Z')
		return true;
	if ((c != '+' && c != '-') || !field(p, end, 2, 0, 23, ':', &hours) || !field(p, end, 2, 0, 59, '\0', &minutes))
		return false;
	*seconds = (hours * 60 + minutes) * (c == '-' ? -60 : 60);
	return true;
}

bool
envelope_time(const char *text, size_t len, int64_t *us)
{
	const char *p = text, *end = text + len;
	int year, month, day, hour, minute, second, offset;
	int64_t part;

	if (!field(&p, end, 4, 1, 9999, '-', &year) || !field(&p, end, 2, 1, 12, '-', &month) ||
	    !field(&p, end, 2, 1, days_of_month(year, month), 'T', &day) || !field(&p, end, 2, 0, 23, ':', &hour) ||
	    !field(&p, end, 2, 0, 59, ':', &minute) || !field(&p, end, 2, 0, 59, '\0', &second) ||
	    !fraction(&p, end, &part) || !zone(&p, end, &offset) || p != end)
		return false;
	*us = (days_since_1970(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset) * SECOND_US + part;
	return true;
}

void
envelope_time_text(int64_t us, char out[32])
{
	int part = (int)((us % SECOND_US + SECOND_US) % SECOND_US);
	time_t seconds = (time_t)((us - part) / SECOND_US);
	struct tm t;
	size_t n;

	gmtime_r(&seconds, &t);
	n = strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &t);
	if (part != 0)
		snprintf(out + n, 32 - n, ".%06dZ", part);
	else
		snprintf(out + n, 32 - n, "Z");
}

/* ---- checks 1 to 5 --------------------------------------------------------------------------- */

/* A string without NUL that fits, or an empty one: then it is no identity, and equals none. */
static void
copy_identity(const struct node *n, char out[IDENTITY_BYTES])
{
	size_t len;
	const char *text = node_str(n, &len);

	out[0] = '\0';
	if (len != IDENTITY_BYTES - 1 || memchr(text, '\0', len) != NULL)
		return;
	memcpy(out, text, len);
	out[len] = '\0';
}

/* Step 2: the six members, the strings among them being strings. What v and ts are is for steps 3 and 4. */
static int
check_shape(struct envelope *v, const struct node *alp, struct error *e)
{
	static const char *const all[] = { "v", "from", "to", "ts", "nonce", "sig" };
	static const char *const strings[] = { "from", "to", "nonce", "sig" };

	if (!node_is(alp, NODE_OBJECT))
		return error_set(e, ERR_invalid, "shape: no alp");
	for (size_t i = 0; i < COUNT(all); i++)
		if (node_get(alp, all[i]) == NULL)
			return error_set(e, ERR_invalid, "shape: no alp.%s", all[i]);
	for (size_t i = 0; i < COUNT(strings); i++)
		if (!node_is(node_get(alp, strings[i]), NODE_STRING))
			return error_set(e, ERR_invalid, "shape: alp.%s is no string", strings[i]);
	if ((v->nonce = node_dup(node_get(alp, "nonce"))) == NULL)
		return error_set(e, ERR_invalid, "shape: a NUL in alp.nonce");
	copy_identity(node_get(alp, "from"), v->from);
	copy_identity(node_get(alp, "to"), v->to);
	return 0;
}

static int
check_version(const struct node *alp, struct error *e)
{
	int64_t version;

	if (!node_int(node_get(alp, "v"), &version) || version != 1)
		return error_set(e, ERR_invalid, "version: alp.v is not 1");
	return 0;
}

static int
check_time(struct envelope *v, const struct node *alp, int64_t now_us, struct error *e)
{
	size_t len;
	const char *ts = node_str(node_get(alp, "ts"), &len);
	int64_t late;

	if (ts == NULL || !envelope_time(ts, len, &v->ts_us))
		return error_set(e, ERR_invalid, "timestamp: alp.ts is malformed");
	late = now_us - v->ts_us;
	if (late > ENVELOPE_CLOCK_US || late < -ENVELOPE_CLOCK_US)
		return error_set(e, ERR_invalid, "timestamp: %lld s from our clock", (long long)(late / SECOND_US));
	return 0;
}

static int
check_signature(const struct envelope *v, const struct node *alp, struct error *e)
{
	cleanup_buf struct buf signed_text = BUF(0);
	uint8_t from[KEY_BYTES], sig[SIGNATURE_BYTES];
	size_t len, n = 0;
	const char *text = node_str(node_get(alp, "sig"), &len);

	if (identity_parse(v->from, from) == -1)
		return error_set(e, ERR_invalid, "signature: alp.from is no identity");
	/* libsodium refuses missing padding, alien characters and bits that are left over: one spelling */
	if (len != SIGNATURE_TEXT || sodium_base642bin(sig, sizeof(sig), text, len, NULL, &n, NULL,
	    sodium_base64_VARIANT_ORIGINAL) != 0 || n != sizeof(sig))
		return error_set(e, ERR_invalid, "signature: alp.sig is no signature");
	canonical_node(&signed_text, doc_root(v->doc), "alp.sig");
	if (!identity_verify(from, signed_text.data, signed_text.len, sig))
		return error_set(e, ERR_invalid, "signature: does not verify");
	return 0;
}

static int
check(struct envelope *v, int64_t now_us, struct error *e)
{
	const struct node *alp = node_get(doc_root(v->doc), "alp");

	if (!node_is(doc_root(v->doc), NODE_OBJECT))
		return error_set(e, ERR_invalid, "shape: no object");
	if (check_shape(v, alp, e) == -1 || check_version(alp, e) == -1 || check_time(v, alp, now_us, e) == -1)
		return -1;
	return check_signature(v, alp, e);
}

int
envelope_open(struct envelope *v, const char *text, size_t len, int64_t now_us, struct error *e)
{
	const struct node *root;

	*v = (struct envelope){ 0 };
	if (len > ENVELOPE_LINE_MAX)
		return error_set(e, ERR_invalid, "json: %zu bytes", len);
	if ((v->doc = doc_parse(text, len, e)) == NULL)
		return error_add(e, "json");
	if (check(v, now_us, e) == -1) {
		envelope_clear(v);
		return -1;
	}
	root = doc_root(v->doc);
	v->id = node_get(root, "id");
	v->method = node_get(root, "method");
	v->params = node_get(root, "params");
	v->result = node_get(root, "result");
	v->error = node_get(root, "error");
	v->stream = node_get(root, "stream");
	return 0;
}

void
envelope_clear(struct envelope *v)
{
	doc_free(v->doc);
	free(v->nonce);
	*v = (struct envelope){ 0 };
}

/* ---- making one ------------------------------------------------------------------------------ */

/* Everything up to the place of alp.sig, which is *place, and what follows it in alp. Members go in the order of their names. */
static void
put_alp(struct buf *b, const char *from, const char *to, size_t *place)
{
	char nonce[33], ts[32];

	random_hex(nonce, 16);
	envelope_time_text(clock_wall_ms() * 1000, ts);
	buf_addf(b, "{\"alp\":{\"from\":\"%s\",\"nonce\":\"%s\",", from, nonce);
	*place = b->len;
	buf_puts(b, "\"to\":");
	canonical_string(b, to, strlen(to));
	buf_addf(b, ",\"ts\":\"%s\",\"v\":1}", ts);
}

/* Sign what was printed without a signature, and put it in its place. */
static char *
finish(struct identity *self, struct buf *b, size_t place, size_t *len, struct error *e)
{
	static const char before[] = "\"sig\":\"", behind[] = "\",";
	char member[sizeof(before) - 1 + SIGNATURE_TEXT + sizeof(behind)], *at;
	uint8_t sig[SIGNATURE_BYTES];
	size_t n = sizeof(member) - 1;

	if (b->len + n > ENVELOPE_MAX) {
		error_set(e, ERR_too_large, "a message of %zu bytes", b->len + n);
		return NULL;
	}
	if (identity_sign(self, b->data, b->len, sig, e) == -1)
		return NULL;
	memcpy(member, before, sizeof(before) - 1);
	sodium_bin2base64(member + sizeof(before) - 1, SIGNATURE_TEXT + 1, sig, sizeof(sig), sodium_base64_VARIANT_ORIGINAL);
	memcpy(member + sizeof(before) - 1 + SIGNATURE_TEXT, behind, sizeof(behind));
	buf_add(b, member, n);
	at = b->data + place;
	memmove(at + n, at, b->len - n - place);
	memcpy(at, member, n);
	*len = b->len;
	return buf_take(b);
}

char *
envelope_request(struct identity *self, const char *to, const char *method, const char *params,
    char id[ENVELOPE_ID_BYTES], size_t *len, struct error *e)
{
	cleanup_buf struct buf b = BUF(0);
	size_t place;

	random_hex(id, 16);
	put_alp(&b, identity_name(self), to, &place);
	buf_addf(&b, ",\"id\":\"%s\",\"jsonrpc\":\"2.0\",\"method\":", id);
	canonical_string(&b, method, strlen(method));
	buf_puts(&b, ",\"params\":");
	buf_puts(&b, params);
	buf_addc(&b, '}');
	return finish(self, &b, place, len, e);
}

/* ,"id":…,"jsonrpc":"2.0" of a response to v. */
static void
put_id(struct buf *b, const struct envelope *v)
{
	buf_puts(b, ",\"id\":");
	if (v->id != NULL)
		canonical_node(b, v->id, NULL);
	else
		buf_puts(b, "\"\"");
	buf_puts(b, ",\"jsonrpc\":\"2.0\"");
}

char *
envelope_result(struct identity *self, const struct envelope *v, const char *result, const char *stream,
    size_t *len, struct error *e)
{
	cleanup_buf struct buf b = BUF(0);
	size_t place;

	put_alp(&b, identity_name(self), v->from, &place);
	put_id(&b, v);
	buf_puts(&b, ",\"result\":");
	buf_puts(&b, result);
	if (stream != NULL)
		buf_addf(&b, ",\"stream\":\"%s\"", stream);
	buf_addc(&b, '}');
	return finish(self, &b, place, len, e);
}

char *
envelope_error(struct identity *self, const struct envelope *v, int code, const char *message, const char *data,
    size_t *len, struct error *e)
{
	cleanup_buf struct buf b = BUF(0);
	size_t place;

	put_alp(&b, identity_name(self), v->from, &place);
	buf_addf(&b, ",\"error\":{\"code\":%d,\"data\":", code);
	buf_puts(&b, data);
	buf_puts(&b, ",\"message\":");
	canonical_string(&b, message, strlen(message));
	buf_addc(&b, '}');
	put_id(&b, v);
	buf_addc(&b, '}');
	return finish(self, &b, place, len, e);
}

/* ---- the client's checks --------------------------------------------------------------------- */

static bool
is_error(const struct node *error)
{
	int64_t code;

	return node_int(node_get(error, "code"), &code) && node_is(node_get(error, "message"), NODE_STRING);
}

int
envelope_answers(const struct envelope *v, const char *self, const char *from, const char *id, struct error *e)
{
	if (strcmp(v->to, self) != 0)
		return error_set(e, ERR_invalid, "recipient: the answer is for somebody else");
	if (strcmp(v->from, from) != 0)
		return error_set(e, ERR_invalid, "sender: the answer is by somebody else");
	if (!node_equals(v->id, id))
		return error_set(e, ERR_invalid, "id: the answer is to another request");
	if ((v->result == NULL) == (v->error == NULL))
		return error_set(e, ERR_invalid, "shape: the answer needs one of result and error");
	if (v->error != NULL && !is_error(v->error))
		return error_set(e, ERR_invalid, "shape: the answer's error is malformed");
	return 0;
}
