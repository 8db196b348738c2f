/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See cli.h. Texts of errors may carry words of models and tools, so they
 * pass through text_line() on their way to the terminal.
 */
#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/args.h"
#include "cli/text.h"
#include "common/mem.h"
#include "common/paths.h"

int
cli_fail(const struct error *e)
{
	cleanup_free char *text = text_line(e->text, 0);

	fflush(stdout);
	fprintf(stderr, "Error: %s\n", text);
	return EXIT_FAILED;
}

int
cli_failf(const char *fmt, ...)
{
	struct error e = { .code = ERR_invalid };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e.text, sizeof(e.text), fmt, ap);
	va_end(ap);
	return cli_fail(&e);
}

int
cli_usage(const struct args *a, const char *fmt, ...)
{
	cleanup_free char *text = NULL, *safe = NULL;
	va_list ap;

	va_start(ap, fmt);
	text = xvasprintf(fmt, ap);
	va_end(ap);
	safe = text_line(text, 0);
	fprintf(stderr, "Error: %s\nTry: alpi %s%s--help\n", safe,
	    a == NULL || a->command == NULL ? "" : a->command->words,
	    a == NULL || a->command == NULL ? "" : " ");
	return EXIT_USAGE;
}

char *
program_self(void)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof(path));

	return n > 0 && (size_t)n < sizeof(path) ? xstrndup(path, (size_t)n) : xstrdup("/usr/bin/alpi");
}

char *
program_path(const char *name)
{
	cleanup_free char *self = program_self();
	char *slash;

	for (int up = 0; up < 2; up++)		/* .../bin/alpi -> ... */
		if ((slash = strrchr(self, '/')) != NULL)
			*slash = '\0';
	return xasprintf("%s/libexec/alpi/%s", self, name);
}

int
cli_need_profile(const struct cli *c)
{
	if (strcmp(c->profile, "default") == 0 || access(c->home, F_OK) == 0)
		return 0;
	return cli_failf("no profile %s (alpi profile list)", c->profile);
}

bool
confirm(const char *question)
{
	char answer[16];

	if (!isatty(STDIN_FILENO))
		return false;
	fprintf(stderr, "%s [y/N] ", question);
	if (fgets(answer, sizeof(answer), stdin) == NULL)
		return false;
	return answer[0] == 'y' || answer[0] == 'Y';
}
