"""One quality-control picture per field: the image, an outline (or box) and a number on every object, and the run.

Small images are enlarged until numbers can be read, large ones reduced to what a screen shows. Outlines follow the
pixels exactly; smoothing these or those would hide what the picture is for.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Spacing
from napari_cellvino.core.objects import Objects, ReviewState, format_left_out
from napari_cellvino.figures.composite import SUMMED_PX, Picture, composite, downsampled, grey, to_rgb
from napari_cellvino.figures.lettering import (
    Line,
    draw_caption,
    draw_numbers,
    draw_scale_bar,
    number_sizes,
)
from napari_cellvino.figures.outlines import (
    class_hues,
    is_at_edge,
    is_doubtful,
    paint_boxes,
    paint_outlines,
)
from napari_cellvino.figures.palette import AT_EDGE, DOUBTFUL, INK, PAPER, PLAIN, SPOT, Colour, entries_of, ink
from napari_cellvino.figures.png import put_png
from napari_cellvino.storage.atomic import atomic_path
from napari_cellvino.storage.large_arrays import give_back_pages

LONGEST = 2048  # px, long side of the picture
SMALL = 800  # px: images up to that are enlarged at least twice
NARROWEST = 480  # px, width of the caption
THICK_FROM = 24  # px: where objects are of that diameter, their outlines are 2 px wide
READABLE = 1000  # px: on wider pictures the caption grows with the width
NUMBER_FITS = 22  # px: an object of that diameter holds a three-digit number
RING = 3  # px, radius of the ring round a spot
UNKNOWN = Spacing()
Mark = tuple[int, str, Colour]  # how many, what it means, its colour


def write_qc(path: Path, picture: Picture) -> None:
    """Write the picture of `draw_qc` as PNG; `OutputError` if the file cannot be written."""
    with atomic_path(path) as part:
        put_png(part, picture)


def draw_qc(
    pixels: NDArray[np.generic],
    labels: NDArray[np.integer] | None,
    objects: Objects,
    *,
    name: str,
    classes: Sequence[str] = ("cell",),
    ran: Sequence[str] = (),
    spacing: Spacing = UNKNOWN,
    rgb: bool = False,
    spots: NDArray[np.float64] | None = None,
    excluded: Collection[int] = (),
) -> Picture:
    """Return a picture of the field with its objects outlined and numbered, between caption and legend.

    It is (Y', X', 3), or (Y', X') of entries of the palette where the field is shown in grey.

    Parameters
    ----------
    pixels
        (Y, X) or (C, Y, X). One channel is grey, two are magenta and green, three cyan, magenta and yellow, of more
        the first is shown.
    labels, objects
        (Y, X) label image, without it boxes are drawn; what is outlined and numbered, but rejected ones.
    name
        What the picture is of.
    classes, ran
        Names that ``objects.class_index`` counts into, several have a colour each; lines on what was run.
    spacing
        µm per pixel; a scale bar is drawn where it is known.
    rgb
        The channels are red, green and blue, of 8 bits unchanged.
    spots
        (N, 2) places y, x in px of spots, which get a small ring each; None where none were sought.
    excluded
        Ids of objects that are outlined and numbered but not counted.

    Raises
    ------
    ImageValueError
        If pixels and labels do not fit together.
    """
    _check_sizes(pixels, labels)
    kept = objects.select(objects.review != ReviewState.REJECTED)
    zoom = plan_zoom(pixels.shape[-2:], kept)
    outlined = None if labels is None else _shown_labels(labels, objects, kept, zoom)
    canvas = _with_objects(_as_shown(pixels, zoom, rgb=rgb), outlined, kept, zoom, len(classes))
    um_per_px = spacing.x / zoom if spacing.x is not None and spacing.known else None
    counted = kept.select(~np.isin(kept.id, list(excluded)))
    left_out = format_left_out(len(objects) - len(kept), len(kept) - len(counted))
    caption = _caption(name, _found(len(counted) if classes else None, spots), [left_out, *ran] if left_out else ran)
    unnumbered = number_sizes(kept, zoom).count(0)
    page, picture = _page(canvas, caption, _legend(kept, counted, unnumbered, classes), um_per_px)
    draw_numbers(picture, kept, zoom=zoom)
    _draw_rings(picture, spots, zoom)
    return page


def _as_shown(pixels: NDArray[np.generic], zoom: float, *, rgb: bool) -> NDArray[np.uint8]:
    """Return pixels, reduced where the picture is: (Y, X, 3), or (Y, X) entries of the palette where they are grey."""
    channels = pixels.reshape(-1, *pixels.shape[-2:])
    if zoom < 1:  # before anything else: a copy of the whole image may not fit
        channels = downsampled(channels, round(1 / zoom))
    if rgb:
        return to_rgb(channels, pixels.dtype == np.uint8)
    return composite(channels) if len(channels) in (2, 3) else entries_of(grey(channels[0]))


def _check_sizes(pixels: NDArray[np.generic], labels: NDArray[np.integer] | None) -> None:
    if labels is None:
        if pixels.ndim not in (2, 3) or pixels.size == 0:
            raise ImageValueError(f"pixels of shape {pixels.shape} are no field")
    elif labels.ndim != 2 or labels.size == 0 or pixels.shape[-2:] != labels.shape or pixels.ndim not in (2, 3):
        raise ImageValueError(f"pixels of shape {pixels.shape} and labels of shape {labels.shape} are not one field")


def plan_zoom(shape: tuple[int, ...], objects: Objects) -> float:
    """Return picture pixels per image pixel: 1 to 4, or 1/2, 1/3, … for images longer than `LONGEST`."""
    longest = max(shape)
    if longest > LONGEST:
        return 1 / -(-longest // LONGEST)
    diameter = np.sqrt(4 / np.pi * np.percentile(objects.area_px, 20)) if len(objects) else NUMBER_FITS
    wanted = max(np.ceil(NUMBER_FITS / max(diameter, 1)), 2 if longest <= SMALL else 1)
    return float(min(wanted, 4, LONGEST // longest))


def _enlarged(shown: NDArray[np.uint8], zoom: float) -> NDArray[np.uint8]:
    """Return a picture (Y, X) or (Y, X, 3) whose pixels are squares of ``zoom`` px where it is enlarged.

    Interpolated, it would take three times as long to compress, and show what was not measured.
    """
    return shown if zoom <= 1 else shown.repeat(int(zoom), 1).repeat(int(zoom), 0)


def _resize_labels(labels: NDArray[np.integer], zoom: float) -> NDArray[np.integer]:
    """Return the label in the middle of each pixel of a smaller picture."""
    step = round(1 / zoom)
    rows, columns = (np.minimum(np.arange(0, n, step) + step // 2, n - 1) for n in labels.shape)
    at_once = max(1, SUMMED_PX // (step * labels.shape[1]))
    bands = []
    for first in range(0, len(rows), at_once):
        bands.append(labels[rows[first : first + at_once, None], columns])
        if at_once < len(rows):
            give_back_pages()
    return np.concatenate(bands)


def _diameter(objects: Objects) -> float:
    """Return the diameter in px of the usual object; 0 where there is none."""
    return float(np.sqrt(4 / np.pi * np.median(objects.area_px))) if len(objects) else 0.0


def _shown_labels(labels: NDArray[np.integer], objects: Objects, kept: Objects, zoom: float) -> NDArray[np.integer]:
    """Return the labels of what is outlined, reduced as the pixels are."""
    if zoom < 1:  # before anything else, as the pixels
        labels = _resize_labels(labels, zoom)
    if len(kept) < len(objects):
        labels = np.where(np.isin(labels, kept.id), labels, 0)
    if labels.max(initial=0) <= np.iinfo(np.uint16).max:
        labels = labels.astype(np.uint16)  # half the memory to go through, many times
    return labels


def _with_objects(
    shown: Picture, labels: NDArray[np.integer] | None, objects: Objects, zoom: float, classes: int
) -> Picture:
    """Return what is shown, enlarged, with outlines or boxes; outlines as wide as a pixel are painted before."""
    thickness = 2 if zoom * _diameter(objects) >= THICK_FROM else 1
    if labels is not None and thickness == zoom:
        paint_outlines(shown, labels, objects, thickness=1, classes=classes)
        return _enlarged(shown, zoom)
    canvas = _enlarged(shown, zoom)
    if labels is None:
        paint_boxes(canvas, objects, zoom=zoom, thickness=thickness, classes=classes)
    else:
        paint_outlines(canvas, labels, objects, thickness=thickness, classes=classes, zoom=max(1, int(zoom)))
    return canvas


def _draw_rings(picture: Picture, places: NDArray[np.float64] | None, zoom: float) -> None:
    """Draw a ring round each place (N, 2), pixels of the image."""
    if places is None:
        return
    canvas = Image.fromarray(np.ascontiguousarray(picture))
    draw, radius, spot = ImageDraw.Draw(canvas), max(RING, RING * zoom), ink(SPOT, indexed=picture.ndim == 2)
    for y, x in ((places + 0.5) * zoom).tolist():
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), outline=spot)
    picture[:] = np.asarray(canvas)


def _found(cells: int | None, spots: NDArray[np.float64] | None) -> str:
    """Return how many cells and spots there are, of what was sought."""
    found = [] if cells is None else [f"{cells} cell{'s' * (cells != 1)}"]
    return ", ".join([*found, *([] if spots is None else [f"{len(spots)} spot{'s' * (len(spots) != 1)}"])])


def _caption(name: str, found: str, more: Sequence[str]) -> list[Line]:
    """Return the name and what was found, what is not in it, and what was run."""
    return [Line(f"{name}  ·  {found}", 18, INK), *map(Line, more)]


def _legend(objects: Objects, counted: Objects, unnumbered: int, classes: Sequence[str]) -> list[Line]:
    """Return what those marks mean that occur."""
    small = (unnumbered, "without a number: too small to hold one", PLAIN)
    marks = (*(_doubt_marks(objects) if len(classes) == 1 else _class_marks(objects, counted, classes)), small)
    return [Line(f"{text} ({count})", colour=colour) for count, text, colour in marks if count]


def _doubt_marks(objects: Objects) -> list[Mark]:
    doubtful = is_doubtful(objects)
    at_edge = is_at_edge(objects) & ~doubtful
    return [
        (int(at_edge.sum()), "dashed white: touches the edge", AT_EDGE),
        (int(doubtful.sum()), "dashed yellow: doubtful, worth a second look", DOUBTFUL),
    ]


def _class_marks(objects: Objects, counted: Objects, classes: Sequence[str]) -> list[Mark]:
    dashed = int((is_doubtful(objects) | is_at_edge(objects)).sum())
    counts = np.bincount(counted.class_index, minlength=len(classes)).tolist()
    colours = class_hues(len(classes))
    of_class = zip(counts, classes, colours, strict=True)
    return [*of_class, (dashed, "dashed: doubtful or at the edge, worth a second look", PLAIN)]


def _page(
    canvas: NDArray[np.uint8], caption: Sequence[Line], legend: Sequence[Line], um_per_px: float | None
) -> tuple[Picture, Picture]:
    """Return the page, and the part of it that is the field: its caption is above, its legend and scale bar below."""
    (high, wide), indexed = canvas.shape[:2], canvas.ndim == 2
    width = max(wide, NARROWEST)
    scale = min(max(width / READABLE, 1), 2)
    none = np.empty((0, 0, *canvas.shape[2:]), np.uint8)
    top = draw_caption(caption, width=width, scale=scale, indexed=indexed)
    bar = draw_scale_bar(um_per_px, width=wide, scale=scale, indexed=indexed) if um_per_px else none
    left_of_bar = width - bar.shape[1]
    bottom = draw_caption(legend, width=left_of_bar, scale=scale, indexed=indexed) if legend else none
    below, left = len(top) + high, (width - wide) // 2
    page = np.empty((below + max(len(bar), len(bottom)), width, *canvas.shape[2:]), np.uint8)
    page[: len(top)], page[len(top) :] = top, ink(PAPER, indexed=indexed)
    for strip, x in ((bottom, 0), (bar, left_of_bar)):
        page[below : below + len(strip), x : x + strip.shape[1]] = strip
    picture = page[len(top) : below, left : left + wide]
    picture[:] = canvas
    return page, picture
