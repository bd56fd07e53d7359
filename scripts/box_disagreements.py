"""Draw every place where a model's boxes and the truth disagree: ``python scripts/box_disagreements.py MODEL …``.

One crop per place, on one sheet: true boxes solid, found ones dashed, in the colour of their class (blue the first,
orange the second). Look through them to learn what is the model's fault and what the truth's.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.optimize import linear_sum_assignment

from napari_cellvino.core.objects import Objects
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.quality.box_accuracy import FITS, box_iou
from napari_cellvino.segmentation.heads import check_parameters
from napari_cellvino.segmentation.normalise import intensity_range
from napari_cellvino.segmentation.predict import decode
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.data.true_cells import TrueCells, true_cells
from napari_cellvino.training.metrics.evaluate import infer_field
from napari_cellvino.training.shipped.sets import sets_of

COLOURS = ((86, 180, 233), (230, 159, 0))
REACH = 28  # px of the image on each side of a place
ZOOM = 4
SAME_PLACE = 8.0  # px between a missed and a surplus box that are one disagreement
DASH = 4


def main() -> None:
    """Draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL", help="a shipped model that finds boxes: a name, or its folder")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the public labelled images")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="a .jpg or .png")
    parser.add_argument("--columns", type=int, default=8, metavar="N")
    options = parser.parse_args()
    package = find_package(options.model)
    crops = [
        crop for part in sets_of(package.spec.name, options.data, "shown") for crop in _crops(package, part.fields)
    ]
    sheet = _sheet(crops, options.columns)
    sheet.save(options.out, quality=80, optimize=True)
    print(f"{options.out}: {len(crops)} places, {options.out.stat().st_size / 1024:.0f} KB")


def _crops(package: ModelPackage, fields: Sequence[LabelledImage]) -> Iterator[Image.Image]:
    engine, values = OpenVinoEngine(package), check_parameters(package.spec, {})
    for field in fields:
        found = decode(infer_field(field, package.spec, engine), package.spec, values).objects
        truth = true_cells(field, package.spec.classes)
        for y, x in _places(truth, found):
            yield _crop(field, truth, found, (round(y), round(x)))


def _places(truth: TrueCells, found: Objects) -> list[tuple[float, float]]:
    """Return the middles (y, x) of the boxes without a partner of their class, those of one cell once."""
    fits = (box_iou(truth.box, found.box) >= FITS) & (truth.class_index[:, None] == found.class_index)
    rows, columns = linear_sum_assignment(fits, maximize=True)
    hit = fits[rows, columns]
    alone = [
        *truth.centre[np.setdiff1d(np.arange(len(truth.box)), rows[hit])].tolist(),
        *found.centroid[np.setdiff1d(np.arange(len(found)), columns[hit])].tolist(),
    ]
    places: list[tuple[float, float]] = []
    for y, x in alone:
        if all(np.hypot(y - b, x - a) > SAME_PLACE for b, a in places):
            places.append((y, x))
    return places


def _crop(field: LabelledImage, truth: TrueCells, found: Objects, middle: tuple[int, int]) -> Image.Image:
    y, x = middle
    grey = np.clip(intensity_range(field.grey(), 0.5, 99.8).apply(field.grey()) * 235, 0, 255).astype(np.uint8)
    cut = np.pad(grey, REACH)[y : y + 2 * REACH, x : x + 2 * REACH]
    side = 2 * REACH * ZOOM
    canvas = Image.fromarray(cut).convert("RGB").resize((side, side), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    shift = np.array([y - REACH, x - REACH] * 2)
    for box, number in zip((truth.box - shift) * ZOOM, truth.class_index.tolist(), strict=True):
        draw.rectangle((box[1], box[0], box[3] - 1, box[2] - 1), outline=COLOURS[number % 2], width=3)
    for box, number in zip((found.box - shift) * ZOOM, found.class_index.tolist(), strict=True):
        _dashed(draw, box, COLOURS[number % 2])
    return canvas


def _dashed(draw: ImageDraw.ImageDraw, box: NDArray[np.number], colour: tuple[int, int, int]) -> None:
    y0, x0, y1, x1 = box.tolist()
    for x in np.arange(x0, x1, 2 * DASH):
        for y in (y0, y1):
            draw.line((x, y, min(x + DASH, x1), y), fill=colour, width=2)
    for y in np.arange(y0, y1, 2 * DASH):
        for x in (x0, x1):
            draw.line((x, y, x, min(y + DASH, y1)), fill=colour, width=2)


def _sheet(crops: Sequence[Image.Image], columns: int) -> Image.Image:
    side, gap = 2 * REACH * ZOOM // 2, 4
    rows = -(-len(crops) // columns)
    page = Image.new("RGB", (columns * (side + gap), rows * (side + gap)), (24, 24, 27))
    for number, crop in enumerate(crops):
        place = (number % columns * (side + gap), number // columns * (side + gap))
        page.paste(crop.resize((side, side), Image.Resampling.LANCZOS), place)
    return page


if __name__ == "__main__":
    main()
