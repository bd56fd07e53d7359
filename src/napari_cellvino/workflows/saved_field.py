"""A field whose result is on disk, corrected without a run: what stands there, with the pixels that it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation, EditSession, pixels_sha256
from napari_cellvino.annotation.snapshot import Snapshot
from napari_cellvino.core.errors import ImageValueError
from napari_cellvino.core.image import Plane, Stack, channel_index
from napari_cellvino.core.progress import finish
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.core.spots import Spots
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.field_writing import as_it_is
from napari_cellvino.results.plate_place import PlatePlace
from napari_cellvino.results.rescue import recover_result
from napari_cellvino.results.schema import ResultKey
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.prepare import project
from napari_cellvino.segmentation.volume import Volume, read_volume
from napari_cellvino.workflows.save_field import tabulate

COLOUR = "colour"  # the channel of a model that takes red, green and blue

PlanePart = tuple[slice, ...]  # of a plane (Y, X)
WHOLE: PlanePart = (slice(None), slice(None))


@dataclass(frozen=True, slots=True, eq=False)
class SavedField:
    """A result on disk.

    ``annotation`` is what stands there, which a review changes; ``plane`` and ``volume`` are the pixels that it was
    found in, ``key`` is what the result was made from and with.
    """

    folder: Path
    key: ResultKey
    annotation: Annotation
    plane: Plane
    volume: Volume | None = None

    @property
    def recipe(self) -> Recipe:
        """The recipe that it was made with."""
        return self.annotation.provenance.recipe

    @property
    def label(self) -> str:
        """Names and versions of the models."""
        made = self.annotation.provenance
        return " + ".join(filter(None, (made.model, made.outline)))

    @property
    def count(self) -> int:
        """Number of cells that count."""
        return self.annotation.counted

    def intensity(self, z: int | None = None, part: PlanePart = WHOLE) -> NDArray[np.floating] | None:
        """Return a part of the network's input (Y, X); of a stack in plane ``z`` (from 0) the channel of the cells."""
        if self.volume is None:
            return np.asarray(self.plane.inputs[:, *part].astype(np.float32).mean(axis=0))
        if z is None:
            return None
        stack = self.volume.stack
        channel = channel_index(stack, self.recipe.channel) or 0
        return np.asarray(stack.plane(t=self.volume.frame - 1, c=channel, z=z)[part].astype(np.float32))


def load_saved_field(folder: Path, stack: Stack, frame: int) -> SavedField | None:
    """Return the result of a time point (from 1) of an image, None where there is none in the folder.

    Raises
    ------
    ImageReadError
        If a file of the result cannot be read.
    ImageValueError
        If the image is another one, or has changed since.
    """
    recover_result(folder)
    stored = FieldFolder(folder)
    key = stored.result.key if stored.is_result else None
    if key is None:
        return None
    annotation = stored.annotation()
    _check_part(folder, annotation.provenance.recipe, stack)
    plane, volume = _seen(_as_told(stack, annotation.provenance.recipe), annotation, frame)
    sha256 = pixels_sha256(plane) if volume is None else volume.sha256
    if sha256 != annotation.provenance.pixels_sha256:
        raise ImageValueError(f"the result in {folder} is of other pixels: the image has changed since; run it again")
    return SavedField(folder, key, annotation, plane, volume)


def _check_part(folder: Path, made: Recipe, stack: Stack) -> None:
    """Raise ImageValueError where a result is of another level of a pyramid, or of another region, than is open."""
    level, region = stack.overrides.level, stack.overrides.region
    if made.level != level:
        raise ImageValueError(
            f"the result in {folder} is of level {made.level} of the pyramid, and level {level} is open: choose level "
            f"{made.level}"
        )
    if made.region != region:
        raise ImageValueError(
            f"the result in {folder} is of {_named(made.region)}, and {_named(region)} is open: choose it (Correct, "
            "Region)"
        )


def _named(region: str) -> str:
    return f"the region {region}" if region else "the whole image"


def _as_told(stack: Stack, recipe: Recipe) -> Stack:
    """Return an image with the metadata that the user gave for its result, unless other was given since."""
    if recipe.spacing_um is not None and stack.overrides.spacing is None:
        stack = stack.with_spacing(recipe.spacing_um)
    if recipe.channels is not None and stack.overrides.channels is None and len(recipe.channels) == stack.shape.c:
        stack = stack.with_channels(recipe.channels)
    return stack


def _seen(stack: Stack, annotation: Annotation, frame: int) -> tuple[Plane, Volume | None]:
    made = annotation.provenance
    inputs = 3 if stack.rgb and made.channel == COLOUR else 1
    channel = made.recipe.channel
    if made.recipe.z_choice.joined:
        plane, volume = finish(read_volume(stack, channel=channel, frame=frame, inputs=inputs))
        return plane, volume
    return finish(project(stack, channel=channel, z=made.recipe.z_choice, frame=frame, inputs=inputs)), None


@dataclass(frozen=True, slots=True)
class SavedFieldRequest:
    """Corrections of a result on disk, to be saved into its folder; ``place`` is that on a plate, if any.

    ``known`` is the store of the folder of results, where there is one that knows what stands there.
    """

    saved: SavedField
    place: PlatePlace | None = None
    known: ResultStore | None = None

    @property
    def root(self) -> Path:
        """The folder of results."""
        return self.saved.folder.parent

    @property
    def folder(self) -> Path:
        """The folder of the result."""
        return self.saved.folder

    @property
    def stands(self) -> bool:
        """Whether the result exists already."""
        return True

    def save(self, corrected: Snapshot | None = None, *, overwrite: bool = False, spots: Spots | None = None) -> Path:
        """Write the corrections, update the tables, and return the folder; without any, nothing is written.

        ``spots`` are those of the field as a person edited them, None where nobody did.

        Raises
        ------
        OutputError
            If it cannot be written.
        """
        saved = self.saved
        if corrected is None and spots is None:
            return saved.folder
        corrected = corrected or EditSession(saved.annotation).snapshot()
        finish_result = as_it_is if self.place is None else self.place.finish
        store = self.known or ResultStore(self.root)
        try:
            store.save_corrections(
                saved.folder,
                corrected,
                saved.plane,
                saved.volume,
                key=saved.key,
                spots=spots,
                finish=finish_result,
            )
            tabulate(store, saved.folder, self.place)
        finally:
            corrected.drop()
        return saved.folder
