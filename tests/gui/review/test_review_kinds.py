"""The review of what is no single plane of outlines: boxes, cells in 3D, and two images in one viewer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
import tifffile
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from small_models import field, write_finder

from napari_cellvino.core.image import ZMode
from napari_cellvino.gui.review.outside_changes import BOXES_SET_BACK
from napari_cellvino.gui.shell.window import CellvinoWindow

from ..conftest import WAIT_MS
from ..review_session import Review
from .test_cell_colouring import choose

OpenFile = Callable[[CellvinoWindow, Path], None]
Run = Callable[[CellvinoWindow], None]
SHIFT, CTRL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
LIVING = [(20.0, 30.0), (60.0, 64.0), (60.0, 90.0), (3.0, 120.0)]


@pytest.fixture
def boxes(
    window: CellvinoWindow,
    open_file: OpenFile,
    run: Run,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Review:
    """Boxes that were just found."""
    write_finder(tmp_path / "models" / "finder")
    monkeypatch.setenv("CELLVINO_MODELS", str(tmp_path / "models"))
    tifffile.imwrite(tmp_path / "chamber.tif", field((150, 211), LIVING, [(100.0, 40.0)]))
    open_file(window, tmp_path / "chamber.tif")
    window.session.saver.choose(str(tmp_path / "results"))
    window.run_panel.model.value_changed.emit("finder")
    qtbot.waitUntil(lambda: window.session.workspace.recipe.model == "finder", timeout=WAIT_MS)
    run(window)
    return Review(window, qtbot)


@pytest.fixture
def stack(
    window: CellvinoWindow, open_file: OpenFile, small_stack: Path, run: Run, qtbot: QtBot, tmp_path: Path
) -> Review:
    """Cells in 3D that were just found."""
    open_file(window, small_stack)
    window.session.saver.choose(str(tmp_path / "results"))
    kind = window.open_panel.planes.kind
    kind.setCurrentIndex(kind.findData(ZMode.JOINED))
    run(window)
    return Review(window, qtbot)


def test_boxes_are_added_resized_moved_classed_and_deleted(boxes: Review) -> None:
    records, edges = boxes.reviewer.annotation.records, lambda: boxes.layer.data[:, 0]
    before = len(boxes.layer.data)
    boxes.key("K")
    boxes.drag((110.0, 150.0), (130.0, 180.0))
    (new,) = set(records) - set(boxes.ids)
    y0, x0, y1, x1 = records[new].box
    assert np.abs(np.array([y0, x0, y1, x1]) - (110, 150, 130, 180)).max() <= 2
    boxes.qtbot.waitUntil(lambda: len(boxes.layer.data) == before + 4, timeout=WAIT_MS)
    boxes.key("W")
    boxes.drag((120.0, 165.0), (110.0, 160.0))
    moved = records[new].box
    assert moved[2] - moved[0] == y1 - y0
    assert 7 <= y0 - moved[0] <= 13
    boxes.qtbot.waitUntil(lambda: (edges() == (moved[0] - 0.5, moved[1] - 0.5)).all(1).any(), timeout=WAIT_MS)
    boxes.key("O")
    boxes.drag((90.0, 150.0), (100.0, 165.0))
    assert records[new].box[3] - records[new].box[1] in range(12, 19)
    boxes.key("2", SHIFT)
    assert records[new].class_index == 1
    boxes.key("D")
    assert new not in records
    for _ in range(5):
        boxes.key("Z", CTRL)
    assert set(records) == set(boxes.ids)
    boxes.key("S")
    assert "boxes" in boxes.said


def test_all_boxes_are_deleted_brought_back_and_coloured(boxes: Review) -> None:
    drawn, colours = boxes.layer.data.copy(), boxes.layer.edge_color.copy()
    colouring = boxes.window.session.colouring
    boxes.reviewer.select(boxes.ids)
    boxes.key("D")
    boxes.qtbot.waitUntil(lambda: len(boxes.layer.data) == 0, timeout=WAIT_MS)
    colouring.choose("state")
    settled = boxes.window.session
    boxes.qtbot.waitUntil(lambda: not settled.decoder.busy, timeout=WAIT_MS)
    boxes.key("Z", CTRL)
    boxes.qtbot.waitUntil(lambda: np.array_equal(boxes.layer.data, drawn), timeout=WAIT_MS)
    boxes.qtbot.waitUntil(lambda: not settled.decoder.busy, timeout=WAIT_MS)
    colouring.choose("")
    boxes.qtbot.waitUntil(lambda: np.array_equal(boxes.layer.edge_color, colours), timeout=WAIT_MS)


@pytest.mark.parametrize("how", ["replaced", "emptied", "in place"])
def test_boxes_changed_from_outside_are_set_back_and_it_is_said(boxes: Review, qtbot: QtBot, how: str) -> None:
    boxes.key("N")
    boxes.key("R")
    drawn, colours = boxes.layer.data.copy(), boxes.layer.edge_color.copy()
    QTest.qWait(250)  # our own drawing is no change from outside
    assert BOXES_SET_BACK not in boxes.said
    if how == "in place":
        boxes.layer.data[:4, 0] += 9
        boxes.layer.refresh()
    else:
        boxes.layer.data = boxes.layer.data[:4] + 9 if how == "replaced" else np.zeros((0, 2, 2), np.float32)
    qtbot.waitUntil(lambda: BOXES_SET_BACK in boxes.said, timeout=WAIT_MS)
    np.testing.assert_array_equal(boxes.layer.data, drawn)
    np.testing.assert_array_equal(boxes.layer.edge_color, colours)
    boxes.key("D")
    qtbot.waitUntil(lambda: len(boxes.layer.data) == len(drawn) - 4, timeout=WAIT_MS)
    assert "Delete" in boxes.said


def test_a_click_chooses_the_box_and_the_walk_goes_on(boxes: Review) -> None:
    box = boxes.reviewer.annotation.records[boxes.ids[1]].box
    boxes.click_at(((box[0] + box[2]) / 2, (box[1] + box[3]) / 2))
    assert boxes.reviewer.selection == (boxes.ids[1],)
    boxes.key("N")
    boxes.key("A")
    assert boxes.reviewer.progress.reviewed == 1


def test_a_class_is_listed_and_walked_to_alone(boxes: Review) -> None:
    listed, records = boxes.panel.list, boxes.reviewer.annotation.records
    assert [listed.kind.itemText(row) for row in range(listed.kind.count())] == ["Classes", "living", "dead"]
    assert listed.kind.isVisible()
    listed.kind.setCurrentIndex(2)
    listed.kind.activated.emit(2)
    dead = [id_ for id_, record in records.items() if record.class_index == 1]
    boxes.qtbot.waitUntil(lambda: sorted(listed.table.cells.ids) == dead, timeout=WAIT_MS)
    assert 0 < len(dead) < len(records)
    boxes.key("N")
    assert boxes.reviewer.selection[0] in dead
    boxes.canvas.setFocus()
    boxes.reviewer.select(list(records))
    boxes.key("1", SHIFT)  # many at once
    assert {record.class_index for record in records.values()} == {0}
    assert boxes.viewer.status == f"✓  Class living for {len(records)} cells"


def test_cells_in_3d_in_one_plane_or_whole(stack: Review, viewer: napari.Viewer) -> None:
    annotation, labels = stack.reviewer.annotation, stack.layer.data
    tall = max(stack.ids, key=lambda id_: annotation.geometry(id_).region.shape[0])
    region = annotation.geometry(tall).region
    assert region.shape[0] >= 4
    stack.reviewer.show_cell(tall)
    plane = stack.reviewer.plane
    assert region.low[0] <= plane < region.high[0]
    assert stack.panel.scope.isVisible()
    stack.panel.scope.setCurrentIndex(1)
    stack.panel.scope.activated.emit(1)
    stack.key("D")
    assert tall in annotation.records
    assert not (labels[plane] == tall).any()
    assert (labels == tall).any()
    assert f"in plane {plane + 1}" in stack.said
    stack.key("F", SHIFT)
    assert stack.said == f"✓  Fill planes of #{tall}"
    assert (labels[plane] == tall).any()
    stack.panel.scope.setCurrentIndex(0)
    stack.panel.scope.activated.emit(0)
    stack.key("D")
    assert not (labels == tall).any()
    viewer.dims.set_point(0, 0)
    stack.key("Z", CTRL)
    assert stack.reviewer.plane != 0  # the view goes where it happened
    assert (labels == tall).any()
    stack.check_screen()
    choose(stack.panel.colour, "Height")
    stack.qtbot.waitUntil(lambda: "planes" in stack.panel.legend.text(), timeout=WAIT_MS)
    low = min(stack.ids, key=lambda id_: annotation.geometry(id_).region.shape[0])
    assert tuple(stack.layer.get_color(low)) != tuple(stack.layer.get_color(tall))
    choose(stack.panel.colour, "Mean intensity of Channel 1")
    stack.qtbot.waitUntil(lambda: "grey values" in stack.panel.legend.text(), timeout=WAIT_MS)


def test_a_cell_of_a_stack_is_added_by_a_click_and_split_by_a_line(stack: Review) -> None:
    annotation, labels = stack.reviewer.annotation, stack.layer.data
    tall = max(stack.ids, key=lambda id_: annotation.geometry(id_).area)
    stack.reviewer.show_cell(tall)
    plane = stack.reviewer.plane
    own = labels[plane] == tall
    y, x = np.argwhere(own).mean(axis=0)
    stack.key("S")
    rows = np.flatnonzero(own.any(axis=1))
    stack.drag((plane, rows[0] - 1.5, x), (plane, rows[-1] + 1.5, x))
    assert len(annotation.records) == len(stack.ids) + 1
    stack.key("D")
    stack.key("K")
    stack.click_at((plane, y, x))
    assert labels[plane, round(y), round(x)] > max(stack.ids)


def test_another_image_leaves_the_review_and_it_goes_on_there_again(
    review: Review, open_file: OpenFile, plate_file: Path
) -> None:
    window = review.window
    first = window.session.opener.picture
    review.click(review.ids[0])
    review.key("D")
    open_file(window, plate_file.with_name("A02_s1.ome.tif"))
    assert "run the model first" in review.panel.hint.text()
    review.key("D")
    window.session.opener.choose(first)
    assert sorted(review.reviewer.annotation.records) == review.ids[1:]
    assert review.reviewer.editor.undo_name == f"Delete #{review.ids[0]}"
    assert review.reviewer.unsaved == 1
