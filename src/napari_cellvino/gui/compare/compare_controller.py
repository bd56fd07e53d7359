"""The result shown beside another one of the same pixels: of other choices, or of another folder of results."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import center_of_mass
from skimage.segmentation import find_boundaries

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.errors import CellvinoError, ImageReadError, OptionError
from napari_cellvino.core.image import Origin, Stack
from napari_cellvino.core.progress import Progress
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.gui.review.review_controller import ReviewController
from napari_cellvino.gui.run.device_choice import PRECISIONS
from napari_cellvino.gui.widgets.formatting import format_seconds
from napari_cellvino.gui.widgets.one_task import OneTask
from napari_cellvino.gui.widgets.serial_worker import SerialWorker, Task
from napari_cellvino.quality.side_by_side import Labels, ResultComparison, compare_labels
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.workspace import Workspace

IN_BOTH, ONLY_HERE = (86, 180, 233), (230, 159, 0)  # blue and orange of Okabe and Ito
_PERCENTILES = (0.5, 99.8)

Picture = NDArray[np.uint8]
Grey = NDArray[np.floating]
Found = tuple[str, Labels]
"""What a result is called, and its label image."""


@dataclass(frozen=True, slots=True, eq=False)
class ComparedResults:
    """Two results: what they are called, pictures (Y, X, RGB) with their outlines, and how they differ.

    ``places`` are the middles (y, x) of cells that only one has; ``z`` is the plane of a volume that is drawn, counted
    from 0, of which they are, None where there is one.
    """

    titles: tuple[str, str]
    pictures: tuple[Picture, Picture]
    comparison: ResultComparison
    places: tuple[tuple[float, float], ...]
    z: int | None = None


class CompareController(OneTask):
    """One comparison at a time, made in the thread; the result shown stays as it is."""

    def __init__(self, workspace: Workspace, reviewer: ReviewController, worker: SerialWorker) -> None:
        super().__init__()
        self._workspace, self._reviewer, self._worker = workspace, reviewer, worker
        self._task = Task()
        self.done: ComparedResults | None = None
        self.outdated = False  # whether the result shown has changed since
        workspace.stack_changed.connect(self._forget)
        workspace.recipe_changed.connect(self._on_recipe)
        reviewer.edited.connect(self._on_change)
        reviewer.replaced.connect(self._on_change)
        self._frame = 1  # that is compared

    def close(self) -> None:
        """Stop, and let go of the workspace."""
        self._task.stop()
        self._workspace.stack_changed.disconnect(self._forget)
        self._workspace.recipe_changed.disconnect(self._on_recipe)
        self._reviewer.edited.disconnect(self._on_change)
        self._reviewer.replaced.disconnect(self._on_change)

    def with_choices(self) -> None:
        """Compare with what the choices of the Run tab find; that is not taken."""
        workspace = self._workspace
        stack = workspace.stack
        try:
            if stack is None:
                raise OptionError("no image is open; open one first")
            pipeline, steps = workspace.pipeline(), workspace.run()
        except CellvinoError as error:
            self._fail(error)
            return
        title = f"{pipeline.label}, {PRECISIONS[pipeline.recipe.precision]}"
        self._start("running the other choices …", lambda: _run(steps, pipeline, stack, title))

    def with_results(self, root: Path) -> None:
        """Compare with the result of the same image in another folder of results."""
        shown = self._workspace.shown
        if shown is not None:
            origin = shown.plane.origin
            self._start("reading the other result …", lambda: _read(root, origin))

    def _start(self, what: str, find: Callable[[], Generator[Progress, None, Found] | Found]) -> None:
        annotation, shown = self._reviewer.annotation, self._workspace.shown
        if annotation is None or shown is None:
            self._fail(OptionError("there is no result to compare with; run the model first"))
            return
        try:
            first = f"{shown.label}, {PRECISIONS[shown.recipe.precision]}", _counted(annotation)
        except OptionError as error:
            self._fail(error)
            return
        z = plane_of(first[1], self._reviewer.plane)
        grey = self._workspace.intensity(z)
        self._task.stop()
        self.working, self.failure, self.outdated, self._frame = what, None, False, shown.recipe.frame
        self._task = Task(done=self._show, failed=self._fail, stopped=self._stop)
        self._worker.start(lambda: _compared(find(), first, grey, z), self._task)
        self.changed.emit()

    def _show(self, done: ComparedResults) -> None:
        self.working, self.done = "", done
        self.changed.emit()

    def _on_recipe(self, recipe: Recipe) -> None:
        """Forget the comparison of another time point."""
        if recipe.frame != self._frame and (self.done is not None or self.working):
            self._forget()

    def _on_change(self, _: object = None) -> None:
        """Say that the result shown is another by now than the one that was compared."""
        if (self.done is not None or self.working) and not self.outdated:
            self.outdated = True
            self.changed.emit()

    def _forget(self, _: object = None) -> None:
        self._task.stop()
        self.working, self.done, self.failure = "", None, None
        self.changed.emit()


def _run(
    steps: Generator[Progress, None, Outcome], pipeline: Pipeline, stack: Stack, title: str
) -> Generator[Progress, None, Found]:
    began = time.perf_counter()
    outcome = yield from steps
    return f"{title}, in {format_seconds(time.perf_counter() - began)}", _counted(outcome.annotation(pipeline, stack))


def _read(root: Path, origin: Origin) -> Found:
    folder = FieldFolder(ResultStore(root).choose_folder(origin))
    if not folder.is_result:
        raise ImageReadError(f"{root} holds no result of {origin.name}; choose the results of the same images")
    return f"{folder.annotation().provenance.model} in {root.name}", _counted(folder.annotation())


def _counted(annotation: Annotation) -> Labels:
    """Return a copy of the labels of the cells that count."""
    if annotation.labels is None:
        raise OptionError(
            "boxes cannot be compared side by side, outlines can; look at one result after the other in tab 3"
        )
    left_out = [id_ for id_, record in annotation.records.items() if not record.counted]
    return np.where(np.isin(annotation.labels, left_out), 0, annotation.labels).astype(np.int32)


def plane_of(labels: Labels, seen: int | None) -> int | None:
    """Return the plane of a volume to be drawn: the one that is seen, else the middle one; None of one plane."""
    if labels.ndim == 2:
        return None
    return labels.shape[0] // 2 if seen is None else seen


def _compared(
    finding: Generator[Progress, None, Found] | Found, first: Found, grey: Grey | None, z: int | None
) -> Generator[Progress, None, ComparedResults]:
    second = (yield from finding) if isinstance(finding, Generator) else finding
    comparison = compare_labels(first[1], second[1])
    flat = [labels if z is None else labels[z] for labels in (first[1], second[1])]
    back = _stretched(np.zeros(flat[0].shape) if grey is None else grey)
    only = (comparison.only_first, comparison.only_second)
    pictures = [_drawn(back, labels, ids) for labels, ids in zip(flat, only, strict=True)]
    places = [place for labels, ids in zip(flat, only, strict=True) for place in _middles(labels, ids)]
    return ComparedResults((first[0], second[0]), (pictures[0], pictures[1]), comparison, tuple(sorted(places)), z)


def _stretched(grey: Grey) -> Picture:
    low, high = np.percentile(grey, _PERCENTILES)
    scaled = np.clip((grey.astype(np.float32) - low) * (255 / max(high - low, 1e-9)), 0, 255).astype(np.uint8)
    return np.repeat(scaled[..., None], 3, axis=2)


def _drawn(back: Picture, labels: Labels, only: tuple[int, ...]) -> Picture:
    """Return a picture with the outlines of cells, those that are in one result only in another colour."""
    picture, edge = back.copy(), find_boundaries(labels, mode="inner")
    alone = np.isin(labels, only)
    picture[edge & ~alone] = IN_BOTH
    picture[alone & find_boundaries(labels, mode="thick")] = ONLY_HERE
    return picture


def _middles(labels: Labels, ids: tuple[int, ...]) -> list[tuple[float, float]]:
    here = np.intersect1d(ids, labels)
    return [(float(y), float(x)) for y, x in center_of_mass(labels > 0, labels, here)] if len(here) else []
