"""Write a model as servers take it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from napari_cellvino.core.errors import ReplaceError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.storage.atomic import atomic_folder

_COMPOSE = """\
# OpenVINO Model Server with {name}: docker compose up, then cellvino run … --engine grpc://THIS-COMPUTER:9000
services:
  ovms:
    image: openvino/model_server:latest
    command: --config_path /models/config.json --port 9000 --rest_port 8000
    ports: ["9000:9000", "8000:8000"]
    volumes: [".:/models:ro"]
"""


def export_for_ovms(package: ModelPackage, out: Path, *, precision: Precision = Precision.FAST) -> Path:
    """Write a model for OpenVINO Model Server, and return its folder in ``out``.

    ``out`` holds ``NAME/1/model.xml`` and ``model.bin``, byte for byte those of the package, ``config.json`` and
    ``compose.yaml``. Servers of the Open Inference Protocol that run OpenVINO networks take them too.

    Parameters
    ----------
    package
        The model.
    out
        Folder, which must not be there.
    precision
        The weights: those for INT8, or the float ones, which the server runs in its own number type.

    Raises
    ------
    ModelPackageError
        If the model is encrypted.
    DeviceError
        If it has no weights for the precision.
    ReplaceError
        If the folder is there.
    OutputError
        If it cannot be written.
    """
    package.refuse_encrypted("exported")
    if out.exists():
        raise ReplaceError(f"{out} is there already; choose another folder")
    network, name = package.weights(precision), package.spec.name
    served = {"config": {"name": name, "base_path": f"/models/{name}"}}
    with atomic_folder(out) as folder:
        version = folder / name / "1"
        version.mkdir(parents=True)
        for suffix in (".xml", ".bin"):
            shutil.copyfile(network.with_suffix(suffix), version / f"model{suffix}")
        (folder / "config.json").write_text(json.dumps({"model_config_list": [served]}, indent=2), encoding="utf-8")
        (folder / "compose.yaml").write_text(_COMPOSE.format(name=name), encoding="utf-8")
    return out / name
