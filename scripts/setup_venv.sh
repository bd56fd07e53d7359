#!/usr/bin/env bash
# Install this project, editable and at the locked versions, into .venv:  setup_venv.sh EXTRAS [GROUP]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

enough='import sys; sys.version_info >= (3, 11) or sys.exit(1); print(sys.executable)'

find_python() {
  local name
  for name in "${PYTHON:-python3.13}" python3.13 python3.12 python3.11 python3 python; do
    "$name" -c "$enough" 2>/dev/null && return
  done
  echo "napari-cellvino needs Python 3.11 or newer, and found none; install one, or name it: make PYTHON=/path/to/python" >&2
  exit 1
}

has_uv() { uv pip install --help 2>/dev/null | grep -e --group >/dev/null; }

if ! .venv/bin/python -c "$enough" >/dev/null 2>&1; then
  python=$(find_python)
  rm -rf .venv
  if has_uv; then uv venv --quiet --python "$python" .venv; else "$python" -m venv .venv; fi
fi

what=(--editable ".[$1]" --constraint requirements/lock.txt)
[ $# -lt 2 ] || what+=(--group "$2")
echo "Installing ${what[*]} into .venv; the first time takes a few minutes"
if has_uv; then
  # uv does not read where pip was told to look for local wheels.
  if [ -n "${PIP_FIND_LINKS:-}" ]; then export UV_FIND_LINKS="${UV_FIND_LINKS:-$PIP_FIND_LINKS}"; fi
  uv pip install --quiet --python .venv/bin/python "${what[@]}"
else
  .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip
  .venv/bin/python -m pip install --quiet "pip>=25.1"
  # Python compiles what is imported at its first start: less than all that is there.
  .venv/bin/python -m pip install --quiet --no-compile "${what[@]}"
fi
