/* SPDX-License-Identifier: Apache-2.0 */
/* See print.h. */
#include "cli/print.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/text.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/mem.h"

#define COLUMNS_MAX 16
#define NARROWEST 20	/* what is laid out has at least so much room */

const char *
print_size(int64_t bytes, char *out, size_t size)
{
	static const char *const units[] = { "B", "KB", "MB", "GB", "TB" };
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < COUNT(units)) {
		value /= 1024;
		unit++;
	}
	snprintf(out, size, unit == 0 ? "%.0f %s" : "%.1f %s", value, units[unit]);
	return out;
}

const char *
print_duration(double seconds, char *out, size_t size)
{
	long s = (long)seconds;

	if (seconds < 10)
		snprintf(out, size, "%.1fs", seconds);
	else if (s < 60)
		snprintf(out, size, "%lds", s);
	else if (s < 3600)
		snprintf(out, size, "%ldm %02lds", s / 60, s % 60);
	else if (s < 86400)
		snprintf(out, size, "%ldh %02ldm", s / 3600, s / 60 % 60);
	else
		snprintf(out, size, "%ldd %02ldh", s / 86400, s / 3600 % 24);
	return out;
}

size_t
print_width(int fd)
{
	struct winsize w;

	if (ioctl(fd, TIOCGWINSZ, &w) == -1 || w.ws_col == 0)
		return 80;
	return w.ws_col < NARROWEST ? NARROWEST : w.ws_col;
}

bool
print_moves(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && (term == NULL || strcmp(term, "dumb") != 0);
}

bool
print_colour(int fd)
{
	const char *none = getenv("NO_COLOR");

	return print_moves(fd) && (none == NULL || *none == '\0');
}

void
print_json(FILE *f, const json_t *value)
{
	cleanup_free char *text = json_text(value);

	fprintf(f, "%s\n", text);
}

static char *
age(double at)
{
	char text[32];

	if (at <= 0)
		return xstrdup("");
	return xasprintf("%s ago", print_duration((double)clock_wall_ms() / 1000 - at, text, sizeof(text)));
}

/* A number as people write it: whole ones without a point. */
static char *
number(const json_t *value)
{
	if (json_is_integer(value))
		return xasprintf("%lld", (long long)json_integer_value(value));
	return json_is_real(value) ? xasprintf("%.4g", json_real_value(value)) : xstrdup("");
}

/* A text as one line: a table has no room for its line breaks and indents. */
static char *
flat(const char *s, size_t widest)
{
	struct buf out = BUF(0);
	char *text;

	for (s += strspn(s, " \t\r\n"); *s != '\0'; s += strspn(s, " \t\r\n")) {
		size_t n = strcspn(s, " \t\r\n");

		if (out.len > 0)
			buf_addc(&out, ' ');
		buf_add(&out, s, n);
		s += n;
	}
	text = text_line(buf_str(&out), widest);
	buf_clear(&out);
	return text;
}

/* A list of words, or whatever else stands there. */
static char *
words(const json_t *value, size_t widest)
{
	struct buf line = BUF(0);
	char *text;
	size_t i;
	json_t *v;

	if (json_is_string(value))
		return flat(json_string_value(value), widest);
	if (!json_is_array(value))
		return json_is_boolean(value) ? xstrdup(json_is_true(value) ? "yes" : "no") : number(value);
	json_array_foreach(value, i, v)
		buf_addf(&line, "%s%s", i ? " " : "", json_is_string(v) ? json_string_value(v) : "…");
	text = text_line(buf_str(&line), widest);
	buf_clear(&line);
	return text;
}

static char *
cell(const struct column *c, const json_t *row, bool cut)
{
	const json_t *value = json_at(row, c->member);
	char text[32];

	switch (c->kind) {
	case PRINT_SIZE:
		return json_is_number(value) ?
		    xstrdup(print_size((int64_t)json_number_value(value), text, sizeof(text))) : xstrdup("");
	case PRINT_AGE:
		return age(json_number_value(value));
	case PRINT_FLAG:
		return xstrdup(json_is_true(value) ? "●" : "");
	case PRINT_NUMBER:
		return number(value);
	default:
		return words(value, cut ? c->widest : 0);
	}
}

static void
pad(FILE *f, size_t n)
{
	while (n-- > 0)
		fputc(' ', f);
}

/* Numbers stand to the right; nothing follows the last cell of a line. */
static void
put_cell(FILE *f, const struct column *c, const char *text, size_t width, bool last)
{
	size_t have = text_width(text), gap = width > have ? width - have : 0;
	bool right = c->kind == PRINT_NUMBER || c->kind == PRINT_SIZE;

	if (right)
		pad(f, gap);
	fputs(text, f);
	if (!last)
		pad(f, (right ? 0 : gap) + 2);
}

static void
put_titles(FILE *f, const struct column *c, size_t n, const size_t *width)
{
	for (size_t i = 0; i < n; i++)
		put_cell(f, &c[i], c[i].title, width[i], i + 1 == n);
	fputc('\n', f);
}

/* Behind the last cell that says something nothing follows, no blanks either. */
static void
put_row(FILE *f, const struct column *c, size_t n, char *const *cells, const size_t *width)
{
	while (n > 1 && *cells[n - 1] == '\0')
		n--;
	for (size_t i = 0; i < n; i++)
		put_cell(f, &c[i], cells[i], width[i], i + 1 == n);
	fputc('\n', f);
}

void
print_table(FILE *f, const struct column *c, size_t n, const json_t *rows, const char *empty)
{
	size_t width[COLUMNS_MAX], count = json_array_size(rows), r;
	bool cut = isatty(fileno(f));
	char **cells = xcalloc(count * n, sizeof(*cells));
	json_t *row;

	if (count == 0 && empty != NULL)
		fprintf(f, "%s\n", empty);
	for (size_t i = 0; i < n && i < COLUMNS_MAX; i++) {
		width[i] = text_width(c[i].title);
		json_array_foreach(rows, r, row) {
			cells[r * n + i] = cell(&c[i], row, cut);
			if (text_width(cells[r * n + i]) > width[i])
				width[i] = text_width(cells[r * n + i]);
		}
	}
	if (count > 0)
		put_titles(f, c, n, width);
	for (r = 0; r < count; r++)
		put_row(f, c, n, cells + r * n, width);
	for (size_t i = 0; i < count * n; i++)
		free(cells[i]);
	free(cells);
}
