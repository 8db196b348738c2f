/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rules' files share: rules.c has the table and goes through it;
 * rule_*.c say what a rule looks at, by the kind of danger; below them are
 * what words name and where bytes flow. For nobody else; callers include
 * rules.h.
 */
#ifndef ALPI_RULES_OWN_H
#define ALPI_RULES_OWN_H

#include <limits.h>

#include "toolrunner/rules.h"
#include "toolrunner/unwrap.h"

#define DOWNLOADS_MAX 64

/* Where what some commands put out goes to. */
struct flow {
	int	*least;		/* per pipeline: the first segment that puts out such bytes, or INT_MAX */
	bool	*into;		/* per command: such bytes become its words, through $( ) or <( ) */
};

struct sight {			/* all a rule can see */
	const struct script	*s;
	const struct command	*c;
	char			 program[PROGRAM_MAX];
	struct flow		 downloads, decoded;
	int			*live;		/* per pipeline: the last segment that does more than print, or -1 */
	const char		*files[DOWNLOADS_MAX];	/* downloaded so far, by base name */
	size_t			 nfiles;
};

/* What a rule makes of the command in sight. */
typedef enum tier look_fn(struct sight *v);

/* ---- rule_paths.c: texts of words ---- */

/* strstr without case; bound: the byte behind the needle must not go on with the word. */
const char *find_text(const char *text, const char *needle, bool bound);
/* Collapse slashes and dots of what may be a path: "/x/..//etc/./y" is "/etc/y". Longer ones no kernel opens. */
const char *clean_path(const char *text, char out[PATH_MAX]);
/* Is path this directory or below it? */
bool	 below(const char *path, const char *dir);
/* Does it begin at the root, at the person's home, or at alpi's? */
bool	 sensitive(const struct word *w);
bool	 system_path(const char *text);
bool	 names_credential(const struct word *w);
/* A .pem that says by its name that it is a certificate: public, but a key may stand in it too. */
bool	 names_certificate(const char *text);
/* .alpi/.env, .alpi/profiles/NAME/config.yaml and their like; also through $ALPI_HOME. */
bool	 names_profile(const struct word *w);

/* ---- rule_flow.c: where what is put out goes to ---- */

extern const char rule_downloaders[], rule_decoders[];

/* Note where the output of these programs goes; flow_clear frees. */
void	 flow_mark(const struct sight *v, struct flow *f, const char *set);
void	 flow_clear(struct flow *f);
/* Do such bytes reach the command: through its pipe, as its words, or in a variable? */
bool	 flow_reaches(const struct sight *v, const struct flow *f, const char *set);
/* Mark, for every pipeline around it, how far a command that does more than print stands. */
void	 live_mark(struct sight *v);
/* Does this command only show its words, to nobody who would run them? */
bool	 inert(const struct sight *v);

/* ---- by the kind of danger ---- */

/* rule_destroy.c */
look_fn	 look_rm, look_rm_sensitive, look_chmod, look_chown, look_mkfs, look_bomb, look_sql, look_force_push,
	 look_hard_reset, look_sudo, look_kill, look_find_delete;
/* rule_write.c */
look_fn	 look_device_redirect, look_system_write, look_profile_write;
/* rule_read.c */
extern const char rule_readers[];
look_fn	 look_credential, look_profile_read, look_environment;
/* rule_run.c */
look_fn	 look_pipe, look_computed, look_download_run;

#endif
