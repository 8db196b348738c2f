#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A second compiler's opinion, man page syntax, and rules of the tree that a compiler does not know.
set -u
failed=0
complain() {
	echo "lint: $1"
	failed=1
}

if command -v clang >/dev/null; then
	made=$(mktemp -d)
	mkdir "$made/engined" && docs/pages.sh README.md docs/*.[1578] > "$made/engined/pages.inc"
	git ls-files '*.c' | xargs -P "$(nproc)" -n 8 clang -fsyntax-only -std=gnu11 -I. -I"$made" -D_GNU_SOURCE -DALPI_VERSION='"0"' \
	    $(pkgconf --cflags gmime-3.0 | sed 's/-I/-isystem /g') \
	    -Wall -Wextra -Wshadow -Wformat=2 -Wvla -Wno-format-nonliteral -Wno-unused-parameter -Werror ||
	    complain "clang warns"
	rm -r "$made"
fi
for page in docs/*.[1578]; do
	mandoc -T lint -W warning "$page" || complain "$page has warnings"
done
for file in $(git ls-files '*.c' '*.h' '*.def' '*.sh' '*.py' '*.mk' Makefile ':!tests/fixtures'); do
	head -n 3 "$file" | grep -q 'SPDX-License-Identifier: Apache-2.0' || complain "$file has no SPDX line"
done
git grep -nE '[[:blank:]]+$' -- '*.c' '*.h' '*.def' '*.sh' '*.py' '*.mk' Makefile && complain "blanks at the end of lines"
git grep -nwE 'TODO|FIXME' -- '*.c' '*.h' '*.def' '*.py' ':!tests' && complain "unfinished places"
exit $failed
