"""Cells in the colours of their state, their class or a measurement, and what the colours mean.

Values are made in a thread, from columns that were taken in the window's thread; the ends of a scale are percentiles,
so that one bright speck does not make all cells look alike.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.annotation import Annotation
from napari_cellvino.core.image import Plane, Stack
from napari_cellvino.core.objects import Objects, ReviewState
from napari_cellvino.figures.colour_scale import colour_of
from napari_cellvino.figures.outlines import class_hues
from napari_cellvino.measure.columns import column_names
from napari_cellvino.measure.objects import measure
from napari_cellvino.measure.volumes import measure_volume
from napari_cellvino.results.plot_measures import PlotMeasure, cell_measures

if TYPE_CHECKING:
    import pandas as pd

PLAIN, STATE, CLASS = "", "state", "class"
STEPS = 64  # colours of a scale: napari is quick with fewer than 256
ENDS = (1, 99)  # percentiles of a scale's ends

Hue = tuple[int, int, int]
NO_NUMBER: Hue = (150, 150, 150)
STATE_HUES: Mapping[ReviewState, tuple[Hue, str]] = {
    ReviewState.UNSEEN: ((240, 228, 66), "not looked at"),
    ReviewState.ACCEPTED: ((86, 180, 233), "accepted"),
    ReviewState.EDITED: ((204, 121, 167), "edited"),
    ReviewState.REJECTED: ((213, 94, 0), "rejected"),
}
EXCLUDED: tuple[Hue, str] = ((150, 150, 150), "excluded")


@dataclass(frozen=True, slots=True, eq=False)
class CellColumns:
    """The cells of an annotation as they were at one moment; ``labels`` and ``plane`` are shared.

    ``stack`` has the pixels of cells in 3D, of its time point ``frame`` (from 1).
    """

    objects: Objects
    excluded: NDArray[np.bool_]
    labels: NDArray[np.int32] | None
    classes: tuple[str, ...]
    plane: Plane
    stack: Stack | None = None
    frame: int = 1

    @classmethod
    def of(cls, annotation: Annotation, plane: Plane, *, stack: Stack | None = None, frame: int = 1) -> CellColumns:
        """Return the cells as they are now."""
        labels = annotation.labels
        return cls(annotation.objects, annotation.excluded, labels, annotation.classes, plane, stack, frame)

    def measured(self) -> pd.DataFrame:
        """Return all measurements of the cells; those in 3D are read plane by plane."""
        plane, stack = self.plane, self.stack
        if self.labels is None or self.labels.ndim == 2 or stack is None:
            return measure(self.labels, self.objects, plane.pixels, plane.channels, plane.spacing, self.classes)
        return measure_volume(
            self.labels, self.objects, _planes(stack, self.frame - 1), stack.channels, stack.spacing, self.classes
        )


def measures_of(annotation: Annotation, plane: Plane) -> list[PlotMeasure]:
    """Return the measurements that cells can be coloured by."""
    if len(annotation.shape) == 3:
        in_um = plane.spacing.voxel_um3 is not None
        names = ["volume_um3", "equivalent_diameter_um", "planes"] if in_um else ["volume_px", "planes"]
    else:
        in_um = plane.spacing.pixel_area_um2 is not None
        names = ["area_um2" if in_um else "area_px"]
        if annotation.labels is not None:
            names += [f"equivalent_diameter_{'um' if in_um else 'px'}", "eccentricity", "solidity"]
    columns = column_names(plane.channels, empty="channel")
    kinds = ("mean", "max", "integrated")
    found = cell_measures([[*names, "score", *(f"{kind}_{name}" for name in columns for kind in kinds)]])
    called = {f" of {column}": f" of {name}" for column, name in zip(columns, plane.channels, strict=True) if name}
    return [replace(measure, title=_called(measure.title, called)) for measure in found]


def _called(title: str, called: Mapping[str, str]) -> str:
    """Return a title with the channel as it is called in the file, not as in a table."""
    end = next((end for end in called if title.endswith(end)), "")
    return title.removesuffix(end) + called.get(end, "")


def offers(annotation: Annotation, plane: Plane) -> list[tuple[str, str]]:
    """Return what cells can be coloured by: the name to choose it by, and its title."""
    classes = [(CLASS, "Class")] if len(annotation.classes) > 1 else []
    measures = [(measure.column, measure.title) for measure in measures_of(annotation, plane)]
    return [(PLAIN, "One colour"), (STATE, "State"), *classes, *measures]


@dataclass(frozen=True, slots=True, eq=False)
class Colouring:
    """A colour (N, 3) uint8 per cell, in the order of the columns, and the legend as rich text."""

    ids: NDArray[np.int32]
    hues: NDArray[np.uint8]
    legend: str


def colour_cells(cells: CellColumns, by: str) -> Colouring:
    """Return the colours of cells by their state, class, or the column of a measurement.

    Raises
    ------
    ImageValueError
        If a cell was edited away meanwhile.
    """
    if by == STATE:
        return _by_state(cells)
    if by == CLASS:
        hues = class_hues(len(cells.classes))
        return Colouring(cells.objects.id, _rows(hues, cells.objects.class_index), _patches(hues, cells.classes))
    (found,) = cell_measures([[by]])
    return _by_values(cells, found, _values(cells, by))


def _by_state(cells: CellColumns) -> Colouring:
    states = [*STATE_HUES.values(), EXCLUDED]
    numbers = {int(state): number for number, state in enumerate(STATE_HUES)}
    index = np.array([numbers[code] for code in cells.objects.review.tolist()], np.int64)
    rejected = cells.objects.review == ReviewState.REJECTED
    index[cells.excluded & ~rejected] = len(STATE_HUES)
    hues = [hue for hue, _ in states]
    return Colouring(cells.objects.id, _rows(hues, index), _patches(hues, [words for _, words in states]))


def _values(cells: CellColumns, column: str) -> NDArray[np.float64]:
    objects = cells.objects
    if column == "score":
        return objects.score.astype(np.float64)
    if column in ("area_px", "volume_px"):
        return objects.area_px.astype(np.float64)
    return np.asarray(cells.measured()[column].to_numpy(dtype=np.float64))


def _planes(stack: Stack, frame: int) -> Iterator[NDArray[np.generic]]:
    """Yield the planes (C, Y, X) of a time point, from 0."""
    for z in range(stack.shape.z):
        yield np.stack([np.asarray(stack.plane(t=frame, c=c, z=z)) for c in range(len(stack.channels))])


def _by_values(cells: CellColumns, found: PlotMeasure, values: NDArray[np.float64]) -> Colouring:
    known = values[np.isfinite(values)]
    low, high = np.percentile(known, ENDS).tolist() if known.size else (0.0, 0.0)
    scale = np.array([colour_of(step, 0, STEPS - 1) for step in range(STEPS)], np.uint8)
    share = (values - low) / (high - low) if high > low else np.full(len(values), 0.5)
    steps = np.clip(np.nan_to_num(share) * (STEPS - 1), 0, STEPS - 1).round().astype(int)
    hues = scale[steps]
    hues[~np.isfinite(values)] = NO_NUMBER
    bar = "".join(f'<span style="color:rgb{tuple(hue)}">█</span>' for hue in scale[:: STEPS // 16].tolist())
    ends = f"{_number(low)}&nbsp;{bar}&nbsp;{_number(high)}" if high > low else f"all alike: {_number(low)}"
    meaning = found.unit[:1].isdigit()  # "1 without dents" says what a number means
    said = f"{ends} {f'({escape(found.unit)})' if meaning else escape(found.unit)}".strip()
    missing = _patches([NO_NUMBER], ["no number"]) if known.size < values.size else ""
    return Colouring(cells.objects.id, hues, " · ".join(filter(None, (said, missing))))


def _rows(hues: Sequence[Hue], index: NDArray[np.integer]) -> NDArray[np.uint8]:
    found: NDArray[np.uint8] = np.array(hues, np.uint8).reshape(-1, 3)[index % len(hues)]
    return found


def _patches(hues: Sequence[Hue], words: Sequence[str]) -> str:
    pairs = zip(hues, words, strict=True)
    return " · ".join(f'<span style="color:rgb{hue}">■</span>&nbsp;{escape(word)}' for hue, word in pairs)


def _number(value: float) -> str:
    return f"{value:,.0f}".replace(",", "\u2009") if abs(value) >= 100 else f"{value:.3g}"
