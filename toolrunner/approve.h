/* SPDX-License-Identifier: Apache-2.0 */
/*
 * May this shell command run (tools.md, 3)? First its tier, by THE table of
 * rules over what the lexer found; then the decision, by the configuration,
 * the session's earlier answers and, where somebody is there, a question.
 *
 * A classifier of text is advice to the person who is asked, not a wall:
 * the wall is the sandbox.
 */
#ifndef ALPI_APPROVE_H
#define ALPI_APPROVE_H

#include <stdbool.h>
#include <stddef.h>

enum tier { TIER_SAFE, TIER_CAUTION, TIER_DANGEROUS };

#define LABELS_MAX 24

struct finding {
	const char	*label;		/* static; stored on disk, never changed */
	enum tier	 tier;
};

struct verdict {
	enum tier	 tier;		/* the worst of the findings */
	const char	*label;		/* the first finding of that tier in the table's order, or NULL */
	const char	*reason;	/* for people; static */
	bool		 compound;	/* more than one command: no pattern of the allow list fits it */
	struct finding	 findings[LABELS_MAX];	/* in the table's order */
	size_t		 nfindings;
};

const char *tier_name(enum tier t);		/* "safe", "caution", "dangerous" */
/* Is this the label of a rule? (A label in the allow list is no pattern.) */
bool	 approve_is_label(const char *text);
/* Judge a command's text. */
void	 approve_classify(const char *text, size_t len, struct verdict *v);

enum ruling { RULE_ALLOW, RULE_DENY, RULE_ASK };

struct decision {
	enum ruling	 ruling;
	const char	*reason;	/* "safe", "config-glob", ... (tools.md, 3.3); static */
	const char	*ask;		/* the label to ask for (and to remember), when there is a question; static */
};

/* allow: the configured list; session: labels allowed before in this session; both NULL-terminated, or NULL. */
void	 approve_decide(const struct verdict *v, const char *command, const char *const *allow, const char *const *session, bool approver, struct decision *d);
/* What the answer "once", "session", "always" or anything else (deny) comes to. */
void	 approve_answer(const char *choice, struct decision *d);
/* Shell pattern of the allow list: * ? [a-z] [!a]; linear in the text for each star. */
bool	 approve_glob(const char *pattern, const char *text);

#endif
