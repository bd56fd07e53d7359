"""A result made ready to be reviewed and drawn in the thread that found it, so that the window need not wait."""

from __future__ import annotations

import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.image import Stack
from napari_cellvino.core.progress import Progress
from napari_cellvino.gui.napari_bridge import CellLook, drawn_look, is_light, outline_of
from napari_cellvino.quality.known_cells import SelectedCells
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.workflows.outcome import Outcome
from napari_cellvino.workflows.peak_memory import PeakMemory
from napari_cellvino.workflows.run_cost import RunCost


@dataclass(frozen=True, slots=True, eq=False)
class PreparedResult:
    """An outcome, what it is as an annotation with labels of its own, and how that looks.

    ``taken`` is what the run took, where there was one.
    """

    outcome: Outcome
    annotation: Annotation
    look: CellLook
    taken: RunCost | None = None


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
        return PreparedResult(replace(outcome, gated=gated), annotation, look)

    def follow(self, steps: Generator[Progress, None, Outcome]) -> Generator[Progress, None, PreparedResult]:
        """Yield the progress of a run and return its outcome, prepared."""
        began = time.perf_counter()
        with PeakMemory() as memory:
            outcome = yield from steps
        seconds = time.perf_counter() - began
        fixed = self.pipeline.package.spec.bytes_fixed  # the network is there before
        return replace(self.prepare(outcome), taken=RunCost(seconds, memory.growth + fixed))
