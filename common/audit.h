/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit chain of one daemon in one profile: logs/audit/<daemon>.jsonl,
 * one writer. A row is a JSON object with seq, at, the caller's members, and
 * prev: the SHA-256 (hex) of the line before without its newline (64 zeroes
 * for the first). Rows are on disk before the effect they tell of.
 */
#ifndef ALPI_AUDIT_H
#define ALPI_AUDIT_H

#include <jansson.h>

#include "common/error.h"

struct audit;

/* Open the chain HOME/logs/audit/NAME.jsonl; a torn last line (power loss) is cut off and told of in the next row. NULL on error. */
struct audit *audit_open(const char *home, const char *name, struct error *e);
void	 audit_close(struct audit *a);
/*
 * Append one row: what ("tool.exec", "approval", ...), who, decision ("allow", "deny", "done", ...),
 * detail: further members or NULL (borrowed; never payloads, only their hashes: audit_hash). 0 or -1.
 */
int	 audit_add(struct audit *a, const char *what, const char *who, const char *decision, const json_t *detail, struct error *e);
/* SHA-256 of bytes as 64 hex digits and a NUL. */
void	 audit_hash(const void *bytes, size_t len, char out[65]);
/* Check a chain file. The number of rows, or -1 with the first line that does not fit. */
long	 audit_verify(const char *path, struct error *e);
/* The same, and show every row with its number and the hash of its line. */
typedef void audit_row(void *arg, int64_t number, const char head[65], const json_t *row);
long	 audit_walk(const char *path, audit_row *fn, void *arg, struct error *e);

/*
 * Anchors: alpd signs the head of a chain, so that even whoever can write the file cannot go back behind it.
 * audit_head reads how many rows somebody else's chain has, and the hash of the last, unchecked; 0 or -1.
 * audit_anchor_text is what is signed (no request of the link can look like it); its length.
 */
#define AUDIT_NAME_MAX	31		/* bytes of a chain's name */
#define AUDIT_ANCHOR_MAX 160
int	 audit_head(const char *path, int64_t *rows, char head[65], struct error *e);
size_t	 audit_anchor_text(char out[AUDIT_ANCHOR_MAX], const char *chain, int64_t rows, const char head[65]);

#endif
