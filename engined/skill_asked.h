/* SPDX-License-Identifier: Apache-2.0 */
/* The handlers of proto/skill.def: a person at the command, to whom every skill belongs. */
#ifndef ALPI_ENGINED_SKILL_ASKED_H
#define ALPI_ENGINED_SKILL_ASKED_H

#include "common/dispatch.h"

int	 skill_asked_list(struct call *c, const void *in, struct error *e);
int	 skill_asked_call(struct call *c, const void *in, struct error *e);
int	 skill_asked_read(struct call *c, const void *in, struct error *e);
int	 skill_asked_file(struct call *c, const void *in, struct error *e);
int	 skill_asked_import(struct call *c, const void *in, struct error *e);

#endif
