/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Foreign JSON: what parses prints to a text that parses and prints to
 * itself, no longer than a few reals make it; what jansson takes is taken,
 * but for our limits; the first eight bytes are a double that survives.
 */
#include <jansson.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "alpd/canonical.h"
#include "common/mem.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
prints_to_itself(const struct buf *form)
{
	cleanup_doc struct doc *d = doc_parse(form->data, form->len, NULL);
	cleanup_buf struct buf again = BUF(0);

	if (d == NULL)
		abort();
	canonical_node(&again, doc_root(d), NULL);
	if (again.len != form->len || memcmp(again.data, form->data, form->len) != 0)
		abort();
}

/* The same through jansson's tree: it has no integers beyond 64 bits, everything else comes out alike. */
static void
survives_jansson(const struct node *root)
{
	json_t *j = node_json(root);
	cleanup_buf struct buf b = BUF(0);

	canonical_json(&b, j);
	prints_to_itself(&b);
	json_decref(j);
}

static void
check_real(const uint8_t *data)
{
	cleanup_buf struct buf b = BUF(0);
	double value;

	memcpy(&value, data, sizeof(value));
	if (!isfinite(value))
		return;
	canonical_real(&b, value);
	if (strtod(b.data, NULL) != value)
		abort();
	prints_to_itself(&b);
}

static void
touch(const struct node *root, const char *text, size_t len)
{
	cleanup_free char *name = xstrndup(text, len < 8 ? len : 8), *s = node_dup(root);
	size_t n;
	int64_t i;
	double v;

	if (s != NULL && (node_str(root, &n) == NULL || n != strlen(s) || !node_equals(root, s)))
		abort();
	node_get(root, name);
	node_int(root, &i);
	node_num(root, &v);
	for (const struct node *row = node_first(root); row != NULL; row = node_next(row))
		if (node_kind(row) > NODE_OBJECT)
			abort();
}

/* Refused by us and taken by jansson: only where a limit of ours says so. (Jansson passes over a bare NUL behind a number.) */
static void
limits_only(const char *text, size_t len, const struct error *why)
{
	static const char *const limits[] = { "nested too deeply", "too many digits", "unusual form" };
	json_t *j = memchr(text, '\0', len) != NULL ? NULL :
	    json_loadb(text, len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
	size_t i = 0;

	while (j != NULL && i < COUNT(limits) && strstr(why->text, limits[i]) == NULL)
		i++;
	if (j != NULL && i == COUNT(limits))
		abort();
	json_decref(j);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct error e = { 0 };
	cleanup_doc struct doc *d = doc_parse(text, size, &e);
	cleanup_buf struct buf form = BUF(0), part = BUF(0);

	if (size >= 8)
		check_real(data);
	if (d == NULL) {
		limits_only(text, size, &e);
		return 0;
	}
	canonical_node(&form, doc_root(d), NULL);
	canonical_node(&part, doc_root(d), "alp.sig");
	if (part.len > form.len || form.len > size + 4096 * 20)
		abort();
	prints_to_itself(&form);
	prints_to_itself(&part);
	survives_jansson(doc_root(d));
	touch(doc_root(d), text, size);
	return 0;
}
