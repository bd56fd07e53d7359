"""The test tensors tell a model that does what it promises from one that does not."""

import hashlib
import shutil

import numpy as np
import pytest
import yaml

from napari_cellvino.core.errors import InferenceError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.selftest import check_model
from napari_cellvino.model_package import find_package, open_package


@pytest.fixture(scope="module")
def package():
    return find_package("nuclei")


@pytest.fixture
def altered(tmp_path, package):
    """A function that returns a copy of the shipped package with another array in a file, and a sha256 that fits."""

    def alter(name, array):
        folder = shutil.copytree(package.folder, tmp_path / "copy")
        np.save(folder / name, array)
        rdf = yaml.safe_load((folder / "rdf.yaml").read_text(encoding="utf-8"))
        rdf["config"]["cellvino"]["sha256"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        (folder / "rdf.yaml").write_text(yaml.safe_dump(rdf, sort_keys=False), encoding="utf-8")
        return open_package(folder)

    return alter


def test_shipped_model_does_what_it_promises(package):
    checks = check_model(package, device="CPU")
    assert [c.precision for c in checks] == list(package.precisions)
    for check in checks:
        assert check.ok, check
        assert check.device == "CPU"
        assert check.difference < 1


def test_exact_is_nearer_to_the_promise_than_fast_may_be(package):
    exact = next(c for c in check_model(package, device="CPU") if c.precision is Precision.EXACT)
    assert exact.difference < package.spec.tolerance[Precision.FAST]


def test_altered_promise_is_found_out(package, altered):
    _, promised = package.test_tensors()
    checks = check_model(altered("test_output.npy", promised + np.float32(0.5)), device="CPU")
    assert not any(check.ok for check in checks)


def test_promise_moved_by_one_pixel_is_found_out(package, altered):
    _, promised = package.test_tensors()
    moved = np.roll(promised, 1, axis=-1)
    assert not any(check.ok for check in check_model(altered("test_output.npy", moved), device="CPU"))


def test_input_of_another_type_is_refused_not_cast(package, altered):
    given, _ = package.test_tensors()
    with pytest.raises(InferenceError, match="float32"):
        check_model(altered("test_input.npy", given.astype(np.float64)), device="CPU")
