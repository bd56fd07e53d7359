"""What is doubtful in the answers of plates, in words: controls, scales, corrections, wells left out, curves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.plate import Well
from napari_cellvino.plates.corrections import PlateCorrection, at_rim, tells_edge
from napari_cellvino.plates.layout import Control, well_names
from napari_cellvino.plates.screening import EFFECT, Scale

if TYPE_CHECKING:
    import pandas as pd

    from napari_cellvino.plates.dose_response import PlateAnswers

Real = NDArray[np.float64]

FEWEST_NEGATIVE = 3  # controls, that hits are named against
FEWEST_CONTROLS = 2  # of each kind, for them to be compared with the compounds
ACTS = 0.5  # of the way between the controls, that a compound goes that acts
FEWEST_WELLS, NEARLY_ALL = 8, 0.8  # wells, and the share of them that look like positive controls
SHOWN = 6  # curves whose doubts are told, at most
IN_LINE = 0.8  # of the columns, in which all compounds have one dose


def notices_of(found: PlateAnswers) -> tuple[str, ...]:
    """Return what is doubtful, plate by plate, then curve by curve."""
    plates = found.table["plate"].astype(str).to_numpy(object)
    said = list[str]()
    for plate in dict.fromkeys(plates):
        on = plates == plate
        said += [f"{plate or 'the plate'}: {text}" for text in _of_plate(found, found.table[on], found.values[on])]
    return (*said, *_between_plates(found), *_of_curves(found))


def _of_plate(found: PlateAnswers, table: pd.DataFrame, values: Real) -> Iterator[str]:
    choices = found.choices
    measured = table[choices.measure].to_numpy(dtype=float, na_value=np.nan)
    control = table["control"].astype(str).to_numpy(object)
    missing = table["well"].astype(str)[~np.isfinite(measured)]
    if len(missing):
        yield f"no {choices.measure} in {well_names(Well.parse(name) for name in missing)}, which are left out"
    if np.isfinite(measured).any() and not np.isfinite(values).any():
        yield f"{_unscaled(measured, control, choices.scale, choices.correction)}: all its wells are left out"
    else:
        yield from _of_negatives(values[control == Control.NEGATIVE.value])
    quality = found.quality.get(str(table["plate"].iloc[0]))
    if quality is not None and quality.z_prime < 0:
        yield (
            f"positive and negative controls overlap (Z' {quality.z_prime:.1f}): hits and percentages say little; "
            "check which wells the layout marks"
        )
    yield from _of_correction(table, np.isfinite(measured) & (control == Control.NONE.value), choices.correction)
    if _look_exchanged(table, values):
        yield "positive and negative controls look exchanged; check the layout"
    edges = table["edge_effect"] if "edge_effect" in table and choices.correction is PlateCorrection.NONE else ()
    if any(choices.measure in str(names).split() for names in edges):
        yield f"{choices.measure} differs at the rim: the correction 'edge' takes that off, if its contents are not why"


def _unscaled(measured: Real, control: NDArray[np.object_], scale: Scale, correction: PlateCorrection) -> str:
    """Return why there are no values relative to the controls."""
    kinds = (Control.NEGATIVE, Control.POSITIVE) if scale is Scale.PERCENT else (Control.NEGATIVE,)
    lacking = [k.value for k in kinds if scale is not Scale.RAW and not np.isfinite(measured[control == k.value]).any()]
    if lacking:
        return f"no {' and no '.join(lacking)} control has a value, which the scale {scale} needs"
    if correction is PlateCorrection.B_SCORE:
        return "nothing is left once the effects of rows and columns are taken off"
    if scale is Scale.FOLD:
        return "the negative controls are 0, and nothing is a multiple of that"
    return "positive and negative controls have the same median, and nothing is a share of the way between them"


def _of_negatives(negative: Real) -> Iterator[str]:
    known = negative[np.isfinite(negative)]
    if len(known) < FEWEST_NEGATIVE:
        yield f"fewer than {FEWEST_NEGATIVE} negative controls ({len(known)}): no hits can be named"
    elif np.ptp(known) == 0:
        yield f"all {len(known)} negative controls are {known[0]:.4g}: without a spread, no hits can be named"


def _of_correction(table: pd.DataFrame, sample: NDArray[np.bool_], way: PlateCorrection) -> Iterator[str]:
    wells = [Well.parse(str(name)) for name in table["well"]]
    rows, columns = np.array([well.row for well in wells]), np.array([well.column for well in wells])
    if way is PlateCorrection.EDGE and not tells_edge(rim := at_rim(rows, columns), sample):
        yield (
            f"{int((rim & sample).sum())} samples at the rim and {int((~rim & sample).sum())} inside are too few to "
            "tell an effect of the edge: it is not taken off"
        )
    if way is not PlateCorrection.B_SCORE:
        return
    yield "B-scores take the effects of rows and columns off; where a whole row is one compound, its effect too"
    dose = table["dose"].to_numpy(dtype=float, na_value=np.nan)
    filled = sample & np.isfinite(dose)
    lines = [np.unique(dose[filled & (columns == column)]) for column in np.unique(columns[filled])]
    if len(np.unique(dose[filled])) > 1 and np.mean([len(line) == 1 for line in lines]) >= IN_LINE:
        yield (
            "each column has one dose: where half of the compounds act, B-scores take that off, and give the others a "
            "curve of the opposite sign; take edge or none"
        )


def _between_plates(found: PlateAnswers) -> Iterator[str]:
    """Yield that plates differ by more than the wells of one do, where they are compared as they are."""
    if found.choices.scale is not Scale.RAW or found.choices.correction is PlateCorrection.B_SCORE:
        return
    plates = found.table["plate"].astype(str).to_numpy(object)
    negative = (found.table["control"].astype(str) == Control.NEGATIVE.value).to_numpy() & np.isfinite(found.values)
    groups = {plate: found.values[negative & (plates == plate)] for plate in dict.fromkeys(plates)}
    groups = {plate: group for plate, group in groups.items() if len(group) >= FEWEST_NEGATIVE}
    if len(groups) < 2:
        return
    medians = {plate: float(np.median(group)) for plate, group in groups.items()}
    low, high = min(medians, key=lambda p: medians[p]), max(medians, key=lambda p: medians[p])
    spread = float(np.sqrt(np.mean([group.var(ddof=1) for group in groups.values()])))
    if medians[high] - medians[low] > EFFECT * spread:
        yield (
            f"plates differ: the negative controls of {low} have a median of {medians[low]:.4g}, those of {high} of "
            f"{medians[high]:.4g}; as percent or fold of their own controls, wells of several plates can be compared"
        )


def _of_curves(found: PlateAnswers) -> Iterator[str]:
    doubtful = [curve for curve in found.curves if curve.doubts]
    for curve in doubtful[:SHOWN]:
        yield f"{curve.compound}: {'; '.join(curve.doubts)}"
    if len(doubtful) > SHOWN:
        yield f"{len(doubtful) - SHOWN} more curves are doubtful: column 'doubts' of dose_response.csv"
    if not found.curves:
        yield "no compound has doses: there are no curves"


def _look_exchanged(table: pd.DataFrame, values: Real) -> bool:
    """Return whether positive and negative controls look exchanged.

    They do where compounds that act begin like the positive controls at their lowest dose and end like the negative
    ones, or where none acts and nearly all wells look like positive controls: most compounds do nothing.
    """
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
