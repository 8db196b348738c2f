/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a text of peers.yaml says (alp-wire.md, 8.1). No files here; a text is
 * followed by a NUL. What is changed in one is peers_edit.h's.
 */
#ifndef ALPD_PEERS_YAML_H
#define ALPD_PEERS_YAML_H

#include <jansson.h>
#include <stddef.h>
#include <sys/types.h>

#include "alpd/peers.h"

struct peer_list {
	struct peer	*rows;
	size_t		 n;
};

/* The list that a text holds; an empty text holds an empty one. A new tree, or NULL. */
json_t	*peers_yaml_list(const char *text, size_t len, struct error *e);
/* Rows without id or pubkey, or with more than a row can hold, are left out. 0; or -1: nobody is pinned, and why. */
int	 peers_yaml_read(const char *text, size_t len, struct peer_list *out, struct error *e);
void	 peer_list_clear(struct peer_list *l);

/* The place in the list of the first row that pins somebody under this id; -1: there is none. */
ssize_t	 peers_yaml_find(const json_t *all, const char *id);

#endif
