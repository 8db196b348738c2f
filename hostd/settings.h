/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings are read and changed by a child, `alpi-hostd --settings ROOT`,
 * because hostd itself, which reads what strangers send, can touch host/
 * only. One JSON line per order, one per answer, in order, on a socketpair.
 */
#ifndef HOSTD_SETTINGS_H
#define HOSTD_SETTINGS_H

#include <event2/event.h>
#include <jansson.h>

#include "common/error.h"

struct settings;

#define SETTINGS_LINE_MAX	(2 * 1024 * 1024)

/* Runs once on the loop: result is borrowed, or NULL with the error. */
typedef void settings_done(void *arg, const json_t *result, const struct error *e);

/* Start PROGRAM --settings ROOT. Before restrict and before any thread. NULL on error. */
struct settings *settings_start(const char *program, const char *root, struct error *e);
/* The same over a socket whose other end somebody else serves. */
struct settings *settings_over(int fd);
/* Take answers in this loop; lost runs once if the child ends. */
void	 settings_serve(struct settings *s, struct event_base *base, void (*lost)(void *), void *arg);
/* End the child by closing its socket. Callbacks that wait do not run. NULL is fine. */
void	 settings_stop(struct settings *s);

/* Order what ("set", "env_set", ... the table of settings_child.c) with these members; params is taken. */
void	 settings_order(struct settings *s, const char *what, json_t *params, settings_done *done, void *arg);

/* The child: serve orders from fd for the homes below root until end of file. The exit status. */
int	 settings_child(int fd, const char *root);
/* main() of `alpi-hostd --settings ROOT`: its socket is descriptor 0. */
int	 settings_main(int argc, char *argv[]);

#endif
