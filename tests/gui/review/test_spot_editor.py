"""Spots of a field, chosen, seen and edited by clicks in a real viewer; what was edited stays in a new run."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import napari
import numpy as np
import pytest
import tifffile
from pytestqt.qtbot import QtBot

from napari_cellvino.annotation.tools.mark import reject
from napari_cellvino.core.errors import JournalBusyError
from napari_cellvino.core.recipe import SpotPlanes, WholeCellWay
from napari_cellvino.core.spot_edits import deletion_of, edit_spots
from napari_cellvino.core.spots import labels_at
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.results.spot_journal import SpotHold
from napari_cellvino.results.spot_table import write_spots
from napari_cellvino.training.synthetic.spot_fields import SpotField, simulate_spots

from ..conftest import WAIT_MS

OpenFile = Callable[[CellvinoWindow, Path], None]
Run = Callable[[CellvinoWindow], None]


def press(layer: napari.layers.Points, y: float, x: float) -> None:
    """Click a place, as napari tells a layer of it."""
    event = SimpleNamespace(
        button=1, type="mouse_press", position=layer.data_to_world((y, x)), view_direction=None, dims_displayed=[0, 1]
    )
    steps = layer.mouse_drag_callbacks[-1](layer, event)
    next(steps)
    event.type = "mouse_release"
    with pytest.raises(StopIteration):
        next(steps)


@pytest.fixture
def two_channels(root: Path, tmp_path: Path) -> Path:
    """An image of nuclei (DNA) and of spots (FISH)."""
    nuclei = tifffile.imread(root / "sample_data" / "plate" / "B02_s1.ome.tif")[0, :128, :160]
    light, _ = simulate_spots(SpotField(spots=40, snr=15.0, shape=nuclei.shape, cells=0), 3)
    path, names = tmp_path / "two.ome.tif", {"Channel": {"Name": ["DNA", "FISH"]}}
    tifffile.imwrite(path, np.stack([nuclei, light]), metadata={"axes": "CYX", **names})
    return path


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_spots_are_edited_by_clicks_and_stay(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    open_file: OpenFile,
    run: Run,
    two_channels: Path,
    tmp_path: Path,
    qtbot: QtBot,
) -> None:
    open_file(window, two_channels)
    window.show_step(2)
    panel, session = window.run_panel, window.session
    panel.more.expand(animate=False)
    panel.spots.setCurrentIndex(panel.spots.findData("FISH"))
    panel.spots.value_changed.emit("FISH")
    assert session.workspace.recipe.spot_channel == "FISH"
    run(window)
    editor = session.spots
    layer = next(one for one in viewer.layers if one.name.endswith(": spots"))
    found = len(layer.data)
    assert found == len(editor.spots) > 25
    window.show_step(3)
    box = window.review_panel.spots
    assert box.isVisible()
    assert box.count.text().startswith(f"{found} spots, ")
    box.edit_button.click()
    assert viewer.layers.selection.active is layer

    gone = layer.data[5].copy()
    press(layer, *gone)
    assert len(layer.data) == found - 1
    free = max(np.argwhere(np.ones((100, 130))) + 12.0, key=lambda at: np.hypot(*(layer.data - at).T).min())
    press(layer, *free)
    qtbot.waitUntil(lambda: len(layer.data) == found, timeout=WAIT_MS)
    press(layer, *layer.data[0].copy())
    assert "1 added, 2 deleted" in box.count.text()
    box.undo_button.click()
    assert "1 added, 1 deleted" in box.count.text()

    kept = session.saver.target().with_name("two.spots.corrections")
    assert kept.is_file()
    run(window)  # as after a crash: nothing of it stands in a result
    assert box.count.text().endswith("1 added, 1 deleted · those that were not saved are here again")
    layer = next(one for one in viewer.layers if one.name.endswith(": spots"))
    box.undo_button.click()
    assert len(layer.data) == found
    assert "deleted" not in box.count.text()
    press(layer, *gone)
    press(layer, *free)
    qtbot.waitUntil(lambda: len(layer.data) == found, timeout=WAIT_MS)

    with pytest.raises(JournalBusyError, match="spots of two are being edited in another window"):
        SpotHold(session.saver.target())
    session.saver.save()
    qtbot.waitUntil(lambda: session.saver.saved is not None, timeout=WAIT_MS)
    folder = session.saver.saved
    assert len(table(folder / "spots.csv")) == found == int(table(folder.parent / "counts.csv")[0]["spots"])
    assert [row["action"] for row in table(folder / "spot_edits.csv")] == ["delete", "add"]
    assert not kept.exists()
    press(layer, *layer.data[0].copy())  # and what follows is saved without being asked
    qtbot.waitUntil(lambda: len(table(folder / "spots.csv")) == found - 1, timeout=WAIT_MS)

    run(window)
    assert len(editor.spots) == found - 1
    assert np.hypot(*(editor.spots.position[:, 1:] - gone).T).min() > 1

    layer = next(one for one in viewer.layers if one.name.endswith(": spots"))
    other = SpotHold(session.saver.target())  # another window is faster
    press(layer, *layer.data[3].copy())
    assert len(layer.data) == found - 1
    assert "being edited in another window or program; close it there" in box.failure.text()
    write_spots(folder, edit_spots(editor.spots, [deletion_of(editor.spots, 7)]))
    other.release()
    press(layer, *layer.data[3].copy())
    assert len(layer.data) == found - 1
    assert "were edited in another window after they were opened here; open the image again" in box.failure.text()
    run(window)
    assert len(editor.spots) == found - 2


def test_spots_in_cells_are_as_many_in_the_window_as_in_the_tables(
    window: CellvinoWindow, open_file: OpenFile, run: Run, two_channels: Path, tmp_path: Path, qtbot: QtBot
) -> None:
    open_file(window, two_channels)
    session, box = window.session, window.review_panel.spots
    session.workspace.choose(spots=SpotPlanes.STACK, spot_channel="FISH", whole_cells=WholeCellWay.EXPAND)
    session.saver.choose(str(tmp_path / "results"))
    run(window)
    window.show_step(3)

    def in_cells() -> int:
        session.saver.save(overwrite=True)
        qtbot.waitUntil(lambda: session.saver.saved is not None and not session.saver.state.busy, timeout=WAIT_MS)
        (row,) = table(tmp_path / "results" / "counts.csv")
        return int(row["spots_in_cells"])

    number = in_cells()
    qtbot.waitUntil(lambda: f", {number} in cells" in box.count.text(), timeout=WAIT_MS)
    cells, spots = session.whole_cells.cells_of(session.reviewer.annotation), session.spots.spots
    held = labels_at(spots.position, cells)
    most = int(np.bincount(held[held > 0]).argmax())
    session.reviewer.do(lambda annotation: reject(annotation, [most]))
    rest = number - int((held == most).sum())
    qtbot.waitUntil(lambda: f", {rest} in cells" in box.count.text(), timeout=WAIT_MS)
    assert in_cells() == rest < number
