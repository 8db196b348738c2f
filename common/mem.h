/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation that ends the process when it fails, and locals that clean up
 * after themselves. For sizes that come from outside, check the limit first.
 */
#ifndef ALPI_MEM_H
#define ALPI_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

void	*xmalloc(size_t size) __attribute__((malloc, returns_nonnull));
void	*xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void	*xreallocarray(void *p, size_t n, size_t size) __attribute__((returns_nonnull));
char	*xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
char	*xstrndup(const char *s, size_t n) __attribute__((malloc, returns_nonnull));
char	*xasprintf(const char *fmt, ...) __attribute__((returns_nonnull, format(printf, 1, 2)));
char	*xvasprintf(const char *fmt, va_list ap) __attribute__((returns_nonnull, format(printf, 1, 0)));
/* As xstrdup, but NULL stays NULL. */
char	*xstrdup0(const char *s);

/* Hand over what a cleanup local holds: the local becomes NULL. */
#define steal(p) \
	({ __typeof__(p) stolen_ = (p); (p) = NULL; stolen_; })

static inline void
cleanup_free_(void *p)
{
	free(*(void **)p);
}

static inline void
cleanup_close_(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define cleanup_free __attribute__((cleanup(cleanup_free_)))
#define cleanup_close __attribute__((cleanup(cleanup_close_)))

#endif
