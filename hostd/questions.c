/* SPDX-License-Identifier: Apache-2.0 */
/* See questions.h. */
#include "hostd/questions.h"

#include "common/json.h"
#include "common/mem.h"
#include "hostd/approvals.h"
#include "hostd/host.h"
#include "hostd/turns.h"

static int
pending(struct ask *a, const char *kind)
{
	ask_result(a, json_pack("{s:o}", "requests", approvals_pending(a->host->approvals, kind)));
	return 0;
}

int
approval_pending(struct ask *a, struct error *e)
{
	return pending(a, "approval");
}

int
clarification_pending(struct ask *a, struct error *e)
{
	return pending(a, "clarification");
}

int
approval_respond(struct ask *a, struct error *e)
{
	return approvals_respond(a->host->approvals, "approval", a, e);
}

int
clarification_respond(struct ask *a, struct error *e)
{
	return approvals_respond(a->host->approvals, "clarification", a, e);
}


int
activity_list(struct ask *a, struct error *e)
{
	static const char *const kinds[] = { "approval", "clarification" };
	json_t *needs = json_array(), *row;

	for (size_t k = 0; k < COUNT(kinds); k++) {
		cleanup_json json_t *rows = approvals_pending(a->host->approvals, kinds[k]);
		size_t i;

		json_array_foreach(rows, i, row) {
			json_object_set_new(row, "kind", json_string(kinds[k]));
			json_array_append(needs, row);
		}
	}
	ask_result(a, json_pack("{s:o, s:o, s:[]}", "needs_you", needs, "running", turns_running(a->host->turns),
	    "scheduled"));
	return 0;
}
