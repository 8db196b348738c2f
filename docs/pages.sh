#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Print the pages as rows of a C table, name and text, for engined/knowledge.c.
#   docs/pages.sh FILE...
set -eu
for page in "$@"; do
	printf '{ "%s",\n' "$(basename "$page")"
	case $page in
	*.md)	cat "$page" ;;
	*)	mandoc -T markdown "$page" | sed 's/\\\([^A-Za-z0-9]\)/\1/g' ;;	# names as they are, not escaped
	esac | sed 's/\\/\\\\/g; s/"/\\"/g; s/^/"/; s/$/\\n"/'
	printf '},\n'
done
