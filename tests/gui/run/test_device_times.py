"""Devices compared on the open image from the Run tab, with real clicks: the benchmark of the command line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QLabel, QPushButton, QWidget

from napari_cellvino.core.recipe import Precision
from napari_cellvino.gui.shell.window import CellvinoWindow

from ..conftest import WAIT_MS

Click = Callable[[QWidget], None]


@pytest.mark.usefixtures("no_estimates")
def test_devices_are_compared_and_one_is_chosen(
    window: CellvinoWindow,
    open_file: Callable[[CellvinoWindow, Path], None],
    dna_file: Path,
    run: Callable[[CellvinoWindow], None],
    click: Click,
    qtbot: QtBot,
) -> None:
    window.show_step(2)
    panel, controller, workspace = window.run_panel, window.session.device_times, window.session.workspace
    assert not panel.times_button.isVisible()  # there is no image yet
    open_file(window, dna_file)
    click(panel.times_button)
    box = panel.device_times
    qtbot.waitUntil(lambda: len(controller.timings) == 1, timeout=WAIT_MS)
    assert box.isVisible()
    assert not panel.times_button.isEnabled()
    assert "measuring 2 of" in panel.times_button.toolTip()
    qtbot.waitUntil(lambda: not controller.working, timeout=WAIT_MS)
    by_precision = {timing.trial.precision: timing for timing in controller.timings if timing.trial.device == "CPU"}
    assert set(by_precision) == {Precision.EXACT, Precision.FAST, Precision.INT8}
    assert all(timing.field_s > 0 for timing in by_precision.values())
    exact = by_precision[Precision.EXACT]
    assert (exact.changes.added, exact.changes.removed) == (0, 0)
    texts = [label.text() for label in _labels(box.rows)]
    row = texts.index("CPU · Exact")
    assert texts[row + 2 : row + 4] == [str(exact.count), "same"]
    assert box.minimumSizeHint().width() <= 380  # the dock of a window of 1280 px is not scrolled sideways
    assert box.says.text().startswith("Fastest: ")
    use = next(b for b in box.rows.findChildren(QPushButton) if b.accessibleName() == "Use Exact (f32) on CPU")
    click(use)
    assert (workspace.recipe.device, workspace.recipe.precision) == ("CPU", Precision.EXACT)
    assert controller.timings  # only where it runs is another: what was measured holds
    run(window)
    assert workspace.outcome.count == exact.count
    click(panel.times_button)
    click(box.stop_button)
    qtbot.waitUntil(lambda: not controller.working, timeout=WAIT_MS)
    assert len(controller.timings) < 3
    workspace.choose(diameter_px=40.0)  # other cells: what was measured holds no more
    assert not controller.timings
    assert not box.isVisible()


def _labels(rows: QWidget) -> Iterator[QLabel]:
    """Yield the texts of a grid, row by row."""
    grid = rows.layout()
    for number in range(grid.count()):
        widget = grid.itemAt(number).widget()
        if isinstance(widget, QLabel):
            yield widget
