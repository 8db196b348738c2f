/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is written down about finished turns (spec/engine.md, section 13):
 * logs/agent.log for people, logs/runs.jsonl for programs. Both are best
 * effort: a full disk costs lines here, never a turn.
 */
#ifndef ALPI_ENGINED_RUNLOG_H
#define ALPI_ENGINED_RUNLOG_H

#include <jansson.h>
#include <stdbool.h>

#define RUNLOG_ROWS 1000
#define RUNLOG_TAIL 280		/* characters of what a run said */

/* A line "time INFO alpi.engine text"; the file is rotated at 1,000,000 bytes, three older ones are kept. */
void	 runlog_line(const char *home, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* One row of runs.jsonl; beyond RUNLOG_ROWS the oldest leave. row is taken. */
void	 runlog_row(const char *home, const char *file, json_t *row);
/* Is there a row with this key? */
bool	 runlog_has(const char *home, const char *file, const char *key);

#endif
