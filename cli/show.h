/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A turn as a person watches it: text as it comes, a line per tool with the
 * time it took, what it cost. Live lines are redrawn only on a terminal.
 */
#ifndef ALPI_CLI_SHOW_H
#define ALPI_CLI_SHOW_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/render.h"

#define SHOW_TOOLS_MAX 64

struct show_tool {
	char	*id, *name, *preview;	/* id NULL: a free place */
	char	*state;			/* what it said last; NULL: nothing */
	int64_t	 since;
};

struct show {
	bool		 live;		/* standard output is a terminal */
	bool		 colour;
	bool		 usage;		/* print a usage line at the end */
	struct render	 render;
	bool		 writing;	/* text of the model is being shown */
	bool		 thinking;	/* a reasoning note is being shown */
	bool		 status;	/* the last line is a live one, to be overwritten */
	int64_t		 since;		/* the turn runs, and this is when it last said something; 0: it does not */
	struct show_tool tools[SHOW_TOOLS_MAX];
	json_t		*sum;		/* usage of all steps */
	bool		 failed, interrupted;
};

void	show_init(struct show *s);
void	show_clear(struct show *s);
/* A turn begins. */
void	show_begin(struct show *s);
/* Take a frame of the turn. */
void	show_frame(struct show *s, const json_t *frame);
/* Redraw what shows elapsed time; call it about ten times a second while something runs. */
void	show_tick(struct show *s);
/* 1 while a live line needs ticks. */
bool	show_busy(const struct show *s);
/* End open text and live lines, so that something else can be printed. */
void	show_pause(struct show *s);
/* The turn is over. */
void	show_end(struct show *s);
/* Text in dim letters where colour is on; a whole line. */
void	show_note(const struct show *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
