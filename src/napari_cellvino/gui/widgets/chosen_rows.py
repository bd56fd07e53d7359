"""The chosen rows of a list or table, read and set at once: Qt asks the model three times for each index on its own."""

from __future__ import annotations

from collections.abc import Iterable

from qtpy.QtCore import QItemSelection, QItemSelectionModel
from qtpy.QtWidgets import QAbstractItemView


def chosen_rows(view: QAbstractItemView) -> list[int]:
    """Return the rows that are chosen, in ascending order."""
    ranges = view.selectionModel().selection()
    return sorted({row for part in ranges for row in range(part.top(), part.bottom() + 1)})


def choose_rows(view: QAbstractItemView, runs: Iterable[tuple[int, int]], *, last_column: int = 0) -> None:
    """Choose runs of rows, from the first of each to its last one, and no others; arrow keys go on from the first."""
    model, selection, chosen = view.model(), QItemSelection(), view.selectionModel()
    first = None
    for low, high in runs:
        selection.select(model.index(low, 0), model.index(high, last_column))
        first = model.index(low, 0) if first is None else first
    view.setUpdatesEnabled(False)  # else Qt computes the place of every row that changes
    chosen.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)
    view.setUpdatesEnabled(True)
    if first is not None:
        chosen.setCurrentIndex(first, QItemSelectionModel.SelectionFlag.NoUpdate)
