"""What saved results can be plotted by: measures of cells and of fields with titles and units, and groups.

Names are for the command line and for files; titles and units are shown. Sizes are in µm where the pixel size of every
field is known, else in px, under the same name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from napari_cellvino.core.errors import OptionError

BOX = ("z0", "y0", "x0", "z1", "y1", "x1")
CENTROID = tuple(f"centroid_{axis}{unit}" for axis in "zyx" for unit in ("", "_um"))
CONTENTS = ("plate", "well", "row", "column", "field", "compound", "dose", "control")
ANNOTATED = ("class", "origin", "review", "doubts", "note", "excluded", "touches_edge")
NOT_MEASURES = frozenset(("id", *BOX, *CENTROID, *CONTENTS, *ANNOTATED))  # columns of objects.csv that measure nothing
SIZES = (  # name, title, and the same in µm and in px, each with its unit
    ("area", "Area", ("area_um2", "µm²"), ("area_px", "px²")),
    ("volume", "Volume", ("volume_um3", "µm³"), ("volume_px", "voxels")),
    ("diameter", "Equivalent diameter", ("equivalent_diameter_um", "µm"), ("equivalent_diameter_px", "px")),
)
CHANNELS = (  # beginnings of columns of a channel, their titles and units
    ("mean_", "Mean intensity", "grey values"),
    ("max_", "Highest intensity", "grey values"),
    ("integrated_", "Total intensity", "grey values"),
    ("ring_ratio_", "Nucleus / ring ratio", ""),
)
TITLES = {
    "eccentricity": ("Eccentricity", "1: a line"),
    "solidity": ("Solidity", "1 without dents"),
    "score": ("Score of the model", "0 to 1"),
    "planes": ("Height", "planes"),
    "spots": ("Spots per cell", ""),
    "spot_intensity": ("Light of the spots", "grey values"),
    "spots_by_intensity": ("Spots by their light", ""),
    "partner_spots": ("Spots of the other channel", ""),
    "spots_paired": ("Pairs of both channels", ""),
    "pearson": ("Correlation of both channels", "-1 to 1"),
    "spots_in_nucleus": ("Spots in the nucleus", ""),
    "spots_in_cytoplasm": ("Spots in the cytoplasm", ""),
}
CLASS_COUNT = "count_"


@dataclass(frozen=True, slots=True)
class PlotMeasure:
    """A number that every cell has, or every field: its name, title, unit, and column in the table."""

    name: str
    title: str
    unit: str
    column: str
    of_fields: bool = False

    @property
    def axis(self) -> str:
        """The title with the unit: ``Area, µm²``."""
        return f"{self.title}, {self.unit}" if self.unit else self.title


COUNT = PlotMeasure("count", "Cells per field", "", "count", of_fields=True)
OF_FIELDS = (
    COUNT,
    PlotMeasure("density", "Density", "cells/mm²", "density_per_mm2", of_fields=True),
    PlotMeasure("density-3d", "Density", "cells/mm³", "density_per_mm3", of_fields=True),
    PlotMeasure("viability", "Viability", "living / all", "viability", of_fields=True),
)


@dataclass(frozen=True, slots=True)
class PlotGroup:
    """What values are grouped by: its name, title and plural."""

    name: str
    title: str
    plural: str


WELL = PlotGroup("well", "well", "wells")
IMAGE = PlotGroup("image", "image file", "image files")
FIELD = PlotGroup("field", "field", "fields")
CLASS = PlotGroup("class", "class", "classes")
PLATE = PlotGroup("plate", "plate", "plates")
COMPOUND = PlotGroup("compound", "compound", "compounds")
COMPOUND_DOSE = PlotGroup("compound-dose", "compound and dose", "pairs of compound and dose")
DOSE = PlotGroup("dose", "dose", "doses")
CONTROL = PlotGroup("control", "control", "controls")


@dataclass(frozen=True, slots=True)
class PlotOffer:
    """The measures and groups that saved results hold, the usual ones first."""

    measures: tuple[PlotMeasure, ...]
    groups: tuple[PlotGroup, ...]

    def measure(self, name: str) -> PlotMeasure:
        """Return a measure by its name or its column, the first without a name; `OptionError` if there is none."""
        found = next((m for m in self.measures if not name or name in (m.name, m.column)), None)
        if found is None:
            known = ", ".join(m.name for m in self.measures)
            raise OptionError(f"the results hold no {name!r} to plot; there is {known}")
        return found

    def group(self, name: str) -> PlotGroup:
        """Return a group by its name, the first without one; `OptionError` if there is none."""
        found = next((g for g in self.groups if not name or name == g.name), None)
        if found is None:
            known = ", ".join(g.name for g in self.groups)
            raise OptionError(f"the results cannot be grouped by {name!r}; there is {known}")
        return found


def field_measures(columns: Collection[str]) -> list[PlotMeasure]:
    """Return the measures of fields among the columns of ``counts.csv`` that have a value somewhere."""
    return [measure for measure in OF_FIELDS if measure.column in columns]


def cell_measures(tables: Sequence[Collection[str]]) -> list[PlotMeasure]:
    """Return the measures of cells, from the columns that hold numbers in each ``objects.csv``."""
    sizes = [size for name, title, um, px in SIZES if (size := _size(name, title, um, px, tables)) is not None]
    taken = {column for _, _, *both in SIZES for column, _ in both} | NOT_MEASURES
    others = dict.fromkeys(column for table in tables for column in table if column not in taken)
    return [*sizes, *(_titled(column) for column in others)]


def _size(
    name: str, title: str, um: tuple[str, str], px: tuple[str, str], tables: Iterable[Collection[str]]
) -> PlotMeasure | None:
    holding = [table for table in tables if um[0] in table or px[0] in table]
    for column, unit in (um, px):
        if holding and all(column in table for table in holding):
            return PlotMeasure(name, title, unit, column)
    return None


def _titled(column: str) -> PlotMeasure:
    if column in TITLES:
        return PlotMeasure(column, *TITLES[column], column)
    for start, title, unit in CHANNELS:
        if column.startswith(start):
            return PlotMeasure(column, f"{title} of {column.removeprefix(start)}", unit, column)
    return PlotMeasure(column, column.replace("_", " ").capitalize(), "", column)


def natural_order(names: Iterable[str]) -> list[str]:
    """Return names of groups in natural order: numbers by value and before text, ``s2`` before ``s10``."""
    return sorted(names, key=_order)


def _order(name: str) -> tuple[bool, list[tuple[float, str]]]:
    parts = re.findall(r"\d+(?:\.\d+)?|\D+", name)
    key = [(float(part), "") if part[0].isdecimal() else (float("inf"), part.casefold()) for part in parts]
    return not name[:1].isdecimal(), key
