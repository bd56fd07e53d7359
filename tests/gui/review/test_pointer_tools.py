"""Every tool of the review, driven in a real viewer by mouse, keys and buttons."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import napari
import numpy as np
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QWidget

from napari_cellvino.core.objects import ObjectOrigin
from napari_cellvino.gui.review.actions import ACCEPT, DELETE, GROW, SHRINK, WAIST, Action

from ..review_session import Review

SHIFT = Qt.KeyboardModifier.ShiftModifier
CTRL = Qt.KeyboardModifier.ControlModifier


def large_cell(review: Review) -> int:
    """Return a large cell that is not at the edge."""
    places = {id_: review.reviewer.annotation.geometry(id_) for id_ in review.ids}
    inner = [id_ for id_, p in places.items() if min(p.region.low) > 3 and max(p.region.high) < 250]
    return max(inner, key=lambda id_: places[id_].area)


def test_split_by_a_line_and_back(review: Review) -> None:
    id_, before = large_cell(review), review.pixels
    review.key("S")
    assert review.said.startswith("Split: Draw a line across the cell")
    assert review.button("S").isChecked()
    review.drag(*review.across(id_))
    (new,) = set(review.reviewer.annotation.records) - set(review.ids)
    assert review.said == f"✓  Split #{id_}: now #{id_} and #{new}"
    assert review.reviewer.selection == (id_, new)
    assert not review.button("S").isChecked()
    np.testing.assert_array_equal(review.layer.data > 0, before > 0)
    review.check_screen()
    review.key("Z", CTRL)
    np.testing.assert_array_equal(review.layer.data, before)
    assert review.said == f"✓  Undone: Split #{id_}"


def test_split_line_that_misses_says_so_and_stays_in_the_hand(review: Review) -> None:
    id_ = large_cell(review)
    free = np.argwhere(review.layer.data[:200] == 0)
    y, x = free[len(free) // 2].tolist()
    review.key("S")
    review.drag((y, x - 0.4), (y, x + 0.4 + 1e-9), (y, x + 8.0))
    if len(review.reviewer.annotation.records) == len(review.ids):
        assert "cell" in review.panel.notice.words.text()
    middle = review.inside(id_)
    review.drag(middle, (middle[0] + 5, middle[1]))
    assert "ends inside" in review.said
    assert review.button("S").isChecked()
    review.key("Escape")
    assert not review.button("S").isChecked()


def test_split_by_a_click_in_each_part(review: Review) -> None:
    id_ = large_cell(review)
    y, x = review.inside(id_)
    review.key("W")
    review.click_at((y - 3, x))
    review.key("Return")
    assert "two seeds or more" in review.said
    review.click_at((y - 3, x))
    review.click_at((y + 3, x))
    review.key("Return")
    assert review.said.startswith(f"✓  Split #{id_}: now #{id_} and")
    parts = {int(review.layer.data[y - 3, x]), int(review.layer.data[y + 3, x])}
    assert len(parts) == 2
    review.check_screen()


def test_split_at_a_waist(review: Review) -> None:
    first, second = next((a, b) for a, b in neighbours(review.layer.data))
    review.click(first)
    review.click(second, SHIFT)
    review.key("G")
    kept = next(id_ for id_ in (first, second) if id_ in review.reviewer.annotation.records)
    review.click(kept)
    review.key("T")
    assert review.said.startswith((f"✓  Split #{kept}", f"⚠  #{kept} has no clear waist"))


def test_add_by_a_click_where_a_cell_was_deleted(review: Review) -> None:
    id_ = large_cell(review)
    place, old = review.inside(id_), review.layer.data == id_
    review.click(id_)
    review.key("D")
    review.key("K")
    review.click_at(place)
    new = int(review.layer.data[place])
    assert new not in (0, *review.ids)
    assert review.reviewer.annotation.records[new].origin is ObjectOrigin.DRAWN
    both = (review.layer.data == new) & old
    assert both.sum() > 0.6 * old.sum()
    assert not review.button("K").isChecked()
    review.key("K")
    review.click_at(place)
    assert f"#{new}" in review.said
    assert review.button("K").isChecked()  # for a click beside it
    review.key("Escape")
    assert not review.button("K").isChecked()
    review.check_screen()


def test_add_by_drawing_and_by_corners(review: Review) -> None:
    id_ = large_cell(review)
    y, x = review.inside(id_)
    review.click(id_)
    review.key("D")
    review.key("K", SHIFT)
    review.drag(*review.round(y, x, 5))
    drawn = int(review.layer.data[y, x])
    assert drawn not in (0, *review.ids)
    assert 50 < (review.layer.data == drawn).sum() < 110
    review.key("D")
    review.key("K", SHIFT)
    for corner in ((y - 4.5, x - 4.5), (y - 4.5, x + 4.5), (y + 4.5, x + 4.5), (y + 4.5, x - 4.5)):
        review.click_at(corner)  # between pixels: where exactly the screen has them does not matter
    review.key("Return")
    assert (review.layer.data == review.layer.data[y, x]).sum() == 81


def test_outline_drawn_anew_leaves_the_neighbours(review: Review) -> None:
    id_, before = large_cell(review), review.pixels
    y, x = review.inside(id_)
    review.key("O")
    review.drag(*review.round(y, x, 4))
    assert "No cell is chosen" in review.said
    review.key("Escape")
    review.click(id_)
    review.key("O")
    review.drag(*review.round(y, x, 4))
    assert 30 < (review.layer.data == id_).sum() < 80
    others = (before != id_) & (before != 0)
    np.testing.assert_array_equal(review.layer.data[others], before[others])
    review.check_screen()


def test_reshape_by_key(review: Review) -> None:
    id_ = large_cell(review)
    review.click(id_)
    area = (review.layer.data == id_).sum()
    review.key("Period")
    assert (review.layer.data == id_).sum() > area
    review.key("Comma")
    review.key("Comma")
    assert (review.layer.data == id_).sum() < area
    review.key("H")
    assert f"#{id_} has no holes" in review.said
    y, x = review.inside(id_)
    review.layer.data_setitem((np.array([y]), np.array([x])), 0)
    assert review.layer.data[y, x] == 0
    review.key("H")
    assert review.said == f"✓  Fill holes of #{id_}"
    assert review.layer.data[y, x] == id_
    review.key("H", SHIFT)
    assert f"#{id_}" in review.said
    review.check_screen()


def test_shift_drag_and_lasso_choose_cells(review: Review) -> None:
    (a, b) = next(iter(neighbours(review.layer.data)))
    review.drag(review.inside(a), review.inside(b), modifier=SHIFT)
    assert {a, b} <= set(review.reviewer.selection)
    review.click_background()
    review.key("L", SHIFT)
    review.drag((2, 2), (2, 253), (253, 253), (253, 2))
    chosen = review.reviewer.selection
    assert len(chosen) > 0.8 * len(review.ids)
    assert review.said == f"✓  Chosen: {len(chosen)} cells in the lasso"
    review.key("D")
    assert not np.isin(review.layer.data, chosen).any()
    assert review.button("Ctrl+Z").text() == f"Undo Delete {len(chosen)} cells"
    review.key("Z", CTRL)
    np.testing.assert_array_equal(review.layer.data, review.first)


def test_merge_by_a_line_across(review: Review) -> None:
    a, b = next(iter(neighbours(review.layer.data)))
    review.click_background()
    review.key("G")
    assert "drag across the cells" in review.said
    review.drag(review.inside(a), review.inside(b))
    assert len({a, b} & set(review.reviewer.annotation.records)) == 1
    review.check_screen()


def test_every_button_names_its_key_and_does_the_same(review: Review, click: Callable[[QWidget], None]) -> None:
    for thing, button in review.panel.buttons.of.items():
        assert f"({thing.key})" in button.toolTip() or "yet" in button.toolTip()
        assert button.accessibleName()
    id_ = large_cell(review)
    click(review.button("S"))
    assert review.canvas.hasFocus()
    review.drag(*review.across(id_))
    assert len(review.reviewer.annotation.records) == len(review.ids) + 1


def test_page_of_keys(review: Review, viewer: napari.Viewer) -> None:
    from napari_cellvino.gui.review.keys import KeysPage

    review.key("Question", SHIFT)
    (page,) = review.panel.findChildren(KeysPage)
    assert page.isVisible()
    assert page.width() <= 460  # it may stay beside the picture of a small screen
    review.qtbot.keyClick(page, Qt.Key.Key_Escape)
    assert not page.isVisible()


def test_note_is_written_and_undone(review: Review) -> None:
    id_ = review.ids[0]
    review.click(id_)
    note = review.panel.note
    note.setFocus()
    review.qtbot.keyClicks(note, "dividing")
    review.qtbot.keyClick(note, Qt.Key.Key_Return)
    assert review.reviewer.annotation.records[id_].note == "dividing"
    review.canvas.setFocus()
    review.key("Z", CTRL)
    assert review.reviewer.annotation.records[id_].note == ""
    assert note.text() == ""


def test_locked_or_replaced_layer_is_a_sentence(review: Review) -> None:
    review.click(review.ids[0])
    review.layer.editable = False
    review.key("D")
    assert "locked" in review.said
    review.layer.editable = True
    review.layer.data = np.zeros((9, 9), np.int32)
    assert "set back" in review.said
    assert review.layer.data is review.reviewer.annotation.labels
    review.key("D")
    assert review.ids[0] not in review.reviewer.annotation.records


def test_deleted_layer_is_shown_again_with_what_was_corrected(
    review: Review, viewer: napari.Viewer, click: Callable[[QWidget], None]
) -> None:
    review.click(review.ids[0])
    review.key("D")
    viewer.layers.remove(review.layer)
    assert "was deleted" in review.said
    review.key("A")
    assert "was deleted" in review.said
    click(review.panel.again_button)
    assert "was deleted" not in review.said
    assert "was deleted" not in viewer.status
    layer = viewer.layers[-1] if viewer.layers[-1].visible else viewer.layers[-2]
    assert review.window.session.review_canvas.layer.layer in viewer.layers
    assert not (layer.data == review.ids[0]).any()
    review.window.session.review_canvas.layer.layer.name = "mine"
    review.layer = review.window.session.review_canvas.layer.layer
    review.click(review.ids[1])
    review.key("D")
    assert review.ids[1] not in review.reviewer.annotation.records


def neighbours(labels: np.ndarray) -> list[tuple[int, int]]:
    """Return pairs of cells that touch."""
    a, b = labels[:-1].ravel(), labels[1:].ravel()
    c, d = labels[:, :-1].ravel(), labels[:, 1:].ravel()
    pairs = {(int(p), int(q)) for p, q in zip(np.r_[a, c], np.r_[b, d], strict=True) if p and q and p != q}
    return sorted(pairs)


def test_random_edits_among_napari_painting_go_back_and_forth(review: Review) -> None:
    chance, reviewer, layer = Random(7), review.reviewer, review.layer
    editor = reviewer.editor

    def place() -> tuple[int, int]:
        return chance.randrange(256), chance.randrange(256)

    def any_cell() -> int:
        return chance.choice(sorted(reviewer.annotation.records))

    def on_one(action: Action) -> None:
        reviewer.select([any_cell()])
        action.run(reviewer)

    overrides = (
        lambda: on_one(DELETE),
        lambda: on_one(GROW),
        lambda: on_one(SHRINK),
        lambda: on_one(ACCEPT),
        lambda: on_one(WAIST),
        lambda: layer.paint(place(), any_cell()),
        lambda: layer.paint(place(), reviewer.annotation.next_id),
        lambda: layer.paint(review.inside(any_cell()), 0),
        lambda: layer.fill(place(), reviewer.annotation.next_id),
        editor.undo,
        editor.redo,
    )
    for _ in range(80):
        chance.choice(overrides)()
    while editor.redo_name:
        editor.redo()
    last, records = review.pixels, dict(reviewer.annotation.records)
    assert not np.array_equal(last, review.first)
    while editor.undo_name:
        editor.undo()
    np.testing.assert_array_equal(layer.data, review.first)
    assert sorted(reviewer.annotation.records) == review.ids
    review.check_screen()
    while editor.redo_name:
        editor.redo()
    assert reviewer.annotation.index.ids() == sorted(reviewer.annotation.records)
    np.testing.assert_array_equal(layer.data, last)
    assert dict(reviewer.annotation.records) == records
    review.check_screen()
