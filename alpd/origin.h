/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a connection comes from: whom its limits are counted for, and how the
 * log prints it. Whoever has a /64 of IPv6 has all its addresses, so they
 * count as one; an IPv4 address in an IPv6 one counts as what it is.
 */
#ifndef ALPD_ORIGIN_H
#define ALPD_ORIGIN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ORIGIN_TEXT	(INET6_ADDRSTRLEN + 16)

/* An IPv4 address, a /64 of IPv6, or this machine (AF_UNIX). */
struct origin {
	int	family;
	uint8_t	prefix[8];
};

/* Of an address of one of these families; text as "unix", "1.2.3.4:5" or "[::1]:5". */
void	 origin_of(const struct sockaddr *from, struct origin *o, char text[ORIGIN_TEXT]);
/* NULL: any. */
bool	 origin_same(const struct origin *a, const struct origin *b);

#endif
