/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each kernel does in its own way: facts about processes, the peer of a
 * socket, dying with the parent, noticing that files changed.
 */
#ifndef INIT_SYSTEM_H
#define INIT_SYSTEM_H

#include <sys/types.h>

/* Close inherited descriptors above 2; no new privileges and no core or ptrace from here on. */
void	 system_confine(void);
/* In a child before exec: die when init does. -1: init is gone already. */
int	 system_follow_parent(pid_t init);
/* The folder of the running program, without a slash at the end; the caller frees. */
char	*system_libexec(const char *argv0);
/* Field 22 of /proc/PID/stat (0: unknown); resident memory in KiB (0: unknown). */
unsigned long long system_start_time(pid_t pid);
long	 system_rss_kb(pid_t pid);
/* The user at the other end of a Unix socket, or -1. */
uid_t	 system_peer(int fd);

/*
 * Call fn after config.yaml, .env or a folder in a watched folder came, went or changed (elsewhere than
 * on Linux: every 5 s). Watching a folder twice, or one that is not there, does nothing.
 */
void	 system_watch(void (*fn)(void));
void	 system_watch_path(const char *path);

#endif
