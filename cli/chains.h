/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The audit chains of a profile, checked link by link and against their
 * anchors: rows of alpd's chain in which the profile's identity signs how
 * long another chain was, and the hash of its last line then.
 */
#ifndef CLI_CHAINS_H
#define CLI_CHAINS_H

#include <jansson.h>

/* All chains of HOME, [{chain, ok, rows, signed, detail?}]; `signed`: how many rows an anchor covers. A new list. */
json_t	*chains_verify(const char *home);

#endif
