"""The cells of all saved fields with mouse and keys: a region, marks over fields, gates, the way to one cell."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.compat import isalive
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QPushButton, QWidget

from napari_cellvino.cli import main
from napari_cellvino.gui.cells.cell_plot import DRAW_MS, CellPlot
from napari_cellvino.gui.cells.cells_panel import CellsPanel
from napari_cellvino.gui.review.cursor import Order
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.results.store import ResultStore

from ..conftest import WAIT_MS

Click = Callable[[QWidget], None]


@pytest.fixture
def folder(tmp_path: Path, nuclei: NDArray[np.uint16]) -> Path:
    """Two images."""
    made = tmp_path / "images"
    made.mkdir()
    for name, x in (("a", 0), ("b", 128)):
        tifffile.imwrite(made / f"{name}.tif", np.ascontiguousarray(nuclei[:112, x : x + 112]))
    return made


@pytest.fixture
def settled(window: CellvinoWindow, qtbot: QtBot) -> Callable[[], None]:
    """A function that waits until everything that was begun has come to its end."""
    return lambda: qtbot.waitUntil(
        lambda: not window.session.busy and not window.session.opener.reading, timeout=WAIT_MS
    )


@pytest.fixture
def panel(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    folder: Path,
    click: Click,
    settled: Callable[[], None],
    qtbot: QtBot,
) -> CellsPanel:
    """The cells of two fields that were just run as a list."""
    window.session.open(folder)
    settled()
    click(window.open_panel.work_list.all_button)
    settled()
    click(window.open_panel.work_list.cells_button)
    qtbot.waitUntil(lambda: len(window.session.cells.table) > 0, timeout=WAIT_MS)
    settled()
    shown = viewer.window.dock_widgets["All cells"].findChild(CellsPanel)
    qtbot.waitUntil(lambda: len(shown.plot.axes.lines) > 0, timeout=WAIT_MS)  # the page comes in steps
    return shown


def counts(root: Path) -> dict[str, int]:
    """Return the cells that count, by field."""
    with (root / "counts.csv").open() as file:
        return {row["folder"]: int(row["count"]) for row in csv.DictReader(file)}


def drag(panel: CellsPanel, qtbot: QtBot, *corners: tuple[float, float]) -> None:
    """Drag the mouse over the plot; corners are shares of the axes."""
    canvas, box = panel.plot.canvas, panel.plot.axes.bbox
    panel.plot.canvas.draw()

    def place(x: float, y: float) -> QPoint:
        return QPoint(round(box.x0 + x * box.width), round(canvas.height() - box.y0 - y * box.height))

    qtbot.mousePress(canvas, Qt.MouseButton.LeftButton, pos=place(*corners[0]))
    for corner in corners[1:]:
        qtbot.mouseMove(canvas, place(*corner))
    qtbot.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=place(*corners[-1]))


def test_cells_of_all_fields_are_marked_gated_and_gone_to(
    panel: CellsPanel,
    window: CellvinoWindow,
    folder: Path,
    qtbot: QtBot,
    click: Click,
    settled: Callable[[], None],
    tmp_path: Path,
) -> None:
    session, root = window.session, folder / "cellvino-results"
    cells, before, total = session.cells, counts(root), len(session.cells.table)
    assert total == sum(before.values()) == panel.gallery.cells.rowCount()
    qtbot.waitUntil(lambda: any(made is not None for made in panel.gallery.cells.pictures.values()), timeout=WAIT_MS)
    assert "Choose cells first" in panel.accept_button.toolTip()  # no dead button
    assert "Draw a region" in panel.keep_button.toolTip()
    panel.window().activateWindow()
    panel.gallery.setFocus()
    qtbot.waitUntil(panel.gallery.hasFocus, timeout=WAIT_MS)
    qtbot.keyClick(panel.gallery, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    assert len(cells.selection) == len(cells.table)
    qtbot.keyClick(panel.gallery, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: set(counts(root).values()) == {0}, timeout=WAIT_MS)
    settled()
    assert cells.said == f"Reject: {sum(before.values())} cells in 2 fields"
    assert session.reviewer.progress.reviewed == before["a"]  # the field that is shown has it as a step of its review
    assert window.open_panel.work_list.detail.text().startswith("0 cells in 2 fields")
    qtbot.keyClick(panel.gallery, Qt.Key.Key_3, Qt.KeyboardModifier.ShiftModifier)
    assert cells.failure.message == "There is no class 3; the classes are nucleus."
    qtbot.keyClick(panel.gallery, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: counts(root) == before, timeout=WAIT_MS)
    settled()
    last = panel.gallery.cells.index(len(cells.rows) - 1)
    row = int(cells.rows[-1])
    field = cells.table.fields[int(cells.table.field_number[row])]
    panel.gallery.scrollTo(last)
    place = panel.gallery.visualRect(last).center()
    qtbot.mouseClick(panel.gallery.viewport(), Qt.MouseButton.LeftButton, pos=place)
    settled()
    qtbot.waitUntil(lambda: session.reviewer.selection == (int(cells.table.id[row]),), timeout=WAIT_MS)
    assert session.workspace.stack.origin.path == field.origin.path
    assert ResultStore(root).summary(field.folder).reviewed == 0
    drag(panel, qtbot, (0.01, 0.01), (0.4, 0.01), (0.4, 0.99), (0.01, 0.99), (0.01, 0.02))
    inside = len(cells.selection)
    assert 0 < inside < total
    areas = cells.table.values("area_px")
    assert areas[cells.selection].max() <= np.delete(areas, cells.selection).min()
    here = session.saver.saved
    assert sorted(session.reviewer.selection) == sorted(cells.table.chosen(cells.selection).get(here, []))
    outlines = session.review_canvas.layer.layer
    click(panel.leave_out_button)
    settled()
    assert cells.failure is None
    assert sum(counts(root).values()) == total - inside
    doubtful = [int(f.summary.doubtful) for f in session.work_list.fields]
    counted = ~cells.table.excluded  # what does not count is no doubt
    assert sum(doubtful) == int((cells.table.doubts[counted] > 0).sum())
    records = session.reviewer.annotation.records
    gated = {id_ for id_, record in records.items() if record.excluded}
    assert 0 < len(gated) < len(records)
    canvas, gone_to = window.session.viewer.window._qt_viewer.canvas.native, []
    session.reviewer.queue.go_by(Order.PLACE, 50)
    session.review_canvas.focus()
    qtbot.waitUntil(canvas.hasFocus, timeout=WAIT_MS)
    for _ in range(len(records) - len(gated)):
        qtbot.keyClick(canvas, Qt.Key.Key_N)
        gone_to += session.reviewer.selection
    assert sorted(gone_to) == sorted(records.keys() - gated)  # N passes over cells that gates leave out, and it is told
    assert f"{len(gated)} left out by gates" in window.review_panel.progress.text()
    session.reviewer.undo()
    said = "Nothing to undo here. Gates of several fields: undo it in All cells."
    assert session.reviewer.editor.failure.message == said
    saved = session.workspace.saved
    assert saved.count == counts(root)[saved.folder.name]  # what is shown is what counts
    other = tmp_path / "by command line"
    images = [str(path) for path in sorted(folder.glob("*.tif"))]
    assert main(["run", *images, "--recipe", str(root / "recipe.yaml"), "--out", str(other)]) == 0
    assert counts(other) == counts(root)
    click(window.open_panel.work_list.all_button)  # the window's recipe has the gate: nothing is to be run again
    settled()
    assert "2 kept from before" in window.open_panel.work_list.detail.text()
    assert session.review_canvas.layer.layer is outlines  # read again, in the layer that the user has arranged
    click(panel.undo_button)
    settled()
    assert counts(root) == before
    ordered = np.argsort(cells.table.values("area_px"))  # classes learnt from examples, given to all cells
    for name, rows in (("large", ordered[-6:]), ("small", ordered[:6])):
        cells.select(rows)
        panel.class_name.setText(name)
        click(panel.example_button)
    assert cells.said == "Examples: 6 large, 6 small"
    click(panel.learn_button)
    settled()
    assert cells.failure is None
    with (root / "counts.csv").open() as file:
        shares = list(csv.DictReader(file))
    assert sum(int(row["count_small"]) + int(row["count_large"]) for row in shares) == total
    names = session.reviewer.annotation.classes
    assert names != tuple(sorted(names))
    offered = [panel.class_choice.itemText(row) for row in range(panel.class_choice.count())]
    assert offered == [f"{name} ⇧{number}" for number, name in enumerate(names, 1)]  # as tab 3 has them
    cells.select(ordered[:6])
    panel.gallery.setFocus()
    qtbot.keyClick(panel.gallery, Qt.Key.Key_2, Qt.KeyboardModifier.ShiftModifier)
    settled()
    assert cells.said.startswith(f"Class {names[1]}: 6 cells in ")
    assert set(cells.table.kind[cells.selection].tolist()) == {names[1]}
    click(panel.undo_button)
    settled()
    window.session.viewer.window.resize(1280, 800)
    qtbot.wait(50)
    buttons = [button for button in panel.findChildren(QPushButton) if button.isVisible()]
    assert {panel.class_button, panel.unlearn_button, panel.undo_button} < set(buttons)
    assert [b.text() for b in buttons if b.height() < b.sizeHint().height() or b.width() < b.sizeHint().width()] == []
    click(panel.unlearn_button)
    settled()
    assert counts(root) == before
    assert panel.undo_button.text() == "Undo Classes"
    for shares in (
        {names[1], names[2]},
        {"nucleus"},
    ):  # as before they were dropped, and given
        click(panel.undo_button)
        settled()
        assert set(cells.table.kinds) == shares
    session.open(folder / "a.tif")  # cells of fields that are not in the list are gone to as well
    settled()
    cells.go_to(int(np.flatnonzero(cells.table.field_number == 1)[0]))
    qtbot.waitUntil(lambda: session.reviewer.selection == (int(cells.table.id[cells.table.field_number == 1][0]),))
    assert session.workspace.stack.origin.name == "b"


def test_sorting_the_pictures_plots_nothing_anew_and_points_keep_their_cells(panel: CellsPanel) -> None:
    cells, line = panel.session.cells, panel.plot.axes.lines[0]
    in_order = cells.rows.tolist()
    panel.sort.setCurrentIndex(1)
    panel.descending.click()
    assert cells.rows.tolist() != in_order
    assert sorted(cells.rows.tolist()) == sorted(in_order)
    assert panel.plot.axes.lines[0] is line
    x, y = (cells.table.values(combo.value()) for combo in (panel.x, panel.y))
    row = in_order[len(in_order) // 2]
    panel.plot.canvas.draw()
    panel.plot.pointed.emit(float(x[row]), float(y[row]))
    assert cells.selection.tolist() == [row]


def test_pictures_in_one_order_by_two_measurements_show_the_values_of_each(panel: CellsPanel) -> None:
    table, gallery = panel.session.cells.table, panel.gallery.cells
    offered = [panel.sort.itemData(number) for number in range(panel.sort.count())]
    alike = [number for number, name in enumerate(offered) if name.startswith(("area_", "equivalent_diameter_"))]
    assert len(alike) == 2
    for number in alike:
        panel.sort.setCurrentIndex(number)
        panel.sort.activated.emit(number)
        row = int(panel.session.cells.rows[0])
        assert gallery.data(gallery.index(0)) == f"{table.values(offered[number])[row]:.4g}"


def test_points_are_drawn_once_when_they_come(qtbot: QtBot) -> None:
    plot, draws = CellPlot(), list[object]()
    qtbot.addWidget(plot)
    plot.resize(400, 300)
    with qtbot.waitExposed(plot):
        plot.show()
    qtbot.wait(3 * DRAW_MS)  # the figure without axes
    plot.canvas.mpl_connect("draw_event", draws.append)
    values = np.linspace(0, 1, 50)
    plot.show_cells(values, values[::-1].copy(), values > 0.5, ("size", "score"))
    plot.set_theme("light")
    qtbot.wait(6 * DRAW_MS)
    assert len(draws) == 1
    assert len(plot.axes.lines[1].get_xdata()) == 25


def test_the_theme_changes_after_the_cells_were_closed(
    panel: CellsPanel, window: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    viewer.window.remove_dock_widget(viewer.window.dock_widgets["All cells"].parent())
    qtbot.waitUntil(lambda: not isalive(panel), timeout=WAIT_MS)
    viewer.theme = "light"
    qtbot.wait(100)
    assert window.isVisible()


def test_a_second_click_while_the_cells_come_makes_no_second_dock(
    window: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    before = len(window.session._panels)
    window.session.cells_wanted.emit()
    window.session.cells_wanted.emit()
    qtbot.waitUntil(lambda: "All cells" in viewer.window.dock_widgets, timeout=WAIT_MS)
    panel = viewer.window.dock_widgets["All cells"].findChild(CellsPanel)
    qtbot.waitUntil(panel.isVisible, timeout=WAIT_MS)
    assert len(window.session._panels) == before + 1


def test_a_region_counts_as_long_as_it_is_seen(panel: CellsPanel, qtbot: QtBot) -> None:
    cells, lasso = panel.session.cells, ((0.01, 0.01), (0.4, 0.01), (0.4, 0.99), (0.01, 0.99), (0.01, 0.02))

    def edges() -> int:
        return sum(
            line.get_linestyle() == "--" for line in panel.plot.axes.get_children() if hasattr(line, "get_xdata")
        )

    drag(panel, qtbot, *lasso)
    assert panel.leave_out_button.isEnabled()
    assert edges() == 1
    first = panel.gallery.cells.index(0)  # another choice of cells
    place = panel.gallery.visualRect(first).center()
    qtbot.mouseClick(panel.gallery.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, place)
    assert not panel.leave_out_button.isEnabled()
    assert "Draw a region" in panel.leave_out_button.toolTip()
    assert edges() == 0
    drag(panel, qtbot, *lasso)
    panel.y.setFocus()
    qtbot.keyClick(panel.y, Qt.Key.Key_Down)  # another measurement: the lasso is none over it
    assert not panel.leave_out_button.isEnabled()
    assert edges() == 0
    qtbot.keyClick(panel.y, Qt.Key.Key_Home)
    qtbot.waitUntil(lambda: not panel.plot.axes.lines, timeout=WAIT_MS)  # a histogram
    drag(panel, qtbot, (0.1, 0.5), (0.3, 0.5), (0.4, 0.5))
    assert 0 < len(cells.selection) < len(cells.table)
    assert edges() == 2  # the ends of the range


def test_the_same_gate_is_not_made_twice(
    panel: CellsPanel, qtbot: QtBot, click: Click, settled: Callable[[], None]
) -> None:
    cells = panel.session.cells
    drag(panel, qtbot, (0.01, 0.01), (0.4, 0.01), (0.4, 0.99), (0.01, 0.99), (0.01, 0.02))
    click(panel.leave_out_button)
    settled()
    assert len(cells.gates) == 1
    click(panel.leave_out_button)
    settled()
    assert len(cells.gates) == 1
    assert cells.failure.message == "This region is a gate of the recipe already."


def test_the_plot_keeps_its_place_while_something_is_done(
    panel: CellsPanel, qtbot: QtBot, click: Click, settled: Callable[[], None]
) -> None:
    drag(panel, qtbot, (0.01, 0.01), (0.4, 0.01), (0.4, 0.99), (0.01, 0.99), (0.01, 0.02))
    before = panel.plot.geometry()
    click(panel.accept_button)
    assert panel.said.text() == "Accept …"  # seen before it is done
    assert panel.session.busy
    settled()
    qtbot.wait(50)
    assert panel.said.text().startswith("Accept: ")
    assert panel.plot.geometry() == before
