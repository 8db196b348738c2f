/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main process's side of the launcher (launch.h): a small process of our
 * own, started before the main process gives up its rights, that makes a
 * process per call, tells how it ended, and opens config.yaml. That a process
 * ended is believed only from here.
 */
#ifndef ALPI_LAUNCHER_H
#define ALPI_LAUNCHER_H

#include <event2/event.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/boot.h"
#include "common/error.h"

struct background;
struct launched;

struct launcher {
	struct event_base	*base;
	/* what every call is described with */
	char			*home, *root, *person, *user;
	json_t			*env;		/* what a tool's programs get of our environment */
	struct background	*background;
	/* launcher.c's */
	struct event		*event;
	int			 fd;
	pid_t			 pid;
	uint32_t		 last_id;
	struct launched		*launched;
	int			 opened_fd;	/* the answer to LAUNCH_CONFIG or LAUNCH_SKILL */
	int			 opened_errno, opened_where;
	bool			 opened;
	void			(*gone)(void *);
	void			*gone_arg;
};

enum launched_end {
	LAUNCHED_NOT,		/* status: errno */
	LAUNCHED_ENDED,		/* status: wait status */
	LAUNCHED_LOST,		/* the launcher is gone; nobody knows how far this came */
	LAUNCHED_DROPPED,	/* we end, and want to hear nothing more of it */
};

/* A process that the launcher makes for somebody, who embeds this. */
struct launched {
	struct launcher	*launcher;
	struct launched	*next;
	uint32_t	 id;
	pid_t		 pid;
	/* Once, last; it must remove itself. */
	void		(*ended)(struct launched *, enum launched_end, int status);
};

/*
 * Start `alpi-toolrunner --launch`. Call before the process has threads and before restrict_self.
 * The launcher learns home, root, libexec and the person's home from boot. NULL on error.
 */
struct launcher *launcher_start(const struct boot *boot, struct event_base *base, struct error *e);
/* End the launcher and every worker; no further callbacks. NULL is fine. Blocks until the launcher is gone. */
void	 launcher_stop(struct launcher *l);
/* A read-only descriptor of HOME/config.yaml as it is now (the main process cannot open it); the caller closes. -1: ERR_not_found when there is none. Blocks shortly. */
int	 launcher_config(struct launcher *l, struct error *e);
/* A descriptor of the SKILL.md of this skill, checked by skill_name_ok, and the folder below skills/ it lies in (static); as launcher_config. */
int	 launcher_skill(struct launcher *l, const char *name, const char **category, struct error *e);
/* Called on the loop when the launcher died by itself: nothing can be started any more. The main process then ends, init restarts it. */
void	 launcher_on_gone(struct launcher *l, void (*gone)(void *arg), void *arg);
/* Without the loop: wait for the launcher's next word and act on it. -1: none came in time, or the launcher is gone. */
int	 launcher_hear(struct launcher *l, int wait_ms);

/* Give it a number and watch over it; then ask for its process (flags: LAUNCH_*), which gets copies of the descriptors. */
void	 launcher_add(struct launcher *l, struct launched *p);
int	 launcher_make(struct launched *p, uint32_t flags, const int *fds, size_t nfds, struct error *e);
void	 launcher_remove(struct launched *p);
/* For the process of that number, if it still runs. */
void	 launcher_signal(struct launcher *l, uint32_t id, int sig);

#endif
