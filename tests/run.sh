#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Run the tests of a build folder and end with the line "N passed, N failed".
#   tests/run.sh BUILD [unit|flow]
set -u
build=${1:-build}
only=${2:-all}
passed=0 failed=0
export ALPI_BUILD="$build"
log=$build/tests/last.log

note() {
	passed=$((passed + $1))
	failed=$((failed + $2))
}

run_unit() {
	for t in "$build"/tests/test_*; do
		case $t in *.*) continue ;; esac
		[ -x "$t" ] || continue
		CMOCKA_MESSAGE_OUTPUT=STDOUT "$t" > "$log" 2>&1
		status=$?
		p=$(grep -c '^\[       OK \]' "$log")
		ran=$(grep -c '^\[ RUN      \]' "$log")
		skipped=$(grep '^\[  SKIPPED \] test_' "$log" | sort -u | wc -l)
		f=$((ran - p - skipped))		# one that ended the program has no line of its own
		if [ $status -ne 0 ] || [ "$ran" = 0 ]; then
			[ "$f" -gt 0 ] || f=1
			echo "--- ${t##*/} (exit $status)"
			cat "$log"
		fi
		echo "${t##*/}: $p passed, $f failed, $skipped skipped"
		note "$p" "$f"
	done
	for t in "$build"/tests/replay_*; do
		[ -x "$t" ] || continue
		name=${t##*/replay_}
		if "$t" "tests/fuzz/corpus/$name" > "$log" 2>&1; then
			note 1 0
		else
			echo "--- ${t##*/}"
			cat "$log"
			note 0 1
		fi
	done
}

# Under restrict a daemon cannot be looked into, so the sanitizer's leak check cannot run; the unit tests keep theirs.
without_leak_check() {
	! grep -q __asan_init "$build/libexec/alpi/alpi-hostd" && return
	export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"
}

run_flow() {
	without_leak_check
	python=/usr/bin/python3
	"$python" -c 'import pytest' 2>/dev/null || python=python3
	beside=		# flows mostly wait, so one process for each processor; a file's tests stay together
	"$python" -c 'import xdist' 2>/dev/null && beside="-n auto --dist loadfile"
	"$python" -m pytest -q -p no:cacheprovider $beside --tb=short --durations=20 --durations-min=4 tests/flow > "$log" 2>&1
	status=$?
	cat "$log"
	p=$(grep -Eo '[0-9]+ passed' "$log" | tail -n 1 | cut -d' ' -f1)
	f=$(grep -Eo '[0-9]+ (failed|error)' "$log" | tail -n 2 | awk '{ n += $1 } END { print n + 0 }')
	[ $status -eq 0 ] || [ "$f" -gt 0 ] || f=1
	note "${p:-0}" "${f:-0}"
}

[ "$only" = flow ] || run_unit
[ "$only" = unit ] || run_flow
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
