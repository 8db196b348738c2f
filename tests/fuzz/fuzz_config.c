/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration somebody wrote by hand: read it, ask it everything, change it, and what was there is still there. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/atomic.h"
#include "common/config.h"
#include "common/json.h"
#include "common/mem.h"
#include "common/paths.h"
#include "common/yaml.h"

int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char home[] = "/tmp/alpi-fuzz-XXXXXX";

static void
remove_home(void)
{
	cleanup_free char *path = path_join(home, "config.yaml");

	unlink(path);
	rmdir(home);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_json json_t *before = yaml_parse((const char *)data, size, NULL), *after = NULL, *value = NULL;
	cleanup_free char *path = NULL;
	FILE *f;

	if (before == NULL || !json_is_object(before))
		return 0;
	if (home[sizeof(home) - 2] == 'X') {
		if (mkdtemp(home) == NULL)
			abort();
		atexit(remove_home);
	}
	path = path_join(home, "config.yaml");
	if ((f = fopen(path, "w")) == NULL || fwrite(data, 1, size, f) != size || fclose(f) != 0)
		abort();
	json_decref(config_load(home, NULL));
	value = json_string("yes");
	if (config_set(home, "fuzz.added", value, NULL) == -1)
		return 0;
	if ((after = config_load(home, NULL)) == NULL ||
	    strcmp(json_str(json_object_get(after, "fuzz"), "added", ""), "yes") != 0)
		abort();
	return 0;
}
