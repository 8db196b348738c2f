/* SPDX-License-Identifier: Apache-2.0 */
/* A worker's sandbox as the line of JSON that the worker builds it from (sandbox.h reads it there). */
#ifndef ALPI_WORKER_SPEC_H
#define ALPI_WORKER_SPEC_H

#include <jansson.h>
#include <stdint.h>

#include "toolrunner/launcher.h"
#include "toolrunner/worker.h"

#define WORKER_PROBE_MS	10000

/*
 * The network that a tool gets: the lesser of what its class takes and what the policy gives. That a command reaches
 * public addresses only is more than this sandbox can hold.
 */
enum tool_net worker_network(const struct sandbox_class *box, const struct sandbox_policy *policy);
/* New references. skill: its folder, or NULL. */
json_t	*worker_spec(const struct launcher *l, const struct sandbox_class *box, const struct sandbox_policy *policy,
	    const char *workspace, const char *skill, int64_t limit_ms);
/* The same for a worker that tries whether its sandbox holds. */
json_t	*worker_probe_spec(const struct launcher *l, const struct sandbox_policy *policy, const char *workspace);

#endif
