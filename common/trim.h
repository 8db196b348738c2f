/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Libraries run a good deal of code once, when they are loaded. Those pages
 * are clean copies of files on disk: the kernel can have them back.
 */
#ifndef ALPI_TRIM_H
#define ALPI_TRIM_H

/* Let go of all pages of programs and libraries that cannot have been written to; those in use come back by themselves. */
void	trim_code(void);

#endif
