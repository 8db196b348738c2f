#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Static analysis, man page syntax, and rules of the tree that a compiler does not know.
set -u
failed=0
complain() {
	echo "lint: $1"
	failed=1
}

if command -v cppcheck >/dev/null; then
	cppcheck --quiet --std=c11 --enable=warning,portability --inline-suppr --error-exitcode=1 -I. -D_GNU_SOURCE -D__linux__ \
	    --suppress=missingIncludeSystem --suppress=nullPointerOutOfMemory --suppress=preprocessorErrorDirective \
	    common init engined toolrunner hostd cli proto || complain "cppcheck has findings"
fi
for page in docs/*.[1578]; do
	mandoc -T lint -W warning "$page" || complain "$page has warnings"
done
for file in $(git ls-files '*.c' '*.h' '*.def' '*.sh' '*.py' '*.mk' Makefile); do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || complain "$file has no SPDX line"
done
git grep -nE '[[:blank:]]+$' -- '*.c' '*.h' '*.def' '*.sh' '*.py' '*.mk' Makefile && complain "blanks at the end of lines"
git grep -nwE 'TODO|FIXME' -- '*.c' '*.h' '*.def' '*.py' && complain "unfinished places"
exit $failed
