"""What others made becomes a package that runs here and does what they promise, or a sentence says why not."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
import yaml
from openvino import opset13 as ops

from napari_cellvino.cli import main
from napari_cellvino.core.errors import CellvinoError, ModelPackageError, OptionError, OutputError
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.openvino import openvino_core
from napari_cellvino.engines.selftest import check_model
from napari_cellvino.model_package import open_package
from napari_cellvino.training.convert.adapt import AdaptOptions
from napari_cellvino.training.convert.convert import ConversionResult, ConvertOptions, convert
from napari_cellvino.training.convert.package_text import Sizes
from napari_cellvino.training.convert.selftest import normalised

HERE = Path(__file__).parent
TRUE_CELLS = 58  # in the sample that is run


def converted(
    path: Path, *, sizes: Sizes | None = None, architecture: str = "", channels=None, **overrides
) -> ConversionResult:
    sizes = sizes or Sizes(halo=16)  # measuring the halo has a test of its own
    options = ConvertOptions("mine", AdaptOptions(**overrides), sizes, architecture, channels)
    return convert(path, path.parent / "package", options)


def rdf_of(found: ConversionResult) -> dict:
    return yaml.safe_load((found.package.folder / "rdf.yaml").read_text(encoding="utf-8"))


def assert_checked(found: ConversionResult) -> None:
    assert all(check.ok for check in check_model(open_package(found.package.folder), device="CPU"))


def test_a_converted_network_finds_cells(write_network, tmp_path, capsys):
    path = write_network()
    out = tmp_path / "bright"
    assert main(["convert", str(path), "--out", str(out), "--diameter", "24"]) == 0
    assert "foreground from ONNX" in capsys.readouterr().out
    assert_checked(ConversionResult(open_package(out), "", None, 0, complete=True))
    image = shipped_folder("sample_data") / "plate" / "A01_s1.ome.tif"
    assert main(["run", str(image), "--model", str(out), "--out", str(tmp_path / "found")]) == 0
    said = re.search(r"(\d+) cells in 1 of 1", capsys.readouterr().err)
    assert abs(int(said[1]) - TRUE_CELLS) <= 0.15 * TRUE_CELLS


def test_what_is_written_says_what_was_found_out(write_network):
    found = converted(write_network(), sizes=Sizes(24.0), classes=("bead",))
    spec = found.package.spec
    assert (spec.task, spec.head.name, spec.maps, spec.classes) == (
        "instances",
        "foreground",
        ("foreground",),
        ("bead",),
    )
    assert (spec.input_channels, spec.stride, spec.diameter_px.reference, spec.halo) == (1, 1, 24.0, 16)
    assert 4 <= spec.bytes_per_pixel <= 40
    rdf = rdf_of(found)
    assert rdf["weights"]["onnx"]["opset_version"] == 17
    assert rdf["inputs"][0]["axes"][2]["size"] == {"min": 64, "step": 1}
    assert rdf["inputs"][0]["preprocessing"][0]["id"] == "scale_range"
    assert {entry["source"] for entry in rdf["attachments"]} == {"model.xml", "model.bin"}
    assert found.complete
    assert "head `foreground`" in found.package.card()


def test_logits_need_a_word(write_network):
    path = write_network(activation="Identity")
    with pytest.raises(OptionError, match=r"gives -\S+ to 1\S+: .*--activation sigmoid"):
        converted(path)
    found = converted(path, activation="sigmoid")
    assert rdf_of(found)["outputs"][0]["postprocessing"] == [{"id": "sigmoid"}]
    given, expected = found.package.test_tensors()
    np.testing.assert_allclose(expected, 1 / (1 + np.exp(5.6 - 16 * given)), atol=1e-5)
    assert_checked(found)


def test_channels_that_exclude_each_other(write_network):
    path = write_network(gains=(0.0, 9.0, 0.0), shifts=(0.0, -3.0, -4.0), activation="Identity")
    found = converted(path, activation="softmax")
    assert found.package.spec.maps == ("foreground", "boundary")
    given, expected = found.package.test_tensors()
    logits = np.concatenate([0 * given, 9 * given - 3, 0 * given - 4], 1)
    np.testing.assert_allclose(expected, (np.exp(logits) / np.exp(logits).sum(1, keepdims=True))[:, 1:], atol=1e-5)
    assert not found.complete, "no other program knows that the background was left out"
    assert rdf_of(found)["weights"] == {}
    assert_checked(found)


def test_offsets_are_no_probabilities(write_network):
    path = write_network(gains=(16.0, 3.0, -3.0), shifts=(-5.6, 7.0, -7.0), activation="Identity")
    found = converted(path, head="centre_offset", activation="sigmoid")
    given, expected = found.package.test_tensors()
    np.testing.assert_allclose(expected[:, 0], 1 / (1 + np.exp(5.6 - 16 * given[:, 0])), atol=1e-5)
    np.testing.assert_allclose(expected[:, 1], 3 * given[:, 0] + 7, atol=1e-4)
    assert not found.complete


def test_maps_are_found_by_name(write_network):
    path = write_network(gains=(0.0, -9.0, 9.0), shifts=(0.5, 4.0, -4.0))
    found = converted(path, maps=("noise", "background", "foreground"))
    given, expected = found.package.test_tensors()
    np.testing.assert_allclose(expected, 1 / (1 + np.exp(4 - 9 * given)), atol=1e-5)


def test_a_grid_of_boxes(write_network):
    path = write_network(gains=(0.1,) * 4, shifts=(0.2,) * 4, activation="Identity", stride=4, channels=3)
    found = converted(path, head="grid", classes=("living", "dead"), maps=())
    spec = found.package.spec
    assert (spec.task, spec.stride, spec.input_channels) == ("detection", 4, 3)
    assert spec.maps == ("living", "dead", "offset_y", "offset_x")
    assert rdf_of(found)["outputs"][0]["axes"][2]["scale"] == 4.0
    assert_checked(found)


def test_a_mask_has_the_tile_of_its_crop(write_network):
    found = converted(write_network(), head="mask")
    assert (found.package.spec.task, found.package.spec.tile, found.package.spec.halo) == ("mask", 224, 0)


def test_how_far_a_network_looks_is_measured(tmp_path):
    image = ops.parameter([-1, 1, -1, -1], np.float32)
    blur = ops.constant(np.full((1, 1, 41, 41), 1 / 41**2, np.float32))
    smooth = ops.convolution(image, blur, [1, 1], [20, 20], [20, 20], [1, 1])
    ov.save_model(ov.Model([ops.clamp(smooth, 0.0, 1.0)], [image]), tmp_path / "net.xml")
    found = converted(tmp_path / "net.xml", sizes=Sizes())
    assert found.package.spec.halo in {16, 32}, "20 px, less where hardly anything changes"
    assert not found.complete, "bioimage.io has no entry for OpenVINO's own form"
    assert_checked(found)


def test_an_upsampling_is_rewritten(tmp_path):
    image = ops.parameter([-1, 1, -1, -1], np.float32)
    small = ops.max_pool(image, [2, 2], [1, 1], [0, 0], [0, 0], [2, 2]).output(0)
    scales = ops.constant(np.array([1, 1, 2, 2], np.float32))
    large = ops.interpolate(
        small, scales, "nearest", "scales", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )
    kernel = ops.constant(np.random.default_rng(0).normal(0, 1, (1, 2, 3, 3)).astype(np.float32))
    made = ops.convolution(ops.concat([image, large], 1), kernel, [1, 1], [1, 1], [1, 1], [1, 1])
    ov.save_model(ov.Model([ops.sigmoid(made)], [image]), tmp_path / "net.xml")
    found = converted(tmp_path / "net.xml")
    assert found.fused == 1
    assert_checked(found)


def test_tensorflow_without_tensorflow(tmp_path):
    """Made by TensorFlow 2 (a convolution of stride 2, nearest-neighbour resizing, one more, a sigmoid)."""
    with zipfile.ZipFile(HERE / "data" / "saved_model.zip") as archive:
        archive.extractall(tmp_path / "net")
    found = converted(tmp_path / "net")
    assert found.form == "TensorFlow SavedModel"
    tensors = np.load(HERE / "data" / "saved_model_tensors.npz")
    model = openvino_core().read_model(found.package.folder / "model.xml")
    compiled = openvino_core().compile_model(model, "CPU", {"EXECUTION_MODE_HINT": "ACCURACY"})
    made = compiled(np.moveaxis(tensors["image"].astype(np.float32), -1, 1))[0]
    np.testing.assert_allclose(made, np.moveaxis(tensors["foreground"], -1, 1), atol=2e-3)  # weights are kept as f16
    assert_checked(found)


def test_a_described_model_keeps_its_promises(describe):
    found = converted(describe())
    spec = found.package.spec
    assert found.agreement.rms < 1e-5
    assert (spec.title, spec.version, spec.licence, spec.normalise.method) == (
        "Bright things", "1.2.0", "CC0-1.0", "mean_std",
    )  # fmt: skip
    rdf = rdf_of(found)
    assert (rdf["authors"], rdf["cite"]) == ([{"name": "Ada"}], [{"text": "Ada 1843"}])
    assert rdf["outputs"][0]["postprocessing"] == [{"id": "sigmoid"}]
    assert found.complete
    assert_checked(found)
    given, _ = found.package.test_tensors()
    again = normalised(given, spec.normalise)
    np.testing.assert_allclose(again, given, atol=1e-4)  # so that the description's first step may be done twice


def test_what_is_promised_and_not_kept_is_refused_with_figures(describe):
    folder = describe()
    np.save(folder / "out.npy", np.load(folder / "out.npy") ** 2)
    with pytest.raises(ModelPackageError, match=r"by 0\.\d+ \(root mean square\)"):
        converted(folder)
    assert not (folder.parent / "package").exists()


def test_a_zip_and_the_older_words(describe):
    folder = describe()
    rdf = yaml.safe_load((folder / "rdf.yaml").read_text())
    given, result = rdf["inputs"][0], rdf["outputs"][0]
    (folder / "rdf.yaml").unlink()
    old = {
        "inputs": [
            {
                "name": "raw", "axes": "bcyx", "shape": {"min": [1, 1, 16, 16], "step": [0, 0, 16, 16]},
                "preprocessing": [{"name": "zero_mean_unit_variance", "kwargs": {"mode": "per_sample", "axes": "yx"}}],
            }
        ],
        "outputs": [{"name": "p", "axes": "bcyx", "halo": [0, 0, 20, 20], "postprocessing": [{"name": "sigmoid"}]}],
        "test_inputs": [given["test_tensor"]["source"]],
        "test_outputs": [result["test_tensor"]["source"]],
    }  # fmt: skip
    (folder / "model.yaml").write_text(yaml.safe_dump(rdf | {"format_version": "0.4.9"} | old))
    packed = folder.parent / "packed.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, file.name)
    found = converted(packed, sizes=Sizes())
    assert found.agreement.rms < 1e-5
    assert found.package.spec.halo == 32, "20 px, in steps of 16"


def test_fixed_steps_go_into_the_network(describe):
    """0.5 x + 0.25 after normalisation, no more than 1: the network's own (2 x - 1) comes after that."""
    steps = [
        {"id": "scale_linear", "kwargs": {"gain": 3.0, "offset": 1.0}},  # changes nothing before what follows
        {"id": "zero_mean_unit_variance", "kwargs": {"axes": ["y", "x"]}},
        {"id": "scale_linear", "kwargs": {"gain": [0.5], "offset": [0.25], "axis": "channel"}},
        {"id": "clip", "kwargs": {"max": 1.0, "min": -5.0}},
        {"id": "ensure_dtype", "kwargs": {"dtype": "float32"}},
    ]
    folder = describe(given={"preprocessing": steps})
    raw = np.load(folder / "in.npy")
    seen = np.minimum(0.5 * (raw - raw.mean()) / raw.std() + 0.25, 1)
    np.save(folder / "out.npy", (1 / (1 + np.exp(1 - 2 * seen))).astype(np.float32))
    found = converted(folder)
    assert found.agreement.rms < 1e-5
    assert [step["id"] for step in rdf_of(found)["inputs"][0]["preprocessing"]] == [
        "zero_mean_unit_variance", "scale_linear", "clip",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([{"id": "clip", "kwargs": {"max": 9}}, {"id": "zero_mean_unit_variance"}], "after clip"),
        ([{"id": "scale_range"}, {"id": "zero_mean_unit_variance"}], "after another normalisation"),
        ([{"id": "scale_linear", "kwargs": {"gain": -1}}, {"id": "scale_range"}], "after scale_linear"),
        ([{"id": "scale_range", "kwargs": {"reference_tensor": "other"}}], "another image"),
        ([{"id": "zero_mean_unit_variance", "kwargs": {"mode": "per_dataset"}}], "whole data set"),
        ([{"id": "binarize", "kwargs": {"threshold": 3}}], r"'binarize' \(threshold=3\)"),
        ([{"id": "scale_linear", "kwargs": {"gain": [1, 2], "axis": "y"}}], "one gain per y"),
    ],
)
def test_preprocessing_that_cannot_be_had(describe, steps, words):
    with pytest.raises(ModelPackageError, match=words):
        converted(describe(given={"preprocessing": steps}))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format_version": "0.3.6"}, "0.4 and 0.5 are known"),
        ({"type": "dataset"}, "describes no bioimage.io model"),
        ({"given": {"id": "probability"}}, "both the input and the output 'probability'"),
        ({"given": {"axes": "bczyx"}}, "axes 'bczyx'"),
        ({"outputs": []}, "0 outputs"),
        ({"weights": {"onnx": {"source": "https://example.com/net.onnx"}}}, "--architecture"),
        ({"weights": {"keras_hdf5": {"source": "net.onnx"}}}, "it offers keras_hdf5"),
        ({"weights": {"onnx": {"source": "net.onnx", "sha256": "0" * 64}}}, "sha256 differs"),
        ({"weights": {"onnx": {"source": "../net.onnx"}}}, "no weights beside it"),
    ],
)
def test_descriptions_that_cannot_be_used(describe, changes, words):
    with pytest.raises(ModelPackageError, match=words):
        converted(describe(**changes))


def test_what_the_description_says_is_not_said_again(describe):
    folder = describe()
    for overrides, words in (
        ({"activation": "sigmoid"}, "already ends with sigmoid"),
        ({"normalise": "none"}, "already"),
    ):
        with pytest.raises(OptionError, match=words):
            converted(folder, **overrides)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["", "v0_4_0.bioimageio.yaml", "v0_4_9.bioimageio.yaml"])
def test_a_real_model_of_the_zoo(shared_data, tmp_path, name):
    options = ConvertOptions("unet", AdaptOptions(), Sizes())
    found = convert(shared_data / "bioimageio_unet2d_nuclei" / name, tmp_path / "unet", options)
    assert found.agreement.rms < 1e-4
    assert (found.package.spec.halo, found.package.spec.normalise.method) == (32, "mean_std")
    assert rdf_of(found)["inputs"][0]["axes"][2]["size"] == 512, "its ONNX file takes nothing else"
    assert_checked(found)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        ({"channels": 4}, "takes 4 channels"),
        ({"channels": "any"}, "does not say how many channels"),
        ({"pad": -1}, r"maps of 254 × 254 px for an image of 256 × 256"),
        ({"stride": 2}, "2 times smaller"),
        ({"gains": (1.0,) * 5, "shifts": (0.0,) * 5}, "gives 5 maps, and the head 'foreground' wants"),
    ],
)
def test_networks_that_do_not_fit(write_network, tmp_path, network, words):
    if network == {"channels": "any"}:
        image = ops.parameter([-1, -1, -1, -1], np.float32)
        path = tmp_path / "net.xml"
        ov.save_model(ov.Model([ops.sigmoid(image)], [image]), path)
    else:
        path = write_network(**network)
    with pytest.raises(CellvinoError, match=words):
        converted(path)
    assert not (tmp_path / "package").exists()


def test_several_outputs_and_other_ranks(tmp_path):
    image = ops.parameter([-1, 1, -1, -1], np.float32)
    ov.save_model(ov.Model([ops.sigmoid(image), ops.relu(image)], [image]), tmp_path / "two.xml")
    with pytest.raises(ModelPackageError, match="2 outputs"):
        converted(tmp_path / "two.xml")
    volume = ops.parameter([-1, 1, -1, -1, -1], np.float32)
    ov.save_model(ov.Model([ops.sigmoid(volume)], [volume]), tmp_path / "volume.xml")
    with pytest.raises(ModelPackageError, match="has 5 axes"):
        converted(tmp_path / "volume.xml")
    number = ops.parameter([-1, 1, -1, -1], np.int32)
    ov.save_model(ov.Model([ops.abs(number)], [number]), tmp_path / "whole.xml")
    with pytest.raises(ModelPackageError, match="takes i32"):
        converted(tmp_path / "whole.xml")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("absent.onnx", None, "there is no .*absent.onnx"),
        ("photo.png", b"no network", "no network that can be read; name an ONNX file"),
        ("net.onnx", b"no network", "no ONNX file"),
        ("net.onnx", b"", "no ONNX file"),
        ("net.xml", b"<net/>", "no net.bin beside it"),
        ("rdf.yaml", b"- 1", "describes no bioimage.io model"),
        ("rdf.yaml", b"a: [", "cannot be read"),
        ("net.zip", b"no zip", "no network that can be read"),
    ],
)
def test_files_that_are_no_networks(tmp_path, name, content, words, capfd):
    pytest.importorskip("onnx", reason="needs the train extra")
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelPackageError, match=words):
        converted(tmp_path / name)
    assert capfd.readouterr().err == ""


def test_what_is_there_is_not_overwritten(write_network, tmp_path):
    path, options = write_network(), ConvertOptions("mine", AdaptOptions(), Sizes(halo=16))
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.tif").touch()
    with pytest.raises(OutputError, match="is no model package"):
        convert(path, tmp_path / "photos", options, overwrite=True)
    convert(path, tmp_path / "new", options)
    with pytest.raises(OutputError, match="--overwrite"):
        convert(path, tmp_path / "new", options)
    convert(path, tmp_path / "new", options, overwrite=True)
