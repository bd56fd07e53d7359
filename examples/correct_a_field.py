"""Correct a real field with the tools of the review, as a person would, and count what that takes.

The model runs with thresholds that are wrong on purpose: cells that touch are joined, faint ones are left out. What is
wrong is told by the field's true outlines, which stand in for the eyes of a person: each action is one that the window
has (a click, a line, a drawn outline), and a tool that does not give what was hoped for is undone and counted.

    python examples/correct_a_field.py FOLDER [--field ID]

``FOLDER`` is a labelled set, as for ``cellvino evaluate``; F1 is that of ``cellvino evaluate`` at IoU 0.5.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage as ndi
from skimage.measure import approximate_polygon, find_contours

from napari_cellvino.annotation import Annotation, Edit, EditSession
from napari_cellvino.annotation.tools.add import add_drawn, add_from_map
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.drawing import draw_polygon
from napari_cellvino.annotation.tools.merge import merge
from napari_cellvino.annotation.tools.outline import redraw
from napari_cellvino.annotation.tools.split_seeds import split_by_seeds
from napari_cellvino.core.errors import EditError
from napari_cellvino.core.image import ArrayPlanes, Shape, Stack
from napari_cellvino.core.progress import finish
from napari_cellvino.quality.accuracy import match_field, summarise
from napari_cellvino.training.data.datasets import LabelledImage, read_set
from napari_cellvino.workflows.workspace import Workspace

WRONG = {"split": 0.0, "confidence": 0.85, "outline": 0.2}
SMALLEST = 30  # px: smaller true objects are crumbs of the annotation, smaller found ones are none
MATCHED = 0.5  # IoU
STROKE = 1.0  # px by which a hand-drawn outline is off


def main() -> None:
    """Correct one field and say how well it was before and after."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--field", default="", help="its id; by default the first of the part for validation")
    options = parser.parse_args()
    fields = read_set(options.folder, "val", keep=lambda row: options.field in row["id"])
    person = correct(fields[0])
    print(f"{fields[0].id}: {person.before:.3f} before, {person.after:.3f} after (F1 at IoU 0.5)")
    print(f"{sum(person.actions.values())} actions: " + ", ".join(f"{n} {what}" for what, n in person.actions.items()))


def correct(field: LabelledImage) -> Person:
    """Return the person who corrected a field."""
    pixels = field.grey()
    workspace = Workspace()
    workspace.use_stack(Stack(ArrayPlanes(pixels[None, None, None]), Shape(1, 1, 1, *pixels.shape), pixels.dtype))
    workspace.choose(model="nuclei", parameters=WRONG)
    plan = workspace.pipeline()
    workspace.accept(finish(workspace.run()), plan)
    foreground_probability = workspace.cell_map()
    if foreground_probability is None:
        raise EditError("the model keeps no map of where cells are; choose one that does")
    person = Person(workspace.annotation(), field.true_labels(), foreground_probability)
    person.work()
    return person


class Person:
    """Corrects an annotation, knowing the truth."""

    def __init__(
        self, annotation: Annotation, truth: NDArray[np.integer], foreground_probability: NDArray[np.floating]
    ) -> None:
        area = np.bincount(truth.reshape(-1))
        self.truth = np.where(area[truth] >= SMALLEST, truth, 0)
        self.foreground_probability = foreground_probability
        self.session = EditSession(annotation, author="example")
        self.actions: Counter[str] = Counter()
        self.before = self.after = self.score()

    @property
    def labels(self) -> NDArray[np.int32]:
        """The labels as they are now."""
        return self.session.annotation.pixels

    def score(self) -> float:
        """Return F1 at IoU 0.5."""
        return summarise([match_field(self.truth, self.labels, min_area=SMALLEST)]).f1_50

    def work(self) -> None:
        """Take cells apart, put pieces together, then see to each true cell, and take away what is none."""
        for id_ in list(self.session.annotation.records):
            self.split(id_)
        cells = [int(cell) for cell in np.unique(self.truth) if cell]
        for cell in cells:
            self.join(cell)
        for cell in cells:
            self.mend(cell)
        for id_ in list(self.session.annotation.records):
            if self.iou(id_, self.most_of(self.truth, self.labels == id_)) < MATCHED:
                self.do("delete", delete(self.session.annotation, [id_]))
        self.after = self.score()

    def split(self, id_: int) -> None:
        """Click into each cell that an object holds most of, where these are two or more."""
        inside = self.truth[self.labels == id_]
        held = [c for c in np.unique(inside) if c and (inside == c).sum() > 0.5 * (self.truth == c).sum()]
        seeds = [self.middle((self.truth == cell) & (self.labels == id_)) for cell in held]
        if len(seeds) > 1:
            self.do(
                "split",
                split_by_seeds(self.session.annotation, seeds, foreground_probability=self.foreground_probability),
            )

    def join(self, cell: int) -> None:
        """Drag across the pieces of one cell."""
        here = self.truth == cell
        ids, count = np.unique(self.labels[here], return_counts=True)
        total = np.bincount(self.labels.reshape(-1))
        pieces = [i for i, n in zip(ids.tolist(), count.tolist(), strict=True) if i and n > 0.5 * total[i]]
        if len(pieces) > 1:
            self.do("merge", merge(self.session.annotation, pieces, apart=True))

    def mend(self, cell: int) -> None:
        """Redraw the object of a cell, or add it: by a click, or drawn where that does not give it."""
        here = self.truth == cell
        id_ = self.most_of(self.labels, here)
        if id_ and self.iou(id_, cell) >= MATCHED:
            return
        annotation = self.session.annotation
        outline = draw_polygon(annotation, self.outline(here))
        if id_ and (self.labels[here] == id_).sum() > 0.5 * here.sum():
            self.do("outline", redraw(annotation, id_, outline))
            return
        y, x = self.middle(here)
        if self.labels[y, x] == 0 and self.foreground_probability[y, x] > 0.2:
            self.do("click", add_from_map(annotation, (y, x), self.foreground_probability))
            if self.iou(int(self.labels[y, x]), cell) >= MATCHED:
                return
            self.session.undo()
            self.actions["undo"] += 1
        self.do("draw", add_drawn(annotation, outline))

    def do(self, what: str, edit: Edit) -> None:
        """Make an edit, and count it."""
        self.session.commit(edit)
        self.actions[what] += 1

    def iou(self, id_: int, cell: int) -> float:
        """Return the overlap of an object with a true cell."""
        a, b = self.labels == id_, self.truth == cell
        return float((a & b).sum() / (a | b).sum()) if id_ and cell else 0.0

    @staticmethod
    def most_of(labels: NDArray[np.integer], mask: NDArray[np.bool_]) -> int:
        """Return the object that covers most of a mask, 0 where none does."""
        count = np.bincount(labels[mask], minlength=1)
        count[0] = 0
        return int(count.argmax())

    @staticmethod
    def middle(mask: NDArray[np.bool_]) -> tuple[int, int]:
        """Return the pixel deepest inside a mask."""
        depth = ndi.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        y, x = np.unravel_index(int(depth.argmax()), mask.shape)
        return int(y), int(x)

    @staticmethod
    def outline(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the outline of a mask with few corners, as a hand would click them."""
        longest = max(find_contours(np.pad(mask.astype(float), 1), 0.5), key=len) - 1
        return np.asarray(approximate_polygon(longest, STROKE))


if __name__ == "__main__":
    main()
