#!/usr/bin/env bash
# Install the programs that read profiles in a test into an environment of their own: anndata holds pandas back.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

folder=.cache/profilers
[ -x "$folder/bin/python" ] || "$PWD/.venv/bin/python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --no-compile --disable-pip-version-check -r requirements/profilers.txt
