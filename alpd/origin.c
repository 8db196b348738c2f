/* SPDX-License-Identifier: Apache-2.0 */
/* See origin.h. */
#include "alpd/origin.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

void
origin_of(const struct sockaddr *from, struct origin *o, char text[ORIGIN_TEXT])
{
	const struct sockaddr_in6 *v6 = (const void *)from;
	const struct sockaddr_in *v4 = (const void *)from;
	bool mapped = from->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
	const void *bytes = from->sa_family == AF_INET ? (const void *)&v4->sin_addr : &v6->sin6_addr.s6_addr[mapped ? 12 : 0];
	char host[INET6_ADDRSTRLEN] = "?";

	*o = (struct origin){ .family = mapped ? AF_INET : from->sa_family };
	if (o->family == AF_UNIX) {
		snprintf(text, ORIGIN_TEXT, "unix");
		return;
	}
	memcpy(o->prefix, bytes, o->family == AF_INET ? 4 : 8);
	inet_ntop(o->family, bytes, host, sizeof(host));
	snprintf(text, ORIGIN_TEXT, o->family == AF_INET ? "%s:%u" : "[%s]:%u", host,
	    ntohs(from->sa_family == AF_INET ? v4->sin_port : v6->sin6_port));
}

bool
origin_same(const struct origin *a, const struct origin *b)
{
	return a == NULL || b == NULL || (a->family == b->family && memcmp(a->prefix, b->prefix, sizeof(a->prefix)) == 0);
}
