"""Measures of wells: their titles, units and values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from napari_cellvino.core.plate import Well
from napari_cellvino.measure.columns import column_names

FLAGS, REVIEWED = "flags", "reviewed"
Lines = Mapping[Well, Mapping[str, object]]
"""The row of each well by the columns of ``wells.csv``; ``reviewed`` is the share of reviewed cells."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a well: its column in ``wells.csv``, its title, and its unit."""

    name: str
    title: str
    unit: str = ""

    @property
    def heading(self) -> str:
        """The title with the unit: ``Density (cells/mm²)``."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def format(self, value: float) -> str:
        """Return a value as text: ``304``, ``12.5 %``, ``1.27``."""
        if self.unit.startswith("%"):
            return f"{100 * value:.3g} %"
        return f"{value:,.0f}" if value == round(value) or abs(value) >= 1000 else f"{value:.3g}"


COUNT = Measure("count", "Cells", "per well")
_AREAS = {"median_area_um2": "µm²", "median_area_px": "px²"}
_REST = (
    Measure(FLAGS, "Flags", "outlier, edge, failed"),
    Measure(REVIEWED, "Reviewed", "% of cells"),
)


def measures(lines: Lines, channels: Sequence[str]) -> tuple[Measure, ...]:
    """Return the numbers that some well has, the count first; channels are called as the plate does."""
    names = dict.fromkeys(name for line in lines.values() for name, value in line.items() if value is not None)
    shares = [name for name in names if name.startswith("share_")]
    if len(shares) == 1:  # of the only class: always all
        del names[shares[0]]
    by_column = dict(zip(column_names(channels, empty="channel"), channels, strict=True))
    found = [measure for name in names if (measure := _measure(name, by_column)) is not None]
    return (COUNT, *found, *(m for m in _REST if any(value_of(line, m.name) is not None for line in lines.values())))


def _measure(name: str, channels: Mapping[str, str]) -> Measure | None:
    if name == "density_per_mm2":
        return Measure(name, "Density", "cells/mm²")
    if name in _AREAS:
        return Measure(name, "Median area", _AREAS[name])
    for start, title, unit in (
        ("median_", "Median intensity", "grey values"),
        ("ring_ratio_", "Nucleus / ring ratio", ""),
    ):
        channel = channels.get(name.removeprefix(start)) if name.startswith(start) else None
        if channel is not None:
            return Measure(name, f"{title}, {channel}", unit)
    return Measure(name, f"Share of {name.removeprefix('share_')}", "%") if name.startswith("share_") else None


def value_of(line: Mapping[str, object], name: str) -> float | None:
    """Return a number of a well, or None where it is not known."""
    if name == FLAGS:
        return float(len(flags_of(line))) if "outlier" in line else None
    value = line.get(name)
    return float(str(value)) if value is not None else None


def flags_of(line: Mapping[str, object]) -> tuple[str, ...]:
    """Return the flags of a well as text: outliers, edge effects, failed fields."""
    flags = [f"{kind} in {name}" for column, kind in _KINDS.items() for name in str(line.get(column) or "").split()]
    failed = round(value_of(line, "failed") or 0)
    return (*flags, *([f"{failed} field{'s' * (failed != 1)} failed"] if failed else []))


_KINDS = {"outlier": "outlier", "edge_effect": "edge effect"}


def values_of(lines: Lines, name: str) -> dict[Well, float]:
    """Return the wells that have a number, with it."""
    found = {well: value_of(line, name) for well, line in lines.items()}
    return {well: value for well, value in found.items() if value is not None}


def value_range(values: Iterable[float]) -> tuple[float, float]:
    """Return the least and the largest value, 0 and 1 where there is none."""
    known = list(values)
    return (min(known), max(known)) if known else (0.0, 1.0)
