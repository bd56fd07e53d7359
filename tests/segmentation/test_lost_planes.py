"""Planes of a stack that were dropped or burnt, and what takes their place."""

from __future__ import annotations

import numpy as np
import pytest

from napari_cellvino.core.image import Stack, ZChoice
from napari_cellvino.core.progress import finish
from napari_cellvino.segmentation.lost_planes import bridge, describe_lost
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.segmentation.volume import read_volume


def stack(count: int = 9) -> np.ndarray:
    rng = np.random.default_rng(0)
    planes = rng.normal(200, 12, (count, 64, 64))
    planes[:, 20:40, 20:40] += 800 * np.sin(np.linspace(0.3, 2.8, count))[:, None, None]
    return planes.astype(np.uint16)


def lost(pixels: np.ndarray) -> dict[int, tuple[int, int]]:
    return dict(finish(read_volume(Stack.from_array(pixels, axes="ZYX")))[1].lost)


def test_a_stack_in_order_loses_nothing() -> None:
    assert lost(stack()) == {}
    fading = (stack() * np.linspace(1, 0.3, 9)[:, None, None]).astype(np.uint16)
    assert lost(fading) == {}


@pytest.mark.parametrize("change", ["zero", "burnt", "saturated", "shutter"])
def test_a_dropped_or_burnt_plane_is_seen(change: str) -> None:
    pixels = stack()
    bad = {"zero": 0, "burnt": pixels[4] * 10, "saturated": 65535, "shutter": 90 + pixels[4] % 5}[change]
    pixels[4] = bad
    assert lost(pixels) == {4: (3, 5)}
    pixels[5] = bad
    assert lost(pixels) == {4: (3, 6), 5: (3, 6)}


def test_empty_planes_at_the_ends_are_no_gap() -> None:
    pixels = stack()
    pixels[:2] = pixels[7:] = 0
    assert lost(pixels) == {}


def test_lost_planes_are_bridged_and_not_measured() -> None:
    pixels = stack()
    pixels[4] = 0
    volume = finish(read_volume(Stack.from_array(pixels, axes="ZYX")))[1]
    planes = list(volume.planes())
    assert np.isnan(planes[4]).all()
    assert np.array_equal(planes[3][0], pixels[3])
    between = bridge(4, (3, 5), pixels[3][None], pixels[5][None])
    np.testing.assert_allclose(between[0], (pixels[3].astype(float) + pixels[5]) / 2)
    assert describe_lost([4], bridged=True)[0].startswith("Plane 5 is dropped or burnt")
    assert describe_lost([], bridged=True) == ()


@pytest.mark.parametrize("at", [0, 4, 8])
def test_a_plane_with_thirty_times_the_light_is_lost_wherever_it_lies(at: int) -> None:
    light = np.maximum(stack().astype(float) - 200, 0)  # no offset: half the background is 0
    light[at] *= 30
    assert list(lost(light.astype(np.uint16))) == [at]


def test_one_plane_in_focus_is_not_lost() -> None:
    pixels = np.random.default_rng(0).normal(200, 12, (7, 64, 64))
    pixels[3, :50] += 3000
    assert lost(pixels.astype(np.uint16)) == {}


@pytest.mark.parametrize("way", ["mip", "mean", "focus"])
def test_projections_leave_lost_planes_out(way: str) -> None:
    pixels = stack()
    pixels[4] *= 20
    kept = np.delete(pixels, 4, axis=0)
    seen, right = (finish(project(Stack.from_array(p, axes="ZYX"), z=ZChoice.parse(way))) for p in (pixels, kept))
    assert np.array_equal(seen.pixels, right.pixels)
    assert seen.lost == (4,)


def test_a_plane_burnt_in_one_channel_is_left_out_of_all() -> None:
    pixels = np.stack([stack(), stack()], axis=1)
    pixels[4, 1] *= 20
    assert finish(project(Stack.from_array(pixels, axes="ZCYX"))).lost == (4,)
