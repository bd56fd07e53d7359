"""The schema of results: the names of all files, and what ``annotation.json`` of a field says, by version.

Format 2 is this version's; format 1 is what 0.2 wrote, which knew less of an object, of no image's size and of no
object that a person deleted. A file is brought to the newest format when it is read and is never changed for that; one
of a later version is refused, since what it says more would be lost with the next save.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from napari_cellvino.annotation.document_json import FORMAT
from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.image import Origin
from napari_cellvino.core.objects import ObjectOrigin, ReviewState
from napari_cellvino.core.recipe import Recipe

ANNOTATION_NAME, LABELS_NAME, OBJECTS_NAME, QC_NAME = "annotation.json", "labels.tif", "objects.csv", "qc.png"
RESULT_NAMES = (OBJECTS_NAME, QC_NAME, ANNOTATION_NAME)  # and labels, where outlines were found
WRITTEN = (LABELS_NAME, *RESULT_NAMES)
MODEL = "model"  # folder inside a corrected result: what the model had found
PREVIOUS = "previous"  # folder inside a result: what was there before it was corrected
SET_ASIDE = "set-aside"  # beginning of folders inside a result: others of the same field that a killed run had left

COUNTS_NAME, RECIPE_NAME, RUN_NAME, LAYOUT_NAME = "counts.csv", "recipe.yaml", "run.json", "layout.csv"
WELLS_NAME, TIDY_NAME, PLATES_NAME = "wells.csv", "wells_tidy.csv", "plates.csv"
FIRST_COLUMNS = (
    "file", "position", "frame", "plate", "well", "field", "folder", "status", "error", "count",
    "model", "channel", "images",
)  # fmt: skip

KEY = "ticket"  # what the result's key is called in the file

UNSEEN, EDITED = (state.name.lower() for state in (ReviewState.UNSEEN, ReviewState.EDITED))
IMPORTED = ObjectOrigin.IMPORTED.name.lower()

Row = dict[str, object]
"""A row of ``counts.csv``."""


@dataclass(frozen=True, slots=True)
class ResultKey:
    """What a result was made from and with: equal keys mean equal results."""

    path: str
    position: str
    size: int
    modified_ns: int
    recipe: str

    @classmethod
    def of(cls, origin: Origin, recipe: Recipe) -> ResultKey:
        """Return the key of a field; pixels that come from no file have size 0.

        ``recipe`` is that of a pipeline, which names its models by their hashes.
        """
        path = Path(origin.path)
        try:
            stat = path.stat()
        except OSError:
            return cls(origin.path, origin.position, 0, 0, recipe.fingerprint())
        return cls(str(path.resolve()), origin.position, stat.st_size, stat.st_mtime_ns, recipe.fingerprint())

    def as_dict(self) -> dict[str, object]:
        """Return plain values."""
        return asdict(self)


class StoredResult(BaseModel):
    """What ``annotation.json`` says, in the newest format; objects are as `annotation.document_json` writes them."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    ticket: Any = None
    counts: dict[str, float | int | None] | None = None
    provenance: dict[str, Any] | None = None
    classes: tuple[str, ...] = ()
    outlines: bool = True
    shape: tuple[int, ...] | None = None
    objects: tuple[dict[str, Any], ...] = ()
    gone: tuple[dict[str, Any], ...] = ()

    @property
    def key(self) -> ResultKey | None:
        """What the result was made from and with; None where it does not say."""
        try:
            return _KEYS.validate_python(self.ticket)
        except ValidationError:
            return None

    @property
    def origin(self) -> Origin | None:
        """Which image it belongs to; None where it does not say."""
        try:
            return _ORIGINS.validate_python((self.provenance or {}).get("origin"))
        except ValidationError:
            return None

    @property
    def corrected(self) -> bool:
        """Whether a person looked at an object or deleted one."""
        return bool(self.gone) or any(found.get("review", UNSEEN) != UNSEEN for found in self.objects)

    @property
    def kept(self) -> bool:
        """Whether it holds what a new run must not replace: corrections, or masks from elsewhere."""
        return self.corrected or any(found.get("origin") == IMPORTED for found in self.objects)


_KEYS: TypeAdapter[ResultKey] = TypeAdapter(ResultKey)
_ORIGINS: TypeAdapter[Origin] = TypeAdapter(Origin)


@dataclass(frozen=True, slots=True)
class FieldSummary:
    """What lists and tables need of a result: its key and origin, its counts, and how far its review is.

    ``cells`` are all objects, ``reviewed`` those that a person looked at, ``edited`` those of them that were changed;
    ``gone`` were deleted, ``imported`` came from elsewhere. ``models`` names the models with their versions and
    ``channel`` the channel that cells were found in; ``notices`` say what may have made the count wrong. What the file
    does not say is None or empty.
    """

    key: ResultKey | None
    origin: Origin | None
    counts: Mapping[str, float | int | None] | None
    outlines: bool
    cells: int
    reviewed: int
    edited: int
    gone: int
    imported: int
    models: str = ""
    channel: str = ""
    notices: str = ""

    @classmethod
    def of(cls, result: StoredResult) -> FieldSummary:
        """Return the summary of a result."""
        states = [found.get("review", UNSEEN) for found in result.objects]
        made = result.provenance or {}
        return cls(
            key=result.key,
            origin=result.origin,
            counts=result.counts,
            outlines=result.outlines,
            cells=len(states),
            reviewed=sum(state != UNSEEN for state in states),
            edited=states.count(EDITED),
            gone=len(result.gone),
            imported=sum(found.get("origin") == IMPORTED for found in result.objects),
            models=" + ".join(str(made[key]) for key in ("model", "outline") if made.get(key)),
            channel=str(made.get("channel", "")),
            notices="; ".join(map(str, made.get("notices", ()))),
        )

    @property
    def corrected(self) -> bool:
        """Whether a person looked at an object or deleted one."""
        return self.reviewed > 0 or self.gone > 0

    @property
    def finished(self) -> bool:
        """Whether it is a result that tables can show."""
        return self.key is not None and self.origin is not None and self.counts is not None

    def row(self, folder: str) -> Row:
        """Return the row of ``counts.csv`` of a result in a folder of this name.

        Raises
        ------
        ImageReadError
            If the file does not say what belongs there.
        """
        if self.origin is None or self.counts is None:
            missing = "counts" if self.origin is not None else "provenance"
            raise ImageReadError(f"{folder}/{ANNOTATION_NAME} has no {missing}; run that image again")
        made = {"model": self.models, "channel": self.channel}
        row = field_row(self.origin, folder, "done") | made | dict(self.counts)
        return row | {"notices": self.notices} if self.notices else row


def field_row(origin: Origin, folder: str, status: str, error: str = "") -> Row:
    """Return the first columns of a row of ``counts.csv``; ``images`` where they are others than ``file`` alone."""
    return {
        "file": _as_text(origin.path),
        "images": _as_text("; ".join(origin.files)),
        "position": origin.position,
        "frame": origin.frame or "",
        "plate": origin.plate,
        "well": origin.well,
        "field": origin.field,
        "folder": folder,
        "model": "",
        "channel": "",
        "status": status,
        "error": error,
    }


def _as_text(name: str) -> str:
    """Return a name on disk as text, which it need not be."""
    return name.encode(errors="backslashreplace").decode()


def parse_content(path: Path) -> dict[str, Any]:
    """Return what an ``annotation.json`` says, in the newest format.

    Raises
    ------
    ImageReadError
        If it cannot be read, or was written by a later version.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ImageReadError(f"{path} cannot be read: {error}; choose the folder of one result") from error
    if not isinstance(content, dict):
        raise ImageReadError(f"{path} holds no annotation; choose the folder of one result")
    return _newest(path, content)


def check_content(path: Path, content: Mapping[str, Any]) -> StoredResult:
    """Return what `parse_content` read, checked.

    Raises
    ------
    ImageReadError
        If something in it is not what it should be.
    """
    try:
        return StoredResult.model_validate(content)
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"]))
        raise ImageReadError(f"{path} cannot be read as a result of 'cellvino run': {place}: {fault['msg']}") from error


def _newest(path: Path, content: dict[str, Any]) -> dict[str, Any]:
    version = content.get("format", 1)
    if not isinstance(version, int) or version > FORMAT:
        raise ImageReadError(
            f"{path} is of format {version!r}, and this version reads up to {FORMAT}; use the version that wrote it"
        )
    for older in range(max(version, 1), FORMAT):
        content = _STEPS[older](content)
    return content


def _from_format_1(content: dict[str, Any]) -> dict[str, Any]:
    """Return what 0.2 wrote in format 2: it had outlines unless it said no, and nothing was deleted."""
    return {"outlines": True, "gone": []} | content | {"format": 2}


_STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_format_1}
