"""Two real servers on this computer, each in an environment of its own, run the shipped model as OpenVINO does here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
import tifffile
from model_servers import Lossy, Middle, forwarding, listening, started

from napari_cellvino import cli
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.provider import open_engine
from napari_cellvino.engines.remote.engine import Limits, ServerEngine
from napari_cellvino.model_package import find_package
from napari_cellvino.workflows.export_model import export_for_mlserver, export_for_ovms

TILE = 128


@pytest.fixture(scope="module")
def package():
    return find_package("nuclei")


@pytest.fixture(scope="module", params=["kserve", "mlserver"])
def server(request, package, tmp_path_factory):
    """The ports of HTTP and gRPC of a real server that has what was exported for servers."""
    python = os.environ.get(f"CELLVINO_{request.param.upper()}")
    if not python:
        pytest.skip(f"CELLVINO_{request.param.upper()} names no Python with {request.param}")
    folder = tmp_path_factory.mktemp(request.param)
    export, path = {"kserve": (export_for_ovms, "1/model.xml"), "mlserver": (export_for_mlserver, "model.xml")}[
        request.param
    ]
    network = export(package, folder / "models") / path
    with started(python, f"{request.param}_server.py", network, "nuclei", folder / "log.txt") as ports:
        yield ports


@pytest.fixture(scope="module")
def tiles(package):
    """Tiles of the test image, and what this computer makes of them."""
    image = package.test_tensors()[0][..., :TILE, :TILE]
    many = [np.ascontiguousarray(np.roll(image, shift, -1)) for shift in range(0, 2 * TILE, 16)]
    engine = open_engine(package, "CPU")
    engine.load(TILE)
    return many, [engine.infer(tile) for tile in many]


def difference(maps, expected):
    return float(np.sqrt(np.mean((maps.astype(np.float32) - expected.astype(np.float32)) ** 2)))


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_maps_are_those_of_this_computer(server, package, tiles, scheme):
    http, rpc = server
    engine = ServerEngine(package, f"{scheme}://127.0.0.1:{rpc if scheme == 'grpc' else http}")
    engine.load(TILE)
    many = len(tiles[0]) if scheme == "grpc" else 4  # MLServer knows only JSON there
    maps = list(engine.infer_all(tiles[0][:many]))
    engine.close()
    allowed = package.spec.tolerance["fast"]
    assert max(difference(a, b) for a, b in zip(maps, tiles[1][:many], strict=True)) <= allowed


def test_two_hundred_tiles_with_some_dropped_or_late(server, package, tiles):
    lossy = Lossy(drop=40, delay=25, seconds=0.3)
    with listening(Middle(forwarding(f"grpc://127.0.0.1:{server[1]}"), lossy)) as address:
        engine = ServerEngine(package, address, limits=Limits(least_s=0.2, backoff_s=0.02, attempts=8))
        engine.load(TILE)
        given = [tiles[0][n % len(tiles[0])] for n in range(200)]
        maps = list(engine.infer_all(given))
        engine.close()
    expected = [tiles[1][n % len(tiles[1])] for n in range(200)]
    assert max(difference(a, b) for a, b in zip(maps, expected, strict=True)) <= package.spec.tolerance["fast"]


def test_a_run_says_and_records_where_pixels_go(server, tmp_path, capsys):
    pixels = tifffile.imread(shipped_folder("sample_data") / "plate" / "A01_s1.ome.tif")[0, :192, :192]
    tifffile.imwrite(tmp_path / "image.tif", pixels)
    address = f"grpc://127.0.0.1:{server[1]}"
    counts = []
    for out, more in ((tmp_path / "here", ()), (tmp_path / "there", ("--engine", address))):
        assert cli.main(["run", str(tmp_path / "image.tif"), "--out", str(out), "--json", *more]) == 0
        told = capsys.readouterr()
        counts.append(json.loads(told.out)["fields"][0]["count"])
    assert f"pixels of tiles go to {address}" in told.err
    assert abs(counts[0] - counts[1]) <= 1
    annotation = next(Path(tmp_path / "there").rglob("annotation.json")).read_text()
    assert json.loads(annotation)["provenance"]["engine"]["device"].startswith(address)
