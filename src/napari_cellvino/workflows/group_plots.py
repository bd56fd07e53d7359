"""Plots of the saved results of a folder: a measure of all cells, or of all fields, by group."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from napari_cellvino.core.errors import OptionError, OutputError
from napari_cellvino.core.objects import format_left_out
from napari_cellvino.figures.distribution_plot import PlotLabels, Values, draw_distribution
from napari_cellvino.figures.plot_style import save_png
from napari_cellvino.results.cell_columns import FinishedField, failed_fields, saved_fields
from napari_cellvino.results.exported_fields import UnreadableField
from napari_cellvino.results.plot_measures import CLASS, COUNT, FIELD, PlotGroup, PlotMeasure, PlotOffer, natural_order
from napari_cellvino.results.plot_values import GroupedValues, gather, offer_of, without
from napari_cellvino.results.store import ResultStore
from napari_cellvino.storage.file_names import safe_name

SOFTWARE = "napari-cellvino plot"  # stands in a picture, so that no other is ever replaced


@dataclass(frozen=True, slots=True)
class WrittenPlot:
    """A written plot with its labels, the values of each group (N,), and the fields left out."""

    path: Path
    labels: PlotLabels
    groups: Mapping[str, Values]
    unreadable: tuple[UnreadableField, ...]


def plot_offer(results: Path) -> PlotOffer:
    """Return the measures and groups for plots of a folder of results; only the start of tables is read.

    Raises
    ------
    ImageReadError
        If there are none, or none can be read.
    """
    return offer_of(_readable(ResultStore.open(results), []))


def write_plot(results: Path, of: str = "", by: str = "", out: Path | None = None) -> WrittenPlot:
    """Plot a measure of the results in a folder by group, and return the plot.

    Rejected and excluded cells are left out, as are fields that failed or cannot be read; the figure gives their
    numbers.

    Parameters
    ----------
    results
        Folder of results, or of one.
    of, by
        Names of a measure and a group of `plot_offer`; by default the usual ones.
    out
        The PNG; by default ``plot-<of>-by-<by>.png`` beside the results.

    Raises
    ------
    ImageReadError
        If there are no results, or none can be read.
    OptionError
        If the results hold no such measure or group, or ``out`` is no PNG.
    OutputError
        If the picture cannot be written, or another file would be replaced.
    """
    unreadable: list[UnreadableField] = []
    store = ResultStore.open(results)
    fields = _readable(store, unreadable)
    offer = offer_of(fields)
    measure, group = offer.measure(of), offer.group(by)
    path = out or results / f"plot-{safe_name(measure.name)}-by-{group.name}.png"
    _check(path)
    gathered = gather(fields, measure, group, unreadable)
    groups = {name: np.asarray(gathered.groups[name], np.float64) for name in natural_order(gathered.groups)}
    lines = (_left_out(failed_fields(store), "failed"), _left_out(len(unreadable), "cannot be read"))
    labels = _labels(gathered, measure, group, lines)
    save_png(draw_distribution(groups, labels), path, software=SOFTWARE)
    return WrittenPlot(path, labels, groups, tuple(unreadable))


def _readable(store: ResultStore, unreadable: list[UnreadableField]) -> list[FinishedField]:
    fields = list(saved_fields(store, unreadable))
    if not fields:
        raise unreadable[0].error
    return fields


def _left_out(number: int, why: str) -> str:
    verb = "is" if number == 1 else "are"
    return f"{_counted(number, 'field', 'fields')} {why} and {verb} left out" if number else ""


def _labels(gathered: GroupedValues, measure: PlotMeasure, group: PlotGroup, left_out: tuple[str, ...]) -> PlotLabels:
    held = [values for values in gathered.groups.values() if len(values)]
    number = int(sum(map(sum, held))) if measure is COUNT else sum(map(len, held))
    fields = _counted(gathered.fields - gathered.without, "field", "fields")
    cells = "" if measure.of_fields and measure is not COUNT else f"{_counted(number, 'cell', 'cells')} in "
    known = sum(name != without(group) for name in gathered.groups)
    groups = "" if group is FIELD else f", {_counted(known, group.title, group.plural)}"
    lines = (
        f"{cells}{fields}{groups}",
        format_left_out(gathered.rejected, gathered.excluded),
        *left_out,
        _lacking(gathered.without, "field", measure),
        _lacking(gathered.unknown, "cell", measure),
    )
    return PlotLabels(
        title=f"{measure.title}, by {group.title}",
        axis=measure.axis,
        counted=("counts" if group is CLASS else "fields") if measure.of_fields else "cells",
        lines=tuple(filter(None, lines)),
        whole=measure is COUNT,
    )


def _lacking(number: int, noun: str, measure: PlotMeasure) -> str:
    verb = "has" if number == 1 else "have"
    return f"{_counted(number, noun, f'{noun}s')} {verb} no {measure.title.lower()}" if number else ""


def _counted(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _check(path: Path) -> None:
    """Raise if a picture cannot go to ``path``: `OptionError` for another suffix, `OutputError` for another's file."""
    if path.suffix.lower() != ".png":
        raise OptionError(f"{path.name} is no name for a picture; end it with .png")
    if path.exists() and not _is_ours(path):
        raise OutputError(f"{path} is there already and is no plot from here; move it away, or choose another")


def _is_ours(path: Path) -> bool:
    try:
        with Image.open(path) as image:
            return image.info.get("Software") == SOFTWARE
    except (OSError, UnidentifiedImageError):
        return False
