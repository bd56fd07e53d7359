"""Profiles of wells: normalised to controls, their principal components, and which contents look alike.

References
----------
Caicedo et al. 2017, "Data-analysis strategies for image-based cell profiling", Nature Methods 14, 849: medians of
cells, robust z scores by the controls of each plate, cosine similarity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.core.errors import OptionError

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
MAD_TO_SD = 1.4826
FEWEST_CONTROLS = 3  # wells of a plate; with fewer, all of its wells are what others are compared with
MOST_SCORE = 50.0  # robust z scores beyond are cut: a spread of nearly 0 makes them of nothing
COMPONENTS = 10
NEIGHBOURS = 3


@dataclass(frozen=True, slots=True, eq=False)
class WellProfiles:
    """Wells (N rows) with ``features`` as robust z scores.

    ``components`` (N, P) explain shares ``explained`` (P,) of the variance. ``nearest`` has a row per content and the
    content of another compound that is most similar; ``notices`` say what was assumed.
    """

    table: pd.DataFrame
    features: tuple[str, ...]
    components: Floats
    explained: Floats
    nearest: pd.DataFrame
    notices: tuple[str, ...]

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        """The plate and the well, or the field where there are no wells, of each row."""
        unit = self.table.columns[1]
        return tuple(
            (str(plate), str(well)) for plate, well in zip(self.table["Metadata_Plate"], self.table[unit], strict=True)
        )

    @property
    def kinds(self) -> tuple[str, ...]:
        """What each row holds: its compound, or which control it is; empty where nothing is known."""
        pairs = zip(self.table["Metadata_Control"], self.table["Metadata_Compound"], strict=True)
        return tuple(f"{control} control" if control else str(compound) for control, compound in pairs)

    def like(self, row: int, count: int = NEIGHBOURS) -> tuple[tuple[int, float], ...]:
        """Return the rows whose profiles have the least angle to that of a row, the nearest first, with the cosines."""
        scores = self.table[list(self.features)].to_numpy(np.float64)
        unit = scores / np.maximum(np.linalg.norm(scores, axis=1, keepdims=True), 1e-12)
        cosine = unit @ unit[row]
        cosine[row] = -np.inf
        order = np.argsort(-cosine, kind="stable")[: min(count, len(cosine) - 1)]
        return tuple((int(n), float(cosine[n])) for n in order)


def profile_wells(cells: pd.DataFrame) -> WellProfiles:
    """Return the profiles of wells, or of fields where there are no wells.

    Parameters
    ----------
    cells
        A row per cell; columns ``Metadata_Plate``, ``Metadata_Well``, ``Metadata_Field``, ``Metadata_Compound``,
        ``Metadata_Dose``, ``Metadata_Control``, and features.

    Raises
    ------
    OptionError
        If there are fewer than two wells or fields.
    """
    features = [str(name) for name in cells if not str(name).startswith("Metadata_")]
    unit = "Metadata_Well" if (cells["Metadata_Well"] != "").any() else "Metadata_Field"
    kept = ["Metadata_Plate", unit, "Metadata_Compound", "Metadata_Dose", "Metadata_Control"]
    groups = cells.groupby(kept, sort=True, dropna=False)
    wells = groups[features].median().reset_index()
    if len(wells) < 2:
        raise OptionError(f"profiles compare wells or fields, and there is {len(wells)} with cells")
    wells.insert(len(kept), "Metadata_Cells", groups.size().to_numpy())
    scored, notices = _scored(wells, features)
    varying = [name for name in features if np.isfinite(scored[name]).all() and scored[name].std() > 0]
    if not varying:
        raise OptionError("no feature differs between the wells")
    components, explained = _components(scored[varying].to_numpy(np.float64))
    table = scored[[name for name in scored if str(name).startswith("Metadata_")] + varying]
    return WellProfiles(table, tuple(varying), components, explained, _nearest(table, varying), notices)


def _scored(wells: pd.DataFrame, features: list[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return robust z scores by the negative controls of each plate, or by all its wells where these are few."""
    done, notices = wells.astype(dict.fromkeys(features, np.float64)), []
    for plate, rows in wells.groupby("Metadata_Plate").groups.items():
        here = wells.loc[rows]
        controls = here[here["Metadata_Control"] == "negative"]
        if len(controls) < FEWEST_CONTROLS:
            few = "1 negative control" if len(controls) == 1 else f"{len(controls) or 'no'} negative controls"
            notices.append(
                f"Plate '{plate or '–'}' has {few} with cells: "
                f"its profiles are normalised to all of its {len(here)} wells"
            )
            controls = here
        values = controls[features].to_numpy(np.float64)
        middle = np.nanmedian(values, axis=0)
        spread = MAD_TO_SD * np.nanmedian(np.abs(values - middle), axis=0)
        spread = np.where(spread > 0, spread, np.nanstd(values, axis=0))
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = (here[features].to_numpy(np.float64) - middle) / spread
        done.loc[rows, features] = np.clip(scores, -MOST_SCORE, MOST_SCORE)
    return done, tuple(notices)


def _components(scores: Floats) -> tuple[Floats, Floats]:
    """Return principal components (N, P) of scores (N, F), and the share of the variance (P,) that each explains."""
    centred = scores - scores.mean(0)
    u, s, _ = np.linalg.svd(centred, full_matrices=False)
    number = min(COMPONENTS, len(scores) - 1)
    sign = np.sign(u[np.abs(u).argmax(0), np.arange(u.shape[1])])  # the same on every machine
    return (u * s * sign)[:, :number], (s**2 / max((s**2).sum(), 1e-12))[:number]


def _nearest(table: pd.DataFrame, features: list[str]) -> pd.DataFrame:
    """Return for each compound and dose the one of another compound whose mean profile has the least angle to it."""
    import pandas as pd

    named = table[table["Metadata_Compound"] != ""]
    means = named.groupby(["Metadata_Compound", "Metadata_Dose"], dropna=False)[features].mean()
    contents = means.index.to_frame(index=False).rename(
        columns=lambda name: str(name).removeprefix("Metadata_").lower()
    )
    unit = means.to_numpy(np.float64)
    unit = unit / np.maximum(np.linalg.norm(unit, axis=1, keepdims=True), 1e-12)
    alike = unit @ unit.T
    compound = contents["compound"].to_numpy()
    alike[compound[:, None] == compound[None, :]] = -np.inf
    rows = [
        {
            **contents.iloc[n].to_dict(),
            "nearest_compound": contents["compound"].iloc[best],
            "nearest_dose": contents["dose"].iloc[best],
            "cosine": float(alike[n, best]),
        }
        for n, best in enumerate(alike.argmax(1) if len(alike) else [])
        if np.isfinite(alike[n, best])
    ]
    return pd.DataFrame(rows, columns=["compound", "dose", "nearest_compound", "nearest_dose", "cosine"])
