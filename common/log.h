/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One line per event to stderr: "LEVEL text". Under init stderr is a pipe
 * and init adds the time and the unit; on a terminal the time is put in
 * front here. Lower case, subject first, no full stop, key=value for what
 * one greps. Never a secret, a prompt or a message body. Library code does
 * not log. Control characters in the text become '?', so a line is a line.
 */
#ifndef ALPI_LOG_H
#define ALPI_LOG_H

#include <stddef.h>

/* Also print debug lines (the environment variable ALPI_DEBUG is set). */
void	log_verbose(int on);
/* Lines go to this function instead, as "LEVEL text"; for who keeps the file itself. */
void	log_to(void (*fn)(const char *line));
/* Make every control character of these bytes a '?'. */
void	log_clean(char *text, size_t len);

void	log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void	log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
