"""Masks of a file come into a review as one edit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_cellvino.core.objects import ObjectOrigin, ReviewState
from napari_cellvino.gui.review.mask_import_controller import IN_UM

from ..conftest import WAIT_MS
from ..plate_hands import drop
from ..review_session import Review

Take = Callable[..., None]


@pytest.fixture
def take(review: Review, click: Callable[[QWidget], None], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Take:
    """A function that brings a file in by the button."""

    def take_it(path: Path, kind: str = "") -> None:
        many, masks = review.panel.many, review.window.session.masks
        many.fold.unfold(True)
        monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(path), kind))
        click(many.masks_button)
        assert not many.masks_button.isEnabled()
        qtbot.waitUntil(lambda: not masks.reading, timeout=WAIT_MS)

    return take_it


def test_masks_take_the_place_of_what_nobody_looked_at(review: Review, take: Take, root: Path, qtbot: QtBot) -> None:
    truth = tifffile.imread(root / "sample_data" / "plate" / "labels" / "A01_s1.tif")
    kept = review.ids[5]
    mask = review.first == kept
    review.click(kept)
    review.key("A")
    take(root / "sample_data" / "plate" / "labels" / "A01_s1.tif")
    annotation = review.reviewer.annotation
    new = [record for record in annotation.records.values() if record.origin is ObjectOrigin.IMPORTED]
    assert f"{len(new)} cells from A01_s1.tif, 1 " in review.said
    assert len(new) + 1 == len(annotation.records)
    assert {record.review for record in new} == {ReviewState.UNSEEN}
    np.testing.assert_array_equal(review.pixels == kept, mask)
    other = ~np.isin(truth, truth[mask])  # the true outline of the cell that stays is left out
    np.testing.assert_array_equal((review.pixels > 0)[other & ~mask], (truth > 0)[other & ~mask])
    qtbot.waitUntil(review.canvas.hasFocus, timeout=WAIT_MS)
    review.check_screen()
    qtbot.waitUntil(lambda: len(review.panel.list.table.cells.ids) == len(annotation.records), timeout=WAIT_MS)
    review.key("Z", Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(review.pixels, review.first)


@pytest.mark.parametrize("onto", ["panel", "picture"])
def test_dropped_label_image_is_taken_as_cells_and_not_counted(
    review: Review, root: Path, qtbot: QtBot, click: Callable[[QWidget], None], onto: str
) -> None:
    window, panel = review.window, review.window.open_panel
    count, path = len(review.ids), root / "sample_data" / "plate" / "labels" / "A01_s1.tif"
    if onto == "panel":
        window.show_step(1)
        drop(panel, path)
    else:
        review.viewer.window._qt_viewer._qt_open([str(path)], stack=False)
    qtbot.waitUntil(panel.label_image.isVisible, timeout=WAIT_MS)
    assert review.viewer.layers[-1] is review.layer
    assert path.name in panel.label_image.words.text()
    assert window.session.work_list.fields == ()
    click(panel.label_image.take_button)
    qtbot.waitUntil(lambda: len(review.reviewer.annotation.records) != count, timeout=WAIT_MS)
    assert {record.origin for record in review.reviewer.annotation.records.values()} == {ObjectOrigin.IMPORTED}
    assert not panel.label_image.isVisible()


def test_masks_outlive_another_run(review: Review, take: Take, root: Path, run: Callable[[object], None]) -> None:
    take(root / "sample_data" / "plate" / "labels" / "A01_s1.tif")
    taken = review.pixels
    review.window.session.workspace.choose(parameters={"confidence": 0.5})
    run(review.window)
    np.testing.assert_array_equal(review.pixels[taken > 0], taken[taken > 0])


def test_masks_that_do_not_fit_are_refused(review: Review, take: Take, tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "small.tif", np.ones((20, 30), np.uint8))
    take(tmp_path / "small.tif")
    assert "(20, 30)" in review.said
    (tmp_path / "none.txt").write_text("thesis")
    take(tmp_path / "none.txt")
    assert "none.txt" in review.said
    np.testing.assert_array_equal(review.pixels, review.first)
    assert not review.reviewer.editor.undo_name
    square = [[10, 20], [36, 20], [36, 33], [10, 33], [10, 20]]  # x, y in µm, of pixels of 0.65 µm
    (tmp_path / "um.geojson").write_text(json.dumps({"type": "Polygon", "coordinates": [square]}))
    take(tmp_path / "um.geojson", IN_UM)
    assert "1 cell from um.geojson" in review.said
    found = np.argwhere(review.pixels)
    np.testing.assert_allclose([found.min(0), found.max(0) + 1], np.array([[20, 10], [33, 36]]) / 0.65, atol=1)
