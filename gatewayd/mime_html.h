/* SPDX-License-Identifier: Apache-2.0 */
/* The words of an HTML mail, for one that has no plain part: tags removed, blocks on lines of their own. */
#ifndef ALPI_GATEWAYD_MIME_HTML_H
#define ALPI_GATEWAYD_MIME_HTML_H

/* The caller frees. One pass, whatever the tags nest to. */
char	*html_text(const char *html);

#endif
