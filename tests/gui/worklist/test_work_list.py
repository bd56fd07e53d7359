"""A folder of images from the drop to the results, with mouse and keys, on real nuclei and the shipped network."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import napari
import numpy as np
import pandas as pd
import pytest
import tifffile
from napari.utils.theme import get_theme
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QItemSelectionModel, QMimeData, QPointF, QRect, Qt, QUrl
from qtpy.QtGui import QColor, QDropEvent, QFocusEvent
from qtpy.QtWidgets import QApplication, QWidget

from napari_cellvino.cli import main
from napari_cellvino.core.image import Origin
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.gui.widgets.colours import colours
from napari_cellvino.gui.worklist.field_list import PAD, SMALL_PX, FieldList, FieldModel
from napari_cellvino.gui.worklist.list_run_controller import ListRun
from napari_cellvino.gui.worklist.list_view import FieldLine, fields_there
from napari_cellvino.results.store import ResultStore
from napari_cellvino.workflows.list_memory import last_list
from napari_cellvino.workflows.run_progress import RunProgress
from napari_cellvino.workflows.work_list import WorkField, WorkState

from ..conftest import WAIT_MS

Click = Callable[[QWidget], None]
SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL_SHIFT = SHIFT | Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def folder(tmp_path: Path, nuclei: NDArray[np.uint16]) -> Path:
    """Two images, a film of two time points, and a file that is damaged."""
    made = tmp_path / "images"
    made.mkdir()
    parts = [np.ascontiguousarray(nuclei[y : y + 96, x : x + 96]) for y in (0, 128) for x in (0, 128)]
    tifffile.imwrite(made / "a.tif", parts[0])
    tifffile.imwrite(made / "b.tif", parts[1])
    tifffile.imwrite(made / "film.tif", np.stack(parts[2:]), imagej=True, metadata={"axes": "TYX"})
    (made / "damaged.tif").write_bytes(b"II*\x00no image")
    return made


def drop(window: CellvinoWindow, *paths: Path) -> None:
    """Drop files or folders on the Open panel."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.open_panel.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, left, none))


def settled(window: CellvinoWindow, qtbot: QtBot) -> None:
    """Wait until everything that was begun has come to its end."""
    qtbot.waitUntil(lambda: not window.session.busy and not window.session.opener.reading, timeout=WAIT_MS)


def facts(window: CellvinoWindow) -> dict[str, str]:
    """Return what the list says of each field."""
    model = window.open_panel.work_list.list.fields
    return {model.line(row).name: model.line(row).facts for row in range(model.rowCount())}


def take_focus(widget: QWidget) -> None:
    """Let a widget take the keyboard now: when the desktop gives it is a matter of luck."""
    QApplication.sendEvent(widget, QFocusEvent(QEvent.Type.FocusIn, Qt.FocusReason.TabFocusReason))


@pytest.mark.parametrize("focused", [True, False])
def test_first_arrow_key_shows_the_first_field_whenever_the_focus_comes(qtbot: QtBot, focused: bool) -> None:
    listed, shown = FieldList(FieldModel(lambda field: FieldLine(field.origin.name, "", ""), {})), []
    qtbot.addWidget(listed)
    listed.shown.connect(shown.append)
    fields = tuple(WorkField(Origin(f"/{name}.tif")) for name in "abc")
    listed.draw(fields, None)
    if focused:
        take_focus(listed)
    assert shown == []
    qtbot.keyClick(listed, Qt.Key.Key_Down)
    qtbot.keyClick(listed, Qt.Key.Key_Down)
    assert shown == [0, 1]
    listed.draw(fields, 1)
    listed.draw(fields, None)  # the viewer shows an image of elsewhere
    listed.setCurrentIndex(listed.fields.index(1))
    assert shown == [0, 1, 1]


def test_long_names_that_begin_alike_are_told_apart(qtbot: QtBot) -> None:
    listed = FieldList(FieldModel(lambda field: FieldLine(field.origin.name, "", ""), {}))
    qtbot.addWidget(listed)
    names = [f"2026-11-30_liver_of_animal_42_at_10_uM_for_72_h_position_{n}_deconvolved_final_really" for n in (12, 13)]
    listed.draw(tuple(WorkField(Origin(f"/{name}.tif")) for name in names), None)
    shown = [listed.shortened(name, 280) for name in names]
    assert ["position_12" in shown[0], "position_13" in shown[1]] == [True, True]
    assert max(map(listed.fontMetrics().horizontalAdvance, shown)) <= 280
    assert listed.shortened(names[0], 2000) == names[0]
    listed.draw((WorkField(Origin(f"/{names[0]}.tif")),), None)
    assert listed.shortened(names[0], 280).startswith("2026-11-30")  # nothing to be told from


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_chosen_line_is_read_as_well_as_others(qtbot: QtBot, theme: str) -> None:
    listed = FieldList(FieldModel(lambda field: FieldLine(field.origin.name, "■■■■", "", "attention"), {}))
    qtbot.addWidget(listed)
    listed.set_theme(theme)
    listed.draw(tuple(WorkField(Origin(f"/{name}.tif")) for name in "ab"), None)
    listed.resize(300, 120)
    listed.show()
    QApplication.processEvents()  # what has the keyboard first chooses nothing
    listed.selectionModel().select(listed.fields.index(0), QItemSelectionModel.SelectionFlag.Select)
    chosen, other = (_facts_colour(listed, row) for row in (0, 1))
    assert other.name() == colours(theme).attention
    assert chosen.name() == get_theme(theme).text.as_hex(format="long")


def _facts_colour(listed: FieldList, row: int) -> QColor:
    """Return the commonest colour in the second line of a row, beside that of the ground."""
    place = listed.visualRect(listed.fields.index(row))
    left = place.left() + SMALL_PX + 3 * PAD + 2
    image = listed.viewport().grab(QRect(left, place.center().y() + 3, 16, 14)).toImage()
    found = Counter(image.pixel(x, y) for x in range(image.width()) for y in range(image.height()))
    del found[image.pixel(0, 0)]
    return QColor(max(found, key=found.__getitem__))


def test_folder_is_run_and_walked_through(
    window: CellvinoWindow, viewer: napari.Viewer, folder: Path, qtbot: QtBot, click: Click
) -> None:
    session, rows = window.session, window.open_panel.work_list
    assert not rows.isVisible()
    drop(window, folder)
    settled(window, qtbot)
    assert list(facts(window)) == ["a", "b", "damaged", "film", "film t2"]
    assert rows.title.text() == "4 images · 5 fields · 1 failed"
    assert facts(window)["damaged"].startswith("✕  is cut short"), "its name stands above"
    assert session.workspace.stack.origin.name == "a"
    click(rows.all_button)
    settled(window, qtbot)
    root = folder / "cellvino-results"
    counts = pd.read_csv(root / "counts.csv").set_index("folder")["count"]
    assert set(counts.dropna().index) == {"a", "b", "film", "film t2"}
    done = [field for field in session.work_list.fields if field.state is WorkState.DONE]
    assert [field.count for field in done] == counts.dropna().tolist()
    assert "4 fields" in rows.detail.text()
    assert "1 failed" in rows.detail.text()
    assert facts(window)["b"].startswith(f"✓  {counts['b']:.0f} cells")
    assert window.save_panel.export_box.plot_row.button.isEnabled()  # all of this is on disk
    rows.list.setFocus()
    qtbot.keyClick(rows.list, Qt.Key.Key_Down)
    settled(window, qtbot)
    assert [layer.name for layer in viewer.layers if layer.visible] == [
        "b",
        f"b: cells ({session.workspace.package.label})",
    ]
    assert viewer.layers[-1].data.max() == counts["b"]
    shown = [layer for layer in viewer.layers if layer.visible]
    for _ in range(2):  # the damaged one, and asked for once more: nothing is seen of the field before
        qtbot.keyClick(rows.list, Qt.Key.Key_Down)
        settled(window, qtbot)
        assert session.work_list.current == 2
        assert session.workspace.stack is session.reviewer.annotation is None
        assert not [layer for layer in viewer.layers if layer.visible]
        assert "is cut short" in window.open_panel.notice.words.text()
        assert "is cut short" in window.run_panel.failure.words.text()
        assert "choose another one in the list" in window.run_panel.run_button.toolTip()
        qtbot.keyClick(rows.list, Qt.Key.Key_Up)
        settled(window, qtbot)
        assert [layer for layer in viewer.layers if layer.visible] == [shown[0], viewer.layers[-1]]
        assert viewer.layers[-1].data.max() == counts["b"]
        assert not window.open_panel.notice.isVisibleTo(window.open_panel)
    for _ in range(3):
        qtbot.keyClick(rows.list, Qt.Key.Key_Down)
    settled(window, qtbot)
    assert session.workspace.recipe.frame == 2
    viewer.dims.set_point(0, 0)  # napari's own slider: the list follows
    assert session.work_list.current == 3
    session.runner.run()
    settled(window, qtbot)
    qtbot.keyClick(rows.list, Qt.Key.Key_Down)  # from a result that is not saved to one that is on disk
    settled(window, qtbot)
    assert session.saver.saved == root / "film t2"
    assert len(session.reviewer.annotation.records) == counts["film t2"]


def test_a_field_of_a_doubtful_channel_has_a_warning_sign_and_one_of_a_named_channel_has_none(
    window: CellvinoWindow, tmp_path: Path, nuclei: NDArray[np.uint16], qtbot: QtBot, click: Click
) -> None:
    pair = np.stack([nuclei[:96, :96]] * 2)
    tifffile.imwrite(tmp_path / "named.ome.tif", pair, metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP"]}})
    tifffile.imwrite(tmp_path / "unnamed.tif", pair, imagej=True, metadata={"axes": "CYX"})
    rows = window.open_panel.work_list
    drop(window, tmp_path)
    settled(window, qtbot)
    click(rows.all_button)
    settled(window, qtbot)
    named, unnamed = facts(window).values()
    assert named.startswith("✓ ")
    assert unnamed.startswith("⚠ ")
    assert "no name of" in unnamed
    assert "by its name" in rows.detail.text()
    assert "by its name" not in rows.notice.words.text()
    assert "no name of" in rows.notice.words.text()
    rows.list.setFocus()
    qtbot.keyClick(rows.list, Qt.Key.Key_Down)
    settled(window, qtbot)
    window.show_step(2)
    assert window.session.workspace.saved.folder.name == "unnamed"
    assert window.run_panel.notice.words.text().count("is taken") == 1, "of the result, not of the next run as well"


def test_chosen_fields_are_run_and_the_list_comes_back(
    window: CellvinoWindow, viewer: napari.Viewer, folder: Path, qtbot: QtBot, click: Click
) -> None:
    session, rows = window.session, window.open_panel.work_list
    drop(window, folder / "a.tif", folder / "b.tif")
    settled(window, qtbot)
    rows.list.setFocus()
    qtbot.keyClick(rows.list, Qt.Key.Key_Down)
    session.workspace.choose(diameter_px=20.0, parameters={"smallest": 30.0})
    click(rows.run_button)
    settled(window, qtbot)
    root = folder / "cellvino-results"
    assert [path.name for path in root.iterdir() if path.is_dir()] == ["b"]
    assert main(["run", str(folder / "a.tif"), "--recipe", str(root / "recipe.yaml"), "--out", str(root)]) == 0
    qtbot.waitUntil(lambda: facts(window)["a"].startswith("✓"), timeout=WAIT_MS)  # what others did appears
    settled(window, qtbot)
    session.workspace.choose(diameter_px=None, parameters={})
    window.session.open(folder / "film.tif")  # joins the list: what was chosen since stays
    settled(window, qtbot)
    assert session.workspace.recipe.diameter_px is None

    viewer.window.remove_dock_widget(window)
    viewer.layers.clear()
    _, again = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
    qtbot.waitUntil(lambda: len(again.session.work_list.fields) == 4, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: again.session.workspace.recipe.diameter_px == 20.0, timeout=WAIT_MS)  # as these were made
    settled(again, qtbot)
    assert again.session.workspace.recipe.parameters["smallest"] == 30.0
    rows = again.open_panel.work_list
    states = [field.state for field in again.session.work_list.fields]
    assert states == [WorkState.DONE, WorkState.DONE, WorkState.WAITING, WorkState.WAITING]
    assert again.session.work_list.root == folder / "cellvino-results"
    take_focus(rows.list)
    qtbot.keyClick(rows.list, Qt.Key.Key_Down)
    qtbot.keyClick(rows.list, Qt.Key.Key_Down)
    kept = folder / "cellvino-results" / "b"
    qtbot.waitUntil(lambda: again.session.saver.saved == kept, timeout=WAIT_MS)
    settled(again, qtbot)
    (folder / "empty").mkdir()
    for wrong, words in (("empty", "holds no images"), ("damaged.tif", "is cut short")):
        drop(again, folder / wrong)  # by mistake: the list stays
        settled(again, qtbot)
        assert words in rows.failure.words.text()
        assert len(again.session.work_list.fields) == 4
    click(rows.clear_button)
    assert last_list() is None
    drop(again, folder / "damaged.tif")
    settled(again, qtbot)
    assert rows.isVisible()
    assert "is cut short" in rows.failure.words.text()
    drop(again, folder / "cellvino-results")  # which shows the image that they are of
    kept = folder / "cellvino-results" / "b"
    qtbot.waitUntil(lambda: again.session.saver.saved == kept, timeout=WAIT_MS)
    settled(again, qtbot)


def test_saved_fields_are_reviewed_without_a_run(
    window: CellvinoWindow, viewer: napari.Viewer, folder: Path, qtbot: QtBot, click: Click
) -> None:
    session, rows = window.session, window.open_panel.work_list
    drop(window, folder / "a.tif", folder / "b.tif")
    settled(window, qtbot)
    click(rows.all_button)
    settled(window, qtbot)
    reviewer, root = session.reviewer, folder / "cellvino-results"
    assert session.workspace.outcome is None
    assert session.saver.follows
    count, first = len(reviewer.annotation.records), min(reviewer.annotation.records)
    window.show_step(3)
    canvas = viewer.window._qt_viewer.canvas.native
    viewer.window._qt_window.activateWindow()
    canvas.setFocus()
    qtbot.waitUntil(canvas.hasFocus, timeout=WAIT_MS)
    reviewer.show_cell(first)
    qtbot.keyClick(canvas, Qt.Key.Key_R)
    assert reviewer.progress.reviewed == 1
    qtbot.keyClick(canvas, Qt.Key.Key_PageDown)  # what was corrected is saved on the way
    settled(window, qtbot)
    assert session.work_list.current == 1
    assert [layer.name for layer in viewer.layers if layer.visible] == [
        "b",
        f"b: cells ({session.workspace.package.label})",
    ]
    assert ResultStore(root).row(root / "a")["count"] == count - 1
    assert (root / "a" / "previous").is_dir()
    qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert f"Reject #{first}, was in a. Ctrl+Z again goes there" in viewer.status
    qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    settled(window, qtbot)
    assert session.work_list.current == 0
    assert (
        facts(window)["a"]
        == f"✓  {count - 1} cells · {session.work_list.fields[0].summary.doubtful} doubtful · 1 reviewed"
    )
    assert len(reviewer.annotation.records) == count
    assert reviewer.progress.reviewed == 1
    assert not reviewer.unsaved
    qtbot.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)  # steps outlive the way to another field
    assert (reviewer.progress.reviewed, reviewer.unsaved) == (0, 1)
    qtbot.keyClick(canvas, Qt.Key.Key_Z, CTRL_SHIFT)
    assert reviewer.progress.reviewed == 1


def test_what_could_not_be_written_comes_back_with_its_field(
    window: CellvinoWindow, viewer: napari.Viewer, folder: Path, qtbot: QtBot, click: Click
) -> None:
    session, rows, canvas = window.session, window.open_panel.work_list, viewer.window._qt_viewer.canvas.native
    drop(window, folder / "a.tif", folder / "b.tif")
    settled(window, qtbot)
    click(rows.all_button)
    settled(window, qtbot)
    reviewer, root, away = session.reviewer, folder / "cellvino-results", folder.parent / "away"
    count = len(reviewer.annotation.records)
    window.show_step(3)
    viewer.window._qt_window.activateWindow()
    canvas.setFocus()
    qtbot.waitUntil(canvas.hasFocus, timeout=WAIT_MS)
    root.rename(away)  # its disk is taken away
    for key in (Qt.Key.Key_N, Qt.Key.Key_D):
        qtbot.keyClick(canvas, key)
    qtbot.waitUntil(lambda: session.saver.failure is not None, timeout=WAIT_MS)
    assert "is gone" in window.review_panel.notice.words.text()  # where it is corrected
    qtbot.keyClick(canvas, Qt.Key.Key_PageDown)
    settled(window, qtbot)
    assert session.work_list.current == 1
    assert reviewer.unsaved == 1
    away.rename(root)
    qtbot.keyClick(canvas, Qt.Key.Key_PageUp)
    settled(window, qtbot)
    qtbot.waitUntil(lambda: reviewer.annotation is not None, timeout=WAIT_MS)
    assert len(reviewer.annotation.records) == count - 1
    assert reviewer.editor.undo_name.startswith("Delete")
    qtbot.waitUntil(lambda: not reviewer.unsaved, timeout=WAIT_MS)
    settled(window, qtbot)
    assert ResultStore(root).row(root / "a")["count"] == count - 1


def test_what_was_corrected_before_all_are_run_is_in_their_results(
    window: CellvinoWindow, viewer: napari.Viewer, folder: Path, qtbot: QtBot, click: Click
) -> None:
    session, rows, canvas = window.session, window.open_panel.work_list, viewer.window._qt_viewer.canvas.native
    drop(window, folder / "a.tif", folder / "b.tif")
    settled(window, qtbot)
    left = {}
    for name, arrow in (("a", None), ("b", Qt.Key.Key_Down)):  # a is left, b is shown when all are run
        if arrow is not None:
            rows.list.setFocus()
            qtbot.keyClick(rows.list, arrow)
            settled(window, qtbot)
        session.runner.run()
        settled(window, qtbot)
        window.show_step(3)
        viewer.window._qt_window.activateWindow()
        canvas.setFocus()
        qtbot.waitUntil(canvas.hasFocus, timeout=WAIT_MS)
        for key in (Qt.Key.Key_N, Qt.Key.Key_D):
            qtbot.keyClick(canvas, key)
        left[name] = len(session.reviewer.annotation.records)
        assert session.reviewer.editor.unsaved == 1
        window.show_step(1)
    click(rows.all_button)
    settled(window, qtbot)
    qtbot.waitUntil(lambda: not session.reviewer.unsaved, timeout=WAIT_MS)
    settled(window, qtbot)
    counts = pd.read_csv(folder / "cellvino-results" / "counts.csv").set_index("folder")["count"]
    assert counts.to_dict() == left
    assert [facts(window)[name].split(" · ")[0] for name in "ab"] == [f"✓  {left[name]} cells" for name in "ab"]
    assert session.saver.saved == folder / "cellvino-results" / "b"
    assert rows.detail.text().startswith(f"{sum(left.values())} cells in 2 fields")
    shutil.rmtree(folder / "cellvino-results")
    session.work_list.refresh()
    settled(window, qtbot)
    assert not rows.detail.isVisible(), "nothing is left that it counts"


def test_axes_that_were_corrected_hold_in_the_list(
    window: CellvinoWindow, viewer: napari.Viewer, folder: Path, qtbot: QtBot, click: Click
) -> None:
    drop(window, folder)
    settled(window, qtbot)
    session, work_list = window.session, window.session.work_list
    work_list.show(3)
    settled(window, qtbot)
    window.show_step(1)
    click(window.open_panel.correct_button)
    form = window.open_panel.correct
    form.axes.setCurrentIndex(form.axes.findData("ZYX"))
    click(form.apply_button)
    settled(window, qtbot)
    assert list(facts(window)) == ["a", "b", "damaged", "film"]  # a stack is one field
    assert session.workspace.stack.shape.z == 2
    work_list.show(0)
    settled(window, qtbot)
    work_list.show(3)
    settled(window, qtbot)
    assert session.workspace.stack.shape[:3] == (1, 1, 2)
    session.run_listed([3])
    settled(window, qtbot)
    (row,) = ResultStore(work_list.root).rows()
    assert row["frame"] == ""
    remembered = last_list()
    assert remembered is not None
    assert remembered.overrides[str(folder / "film.tif")].axes == "ZYX"


def test_fields_of_other_units_leave_no_layer_behind_that_does_not_fit(
    window: CellvinoWindow, viewer: napari.Viewer, nuclei: NDArray[np.uint16], qtbot: QtBot, tmp_path: Path
) -> None:
    known = {"imagej": True, "resolution": (2.0, 2.0), "metadata": {"unit": "um"}}
    tifffile.imwrite(tmp_path / "known.tif", np.ascontiguousarray(nuclei[:96, :96]), **known)
    tifffile.imwrite(tmp_path / "unknown.tif", np.ascontiguousarray(nuclei[:96, 96:192]))
    session = window.session
    drop(window, tmp_path / "known.tif", tmp_path / "unknown.tif")
    settled(window, qtbot)
    session.runner.run()
    settled(window, qtbot)
    count = session.workspace.outcome.count
    assert "micrometer" in str(viewer.layers.extent.units[-1])
    session.work_list.show(1)
    settled(window, qtbot)
    assert "pixel" in str(viewer.layers.extent.units[-1])  # None where units of layers differ, and napari warns
    session.work_list.show(0)
    settled(window, qtbot)
    assert [len(np.unique(layer.data)) - 1 for layer in viewer.layers if layer.name.startswith("known: cells")] == [
        count
    ]
    assert "micrometer" in str(viewer.layers.extent.units[-1])


def test_fields_that_come_to_their_end_after_a_run_was_stopped_are_told() -> None:
    states = {"a": WorkState.DONE, "b": WorkState.DONE, "c": WorkState.WAITING, "d": WorkState.FAILED}
    listed = [SimpleNamespace(id=name, state=state) for name, state in {**states, "e": WorkState.DONE}.items()]
    run = ListRun(tuple(states), RunProgress(len(states)))  # heard of none of them before it was stopped
    assert fields_there(run, SimpleNamespace(fields=listed)) == 2
