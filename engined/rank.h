/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What has the words looked for and what is near in meaning are two orders
 * that know nothing of each other's scores: reciprocal rank fusion makes them
 * one by places alone. What stands high in one or well in both comes first.
 */
#ifndef ALPI_ENGINED_RANK_H
#define ALPI_ENGINED_RANK_H

#include <stddef.h>

/* What a place in one of the orders adds to the score; the best place is 0. */
double	 rank_share(size_t place);

#endif
