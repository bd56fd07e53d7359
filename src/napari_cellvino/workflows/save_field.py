"""Saving the result of one field from the window, with all inputs fixed at the start.

So a thread can save while the window opens another image.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from napari_cellvino.annotation.snapshot import Snapshot
from napari_cellvino.core.spots import Spots
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.results.field_result import annotate, finish_field
from napari_cellvino.results.field_writing import Finish, as_it_is
from napari_cellvino.results.plate_place import PlatePlace
from napari_cellvino.results.plate_store import PlateStore
from napari_cellvino.results.schema import ResultKey
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.pipeline import Pipeline
from napari_cellvino.segmentation.predict import Prediction
from napari_cellvino.segmentation.predict_field import volume_of


@dataclass(frozen=True)  # without slots: the store is made once
class SaveRequest:
    """A prediction with its pipeline, the folder of results, and the place on a plate, if any.

    ``known`` is the store of the folder, where there is one that knows what stands there.
    """

    root: Path
    prediction: Prediction
    pipeline: Pipeline
    place: PlatePlace | None = None
    known: ResultStore | None = None

    @cached_property
    def store(self) -> ResultStore:
        """The folder of results."""
        return self.known or ResultStore(self.root)

    @property
    def folder(self) -> Path:
        """The folder of the result under ``root``."""
        origin = self.prediction.plane.origin
        return self.store.choose_folder(origin) if self.place is None else self.place.folder(self.root)

    @property
    def result_key(self) -> ResultKey:
        """Key of the image and settings of the result."""
        result_key = ResultKey.of(self.prediction.plane.origin, self.pipeline.recipe)
        placed = result_key if self.place is None else self.place.result_key(result_key)
        return placed.with_smaller_tile(self.prediction.raw.smaller_tile)

    @property
    def stands(self) -> bool:
        """Whether a result with the same key exists already."""
        return self.store.key(self.folder) == self.result_key

    @property
    def is_as_found(self) -> bool:
        """Whether a result with the same key exists already in which nobody corrected anything."""
        return self.stands and not FieldFolder(self.folder).result.kept

    def save(self, corrected: Snapshot | None = None, *, overwrite: bool = False, spots: Spots | None = None) -> Path:
        """Write the result into its folder under ``root``, update the tables, and return the folder.

        Parameters
        ----------
        corrected
            The corrected annotation; None without corrections.
        overwrite
            Whether a result with another key is replaced.
        spots
            The spots as a person edited them; None where nobody did.

        Raises
        ------
        OutputError
            If a result with another key exists and ``overwrite`` is off, or it cannot be written.
        """
        edited = self if spots is None else replace(self, prediction=replace(self.prediction, spots=spots))
        try:
            return edited._save(corrected, overwrite=overwrite)
        finally:
            if corrected is not None:
                corrected.drop()

    def _save(self, corrected: Snapshot | None, *, overwrite: bool) -> Path:
        folder, result_key = self.folder, self.result_key
        finish: Finish = as_it_is if self.place is None else self.place.finish
        self.store.check_replaceable(folder, result_key, overwrite=overwrite)
        if corrected is None:
            result = finish_field(self.prediction, self.pipeline)
            self.store.save(folder, result, result_key, overwrite=overwrite, finish=finish)
        else:
            self._save_corrected(folder, result_key, corrected, finish)
        tabulate(self.store, folder, self.place)
        self.store.write_recipe(self.pipeline.recipe)
        return folder

    def _save_corrected(self, folder: Path, result_key: ResultKey, corrected: Snapshot, finish: Finish) -> None:
        prediction, known = self.prediction, corrected.annotation.provenance.pixels_sha256
        found = annotate(prediction, self.pipeline, sha256=known)
        plane, volume = prediction.plane, volume_of(prediction)
        self.store.save_corrections(
            folder, corrected, plane, volume, key=result_key, found=found, spots=prediction.spots, finish=finish
        )


def tabulate(store: ResultStore, folder: Path, place: PlatePlace | None) -> None:
    """Write the row of a field that was saved into the tables beside it."""
    if place is None:
        store.counts.update(store.row(folder))
    else:
        PlateStore(store, place.source).tabulate_field(place, folder)
