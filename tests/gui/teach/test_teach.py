"""Teach, with the mouse and keys of a user: strokes on the picture, an answer at once, a model in the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
import tifffile
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget
from scipy import ndimage as ndi

from napari_cellvino.core.progress import finish
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.gui.teach.teach_controller import SET_BACK
from napari_cellvino.segmentation.heads import head_parameters

from ..conftest import WAIT_MS

SIDE, PITCH, RADIUS = 256, 42, 11


@pytest.fixture
def discs(tmp_path: Path) -> Path:
    """Rings that no model knows: dark, with a bright rim, on a grey ground."""
    y, x = np.mgrid[:SIDE, :SIDE]
    off = np.hypot((y - 22) % PITCH - PITCH // 2, (x - 22) % PITCH - PITCH // 2)
    pixels = 120 + 60 * np.exp(-(((off - RADIUS) / 2) ** 2)) - 40 * (off < RADIUS - 2)
    pixels = ndi.gaussian_filter(pixels, 1) + np.random.default_rng(0).normal(0, 3, off.shape)
    path = tmp_path / "rings.tif"
    tifffile.imwrite(path, pixels.clip(0, 255).astype(np.uint8))
    return path


def on_canvas(viewer: napari.Viewer, layer: napari.layers.Layer, place: tuple[int, int]) -> QPoint:
    """Return where the canvas shows a pixel (y, x) of a layer."""
    world = np.array(layer.data_to_world([0.0] * (layer.ndim - 2) + list(place)))[-2:]
    centre, zoom = np.array(viewer.scene.camera.center[-2:]), viewer.scene.camera.zoom
    row, column = (world - centre) * zoom + np.array(viewer.window._qt_viewer.canvas.size) / 2
    return QPoint(round(column), round(row))


def drag(viewer: napari.Viewer, layer: napari.layers.Layer, *places: tuple[int, int]) -> None:
    """Drag the mouse with its button down through pixels (y, x) of a layer."""
    native = viewer.window._qt_viewer.canvas.native
    points = [on_canvas(viewer, layer, place) for place in places]
    QTest.mousePress(native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, points[0])
    for step in range(1, 6):
        QTest.mouseMove(native, points[0] + (points[-1] - points[0]) * step / 5)
        QApplication.processEvents()
    QTest.mouseRelease(native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, points[-1])
    QApplication.processEvents()


def middle(row: int, column: int) -> tuple[int, int]:
    """Return the middle of a ring."""
    return 22 + PITCH // 2 + row * PITCH, 22 + PITCH // 2 + column * PITCH


def test_strokes_become_cells_and_then_a_model(
    viewer: napari.Viewer,
    window: CellvinoWindow,
    qtbot: QtBot,
    open_file: Callable[[CellvinoWindow, Path], None],
    click: Callable[[QWidget], None],
    discs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CELLVINO_MODELS", str(tmp_path / "models"))
    session, panel = window.session, window.teach_panel
    teacher = session.teacher
    open_file(window, discs)
    window.show_step(window.tabs.indexOf(panel.parent().parent()) + 1)
    click(panel.start_button)
    assert teacher.active
    (strokes,) = [layer for layer in viewer.layers if layer.name.endswith("strokes")]

    def answered() -> bool:
        return not teacher.working and not teacher._timer.isActive() and not session.lessons.busy

    for row, column in ((0, 0), (1, 2), (3, 1), (2, 3)):
        y, x = middle(row, column)
        drag(viewer, strokes, (y, x - 5), (y, x + 5))
    assert np.unique(strokes.data).tolist() == [0, 1]
    qtbot.waitUntil(answered, timeout=WAIT_MS)
    assert teacher.answer is None  # no background yet
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_G)
    assert teacher.kind == 2
    for row in (0, 1, 2):
        y, x = middle(row, 1)
        drag(viewer, strokes, (y + PITCH // 2, x - 30), (y + PITCH // 2, x + 30))
    assert np.unique(strokes.data).tolist() == [0, 1, 2]
    qtbot.waitUntil(lambda: answered() and teacher.answer is not None, timeout=WAIT_MS)
    assert teacher.failure is None
    labels = teacher.answer.found.label_image()
    hit = {int(labels[middle(row, column)]) for row in range(5) for column in range(5)} - {0}
    assert len(hit) >= 22  # of 25 rings, each a cell of its own
    kept = session.saver.root_of(session.workspace.stack.origin) / "strokes" / "rings.tif"
    np.testing.assert_array_equal(tifffile.imread(kept), strokes.data)
    canvas = viewer.window._qt_viewer.canvas.native
    for place in (middle(row, column) for row in (1, 2) for column in range(5)):
        QTest.mouseMove(canvas, on_canvas(viewer, strokes, place))
        QApplication.processEvents()
        QTest.keyClick(canvas, Qt.Key.Key_A)
    assert teacher.page.accepted == 10
    qtbot.waitUntil(answered, timeout=WAIT_MS)
    assert teacher.judged is not None
    assert teacher.judged.f1 > 0.9
    assert "10 accepted cells" in panel.quality.text()
    QTest.keyClick(canvas, Qt.Key.Key_N)
    assert "could be cell" in panel.said.text()
    viewer.reset_view()
    qtbot.waitUntil(answered, timeout=WAIT_MS)
    before = strokes.data.copy()
    drag(viewer, strokes, (10, 10), (10, 40))
    QTest.keyClick(canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(strokes.data, before)
    for key, kind in (("C", 1), ("M", 3), ("Equal", 3), ("Minus", 2)):  # ours, and napari's own; there is no kind 4
        QTest.keyClick(canvas, getattr(Qt.Key, f"Key_{key}"))
        assert (teacher.kind, strokes.selected_label, panel.kinds.checkedId()) == (kind, kind, kind)
    strokes.data = np.ones((7, 7), np.uint8)  # by a script
    np.testing.assert_array_equal(strokes.data, before)
    assert panel.said.text() == SET_BACK
    viewer.layers.remove(strokes)  # by the user
    assert not teacher.active
    assert "kept" in panel.said.text()
    click(panel.start_button)  # what was painted is there again
    (again,) = [layer for layer in viewer.layers if layer.name.endswith("strokes")]
    np.testing.assert_array_equal(again.data, before)
    qtbot.waitUntil(lambda: answered() and teacher.answer is not None, timeout=WAIT_MS)
    slider = panel.sliders.rows["confidence"].slider
    slider.setFocus()
    for _ in range(2):
        QTest.keyClick(slider, Qt.Key.Key_PageUp)
    qtbot.waitUntil(lambda: answered() and teacher.answer.values["confidence"] > 0.7, timeout=WAIT_MS)
    seen, shown, is_part = dict(teacher.answer.values), len(teacher.answer.found.objects), teacher.is_part
    panel.name.setText("My rings")
    click(panel.save_button)
    qtbot.waitUntil(lambda: "'my-rings' is possible" in panel.failure.words.text(), timeout=WAIT_MS)
    panel.name.setText("rings")
    click(panel.save_button)
    qtbot.waitUntil(lambda: bool(teacher.made) and session.workspace.recipe.model == "rings", timeout=WAIT_MS)
    assert session.workspace.recipe.model == "rings"
    ran = finish(session.workspace.run())
    assert f"it finds {ran.count} cells in the whole image" in panel.made.text(), "as a run finds them"
    assert (ran.count, is_part) == (shown, False), "as was seen"
    assert session.workspace.package.spec.taught.strokes["cell"] >= 4
    spec = session.workspace.package.spec
    assert {p.name: p.default for p in head_parameters(spec) if p.name in seen} == pytest.approx(seen), "what was seen"
    coloured = tmp_path / "coloured.tif"  # of another kind: what is painted on it is learnt from alone
    tifffile.imwrite(coloured, np.stack([tifffile.imread(discs)] * 3, axis=-1), photometric="rgb")
    click(panel.stop_button)
    assert not panel.said.isVisible()
    open_file(window, coloured)
    session.workspace.choose(channel="")
    click(panel.start_button)
    (strokes,) = [layer for layer in viewer.layers if layer.name.endswith("strokes")]
    strokes.data[...] = before
    strokes.refresh()
    qtbot.waitUntil(lambda: answered() and teacher.answer is not None, timeout=WAIT_MS)
    assert teacher.failure is None
    assert "Left out: 1 image with other channels" in panel.quality.text()
