/* SPDX-License-Identifier: Apache-2.0 */
/* See knowledge.h. The pages are those a person reads with man(1), as Markdown; a topic is some of them. */
#include "engined/knowledge.h"

#include <string.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

static const struct page {
	const char	*name, *text;
} pages[] = {
#include "engined/pages.inc"
};

static const struct topic {
	const char	*name, *about, *pages;	/* a blank between two */
} topics[] = {
	{ "readme",	   "what alpi is, and the picture of its processes", "README.md" },
	{ "quickstart",	   "the commands of alpi, from the first chat on", "alpi.1" },
	{ "install",	   "building, installing, running as a service", "README.md alpi-init.8" },
	{ "profiles",	   "profiles, their files and where they lie", "alpi.7 alpi.1" },
	{ "skills",	   "what of a profile's skills is used", "alpi.7 alpi-engined.8" },
	{ "tools",	   "the tools, the sandbox, approvals", "alpi-toolrunner.8 alpi-worker.8" },
	{ "models",	   "providers and models, how they are chosen and asked", "alpi.yaml.5 alpi-engined.8" },
	{ "alp",	   "links to other alpis: peers, mentions, files", "alpi-alpd.8" },
	{ "architecture",  "the processes, and what they say to each other", "alpi.7 alpi-proto.7" },
	{ "config",	   "every key of config.yaml", "alpi.yaml.5" },
	{ "security",	   "what is protected from whom, and how", "alpi-security.7" },
	{ "deployments",   "running the daemons: units, restarts, logs", "alpi-init.8 alpi-init-plan.8" },
	{ "operations",	   "looking after a running alpi", "alpi.1 alpi-init.8" },
	{ "organization",  "several alpis that work together", "alpi-alpd.8" },
	{ "integrations",  "what other programs can talk to", "alpi-hostd.8 alpi-proto.7" },
	{ "notifications", "what clients are told, and how", "alpi-hostd.8" },
};

static char *
list(void)
{
	struct buf b = BUF(0);

	buf_puts(&b, "Topics; view one with {\"action\":\"view\",\"topic\":\"...\"}:\n");
	for (size_t i = 0; i < COUNT(topics); i++)
		buf_addf(&b, "%s: %s\n", topics[i].name, topics[i].about);
	return buf_take(&b);
}

static void
add_page(struct buf *b, const char *name)
{
	for (size_t i = 0; i < COUNT(pages); i++)
		if (strcmp(pages[i].name, name) == 0)
			buf_addf(b, "%s%s", b->len > 0 ? "\n" : "", pages[i].text);
}

static char *
view(const struct topic *t)
{
	cleanup_free char *copy = xstrdup(t->pages);
	char *rest = copy, *name;
	struct buf b = BUF(0);

	while ((name = strsep(&rest, " ")) != NULL)
		add_page(&b, name);
	return buf_take(&b);
}

static void
no_topic(const char *name, struct error *e)
{
	cleanup_buf struct buf b = BUF(0);

	for (size_t i = 0; i < COUNT(topics); i++)
		buf_addf(&b, "%s%s", i > 0 ? " " : "", topics[i].name);
	error_set(e, ERR_not_found, "alpi_knowledge: no topic \"%.64s\"; there are: %s", name, buf_str(&b));
}

char *
knowledge_call(const json_t *args, struct error *e)
{
	const char *action = json_str(args, "action", "index"), *topic = json_str(args, "topic", "");

	if (strcmp(action, "index") == 0)
		return list();
	if (strcmp(action, "view") != 0) {
		error_set(e, ERR_invalid, "alpi_knowledge: \"action\" is index or view");
		return NULL;
	}
	for (size_t i = 0; i < COUNT(topics); i++)
		if (strcmp(topics[i].name, topic) == 0)
			return view(&topics[i]);
	no_topic(topic, e);
	return NULL;
}
