/* SPDX-License-Identifier: Apache-2.0 */
/* The block of any SKILL.md: read, checked, changed; a change leaves the rest and can be taken back. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"
#include "common/skill.h"
#include "engined/frontmatter.h"
#include "engined/skill_check.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The short reader of common/ sees what we see. */
static void
agree(const char *text, size_t len, const struct front *f)
{
	static const char *const keys[] = { "name", "requires_env", "env", "pinned" };

	for (size_t i = 0; i < COUNT(keys); i++) {
		cleanup_free char *theirs = skill_value(text, len, keys[i]);
		const char *ours = front_get(f, keys[i]);

		if ((theirs == NULL) != (ours == NULL) || (ours != NULL && strcmp(ours, theirs) != 0))
			abort();
	}
}

/* A key that is set is read back, and the prose stays. */
static void
change(const char *text, size_t len, const struct front *f)
{
	cleanup_json json_t *fields = json_pack("{s:s, s:[s]}", "description", "d", "keywords", "k");
	cleanup_free char *out = front_change(text, len, fields, NULL);
	struct front g;

	if (out == NULL || front_parse(out, strlen(out), &g, NULL) == -1)
		return;		/* the block was full */
	if (strcmp(front_get(&g, "description"), "d") != 0 || strcmp(out + g.body, text + f->body) != 0)
		abort();
	front_clear(&g);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = xstrndup((const char *)data, size);
	struct findings out = { 0 };
	struct front f;

	if (front_parse((const char *)data, size, &f, NULL) == -1)
		return 0;
	skill_check(&f, "data", "a1", &out);
	free(findings_text(&out));
	findings_clear(&out);
	agree(text, size, &f);
	change(text, size, &f);
	front_clear(&f);
	return 0;
}
