#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The budgets of architecture, each beside its floor: `name value unit floor ratio budget`, also in BUILD/bench.tsv.
set -eu
export ALPI_BUILD="${1:-build}"
python=/usr/bin/python3
[ -x "$python" ] || python=python3
exec "$python" tests/bench/bench.py
