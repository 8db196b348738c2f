/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who knocked (peers.h, alp-wire.md, 8.2): alp/pending_peers.yaml, a list of
 * {pubkey, first_seen, last_seen}. We alone write it; what cannot be read is
 * left for a person to look at.
 */
#include <stdlib.h>
#include <string.h>

#include "alpd/peers_own.h"
#include "common/atomic.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/yaml.h"
#include "common/yaml_edit.h"

#define ADDRESS_MAX	512		/* as a row of the bus holds it */

/* The rows that tell of a key; a new list, or NULL. */
static json_t *
load(const struct peers *p, struct error *e)
{
	cleanup_buf struct buf text = BUF(YAML_MAX_BYTES);
	cleanup_json json_t *all = NULL;
	json_t *rows, *row;
	struct stat st;
	size_t i;

	if (peers_file(p->pending, &text, &st, e) == -1 || (all = peers_yaml_list(buf_str(&text), text.len, e)) == NULL) {
		error_add(e, "pending_peers.yaml");
		return NULL;
	}
	rows = json_array();
	json_array_foreach(all, i, row)
		if (strlen(json_str(row, "pubkey", "")) == IDENTITY_BYTES - 1)
			json_array_append(rows, row);
	return rows;
}

static int
save(const struct peers *p, const json_t *rows, struct error *e)
{
	cleanup_buf struct buf out = BUF(YAML_MAX_BYTES);
	yaml_document_t doc;

	if (!yaml_document_initialize(&doc, NULL, NULL, NULL, 1, 1))
		return error_set(e, ERR_internal, "yaml document");
	yaml_add_value(&doc, rows);
	if (yaml_emit(&doc, &out, e) == -1)
		return -1;
	return atomic_write(p->pending, buf_str(&out), out.len, 0600, e);
}

static json_t *
find(const json_t *rows, const char *pubkey)
{
	json_t *row;
	size_t i;

	json_array_foreach(rows, i, row)
		if (strcmp(json_str(row, "pubkey", ""), pubkey) == 0)
			return row;
	return NULL;
}

static int
newest_first(const void *a, const void *b)
{
	double left = json_num(*(json_t *const *)a, "last_seen", 0), right = json_num(*(json_t *const *)b, "last_seen", 0);

	return (left < right) - (left > right);
}

/* The newest ones, in that order. A new list. */
static json_t *
newest(const json_t *rows)
{
	size_t n = json_array_size(rows), i;
	cleanup_free json_t **sorted = xcalloc(n + 1, sizeof(*sorted));
	json_t *out = json_array();

	for (i = 0; i < n; i++)
		sorted[i] = json_array_get(rows, i);
	qsort(sorted, n, sizeof(*sorted), newest_first);
	for (i = 0; i < n && i < PENDING_MAX; i++)
		json_array_append(out, sorted[i]);
	return out;
}

int
pending_note(struct peers *p, const char *pubkey, double now, struct error *e)
{
	cleanup_json json_t *rows = load(p, e), *cut = NULL;
	json_t *row;

	if (rows == NULL)
		return -1;
	if ((row = find(rows, pubkey)) != NULL)
		json_object_set_new(row, "last_seen", json_real(now));
	else
		json_array_append_new(rows, json_pack("{s:s, s:f, s:f}", "pubkey", pubkey, "first_seen", now, "last_seen", now));
	cut = json_array_size(rows) > PENDING_MAX ? newest(rows) : json_incref(rows);
	return save(p, cut, e);
}

struct pending *
pending_list(struct peers *p, size_t *n)
{
	cleanup_json json_t *rows = load(p, NULL), *sorted = newest(rows);
	struct pending *out = xcalloc(PENDING_MAX, sizeof(*out));
	json_t *row;
	size_t i;

	json_array_foreach(sorted, i, row) {
		const char *address = json_str(row, "address", NULL);

		strcpy(out[i].pubkey, json_str(row, "pubkey", ""));
		out[i].first_seen = json_num(row, "first_seen", 0);
		out[i].last_seen = json_num(row, "last_seen", 0);
		if (address != NULL && strlen(address) <= ADDRESS_MAX)
			out[i].address = xstrdup(address);
	}
	*n = json_array_size(sorted);
	return out;
}

void
pending_free(struct pending *rows, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(rows[i].address);
	free(rows);
}

int
pending_drop(struct peers *p, const char *pubkey, struct error *e)
{
	cleanup_json json_t *rows = load(p, e);
	bool found = false;

	if (rows == NULL)
		return -1;
	for (size_t i = json_array_size(rows); i-- > 0;)
		if (strcmp(json_str(json_array_get(rows, i), "pubkey", ""), pubkey) == 0) {
			json_array_remove(rows, i);
			found = true;
		}
	return found && save(p, rows, e) == -1 ? -1 : found;
}
