/* SPDX-License-Identifier: Apache-2.0 */
/*
 * alpi usage: tokens and money per UTC day out of the ledger, asked of
 * hostd. The bars measure money as soon as any day cost some, else tokens.
 */
#include "cli/usage.h"

#include <string.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/commands.h"
#include "cli/print.h"
#include "cli/text.h"
#include "common/buf.h"
#include "common/json.h"
#include "common/mem.h"

#define DAYS		14
#define DAYS_MAX	31
#define TABLE_WIDTH	48		/* of a line in front of its bar */
#define BAR_MAX		60
#define HERE		"__interactive__"

/* A bar in eighths of a column; something is never nothing. */
static void
put_bar(struct buf *b, double share, size_t width)
{
	static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
	size_t n = share > 0 ? (size_t)(share * (double)width * 8 + 0.5) : 0;

	if (share > 0 && n == 0)
		n = 1;
	for (size_t i = 0; i < n / 8; i++)
		buf_puts(b, "█");
	buf_puts(b, eighths[n % 8]);
}

static double
greatest(const json_t *days, const char *member)
{
	double most = 0;
	json_t *row;
	size_t i;

	json_array_foreach(days, i, row)
		if (json_num(row, member, 0) > most)
			most = json_num(row, member, 0);
	return most;
}

static void
put_day(FILE *f, const json_t *row, double share, size_t room, bool colour)
{
	cleanup_buf struct buf bar = BUF(0);

	put_bar(&bar, share, room);
	fprintf(f, "%-10.10s %11lld %11lld %10.4f%s%s%s%s\n", json_str(row, "iso", ""),
	    (long long)json_int(row, "tokIn", 0), (long long)json_int(row, "tokOut", 0), json_num(row, "cost", 0),
	    bar.len > 0 ? "  " : "", colour && bar.len > 0 ? "\033[36m" : "", buf_str(&bar), colour && bar.len > 0 ? "\033[0m" : "");
}

/* Today, and how much of the cap that is. */
static void
put_today(FILE *f, const json_t *result, const json_t *row)
{
	double usd = json_num(row, "cost", 0), cap = json_num(result, "cap_usd", 0);
	int64_t tokens = json_int(row, "tokens", 0), limit = json_int(result, "cap_tokens", 0);

	if (cap > 0)
		fprintf(f, "today $%.4f of $%.4f (%.0f %%)\n", usd, cap, usd / cap * 100);
	else if (limit > 0)
		fprintf(f, "today %lld of %lld tokens (%.0f %%)\n", (long long)tokens, (long long)limit,
		    (double)tokens / (double)limit * 100);
	else
		fprintf(f, "today $%.4f, %lld tokens, no cap (alpi config set budget.daily_usd N)\n", usd, (long long)tokens);
}

/* Who it was, when that is not only the person here. */
static void
put_peers(FILE *f, const json_t *by_peer)
{
	const char *name;
	json_t *row;

	if (json_object_size(by_peer) < (json_object_get(by_peer, HERE) != NULL ? 2 : 1))
		return;
	json_object_foreach((json_t *)by_peer, name, row) {
		cleanup_free char *line = text_line(strcmp(name, HERE) == 0 ? "here" : name, 40);

		fprintf(f, "  %s  $%.4f, %lld tokens\n", line, json_num(row, "usd", 0), (long long)json_int(row, "tokens", 0));
	}
}

void
usage_print(FILE *f, const json_t *result, size_t width, bool colour)
{
	const json_t *days = json_object_get(result, "days"), *row;
	const char *member = greatest(days, "cost") > 0 ? "cost" : "tokens";
	double most = greatest(days, member);
	size_t room = width > TABLE_WIDTH + BAR_MAX ? BAR_MAX : width > TABLE_WIDTH ? width - TABLE_WIDTH : 0, i;

	fprintf(f, "%-10s %11s %11s %10s\n", "DAY (UTC)", "TOKENS IN", "TOKENS OUT", "COST $");
	json_array_foreach(days, i, row)
		put_day(f, row, most > 0 ? json_num(row, member, 0) / most : 0, room, colour);
	put_today(f, result, json_array_get(days, json_array_size(days) - 1));
	put_peers(f, json_object_get(result, "by_peer"));
}

int
usage_command(struct cli *c, const struct args *a)
{
	struct error e = { 0 };
	cleanup_json json_t *result = NULL;
	long days = 0;

	if (arg_number(a, "days", 1, DAYS, &days, &e) == -1)
		return cli_usage(a, "%s", e.text);
	if (days > DAYS_MAX)
		return cli_usage(a, "--days takes 1 to %d", DAYS_MAX);
	result = client_call(c, "host.usage.daily", json_pack("{s:s, s:i}", "profile", c->profile, "days", (int)days), &e);
	if (result == NULL)
		return cli_fail(&e);
	if (arg_has(a, "json"))
		print_json(stdout, result);
	else
		usage_print(stdout, result, print_width(STDOUT_FILENO), print_colour(STDOUT_FILENO));
	return 0;
}
