"""A plate run from the panel: with mouse and keys, on real nuclei, with the shipped network."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import napari
import numpy as np
import pandas as pd
import pytest
import zarr
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QWidget

from napari_cellvino.core.image import Spacing
from napari_cellvino.core.plate import Well
from napari_cellvino.core.recipe import SpotPlanes, WholeCellWay
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.gui.plate.plate_run_panel import PlateRunRows
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.results.store import ResultStore
from napari_cellvino.segmentation.look import WINDOW
from tests.zarr_plates import write_zarr_plate

from ..conftest import WAIT_MS, our_threads
from ..plate_hands import CTRL, hovered, open_plate, painted, press, wait_plate, wait_read

Click = Callable[[QWidget], None]
Run = Callable[[CellvinoWindow], None]


@pytest.fixture
def rows(window: CellvinoWindow, plate: Path, qtbot: QtBot) -> PlateRunRows:
    """The part of the panel that runs, with that plate and its second channel chosen."""
    open_plate(window, plate, qtbot)
    running = window.plate_panel.running
    running.channel.setFocus()
    qtbot.keyClick(running.channel, Qt.Key.Key_Down)
    assert window.session.workspace.recipe.channel == "Channel 2"
    return running


def wait_run(window: CellvinoWindow, qtbot: QtBot) -> None:
    session = window.session
    qtbot.waitUntil(lambda: not session.plate_runner.running and not session.tables.busy, timeout=WAIT_MS)


def test_chosen_wells_are_counted_and_the_grid_recolours(
    window: CellvinoWindow, rows: PlateRunRows, plate: Path, qtbot: QtBot, click: Click, viewer: napari.Viewer
) -> None:
    panel, runner = window.plate_panel, window.session.plate_runner
    assert not rows.run_button.isEnabled()
    assert "Choose wells" in rows.run_button.toolTip()
    dull = painted(panel.grid, "A01")
    for name in ("A01", "B01"):
        press(qtbot, panel.grid, name, CTRL)
    assert rows.run_button.text() == "R&un 2 wells"
    seen: list[dict[object, float]] = []
    runner.changed.connect(lambda: seen.append(dict(panel.grid._view.share)))
    click(rows.run_button)
    assert runner.running
    assert rows.cancel_button.isVisible()
    wait_run(window, qtbot)
    root = plate.parent / "p-cellvino"
    assert rows.folder.text() == str(root)
    wells = pd.read_csv(root / "wells.csv")
    assert wells["well"].tolist() == ["A01", "B01"]
    assert (root / "heatmap_count.png").is_file()
    assert any(0 <= share < 1 for shares in seen for share in shares.values())
    assert rows.count.text() == f"{wells['count'].sum()} cells"
    assert "4 fields in" in rows.detail.text()
    assert panel.wells.shown.currentText() == "Cells (per well)"
    assert panel.wells.legend.isVisible()
    assert painted(panel.grid, "A01") != dull
    assert painted(panel.grid, "A01") != painted(panel.grid, "B01")
    assert hovered(panel.grid, "A01").splitlines()[:2] == ["A01 · 2 fields", f"{wells['count'][0]} cells"]
    assert hovered(panel.grid, "A02") == "A02 · 2 fields"  # not run: hatched
    assert len(viewer.layers) == 0


def test_grid_and_work_list_are_two_views_of_the_same_fields(
    window: CellvinoWindow, rows: PlateRunRows, qtbot: QtBot, click: Click, viewer: napari.Viewer
) -> None:
    session, grid = window.session, window.plate_panel.grid
    press(qtbot, grid, "B01")  # the grid chooses, the list follows, and the other way round
    wait_read(window, qtbot)
    window.show_step(1)
    listed = window.open_panel.work_list
    assert listed.title.text() == "3 wells · 6 fields"
    assert session.work_list.current == listed.list.currentIndex().row() == 4
    listed.list.setFocus()
    qtbot.keyClick(listed.list, Qt.Key.Key_Down)
    wait_read(window, qtbot)
    assert (session.plates.well, session.plates.number) == (Well.parse("B01"), 1)
    click(listed.run_button)  # what is chosen: this field
    wait_run(window, qtbot)
    qtbot.waitUntil(lambda: not session.listing.busy, timeout=WAIT_MS)
    done = [field for field in session.work_list.fields if field.summary is not None]
    assert [(field.origin.well, field.origin.field) for field in done] == [("B01", "2")]
    assert session.well_values.lines[Well.parse("B01")]["count"] == done[0].count
    click(listed.all_button)
    wait_run(window, qtbot)
    assert "1 kept from before" in listed.detail.text()
    qtbot.waitUntil(lambda: session.reviewer.annotation is not None and not session.listing.busy, timeout=WAIT_MS)
    assert len(session.reviewer.annotation.records) == done[0].count
    assert session.work_list.next_to_review() == 0
    viewer.window.remove_dock_widget(window)
    viewer.layers.clear()
    _, again = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
    qtbot.waitUntil(lambda: again.session.work_list.has_results, timeout=WAIT_MS)  # after a restart
    assert again.session.plates.current is not None
    assert [field.count for field in again.session.work_list.fields][5] == done[0].count


def test_all_wells_go_on_where_the_chosen_ones_ended(
    window: CellvinoWindow, rows: PlateRunRows, plate: Path, qtbot: QtBot, click: Click, infers: list[int]
) -> None:
    press(qtbot, window.plate_panel.grid, "A02", CTRL)
    click(rows.run_button)
    wait_run(window, qtbot)
    first = len(infers)
    click(rows.all_button)
    wait_run(window, qtbot)
    assert "2 kept from before" in rows.detail.text()
    assert len(infers) == first + 4, "two wells of two fields; how large cells are is not asked again"
    assert len(pd.read_csv(plate.parent / "p-cellvino" / "wells.csv")) == 3
    wells_are_compared(window, plate.parent / "p-cellvino", qtbot, click)


def wells_are_compared(window: CellvinoWindow, root: Path, qtbot: QtBot, click: Click) -> None:
    """Lay the wells of a plate out by their cells; a point goes to its well, and a well to its point."""
    panel, session = window.plate_panel, window.session
    profiles = panel.profiles
    click(panel.profiles_fold.toggleButton())
    assert profiles.minimumSizeHint().width() <= 380
    assert not profiles.write_button.isEnabled()
    click(profiles.ask_button)
    qtbot.waitUntil(lambda: session.profiles.shown is not None, timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not profiles.plot.visibleRegion().isEmpty(), timeout=WAIT_MS)  # scrolled to
    counted = pd.read_csv(root / "wells.csv")["count"].sum()
    assert profiles.said.text().startswith(f"{counted} cells of 3 wells, ")
    assert (
        "has no negative controls with cells: its profiles are normalised to all of its 3 wells"
        in profiles.warned.text()
    )
    (plate_name, _), *_ = session.profiles.shown.wells.names
    at = profiles.plot.place_of((plate_name, "A02"))
    assert profiles.plot.described(at).startswith("<b>A02</b>")
    qtbot.mouseClick(profiles.plot, Qt.MouseButton.LeftButton, pos=at)
    wait_read(window, qtbot)
    assert session.plates.well == Well.parse("A02")
    assert panel.grid.chosen == {Well.parse("A02")}
    assert profiles.plot.marked == {(plate_name, "A02")}
    assert profiles.near.text().startswith("A02 looks ")
    assert "(-" not in profiles.near.text(), "what is unlike is not called alike"
    press(qtbot, panel.grid, "B01")
    wait_read(window, qtbot)
    assert profiles.plot.marked == {(plate_name, "B01")}
    qtbot.mouseClick(profiles.plot, Qt.MouseButton.LeftButton, pos=QPoint(1, 1))  # beside all points
    assert session.plates.well == Well.parse("B01")
    click(profiles.write_button)
    qtbot.waitUntil(lambda: session.profiles.written is not None, timeout=WAIT_MS)
    assert len(pd.read_csv(root / "profiles" / "profiles.csv")) == 3


def test_cancelled_run_keeps_what_is_done_and_goes_on(
    window: CellvinoWindow, rows: PlateRunRows, plate: Path, qtbot: QtBot, click: Click
) -> None:
    runner = window.session.plate_runner
    click(rows.all_button)
    qtbot.waitUntil(lambda: runner.last.progress.ended >= 1, timeout=WAIT_MS)
    click(rows.cancel_button)
    wait_run(window, qtbot)
    root = plate.parent / "p-cellvino"
    finished = len(list(root.glob("[!.]*/annotation.json")))
    assert 1 <= finished < 6
    told = "1 field" if finished == 1 else f"{finished} fields"
    assert rows.detail.text() == f"stopped: {told} of 6 are done, Run goes on from there"
    assert rows.count.text() == f"{sum(pd.read_csv(root / 'wells.csv')['count'])} cells"
    assert pd.read_csv(root / "wells.csv")["fields"].sum() == finished
    assert rows.all_button.isVisible()
    click(rows.all_button)
    wait_run(window, qtbot)
    assert f"{finished} kept from before" in rows.detail.text()
    assert pd.read_csv(root / "wells.csv")["fields"].tolist() == [2, 2, 2]


def test_wells_open_while_others_are_run(
    window: CellvinoWindow, rows: PlateRunRows, qtbot: QtBot, click: Click, viewer: napari.Viewer
) -> None:
    click(rows.all_button)
    press(qtbot, window.plate_panel.grid, "B01")
    qtbot.waitUntil(lambda: len(viewer.layers) == 2, timeout=WAIT_MS)
    assert window.session.plate_runner.running
    assert viewer.layers[0].name == "p B01_f1: Channel 1"
    wait_run(window, qtbot)
    assert not rows.failed.isVisible()
    assert "6 fields in" in rows.detail.text()


def test_pixel_size_given_for_one_field_holds_for_the_plate(
    window: CellvinoWindow, rows: PlateRunRows, plate: Path, qtbot: QtBot, click: Click
) -> None:
    session, grid = window.session, window.plate_panel.grid
    press(qtbot, grid, "A01")
    qtbot.waitUntil(lambda: session.workspace.stack is not None, timeout=WAIT_MS)
    assert not session.workspace.stack.spacing.known
    session.opener.correct_spacing(Spacing(None, 0.5, 0.5))
    qtbot.waitUntil(lambda: not session.files.busy, timeout=WAIT_MS)
    assert "0.5 × 0.5 µm per pixel" in window.plate_panel.facts.text()
    press(qtbot, grid, "B01")
    qtbot.waitUntil(lambda: session.workspace.stack.origin.well == "B01", timeout=WAIT_MS)
    assert session.workspace.stack.spacing == Spacing(None, 0.5, 0.5)
    click(rows.run_button)
    wait_run(window, qtbot)
    wells = pd.read_csv(plate.parent / "p-cellvino" / "wells.csv")
    area_mm2 = (96 * 0.0005) ** 2
    assert wells["density_per_mm2"].tolist() == pytest.approx([wells["count"][0] / 2 / area_mm2], rel=1e-4)


def test_wells_of_an_ome_zarr_plate_get_a_table_in_it(
    window: CellvinoWindow, qtbot: QtBot, click: Click, tmp_path: Path, nuclei: NDArray[np.uint16]
) -> None:
    images = {("A", c, "0"): np.stack([nuclei[:96, :96], nuclei[:96, :96] // 2])[:, None] for c in ("1", "2")}
    plate = write_zarr_plate(tmp_path / "made.ome.zarr", images, "0.5")
    open_plate(window, plate, qtbot)
    running = window.plate_panel.running
    running.labels_back.setFocus()
    qtbot.keyClick(running.labels_back, Qt.Key.Key_Space)
    click(running.all_button)
    wait_run(window, qtbot)
    assert (tmp_path / "made-cellvino" / "wells.csv").is_file()
    labels = zarr.open_array(plate / "A" / "1" / "0" / "labels" / "cellvino" / "0", mode="r")
    count = pd.read_csv(tmp_path / "made-cellvino" / "wells.csv")["count"][0]
    assert len(np.unique(np.asarray(labels))) == count + 1
    assert (plate / "tables" / "cellvino_wells").is_dir()
    assert "not in the plate" not in window.plate_panel.running.notice.words.text()
    assert "Density (cells/mm²)" in [m.heading for m in window.session.well_values.measures]


def test_bad_image_marks_its_well_and_the_rest_goes_on(
    window: CellvinoWindow, plate: Path, qtbot: QtBot, click: Click
) -> None:
    for name in ("p_A01_s2_w1.tif", "p_B01_s1_w1.tif", "p_B01_s2_w1.tif"):
        (plate / name).write_bytes(b"II*\0 nothing")
    open_plate(window, plate, qtbot)
    rows = window.plate_panel.running
    click(rows.all_button)
    wait_run(window, qtbot)
    assert rows.failed.text().startswith("⚠  3 fields failed:\nA01_f2")
    assert "3 fields in" in rows.detail.text()
    assert painted(window.plate_panel.grid, "B01") != painted(window.plate_panel.grid, "A02")  # hatched
    assert "✕ 2: " in hovered(window.plate_panel.grid, "A01")
    assert "1 field failed" in hovered(window.plate_panel.grid, "A01")
    assert not rows.failure.isVisible()
    wells = pd.read_csv(plate.parent / "p-cellvino" / "wells.csv")
    assert wells[["fields", "failed"]].to_numpy().tolist() == [[1, 1], [2, 0], [0, 2]]
    assert rows.count.text() == f"{wells['count'].sum():.0f} cells"


def test_results_of_an_earlier_run_are_shown_when_the_plate_is_opened(
    window: CellvinoWindow, rows: PlateRunRows, plate: Path, qtbot: QtBot, click: Click
) -> None:
    click(rows.all_button)
    wait_run(window, qtbot)
    known, count = set(window.session.well_values.measures), rows.count.text()
    annotation = plate.parent / "p-cellvino" / "A01_f1" / "annotation.json"
    content = json.loads(annotation.read_text())
    content["objects"][0]["review"] = "accepted"
    annotation.write_text(json.dumps(content))
    window.show_step(1)
    window.show_step(5)  # which looks again
    wait_run(window, qtbot)
    assert window.session.well_values.lines[Well(0, 0)]["reviewed"] > 0
    open_plate(window, plate, qtbot)
    assert rows.count.text() == count
    assert set(window.session.well_values.measures) == known
    titles = [window.plate_panel.wells.shown.itemText(row) for row in range(window.plate_panel.wells.shown.count())]
    assert titles == [
        "What was imaged",
        "Cells (per well)",
        "Nucleus / ring ratio, Channel 1",
        "Median area (px²)",
        "Median intensity, Channel 1 (grey values)",
        "Median intensity, Channel 2 (grey values)",
        "Flags (outlier, edge, failed)",
        "Reviewed (% of cells)",
        "Small pictures",
    ]
    window.plate_panel.wells.shown.setFocus()
    qtbot.keyClick(window.plate_panel.wells.shown, Qt.Key.Key_End)
    qtbot.keyClick(window.plate_panel.wells.shown, Qt.Key.Key_Up)
    reviewed = 100 / sum(len(json.loads(p.read_text())["objects"]) for p in annotation.parents[1].glob("A01*/a*.json"))
    assert f"Reviewed (% of cells): {reviewed:.3g} %" in hovered(window.plate_panel.grid, "A01")


def test_other_choices_replace_nothing_unasked(
    window: CellvinoWindow, rows: PlateRunRows, qtbot: QtBot, click: Click
) -> None:
    press(qtbot, window.plate_panel.grid, "A01", CTRL)
    click(rows.run_button)
    wait_run(window, qtbot)
    window.session.workspace.choose(parameters={"confidence": 0.9})
    click(rows.run_button)
    wait_run(window, qtbot)
    assert "2 fields failed" in rows.failed.text()
    assert "made with other choices" in rows.failed.text()
    rows.replace.setFocus()
    qtbot.keyClick(rows.replace, Qt.Key.Key_Space)
    click(rows.run_button)
    wait_run(window, qtbot)
    assert not rows.failed.isVisible()
    assert "kept" not in rows.detail.text()


@pytest.fixture
def held_fields(window: CellvinoWindow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The network waits after three fields until the run is told to stop."""
    infer_all, runner = OpenVinoEngine.infer_all, window.session.plate_runner
    cancel, asked, stopped = runner.cancel, [], threading.Event()

    def held(engine: OpenVinoEngine, batches: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float16]]:
        for maps in infer_all(engine, batches):
            asked.extend([maps.shape] if maps.shape[-1] != WINDOW else [])  # else it is asked how large cells are
            assert len(asked) <= 3 or stopped.wait(WAIT_MS / 1000)
            yield maps

    def stop() -> None:
        cancel()
        stopped.set()

    monkeypatch.setattr(OpenVinoEngine, "infer_all", held)
    monkeypatch.setattr(runner, "cancel", stop)


@pytest.mark.usefixtures("held_fields")
def test_work_goes_on_while_hidden_and_ends_with_the_dock(
    window: CellvinoWindow, rows: PlateRunRows, plate: Path, qtbot: QtBot, click: Click, viewer: napari.Viewer
) -> None:
    runner, session = window.session.plate_runner, window.session
    click(rows.all_button)
    root = plate.parent / "p-cellvino"
    window.show_step(1)
    window.parent().hide()
    qtbot.waitUntil(lambda: len(list(root.glob("[!.]*/annotation.json"))) >= 2, timeout=WAIT_MS)
    assert runner.running
    dead: list[int] = []
    window.destroyed.connect(lambda: dead.append(1))
    viewer.window.remove_dock_widget(window)
    assert not session.is_open
    qtbot.waitUntil(lambda: not our_threads() and bool(dead), timeout=WAIT_MS)
    finished = len(list(root.glob("[!.]*/annotation.json")))
    assert 2 <= finished < 6
    assert pd.read_csv(root / "wells.csv")["fields"].sum() == finished


def test_results_that_cannot_be_written_are_a_notice(
    window: CellvinoWindow, rows: PlateRunRows, qtbot: QtBot, click: Click, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    rows.folder.setFocus()
    rows.folder.selectAll()
    qtbot.keyClicks(rows.folder, str(tmp_path / "file"))
    qtbot.keyClick(rows.folder, Qt.Key.Key_Return)
    click(rows.all_button)
    wait_run(window, qtbot)
    assert rows.failure.isVisible()
    assert str(tmp_path / "file") in rows.failure.words.text()
    assert rows.all_button.isVisible()


def test_channel_is_that_of_the_plate_whatever_image_is_shown(
    window: CellvinoWindow, rows: PlateRunRows, plate: Path, qtbot: QtBot, click: Click, stack_file: Path
) -> None:
    window.session.open(stack_file)
    qtbot.waitUntil(lambda: window.session.workspace.stack is not None, timeout=WAIT_MS)  # listed, then read
    window.show_step(5)
    rows.channel.setFocus()
    for key, name in ((Qt.Key.Key_Up, "Channel 1"), (Qt.Key.Key_Down, "Channel 2")):
        qtbot.keyClick(rows.channel, key)
        assert rows.channel.currentText() == name
    assert window.session.workspace.recipe.channel != "Channel 2"
    press(qtbot, window.plate_panel.grid, "A01")
    qtbot.waitUntil(lambda: window.session.workspace.stack.origin.well == "A01", timeout=WAIT_MS)
    assert window.session.workspace.recipe.channel == "Channel 2"
    click(rows.run_button)
    wait_run(window, qtbot)
    content = json.loads((plate.parent / "p-cellvino" / "A01_f1" / "annotation.json").read_text())
    assert content["provenance"]["recipe"]["channel"] == "Channel 2"


def test_another_plate_opened_during_a_run_keeps_its_own_numbers(
    window: CellvinoWindow, rows: PlateRunRows, plate: Path, qtbot: QtBot, click: Click, tmp_path: Path
) -> None:
    other = Path(shutil.copytree(plate, tmp_path / "q"))
    click(rows.all_button)
    open_plate(window, other, qtbot)
    assert "plate p" in rows.progress.text() or not window.session.plate_runner.running
    wait_run(window, qtbot)
    assert not window.session.well_values.lines
    assert len(pd.read_csv(plate.parent / "p-cellvino" / "wells.csv")) == 3
    assert rows.folder.text() == str(tmp_path / "q-cellvino")


def test_a_field_keeps_its_place_when_another_plate_is_opened(
    window: CellvinoWindow, rows: PlateRunRows, plate: Path, qtbot: QtBot, tmp_path: Path, run: Run
) -> None:
    press(qtbot, window.plate_panel.grid, "A02")
    wait_read(window, qtbot)
    run(window)
    open_plate(window, Path(shutil.copytree(plate, tmp_path / "q")), qtbot)
    saver = window.session.saver
    saver.save()
    qtbot.waitUntil(lambda: saver.saved is not None, timeout=WAIT_MS)
    assert saver.saved == plate.parent / "p-cellvino" / "A02_f1"
    assert set(pd.read_csv(saver.saved / "objects.csv")["well"]) == {"A02"}
    assert pd.read_csv(plate.parent / "p-cellvino" / "counts.csv")["well"].tolist() == ["A02"]


@pytest.mark.slow
def test_real_plate_of_96_wells(
    window: CellvinoWindow, shared_data: Path, tmp_path: Path, qtbot: QtBot, click: Click
) -> None:
    import zipfile

    with zipfile.ZipFile(shared_data / "sbs_plate" / "sbs_plate.zip") as archive:
        archive.extractall(tmp_path / "sbs")
    open_plate(window, tmp_path / "sbs", qtbot)
    rows, grid = window.plate_panel.running, window.plate_panel.grid
    qtbot.keyClick(rows.channel, Qt.Key.Key_Down)
    for name in ("A01", "H12"):
        press(qtbot, grid, name, CTRL)
    click(rows.run_button)
    wait_run(window, qtbot)
    lines = window.session.well_values.lines
    assert sorted(well.name for well in lines) == ["A01", "H12"]
    assert all(50 < int(str(line["count"])) < 1000 for line in lines.values())
    assert all(np.isfinite(float(str(line["ring_ratio_channel1"]))) for line in lines.values())


def test_a_click_on_a_well_shows_what_was_counted_and_a_reopened_plate_knows_its_channel(
    window: CellvinoWindow,
    rows: PlateRunRows,
    plate: Path,
    qtbot: QtBot,
    click: Click,
    viewer: napari.Viewer,
    small_stack: Path,
    run: Run,
) -> None:
    panel, session = window.plate_panel, window.session
    press(qtbot, panel.grid, "A01", CTRL)
    session.workspace.choose(whole_cells="expand", spots="projection", spot_channel="Channel 1")
    assert "whole cells round the nuclei, spots in Channel 1" in rows.plan.text()
    click(rows.run_button)
    wait_run(window, qtbot)
    window.show_step(2)
    click(window.run_panel.only_cells_button)
    assert not window.run_panel.further.isVisible()
    assert (session.workspace.recipe.whole_cells, session.workspace.recipe.spots) == (None, None)
    session.opener.open(small_stack)  # an image with a result, and other choices, is shown before
    wait_read(window, qtbot)
    session.workspace.choose(z="plane:3")
    run(window)
    window.show_step(5)
    press(qtbot, panel.grid, "A01")
    qtbot.waitUntil(lambda: session.workspace.saved is not None, timeout=WAIT_MS)
    shown = [layer for layer in viewer.layers if isinstance(layer, napari.layers.Labels) and layer.visible]
    counted = pd.read_csv(plate.parent / "p-cellvino" / "counts.csv")["count"][0]
    assert [int(layer.data.max()) for layer in shown] == [counted]
    window.show_step(2)
    assert window.run_panel.count.text() == f"{counted} cells"
    assert window.review_panel.progress.text().startswith(f"0 of {counted} reviewed")
    window.show_step(5)
    press(qtbot, panel.grid, "A02")  # not run
    wait_read(window, qtbot)
    assert not [layer for layer in viewer.layers if isinstance(layer, napari.layers.Labels) and layer.visible]
    assert window.run_panel.count.text() == ""

    viewer.layers.clear()
    session.workspace.choose(channel="", diameter_px=33.0)
    open_plate(window, plate, qtbot)
    qtbot.waitUntil(lambda: not session.catalogue.checking, timeout=WAIT_MS)
    assert session.plate_runner.channel == "Channel 2"
    assert session.workspace.recipe.diameter_px is None
    made = ResultStore(plate.parent / "p-cellvino").recipe()
    assert (made.whole_cells, made.spots) == (WholeCellWay.EXPAND, SpotPlanes.PROJECTION)
    for name in ("whole_cells", "cell_channel", "spots", "spot_channel", "parameters"):
        assert getattr(session.workspace.recipe, name) == getattr(made, name), name
    window.show_step(2)
    assert window.run_panel.further.text() == "Also: whole cells round the nuclei, spots in Channel 1"


def test_a_damaged_image_that_is_told_with_the_plate_is_not_told_again_by_the_run(
    window: CellvinoWindow, tmp_path: Path, qtbot: QtBot, click: Click
) -> None:
    plate = Path(shutil.copytree(shipped_folder("sample_data") / "plate", tmp_path / "plate"))
    (plate / "B03_s1.ome.tif").write_bytes(b"this is no image")
    window.session.plates.open(plate, "{well}_s{field}.ome.tif")
    wait_plate(window, qtbot)
    panel = window.plate_panel
    assert "B03_s1.ome.tif ends like a TIFF file" in panel.problems.text()
    click(panel.running.all_button)
    wait_run(window, qtbot)
    assert panel.running.failed.text() == "⚠  1 field failed:\nB03_f1: as told above"
    assert "ends like a TIFF file" in hovered(panel.grid, "B03")
