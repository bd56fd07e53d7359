"""One field's work as plain values: which image, what is done to it, where the result goes.

A task holds no pixels, no open file and no network, so that it can be sent to another process or computer. Its folder
is fixed before the work starts: two workers never choose the same one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_cellvino.core.image import MetadataOverrides, Origin
from napari_cellvino.core.plate import FieldOfView
from napari_cellvino.core.progress import Progress
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.engine import EngineInfo
from napari_cellvino.measure.rings import WIDTH
from napari_cellvino.results.folder import ResultKey, Row, field_row
from napari_cellvino.results.plate_field import plate_row


@dataclass(frozen=True, slots=True)
class PlateAddress:
    """How a plate is opened again: its path, and what the user said of it."""

    path: Path
    pattern: str = ""
    overrides: MetadataOverrides = field(default_factory=MetadataOverrides)


@dataclass(frozen=True, slots=True)
class WellPlace:
    """Which field of which plate it is, and what its tables have beside those of any image.

    ``columns`` are the well, the field and what the well holds. ``ring_px`` is the width of the ring round each object.
    With ``labels_back``, the label image is written into a plate that is OME-Zarr.
    """

    plate: PlateAddress
    field: FieldOfView
    columns: Mapping[str, object]
    ring_px: int = WIDTH
    labels_back: bool = False


@dataclass(frozen=True, slots=True)
class FieldTask:
    """One field to be done.

    Attributes
    ----------
    number
        Its place in the run, from 1.
    name
        What it is called in news.
    origin
        Where its pixels come from.
    recipe
        The recipe of a pipeline, models by their hashes, for this field's time point.
    folder
        Where the result goes.
    result_key
        What the result is made from and with.
    replace
        Whether a result made with other choices, or of an image that changed since, is replaced.
    again
        Whether it is done again even where the same result stands.
    place
        Its place on a plate, None elsewhere.
    notices
        What the user should know of it before it is done.
    """

    number: int
    name: str
    origin: Origin
    recipe: Recipe
    folder: Path
    result_key: ResultKey
    replace: bool = False
    again: bool = False
    place: WellPlace | None = None
    notices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldProgress:
    """Progress inside field number ``number`` (from 1)."""

    number: int
    name: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class FieldOutcome:
    """A field came to its end: ``row`` stands in ``counts.csv``; ``kept`` says that an earlier run had finished it."""

    number: int
    row: Row
    kept: bool = False
    seconds: float = 0.0
    engine: EngineInfo | None = None
    notices: tuple[str, ...] = ()
    traceback: str = ""

    @property
    def failed(self) -> bool:
        """Whether the field has no result."""
        return self.row["status"] == "failed"


def failed_outcome(
    number: int, origin: Origin, reason: str, traceback: str = "", place: WellPlace | None = None
) -> FieldOutcome:
    """Return the end of a field that has no result."""
    row = field_row(origin, "", "failed", reason)
    return FieldOutcome(number, plate_row(row, place.columns) if place else row, traceback=traceback)
