"""Devices and precisions of this computer beside each other: how long a field takes, and how the count changes."""

from __future__ import annotations

from functools import partial

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_cellvino.gui.run.device_choice import PRECISIONS
from napari_cellvino.gui.run.device_times_controller import DeviceTimesController
from napari_cellvino.gui.widgets.form_layout import say, side_by_side, text_line
from napari_cellvino.gui.widgets.formatting import format_changes, format_number, format_seconds
from napari_cellvino.gui.widgets.notice import Notice
from napari_cellvino.quality.changes import Changes
from napari_cellvino.workflows.benchmark import Timing

TITLES = ("Runs as", "One\nfield", "Cells", "Against\nExact")  # all of it beside a button in a dock of 380 px
NO_DIFFERENCE = "same"


class DeviceTimesBox(QWidget):
    """Seen while something is measured, or was."""

    def __init__(self, controller: DeviceTimesController) -> None:
        super().__init__()
        self._controller = controller
        self._shown: tuple[Timing, ...] | None = None
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.says = text_line("aside")
        self.stop_button = QPushButton("Stop")
        self.stop_button.setToolTip("Measure no further; what was measured stays")
        self.hide_button = QPushButton("✕")
        self.hide_button.setToolTip("Put this away")
        self.hide_button.setAccessibleName("Put the times of devices away")
        self.hide_button.setFixedWidth(26)
        self.rows = QWidget()
        self._grid = QGridLayout(self.rows)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(2)
        self.failure = Notice()
        for widget in (
            side_by_side(self.says, self.stop_button, self.hide_button, stretch=0), self.rows, self.failure,
        ):  # fmt: skip
            layout.addWidget(widget)
        self.stop_button.clicked.connect(controller.stop)
        self.hide_button.clicked.connect(lambda: controller.forget())
        controller.changed.connect(self.draw)
        self.draw()

    def draw(self) -> None:
        """Show what is known now."""
        controller = self._controller
        self.setVisible(bool(controller.working or controller.timings or controller.failure))
        say(
            self.says,
            f"Devices on this image: {controller.working}" if controller.working else _sum(controller.timings),
        )
        self.stop_button.setVisible(bool(controller.working))
        self.hide_button.setVisible(not controller.working)
        self.failure.show_failure(controller.failure)
        if controller.timings is not self._shown:
            self._shown = controller.timings
            self._fill(controller.timings)
        self.rows.setVisible(bool(controller.timings))

    def _fill(self, timings: tuple[Timing, ...]) -> None:
        while item := self._grid.takeAt(0):
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for column, title in enumerate(TITLES):
            self._put(QLabel(title), 0, column).setProperty("role", "aside")
        for row, timing in enumerate(timings, 1):
            if timing.problem:
                said = text_line("attention", f"{_name(timing)} does not run here: {timing.problem}")
                self._grid.addWidget(said, row, 0, 1, len(TITLES) + 1)
                continue
            for column, text in enumerate(_texts(timing)):
                self._put(QLabel(text), row, column).setToolTip(_details(timing))
            use = QPushButton("Use")
            use.setToolTip(f"Run with {_name(timing)} from now on")
            use.setAccessibleName(f"Use {_name(timing)}")
            use.clicked.connect(partial(self._controller.use, timing.trial))
            self._grid.addWidget(use, row, len(TITLES))
        self._grid.setColumnStretch(0, 1)

    def _put(self, label: QLabel, row: int, column: int) -> QLabel:
        side = Qt.AlignmentFlag.AlignRight if column else Qt.AlignmentFlag.AlignLeft
        label.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)  # of a title in two lines too
        self._grid.addWidget(label, row, column, side | Qt.AlignmentFlag.AlignVCenter)
        return label


def _name(timing: Timing) -> str:
    return f"{PRECISIONS[timing.trial.precision]} on {timing.trial.device}"


def _texts(timing: Timing) -> tuple[str, ...]:
    short = f"{timing.trial.device} · {PRECISIONS[timing.trial.precision].split()[0]}"
    return short, _time(timing.field_s), format_number(timing.count), _against(timing.changes)


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else format_seconds(seconds)


def _against(changes: Changes | None) -> str:
    if changes is None:
        return "not known"
    return format_changes(changes.added, changes.removed) if changes.added or changes.removed else NO_DIFFERENCE


def _details(timing: Timing) -> str:
    info = timing.engine_info
    where = "" if info is None else f"Runs as {info.number_type} on {info.device}. "
    return (
        f"{where}The network alone takes {_time(timing.network_s)} "
        f"({timing.tiles_per_s:.1f} tiles a second); to be ready took {format_seconds(timing.ready_s)}. "
        "Cells that came and went are counted against the exact numbers."
    )


def _sum(timings: tuple[Timing, ...]) -> str:
    """Return which is the fastest, and what it costs."""
    ran = [timing for timing in timings if not timing.problem]
    if not ran:
        return ""
    best = min(ran, key=lambda timing: timing.field_s)
    against = _against(best.changes)
    cost = {NO_DIFFERENCE: "the same cells as Exact", "not known": "Exact did not run here"}
    return (
        f"Fastest: {_name(best)}, {_time(best.field_s)} a field, {cost.get(against, f'{against} cells against Exact')}."
    )
