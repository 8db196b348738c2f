/* SPDX-License-Identifier: Apache-2.0 */
/* See rules_own.h: what the words of a command name, by their text alone; no file is looked at. */
#include "toolrunner/rules_own.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "common/mem.h"

const char *
find_text(const char *text, const char *needle, bool bound)
{
	size_t n = strlen(needle);

	for (; *text != '\0'; text++)
		if (strncasecmp(text, needle, n) == 0 &&
		    !(bound && (isalnum((unsigned char)text[n]) || text[n] == '_')))
			return text;
	return NULL;
}

const char *
clean_path(const char *text, char out[PATH_MAX])
{
	size_t n = 0;

	if (strlen(text) >= PATH_MAX)
		return text;
	while (*text != '\0') {
		size_t len = strcspn(text, "/");

		if (*text == '/') {
			if (n == 0 || out[n - 1] != '/')
				out[n++] = '/';
			text++;
			continue;
		}
		if (len == 2 && text[0] == '.' && text[1] == '.' && n > 1) {
			for (n--; n > 0 && out[n - 1] != '/'; n--)
				;
			out[n] = '\0';
		} else if (!(len == 2 && strncmp(text, "..", 2) == 0 && n == 1 && out[0] == '/') &&
		    !(len == 1 && *text == '.' && (n > 0 || text[1] == '/'))) {
			memcpy(out + n, text, len);
			n += len;
		}
		text += len;
	}
	out[n] = '\0';
	return out;
}

bool
below(const char *path, const char *dir)
{
	size_t n = strlen(dir);

	return strncasecmp(path, dir, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

bool
sensitive(const struct word *w)
{
	return w->text[0] == '/' || (w->flags & WORD_HOME) || find_text(w->text, "$ALPI_HOME", true) == w->text;
}

bool
system_path(const char *text)
{
	static const char *const dirs[] = { "/etc", "/var", "/usr", "/boot", "/sys", "/proc" };
	char path[PATH_MAX];

	text = clean_path(text, path);
	for (size_t i = 0; i < COUNT(dirs); i++)
		if (below(text, dirs[i]))
			return true;
	return false;
}

static const struct {
	const char	*text;
	bool		 bound;
} credentials[] = {
	{ ".ssh/id_", false }, { ".pem", true }, { ".p12", true }, { ".pfx", true }, { "id_rsa", true }, { "id_dsa", true },
	{ "id_ecdsa", true }, { "id_ed25519", true }, { ".aws/credentials", true }, { ".gnupg", true }, { ".netrc", true },
	{ ".pgpass", true }, { ".npmrc", true }, { ".pypirc", true }, { ".git-credentials", true }, { ".kube/config", true },
	{ ".docker/config.json", true }, { ".config/gh/", false }, { ".config/gcloud/", false },
};

/* What a pattern like ~/.s?h/id_* would find. */
static const struct {
	const char	*dir, *name;
} samples[] = {
	{ ".ssh", "id_rsa" }, { ".ssh", "id_ed25519" }, { ".aws", "credentials" }, { ".gnupg", "secring.gpg" },
	{ NULL, "id_rsa" }, { NULL, "id_ed25519" }, { NULL, ".netrc" }, { NULL, ".pgpass" }, { NULL, ".npmrc" },
	{ NULL, ".pypirc" }, { NULL, ".git-credentials" },
}, profile_samples[] = {
	{ ".alpi", ".env" }, { ".alpi", "config.yaml" },
};

/* A pattern's last two elements against a sample; bare names need three letters in common with the pattern. */
static bool
sampled(const char *path, const char *dir, const char *name)
{
	const char *last = strrchr(path, '/'), *end = last, *prev;
	char element[NAME_MAX + 1];
	size_t literal = 0;

	last = last == NULL ? path : last + 1;
	for (const char *p = last; *p != '\0'; p++)
		literal += strchr("*?[]", *p) == NULL;
	if ((last[0] != '.' && name[0] == '.') || !approve_glob(last, name))
		return false;
	if (dir == NULL)
		return literal >= 3;
	if (end == NULL)
		return false;
	for (prev = end; prev > path && prev[-1] != '/'; prev--)
		;
	if (end == prev || (size_t)(end - prev) > NAME_MAX || *prev != '.')
		return false;
	memcpy(element, prev, (size_t)(end - prev));
	element[end - prev] = '\0';
	return approve_glob(element, dir);
}

bool
names_credential(const struct word *w)
{
	char path[PATH_MAX];
	const char *text = clean_path(w->text, path);

	for (size_t i = 0; i < COUNT(credentials); i++)
		if (find_text(text, credentials[i].text, credentials[i].bound) != NULL)
			return true;
	for (size_t i = 0; w->flags & WORD_GLOB && i < COUNT(samples); i++)
		if (sampled(text, samples[i].dir, samples[i].name))
			return true;
	return false;
}

bool
names_certificate(const char *text)
{
	const char *base = strrchr(text, '/'), *ext = find_text(text, ".pem", true);

	base = base == NULL ? text : base + 1;
	return ext != NULL && ext[4] == '\0' && find_text(text, ".ssh/", false) == NULL && find_text(base, "key", false) == NULL &&
	    (strncasecmp(base, "ca", 2) == 0 || find_text(base, "cert", false) != NULL || find_text(base, "chain", false) != NULL);
}

bool
names_profile(const struct word *w)
{
	char clean[PATH_MAX];
	const char *text = clean_path(w->text, clean), *p;

	for (size_t i = 0; w->flags & WORD_GLOB && i < COUNT(profile_samples); i++)
		if (sampled(text, profile_samples[i].dir, profile_samples[i].name))
			return true;
	if ((p = find_text(text, ".alpi/", false)) != NULL)
		p += strlen(".alpi/");
	else if ((p = find_text(text, "$ALPI_HOME/", false)) != NULL)
		p += strlen("$ALPI_HOME/");
	else
		return false;
	if (strncasecmp(p, "profiles/", 9) == 0) {
		p += 9 + strcspn(p + 9, "/");
		p += *p == '/';
	}
	return find_text(p, ".env", true) == p || find_text(p, "config.yaml", true) == p;
}
