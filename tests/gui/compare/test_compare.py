"""Two results of one image side by side: the one shown, and that of other choices, which is not taken."""

from __future__ import annotations

from collections.abc import Callable

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QRect
from qtpy.QtWidgets import QWidget

from napari_cellvino.annotation.tools.mark import reject
from napari_cellvino.gui.compare.compare_controller import plane_of
from napari_cellvino.gui.compare.compare_panel import OUTDATED, ComparePanel, LinkedView

from ..conftest import WAIT_MS
from ..review_session import Review


def test_other_choices_are_seen_beside_the_result_and_not_taken(
    review: Review, viewer: napari.Viewer, qtbot: QtBot, click: Callable[[QWidget], None]
) -> None:
    window = review.window
    session, count = window.session, len(review.ids)
    rejected = review.ids[0]
    session.reviewer.do(lambda annotation: reject(annotation, [rejected]))
    window.show_step(2)
    click(window.run_panel.compare_button)
    qtbot.waitUntil(lambda: "Compare" in viewer.window.dock_widgets, timeout=WAIT_MS)
    panel = viewer.window.dock_widgets["Compare"].findChild(ComparePanel)
    qtbot.waitUntil(panel.isVisible, timeout=WAIT_MS)
    click(panel.run_button)
    qtbot.waitUntil(lambda: session.compare.done is not None, timeout=WAIT_MS)
    done, found = session.compare.done, session.compare.done.comparison
    assert session.compare.failure is None
    assert (found.first, found.second, found.only_first) == (count - 1, count, ())
    assert len(found.only_second) == len(done.places) == 1
    assert "1 only here" in panel.titles[1].text()
    assert ", INT8: " in panel.titles[0].text()  # as the choice of precision calls it
    assert ", Fast, in " in panel.titles[1].text() or ", INT8, in " in panel.titles[1].text()  # how long it took
    assert len(session.reviewer.annotation.records) == count
    first, second = panel.views
    for width in (900, 300):  # all of the picture stays in view as the dock grows and shrinks
        panel.window().resize(width, panel.window().height())
        for view in panel.views:
            qtbot.waitUntil(lambda view=view: view.viewport().rect().contains(_seen(view)), timeout=WAIT_MS)
    assert not panel.failure.words.isVisible()
    click(panel.next_button)
    assert first.transform() == second.transform()
    y, x = done.places[0]
    for view in panel.views:
        middle = view.mapToScene(view.viewport().rect().center())
        assert np.hypot(middle.x() - x, middle.y() - y) < 40 or not view.horizontalScrollBar().maximum()
    session.reviewer.do(lambda annotation: reject(annotation, [review.ids[1]]))
    assert panel.failure.words.text() == f"⚠  {OUTDATED}"  # its numbers are of what was there before
    click(panel.run_button)
    qtbot.waitUntil(lambda: session.compare.done is not done, timeout=WAIT_MS)
    assert (session.compare.done.comparison.first, panel.failure.words.text()) == (count - 2, "")


def _seen(view: LinkedView) -> QRect:
    return view.mapFromScene(view.sceneRect()).boundingRect().adjusted(1, 1, -1, -1)


@pytest.mark.parametrize(("seen", "plane"), [(0, 0), (3, 3), (None, 2)])
def test_the_plane_that_is_seen_is_compared(seen: int | None, plane: int) -> None:
    assert plane_of(np.zeros((5, 8, 8), np.int32), seen) == plane
    assert plane_of(np.zeros((8, 8), np.int32), seen) is None
