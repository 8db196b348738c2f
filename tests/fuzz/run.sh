#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run fuzz targets with clang's libFuzzer: SECONDS each, one after the other.
#   tests/fuzz/run.sh SECONDS TARGET...
set -eu
seconds=$1
shift
build=build/fuzzing
command -v clang >/dev/null || { echo "make fuzz needs clang (Debian: clang, libclang-rt-14-dev)" >&2; exit 1; }
make -j"$(nproc)" CC=clang SAN=fuzzer-no-link,address,undefined BUILD=$build OPT=-O1 \
	$(for t in "$@"; do echo "$build/fuzz/fuzz_$t"; done) >/dev/null
failed=0
for t in "$@"; do
	found=$build/found/$t
	mkdir -p "$found" "$build/corpus/$t"
	if "$build/fuzz/fuzz_$t" -max_total_time="$seconds" -artifact_prefix="$found/" -rss_limit_mb=2048 \
	    -max_len=65536 -print_final_stats=1 "$build/corpus/$t" "tests/fuzz/corpus/$t" > "$found/log" 2>&1; then
		echo "$t: $(awk '/number_of_executed_units/ { print $2 }' "$found/log") runs in $seconds s, nothing found"
	else
		echo "$t: FOUND, see $found/log"
		tail -n 30 "$found/log"
		failed=1
	fi
done
exit $failed
