"""What is chosen anywhere is what the viewer shows: images, time points, planes, projections."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import napari
import numpy as np
import pytest
import tifffile
from napari.layers import Image, Labels
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt, QTimer
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QMessageBox

from napari_cellvino.core.image import ZMode
from napari_cellvino.gui.shell.window import CellvinoWindow

from ..conftest import WAIT_MS
from ..review_session import Review

OpenFile = Callable[[CellvinoWindow, Path], None]
Run = Callable[[CellvinoWindow], None]


def seen(viewer: napari.Viewer, kind: type) -> list[str]:
    return [layer.name for layer in viewer.layers if isinstance(layer, kind) and layer.visible]


@pytest.fixture
def film(nuclei: NDArray[np.uint16], tmp_path: Path) -> Path:
    """Three time points: the cells move down by 40 px each."""
    frames = np.stack([np.roll(nuclei, 40 * t, axis=0) for t in range(3)])
    tifffile.imwrite(tmp_path / "film.tif", frames, imagej=True, metadata={"axes": "TYX"})
    return tmp_path / "film.tif"


def test_the_time_slider_and_the_time_point_are_one(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, film: Path, run: Run, qtbot: QtBot
) -> None:
    open_file(window, film)
    workspace, frame = window.session.workspace, window.open_panel.frame
    run(window)
    first = workspace.outcome
    assert first is not None
    assert len(seen(viewer, Labels)) == 1
    compare = window.session.compare
    compare.with_choices()
    qtbot.waitUntil(lambda: compare.done is not None, timeout=WAIT_MS)
    viewer.dims.set_current_step(0, 2)
    assert compare.done is None  # it is of time point 1
    assert (workspace.recipe.frame, frame.value()) == (3, 3)
    assert workspace.outcome is None
    assert seen(viewer, Labels) == []  # the cells of time point 1 stay there
    assert "run the model first" in window.review_panel.hint.text()
    viewer.window._qt_window.activateWindow()
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    qtbot.waitUntil(canvas.hasFocus, timeout=WAIT_MS)
    QTest.keyClick(canvas, Qt.Key.Key_A)
    assert "run the model first" in viewer.status
    run(window)
    assert len(seen(viewer, Labels)) == 1
    assert "t3" in seen(viewer, Labels)[0]
    for step in (1, 2):  # two reviews were left: back to the second
        viewer.dims.set_current_step(0, step)
    assert "t3" in seen(viewer, Labels)[0]
    frame.setValue(1)
    assert viewer.layers.selection.active.visible
    assert viewer.dims.current_step[0] == 0
    assert workspace.outcome is first
    assert len(seen(viewer, Labels)) == 1
    assert "t3" not in seen(viewer, Labels)[0]


def test_a_film_that_plays_shows_each_time_point_with_its_own_cells(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, film: Path, run: Run, qtbot: QtBot
) -> None:
    open_file(window, film)
    own = {}
    for step in range(3):
        viewer.dims.set_current_step(0, step)
        run(window)
        (own[step],) = seen(viewer, Labels)
    assert len(set(own.values())) == 3
    shown: list[tuple[int, int, list[str]]] = []

    def look(_: object = None) -> None:
        shown.append((viewer.dims.current_step[0], window.session.workspace.recipe.frame, seen(viewer, Labels)))

    sliders = viewer.window._qt_viewer.dims
    button = sliders.slider_widgets[0].play_button
    viewer.dims.events.point.connect(look)  # the last to hear of it
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: {step for step, _, _ in shown} == {0, 1, 2}, timeout=WAIT_MS)
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: not sliders.is_playing, timeout=WAIT_MS)
    viewer.dims.events.point.disconnect(look)
    for step, frame, cells in shown:
        assert (frame, cells) == (step + 1, [own[step]])
    assert window.session.reviewer.annotation is not None
    assert window.session.workspace.recipe.frame == viewer.dims.current_step[0] + 1


def test_a_review_goes_on_where_it_was_left(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, film: Path, run: Run, qtbot: QtBot
) -> None:
    open_file(window, film)
    window.session.saver.choose(str(film.parent / "out"))
    run(window)
    review = Review(window, qtbot)
    review.click(review.ids[0])
    review.key("D")
    assert len(review.reviewer.annotation.records) == len(review.ids) - 1
    viewer.dims.set_current_step(0, 1)
    run(window)
    assert window.session.reviewer.unsaved == 1
    window.show_step(3)
    review.canvas.setFocus()
    review.key("Z", Qt.KeyboardModifier.ControlModifier)
    assert f"Delete #{review.ids[0]}, was in film." in review.said
    assert viewer.dims.current_step[0] == 1
    review.key("Z", Qt.KeyboardModifier.ControlModifier)
    assert viewer.dims.current_step[0] == 0
    assert len(review.reviewer.annotation.records) == len(review.ids) - 1
    review.canvas.setFocus()
    review.key("Z", Qt.KeyboardModifier.ControlModifier)
    assert len(review.reviewer.annotation.records) == len(review.ids)


def test_the_closing_question_saves_every_field(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    open_file: OpenFile,
    film: Path,
    run: Run,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    open_file(window, film)
    window.session.saver.choose(str(film.parent / "out"))
    reviewer, asked = window.session.reviewer, []
    for frame in (0, 1):
        viewer.dims.set_current_step(0, frame)
        run(window)
        review = Review(window, qtbot)
        review.click(review.ids[0])
        review.key("D")
    assert (reviewer.unsaved, reviewer.editor.unsaved) == (2, 1)

    def press_save() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        asked.append(box.text())
        QTest.mouseClick(box.button(QMessageBox.StandardButton.Save), Qt.MouseButton.LeftButton)

    monkeypatch.setattr(viewer.window._qt_window, "closeEvent", lambda event: event.ignore())  # the viewer of all tests
    QTimer.singleShot(300, press_save)
    viewer.window._qt_window.close()
    assert asked == ["2 corrections in 2 fields not saved yet."]
    assert reviewer.unsaved == 0
    with (film.parent / "out" / "counts.csv").open() as table:
        assert {row["frame"] for row in csv.DictReader(table)} == {"1", "2"}


def test_next_goes_to_a_cell_of_the_time_point_that_is_shown(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, film: Path, run: Run, qtbot: QtBot
) -> None:
    open_file(window, film)
    viewer.dims.set_current_step(0, 2)
    run(window)
    review = Review(window, qtbot)
    review.key("N")
    assert viewer.dims.current_step[0] == 2
    assert len(review.reviewer.selection) == 1


def test_the_image_that_is_chosen_comes_to_the_front_with_its_cells(
    window: CellvinoWindow, viewer: napari.Viewer, nuclei: NDArray[np.uint16], run: Run
) -> None:
    viewer.add_image(nuclei, name="first")
    run(window)
    outcome, combo = window.session.workspace.outcome, window.open_panel.image
    viewer.add_image(np.flipud(nuclei), name="second")
    assert window.run_panel.covered.text().startswith("⚠  “second” lies over “first”")
    window.show_step(1)
    combo.activated.emit(combo.findText("first"))  # which is worked on, and covered
    assert seen(viewer, Image) == ["first"]
    combo.activated.emit(combo.findText("second"))
    assert combo.currentText() == "second"
    assert window.run_panel.covered.text() == ""
    assert seen(viewer, Image) == ["second"]
    assert seen(viewer, Labels) == []
    assert window.session.workspace.outcome is None
    combo.activated.emit(combo.findText("first"))
    assert seen(viewer, Image) == ["first"]
    assert [name.startswith("first: cells") for name in seen(viewer, Labels)] == [True]
    assert window.session.workspace.outcome is outcome
    assert window.session.reviewer.annotation is not None
    assert window.review_panel.hint.text() == ""
    assert outcome.seconds > 0
    window.session.workspace.show(replace(outcome, seconds=64.0))  # of this field, whatever was run after it
    assert ", in 64 s on CPU" in window.run_panel.detail.text()


@pytest.mark.parametrize("way", [ZMode.MIP, ZMode.MEAN])
def test_a_projection_is_shown_under_its_outlines(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, stack_file: Path, run: Run, way: ZMode
) -> None:
    open_file(window, stack_file)
    stack, kind = viewer.layers[0], window.open_panel.planes.kind
    kind.setCurrentIndex(kind.findData(way))
    run(window)
    shown = [layer for layer in viewer.layers if isinstance(layer, Image) and layer.visible]
    assert len(shown) == 1
    blend = {ZMode.MIP: np.max, ZMode.MEAN: np.mean}[way]
    np.testing.assert_allclose(shown[0].data, blend(np.asarray(stack.data), axis=0), rtol=1e-6)
    assert isinstance(viewer.layers[-1], Labels)  # on top of it
    assert viewer.layers[-1].visible
    assert window.open_panel.image.count() == 1  # the projection is no image to choose
    assert window.session.opener.picture.layers == (stack,)
    assert not stack.visible
    viewer.layers.remove(shown[0])  # by somebody who tidies up
    assert stack.visible


@pytest.mark.parametrize("way", [ZMode.FOCUS, ZMode.PLANE])
def test_cells_of_one_plane_are_seen_there_only(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    open_file: OpenFile,
    stack_file: Path,
    run: Run,
    way: ZMode,
    qtbot: QtBot,
) -> None:
    open_file(window, stack_file)
    planes = window.open_panel.planes
    planes.kind.setCurrentIndex(planes.kind.findData(way))
    if way is ZMode.PLANE:
        planes.plane.setValue(2)
        assert viewer.dims.current_step[0] == 1
    run(window)
    at = viewer.dims.current_step[0]
    assert f"plane {at + 1}" in window.run_panel.detail.text()
    assert len(seen(viewer, Labels)) == 1
    viewer.dims.set_current_step(0, at + 1)
    assert seen(viewer, Labels) == []
    assert seen(viewer, Image) == [viewer.layers[0].name]
    assert f"those of plane {at + 1}" in viewer.status
    viewer.window._qt_window.activateWindow()
    canvas = viewer.window._qt_viewer.canvas.native
    canvas.setFocus()
    qtbot.waitUntil(canvas.hasFocus, timeout=WAIT_MS)
    QTest.keyClick(canvas, Qt.Key.Key_V)
    assert seen(viewer, Labels) == []
    assert (planes.plane.value() == at + 2) == (way is ZMode.PLANE)  # the slider chooses the one plane
    viewer.dims.set_current_step(0, at)
    assert len(seen(viewer, Labels)) == 1
