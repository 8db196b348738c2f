/* SPDX-License-Identifier: Apache-2.0 */
/* See url.h. */
#include "common/url.h"

#include <string.h>

#include "common/mem.h"

bool
url_is_safe(const char *url)
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
