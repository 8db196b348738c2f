/* SPDX-License-Identifier: Apache-2.0 */
/* See eligible.h. */
#include "engined/eligible.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

#if defined(__APPLE__)
#define PLATFORM "macos"
#elif defined(_WIN32)
#define PLATFORM "windows"
#else
#define PLATFORM "linux"
#endif

/* Where what skills run is looked for: the PATH that toolrunner gives. */
static const char tools_path[] = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

static void
lacks(struct buf *b, const char *what, const char *name)
{
	buf_addf(b, "%s%s %.100s", b->len > 0 ? ", " : "", what, name);
}

/* Is it among the names, each of which has a blank before it? */
static bool
is_set(const char *names, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = names; p != NULL && (p = strchr(p, ' ')) != NULL; p++)
		if (strncmp(p + 1, name, n) == 0 && (p[1 + n] == ' ' || p[1 + n] == '\0'))
			return true;
	return false;
}

static void
look_env(const struct eligible *el, const struct skill *s, struct buf *out)
{
	char **names = skill_declared(s->text, s->len);

	for (char **p = names; *p != NULL; p++)
		if (skill_variable_refused(*p))
			buf_addf(out, "%svariable %.100s (no skill is ever given it)", out->len > 0 ? ", " : "", *p);
		else if (!is_set(el->env, *p))
			lacks(out, "variable", *p);
	skill_words_free(names);
}

/* We may not read programs; whether one is there can be seen all the same. */
static bool
is_program(const char *name)
{
	cleanup_free char *dirs = xstrdup(tools_path);
	char *rest = dirs, *dir;
	struct stat st;

	while ((dir = strsep(&rest, ":")) != NULL) {
		cleanup_free char *file = xasprintf("%s/%s", dir, name);

		if (access(file, X_OK) == 0 && stat(file, &st) == 0 && S_ISREG(st.st_mode))
			return true;
	}
	return false;
}

/* Could it be the name of a program or of a setting? What could not asks for nothing. */
static bool
is_word(const char *s)
{
	return s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-")] == '\0';
}

static void
look_bins(const struct eligible *el, const struct skill *s, struct buf *out)
{
	char **names = front_list(&s->front, "requires_bins");

	for (char **p = names; *p != NULL; p++)
		if (is_word(*p) && !is_program(*p))
			lacks(out, "program", *p);
	skill_words_free(names);
}

static void
look_platform(const struct eligible *el, const struct skill *s, struct buf *out)
{
	static const char *const known[] = { "macos", "linux", "windows" };
	char **names = front_list(&s->front, "platforms");
	bool any = false, ours = false;

	for (char **p = names; *p != NULL; p++) {
		for (size_t i = 0; i < COUNT(known); i++)
			any |= strcmp(*p, known[i]) == 0;
		ours |= strcmp(*p, PLATFORM) == 0;
	}
	if (any && !ours)
		lacks(out, "platform", front_get(&s->front, "platforms"));
	skill_words_free(names);
}

static bool
is_empty(const json_t *v)
{
	return v == NULL || json_is_null(v) || (json_is_string(v) && json_string_length(v) == 0) ||
	    (json_is_array(v) && json_array_size(v) == 0) || (json_is_object(v) && json_object_size(v) == 0);
}

/* Who writes down what would be so anyway has decided it. */
static void
look_config(const struct eligible *el, const struct skill *s, struct buf *out)
{
	char **keys = front_list(&s->front, "requires_config");

	for (char **p = keys; *p != NULL; p++)
		if (is_word(*p) && is_empty(json_at(el->config, *p)))
			lacks(out, "setting", *p);
	skill_words_free(keys);
}

char *
eligible_missing(const struct eligible *el, const struct skill *s)
{
	static void (*const looks[])(const struct eligible *, const struct skill *, struct buf *) = {
		look_env, look_bins, look_platform, look_config };
	struct buf b = BUF(0);

	for (size_t i = 0; i < COUNT(looks); i++)
		looks[i](el, s, &b);
	if (b.len > 0)
		return buf_take(&b);
	buf_clear(&b);
	return NULL;
}
