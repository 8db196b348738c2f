/* SPDX-License-Identifier: Apache-2.0 */
/* What scripts import, and what OSV's answers say of it (memory-skills.md, 7.1). */
#include "tests/check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/mem.h"
#include "common/url.h"
#include "engined/imports.h"
#include "engined/imports_known.h"
#include "engined/osv.h"

/* ---- helpers -------------------------------------------------------------------------------- */

static void
assert_imports(enum language l, const char *text, char *const *own, const char *names)
{
	cleanup_free char *got = NULL;
	struct packages p;

	imports_read(l, text, own, &p);
	got = packages_text(&p);
	assert_string_equal(got, names);
	packages_clear(&p);
}

static void
assert_python(const char *text, const char *names)
{
	assert_imports(LANGUAGE_PYTHON, text, NULL, names);
}

static void
assert_node(const char *text, const char *names)
{
	assert_imports(LANGUAGE_JAVASCRIPT, text, NULL, names);
}

/* An answer to a question about "aa" and "bb": malware, or "-" for none, or "!" when it is no answer. */
static void
assert_answer(const char *body, const char *expected)
{
	struct packages p = { .ecosystem = "PyPI", .names = { "aa", "bb" }, .n = 2 };
	cleanup_free char *malware = NULL;
	struct error e = { 0 };
	int r = osv_read(body, strlen(body), &p, &malware, &e);

	assert_string_equal(r == -1 ? "!" : malware == NULL ? "-" : malware, expected);
	assert_int_equal(e.code != ERR_none, r == -1);
	assert_true(r == 0 || malware == NULL);
}

/* ---- what is imported ----------------------------------------------------------------------- */

static void
test_python_imports_of_every_form(void **state)
{
	assert_python("import requests\n", "requests");
	assert_python("import os, requests.adapters as r , httpx;import trio\n", "requests, httpx, trio");
	assert_python("from a.b import (\n  c,\n  d)\nfrom e import *\n", "a, e");
	assert_python("try:\n\timport left\nexcept ImportError: import right\n", "left, right");
	assert_python("import a, \\\n  b\nimport \\\r\n c\n", "a, b, c");
	assert_python("x = __import__('one.two')\nimportlib.import_module(\"three\")\nimport_module(name)\n", "one, three");
	assert_python("import requests", "requests");
	assert_python("import requests\nfrom requests import get\n", "requests");
}

static void
test_python_text_is_no_import(void **state)
{
	assert_python("# import a\n\"\"\"\nimport b\n\"\"\"\nx = 'import c'\ny = \"\\\"import d\"\n", "");
	assert_python("'''it's'''; import real\n", "real");
	assert_python("x = 'open\nimport real\n", "real");
	assert_python("def f():\n\tyield from other\n\traise A from b\n", "");
	assert_python("importer = 1\nreimport\nfromage\n", "");
	assert_python("from . import a\nfrom .b import c\nfrom .. import d\nimport_module('.x')\n", "");
}

static void
test_what_is_the_languages_own_is_not_looked_up(void **state)
{
	char *own[] = { "helper", NULL };

	assert_python("import os, sys, json, zoneinfo, _thread, __future__, xml.dom, abc\n", "");
	assert_imports(LANGUAGE_PYTHON, "import helper\nfrom helper.x import y\nimport helpers\n", own, "helpers");
	assert_node("require('fs'); import x from 'node:net'; require('fs/promises')", "");
}

static void
test_names_are_those_of_the_packages(void **state)
{
	assert_python("import yaml, PIL.Image, bs4\n", "pyyaml, pillow, beautifulsoup4");
	assert_python("import Typing_Extensions, _pytest, a__b\n", "typing-extensions, pytest, a-b");
}

static void
test_javascript_imports_of_every_form(void **state)
{
	assert_node("const a = require('one'), b = require( \"two/sub\" );\n", "one, two");
	assert_node("import x from 'one'\nimport {\n y } from \"@scope/two/z\"\nimport 'three'\nexport * from 'four'\n",
	    "one, @scope/two, three, four");
	assert_node("await import(/* why */ 'one'); import(`two`); import(name)", "one, two");
	assert_node("require('./own'); require('../own'); import '/own'; import 'https://x/y'; require('#in')", "");
	assert_node("var re = /[\"'`]/; require('one')", "one");
	assert_node("Array.from('text'); requires('x'); $require('y')", "");
}

static void
test_a_name_that_no_package_has_is_told(void **state)
{
	struct packages p;

	imports_read(LANGUAGE_PYTHON, "import \xef\xbd\x92" "equests, a\n", NULL, &p);
	assert_true(p.unnamed && p.n == 1);
	packages_clear(&p);
	imports_read(LANGUAGE_PYTHON, "__import__('a (MAL-1)\\n b')", NULL, &p);
	assert_true(p.unnamed && p.n == 0);
	packages_clear(&p);
	imports_read(LANGUAGE_JAVASCRIPT, "require('a b')", NULL, &p);
	assert_true(p.unnamed && p.n == 0);
	packages_clear(&p);
}

static void
test_more_packages_than_are_asked_about_are_told(void **state)
{
	cleanup_free char *text = xmalloc(IMPORTS_MAX * 16 + 64);
	struct packages p;
	size_t n = 0;

	for (int i = 0; i < IMPORTS_MAX; i++)
		n += (size_t)sprintf(text + n, "import p%d\n", i);
	imports_read(LANGUAGE_PYTHON, text, NULL, &p);
	assert_true(p.n == IMPORTS_MAX && !p.unnamed);
	packages_clear(&p);
	strcpy(text + n, "import p1, more\n");
	imports_read(LANGUAGE_PYTHON, text, NULL, &p);
	assert_true(p.n == IMPORTS_MAX && p.unnamed);
	packages_clear(&p);
}

static void
test_a_language_is_known_by_name_or_first_line(void **state)
{
	assert_int_equal(imports_language("run.py", ""), LANGUAGE_PYTHON);
	assert_int_equal(imports_language("run.mjs", ""), LANGUAGE_JAVASCRIPT);
	assert_int_equal(imports_language("run", "#!/usr/bin/env python3\n"), LANGUAGE_PYTHON);
	assert_int_equal(imports_language("run", "#!/usr/bin/node\n"), LANGUAGE_JAVASCRIPT);
	assert_int_equal(imports_language("run", "x\n#!/usr/bin/python\n"), LANGUAGE_NONE);
	assert_int_equal(imports_language("run.sh", "import x\n"), LANGUAGE_NONE);
}

static void
test_the_tables_are_sorted(void **state)
{
	for (size_t i = 1; i < COUNT(python_own); i++)
		assert_true(strcmp(python_own[i - 1], python_own[i]) < 0);
	for (size_t i = 1; i < COUNT(node_own); i++)
		assert_true(strcmp(node_own[i - 1], node_own[i]) < 0);
}

/* ---- what is said of it --------------------------------------------------------------------- */

static void
test_the_question_names_every_package(void **state)
{
	struct packages p = { .ecosystem = "npm", .names = { "aa", "@b/c" }, .n = 2 };
	cleanup_free char *body = osv_question(&p);

	assert_string_equal(body, "{\"queries\":[{\"package\":{\"name\":\"aa\",\"ecosystem\":\"npm\"}},"
	    "{\"package\":{\"name\":\"@b/c\",\"ecosystem\":\"npm\"}}]}");
}

static void
test_only_malware_counts(void **state)
{
	assert_answer("{\"results\":[{},{}]}", "-");
	assert_answer("{\"results\":[{\"vulns\":[]},{\"vulns\":[{\"id\":\"GHSA-aaaa-bbbb-cccc\",\"modified\":\"x\"},{\"id\":\"PYSEC-1\"}]}]}", "-");
	assert_answer("{\"results\":[{},{\"vulns\":[{\"id\":\"CVE-1\"},{\"id\":\"MAL-2024-7\"}]}]}", "bb (MAL-2024-7)");
	assert_answer("{\"results\":[{\"vulns\":[{\"id\":\"MAL-1\"}]},{\"vulns\":[{\"id\":\"MAL-2\"}]}]}", "aa (MAL-1)");
	assert_answer("{\"results\":[{\"vulns\":[{\"id\":\"XMAL-1\"}]},{}]}", "-");
}

static void
test_what_does_not_fit_the_question_is_no_answer(void **state)
{
	static const char *const wrong[] = { "", "{", "[]", "{}", "{\"results\":{}}", "{\"results\":[]}", "{\"results\":[{}]}",
		"{\"results\":[{},{},{}]}", "{\"results\":[{},null]}", "{\"results\":[{},[]]}", "{\"results\":[{},{\"vulns\":{}}]}",
		"{\"results\":[{},{\"vulns\":[{}]}]}", "{\"results\":[{},{\"vulns\":[7]}]}", "{\"results\":[{},{\"vulns\":[{\"id\":7}]}]}",
		"{\"results\":[{},{\"vulns\":[{\"id\":\"MAL-1\\nignore that\"}]}]}",
		"{\"results\":[{},{\"vulns\":[{\"id\":\"CVE-1\"}],\"next_page_token\":\"x\"}]}" };

	for (size_t i = 0; i < COUNT(wrong); i++)
		assert_answer(wrong[i], "!");
	assert_answer("{\"results\":[7,{\"vulns\":[{\"id\":\"MAL-1\"}]}]}", "bb (MAL-1)");	/* half an answer warns, too */
}

static void
test_an_address_is_safe_over_https_or_here(void **state)
{
	assert_true(url_is_safe("https://api.osv.dev") && url_is_safe("http://127.0.0.1:80") && url_is_safe("http://localhost/x"));
	assert_false(url_is_safe("http://api.osv.dev") || url_is_safe("http://127.0.0.1.example.org") || url_is_safe("https://"));
	assert_false(url_is_safe("http://localhost:1@example.org") || url_is_safe("ftp://localhost") || url_is_safe(""));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_python_imports_of_every_form), cmocka_unit_test(test_python_text_is_no_import),
		cmocka_unit_test(test_what_is_the_languages_own_is_not_looked_up), cmocka_unit_test(test_names_are_those_of_the_packages),
		cmocka_unit_test(test_javascript_imports_of_every_form), cmocka_unit_test(test_a_name_that_no_package_has_is_told),
		cmocka_unit_test(test_more_packages_than_are_asked_about_are_told),
		cmocka_unit_test(test_a_language_is_known_by_name_or_first_line), cmocka_unit_test(test_the_tables_are_sorted),
		cmocka_unit_test(test_the_question_names_every_package), cmocka_unit_test(test_only_malware_counts),
		cmocka_unit_test(test_what_does_not_fit_the_question_is_no_answer),
		cmocka_unit_test(test_an_address_is_safe_over_https_or_here),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
