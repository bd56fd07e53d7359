"""Write a model as servers take it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_cellvino import __version__
from napari_cellvino.core.errors import ReplaceError
from napari_cellvino.core.recipe import Precision, Recipe
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.segmentation.pipeline import make_pipeline
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

_SERVICE = '''\
"""Count cells with {label} over HTTP: bentoml serve service:Cellvino, then POST an image to /count or /labels."""

from pathlib import Path

import bentoml
import numpy as np

from napari_cellvino import EngineProvider, load_model, segment
from napari_cellvino.core.recipe import load_recipe
from napari_cellvino.segmentation.pipeline import make_pipeline

HERE = Path(__file__).parent


@bentoml.service(name="cellvino-{name}")
class Cellvino:
    """The pipeline of recipe.yaml, with the model beside it."""

    def __init__(self) -> None:
        self._pipeline = make_pipeline(load_recipe(HERE / "recipe.yaml"), [load_model(str(HERE / "model"))])
        self._engines = EngineProvider()

    @bentoml.api
    def count(self, image: Path) -> dict:
        """Return the counts, notices and one row per object of an image file."""
        found = segment(image, self._pipeline, engines=self._engines)
        table = found.table.astype(object).where(found.table.notna(), None)
        return {{"counts": dict(found.counts), "notices": list(found.notices), "objects": table.to_dict("records")}}

    @bentoml.api
    def labels(self, image: Path) -> np.ndarray:
        """Return the label image of an image file; 0 is background."""
        return np.array(segment(image, self._pipeline, engines=self._engines).labels)
'''
_BENTOFILE = """\
service: "service:Cellvino"
include: ["service.py", "recipe.yaml", "model/*"]
python:
  packages: ["napari-cellvino=={version}"]
envs:
  - name: BENTOML_DO_NOT_TRACK
    value: "True"
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
    network, name = package.weights(precision), package.spec.name
    served = {"config": {"name": name, "base_path": f"/models/{name}"}}
    with _new_folder(package, out) as folder:
        version = folder / name / "1"
        version.mkdir(parents=True)
        for suffix in (".xml", ".bin"):
            shutil.copyfile(network.with_suffix(suffix), version / f"model{suffix}")
        (folder / "config.json").write_text(json.dumps({"model_config_list": [served]}, indent=2), encoding="utf-8")
        (folder / "compose.yaml").write_text(_COMPOSE.format(name=name), encoding="utf-8")
    return out / name


def export_for_bentoml(package: ModelPackage, out: Path, *, recipe: Recipe | None = None) -> Path:
    """Write the pipeline of a model as a service of BentoML, and return its folder.

    ``out`` holds ``service.py``, ``bentofile.yaml``, ``recipe.yaml`` and the package in ``model/``. The service gives
    counts, tables and labels of image files that are sent to it.

    Parameters
    ----------
    package
        The model.
    out
        Folder, which must not be there.
    recipe
        The settings; by default those of the model.

    Raises
    ------
    ModelPackageError
        If the model is encrypted.
    OptionError
        If the settings do not fit the model.
    ReplaceError
        If the folder is there.
    OutputError
        If it cannot be written.
    """
    fixed = make_pipeline((recipe or Recipe()).model_copy(update={"model": package.spec.name}), [package]).recipe
    with _new_folder(package, out) as folder:
        shutil.copytree(package.folder, folder / "model")
        (folder / "service.py").write_text(
            _SERVICE.format(label=package.label, name=package.spec.name), encoding="utf-8"
        )
        (folder / "bentofile.yaml").write_text(_BENTOFILE.format(version=__version__), encoding="utf-8")
        (folder / "recipe.yaml").write_text(fixed.dumps(), encoding="utf-8")
    return out


@contextmanager
def _new_folder(package: ModelPackage, out: Path) -> Iterator[Path]:
    """Yield a folder that takes the place of ``out`` when it is complete."""
    package.refuse_encrypted("exported")
    if out.exists():
        raise ReplaceError(f"{out} is there already; choose another folder")
    with atomic_folder(out) as folder:
        yield folder
