/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a parsed text lies in memory: one array of nodes in the order of the
 * text, 16 bytes each, so that even a text that is nothing but brackets costs
 * eight times its size. A container's children follow it; a member is two
 * nodes, its name and behind it its value. Links are distances, since the
 * array moves while it grows. Shared by doc.c, which makes it, node.c, which
 * reads it, and canonical.c, which prints it.
 */
#ifndef ALPD_NODE_H
#define ALPD_NODE_H

#include "alpd/canonical.h"

#define NODE_TOKEN_MAX	512	/* bytes of a real; as a sender must print it, it has at most 24 */

struct node {
	union {
		const char	*text;		/* string: unescaped; number: its token; neither ends in NUL */
		int32_t		 first;		/* container: distance to the first child; 0: empty */
	};
	int32_t		next;			/* distance to the next row, or name of a member; 0: the last */
	uint32_t	kind : 4;		/* enum node_kind */
	uint32_t	plain : 1;		/* a string or real that prints as it is */
	uint32_t	len : 27;		/* of the text */
};

struct doc {
	struct node	*nodes;
	uint32_t	 n, cap;
	char		*unescaped;		/* strings that had escapes, one behind the other */
};

/* The double nearest to a token of less than NODE_TOKEN_MAX bytes; infinite when none holds it. */
double	 node_double(const char *token, size_t len);

static inline bool
node_is_container(const struct node *n)
{
	return n->kind == NODE_ARRAY || n->kind == NODE_OBJECT;
}

/* The first row of an array, the name of the first member of an object; NULL: none. */
static inline const struct node *
node_child(const struct node *container)
{
	return container->first == 0 ? NULL : container + container->first;
}

/* The row, or name, after this one; NULL: none. */
static inline const struct node *
node_after(const struct node *child)
{
	return child->next == 0 ? NULL : child + child->next;
}

/*
 * How many bytes from s on are surely plain: no quote, backslash or control
 * character, and ASCII. Eight at a time; where it stops the caller looks at
 * single bytes, so stopping early (a borrow out of a byte that is not plain
 * reaches the ones above it) costs nothing but time.
 */
static inline size_t
plain_run(const char *s, const char *end)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = 0x80 * ones;
	const char *p = s;
	uint64_t v;

	for (; end - p >= 8; p += 8) {
		__builtin_memcpy(&v, p, 8);
		if (((v | (v - 0x20 * ones) | ((v ^ ('"' * ones)) - ones) | ((v ^ ('\\' * ones)) - ones)) & high) != 0)
			break;
	}
	return (size_t)(p - s);
}

#endif
