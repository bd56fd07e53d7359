#!/usr/bin/env bash
# Install what reads our exports in tests and cannot live in .venv, each into an environment of its own in .cache/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=$PWD/.venv/bin/python
site() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

# make_environment NAME [OPTIONS OF PIP]: an environment in .cache/NAME with the pinned packages of its list
make_environment() {
  local folder=.cache/$1 list=requirements/readers-$1.txt
  shift
  [ -x "$folder/bin/python" ] || "$venv" -m venv --without-pip "$folder"
  "$venv" -m pip --python "$folder/bin/python" install --quiet --no-compile --disable-pip-version-check "$@" -r "$list"
}

echo "Installing the readers of cellpose and ome-zarr into .cache; the first time takes a minute"
make_environment ome-zarr
make_environment cellpose --no-deps
# torch is large, and is in .venv for training.
site "$venv" > "$(site "$PWD/.cache/cellpose/bin/python")/torch-of-venv.pth"
