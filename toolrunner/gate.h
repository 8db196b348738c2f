/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The approval gate: may this command run, must somebody be asked, is this
 * an answer to that question? A ticket is over the exact command, directory,
 * environment and turn, and good for one answer. Nothing is begun or ended
 * here; that is exec.c's.
 */
#ifndef ALPI_GATE_H
#define ALPI_GATE_H

#include <stdbool.h>

#include "common/error.h"
#include "toolrunner/approve.h"
#include "toolrunner/runner.h"
#include "toolrunner/tool.h"

/* One command before the gate. The first part is its owner's, who lends it. */
struct gate {
	struct runner	*runner;
	const char	*key, *who, *origin, *session, *workspace;	/* of the call and of its grant */
	const char	*command;	/* NULL: the call has none, and passes */
	const char	*given;		/* the directory that it asks for, or "" */
	enum tool_net	 net;
	bool		 approver;	/* somebody can be asked */
	/* what was judged */
	char		*cwd;		/* where it will begin, for the one who is asked */
	enum tier	 tier;
	const char	*label;		/* NULL: no rule found anything */
	const char	*why;		/* of a verdict, for people */
	const char	*reason;	/* of the decision, for the log */
	char		 ticket[33], environment[65];
};

/* Judge the command: allowed, refused, or somebody must be asked; then the ticket stands for the question. */
enum ruling gate_judge(struct gate *g);
/* Judge the answer to the ticket: allowed or refused, and why (static; for people). -1: the seal does not fit. */
int	 gate_answer(struct gate *g, const char *choice, const char *seal, enum ruling *ruling, const char **why, struct error *e);
/* Put the decision on disk; 0, or -1: it must not have its effect. What is harmless without asking is not written down. */
int	 gate_record(const struct gate *g, bool allowed, struct error *e);
/* Why it was refused before anybody was asked; the caller frees. */
char	*gate_refusal(const struct gate *g);
void	 gate_clear(struct gate *g);

#endif
