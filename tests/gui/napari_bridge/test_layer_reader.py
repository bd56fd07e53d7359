"""Layers of any reader become stacks: no window is needed for that."""

from __future__ import annotations

import dask.array as da
import numpy as np
import pytest
from napari.layers import Image

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Shape, Spacing
from napari_cellvino.gui.napari_bridge import axes_choices, stack_of

UM = "micrometer"


def counting(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)


@pytest.mark.parametrize(
    ("shape", "expected", "words"),
    [
        ((6, 7), Shape(1, 1, 1, 6, 7), ""),
        ((9, 6, 7), Shape(1, 1, 9, 6, 7), "taken as 9 planes"),
        ((2, 9, 6, 7), Shape(1, 2, 9, 6, 7), "taken as 2 channels and 9 planes"),
        ((8, 9, 6, 7), Shape(8, 1, 9, 6, 7), "taken as 8 time points and 9 planes"),
        ((8, 2, 9, 6, 7), Shape(8, 2, 9, 6, 7), "taken as 8 time points and 2 channels and 9 planes"),
    ],
)
def test_dimensions_without_names_are_guessed_in_words(shape: tuple[int, ...], expected: Shape, words: str) -> None:
    stack = stack_of(Image(counting(*shape), scale=(1,) * len(shape)))
    assert stack.shape == expected
    assert [words in a for a in stack.assumptions if "taken" in a] == ([True] if words else [])


def test_named_dimensions_are_believed_in_any_order() -> None:
    data = counting(3, 4, 6, 7)
    stack = stack_of(
        Image(data, axis_labels=("z", "c", "y", "x"), scale=(2, 1, 0.5, 0.25), units=(UM, "pixel", UM, UM))
    )
    assert stack.shape == Shape(1, 4, 3, 6, 7)
    np.testing.assert_array_equal(stack.plane(c=1, z=2), data[2, 1])
    assert stack.spacing == Spacing(2, 0.5, 0.25)
    assert stack.assumptions == ()


def test_units_are_converted_and_a_scale_without_unit_says_nothing() -> None:
    metres = Image(counting(6, 7), scale=(500, 250), units=("nanometer", "nanometer"))
    assert stack_of(metres).spacing == Spacing(None, pytest.approx(0.5), pytest.approx(0.25))
    bare = stack_of(Image(counting(6, 7), scale=(0.5, 0.5)))
    assert not bare.spacing.known
    assert any("pixel size unknown" in a for a in bare.assumptions)


def test_rgb() -> None:
    data = np.random.default_rng(0).integers(0, 255, (6, 7, 3), np.uint8)
    stack = stack_of(Image(data, rgb=True))
    assert (stack.rgb, stack.shape, stack.channels) == (True, Shape(1, 3, 1, 6, 7), ("Red", "Green", "Blue"))
    np.testing.assert_array_equal(stack.plane(c=2), data[..., 2])


def test_multiscale_is_read_at_full_resolution() -> None:
    data = counting(64, 64)
    stack = stack_of(Image([data, data[::2, ::2]], multiscale=True))
    assert stack.shape == Shape(1, 1, 1, 64, 64)
    np.testing.assert_array_equal(stack.plane(), data)


def test_lazy_array_is_read_plane_by_plane() -> None:
    read: list[tuple[int, ...]] = []

    def block(block_id: tuple[int, ...]) -> np.ndarray:
        read.append(block_id)
        return np.full((1, 6, 7), block_id[0], np.uint16)

    meta = np.empty((0, 0, 0), np.uint16)
    lazy = da.map_blocks(block, chunks=((1,) * 50, (6,), (7,)), dtype=np.uint16, meta=meta)
    stack = stack_of(Image(lazy, contrast_limits=(0, 50), axis_labels=("t", "y", "x")))
    read.clear()
    assert stack.plane(t=31).max() == 31
    assert read == [(31, 0, 0)]


def test_axes_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ImageValueError, match="choose others"):
        stack_of(Image(counting(3, 6, 7)), axes="TCZYX")


def test_planes_are_memory_of_their_own() -> None:
    data = counting(6, 7)
    plane = stack_of(Image(data)).plane()
    plane[:] = 0
    assert data.max() == 41


def test_every_meaning_of_dimensions_is_offered_once() -> None:
    assert [axes for axes, _ in axes_choices(1)] == ["ZYX", "TYX", "CYX"]
    words = [words for _, words in axes_choices(2)]
    assert len(set(words)) == len(words) == 6
    assert axes_choices(0) == axes_choices(4) == ()
