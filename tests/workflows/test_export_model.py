"""Models as servers take them."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import tifffile

import napari_cellvino
from napari_cellvino import segment
from napari_cellvino.core.errors import ReplaceError
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.model_package.spec import Normalisation
from napari_cellvino.workflows.export_model import export_for_bentoml, export_for_mlserver, export_for_ovms


@pytest.mark.parametrize(("export", "path"), [(export_for_ovms, "1/model.xml"), (export_for_mlserver, "model.xml")])
def test_a_server_gets_the_weights_byte_for_byte_and_sends_halves(package, tmp_path, export, path):
    network = export(package, tmp_path / "served") / path
    assert network.with_suffix(".bin").read_bytes() == (package.folder / "model.bin").read_bytes()
    batch, expected = package.test_tensors()
    model = ov.Core().read_model(network)
    assert [port.element_type for port in (model.input(), model.output())] == [ov.Type.f16, ov.Type.f16]
    (maps,) = ov.Core().compile_model(model, "CPU")(batch.astype(np.float16)).values()
    assert np.sqrt(np.mean((maps.astype(np.float32) - expected) ** 2)) <= package.spec.tolerance["fast"]
    with pytest.raises(ReplaceError):
        export(package, tmp_path / "served")


def test_a_model_of_pixels_without_bounds_is_sent_them_as_they_are(package, tmp_path):
    plain = package.spec.model_copy(update={"normalise": Normalisation(method="none")})
    folder = export_for_ovms(replace(package, spec=plain), tmp_path / "served")
    assert ov.Core().read_model(folder / "1" / "model.xml").input().element_type == ov.Type.f32


def test_servers_find_the_model_by_its_settings(package, tmp_path):
    export_for_ovms(package, tmp_path / "ovms")
    (served,) = json.loads((tmp_path / "ovms" / "config.json").read_text())["model_config_list"]
    assert served["config"] == {"name": "nuclei", "base_path": "/models/nuclei"}
    folder = export_for_mlserver(package, tmp_path / "mlserver")
    settings = json.loads((folder / "model-settings.json").read_text())
    assert (settings["name"], settings["inputs"][0]["datatype"]) == ("nuclei", "BYTES")
    module, _, name = settings["implementation"].rpartition(".")
    compiled = compile((folder / f"{module}.py").read_text(), module, "exec")
    assert name in compiled.co_names
    assert (folder / settings["parameters"]["uri"]).is_file()


@pytest.mark.slow
def test_a_bundle_counts_what_a_run_counts(package, tmp_path):
    httpx = pytest.importorskip("httpx", reason="needs the remote extra")
    from model_servers import free_port

    python = os.environ.get("CELLVINO_BENTOML")
    if not python:
        pytest.skip("CELLVINO_BENTOML names no Python with bentoml")
    pixels = tifffile.imread(shipped_folder("sample_data") / "plate" / "A01_s1.ome.tif")[0, :192, :192]
    tifffile.imwrite(tmp_path / "image.tif", pixels)
    expected = segment(tmp_path / "image.tif")
    bundle, port = export_for_bentoml(package, tmp_path / "bundle"), free_port()
    words = [python, "-m", "bentoml", "serve", "service:Cellvino", "--host", "127.0.0.1", "--port", str(port)]
    source = str(Path(napari_cellvino.__file__).parents[1])  # an editable install is not seen through another's path
    own = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(tmp_path / "home"), "PYTHONPATH": source}
    with (tmp_path / "log.txt").open("w") as log:
        process = subprocess.Popen(words, cwd=bundle, env=os.environ | own, stdout=log, stderr=subprocess.STDOUT)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client:
            for _ in range(240):
                try:
                    if process.poll() is not None or client.get("/readyz").is_success:
                        break
                except httpx.TransportError:
                    pass
                time.sleep(0.25)
            assert process.poll() is None, (tmp_path / "log.txt").read_text()
            files = {"image": ("image.tif", (tmp_path / "image.tif").read_bytes())}
            counted = client.post("/count", files=files)
            assert counted.is_success, counted.text + (tmp_path / "log.txt").read_text()
            labels = client.post("/labels", files=files)
    finally:
        process.terminate()
        process.wait(30)
    assert counted.json()["counts"]["count"] == expected.count
    assert len(counted.json()["objects"]) == expected.count
    assert np.array_equal(labels.json(), expected.labels)
