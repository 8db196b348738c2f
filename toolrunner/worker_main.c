/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi-worker: the two processes of toolrunner that may open files and run
 * programs, the launcher and its workers. A program of their own, because
 * each call begins one: it loads none of what speaks with the bus. Only
 * alpi-toolrunner runs it.
 */
#include <stdio.h>
#include <string.h>

#include "common/mem.h"
#include "toolrunner/launch.h"

static const struct {
	const char	*option;
	int		(*main)(int argc, char *argv[]);
} faces[] = {
	{ "--launch", launch_main },
	{ "--worker", work_main },
};

int
main(int argc, char *argv[])
{
	for (size_t i = 0; argc > 1 && i < COUNT(faces); i++)
		if (strcmp(argv[1], faces[i].option) == 0)
			return faces[i].main(argc, argv);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return printf("alpi-worker " ALPI_VERSION "\n") < 0;
	fprintf(stderr, "alpi-worker: run by alpi-toolrunner\n");
	return 2;
}
