from __future__ import annotations

import locale
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from napari_cellvino.core.errors import DeviceError, InferenceError
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import InferenceCancelledError
from napari_cellvino.engines.openvino import (
    OpenVinoEngine,
    as_halves,
    compile_network,
    list_devices,
    openvino_core,
    resolve_device,
)
from napari_cellvino.model_package import ModelPackage, find_package


@pytest.fixture(scope="module")
def package() -> ModelPackage:
    return find_package("nuclei")


def test_devices_start_with_auto_and_name_the_cpu() -> None:
    devices = {d.name: d for d in list_devices()}
    assert next(iter(devices)) == "AUTO"
    assert devices["CPU"].full_name not in ("", "CPU")


def test_lists_are_made_from_devices_that_are_there() -> None:
    assert resolve_device("auto") == "CPU" or resolve_device("auto").startswith("AUTO:")
    assert resolve_device("HETERO:CPU") == "CPU"
    for wish in ("XPU", "AUTO:XPU,CPU"):
        with pytest.raises(DeviceError, match=f"no device '{wish}'.*CPU"):
            resolve_device(wish)


def test_exact_keeps_the_promise_and_says_what_ran(package: ModelPackage) -> None:
    batch, promised = package.test_tensors()
    engine = OpenVinoEngine(package, device="CPU", precision=Precision.EXACT)
    facts = engine.load(batch.shape[-1])
    out = engine.infer(batch)
    assert facts.device == "CPU"
    assert facts.runtime.startswith("openvino 20")
    assert out.dtype == np.float16
    assert np.sqrt(np.mean((out.astype(np.float32) - promised) ** 2)) <= package.spec.tolerance[Precision.EXACT]
    np.testing.assert_array_equal(engine.infer(batch), out)


def test_results_are_not_overwritten_by_the_next_inference(package: ModelPackage) -> None:
    batch, _ = package.test_tensors()
    engine = OpenVinoEngine(package)
    engine.load(batch.shape[-1])
    first = engine.infer(batch)
    copy = first.copy()
    engine.infer(np.zeros_like(batch))
    np.testing.assert_array_equal(first, copy)


def test_wrong_batches_are_refused_not_cast(package: ModelPackage) -> None:
    engine = OpenVinoEngine(package)
    engine.load(128)
    with pytest.raises(InferenceError, match="not uint16"):
        engine.infer(np.zeros((1, 1, 128, 128), np.uint16))  # type: ignore[arg-type]
    with pytest.raises(InferenceError, match=r"128.*float32 \(1, 1, 64, 64\)"):
        engine.infer(np.zeros((1, 1, 64, 64), np.float32))


def test_int8_is_offered_only_with_weights(package: ModelPackage) -> None:
    if Precision.INT8 in package.precisions:
        assert package.weights(Precision.INT8).is_file()
    else:
        with pytest.raises(DeviceError, match="it offers fast, exact"):
            OpenVinoEngine(package, precision=Precision.INT8)


def test_cancel_stops_a_long_inference_from_another_thread(package: ModelPackage) -> None:
    engine = OpenVinoEngine(package, device="CPU", precision=Precision.EXACT)
    engine.load(1024)
    batch = np.zeros((1, 1, 1024, 1024), np.float32)
    canceller = threading.Thread(target=lambda: (time.sleep(0.05), engine.cancel()))
    canceller.start()
    with pytest.raises(InferenceCancelledError):
        all(engine.infer(batch).size for _ in range(200))
    canceller.join()
    engine.load(1024)
    assert engine.infer(batch).shape == (1, 3, 1024, 1024)


def test_networks_compiled_by_several_threads_leave_the_locale_as_it_was(package: ModelPackage, tmp_path: Path) -> None:
    before = locale.setlocale(locale.LC_ALL)
    network = openvino_core().read_model(package.weights(Precision.FAST))

    def compile_some(first: int) -> None:
        for tile in range(first, first + 4 * 64, 64):
            fixed = network.clone()
            fixed.reshape([1, 1, tile, tile])
            compile_network(fixed, "CPU", {"CACHE_DIR": str(tmp_path)})

    try:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(compile_some, (64, 80, 96, 112)))
        assert locale.setlocale(locale.LC_ALL) == before
    finally:
        locale.setlocale(locale.LC_ALL, before)


def test_halves_are_those_of_numpy_to_the_bit():
    rng = np.random.default_rng(0)
    every = rng.integers(0, 2**32, 300_000, dtype=np.uint64).astype(np.uint32).view(np.float32)
    ends = np.array([0, -0.0, np.inf, -np.inf, 65519.9, 65520, 2**-14, 2**-24, 2**-25, 6e-8, -1e-30], np.float32)
    values = np.concatenate([every, ends, np.exp(rng.uniform(-25, 12, 100_000)).astype(np.float32)])
    with np.errstate(all="ignore"):
        expected = values.astype(np.float16)
    found = as_halves(values.reshape(-1, 1))[:, 0]
    known = ~np.isnan(values)
    np.testing.assert_array_equal(found.view(np.uint16)[known], expected.view(np.uint16)[known])
    assert np.isnan(found[~known]).all()
    strided = values[: 2 * (len(values) // 2)].reshape(2, -1).T
    assert as_halves(strided).shape == strided.shape
    assert as_halves(expected) is expected
