/* SPDX-License-Identifier: Apache-2.0 */
/* See state.h. */
#include "gatewayd/state.h"

#include <string.h>

#include "common/atomic.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"

#define STATE_MAX	65536

json_t *
state_load(const char *path)
{
	json_t *state = json_load(path, STATE_MAX, 4, NULL);

	if (json_is_object(state))
		return state;
	json_decref(state);
	return json_object();
}

void
state_save(const char *path, json_t *state)
{
	cleanup_free char *text = json_text(state);
	struct error e = { 0 };

	if (atomic_write(path, text, strlen(text), 0600, &e) == -1)
		log_warn("%s is not renewed: %s", path, e.text);
	json_decref(state);
}
