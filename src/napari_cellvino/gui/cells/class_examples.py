"""Cells that a person named as examples of classes, from any saved field, and what is learnt of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_cellvino.core.cell_classifier import CellClassifier
from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.results.cell_table import CellTable, Rows
from napari_cellvino.results.field_folder import FieldFolder
from napari_cellvino.workflows.classify_cells import examples_of, learn_classes


class ClassExamples:
    """The class of each example, by its field and id: the table may be read anew at any time."""

    def __init__(self) -> None:
        self._classes: dict[tuple[Path, int], str] = {}

    def __len__(self) -> int:
        return len(self._classes)

    def add(self, table: CellTable, rows: Rows, name: str) -> None:
        """Make cells, by their rows, examples of a class; of another one they are none any more."""
        for folder, ids in table.chosen(rows).items():
            self._classes |= dict.fromkeys(((folder, id_) for id_ in ids), name)

    def clear(self) -> None:
        """Forget all."""
        self._classes.clear()

    def describe(self) -> str:
        """Return how many examples each class has, as text."""
        names = list(self._classes.values())
        return ", ".join(f"{names.count(name)} {name}" for name in sorted(set(names)))

    def learn(self, table: CellTable) -> CellClassifier:
        """Return a classifier of the classes.

        Raises
        ------
        TrainingDataError
            If there are fewer than two classes, a class has fewer than three examples, or nothing tells them apart.
        """
        rows, names = list[int](), list[str]()
        for (folder, id_), name in self._classes.items():
            here = table.rows_of(folder, [id_])
            if len(here):
                rows.append(int(here[0]))
                names.append(name)
        if not rows:
            raise TrainingDataError("there are no examples: choose cells, type their class and press Example")
        annotation = FieldFolder(table.fields[0].folder).annotation()
        known = annotation.provenance.recipe.without_new_classes(annotation.classes)
        return learn_classes(examples_of(table, np.array(rows, np.intp), names), known)[0]
