"""Teach on a field of 1024 x 1024 px as the window does, in a process of its own; print seconds and bytes as JSON."""

from __future__ import annotations

import json
import time

import numpy as np
from skimage.filters import threshold_otsu
from skimage.measure import label

from benchmarks.memory import peak_bytes
from benchmarks.painter import paint
from benchmarks.scenes import in_memory, nuclei_field
from napari_cellvino.core.image import ZChoice
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.training.teach.strokes import StrokedImage, Strokes
from napari_cellvino.training.teach.viewed_part import ViewedPart
from napari_cellvino.workflows.live_teaching import LiveTeacher

STROKES = 30


def main() -> None:
    """Look at the field, answer after 30 strokes, and after each of three more; held-out strokes are judged later."""
    pixels = nuclei_field()
    stack, teacher, bright = in_memory(pixels), LiveTeacher(), threshold_otsu(pixels)
    strokes = paint(label(pixels > bright), STROKES)
    blank, begin = StrokedImage("field", stack, Strokes(np.zeros_like(strokes))), time.perf_counter()
    teacher.prepare([blank], Recipe(), _whole(blank))
    looked = time.perf_counter() - begin
    first = _seconds(teacher, StrokedImage("field", stack, Strokes(strokes)))
    further = []
    for row in (100, 300, 500):
        strokes = strokes.copy()
        strokes[row, 200:220] = np.where(pixels[row, 200:220] > bright, 1, 2)
        further.append(_seconds(teacher, StrokedImage("field", stack, Strokes(strokes))))
    print(json.dumps({"looked": looked, "first": first, "further": float(np.median(further)), "peak": peak_bytes()}))


def _seconds(teacher: LiveTeacher, image: StrokedImage) -> float:
    """Return how long the first answer takes."""
    begin = time.perf_counter()
    next(teacher.answer([image], Recipe(), _whole(image), {}))
    return time.perf_counter() - begin


def _whole(image: StrokedImage) -> ViewedPart:
    return ViewedPart(0, ZChoice(), (0, 0, image.stack.shape.y, image.stack.shape.x))


if __name__ == "__main__":
    main()
