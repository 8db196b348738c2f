/* SPDX-License-Identifier: Apache-2.0 */
/* See stamp.h. */
#include "alpd/stamp.h"

struct stamp
stamp_of(const struct stat *st)
{
	return (struct stamp){ .dev = st->st_dev, .ino = st->st_ino, .size = st->st_size, .mtime = st->st_mtim, .ctime = st->st_ctim };
}

static bool
same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

bool
stamp_same(const struct stamp *a, const struct stamp *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->size == b->size && same_time(&a->mtime, &b->mtime) &&
	    same_time(&a->ctime, &b->ctime);
}
