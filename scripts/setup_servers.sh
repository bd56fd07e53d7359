#!/usr/bin/env bash
# Install the model servers that tests run a model on, each into an environment of its own in .cache/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=$PWD/.venv/bin/python
site() { "$1" -c 'import sysconfig; print(sysconfig.get_path("purelib"))'; }

echo "Installing the servers kserve, mlserver and bentoml into .cache; the first time takes a minute"
for name in kserve mlserver bentoml; do
  folder=.cache/$name
  [ -x "$folder/bin/python" ] || "$venv" -m venv --without-pip "$folder"
  "$venv" -m pip --python "$folder/bin/python" install --quiet --no-compile --disable-pip-version-check -r "requirements/server-$name.txt"
  # OpenVINO and what BentoML serves are in .venv.
  site "$venv" > "$(site "$PWD/$folder/bin/python")/openvino-of-venv.pth"
done
