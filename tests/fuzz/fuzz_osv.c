/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A script that a model or somebody else wrote, up to a line of its own with
 * NUL, and an answer of OSV: what is looked up are names that can be
 * packages, and an answer names one of those or gives a reason.
 */
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "engined/imports.h"
#include "engined/osv.h"

int	LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void
check_name(const char *name)
{
	if (name[0] == '\0' || strlen(name) > 214 + 32)
		abort();
	for (const char *p = name; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || *p == '"' || *p == '\\')
			abort();
}

static void
check_answer(const char *body, size_t len, const struct packages *p)
{
	cleanup_free char *malware = NULL;
	struct error e = { 0 };
	int r = osv_read(body, len, p, &malware, &e);

	if ((r == -1) != (e.text[0] != '\0') || (r == -1 && malware != NULL))
		abort();
	if (malware != NULL && (strstr(malware, " (MAL-") == NULL || strchr(malware, '\n') != NULL))
		abort();
}

int
LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	cleanup_free char *text = xstrndup((const char *)data, size);
	size_t used = strlen(text) < size ? strlen(text) + 1 : 0;
	struct packages two = { .ecosystem = "PyPI", .names = { "aa", "bb" }, .n = 2 };

	for (enum language l = LANGUAGE_PYTHON; l <= LANGUAGE_JAVASCRIPT; l++) {
		struct packages p;

		imports_read(l, text, NULL, &p);
		for (size_t i = 0; i < p.n; i++)
			check_name(p.names[i]);
		packages_clear(&p);
	}
	check_answer((const char *)data + used, size - used, &two);
	return 0;
}
