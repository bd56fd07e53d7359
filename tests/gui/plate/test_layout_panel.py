"""Contents of wells typed or from a CSV, and folders opened by a typed pattern, in a real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pandas as pd
import pytest
import tifffile
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_cellvino.core.errors import ImageReadError
from napari_cellvino.core.plate import Well
from napari_cellvino.gui.plate.layout_panel import PlateContents
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.gui.widgets.formatting import keep_units
from napari_cellvino.io.plates import open_plate as open_source
from napari_cellvino.plates.layout import Content, Control, Layout, layout_text
from napari_cellvino.plates.plate_maps import read_layout
from napari_cellvino.results.store import ResultStore

from ..conftest import WAIT_MS
from ..plate_hands import CTRL, drop, hovered, open_plate, press, wait_plate, wait_read

Click = Callable[[QWidget], None]


@pytest.fixture
def contents(window: CellvinoWindow, plate: Path, qtbot: QtBot, click: Click) -> PlateContents:
    """The unfolded form, with that plate."""
    open_plate(window, plate, qtbot)
    click(window.plate_panel.contents_fold.toggleButton())
    return window.plate_panel.contents


def settle_tables(window: CellvinoWindow, qtbot: QtBot) -> None:
    session = window.session
    qtbot.waitUntil(
        lambda: not (session.plate_worker.busy or session.tables.busy or session.plate_runner.running), timeout=WAIT_MS
    )


def test_typed_contents_flow_into_every_table(
    window: CellvinoWindow, contents: PlateContents, plate: Path, qtbot: QtBot, click: Click
) -> None:
    grid = window.plate_panel.grid
    assert not contents.set_button.isEnabled()
    for name in ("A01", "A02"):
        press(qtbot, grid, name, CTRL)
    assert contents.set_button.text() == "Se&t for 2 wells"
    contents.compound.setFocus()
    qtbot.keyClicks(contents.compound, "wortmannin")
    qtbot.keyClicks(contents.dose, "0,4")
    contents.control.setFocus()
    qtbot.keyClick(contents.control, Qt.Key.Key_Down)
    click(contents.set_button)
    settle_tables(window, qtbot)
    assert hovered(grid, "A02") == "A02 · 2 fields\nwortmannin 0.4 · positive control"
    assert contents.known.text() == "2 wells with 1 compound · 2 positive controls"
    root = plate.parent / "p-cellvino"
    assert read_layout(root / "layout.csv", open_source(plate).plate).contents[Well(0, 1)].dose == 0.4
    click(window.plate_panel.running.run_button)
    settle_tables(window, qtbot)
    assert pd.read_csv(root / "wells.csv")["compound"].tolist() == ["wortmannin"] * 2
    assert (pd.read_csv(root / "A01_f1" / "objects.csv")["control"] == "positive").all()
    press(qtbot, grid, "A02", CTRL)  # A01 alone is left
    assert contents.compound.text() == "wortmannin"
    contents.compound.selectAll()
    qtbot.keyClicks(contents.compound, "taxol")
    qtbot.keyClick(contents.compound, Qt.Key.Key_Return)
    settle_tables(window, qtbot)
    assert pd.read_csv(root / "wells.csv")["compound"].tolist() == ["taxol", "wortmannin"]
    assert pd.read_csv(root / "counts.csv")["compound"].tolist() == ["taxol"] * 2 + ["wortmannin"] * 2
    assert (pd.read_csv(root / "A01_f2" / "objects.csv")["compound"] == "taxol").all()
    open_plate(window, plate, qtbot)  # and is there again another day
    assert "taxol 0.4" in hovered(grid, "A01")


def test_contents_typed_during_a_run_are_kept_at_once_and_in_its_tables_afterwards(
    window: CellvinoWindow, contents: PlateContents, plate: Path, qtbot: QtBot, click: Click
) -> None:
    session, root = window.session, plate.parent / "p-cellvino"
    click(window.plate_panel.running.all_button)
    press(qtbot, window.plate_panel.grid, "B01", CTRL)
    contents.compound.setFocus()
    qtbot.keyClicks(contents.compound, "taxol")
    qtbot.keyClick(contents.compound, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not session.tables.busy, timeout=WAIT_MS)
    assert session.plate_runner.running
    assert "taxol" in (root / "layout.csv").read_text()
    settle_tables(window, qtbot)
    wells = pd.read_csv(root / "wells.csv").set_index("well")
    assert wells.loc["B01", "compound"] == "taxol"
    assert wells["fields"].tolist() == [2, 2, 2]


def test_csv_is_read_and_its_faults_are_told(
    window: CellvinoWindow, contents: PlateContents, qtbot: QtBot, click: Click, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    table = tmp_path / "layout.csv"
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(table), ""))
    table.write_text('well;compound;dose;control\nA01;DMSO;;neg\nB01;"a;b";2;\n')
    click(contents.csv_button)
    assert hovered(window.plate_panel.grid, "A01").splitlines()[1] == "DMSO · negative control"
    assert hovered(window.plate_panel.grid, "B01").splitlines()[1] == "a;b 2"
    table.write_text("well,compound\nA01,x\nA1,y\n")
    click(contents.csv_button)
    assert "line 3: well A01" in contents.notice.words.text()
    assert "DMSO" in hovered(window.plate_panel.grid, "A01")
    click(contents.clear_button)
    settle_tables(window, qtbot)
    assert hovered(window.plate_panel.grid, "A01") == "A01 · 2 fields"
    assert not (window.session.well_values.root / "layout.csv").exists()


def test_dose_that_is_no_number_is_told(window: CellvinoWindow, contents: PlateContents, qtbot: QtBot) -> None:
    press(qtbot, window.plate_panel.grid, "A01", CTRL)
    contents.dose.setFocus()
    qtbot.keyClicks(contents.dose, "much")
    qtbot.keyClick(contents.dose, Qt.Key.Key_Return)
    assert contents.notice.words.text() == "✕  Dose 'much' is no number; type one such as 0.4"
    assert not window.session.well_values.layout


def test_layout_text_is_read_as_it_was(plate: Path, tmp_path: Path) -> None:
    layout = Layout({
        Well(0, 1): Content(compound='5" a,b; c', dose=1e-7, control=Control.NEGATIVE),
        Well(1, 0): Content(compound="DMSO"),
    })  # fmt: skip
    (tmp_path / "l.csv").write_text(layout_text(layout), encoding="utf-8")
    assert read_layout(tmp_path / "l.csv", open_source(plate).plate) == layout


def test_pattern_is_previewed_as_it_is_typed_and_opens_the_folder(
    window: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot, click: Click, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    scans = tmp_path / "scans"
    scans.mkdir()
    for number, name in enumerate(("B-02 pos1 dna", "B-02 pos2 dna", "C-03 pos1 dna", "overview")):
        tifffile.imwrite(scans / f"{name}.tif", np.full((20, 30), number, np.uint16))
    panel, pattern = window.plate_panel, window.plate_panel.pattern
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(scans))
    window.show_step(5)
    click(panel.open_button)  # as a plate; of the Open tab it would be a list of images
    wait_plate(window, qtbot)
    assert window.session.work_list.root is None
    assert "no plate" in panel.notice.words.text()
    assert pattern.isVisible()
    qtbot.waitUntil(lambda: "4 images in scans" in pattern.preview.text(), timeout=WAIT_MS)
    assert not pattern.open_button.isEnabled()
    pattern.pattern.setFocus()
    qtbot.keyClicks(pattern.pattern, "{row}-{col")
    qtbot.waitUntil(lambda: pattern.preview.text().startswith("0 of 4 images match"), timeout=WAIT_MS)
    assert not pattern.open_button.isEnabled()
    qtbot.keyClicks(pattern.pattern, "}")
    qtbot.waitUntil(lambda: pattern.preview.text().startswith("⚠"), timeout=WAIT_MS)
    assert "has {col}; known are" in pattern.preview.text()
    assert not pattern.open_button.isEnabled()
    for _ in range(len("{col}")):
        qtbot.keyClick(pattern.pattern, Qt.Key.Key_Backspace)
    qtbot.keyClicks(pattern.pattern, "{column} pos{field} {channel}.tif")
    qtbot.waitUntil(pattern.open_button.isEnabled, timeout=WAIT_MS)
    lines = pattern.preview.text().splitlines()
    assert lines[0] == "3 of 4 images match: 2 fields, 1 channel, 2 wells"
    assert lines[1] == "B-02 pos1 dna.tif → row B, column 02, field 1, channel dna"
    assert lines[-1] == "not matched: overview.tif"
    click(pattern.open_button)
    qtbot.waitUntil(lambda: window.session.plates.current is not None, timeout=WAIT_MS)
    assert keep_units("2 of 96 wells") in panel.facts.text()
    assert not panel.notice.isVisible()
    press(qtbot, panel.grid, "C03")
    wait_read(window, qtbot)
    assert int(viewer.layers[0].data.max()) == 2
    window.session.plates.open(scans)
    wait_plate(window, qtbot)
    assert "no plate" in panel.notice.words.text()
    recipe = window.session.workspace.recipe.model_copy(update={"pattern": "{row}-{column} pos{field} {channel}.tif"})
    (tmp_path / "scans-cellvino").mkdir()
    ResultStore(tmp_path / "scans-cellvino").write_recipe(recipe)  # once it was run
    drop(window.open_panel, scans)
    wait_plate(window, qtbot)
    assert keep_units("2 of 96 wells") in panel.facts.text()
    assert not panel.notice.isVisible()
    window.session.plates.show_failure(ImageReadError("no plate"))
    tifffile.imwrite(scans / "a_1.tif", np.zeros((20, 30), np.uint16))
    pattern.asked.emit(scans, "{field}_{z}.tif")  # images of no plate
    wait_read(window, qtbot)
    assert not panel.notice.isVisible()


def test_folder_that_no_reader_knows_is_a_plate_where_it_is_dropped_on_the_plate_tab(
    window: CellvinoWindow, qtbot: QtBot, tmp_path: Path
) -> None:
    scans = tmp_path / "scans"
    scans.mkdir()
    tifffile.imwrite(scans / "B-02 pos1 dna.tif", np.zeros((20, 30), np.uint16))
    drop(window.plate_panel, scans)
    wait_plate(window, qtbot)
    assert "no plate" in window.plate_panel.notice.words.text()
    assert window.plate_panel.pattern.isVisibleTo(window.plate_panel)
    assert window.session.work_list.root is None
    drop(window.open_panel, scans)
    qtbot.waitUntil(lambda: len(window.session.work_list.fields) == 1, timeout=WAIT_MS)
    wait_read(window, qtbot)
    assert not window.plate_panel.notice.isVisibleTo(window.plate_panel)


def test_what_differs_between_wells_stays_where_nothing_is_typed(
    window: CellvinoWindow, contents: PlateContents, qtbot: QtBot, click: Click
) -> None:
    grid, held = window.plate_panel.grid, window.session.well_values
    known = {
        Well(0, 0): Content(compound="taxl", dose=4.0, control=Control.POSITIVE),
        Well(0, 1): Content(compound="taxl", dose=2.0),
    }
    held.set_layout(Layout(known))
    settle_tables(window, qtbot)
    for name in ("A01", "A02"):
        press(qtbot, grid, name, CTRL)
    assert (contents.compound.text(), contents.dose.text(), contents.control.currentIndex()) == ("taxl", "", -1)
    contents.compound.selectAll()
    qtbot.keyClicks(contents.compound, "taxol")
    qtbot.keyClick(contents.compound, Qt.Key.Key_Return)  # a wrong letter put right: no dose, no control is lost
    settle_tables(window, qtbot)
    right = {well: content.model_copy(update={"compound": "taxol"}) for well, content in known.items()}
    assert dict(held.layout.contents) == right
    press(qtbot, grid, "B01", CTRL)  # holds nothing: now the compounds differ, too
    assert contents.compound.placeholderText() == "differs"
    qtbot.keyClicks(contents.dose, "9")
    qtbot.keyClicks(contents.factor, "3")
    click(contents.set_button)
    settle_tables(window, qtbot)
    assert dict(held.layout.contents) == {
        Well(0, 0): Content(compound="taxol", dose=9.0, control=Control.POSITIVE),
        Well(0, 1): Content(compound="taxol", dose=3.0),
        Well(1, 0): Content(dose=9.0),
    }
