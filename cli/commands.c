/* SPDX-License-Identifier: Apache-2.0 */
/* See commands.h. */
#include "cli/commands.h"

#include <string.h>

#include "cli/gateway.h"

#define JSON { "json", 0, NULL, "for programs" }
#define END { 0 }

static const struct opt chat_options[] = {
	{ "once", 0, "TEXT", "one turn without questions, then leave; - reads standard input" },
	{ "continue", 'c', NULL, "go on with the newest conversation" },
	{ "session", 0, "ID", "go on with this one" },
	{ "attach", 0, "FILE", "add a file (repeatable)" },
	{ "model", 0, "MODEL", "another model for this conversation" },
	{ "no-save", 0, NULL, "keep nothing of it" },
	{ "json", 0, NULL, "with --once: one object {session_id, reply, tools, usage, error?}" },
	{ "emit-events", 0, NULL, NULL },
	{ "explain-prompt", 0, NULL, "show what TEXT (else \"hello\") would send, part by part" },
	END
};

static const struct opt setup_options[] = {
	{ "provider", 0, "NAME", "openai, openrouter, groq, anthropic, gemini, ollama, offline; another name with --url" },
	{ "key", 0, "KEY", "its key (other people of this machine may see it: prefer --key-stdin)" },
	{ "key-stdin", 0, NULL, "read the key from standard input" },
	{ "url", 0, "URL", "base address of an OpenAI-compatible server" },
	{ "model", 0, "MODEL", "which model" },
	{ "workspace", 0, "DIR", "where relative paths begin and tools may write" },
	{ "gateway", 0, "NAME", "instead, a message platform (alpi help gateway enable)" },
	GATEWAY_OPTIONS, END
};

static const struct opt json_options[] = { JSON, END };

static const struct opt logs_options[] = {
	{ "follow", 'f', NULL, "go on with what is written" },
	{ "tail", 'n', "N", "how many lines (100)" },
	{ "source", 0, "NAME", "service, gateway, schedule, agent or approval" },
	END
};

static const struct opt enable_options[] = { GATEWAY_OPTIONS, JSON, END };

static const struct opt authorize_options[] = {
	{ "port", 0, "N", "where the browser comes back to on this machine (else any free one)" }, JSON, END };
static const struct opt gateway_remove_options[] = { { "yes", 'y', NULL, "do not ask" }, JSON, END };

static const struct opt start_options[] = {
	{ "detach", 0, NULL, "return when every unit is ready" }, END
};

static const struct opt remove_options[] = {
	{ "yes", 0, NULL, "do not ask" }, { "force", 0, NULL, "even while it is in use" }, END
};

static const struct opt list_options[] = {
	{ "limit", 'n', "N", "how many (100)" }, JSON, END
};

static const struct opt outputs_options[] = {
	{ "limit", 'n', "N", "how many, at most 500 (20)" }, { "unread", 0, NULL, "only what was not seen yet" },
	{ "all-profiles", 0, NULL, "of every profile" }, JSON, END
};

#define JOB_FIELDS								\
	{ "cron", 0, "EXPR", "again and again, by five fields (alpi cron next -- EXPR)" },	\
	{ "at", 0, "TIME", "once, at this time" },				\
	{ "idle", 0, "HOURS", "when you were away for so long" },		\
	{ "title", 0, "TEXT", "what it is called" },				\
	{ "tz", 0, "ZONE", "time zone of its times (the machine's)" },		\
	{ "timeout", 0, "S", "30 to 3600 seconds (900)" },			\
	{ "notify", 0, NULL, "its reply goes to your inbox" },			\
	{ "channel", 0, "NAME", "and from there to telegram, ntfy, ... (notify.channel); alpi: nowhere" },	\
	{ "no-agent", 0, NULL, "the prompt is the command line of a skill's script" },	\
	{ "tier", 0, "TIER", "fast or deep" }

static const struct opt job_options[] = {
	JOB_FIELDS, { "force", 0, NULL, "also when there is one like it" }, JSON, END
};

static const struct opt change_options[] = {
	JOB_FIELDS, { "prompt", 0, "TEXT", "what it is asked" }, { "silent", 0, NULL, "its reply goes nowhere" },
	{ "agent", 0, NULL, "the prompt is for the agent" }, JSON, END
};

static const struct opt jobs_options[] = {
	{ "limit", 'n', "N", "how many (100; with --json all)" }, { "broken", 0, NULL, "only those that never run, and why" }, JSON, END
};

static const struct opt history_options[] = {
	{ "limit", 'n', "N", "how many, at most 1000 (20)" }, JSON, END
};

static const struct opt search_options[] = {
	{ "limit", 'n', "N", "how many, at most 50 (20)" }, JSON, END
};

static const struct opt export_options[] = {
	{ "format", 0, "FORMAT", "markdown (otherwise) or json" }, { "json", 0, NULL, "the same as --format json" }, END
};

static const struct opt usage_options[] = {
	{ "days", 'n', "N", "how many days, at most 31 (14)" }, JSON, END
};

static const struct opt path_options[] = {
	{ "user-home", 0, "DIR", "as if this were the person's home" },
	{ "workspace", 0, "DIR", "as if this were the workspace" }, JSON, END
};

static const struct opt cron_options[] = {
	{ "tz", 0, "ZONE", "in the time of a zone like Europe/Madrid (the machine's)" },
	{ "after", 0, "TIME", "later than this, 2026-11-21T10:05 (now)" },
	{ "number", 'n', "N", "how many (5)" }, JSON, END
};

static const struct opt proto_options[] = {
	{ "channels", 0, NULL, "who may ask whom for what" }, JSON, END
};

static const struct opt pin_options[] = {
	{ "allow", 0, "METHODS", "what the peer may call here (link.ping,link.ask)" },
	{ "address", 0, "HOST:PORT", "where it listens; without, it is a profile of this machine" },
	{ "alias", 0, "NAME", "a label for people" }, JSON, END
};

static const struct opt fetch_options[] = {
	{ "output", 'o', "PATH", "the file to write (the hash as its name); never overwritten" }, JSON, END
};

static const struct opt scan_options[] = {
	{ "kind", 0, "KIND", "what the text is for: skill, injection or memory" }, JSON, END
};

static const struct opt note_options[] = {
	{ "confidence", 0, "LEVEL", "low, normal or high (normal)" }, JSON, END
};

static const struct opt promote_options[] = {
	{ "apply-all", 0, NULL, "keep them all" }, { "discard-all", 0, NULL, "keep none" },
	{ "json", 0, NULL, "for programs; alone it only lists them" }, END
};

static const struct opt import_options[] = {
	{ "yes", 'y', NULL, "do not ask" }, { "check", 0, NULL, "only show what would be imported" },
	{ "name", 0, "NAME", "another name" }, { "category", 0, "CATEGORY", "another category" }, JSON, END
};

/* In the order in which help lists them: what is used most, then by name (spec/services-cli.md, 9). */
const struct command commands[] = {
	{ "chat", "[TEXT]", "talk with the agent", 0, 1, chat_options, chat_command },
	{ "setup", "", "choose provider, key, model and workspace", 0, 0, setup_options, setup_command },
	{ "doctor", "", "check this installation", 0, 0, json_options, doctor_command },
	{ "audit verify", "", "check that no line of the audit chains was changed", 0, 0, json_options, audit_verify_command },
	{ "logs", "", "what the daemons wrote", 0, 0, logs_options, logs_command },
	{ "profile list", "", "every profile", 0, 0, json_options, profile_list_command },
	{ "profile create", "NAME", "a new profile", 1, 1, NULL, profile_create_command },
	{ "profile remove", "NAME", "move a profile to the trash", 1, 1, remove_options, profile_remove_command },
	{ "peers setup", "", "pin another alpi, step by step", 0, 0, NULL, peers_setup_command },
	{ "peers list", "", "who is pinned, and what each may call", 0, 0, json_options, peers_list_command },
	{ "peers key", "", "this profile's own key, to give to a peer", 0, 0, json_options, peers_key_command },
	{ "peers add", "ID KEY", "pin a peer", 2, 2, pin_options, peers_add_command },
	{ "peers remove", "ID", "unpin a peer", 1, 1, json_options, peers_remove_command },
	{ "peers ping", "ID", "ask a peer whether it is there", 1, 1, json_options, peers_ping_command },
	{ "peers allow", "ID METHOD", "let a peer call a method (link.ask, link.put_blob, ...)", 2, 2, json_options, peers_allow_command },
	{ "peers deny", "ID METHOD", "no longer let it", 2, 2, json_options, peers_deny_command },
	{ "peers pending", "", "who knocked without being pinned", 0, 0, json_options, peers_pending_command },
	{ "peers accept", "KEY ID", "pin one who knocked", 2, 2, pin_options, peers_accept_command },
	{ "peers discard", "KEY", "forget one who knocked", 1, 1, json_options, peers_discard_command },
	{ "peers blob-put", "ID FILE", "send a file of at most 20 MiB", 2, 2, json_options, peers_blob_put_command },
	{ "peers blob-get", "ID HASH", "fetch a file by its hash", 2, 2, fetch_options, peers_blob_get_command },
	{ "gateway list", "", "the message platforms, and how each fares", 0, 0, json_options, gateway_list_command },
	{ "gateway enable", "NAME", "let people write through telegram, imap, gmail, matrix or webhook; ntfy tells", 1, 1, enable_options,
	    gateway_enable_command },
	{ "gateway disable", "NAME", "listen there no more; its credentials stay", 1, 1, json_options, gateway_disable_command },
	{ "gateway probe", "NAME", "try the platform's servers with what is stored", 1, 1, json_options, gateway_probe_command },
	{ "gateway gmail authorize", "", "give alpi the right to the Gmail account, in a browser", 0, 0, authorize_options,
	    gateway_gmail_command },
	{ "gateway remove", "NAME", "forget its credentials, and where it was read to", 1, 1, gateway_remove_options,
	    gateway_remove_command },
	{ "schedule list", "", "jobs, and when each runs next", 0, 0, jobs_options, schedule_list_command },
	{ "schedule show", "ID", "a job with all of its prompt", 1, 1, json_options, schedule_show_command },
	{ "schedule add", "PROMPT", "have something done at a time, again and again or once", 1, 1, job_options, schedule_add_command },
	{ "schedule update", "ID", "change a job", 1, 1, change_options, schedule_update_command },
	{ "schedule remove", "ID", "remove a job", 1, 1, json_options, schedule_remove_command },
	{ "schedule pause", "ID", "let a job rest", 1, 1, json_options, schedule_pause_command },
	{ "schedule resume", "ID", "let it run again", 1, 1, json_options, schedule_resume_command },
	{ "schedule fire", "ID", "run a job now, and show what came of it", 1, 1, json_options, schedule_fire_command },
	{ "schedule run-once", "", "run what is due now, and show what came of it", 0, 0, json_options, schedule_run_once_command },
	{ "schedule history", "[ID]", "runs, newest first", 0, 1, history_options, schedule_history_command },
	{ "daemon start", "", "run in the foreground", 0, 0, start_options, daemon_start_command },
	{ "daemon stop", "", "stop every unit", 0, 0, NULL, daemon_stop_command },
	{ "daemon restart", "[UNIT]", "restart one unit, one profile or everything", 0, 1, NULL, daemon_restart_command },
	{ "daemon status", "", "what runs", 0, 0, json_options, daemon_status_command },
	{ "daemon reload", "[UNIT]", "read the configuration again", 0, 1, NULL, daemon_reload_command },
	{ "daemon install", "", "start with the session (systemd user service)", 0, 0, NULL, service_install_command },
	{ "daemon uninstall", "", "undo install", 0, 0, NULL, service_uninstall_command },
	{ "approval check", "-- COMMAND", "which tier a command is in, and why", 1, -1, json_options, explain_command },
	{ "completion", "bash|zsh", "print the completion script of a shell", 1, 1, NULL, completion_command },
	{ "config set", "KEY VALUE", "change a setting (dotted key)", 2, 2, json_options, verb_command },
	{ "config unset", "KEY", "back to the default", 1, 1, json_options, verb_command },
	{ "cron next", "-- EXPRESSION", "when a recurring job would be due, and what the expression says", 1, -1, cron_options,
	    cron_next_command },
	{ "memory show", "[FILE]", "the notes: USER.md, MEMORY.md, AGENT.md", 0, 1, json_options, memory_show_command },
	{ "memory add", "FILE TEXT", "add a note (TEXT -: standard input)", 2, 2, note_options, memory_add_command },
	{ "memory replace", "FILE WORDS TEXT", "change the one note that holds the words", 3, 3, json_options, memory_replace_command },
	{ "memory remove", "FILE WORDS", "take out the one note that holds the words", 2, 2, json_options, memory_remove_command },
	{ "memory promote", "", "decide about notes that wait for it, one by one", 0, 0, promote_options, memory_promote_command },
	{ "outputs list", "", "what was left for you to see, newest first", 0, 0, outputs_options, outputs_list_command },
	{ "outputs show", "ID", "one of it; it counts as read then", 1, 1, json_options, outputs_show_command },
	{ "outputs read-all", "", "mark all as read", 0, 0, json_options, outputs_read_all_command },
	{ "path check", "-- PATH", "whether tools may open a path, and why", 1, 1, path_options, explain_command },
	{ "proto", "", "the messages between the daemons, as JSON Schema", 0, 0, proto_options, proto_command },
	{ "providers set-key", "NAME VALUE", "store a key (OPENAI_API_KEY, ...); - reads standard input", 2, 2, json_options, verb_command },
	{ "providers unset-key", "NAME", "forget a key", 1, 1, json_options, verb_command },
	{ "providers add-ollama", "NAME URL", "add an Ollama or OpenAI-compatible server", 2, 2, json_options, verb_command },
	{ "providers remove-ollama", "NAME", "forget a server", 1, 1, json_options, verb_command },
	{ "sandbox set", "on|off", "whether the terminal tool is confined", 1, 1, json_options, verb_command },
	{ "sandbox network", "on|off", "whether the terminal tool may use the network", 1, 1, json_options, verb_command },
	{ "scan check", "FILE|-", "what the text scanners say of a file, and why", 1, 1, scan_options, scan_check_command },
	{ "sessions list", "", "conversations, newest first", 0, 0, list_options, verb_command },
	{ "sessions show", "ID", "one conversation", 1, 1, json_options, verb_command },
	{ "sessions search", "WORD...", "conversations with these words, best first", 1, -1, search_options, verb_command },
	{ "sessions export", "ID", "a whole conversation on standard output", 1, 1, export_options, sessions_export_command },
	{ "sessions delete", "ID...", "delete conversations", 1, 100, json_options, verb_command },
	{ "skill list", "", "every skill, and whether it can be used", 0, 0, json_options, skill_list_command },
	{ "skill show", "NAME [FILE]", "a skill, or a file of it (scripts/run.py)", 1, 2, json_options, skill_show_command },
	{ "skill validate", "NAME", "what is wrong with a skill", 1, 1, json_options, skill_validate_command },
	{ "skill import", "DIR|ZIP", "take over a skill from elsewhere, after showing what it holds", 1, 1, import_options, skill_import_command },
	{ "skill remove", "NAME", "move a skill to the archive", 1, 1, json_options, skill_remove_command },
	{ "skill test", "NAME [ARG...]", "run a skill's script in its sandbox, without a model", 1, -1, json_options, skill_test_command },
	{ "usage", "", "tokens and money per day, and what is left of today's budget", 0, 0, usage_options, usage_command },
	END
};

const struct group groups[] = {
	{ "audit", "check the audit chains" },
	{ "profile", "profiles: list, create, remove" },
	{ "peers", "other alpis: pin, ping, allow, send files" },
	{ "gateway", "message platforms: list, enable, disable, probe, remove, gmail authorize" },
	{ "schedule", "jobs: list, show, add, update, remove, pause, resume, fire, run-once, history" },
	{ "daemon", "the processes: start, stop, restart, status, reload" },
	{ "approval", "explain the approval gate" },
	{ "config", "change settings" },
	{ "cron", "explain the expressions of recurring jobs" },
	{ "memory", "notes: show, add, replace, remove, promote" },
	{ "outputs", "the inbox: list, show, read-all" },
	{ "path", "explain the path denylist" },
	{ "providers", "keys and servers" },
	{ "sandbox", "confinement of the terminal tool" },
	{ "scan", "explain the text scanners" },
	{ "sessions", "conversations: list, show, search, export, delete" },
	{ "skill", "skills: list, show, validate, test, import, remove" },
	END
};

/* The words of a command as argv has them; how many, 0 when they differ. */
static int
match(const struct command *c, int argc, char *const *argv)
{
	const char *p = c->words;

	for (int i = 0; i < argc; i++) {
		size_t n = strcspn(p, " ");

		if (strlen(argv[i]) != n || strncmp(argv[i], p, n) != 0)
			return 0;
		if (p[n] == '\0')
			return i + 1;
		p += n + 1;
	}
	return 0;
}

const struct command *
command_find(int argc, char *const *argv, int *used)
{
	for (const struct command *c = commands; c->words != NULL; c++)
		if ((*used = match(c, argc, argv)) > 0)
			return c;
	return NULL;
}

const struct group *
group_find(const char *word)
{
	for (const struct group *g = groups; g->word != NULL; g++)
		if (strcmp(g->word, word) == 0)
			return g;
	return NULL;
}
