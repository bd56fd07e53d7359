"""The folder results are saved in: one folder per field, one row per field in ``counts.csv``.

A field's folder appears whole or not at all and knows what made it, so that a run that was killed goes on where it
stopped, and a result made from something else is never overwritten unasked.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_cellvino.core.errors import ReplaceError
from napari_cellvino.core.image import Origin
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.results.corrections import content_of
from napari_cellvino.results.field_files import ANNOTATION_NAME, LABELS_NAME, RESULT_NAMES
from napari_cellvino.results.field_result import FieldResult
from napari_cellvino.results.saving import Finish, as_it_is, replace_result
from napari_cellvino.storage.atomic import atomic_path, recover
from napari_cellvino.storage.file_names import safe_name

RECIPE_NAME = "recipe.yaml"
FIRST_COLUMNS = (
    "file", "position", "frame", "plate", "well", "field", "folder", "status", "error", "count",
    "model", "channel", "images",
)  # fmt: skip

Row = dict[str, object]


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
        return {name: getattr(self, name) for name in self.__slots__}


def choose_folder(root: Path, origin: Origin, taken: frozenset[Path] = frozenset()) -> Path:
    """Return the folder under ``root`` for a field: its own from before, or ``stem``, ``stem-2``, … whichever is free.

    ``taken`` are folders of other fields of this run.
    """
    stem = safe_name(origin.name)
    path = str(Path(origin.path).resolve()) if Path(origin.path).is_file() else origin.path
    number = 1
    while True:
        folder = root / (stem if number == 1 else f"{stem}-{number}")
        recover(folder)
        found = read_result_key(folder)
        own = found is not None and (found.path, found.position) == (path, origin.position)
        if folder not in taken and (own or not folder.exists()):
            return folder
        number += 1


def read_result_key(folder: Path) -> ResultKey | None:
    """Return what the result in ``folder`` was made from, or None where there is no readable result."""
    try:
        return ResultKey(**content_of(folder)["ticket"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save_field(
    folder: Path, result: FieldResult, result_key: ResultKey, *, overwrite: bool, finish: Finish = as_it_is
) -> None:
    """Write a field's result; what a person corrected in the one before stays as it was.

    ``finish`` is done to the measured result before it is written.

    Raises
    ------
    OutputError
        If another result stands there and ``overwrite`` is off, its corrections do not fit, or the folder cannot be
        written.
    """
    check_replaceable(folder, result_key, overwrite=overwrite)
    replace_result(folder, result, result_key.as_dict(), finish)


def check_replaceable(folder: Path, result_key: ResultKey, *, overwrite: bool) -> None:
    """Raise ReplaceError if another result stands in ``folder`` and ``overwrite`` is off."""
    if folder.exists() and not overwrite and read_result_key(folder) != result_key:
        raise ReplaceError(
            f"{folder} holds a result made with other choices, or from an image that changed since",
            remedy="replace it or choose another folder",
            command="overwrite it (--overwrite) or choose another folder",
        )


def is_finished(folder: Path, result_key: ResultKey) -> bool:
    """Return whether ``folder`` holds the whole result of ``result_key``."""
    return read_result_key(folder) == result_key and all((folder / name).is_file() for name in _names(folder))


def _names(folder: Path) -> tuple[str, ...]:
    """Return the files that a result consists of; one from before there were boxes has outlines."""
    return RESULT_NAMES if content_of(folder).get("outlines") is False else (LABELS_NAME, *RESULT_NAMES)


def finished_row(folder: Path) -> Row:
    """Return the row of ``counts.csv`` for a finished field."""
    return _row_of(folder, content_of(folder))


def _row_of(folder: Path, content: dict[str, Any]) -> Row:
    counts: Row = content["counts"]
    came_from = content["provenance"]
    models = " + ".join(str(came_from[key]) for key in ("model", "outline") if came_from.get(key))
    made = {"model": models, "channel": str(came_from.get("channel", ""))}
    row = field_row(Origin(**came_from["origin"]), folder.name, "done")
    return row | made | counts


def field_row(origin: Origin, folder: str, status: str, error: str = "") -> Row:
    """Return the first columns of a row of ``counts.csv``; ``images`` where they are others than ``file`` alone."""
    return {
        "file": _text(origin.path),
        "images": _text("; ".join(origin.files)),
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


def _text(name: str) -> str:
    """Return a name on disk as text, which it need not be."""
    return name.encode(errors="backslashreplace").decode()


def finished_rows(root: Path) -> list[Row]:
    """Return the rows of all finished fields in ``root``, by the names of their folders."""
    folders = sorted(path.parent for path in root.glob(f"*/{ANNOTATION_NAME}") if not path.parent.name.startswith("."))
    rows = (_row_if_finished(folder) for folder in folders)
    return [row for row in rows if row is not None]


def _row_if_finished(folder: Path) -> Row | None:
    try:
        content = content_of(folder)
        ResultKey(**content["ticket"])
        return _row_of(folder, content)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_recipe(root: Path, recipe: Recipe) -> None:
    """Write ``recipe.yaml``."""
    write_text(root / RECIPE_NAME, recipe.dumps())


def write_text(path: Path, text: str) -> None:
    """Write a text file as a whole."""
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")
