"""The classes that a classifier gives to cells, by the columns of their table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.cell_classifier import CellClassifier
from napari_cellvino.core.errors import OptionError

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]


def numeric_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of a table of cells that hold numbers, without the ids."""
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    return [str(c) for c in table if is_numeric_dtype(table[c]) and not is_bool_dtype(table[c]) and c != "id"]


def features(values: Floats, logged: NDArray[np.bool_]) -> Floats:
    """Return values (N, F) as a classifier sees them: those of ``logged`` columns (F,) as logarithms."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(logged, np.log(values), values), np.float64)


def class_numbers(classifier: CellClassifier, table: pd.DataFrame) -> NDArray[np.int64]:
    """Return the number (N,) of the class that each row of a table gets; -1 where it keeps its own.

    Raises
    ------
    OptionError
        If a measurement is not among the columns.
    """
    missing = [name for name in classifier.columns if name not in table.columns]
    if missing:
        raise OptionError(
            f"the classifier of {', '.join(classifier.classes)} needs {missing[0]!r}, which is not measured here; "
            f"there is {', '.join(numeric_columns(table)) or 'nothing'}; teach it again from such results"
        )
    seen = features(table[list(classifier.columns)].to_numpy(np.float64), np.array(classifier.logged))
    known: NDArray[np.bool_] = np.asarray(np.isfinite(seen).all(1))
    given = probabilities(classifier, np.where(known[:, None], seen, 0.0))
    sure = known & (given.max(1) >= classifier.least_probability)
    return np.asarray(np.where(sure, given.argmax(1), -1), np.int64)


def probabilities(classifier: CellClassifier, seen: Floats) -> Floats:
    """Return the probability (N, K) of each class, from values (N, F) as `features` gives them."""
    logits = seen @ np.array(classifier.weights) + np.array(classifier.bias)
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))
