/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See prompt.h; libedit does the work. The terminal's interrupt character
 * becomes an ordinary key while a line is edited, so that Ctrl-C drops the
 * line instead of ending us; typed just before that it is a signal, and means
 * the same.
 */
#include "cli/prompt.h"

#include <histedit.h>
#include <langinfo.h>
#include <limits.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <wchar.h>

#include "cli/interrupt.h"
#include "common/buf.h"
#include "common/mem.h"
#include "common/paths.h"

#define HISTORY_LINES 1000

struct prompt {
	EditLine	*edit;		/* NULL: not a terminal */
	History		*history;
	char		*file;		/* NULL: no place for it */
	bool		 more;		/* in the middle of a message */
	bool		 interrupted;
};

static const char *
label(EditLine *el)
{
	struct prompt *p;

	return el_get(el, EL_CLIENTDATA, &p) == 0 && p->more ? "… " : "› ";
}

static unsigned char
on_interrupt(EditLine *el, int key)
{
	struct prompt *p;

	if (el_get(el, EL_CLIENTDATA, &p) == 0)
		p->interrupted = true;
	return CC_EOF;
}

/* 0 ends the line: the end of input, or a signal (SIGTERM is the end of input). */
static int
next_key(EditLine *el, wchar_t *key)
{
	struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
	char bytes[MB_LEN_MAX];
	mbstate_t state = { 0 };
	size_t n = 0, got;
	struct prompt *p;

	if (el_get(el, EL_CLIENTDATA, &p) == -1)
		return 0;
	do {
		while (interrupt_poll(&in, 1, -1) == 0)
			if (interrupt_count() > 0) {
				p->interrupted = interrupt_newest() == SIGINT;
				return 0;
			}
		if (read(STDIN_FILENO, &bytes[n], 1) != 1)
			return 0;
		got = mbrtowc(key, &bytes[n++], 1, &state);
	} while (got == (size_t)-2 && n < sizeof(bytes));
	if (got == (size_t)-1 || got == (size_t)-2)
		*key = L'\ufffd';
	return 1;
}

/*
 * Ctrl-D leaves on an empty line only; otherwise it deletes, as everywhere. Typed between two lines, while the terminal
 * is the kernel's, it comes as NUL.
 */
static void
set_keys(EditLine *el)
{
	el_set(el, EL_EDITOR, "emacs");
	el_set(el, EL_SETTY, "-d", "-isig", NULL);
	el_set(el, EL_ADDFN, "alpi-interrupt", "drop the line", on_interrupt);
	el_set(el, EL_BIND, "^C", "alpi-interrupt", NULL);
	el_set(el, EL_BIND, "^@", "em-delete-or-list", NULL);
	el_set(el, EL_BIND, "^R", "em-inc-search-prev", NULL);
	el_set(el, EL_BIND, "^W", "ed-delete-prev-word", NULL);
	el_set(el, EL_BIND, "\\e[H", "ed-move-to-beg", NULL);
	el_set(el, EL_BIND, "\\e[F", "ed-move-to-end", NULL);
	el_set(el, EL_BIND, "\\e[3~", "ed-delete-next-char", NULL);
}

static char *
history_file(void)
{
	const char *state = getenv("XDG_STATE_HOME");
	cleanup_free char *person = home_person(), *dir = NULL;

	if (state != NULL && *state == '/')
		dir = path_join(state, "alpi");
	else if (person != NULL)
		dir = path_join(person, ".local/state/alpi");
	if (dir == NULL || make_dirs(dir, 0700, NULL) == -1)
		return NULL;
	return path_join(dir, "history");
}

static void
open_history(struct prompt *p)
{
	HistEvent ev;

	p->history = history_init();
	history(p->history, &ev, H_SETSIZE, HISTORY_LINES);
	history(p->history, &ev, H_SETUNIQUE, 1);
	if ((p->file = history_file()) != NULL)
		history(p->history, &ev, H_LOAD, p->file);
	el_set(p->edit, EL_HIST, history, p->history);
}

struct prompt *
prompt_open(void)
{
	struct prompt *p = xcalloc(1, sizeof(*p));

	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return p;
	if (setlocale(LC_CTYPE, "") == NULL || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
	if ((p->edit = el_init("alpi", stdin, stdout, stderr)) == NULL)
		return p;
	el_set(p->edit, EL_CLIENTDATA, p);
	el_set(p->edit, EL_PROMPT, label);
	el_set(p->edit, EL_GETCFN, next_key);
	set_keys(p->edit);
	open_history(p);
	el_source(p->edit, NULL);	/* the person's own ~/.editrc */
	return p;
}

void
prompt_close(struct prompt *p)
{
	if (p == NULL)
		return;
	if (p->history != NULL)
		history_end(p->history);
	if (p->edit != NULL)
		el_end(p->edit);
	free(p->file);
	free(p);
}

static void
remember(struct prompt *p, const char *message)
{
	HistEvent ev;
	mode_t mask;

	if (p->history == NULL || message[strspn(message, " \n")] == '\0')
		return;
	history(p->history, &ev, H_ENTER, message);
	if (p->file == NULL)
		return;
	mask = umask(077);
	history(p->history, &ev, H_SAVE, p->file);
	umask(mask);
}

static bool
edit_line(struct prompt *p, struct buf *b)
{
	const char *edited;
	int n = 0;

	interrupt_reset();
	interrupt_catch();
	edited = el_gets(p->edit, &n);
	interrupt_release();
	return edited != NULL && n > 0 && !p->interrupted && buf_puts(b, edited) == 0;
}

/* One line into b with its newline; false at the end. */
static bool
read_line(struct prompt *p, struct buf *b)
{
	char *line = NULL;
	size_t size = 0;
	bool got;

	if (p->edit != NULL)
		return edit_line(p, b);
	got = getline(&line, &size, stdin) > 0 && buf_puts(b, line) == 0;
	free(line);
	return got;
}

/* Cut the newline off; true when a backslash before it asks for more. */
static bool
goes_on(struct buf *b)
{
	if (b->len > 0 && b->data[b->len - 1] == '\n')
		b->data[--b->len] = '\0';
	if (b->len == 0 || b->data[b->len - 1] != '\\')
		return false;
	b->data[b->len - 1] = '\n';
	return true;
}

enum prompt_end
prompt_read(struct prompt *p, char **line)
{
	cleanup_buf struct buf b = BUF(1024 * 1024);
	bool got;

	*line = NULL;
	p->interrupted = p->more = false;
	while ((got = read_line(p, &b)) && goes_on(&b))
		p->more = true;
	p->more = false;
	if (p->interrupted) {
		putchar('\n');
		return PROMPT_INTERRUPT;
	}
	if (!got && b.len == 0) {
		if (p->edit != NULL)
			putchar('\n');
		return PROMPT_EOF;
	}
	*line = buf_take(&b);
	remember(p, *line);
	return PROMPT_LINE;
}
