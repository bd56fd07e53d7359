"""The task of one field as plain values: image, recipe and result folder.

A task has no pixels, open files or networks, so that it can be sent to another process or computer. Its folder is fixed
in advance, so that two workers never choose the same one.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from napari_cellvino.core.errors import CellvinoError, can_pass
from napari_cellvino.core.image import MetadataOverrides, Origin
from napari_cellvino.core.plate import FieldOfView
from napari_cellvino.core.progress import Progress
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.engines.engine import EngineInfo
from napari_cellvino.measure.rings import WIDTH
from napari_cellvino.results.index import Entry
from napari_cellvino.results.plate_place import plate_row
from napari_cellvino.results.schema import ResultKey, Row, field_row


@dataclass(frozen=True, slots=True)
class PlateAddress:
    """What is needed to open a plate again: path and metadata overrides."""

    path: Path
    overrides: MetadataOverrides = field(default_factory=MetadataOverrides)


@dataclass(frozen=True, slots=True)
class WellPlace:
    """A field of a plate, and its additional table columns.

    ``columns`` are well, field and well contents. ``ring_px`` is the width of the ring around each object in px.
    With ``labels_back``, the label image is written into an OME-Zarr plate.
    """

    plate: PlateAddress
    field: FieldOfView
    columns: Mapping[str, object]
    ring_px: int = WIDTH
    labels_back: bool = False


@dataclass(frozen=True, slots=True)
class FieldTask:
    """The task of one field.

    Attributes
    ----------
    number
        Number in the run, from 1.
    name
        Name in progress messages.
    origin
        Source of its pixels.
    recipe
        The recipe with the hashes of its models, for this field's time point.
    folder
        Folder of the result.
    result_key
        Key of the image and settings of the result.
    replace
        Whether a result of other settings, or of an image that has changed, is replaced.
    again
        Whether it is repeated even if the same result exists.
    place
        Its place on a plate, or None.
    notices
        What the user should know of it before it is done.
    recorded
        Those of the notices that are written beside the count, as they may have made it wrong.
    remarks
        Those of the notices that only say what was done, with nothing to doubt.
    found
        Whether its file was found in a folder and not named: a label image is not counted then.
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
    recorded: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    found: bool = False


@dataclass(frozen=True, slots=True)
class FieldProgress:
    """Progress inside field number ``number`` (from 1)."""

    number: int
    name: str
    progress: Progress


@dataclass(frozen=True, slots=True)
class FieldOutcome:
    """The outcome of a field: its ``row`` of ``counts.csv``; ``kept`` if an earlier run had finished it.

    ``remarks`` are those of its notices that only say what was done. ``can_pass`` says of a failure that its cause may
    be gone later, such as a network drive that is away, ``stage`` what was done then: open, segment, write. Another
    process tells what it has ``written``, so that the result need not be read here.
    """

    number: int
    row: Row
    kept: bool = False
    seconds: float = 0.0
    engine: EngineInfo | None = None
    notices: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    traceback: str = ""
    can_pass: bool = False
    stage: str = ""
    written: Entry | None = field(default=None, compare=False, repr=False)

    @property
    def name(self) -> str:
        """The name of the file, with the position in it where there are several."""
        return " ".join(filter(None, (Path(str(self.row["file"])).name, str(self.row["position"] or ""))))

    @property
    def sought_cells(self) -> bool:
        """Whether the field has a number of cells; without a model it has none."""
        return self.row.get("count") not in (None, "")

    @property
    def count(self) -> int:
        """Number of cells; 0 where there is no result, or no cells were sought."""
        return int(float(str(self.row.get("count") or 0)))

    @property
    def failed(self) -> bool:
        """Whether the field has no result."""
        return self.row["status"] == "failed"


def failed_outcome(
    number: int, origin: Origin, error: Exception, place: WellPlace | None = None, *, stage: str = "open"
) -> FieldOutcome:
    """Return the outcome of a field without a result."""
    reason, details = why_failed(error)
    row = field_row(origin, "", "failed", reason)
    row = plate_row(row, place.columns) if place else row
    return FieldOutcome(number, row, traceback=details, can_pass=can_pass(error), stage=stage)


def why_failed(error: Exception) -> tuple[str, str]:
    """Return the reason of a failure, and the traceback for ``run.json`` if the error is unexpected."""
    if isinstance(error, (CellvinoError, MemoryError)):
        return str(error) or "not enough memory for this image; close other programs or use a computer with more", ""
    if isinstance(error, OSError) and can_pass(error):
        return f"{error}; check the disk or the network drive, and run it again", ""
    reason = f"unexpected {type(error).__name__}: {error} (please report it; run.json has the details)"
    return reason, "".join(traceback.format_exception(error))
