/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the kernel says about a process. A process id comes again after its
 * process has gone; the id and its start time together do not.
 */
#ifndef ALPI_PROCESS_H
#define ALPI_PROCESS_H

#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

/* In a unit of the kernel's; 0 when there is no such process. */
uint64_t process_start_time(pid_t pid);
/* Resident memory; 0 when there is no such process. */
long	 process_rss_kb(pid_t pid);

/* Take a lock file, for as long as we live. The descriptor, or -1: ERR_busy when another process has it. */
int	 lock_take(const char *path, struct error *e);
/* 1 when a living process has it. */
int	 lock_held(const char *path);

/* Write "PID STARTTIME" of this process to path, whole or not at all. 0 or -1. */
int	 pidfile_write(const char *path, struct error *e);
/* The process in a pid file, when that very one still runs; 0 else. */
pid_t	 pidfile_read(const char *path);

#endif
