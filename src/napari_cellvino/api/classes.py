"""Cells by class, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.core.progress import finish

if TYPE_CHECKING:
    from napari_cellvino.workflows.classify_cells import Classification


def classify_cells(
    results: str | Path, examples: str | Path | Sequence[str | Path], *, least_probability: float = 0.0
) -> Classification:
    """Give classes, learnt from examples, to the cells of saved results, as ``cellvino classify``.

    Cells that a person reviewed stay as they are. The recipe in ``results`` gets the classifier.

    Parameters
    ----------
    results
        A folder of results.
    examples
        Folders of results with reviewed cells, or tables: ``folder,id,class``, or ``objects.csv`` with classes.
    least_probability
        A cell whose class is less probable keeps the one that it has.

    Raises
    ------
    ImageReadError
        If results or examples cannot be read.
    TrainingDataError
        If there are not enough examples.

    Examples
    --------
    >>> import pandas as pd
    >>> from napari_cellvino import classify_cells, run_folder
    >>> _ = run_folder("sample_data/plate/A01_s1.ome.tif", "counted", channel="DNA")
    >>> cells = pd.read_csv("counted/A01_s1/objects.csv")
    >>> big = cells["area_px"] > cells["area_px"].median()
    >>> cells["class"] = big.map({True: "big", False: "small"})
    >>> cells[::4].to_csv("examples.csv", index=False)
    >>> classify_cells("counted", "examples.csv").classifier.classes
    ('big', 'small')
    """
    from napari_cellvino.workflows import classify_cells as use_case  # loads scipy's optimisers

    paths = [examples] if isinstance(examples, (str, Path)) else examples
    return finish(
        use_case.classify_cells(Path(results), [Path(path) for path in paths], least_probability=least_probability)
    )
