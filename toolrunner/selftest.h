/* SPDX-License-Identifier: Apache-2.0 */
/* Does the sandbox hold here, and may tools run? */
#ifndef ALPI_SELFTEST_H
#define ALPI_SELFTEST_H

#include "toolrunner/runner.h"

/* Try every layer, once, before the loop runs; then judge. */
void	selftest_run(struct runner *r);
/* Set or clear r->stop from what the test found and what the settings allow to be missing. */
void	selftest_judge(struct runner *r);

#endif
