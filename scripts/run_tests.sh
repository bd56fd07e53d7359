#!/usr/bin/env bash
# Run the tests of the window beside all others: `scripts/run_tests.sh PYTHON [COMMAND THAT GIVES A SCREEN …]`.
# Each half is one process and leaves a core idle; together they take little more than half of the time.
set -u
python=$1
shift
report=$(mktemp)
trap 'kill $(jobs -p) 2>/dev/null; rm -f "$report"' EXIT
"$@" "$python" -m pytest tests/gui --durations=25 -o cache_dir=.pytest_cache/window >"$report" 2>&1 &
beside=$!
"$@" "$python" -m pytest --ignore tests/gui --durations=25
others=$?
wait "$beside"
window=$?
echo "----- tests of the window"
cat "$report"
exit $((others != 0 || window != 0))
