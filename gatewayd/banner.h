/* SPDX-License-Identifier: Apache-2.0 */
/* A message from outside as a prompt: what it is, what is wrong with it, and its text (gateway.md, section 5). */
#ifndef ALPI_GATEWAYD_BANNER_H
#define ALPI_GATEWAYD_BANNER_H

/* The caller frees. */
char	*banner_text(const char *platform, const char *chat, const char *sender, const char *text);

#endif
