/* SPDX-License-Identifier: Apache-2.0 */
/* See clock.h. */
#include "common/clock.h"

#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

static int64_t	fake_wall = -1, fake_mono = -1;
static uint64_t	fake_random;

static int64_t
now_ns(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

int64_t
clock_wall_ms(void)
{
	return fake_wall >= 0 ? fake_wall : now_ns(CLOCK_REALTIME) / 1000000;
}

int64_t
clock_mono_ms(void)
{
	return fake_mono >= 0 ? fake_mono : now_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t
clock_mono_ns(void)
{
	return fake_mono >= 0 ? fake_mono * 1000000 : now_ns(CLOCK_MONOTONIC);
}

/* splitmix64: good enough to make tests repeatable, never used outside them. */
static uint64_t
fake_next(void)
{
	uint64_t z = (fake_random += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void
random_bytes(void *out, size_t len)
{
	unsigned char *p = out;
	size_t n;

	while (len > 0) {
		n = len < 256 ? len : 256;	/* up to 256 bytes getrandom never returns short */
		if (fake_random != 0)
			for (size_t i = 0; i < n; i++)
				p[i] = (unsigned char)fake_next();
		else if (getrandom(p, n, 0) != (ssize_t)n)
			abort();
		p += n;
		len -= n;
	}
}

void
random_hex(char *out, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char *bytes = (unsigned char *)out + n;	/* the second half: each digit is written behind what is still to be read */

	random_bytes(bytes, n);
	for (size_t i = 0; i < n; i++) {
		unsigned char byte = bytes[i];

		out[2 * i] = digits[byte >> 4];
		out[2 * i + 1] = digits[byte & 15];
	}
	out[2 * n] = '\0';
}

void
clock_fake(int64_t wall_ms, int64_t mono_ms)
{
	fake_wall = wall_ms;
	fake_mono = mono_ms;
}

void
random_fake(uint64_t seed)
{
	fake_random = seed;
}
