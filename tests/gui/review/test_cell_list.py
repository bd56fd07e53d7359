"""Table, gallery, filters, random sample and limits, in a real viewer."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QPixmap
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from napari_cellvino.annotation import Annotation, EditSession, ObjectRecord
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.core.objects import ReviewState
from napari_cellvino.gui.review import cell_outlines
from napari_cellvino.gui.review import queue as queue_module
from napari_cellvino.gui.review.cell_table import AREA, NOTE, STATE, CellTableView
from napari_cellvino.gui.review.review_view import size_unit
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.gui.widgets.chosen_rows import chosen_rows
from napari_cellvino.quality.review_queue import review_queue

from ..conftest import WAIT_MS
from ..review_session import Review

SHIFT = Qt.KeyboardModifier.ShiftModifier


def choose(combo: QWidget, text: str) -> None:
    """Choose an entry as a person does."""
    combo.setCurrentIndex(combo.findText(text))
    combo.activated.emit(combo.currentIndex())


def test_table_is_linked_both_ways(review: Review) -> None:
    table, zoom = review.panel.list.table, review.viewer.scene.camera.zoom
    assert not review.panel.list.kind.isVisible()  # this model knows one class
    assert table.cells.ids == review.reviewer.queue.cursor.ids
    table.selectRow(3)
    assert review.reviewer.selection == (table.cells.ids[3],)
    assert review.viewer.scene.camera.zoom > zoom
    review.reviewer.select([table.cells.ids[7], table.cells.ids[8]])
    assert [index.row() for index in table.selectionModel().selectedRows()] == [7, 8]
    table.draw([*table.cells.ids, 104_729])  # a field of many cells: their numbers are whole
    assert table.columnWidth(0) > table.fontMetrics().horizontalAdvance("104729")
    assert table.columnWidth(STATE) > table.fontMetrics().horizontalAdvance("/ edited, excluded")


def test_many_are_marked_in_turn_and_each_once(review: Review, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    found, find, canvas = list[int](), cell_outlines._outlines, review.window.session.review_canvas.canvas
    monkeypatch.setattr(cell_outlines, "_outlines", lambda a, id_, plane: found.append(id_) or find(a, id_, plane))
    review.reviewer.select(review.ids)
    assert len(found) == cell_outlines.AT_FIRST < len(review.ids)
    qtbot.waitUntil(lambda: len(canvas._outlines) >= len(review.ids), timeout=WAIT_MS)
    review.key("A")
    assert {record.review for record in review.reviewer.annotation.records.values()} == {ReviewState.ACCEPTED}
    review.key("Z", Qt.KeyboardModifier.ControlModifier)
    assert {record.review for record in review.reviewer.annotation.records.values()} == {ReviewState.UNSEEN}
    assert found == review.ids, "what is said of cells changes no outline"
    review.reviewer.select(review.ids[:1])
    review.key("Period")  # grows
    assert found == [*review.ids, review.ids[0]]
    assert len(canvas._outlines[0]) > 8


def test_pictures_that_are_not_all_highlighted_stay_as_they_are(
    review: Review, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("napari_cellvino.gui.review.gallery.MOST_SHOWN", 5)
    review.panel.list.tabs.setCurrentIndex(1)
    gallery, told = review.panel.list.gallery, list[object]()
    review.reviewer.select(gallery.cells.ids[:9])
    assert chosen_rows(gallery.list) == [0, 1, 2, 3, 4]
    gallery.list.selectionModel().selectionChanged.connect(lambda *changed: told.append(changed))
    review.reviewer.changed.emit()
    assert told == []


def test_table_follows_edits_and_sorts(review: Review, qtbot: QtBot) -> None:
    table, id_ = review.panel.list.table, review.panel.list.table.cells.ids[0]
    review.reviewer.select([id_])
    review.key("D")
    qtbot.waitUntil(lambda: id_ not in table.cells.ids, timeout=WAIT_MS)
    table.sortByColumn(AREA, Qt.SortOrder.DescendingOrder)
    areas = [review.reviewer.annotation.geometry(i).area for i in table.cells.ids]
    assert areas == sorted(areas, reverse=True)
    unit = size_unit(review.reviewer)
    assert table.cells.headerData(AREA, Qt.Orientation.Horizontal) == f"Size {unit.name}"
    assert table.cells.text(0, AREA) == unit.text(areas[0])
    review.key("Z", Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: id_ in table.cells.ids, timeout=WAIT_MS)


def test_filters_hold_for_table_and_walk(review: Review, qtbot: QtBot) -> None:
    listed, table = review.panel.list, review.panel.list.table
    choose(listed.doubt, "touches the edge")
    walk = review.reviewer.queue.cursor
    edge = [i for i in walk.ids if "touches the edge" in walk.doubtful(i).text]
    qtbot.waitUntil(lambda: table.cells.ids == edge, timeout=WAIT_MS)
    assert 0 < len(edge) < len(review.ids)
    for id_ in edge[:3]:
        review.key("N")
        assert review.reviewer.selection == (id_,)
    review.reviewer.select(edge[:1])
    review.key("A")
    choose(listed.state, "accepted")
    qtbot.waitUntil(lambda: table.cells.ids == edge[:1], timeout=WAIT_MS)


@pytest.fixture
def overlapping(
    window: CellvinoWindow,
    open_file: Callable[[CellvinoWindow, Path], None],
    nuclei: NDArray[np.uint16],
    tmp_path: Path,
    run: Callable[[CellvinoWindow], None],
) -> CellvinoWindow:
    """Nuclei that lie over each other, so that the split of some hangs on a threshold."""
    tifffile.imwrite(tmp_path / "over.tif", nuclei // 2 + np.roll(nuclei, 10, axis=0) // 2)
    window.session.saver.choose(str(tmp_path / "results"))
    open_file(window, tmp_path / "over.tif")
    run(window)
    return window


def test_reasons_of_another_threshold_come_in_and_leave_the_way_so_far(
    overlapping: CellvinoWindow, qtbot: QtBot
) -> None:
    session, listed = overlapping.session, overlapping.review_panel.list
    queue, annotation = session.reviewer.queue, session.reviewer.annotation
    first = queue.cursor.ids
    session.reviewer.step(1)
    session.reviewer.step(1)
    assert not [i for i in first if "when judged more strictly" in queue.cursor.doubtful(i).text]
    qtbot.waitUntil(lambda: not session.decoder.busy, timeout=WAIT_MS)
    said = {i: queue.cursor.doubtful(i).text for i in queue.cursor.ids}
    hanging = [i for i, words in said.items() if "when judged more strictly" in words]
    assert hanging
    assert queue.cursor.ids[:2] == first[:2]
    assert set(queue.cursor.ids) == set(annotation.records)
    ahead = [queue.cursor.doubtful(i).doubt for i in queue.cursor.ids[2:]]
    assert ahead == sorted(ahead, reverse=True)
    overlapping.show_step(3)
    choose(listed.doubt, "depends on the threshold")
    qtbot.waitUntil(lambda: listed.table.cells.ids == hanging, timeout=WAIT_MS)


def test_a_slider_moves_on_while_another_threshold_is_decoded(overlapping: CellvinoWindow, qtbot: QtBot) -> None:
    session = overlapping.session
    assert session.reviewer.queue.cursor is not None
    assert session.decoder.busy
    session.runner.preview(session.workspace.outcome.prediction.values | {"smallest": 200.0})
    qtbot.waitUntil(lambda: session.workspace.outcome.prediction.values["smallest"] == 200.0, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not session.decoder.busy, timeout=WAIT_MS)
    assert set(session.reviewer.queue.cursor.ids) == set(session.reviewer.annotation.records)


def test_reasons_are_found_again_in_the_thread_where_cells_were_edited_meanwhile(
    overlapping: CellvinoWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue, in_window, found = overlapping.session.reviewer.queue, list[bool](), queue_module._differing

    def differing(*cells: object) -> object:
        in_window.append(threading.current_thread() is threading.main_thread())
        queue._edits += len(in_window) == 1
        return found(*cells)

    monkeypatch.setattr(queue_module, "_differing", differing)
    assert queue.cursor is not None
    qtbot.waitUntil(lambda: not overlapping.session.decoder.busy, timeout=WAIT_MS)
    assert in_window == [False, False]
    assert any("when judged more strictly" in queue.cursor.doubtful(i).text for i in queue.cursor.ids)


def test_unsure_outlines_of_the_map_are_in_the_window(review: Review) -> None:
    annotation, foreground_probability = review.reviewer.annotation, review.window.session.workspace.cell_map()
    blurred = foreground_probability.astype(np.float32)
    id_ = review.ids[7]
    around = annotation.geometry(id_).region.expanded(3, annotation.shape).slices
    blurred[around] = 0.5
    foreground_probability[:] = blurred
    review.reviewer.queue.renew()
    assert "unsure outline" in review.reviewer.queue.cursor.doubtful(id_).text


def test_gallery_excludes_what_is_chosen(review: Review, qtbot: QtBot) -> None:
    listed, gallery = review.panel.list, review.panel.list.gallery
    listed.tabs.setCurrentIndex(1)
    qtbot.waitUntil(lambda: len(gallery.cells.ids) == len(review.ids), timeout=WAIT_MS)
    picture = gallery.cells.data(gallery.cells.index(5), Qt.ItemDataRole.DecorationRole)
    assert max(picture.width(), picture.height()) >= 60
    place = gallery.list.visualRect(gallery.cells.index(2)).center()
    zoom = review.viewer.scene.camera.zoom
    QTest.mouseClick(gallery.list.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert review.viewer.scene.camera.zoom > zoom  # it is gone to
    there = review.pixel(review.inside(gallery.cells.ids[2]))
    assert review.canvas.rect().contains(there)
    selection = gallery.list.selectionModel()
    selection.select(gallery.cells.index(4), selection.SelectionFlag.Select)
    chosen = {gallery.cells.ids[2], gallery.cells.ids[4]}
    assert set(review.reviewer.selection) == chosen
    review.canvas.setFocus()
    review.key("Q")
    assert {i for i, r in review.reviewer.annotation.records.items() if r.excluded} == chosen
    assert _is_struck(gallery.cells.picture(gallery.cells.ids[2]))
    assert not _is_struck(gallery.cells.picture(gallery.cells.ids[3]))


def _is_struck(picture: QPixmap) -> bool:
    """Return whether a picture, which is grey else, has a line through its middle."""
    image = picture.toImage()
    middle = image.pixelColor(image.width() // 2, image.height() // 2)
    return bool(middle.red() - middle.blue() > 80)


def test_random_sample_says_what_it_is_worth(review: Review, qtbot: QtBot) -> None:
    listed = review.panel.list
    choose(listed.order, "Random sample")
    listed.size.setValue(12)
    qtbot.waitUntil(lambda: len(listed.table.cells.ids) == 12, timeout=WAIT_MS)
    assert "12 cells drawn at random" in listed.estimate.text()
    drawn = review.reviewer.queue.cursor.ids
    review.key("N")
    for _ in range(3):
        review.key("A")
    qtbot.waitUntil(lambda: "as 3 of" in listed.estimate.text(), timeout=WAIT_MS)
    review.key("N")  # one is passed over
    review.key("A")
    qtbot.waitUntil(lambda: f"#{drawn[3]} was passed over" in listed.estimate.text(), timeout=WAIT_MS)
    assert "as 3 of" in listed.estimate.text()
    review.key("N", SHIFT)
    review.key("N", SHIFT)
    for _ in range(8):
        review.key("A")
    qtbot.waitUntil(lambda: "as 12 of" in listed.estimate.text(), timeout=WAIT_MS)
    assert listed.estimate.text().startswith("Between ")
    assert "Wilson" in listed.estimate.toolTip()


def test_left_to_right_in_a_thread_where_cells_were_edited(
    review: Review, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed, threads = review.panel.list, []

    def found(*args: object, **options: object) -> object:
        threads.append(threading.current_thread())
        return review_queue(*args, **options)

    monkeypatch.setattr(queue_module, "review_queue", found)
    review.click(review.ids[3])
    review.key("A")
    before = listed.table.cells.ids
    choose(listed.order, "Left to right")
    assert listed.table.cells.ids == before  # as long as the others are not known
    qtbot.waitUntil(lambda: listed.table.cells.ids != before, timeout=WAIT_MS)
    x = [review.reviewer.annotation.geometry(id_).centroid[1] for id_ in listed.table.cells.ids]
    assert x == sorted(x)
    assert len(x) == len(review.ids)
    assert threads
    assert threading.main_thread() not in threads


def test_many_are_counted_before_they_go_and_accepted_ones_are_spared(
    review: Review, click: Callable[[QWidget], None]
) -> None:
    areas = {id_: review.reviewer.annotation.geometry(id_).area for id_ in review.ids}
    small = [id_ for id_, area in areas.items() if area < 100]
    review.reviewer.select(small[:1])
    review.key("A")
    many = review.panel.many
    many.fold.unfold(True)
    section = many.fold.content()
    review.qtbot.waitUntil(lambda: section.height() >= section.minimumSizeHint().height(), timeout=WAIT_MS)
    pixel = review.reviewer.workspace.shown.plane.spacing.pixel_area_um2
    many.limit.setValue(100 * pixel)
    assert many.limit.suffix() == " µm²"
    assert many.found.text() == f"{len(small) - 1} cells smaller than {many.limit.text()}; 1 accepted one is spared"
    review.qtbot.waitUntil(lambda: many.found.height() >= many.found.heightForWidth(many.found.width()))
    assert set(review.reviewer.selection) == set(small[1:])
    assert set(review.reviewer.annotation.records) == set(review.ids)
    click(many.delete_button)
    assert set(review.reviewer.annotation.records) == set(review.ids) - set(small[1:])
    review.key("Z", Qt.KeyboardModifier.ControlModifier)
    assert set(review.reviewer.annotation.records) == set(review.ids)


def test_twenty_thousand_rows_ask_for_few(review: Review) -> None:
    count = 20_000
    old = review.reviewer.annotation
    labels = np.zeros((100, 2 * count // 50), np.int32)
    labels[::2, ::2][:50, : count // 50] = np.arange(1, count + 1).reshape(50, -1)
    records = [ObjectRecord(id_, score=0.9) for id_ in range(1, count + 1)]
    annotation = Annotation(labels, records, old.classes, old.provenance, shape=labels.shape)
    asked: list[int] = []

    class Counting(CellTableView):
        def data(self, index, role=Qt.ItemDataRole.DisplayRole):
            asked.append(index.row())
            return super().data(index, role)

    view = review.panel.list.table
    model = Counting()
    view.setModel(model)
    model.show(annotation, list(annotation.records))
    review.qtbot.wait(100)
    assert model.rowCount() == count
    assert 0 < len(set(asked)) < 200
    session = EditSession(annotation)
    session.commit(delete(annotation, [5]))
    model.show(annotation, list(annotation.records))
    model.sort(NOTE)
    review.qtbot.wait(100)
    assert model.rowCount() == count - 1
    assert len(set(asked)) < 200
    assert annotation.records[6].review is ReviewState.UNSEEN
    view.setModel(view.cells)
