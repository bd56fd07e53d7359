"""What several models find in an image, side by side: a panel for each, with its outlines and what is said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from napari_cellvino.core.objects import Objects
from napari_cellvino.figures.composite import Picture, composite, to_rgb
from napari_cellvino.figures.lettering import Line, draw_caption
from napari_cellvino.figures.outlines import paint_boxes, paint_outlines
from napari_cellvino.figures.palette import INK, PAPER
from napari_cellvino.storage.atomic import atomic_path

SIDE = 384  # px of a panel
COLUMNS = 3
GAP = 8  # px between panels
CAPTION = 96  # px below a panel


@dataclass(frozen=True, slots=True, eq=False)
class ModelPanel:
    """A crop (K, y, x) with the cells that a model found in it: ``labels`` (y, x), or boxes where it is None."""

    title: str
    lines: Sequence[str]
    pixels: NDArray[np.generic]
    labels: NDArray[np.int32] | None
    objects: Objects
    classes: int = 1


def write_panels(path: Path, panels: Sequence[ModelPanel]) -> None:
    """Write the picture that `draw_panels` makes as PNG; `OutputError` if it cannot be written."""
    with atomic_path(path) as part:
        Image.fromarray(draw_panels(panels)).save(part, format="PNG")


def draw_panels(panels: Sequence[ModelPanel]) -> Picture:
    """Return a picture (Y, X, 3) with the panels in rows of three."""
    columns, rows = min(COLUMNS, max(1, len(panels))), -(-len(panels) // COLUMNS)
    step_y, step_x = SIDE + CAPTION + GAP, SIDE + GAP
    page = Image.new("RGB", (columns * step_x + GAP, rows * step_y + GAP), PAPER)
    for number, panel in enumerate(panels):
        row, column = divmod(number, COLUMNS)
        left, top = GAP + column * step_x, GAP + row * step_y
        page.paste(Image.fromarray(draw_crop(panel)), (left, top))
        lines = [Line(panel.title, 16, INK), *(Line(text, 13) for text in panel.lines)]
        caption = draw_caption(lines, width=SIDE)
        page.paste(Image.fromarray(caption[:CAPTION]), (left, top + SIDE))
    return np.asarray(page)


def draw_crop(panel: ModelPanel) -> Picture:
    """Return the crop with outlines or boxes, its longer side `SIDE` px."""
    shown = to_rgb(panel.pixels, panel.pixels.dtype == np.uint8) if len(panel.pixels) == 3 else composite(panel.pixels)
    zoom = SIDE / max(shown.shape[:2])
    shape = tuple(max(1, round(n * zoom)) for n in shown.shape[:2])
    picture = np.array(Image.fromarray(shown).resize(shape[::-1], Image.Resampling.BILINEAR))
    if panel.labels is None:
        paint_boxes(picture, panel.objects, zoom=zoom, thickness=2, classes=panel.classes)
    else:
        rows, columns = (((np.arange(n) + 0.5) / zoom).astype(np.intp) for n in shape)
        inside = panel.labels[np.ix_(rows.clip(max=len(panel.labels) - 1), columns.clip(max=panel.labels.shape[1] - 1))]
        paint_outlines(picture, inside, panel.objects, thickness=1, classes=panel.classes)
    return picture
