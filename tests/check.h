/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What cmocka lacks: temporary homes, vector files, a short way to run a
 * list of tests. A test file defines functions named as claims, lists them
 * in main() with TEST(...) and returns RUN(tests).
 */
#ifndef ALPI_CHECK_H
#define ALPI_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>

#define TEST(fn)	cmocka_unit_test(fn)
#define RUN(tests)	cmocka_run_group_tests(tests, NULL, NULL)

/* A new empty directory (0700) that is removed when the process ends; the caller frees the name. */
char	*temp_home(void);
/* tests/vectors/NAME parsed; fails the test when it cannot be read. New reference. */
json_t	*vectors(const char *name);
/* Write, and read a whole file below a directory; fail the test on error. The caller frees what is read. */
void	 put_file(const char *dir, const char *name, const char *text);
char	*get_file(const char *dir, const char *name);

#endif
