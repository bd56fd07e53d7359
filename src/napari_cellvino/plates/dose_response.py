"""What a plate answers: a curve for each compound, hits against the negative controls, and how well controls part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import Well
from napari_cellvino.plates.answer_notices import notices_of
from napari_cellvino.plates.corrections import PlateCorrection, corrected
from napari_cellvino.plates.curve_fit import FLAT_P, CurveFit, ParameterEstimate, fit_curve
from napari_cellvino.plates.layout import Control
from napari_cellvino.plates.screening import (
    Comparison,
    ControlQuality,
    Scale,
    compare,
    control_quality,
    false_discovery_rates,
    scaled,
)

if TYPE_CHECKING:
    import pandas as pd

Real = NDArray[np.float64]

PLACES = ("plate", "well", "row", "column", "compound", "dose", "control", "fields", "failed", "on_edge")


@dataclass(frozen=True, slots=True)
class AnswerChoices:
    """What is asked of a plate: which measure of wells, relative to what, corrected how, with 4 or 5 parameters."""

    measure: str = "count"
    scale: Scale = Scale.RAW
    correction: PlateCorrection = PlateCorrection.NONE
    parameters: int = 4


@dataclass(frozen=True, slots=True)
class CompoundCurve:
    """The wells (N) of a compound, with plates, doses and responses, and the curve through them."""

    compound: str
    plates: tuple[str, ...]
    wells: tuple[str, ...]
    dose: Real
    response: Real
    fit: CurveFit
    q_value: float = float("nan")

    @property
    def doubts(self) -> tuple[str, ...]:
        """Why the curve may not be believed; its chance among all compounds is the false discovery rate."""
        if not (self.fit.fitted and self.q_value > FLAT_P):
            return self.fit.doubts
        return (*self.fit.doubts, f"among so many compounds chance gives such a curve (q = {self.q_value:.2g})")


@dataclass(frozen=True, slots=True)
class DosePoint:
    """Wells of one compound and dose beside the negative controls."""

    compound: str
    dose: float
    comparison: Comparison


@dataclass(frozen=True, slots=True)
class PlateAnswers:
    """Everything that was asked of one or more plates.

    ``values`` (N) are the responses of all wells of ``table``, in its order, ``quality`` that of the controls by plate.
    """

    choices: AnswerChoices
    table: pd.DataFrame
    values: Real
    curves: tuple[CompoundCurve, ...]
    contents: tuple[DosePoint, ...]
    quality: dict[str, ControlQuality]
    notices: tuple[str, ...] = ()

    @property
    def hits(self) -> tuple[DosePoint, ...]:
        """Compounds and doses that differ from the negative controls, the strongest first."""
        found = [content for content in self.contents if content.comparison.hit]
        return tuple(sorted(found, key=lambda content: -abs(content.comparison.effect)))


def measures_of(table: pd.DataFrame) -> list[str]:
    """Return the columns of a table of wells that can be asked for: all numbers."""
    return [str(name) for name in table.columns if name not in PLACES and table[name].dtype.kind in "iuf"]


def answer(table: pd.DataFrame, choices: AnswerChoices) -> PlateAnswers:
    """Return what the wells of one or more plates answer.

    Parameters
    ----------
    table
        One row per well, as ``wells.csv``: plate, well, compound, dose, control, and numbers.
    choices
        What is asked.

    Raises
    ------
    OptionError
        If there is no such measure, no compound, or not the controls that the scale needs.
    """
    _check(table, choices)
    plates = table["plate"].astype(str).to_numpy(object)
    control = table["control"].astype(str).to_numpy(object)
    values, quality = np.full(len(table), np.nan), {}
    for plate in dict.fromkeys(plates):
        on = plates == plate
        values[on], quality[str(plate)] = _plate_values(table[on], choices)
    negative = values[control == Control.NEGATIVE.value]
    curves = _with_rates(list(_curves(table, values, choices)))
    found = PlateAnswers(choices, table, values, curves, _contents(table, values, negative), quality)
    return replace(found, notices=notices_of(found))


def _check(table: pd.DataFrame, choices: AnswerChoices) -> None:
    if choices.measure not in measures_of(table):
        raise OptionError(f"wells have no {choices.measure!r}; they have {', '.join(measures_of(table))}")
    if not table[choices.measure].notna().any():
        raise OptionError(f"no well has a value of {choices.measure!r}: its column is empty")
    if "compound" not in table or not (table["compound"].astype(str) != "").any():
        raise OptionError(
            "the wells have no compounds: a layout says what they hold",
            remedy="enter it on the plate, or read one",
            command="give one (--layout FILE.csv)",
        )
    kinds = set(table["control"].astype(str))
    needed = {Scale.RAW: set(), Scale.FOLD: {"negative"}, Scale.PERCENT: {"negative", "positive"}}[choices.scale]
    if needed - kinds:
        raise OptionError(
            f"the scale {choices.scale} needs {' and '.join(sorted(needed))} controls, and the layout has no "
            f"{' and no '.join(sorted(needed - kinds))} one; use raw"
        )


def _plate_values(table: pd.DataFrame, choices: AnswerChoices) -> tuple[Real, ControlQuality]:
    """Return the values of the wells of one plate, corrected and scaled, and the quality of its controls."""
    values = table[choices.measure].to_numpy(dtype=float, na_value=np.nan)
    wells = [Well.parse(str(name)) for name in table["well"]]
    control = table["control"].astype(str).to_numpy(object)
    rows, columns = (np.array([getattr(well, axis) for well in wells]) for axis in ("row", "column"))
    try:
        values = corrected(values, rows, columns, control == Control.NONE.value, choices.correction)
    except OptionError as error:
        raise OptionError(f"{table['plate'].iloc[0]}: {error}") from error
    positive, negative = (values[control == kind.value] for kind in (Control.POSITIVE, Control.NEGATIVE))
    return scaled(values, positive, negative, choices.scale), control_quality(positive, negative)


def _curves(table: pd.DataFrame, values: Real, choices: AnswerChoices) -> Iterable[CompoundCurve]:
    """Yield a curve per compound; controls, and wells without a dose, are in none."""
    dose = table["dose"].to_numpy(dtype=float, na_value=np.nan)
    compound, control = (table[name].astype(str).to_numpy(object) for name in ("compound", "control"))
    plates, wells = (table[name].astype(str).to_numpy(object) for name in ("plate", "well"))
    for name in dict.fromkeys(compound[compound != ""]):
        on = (compound == name) & (control == Control.NONE.value) & np.isfinite(dose)
        if on.any():
            on &= np.isfinite(values)
            fit = fit_curve(dose[on], values[on], parameters=choices.parameters)
            yield CompoundCurve(str(name), tuple(plates[on]), tuple(wells[on]), dose[on], values[on], fit)


def _with_rates(curves: list[CompoundCurve]) -> tuple[CompoundCurve, ...]:
    rates = false_discovery_rates(np.array([curve.fit.p_value for curve in curves]))
    return tuple(replace(curve, q_value=float(rate)) for curve, rate in zip(curves, rates, strict=True))


def _contents(table: pd.DataFrame, values: Real, negative: Real) -> tuple[DosePoint, ...]:
    """Return every compound and dose beside the negative controls; all of them together are one family of tests."""
    dose = table["dose"].to_numpy(dtype=float, na_value=np.nan)
    compound, control = (table[name].astype(str).to_numpy(object) for name in ("compound", "control"))
    found: list[DosePoint] = []
    sample = (compound != "") & (control != Control.NEGATIVE.value)
    for name in dict.fromkeys(compound[sample]):
        of_compound = sample & (compound == name)
        for level in [
            *np.unique(dose[of_compound & np.isfinite(dose)]),
            *([np.nan] if np.isnan(dose[of_compound]).any() else []),
        ]:
            on = of_compound & (np.isnan(dose) if np.isnan(level) else dose == level)
            found.append(DosePoint(str(name), float(level), compare(values[on], negative)))
    rates = false_discovery_rates(np.array([content.comparison.p_value for content in found]))
    return tuple(
        replace(content, comparison=replace(content.comparison, q_value=float(rate)))
        for content, rate in zip(found, rates, strict=True)
    )


def curve_table(found: PlateAnswers) -> pd.DataFrame:
    """Return a row per compound: parameters with the ends of their 95 % intervals, and what was left out or why not."""
    import pandas as pd

    return pd.DataFrame([_curve_row(curve) for curve in found.curves])


def _curve_row(curve: CompoundCurve) -> dict[str, object]:
    fit = curve.fit
    row: dict[str, object] = {"compound": curve.compound, "wells": len(curve.wells), "fitted": fit.fitted}
    for name in ("ec50", "hill", "bottom", "top", "asymmetry"):
        estimate: ParameterEstimate = getattr(fit, name)
        row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        if name == "ec50":
            row["ec50_beyond"] = fit.relation
    left_out = [well for well, out in zip(curve.wells, fit.outliers, strict=True) if out]
    return row | {
        "auc": fit.auc,
        "r_squared": fit.r_squared,
        "p_value": fit.p_value,
        "q_value": curve.q_value,
        "outliers": " ".join(left_out),
        "reason": fit.reason,
        "doubts": "; ".join(curve.doubts),
    }


def content_table(found: PlateAnswers) -> pd.DataFrame:
    """Return a row per compound and dose: wells, mean, effect in standard deviations of the controls, p, q, hit."""
    import pandas as pd

    return pd.DataFrame(
        [
            {
                "compound": one.compound,
                "dose": one.dose,
                "wells": one.comparison.wells,
                "mean": one.comparison.mean,
                "effect": one.comparison.effect,
                "p_value": one.comparison.p_value,
                "q_value": one.comparison.q_value,
                "hit": one.comparison.hit,
            }
            for one in found.contents
        ]
    )


def control_table(found: PlateAnswers) -> pd.DataFrame:
    """Return a row per plate: numbers of controls, Z' and SSMD."""
    import pandas as pd

    return pd.DataFrame(
        [
            {"plate": plate, "positive": q.positive, "negative": q.negative, "z_prime": q.z_prime, "ssmd": q.ssmd}
            for plate, q in found.quality.items()
        ]
    )


def value_table(found: PlateAnswers) -> pd.DataFrame:
    """Return the wells with what they hold, the measure as it was, and the response that was made of it."""
    places = [name for name in PLACES[:7] if name in found.table]
    return found.table[[*places, found.choices.measure]].assign(response=found.values)
