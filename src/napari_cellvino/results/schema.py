"""The schema of results: the names of all files, and the content of ``annotation.json`` of a field, by format.

Format 3 is the newest. Format 2 had other names for two keys. Format 1 was written by version 0.2: objects with fewer
fields, no image size, no deleted objects. Files are converted to the newest format when they are read, and are not
changed on disk. Files of a later version are refused, since saving would lose what this version does not know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from napari_cellvino.annotation.document_json import FORMAT
from napari_cellvino.core.errors import ImageReadError, as_utf8
from napari_cellvino.core.image import Origin
from napari_cellvino.core.objects import ObjectOrigin, ReviewState
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.storage.ledger_file import LEDGER_NAME

ANNOTATION_NAME, LABELS_NAME, OBJECTS_NAME, QC_NAME = "annotation.json", "labels.tif", "objects.csv", "qc.png"
CELLS_NAME = "cells.tif"  # whole cells, with the ids of their nuclei in labels.tif, where they were asked for
SPOTS_NAME, SPOTS_CURVE_NAME = "spots.csv", "spots_curve.csv"  # where spots were asked for
PARTNER_NAME, PAIRS_NAME = "spots_partner.csv", "spot_pairs.csv"  # where they are compared with another channel
SPOT_EDITS_NAME = "spot_edits.csv"  # where a person added or deleted some
RESULT_NAMES = (OBJECTS_NAME, QC_NAME, ANNOTATION_NAME)  # and labels, where outlines were found
WRITTEN = (
    LABELS_NAME,
    CELLS_NAME,
    SPOTS_NAME,
    SPOTS_CURVE_NAME,
    PARTNER_NAME,
    PAIRS_NAME,
    SPOT_EDITS_NAME,
    *RESULT_NAMES,
)
MODEL = "model"  # folder inside a corrected result: the result of the model
PREVIOUS = "previous"  # folder inside a result: the one before the last corrections
SET_ASIDE = "set-aside"  # prefix of folders inside a result: results of the same field that a killed run left

COUNTS_NAME, RECIPE_NAME, RUN_NAME, LAYOUT_NAME = "counts.csv", "recipe.yaml", "run.json", "layout.csv"
SUMMARY_NAME = "summary.html"  # the page of a run, or of a batch or watch over several folders
SPOT_HISTOGRAM_NAME = "histogram_spots.png"  # of a run that counts spots in cells
WELLS_NAME, TIDY_NAME, PLATES_NAME = "wells.csv", "wells_tidy.csv", "plates.csv"
OF_THE_RUN = frozenset(  # names that files of a run have, and no folder of a field may take
    {COUNTS_NAME, RECIPE_NAME, RUN_NAME, LAYOUT_NAME, SUMMARY_NAME, SPOT_HISTOGRAM_NAME, WELLS_NAME, TIDY_NAME,
     PLATES_NAME, LEDGER_NAME, "fields.csv", "jobs.csv"}
)  # fmt: skip
FIRST_COLUMNS = (
    "file", "position", "frame", "plate", "well", "field", "folder", "status", "error", "count",
    "model", "channel", "images",
)  # fmt: skip

SMALLER_TILE = " tile "  # in a key, before the size of tiles that were smaller than planned
KEY = "result_key"  # in ``annotation.json``

UNSEEN, EDITED = (state.name.lower() for state in (ReviewState.UNSEEN, ReviewState.EDITED))
IMPORTED = ObjectOrigin.IMPORTED.name.lower()

Row = dict[str, object]
"""A row of ``counts.csv``."""


@dataclass(frozen=True, slots=True)
class ResultKey:
    """Key of a result: image file and recipe. Equal keys mean equal results."""

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
        if not origin.path:  # as a path it is the folder in which the program was started
            return cls("", origin.position, 0, 0, recipe.fingerprint())
        try:
            folder = path.is_dir()
            held = {(path if folder else path.parent) / name for name in origin.files}
            stats = [file.stat() for file in (held if folder and held else {path, *held})]
        except OSError:
            return cls(origin.path, origin.position, 0, 0, recipe.fingerprint())
        size, newest = sum(s.st_size for s in stats), max(s.st_mtime_ns for s in stats)
        return cls(str(path.resolve()), origin.position, size, newest, recipe.fingerprint())

    def with_smaller_tile(self, tile: int) -> ResultKey:
        """Return the key of a result that was made with tiles of fewer px than planned; 0 where they were not.

        The labels need not be the same: a run that has the memory makes the result again.
        """
        return replace(self, recipe=f"{self.recipe}{SMALLER_TILE}{tile}") if tile else self

    def is_of_same_choices(self, other: ResultKey | None) -> bool:
        """Return whether another result was made from the same image with the same choices, whatever its tiles."""
        return other is not None and self._as_planned() == other._as_planned()

    def _as_planned(self) -> ResultKey:
        return replace(self, recipe=self.recipe.partition(SMALLER_TILE)[0])

    def as_dict(self) -> dict[str, object]:
        """Return plain values."""
        return asdict(self)


class StoredResult(BaseModel):
    """The content of ``annotation.json`` in the newest format; objects as `annotation.document_json` writes them."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())

    result_key: Any = None
    counts: dict[str, float | int | None] | None = None
    provenance: dict[str, Any] | None = None
    classes: tuple[str, ...] = ()
    outlines: bool = True
    shape: tuple[int, ...] | None = None
    objects: tuple[dict[str, Any], ...] = ()
    deleted: tuple[dict[str, Any], ...] = ()

    @property
    def key(self) -> ResultKey | None:
        """The key of the result; None where the file has none."""
        try:
            return _KEYS.validate_python(self.result_key)
        except ValidationError:
            return None

    @property
    def origin(self) -> Origin | None:
        """The image of the result; None where the file has none."""
        try:
            return _ORIGINS.validate_python((self.provenance or {}).get("origin"))
        except ValidationError:
            return None

    @property
    def corrected(self) -> bool:
        """Whether an object was reviewed or deleted."""
        return bool(self.deleted) or any(found.get("review", UNSEEN) != UNSEEN for found in self.objects)

    @property
    def kept(self) -> bool:
        """Whether a new run must not replace it: it has corrections or imported masks."""
        return self.corrected or any(found.get("origin") == IMPORTED for found in self.objects)


_KEYS: TypeAdapter[ResultKey] = TypeAdapter(ResultKey)
_ORIGINS: TypeAdapter[Origin] = TypeAdapter(Origin)


@dataclass(frozen=True, slots=True)
class FieldSummary:
    """Summary of a result for lists and tables: key, origin, counts, and progress of the review.

    ``cells`` counts all objects, ``reviewed`` those with a review, ``edited`` those of them that were changed,
    ``doubtful`` those with a doubt and no review that are not excluded, ``waiting`` all without a review that are not
    excluded, ``deleted`` the deleted ones, ``imported`` the imported ones.
    ``models`` are the models with versions, ``channel`` is the channel of the segmentation, ``whole_cells`` whether
    there are whole cells of nuclei, ``spots`` whether there are spots; ``notices`` say what may have made the count
    wrong, ``remarks`` what else was decided for the field. What is missing in the file is None or empty.
    """

    key: ResultKey | None
    origin: Origin | None
    counts: Mapping[str, float | int | None] | None
    outlines: bool
    cells: int
    reviewed: int
    edited: int
    deleted: int
    imported: int
    models: str = ""
    channel: str = ""
    notices: str = ""
    remarks: str = ""
    whole_cells: bool = False
    spots: bool = False
    doubtful: int = 0
    waiting: int = 0

    @classmethod
    def of(cls, result: StoredResult) -> FieldSummary:
        """Return the summary of a result."""
        states = [found.get("review", UNSEEN) for found in result.objects]
        waiting = [
            found for found, state in zip(result.objects, states, strict=True)
            if state == UNSEEN and not found.get("excluded")
        ]  # fmt: skip
        made = result.provenance or {}
        return cls(
            key=result.key,
            origin=result.origin,
            counts=result.counts,
            outlines=result.outlines,
            cells=len(states),
            reviewed=len(states) - states.count(UNSEEN),
            edited=states.count(EDITED),
            deleted=len(result.deleted),
            imported=[found.get("origin") for found in result.objects].count(IMPORTED),
            models=" + ".join(str(made[key]) for key in ("model", "outline") if made.get(key)),
            channel=str(made.get("channel", "")),
            notices="; ".join(map(str, made.get("notices", ()))),
            remarks="; ".join(map(str, made.get("remarks", ()))),
            whole_cells=bool((made.get("recipe") or {}).get("whole_cells")),
            spots=bool((made.get("recipe") or {}).get("spots")),
            doubtful=sum(bool(found.get("doubts")) for found in waiting),
            waiting=len(waiting),
        )

    @property
    def corrected(self) -> bool:
        """Whether an object was reviewed or deleted."""
        return self.reviewed > 0 or self.deleted > 0

    @property
    def finished(self) -> bool:
        """Whether it has everything that tables need."""
        return self.key is not None and self.origin is not None and self.counts is not None

    def row(self, folder: str) -> Row:
        """Return the row of ``counts.csv`` of a result in a folder of this name.

        Raises
        ------
        ImageReadError
            If origin or counts are missing in the file.
        """
        if self.origin is None or self.counts is None:
            missing = "counts" if self.origin is not None else "provenance"
            raise ImageReadError(f"{folder}/{ANNOTATION_NAME} has no {missing}; run that image again")
        made = {"model": self.models, "channel": self.channel}
        row = field_row(self.origin, folder, "done") | made | dict(self.counts)
        told = "; ".join(filter(None, (self.notices, self.remarks)))
        return row | {"notices": told} if told else row


def field_row(origin: Origin, folder: str, status: str, error: str = "") -> Row:
    """Return the first columns of a row of ``counts.csv``; ``images`` are all image files where there are several."""
    return {
        "file": as_utf8(origin.path),
        "images": as_utf8("; ".join(origin.files)),
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


def parse_content(path: Path) -> dict[str, Any]:
    """Return the content of an ``annotation.json``, in the newest format.

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
    """Return the content of `parse_content`, validated.

    Raises
    ------
    ImageReadError
        If a value is missing or of the wrong type.
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
    """Return format 2 of a file of version 0.2, which had outlines by default and no deleted objects."""
    return {"outlines": True, "gone": []} | content | {"format": 2}


def _from_format_2(content: dict[str, Any]) -> dict[str, Any]:
    """Return format 3, which has other names for the key of the result and for deleted objects."""
    return {_RENAMED.get(name, name): value for name, value in content.items()} | {"format": 3}


_RENAMED = {"ticket": KEY, "gone": "deleted"}
_STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_format_1, 2: _from_format_2}
