"""Evaluation of saved results against ground truth, field by field, by name: label images, else boxes."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import CellvinoError, ImageReadError, ImageValueError
from napari_cellvino.io.checks import list_names
from napari_cellvino.quality.accuracy import Accuracy, FieldMatch, match_field, summarise
from napari_cellvino.quality.box_accuracy import (
    DetectionAccuracy,
    DetectionMatch,
    join_classes,
    match_boxes,
    summarise_detections,
)
from napari_cellvino.results.schema import OBJECTS_NAME
from napari_cellvino.storage.csv_table import open_rows
from napari_cellvino.workflows.label_sides import holds_outlines, label_files, read_found, read_truth, truth_files

CORNERS = ("y0", "x0", "y1", "x1")

M = TypeVar("M")


@dataclass(frozen=True, slots=True)
class LabelComparison:
    """Scores of label images; ``problems`` are the fields without a score, with the reason.

    ``notices`` are sentences on what may make the scores wrong: how the truth was read, results without one.
    """

    score: Accuracy
    problems: tuple[str, ...]
    notices: tuple[str, ...] = ()


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
        Label images or outlines, called as for ``cellvino import``, or one file that holds those of all fields; or
        ``<name>.csv`` with the columns class, y0, x0, y1, x1 (also in ``boxes/``).
    min_area
        Objects with fewer px in label images are ignored, in results and truth.

    Raises
    ------
    ImageReadError
        If one of them is not a folder.
    ImageValueError
        If no field is in both folders.
    """
    return _compare_labels(predicted, truth, min_area) if holds_outlines(truth) else _compare_boxes(predicted, truth)


def _compare_labels(predicted: Path, truth: Path, min_area: int) -> LabelComparison:
    found = label_files(predicted)
    true = truth_files(truth, found)
    notices: list[str] = []

    def match(name: str) -> FieldMatch:
        labels, said = read_found(found[name])
        there, said_of_truth = read_truth(true.files[name], labels, name)
        notices.extend(f"{name}: {notice}" for notice in (*said, *said_of_truth))
        return match_field(there, labels, min_area=min_area)

    if not true.files:
        raise _nothing_in_common(found, true.others, (predicted, truth))
    matches, problems = _matched(true.files, match)
    problems += tuple(f"{name}: no result" for name in true.others)
    if true.missing:
        has, are = ("result has", "is") if len(true.missing) == 1 else ("results have", "are")
        notices.append(f"{len(true.missing)} {has} no truth, and {are} in no figure: {list_names(true.missing)}")
    return LabelComparison(summarise(matches), problems, tuple(notices))


def _compare_boxes(predicted: Path, truth: Path) -> BoxComparison:
    found, true = _box_files(predicted), _box_files(truth)
    both = sorted(found.keys() & true.keys())
    if not both:
        raise _nothing_in_common(found, true, (predicted, truth))
    fields, problems = _matched(both, lambda name: _match_boxes((true[name], found[name])))
    problems += tuple(f"{name}: no result" for name in sorted(true.keys() - found.keys()))
    classes = sorted({name for field in fields for name in field})
    nothing = DetectionMatch(0, 0, 0, np.zeros(0), np.zeros(0, bool))
    of_class = {c: summarise_detections([field.get(c, nothing) for field in fields]) for c in classes}
    joined = [join_classes(list(field.values())) for field in fields]
    return BoxComparison(summarise_detections(joined), of_class, problems)


def _matched(names: Iterable[str], match: Callable[[str], M]) -> tuple[list[M], tuple[str, ...]]:
    """Return the match of each field, and the problems of those that cannot be matched."""
    matches: list[M] = []
    problems = []
    for name in sorted(names):
        try:
            matches.append(match(name))
        except CellvinoError as error:
            problems.append(f"{name}: {error}")
    return matches, tuple(problems)


def _nothing_in_common(found: Iterable[str], true: Iterable[str], folders: Sequence[Path]) -> ImageValueError:
    return ImageValueError(
        f"no result in {folders[0]} has the name of a truth in {folders[1]}: "
        f"{_first_names(found)} against {_first_names(true)}"
    )


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


def _box_files(folder: Path) -> dict[str, Path]:
    """Return tables of boxes by name: ``<name>/objects.csv`` of results, or ``<name>.csv``, also in ``boxes/``."""
    _check_folder(folder)
    results = {path.parent.name: path for path in folder.glob(f"*/{OBJECTS_NAME}")}
    inner = folder / "boxes" if (folder / "boxes").is_dir() else folder
    return results or {path.stem: path for path in sorted(inner.glob("*.csv"))}


def _check_folder(folder: Path) -> None:
    if not folder.is_dir():
        raise ImageReadError(f"{folder} is no folder")


def _first_names(names: Iterable[str]) -> str:
    return ", ".join(sorted(names)[:3]) or "none"
