/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What config.yaml says about the link, and the address to listen at that
 * follows from it (host-plane.md, "Bind derivation"). Nothing is sent to find
 * it out. A file that does not load opens nothing: no port, no turn.
 */
#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "alpd/alpd.h"
#include "common/config.h"
#include "common/json.h"
#include "common/log.h"
#include "common/mem.h"

#define PORT		7423
#define IDLE_S		60
#define TIME_MAX_S	86400
#define ANY		"0.0.0.0"

const char *alpd_container_marks[2] = { "/.dockerenv", "/run/.containerenv" };

/* ---- kinds of addresses ------------------------------------------------------------------------ */

enum reach { NOWHERE, OVERLAY, PRIVATE, PUBLIC, NAME };

static const struct {
	uint32_t	net, mask;
	enum reach	reach;
} ranges[] = {
	{ 0x00000000, 0xff000000, NOWHERE },	/* unspecified, "this network" */
	{ 0x7f000000, 0xff000000, NOWHERE },	/* loopback */
	{ 0xe0000000, 0xe0000000, NOWHERE },	/* multicast, reserved */
	{ 0x64400000, 0xffc00000, OVERLAY },	/* 100.64/10 */
	{ 0x0a000000, 0xff000000, PRIVATE },
	{ 0xac100000, 0xfff00000, PRIVATE },
	{ 0xc0a80000, 0xffff0000, PRIVATE },
	{ 0xa9fe0000, 0xffff0000, PRIVATE },	/* link-local */
};

static enum reach
reach_of_v4(const struct in_addr *a)
{
	uint32_t n = ntohl(a->s_addr);

	for (size_t i = 0; i < COUNT(ranges); i++)
		if ((n & ranges[i].mask) == ranges[i].net)
			return ranges[i].reach;
	return PUBLIC;
}

static enum reach
reach_of_v6(const struct in6_addr *a)
{
	if (IN6_IS_ADDR_UNSPECIFIED(a) || IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_MULTICAST(a) || IN6_IS_ADDR_LINKLOCAL(a))
		return NOWHERE;
	return (a->s6_addr[0] & 0xfe) == 0xfc ? PRIVATE : PUBLIC;
}

static enum reach
reach_of(const char *host)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (inet_pton(AF_INET, host, &v4) == 1)
		return reach_of_v4(&v4);
	return inet_pton(AF_INET6, host, &v6) == 1 ? reach_of_v6(&v6) : NAME;
}

/* ---- what this machine has ----------------------------------------------------------------------- */

static char *
text_of(const struct in_addr *a)
{
	char text[INET_ADDRSTRLEN];

	return xstrdup(inet_ntop(AF_INET, a, text, sizeof(text)));
}

/* The first address of an interface with this reach, or NULL. */
static char *
interface_address(enum reach wanted)
{
	struct ifaddrs *all, *i;
	char *found = NULL;

	if (getifaddrs(&all) == -1)
		return NULL;
	for (i = all; i != NULL && found == NULL; i = i->ifa_next) {
		const struct sockaddr_in *a = (const void *)i->ifa_addr;

		if (a != NULL && a->sin_family == AF_INET && (i->ifa_flags & IFF_UP) && reach_of_v4(&a->sin_addr) == wanted)
			found = text_of(&a->sin_addr);
	}
	freeifaddrs(all);
	return found;
}

/* The private address from which this machine would speak to the world: a UDP socket is connected, nothing is sent. */
static char *
outward_address(void)
{
	struct sockaddr_in far = { .sin_family = AF_INET, .sin_port = htons(53), .sin_addr.s_addr = htonl(0x08080808) }, own;
	cleanup_close int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(own);

	if (fd == -1 || connect(fd, (struct sockaddr *)&far, sizeof(far)) == -1 ||
	    getsockname(fd, (struct sockaddr *)&own, &len) == -1 || reach_of_v4(&own.sin_addr) != PRIVATE)
		return NULL;
	return text_of(&own.sin_addr);
}

static char *
detect(void)
{
	char *found = interface_address(OVERLAY);

	if (found == NULL)
		found = outward_address();
	return found != NULL ? found : interface_address(PRIVATE);
}

static bool
in_container(void)
{
	for (size_t i = 0; i < COUNT(alpd_container_marks); i++)
		if (access(alpd_container_marks[i], F_OK) == 0)
			return true;
	return false;
}

/* ---- the address to listen at ---------------------------------------------------------------------- */

static void
no_tcp(struct alpd_settings *s, const char *why)
{
	s->no_tcp = xstrdup(why);
}

static void
bind_detected(struct alpd_settings *s)
{
	if ((s->bind = detect()) == NULL)
		no_tcp(s, "this machine has no overlay or private address (network.host names another)");
}

static void
bind_configured(struct alpd_settings *s, const char *host, bool allow_public)
{
	switch (reach_of(host)) {
	case NOWHERE:
		no_tcp(s, "network.host is an address that no peer can reach");
		return;
	case OVERLAY:
	case PRIVATE:
		s->bind = xstrdup(host);
		return;
	case PUBLIC:
		if (!allow_public) {
			no_tcp(s, "network.host is public, and host.allow_public_bind is not set");
			return;
		}
		/* FALLTHROUGH */
	case NAME:
		s->bind = xstrdup(ANY);
	}
}

/* The root profile's port is known to all; others have one only where it was asked for. */
static int
port_of(const json_t *config, const char *profile)
{
	int64_t port = json_int(json_object_get(config, "alp"), "tcp_port", strcmp(profile, "default") == 0 ? PORT : 0);

	return port < 0 || port > 65535 ? -1 : (int)port;
}

static void
derive_bind(struct alpd_settings *s, const json_t *config, const char *profile)
{
	const char *literal = json_str(json_object_get(config, "alp"), "tcp_host", "");
	const char *host = config_str(config, "network.host");

	s->port = port_of(config, profile);
	if (s->port == -1)
		no_tcp(s, "alp.tcp_port is no port");
	else if (s->port == 0)
		no_tcp(s, "alp.tcp_port is not set");
	else if (literal[0] != '\0')
		s->bind = xstrdup(literal);
	else if (in_container())
		s->bind = xstrdup(ANY);
	else if (host[0] == '\0')
		bind_detected(s);
	else
		bind_configured(s, host, config_bool(config, "host.allow_public_bind"));
}

/* Seconds as milliseconds; what is no number of seconds is as if it were not there. */
static int64_t
seconds(const json_t *config, const char *name, int64_t otherwise)
{
	double s = json_num(json_object_get(config, "alp"), name, (double)otherwise);

	return (int64_t)((s >= 0 && s <= TIME_MAX_S ? s : (double)otherwise) * 1000);
}

int
alpd_settings_read(struct alpd_settings *s, const char *profile, const char *home, struct error *e)
{
	struct error broken = { 0 };
	cleanup_json json_t *config = config_load(home, &broken);
	const char *name;

	*s = (struct alpd_settings){ .idle_ms = IDLE_S * 1000, .paused = config == NULL };
	name = config == NULL ? "" : config_str(config, "public_name");
	s->agent_name = xstrdup(name[0] != '\0' ? name : profile);
	if (config == NULL) {
		log_warn("no peers over TCP and no turns of peers: %s", broken.text);
		no_tcp(s, broken.text);
		return 0;
	}
	s->paused = config_bool(config, "paused");
	s->idle_ms = seconds(config, "link_idle_timeout_s", IDLE_S);
	s->whole_ms = seconds(config, "link_max_duration_s", 0);
	derive_bind(s, config, profile);
	return 0;
}

void
alpd_settings_clear(struct alpd_settings *s)
{
	free(s->agent_name);
	free(s->bind);
	free(s->no_tcp);
	*s = (struct alpd_settings){ 0 };
}
