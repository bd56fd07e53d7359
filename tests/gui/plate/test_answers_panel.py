"""What a plate answers, asked in a real window: contents diluted and pasted, curves, wells, the page."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QApplication, QWidget

from napari_cellvino.core.plate import Well
from napari_cellvino.gui.plate import well_values_controller
from napari_cellvino.gui.plate.asked_tables import OUTDATED
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.gui.widgets.serial_worker import Task
from napari_cellvino.plates.layout import Layout
from napari_cellvino.results.plate_store import PlateResults
from tests.plate_images import write_plate

from ..conftest import WAIT_MS
from ..plate_hands import CTRL, open_plate, press

COLUMNS = 9
EC50 = 4.0


def settle(window: CellvinoWindow, qtbot: QtBot) -> None:
    session = window.session
    qtbot.waitUntil(lambda: not (session.plate_worker.busy or session.tables.busy), timeout=WAIT_MS)


def write_results(root: Path) -> None:
    """Write the tables that a run leaves, with responses along a curve."""
    wells = pd.read_csv(root / "layout.csv")
    dose = wells["dose"].to_numpy(float)
    rng = np.random.default_rng(1)
    wells["count"] = 100 - 80 / (1 + (EC50 / dose) ** 1.5) + rng.normal(0, 1, len(wells))
    wells["share_dead"] = 1 - wells["count"] / 100
    wells.drop(columns=["compound", "dose", "control"]).assign(plate="p").to_csv(root / "wells.csv", index=False)
    (root / "A01_f1").mkdir()
    Image.fromarray(np.zeros((20, 20, 3), np.uint8)).save(root / "A01_f1" / "qc.png")
    pd.DataFrame({"plate": ["p"], "well": ["A01"], "folder": ["A01_f1"]}).to_csv(root / "counts.csv", index=False)


def test_a_dilution_is_filled_in_and_the_plate_answers(
    window: CellvinoWindow, tmp_path: Path, qtbot: QtBot, click: Callable[[QWidget], None]
) -> None:
    plate = write_plate(
        tmp_path / "p", [np.zeros((16, 100), np.uint16)], tuple(Well(0, n).name for n in range(COLUMNS))
    )
    open_plate(window, plate, qtbot)
    panel, grid, root = window.plate_panel, window.plate_panel.grid, tmp_path / "p-cellvino"
    click(panel.contents_fold.toggleButton())
    for number in range(COLUMNS):
        press(qtbot, grid, Well(0, number).name, CTRL)
    form = panel.contents
    qtbot.keyClicks(form.compound, "taxol")
    qtbot.keyClicks(form.dose, "256")
    qtbot.keyClicks(form.factor, "none")
    click(form.set_button)
    assert "'none' is no number" in form.notice.words.text()
    form.factor.clear()
    qtbot.keyClicks(form.factor, "2")
    click(form.set_button)
    settle(window, qtbot)
    held = window.session.well_values.layout.contents
    assert [held[Well(0, n)].dose for n in range(COLUMNS)] == [256 / 2**n for n in range(COLUMNS)]
    QApplication.clipboard().setText("wortmannin\twortmannin\n")
    click(form.paste_button)
    settle(window, qtbot)
    held = window.session.well_values.layout.contents
    assert [(held[Well(0, n)].compound, held[Well(0, n)].dose) for n in (0, 1, 2)] == [
        ("wortmannin", 256), ("wortmannin", 128), ("taxol", 64)]  # fmt: skip
    QApplication.clipboard().setText("taxol\ttaxol")
    click(form.paste_button)
    settle(window, qtbot)

    write_results(root)
    click(panel.answers_fold.toggleButton())
    assert panel.minimumSizeHint().width() <= 380  # all of it beside a scroll bar, in a dock of 400
    answers = panel.answers
    qtbot.waitUntil(answers.ask_button.isEnabled, timeout=WAIT_MS)
    assert [answers.measure.itemText(n) for n in range(answers.measure.count())] == ["count", "share of dead"]
    qtbot.keyClicks(answers.unit, "nM")
    click(answers.ask_button)
    qtbot.waitUntil(lambda: window.session.answers.shown is not None, timeout=WAIT_MS)
    (curve,) = window.session.answers.shown.answers.curves
    assert abs(np.log(curve.fit.ec50.value / EC50)) < 0.3
    assert answers.said.text().startswith("taxol: EC50 ")
    assert answers.curves.isVisible()
    shown = window.session.answers.shown.curves
    at = shown.points[shown.wells.index(("p", "A01"))] * answers.curves.width() / shown.pixels.shape[1]
    told = answers.curves.described(QPoint(*at.astype(int).tolist()))
    assert "A01" in told
    assert "qc.png" in told
    assert answers.curves.described(QPoint(0, 0)) == ""
    click(answers.page_button)
    qtbot.waitUntil(lambda: window.session.answers.page is not None, timeout=WAIT_MS)
    written = pd.read_csv(root / "answers" / "dose_response.csv")
    assert written["compound"].tolist() == ["taxol"]
    assert answers.said.text().endswith("plate_report.html")

    press(qtbot, grid, "A02")
    form.dose.clear()
    qtbot.keyClicks(form.dose, "100")
    click(form.set_button)  # the curve is of other doses
    qtbot.waitUntil(lambda: OUTDATED in answers.warned.text(), timeout=WAIT_MS)
    click(answers.ask_button)
    qtbot.waitUntil(lambda: not window.session.answers.working, timeout=WAIT_MS)
    settle(window, qtbot)
    assert OUTDATED not in answers.warned.text()
    assert "Answer fits" not in answers.warned.text()
    answers.measure.setFocus()
    qtbot.keyClick(answers.measure, Qt.Key.Key_Down)
    assert answers.measure.value() == "share_dead"
    assert "These are curves of Cells (per well): Answer fits those of what is chosen now." in answers.warned.text()
    click(answers.ask_button)
    qtbot.waitUntil(lambda: not window.session.answers.working, timeout=WAIT_MS)
    assert window.session.answers.shown.answers.choices.measure == "share_dead"
    assert "Answer fits" not in answers.warned.text()
    wells = pd.read_csv(root / "wells.csv")
    wells.assign(count=wells["count"] + 1).to_csv(root / "wells.csv", index=False)  # as a run over the plate does
    window.session.well_values.read()
    qtbot.waitUntil(lambda: OUTDATED in answers.warned.text(), timeout=WAIT_MS)


def test_what_was_asked_of_one_plate_is_no_answer_of_the_next(
    window: CellvinoWindow, tmp_path: Path, qtbot: QtBot, click: Callable[[QWidget], None]
) -> None:
    names = tuple(Well(0, n).name for n in range(COLUMNS))
    first, other = (write_plate(tmp_path / name, [np.zeros((16, 100), np.uint16)], names) for name in ("p", "q"))
    open_plate(window, first, qtbot)
    rows = [{"well": w, "compound": "taxol", "dose": 256 / 2**n, "control": ""} for n, w in enumerate(names)]
    root = tmp_path / "p-cellvino"
    root.mkdir()
    pd.DataFrame(rows).to_csv(root / "layout.csv", index=False)
    write_results(root)
    answers, panel = window.session.answers, window.plate_panel
    click(panel.answers_fold.toggleButton())
    qtbot.waitUntil(panel.answers.ask_button.isEnabled, timeout=WAIT_MS)
    go_on = threading.Event()
    window.session.tables.start(go_on.wait, Task())  # the thread has something to do before
    click(panel.answers.ask_button)
    assert answers.working
    window.session.open(other)
    qtbot.waitUntil(lambda: window.session.well_values.root == tmp_path / "q-cellvino", timeout=WAIT_MS)
    go_on.set()
    settle(window, qtbot)
    assert answers.shown is None
    assert not answers.working
    assert "EC50" not in panel.answers.said.text()


def test_tables_of_one_folder_are_not_shown_for_the_folder_that_is_chosen_next(
    window: CellvinoWindow, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = tuple(Well(0, n).name for n in range(COLUMNS))
    open_plate(window, write_plate(tmp_path / "p", [np.zeros((16, 100), np.uint16)], names), qtbot)
    wells, go_on, well = window.session.well_values, threading.Event(), Well(0, 0)
    written = PlateResults(lines={well: {"well": "A01", "count": 5}})
    monkeypatch.setattr(well_values_controller, "_tabulated", lambda *_: written)
    window.session.plate_worker.start(go_on.wait, Task())
    wells.set_layout(Layout())  # its tables are written when the thread is free
    wells.choose(str(tmp_path / "elsewhere"))
    go_on.set()
    settle(window, qtbot)
    qtbot.waitUntil(lambda: not window.session.plate_worker.busy, timeout=WAIT_MS)
    assert wells.root == tmp_path / "elsewhere"
    assert wells.lines == {}
