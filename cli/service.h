/* SPDX-License-Identifier: Apache-2.0 */
/* The system's service manager, when it is it that runs alpi (spec/services-cli.md, 2). */
#ifndef ALPI_CLI_SERVICE_H
#define ALPI_CLI_SERVICE_H

/* "systemd" when our user service is installed, else NULL. */
const char *service_manager(void);

#endif
