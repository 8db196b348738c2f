/* SPDX-License-Identifier: Apache-2.0 */
/* See job.h. */
#include "scheduled/job.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "common/buf.h"
#include "common/gateways.h"
#include "common/json.h"
#include "common/mem.h"

#define HOUR_MS		3600000.0
#define HOURS_MAX	(24.0 * 366 * 50)

static const char *const kinds[] = { [JOB_CRON] = "cron", [JOB_ONCE] = "once", [JOB_INACTIVITY] = "inactivity" };
static const char *const time_field[] = {
	[JOB_CRON] = "expression", [JOB_ONCE] = "run_at", [JOB_INACTIVITY] = "after_hours"
};

/* ---- zones ---------------------------------------------------------------------------------- */

int
zones_open(struct zones *z, struct error *e)
{
	z->named = NULL;
	return (z->machine = zone_open(NULL, e)) == NULL ? -1 : 0;
}

static void
forget_named(struct zones *z)
{
	struct named_zone *n;

	while ((n = z->named) != NULL) {
		z->named = n->next;
		zone_free(n->zone);
		free(n->name);
		free(n);
	}
}

void
zones_close(struct zones *z)
{
	forget_named(z);
	zone_free(steal(z->machine));
}

int
zones_again(struct zones *z, struct error *e)
{
	struct zone *machine = zone_open(NULL, e);

	forget_named(z);
	if (machine == NULL)
		return -1;
	zone_free(z->machine);
	z->machine = machine;
	return 0;
}

static const struct zone *
zone_of(struct zones *z, const char *name, struct error *e)
{
	struct named_zone *n = z->named;
	struct zone *zone;

	if (name == NULL)
		return z->machine;
	while (n != NULL && strcmp(n->name, name) != 0)
		n = n->next;
	if (n != NULL)
		return n->zone;
	if ((zone = zone_open(name, e)) == NULL)
		return NULL;
	n = xcalloc(1, sizeof(*n));
	*n = (struct named_zone){ z->named, xstrdup(name), zone };
	z->named = n;
	return zone;
}

/* ---- a row ---------------------------------------------------------------------------------- */

static int
read_kind(struct job *j, const json_t *row, struct error *e)
{
	const char *word = json_str(row, "kind", json_object_get(row, "kind") == NULL ? "cron" : "");

	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i], word) == 0) {
			j->kind = (enum job_kind)i;
			return 0;
		}
	return error_set(e, ERR_invalid, "kind is cron, once or inactivity");
}

static int
read_cron(struct job *j, const json_t *row, struct error *e)
{
	const char *text = json_str(row, "expression", NULL);

	if (text == NULL)
		return error_set(e, ERR_invalid, "a cron job needs an expression");
	if (cron_parse(&j->cron, text, e) == -1 || cron_check(&j->cron, e) == -1)
		return error_add(e, "expression");
	return 0;
}

static int
read_once(struct job *j, const json_t *row, struct error *e)
{
	const char *text = json_str(row, "run_at", NULL);
	int64_t at;

	if (text == NULL)
		return error_set(e, ERR_invalid, "a once job needs run_at");
	if (time_parse(text, j->zone, &at, e) == -1)
		return error_add(e, "run_at");
	j->at = at * 1000;
	return 0;
}

static int
read_inactivity(struct job *j, const json_t *row, struct error *e)
{
	double hours = json_num(row, "after_hours", 0);

	if (!(hours > 0 && hours <= HOURS_MAX))
		return error_set(e, ERR_invalid, "an inactivity job needs after_hours, above 0");
	j->at = (int64_t)(hours * HOUR_MS);
	return 0;
}

static bool
is_id(const char *id)
{
	size_t n = strlen(id);

	return n > 0 && n <= JOB_ID_MAX && strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-") == n;
}

static int
read_row(struct job *j, const json_t *row, struct zones *z, struct error *e)
{
	static int (*const read_time[])(struct job *, const json_t *, struct error *) = {
		[JOB_CRON] = read_cron, [JOB_ONCE] = read_once, [JOB_INACTIVITY] = read_inactivity
	};
	const char *id = json_str(row, "id", ""), *prompt = json_str(row, "prompt", "");

	if (!json_is_object(row))
		return error_set(e, ERR_invalid, "it is not an object");
	if (!is_id(id))
		return error_set(e, ERR_invalid, "its id is missing, or not letters and digits");
	strcpy(j->id, id);
	j->paused = json_bool(row, "paused", false);
	if (prompt[strspn(prompt, " \t\r\n")] == '\0')
		return error_set(e, ERR_invalid, "it has no prompt");
	if ((j->zone = zone_of(z, json_str(row, "tz", NULL), e)) == NULL)
		return error_add(e, "tz");
	return read_kind(j, row, e) == -1 ? -1 : read_time[j->kind](j, row, e);
}

/* How it ran stood in the row itself until 0.10.27. */
static void
read_state(struct job *j, const json_t *row, const struct zones *z)
{
	const char *text = json_str(row, "last_run_at", NULL);
	int64_t at;

	if (text != NULL && time_parse(text, z->machine, &at, NULL) == 0) {
		j->ran = true;
		j->last_run = at * 1000;
	}
	snprintf(j->status, sizeof(j->status), "%s", json_str(row, "last_run_status", ""));
}

void
job_read(struct job *j, const json_t *row, struct zones *z)
{
	struct error e = { 0 };

	if (read_row(j, row, z, &e) == -1)
		j->broken = xstrdup(e.text);
	read_state(j, row, z);
}

void
job_clear(struct job *j)
{
	free(steal(j->text));
	free(steal(j->broken));
}

json_t *
job_row(const struct job *j)
{
	json_t *row = json_parse(j->text, strlen(j->text), 16, NULL);

	return row != NULL ? row : json_object();
}

char *
job_text(const json_t *row)
{
	cleanup_free char *text = json_dumps(row, JSON_INDENT(2));
	struct buf b = BUF(0);

	if (text == NULL)
		return NULL;
	for (const char *c = text; *c != '\0'; c++) {	/* a newline within a string is escaped */
		buf_addc(&b, *c);
		if (*c == '\n')
			buf_puts(&b, "  ");
	}
	return buf_take(&b);
}

/* ---- a new row ------------------------------------------------------------------------------ */

enum shape { TEXT, FLAG, NUMBER };

static const struct {
	const char	*name;
	enum shape	 shape;
} fields[] = {
	{ "kind", TEXT }, { "expression", TEXT }, { "run_at", TEXT }, { "after_hours", NUMBER }, { "prompt", TEXT },
	{ "title", TEXT }, { "tz", TEXT }, { "tier", TEXT }, { "channel", TEXT }, { "timeout", NUMBER },
	{ "notify", FLAG }, { "paused", FLAG }, { "no_agent", FLAG },
};

static int
check_shapes(const json_t *row, struct error *e)
{
	static const char *const words[] = { [TEXT] = "text", [FLAG] = "true or false", [NUMBER] = "a number" };

	for (size_t i = 0; i < COUNT(fields); i++) {
		const json_t *v = json_object_get(row, fields[i].name);
		enum shape shape = fields[i].shape;

		if (v != NULL && !(shape == TEXT ? json_is_string(v) : shape == FLAG ? json_is_boolean(v) : json_is_number(v)))
			return error_set(e, ERR_invalid, "%s is %s", fields[i].name, words[shape]);
	}
	return 0;
}

int
job_check(const json_t *row, struct error *e)
{
	const json_t *timeout = json_object_get(row, "timeout");
	int64_t seconds = json_int(row, "timeout", JOB_TIMEOUT_S);
	const char *tier = json_str(row, "tier", "fast"), *channel = json_str(row, "channel", CHANNEL_INBOX);

	if (check_shapes(row, e) == -1)
		return -1;
	if (timeout != NULL && (seconds < JOB_TIMEOUT_MIN || seconds > JOB_TIMEOUT_MAX))
		return error_set(e, ERR_invalid, "timeout is %d to %d seconds", JOB_TIMEOUT_MIN, JOB_TIMEOUT_MAX);
	if (strcmp(tier, "fast") != 0 && strcmp(tier, "deep") != 0)
		return error_set(e, ERR_invalid, "tier is fast or deep");
	if (strcmp(channel, CHANNEL_INBOX) != 0 && gateway_kind_find(channel) == NULL)
		return error_set(e, ERR_invalid, "channel is " CHANNEL_INBOX " or a message platform (alpi gateway list)");
	return 0;
}

int
job_timeout_s(const json_t *row)
{
	int64_t s = json_int(row, "timeout", JOB_TIMEOUT_S);

	return s < JOB_TIMEOUT_MIN ? JOB_TIMEOUT_MIN : s > JOB_TIMEOUT_MAX ? JOB_TIMEOUT_MAX : (int)s;
}

bool
job_notifies(const json_t *row)
{
	return json_bool(row, "notify", json_str(row, "platform", NULL) != NULL);
}

/* Older alpis wrote `platform`, and for `channel` also "both": the inbox and that platform, or Telegram. */
const char *
job_channel(const json_t *row)
{
	const char *platform = json_str(row, "platform", NULL), *channel = json_str(row, "channel", platform);

	if (channel != NULL && strcmp(channel, "both") == 0)
		channel = platform != NULL && strcmp(platform, "both") != 0 ? platform : "telegram";
	if (channel == NULL || (strcmp(channel, CHANNEL_INBOX) != 0 && gateway_kind_find(channel) == NULL))
		return NULL;
	return channel;
}

/* Lower case, runs of blanks as one, the first characters. */
static void
fingerprint(const char *prompt, char out[PROMPT_HEAD * 4 + 1])
{
	size_t n = 0, chars = 0;

	for (const char *c = prompt + strspn(prompt, " \t\r\n"); *c != '\0'; c++) {
		bool blank = strchr(" \t\r\n", *c) != NULL;

		if (blank && (c[1] == '\0' || strchr(" \t\r\n", c[1]) != NULL))
			continue;
		if (((unsigned char)*c & 0xc0) != 0x80 && chars++ == PROMPT_HEAD)
			break;
		out[n++] = blank ? ' ' : (char)tolower((unsigned char)*c);
	}
	out[n] = '\0';
}

bool
job_is_twin(const json_t *a, const json_t *b)
{
	char x[PROMPT_HEAD * 4 + 1], y[PROMPT_HEAD * 4 + 1];
	const char *kind = json_str(a, "kind", "cron"), *field;

	if (strcmp(kind, json_str(b, "kind", "cron")) != 0)
		return false;
	for (size_t i = 0; i < COUNT(kinds); i++)
		if (strcmp(kinds[i], kind) == 0) {
			field = time_field[i];
			if (i == JOB_INACTIVITY ? json_num(a, field, 0) != json_num(b, field, 0) :
			    strcmp(json_str(a, field, ""), json_str(b, field, "")) != 0)
				return false;
		}
	fingerprint(json_str(a, "prompt", ""), x);
	fingerprint(json_str(b, "prompt", ""), y);
	return strcmp(x, y) == 0;
}

/* Twice the longest common subsequence over both lengths. */
double
job_likeness(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b), row[JOB_ID_MAX + 1] = { 0 };

	if (n > JOB_ID_MAX || m > JOB_ID_MAX || n + m == 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		size_t before = 0;		/* row[j] of the line above */

		for (size_t j = 0; j < m; j++) {
			size_t above = row[j + 1];

			row[j + 1] = a[i] == b[j] ? before + 1 : row[j] > above ? row[j] : above;
			before = above;
		}
	}
	return 2.0 * (double)row[m] / (double)(n + m);
}
