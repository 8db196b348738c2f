/* SPDX-License-Identifier: Apache-2.0 */
/* See skill_asked.h. */
#include "engined/skill_asked.h"

#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "engined/engine.h"
#include "engined/skill_import.h"
#include "engined/skill_tool.h"

static json_t *
words(const struct front *f, const char *key)
{
	char **list = front_list(f, key);
	json_t *out = json_array();

	for (char **w = list; *w != NULL; w++)
		json_array_append_new(out, json_string(*w));
	skill_words_free(list);
	return out;
}

static json_t *
row_of(const struct engine *en, const struct eligible *el, const struct skill *s)
{
	const char *wrong = findings_error(&s->findings), *description = front_get(&s->front, "description");
	cleanup_free char *missing = wrong != NULL ? NULL : eligible_missing(el, s), *path = skill_folder(en->home, s);
	cleanup_free char *reason = missing == NULL ? NULL : xasprintf("missing %s", missing);

	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:s, s:s, s:o}", "category", s->category, "name", s->name,
	    "description", description == NULL ? "" : description, "path", path, "size", (json_int_t)s->len,
	    "status", wrong != NULL ? "invalid" : missing != NULL ? "inactive" : "active",
	    "reason", wrong != NULL ? wrong : reason != NULL ? reason : "", "keywords", words(&s->front, "keywords"));
}

int
skill_asked_list(struct call *c, const void *in, struct error *e)
{
	struct engine *en = c->ctx;
	cleanup_json json_t *rows = json_array();
	struct eligible el;
	struct skills all;

	engine_config(en, false);
	el = engine_eligible(en);
	skills_load(en->home, &all);
	for (size_t i = 0; i < all.n; i++)
		json_array_append_new(rows, row_of(en, &el, all.rows[i]));
	skills_clear(&all);
	return call_reply(c, &(struct skill_list_reply){ .skills = rows });
}

int
skill_asked_call(struct call *c, const void *in, struct error *e)
{
	static const char *const allowed[] = { "view", "validate", "delete" };
	const struct skill_call *m = in;
	struct engine *en = c->ctx;
	struct skill_asker who = { .home = en->home, .person = true };
	cleanup_json json_t *args = json_pack("{s:s, s:s, s:s*}", "action", m->action, "name", m->name, "file", m->file);
	cleanup_free char *text = NULL;

	for (size_t i = 0; i < COUNT(allowed); i++)
		if (strcmp(allowed[i], m->action) == 0) {
			engine_config(en, false);
			who.el = engine_eligible(en);
			if ((text = skill_call(&who, args, e)) == NULL)
				return -1;
			return call_reply(c, &(struct skill_call_reply){ .text = text });
		}
	return error_set(e, ERR_invalid, "action is view, validate or delete");
}

int
skill_asked_import(struct call *c, const void *in, struct error *e)
{
	const struct skill_import *m = in;
	struct engine *en = c->ctx;
	cleanup_json json_t *report = skill_import_files(en->home, &(struct skill_import_order){
		.files = m->files, .name = m->name, .category = m->category, .check = m->check }, e);

	return report == NULL ? -1 : call_reply(c, &(struct skill_import_reply){ .report = report });
}
