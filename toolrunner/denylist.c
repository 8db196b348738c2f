/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See denylist.h. Paths are compared element by element, so a bare /etc is
 * as denied as what is below it, and no name that merely begins alike is.
 * Rules up to skill-secrets are the specification's and its vectors pin
 * their names; those behind close the holes that it lists.
 */
#include "toolrunner/denylist.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "common/mem.h"
#include "common/paths.h"
#include "toolrunner/approve.h"

#define LINKS_MAX	40
#define ELEMENTS_MAX	(PATH_MAX / 2 + 1)

/*
 * Elements are separated by slashes. A first slash begins at the root, else
 * any directory will do. "*" and "?" stay within an element; "**" is any
 * number of elements, none included; "@" is a home of alpi: the machine
 * root, a directory .alpi, or a profile in one of these.
 */
static const struct rule {
	const char	*id, *pattern;
	bool		 exact_case;
	const char	*unless;		/* patterns of what is allowed all the same, blank-separated */
} rules[] = {
	{ "exact:/var/run/docker.sock", "/var/run/docker.sock", true, NULL },
	{ "exact:/run/docker.sock", "/run/docker.sock", true, NULL },
	{ "prefix:/etc/", "/etc/**", true, NULL },
	{ "prefix:/boot/", "/boot/**", true, NULL },
	{ "prefix:/sys/", "/sys/**", true, NULL },
	{ "prefix:/proc/", "/proc/**", true, NULL },
	{ "prefix:/usr/lib/systemd/", "/usr/lib/systemd/**", true, NULL },
	{ "prefix:/System/", "/System/**", true, NULL },
	{ "prefix:/private/etc/", "/private/etc/**", true, NULL },
	{ "ssh-key", ".ssh/**/id_*", false, NULL },
	{ "ssh-key", ".ssh/**/*_key", false, NULL },
	{ "ssh-key", ".ssh/**/*_ed25519", false, NULL },
	{ "ssh-authorized", ".ssh/authorized_keys", false, NULL },
	{ "pem-p12-pfx", "*.pem", false, NULL },
	{ "pem-p12-pfx", "*.p12", false, NULL },
	{ "pem-p12-pfx", "*.pfx", false, NULL },
	{ "aws", ".aws/credentials", false, NULL },
	{ "aws", ".aws/config", false, NULL },
	{ "gnupg", ".gnupg/**", false, NULL },
	{ "rc-credentials", ".netrc", false, NULL },
	{ "rc-credentials", ".npmrc", false, NULL },
	{ "rc-credentials", ".pypirc", false, NULL },
	{ "rc-credentials", ".pgpass", false, NULL },
	{ "gh-gcloud", ".config/gh/**", false, NULL },
	{ "gh-gcloud", ".config/gcloud/**", false, NULL },
	{ "shell-rc", ".bashrc", false, NULL },
	{ "shell-rc", ".zshrc", false, NULL },
	{ "shell-rc", ".bash_profile", false, NULL },
	{ "shell-rc", ".zprofile", false, NULL },
	{ "shell-rc", ".zlogin", false, NULL },
	{ "shell-rc", ".profile", false, NULL },
	{ "launchd", "Library/LaunchAgents/**", false, NULL },
	{ "launchd", "Library/LaunchDaemons/**", false, NULL },
	{ "profile-config", "@/config.yaml", true, NULL },
	{ "dotenv", ".env*", false, ".env.example .env.sample .env.template .env.dist" },
	{ "skill-secrets", "skills/*/*/secrets/**", false, NULL },
	/* ours */
	{ "ssh-other", ".ssh/**/*", false, ".ssh/known_hosts* .ssh/config .ssh/config.d/** .ssh/*.pub" },
	{ "key-suffix", "*.key", false, NULL },
	{ "kube", ".kube/**", false, NULL },
	{ "docker-config", ".docker/config.json", false, NULL },
	{ "git-credentials", ".git-credentials", false, NULL },
	{ "git-credentials", ".config/git/credentials", false, NULL },
	{ "shell-start", ".zshenv", false, NULL },
	{ "shell-start", ".zlogout", false, NULL },
	{ "shell-start", ".bash_login", false, NULL },
	{ "shell-start", ".bash_logout", false, NULL },
	{ "shell-start", ".config/fish/**", false, NULL },
	{ "autostart", ".config/autostart/**", false, NULL },
	{ "autostart", ".config/systemd/**", false, NULL },
	{ "autostart", ".local/share/systemd/**", false, NULL },
	{ "device", "/dev/**", true, NULL },
	{ "alpi-private", "@/host/**", true, NULL },
	{ "alpi-private", "@/secrets/**", true, NULL },
	{ "alpi-private", "@/alp/secrets/**", true, NULL },
	{ "alpi-private", "@/alp/peers.yaml", true, NULL },
	{ "alpi-private", "@/gateway/**", true, NULL },
	{ "alpi-private", "@/run/**", true, NULL },
	{ "alpi-private", "@/logs/audit/**", true, NULL },
};

struct elements {
	char	 text[PATH_MAX];		/* the path, its slashes cut */
	char	*at[ELEMENTS_MAX];
	size_t	 n;
};

/* ---- matching ----------------------------------------------------------------------------- */

static void
split(struct elements *e, const char *path)
{
	char *p = e->text;

	e->n = 0;
	snprintf(e->text, sizeof(e->text), "%s", path);
	while (*(p += strspn(p, "/")) != '\0') {
		if (strncmp(p, "./", 2) != 0 && strcmp(p, ".") != 0)
			e->at[e->n++] = p;
		if (*(p += strcspn(p, "/")) != '\0')
			*p++ = '\0';
	}
}

/* Does one element fit the first `len` bytes of a pattern? */
static bool
element_fits(const char *pattern, size_t len, const char *element, bool exact_case)
{
	char want[64], lower[NAME_MAX + 1];
	size_t i;

	snprintf(want, sizeof(want), "%.*s", (int)len, pattern);
	if (exact_case)
		return approve_glob(want, element);
	for (i = 0; element[i] != '\0' && i < NAME_MAX; i++)
		lower[i] = element[i] >= 'A' && element[i] <= 'Z' ? (char)(element[i] + 32) : element[i];
	lower[i] = '\0';
	for (i = 0; want[i] != '\0'; i++)
		want[i] = want[i] >= 'A' && want[i] <= 'Z' ? (char)(want[i] + 32) : want[i];
	return approve_glob(want, lower);
}

/* Do the elements from i on fit the whole rest of the pattern? A pattern holds at most one "**" here. */
static bool
rest_fits(const char *pattern, const struct elements *e, size_t i, bool exact_case)
{
	while (*pattern != '\0') {
		size_t len = strcspn(pattern, "/");
		const char *next = pattern + len + (pattern[len] == '/');

		if (len == 2 && strncmp(pattern, "**", 2) == 0) {
			if (*next == '\0')
				return true;
			for (; i <= e->n; i++)
				if (rest_fits(next, e, i, exact_case))
					return true;
			return false;
		}
		if (i >= e->n || !element_fits(pattern, len, e->at[i], exact_case))
			return false;
		i++;
		pattern = next;
	}
	return i == e->n;
}

/* The rest of an "@" pattern behind a home whose elements end at i; that home's profiles count too. */
static bool
home_fits(const char *pattern, const struct elements *e, size_t i, bool exact_case)
{
	if (rest_fits(pattern, e, i, exact_case))
		return true;
	return i + 1 < e->n && strcmp(e->at[i], "profiles") == 0 && rest_fits(pattern, e, i + 2, exact_case);
}

static bool
alpi_fits(const char *pattern, const struct elements *e, const struct elements *root, bool exact_case)
{
	size_t i;

	for (i = 0; i < e->n; i++)
		if (strcmp(e->at[i], ".alpi") == 0 && home_fits(pattern, e, i + 1, exact_case))
			return true;
	for (i = 0; i < root->n && i < e->n && strcmp(e->at[i], root->at[i]) == 0; i++)
		;
	return root->n > 0 && i == root->n && home_fits(pattern, e, i, exact_case);
}

static bool
pattern_fits(const char *pattern, const struct elements *e, const struct elements *root, bool absolute, bool exact_case)
{
	if (pattern[0] == '/')
		return absolute && rest_fits(pattern + 1, e, 0, exact_case);
	if (pattern[0] == '@')
		return alpi_fits(pattern + 2, e, root, exact_case);
	for (size_t i = 0; i < e->n; i++)
		if (rest_fits(pattern, e, i, exact_case))
			return true;
	return false;
}

static bool
excepted(const struct rule *r, const struct elements *e, const struct elements *root)
{
	char one[64];

	for (const char *p = r->unless; p != NULL && *p != '\0'; p += strcspn(p, " "), p += *p == ' ') {
		snprintf(one, sizeof(one), "%.*s", (int)strcspn(p, " "), p);
		if (pattern_fits(one, e, root, true, r->exact_case))
			return true;
	}
	return false;
}

static const char *
match(const char *path, const char *root)
{
	struct elements e, home;

	split(&e, path);
	split(&home, root == NULL ? "" : root);
	for (size_t i = 0; i < COUNT(rules); i++)
		if (pattern_fits(rules[i].pattern, &e, &home, path[0] == '/', rules[i].exact_case) && !excepted(&rules[i], &e, &home))
			return rules[i].id;
	return NULL;
}

const char *
denylist_match(const char *path, const struct denylist_env *env)
{
	return match(path, env->root);
}

/* ---- resolving ---------------------------------------------------------------------------- */

static int
real_readlink(void *arg, const char *path, char *out, size_t size)
{
	ssize_t n = readlink(path, out, size - 1);

	if (n >= 0)
		out[n] = '\0';
	return (int)n;
}

/* Take the last element off an absolute path without a slash at its end. */
static void
go_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash != NULL)
		*slash = '\0';
}

/*
 * Follow links and dots of an absolute path; what does not exist is taken as
 * written. 0, or -1 for a loop or when it grows too long.
 */
static int
resolve(const char *path, const struct denylist_env *env, char out[PATH_MAX], struct error *e)
{
	char rest[2 * PATH_MAX], target[PATH_MAX], next[2 * PATH_MAX];
	int links = 0, n;

	out[0] = '\0';
	snprintf(rest, sizeof(rest), "%s", path);
	while (rest[0] != '\0') {
		char *element = rest + strspn(rest, "/"), *end = element + strcspn(element, "/");
		size_t len = (size_t)(end - element), have = strlen(out);

		if (len == 2 && strncmp(element, "..", 2) == 0)
			go_up(out);
		else if (len > 0 && !(len == 1 && *element == '.')) {
			if (have + len + 2 > PATH_MAX)
				return error_set(e, ERR_invalid, "the path is too long");
			out[have] = '/';
			memcpy(out + have + 1, element, len);
			out[have + 1 + len] = '\0';
			n = (env->readlink != NULL ? env->readlink : real_readlink)(env->arg, out, target, sizeof(target));
			if (n >= 0) {
				if (++links > LINKS_MAX)
					return error_set(e, ERR_invalid, "too many symbolic links in the path");
				if (snprintf(next, sizeof(next), "%s%s", target, end) >= (int)sizeof(next))
					return error_set(e, ERR_invalid, "the path is too long");
				if (target[0] == '/')
					out[0] = '\0';
				else
					go_up(out);
				memcpy(rest, next, sizeof(rest));
				continue;
			}
		}
		memmove(rest, end, strlen(end) + 1);
	}
	if (out[0] == '\0')
		strcpy(out, "/");
	return 0;
}

int
denylist_check(const char *path, const struct denylist_env *env, const char **rule, char **resolved, struct error *e)
{
	cleanup_free char *expanded = env->person != NULL ? path_expand(path, env->person) : xstrdup(path), *joined = NULL;
	char real[PATH_MAX], root[PATH_MAX] = "";
	const char *forms[3], *hit = NULL;

	joined = expanded[0] == '/' ? xstrdup(expanded) : path_join(env->workspace, expanded);
	if (strlen(joined) >= PATH_MAX || strlen(path) >= PATH_MAX)
		return error_set(e, ERR_invalid, "the path is too long");
	if (resolve(joined, env, real, e) == -1 || (env->root != NULL && resolve(env->root, env, root, e) == -1))
		return -1;
	forms[0] = expanded;
	forms[1] = joined;
	forms[2] = real;
	for (size_t i = 0; i < COUNT(forms) && hit == NULL; i++)
		if ((hit = match(forms[i], env->root)) == NULL)
			hit = match(forms[i], root);
	if (rule != NULL)
		*rule = hit;
	if (resolved != NULL)
		*resolved = xstrdup(real);
	return hit != NULL;
}
