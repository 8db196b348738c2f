/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The model picker's buttons (gateway.md, section 8): first the providers,
 * then the models of one. What a button says when it is pressed is at most
 * 60 bytes; a model whose name does not fit has none, and is chosen by
 * /model NAME. Pure.
 */
#ifndef ALPI_GATEWAYD_MENU_H
#define ALPI_GATEWAYD_MENU_H

#include <jansson.h>
#include <stddef.h>

#define MENU_DATA_MAX	60

enum menu_press { MENU_other, MENU_cancel, MENU_provider, MENU_model };

/* An inline keyboard, new reference; NULL: there is nothing to choose. */
json_t	*menu_providers(const char *const *models, size_t n);
json_t	*menu_models(const char *const *models, size_t n, const char *provider);
/* What was pressed; *name is the provider's or the model's whole name, the caller frees. NULL for the other two. */
enum menu_press menu_read(const char *data, char **name);

#endif
