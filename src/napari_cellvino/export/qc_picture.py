"""One picture per field to judge a count by: the image, an outline and a number on every object, and what was run.

Small images are enlarged until numbers can be read, large ones reduced to what a screen shows. Outlines follow the
pixels exactly; smoothing them would hide what the picture is for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_cellvino.errors import ImageValueError
from napari_cellvino.export.atomic import atomic_path
from napari_cellvino.export.lettering import INK, PAPER, PLAIN, Line, draw_caption, draw_numbers, draw_scale_bar
from napari_cellvino.export.outlines import AT_EDGE, DOUBTFUL, Picture, is_at_edge, is_doubtful, paint_outlines
from napari_cellvino.image import Spacing
from napari_cellvino.inference.normalise import intensity_range
from napari_cellvino.objects import Objects, ReviewState

CONTRAST = (0.5, 99.8)  # percentiles shown black and bright
BRIGHTEST = 225  # grey value of the upper percentile: outlines and numbers stand out from it
LONGEST = 2048  # px, long side of the picture
SMALL = 800  # px: images up to that are enlarged at least twice
NARROWEST = 480  # px, width of the caption
THICK_FROM = 24  # px: where objects are of that diameter, their outlines are 2 px wide
READABLE = 1000  # px: on wider pictures the caption grows with the width
NUMBER_FITS = 22  # px: an object of that diameter holds a three-digit number
UNKNOWN = Spacing()
MIXING = {
    1: ((1, 1, 1),),
    2: ((1, 0, 1), (0, 1, 0)),
    3: ((0, 1, 1), (1, 0, 1), (1, 1, 0)),
}  # colours of channels, added: magenta and green; cyan, magenta and yellow


def write_qc(
    path: Path,
    pixels: NDArray[np.generic],
    labels: NDArray[np.integer],
    objects: Objects,
    *,
    name: str,
    ran: Sequence[str] = (),
    spacing: Spacing = UNKNOWN,
    rgb: bool = False,
) -> None:
    """Write the picture that `draw_qc` makes as PNG.

    Raises
    ------
    ImageValueError
        If pixels and labels do not fit together.
    OutputError
        If the file cannot be written.
    """
    picture = draw_qc(pixels, labels, objects, name=name, ran=ran, spacing=spacing, rgb=rgb)
    with atomic_path(path) as part:
        Image.fromarray(picture).save(part, format="PNG", compress_level=3)


def draw_qc(
    pixels: NDArray[np.generic],
    labels: NDArray[np.integer],
    objects: Objects,
    *,
    name: str,
    ran: Sequence[str] = (),
    spacing: Spacing = UNKNOWN,
    rgb: bool = False,
) -> Picture:
    """Return a picture (Y', X', 3) of the field with its objects outlined and numbered, between caption and legend.

    Parameters
    ----------
    pixels
        (Y, X) or (C, Y, X). One channel is grey, two are magenta and green, three cyan, magenta and yellow, of more
        the first is shown.
    labels
        (Y, X) label image.
    objects
        What is outlined and numbered; rejected ones are not.
    name
        What the picture is of.
    ran
        Lines on what was run.
    spacing
        µm per pixel; a scale bar is drawn where it is known.
    rgb
        The three channels are red, green and blue of 8 bits, shown as they are.

    Raises
    ------
    ImageValueError
        If pixels and labels do not fit together.
    """
    if labels.ndim != 2 or labels.size == 0 or pixels.shape[-2:] != labels.shape or pixels.ndim not in (2, 3):
        raise ImageValueError(f"pixels of shape {pixels.shape} and labels of shape {labels.shape} are not one field")
    kept = objects.select(objects.review != ReviewState.REJECTED)
    if len(kept) < len(objects):
        labels = np.where(np.isin(labels, kept.id), labels, 0)
    channels = pixels.reshape(-1, *labels.shape)
    zoom = plan_zoom(labels.shape, kept)
    if zoom < 1:  # before anything else: a copy of the whole image may not fit
        channels = _reduced(channels, round(1 / zoom))
    canvas = _enlarged(Image.fromarray(_as_seen(channels) if rgb else _composite(channels)), zoom)
    canvas, unnumbered = _with_objects(canvas, labels, kept, zoom)
    um_per_px = spacing.x / zoom if spacing.x is not None and spacing.known else None
    return _page(canvas, _caption(kept, name, ran), _legend(kept, unnumbered), um_per_px)


def plan_zoom(shape: tuple[int, ...], objects: Objects) -> float:
    """Return picture pixels per image pixel: 1 to 4, or 1/2, 1/3, … for images longer than `LONGEST`."""
    longest = max(shape)
    if longest > LONGEST:
        return 1 / -(-longest // LONGEST)
    diameter = np.sqrt(4 / np.pi * np.percentile(objects.area_px, 20)) if len(objects) else NUMBER_FITS
    wanted = max(np.ceil(NUMBER_FITS / max(diameter, 1)), 2 if longest <= SMALL else 1)
    return float(min(wanted, 4, LONGEST // longest))


def _composite(channels: NDArray[np.generic]) -> Picture:
    """Return the channels (C, Y, X), each stretched to its own range, added in their colours."""
    colours = MIXING.get(len(channels), MIXING[1])
    stretched = [_stretch(channel) for channel, _ in zip(channels, colours, strict=False)]
    if len(colours) == 1:
        return np.repeat(stretched[0].astype(np.uint8)[..., None], 3, axis=-1)
    mixed = sum(grey[..., None] * np.array(colour, np.float32) for grey, colour in zip(stretched, colours, strict=True))
    return np.minimum(mixed, 255).astype(np.uint8)


def _stretch(plane: NDArray[np.generic]) -> NDArray[np.float32]:
    """Return (Y, X) as 0 to 255; non-finite pixels are black."""
    finite = np.nan_to_num(plane, nan=0, posinf=0, neginf=0)
    return np.clip(intensity_range(plane, *CONTRAST).apply(finite) * BRIGHTEST, 0, 255)


def _as_seen(channels: NDArray[np.generic]) -> Picture:
    """Return red, green and blue (3, Y, X) as a picture."""
    return np.ascontiguousarray(np.moveaxis(channels, 0, -1).astype(np.uint8))


def _reduced(channels: NDArray[np.generic], step: int) -> NDArray[np.float32]:
    """Return the means of (C, Y, X) over squares of ``step`` px, at the far edges over what there is."""
    height, width = channels.shape[1:]
    rows, columns = np.arange(0, height, step), np.arange(0, width, step)
    sums = [
        np.add.reduceat(np.add.reduceat(channel, rows, axis=0, dtype=np.float32), columns, axis=1)
        for channel in channels
    ]
    counts = np.diff(rows, append=height)[:, None] * np.diff(columns, append=width)
    return np.asarray(np.stack(sums) / counts, np.float32)


def _enlarged(image: Image.Image, zoom: float) -> Image.Image:
    size = (round(image.width * zoom), round(image.height * zoom))
    return image if zoom <= 1 else image.resize(size, Image.Resampling.BICUBIC)


def _resize_labels(labels: NDArray[np.integer], zoom: float) -> NDArray[np.integer]:
    """Return the label in the middle of each picture pixel."""
    if zoom >= 1:
        return labels.repeat(int(zoom), axis=0).repeat(int(zoom), axis=1)
    step = round(1 / zoom)
    rows, columns = (np.minimum(np.arange(0, n, step) + step // 2, n - 1) for n in labels.shape)
    return np.asarray(labels[rows[:, None], columns])


def _with_objects(
    image: Image.Image, labels: NDArray[np.integer], objects: Objects, zoom: float
) -> tuple[Image.Image, int]:
    """Return the image with outlines and numbers, and how many objects were too small for one."""
    picture = np.array(image)
    diameter = zoom * np.sqrt(4 / np.pi * np.median(objects.area_px)) if len(objects) else 0
    paint_outlines(picture, _resize_labels(labels, zoom), objects, thickness=2 if diameter >= THICK_FROM else 1)
    canvas = Image.fromarray(picture)
    return canvas, draw_numbers(canvas, objects, zoom=zoom)


def _caption(objects: Objects, name: str, ran: Sequence[str]) -> list[Line]:
    """Return the name and count, and what was run."""
    count = f"{len(objects)} cell{'s' * (len(objects) != 1)}"
    return [Line(f"{name}  ·  {count}", 18, INK), *map(Line, ran)]


def _legend(objects: Objects, unnumbered: int) -> list[Line]:
    """Return what those marks mean that occur."""
    doubtful = is_doubtful(objects)
    at_edge = is_at_edge(objects) & ~doubtful
    marks = (
        (at_edge.sum(), "dashed white: touches the edge", AT_EDGE),
        (doubtful.sum(), "dashed yellow: doubtful, worth a second look", DOUBTFUL),
        (unnumbered, "without a number: too small to hold one", PLAIN),
    )
    return [Line(f"{text} ({count})", colour=colour) for count, text, colour in marks if count]


def _page(canvas: Image.Image, caption: Sequence[Line], legend: Sequence[Line], um_per_px: float | None) -> Picture:
    """Return the picture with its caption above, and its legend and scale bar below: nothing covers a cell."""
    width = max(canvas.width, NARROWEST)
    scale = min(max(width / READABLE, 1), 2)
    top = draw_caption(caption, width=width, scale=scale)
    bar = draw_scale_bar(um_per_px, width=canvas.width, scale=scale) if um_per_px else Image.new("RGB", (0, 0))
    bottom = draw_caption(legend, width=width - bar.width, scale=scale) if legend else Image.new("RGB", (0, 0))
    below = top.height + canvas.height
    page = Image.new("RGB", (width, below + max(bar.height, bottom.height)), PAPER)
    page.paste(top, (0, 0))
    page.paste(canvas, ((width - canvas.width) // 2, top.height))
    page.paste(bottom, (0, below))
    page.paste(bar, (width - bar.width, below))
    return np.array(page)
