/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi setup`: provider, key, model, workspace, by questions or by options.
 * Every change goes through hostd; at the end the engine itself is asked
 * whether it could answer now. A key is never printed and, typed, never
 * echoed.
 */
#include "cli/setup.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/gateway.h"
#include "cli/probe.h"
#include "cli/request.h"
#include "cli/text.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"

struct provider {
	const char *name, *key, *what, *model;
};

static const struct provider providers[] = {
	{ "openai", "OPENAI_API_KEY", "OpenAI", "gpt-5.4-mini" },
	{ "openrouter", "OPENROUTER_API_KEY", "OpenRouter (models of many makers)", NULL },
	{ "groq", "GROQ_API_KEY", "Groq", NULL },
	{ "anthropic", "ANTHROPIC_API_KEY", "Anthropic", "claude-sonnet-4-6" },
	{ "gemini", "GEMINI_API_KEY", "Google Gemini", "gemini-2.5-flash" },
	{ "ollama", NULL, "Ollama, or another OpenAI-compatible server", NULL },
	{ "offline", NULL, "no model: a rule-based stand-in to try alpi without one", "rules" },
};

/* What is to be set; NULL: leave as it is. */
struct choice {
	char *provider, *key, *url, *model, *workspace;
};

static void
choice_clear(struct choice *h)
{
	free(h->provider);
	if (h->key != NULL)
		explicit_bzero(h->key, strlen(h->key));
	free(h->key);
	free(h->url);
	free(h->model);
	free(h->workspace);
}

static const struct provider *
provider_find(const char *name)
{
	for (size_t i = 0; i < COUNT(providers); i++)
		if (name != NULL && strcmp(providers[i].name, name) == 0)
			return &providers[i];
	return NULL;
}

/* ---- carrying out ------------------------------------------------------------------------- */

static int
order(struct cli *c, const char *method, json_t *params, struct error *e)
{
	json_t *result;

	json_object_set_new(params, "profile", json_string(c->profile));
	if ((result = client_call(c, method, params, e)) == NULL)
		return -1;
	json_decref(result);
	return 0;
}

static int
set_key(struct cli *c, const struct choice *h, struct error *e)
{
	const struct provider *p = provider_find(h->provider);

	if (h->key == NULL)
		return 0;
	if (p == NULL || p->key == NULL)
		return h->provider == NULL ? error_set(e, ERR_invalid, "whose key is it? give --provider") :
		    error_set(e, ERR_invalid, "%s takes no key", h->provider);
	if (order(c, "host.providers.set_key", json_pack("{s:s, s:s}", "key", p->key, "value", h->key), e) == -1)
		return -1;
	printf("stored %s in %s/.env\n", p->key, c->home);
	return 0;
}

/* A server under a name that is taken is the newer one. */
static int
set_server(struct cli *c, const struct choice *h, struct error *e)
{
	const char *name = h->provider != NULL ? h->provider : "ollama";
	int result;

	if (h->url == NULL)
		return 0;
	if (provider_find(name) != NULL && provider_find(name)->key != NULL)
		return error_set(e, ERR_invalid, "%s is a fixed address; give a server another --provider name", name);
	result = order(c, "host.providers.add_ollama", json_pack("{s:s, s:s}", "name", name, "url", h->url), e);
	if (result == -1 && e->code == ERR_exists) {
		order(c, "host.providers.remove_ollama", json_pack("{s:s}", "name", name), e);
		result = order(c, "host.providers.add_ollama", json_pack("{s:s, s:s}", "name", name, "url", h->url), e);
	}
	if (result == 0)
		printf("server %s: %s\n", name, h->url);
	return result;
}

/* "gpt-5.4-mini" of openai is openai/gpt-5.4-mini; what already names its provider stays. */
static char *
full_model(const struct choice *h)
{
	size_t n = h->provider == NULL ? 0 : strlen(h->provider);

	if (n == 0 || (strncmp(h->model, h->provider, n) == 0 && h->model[n] == '/'))
		return xstrdup(h->model);
	return xasprintf("%s/%s", h->provider, h->model);
}

static int
set_field(struct cli *c, const char *key, const char *value, struct error *e)
{
	if (order(c, "host.config.set_field", json_pack("{s:s, s:s}", "key", key, "value", value), e) == -1)
		return -1;
	printf("%s: %s\n", key, value);
	return 0;
}

/* Names of the models a local Ollama has; NULL when it does not answer. */
static json_t *
ollama_models(const char *url)
{
	cleanup_json json_t *tags = probe_get(url, "/api/tags", 1000, NULL);
	const json_t *models = json_object_get(tags, "models");
	json_t *names = NULL, *row;
	size_t i;

	if (!json_is_array(models))
		return NULL;
	names = json_array();
	json_array_foreach(models, i, row)
		json_array_append_new(names, json_string(json_str(row, "name", "")));
	return names;
}

/* The model meant when none was named: the provider's usual one, or the first that a local server has. */
static int
choose_model(struct choice *h, struct error *e)
{
	const struct provider *p = provider_find(h->provider);
	cleanup_json json_t *local = NULL;

	if (h->model != NULL || h->provider == NULL)
		return 0;
	if (p != NULL && p->model != NULL)
		h->model = xstrdup(p->model);
	else if (h->url != NULL && (local = ollama_models(h->url)) != NULL)
		h->model = xstrdup0(json_string_value(json_array_get(local, 0)));
	if (h->model == NULL)
		return error_set(e, ERR_invalid, "which model of %s? give --model", h->provider);
	return 0;
}

static int
set_model(struct cli *c, const struct choice *h, struct error *e)
{
	cleanup_free char *model = h->model == NULL ? NULL : full_model(h);

	return model == NULL ? 0 : set_field(c, "model", model, e);
}

/* The folder itself, whole: a daemon does not stand where we do. */
static int
find_workspace(struct choice *h, struct error *e)
{
	cleanup_free char *person = home_person(), *wanted = NULL, *path = NULL;
	struct stat st;

	if (h->workspace == NULL)
		return 0;
	wanted = path_expand(h->workspace, person ? person : "/");
	if ((path = realpath(wanted, NULL)) == NULL || stat(path, &st) == -1)
		return error_errno(e, "workspace %s", wanted);
	if (!S_ISDIR(st.st_mode))
		return error_set(e, ERR_invalid, "workspace %s: no directory", path);
	if (access(path, W_OK) == -1)
		return error_errno(e, "workspace %s", path);
	free(h->workspace);
	h->workspace = steal(path);
	return 0;
}

static int
set_workspace(struct cli *c, const struct choice *h, struct error *e)
{
	return h->workspace == NULL ? 0 : set_field(c, "workspace", h->workspace, e);
}

/* Could it answer now? The engine itself says. */
static int
report(struct cli *c, struct error *e)
{
	cleanup_json json_t *s = client_call(c, "host.engine.status", json_pack("{s:s}", "profile", c->profile), e);
	const char *missing = json_str(s, "missing_key", ""), *broken = json_str(s, "config_error", "");
	const char *model = json_str(s, "model", "");
	cleanup_free char *alpi = strcmp(c->profile, "default") == 0 ? xstrdup("alpi") : xasprintf("alpi -p %s", c->profile);

	if (s == NULL)
		return -1;
	if (*broken != '\0')
		return error_set(e, ERR_invalid, "config.yaml: %s", broken);
	if (*model == '\0')
		return error_set(e, ERR_invalid, "no model is configured yet");
	if (*missing != '\0')
		return error_set(e, ERR_invalid, "%s is configured, but its key is missing: %s providers set-key %s -", model, alpi, missing);
	printf("ready: %s answers with %s\n", alpi, model);
	return 0;
}

static int
carry_out(struct cli *c, struct choice *h, struct error *e)
{
	if (find_workspace(h, e) == -1 || choose_model(h, e) == -1 || set_key(c, h, e) == -1 || set_server(c, h, e) == -1 ||
	    set_model(c, h, e) == -1 || set_workspace(c, h, e) == -1)
		return -1;
	return report(c, e);
}

/* ---- questions ---------------------------------------------------------------------------- */

char *
setup_ask(const char *question, const char *otherwise)
{
	char *line = NULL, *start;
	size_t size = 0, n;

	if (otherwise != NULL)
		printf("%s [%s]: ", question, otherwise);
	else
		printf("%s: ", question);
	fflush(stdout);
	if (getline(&line, &size, stdin) <= 0) {
		free(line);
		return NULL;
	}
	start = line + strspn(line, " \t");
	for (n = strlen(start); n > 0 && strchr(" \t\r\n", start[n - 1]) != NULL; n--)
		start[n - 1] = '\0';
	start = xstrdup(*start == '\0' && otherwise != NULL ? otherwise : start);
	free(line);
	return start;
}

static struct termios loud;	/* the terminal as it was before a secret is typed */

/* Nobody should be left with a terminal that shows nothing. */
static void
give_back(int sig)
{
	tcsetattr(STDIN_FILENO, TCSANOW, &loud);
	signal(sig, SIG_DFL);
	raise(sig);
}

char *
setup_ask_secret(const char *question)
{
	static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct termios quiet;
	bool changed = tcgetattr(STDIN_FILENO, &loud) == 0;
	char *answer;

	for (size_t i = 0; changed && i < COUNT(ends); i++)
		signal(ends[i], give_back);
	if (changed) {
		quiet = loud;
		quiet.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	}
	answer = setup_ask(question, NULL);
	if (changed)
		tcsetattr(STDIN_FILENO, TCSANOW, &loud);
	for (size_t i = 0; changed && i < COUNT(ends); i++)
		signal(ends[i], SIG_DFL);
	putchar('\n');
	return answer;
}

/* An answer that says something; NULL: the person stopped. */
static char *
ask_needed(const char *question, const char *otherwise, bool is_secret)
{
	char *answer;

	while ((answer = is_secret ? setup_ask_secret(question) : setup_ask(question, otherwise)) != NULL && *answer == '\0') {
		free(answer);
		printf("it cannot be empty; Ctrl-D leaves everything as it is\n");
	}
	return answer;
}

/* By its number in the list, or by its name; NULL: the person stopped. */
static const struct provider *
pick_provider(const char *otherwise)
{
	const struct provider *p = NULL;
	char *answer, *end;

	while (p == NULL && (answer = setup_ask("Number", otherwise)) != NULL) {
		unsigned long at = strtoul(answer, &end, 10);

		p = *end == '\0' && at >= 1 && at <= COUNT(providers) ? &providers[at - 1] : provider_find(answer);
		if (p == NULL)
			printf("a number from 1 to %zu\n", COUNT(providers));
		free(answer);
	}
	return p;
}

static const struct provider *
ask_provider(bool local)
{
	size_t first = 0;
	char otherwise[24];

	printf("Which model provider?\n");
	for (size_t i = 0; i < COUNT(providers); i++) {
		const char *set = providers[i].key ? getenv(providers[i].key) : NULL;
		bool here = (set != NULL && *set) || (local && strcmp(providers[i].name, "ollama") == 0);

		if (here && first == 0)
			first = i + 1;
		printf("  %zu  %s%s\n", i + 1, providers[i].what, !here ? "" : providers[i].key ?
		    " (its key is in your environment)" : " (one runs here)");
	}
	snprintf(otherwise, sizeof(otherwise), "%zu", first > 0 ? first : 1);
	return pick_provider(otherwise);
}

static int
ask_key(struct choice *h, const struct provider *p)
{
	const char *set = getenv(p->key);

	if (set != NULL && *set != '\0' && confirm("Use the key from your environment?"))
		h->key = xstrdup(set);
	else
		h->key = ask_needed(p->key, NULL, true);
	return h->key != NULL ? 0 : -1;
}

static int
ask_server(struct choice *h)
{
	cleanup_free char *usual = probe_ollama_url();
	cleanup_json json_t *models = NULL;
	size_t i;
	json_t *name;

	if ((h->url = setup_ask("Address", usual)) == NULL)
		return -1;
	if ((models = ollama_models(h->url)) == NULL)
		printf("nothing like Ollama answers there; any OpenAI-compatible server will do\n");
	json_array_foreach(models, i, name) {
		cleanup_free char *safe = text_line(json_string_value(name), 70);

		printf("  %s\n", safe);
	}
	h->model = ask_needed("Model", json_string_value(json_array_get(models, 0)), false);
	return h->model != NULL ? 0 : -1;
}

static int
ask_workspace(struct choice *h)
{
	struct error e = { 0 };

	printf("Where may tools read and write? Empty: wherever alpi is called.\n");
	while ((h->workspace = setup_ask("Workspace", NULL)) != NULL && *h->workspace != '\0') {
		if (find_workspace(h, &e) == 0)
			return 0;
		cli_fail(&e);
		free(steal(h->workspace));
	}
	if (h->workspace == NULL)
		return -1;
	free(steal(h->workspace));
	return 0;
}

static int
ask_choice(struct choice *h)
{
	cleanup_free char *url = probe_ollama_url();
	const struct provider *p = ask_provider(probe_reachable(url, 300));

	if (p == NULL)
		return -1;
	h->provider = xstrdup(p->name);
	if (p->key != NULL) {
		if (ask_key(h, p) == -1 || (h->model = ask_needed("Model", p->model, false)) == NULL)
			return -1;
	} else if (strcmp(p->name, "ollama") == 0 && ask_server(h) == -1) {
		return -1;
	}
	return ask_workspace(h);
}

int
setup_interactive(struct cli *c)
{
	struct error e = { 0 };
	struct choice h = { 0 };
	int result = ask_choice(&h);

	if (result == -1)
		error_set(&e, ERR_cancelled, "nothing was changed");
	else
		result = carry_out(c, &h, &e);
	choice_clear(&h);
	if (result == -1)
		cli_fail(&e);
	return result;
}

/* ---- options ------------------------------------------------------------------------------ */

static int
choice_from(struct choice *h, const struct args *a, struct error *e)
{
	h->provider = xstrdup0(arg_option(a, "provider"));
	h->key = arg_has(a, "key-stdin") ? request_text("-", e) : xstrdup0(arg_option(a, "key"));
	h->url = xstrdup0(arg_option(a, "url"));
	h->model = xstrdup0(arg_option(a, "model"));
	h->workspace = xstrdup0(arg_option(a, "workspace"));
	if (arg_has(a, "key-stdin") && h->key == NULL)
		return -1;
	if (h->key != NULL)
		h->key[strcspn(h->key, "\r\n")] = '\0';
	if (h->provider != NULL && strcmp(h->provider, "ollama") == 0 && h->url == NULL)
		h->url = probe_ollama_url();
	if (h->provider != NULL && provider_find(h->provider) == NULL && h->url == NULL)
		return error_set(e, ERR_invalid, "provider %s is not known; a server of your own needs --url", h->provider);
	return 0;
}

int
setup_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	struct choice h = { 0 };
	int result;

	if (a->ngiven == 0 || (a->ngiven == 1 && arg_has(a, "profile"))) {
		if (!isatty(STDIN_FILENO))
			return cli_usage(a, "without a terminal setup needs options");
		return setup_interactive(c) == -1 ? EXIT_FAILED : gateway_offer(c, a);
	}
	if (arg_has(a, "gateway"))
		return gateway_switch_on(c, a, arg_option(a, "gateway"));
	result = choice_from(&h, a, &e);
	if (result == 0)
		result = carry_out(c, &h, &e);
	choice_clear(&h);
	return result == -1 ? cli_fail(&e) : 0;
}
