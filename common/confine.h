/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What any process of ours can give up without a library, whatever it goes on to
 * do; restrict.h is for those that serve. Children inherit it.
 */
#ifndef ALPI_CONFINE_H
#define ALPI_CONFINE_H

#include "common/error.h"

/* No core files, no way to new privileges, nobody may look into us. 0 or -1. */
int	confine_self(struct error *e);
/* Keep the variables that begin with one of these ("PATH=", "LC_"; then NULL), drop all others. */
void	confine_environment(const char *const *kept);
/* Close what is above stderr; 0, 1 and what then remains up to `upto` lead nowhere and stay taken. */
void	confine_descriptors(int upto);

#endif
