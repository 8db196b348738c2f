/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words the model is given that do not depend on the turn. Every byte is
 * paid for on every step, so they are few: the request that carries "hello"
 * stays below 8 KB.
 */
#ifndef ALPI_ENGINED_PROMPT_H
#define ALPI_ENGINED_PROMPT_H

extern const char prompt_agent[];	/* when there is no AGENT.md */
extern const char prompt_base[];
extern const char prompt_guidance[];	/* for weaker models */
extern const char prompt_research[], prompt_delegate[];	/* the system prompts of sub-agents, before the workspace */
extern const char prompt_wrapup[];	/* the last request of a turn that ran out of steps or time; one %s: which */
extern const char prompt_compact[];	/* asks for the summary of a conversation; %lld: words at most */
extern const char prompt_review[], prompt_extract[];	/* ask what of a conversation is worth a note */
extern const char prompt_nudge[];	/* open to-dos; %s: the items, %d: steps left */

/* The hint for a surface, NULL for none. */
const char *prompt_surface(const char *surface);

#endif
