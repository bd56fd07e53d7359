"""Once a result is saved, what is corrected in it is saved too, in the background, and all tables follow."""

from __future__ import annotations

import csv
import shutil
import threading
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QCloseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.gui.widgets.serial_worker import Task
from napari_cellvino.io.label_tiff import read_labels
from napari_cellvino.results.field_folder import journal_path, read_annotation

from ..conftest import WAIT_MS, our_threads
from ..plate_hands import open_plate, wait_read
from ..review_session import Review

Click = Callable[[QWidget], None]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def saved(review: Review, click: Click, qtbot: QtBot) -> Review:
    """A review whose result was saved with a click."""
    review.window.show_step(4)
    click(review.window.save_panel.save_button)
    qtbot.waitUntil(lambda: review.window.session.saver.saved is not None, timeout=WAIT_MS)
    review.window.show_step(3)
    review.canvas.setFocus()
    qtbot.waitUntil(review.canvas.hasFocus, timeout=WAIT_MS)
    return review


def wait_saved(review: Review, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: review.reviewer.editor.unsaved == 0, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not review.window.session.busy, timeout=WAIT_MS)


def test_tables_follow_what_is_corrected(saved: Review, qtbot: QtBot, tmp_path: Path) -> None:
    root, window = tmp_path / "results", saved.window
    folder = root / "A01_s1"
    assert "What you correct from now on is saved there too." in window.save_panel.saved.text()
    for id_ in saved.ids[2:5]:
        saved.click(id_)
        saved.key("D")
    assert saved.reviewer.editor.unsaved  # nothing is written while one edit follows the other
    saved.click(saved.ids[6])
    saved.key("Q")  # excluded
    wait_saved(saved, qtbot)
    assert [row["count"] for row in rows(root / "counts.csv")] == [str(len(saved.ids) - 4)]
    objects = rows(folder / "objects.csv")
    assert len(objects) == len(saved.ids) - 3
    assert [row["id"] for row in objects if row["excluded"] == "True"] == [str(saved.ids[6])]
    np.testing.assert_array_equal(read_labels(folder / "labels.tif")[0], saved.pixels)
    np.testing.assert_array_equal(read_labels(folder / "model" / "labels.tif")[0], saved.first)
    assert window.tabs.tabText(3) == "✓ Save"
    assert saved.panel.last.text() == ""
    window.show_step(2)  # what is shown is what is saved
    assert window.run_panel.count.text() == f"{len(saved.ids) - 4} cells"
    assert f"the model found {len(saved.ids)} " in window.run_panel.detail.text()
    window.show_step(3)
    saved.key("Z", Qt.KeyboardModifier.ControlModifier)
    wait_saved(saved, qtbot)
    assert [row["count"] for row in rows(root / "counts.csv")] == [str(len(saved.ids) - 3)]
    np.testing.assert_array_equal(read_labels(folder / "previous" / "labels.tif")[0], saved.first)


def test_the_report_has_the_last_correction(saved: Review, click: Click, qtbot: QtBot, tmp_path: Path) -> None:
    window, exporter = saved.window, saved.window.session.exporter
    saved.click(saved.ids[2])
    saved.key("D")
    window.show_step(4)
    assert saved.reviewer.editor.unsaved == 1
    click(window.save_panel.export_box.report_button)
    qtbot.waitUntil(lambda: exporter.made is not None, timeout=WAIT_MS)
    n = len(saved.ids)
    assert f"{n} cells found, {n - 1} after correction" in exporter.made.summary
    assert f"F1 of the model 0.00, between 0.00 and 0.88 from 1 of {n} cells reviewed" in exporter.made.summary
    assert (tmp_path / "results" / "corrections.html").stat().st_size > 1000


def test_another_image_leaves_nothing_unsaved(
    saved: Review, open_file: Callable[[CellvinoWindow, Path], None], root: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    saved.click(saved.ids[2])
    saved.key("D")
    assert saved.reviewer.editor.unsaved == 1
    session = saved.reviewer.editor.session
    open_file(saved.window, root / "sample_data" / "plate" / "A02_s1.ome.tif")
    qtbot.waitUntil(lambda: session.unsaved == 0, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not saved.window.session.busy, timeout=WAIT_MS)
    assert [row["count"] for row in rows(tmp_path / "results" / "counts.csv")] == [str(len(saved.ids) - 1)]
    assert not saved.window.session.saver.follows


@pytest.mark.parametrize("in_the_way", [True, False])
def test_a_folder_that_goes_away_is_said_and_nothing_is_lost(
    saved: Review, qtbot: QtBot, tmp_path: Path, in_the_way: bool
) -> None:
    saver, root = saved.window.session.saver, tmp_path / "results"
    shutil.move(root, tmp_path / "moved")
    if in_the_way:
        root.write_text("in the way")
    saved.click(saved.ids[2])
    saved.key("D")
    qtbot.waitUntil(lambda: saver.failure is not None, timeout=WAIT_MS)
    assert not saver.follows
    assert saved.reviewer.editor.unsaved == 1
    saved.window.show_step(4)
    assert "is gone" in saved.window.save_panel.failure.words.text()
    assert root.exists() is in_the_way  # a folder of a disk that was taken away is not made anew
    saver.choose(str(tmp_path / "elsewhere"))
    saver.save()
    qtbot.waitUntil(lambda: saver.saved is not None, timeout=WAIT_MS)
    assert len(rows(saver.saved / "objects.csv")) == len(saved.ids) - 1


def test_a_window_that_closes_saves_without_a_question(
    saved: Review, viewer: napari.Viewer, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    close_guard, asked = saved.window.session.close_guard, []
    monkeypatch.setattr(close_guard, "ask", asked.append)
    saved.click(saved.ids[2])
    saved.key("D")
    assert close_guard.eventFilter(viewer.window._qt_window, QCloseEvent()) is False  # it may close
    assert not asked
    assert [row["count"] for row in rows(tmp_path / "results" / "counts.csv")] == [str(len(saved.ids) - 1)]


def test_a_dock_that_closes_leaves_nothing_unsaved(
    saved: Review, viewer: napari.Viewer, qtbot: QtBot, tmp_path: Path
) -> None:
    saved.click(saved.ids[2])
    saved.key("D")
    session, left = saved.reviewer.editor.session, str(len(saved.ids) - 1)
    viewer.window.remove_dock_widget(saved.window)
    qtbot.waitUntil(lambda: not our_threads(), timeout=WAIT_MS)  # the save has ended
    assert session.unsaved == 0
    assert [row["count"] for row in rows(tmp_path / "results" / "counts.csv")] == [left]
    assert not list((tmp_path / "results").glob(".part-*"))


def test_a_field_of_a_plate_goes_to_the_results_of_the_plate(
    window: CellvinoWindow, run: Callable[[CellvinoWindow], None], click: Click, qtbot: QtBot, plate: Path
) -> None:
    open_plate(window, plate, qtbot)
    session = window.session
    well = next(iter(session.plates.current.wells.fields))
    session.plates.show(well)
    wait_read(window, qtbot)
    session.workspace.choose(channel="2")
    run(window)
    root = session.well_values.root
    assert session.saver.folder == str(root)
    window.show_step(4)
    click(window.save_panel.save_button)
    qtbot.waitUntil(lambda: session.saver.saved is not None, timeout=WAIT_MS)
    assert session.saver.saved.name == f"{well.name}_f1"
    before = rows(root / "wells.csv")
    assert [(row["well"], row["count"]) for row in before] == [(well.name, rows(root / "counts.csv")[0]["count"])]
    assert any(name.startswith("ring_ratio_") for name in before[0])
    review = Review(window, qtbot)
    review.click(review.ids[2])
    review.key("D")
    wait_saved(review, qtbot)
    assert int(rows(root / "wells.csv")[0]["count"]) == int(before[0]["count"]) - 1
    assert journal_path(session.saver.saved).parent == root
    window.show_step(5)
    qtbot.waitUntil(lambda: session.well_values.lines.get(well, {}).get("count") is not None, timeout=WAIT_MS)
    assert int(session.well_values.lines[well]["count"]) == int(before[0]["count"]) - 1
    window.show_step(3)
    review.click(review.ids[4])
    review.key("D")
    window.show_step(5)  # before that is saved
    assert session.reviewer.editor.unsaved
    qtbot.waitUntil(
        lambda: int(session.well_values.lines[well]["count"]) == int(before[0]["count"]) - 2, timeout=20_000
    )


def test_a_stroke_that_is_not_ended_is_not_saved(saved: Review, qtbot: QtBot, tmp_path: Path) -> None:
    folder, new = tmp_path / "results" / "A01_s1", max(saved.ids) + 1
    saved.click(saved.ids[2])
    saved.key("D")
    before, begin = saved.pixels, saved.pixel((120, 120))
    saved.layer.mode, saved.layer.selected_label, saved.layer.brush_size = "paint", new, 6
    QTest.mousePress(saved.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, begin)
    QTest.mouseMove(saved.canvas, begin + QPoint(40, 40))
    QApplication.processEvents()
    assert new in saved.pixels  # it is seen
    wait_saved(saved, qtbot)
    np.testing.assert_array_equal(read_labels(folder / "labels.tif")[0], before)
    QTest.mouseRelease(saved.canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, begin + QPoint(40, 40))
    QApplication.processEvents()
    assert saved.reviewer.editor.unsaved == 1
    wait_saved(saved, qtbot)
    np.testing.assert_array_equal(read_labels(folder / "labels.tif")[0], saved.pixels)
    assert new in read_annotation(folder).records


def test_what_is_corrected_while_the_first_save_runs_is_saved_when_another_image_is_opened(
    review: Review, open_file: Callable[[CellvinoWindow, Path], None], root: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    saver, held = review.window.session.saver, threading.Event()
    review.window.session.worker.start(held.wait, Task())
    saver.save()
    review.click(review.ids[2])
    review.key("D")
    session = review.reviewer.editor.session
    open_file(review.window, root / "sample_data" / "plate" / "A02_s1.ome.tif")
    held.set()
    qtbot.waitUntil(lambda: session.unsaved == 0, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not review.window.session.busy, timeout=WAIT_MS)
    assert [row["count"] for row in rows(tmp_path / "results" / "counts.csv")] == [str(len(review.ids) - 1)]


def test_a_save_that_fails_after_another_image_was_opened_is_said(
    review: Review, open_file: Callable[[CellvinoWindow, Path], None], root: Path, qtbot: QtBot, tmp_path: Path
) -> None:
    saver, held = review.window.session.saver, threading.Event()
    (tmp_path / "results").write_text("in the way")
    review.window.session.worker.start(held.wait, Task())
    saver.save()
    open_file(review.window, root / "sample_data" / "plate" / "A02_s1.ome.tif")
    assert saver.failure is None
    held.set()
    qtbot.waitUntil(lambda: saver.failure is not None, timeout=WAIT_MS)
    assert not saver.saving
