/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpd's state: one of each module, made by main and handed to every handler
 * and method. The private key is not here: see identity.h.
 */
#ifndef ALPD_ALPD_H
#define ALPD_ALPD_H

#include <event2/dns.h>
#include <stdbool.h>
#include <stdint.h>

#include "common/audit.h"
#include "common/call.h"
#include "common/daemon.h"
#include "common/dispatch.h"

struct anchor;
struct asks;
struct blobs;
struct budget;
struct client;
struct fetches;
struct identity;
struct inbound;
struct peers;
struct ratelimit;
struct replay;
struct server;

struct alpd_settings {			/* of config.yaml, read once (services-cli.md: a change starts us anew) */
	char	*agent_name;		/* what link.ping tells: public_name, else the profile's name */
	char	*bind;			/* address to listen at; NULL: no TCP, and no_tcp says why */
	char	*no_tcp;
	int	 port;
	int64_t	 idle_ms;		/* silence inside an outgoing link.ask; 0: no limit */
	int64_t	 whole_ms;		/* all of it; 0: no limit */
	bool	 paused;		/* no inbound work */
};

typedef struct request *alpd_send(struct daemon *d, const char *unit, enum msg type, const void *body,
	    const char *grant, int timeout_ms, request_done *done, void *arg, struct error *e);

struct alpd {
	struct daemon		*daemon;
	alpd_send		*send;		/* request_send, request_cancel: how engined is asked; tests put their own here */
	void			(*cancel)(struct request *);
	struct event_base	*base;
	struct evdns_base	*dns;		/* resolver of peers' host names */
	const char		*root, *home;
	struct alpd_settings	 settings;
	struct audit		*audit;		/* logs/audit/alpd.jsonl */
	struct anchor		*anchor;	/* our signature under all chains of the profile */
	struct identity		*self;
	struct peers		*peers;
	struct replay		*replay;
	bool			 replay_due;	/* to be brought to the disk, soon */
	struct ratelimit	*rates;
	struct blobs		*blobs;
	struct budget		*budget;	/* is today's money spent (step 13) */
	struct server		*server;	/* listeners and accepted sessions */
	struct inbound		*inbound;	/* the peer turn that runs here */
	struct client		*client;	/* sessions that we dialled */
	struct asks		*asks;		/* link.ask of ours at peers */
	struct fetches		*fetches;	/* blobs of peers on their way to a person */
	bool			 draining;
};

extern const struct handler link_handlers[];

/* Files that only a container has; tests name others. */
extern const char *alpd_container_marks[2];
/* Read HOME's configuration. 0 or -1. */
int	alpd_settings_read(struct alpd_settings *s, const char *profile, const char *home, struct error *e);
void	alpd_settings_clear(struct alpd_settings *s);
/*
 * The key's folder goes out of sight: from here on this process sees the root home and nothing else of the machine's
 * files, and an empty folder in place of HOME/alp/secrets. After it no folder may be held open that was opened before.
 * Where the system does not let us, a warning says so, and 0.
 */
int	alpd_hide(const char *root, const char *home, struct error *e);
/*
 * No files after this but below HOME/alp and the run folder, the audit chains to read; no programs: whoever takes this
 * process over reads neither the key (alpd_hide) nor sessions nor .env. 0 or -1.
 */
int	alpd_fence(const char *home, const char *run, struct error *e);

#endif
