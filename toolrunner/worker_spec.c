/* SPDX-License-Identifier: Apache-2.0 */
/* See worker_spec.h. */
#include "toolrunner/worker_spec.h"

#include <unistd.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

static json_t *
path_list(const struct launcher *l, const char *const *paths)
{
	json_t *list = json_array();

	for (; paths != NULL && *paths != NULL; paths++) {
		cleanup_free char *path = path_expand(*paths, l->person);

		if (path[0] == '/')
			json_array_append_new(list, json_string(path));
	}
	return list;
}

static json_t *
name_list(const char *const *names)
{
	json_t *list = json_array();

	for (; names != NULL && *names != NULL; names++)
		json_array_append_new(list, json_string(*names));
	return list;
}

enum tool_net
worker_network(const struct sandbox_class *box, const struct sandbox_policy *policy)
{
	enum tool_net net = box->net < policy->net ? box->net : policy->net;

	return box->exec && net == NET_PUBLIC ? NET_NONE : net;
}

json_t *
worker_spec(const struct launcher *l, const struct sandbox_class *box, const struct sandbox_policy *policy,
    const char *workspace, const char *skill, int64_t limit_ms)
{
	return json_pack("{s:i s:i s:b s:i s:s* s:s s:s s:s* s:s* s:o s:o s:o s:I}", "fs", box->fs, "net", worker_network(box, policy),
	    "exec", box->exec, "shows", box->skill, "skill", skill, "workspace", workspace, "root", l->root, "person", l->person, "user", l->user, "read",
	    path_list(l, policy->read), "write", path_list(l, policy->write), "allow_missing",
	    name_list(policy->allow_missing), "limit_s", (json_int_t)((limit_ms + 999) / 1000));
}

json_t *
worker_probe_spec(const struct launcher *l, const struct sandbox_policy *policy, const char *workspace)
{
	static const struct sandbox_class box = { .fs = FS_WRITE, .net = NET_NONE, .exec = true };
	json_t *spec = worker_spec(l, &box, policy, workspace, NULL, WORKER_PROBE_MS);

	json_object_set_new(spec, "probe", json_pack("{s:[i,i], s:[o,o,o,o]}", "pids", getpid(), l->pid, "paths",
	    json_sprintf("%s/.env", l->root), json_sprintf("%s/run", l->root), json_sprintf("%s/config.yaml", l->home),
	    json_sprintf("%s/.ssh", l->person == NULL ? "/" : l->person)));
	return spec;
}
