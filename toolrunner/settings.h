/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What toolrunner wants of config.yaml. The main process cannot open the
 * file; the launcher hands it a descriptor.
 */
#ifndef ALPI_TOOLRUNNER_SETTINGS_H
#define ALPI_TOOLRUNNER_SETTINGS_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "common/error.h"
#include "toolrunner/launcher.h"
#include "toolrunner/tool.h"

struct settings {
	char		**deny;		/* tools.deny */
	char		**allow;	/* tools.terminal.approval.allowlist */
	char		**read, **write, **missing;	/* sandbox.* */
	enum tool_net	  net;
	json_t		 *config;	/* its tools.* alone, for budget.h */
	char		 *workspace;	/* configured, or NULL */
	char		 *broken;	/* why the file does not load (then no tool runs), or NULL */
	/* the file as it was read */
	bool		  there;
	struct stat	  seen;
};

/* Read again through the launcher if the file changed since. Blocks shortly. */
void	settings_refresh(struct settings *s, struct launcher *l);
void	settings_clear(struct settings *s);
bool	settings_denies(const struct settings *s, const char *tool);

#endif
