"""The picture for judging a count: sizes, contents, and the same bytes each time."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.objects import Doubt, Objects, ReviewState
from napari_cellvino.figures import qc_picture
from napari_cellvino.figures.palette import PAPER, in_colours
from napari_cellvino.figures.qc_picture import LONGEST, plan_zoom, write_qc


def field(shape=(60, 80), pitch=20, side=14):
    """Return labels with a grid of squares, and their objects."""
    labels = np.zeros(shape, np.int32)
    corners = [(y, x) for y in range(3, shape[0] - side, pitch) for x in range(3, shape[1] - side, pitch)]
    for number, (y, x) in enumerate(corners, 1):
        labels[y : y + side, x : x + side] = number
    n, corner = len(corners), np.array(corners).reshape(-1, 2)
    objects = Objects.found(
        score=np.ones(n),
        box=np.hstack([corner, corner + side]),
        centroid=corner + (side - 1) / 2,
        area_px=np.full(n, side**2),
    )
    return labels, objects


def image_of(labels, dtype=np.uint16):
    noise = np.random.default_rng(0).integers(0, 20, labels.shape)
    return ((labels > 0) * 100 + noise).astype(dtype)


def draw_qc(*args, **how):
    return in_colours(qc_picture.draw_qc(*args, **how))


def colourful(picture):
    return np.ptp(picture.astype(int), axis=-1) > 30


@pytest.mark.parametrize(
    ("shape", "pitch", "side", "zoom"),
    [
        ((60, 80), 20, 14, 2),
        ((60, 80), 10, 4, 4),
        ((600, 400), 60, 40, 2),
        ((1000, 900), 60, 40, 1),
        ((1000, 900), 20, 10, 2),
        ((2048, 100), 20, 4, 1),
        ((2049, 100), 20, 14, 1 / 2),
        ((5000, 100), 20, 14, 1 / 3),
    ],
)
def test_zoom(shape, pitch, side, zoom):
    labels, objects = field(shape, pitch, side)
    assert plan_zoom(shape, objects) == zoom
    picture = draw_qc(image_of(labels), labels, objects, name="field")
    height, width = (-(-n * round(zoom * 6) // 6) for n in shape)
    assert picture.shape[1] == max(480, width)
    assert max(height, width) <= LONGEST
    assert picture.shape[0] > height
    assert picture.dtype == np.uint8


def test_outlines_lie_where_the_objects_are():
    labels, objects = field((1000, 900), 60, 40)
    picture = draw_qc(image_of(labels), labels, objects, name="field")
    top = next(y for y in range(len(picture)) if not (picture[y, :2] == PAPER).all())
    y, x = np.nonzero(colourful(picture[top : top + 1000]))
    assert (labels[y, x] > 0).all()
    assert set(np.unique(labels[y, x])) == set(objects.id.tolist())


def test_excluded_objects_are_drawn_and_said_not_to_count():
    labels, objects = field((1000, 900), 60, 40)
    plain = draw_qc(image_of(labels), labels, objects, name="a")
    picture = draw_qc(image_of(labels), labels, objects, name="a", excluded=[2])
    line = len(picture) - len(plain)
    top = next(y for y in range(len(plain)) if not (plain[y, :2] == PAPER).all())
    assert 10 < line < 30
    assert not np.array_equal(picture[:top], plain[:top])
    np.testing.assert_array_equal(picture[top + line :], plain[top:])


def test_rejected_objects_are_left_out():
    labels, objects = field()
    rejected = replace(objects, review=np.full(len(objects), ReviewState.REJECTED))
    assert colourful(draw_qc(image_of(labels), labels, objects, name="a")).any()
    assert not colourful(draw_qc(image_of(labels), labels, rejected, name="a")).any()


def test_an_empty_field_is_drawn():
    labels = np.zeros((50, 60), int)
    picture = draw_qc(np.zeros((50, 60)), labels, Objects.none(), name="nothing here")
    assert picture.shape[1] == 480
    assert not colourful(picture).any()


def test_marks_and_scale_bar_add_to_the_legend():
    labels, objects = field()
    plain = draw_qc(image_of(labels), labels, objects, name="a")
    doubtful = replace(objects, doubts=np.full(len(objects), Doubt.LOW_SCORE))
    marked = draw_qc(image_of(labels), labels, doubtful, name="a")
    scaled = draw_qc(image_of(labels), labels, objects, name="a", spacing=Spacing(None, 0.5, 0.5))
    assert len(marked) > len(plain)
    assert len(scaled) > len(plain)


@pytest.mark.parametrize("channels", [1, 2, 3, 5])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.int32])
def test_any_channels_and_pixel_types(channels, dtype):
    labels, objects = field()
    pixels = np.stack([image_of(labels, dtype)] * channels)
    picture = draw_qc(pixels, labels, objects, name="a")
    assert (picture[40:].max(axis=(0, 1)) > 150).all()


def test_non_finite_pixels():
    labels, objects = field()
    pixels = image_of(labels, np.float64)
    pixels[:5] = np.nan
    pixels[5:8, ::3] = np.inf
    reference = draw_qc(image_of(labels), labels, objects, name="a")
    picture = draw_qc(pixels, labels, objects, name="a")
    assert np.abs(picture[-60:].astype(int) - reference[-60:]).mean() < 3


def test_colours_of_an_rgb_image_are_kept():
    labels = np.zeros((1000, 500), int)
    rgb = np.zeros((3, 1000, 500), np.uint8)
    rgb[0], rgb[2] = 200, 90
    picture = draw_qc(rgb, labels, Objects.none(), name="a", rgb=True)
    assert (picture[-500:, 200] == (200, 0, 90)).all()


@pytest.mark.parametrize(("channels", "mode"), [(1, "P"), (2, "RGB")])
def test_written_png_is_the_picture_in_the_same_bytes(channels, mode, tmp_path):
    labels, objects = field()
    pixels = np.stack([image_of(labels)] * channels)
    for name in ("a.png", "b.png"):
        write_qc(tmp_path / name, qc_picture.draw_qc(pixels, labels, objects, name="a", ran=("nuclei", "fast")))
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    picture = draw_qc(pixels, labels, objects, name="a", ran=("nuclei", "fast"))
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == mode
        np.testing.assert_array_equal(np.array(image.convert("RGB")), picture)


def test_a_grey_field_looks_as_in_full_colour(monkeypatch):
    labels, objects = field()
    objects = replace(objects, doubts=np.arange(len(objects)) % 3)
    how = {"name": "a", "ran": ("nuclei", "fast"), "spacing": Spacing(None, 0.5, 0.5), "spots": np.array([[9.0, 17.0]])}
    found = draw_qc(image_of(labels), labels, objects, **how)
    monkeypatch.setattr(qc_picture, "entries_of", lambda grey: grey[..., None].repeat(3, -1))
    wanted = draw_qc(image_of(labels), labels, objects, **how)
    off = np.abs(found.astype(int) - wanted)
    assert colourful(found).any()
    assert off.max(axis=-1)[colourful(wanted) & colourful(found)].mean() < 2
    assert np.percentile(off, 99) <= 4


def test_what_does_not_fit_is_refused():
    labels, objects = field()
    with pytest.raises(ImageValueError, match=r"\(60, 79\)"):
        draw_qc(np.zeros((60, 79)), labels, objects, name="a")


def test_boxes_are_drawn_in_the_colours_of_their_classes():
    labels, objects = field((1000, 900), 60, 40)
    classes = np.arange(len(objects)) % 2
    objects = replace(objects, class_index=classes.astype(np.int32))
    picture = draw_qc(image_of(labels), None, objects, name="field", classes=("living", "dead"))
    top = next(y for y in range(len(picture)) if not (picture[y, :2] == PAPER).all())
    for (y0, x0, y1, x1), number in zip(objects.box, classes, strict=True):
        for y, x in ((y0, x0 + 20), (y1 - 1, x0 + 20), (y0 + 20, x0), (y0 + 20, x1 - 1)):
            assert tuple(picture[top + y, x]) == ((86, 180, 233), (230, 159, 0))[number]
    np.testing.assert_array_equal(
        picture, draw_qc(image_of(labels), None, objects, name="field", classes=("living", "dead"))
    )


def test_outlines_of_several_classes_are_in_their_colours():
    labels, objects = field((1000, 900), 60, 40)
    objects = replace(objects, class_index=(np.arange(len(objects)) % 2).astype(np.int32))
    picture = draw_qc(image_of(labels), labels, objects, name="field", classes=("living", "dead"))
    top = next(y for y in range(len(picture)) if not (picture[y, :2] == PAPER).all())
    y0, x0 = objects.box[1, :2]
    assert tuple(picture[top + y0, x0 + 20]) == (230, 159, 0)


def test_doubtful_boxes_are_dashed():
    labels, objects = field((1000, 900), 60, 40)
    doubtful = replace(objects, doubts=np.full(len(objects), Doubt.LOW_SCORE))
    plain, dashed = (draw_qc(image_of(labels), None, o, name="f", classes=("a", "b")) for o in (objects, doubtful))
    assert (plain[:900] != dashed[:900]).any()
    sure = (np.abs(plain.astype(int) - (86, 180, 233)).sum(-1) == 0).sum()
    assert 0.3 < (np.abs(dashed.astype(int) - (86, 180, 233)).sum(-1) == 0).sum() / sure < 0.8


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_colour_images_are_shown_in_their_colours(dtype):
    red = np.zeros((3, 900, 900), dtype)
    red[0, 300:600, 300:600] = 200
    picture = draw_qc(red, None, Objects.none(), name="a", rgb=True)
    top = next(y for y in range(len(picture)) if not (picture[y, :2] == PAPER).all())
    pixel = picture[top + 450, 450].astype(int)
    assert pixel[0] > 150
    assert pixel[1] == pixel[2] == 0


def test_pixels_of_an_enlarged_picture_are_squares_of_one_colour():
    labels, _ = field()
    pixels = image_of(labels)
    page = qc_picture.draw_qc(pixels, np.zeros_like(labels), Objects.none(), name="a")
    shown = page[-120:, 160:320]
    assert np.array_equal(shown, shown[::2, ::2].repeat(2, 0).repeat(2, 1))
    assert np.corrcoef(shown[::2, ::2].reshape(-1), pixels.reshape(-1))[0, 1] > 0.99


@pytest.mark.parametrize(("pitch", "side", "zoom"), [(20, 14, 2), (10, 4, 4)])
def test_outlines_of_an_enlarged_picture_lie_where_the_objects_are(pitch, side, zoom):
    labels, objects = field((60, 80), pitch, side)
    picture = draw_qc(image_of(labels), labels, objects, name="field")
    top = next(y for y in range(len(picture)) if not (picture[y, 240 + 30 * zoom : 240 + 40 * zoom] == PAPER).all())
    drawn = colourful(picture[top : top + 60 * zoom, 240 - 40 * zoom : 240 + 40 * zoom])
    large = labels.repeat(zoom, 0).repeat(zoom, 1)
    assert set(np.unique(large[drawn])) == set(objects.id.tolist())
    y, x = zoom * objects.box[0, :2]
    width = 2 if zoom * side >= 24 else 1
    assert drawn[y : y + width, x : x + side * zoom].all()
    assert not drawn[y + width : y + 2 * width, x + side * zoom // 2 - 4 : x + side * zoom // 2].any()
