"""Cells by class: a classifier learnt from examples of cells, applied to all saved fields and to all runs to come."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.cell_classifier import CellClassifier
from napari_cellvino.core.errors import ImageReadError, OptionError, TrainingDataError
from napari_cellvino.core.objects import ReviewState
from napari_cellvino.measure.cell_classes import Floats, features
from napari_cellvino.results.cell_table import CellTable, CellTables
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.storage.csv_table import read_table
from napari_cellvino.training.teach.learner import fit, held_out
from napari_cellvino.workflows.change_results import ChangedField, classify_results

if TYPE_CHECKING:
    import pandas as pd

FEWEST = 3  # examples of a class
TELLING_CELLS = 4  # measurements, that no two cells have alike
NOT_TAUGHT = ("score",)  # what the model thinks of its own outlines says nothing about the kind of cell
PIXELS_AND_UM = (("area_px", "area_um2"), ("equivalent_diameter_px", "equivalent_diameter_um"))
SKEWED = 1.0  # skewness of positive values from which on their logarithms are taken


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Cells whose classes are known: values (N, F) of ``columns``, and their ``classes`` (N,)."""

    columns: tuple[str, ...]
    values: Floats
    classes: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Classification:
    """The classifier, how it named the examples that it did not see, and what became of each field.

    ``confusion`` (K, K) counts examples: a row per class, a column per class that was given; all 0 where there were too
    few examples to hold any out.
    """

    classifier: CellClassifier
    confusion: NDArray[np.int64]
    fields: tuple[ChangedField, ...]


def classify_cells(
    root: Path, examples: Sequence[Path], *, least_probability: float = 0.0
) -> Generator[ChangedField, None, Classification]:
    """Learn classes from examples and give them to all cells of saved results that nobody reviewed.

    Parameters
    ----------
    root
        The folder of results; its recipe gets the classifier, so that runs with it give the same classes.
    examples
        Folders of results, where cells that a person reviewed are examples of their classes; or tables (CSV), either
        with ``folder,id,class`` of cells in ``root``, or as ``objects.csv`` with a class in each row that is one.
    least_probability
        A cell whose class is less probable keeps the one that it has.

    Yields
    ------
    ChangedField
        Each field when it is written.

    Raises
    ------
    ImageReadError
        If results or examples cannot be read.
    TrainingDataError
        If there are not enough examples of two classes, or they have no measurement in common.
    OptionError, OutputError
        As `classify_results`.
    """
    table = CellTables().read(root)
    if not len(table):
        raise ImageReadError(f"{root} has no cells of saved fields to classify; name a folder that a run wrote")
    known = joined([read_examples(path, table) for path in examples])
    classifier, confusion = learn_classes(known, _model_classes(table), least_probability=least_probability)
    fields = yield from classify_results(root, classifier)
    return Classification(classifier, confusion, fields)


def _model_classes(table: CellTable) -> tuple[str, ...]:
    annotation = FieldFolder(table.fields[0].folder).annotation()
    return annotation.provenance.recipe.without_new_classes(annotation.classes)


def read_examples(path: Path, table: CellTable) -> Examples:
    """Return the examples in a folder of results or a table; ``table`` has the cells that rows may name.

    Raises
    ------
    ImageReadError
        If they cannot be read.
    """
    if path.is_dir():
        reviewed = CellTables().read(path)
        looked_at = (reviewed.review != ReviewState.UNSEEN) & (reviewed.review != ReviewState.REJECTED)
        return examples_of(reviewed, np.flatnonzero(looked_at & ~reviewed.excluded))
    try:
        rows = read_table(path, as_text=False)
    except (OSError, ValueError) as error:
        raise ImageReadError(f"examples {path} cannot be read: {error}; name a CSV or a folder of results") from error
    if not {"id", "class"} <= set(rows):
        raise ImageReadError(f"examples {path} have no columns id and class; they have {', '.join(map(str, rows))}")
    rows = rows[rows["class"].notna()]
    return _named(rows, table, path) if "folder" in rows else _in_the_rows(rows)


def examples_of(table: CellTable, rows: NDArray[np.integer], classes: Sequence[str] | None = None) -> Examples:
    """Return cells of a table as examples: of the classes that they have, or of others."""
    columns = tuple(dict.fromkeys(name for one in table.fields for name in one.measures if name not in NOT_TAUGHT))
    values = np.stack([table.values(name)[rows] for name in columns], 1) if columns else np.zeros((len(rows), 0))
    return Examples(columns, values, tuple(table.kind[rows].tolist() if classes is None else classes))


def _named(rows: pd.DataFrame, table: CellTable, path: Path) -> Examples:
    folders = {one.folder.name: one.folder for one in table.fields}
    found: list[int] = []
    for folder, id_ in zip(rows["folder"].astype(str), rows["id"].tolist(), strict=True):
        here = table.rows_of(folders[folder], [int(id_)]) if folder in folders else np.zeros(0, np.intp)
        if not len(here):
            raise ImageReadError(f"examples {path} name cell {id_} of {folder!r}, which is not among the results")
        found.append(int(here[0]))
    return examples_of(table, np.array(found, np.intp), rows["class"].astype(str).tolist())


def _in_the_rows(rows: pd.DataFrame) -> Examples:
    from napari_cellvino.measure.cell_classes import numeric_columns
    from napari_cellvino.results.plot_measures import NOT_MEASURES

    columns = tuple(c for c in numeric_columns(rows) if c not in NOT_MEASURES and c not in NOT_TAUGHT)
    return Examples(columns, rows[list(columns)].to_numpy(np.float64), tuple(rows["class"].astype(str).tolist()))


def joined(parts: Sequence[Examples]) -> Examples:
    """Return examples from several places as one, with the measurements that all have.

    Raises
    ------
    TrainingDataError
        If they have none in common, or a cell is an example of two classes.
    """
    parts = [part for part in parts if part.classes]
    columns = [name for name in parts[0].columns if all(name in part.columns for part in parts)] if parts else []
    if not columns:
        raise TrainingDataError(
            "the examples have no measurement in common" if parts else "there is no example of a cell"
        )
    values = [part.values[:, [part.columns.index(name) for name in columns]] for part in parts]
    names = tuple(name for part in parts for name in part.classes)
    return _each_once(Examples(tuple(columns), np.concatenate(values), names))


def _each_once(examples: Examples) -> Examples:
    """Return each cell once: one that stands twice would be held out and learnt from at a time.

    Cells are the same where all their measurements are, if these are enough to tell cells apart.
    """
    if len(examples.columns) < TELLING_CELLS:
        return examples
    first: dict[tuple[float, ...], int] = {}
    for row, values in enumerate(np.nan_to_num(examples.values, nan=-np.inf).tolist()):
        before = first.setdefault(tuple(values), row)
        if examples.classes[before] != examples.classes[row]:
            held = zip(examples.columns[:3], examples.values[row].tolist(), strict=False)
            raise TrainingDataError(
                f"one cell is an example of {examples.classes[before]!r} and of {examples.classes[row]!r} "
                f"({', '.join(f'{name} {value:g}' for name, value in held)}); keep one of them"
            )
    rows = list(first.values())
    return Examples(examples.columns, examples.values[rows], tuple(examples.classes[row] for row in rows))


def learn_classes(
    examples: Examples, model_classes: Sequence[str], *, least_probability: float = 0.0
) -> tuple[CellClassifier, NDArray[np.int64]]:
    """Return a classifier of the classes of examples, and its confusion (K, K) where examples were held out.

    Raises
    ------
    TrainingDataError
        If there are fewer than two classes, or a class has fewer than three examples, or nothing tells them apart.
    OptionError
        If ``least_probability`` is not from 0 to below 1.
    """
    if not 0 <= least_probability < 1:
        raise OptionError(f"the least probability is from 0 to below 1, not {least_probability:g}")
    classes = tuple(dict.fromkeys(sorted(examples.classes)))
    kinds = np.array([classes.index(name) for name in examples.classes])
    _check_enough(classes, kinds)
    columns, logged, seen = _telling(examples)
    scale = seen.std(0)
    scaled, even = ((seen - seen.mean(0)) / scale).astype(np.float32), np.ones(len(columns), np.float32)
    learner = fit(scaled, kinds, len(classes), even)
    given = held_out(scaled, kinds, len(classes), even, np.arange(len(kinds)))
    known: NDArray[np.bool_] = np.asarray(np.isfinite(given).all(1))
    confusion = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(confusion, (kinds[known], given[known].argmax(1)), 1)
    weights = learner.weights.astype(np.float64) / scale[:, None]
    classifier = CellClassifier(
        classes=classes,
        new_classes=tuple(name for name in classes if name not in model_classes),
        columns=columns,
        logged=tuple(logged.tolist()),
        weights=tuple(map(tuple, weights.tolist())),
        bias=tuple((learner.bias - seen.mean(0) @ weights).tolist()),
        least_probability=least_probability,
        examples=tuple(np.bincount(kinds, minlength=len(classes)).tolist()),
        agreement=float(np.trace(confusion) / confusion.sum()) if confusion.any() else None,
    )
    return classifier, confusion


def _check_enough(classes: Sequence[str], kinds: NDArray[np.integer]) -> None:
    if len(classes) < 2:
        raise TrainingDataError(
            f"the examples are of {f'one class, {classes[0]!r}' if classes else 'no class'}: "
            "give examples of two or more classes"
        )
    for number, name in enumerate(classes):
        if (count := int((kinds == number).sum())) < FEWEST:
            raise TrainingDataError(f"class {name!r} has {count} example{'s' * (count != 1)}; give {FEWEST} or more")


def _telling(examples: Examples) -> tuple[tuple[str, ...], NDArray[np.bool_], Floats]:
    """Return the columns that all examples have and that vary, which are taken as logarithms, and the values so."""
    known: NDArray[np.bool_] = np.asarray(np.isfinite(examples.values).all(0))
    twice = {px for px, um in PIXELS_AND_UM if um in examples.columns and known[examples.columns.index(um)]}
    varying = known & (np.ptp(np.where(known, examples.values, 0.0), axis=0) > 0)
    taken = [n for n, name in enumerate(examples.columns) if varying[n] and name not in twice]
    if not taken:
        raise TrainingDataError("no measurement differs between the examples")
    values = examples.values[:, taken]
    centred = values - values.mean(0)
    skewness = (centred**3).mean(0) / values.std(0) ** 3
    logged = (values > 0).all(0) & (skewness > SKEWED)
    return tuple(examples.columns[n] for n in taken), logged, features(values, logged)
