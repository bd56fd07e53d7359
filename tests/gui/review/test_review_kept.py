"""Corrections are saved, offered again after a window was closed, and asked for before it closes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QMessageBox, QWidget

from napari_cellvino.annotation.recovery import start_session
from napari_cellvino.annotation.tools.delete import delete
from napari_cellvino.gui.shell.unsaved_changes_guard import Answer, question
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.io.label_tiff import read_labels
from napari_cellvino.results.field_folder import journal_path

from ..conftest import WAIT_MS
from ..review_session import Review

OpenFile = Callable[[CellvinoWindow, Path], None]
Run = Callable[[CellvinoWindow], None]
Again = Callable[[], Review]


@pytest.fixture
def again(
    viewer: napari.Viewer, open_file: OpenFile, plate_file: Path, run: Run, qtbot: QtBot, tmp_path: Path
) -> Again:
    """A function that opens the dock, or closes and opens it again, and runs the model on the same image."""
    docks: list[CellvinoWindow] = []

    def open_it() -> Review:
        if docks:
            viewer.window.remove_dock_widget(docks.pop())
            viewer.layers.clear()
        _, window = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
        docks.append(window)
        qtbot.waitUntil(lambda: window.session.workspace.package is not None, timeout=WAIT_MS)
        open_file(window, plate_file)
        window.session.saver.choose(str(tmp_path / "results"))
        run(window)
        return Review(window, qtbot)

    return open_it


def save(review: Review, click: Callable[[QWidget], None]) -> None:
    review.window.show_step(4)
    click(review.window.save_panel.save_button)
    review.qtbot.waitUntil(lambda: review.window.session.saver.saved is not None, timeout=WAIT_MS)
    review.window.show_step(3)


def test_unsaved_corrections_are_offered_and_saved_ones_too(
    again: Again, click: Callable[[QWidget], None], tmp_path: Path
) -> None:
    review = again()
    assert not review.panel.offer.isVisible()
    gone, kept = review.ids[4:6]
    review.click(gone)
    review.key("D")
    review.click(kept)
    review.key("Q")
    corrected = review.pixels
    review = again()
    assert review.panel.offer.isVisible()
    offered = review.panel.offer.words.text()
    assert "2 corrections" in offered
    assert f"Exclude #{kept}" in offered
    click(review.panel.go_on_button)
    assert not review.panel.offer.isVisible()
    np.testing.assert_array_equal(review.layer.data, corrected)
    assert review.reviewer.annotation.records[kept].excluded
    assert review.reviewer.editor.undo_name == f"Exclude #{kept}"
    assert review.said == f"✓  Went on after: Exclude #{kept}"
    review.check_screen()
    assert "2 steps not saved yet" in review.panel.last.text()
    save(review, click)
    assert review.panel.last.text() == ""
    folder = tmp_path / "results" / "A01_s1"
    np.testing.assert_array_equal(read_labels(folder / "labels.tif")[0], corrected)
    content = json.loads((folder / "annotation.json").read_text())
    assert content["counts"]["count"] == len(review.ids) - 2
    assert (content["counts"]["rejected"], content["counts"]["excluded"]) == (0, 1)
    assert review.window.save_panel.hint.text() == "1 excluded cell is not counted"
    assert "result_key" in content
    assert (tmp_path / "results" / "counts.csv").is_file()
    review = again()
    assert not review.panel.offer.isVisible()  # what is saved was shown before the run, and went through it
    np.testing.assert_array_equal(review.layer.data, corrected)
    assert review.reviewer.annotation.records[kept].excluded


def test_an_image_that_is_opened_again_offers_what_was_not_saved(
    again: Again, open_file: OpenFile, plate_file: Path, stack_file: Path, run: Run, click: Callable[[QWidget], None]
) -> None:
    review = again()
    review.click(review.ids[4])
    review.key("D")
    corrected = review.pixels
    open_file(review.window, stack_file)
    open_file(review.window, plate_file)  # read again: its review was left with an open journal
    run(review.window)
    back = Review(review.window, review.qtbot)
    assert back.panel.offer.isVisible()
    click(back.panel.go_on_button)
    np.testing.assert_array_equal(back.layer.data, corrected)


def test_begun_anew_sets_the_journal_aside(again: Again, click: Callable[[QWidget], None], tmp_path: Path) -> None:
    review = again()
    review.click(review.ids[4])
    review.key("D")
    review = again()
    click(review.panel.anew_button)
    assert not review.panel.offer.isVisible()
    np.testing.assert_array_equal(review.layer.data, review.first)
    review.click(review.ids[5])
    review.key("D")
    assert [p.name for p in (tmp_path / "results").glob("*.old-1")] == ["A01_s1.corrections.old-1"]


def test_closing_the_window_asks(again: Again, viewer: napari.Viewer, monkeypatch: pytest.MonkeyPatch) -> None:
    review = again()
    window, asked = viewer.window._qt_window, []
    close_guard = review.window.session.close_guard

    def answer(steps: int) -> Answer:
        asked.append(steps)
        return Answer.STAY

    monkeypatch.setattr(close_guard, "ask", answer)
    review.click(review.ids[4])
    review.key("D")
    window.close()
    assert asked == [1]
    assert window.isVisible()
    monkeypatch.setattr(close_guard, "ask", lambda steps: Answer.SAVE)
    assert close_guard._save()
    assert review.reviewer.editor.unsaved == 0


def test_the_question_names_what_is_lost(qtbot: QtBot) -> None:
    parent = QWidget()
    qtbot.addWidget(parent)
    box = question(parent, 12)
    assert box.text() == "12 corrections not saved yet."
    assert box.defaultButton() is box.button(QMessageBox.StandardButton.Save)
    assert box.escapeButton() is box.button(QMessageBox.StandardButton.Cancel)


def test_another_model_leaves_what_was_corrected(again: Again, run: Run, qtbot: QtBot) -> None:
    review = again()
    kept, gone = review.ids[5:7]
    review.click(kept)
    review.key("Period")
    review.click(gone)
    review.key("D")
    mask, place = review.layer.data == kept, np.argwhere(review.first == gone)
    window = review.window
    window.run_panel.model.value_changed.emit("cells-phase")
    qtbot.waitUntil(lambda: window.session.workspace.recipe.model == "cells-phase", timeout=WAIT_MS)
    run(window)
    assert ": 1" in window.run_panel.notice.words.text()
    np.testing.assert_array_equal(review.layer.data == kept, mask)
    assert review.reviewer.annotation.records[kept].model.startswith("nuclei ")
    assert review.reviewer.annotation.provenance.model.startswith("cells-phase ")
    assert review.reviewer.annotation.index.ids() == sorted(review.reviewer.annotation.records)
    assert not np.isin(review.layer.data[tuple(place.T)], [gone]).any()


def test_a_second_window_is_told_and_may_look(
    again: Again, click: Callable[[QWidget], None], tmp_path: Path, qtbot: QtBot
) -> None:
    review = again()
    folder, annotation = tmp_path / "results" / "A01_s1", review.reviewer.workspace.annotation()
    other = start_session(journal_path(folder), annotation)  # as the first window has it
    cell, gone = review.ids[4:6]
    for _ in range(2):
        review.click(cell)
        review.key("D")
        assert "A01_s1 is being corrected in another window or program; close it there" in review.said
        np.testing.assert_array_equal(review.layer.data, review.first)
    other.commit(delete(annotation, [gone]))
    review.reviewer.workspace.save_request(tmp_path / "results").save(other.snapshot())
    review = again()
    assert gone not in review.layer.data  # what the other has saved
    other.close()
    review.window.session.reviewer.begin_anew()
    with_other = start_session(journal_path(folder), annotation)
    with_other.close()
    review.click(cell)
    review.key("D")
    assert "This image was corrected elsewhere after it was opened here" in review.said
    click(review.panel.go_on_button)
    assert gone not in review.layer.data
    review.click(cell)
    review.key("D")
    assert cell not in review.layer.data
