/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `alpi peers setup`: pin one other alpi. It shows what to give away, takes
 * what came back, and offers the least that could be of use first: whoever
 * is pinned can call only what is chosen here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/setup.h"
#include "cli/text.h"
#include "common/json.h"
#include "common/mem.h"

static const struct {
	const char *methods[4], *what;
} sets[] = {
	{ { "link.ping" }, "see that this alpi is there, nothing else" },
	{ { "link.ping", "link.ask" }, "also ask it: a turn of this agent, at your cost, with its tools" },
	{ { "link.ping", "link.put_blob", "link.get_blob" }, "also leave files here, and fetch files it knows the hash of" },
	{ { "link.ping", "link.ask", "link.put_blob", "link.get_blob" }, "all of these" },
};

static json_t *
call(struct cli *c, const char *method, json_t *params, struct error *e)
{
	json_object_set_new(params, "profile", json_string(c->profile));
	return client_call(c, method, params, e);
}

/* The number of a set; -1 at the end of input or for what is none. */
static int
ask_set(void)
{
	cleanup_free char *answer = NULL;
	long at;

	printf("What may the peer do here?\n");
	for (size_t i = 0; i < COUNT(sets); i++)
		printf("  %zu  %s\n", i + 1, sets[i].what);
	if ((answer = setup_ask("Number", "1")) == NULL)
		return -1;
	at = strtol(answer, NULL, 10);
	return at >= 1 && at <= (long)COUNT(sets) ? (int)at - 1 : -1;
}

static json_t *
ask_peer(const char *key)
{
	cleanup_free char *id = NULL, *address = NULL;
	json_t *params;
	int set;

	if ((id = setup_ask("A short name for the peer", NULL)) == NULL || *id == '\0')
		return NULL;
	printf("Where does it listen, as HOST:PORT? Empty: it is another profile of this machine.\n");
	if ((address = setup_ask("Address", NULL)) == NULL || (set = ask_set()) == -1)
		return NULL;
	params = json_pack("{s:s, s:s, s:[]}", "id", id, "pubkey", key, "allow");
	for (size_t i = 0; i < COUNT(sets[set].methods) && sets[set].methods[i] != NULL; i++)
		json_array_append_new(json_object_get(params, "allow"), json_string(sets[set].methods[i]));
	if (*address != '\0')
		json_object_set_new(params, "address", json_string(address));
	return params;
}

/* The other side may not have pinned us yet: that is no failure. */
static void
try_ping(struct cli *c, const char *id)
{
	cleanup_json json_t *r = call(c, "host.peers.ping", json_pack("{s:s}", "peer_id", id), NULL);
	cleanup_free char *reason = text_line(json_str(r, "reason", "no answer"), 200);

	if (strcmp(json_str(r, "status", ""), "on") == 0)
		printf("%s answers.\n", id);
	else
		printf("%s does not answer yet (%s). Once it has pinned your key: alpi peers ping %s\n", id, reason, id);
}

static int
pin(struct cli *c, struct error *e)
{
	cleanup_json json_t *own = call(c, "host.peers.list", json_object(), e), *params = NULL, *done = NULL;
	cleanup_free char *key = NULL, *id = NULL;

	if (own == NULL)
		return -1;
	printf("Your key, for the other side to pin:\n\n  %s\n\n", json_str(own, "key", ""));
	if (json_str(own, "listen", NULL) != NULL)
		printf("You listen at %s.\n", json_str(own, "listen", ""));
	else
		printf("You can be reached from this machine only: %s\n", json_str(own, "listen_off", "TCP is off"));
	if ((key = setup_ask("The key of the peer (empty: stop here)", NULL)) == NULL || *key == '\0')
		return 0;
	if ((params = ask_peer(key)) == NULL)
		return error_set(e, ERR_cancelled, "nobody was pinned");
	id = xstrdup(json_str(params, "id", ""));
	if ((done = call(c, "host.peers.add", json_incref(params), e)) == NULL)
		return -1;
	printf("pinned %s\n", id);
	try_ping(c, id);
	return 0;
}

int
peers_setup_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };

	if (!isatty(STDIN_FILENO))
		return cli_usage(a, "without a terminal: alpi peers key, and alpi peers add ID KEY");
	return pin(c, &e) == -1 ? cli_fail(&e) : 0;
}
