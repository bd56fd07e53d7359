from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import psutil
import pytest
import tifffile
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QWidget

from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.gui.widgets.formatting import keep_units
from tests.zarr_plates import write_zarr_plate

from ..conftest import WAIT_MS
from ..plate_hands import (
    CTRL,
    LEFT,
    NONE,
    SHIFT,
    drop,
    hovered,
    names,
    open_plate,
    painted,
    point,
    press,
    wait_plate,
    wait_read,
)

Click = Callable[[QWidget], None]


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """An OME-Zarr plate of four wells with two fields of two channels; every field has values of its own."""
    images = {
        (row, column, field): np.full((2, 1, 40, 50), 100 * n + 10, np.uint16)
        + np.arange(50, dtype=np.uint16)[None, None, None]
        for n, (row, column, field) in enumerate((r, c, f) for r in ("A", "B") for c in ("1", "2") for f in ("0", "1"))
    }
    return write_zarr_plate(tmp_path / "made.ome.zarr", images, "0.5")


@pytest.fixture
def opened(window: CellvinoWindow, made: Path, qtbot: QtBot) -> CellvinoWindow:
    """The window with that plate."""
    open_plate(window, made, qtbot)
    return window


def test_without_a_plate_the_panel_says_what_to_do(window: CellvinoWindow, click: Click) -> None:
    window.show_step(5)
    panel = window.plate_panel
    assert panel.hint.isVisible()
    assert panel.hint.text().startswith("Open the folder of a plate")
    assert panel.open_button.isEnabled()
    assert not panel.grid.isVisible()


def test_opening_a_plate_shows_its_wells_without_reading_pixels(
    window: CellvinoWindow, made: Path, qtbot: QtBot, viewer: napari.Viewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    from napari_cellvino.io.plates.ome_zarr import ZarrPlanes

    def unwanted(*_: object, **__: object) -> None:
        raise AssertionError("a pixel was read")

    monkeypatch.setattr(ZarrPlanes, "plane", unwanted)
    open_plate(window, made, qtbot)
    panel = window.plate_panel
    assert panel.isVisible()  # the tab came to the front
    assert panel.name.text() == "made"
    assert keep_units("4 of 6 wells") in panel.facts.text()
    assert panel.facts.text().endswith("DNA, GFP · 0.5 × 0.5 µm per pixel")
    assert panel.grid.isVisible()
    assert len(viewer.layers) == 0
    assert not panel.notice.isVisible()


def test_click_opens_the_first_field_and_another_takes_its_layers(
    opened: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot
) -> None:
    grid = opened.plate_panel.grid
    press(qtbot, grid, "A02")
    wait_read(opened, qtbot)
    assert [layer.name for layer in viewer.layers] == ["made.ome.zarr A02_f0: DNA", "made.ome.zarr A02_f0: GFP"]
    assert int(viewer.layers[0].data.min()) == 210
    viewer.layers[0].contrast_limits = (3, 77)
    viewer.layers[1].visible = False
    first = list(viewer.layers)
    press(qtbot, grid, "B01")
    wait_read(opened, qtbot)
    assert list(viewer.layers) == first
    assert viewer.layers[0].name == "made.ome.zarr B01_f0: DNA"
    assert int(viewer.layers[0].data.min()) == 410
    assert viewer.layers[0].contrast_limits == [3, 77]
    assert not viewer.layers[1].visible
    stack = opened.session.workspace.stack
    assert stack is not None
    assert (stack.origin.well, stack.origin.field) == ("B01", "0")


def test_another_plate_takes_the_place_of_the_first(
    opened: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot, tmp_path: Path
) -> None:
    press(qtbot, opened.plate_panel.grid, "A02")
    wait_read(opened, qtbot)
    other = {("A", "1", "0"): np.full((1, 1, 300, 400), 7, np.uint16)}
    open_plate(opened, write_zarr_plate(tmp_path / "other.ome.zarr", other, "0.5"), qtbot)
    assert [layer.name for layer in viewer.layers] == ["made.ome.zarr A02_f0: DNA", "made.ome.zarr A02_f0: GFP"]
    press(qtbot, opened.plate_panel.grid, "A01")
    wait_read(opened, qtbot)
    assert [layer.name for layer in viewer.layers] == ["other.ome.zarr A01_f0"]
    centre = [float(x) for x in viewer.scene.camera.center[-2:]]
    assert centre == pytest.approx([150 * viewer.layers[0].scale[-2], 200 * viewer.layers[0].scale[-1]], rel=0.02)


def test_fields_of_a_well_by_number_and_arrows(
    opened: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot, click: Click
) -> None:
    panel = opened.plate_panel
    press(qtbot, panel.grid, "A01")
    wait_read(opened, qtbot)
    assert not panel.back_button.isEnabled()
    panel.field.setFocus()
    qtbot.keyClick(panel.field, Qt.Key.Key_Up)
    wait_read(opened, qtbot)
    assert viewer.layers[0].name == "made.ome.zarr A01_f1: DNA"
    click(panel.next_button)
    wait_read(opened, qtbot)
    assert viewer.layers[0].name == "made.ome.zarr A02_f0: DNA"
    click(panel.back_button)
    wait_read(opened, qtbot)
    assert viewer.layers[0].name == "made.ome.zarr A01_f1: DNA"
    assert panel.field.value() == 2


def test_wells_clicked_in_a_hurry_end_at_the_last(opened: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot) -> None:
    for name in ("A01", "A02", "B01", "B02"):
        press(qtbot, opened.plate_panel.grid, name)
    wait_read(opened, qtbot)
    assert [layer.name for layer in viewer.layers] == ["made.ome.zarr B02_f0: DNA", "made.ome.zarr B02_f0: GFP"]


def test_keys_move_choose_and_open(opened: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot) -> None:
    grid = opened.plate_panel.grid
    grid.setFocus()
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    assert names(opened) == ["A01"]
    qtbot.keyClick(grid, Qt.Key.Key_Down)
    assert names(opened) == ["B01"]
    qtbot.keyClick(grid, Qt.Key.Key_Right, SHIFT)
    assert names(opened) == ["B01", "B02"]
    qtbot.keyClick(grid, Qt.Key.Key_A, CTRL)
    assert names(opened) == ["A01", "A02", "B01", "B02"]
    qtbot.keyClick(grid, Qt.Key.Key_Escape)
    assert names(opened) == []
    assert len(viewer.layers) == 0
    qtbot.keyClick(grid, Qt.Key.Key_Return)
    wait_read(opened, qtbot)
    assert viewer.layers[0].name == "made.ome.zarr B02_f0: DNA"


def test_mouse_chooses_several(opened: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot) -> None:
    grid = opened.plate_panel.grid
    press(qtbot, grid, "A01", CTRL)
    press(qtbot, grid, "B02", CTRL)
    assert names(opened) == ["A01", "B02"]
    press(qtbot, grid, "A01", CTRL)
    assert names(opened) == ["B02"]
    press(qtbot, grid, "A01", SHIFT)
    assert names(opened) == ["A01"]  # from A01, where Ctrl was last
    press(qtbot, grid, "B02", SHIFT)
    assert names(opened) == ["A01", "A02", "B01", "B02"]
    qtbot.mouseClick(grid, LEFT, NONE, QPoint(6, point(grid, "B01").y()))
    assert names(opened) == ["B01", "B02"]
    qtbot.mousePress(grid, LEFT, NONE, point(grid, "A02"))
    qtbot.mouseMove(grid, point(grid, "B03"))
    qtbot.mouseRelease(grid, LEFT, NONE, point(grid, "B03"))
    assert names(opened) == ["A02", "B02"]
    assert "2 wells chosen" in opened.plate_panel.chosen.text()
    assert len(viewer.layers) == 0  # none of that opens a well


def test_dropped_folder_is_opened(window: CellvinoWindow, made: Path, qtbot: QtBot) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(made))])
    window.open_panel.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, LEFT, NONE))
    qtbot.waitUntil(lambda: window.session.plates.current is not None, timeout=WAIT_MS)
    assert window.plate_panel.isVisible()


def test_folder_that_is_no_plate_is_a_notice(window: CellvinoWindow, tmp_path: Path, qtbot: QtBot) -> None:
    panel = window.plate_panel
    window.show_step(5)
    drop(panel, tmp_path)
    wait_plate(window, qtbot)
    assert panel.notice.isVisible()
    assert "no plate" in panel.notice.words.text()
    assert not panel.notice.details_button.isVisible()
    assert not panel.grid.isVisible()


def test_missing_wells_and_fields_are_told_on_the_grid(opened: CellvinoWindow, made: Path, qtbot: QtBot) -> None:
    import shutil

    shutil.rmtree(made / "A" / "2" / "1")
    shutil.rmtree(made / "B" / "2")
    open_plate(opened, made, qtbot)
    current = opened.session.plates.current
    assert current is not None
    wells = current.wells
    assert {w.name for w in wells.absent} == {"B02"}
    assert {w.name for w in wells.incomplete} == {"A02"}
    assert "missing: A02 field 1, well B02" in opened.plate_panel.problems.text()
    grid = opened.plate_panel.grid
    press(qtbot, grid, "B02")
    assert names(opened) == []


@pytest.mark.parametrize(("name", "wells"), [("A01", "A01 · 2 fields"), ("A03", "A03 · not imaged")])
def test_hovering_a_well_tells_of_it(opened: CellvinoWindow, name: str, wells: str) -> None:
    assert hovered(opened.plate_panel.grid, name) == wells


@pytest.mark.slow
def test_many_wells_opened_leave_no_layer_no_file_and_no_memory_behind(
    window: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    images = {
        (row, str(column), "0"): rng.integers(0, 4000, (2, 1, 256, 256)).astype(np.uint16)
        for row in "ABCDEFGH" for column in range(1, 13)
    }  # fmt: skip
    open_plate(window, write_zarr_plate(tmp_path / "many.ome.zarr", images, "0.5"), qtbot)
    plates, process = window.session.plates, psutil.Process()
    wells = list(plates.current.wells.fields)

    def look_at(count: int) -> tuple[int, int, int]:
        for n in range(count):
            plates.show(wells[n % len(wells)])
            wait_read(window, qtbot)
        gc.collect()
        return len(viewer.layers), len(process.open_files()), process.memory_info().rss

    look_at(10)
    qtbot.waitUntil(lambda: window.session.runner.expected is not None, timeout=WAIT_MS)  # the network is compiled
    before, after = look_at(10), look_at(50)
    assert before[:2] == after[:2]
    assert after[0] == 2
    one_well = 2 * 256 * 256 * 2
    assert after[2] - before[2] < 25 * one_well  # of 50 that were opened


def test_small_pictures_are_read_when_asked_for(
    opened: CellvinoWindow, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel, thumbnails = opened.plate_panel, opened.session.thumbnails
    assert not thumbnails.pictures
    dull = painted(panel.grid, "A01")
    panel.wells.shown.setFocus()
    qtbot.keyClick(panel.wells.shown, Qt.Key.Key_End)
    assert panel.wells.shown.currentText() == "Small pictures"
    qtbot.waitUntil(lambda: len(thumbnails.pictures) == 4, timeout=WAIT_MS)
    bright, dark = painted(panel.grid, "B02"), painted(panel.grid, "A01")
    assert bright[0] > dark[0] != dull[0]  # one contrast for all: B02 has the larger values
    qtbot.keyClick(panel.wells.shown, Qt.Key.Key_Home)
    assert painted(panel.grid, "A01") == dull


def test_grid_of_1536_wells_is_painted_and_walked(window: CellvinoWindow, qtbot: QtBot, tmp_path: Path) -> None:
    plate = tmp_path / "large"
    plate.mkdir()
    tifffile.imwrite(plate / "x_AF48_s1_w1.tif", np.zeros((16, 16), np.uint16))
    tifffile.imwrite(plate / "x_A01_s1_w1.tif", np.zeros((16, 16), np.uint16))
    open_plate(window, plate, qtbot)
    grid = window.plate_panel.grid
    assert keep_units("2 of 1,536 wells") in window.plate_panel.facts.text()
    assert painted(grid, "AF48") == painted(grid, "A01") != painted(grid, "P24")
    grid.setFocus()
    qtbot.keyClick(grid, Qt.Key.Key_A, CTRL)
    assert names(window) == ["A01", "AF48"]


VENDORS = {  # written down from the vendors' files: folder, wells, planes, one well, its number of fields
    "imagexpress_1well_zmix_t": ("C07", "3 channels · 2 time points", "C07 · 2 fields"),
    "yokogawa_cv8000/CV8000-Minimal-DataSet-2C-3W-4S-FP2-stack_20230918_135839": (
        "D08 E03 F08", "2 channels · 4 planes", "E03 · 4 fields",
    ),
}  # fmt: skip


@pytest.mark.parametrize("folder", VENDORS)
def test_vendors_plates_are_shown_and_their_wells_open(
    window: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot, hcs_folders: Path, folder: str
) -> None:
    wells, facts, said = VENDORS[folder]
    open_plate(window, hcs_folders / folder, qtbot)
    panel = window.plate_panel
    assert keep_units(facts) in panel.facts.text()
    panel.grid.setFocus()
    qtbot.keyClick(panel.grid, Qt.Key.Key_A, CTRL)
    assert " ".join(names(window)) == wells
    well = said.split(" ", maxsplit=1)[0]
    assert hovered(panel.grid, well) == said
    press(qtbot, panel.grid, well)
    wait_read(window, qtbot)
    assert window.session.opener.failure is None
    assert len(viewer.layers) == int(facts[0])
    assert f"{well}_f" in viewer.layers[0].name


def test_damaged_field_is_a_notice_and_the_next_opens(
    window: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot, tmp_path: Path
) -> None:
    plate = tmp_path / "p"
    plate.mkdir()
    for well in ("A01", "A02", "A03"):
        tifffile.imwrite(plate / f"x_{well}_s1_w1.tif", np.full((16, 16), 9, np.uint16))
    open_plate(window, plate, qtbot)
    (plate / "x_A02_s1_w1.tif").write_bytes(b"II*\0 nothing")
    panel = window.plate_panel
    press(qtbot, panel.grid, "A02")
    wait_read(window, qtbot)
    assert "x_A02_s1_w1.tif" in panel.notice.words.text()
    press(qtbot, panel.grid, "A03")
    wait_read(window, qtbot)
    assert not panel.notice.isVisible()
    assert viewer.layers[0].name.endswith("A03_f1")


def test_folder_that_is_no_plate_leaves_the_one_before_open(
    opened: CellvinoWindow, tmp_path: Path, qtbot: QtBot, viewer: napari.Viewer
) -> None:
    (tmp_path / "empty").mkdir()
    panel = opened.plate_panel
    drop(panel, tmp_path / "empty")
    wait_plate(opened, qtbot)
    assert "no plate" in panel.notice.words.text()
    assert panel.name.text() == "made"
    press(qtbot, panel.grid, "B01")
    wait_read(opened, qtbot)
    assert viewer.layers[0].name == "made.ome.zarr B01_f0: DNA"
