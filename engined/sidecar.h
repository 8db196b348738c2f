/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The frames of a session's latest turn as they stand on disk
 * (host-plane.md, section 7): one JSON row a line, the first tells which turn
 * it is, then {seq, ts, request_id, frame}. Appended before anybody is shown
 * a frame; not fsynced, because only a power loss could take a frame back
 * and the turn itself stands in the journal.
 */
#ifndef ALPI_ENGINED_SIDECAR_H
#define ALPI_ENGINED_SIDECAR_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"

#define SIDECAR_FRAME_MAX	32768		/* bytes; a larger frame has its long texts cut */
#define SIDECAR_TEXT_MAX	8192

/* Empty the file and write the first row. 0 or -1. */
int	 sidecar_begin(const char *path, const char *turn, const char *request_id, struct error *e);
/* The process that wrote it may have died within a row: end the line, so that the next row stands alone. 0 or -1. */
int	 sidecar_end_line(const char *path, struct error *e);
/* Add one row to rows, as a line; frame is borrowed. */
void	 sidecar_row(struct buf *rows, int64_t seq, const char *request_id, const json_t *frame);
int	 sidecar_append(const char *path, const struct buf *rows, struct error *e);

/* The first row; new reference or NULL. */
json_t	*sidecar_head(const char *path);
/* The newest `count` rows. New reference, never NULL. */
json_t	*sidecar_tail(const char *path, size_t count);
/* Rows with seq > after, at most limit and about max_bytes of text. New reference, never NULL; broken lines are skipped. */
json_t	*sidecar_read(const char *path, int64_t after, size_t limit, size_t max_bytes);

#endif
