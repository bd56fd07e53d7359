"""What plates answer, from Python."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_cellvino.core.errors import OptionError
from napari_cellvino.plates.corrections import PlateCorrection
from napari_cellvino.plates.dose_response import AnswerChoices, PlateAnswers
from napari_cellvino.plates.screening import Scale
from napari_cellvino.workflows.plate_report import plate_answers


def answer_plates(
    results: str | Path | Sequence[str | Path],
    measure: str = "count",
    *,
    scale: str | Scale = Scale.RAW,
    correction: str | PlateCorrection = PlateCorrection.NONE,
    parameters: int = 4,
    layout: str | Path | None = None,
) -> PlateAnswers:
    """Return dose-response curves, hits and the quality of the controls of plates, as ``cellvino plate-report``.

    Parameters
    ----------
    results
        One or more folders that runs over plates wrote; wells of equal content on several are replicates.
    measure
        A column of ``wells.csv``.
    scale
        ``raw``, ``percent`` (negative controls 0, positive 100) or ``fold`` (of the negative controls).
    correction
        ``none``, ``edge`` or ``b-score``: effects of the place on the plate that are taken off.
    parameters
        4 or 5, of the logistic curve.
    layout
        A CSV with compounds, doses and controls (default: what the results tell).

    Raises
    ------
    ImageReadError
        If a folder has no table of wells.
    OptionError
        If there is no such measure, or not the controls that the scale needs.

    Examples
    --------
    Two doses are too few for a curve:

    >>> import pandas as pd
    >>> from napari_cellvino import answer_plates, run_plate
    >>> names = "{well}_s{field}.ome.tif"
    >>> _ = run_plate("sample_data/plate", "screen", wells="A01:A02", channel="DNA", pattern=names)
    >>> layout = pd.DataFrame({"well": ["A01", "A02"], "compound": "drug", "dose": [1, 10]})
    >>> layout.to_csv("layout.csv", index=False)
    >>> answers = answer_plates("screen", "count", layout="layout.csv")
    >>> answers.curves[0].response, answers.curves[0].fit.reason
    (array([60., 45.]), '2 doses above 0, and a curve of 4 parameters needs as many')
    """
    if parameters not in (4, 5):
        raise OptionError(f"a logistic curve has 4 or 5 parameters, not {parameters}")
    try:
        choices = AnswerChoices(measure, Scale(scale), PlateCorrection(correction), parameters)
    except ValueError as error:
        known = f"scales are {', '.join(Scale)}, corrections {', '.join(PlateCorrection)}"
        raise OptionError(f"{error}; {known}") from error
    folders = [results] if isinstance(results, (str, Path)) else results
    return plate_answers([Path(folder) for folder in folders], choices, layout=None if layout is None else Path(layout))
