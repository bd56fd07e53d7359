"""The outcome of a run on a field, and a cache of the outcomes of fields visited before."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.image import Plane, PlaneReader, Stack
from napari_cellvino.core.recipe import Recipe, renamed
from napari_cellvino.quality.changes import Changes
from napari_cellvino.quality.known_cells import SelectedCells
from napari_cellvino.results.field_result import annotate, measured, outlines_of
from napari_cellvino.results.plate_place import PlatePlace
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.segmentation.predict_field import volume_of
from napari_cellvino.segmentation.prepare import channel_name, describe_plane
from napari_cellvino.segmentation.volume import StackMaps
from napari_cellvino.workflows.save_field import SaveRequest
from napari_cellvino.workflows.saved_field import WHOLE, PlanePart, SavedField

MAX_FIELDS = 24  # kept in memory


@dataclass(frozen=True, slots=True)
class Outcome:
    """The current prediction of a run, its changes relative to the reference, and how many cells gates leave out.

    ``seconds`` is how long the run took.
    """

    prediction: Prediction
    changes: Changes = field(default_factory=Changes)
    gated: int = 0
    seconds: float = 0.0

    @property
    def count(self) -> int:
        """Number of cells that count."""
        return len(self.prediction.decoded.objects) - self.gated

    def intensity(self, z: int | None = None, part: PlanePart = WHOLE) -> NDArray[np.floating] | None:
        """Return a part of the network's input (Y, X), of a stack in plane ``z`` (from 0); None if it is not kept."""
        raw, inputs = self.prediction.raw, self.prediction.plane.inputs
        if isinstance(raw, StackMaps):
            return None if z is None or not raw.normalised.size else raw.normalised[z][part]
        channels = inputs[:, *part].astype(np.float32)  # 4096 x 4096 px take a tenth of a second
        return channels[0] if len(channels) == 1 else np.asarray(channels.mean(axis=0))

    def annotation(
        self, pipeline: Pipeline, stack: Stack, *, sha256: str = "", selected: SelectedCells | None = None
    ) -> Annotation:
        """Return the outcome as an annotation with copied labels, gated.

        ``sha256`` is of the pixels, ``selected`` are its cells, where these are known already.
        """
        prediction = self.prediction
        with ThreadPoolExecutor(1) as beside:  # the copy of a large image takes a tenth of the time that a slider has
            labels = prediction.decoded.labels
            copied = None if labels is None else beside.submit(labels.copy)
            outlines = outlines_of(prediction) if selected is None else None
            done = pipeline.with_overrides(stack.overrides)
            made = annotate(prediction, done, sha256=sha256, outlines=outlines, selected=selected)
            made.labels = None if copied is None else copied.result()
        if not pipeline.recipe.has_rules:
            return made
        return measured(made, prediction.plane, volume_of(prediction), spots=prediction.spots).annotation


@dataclass(frozen=True, slots=True)
class ShownField:
    """A result that is shown: its pixels and recipe, names of its models and classes."""

    plane: Plane
    recipe: Recipe
    label: str
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class FieldKey:
    """One field: the pixels of an image, and the time point (from 1)."""

    planes: PlaneReader
    frame: int

    @property
    def _identity(self) -> tuple[int, int]:
        return id(self.planes), self.frame

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldKey) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)


@dataclass(frozen=True, slots=True)
class StoredOutcome:
    """The outcome of a field, its image and pipeline, and the reference that changes are counted against."""

    outcome: Outcome
    pipeline: Pipeline
    kept: Prediction
    stack: Stack

    def save_request(self, root: Path, place: PlatePlace | None = None) -> SaveRequest:
        """Return a request to save the outcome under ``root``; ``place`` is the image's place on a plate."""
        prediction = self.outcome.prediction
        pipeline = self.pipeline.with_values(prediction.values).with_overrides(self.stack.overrides)
        return SaveRequest(root, prediction, pipeline, place)


class OutcomeCache:
    """A cache of the outcomes of the last ``most`` fields visited."""

    def __init__(self, most: int = MAX_FIELDS) -> None:
        self._most = most
        self._held: OrderedDict[FieldKey, StoredOutcome] = OrderedDict()

    def put(self, key: FieldKey, found: StoredOutcome) -> list[StoredOutcome]:
        """Store the outcome of a field, and return the outcomes dropped for it."""
        self._held[key] = found
        self._held.move_to_end(key)
        return [self._held.popitem(last=False)[1] for _ in range(len(self._held) - self._most)]

    def take(self, key: FieldKey) -> StoredOutcome | None:
        """Remove and return the outcome of a field; None if there is none."""
        return self._held.pop(key, None)

    def find(self, plane: Plane) -> StoredOutcome | None:
        """Return the outcome that was made of a plane; None if there is none."""
        return next((held for held in self._held.values() if held.outcome.prediction.plane is plane), None)

    def forget(self, planes: PlaneReader) -> list[StoredOutcome]:
        """Remove all fields of an image, and return their outcomes."""
        keys = [key for key in self._held if key.planes is planes]
        return [self._held.pop(key) for key in keys]

    def clear(self) -> None:
        """Remove all outcomes."""
        self._held.clear()


def with_metadata(outcome: Outcome, pipeline: Pipeline, before: Stack, after: Stack) -> tuple[Outcome, Pipeline]:
    """Return an outcome and its pipeline with the pixel size and channel names of ``after``: the same pixels."""
    recipe, plane = renamed(pipeline.recipe, before, after), outcome.prediction.plane
    inputs = pipeline.package.spec.input_channels
    chosen = describe_plane(
        after,
        channel=recipe.channel,
        z=recipe.z_choice,
        frame=recipe.frame,
        inputs=inputs,
        sharpest=plane.sharpest,
    )
    named = channel_name(after, recipe.channel, inputs)
    plane = replace(plane, spacing=after.spacing, channels=after.channels, chosen=chosen, channel=named)
    prediction = replace(outcome.prediction, plane=plane)
    return replace(outcome, prediction=prediction), replace(pipeline, recipe=recipe)


def shown_field(outcome: Outcome | None, done: Pipeline | None, saved: SavedField | None) -> ShownField | None:
    """Return what is shown of a field: its result on disk, or that of a run; None without one."""
    if saved is not None:
        return ShownField(saved.plane, saved.recipe, saved.label, saved.annotation.classes)
    if outcome is None or done is None:
        return None
    return ShownField(outcome.prediction.plane, done.recipe, done.label, done.classes)
