import numpy as np
import pytest

from napari_cellvino.core.objects import Objects
from napari_cellvino.segmentation.burnt_in import describe_bars, find_bars, without_bars
from napari_cellvino.segmentation.heads import Decoded

RNG = np.random.default_rng(3)


def picture(value, rows=slice(80, 86), columns=slice(60, 95)):
    plane = RNG.integers(20, 200, (1, 100, 100)).astype(np.uint8)
    plane[0, rows, columns] = value
    return plane


@pytest.mark.parametrize("value", [255, 0])
def test_a_bar_is_found_where_it_is_drawn(value):
    assert find_bars(picture(value)) == ((slice(80, 86), slice(60, 95)),)


def test_the_shortest_bar_is_found_upright_and_lying():
    assert find_bars(picture(255, slice(80, 83), slice(60, 80))) == ((slice(80, 83), slice(60, 80)),)
    assert find_bars(picture(255, slice(60, 80), slice(80, 83))) == ((slice(60, 80), slice(80, 83)),)


def test_of_a_colour_picture_the_brightness_tells():
    grey = np.repeat(picture(255)[0][..., None], 3, axis=2) @ np.array([0.299, 0.587, 0.114])
    assert find_bars(grey[None].astype(np.float32)) == ((slice(80, 86), slice(60, 95)),)


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(slice(80, 95), slice(60, 75)), (slice(80, 82), slice(60, 95)), (slice(80, 86), slice(60, 70))],
)
def test_what_is_square_thin_or_short_is_no_bar(rows, columns):
    assert find_bars(picture(255, rows, columns)) == ()


def test_a_saturated_rod_and_a_saturated_background_are_no_bars():
    y, x = np.mgrid[:100, :100]
    rod = picture(100)
    rod[0][np.hypot(y - 50, np.clip(np.abs(x - 50) - 20, 0, None)) <= 5] = 255
    assert find_bars(rod) == ()
    background = picture(255)
    background[0, :60] = 255
    assert find_bars(background) == ()


def test_objects_on_a_bar_go_and_the_others_are_numbered_anew():
    labels = np.zeros((100, 100), np.int32)
    for number, (rows, columns) in enumerate(
        ((slice(10, 20), slice(10, 20)), (slice(79, 87), slice(60, 75)), (slice(60, 84), slice(80, 90))), 1
    ):
        labels[rows, columns] = number
    sizes = np.bincount(labels.ravel())[1:]
    box, centre = np.zeros((3, 4), np.int32), np.zeros((3, 2))
    found = Decoded(labels, Objects.found(score=np.ones(3), box=box, centroid=centre, area_px=sizes))
    kept, dropped = without_bars(found, ((slice(80, 86), slice(60, 95)),))
    assert (dropped, kept.objects.id.tolist(), kept.objects.area_px.tolist()) == (1, [1, 2], [100, 240])
    assert np.bincount(kept.label_image().ravel())[1:].tolist() == [100, 240]
    assert "1 object" in describe_bars(((slice(80, 86), slice(60, 95)),), dropped)
