/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See layer.h. One table says since which version Landlock has each of its
 * layers, and which other layers refuse the same things as wholly where it
 * is older. Without any Landlock nothing covers its rules for files: they
 * and the mount view are two walls around what a person would miss most.
 */
#include "toolrunner/layer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/mem.h"

#define BIT(layer) (1u << LAYER_##layer)

const char *const layer_names[LAYER_COUNT] = {
	[LAYER_namespaces]     = "namespaces",
	[LAYER_mounts]         = "mounts",
	[LAYER_landlock_files] = "landlock-files",
	[LAYER_landlock_net]   = "landlock-net",
	[LAYER_landlock_scope] = "landlock-scope",
	[LAYER_seccomp]        = "seccomp",
	[LAYER_capabilities]   = "capabilities",
	[LAYER_no_new_privs]   = "no_new_privs",
};

static const struct {
	enum layer	 layer;
	int		 since;
	const char	*lack;
	unsigned	 cover, cover_without;	/* the second: where there is no Landlock at all */
} landlock[] = {
	/* What the view shows to be read only is so for truncate(2) too. */
	{ LAYER_landlock_files, 3, "lets any file be truncated", BIT(mounts), 0 },
	/* A network of its own has no other end. */
	{ LAYER_landlock_net, 4, "knows no network rules", BIT(namespaces), BIT(namespaces) },
	/* No process outside has a number in here, and no Unix socket can be made. */
	{ LAYER_landlock_scope, 6, "knows no scopes", BIT(namespaces) | BIT(seccomp), BIT(namespaces) | BIT(seccomp) },
};

void
layer_lacks(struct layers *l, enum layer layer, const char *fmt, ...)
{
	va_list ap;

	l->cover[layer] = 0;
	va_start(ap, fmt);
	vsnprintf(l->text[layer], sizeof(l->text[layer]), fmt, ap);
	va_end(ap);
}

void
layer_landlock(struct layers *l, int abi, bool net)
{
	for (size_t i = 0; i < COUNT(landlock); i++) {
		enum layer layer = landlock[i].layer;

		if (abi >= landlock[i].since || (layer == LAYER_landlock_net && !net))
			continue;
		if (abi < 1)
			layer_lacks(l, layer, "the kernel has no Landlock, or it is switched off");
		else
			layer_lacks(l, layer, "the kernel's Landlock (ABI %d) %s", abi, landlock[i].lack);
		l->cover[layer] = abi < 1 ? landlock[i].cover_without : landlock[i].cover;
	}
}

bool
layer_stands(const struct layers *l, enum layer layer)
{
	return l->text[layer][0] == '\0';
}

static bool
is_covered(const struct layers *l, enum layer layer)
{
	for (enum layer by = 0; by < LAYER_COUNT; by++)
		if (l->cover[layer] & 1u << by && !layer_stands(l, by))
			return false;
	return l->cover[layer] != 0;
}

bool
layer_holds(const struct layers *l, enum layer layer)
{
	return layer_stands(l, layer) || is_covered(l, layer);
}

void
layer_detail(const struct layers *l, enum layer layer, char *out, size_t size)
{
	const char *before = "; covered by ";

	snprintf(out, size, "%s", l->text[layer]);
	for (enum layer by = 0; !layer_stands(l, layer) && is_covered(l, layer) && by < LAYER_COUNT; by++)
		if (l->cover[layer] & 1u << by) {
			snprintf(out + strlen(out), size - strlen(out), "%s%s", before, layer_names[by]);
			before = " and ";
		}
}

static bool
may_be_missing(const char *const *allowed, enum layer layer)
{
	for (; allowed != NULL && *allowed != NULL; allowed++)
		if (strcmp(*allowed, layer_names[layer]) == 0)
			return true;
	return false;
}

int
layer_judge(const struct layers *l, const char *const *allow_missing, struct error *e)
{
	for (enum layer i = 0; i < LAYER_COUNT; i++)
		if (!layer_holds(l, i) && !may_be_missing(allow_missing, i))
			return error_set(e, ERR_unsupported, "sandbox layer %s is missing: %s (run without it: "
			    "sandbox.allow_missing: [%s])", layer_names[i], l->text[i], layer_names[i]);
	return 0;
}
