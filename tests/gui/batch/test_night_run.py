"""The night run in the window: a watch is planned, started and stopped; its fields are judged by keys and run again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap, QShortcut
from qtpy.QtWidgets import QApplication, QFileDialog, QWidget

from napari_cellvino.cli import main
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.gui.batch.batch_panel import BatchPanel
from napari_cellvino.gui.batch.watch_panel import WatchPanel
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.storage.field_ledger import FieldLedger
from napari_cellvino.storage.ledger import Ledger
from napari_cellvino.storage.run_control import RunControl

from ..conftest import WAIT_MS

Click = Callable[[QWidget], None]


@pytest.fixture
def inbox(tmp_path: Path, nuclei: NDArray[np.uint16]) -> Path:
    """Two images and a damaged one."""
    made = tmp_path / "inbox"
    made.mkdir()
    for name, x in (("a", 0), ("b", 128)):
        tifffile.imwrite(made / f"{name}.tif", np.ascontiguousarray(nuclei[:112, x : x + 112]))
    (made / "c.tif").write_bytes(b"II*\0 no image")
    return made


def states(root: Path) -> dict[str, str]:
    return {Path(record.name).name: record.shown_state.value for record in FieldLedger(root).records()}


def height_beside_napari_s_docks(viewer: napari.Viewer, height: int) -> int:
    """Return how high a window of this height is with the docks that these tests hide."""
    window, docks = viewer.window._qt_window, viewer.window._qt_viewer
    hidden = (docks.dockLayerControls, docks.dockLayerList)
    before = window.size()
    for dock in hidden:
        dock.show()
    window.resize(1280, height)
    QApplication.processEvents()
    found = window.height()
    for dock in hidden:
        dock.hide()
    window.resize(before)
    return found


def test_watch_is_planned_started_judged_and_run_again(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    inbox: Path,
    tmp_path: Path,
    click: Click,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, dock = viewer.window.add_plugin_dock_widget("napari-cellvino", "Watch")
    panel, out = dock.findChild(WatchPanel), tmp_path / "out"
    watcher = panel.controller
    assert not panel.start_button.isEnabled()
    chosen = iter([str(inbox), str(out)])
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: next(chosen))
    click(panel.folder_button)
    click(panel.results_button)
    panel.settle.setValue(0.0)

    click(panel.plan_button)
    qtbot.waitUntil(lambda: watcher.planned is not None, timeout=WAIT_MS)
    assert [panel.list.item(row).text().split(":")[0] for row in range(panel.list.count())] == [
        "a.tif", "b.tif", "c.tif",
    ]  # fmt: skip
    assert "nuclei ->" in panel.list.item(0).text()
    assert not out.exists()

    click(panel.start_button)
    qtbot.waitUntil(lambda: out.is_dir() and len(states(out)) == 3, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: "running" not in states(out).values(), timeout=WAIT_MS)
    # fields are done before their job is: a watch stopped between the two ends the job when it is started again
    qtbot.waitUntil(lambda: any(line.startswith("c.tif: failed") for line in watcher.lines), timeout=WAIT_MS)
    click(panel.start_button)
    qtbot.waitUntil(lambda: not watcher.running, timeout=WAIT_MS)
    assert watcher.failure is None

    click(panel.batch_button)
    qtbot.waitUntil(lambda: "Batch" in viewer.window.dock_widgets, timeout=WAIT_MS)
    batch = viewer.window.dock_widgets["Batch"].findChild(BatchPanel)
    qtbot.waitUntil(lambda: len(batch.table.fields) == 3, timeout=WAIT_MS)
    assert "2 of 3 fields done · 1 failed" in batch.title.text()
    window.session.cells_wanted.emit()
    qtbot.waitUntil(lambda: "All cells" in viewer.window.dock_widgets, timeout=WAIT_MS)
    assert height_beside_napari_s_docks(viewer, 800) == 800, "the docks below the picture make the window higher"
    viewer.window.dock_widgets["Batch"].parent().raise_()
    row = next(n for n, field in enumerate(batch.table.fields) if field.record.name == "a")
    batch.view.selectRow(row)
    assert not batch.picture.is_empty
    batch.window().activateWindow()
    batch.view.setFocus()
    qtbot.waitUntil(batch.view.hasFocus, timeout=WAIT_MS)
    held = {shortcut.key().toString(): shortcut.autoRepeat() for shortcut in batch.findChildren(QShortcut)}
    assert held == {"A": False, "R": False, "N": False}  # a key that is held judges one field
    qtbot.keyClick(batch.view, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: states(out)["a"] == "rejected", timeout=WAIT_MS)
    assert batch.current is not None
    assert batch.current.record.name == "b"
    qtbot.keyClick(batch.view, Qt.Key.Key_A)
    qtbot.waitUntil(lambda: states(out)["b"] == "accepted", timeout=WAIT_MS)
    click(batch.pause_button)
    assert Ledger(out).paused
    qtbot.waitUntil(lambda: batch.pause_button.text() == "Resume", timeout=WAIT_MS)
    click(batch.pause_button)
    assert not Ledger(out).paused

    click(batch.drift_button)
    qtbot.waitUntil(lambda: batch.drift.table.count() == 1, timeout=WAIT_MS)
    assert batch.drift.isVisible()
    assert not batch.body.isVisible()
    assert "1 run in out, " in batch.drift.title.text()
    assert not batch.drift.chart.pixmap().isNull()
    click(batch.drift.save_button)
    qtbot.waitUntil(lambda: (out / "drift.csv").is_file() and batch.drift.said.text() != "", timeout=WAIT_MS)
    click(batch.drift_button)
    assert batch.body.isVisible()

    recipe = tmp_path / "surer.yaml"
    recipe.write_text("model: nuclei\ndevice: CPU\nparameters: {confidence: 0.95}\n", encoding="utf-8")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(recipe), ""))
    click(batch.rerun_button)
    qtbot.waitUntil(lambda: batch.controller.status.open_jobs == 1, timeout=WAIT_MS)
    click(batch.cancel_button)
    qtbot.waitUntil(lambda: batch.controller.status.open_jobs == 0, timeout=WAIT_MS)
    Ledger(out).file.unlink()  # now it is a folder of results without a watch: its fields are run from here
    batch.controller.follow(out)
    qtbot.waitUntil(lambda: len(batch.table.fields) == 3, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not batch.pause_button.isVisible(), timeout=WAIT_MS)  # nothing runs here
    assert main(["jobs", "pause", str(out)]) == 0  # from another shell
    qtbot.waitUntil(lambda: batch.pause_button.text() == "Resume", timeout=WAIT_MS)
    click(batch.pause_button)
    assert not RunControl(out).paused
    batch.view.selectRow(next(n for n, field in enumerate(batch.table.fields) if field.record.name == "a"))
    qtbot.keyClick(batch.view, Qt.Key.Key_R)
    qtbot.waitUntil(lambda: states(out).get("a") == "rejected", timeout=WAIT_MS)
    batch.view.selectRow(next(n for n, field in enumerate(batch.table.fields) if field.record.name == "a"))
    before = batch.picture._pixmap.toImage()
    click(batch.rerun_button)
    qtbot.waitUntil(lambda: states(out)["a"] == "done" and not batch.controller.running, timeout=WAIT_MS)
    assert batch.controller.failure is None
    assert "0.95" in (out / "a" / "annotation.json").read_text(encoding="utf-8")
    assert batch.current is not None
    assert batch.current.record.name == "a"
    now = QPixmap(str(out / "a" / "qc.png")).toImage()
    assert now != before
    qtbot.waitUntil(lambda: batch.picture._pixmap.toImage() == now, timeout=WAIT_MS)  # what is judged


def test_a_field_whose_second_run_is_cancelled_stands_as_before(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    inbox: Path,
    tmp_path: Path,
    click: Click,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out, recipe = tmp_path / "out", tmp_path / "surer.yaml"
    main(["run", str(inbox), "--out", str(out), "--device", "CPU"])
    recipe.write_text("model: nuclei\ndevice: CPU\nparameters: {confidence: 0.95}\n", encoding="utf-8")
    _, dock = viewer.window.add_plugin_dock_widget("napari-cellvino", "Batch")
    batch = dock.findChild(BatchPanel)
    for name in ("getExistingDirectory", "getOpenFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_, name=name: str(out) if "Dir" in name else (str(recipe), ""))
    click(batch.folder_button)
    qtbot.waitUntil(lambda: len(batch.table.fields) == 3, timeout=WAIT_MS)
    batch.view.selectRow(next(n for n, field in enumerate(batch.table.fields) if field.record.name == "a"))
    click(batch.reject_button)
    qtbot.waitUntil(lambda: states(out)["a"] == "rejected", timeout=WAIT_MS)
    before = FieldLedger(out).records()
    held, infer_all = threading.Event(), OpenVinoEngine.infer_all

    def slow(engine: OpenVinoEngine, batches: object) -> object:
        held.wait()
        return infer_all(engine, batches)

    monkeypatch.setattr(OpenVinoEngine, "infer_all", slow)  # as long as it takes to press Cancel
    click(batch.rerun_button)
    qtbot.waitUntil(lambda: states(out)["a"] == "running", timeout=WAIT_MS)
    click(batch.cancel_button)
    held.set()
    qtbot.waitUntil(lambda: not batch.controller.running, timeout=WAIT_MS)
    assert FieldLedger(out).records() == before  # its result is there as it was, and can be run again
    qtbot.waitUntil(batch.rerun_button.isEnabled, timeout=WAIT_MS)
    click(batch.rerun_button)
    qtbot.waitUntil(lambda: states(out)["a"] == "done" and not batch.controller.running, timeout=WAIT_MS)
    assert "0.95" in (out / "a" / "annotation.json").read_text(encoding="utf-8")

    click(batch.drift_button)
    qtbot.waitUntil(lambda: batch.drift.table.count() == 1, timeout=WAIT_MS)
    out = tmp_path / "empty"
    out.mkdir()
    click(batch.folder_button)
    qtbot.waitUntil(lambda: batch.drift.controller.failure is not None, timeout=WAIT_MS)
    assert batch.drift.table.count() == 0  # no run of another folder
    assert not batch.drift.title.isVisible()  # nothing is compared any more
    assert batch.title.text() == "empty: no results yet"
