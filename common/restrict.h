/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Give up what a program will not need: rlimits, no_new_privs, undumpable,
 * Landlock (files, TCP, signals, abstract sockets), seccomp. First name the
 * paths, then restrict_self with a list of words, before any thread exists.
 * On systems without these techniques only the portable part is done and
 * restrict_report says so. This is the one Linux-only file for daemons; the
 * tool workers' sandbox is toolrunner/sandbox.
 *
 * With ALPI_RESTRICT_DEBUG=1 a refused system call ends the process with a
 * log line that names it; otherwise the call fails with EPERM (or ENOSYS
 * where libraries probe).
 *
 * Words (each adds system calls and rights to the base of memory, time and
 * open descriptors; only "talk" stands alone, without that base):
 *   talk     read and write what is open, end: no memory more, no files, no other descriptors
 *   stdio    read, write, poll, epoll, timers, signals to oneself
 *   bus      Unix sockets made, bound, connected below run/
 *   files    open, stat, rename, unlink ... (only the paths named have rights)
 *   db       files + fcntl locks, mmap, fsync for sqlite
 *   net      TCP and UDP client sockets, DNS (and threads, which resolvers use)
 *   unix     Unix sockets of our own (hostd's host.sock)
 *   proc     posix_spawn, wait, kill children, pidfd
 *   exec     execve (implied by nothing)
 *   sandbox  namespaces, mount, pivot_root, setns, seccomp, landlock for children (toolrunner's launcher)
 */
#ifndef ALPI_RESTRICT_H
#define ALPI_RESTRICT_H

#include "common/error.h"

/*
 * Allow a path and what is below it: "r" read, "w" write existing and create, rename, remove below,
 * "x" execute; combined as "rw", "rx". A missing path is skipped unless '!' ends the word ("rw!").
 */
int	 restrict_path(const char *path, const char *rights, struct error *e);
/* Restrict this process for good. 0 or -1. */
int	 restrict_self(const char *words, struct error *e);
/* What held and what the kernel lacked, one line for the log; static. */
const char *restrict_report(void);

#endif
