/* SPDX-License-Identifier: Apache-2.0 */
/* See skill.h. The main process cannot open the file; the launcher hands it a descriptor. */
#include "toolrunner/skill.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/skill.h"

#define SHOWN_MAX	16		/* skills of a turn */

static int
missing(const char *name, struct error *e)
{
	if (skill_variable_refused(name))
		return error_set(e, ERR_denied, "it declares %.64s, which no skill is ever given", name);
	return error_set(e, ERR_not_found, "it declares %.64s, which is not in .env, or was declared after alpi last read it: "
	    "alpi daemon reload", name);
}

json_t *
skill_env(const struct boot *boot, const char *text, size_t len, struct error *e)
{
	char **names = skill_declared(text, len);
	json_t *env = json_object();

	for (char **n = names; *n != NULL; n++) {
		const char *value = skill_variable_refused(*n) ? NULL : boot_secret(boot, *n);

		if (value == NULL || *value == '\0' || json_object_set_new(env, *n, json_string(value)) == -1) {
			missing(*n, e);
			json_decref(steal(env));
			break;
		}
	}
	skill_words_free(names);
	return env;
}

static int
read_all(int fd, struct buf *b, struct error *e)
{
	char chunk[16384];
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return error_set(e, ERR_invalid, "SKILL.md is not a file");
	while ((n = read(fd, chunk, sizeof(chunk))) > 0 || (n == -1 && errno == EINTR))
		if (n > 0 && buf_add(b, chunk, (size_t)n) == -1)
			return error_set(e, ERR_too_large, "SKILL.md is larger than %d bytes", SKILL_FILE_MAX);
	return n == 0 ? 0 : error_errno(e, "SKILL.md");
}

int
skill_take(const struct runner *r, const struct tool *t, const json_t *args, char **folder, json_t **env, struct error *e)
{
	const char *name = t->skill_arg == NULL ? NULL : json_str(args, t->skill_arg, ""), *category = NULL;
	cleanup_buf struct buf text = BUF(SKILL_FILE_MAX);
	cleanup_close int fd = -1;

	if (name == NULL)
		return 0;
	if (!skill_name_ok(name))
		return error_set(e, ERR_invalid, "%s: %.64s is no name of a skill", t->name, name);
	if ((fd = launcher_skill(r->launcher, name, &category, e)) == -1)
		return -1;
	if (t->box.exec && (read_all(fd, &text, e) == -1 || (*env = skill_env(r->boot, buf_str(&text), text.len, e)) == NULL))
		return error_add(e, "skill %s", name);
	*folder = xasprintf("%s/skills/%s/%s", r->boot->home, category, name);
	return 0;
}

static void
add_shown(const struct runner *r, const char *name, json_t *env)
{
	cleanup_buf struct buf text = BUF(SKILL_FILE_MAX);
	const char *category;
	struct error e = { 0 };
	cleanup_close int fd = skill_name_ok(name) ? launcher_skill(r->launcher, name, &category, &e) : -1;
	char **names;

	if (fd == -1 || read_all(fd, &text, &e) == -1)
		return;			/* it went away since, and so did what it declared */
	names = skill_declared(buf_str(&text), text.len);
	for (char **n = names; *n != NULL; n++)
		if (!skill_variable_refused(*n) && boot_secret(r->boot, *n) != NULL)
			json_object_set_new(env, *n, json_string(boot_secret(r->boot, *n)));
	skill_words_free(names);
}

json_t *
skill_shown(const struct runner *r, const char *names)
{
	json_t *env = json_object();

	for (size_t n, count = 0; *names != '\0' && count < SHOWN_MAX; names += n + (names[n] == ' '), count++) {
		n = strcspn(names, " ");
		cleanup_free char *name = xstrndup(names, n);

		add_shown(r, name, env);
	}
	if (json_object_size(env) > 0)
		return env;
	json_decref(env);
	return NULL;
}
