/* SPDX-License-Identifier: Apache-2.0 */
/* By what a file is known not to have changed since it was read; all zero: no file. */
#ifndef ALPD_STAMP_H
#define ALPD_STAMP_H

#include <stdbool.h>
#include <sys/stat.h>
#include <sys/types.h>

struct stamp {
	dev_t		dev;
	ino_t		ino;
	off_t		size;
	struct timespec	mtime, ctime;
};

struct stamp	stamp_of(const struct stat *st);
bool		stamp_same(const struct stamp *a, const struct stamp *b);

#endif
