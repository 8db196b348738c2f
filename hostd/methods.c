/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The host plane's verbs (host-plane.md, 5): all there are, and who may call
 * them with what. Names and kinds of parameters are checked before a verb is
 * called, and whether the caller may call it, too; so a verb's own file, one
 * per area, checks neither.
 */
#include "hostd/attachments.h"
#include "hostd/chat.h"
#include "hostd/configure.h"
#include "hostd/engine.h"
#include "hostd/events.h"
#include "hostd/gateway.h"
#include "hostd/machine.h"
#include "hostd/memory.h"
#include "hostd/outputs.h"
#include "hostd/peers.h"
#include "hostd/profile.h"
#include "hostd/questions.h"
#include "hostd/schedule.h"
#include "hostd/sessions.h"
#include "hostd/skills.h"

#define A ROLE_ADMIN
#define M ROLE_MEMBER

const struct method methods[] = {
	/* name				function		role local  free   needs, may have */
	{ "host.version",		version,		M, false, true,  "", "" },
	{ "host.profiles.list",		profiles_list,		M, false, true,  "", "" },
	{ "host.profile.summaries",	profile_summaries,	M, false, true,  "", "" },
	{ "host.profile.detail",	profile_detail,		M, false, false, "profile", "" },
	{ "host.profile.storage",	profile_storage,	A, false, false, "profile", "" },
	{ "host.settings.profile_snapshot", profile_snapshot,	M, false, false, "profile", "sections" },
	{ "host.profile.create",	profile_create,		A, false, false, "name", "" },
	{ "host.profile.delete",	profile_delete,		A, false, false, "name", "force" },
	{ "host.config.set_field",	config_set_field,	A, false, false, "profile key value", "" },
	{ "host.config.unset_field",	config_unset_field,	A, false, false, "profile key", "" },
	{ "host.sandbox.set",		sandbox_set,		A, false, false, "profile state", "" },
	{ "host.sandbox.network",	sandbox_network,	A, false, false, "profile state", "" },
	{ "host.daemon.restart",	daemon_restart,		A, false, false, "", "" },
	{ "host.engine.status",		engine_status,		A, false, false, "profile", "" },
	{ "host.usage.daily",		usage_daily,		A, false, false, "profile", "days" },

	{ "host.providers.set_key",	providers_set_key,	A, false, false, "profile key value", "" },
	{ "host.providers.unset_key",	providers_unset_key,	A, false, false, "profile key", "" },
	{ "host.providers.add_ollama",	providers_add_ollama,	A, false, false, "profile name url", "" },
	{ "host.providers.remove_ollama", providers_remove_ollama, A, false, false, "profile name", "" },

	{ "host.chat.send",		chat_send,		M, false, false, "",
	    "profile text request_id session_id model rewrite_from_turn attachments cwd interactive surface no_save" },
	{ "host.chat.cancel",		chat_cancel,		M, false, true,  "request_id", "profile" },
	{ "host.chat.events_since",	chat_events_since,	M, false, false, "profile session_id", "after_seq limit" },
	{ "host.chat.explain",		chat_explain,		M, false, false, "profile text",
	    "session_id model surface cwd" },
	{ "host.sessions.list",		sessions_list,		M, false, false, "profile", "limit" },
	{ "host.session.read",		session_read,		M, false, false, "profile id",
	    "after_turn tail_turns before_turn max_turns" },
	{ "host.sessions.search",	sessions_search,	A, false, false, "profile text", "limit" },
	{ "host.sessions.delete",	sessions_delete,	A, false, false, "profile ids", "" },
	{ "host.memory.call",		memory_call_verb,	A, false, false, "profile action",
	    "target content match confidence id" },
	{ "host.profile.memory_read",	memory_read_verb,	A, false, false, "profile name", "" },
	{ "host.profile.memory_write",	memory_write_verb,	A, false, false, "profile name text rev", "" },
	{ "host.profile.memory_usage",	memory_usage_verb,	A, false, false, "profile", "" },
	{ "host.attachments.stage",	attachments_stage,	M, false, false, "profile name", "mime data_base64 data" },
	{ "host.outputs.list",		outputs_list,		A, false, false, "profile", "status limit" },
	{ "host.outputs.read",		outputs_read,		A, false, false, "profile id", "" },
	{ "host.outputs.mark_read",	outputs_mark_read,	A, false, false, "profile id", "" },
	{ "host.outputs.mark_all_read",	outputs_mark_all_read,	A, false, false, "profile", "" },
	{ "host.outputs.delete",	outputs_delete,		A, false, false, "profile id", "" },
	{ "host.skills.list",		skills_list,		A, false, false, "profile", "include_body" },
	{ "host.skill.read",		skill_read_verb,	A, false, false, "profile name", "category" },
	{ "host.skill.file",		skill_file_verb,	A, false, false, "profile name path", "category" },
	{ "host.skill.call",		skill_call_verb,	A, false, false, "profile action name", "file" },
	{ "host.skill.import",		skill_import_verb,	A, false, false, "profile files", "name category check" },
	{ "host.schedule.list",		schedule_list,		A, false, false, "profile", "limit from broken id" },
	{ "host.schedule.add",		schedule_add,		A, false, false, "profile job", "force" },
	{ "host.schedule.update",	schedule_update,	A, false, false, "profile id changes", "" },
	{ "host.schedule.remove",	schedule_remove,	A, false, false, "profile id", "" },
	{ "host.schedule.set_paused",	schedule_set_paused,	A, false, false, "profile id paused", "" },
	{ "host.schedule.fire",		schedule_fire,		A, false, false, "profile id", "" },
	{ "host.schedule.run_once",	schedule_run_once,	A, false, false, "profile", "" },
	{ "host.schedule.wait",		schedule_wait,		A, false, false, "profile", "run after wait_ms" },
	{ "host.schedule.history",	schedule_history,	A, false, false, "profile", "id limit" },
	{ "host.gateway.status",	gateway_status,		A, false, false, "profile", "" },
	{ "host.gateway.config",	gateway_config,		A, false, false, "profile name", "" },
	{ "host.gateway.set",		gateway_set,		A, false, false, "profile name", "config enabled" },
	{ "host.gateway.probe",		gateway_probe,		A, false, false, "profile name", "" },
	{ "host.gateway.gmail.begin",	gmail_begin,		A, false, false, "profile redirect_uri", "client_id client_secret allowed_senders" },
	{ "host.gateway.gmail.exchange", gmail_exchange,	A, false, false, "profile state code", "" },
	{ "host.gateway.remove",	gateway_remove,		A, false, false, "profile name", "" },

	{ "host.activity.list",		activity_list,		M, false, true,  "", "" },
	{ "host.approval.pending",	approval_pending,	M, false, true,  "", "" },
	{ "host.approval.respond",	approval_respond,	A, false, true,  "request_id choice", "" },
	{ "host.clarification.pending",	clarification_pending,	M, false, true,  "", "" },
	{ "host.clarification.respond",	clarification_respond,	M, false, false, "request_id choice", "" },

	{ "host.peers.list",		peers_list,		M, false, false, "profile", "" },
	{ "host.peers.add",		peers_add,		A, false, false, "profile id pubkey", "address alias allow" },
	{ "host.peers.remove",		peers_remove,		A, false, false, "profile id", "" },
	{ "host.peers.allow",		peers_allow,		A, false, false, "profile id method on", "" },
	{ "host.peers.pending_list",	peers_pending_list,	A, false, false, "profile", "" },
	{ "host.peers.pending_accept",	peers_pending_accept,	A, false, false, "profile pubkey id", "allow address" },
	{ "host.peers.pending_discard",	peers_pending_discard,	A, false, false, "profile pubkey", "" },
	{ "host.peers.ping",		peers_ping,		A, false, false, "profile peer_id", "" },
	{ "host.peers.blob_put",	peers_blob_put,		A, false, false,
	    "profile peer_id hash size offset data", "final" },
	{ "host.peers.blob_get",	peers_blob_get,		A, false, false, "profile peer_id hash offset", "" },

	{ "host.events.subscribe",	events_subscribe,	M, false, true,  "", "kinds" },
	{ "host.events.history",	events_history,		M, false, true,  "", "after_seq limit kinds" },
	{ 0 }
};
