#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Build the committed tree twice, in two places, and compare every program byte for byte.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
for copy in one two/deeper; do
	mkdir -p "$place/$copy"
	git archive HEAD | tar -x -C "$place/$copy"
	make -C "$place/$copy" -j"$(nproc)" all >/dev/null
	(cd "$place/$copy/build" && find bin libexec -type f -exec sha256sum {} +) | sort -k2 > "$place/${copy%%/*}.sums"
done
diff "$place/one.sums" "$place/two.sums" && echo "two builds, the same bytes:" && cat "$place/one.sums"
