/* SPDX-License-Identifier: Apache-2.0 */
/* The doctor's rows about message platforms (spec/gateway.md, section 14). */
#include <string.h>

#include "cli/client.h"
#include "cli/doctor.h"
#include "common/config.h"
#include "common/gateways.h"
#include "common/json.h"
#include "common/mem.h"

static const char *
label_of(const char *name)
{
	const struct gateway_kind *kind = gateway_kind_find(name);

	return kind != NULL ? kind->label : name;
}

/* What a platform that works cannot do; "". */
static const char *
limit_of(const char *name)
{
	return strcmp(name, "matrix") == 0 ? " (encrypted rooms cannot be read)" : "";
}

/* What is configured is tried, each with its own servers. */
static void
check_gateway(struct doctor *d, const json_t *g)
{
	const char *name = json_str(g, "name", ""), *status = json_str(g, "status", ""), *why = json_str(g, "why", "");
	const char *label = label_of(name);
	cleanup_json json_t *probe = NULL;
	struct error e = { 0 };

	if (strcmp(status, "off") == 0) {
		doctor_row(d, "Gateways", label, INFO, "off: %s", why);
		return;
	}
	probe = client_call(d->cli, "host.gateway.probe", json_pack("{s:s, s:s}", "profile", d->cli->profile, "name", name), &e);
	if (probe == NULL || strcmp(json_str(probe, "status", ""), "ok") != 0)
		doctor_row(d, "Gateways", label, FAIL, "%s", probe == NULL ? e.text : json_str(probe, "reason", ""));
	else if (strcmp(status, "healthy") != 0)
		doctor_row(d, "Gateways", label, WARN, "%s, %s after %lld failures: %s", json_str(probe, "who", ""), status,
		    (long long)json_int(g, "failures", 0), why);
	else
		doctor_row(d, "Gateways", label, *why != '\0' ? WARN : OK, "%s%s%s%s", json_str(probe, "who", ""), limit_of(name), *why != '\0' ? ": " : "", why);
}

/* Of platforms that bring recordings; none is a fault that a person did not choose. */
static void
check_hearing(struct doctor *d)
{
	const char *stop = json_str(d->engine, "speech_stop", "");

	doctor_row(d, "Gateways", "Voice notes", *stop == '\0' ? OK : strchr(config_str(d->config, "tools.stt.model"), '/') != NULL ? FAIL : INFO,
	    "%s", *stop == '\0' ? json_str(d->engine, "speech", "") : stop);
}

void
doctor_gateways(struct doctor *d)
{
	cleanup_json json_t *all = d->engine == NULL ? NULL :
	    client_call(d->cli, "host.gateway.status", json_pack("{s:s}", "profile", d->cli->profile), NULL);
	size_t i, configured = 0;
	bool records = false;
	json_t *g;

	json_array_foreach(json_object_get(all, "gateways"), i, g) {
		const char *missing = json_str(g, "missing", NULL), *name = json_str(g, "name", "");

		if (json_bool(g, "configured", false) && ++configured) {
			check_gateway(d, g);
			records |= strcmp(name, "telegram") == 0 || strcmp(name, "matrix") == 0;
		} else if (missing != NULL && ++configured)	/* some of what it needs is there */
			doctor_row(d, "Gateways", label_of(name), INFO, "not configured: %s is missing", missing);
	}
	if (records)
		check_hearing(d);
	if (configured == 0 && d->engine != NULL)
		doctor_row(d, "Gateways", "Platforms", INFO, "none configured (alpi gateway enable NAME)");
}
