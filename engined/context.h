/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the model is shown before it answers: the system prompt in the order
 * of spec/engine.md, section 8, the conversation so far, the time, the
 * request. Of the workspace only AGENTS.md is shown, and not as part of the prompt (project.h).
 */
#ifndef ALPI_ENGINED_CONTEXT_H
#define ALPI_ENGINED_CONTEXT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct talk;

struct context {
	const char	*home, *zone;
	const char	*workspace;	/* NULL: none is set */
	const char	*surface;
	const char	*model;		/* as the server calls it */
	bool		 local;		/* served on this machine */
	const char	*skills;	/* the list of skills; NULL: none */
};

#define CONTEXT_PARTS 10

struct context_part {
	const char	*name;
	char		*text;		/* NULL: the part is empty */
};

/* The parts of the system prompt in their order; their texts are the caller's. */
void	 context_parts(const struct context *c, struct context_part parts[CONTEXT_PARTS]);
/* The non-empty parts with a blank line between; the caller frees. */
char	*context_prompt(const struct context *c);

/* The "# NOW" message for a time; the caller frees. */
char	*context_now(const char *zone, int64_t wall_ms);
/* The IANA name of the local zone: TZ, the link /etc/localtime, else "UTC"; the caller frees. */
char	*context_zone(void);

/* Messages of a turn up to the user's: prompt, history (of the talk, else of the session's first `upto` turns), time, request. New reference. */
json_t	*context_messages(const char *prompt, const struct talk *talk, const json_t *session, size_t upto,
	    const char *now, const char *user);
/* Put a note for this turn before the request. */
void	 context_hint(json_t *messages, const char *text);
/* Put what the project says of itself (project.h) behind the prompt, for this turn. */
void	 context_project(json_t *messages, const char *text);
/* A copy of messages without the prompt, the notes for one turn and images: what a later turn goes on from. New reference. */
json_t	*context_history(const json_t *messages);

void	 message_add(json_t *messages, const char *role, const char *text);
/* Estimated tokens of a text. */
int64_t	 context_tokens(size_t bytes);

#endif
