/* SPDX-License-Identifier: Apache-2.0 */
/* See confine.h. */
#include "common/confine.h"

#include <fcntl.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <sys/resource.h>
#include <unistd.h>

int
confine_self(struct error *e)
{
	struct rlimit none = { 0, 0 };

	if (setrlimit(RLIMIT_CORE, &none) == -1)
		return error_errno(e, "core limit");
#ifdef __linux__
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
		return error_errno(e, "no_new_privs");
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == -1)
		return error_errno(e, "undumpable");
#endif
	return 0;
}

void
confine_environment(const char *const *kept)
{
	char **to = environ;

	for (char **from = environ; *from != NULL; from++)
		for (const char *const *k = kept; *k != NULL; k++)
			if (strncmp(*from, *k, strlen(*k)) == 0) {
				*to++ = *from;
				break;
			}
	*to = NULL;
}

void
confine_descriptors(int upto)
{
	closefrom(STDERR_FILENO + 1);
	for (int fd = STDIN_FILENO; fd <= upto; fd++)
		if (fd != STDERR_FILENO)
			dup2(open("/dev/null", O_RDWR), fd);
	closefrom(upto + 1);
}
