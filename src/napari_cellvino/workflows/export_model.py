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
from napari_cellvino.engines.openvino import save_for_servers
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

_RUNTIME = '''\
"""The network of {label} for MLServer: pip install mlserver openvino, then mlserver start with the folder above.

MLServer makes a Python number of every value of a tensor, which takes longer than the network. So pixels and maps may
also come and go as files of NumPy (.npy), each one element of BYTES: that is what the metadata ask for.
"""

import io
import sys

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse, ResponseOutput
from mlserver.utils import get_model_uri
from numpy.lib import format as npy

sys.modules["openvino_telemetry"] = None  # it would send an event
import openvino as ov  # noqa: E402  (after the line above)

TYPES = {{"float16": ov.Type.f16, "float32": ov.Type.f32}}


class Network(MLModel):
    """Takes and gives numbers of one type, float16 or float32."""

    async def load(self) -> bool:
        self._path = await get_model_uri(self.settings)
        self._core, self._requests = ov.Core(), {{}}
        return True

    async def predict(self, payload):
        given = payload.inputs[0]
        as_file = given.datatype == "BYTES"
        batch = np.load(io.BytesIO(given.data.root[0])) if as_file else NumpyCodec.decode_input(given)
        request = self._request(batch.dtype.name, batch.shape)
        request.infer({{0: batch}})
        encode = _as_file if as_file else NumpyCodec.encode_output
        return InferenceResponse(model_name=self.name, outputs=[encode("maps", request.output_tensors[0].data)])

    def _request(self, name, shape):
        """Compile for each size: a network for any size takes a sixth longer."""
        if (name, shape) not in self._requests:
            network = self._core.read_model(self._path)
            network.reshape(list(shape))
            conversion = ov.preprocess.PrePostProcessor(network)
            conversion.input().tensor().set_element_type(TYPES[name])
            conversion.output().tensor().set_element_type(TYPES[name])
            compiled = self._core.compile_model(conversion.build(), "CPU", {{"PERFORMANCE_HINT": "LATENCY"}})
            self._requests[name, shape] = compiled.create_infer_request()
        return self._requests[name, shape]


def _as_file(name, maps):
    head = io.BytesIO()
    npy.write_array_header_1_0(head, npy.header_data_from_array_1_0(maps))
    return ResponseOutput(name=name, datatype="BYTES", shape=[1], data=[b"".join((head.getvalue(), maps.data))])
'''

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

    ``out`` holds ``NAME/1/model.xml`` and ``model.bin``, ``config.json`` and ``compose.yaml``. The weights are byte for
    byte those of the package; the network gives maps as float16, and takes pixels so where these are bounded. Servers
    of the Open Inference Protocol that run OpenVINO networks take them too.

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
    name = package.spec.name
    served = {"config": {"name": name, "base_path": f"/models/{name}"}}
    with _new_folder(package, out) as folder:
        _write_network(package, folder / name / "1", precision)
        (folder / "config.json").write_text(json.dumps({"model_config_list": [served]}, indent=2), encoding="utf-8")
        (folder / "compose.yaml").write_text(_COMPOSE.format(name=name), encoding="utf-8")
    return out / name


def export_for_mlserver(package: ModelPackage, out: Path, *, precision: Precision = Precision.FAST) -> Path:
    """Write a model for MLServer, and return its folder in ``out``; arguments and errors are as of `export_for_ovms`.

    ``out`` holds ``settings.json`` and ``NAME/`` with the network, ``model-settings.json`` and ``runtime.py``, which
    takes pixels as files of NumPy.
    """
    name = package.spec.name
    limits = {"grpc_max_message_length": -1, "parallel_workers": 0}  # maps are long; workers would get copies
    described = {
        "name": name,
        "implementation": "runtime.Network",
        "inputs": [{"name": "image", "datatype": "BYTES", "shape": [1]}],
        "parameters": {"uri": "./model.xml", "version": package.spec.version},
    }
    with _new_folder(package, out) as folder:
        _write_network(package, folder / name, precision)
        for path, said in ((folder / "settings.json", limits), (folder / name / "model-settings.json", described)):
            path.write_text(json.dumps(said, indent=2), encoding="utf-8")
        (folder / name / "runtime.py").write_text(_RUNTIME.format(label=package.label), encoding="utf-8")
    return out / name


def _write_network(package: ModelPackage, folder: Path, precision: Precision) -> None:
    folder.mkdir(parents=True)
    bounded = package.spec.normalise.method == "percentiles"
    save_for_servers(package.weights(precision), folder / "model.xml", halves=bounded)


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
