"""Excluded, rejected and reviewed cells are told apart in the picture, and an edit leaves the layer's pixels alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import Qt

from napari_cellvino.annotation import Annotation, EditSession
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.annotation.tools.mark import accept, exclude, reject
from napari_cellvino.gui.napari_bridge.canvas import LEFT_OUT, REVIEWED
from napari_cellvino.gui.review.cell_table import STATE
from napari_cellvino.gui.review.state_markers import ReviewSigns
from tests.annotation.conftest import annotate

from ..review_session import Review


def three_planes() -> Annotation:
    """Three cells side by side in a stack; the last one is in the last plane alone."""
    labels = np.zeros((3, 20, 60), np.int32)
    labels[:, 5:15, 5:15], labels[:, 5:15, 25:35], labels[2, 5:15, 45:55] = 1, 2, 3
    return annotate(labels)


def test_signs_follow_edits_and_their_undo() -> None:
    annotation = three_planes()
    session, signs = EditSession(annotation), ReviewSigns(annotation)
    session.changed.connect(signs.on_event)
    assert signs.lines(0).shape == (0, 2, 2)
    session.commit(reject(annotation, [1]))
    session.commit(exclude(annotation, [2], excluded=True))
    session.commit(accept(annotation, [3]))
    struck, *crossed = signs.lines(0)
    np.testing.assert_allclose(
        struck, [(6, 33), (13, 26)][::-1] if struck[0, 0] > struck[1, 0] else [(6, 33), (13, 26)]
    )
    assert {tuple(line.mean(axis=0)) for line in crossed} == {(9.5, 9.5)}
    assert len(crossed) == 2
    assert len(signs.dots(0)[0]) == 0
    np.testing.assert_allclose(signs.dots(2)[0], [(9.5, 49.5)])
    session.commit(delete(annotation, [1]))
    assert len(signs.lines(0)) == 1
    for _ in range(4):
        session.undo()
    assert len(signs.lines(0)) == len(signs.dots(2)[0]) == 0
    np.testing.assert_array_equal(ReviewSigns(annotation).lines(2), signs.lines(2))


def of_colour(review: Review, rgb: tuple[int, int, int]) -> int:
    """Return how many pixels of the canvas as it is seen, signs included, have a colour."""
    from qtpy.QtGui import QImage

    picture = review.window.session.review_canvas.canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGBA8888)
    shape = (picture.height(), picture.bytesPerLine() // 4, 4)
    pixels: NDArray[np.uint8] = np.frombuffer(picture.constBits().asarray(picture.sizeInBytes()), np.uint8)
    return int((pixels.reshape(shape)[..., :3] == rgb).all(-1).sum())


def test_states_are_seen_in_the_picture_until_the_layer_is_hidden(review: Review) -> None:
    orange, blue = LEFT_OUT.getRgb()[:3], REVIEWED.getRgb()[:3]
    excluded, rejected, accepted, unseen = review.ids[:4]
    colours, seen = review.layer.colormap, {}
    for id_, key in ((excluded, "Q"), (rejected, "R"), (accepted, "A"), (unseen, "")):
        review.reviewer.show_cell(id_)
        before = of_colour(review, orange), of_colour(review, blue)
        if key:
            review.key(key)
        seen[id_] = of_colour(review, orange) - before[0], of_colour(review, blue) - before[1]
    assert seen[excluded][0] > 0
    assert seen[rejected][0] > 1.5 * seen[excluded][0]
    assert seen[accepted][0] == seen[excluded][1] == seen[rejected][1] == 0
    assert seen[accepted][1] > 0
    assert seen[unseen] == (0, 0)
    said = [review.panel.list.table.cells._text(review.reviewer.annotation, id_, STATE) for id_ in review.ids[:4]]
    assert [text[:2] for text in said] == ["/ ", "× ", "• ", "no"]
    assert review.layer.colormap is colours
    review.reviewer.show_cell(rejected)
    review.layer.visible = False
    assert of_colour(review, orange) == 0
    review.layer.visible = True
    assert of_colour(review, orange) > 0
    for _ in range(3):
        review.key("Z", Qt.KeyboardModifier.ControlModifier)
    review.reviewer.show_cell(rejected)
    assert of_colour(review, orange) == of_colour(review, blue) == 0


def test_an_edit_draws_no_layer_again(review: Review) -> None:
    drawn: list[object] = []
    refresh: Callable[..., None] = review.layer.refresh
    review.layer.refresh = lambda *a, **k: drawn.append(a) or refresh(*a, **k)
    review.click(review.ids[0])
    drawn.clear()
    for key in "RQA":
        review.key(key)
    assert drawn == []
