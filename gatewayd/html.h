/* SPDX-License-Identifier: Apache-2.0 */
/* An answer's Markdown as the HTML that a chat shows. Pure. */
#ifndef ALPI_GATEWAYD_HTML_H
#define ALPI_GATEWAYD_HTML_H

/* The caller frees. NULL: it is plain text, and shows the same without. HTML in the text is left out, and so are addresses that run something. */
char	*html_of(const char *markdown);

#endif
