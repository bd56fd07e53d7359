"""Keys belong to the current field whichever layer is selected; what others do to its layer is never lost or unseen."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QWidget

from napari_cellvino.annotation.prepared_step import StepBase
from napari_cellvino.core.objects import ObjectOrigin, ReviewState
from napari_cellvino.gui.run import result_merge
from napari_cellvino.gui.run.prepared_result import PreparedResult, merged
from napari_cellvino.io.label_tiff import read_labels

from ..conftest import WAIT_MS
from ..review_session import LEFT, Review

CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier


@pytest.mark.parametrize("selected", ["image", "none", "points"])
def test_keys_and_clicks_hold_whichever_layer_is_selected(review: Review, selected: str) -> None:
    layers = review.viewer.layers
    points = layers.selection.active if selected != "points" else review.viewer.add_points(np.zeros((1, 2)), name="P")
    layers.selection.active = {"image": layers[0], "none": None, "points": points}[selected]
    review.canvas.setFocus()
    review.key("N")
    assert len(review.reviewer.selection) == 1
    review.key("A")
    assert review.reviewer.progress.reviewed == 1
    layers.selection.active = {"image": layers[0], "none": None, "points": points}[selected]
    review.click(review.ids[3])
    assert review.reviewer.selection == (review.ids[3],)


def test_keys_rest_while_another_layer_is_drawn_in_and_it_is_said(review: Review) -> None:
    shapes = review.viewer.add_shapes(name="my shapes")
    shapes.mode = "add_rectangle"
    review.canvas.setFocus()
    review.click(review.ids[0])
    review.key("D")
    assert sorted(review.reviewer.annotation.records) == review.ids
    assert "my shapes" in review.said
    shapes.mode = "pan_zoom"
    assert "my shapes" not in review.said
    review.key("N")
    assert len(review.reviewer.selection) == 1


def test_a_tool_is_used_twice_by_its_key(review: Review) -> None:
    places = []
    for id_ in review.far_apart():
        places.append(review.inside(id_))
        review.click(id_)
        review.key("D")
    for place in places:
        review.key("K")
        assert "Esc ends it" in review.said
        review.click_at(place)
    assert all(review.layer.data[place] for place in places)


def test_the_note_field_gives_the_keyboard_back(review: Review) -> None:
    id_, note = review.ids[0], review.panel.note
    review.click(id_)
    note.setFocus()
    review.qtbot.keyClicks(note, "dividing")
    review.qtbot.keyClick(note, Qt.Key.Key_Return)
    record = review.reviewer.annotation.records[id_]
    assert (record.note, record.review, record.protected) == ("dividing", ReviewState.UNSEEN, True)
    assert review.reviewer.progress.edited == 0
    assert review.canvas.hasFocus()
    note.setFocus()
    review.qtbot.keyClicks(note, " twice")
    review.qtbot.keyClick(note, Qt.Key.Key_Escape)
    assert review.canvas.hasFocus()
    assert review.reviewer.annotation.records[id_].note == note.text() == "dividing"


def test_alt_and_a_number_go_to_a_tab(review: Review) -> None:
    for number in (4, 1, 3):
        QTest.keyClick(review.canvas, getattr(Qt.Key, f"Key_{number}"), ALT)
        QApplication.processEvents()
        assert review.window.tabs.currentIndex() == number - 1
    assert review.canvas.hasFocus()
    review.window.show_step(2)
    review.click(review.ids[0])
    review.key("D")  # holds beside any tab, and says so where it is seen
    assert review.viewer.status == f"✓  Delete #{review.ids[0]}"


@pytest.mark.parametrize("how", ["in place", "replaced"])
def test_a_change_from_outside_is_one_step_with_undo(review: Review, qtbot: QtBot, how: str) -> None:
    gone = review.ids[2]
    changed = np.where(review.layer.data == gone, 0, review.layer.data)
    if how == "in place":
        review.layer.data[review.layer.data == gone] = 0
        review.layer.refresh()
    else:
        review.layer.data = changed.astype(np.uint16)
    qtbot.waitUntil(lambda: gone not in review.reviewer.annotation.records, timeout=WAIT_MS)
    assert "changed outside" in review.said
    assert review.layer.data is review.reviewer.annotation.labels
    np.testing.assert_array_equal(review.layer.data, changed)
    review.check_screen()
    review.canvas.setFocus()
    review.key("Z", CTRL)
    np.testing.assert_array_equal(review.layer.data, review.first)
    review.check_screen()


def test_a_change_in_place_that_nobody_drew_is_taken_in_before_the_next_edit(review: Review) -> None:
    gone, deleted = review.ids[2], review.far_apart()[1]
    review.layer.data[review.layer.data == gone] = 0
    review.click(deleted)
    review.key("D")
    assert sorted(review.reviewer.annotation.records) == [i for i in review.ids if i not in (gone, deleted)]


@pytest.mark.parametrize("wrong", ["size", "type"])
def test_labels_that_do_not_fit_are_set_back(review: Review, wrong: str) -> None:
    review.layer.data = np.ones((9, 9), np.int32) if wrong == "size" else review.layer.data.astype(np.uint64) * 2**40
    assert "set back" in review.said
    np.testing.assert_array_equal(review.layer.data, review.first)
    assert sorted(review.reviewer.annotation.records) == review.ids


def test_what_was_changed_outside_is_saved(review: Review, click: Callable[[QWidget], None], qtbot: QtBot) -> None:
    saver, gone = review.window.session.saver, review.ids[2]
    review.window.show_step(4)
    click(review.window.save_panel.save_button)
    qtbot.waitUntil(lambda: saver.saved is not None, timeout=WAIT_MS)
    review.layer.data[review.layer.data == gone] = 0
    click(review.window.save_panel.save_button)
    qtbot.waitUntil(lambda: saver.saved is not None and not review.window.session.busy, timeout=WAIT_MS)
    np.testing.assert_array_equal(read_labels(saver.saved / "labels.tif")[0], review.layer.data)
    assert gone not in review.layer.data


def test_another_kind_of_model_is_no_deleted_layer(review: Review, run: Callable[..., None], qtbot: QtBot) -> None:
    window, workspace = review.window, review.window.session.workspace
    window.run_panel.model.value_changed.emit("live-dead")
    qtbot.waitUntil(lambda: workspace.recipe.model == "live-dead", timeout=WAIT_MS)
    run(window)
    window.show_step(3)
    assert "deleted" not in window.review_panel.notice.words.text()


def test_a_run_makes_a_deleted_layer_anew(review: Review, run: Callable[..., None]) -> None:
    review.viewer.layers.remove(review.layer)
    assert "deleted" in review.said
    run(review.window)
    names = [layer.name for layer in review.viewer.layers]
    assert len([name for name in names if ": cells (" in name]) == 1
    assert not [name for name in names if name.endswith("[1]")]


def test_outlines_are_filled_and_hidden_by_a_key(review: Review) -> None:
    layer, lines = review.layer, review.layer.contour
    assert (lines > 0, layer.opacity) == (True, 1.0)
    review.key("F")
    assert (layer.contour, layer.opacity) == (0, 0.5)
    review.check_screen()
    review.key("F")
    assert (layer.contour, layer.opacity) == (lines, 1.0)
    review.key("V")
    assert not layer.visible
    assert "hidden: press V" in review.said
    assert "hidden: press V" in review.viewer.status
    review.key("V")
    assert layer.visible
    assert "hidden" not in review.said
    assert review.viewer.status == "Ready"


def test_nothing_is_unsaved_once_all_is_undone(review: Review) -> None:
    for id_ in review.ids[:2]:
        review.click(id_)
        review.key("D")
    assert "2 steps not saved" in review.panel.last.text()
    review.key("Z", CTRL)
    review.key("Z", CTRL)
    assert review.reviewer.unsaved == 0
    assert review.panel.last.text() == ""
    review.key("Z", CTRL | Qt.KeyboardModifier.ShiftModifier)
    assert review.reviewer.unsaved > 0


def test_a_cell_painted_in_two_places_is_told(review: Review) -> None:
    first, second = review.far_apart()
    place = review.inside(second)
    review.click(second)
    review.key("D")
    review.paint(place, (place[0], place[1] + 2), label=first)
    assert f"#{first} is in 2 pieces" in review.said


def test_a_preview_of_the_sliders_is_saved_by_a_button_that_says_so(review: Review, qtbot: QtBot) -> None:
    window, save = review.window, review.window.save_panel
    window.show_step(2)
    window.run_panel.sliders.rows["confidence"].number.setValue(0.9)
    qtbot.waitUntil(lambda: window.session.runner.has_preview, timeout=WAIT_MS)
    window.show_step(4)
    qtbot.waitUntil(lambda: not window.session.busy, timeout=WAIT_MS)
    assert save.save_button.text().startswith("Keep the preview and &save ")
    assert "go back first" in save.hint.text()
    QTest.mouseClick(save.save_button, LEFT)
    qtbot.waitUntil(lambda: window.session.saver.saved is not None, timeout=WAIT_MS)
    assert not window.session.runner.has_preview
    assert save.save_button.text().startswith("&Save ")


def test_what_is_corrected_while_a_slider_is_worked_on_is_kept(
    review: Review, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window's thread is free meanwhile; what fits no more is made again."""
    window, reviewer = review.window, review.reviewer
    accepted, gone, rejected, painted = (*review.ids[5:8], 500)
    begun, may_go, threads = threading.Event(), threading.Event(), []

    def held(made: PreparedResult, base: StepBase) -> PreparedResult:
        threads.append(threading.current_thread())
        begun.set()
        may_go.wait(WAIT_MS / 1000)
        return merged(made, base)

    monkeypatch.setattr(result_merge, "merged", held)
    for id_, key in ((accepted, "A"), (gone, "D")):
        review.click(id_)
        review.key(key)
    place, runner = review.inside(rejected), window.session.runner
    free = np.argwhere(review.layer.data == 0)
    spot = tuple(free[len(free) // 3].tolist())
    window.run_panel.sliders.rows["confidence"].number.setValue(0.9)
    qtbot.waitUntil(begun.is_set, timeout=WAIT_MS)
    assert not runner.has_preview
    review.click_at(place)
    review.key("R")
    review.layer.data_setitem(tuple(np.array([at]) for at in spot), painted)  # as napari's brush does
    corrected = review.pixels
    may_go.set()
    qtbot.waitUntil(lambda: runner.has_preview and not window.session.busy, timeout=WAIT_MS)
    annotation = reviewer.annotation
    assert len(threads) > 1
    assert threading.main_thread() not in threads
    assert annotation.records[accepted].review is ReviewState.ACCEPTED
    assert annotation.records[rejected].review is ReviewState.REJECTED
    assert annotation.records[painted].origin is ObjectOrigin.DRAWN
    assert gone in annotation.deleted
    assert review.layer.data is annotation.labels
    for id_ in (accepted, rejected, painted):
        np.testing.assert_array_equal(annotation.labels == id_, corrected == id_)
    assert annotation.index.ids() == sorted(annotation.records) == np.unique(annotation.labels)[1:].tolist()
    assert len(annotation.records) < len(review.ids)
    review.check_screen()
    QTest.mouseClick(window.run_panel.back_button, LEFT)
    window.session.runner.keep_preview()  # at once, as saving does: what was gone back to
    np.testing.assert_array_equal(review.layer.data, corrected)
    qtbot.waitUntil(lambda: not window.session.busy, timeout=WAIT_MS)
    np.testing.assert_array_equal(review.layer.data, corrected)
    assert not runner.has_preview
    review.check_screen()


def test_sliders_taken_back_leave_what_is_saved_as_it_was(review: Review, qtbot: QtBot) -> None:
    """The result is saved and followed again: a second way to it (All cells) would call it another window's."""
    window, saver = review.window, review.window.session.saver
    review.click(review.ids[5])
    review.key("A")
    saver.save()
    qtbot.waitUntil(lambda: saver.saved is not None and not saver.state.busy, timeout=WAIT_MS)
    folder = saver.saved
    window.show_step(2)
    window.run_panel.sliders.rows["confidence"].number.setValue(0.9)
    qtbot.waitUntil(lambda: window.session.runner.has_preview and not window.session.busy, timeout=WAIT_MS)
    QTest.mouseClick(window.run_panel.back_button, LEFT)
    qtbot.waitUntil(lambda: not window.session.runner.has_preview and not window.session.busy, timeout=WAIT_MS)
    assert saver.saved == folder
    review.click(review.ids[6])
    review.key("R")
    qtbot.waitUntil(lambda: review.reviewer.editor.unsaved == 0 and not saver.state.busy, timeout=WAIT_MS)
    states = [record["review"] for record in json.loads((folder / "annotation.json").read_text())["objects"]]
    assert (states.count("accepted"), states.count("rejected")) == (1, 1)
