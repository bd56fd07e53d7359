"""*Profiles*: wells that look alike lie near each other; a point goes to its well, the well shown has a ring."""

from __future__ import annotations

from collections.abc import Collection

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_cellvino.figures.point_picture import PlateWell
from napari_cellvino.gui.plate.asked_tables import OUTDATED
from napari_cellvino.gui.plate.points_view import PointsView
from napari_cellvino.gui.plate.profiles_controller import ProfileMap, ProfilesController, ShownProfiles
from napari_cellvino.gui.widgets.form_layout import add_row, form, say, text_line
from napari_cellvino.gui.widgets.formatting import format_count
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.gui.widgets.usable import WAIT, enable_unless
from napari_cellvino.gui.widgets.value_combo import Choice, ValueCombo
from napari_cellvino.quality.profile_map import MISSING, umap_is_here

POINT = "Point at a well to see it, click it to go there"


class ProfilesPanel(QWidget):
    """Shows what the cells of the open plate look like."""

    well_wanted = Signal(str)  # name of a well of the open plate

    def __init__(self, controller: ProfilesController) -> None:
        super().__init__()
        self._controller = controller
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        grid = form(layout)
        self.way: ValueCombo[ProfileMap] = ValueCombo(_ways(), name="Laid out by")
        add_row(grid, "Laid out by", self.way)
        self.ask_button = QPushButton("Compare wells")
        self.ask_button.setToolTip("Measure shape, light and texture of every cell, and lay out the wells by them")
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.setToolTip("Stop measuring; what is laid out stays")
        self.write_button = QPushButton("Write tables")
        self.write_button.setToolTip("Profiles of wells and cells, and the nearest contents, beside the results")
        buttons = QHBoxLayout()
        for button in (self.ask_button, self.cancel_button, self.write_button):
            buttons.addWidget(button)
        layout.addLayout(buttons)
        self.notice, self.said, self.near, self.warned = Notice(), text_line(), text_line(), text_line("attention")
        self.plot = PointsView("Wells by what their cells look like")
        for widget in (self.notice, self.said, self.plot, self.near, self.warned):
            layout.addWidget(widget)
        self.ask_button.clicked.connect(lambda: controller.again(self.way.value()))
        self.way.value_changed.connect(lambda way: controller.ask(way) if controller.shown is not None else None)
        self.cancel_button.clicked.connect(controller.cancel)
        self.write_button.clicked.connect(controller.write)
        self.plot.well_clicked.connect(lambda _, well: self.well_wanted.emit(well))
        controller.changed.connect(self.draw)
        self.draw()

    def mark(self, wells: Collection[str]) -> None:
        """Put rings round the points of wells, and tell what looks like the one of them, if it is one."""
        shown = self._controller.shown
        rows = [name for name in shown.rows if name[1] in wells] if shown is not None else []
        self.plot.mark(rows)
        say(self.near, describe_near(shown, rows[0]) if shown is not None and len(rows) == 1 else "")

    def draw(self) -> None:
        """Show what is known."""
        controller, shown = self._controller, self._controller.shown
        busy = WAIT if controller.working else ""
        enable_unless(busy or ("" if controller.ready else "Run the plate first"), self.ask_button)
        enable_unless(busy or ("" if shown is not None else "Compare the wells first"), self.write_button)
        self.cancel_button.setVisible(bool(controller.working))
        self.notice.show_failure(controller.failure)
        say(self.said, _state(controller))
        self.plot.show_points(
            shown.plot if shown is not None else None,
            shown.pictures if shown is not None else {},
            dict(zip(shown.wells.names, shown.wells.kinds, strict=True)) if shown is not None else None,
        )
        unreadable = [f"{one.folder.name}: {one.error}" for one in shown.found.unreadable] if shown else []
        outdated = [OUTDATED] if controller.outdated else []
        doubts = [*outdated, *shown.wells.notices, *unreadable] if shown is not None else []
        say(self.warned, "\n".join(f"⚠  {text}" for text in doubts))


def describe_near(shown: ShownProfiles, well: PlateWell) -> str:
    """Return what looks most like a well: other wells, and the content of another compound."""
    wells, row = shown.wells, shown.rows[well]
    held = wells.kinds[row]
    like = [_named(wells.names[n][1], wells.kinds[n], cosine) for n, cosine in wells.like(row) if cosine > 0]
    alike = f"looks most like {', '.join(like)}" if like else "looks like no other well"
    lines = [f"{well[1]}{f' ({held})' if held else ''} {alike}"]
    compound, dose = wells.table["Metadata_Compound"].iloc[row], wells.table["Metadata_Dose"].iloc[row]
    nearest = wells.nearest
    same = nearest[(nearest["compound"] == compound) & ((nearest["dose"] == dose) | (nearest["dose"].isna()))]
    if len(same):
        one = same.iloc[0]
        lines.append(
            f"{compound} {dose:g} is most like {one['nearest_compound']} {one['nearest_dose']:g} "
            f"(cosine {one['cosine']:.2f})"
        )
    return "\n".join(lines)


def _named(well: str, kind: str, cosine: float) -> str:
    return f"{well} ({f'{kind}, ' if kind else ''}{cosine:.2f})"


def _ways() -> list[Choice[ProfileMap]]:
    here = umap_is_here()
    return [
        Choice(ProfileMap.PCA.value, ProfileMap.PCA, "The two directions in which wells differ most"),
        Choice(
            ProfileMap.UMAP.value if here else "UMAP (not installed)",
            ProfileMap.UMAP,
            "Neighbours stay neighbours; distances mean little" if here else f"UMAP {MISSING}",
            enabled=here,
        ),
    ]


def _state(controller: ProfilesController) -> str:
    if controller.working:
        return controller.working
    if controller.written is not None:
        return f"Written: {controller.written}"
    shown = controller.shown
    if shown is None:
        return "" if controller.ready else "Run the plate first; then its wells can be compared."
    wells = shown.wells
    counted = f"{format_count(len(shown.found.cells), 'cell')} of {format_count(len(wells.table), 'well')}"
    return f"{counted}, {len(wells.features)} features. {POINT}."
