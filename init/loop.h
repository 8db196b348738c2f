/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What init waits for: descriptors, timers, and streams whose other end may
 * be slow. Nothing here ever blocks but the one poll(2). Running out of
 * memory ends init; the units end with it and the service manager begins anew.
 */
#ifndef INIT_LOOP_H
#define INIT_LOOP_H

#include <stddef.h>
#include <stdint.h>

struct timer {
	void		(*fn)(void *arg);
	void		*arg;
	int64_t		 at;		/* 0: not armed */
	struct timer	*next;
};

struct stream {				/* a socket with bytes that could not be written yet */
	int	 fd;			/* -1: closed */
	char	*out;
	size_t	 len;
	void	(*fn)(void *arg);	/* something to read, or the end: read once, without blocking */
	void	*arg;
};

int64_t	 now_ms(void);				/* monotonic */
void	*need(void *p);				/* p, or the end of the process when it is NULL */
void	 wipe(void *p, size_t len);		/* overwrite and free; NULL is accepted */

/* Call fn when one of these events is there; 0 events: forget the descriptor. */
void	loop_fd(int fd, short events, void (*fn)(void *arg, short revents), void *arg);
void	timer_set(struct timer *t, int64_t in_ms);
void	timer_clear(struct timer *t);
/* Wait and call until loop_end; `round` runs after every batch, when no callback is under way. */
void	loop_run(void (*round)(void));
void	loop_end(void);

/*
 * The stream owns fd from here on. What is sent goes out with the next round, or with stream_flush,
 * and is wiped; a reader that is 8 MiB behind is cut off.
 */
void	stream_open(struct stream *s, int fd, void (*fn)(void *arg), void *arg);
void	stream_send(struct stream *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void	stream_flush(struct stream *s);
void	stream_close(struct stream *s);

#endif
