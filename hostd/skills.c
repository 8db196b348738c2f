/* SPDX-License-Identifier: Apache-2.0 */
/* See skills.h. */
#include "hostd/skills.h"

#include "common/json.h"
#include "hostd/forward.h"
#include "proto/proto.h"

#define IMPORT_MS	(2 * 60 * 1000)

PASS_ON(skill_list)
PASS_ON(skill_read)
PASS_ON(skill_file)
PASS_ON(skill_call)
PASS_ON(skill_import)

int
skills_list(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_skill_list, &(struct skill_list){
		.include_body = json_bool(a->params, "include_body", false) }, FORWARD_MS, on_skill_list, e);
}

int
skill_read_verb(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_skill_read, &(struct skill_read){
		.name = ask_str(a, "name"), .category = ask_str0(a, "category"),
	}, FORWARD_MS, on_skill_read, e);
}

int
skill_file_verb(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_skill_file, &(struct skill_file){
		.name = ask_str(a, "name"), .category = ask_str0(a, "category"), .path = ask_str(a, "path"),
	}, FORWARD_MS, on_skill_file, e);
}

int
skill_call_verb(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_skill_call, &(struct skill_call){
		.action = ask_str(a, "action"), .name = ask_str(a, "name"), .file = ask_str0(a, "file"),
	}, FORWARD_MS, on_skill_call, e);
}

/* All its files are looked at by the scanner. */
int
skill_import_verb(struct ask *a, struct error *e)
{
	return forward(a, "engined", MSG_skill_import, &(struct skill_import){
		.check = json_bool(a->params, "check", false), .name = ask_str0(a, "name"), .category = ask_str0(a, "category"),
		.files = json_object_get(a->params, "files"),
	}, IMPORT_MS, on_skill_import, e);
}
