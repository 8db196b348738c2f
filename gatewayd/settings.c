/* SPDX-License-Identifier: Apache-2.0 */
/* See settings.h. */
#include "gatewayd/settings.h"

#include <string.h>

#include "common/mem.h"

const char *
settings_value(const struct boot *b, const char *name)
{
	const char *v = boot_secret(b, name);

	return v != NULL && *v != '\0' ? v : NULL;
}

char *
settings_base(const char *url)
{
	size_t n = strlen(url);

	while (n > 0 && url[n - 1] == '/')
		n--;
	return xstrndup(url, n);
}
