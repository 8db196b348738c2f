/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command found out: a table for people, JSON for programs. Cells
 * are foreign text (see text.h).
 */
#ifndef ALPI_CLI_PRINT_H
#define ALPI_CLI_PRINT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* How a value is shown. */
enum print_kind { PRINT_TEXT, PRINT_NUMBER, PRINT_SIZE, PRINT_AGE, PRINT_FLAG };

struct column {
	const char	*title;
	const char	*member;	/* dotted, of the row */
	enum print_kind	 kind;
	size_t		 widest;	/* columns on a terminal; 0: no limit */
};

/* Rows (an array of objects) under their titles; none: the line `empty`, when given. */
void	 print_table(FILE *f, const struct column *columns, size_t n, const json_t *rows, const char *empty);
/* A value as one line of JSON. */
void	 print_json(FILE *f, const json_t *value);

/* "12.3 KB", "3 h ago", "1h 02m"; static storage is not used, the caller gives the room. */
const char *print_size(int64_t bytes, char *out, size_t size);
const char *print_duration(double seconds, char *out, size_t size);

/* Columns of the terminal behind a descriptor; 80 when there is none. */
size_t	 print_width(int fd);
/* 1 when a line there can be overwritten: a terminal, TERM not dumb. */
bool	 print_moves(int fd);
/* The same, and NO_COLOR unset: 1 when colours may go there. */
bool	 print_colour(int fd);

#endif
