/* SPDX-License-Identifier: Apache-2.0 */
/* Does the sandbox hold here, and may tools run? */
#ifndef ALPI_SELFTEST_H
#define ALPI_SELFTEST_H

#include "toolrunner/runner.h"

/* Have every layer tried, once. Does not wait for it: the unit is ready before, no tool runs before. */
void	selftest_begin(struct runner *r);
/* Whoever needs its outcome: blocks until it is known, some milliseconds in the life of the process. */
void	selftest_wait(struct runner *r);
/* Set or clear r->stop from what the test found and what the settings allow to be missing. */
void	selftest_judge(struct runner *r);

#endif
