/* SPDX-License-Identifier: Apache-2.0 */
/* The event loop: descriptors that have something to read. */
#ifndef INIT_LOOP_H
#define INIT_LOOP_H

#include <stddef.h>
#include <stdint.h>

struct source {
	int	 fd;			/* -1: closed */
	void	(*fn)(void *arg);	/* there is something to read, or the end: read once, or close */
	void	*arg;
};

void	 source_open(struct source *s, int fd, void (*fn)(void *arg), void *arg);
void	 source_close(struct source *s);
/* Wait for one source and call it, or until the time `due` (0: for ever). */
void	 loop_wait(int64_t due);
int64_t	 now_ms(void);			/* monotonic */

#endif
