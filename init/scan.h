/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the disk to the units: when configurations, .env files or profiles
 * change, alpi-init-plan is asked what is wanted now; units come, go or
 * reload. init itself never reads YAML.
 */
#ifndef INIT_SCAN_H
#define INIT_SCAN_H

#include <sys/types.h>

/* Look now, and whenever something changed. */
void	 scan_begin(void);
/* No more looks: everything is about to stop. */
void	 scan_end(void);
/* The plan's process, 0: none under way; and its end. */
pid_t	 scan_pid(void);
void	 scan_exited(int status);
/* Nothing is being found out: what is known is what is wanted. 1 or 0. */
int	 scan_settled(void);
/* Why the newest plan did not hold in full, "" when it did. */
const char *scan_warning(void);
/* Take a plan's lines. Exposed for tests. */
void	 scan_apply(char *text);

#endif
