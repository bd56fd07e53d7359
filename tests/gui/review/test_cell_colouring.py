"""Cells in the colours of what is known of them, with a legend that says it."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QComboBox

from napari_cellvino.annotation import EditSession
from napari_cellvino.annotation.tools.mark import accept, exclude, reject
from napari_cellvino.core.image import Plane
from napari_cellvino.gui.napari_bridge.cell_labels import CellLabels
from napari_cellvino.gui.napari_bridge.layer_style import is_one_colour
from napari_cellvino.gui.review.cell_colouring import (
    EXCLUDED,
    STATE,
    STATE_HUES,
    CellColumns,
    Colouring,
    colour_cells,
    offers,
)
from tests.annotation.conftest import annotate

from ..conftest import WAIT_MS
from ..review_session import Review


@pytest.fixture
def cells() -> tuple[EditSession, Plane]:
    """Four squares, the last as large as all others together, on pixels that grow brighter to the right."""
    labels = np.zeros((40, 100), np.int32)
    for id_, (x, size) in enumerate(((5, 8), (25, 9), (45, 10), (65, 20)), 1):
        labels[5 : 5 + size, x : x + size] = id_
    pixels = np.tile(np.arange(100, dtype=np.uint16), (1, 40, 1))
    plane = Plane(pixels, pixels, channels=("GFP",))
    return EditSession(annotate(labels)), plane


def choose(combo: QComboBox, title: str) -> None:
    """Choose an entry with the keys, as a person does."""
    QTest.keyClick(combo, Qt.Key.Key_Home)
    for _ in range(combo.findText(title)):
        QTest.keyClick(combo, Qt.Key.Key_Down)


def hues(found: Colouring) -> dict[int, tuple[int, ...]]:
    return {id_: tuple(hue) for id_, hue in zip(found.ids.tolist(), found.hues.tolist(), strict=True)}


def test_states_have_their_colours(cells: tuple[EditSession, Plane]) -> None:
    session, plane = cells
    annotation = session.annotation
    session.commit(accept(annotation, [1]))
    session.commit(reject(annotation, [2]))
    session.commit(exclude(annotation, [3], excluded=True))
    found = colour_cells(CellColumns.of(annotation, plane), STATE)
    by_name = {words: hue for hue, words in (*STATE_HUES.values(), EXCLUDED)}
    assert hues(found) == {
        1: by_name["accepted"], 2: by_name["rejected"], 3: by_name["excluded"], 4: by_name["not looked at"],
    }  # fmt: skip
    assert all(words in found.legend for words in by_name)


def test_measurements_go_along_a_scale_with_its_ends(cells: tuple[EditSession, Plane]) -> None:
    session, plane = cells
    columns = CellColumns.of(session.annotation, plane)
    offered = dict(offers(session.annotation, plane))
    assert offered["mean_gfp"] == "Mean intensity of GFP"
    assert colour_cells(columns, "solidity").legend.endswith("(1 without dents)")
    by_intensity = hues(colour_cells(columns, "mean_gfp"))
    assert by_intensity[1] == (68, 1, 84)  # the dark end of viridis
    assert by_intensity[4] == (253, 231, 37)
    area = colour_cells(columns, "area_px")
    assert hues(area)[1] != hues(area)[4]
    assert area.legend.startswith("64.5&nbsp;")  # 64, 81, 100 and 400 px²: the first percentile
    assert "px²" in area.legend


def test_the_picture_takes_the_colours_that_are_chosen(review: Review, qtbot: QtBot) -> None:
    panel, layer, id_ = review.panel, review.layer, review.ids[3]
    before = layer.get_color(id_)
    choose(panel.colour, "Area")
    qtbot.waitUntil(lambda: "█" in panel.legend.text(), timeout=WAIT_MS)
    areas = {i: review.reviewer.annotation.geometry(i).area for i in review.ids}
    least, most = min(areas, key=areas.get), max(areas, key=areas.get)
    assert layer.get_color(least)[2] > layer.get_color(least)[1]  # violet
    assert layer.get_color(most)[1] > layer.get_color(most)[2]  # yellow
    choose(panel.colour, "State")
    qtbot.waitUntil(lambda: "accepted" in panel.legend.text(), timeout=WAIT_MS)
    unseen = tuple(layer.get_color(id_))
    review.click(id_)
    review.key("A")
    qtbot.waitUntil(lambda: tuple(layer.get_color(id_)) != unseen, timeout=WAIT_MS)
    review.key("F", Qt.KeyboardModifier.NoModifier)
    assert tuple(layer.get_color(id_)) != unseen  # filled, it keeps the colour of its state
    review.key("F")
    choose(panel.colour, "One colour")
    review.key("A")  # an edit in the middle of it
    qtbot.waitUntil(lambda: not panel.legend.isVisible(), timeout=WAIT_MS)
    np.testing.assert_array_equal(layer.get_color(id_), before)


def test_a_slider_draws_coloured_cells_in_the_thread_and_colours_them_anew(
    review: Review, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    window, layer = review.window, review.layer
    choose(review.panel.colour, "Area")
    qtbot.waitUntil(lambda: "█" in review.panel.legend.text(), timeout=WAIT_MS)
    drawn = list[tuple[slice, ...]]()
    contour = CellLabels._calculate_contour
    monkeypatch.setattr(
        CellLabels, "_calculate_contour", lambda self, labels, part: drawn.append(part) or contour(self, labels, part)
    )
    window.show_step(2)
    slider = window.run_panel.sliders.rows["smallest"].slider
    slider.setFocus()
    shown, before = list[object](), len(review.ids)
    window.session.workspace.outcome_changed.connect(shown.append)
    while len(review.reviewer.annotation.records) == before:
        shown.clear()
        QTest.keyClick(slider, Qt.Key.Key_PageUp)
        qtbot.waitUntil(lambda: bool(shown) and not window.session.decoder.busy, timeout=WAIT_MS)
    window.session.workspace.outcome_changed.disconnect(shown.append)
    assert review.reviewer.annotation.records
    window.show_step(3)

    def coloured() -> bool:
        return not is_one_colour(layer.colormap) and not window.session.busy

    qtbot.waitUntil(coloured, timeout=WAIT_MS)
    annotation = review.reviewer.annotation
    areas = {id_: annotation.geometry(id_).area for id_ in annotation.records}
    least, most = min(areas, key=areas.get), max(areas, key=areas.get)
    assert layer.get_color(least)[2] > layer.get_color(least)[1]  # violet: the scale is that of the cells that are left
    assert layer.get_color(most)[1] > layer.get_color(most)[2]  # yellow
    assert not drawn  # in the window's thread, which takes a fifth of a second for a large image
