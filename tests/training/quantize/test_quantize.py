"""INT8 weights that find the cells as well are added; others are not, and nothing is written."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import tifffile
import yaml
from openvino import opset13 as ops

from napari_cellvino.cli import main
from napari_cellvino.core.errors import AccuracyError, TrainingDataError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.openvino import openvino_core
from napari_cellvino.engines.selftest import check_model
from napari_cellvino.model_package import ModelPackage, open_package
from napari_cellvino.training.convert.adapt import AdaptOptions
from napari_cellvino.training.convert.convert import ConvertOptions, convert
from napari_cellvino.training.convert.package_text import Sizes
from napari_cellvino.training.data.datasets import read_set
from napari_cellvino.training.metrics.evaluate import LabelledSet
from napari_cellvino.training.quantize import quantize
from napari_cellvino.training.quantize.calibration import calibration_tiles
from napari_cellvino.training.quantize.quantize import quantize_package

WELLS = ("A01", "A02")
SIDE = 160  # px

needs_nncf = pytest.mark.skipif(find_spec("nncf") is None, reason="needs the train extra")


def conv(value, weights: list, shift: list[float]):
    """A 1x1 convolution of channels."""
    kernel = ops.constant(np.array(weights, np.float32)[:, :, None, None])
    made = ops.convolution(value, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
    return ops.add(made, ops.constant(np.array(shift, np.float32).reshape(1, -1, 1, 1)))


def package_of(folder: Path, loud: float) -> ModelPackage:
    """Cells are what is above 0.35; beside that, a channel is ``loud`` times what is above 0.9, and not used.

    Numbers of both channels share one scale in INT8: where one is loud, nothing is left of the other.
    """
    image = ops.parameter([-1, 1, -1, -1], np.float32, "image")
    first = ops.relu(conv(image, [[1.0], [loud]], [0.0, -0.9 * loud]))
    maps = ops.sigmoid(conv(first, [[16.0, 1e-6]], [-5.6]))
    folder.mkdir()
    ov.save_model(ov.Model([maps], [image]), folder / "net.xml", compress_to_fp16=False)
    options = ConvertOptions("threshold", AdaptOptions(), Sizes(24.0, 256, 16))
    return convert(folder / "net.xml", folder / "package", options).package


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> ModelPackage:
    return package_of(tmp_path_factory.mktemp("calm") / "calm", 1.0)


@pytest.fixture
def labelled(tmp_path: Path) -> Path:
    """Two fields of the sample plate as a labelled set; the second is there to judge by."""
    plate, folder = shipped_folder("sample_data") / "plate", tmp_path / "set"
    for name in ("images", "labels"):
        (folder / name).mkdir(parents=True)
    for well in WELLS:
        image = tifffile.imread(plate / f"{well}_s1.ome.tif")[0, :SIDE, :SIDE]
        tifffile.imwrite(folder / "images" / f"{well}.tif", image)
        labels = tifffile.imread(plate / "labels" / f"{well}_s1.tif")[:SIDE, :SIDE]
        tifffile.imwrite(folder / "labels" / f"{well}.tif", labels)
    (folder / "splits.csv").write_text("id,split\nA01,train\nA02,val\n")
    return folder


@pytest.fixture
def validation(labelled: Path) -> list[LabelledSet]:
    return [LabelledSet("plate", tuple(read_set(labelled, "val")))]


def files_of(package: ModelPackage) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(package.folder.iterdir())}


@needs_nncf
def test_good_int8_weights_are_added_and_described(calm, labelled, validation, tmp_path):
    before, said = files_of(calm), []
    found = quantize_package(
        calm, read_set(labelled, "train"), validation, out=tmp_path / "new", max_drop=0.02, report=said.append
    )
    assert files_of(calm) == before, "with a folder of its own, the old package stays as it is"
    assert not found.carefully
    assert found.comparison.drop <= 0.02
    assert found.comparison.exact > 0.2
    assert said[0] == "calibrating on 1 tile(s)"
    package = open_package(tmp_path / "new")
    assert package.precisions == (Precision.FAST, Precision.EXACT, Precision.INT8)
    assert {c.precision: c.ok for c in check_model(package, device="CPU")}[Precision.INT8]
    measured = {s.metric: s.value for s in package.spec.scores if s.precision is Precision.INT8}
    assert measured["ap_mean"] == pytest.approx(found.comparison.int8)
    kinds = {n.get_type_name() for n in openvino_core().read_model(package.weights(Precision.INT8)).get_ops()}
    assert "FakeQuantize" in kinds
    rdf = yaml.safe_load((package.folder / "rdf.yaml").read_text())
    assert {"model_int8.xml", "model_int8.bin"} <= {entry["source"] for entry in rdf["attachments"]}
    again = quantize_package(package, read_set(labelled, "train"), validation, max_drop=0.02)
    assert len(again.package.spec.scores) == len(package.spec.scores), "older scores of INT8 are replaced"


@needs_nncf
@pytest.mark.slow
def test_layers_that_lose_too_much_stay_in_float(labelled, validation, tmp_path):
    loud = package_of(tmp_path / "loud", 1000.0)
    found = quantize_package(loud, read_set(labelled, "train"), validation, max_drop=0.02)
    assert found.carefully
    assert found.comparison.drop <= 0.02
    assert Precision.INT8 in open_package(loud.folder).precisions


def silenced(network: ov.Model, *_: object, **__: object) -> ov.Model:
    """A network that finds nothing, as a quantization that went wrong would leave it."""
    image = ops.parameter([-1, 1, -1, -1], np.float32, "image")
    return ov.Model([ops.multiply(image, ops.constant(np.float32(0)))], [image])


def test_what_loses_too_much_is_refused_with_figures(calm, labelled, validation, monkeypatch):
    monkeypatch.setattr(quantize, "quantize_network", silenced)
    monkeypatch.setattr(quantize, "quantize_with_accuracy_control", silenced)
    before = files_of(calm)
    with pytest.raises(AccuracyError, match=r"0\.0000 with INT8, 0\.\d+ in Exact, on 1 field\(s\), a loss of 0\.\d+"):
        quantize_package(calm, read_set(labelled, "train"), validation)
    assert files_of(calm) == before


def test_tiles_are_those_of_a_run(calm, labelled):
    """Normalised, mirrored to the tile, and as many from one field as from another."""
    fields = read_set(labelled)
    tiles = calibration_tiles(calm.spec, fields, most=8)
    assert [tile.shape for tile in tiles] == [(1, 1, 256, 256)] * 2
    for tile, field in zip(tiles, fields, strict=True):
        inside = tile[0, 0, :SIDE, :SIDE]
        order = np.argsort(field.image, axis=None)
        assert (np.diff(inside.reshape(-1)[order]) >= 0).all(), "brighter pixels are brighter"
        assert 0 <= np.percentile(inside, 50) <= 1
        np.testing.assert_array_equal(tile[0, 0, SIDE : SIDE + 20], tile[0, 0, SIDE - 1 : SIDE - 21 : -1])
    assert len(calibration_tiles(calm.spec, fields, most=1)) == 1
    with pytest.raises(TrainingDataError, match="no image to calibrate on"):
        calibration_tiles(calm.spec, [], most=8)


def test_the_command_says_what_it_did(calm, labelled, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(quantize, "quantize_network", lambda network, tiles: network)
    typed = ["quantize", str(calm.folder), "--calibration", str(labelled), "--out", str(tmp_path / "new")]
    assert main(typed) == 0
    said = capsys.readouterr()
    assert "calibrating on 1 tile(s)" in said.err
    assert "ap_mean" in said.out
    assert "on 1 field(s)" in said.out
    (labelled / "splits.csv").write_text("id,split\nA01,train\nA02,train\n")
    assert main([*typed[:-1], str(tmp_path / "other")]) == 0
    assert "calibrated on" in capsys.readouterr().err
    monkeypatch.setattr(quantize, "quantize_network", silenced)
    monkeypatch.setattr(quantize, "quantize_with_accuracy_control", silenced)
    assert main([*typed[:-1], str(tmp_path / "third")]) == 1
    assert "is not quantized" in capsys.readouterr().err
    assert not (tmp_path / "third").exists()


def test_pictures_without_labels_need_a_word(calm, labelled, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(quantize, "quantize_network", lambda network, tiles: network)
    typed = ["quantize", str(calm.folder), "--calibration", str(labelled / "images"), "--out", str(tmp_path / "new")]
    assert main(typed) == 1
    assert "--unchecked" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()
    assert main([*typed, "--unchecked"]) == 0
    assert "without a check" in capsys.readouterr().out
    assert open_package(tmp_path / "new").spec.scores == ()


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        (("--max-drop", "-1"), "--max-drop -1"),
        (("--max-drop", "nan"), "--max-drop nan"),
        (("--tiles", "0"), "--tiles 0"),
    ],
)
def test_wrong_usage(calm, labelled, typed, words, capsys):
    assert main(["quantize", str(calm.folder), "--calibration", str(labelled), *typed]) == 2
    assert words in capsys.readouterr().err


def test_a_folder_without_pictures(calm, tmp_path, capsys):
    assert main(["quantize", str(calm.folder), "--calibration", str(tmp_path), "--unchecked"]) == 1
    assert "holds no picture" in capsys.readouterr().err
