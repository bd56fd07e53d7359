"""Draw where a model does well and where not: ``python scripts/model_pictures.py MODEL --data DIR --out FOLDER``.

Runs the model over the labelled sets that its card shows, ranks the fields of each, and draws the worst, the median and
the best, one below the other, with the truth on the left and the result on the right: ``FOLDER/MODEL_SET.jpg``. Fields
without a true cell are passed over. All these sets are CC0, MIT or simulated; credit them where you show them.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage.segmentation import find_boundaries

from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.figures.lettering import Line, draw_caption
from napari_cellvino.figures.palette import INK, PAPER
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.segmentation.heads import Decoded, check_parameters
from napari_cellvino.segmentation.normalise import intensity_range
from napari_cellvino.segmentation.predict import decode
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.data.true_cells import true_cells
from napari_cellvino.training.metrics.evaluate import LabelledSet, infer_field, scored_fields
from napari_cellvino.training.metrics.metrics import metrics_for
from napari_cellvino.training.shipped.sets import sets_of

WIDTH = 440  # px of one panel
TALLEST = 440
COLOURS = ((86, 180, 233), (230, 159, 0), (20, 190, 140))  # Okabe and Ito 2008: told apart by everyone; one per class
GOODNESS = ("ap50", "f1_centre", "dice")  # the first that a judge gives decides the order
WORDS = {"ap50": "AP@0.5", "f1_centre": "F1 of centres", "dice": "Dice"}


@dataclass(frozen=True, slots=True)
class Case:
    """One field, what was found in it, and how good that is."""

    field: LabelledImage
    found: Decoded
    metric: str
    goodness: float


def main() -> None:
    """Draw a picture per set."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", metavar="MODEL", help="a shipped model: a name, or its folder")
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="folder of the public labelled images")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    parser.add_argument(
        "--places", type=float, nargs="+", default=[0.0, 0.5, 1.0], metavar="P",
        help="which fields, from 0 (the worst) to 1 (the best); default: 0 0.5 1",
    )  # fmt: skip
    options = parser.parse_args()
    package = find_package(options.model)
    options.out.mkdir(parents=True, exist_ok=True)
    for part in sets_of(package.spec.name, options.data, "shown"):
        path = options.out / f"{package.spec.name}_{part.name.replace(' ', '_')}.jpg"
        draw(package, part, path, options.places)


def draw(package: ModelPackage, part: LabelledSet, path: Path, places: Sequence[float]) -> None:
    """Write the picture of one set, and say which fields it shows."""
    cases = ranked(package, part)
    chosen = [(_place_name(place), cases[round(place * (len(cases) - 1))]) for place in places]
    sheet = _stacked([_row(case, name, package) for name, case in chosen])
    sheet.save(path, quality=82, optimize=True)
    print(f"{path}: {sheet.width} x {sheet.height} px, {path.stat().st_size / 1024:.0f} KB")
    for name, case in chosen:
        print(f"  {name}: {case.field.id}, {WORDS[case.metric]} {case.goodness:.3f}")


def ranked(package: ModelPackage, part: LabelledSet) -> list[Case]:
    """Return the fields that have a true cell with what the model finds in them, the worst first, then the emptiest."""
    scoring, values = metrics_for(package.spec, min_area=part.min_area), check_parameters(package.spec, {})
    engine = OpenVinoEngine(package)
    cases: list[tuple[float, float, int, Case]] = []
    for field in scored_fields(part, package.spec):
        raw = infer_field(field, package.spec, engine)
        scores = scoring.sum_up([scoring.match(field, raw, values)])
        if scores.get("true") == 0:
            continue
        metric = next(name for name in GOODNESS if name in scores)
        found = decode(raw, package.spec, values)
        case = Case(_counted(field, part.min_area), found, metric, scores[metric])
        cases.append((scores[metric], scores.get("true", 1), len(cases), case))
    return [case for *_, case in sorted(cases)]


def _counted(field: LabelledImage, min_area: int) -> LabelledImage:
    """Return the field without the labels of fewer than ``min_area`` px, which do not count."""
    if field.labels is None:
        return field
    ids, place, area = np.unique(field.labels, return_inverse=True, return_counts=True)
    return replace(field, labels=np.where(area >= min_area, ids, 0)[place].reshape(field.labels.shape))


def _row(case: Case, name: str, package: ModelPackage) -> Image.Image:
    field, found = case.field, case.found
    picture = _shown(field.image)
    if field.labels is not None:
        truth, n_true = _outlined(picture, field.labels), len(np.unique(field.labels[field.labels > 0]))
    else:
        cells = true_cells(field, package.spec.classes)
        truth, n_true = _boxed(picture, cells.box, cells.class_index), len(cells.box)
    if found.labels is not None:
        result = _outlined(picture, found.labels)
    else:
        result = _boxed(picture, found.objects.box, found.objects.class_index)
    title = f"{name}: {WORDS[case.metric]} {case.goodness:.2f} · truth, {_counts(n_true)}"
    return _beside([_panel(truth, title), _panel(result, f"found, {_counts(len(found.objects))}")])


def _shown(image: NDArray[np.generic]) -> Image.Image:
    """Return colours as they are, grey stretched to its own range."""
    if image.ndim == 3:
        return Image.fromarray(image[..., :3].astype(np.uint8))
    grey = np.clip(intensity_range(image, 0.5, 99.8).apply(image) * 235, 0, 255).astype(np.uint8)
    return Image.fromarray(grey).convert("RGB")


def _zoom(picture: Image.Image) -> float:
    return min(WIDTH / picture.width, TALLEST / picture.height)


def _outlined(picture: Image.Image, labels: NDArray[np.integer]) -> Image.Image:
    """Return the picture resized, with the outline of each label."""
    zoom = _zoom(picture)
    size = (round(picture.width * zoom), round(picture.height * zoom))
    pixels = np.array(picture.resize(size, Image.Resampling.BICUBIC))
    rows, columns = (((np.arange(n) + 0.5) / zoom).astype(int) for n in reversed(size))
    seen = labels[np.minimum(rows, labels.shape[0] - 1)[:, None], np.minimum(columns, labels.shape[1] - 1)]
    pixels[find_boundaries(seen, mode="inner")] = COLOURS[1]
    return Image.fromarray(pixels)


def _boxed(picture: Image.Image, boxes: NDArray[np.floating | np.integer], classes: NDArray[np.integer]) -> Image.Image:
    """Return the picture resized, with boxes (N, 4) y0, x0, y1, x1 in the colours of their classes."""
    zoom = _zoom(picture)
    size = (round(picture.width * zoom), round(picture.height * zoom))
    canvas = picture.resize(size, Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(canvas)
    for (y0, x0, y1, x1), number in zip((boxes * zoom).tolist(), classes.tolist(), strict=True):
        draw.rectangle((x0, y0, x1 - 1, y1 - 1), outline=COLOURS[number % len(COLOURS)], width=2)
    return canvas


def _panel(picture: Image.Image, text: str) -> Image.Image:
    caption = Image.fromarray(draw_caption([Line(text, 14, INK)], width=max(picture.width, WIDTH)))
    page = Image.new("RGB", (caption.width, caption.height + picture.height), PAPER)
    page.paste(caption, (0, 0))
    page.paste(picture, ((page.width - picture.width) // 2, caption.height))
    return page


def _beside(panels: Sequence[Image.Image]) -> Image.Image:
    gap = 8
    page = Image.new(
        "RGB", (sum(p.width for p in panels) + gap * (len(panels) - 1), max(p.height for p in panels)), PAPER
    )
    left = 0
    for panel in panels:
        page.paste(panel, (left, 0))
        left += panel.width + gap
    return page


def _stacked(rows: Sequence[Image.Image]) -> Image.Image:
    page = Image.new("RGB", (max(r.width for r in rows), sum(r.height for r in rows)), PAPER)
    top = 0
    for row in rows:
        page.paste(row, (0, top))
        top += row.height
    return page


def _counts(number: int) -> str:
    return f"{number} cell{'s' * (number != 1)}"


def _place_name(place: float) -> str:
    return {0.0: "worst", 0.5: "median", 1.0: "best"}.get(place, f"better than {place:.0%}")


if __name__ == "__main__":
    main()
