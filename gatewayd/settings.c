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

bool
settings_is_safe(const char *url)
{
	static const char *const starts[] = { "http://127.0.0.1", "http://localhost", "http://[::1]" };
	size_t n;

	if (strncmp(url, "https://", 8) == 0)
		return url[8] != '\0';
	for (size_t i = 0; i < COUNT(starts); i++)
		if (strncmp(url, starts[i], n = strlen(starts[i])) == 0 && (url[n] == '\0' || url[n] == ':' || url[n] == '/'))
			return strchr(url, '@') == NULL;
	return false;
}

char *
settings_base(const char *url)
{
	size_t n = strlen(url);

	while (n > 0 && url[n - 1] == '/')
		n--;
	return xstrndup(url, n);
}
