/* SPDX-License-Identifier: Apache-2.0 */
/* What hostd's refusals are to the command line (spec/host-plane.md, 3). */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/client.h"
#include "common/json.h"
#include "common/mem.h"

static enum error_code
code_of(int number, const char *message)
{
	cleanup_json json_t *answer = json_pack("{s:{s:i, s:s, s:{s:s}}}", "error", "code", number, "message", message,
	    "data", "detail", "why");
	struct error e = { 0 };

	assert_int_equal(client_refusal(answer, &e), -1);
	assert_string_equal(e.text, number == -32601 ? "the running daemon does not know this: why" : "why");
	return e.code;
}

/* Both come under one number: what is in use may be asked for again, a name that is taken stays taken. */
static void
test_what_is_in_use_is_no_name_that_is_taken(void **state)
{
	assert_int_equal(code_of(-32008, "precondition-failed"), ERR_busy);
	assert_int_equal(code_of(-32008, "name-taken"), ERR_exists);
}

static void
test_each_number_has_its_code(void **state)
{
	assert_int_equal(code_of(-32601, "method-not-found"), ERR_unsupported);
	assert_int_equal(code_of(-32602, "invalid-params"), ERR_invalid);
	assert_int_equal(code_of(-32001, "forbidden"), ERR_denied);
	assert_int_equal(code_of(-32004, "not-found"), ERR_not_found);
	assert_int_equal(code_of(-32009, "conflict"), ERR_conflict);
	assert_int_equal(code_of(-32029, "too-many-requests"), ERR_busy);
	assert_int_equal(code_of(-32603, "internal-error"), ERR_internal);
	assert_int_equal(code_of(-1, "strange"), ERR_internal);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_in_use_is_no_name_that_is_taken),
		cmocka_unit_test(test_each_number_has_its_code),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
