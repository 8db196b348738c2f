/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tools a turn may use, and where each runs: toolrunner's rows as it
 * reported them, and the few of engined itself, which need no file and no
 * process. The model is shown the core tools in full; the others by name, in
 * the description of load_tools, until it loads them.
 */
#ifndef ALPI_ENGINED_TOOLS_H
#define ALPI_ENGINED_TOOLS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "proto/proto.h"

/* A finished call as the model and the screen see it. */
struct tool_result {
	bool	 ok;
	char	*output;		/* the caller's; NULL: none */
	char	*error;			/* NULL: none */
	char	*answer;		/* the turn ends with this text unless a later call succeeds; NULL: it goes on */
	bool	 ours;			/* nobody else's text is in it */
	bool	 plain;			/* the model may follow it: it is not marked as data */
	bool	 cut;			/* to the tool's budget, by who ran it */
	json_t	*mutations;		/* what changed on disk (tools.md, 6); NULL: nothing */
	json_t	*produced;		/* a file for the person; NULL: none */
	int64_t	 tokens_in, tokens_out;	/* what models used for it, and USD */
	double	 cost;
};

void	 tool_result_clear(struct tool_result *r);

struct tools {
	json_t	*rows;			/* toolrunner's: {name, description, summary, parameters, core, unavailable} */
	json_t	*sandbox;		/* {name, held, detail} as reported */
	char	*sandbox_stop;		/* why no tool runs there; NULL: they run */
	bool	 known;			/* toolrunner has answered once */
	bool	 reads_files;		/* its index_workspace may be used: pages of files for engined itself */
};

void	 tools_init(struct tools *t);
void	 tools_clear(struct tools *t);
/* Take over toolrunner's answer. */
void	 tools_take(struct tools *t, const struct tool_list_reply *r);
size_t	 tools_count(const struct tools *t);

/* What one turn may use of them; whoever carries a call out checks its grant all the same. */
struct tools_policy {
	const json_t	*config;	/* tools.deny */
	const json_t	*only;		/* patterns of the only tools left (grant_tool_matches); NULL: all */
	bool		 peers;		/* it may ask peers, and there is a link daemon */
	bool		 jobs;		/* it may change jobs, and there is a scheduler */
	bool		 messages;	/* it may write to people, and there is a gateway */
	bool		 mail;		/* it may use the owner's mailbox, and there is a gateway */
	bool		 past;		/* it is the owner's own: may look into conversations, keep notes, call the person; neither a peer's nor a sub-agent's */
};

enum tool_place {
	TOOL_REFUSED, TOOL_TODO, TOOL_MEMORY, TOOL_SKILL, TOOL_NOTIFY, TOOL_IMAGE, TOOL_KNOWLEDGE, TOOL_LOAD, TOOL_ASK, TOOL_PEER,
	TOOL_SCHEDULE, TOOL_MESSAGE, TOOL_EMAIL, TOOL_AGENT, TOOL_PAST, TOOL_INDEX, TOOL_RUNNER
};
/* Where a call runs (args may be NULL); TOOL_REFUSED with the text for the model: unknown, denied, unavailable. */
enum tool_place tools_where(const struct tools *t, const struct tools_policy *p, const char *name, const json_t *args,
	    struct error *e);

/* What the provider is told of tools, in OpenAI form; loaded: a set (object) of names. New reference. */
json_t	*tools_schema(const struct tools *t, const struct tools_policy *p, const json_t *loaded);
/* Carry out load_tools: add names to the set. Their descriptions for the model, or NULL. The caller frees. */
char	*tools_load(const struct tools *t, const struct tools_policy *p, const json_t *args, json_t *loaded, struct error *e);

/* The tool message: output (and error) between marks that output cannot forge. The caller frees. */
char	*tools_wrap(const char *name, const struct tool_result *r);

#endif
