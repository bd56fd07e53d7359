"""What a plate answers as files: one page that needs no other file, tables, and the curves as PNG and SVG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from napari_cellvino.core.errors import OutputError
from napari_cellvino.figures.dose_plot import describe_fit, draw_curves, svg_text
from napari_cellvino.figures.plot_style import save_png
from napari_cellvino.plates.dose_response import (
    PlateAnswers,
    content_table,
    control_table,
    curve_table,
    value_table,
)
from napari_cellvino.results.crop_pictures import thumbnail_url
from napari_cellvino.storage.atomic import atomic_path
from napari_cellvino.storage.csv_table import write_table

if TYPE_CHECKING:
    from jinja2 import Environment

PAGE_NAME, CURVES_NAME, HITS_NAME = "plate_report.html", "dose_response.csv", "compounds.csv"
CONTROLS_NAME, VALUES_NAME = "controls.csv", "responses.csv"
THUMBNAIL_PX = 220
SOFTWARE = "napari-cellvino"

Thumbnails = Mapping[tuple[str, str], Path]
"""The pictures with outlines, by plate and well."""


def write_answers(found: PlateAnswers, folder: Path, thumbnails: Thumbnails, *, title: str, unit: str = "") -> Path:
    """Write the page, the tables and the curves into a folder, and return the page.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be made: {error.strerror}; choose another folder") from error
    tables = {
        CURVES_NAME: curve_table,
        HITS_NAME: content_table,
        CONTROLS_NAME: control_table,
        VALUES_NAME: value_table,
    }
    for name, table in tables.items():
        write_table(folder / name, table(found))
    figure = draw_curves(found.curves, title=title, unit=unit)
    svg = svg_text(figure)
    save_png(figure, folder / "curves.png", software=SOFTWARE)
    _write(folder / "curves.svg", svg)
    _write(folder / PAGE_NAME, render_page(found, svg, thumbnails, title=title))
    return folder / PAGE_NAME


def render_page(found: PlateAnswers, svg: str, thumbnails: Thumbnails, *, title: str) -> str:
    """Return the HTML: curves whose points show their wells, hits, controls."""
    shown = {(plate, well) for curve in found.curves for plate, well in zip(curve.plates, curve.wells, strict=True)}
    pictures = {
        f"{plate}-{well}": thumbnail_url(path, THUMBNAIL_PX)
        for (plate, well), path in thumbnails.items()
        if (plate, well) in shown
    }
    return (
        _environment()
        .get_template("plate_report.html")
        .render(
            title=title,
            measure=found.choices.measure,
            scale=found.choices.scale.value,
            correction=found.choices.correction.value,
            parameters=found.choices.parameters,
            notices=found.notices,
            svg=svg[svg.index("<svg") :],
            pictures=pictures,
            curves=[(curve, describe_fit(curve)) for curve in found.curves],
            hits=found.hits,
            compared=len(found.contents),
            quality=found.quality,
        )
    )


def _write(path: Path, text: str) -> None:
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8", newline="\n")


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("napari_cellvino.results"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
