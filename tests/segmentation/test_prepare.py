from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.errors import ImageValueError, OptionError
from napari_cellvino.core.image import LUMINANCE, ArrayPlanes, Origin, Plane, Shape, Stack, ZChoice
from napari_cellvino.io import open_source
from napari_cellvino.segmentation import prepare
from napari_cellvino.segmentation.prepare import project


def stack_of(array: np.ndarray, **more: object) -> Stack:
    names = tuple(f"C{n}" for n in range(array.shape[1]))
    return Stack(ArrayPlanes(array), Shape(*array.shape), array.dtype, channels=names, origin=Origin("a/b.tif"), **more)  # type: ignore[arg-type]


def finish(running: object) -> tuple[Plane, int]:
    steps = 0
    while True:
        try:
            next(running)  # type: ignore[call-overload]
            steps += 1
        except StopIteration as finished:
            return finished.value, steps


@pytest.fixture
def stack() -> Stack:
    return stack_of(np.random.default_rng(0).integers(0, 900, (2, 2, 5, 7, 9)).astype(np.uint16))


def test_maximum_projection_of_all_channels(stack: Stack) -> None:
    plane, steps = finish(project(stack, channel="C1", frame=2))
    expected = stack.planes.array[1].max(1)  # type: ignore[attr-defined]
    np.testing.assert_array_equal(plane.pixels, expected)
    np.testing.assert_array_equal(plane.inputs, expected[1:])
    assert plane.pixels.dtype == np.uint16
    assert steps == 5
    assert plane.chosen == "C1, maximum projection of 5 planes, time point 2 of 2"


def test_one_plane_reads_one_plane(stack: Stack) -> None:
    plane, steps = finish(project(stack, z=ZChoice.parse("plane:3")))
    np.testing.assert_array_equal(plane.inputs[0], stack.plane(z=2))
    assert steps == 1


def test_luminance_of_rgb() -> None:
    rgb = stack_of(np.stack([np.full((1, 4, 4), v, np.uint8) for v in (10, 20, 30)])[None], rgb=True)
    plane, _ = finish(project(rgb))
    np.testing.assert_allclose(plane.inputs, 0.299 * 10 + 0.587 * 20 + 0.114 * 30, rtol=1e-6)
    assert plane.pixels.shape == (3, 4, 4)
    assert finish(project(rgb, channel="2"))[0].inputs.max() == 20


def test_a_channel_that_was_skipped_at_a_time_is_not_counted_there() -> None:
    array = np.ones((2, 2, 1, 3, 3), np.uint16)
    array[1, 0] = 0
    stack = Stack.from_array(array, axes="TCZYX", channels=("DAPI", "BF"))
    with pytest.raises(ImageValueError, match="DAPI was skipped at time point 2"):
        finish(project(stack, channel="DAPI", frame=2))
    assert finish(project(stack, channel="DAPI", frame=1))[0].inputs.all()


def test_what_is_infinite_is_not_known() -> None:
    array = np.ones((1, 1, 1, 3, 3), np.float32)
    array[..., 0, 0], array[..., 0, 1] = np.inf, -np.inf
    seen = finish(project(stack_of(array)))[0].inputs
    assert np.isnan(seen[0, 0]).tolist() == [True, True, False]
    assert np.isinf(array).any()


def test_nan_gives_way_to_numbers() -> None:
    array = np.full((1, 1, 2, 3, 3), np.nan)
    array[0, 0, 1, 1, 1] = 4
    plane, _ = finish(project(stack_of(array)))
    assert np.nanmax(plane.inputs) == 4
    with pytest.raises(ImageValueError, match="no finite pixel"):
        finish(project(stack_of(array), z=ZChoice.parse("plane:1")))


def test_what_is_not_there_is_named(stack: Stack) -> None:
    with pytest.raises(ImageValueError, match="plane 6.* 5"):
        finish(project(stack, z=ZChoice.parse("plane:6")))
    with pytest.raises(ImageValueError, match="'GFP'.*1 C0, 2 C1"):
        finish(project(stack, channel="GFP"))
    with pytest.raises(ImageValueError, match="no channel '3'"):
        finish(project(stack, channel="3"))
    with pytest.raises(ImageValueError, match="no time point 3"):
        finish(project(stack, frame=3))
    with pytest.raises(ImageValueError, match="complex128"):
        finish(project(replace(stack, dtype=np.dtype(complex))))
    with pytest.raises(OptionError, match="plane:3"):
        ZChoice.parse("plane:0")


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("samples", [3, 4])
def test_colours_of_a_page_are_read_at_once(tmp_path: Path, samples: int, compression: str | None) -> None:
    pixels = np.random.default_rng(1).integers(0, 255, (5, 20, 30, samples)).astype(np.uint8)
    extra = {"extrasamples": ["unassalpha"]} if samples == 4 else {}
    tifffile.imwrite(
        tmp_path / "a.tif", pixels, photometric="rgb", metadata={"axes": "ZYXS"}, compression=compression, **extra
    )
    stack = open_source(tmp_path / "a.tif").read()
    colours = stack.colours(z=2)
    assert colours is not None
    np.testing.assert_array_equal(colours, np.moveaxis(pixels[2, ..., :3], -1, 0))
    plane, steps = finish(project(stack, inputs=3))
    np.testing.assert_array_equal(plane.pixels, np.moveaxis(pixels[..., :3].max(0), -1, 0))
    assert plane.pixels.flags.c_contiguous
    assert steps == 5


@pytest.mark.parametrize("how", [{"photometric": "miniswhite"}, {"planarconfig": "separate", "photometric": "rgb"}])
def test_channels_that_lie_apart_are_read_one_by_one(tmp_path: Path, how: dict[str, str]) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.arange(3 * 20 * 30, dtype=np.uint16).reshape(3, 20, 30), **how)
    assert open_source(tmp_path / "a.tif").read().colours() is None


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_luminance_of_bands_is_that_of_the_whole(dtype):
    rgb = (np.random.default_rng(4).random((3, 700, 901)) * 255).astype(dtype)
    assert rgb[0].size > 2 * prepare.CONVERTED_PX
    wanted = np.einsum("c,cyx->yx", np.asarray(LUMINANCE, np.float32), rgb.astype(np.float32))
    np.testing.assert_array_equal(prepare.network_inputs(rgb, None, 1), wanted[None])
