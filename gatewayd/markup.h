/* SPDX-License-Identifier: Apache-2.0 */
/* Markdown as models write it, as Telegram's MarkdownV2 (gateway.md, section 8). Pure. */
#ifndef ALPI_GATEWAYD_MARKUP_H
#define ALPI_GATEWAYD_MARKUP_H

/* The caller frees. What is not closed, or stands in another's way, is shown as it is. */
char	*markup_telegram(const char *text);

#endif
