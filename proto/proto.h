/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that can be said between the daemons, expanded from the tables
 * beside this file: a struct and a number per message, field tables for the
 * codec, the channel table, capabilities. Nothing else in the tree spells a
 * message's or a field's name as a string.
 */
#ifndef ALPI_PROTO_H
#define ALPI_PROTO_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define PROTO_VERSION		1
#define PROTO_MESSAGE_MAX	(8 * 1024 * 1024)	/* bytes of one bus message */
#define PROTO_DEPTH_MAX		32			/* nesting of a JSON value */
#define PROTO_STRING_ROW_MAX	4096			/* bytes of one row of STRINGS */

enum field_kind { STRING, INTEGER, NUMBER, BOOL, JSON, STRINGS, LIST };

/* ---- structs ------------------------------------------------------------------------------ */

#define CTYPE_STRING(name)	const char *name
#define CTYPE_INTEGER(name)	int64_t name
#define CTYPE_NUMBER(name)	double name
#define CTYPE_BOOL(name)	bool name
#define CTYPE_JSON(name)	json_t *name
#define CTYPE_STRINGS(name)	const char **name; size_t n_##name

#define TYPE(type)				struct type {
#define MESSAGE(msg, wire)			struct msg {
#define REPLY(msg)				}; struct msg##_reply {
#define FIELD(owner, KIND, name, need, max)	CTYPE_##KIND(name);
#define LIST(owner, type, name, need, max)	const struct type *name; size_t n_##name;
#define END					};
#include "proto/all.def"

/* ---- numbers ------------------------------------------------------------------------------ */

enum msg {
	MSG_none,
#define MESSAGE(msg, wire) MSG_##msg,
#include "proto/all.def"
	MSG_count
};

enum cap {
#define CAP(name, bit, sentence) CAP_##name = (bit),
#include "proto/caps.def"
};

/* ---- tables ------------------------------------------------------------------------------- */

struct field {
	const char		*name;
	enum field_kind		 kind;
	bool			 required;
	uint64_t		 max;		/* see proto/types.def */
	size_t			 offset;	/* of the value in the struct; a count follows the pointer */
	const struct shape	*rows;		/* LIST: the shape of a row */
};

struct shape {
	const char		*name;		/* "turn_event", or the message's wire name */
	size_t			 size;		/* of the struct */
	const struct field	*fields;
	size_t			 nfields;
};

struct message {
	const char	*wire;			/* "turn.start" */
	struct shape	 request, reply;
};

struct channel {
	const char	*caller, *callee;	/* daemons */
	enum msg	 type;
};

extern const struct channel proto_channels[];	/* ends with a row of zeroes */

/* The declaration of a message; NULL for MSG_none and unknown numbers. */
const struct message *proto_message(enum msg type);
/* The number of a wire name, MSG_none if there is none. */
enum msg proto_number(const char *wire);
/* 1 if caller may send type to callee (daemon names without profile). */
int	 proto_allowed(const char *caller, const char *callee, enum msg type);
/* 1 if there is any row from caller to callee. */
int	 proto_linked(const char *caller, const char *callee);

/* Capability words: the bit's number by name or -1; the name of a number or NULL; the sentence; a daemon's ceiling as a mask. */
int		 cap_number(const char *name);
const char	*cap_name(int number);
const char	*cap_sentence(int number);
uint32_t	 cap_ceiling(const char *daemon);

/* JSON Schema (2020-12) of all messages; the capability graph {daemons[], channels[], capabilities[]}. The caller owns them. */
json_t	*proto_schema(void);
json_t	*proto_graph(void);

#endif
