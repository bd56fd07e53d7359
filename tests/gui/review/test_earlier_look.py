"""What was corrected earlier is looked for in a thread: nothing is read while the window waits, and nothing is lost."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.gui.widgets.serial_worker import Task
from napari_cellvino.results import field_folder

from ..conftest import WAIT_MS
from ..review_session import Review

Run = Callable[[CellvinoWindow], None]
Click = Callable[[QWidget], None]
OpenFile = Callable[[CellvinoWindow, Path], None]


@pytest.fixture
def read_by_window(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The results that the thread of the window has read, by the names of their folders."""
    found, parse = list[str](), field_folder.parse_content

    def parsed(path: Path) -> object:
        if threading.current_thread() is threading.main_thread():
            found.append(path.parent.name)
        return parse(path)

    monkeypatch.setattr(field_folder, "parse_content", parsed)
    return found


def wait_rest(window: CellvinoWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.session.busy, timeout=WAIT_MS)


@pytest.fixture
def from_disk(
    review: Review,
    click: Callable[[QWidget], None],
    open_file: OpenFile,
    dna_file: Path,
    stack_file: Path,
    qtbot: QtBot,
) -> CellvinoWindow:
    """A window that shows what stands on the disk of an image, without a run."""
    window = review.window
    window.show_step(4)
    click(window.save_panel.save_button)
    qtbot.waitUntil(lambda: window.session.saver.saved is not None, timeout=WAIT_MS)
    wait_rest(window, qtbot)
    QTest.qWait(60)  # what was written a moment ago is read once more
    open_file(window, stack_file)
    open_file(window, dna_file)
    qtbot.waitUntil(lambda: window.session.workspace.saved is not None, timeout=WAIT_MS)
    return window


@pytest.mark.parametrize("corrected", [False, True])
def test_the_window_reads_no_result_while_one_is_shown(
    from_disk: CellvinoWindow, run: Run, qtbot: QtBot, read_by_window: list[str], *, corrected: bool
) -> None:
    session = from_disk.session
    cells = len(session.reviewer.annotation.records)
    if corrected:
        shown = Review(from_disk, qtbot)
        shown.click(shown.ids[3])
        shown.key("D")
        qtbot.waitUntil(lambda: session.reviewer.editor.unsaved == 0, timeout=WAIT_MS)  # saved without being asked
        wait_rest(from_disk, qtbot)
    run(from_disk)
    assert session.saver.saved is not None  # at once, where the same result stands
    wait_rest(from_disk, qtbot)
    assert len(session.reviewer.annotation.records) == cells - corrected
    session._after_run()
    wait_rest(from_disk, qtbot)
    assert read_by_window == []


@pytest.fixture
def held_back(
    review: Review, open_file: OpenFile, dna_file: Path, run: Run, qtbot: QtBot, read_by_window: list[str]
) -> Iterator[tuple[Review, threading.Event]]:
    """A review of an image that was corrected before, which is not yet known; the event lets it be found."""
    review.click(review.ids[4])
    review.key("D")
    window, go_on = review.window, threading.Event()
    open_file(window, dna_file)  # read again: its review was left with an open journal
    window.session.decoder.start(go_on.wait, Task())
    run(window)
    yield review, go_on
    go_on.set()


def test_a_first_edit_looks_itself_where_the_look_has_not_ended(
    held_back: tuple[Review, threading.Event], qtbot: QtBot
) -> None:
    review, go_on = held_back
    reviewer = review.window.session.reviewer
    before, cells = reviewer.annotation.labels.copy(), len(reviewer.annotation.records)
    assert reviewer.earlier is None
    reviewer.select([review.ids[6]])
    review.window.show_step(3)
    review.canvas.setFocus()
    review.key("D")
    assert reviewer.earlier is not None
    assert "1 correction" in reviewer.earlier.question
    assert len(reviewer.annotation.records) == cells
    np.testing.assert_array_equal(reviewer.annotation.labels, before)
    reviewer.begin_anew()
    go_on.set()
    qtbot.waitUntil(lambda: not review.window.session.decoder.busy, timeout=WAIT_MS)
    assert reviewer.earlier is None  # what was declined is not offered once more


def test_what_was_corrected_is_offered_in_its_own_image_only(
    held_back: tuple[Review, threading.Event], open_file: OpenFile, stack_file: Path, qtbot: QtBot
) -> None:
    review, go_on = held_back
    window = review.window
    open_file(window, stack_file)
    go_on.set()
    qtbot.waitUntil(lambda: not window.session.decoder.busy, timeout=WAIT_MS)
    assert window.session.reviewer.earlier is None
    assert not window.review_panel.offer.isVisible()


def test_steps_on_other_choices_are_told_and_set_aside_by_the_next_edit(
    review: Review, run: Run, qtbot: QtBot, tmp_path: Path
) -> None:
    window, session = review.window, review.window.session
    review.click(review.ids[4])
    review.key("D")
    session.workspace.choose(model="cells")
    session.reviewer.take(None)  # as a field that was left, and whose image was closed
    session.workspace.show(None)
    qtbot.waitUntil(lambda: session.workspace.package.spec.name == "cells", timeout=WAIT_MS)
    run(window)
    other = Review(window, qtbot)
    assert "holds 1 unsaved step on this image as it was found with other choices" in other.said
    cells = len(other.ids)
    session.reviewer.select([other.ids[0]])
    other.key("D")
    assert len(session.reviewer.annotation.records) == cells - 1
    assert session.reviewer.editor.failure is None
    assert [path.name for path in (tmp_path / "results").glob("*.old-1")] == ["A01_s1.corrections.old-1"]
