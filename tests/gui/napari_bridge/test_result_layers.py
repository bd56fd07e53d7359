from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QWidget,
)  # fmt: skip

from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.mark import accept
from napari_cellvino.core.image import Plane
from napari_cellvino.gui.napari_bridge import ResultLayers, ResultName, ResultPlace
from napari_cellvino.gui.shell.window import CellvinoWindow
from tests.annotation.conftest import boxed

from ..conftest import WAIT_MS

OpenFile = Callable[[CellvinoWindow, Path], None]
Run = Callable[[CellvinoWindow], None]
Click = Callable[[QWidget], None]


def labels_of(viewer: napari.Viewer) -> list[napari.layers.Labels]:
    return [layer for layer in viewer.layers if isinstance(layer, napari.layers.Labels)]


def test_results_inherit_the_space_of_the_image(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, stack_file: Path, run: Run
) -> None:
    open_file(window, stack_file)
    viewer.layers[0].translate = (0, 7, 9)
    run(window)
    labels = viewer.layers[-1]
    assert labels.name.startswith("nuclei_stack: cells (nuclei ")
    assert [layer for layer in viewer.layers if not isinstance(layer, napari.layers.Image)] == [labels]
    np.testing.assert_allclose(labels.scale, (0.325, 0.325))
    np.testing.assert_allclose(labels.translate, (7, 9))
    assert [str(unit) for unit in labels.units] == ["micrometer"] * 2
    assert labels.axis_labels == ("y", "x")
    outcome = window.session.workspace.outcome
    assert outcome is not None
    assert list(labels.features["index"]) == list(range(outcome.count + 1))
    y, x = np.argwhere(labels.data == 1)[0]
    world = (3.0, 7 + 0.325 * y, 9 + 0.325 * x)
    assert labels.get_value(world, world=True) == 1  # on any plane of the stack


def test_status_bar_tells_the_score_of_a_cell_that_has_one(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, plate_file: Path, run: Run
) -> None:
    open_file(window, plate_file)
    run(window)
    labels, annotation = labels_of(viewer)[0], window.session.reviewer.annotation
    drawn = annotation.next_id
    free = tuple(np.argwhere(labels.data == 0)[0])
    labels.selected_label = drawn
    labels.paint(free, drawn)
    window.session.runner.show_again()
    assert drawn in annotation.records
    told = {id_: labels.get_status(tuple(np.argwhere(labels.data == id_)[0]))["value"] for id_ in (1, drawn, 0)}
    assert f"score: {annotation.records[1].score:.3f}".rstrip("0") in told[1]
    assert "area_px: " in told[drawn]
    assert "score" not in told[drawn]
    assert told[0] == "0"


def test_second_run_takes_the_place_of_the_first(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, plate_file: Path, run: Run
) -> None:
    open_file(window, plate_file)
    run(window)
    before = [layer.name for layer in viewer.layers]
    labels = labels_of(viewer)[0]
    window.session.workspace.choose(channel="GFP")
    assert "run again" in window.run_panel.stale.text()
    run(window)
    assert [layer.name for layer in viewer.layers] == before
    outcome = window.session.workspace.outcome
    assert outcome is not None
    np.testing.assert_array_equal(labels.data, outcome.prediction.decoded.labels)
    assert not window.run_panel.stale.isVisible()


def test_painted_cell_is_a_correction_that_the_next_run_keeps(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, plate_file: Path, run: Run, tmp_path: Path
) -> None:
    open_file(window, plate_file)
    window.session.saver.choose(str(tmp_path))
    run(window)
    (painted,) = labels_of(viewer)
    painted.paint((100, 100), 500)
    kept = painted.data == 500
    assert kept.any()
    run(window)
    assert labels_of(viewer) == [painted]
    np.testing.assert_array_equal(painted.data == 500, kept)
    assert ": 1" in window.run_panel.notice.words.text()


def test_slider_changes_labels_without_inference(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    open_file: OpenFile,
    plate_file: Path,
    run: Run,
    infers: list[int],
    qtbot: QtBot,
    click: Click,
) -> None:
    open_file(window, plate_file)
    run(window)
    panel, workspace = window.run_panel, window.session.workspace
    qtbot.wait(600)  # until the time of a run was measured
    qtbot.waitUntil(lambda: not window.session.worker.busy, timeout=WAIT_MS)
    ran, first = len(infers), workspace.outcome
    assert ran > 0
    assert first is not None
    assert not panel.keep_button.isVisible()
    slider = panel.sliders.rows["smallest"].slider
    slider.setFocus()
    for _ in range(10):
        qtbot.keyClick(slider, Qt.Key.Key_PageUp)
    qtbot.waitUntil(lambda: workspace.outcome is not first and not window.session.decoder.busy, timeout=WAIT_MS)
    assert workspace.outcome is not None
    assert workspace.outcome.count < first.count
    assert len(np.unique(labels_of(viewer)[0].data)) - 1 == workspace.outcome.count
    assert panel.changes.text() == f"+0 \u2212{first.count - workspace.outcome.count}"
    click(panel.back_button)
    qtbot.waitUntil(lambda: not window.session.runner.has_preview, timeout=WAIT_MS)
    assert workspace.outcome.count == first.count
    np.testing.assert_array_equal(labels_of(viewer)[0].data, first.prediction.decoded.labels)
    assert panel.sliders.value() == first.prediction.values
    assert not panel.keep_button.isVisible()
    assert len(infers) == ran


def test_kept_result_is_what_later_changes_count_against(
    window: CellvinoWindow, open_file: OpenFile, plate_file: Path, run: Run, qtbot: QtBot, click: Click
) -> None:
    open_file(window, plate_file)
    run(window)
    panel, workspace = window.run_panel, window.session.workspace
    number = panel.sliders.rows["smallest"].number
    number.setValue(number.maximum() / 10)
    qtbot.waitUntil(panel.keep_button.isVisible, timeout=WAIT_MS)
    click(panel.keep_button)
    assert not panel.keep_button.isVisible()
    kept = workspace.outcome
    number.setValue(0)
    qtbot.waitUntil(panel.back_button.isVisible, timeout=WAIT_MS)
    click(panel.back_button)
    qtbot.waitUntil(lambda: not window.session.runner.has_preview, timeout=WAIT_MS)
    assert workspace.outcome is not None
    assert kept is not None
    assert workspace.outcome.prediction.values == kept.prediction.values


def test_deleted_result_comes_back_with_the_next_change(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, plate_file: Path, run: Run, qtbot: QtBot
) -> None:
    open_file(window, plate_file)
    run(window)
    reviewer = window.session.reviewer
    accepted = min(reviewer.annotation.records)
    reviewer.do(lambda annotation: accept(annotation, [accepted]))
    viewer.layers.remove(labels_of(viewer)[0])
    number = window.run_panel.sliders.rows["smallest"].number
    number.setValue(number.maximum() / 10)
    qtbot.waitUntil(lambda: len(labels_of(viewer)) == 1, timeout=WAIT_MS)
    assert labels_of(viewer)[0].data is reviewer.annotation.labels
    assert reviewer.annotation.records[accepted].reviewed


def test_replaced_array_is_what_the_next_run_sees(
    window: CellvinoWindow, viewer: napari.Viewer, nuclei: NDArray[np.uint16], run: Run
) -> None:
    layer = viewer.add_image(nuclei)
    run(window)
    layer.data = nuclei[:128]
    run(window)
    outcome = window.session.workspace.outcome
    assert outcome is not None
    assert outcome.prediction.decoded.labels.shape == (128, 256)


def test_five_thousand_boxes_are_one_layer_that_changes_at_once(viewer: napari.Viewer) -> None:
    corners = np.random.default_rng(0).integers(0, 4000, (5_000, 2))
    annotation = boxed(*map(tuple, np.hstack([corners, corners + 20]).tolist()), shape=(4096, 4096))
    pixels = np.zeros((1, 1, 1), np.uint8)
    place, name = ResultPlace(object(), Plane(pixels, pixels)), ResultName("a", "finder 1", ("living", "dead"))
    layers = ResultLayers(viewer)
    layer = layers.show(annotation, place, name, None)
    annotation.apply(delete(annotation, [7]))
    began = time.thread_time()
    assert layers.show(annotation, place, name, None) is layer
    assert time.thread_time() - began < 0.5  # a layer of shapes takes seconds
    assert (len(layer.data), len(viewer.layers)) == (4 * 4_999, 1)
    layers.close()
