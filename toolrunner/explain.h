/* SPDX-License-Identifier: Apache-2.0 */
/* `alpi-toolrunner --explain approval|path`: what the gate and the denylist say, without running anything. */
#ifndef ALPI_TOOLRUNNER_EXPLAIN_H
#define ALPI_TOOLRUNNER_EXPLAIN_H

/* argv[1] is "--explain". The exit status: 0, or 2 for a wrong use. */
int	explain_main(int argc, char *argv[]);

#endif
