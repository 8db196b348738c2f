/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time and randomness, replaceable in tests. Nothing else in the tree reads
 * a clock or the kernel's random source.
 */
#ifndef ALPI_CLOCK_H
#define ALPI_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t	clock_wall_ms(void);		/* since 1970, UTC */
int64_t	clock_mono_ms(void);		/* since some start; never goes back */
int64_t	clock_mono_ns(void);

/* Fill with bytes of the kernel's generator; ends the process if there is none. */
void	random_bytes(void *out, size_t len);
/* n random bytes as 2n lower-case hex digits and a NUL. */
void	random_hex(char *out, size_t n);

/* Tests: fixed times in ms (a negative value gives the real clock back), and a seeded generator. */
void	clock_fake(int64_t wall_ms, int64_t mono_ms);
void	random_fake(uint64_t seed);

#endif
