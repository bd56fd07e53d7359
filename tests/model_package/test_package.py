"""A package is used only when every file it lists is there and unaltered."""

import hashlib
import io
import os
import re
import shutil

import numpy as np
import pytest

from napari_cellvino.core.errors import DeviceError, ModelPackageError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.model_package import open_package

BASIC = {"model.xml": b"<net/>", "model.bin": b"\x00\x01"}


def array_file(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def test_package_says_what_it_is(make_package):
    package = open_package(make_package())
    assert package.label == "tiny 0.3.0"
    assert package.card() == "# Card\n"
    assert package.precisions == (Precision.FAST, Precision.EXACT)
    assert package.weights(Precision.EXACT) == package.folder / "model.xml"


def test_int8_is_offered_only_with_weights_for_it(make_package):
    with pytest.raises(DeviceError, match="int8.*fast, exact"):
        open_package(make_package()).weights(Precision.INT8)
    files = BASIC | {"model_int8.xml": b"<q/>", "model_int8.bin": b"q"}
    weights = {"float": "model.xml", "int8": "model_int8.xml"}
    quantized = open_package(make_package("quantized", files=files, weights=weights))
    assert quantized.precisions[-1] is Precision.INT8
    assert quantized.weights(Precision.INT8).name == "model_int8.xml"
    assert quantized.weights(Precision.FAST).name == "model.xml"


@pytest.mark.parametrize("name", ["model.xml", "model.bin", "README.md"])
def test_altered_file_is_named(make_package, name):
    folder = make_package()
    (folder / name).write_bytes(b"something else")
    with pytest.raises(ModelPackageError, match=re.escape(str(folder / name))):
        open_package(folder)


def test_missing_file_is_named(make_package):
    folder = make_package()
    (folder / "model.bin").unlink()
    with pytest.raises(ModelPackageError, match=r"model\.bin"):
        open_package(folder)


def test_folder_in_place_of_a_file(make_package):
    folder = make_package()
    (folder / "model.bin").unlink()
    (folder / "model.bin").mkdir()
    with pytest.raises(ModelPackageError, match=r"model\.bin"):
        open_package(folder)


@pytest.mark.parametrize("unlisted", ["model.xml", "model.bin"])
def test_weights_must_be_listed(make_package, unlisted):
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in BASIC.items() if name != unlisted}
    with pytest.raises(ModelPackageError, match=f"sha256.*{unlisted}"):
        open_package(make_package(sha256=sums))


def test_no_file_outside_the_folder_is_touched(make_package, tmp_path):
    secret = tmp_path / "secret.xml"
    secret.write_bytes(b"<net/>")
    right = hashlib.sha256(b"<net/>").hexdigest()
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in BASIC.items()}
    for number, name in enumerate(("../secret.xml", str(secret), "a/../../secret.xml")):
        folder = make_package(f"escaping{number}", sha256=sums | {name: right})
        with pytest.raises(ModelPackageError, match=re.escape(name)):
            open_package(folder)


@pytest.mark.skipif(os.name == "nt", reason="links need a privilege there")
def test_link_out_of_the_folder_is_refused(make_package, tmp_path):
    folder = make_package()
    (tmp_path / "weights").write_bytes(BASIC["model.bin"])
    (folder / "model.bin").unlink()
    (folder / "model.bin").symlink_to(tmp_path / "weights")
    with pytest.raises(ModelPackageError, match=r"model\.bin"):
        open_package(folder)


def test_fingerprint_is_of_the_content_not_of_the_place(make_package, tmp_path):
    first = open_package(make_package())
    shutil.copytree(first.folder, tmp_path / "elsewhere")
    assert open_package(tmp_path / "elsewhere").sha256 == first.sha256
    assert open_package(make_package("other", files=BASIC | {"model.bin": b"\x00\x02"})).sha256 != first.sha256


def test_tensors_that_cannot_be_used_are_refused(make_package):
    given = array_file(np.zeros((1, 1, 64, 64), np.float32))
    small = array_file(np.zeros((1, 3, 32, 32), np.float32))
    cases = {
        "none": (BASIC, "test_input.npy"),
        "garbage": (BASIC | {"test_input.npy": b"no array", "test_output.npy": given}, "test_input.npy"),
        "unfit": (BASIC | {"test_input.npy": given, "test_output.npy": small}, r"\(1, 3, 32, 32\)"),
    }
    for name, (files, words) in cases.items():
        package = open_package(make_package(name, files=files))
        with pytest.raises(ModelPackageError, match=words):
            package.test_tensors()


def test_without_a_card_the_description_stands_in(make_package):
    assert open_package(make_package(files=BASIC)).card() == "For tests"
