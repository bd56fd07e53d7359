"""The review, driven in a real viewer by mouse and keys."""

from __future__ import annotations

from collections.abc import Callable

import napari
import numpy as np
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QWidget

from napari_cellvino.core.objects import ReviewState
from napari_cellvino.gui.review.cursor import Order
from napari_cellvino.gui.shell.window import CellvinoWindow

from ..conftest import WAIT_MS
from ..review_session import NONE, Review

Run = Callable[[CellvinoWindow], None]
SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier


def test_nothing_to_review_says_what_to_do_first(window: CellvinoWindow) -> None:
    window.show_step(3)
    assert "run the model first" in window.review_panel.hint.text()
    assert not window.review_panel.buttons.isVisible()
    for by in (1, -1):
        window.session.reviewer.step(by)
        assert window.session.reviewer.editor.failure.message.startswith("There is nothing to review here yet")


def test_click_chooses_a_cell_and_shift_click_another(review: Review) -> None:
    first, second = review.ids[:2]
    review.click(first)
    assert review.reviewer.selection == (first,)
    assert review.panel.cell.text().startswith(f"#{first} · not looked at yet")
    assert review.layer.selected_label == first
    review.click(second, SHIFT)
    assert review.reviewer.selection == (first, second)
    review.click_background()
    assert review.reviewer.selection == ()


def test_delete_undo_and_redo_by_key(review: Review) -> None:
    before, id_ = review.pixels, review.ids[3]
    review.click(id_)
    review.key("D")
    assert id_ not in review.layer.data
    assert id_ not in review.reviewer.annotation.records
    assert review.button("Ctrl+Z").text() == f"Undo Delete #{id_}"
    review.check_screen()
    review.key("Z", CTRL)
    np.testing.assert_array_equal(review.layer.data, before)
    review.check_screen()
    review.key("Z", CTRL | SHIFT)
    assert id_ not in review.layer.data
    review.check_screen()


def test_no_button_moves_under_the_mouse(review: Review, qtbot: QtBot) -> None:
    """On a small screen nothing is scrolled, whether cells are chosen, doubtful, corrected or not."""
    review.viewer.window.resize(1280, 800)
    page, delete = review.window.tabs.currentWidget(), review.button("D")
    qtbot.waitUntil(lambda: page.height() < 800, timeout=WAIT_MS)

    def places() -> tuple[int, int]:
        QApplication.processEvents()
        assert page.verticalScrollBar().maximum() == 0
        assert (
            abs(review.panel.list.order.mapTo(page, QPoint(0, 0)).y() - below) <= 2
        )  # Undo has a frame while it is off
        return delete.mapTo(page, QPoint(0, 0)).y(), delete.width()

    below = review.panel.list.order.mapTo(page, QPoint(0, 0)).y()
    before = places()
    for key in ("N", "A", "D", "Z"):
        review.key(key, CTRL if key == "Z" else NONE)
        assert places() == before, key
    review.click_background()
    assert places() == before
    review.reviewer.queue.go_by(Order.SAMPLE, 5)
    qtbot.waitUntil(review.panel.list.size.isVisible, timeout=WAIT_MS)
    QApplication.processEvents()
    assert page.horizontalScrollBar().maximum() == 0


def test_the_room_of_doubts_says_what_can_be_done_where_there_are_none(review: Review) -> None:
    panel, cursor = review.panel, review.reviewer.queue.cursor
    certain = [id_ for id_ in cursor.ids if not cursor.found[id_].reasons]
    place = panel.buttons.pos()
    review.click_background()
    assert panel.why.text().startswith("A accepts it, R rejects it, D deletes it")
    assert panel.why.property("tone") == "aside"
    review.click(certain[0])
    assert (panel.why.text(), panel.why.property("tone")) == ("Nothing about it is doubtful.", "aside")
    review.click(certain[1], SHIFT)
    assert panel.why.text().startswith("A accepts all of them")
    review.key("N")
    assert panel.why.text() == cursor.doubtful(cursor.ids[0]).text
    assert panel.why.property("tone") == "attention"
    review.key("D")
    assert "1 step not saved yet" in panel.last.text()
    review.key("K")  # how to use the tool has the whole row
    assert "Esc ends it" in panel.said.text()
    assert not panel.last.isVisible()
    review.key("Escape")
    assert panel.last.isVisible()
    assert panel.buttons.pos() == place


def test_accept_reject_exclude_walk_the_queue(review: Review, viewer: napari.Viewer) -> None:
    queue, zoom = review.reviewer.queue.cursor.ids, viewer.scene.camera.zoom
    review.key("N")
    assert review.reviewer.selection == (queue[0],)
    assert viewer.scene.camera.zoom > zoom
    assert review.panel.why.text() == review.reviewer.queue.cursor.doubtful(queue[0]).text
    assert review.panel.why.isVisible()
    review.key("A")
    assert review.reviewer.selection == (queue[1],)
    review.key("R")
    review.key("Q")
    records = review.reviewer.annotation.records
    assert records[queue[0]].review is ReviewState.ACCEPTED
    assert records[queue[1]].review is ReviewState.REJECTED
    assert records[queue[2]].excluded
    assert review.panel.progress.text() == f"3 of {len(queue)} reviewed · 1 edited"
    assert review.window.tabs.tabToolTip(2) == f"3 of {len(queue)} cells reviewed · Alt+3"
    review.key("N", SHIFT)
    assert review.reviewer.selection == (queue[1],)
    review.key("N")
    assert review.reviewer.selection == (queue[3],)


def test_merge_asks_before_it_joins_cells_apart(review: Review) -> None:
    first, second = review.far_apart()
    review.click(first)
    review.key("G")
    assert f"#{first}" in review.panel.notice.words.text()
    review.click(second, SHIFT)
    assert review.reviewer.selection == (first, second)
    review.key("G")
    assert "do not touch" in review.panel.notice.words.text()
    assert {first, second} <= set(review.reviewer.annotation.records)
    review.key("G")
    assert len({first, second} & set(review.reviewer.annotation.records)) == 1
    review.check_screen()


def test_class_key_of_a_class_that_is_not_there_is_a_notice(review: Review) -> None:
    review.click(review.ids[0])
    review.key("2", SHIFT)
    assert "there is no class 2" in review.panel.notice.words.text().lower()


def test_painting_is_in_the_same_history(review: Review) -> None:
    before, id_ = review.pixels, review.ids[0]
    review.click(id_)
    review.key("D")
    deleted = review.pixels
    review.paint((20.0, 20.0), (40.0, 30.0), label=id_ + 500)
    assert (review.layer.data == id_ + 500).any()
    assert review.button("Ctrl+Z").text() == f"Undo Paint #{id_ + 500}"
    assert review.reviewer.annotation.records[id_ + 500].review is ReviewState.EDITED
    painted = review.pixels
    review.layer.fill((0, 0), id_ + 501)
    review.layer.mode = "pan_zoom"
    review.key("Z", CTRL)
    np.testing.assert_array_equal(review.layer.data, painted)
    review.key("Z", CTRL)
    np.testing.assert_array_equal(review.layer.data, deleted)
    review.key("Z", CTRL)
    np.testing.assert_array_equal(review.layer.data, before)
    for _ in range(2):
        review.key("Z", CTRL | SHIFT)
    np.testing.assert_array_equal(review.layer.data, painted)
    review.check_screen()


def test_keys_hold_only_while_the_picture_has_the_focus(review: Review, qtbot: QtBot, viewer: napari.Viewer) -> None:
    id_ = review.ids[0]
    review.click(id_)
    review.window.show_step(4)
    field = review.window.save_panel.folder
    field.setFocus()
    qtbot.waitUntil(field.hasFocus, timeout=WAIT_MS)
    qtbot.keyClicks(field, "dar")
    assert field.text().endswith("dar")
    assert id_ in review.reviewer.annotation.records
    viewer.layers.selection.active = viewer.layers[0]
    review.canvas.setFocus()
    review.key("D")
    assert id_ not in review.reviewer.annotation.records  # whichever layer is selected


def test_button_acts_and_leaves_the_keys_with_the_picture(review: Review, click: Callable[[QWidget], None]) -> None:
    review.click(review.ids[0])
    click(review.button("D"))
    assert review.ids[0] not in review.reviewer.annotation.records
    assert review.canvas.hasFocus()
    review.key("Z", CTRL)
    assert review.ids[0] in review.reviewer.annotation.records


def test_bad_use_is_a_sentence(review: Review) -> None:
    review.key("Z", CTRL)
    assert "undo" in review.panel.notice.words.text()
    review.click_background()
    review.key("D")
    assert "No cell" in review.panel.notice.words.text()
    assert not review.panel.notice.details_button.isVisible()


def test_deleted_layer_is_let_go_of(review: Review, viewer: napari.Viewer) -> None:
    review.click(review.ids[0])
    viewer.layers.remove(review.layer)
    review.key("D")
    assert review.ids[0] in review.reviewer.annotation.records


def test_what_was_corrected_survives_a_slider_and_a_new_run(review: Review, qtbot: QtBot, run: Run) -> None:
    session, kept, gone = review.window.session, review.ids[5], review.ids[6]
    review.click(kept)
    review.key("A")
    review.click(gone)
    review.key("D")
    mask = review.layer.data == kept
    place = np.argwhere(review.first == gone)
    np.testing.assert_array_equal(session.workspace.outcome.prediction.decoded.labels, review.first)
    review.window.show_step(2)
    number = review.window.run_panel.sliders.rows["smallest"].number
    for value in (number.maximum() / 8, number.maximum() / 4):
        with qtbot.waitSignal(review.window.session.runner.changed, timeout=WAIT_MS):
            number.setValue(value)
        qtbot.waitUntil(lambda: not session.decoder.busy, timeout=WAIT_MS)
        np.testing.assert_array_equal(review.layer.data == kept, mask)
    assert ": 1" in review.window.run_panel.notice.words.text()
    assert len(review.reviewer.annotation.records) < len(review.ids)
    assert [edit.rerun for edit in review.reviewer.editor.session.history._done].count(True) == 1
    run(review.window)
    np.testing.assert_array_equal(review.layer.data == kept, mask)
    assert not review.layer.data[tuple(place.T)].any()
    review.check_screen()


def test_nobody_hears_of_a_layer_after_the_dock_is_closed(review: Review, viewer: napari.Viewer, qtbot: QtBot) -> None:
    layer, canvas = review.layer, review.canvas
    children = len(canvas.findChildren(QWidget))
    review.click(review.ids[0])
    review.key("D")
    viewer.window.remove_dock_widget(review.window)
    qtbot.wait(50)
    assert not [c for c in layer.mouse_drag_callbacks if c.__module__.startswith("napari_cellvino")]
    assert len(canvas.findChildren(QWidget)) == children - 1
    layer.paint((3, 3), 9)  # napari's own, and nobody else's
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=QPoint(20, 20))
