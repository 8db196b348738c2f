/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi-hostd --settings ROOT`: reads and writes config.yaml, .env and the
 * set of profiles below one root, by orders from hostd and nobody else. It
 * may touch every file there, so it does nothing that its table does not
 * name, checks names and values anew, and never hands out a key.
 */
#include "hostd/settings.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/restrict.h"
#include "hostd/settings_orders.h"

const char *
order_param(const struct order_job *j, const char *name)
{
	return json_str(j->params, name, "");
}

json_t *
order_done(int result)
{
	return result == -1 ? NULL : json_object();
}

static const struct {
	const char	*name;
	json_t		*(*fn)(const struct order_job *, struct error *);
	bool		 needs_home;
} orders[] = {
	{ "profiles",		order_profiles,		false },
	{ "summaries",		order_summaries,	false },
	{ "device_name",	order_device_name,	false },
	{ "detail",		order_detail,		true },
	{ "storage",		order_storage,		true },
	{ "set",		order_set,		true },
	{ "unset",		order_unset,		true },
	{ "allow",		order_allow,		true },
	{ "sandbox",		order_sandbox,		true },
	{ "add_ollama",		order_add_ollama,	true },
	{ "remove_ollama",	order_remove_ollama,	true },
	{ "env_set",		order_env_set,		true },
	{ "env_unset",		order_env_unset,	true },
	{ "gateways",		order_gateways,		true },
	{ "mail_accounts",	order_mail_accounts,	true },
	{ "gateway_config",	order_gateway_config,	true },
	{ "gateway_set",	order_gateway_set,	true },
	{ "gateway_clear",	order_gateway_clear,	true },
	{ "gateway_forget",	order_gateway_forget,	true },
	{ "create",		order_create,		false },
	{ "alp_begin",		order_alp_begin,	true },
	{ "remove",		order_remove,		true },
};

static int
find_home(struct order_job *j, struct error *e)
{
	const char *name = order_param(j, "profile");
	struct stat st;

	if (profile_check(name, e) == -1)
		return -1;
	j->home = profile_home(j->root, name);
	if (lstat(j->home, &st) == -1 || (!S_ISDIR(st.st_mode) && strcmp(name, "default") != 0))
		return error_set(e, ERR_not_found, "no profile %s", name);
	return 0;
}

static json_t *
carry_out(const char *root, const json_t *params, struct error *e)
{
	struct order_job j = { .root = root, .params = params };
	json_t *result = NULL;

	for (size_t i = 0; i < COUNT(orders); i++) {
		if (strcmp(orders[i].name, json_str(params, "order", "")) != 0)
			continue;
		if (!orders[i].needs_home || find_home(&j, e) == 0)
			result = orders[i].fn(&j, e);
		free(j.home);
		return result;
	}
	error_set(e, ERR_unsupported, "no such order");
	return NULL;
}

static int
answer(FILE *out, const char *root, const char *line, size_t len)
{
	struct error e = { .code = ERR_internal };
	cleanup_json json_t *params = json_parse(line, len, 32, &e);
	json_t *result = params == NULL ? NULL : carry_out(root, params, &e);
	cleanup_json json_t *whole = result != NULL ? json_pack("{s:o}", "result", result) :
	    json_pack("{s:{s:i, s:s}}", "error", "code", (int)e.code, "text", e.text);
	cleanup_free char *text = json_text(whole);

	return fprintf(out, "%s\n", text) < 0 || fflush(out) == EOF ? -1 : 0;
}

int
settings_child(int fd, const char *root)
{
	FILE *in = fdopen(fd, "r"), *out = fdopen(dup(fd), "w");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (in == NULL || out == NULL)
		return 1;
	while ((n = getline(&line, &size, in)) > 0) {
		if (answer(out, root, line, (size_t)n) == -1)
			break;
		explicit_bzero(line, (size_t)n);	/* it may have held a key */
	}
	free(line);
	fclose(in);
	fclose(out);
	return 0;
}

int
settings_main(int argc, char *argv[])
{
	struct error e = { 0 };

	if (argc != 3 || argv[2][0] != '/') {
		log_error("settings: alpi-hostd starts this");
		return 1;
	}
	/* hostd drains on SIGTERM and may need us until its end, which shows as end of file. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	umask(0077);
	tzset();	/* the zone's file is out of reach later */
	if (restrict_path(argv[2], "rw!", &e) == -1 || restrict_self("stdio files", &e) == -1) {
		log_error("settings: %s", e.text);
		return 1;
	}
	return settings_child(STDIN_FILENO, argv[2]);
}
