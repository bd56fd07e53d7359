"""A result made ready to be reviewed and drawn in the thread that found it, so that the window need not wait."""

from __future__ import annotations

import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation
from napari_cellvino.annotation.prepared_step import StepBase
from napari_cellvino.core.image import Stack
from napari_cellvino.core.progress import Progress
from napari_cellvino.gui.napari_bridge import CellLook, drawn_look, is_light, outline_of
from napari_cellvino.quality.known_cells import SelectedCells
from napari_cellvino.quality.reconcile import Merge, prepare_merge
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.peak_memory import PeakMemory
from napari_cellvino.workflows.run_cost import RunCost


@dataclass(frozen=True, slots=True, eq=False)
class PreparedResult:
    """An outcome, what it is as an annotation with labels of its own, and how that looks over a ``light`` image or not.

    ``taken`` is what the run took, where there was one. ``merge`` is how what was corrected goes on in it, if it does:
    the look is of that then, and ``seen`` a copy of its labels.
    """

    outcome: Outcome
    annotation: Annotation
    look: CellLook
    light: bool
    taken: RunCost | None = None
    merge: Merge | None = None
    seen: NDArray[np.int32] | None = None

    @property
    def labels_seen(self) -> NDArray[np.int32] | None:
        """The labels that are to be seen, in an array that nobody changes; None of boxes."""
        return self.outcome.prediction.decoded.labels if self.merge is None else self.seen

    def is_shown_by(self, annotation: Annotation | None) -> bool:
        """Whether the look is that of an annotation."""
        if self.merge is None or annotation is None:
            return annotation is self.annotation
        return self.seen is not None and annotation.labels is self.merge.step.after.labels


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """What is needed to prepare a result of ``pipeline`` in an image; ``sha256`` is of its pixels, if known."""

    pipeline: Pipeline
    stack: Stack
    sha256: str = ""

    def prepare(self, outcome: Outcome, selected: SelectedCells | None = None) -> PreparedResult:
        """Return the outcome, prepared; ``selected`` are its cells, where all is known of them already."""
        decoded = outcome.prediction.decoded
        with ThreadPoolExecutor(1) as beside:
            outline = beside.submit(outline_of, decoded, selected)
            annotation = outcome.annotation(self.pipeline, self.stack, sha256=self.sha256, selected=selected)
            light = is_light(outcome.prediction.plane.pixels, rgb=self.stack.rgb)
            look = drawn_look(annotation, annotation.classes, light=light, outline=outline.result())
            _ = annotation.corrected  # the window asks for it, as for the states
        gated = sum(number for (_, excluded), number in annotation.states.items() if excluded)
        return PreparedResult(replace(outcome, gated=gated), annotation, look, light)

    def follow(self, steps: Generator[Progress, None, Outcome]) -> Generator[Progress, None, PreparedResult]:
        """Yield the progress of a run and return its outcome, prepared."""
        began = time.perf_counter()
        with PeakMemory() as memory:
            outcome = yield from steps
        seconds = time.perf_counter() - began
        fixed = self.pipeline.package.spec.bytes_fixed  # the network is there before
        return replace(self.prepare(outcome), taken=RunCost(seconds, memory.growth + fixed))


def merged(made: PreparedResult, base: StepBase) -> PreparedResult:
    """Return a result into which what was corrected is brought; any thread may do it.

    Raises
    ------
    EditError, ImageValueError
        As `prepare_merge`.
    """
    merge = prepare_merge(base, made.annotation)
    after = merge.step.after
    look = drawn_look(after, made.annotation.classes, light=made.light)
    return replace(made, merge=merge, look=look, seen=None if after.labels is None else after.labels.copy())
