/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A tool: one row in tools.c, and one function that runs in a fresh worker
 * process inside the sandbox. The main process reads the rows (what the
 * model sees, what the grant must hold, what is judged); the worker calls
 * run(). Nothing of a tool but its row is ever used outside a worker.
 */
#ifndef ALPI_TOOL_H
#define ALPI_TOOL_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"
#include "common/error.h"
#include "proto/proto.h"

#define TOOL_OUTPUT_MAX	(1024 * 1024)	/* bytes a tool may put out; more is cut by the worker, with a line that says so */
#define TOOL_BULK_MAX	4194304		/* the same of one whose output engined itself reads */
#define TOOL_ERROR_MAX	2048

/* What the sandbox opens for a tool. FS_* is about the workspace; NET_* is the most the configuration can open. */
enum tool_fs  { FS_NONE, FS_READ, FS_WRITE };
enum tool_net { NET_NONE, NET_PUBLIC, NET_ANY };
/* Of the skill that a call names, and of no other: nothing, the folder it writes in, or all of it. */
enum tool_skill { SKILL_NONE, SKILL_STATE, SKILL_WHOLE };

struct sandbox_class {
	enum tool_fs	fs;
	enum tool_net	net;
	bool		exec;		/* programs may be run */
	enum tool_skill	skill;		/* nothing in there can be executed */
};

/* What a call came to (tools.md, 1). Made by the tool, inside the worker. */
struct result {
	bool		 ok;
	struct buf	 output;		/* with its ceiling; any bytes, cleaned to UTF-8 on the way out */
	char		 error[TOOL_ERROR_MAX];	/* one line when not ok */
	char		 code[32];		/* error_name() of the reason when not ok, or "" */
	json_t		*mutations;		/* array of records (tools.md, 6), or NULL; owned */
	json_t		*produced;		/* a file for the person (produced.h), or NULL; owned */
};

/* One call as its tool sees it. All pointers are borrowed and live until run() returns. */
struct tool_call {
	const char	*name;
	const json_t	*args;		/* an object that fits the tool's parameters; defaults are not filled in */
	const char	*workspace;	/* absolute, exists; the working directory */
	const char	*home, *root;	/* this profile's home and the machine root of alpi: denied ground, not readable in the sandbox */
	const char	*skill;		/* the folder of the skill that it works on, or NULL */
	const char	*person;	/* the person's home directory: what ~ means; may be invisible */
	int64_t		 limit_ms;	/* its time limit (tool_limit_ms) */
	struct result	 result;	/* zeroed, with the output's ceiling set */
	/* Tell the one who waits: one line, cut at 4096 bytes. */
	void		(*progress)(struct tool_call *, const char *line);
	void		*progress_arg;	/* the worker's own */
};

struct tool {
	const char		*name;
	const char		*description;	/* for the model */
	const char		*summary;	/* one line, for lists */
	const char		*parameters;	/* JSON Schema object as text; parsed once by tool_parameters */
	bool			 core;		/* shown in full in every request */
	bool			 bulk;		/* engined itself reads the output: it is whole, and not kept once it was fetched */
	enum cap		 needs;		/* what the turn's grant must hold */
	struct sandbox_class	 box;
	/* The shell command that the approval gate must judge before this call runs, borrowed from args; NULL: none. May itself be NULL. */
	const char		*(*command)(const json_t *args);
	bool			 shown_skills;	/* gets the variables of the skills that the turn was shown */
	const char		*skill_arg;	/* the argument that names the skill it works on; NULL: it works on none */
	int			 limit_s;	/* time limit; an integer argument "timeout" of the call sets another, up to the next */
	int			 limit_max_s;	/* 0: TOOL_LIMIT_MAX_S; for a job's script it is that, too */
	/*
	 * Do it. 0 with call->result filled in, or -1 with the error, which becomes the result's error and code.
	 * Runs in the worker, where it may block.
	 */
	int			(*run)(struct tool_call *call, struct error *e);
};

#define TOOL_LIMIT_MAX_S 3600

/* THE table, ended by a row of zeroes. */
extern const struct tool tools[];

/* The row of a name, or NULL. */
const struct tool *tool_find(const char *name);
/* What toolrunner itself has done in a worker (document.c); nobody can call it. */
extern const struct tool document_tool;
/* As tool_find, and that. */
const struct tool *tool_of_worker(const char *name);
/* The tool's parameters, parsed; borrowed, lives as long as the process. */
const json_t	*tool_parameters(const struct tool *t);
/*
 * Do these arguments fit the parameters: an object, everything required there, kinds and enums right, nothing unknown?
 * 0, or -1 with ERR_invalid naming the tool and the argument.
 */
int		 tool_check_args(const struct tool *t, const json_t *args, struct error *e);
/* The time limit of this call in milliseconds. job: it is a job's script, of which the job says it. */
int64_t		 tool_limit_ms(const struct tool *t, const json_t *args, bool job);

/* toolrunner/tools/NAME.c, one each. */
int	tool_read_file(struct tool_call *call, struct error *e);
int	tool_write_file(struct tool_call *call, struct error *e);
int	tool_edit_file(struct tool_call *call, struct error *e);
int	tool_search(struct tool_call *call, struct error *e);
int	tool_index_workspace(struct tool_call *call, struct error *e);	/* index.c */
int	tool_search_workspace(struct tool_call *call, struct error *e);
int	tool_learn_file(struct tool_call *call, struct error *e);	/* learn.c */
int	tool_read_image(struct tool_call *call, struct error *e);	/* image.c */
int	tool_read_pieces(struct tool_call *call, struct error *e);	/* pieces.c */
int	tool_email(struct tool_call *call, struct error *e);	/* mailfile.c */
int	tool_read_document(struct tool_call *call, struct error *e);	/* document.c */
int	tool_terminal(struct tool_call *call, struct error *e);
int	tool_skill(struct tool_call *call, struct error *e);
int	tool_db(struct tool_call *call, struct error *e);

#endif
