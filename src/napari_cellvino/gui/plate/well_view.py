"""What the grid shows of each well and says of it, from the plate, its numbers, its contents and a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from qtpy.QtGui import QColor, QImage

from napari_cellvino.core.plate import Well
from napari_cellvino.figures.colour_scale import colour_of
from napari_cellvino.gui.plate.grid_painting import GridView
from napari_cellvino.gui.plate.plate_run_controller import PlateRun
from napari_cellvino.gui.plate.well_map import WellMap
from napari_cellvino.gui.widgets.option_names import window_text
from napari_cellvino.plates.layout import Content, Control, Layout
from napari_cellvino.plates.well_measures import Lines, Measure, flags_of, value_of, value_range, values_of

THUMBNAILS = "thumbnails"
_SIGNS = {Control.POSITIVE: "+", Control.NEGATIVE: "−", Control.NONE: "•"}


def grid_view(
    wells: WellMap,
    lines: Lines,
    layout: Layout,
    *,
    shown: Measure | None = None,
    pictures: Mapping[Well, QImage] | None = None,
    run: PlateRun | None = None,
    running: bool = False,
) -> GridView:
    """Return what to paint; a ``run`` that is over leaves nothing but what failed."""
    values = values_of(lines, shown.name) if shown is not None else {}
    low, high = value_range(values.values())
    share = run.share_of_wells() if run is not None and running else {}
    return GridView(
        wells,
        shades={well: QColor(*colour_of(value, low, high)) for well, value in values.items()},
        share={well: part for well, part in share.items() if part < 1},
        failed=run.failed_wells() if run is not None else frozenset(),
        marks={well: _SIGNS[content.control] for well, content in layout.contents.items()},
        pictures=pictures or {},
        by_number=shown is not None,
        tip=lambda well: "\n".join(_tip(well, wells, lines.get(well, {}), layout, shown, run)),
    )


def _tip(
    well: Well,
    wells: WellMap,
    line: Mapping[str, object],
    layout: Layout,
    shown: Measure | None,
    run: PlateRun | None,
) -> Sequence[str]:
    said = [wells.describe(well), *([format_content(layout.contents[well])] if well in layout.contents else [])]
    count = value_of(line, "count")
    if count is not None:
        said.append(f"{count:,.0f} cell{'s' * (count != 1)}")
    value = value_of(line, shown.name) if shown is not None and shown.name != "count" else None
    if shown is not None and value is not None:
        said.append(f"{shown.heading}: {shown.format(value)}")
    said += flags_of(line)
    failed = run.failed if run is not None else {}
    lost = (field for field in wells.fields.get(well, ()) if field.label in failed)
    return [*said, *(f"✕ {field.name}: {window_text(failed[field.label])}" for field in lost)]


def format_content(content: Content) -> str:
    """Return what a well holds: ``wortmannin 0.4 · positive control``."""
    what = " ".join(filter(None, (content.compound, "" if content.dose is None else f"{content.dose:g}")))
    control = f"{content.control.value} control" if content.control is not Control.NONE else ""
    return " · ".join(filter(None, (what, control))) or "nothing known of its contents"
