/* SPDX-License-Identifier: Apache-2.0 */
/* See media.h. */
#include "gatewayd/media.h"

#include <sodium.h>
#include <string.h>

#include "common/json.h"
#include "common/mem.h"

#define ID_MAX		256
#define NAME_BYTES	128
#define ENDING_BYTES	6
#define RECORDING_BYTES	120		/* of an id in a name */
#define WORD		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"

static const struct {
	const char *kind, *name;		/* what it is called when the sender's program does not say */
} kinds[] = {
	{ "photo",    "photo.jpg" },
	{ "document", "document" },
	{ "voice",    "voice.oga" },
	{ "audio",    "audio" },
};

/* An id goes into a request and is handed back to us in one: nothing that could mean more. */
static bool
is_id(const char *id)
{
	return *id != '\0' && strlen(id) <= ID_MAX && id[strspn(id, WORD)] == '\0';
}

/* A photo comes in several sizes: the largest that can be had. */
static const json_t *
largest(const json_t *sizes)
{
	const json_t *best = NULL, *row;
	size_t i;

	json_array_foreach(sizes, i, row)
		if (is_id(json_str(row, "file_id", "")) && json_int(row, "file_size", 0) <= MEDIA_MAX &&
		    (best == NULL || json_int(row, "width", 0) > json_int(best, "width", 0)))
			best = row;
	return best;
}

static json_t *
describe(const json_t *file, const char *kind, const char *otherwise)
{
	const char *id = json_str(file, "file_id", ""), *name = json_str(file, "file_name", "");

	if (!is_id(id))
		return NULL;
	if (*name == '\0')
		name = otherwise;
	return json_pack("{s:s, s:s%, s:s, s:I}", "id", id, "name", name, utf8_cut(name, strlen(name), NAME_BYTES), "kind", kind, "size",
	    (json_int_t)json_int(file, "file_size", 0));
}

json_t *
media_of(const json_t *message)
{
	for (size_t i = 0; i < COUNT(kinds); i++) {
		const json_t *file = json_object_get(message, kinds[i].kind);
		json_t *found = describe(json_is_array(file) ? largest(file) : file, kinds[i].kind, kinds[i].name);

		if (found != NULL)
			return found;
	}
	return NULL;
}

/* ".mp3" of a name; what says nothing of itself is what Telegram's programs record. */
static const char *
ending_of(const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t n = dot == NULL ? 0 : strlen(dot);

	return n >= 2 && n <= ENDING_BYTES && strcspn(dot + 1, "_-") == n - 1 && dot[1 + strspn(dot + 1, WORD)] == '\0' ? dot : ".oga";
}

char *
media_recording(const json_t *file)
{
	const char *id = json_str(file, "id", ""), *ending = ending_of(json_str(file, "name", ""));
	unsigned char hash[16];
	char hex[2 * sizeof(hash) + 1];

	if (*id != '\0' && strlen(id) <= RECORDING_BYTES && id[strspn(id, WORD)] == '\0')
		return xasprintf("%s%s", id, ending);
	crypto_generichash(hash, sizeof(hash), (const unsigned char *)id, strlen(id), NULL, 0);
	return xasprintf("%s%s", sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash)), ending);
}
