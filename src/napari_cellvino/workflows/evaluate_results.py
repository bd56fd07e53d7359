"""Evaluation of saved results against ground truth, field by field, by name: label images, else boxes."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import CellvinoError, ImageReadError, ImageValueError
from napari_cellvino.io.label_tiff import read_labels
from napari_cellvino.quality.accuracy import Accuracy, FieldMatch, match_field, summarise
from napari_cellvino.quality.box_accuracy import (
    DetectionAccuracy,
    DetectionMatch,
    join_classes,
    match_boxes,
    summarise_detections,
)
from napari_cellvino.results.rescue import recover_results
from napari_cellvino.results.schema import LABELS_NAME, OBJECTS_NAME
from napari_cellvino.storage.csv_table import open_rows

LABEL_SUFFIXES = (".tif", ".tiff")
CORNERS = ("y0", "x0", "y1", "x1")

Files = Mapping[str, Path]
M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class LabelComparison:
    """Scores of label images; ``problems`` are the fields without a score, with the reason."""

    score: Accuracy
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BoxComparison:
    """Scores of boxes over all classes (an object of the wrong class is no match) and of each class."""

    score: DetectionAccuracy
    of_class: dict[str, DetectionAccuracy]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BoxTable:
    """Boxes of one field: class names, ``box`` (N, 4) y0, x0, y1, x1 in px, half-open, and ``score`` (N,)."""

    classes: NDArray[np.str_]
    box: NDArray[np.float64]
    score: NDArray[np.float64]


def compare_folders(predicted: Path, truth: Path, *, min_area: int = 0) -> LabelComparison | BoxComparison:
    """Return the scores of results against ground truth, in fields of the same name.

    Parameters
    ----------
    predicted
        Results of a run (``<name>/labels.tif``, or ``<name>/objects.csv`` for boxes), or files like the truth.
    truth
        ``<name>.tif`` label images, or ``<name>.csv`` with the columns class, y0, x0, y1, x1 (also in ``boxes/``).
    min_area
        Objects with fewer px in label images are ignored, in results and truth.

    Raises
    ------
    ImageReadError
        If one of them is not a folder.
    ImageValueError
        If no field is in both folders.
    """
    true_labels = _label_files(truth)
    if true_labels:
        matches, problems = _matched(
            _label_files(predicted), true_labels, lambda files: _match_labels(*files, min_area), (predicted, truth)
        )
        return LabelComparison(summarise(matches), problems)
    return _compare_boxes(predicted, truth)


def _compare_boxes(predicted: Path, truth: Path) -> BoxComparison:
    fields, problems = _matched(_box_files(predicted), _box_files(truth), _match_boxes, (predicted, truth))
    classes = sorted({name for field in fields for name in field})
    nothing = DetectionMatch(0, 0, 0, np.zeros(0), np.zeros(0, bool))
    of_class = {c: summarise_detections([field.get(c, nothing) for field in fields]) for c in classes}
    joined = [join_classes(list(field.values())) for field in fields]
    return BoxComparison(summarise_detections(joined), of_class, problems)


def _matched(
    found: Files, truth: Files, match: Callable[[tuple[Path, Path]], M], folders: Sequence[Path]
) -> tuple[list[M], tuple[str, ...]]:
    """Return the match of each field in both folders, and the problems of the others."""
    both = sorted(found.keys() & truth.keys())
    if not both:
        raise ImageValueError(
            f"no result in {folders[0]} has the name of a truth in {folders[1]}: "
            f"{_first_names(found)} against {_first_names(truth)}"
        )
    matches: list[M] = []
    problems = []
    for name in both:
        try:
            matches.append(match((truth[name], found[name])))
        except CellvinoError as error:
            problems.append(f"{name}: {error}")
    problems += [f"{name}: no result" for name in sorted(truth.keys() - found.keys())]
    return matches, tuple(problems)


def _match_labels(truth: Path, found: Path, min_area: int) -> FieldMatch:
    true, predicted = (read_labels(path)[0] for path in (truth, found))
    return match_field(true, predicted, min_area=min_area)


def _match_boxes(files: tuple[Path, Path]) -> dict[str, DetectionMatch]:
    """Return the match of each class in the truth or the result of a field."""
    truth, found = (read_boxes(path) for path in files)
    matches = {}
    for name in sorted({*truth.classes.tolist(), *found.classes.tolist()}):
        here, there = truth.classes == name, found.classes == name
        matches[name] = match_boxes(truth.box[here], found.box[there], found.score[there])
    return matches


def read_boxes(path: Path) -> BoxTable:
    """Return the boxes of a table, without rejected ones; without a column ``score``, all scores are 1.

    Raises
    ------
    ImageReadError
        If the file cannot be read, or lacks a column or a number.
    """
    try:
        with open_rows(path) as (_, table):
            rows = [row for row in table if row.get("review") != "rejected"]
        return BoxTable(
            np.array([row["class"] for row in rows], np.str_),
            np.array([[float(row[corner]) for corner in CORNERS] for row in rows]).reshape(-1, 4),
            np.array([float(row.get("score", 1)) for row in rows]),
        )
    except OSError as error:
        raise ImageReadError(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise ImageReadError(f"{path} is no table of boxes with class, {', '.join(CORNERS)}: {error}") from error


def _label_files(folder: Path) -> dict[str, Path]:
    """Return label images by name: ``<name>/labels.tif`` of results, or ``<name>.tif``."""
    _check_folder(folder)
    recover_results(folder)
    results = {path.parent.name: path for path in folder.glob(f"*/{LABELS_NAME}")}
    return results or {_name(p): p for p in sorted(folder.iterdir()) if p.suffix.lower() in LABEL_SUFFIXES}


def _box_files(folder: Path) -> dict[str, Path]:
    """Return tables of boxes by name: ``<name>/objects.csv`` of results, or ``<name>.csv``, also in ``boxes/``."""
    _check_folder(folder)
    results = {path.parent.name: path for path in folder.glob(f"*/{OBJECTS_NAME}")}
    inner = folder / "boxes" if (folder / "boxes").is_dir() else folder
    return results or {path.stem: path for path in sorted(inner.glob("*.csv"))}


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ImageReadError(f"{folder} is no folder")


def _name(path: Path) -> str:
    return path.name[: -len(path.suffix)].removesuffix(".ome").removesuffix("_labels")


def _first_names(files: Files) -> str:
    return ", ".join(sorted(files)[:3]) or "none"
