"""The tiles that INT8 weights are calibrated on: exactly those a run would cut, normalised and padded as there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import Engine, EngineInfo
from napari_cellvino.model_package import ModelSpec
from napari_cellvino.segmentation.predict import infer_maps
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.training.data.datasets import LabelledImage
from napari_cellvino.training.metrics.evaluate import LabelledSet, as_stack, scored_fields

Tile = NDArray[np.float32]  # (1, C, tile, tile)


class TileRecorder(Engine):
    """An engine that runs nothing and keeps what it is given; see `Engine`."""

    def __init__(self, spec: ModelSpec) -> None:
        self._maps, self._stride = len(spec.maps), spec.stride
        self.tiles: list[Tile] = []

    def load(self, tile: int) -> EngineInfo:
        """Return that nothing runs."""
        return EngineInfo("none", Precision.EXACT, "f32", "recorder")

    def seconds(self, tile: int) -> float:
        """Return 0: nothing runs."""
        return 0.0

    def infer(self, batch: Tile) -> NDArray[np.float16]:
        """Keep the tiles of a batch and return empty maps for it."""
        self.tiles += [image[None].copy() for image in batch]
        side = batch.shape[-1] // self._stride
        return np.zeros((len(batch), self._maps, side, side), np.float16)

    def cancel(self) -> None:
        """Do nothing: nothing runs."""


def calibration_tiles(
    spec: ModelSpec, fields: Sequence[LabelledImage], *, most: int, diameter_px: float | None = None
) -> list[Tile]:
    """Return at most ``most`` tiles, as many from each field as from any other.

    Raises
    ------
    TrainingDataError
        If there is no field.
    """
    some = LabelledSet("calibration", _spread(fields, most), diameter_px=diameter_px)
    shown = _spread(scored_fields(some, spec), most)
    if not shown:
        raise TrainingDataError("there is no image to calibrate on; name a folder that has some")
    recorder = TileRecorder(spec)
    for field in shown:
        plane = finish(project(as_stack(field)))
        work = infer_maps(plane, spec, recorder, diameter_px=diameter_px)
        for _ in islice(work, max(1, most // len(shown))):
            pass
        work.close()
    return recorder.tiles


def _spread(fields: Sequence[LabelledImage], most: int) -> tuple[LabelledImage, ...]:
    """Return at most ``most`` fields from all over the sequence."""
    return tuple(fields[:: max(1, len(fields) // most)][:most])
