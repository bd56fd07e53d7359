"""What a plate answers: a curve for each compound, hits against the negative controls, and how well controls part."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import OptionError
from napari_cellvino.core.plate import Well
from napari_cellvino.plates.corrections import PlateCorrection, corrected
from napari_cellvino.plates.curve_fit import CurveFit, ParameterEstimate, fit_curve
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

FEWEST_CONTROLS = 2  # of each kind, for them to be compared with the compounds
ACTS = 0.5  # of the way between the controls, that a compound goes that acts
FEWEST_WELLS, NEARLY_ALL = 8, 0.8  # wells, and the share of them that look like positive controls
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
    curves = tuple(_curves(table, values, choices))
    said = (*_said(choices, quality), *exchanged_controls(table, values))
    return PlateAnswers(choices, table, values, curves, _contents(table, values, negative), quality, said)


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
    values = corrected(values, rows, columns, control == Control.NONE.value, choices.correction)
    positive, negative = (values[control == kind.value] for kind in (Control.POSITIVE, Control.NEGATIVE))
    return scaled(values, positive, negative, choices.scale), control_quality(positive, negative)


def _curves(table: pd.DataFrame, values: Real, choices: AnswerChoices) -> Iterable[CompoundCurve]:
    """Yield a curve per compound; controls, and wells without a dose, are in none."""
    dose = table["dose"].to_numpy(dtype=float, na_value=np.nan)
    compound, control = (table[name].astype(str).to_numpy(object) for name in ("compound", "control"))
    plates, wells = (table[name].astype(str).to_numpy(object) for name in ("plate", "well"))
    for name in dict.fromkeys(compound[compound != ""]):
        on = (compound == name) & (control == Control.NONE.value) & np.isfinite(dose) & np.isfinite(values)
        if on.any():
            fit = fit_curve(dose[on], values[on], parameters=choices.parameters)
            yield CompoundCurve(str(name), tuple(plates[on]), tuple(wells[on]), dose[on], values[on], fit)


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


def _said(choices: AnswerChoices, quality: dict[str, ControlQuality]) -> tuple[str, ...]:
    few = [plate for plate, found in quality.items() if found.negative < 3]
    notices = [f"{plate or 'the plate'} has fewer than 3 negative controls: no hits can be named" for plate in few]
    if choices.correction is PlateCorrection.B_SCORE:
        notices.append(
            "B-scores take the effects of rows and columns off; where a whole row is one compound, its effect too"
        )
    return tuple(notices)


def exchanged_controls(table: pd.DataFrame, values: Real) -> tuple[str, ...]:
    """Return a question for each plate whose controls look exchanged.

    They do where compounds that act begin like the positive controls at their lowest dose and end like the negative
    ones, or where none acts and nearly all wells look like positive controls: most compounds do nothing.
    """
    plates = table["plate"].astype(str).to_numpy(object)
    found = []
    for plate in dict.fromkeys(plates):
        on = plates == plate
        if _look_exchanged(table[on], values[on]):
            found.append(f"{plate or 'the plate'}: positive and negative controls look exchanged; check the layout")
    return tuple(found)


def _look_exchanged(table: pd.DataFrame, values: Real) -> bool:
    control, compound = (table[name].astype(str).to_numpy(object) for name in ("control", "compound"))
    dose = table["dose"].to_numpy(dtype=float, na_value=np.nan)
    known = np.isfinite(values)
    kinds = [values[known & (control == kind.value)] for kind in (Control.NEGATIVE, Control.POSITIVE)]
    if min(map(len, kinds)) < FEWEST_CONTROLS or np.median(kinds[0]) == np.median(kinds[1]):
        return False
    zero, one = (float(np.median(kind)) for kind in kinds)
    place = (values - zero) / (one - zero)  # 0 as negative controls, 1 as positive ones
    sample = known & (control == Control.NONE.value) & (compound != "")
    ends = [_ends(place[at], dose[at]) for at in (sample & (compound == name) for name in set(compound[sample]))]
    acting = [(low, high) for low, high in ends if abs(high - low) > ACTS]
    if acting:
        return all(low > ACTS and high < low for low, high in acting)
    return int(sample.sum()) >= FEWEST_WELLS and float((place[sample] > ACTS).mean()) >= NEARLY_ALL


def _ends(place: Real, dose: Real) -> tuple[float, float]:
    """Return where a compound begins, at its lowest dose, and where it ends; alike where it has one dose."""
    known = np.isfinite(dose)
    if not known.any():
        return float(np.median(place)), float(np.median(place))
    low, high = (float(np.median(place[known & (dose == end)])) for end in (dose[known].min(), dose[known].max()))
    return low, high


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
        "outliers": " ".join(left_out),
        "reason": fit.reason,
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
