/* SPDX-License-Identifier: Apache-2.0 */
/* What the doctor's checks share: what was found out before them, and the rows they add. */
#ifndef ALPI_CLI_DOCTOR_H
#define ALPI_CLI_DOCTOR_H

#include <jansson.h>

#include "cli/cli.h"

enum level { OK, INFO, WARN, FAIL };

struct doctor {
	struct cli	*cli;
	json_t		*rows;
	json_t		*config;	/* NULL: it does not load */
	json_t		*engine;	/* host.engine.status; NULL: nobody answers */
	json_t		*init;		/* control_status; NULL: nothing runs */
	size_t		 count[FAIL + 1];
};

void	 doctor_row(struct doctor *d, const char *group, const char *label, enum level level, const char *fmt, ...)
	    __attribute__((format(printf, 5, 6)));
/* Those of doctor_gateways.c. */
void	 doctor_gateways(struct doctor *d);
/* Those of doctor_storage.c. */
void	 doctor_storage(struct doctor *d);

#endif
