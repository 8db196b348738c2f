/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi doctor` (spec/services-cli.md, 4): rows of group, label, level and
 * detail. Reads only, starts nothing: with the daemon down it says so and
 * checks what lies on disk.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/control.h"
#include "cli/doctor.h"
#include "cli/print.h"
#include "cli/probe.h"
#include "cli/service.h"
#include "cli/text.h"
#include "common/clock.h"
#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

#define JOBS_BYTES	(128u << 20)		/* more the scheduler does not read */

static const char *const level_names[] = { "ok", "info", "warn", "fail" };

void
doctor_row(struct doctor *d, const char *group, const char *label, enum level level, const char *fmt, ...)
{
	cleanup_free char *detail = NULL, *clean = NULL;
	va_list ap;

	va_start(ap, fmt);
	detail = xvasprintf(fmt, ap);
	va_end(ap);
	clean = utf8_clean(detail, strlen(detail));
	d->count[level]++;
	json_array_append_new(d->rows, json_pack("{s:s, s:s, s:s, s:s}", "group", group, "label", label,
	    "level", level_names[level], "detail", clean));
}

/* ---- the checks --------------------------------------------------------------------------- */

static void
check_version(struct doctor *d)
{
	doctor_row(d, "Version", "alpi", OK, "%s", ALPI_VERSION);
}

static const struct {
	const char *head, *key;
} keys[] = {
	{ "openai", "OPENAI_API_KEY" }, { "openrouter", "OPENROUTER_API_KEY" }, { "groq", "GROQ_API_KEY" },
	{ "anthropic", "ANTHROPIC_API_KEY" }, { "gemini", "GEMINI_API_KEY" },
};

/* The address of the configured server with this name; NULL: none. Borrowed from the configuration. */
static const char *
server_url(const struct doctor *d, const char *name)
{
	size_t i;
	json_t *server;

	json_array_foreach(json_at(d->config, "providers.ollama"), i, server)
		if (strcmp(json_str(server, "name", ""), name) == 0)
			return json_str(server, "url", "");
	return NULL;
}

static void
check_key(struct doctor *d, const char *head)
{
	const char *url = server_url(d, head);
	cleanup_json json_t *env = env_load(d->cli->home);

	if (url != NULL) {
		bool there = probe_reachable(url, 1000);

		doctor_row(d, "Model", "Server", there ? OK : FAIL, "%s %s", url, there ? "is reachable" : "is not reachable");
		return;
	}
	for (size_t i = 0; i < COUNT(keys); i++)
		if (strcmp(keys[i].head, head) == 0) {
			bool there = *json_str(env, keys[i].key, "") != '\0';

			doctor_row(d, "Model", "API key", there ? OK : FAIL, "%s %s", keys[i].key,
			    there ? "is set" : "is missing: alpi setup");
			return;
		}
	if (strcmp(head, "offline") == 0)
		doctor_row(d, "Model", "API key", INFO, "offline needs none (it is no model)");
	else
		doctor_row(d, "Model", "Provider", FAIL, "nobody is called %s: alpi setup", head);
}

static void
check_budget(struct doctor *d)
{
	double usd = config_num(d->config, "budget.daily_usd", 0);
	int64_t tokens = config_int(d->config, "budget.daily_tokens", 0);

	if (usd > 0)
		doctor_row(d, "Model", "Budget", OK, "$%.2f a day", usd);
	else if (tokens > 0)
		doctor_row(d, "Model", "Budget", OK, "%lld tokens a day", (long long)tokens);
	else
		doctor_row(d, "Model", "Budget", INFO, "no cap%s", json_at(d->config, "budget.daily_usd") == NULL ?
		    " (budget.daily_usd sets one)" : ": budget.daily_usd is 0");
}

/* A cap in dollars stops nothing that counts as free. OpenRouter says what an answer cost; the others do not. */
static void
check_price(struct doctor *d, const char *model, const char *head)
{
	const json_t *price = json_object_get(json_at(d->config, "prices"), model);
	bool told = strcmp(head, "openrouter") == 0 || strcmp(head, "offline") == 0 || server_url(d, head) != NULL;

	if (config_num(d->config, "budget.daily_usd", 0) > 0 && !told && json_num(price, "input", 0) <= 0 &&
	    json_num(price, "output", 0) <= 0)
		doctor_row(d, "Model", "Price", WARN, "what %s costs is not known, so budget.daily_usd never stops it: "
		    "set prices in config.yaml, or budget.daily_tokens instead", model);
}

static void
check_model(struct doctor *d)
{
	struct error e = { 0 };
	const char *model, *broken = json_str(d->engine, "config_error", "");

	if (d->config == NULL) {
		json_decref(config_load(d->cli->home, &e));
		doctor_row(d, "Model", "config.yaml", FAIL, "%s", e.text);
		return;
	}
	if (*broken != '\0')
		doctor_row(d, "Model", "config.yaml", FAIL, "%s", broken);
	model = config_str(d->config, "model");
	doctor_row(d, "Model", "Configured", *model ? OK : FAIL, "%s", *model ? model : "no model: alpi setup");
	if (*model != '\0') {
		cleanup_free char *head = xstrndup(model, strcspn(model, "/"));

		check_key(d, head);
		check_price(d, model, head);
		check_budget(d);
	}
}

static void
check_workspace(struct doctor *d)
{
	const char *set = config_str(d->config, "workspace");
	cleanup_free char *person = home_person(), *path = path_expand(set, person ? person : "/");
	struct stat st;

	if (d->config == NULL)
		return;
	if (*set == '\0')
		doctor_row(d, "Workspace", "Configured", WARN, "none: tools work where alpi is called");
	else if (stat(path, &st) == -1 || !S_ISDIR(st.st_mode))
		doctor_row(d, "Workspace", "Exists", FAIL, "%s is no directory", path);
	else if (access(path, W_OK) == -1)
		doctor_row(d, "Workspace", "Writable", FAIL, "%s is read-only for you", path);
	else
		doctor_row(d, "Workspace", "Ready", OK, "%s", path);
}

static void
check_tools(struct doctor *d)
{
	const char *stop = json_str(d->engine, "sandbox_stop", "");

	if (d->engine == NULL)
		return;
	if (*stop != '\0')
		doctor_row(d, "Tools", "Registry", FAIL, "no tool runs: %s", stop);
	else
		doctor_row(d, "Tools", "Registry", json_int(d->engine, "tools", 0) > 0 ? OK : WARN, "%lld tools",
		    (long long)json_int(d->engine, "tools", 0));
}

/* Our own binary was replaced after the daemon had started: it still runs the older one. */
static bool
is_older(const struct doctor *d)
{
	cleanup_free char *path = program_path("alpi-init");
	struct stat st;
	double started = (double)clock_wall_ms() / 1000 - json_num(d->init, "uptime_s", 0);

	return stat(path, &st) == 0 && (double)st.st_mtime > started + 30;
}

static void
check_daemon(struct doctor *d)
{
	if (d->init == NULL)
		doctor_row(d, "Services", "Daemon", service_manager() ? WARN : INFO, "not running%s",
		    service_manager() ? ", though installed" : " (alpi starts it when it is needed)");
	else if (is_older(d))
		doctor_row(d, "Services", "Daemon", WARN, "pid %lld runs an older binary: alpi daemon restart",
		    (long long)json_int(d->init, "pid", 0));
	else
		doctor_row(d, "Services", "Daemon", OK, "running, pid %lld%s%s", (long long)json_int(d->init, "pid", 0),
		    service_manager() ? ", via " : "", service_manager() ? service_manager() : "");
}

/* One row per unit that is not ready, with its last words; one for all that are. */
static void
check_units(struct doctor *d)
{
	const json_t *units = json_object_get(d->init, "units"), *lines;
	size_t i, ready = 0;
	json_t *unit;

	json_array_foreach(units, i, unit) {
		const char *state = json_str(unit, "state", "");
		const char *said;

		if (strcmp(state, "ready") == 0 && ++ready)
			continue;
		lines = json_object_get(unit, "stderr");
		said = json_string_value(json_array_get(lines, json_array_size(lines) ? json_array_size(lines) - 1 : 0));
		doctor_row(d, "Services", json_str(unit, "unit", ""), strcmp(state, "failed") == 0 ? FAIL : WARN,
		    "%s%s%s", state, said ? ": " : "", said ? said : "");
	}
	if (d->init != NULL)
		doctor_row(d, "Services", "Units", ready > 0 ? OK : FAIL, "%zu of %zu ready", ready, json_array_size(units));
	if (d->init != NULL && d->engine == NULL)
		doctor_row(d, "Services", "Control plane", WARN, "host.sock does not tell how %s/engined stands", d->cli->profile);
}

static void
check_subsystems(struct doctor *d)
{
	static const char *const names[] = { "schedule", "gateway", "alp", "workgroups" };
	cleanup_buf struct buf off = BUF(0);

	for (size_t i = 0; d->config != NULL && i < COUNT(names); i++) {
		cleanup_free char *key = xasprintf("service.%s", names[i]);

		if (!config_bool(d->config, key))
			buf_addf(&off, "%s%s", off.len > 0 ? ", " : "", names[i]);
	}
	if (d->config != NULL)
		doctor_row(d, "Services", "Subsystems", off.len > 0 ? INFO : OK, "%s%s", off.len > 0 ? "switched off: " : "all are on",
		    buf_str(&off));
	if (d->config != NULL && config_bool(d->config, "paused"))
		doctor_row(d, "Services", "Profile", INFO, "paused: no job runs, and nobody from outside is answered");
}

/* Is the file of jobs one at all? Without the scheduler nobody else tells. */
static void
check_jobs_file(struct doctor *d)
{
	cleanup_free char *path = path_join(d->cli->home, "schedule/jobs.json");
	struct error e = { 0 };
	cleanup_json json_t *jobs = json_load(path, JOBS_BYTES, 32, &e);

	if (jobs == NULL && e.code == ERR_not_found)
		doctor_row(d, "Services", "Jobs", INFO, "none (alpi schedule add)");
	else if (jobs == NULL || !json_is_array(jobs))
		doctor_row(d, "Services", "Jobs", WARN, "nothing runs, schedule/jobs.json is corrupt: %s", jobs == NULL ? e.text :
		    "it is not a list");
	else
		doctor_row(d, "Services", "Jobs", INFO, "%zu, of which none runs while the scheduler does not", json_array_size(jobs));
}

static void
check_jobs(struct doctor *d)
{
	struct error e = { 0 };
	cleanup_json json_t *r = d->engine == NULL ? NULL : client_call(d->cli, "host.schedule.list", json_pack("{s:s, s:i}",
	    "profile", d->cli->profile, "limit", 1), &e);
	long long total = json_int(r, "total", 0), broken = json_int(r, "broken", 0), paused = json_int(r, "paused", 0);
	const char *next = json_str(r, "next", "");

	if (r == NULL) {
		check_jobs_file(d);
		return;
	}
	if (total == 0)
		doctor_row(d, "Services", "Jobs", INFO, "none (alpi schedule add)");
	else
		doctor_row(d, "Services", "Jobs", OK, "%lld, %lld of them paused%s%s", total, paused, *next ? ", next " : "", next);
	if (broken > 0)
		doctor_row(d, "Services", "Jobs", WARN, "%lld entr%s of schedule/jobs.json never run%s: alpi schedule list --broken",
		    broken, broken == 1 ? "y" : "ies", broken == 1 ? "s" : "");
}

static void
check_sandbox(struct doctor *d)
{
	size_t i, held = 0;
	json_t *layer;
	const json_t *layers = json_object_get(d->engine, "sandbox");

	json_array_foreach(layers, i, layer) {
		const char *detail = json_str(layer, "detail", "");

		if (json_bool(layer, "held", false) && ++held) {
			if (*detail != '\0')	/* this kernel lacks it, and others do its work */
				doctor_row(d, "Security", "Sandbox", INFO, "%s: %s", json_str(layer, "name", ""), detail);
			continue;
		}
		doctor_row(d, "Security", "Sandbox", WARN, "%s does not hold%s%s", json_str(layer, "name", ""),
		    *detail ? ": " : "", detail);
	}
	if (held > 0)
		doctor_row(d, "Security", "Sandbox", OK, "on, %zu of %zu layers hold", held, json_array_size(layers));
	else if (d->engine == NULL)
		doctor_row(d, "Security", "Sandbox", INFO, "the daemon tests it at its start; it is not running");
}

static void
check_approvals(struct doctor *d)
{
	char **list = config_list(d->config, "tools.terminal.approval.allowlist");
	size_t n = 0;

	while (list != NULL && list[n] != NULL)
		n++;
	config_list_free(list);
	doctor_row(d, "Security", "Approval allowlist", n > 0 ? INFO : OK, "%zu entries", n);
}

/* A ping costs a moment each: all of them, since who asks the doctor wants to know. */
static void
check_peers(struct doctor *d, const json_t *peers)
{
	size_t i, on = 0, n = json_array_size(peers);
	json_t *peer;

	json_array_foreach(peers, i, peer) {
		const char *id = json_str(peer, "id", "");
		cleanup_json json_t *r = client_call(d->cli, "host.peers.ping", json_pack("{s:s, s:s}",
		    "profile", d->cli->profile, "peer_id", id), NULL);
		bool answers = strcmp(json_str(r, "status", ""), "on") == 0;

		on += answers;
		if (!answers)
			doctor_row(d, "ALP", id, WARN, "%s: %s", json_str(r, "status", "off"), json_str(r, "reason", "no answer"));
	}
	doctor_row(d, "ALP", "Peers", n == 0 ? INFO : on == n ? OK : WARN, "%zu of %zu answer", on, n);
}

static void
check_link(struct doctor *d)
{
	cleanup_free char *dir = path_join(d->cli->home, "alp");
	cleanup_json json_t *link = NULL;
	struct error e = { 0 };

	if (access(dir, F_OK) == -1) {
		doctor_row(d, "ALP", "Link", INFO, "not used yet (alpi peers setup begins)");
		return;
	}
	if (d->engine == NULL) {
		doctor_row(d, "ALP", "Link", INFO, "not running");
		return;
	}
	link = client_call(d->cli, "host.peers.list", json_pack("{s:s}", "profile", d->cli->profile), &e);
	if (link == NULL) {
		doctor_row(d, "ALP", "Socket", WARN, "%s", e.text);
		return;
	}
	doctor_row(d, "ALP", "Identity", OK, "%s", json_str(link, "key", ""));
	doctor_row(d, "ALP", "Socket", OK, "%s", json_str(link, "socket", ""));
	if (json_str(link, "listen", NULL) != NULL)
		doctor_row(d, "ALP", "Listener", OK, "%s", json_str(link, "listen", ""));
	else
		doctor_row(d, "ALP", "Listener", INFO, "%s", json_str(link, "listen_off", "TCP is off"));
	if (json_str(link, "broken", NULL) != NULL)
		doctor_row(d, "ALP", "peers.yaml", FAIL, "nobody is pinned: %s", json_str(link, "broken", ""));
	check_peers(d, json_object_get(link, "peers"));
}

static void	(*const checks[])(struct doctor *) = {
	check_version, check_model, check_workspace, check_tools, check_daemon, check_units,
	check_subsystems, check_jobs, doctor_gateways,
	check_link, check_sandbox, check_approvals, doctor_storage,
};

/* ---- telling ------------------------------------------------------------------------------ */

static void
print_rows(const struct doctor *d)
{
	static const char *const marks[][2] = {
		{ "✓", "\033[32m" }, { "·", "\033[2m" }, { "!", "\033[33m" }, { "✗", "\033[31m" },
	};
	bool colour = print_colour(STDOUT_FILENO);
	const char *group = "";
	size_t i;
	json_t *r;

	json_array_foreach(d->rows, i, r) {
		cleanup_free char *detail = text_line(json_str(r, "detail", ""), 0);
		const char *level = json_str(r, "level", "");
		size_t l = OK;

		while (strcmp(level_names[l], level) != 0)
			l++;
		if (strcmp(group, json_str(r, "group", "")) != 0)
			printf("%s%s\n", i ? "\n" : "", json_str(r, "group", ""));
		group = json_str(r, "group", "");
		printf("  %s%s%s %-4s %-20s %s\n", colour ? marks[l][1] : "", marks[l][0], colour ? "\033[0m" : "",
		    level, json_str(r, "label", ""), detail);
	}
	if (d->count[FAIL] + d->count[WARN] == 0)
		printf("\nall checks passed\n");
	else
		printf("\n%zu failures · %zu warnings\n", d->count[FAIL], d->count[WARN]);
}

static void
look_around(struct doctor *d)
{
	d->rows = json_array();
	d->config = config_load(d->cli->home, NULL);
	d->init = control_status(d->cli, NULL);
	d->cli->stay_down = true;
	d->engine = client_call(d->cli, "host.engine.status", json_pack("{s:s}", "profile", d->cli->profile), NULL);
}

int
doctor_command(struct cli *c, const struct args *a)
{
	struct doctor d = { .cli = c };
	cleanup_json json_t *out = NULL;

	if (cli_need_profile(c) != 0)
		return EXIT_FAILED;
	look_around(&d);
	for (size_t i = 0; i < COUNT(checks); i++)
		checks[i](&d);
	out = json_pack("{s:O, s:I, s:I}", "rows", d.rows, "failures", (json_int_t)d.count[FAIL],
	    "warnings", (json_int_t)d.count[WARN]);
	if (arg_has(a, "json"))
		print_json(stdout, out);
	else
		print_rows(&d);
	json_decref(d.rows);
	json_decref(d.config);
	json_decref(d.engine);
	json_decref(d.init);
	return d.count[FAIL] > 0 ? EXIT_FAILED : 0;
}
