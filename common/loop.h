/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thing at a time, for a program that links no library: descriptors with
 * something to read, signals, changed folders, time. Everybody else has
 * libevent. There is one loop in a process.
 */
#ifndef ALPI_LOOP_H
#define ALPI_LOOP_H

#include <stdint.h>

struct source {
	int	 fd;				/* -1: closed */
	void	(*fn)(void *arg);		/* something to read, or the end: read once, or close */
	void	*arg;
};

/* Take over fd, and call when it can be read. Ends the process when the kernel has no room. */
void	source_open(struct source *s, int fd, void (*fn)(void *arg), void *arg);
void	source_close(struct source *s);
/* From now on these signals (the list ends with 0) come as calls. */
void	loop_signals(const int *list, void (*fn)(int number));
/* What changed: the folder's number, and the name in it; "" when nobody knows. */
typedef void changed_fn(int folder, const char *name);
/* Call when names or contents of files in this folder change; one function for all folders. The folder's number. */
int	loop_watch(const char *dir, changed_fn *fn);
/* The same for a folder, whose number it is, and those in it; new ones are not found by themselves. */
int	loop_watch_below(const char *dir, changed_fn *fn);
/* The next loop_wait lasts until then at most, by clock_mono_ms; 0: no matter. */
void	loop_until(int64_t when);
/* Wait for one thing, and call. */
void	loop_wait(void);

#endif
