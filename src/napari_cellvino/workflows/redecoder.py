"""Decodes an outcome again as a slider moves, and keeps what stays: a limit only chooses among known cells."""

from __future__ import annotations

from napari_cellvino.core.image import Stack
from napari_cellvino.core.progress import finish
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.quality.changes import compare_cells, compare_kept
from napari_cellvino.quality.known_cells import KnownCells, SelectedCells
from napari_cellvino.segmentation.candidates import CellCandidates, only_limits_differ
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.segmentation.predict_field import decode_again
from napari_cellvino.segmentation.volume import cell_map
from napari_cellvino.workflows.outcome import Outcome


class Redecoder:
    """Keeps the cells of the maps that were decoded last; one thread at a time may use it."""

    def __init__(self, engines: EngineProvider) -> None:
        self._engines = engines
        self._candidates = CellCandidates()
        self._known: KnownCells | None = None

    def prepare(self, prediction: Prediction, pipeline: Pipeline) -> None:
        """Find what limits on score and area choose among, and all about it: decoding with others is quick then."""
        self._candidates.find(prediction, pipeline)
        found = self._candidates.found
        if found is None or found.labels is None:
            self._known = None
        elif self._known is None or self._known.found is not found:
            known = KnownCells(found, cell_map(prediction.raw, pipeline.package.spec.maps))
            known.look_ahead()
            self._known = known

    def redecode(self, before: Prediction, kept: Prediction, pipeline: Pipeline, stack: Stack) -> Outcome:
        """Return a prediction decoded again with a pipeline's values, and its changes relative to one that was kept."""
        if only_limits_differ(pipeline.values, before.values):
            self.prepare(before, pipeline)
        prediction = finish(decode_again(before, pipeline, self._engines, stack, candidates=self._candidates))
        old, new = (self._candidates.ids_in(each) for each in (kept, prediction))
        if old is None or new is None:
            return Outcome(prediction, compare_cells(kept.decoded, prediction.decoded))
        return Outcome(prediction, compare_kept(old > 0, new > 0))

    def selected(self, prediction: Prediction) -> SelectedCells | None:
        """Return the cells of a prediction, of which all is known; None where others were found last."""
        known = self._known  # another thread may forget it
        ids = None if known is None else self._candidates.ids_in(prediction)
        return None if known is None or ids is None else known.selected(ids)

    def forget(self) -> None:
        """Let go of all cells."""
        self._candidates.forget()
        self._known = None
