/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An embedding server's answers: each number counts words, and words that
 * mean the same are counted as one, so that tests can look for a text by
 * words it does not have. The model's name picks what goes wrong.
 */
#ifndef ALPI_FAKE_EMBEDDING_H
#define ALPI_FAKE_EMBEDDING_H

#include <ctype.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "common/mem.h"

#define EMBEDDING_DIM 64

static const char *const embedding_same[][2] = {
	{ "violet", "purple" }, { "hound", "dog" }, { "automobile", "car" },
};

static void
embedding_count(double *numbers, size_t dim, const char *word, size_t len)
{
	unsigned long hash = 5381;

	for (size_t i = 0; i < COUNT(embedding_same); i++)
		if (strlen(embedding_same[i][0]) == len && strncasecmp(embedding_same[i][0], word, len) == 0) {
			word = embedding_same[i][1];
			len = strlen(word);
		}
	for (size_t i = 0; i < len; i++)
		hash = hash * 33 ^ (unsigned long)tolower((unsigned char)word[i]);
	numbers[hash % dim]++;
}

static json_t *
embedding_of(const char *text, size_t dim)
{
	double numbers[2 * EMBEDDING_DIM] = { 0 };
	json_t *list = json_array();

	while (*text != '\0') {
		size_t n = 0;

		while (isalnum((unsigned char)text[n]))
			n++;
		if (n > 0)
			embedding_count(numbers, dim, text, n);
		text += n > 0 ? n : 1;
	}
	for (size_t i = 0; i < dim; i++)
		json_array_append_new(list, json_real(numbers[i]));
	return list;
}

/* What the request number `nth` of a model is answered with; *status 200 or not. New reference. */
static json_t *
embedding_answer(const json_t *request, json_int_t nth, int *status)
{
	const char *model = json_string_value(json_object_get(request, "model"));
	const json_t *input = json_object_get(request, "input"), *text;
	size_t dim = EMBEDDING_DIM, i, bytes = 0;
	json_t *data = json_array();

	model = model == NULL ? "" : model;
	*status = strcmp(model, "embed-down") == 0 || (strcmp(model, "embed-retry") == 0 && nth == 1) ? 503 :
	    strcmp(model, "embed-refuse") == 0 || (strcmp(model, "embed-brief") == 0 && nth > 1) ? 401 : 200;
	if (strcmp(model, "embed-wide") == 0 || (strcmp(model, "embed-turns") == 0 && nth > 2))
		dim = 2 * EMBEDDING_DIM;
	json_array_foreach(input, i, text) {
		bool lies = strcmp(model, "embed-lies") == 0 && i == json_array_size(input) - 1;
		json_t *row = json_pack("{s:i, s:o}", "index", (int)i, "embedding",
		    embedding_of(json_string_value(text), lies ? dim / 2 : dim));

		if (strcmp(model, "embed-nan") == 0)
			json_array_set_new(json_object_get(row, "embedding"), 3, json_string("NaN"));
		bytes += json_string_length(text);
		json_array_append_new(data, row);
	}
	if (strcmp(model, "embed-few") == 0)
		json_array_remove(data, 0);
	if (*status != 200) {
		json_decref(data);
		return json_pack("{s:{s:s}}", "error", "message", "the embedding server is not well");
	}
	return json_pack("{s:s, s:o, s:{s:I}}", "object", "list", "data", data, "usage", "prompt_tokens",
	    strcmp(model, "embed-dear") == 0 ? (json_int_t)1000000 : (json_int_t)(bytes / 4 + 1));
}

#endif
