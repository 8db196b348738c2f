/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a unit learns from init on descriptor 3, and how it goes on hearing
 * from it. The descriptor is a stream socket. init writes plain lines, one
 * word and its values separated by single blanks; the first part ends with
 * "end". Later lines change single facts. The unit writes one byte, 'R',
 * when it is ready. End of file means init is gone: the unit ends too.
 *
 *   alpi-boot 1                      first line, the version
 *   unit work/engined                who we are
 *   root PATH                        the root home (the rest of the line)
 *   home PATH                        this profile's home
 *   run PATH                         the folder of this machine's inboxes: run/<profile>/<daemon>.ipc
 *   libexec PATH                     where the programs are
 *   call UNIT TOKEN                  we may call UNIT's inbox with this token
 *   accept UNIT TOKEN                UNIT may call us with this token
 *   drop UNIT                        (later only) UNIT is gone for good: forget its call and accept
 *   mint UNIT KEY                    key for grants we mint and UNIT verifies
 *   verify UNIT KEY                  key for grants that UNIT minted
 *   secret NAME=VALUE                a secret of ours (the rest of the line)
 *   option NAME VALUE                a fact from the unit's row (e.g. "option debug 1")
 *   end
 *   reload                           (later only) read the configuration again
 *
 * TOKEN and KEY are 64 lower-case hex digits (32 bytes). A line is at most
 * 32 KiB; values hold no newline. A later "secret" line follows a "reload";
 * it replaces the value, and an empty value forgets the secret.
 */
#ifndef ALPI_BOOT_H
#define ALPI_BOOT_H

#include <stddef.h>
#include <stdio.h>

#include "common/error.h"

#define BOOT_FD		3
#define BOOT_LINE_MAX	32768
#define BOOT_KEY_BYTES	32

struct boot_pair {			/* another unit, and what we share with it */
	char		*unit;
	unsigned char	 key[BOOT_KEY_BYTES];
};

struct boot_list {
	struct boot_pair *rows;
	size_t		  count;
};

struct boot_secret {
	char	*name;
	char	*value;
};

struct boot {
	char	*unit, *profile, *daemon;	/* "work/engined", "work", "engined" */
	char	*root, *home, *run, *libexec;
	struct boot_list	 calls, accepts, mints, verifies;
	struct boot_secret	*secrets, *options;
	size_t			 nsecrets, noptions;
	int	 reload;			/* a "reload" or a later "secret" line came; the reader resets it */
	int	 complete;			/* "end" was seen */
};

/* Read lines from fd until "end". 0, or -1 (malformed, too long, end of file). Blocks. */
int	 boot_read(struct boot *b, int fd, struct error *e);
/* Take one line without its newline; 0, or -1 for what is not in the grammar. */
int	 boot_line(struct boot *b, const char *line, struct error *e);
void	 boot_clear(struct boot *b);	/* secrets and keys are wiped */

/* The pair for a unit, or NULL. Borrowed until the next boot_line. */
const struct boot_pair *boot_find(const struct boot_list *l, const char *unit);
/* The value of a secret, or NULL. Borrowed. */
const char *boot_secret(const struct boot *b, const char *name);
/* Was it in .env, be it without a value? Of a unit that starts anew with its settings: a reload names every secret. */
int	 boot_secret_given(const struct boot *b, const char *name);
/* The value of an option, or NULL. Borrowed. */
const char *boot_option(const struct boot *b, const char *name);

/* For init: the lines that say who a unit is and where things are; the person's home is of the environment. */
void	 boot_write_head(FILE *to, const struct boot *b, int debug);
/* The secret lines of these names (then NULL) of HOME/.env; with `all`, an empty value for one that is not there. */
void	 boot_write_secrets(FILE *to, const char *home, const char *const *names, int all);

/* "option env - A B": the variables of HOME/.env that hold something, by name alone. */
void	 boot_write_names(FILE *to, const char *home);

#endif
