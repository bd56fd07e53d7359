#!/usr/bin/env bash
# Run all tests, two parts at a time: `scripts/run_tests.sh PYTHON [COMMAND THAT GIVES A SCREEN …]`.
# Each part is one process and leaves a core idle; who is done takes the next part, so the longest come first.
set -u
python=$1
shift
alone=(tests/gui tests/workflows tests/cli tests/training)

parts() {
  echo tests/gui
  echo "tests $(printf -- '--ignore %s ' "${alone[@]}")"
  echo tests/workflows
  echo tests/cli
  echo tests/training
}

parts | xargs -P 2 -I PART bash -c '
  part=$1 report=$(mktemp)
  shift
  name=${part%% *}
  echo "----- $part" >"$report"
  "$@" -m pytest $part --durations=25 -o "cache_dir=.pytest_cache/${name#tests/}" >>"$report" 2>&1
  code=$?
  cat "$report"
  rm "$report"
  exit "$code"
' run PART "$@" "$python"
