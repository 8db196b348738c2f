/* SPDX-License-Identifier: Apache-2.0 */
/* See docx.h. */
#include "toolrunner/docx.h"

#include <expat.h>
#include <minizip/unzip.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/mem.h"

#define XML_MAX		(64 * 1024 * 1024)	/* bytes unpacked: what a small archive can become is not to be had */
#define DEPTH_MAX	512			/* elements inside each other */
#define BLOCK		65536

struct reading {
	XML_Parser	 parser;
	struct buf	*out;
	size_t		 max, depth;
	bool		 text;		/* inside of a run's text */
	const char	*why;		/* it was stopped; NULL: not */
	bool		 full;		/* there is as much as was wanted */
};

/* ---- XML --------------------------------------------------------------------------------------------- */

/* The name of an element of the word processor's, "" for others. */
static const char *
local_name(const char *name)
{
	const char *bar = strrchr(name, '|');

	return bar != NULL && strstr(name, "wordprocessingml") != NULL ? bar + 1 : "";
}

static void
stop(struct reading *r, const char *why)
{
	r->why = why;
	XML_StopParser(r->parser, XML_FALSE);
}

static void
add(struct reading *r, const char *text, size_t len)
{
	size_t room = r->max - r->out->len;

	buf_add(r->out, text, len < room ? len : room);
	if (len < room)
		return;
	r->full = true;
	XML_StopParser(r->parser, XML_FALSE);
}

static void XMLCALL
on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
	struct reading *r = arg;
	const char *local = local_name(name);

	if (++r->depth > DEPTH_MAX)
		stop(r, "elements stand too deep in each other");
	else if (strcmp(local, "t") == 0)
		r->text = true;
	else if (strcmp(local, "tab") == 0)
		add(r, "\t", 1);
	else if (strcmp(local, "br") == 0 || strcmp(local, "cr") == 0)
		add(r, "\n", 1);
}

static void XMLCALL
on_end(void *arg, const XML_Char *name)
{
	struct reading *r = arg;
	const char *local = local_name(name);

	r->depth--;
	if (strcmp(local, "t") == 0)
		r->text = false;
	else if (strcmp(local, "p") == 0)
		add(r, "\n", 1);
}

static void XMLCALL
on_text(void *arg, const XML_Char *text, int len)
{
	struct reading *r = arg;

	if (r->text)
		add(r, text, (size_t)len);
}

/* No word processor writes one; it is where entities come from. */
static void XMLCALL
on_doctype(void *arg, const XML_Char *name, const XML_Char *system, const XML_Char *public_id, int internal)
{
	stop(arg, "it declares a document type");
}

/* ---- the archive --------------------------------------------------------------------------------------- */

static voidpf ZCALLBACK
open_given(voidpf opaque, const void *filename, int mode)
{
	int fd = dup(*(int *)opaque);
	FILE *f = fd == -1 ? NULL : fdopen(fd, "rb");

	if (f == NULL && fd != -1)
		close(fd);
	return f;
}

static unzFile
open_document(int fd, struct error *e)
{
	zlib_filefunc64_def functions;
	unzFile zip;

	fill_fopen64_filefunc(&functions);
	functions.zopen64_file = open_given;
	functions.opaque = &fd;
	if ((zip = unzOpen2_64("", &functions)) == NULL) {
		error_set(e, ERR_invalid, "docx: not a ZIP archive");
		return NULL;
	}
	if (unzLocateFile(zip, "word/document.xml", 1) == UNZ_OK && unzOpenCurrentFile(zip) == UNZ_OK)
		return zip;
	unzClose(zip);
	error_set(e, ERR_invalid, "docx: there is no document in it that can be unpacked");
	return NULL;
}

static int
parse(unzFile zip, struct reading *r, struct error *e)
{
	size_t total = 0;
	void *block;
	int n;

	do {
		if ((block = XML_GetBuffer(r->parser, BLOCK)) == NULL || (n = unzReadCurrentFile(zip, block, BLOCK)) < 0)
			return error_set(e, ERR_invalid, "docx: it cannot be unpacked");
		if ((total += (size_t)n) > XML_MAX)
			return error_set(e, ERR_too_large, "docx: more than %d bytes when unpacked", XML_MAX);
		if (XML_ParseBuffer(r->parser, n, n == 0) == XML_STATUS_ERROR && !r->full)
			return error_set(e, ERR_invalid, "docx: %s", r->why != NULL ? r->why : XML_ErrorString(XML_GetErrorCode(r->parser)));
	} while (n > 0 && !r->full);
	return 0;
}

int
docx_text(int fd, size_t max, struct buf *out, struct error *e)
{
	struct reading r = { .out = out, .max = out->len + max };
	unzFile zip = open_document(fd, e);
	int done;

	if (zip == NULL)
		return -1;
	if ((r.parser = XML_ParserCreateNS(NULL, '|')) == NULL) {
		unzClose(zip);
		return error_set(e, ERR_internal, "docx: no parser");
	}
	XML_SetUserData(r.parser, &r);
	XML_SetElementHandler(r.parser, on_start, on_end);
	XML_SetCharacterDataHandler(r.parser, on_text);
	XML_SetStartDoctypeDeclHandler(r.parser, on_doctype);
	done = parse(zip, &r, e);
	XML_ParserFree(r.parser);
	unzClose(zip);
	return done;
}
