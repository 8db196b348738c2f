/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hostd's state: one of each module, made by main and handed to every
 * handler and method. Who holds a struct host may do what hostd may do.
 */
#ifndef HOSTD_HOST_H
#define HOSTD_HOST_H

#include "common/call.h"
#include "common/daemon.h"
#include "common/dispatch.h"
#include "common/error.h"

struct approvals;
struct db;
struct peers_wait;
struct settings;
struct sock;
struct stream;
struct turns;

typedef struct request *host_send(struct daemon *d, const char *unit, enum msg type, const void *body,
	    const char *grant, int timeout_ms, request_done *done, void *arg, struct error *e);

struct host {
	struct daemon		*daemon;
	host_send		*send;		/* request_send, request_cancel; tests put their own here */
	void			(*cancel)(struct request *);
	struct db		*db;		/* host/turns.sqlite: turns and questions that are open */
	struct stream		*stream;
	struct approvals	*approvals;
	struct turns		*turns;
	struct settings		*settings;
	struct peers_wait	*peers;		/* verbs that wait for a link daemon to begin */
	struct sock		*sock;
	json_t			*removed;	/* profiles whose units init has yet to forget: name -> true */
	char			*person;	/* the person's home, or NULL */
	char			*root_real;	/* the root home without symbolic links */
	char			 device_id[33];
};

extern const struct handler host_handlers[];

/* Open host/turns.sqlite; a damaged one is set aside, with an error in the log. 0 or -1. */
int	 host_db(struct db **out, const char *path, struct error *e);
/* Read or make host/device_id (0600, made exclusively). 0 or -1. */
int	 host_device_id(const char *root, char out[33], struct error *e);
/*
 * No files after this but below ROOT/host and the run folder, no programs: hostd reads what
 * strangers send, so neither sessions nor .env are within its reach. 0 or -1.
 */
int	 host_fence(const char *root, const char *run, struct error *e);

/* "PROFILE/DAEMON" if that unit exists, to be freed; else NULL with ERR_not_found. */
char	*host_unit(const struct host *h, const char *profile, const char *daemon, struct error *e);
char	*host_engine(const struct host *h, const char *profile, struct error *e);

#endif
