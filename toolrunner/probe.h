/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sandbox tries itself: a worker that, once inside, does what must fail
 * and what must work, and says which layers held. What it reports is what
 * happened here, not what the kernel's version promises.
 */
#ifndef ALPI_PROBE_H
#define ALPI_PROBE_H

#include <jansson.h>

#include "common/error.h"
#include "toolrunner/sandbox.h"

struct probe;

/*
 * What must be made before the walls are up: a process to reach for. targets: {"pids": [outside],
 * "paths": [that must not open]}, borrowed. Lives as long as the process.
 */
struct probe *probe_prepare(const json_t *targets);
/* Try everything; entered: what sandbox_enter said (ERR_none when it succeeded). An array of {name, held, detail}; new reference. */
json_t	*probe_run(struct probe *p, const struct sandbox *s, const struct error *entered);

#endif
