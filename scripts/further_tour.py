"""The pages beside the work on one image: Teach, Retrain, Tracks, Batch and All cells, each as a user comes to it."""

from __future__ import annotations

import os
from pathlib import Path

import tifffile
from film_pictures import write_film
from mouse_and_keys import click, tab
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_tour import Shoot
from teach_pictures import paint, write_field

from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.gui.batch.batch_panel import BatchPanel
from napari_cellvino.gui.cells.cells_panel import CellsPanel
from napari_cellvino.gui.shell.demo import settle
from napari_cellvino.gui.shell.window import CellvinoWindow

PLATE = shipped_folder("sample_data") / "plate"
TEACH, RETRAIN, TRACKS = 6, 7, 8  # tabs
LASSO = ((0.1, 0.1), (0.5, 0.1), (0.5, 0.9), (0.1, 0.9))  # shares of the axes of the plot


def tour_further(window: CellvinoWindow, shoot: Shoot, folder: Path) -> None:
    """Photograph the pages beside the work on one image; fields and films are written into a folder."""
    window.session.viewer.layers.clear()
    settle(window)
    for number, name in ((TEACH, "teach"), (RETRAIN, "retrain"), (TRACKS, "tracks")):
        tab(window, number)
        shoot(f"{number}_{name}_nothing")
    _list(window, shoot, folder)
    _teach(window, shoot, folder)
    _retrain(window, shoot)
    _tracks(window, shoot, folder)


def _list(window: CellvinoWindow, shoot: Shoot, folder: Path) -> None:
    """Run a folder of fields as a list, one of which is damaged; look at its ledger and at all cells."""
    images = folder / "wells"
    images.mkdir()
    for path in sorted(PLATE.glob("*.ome.tif"))[:4]:
        tifffile.imwrite(images / f"{path.name[:3]}.tif", tifffile.imread(path)[0])
    (images / "damaged.tif").write_bytes(b"this is no image")
    window.session.saver.choose(os.fspath(images / "cellvino-results"))
    tab(window, 1)
    window.session.open(images)
    settle(window)
    shoot("1_list_ready")
    click(window.open_panel.work_list.all_button)
    QTest.qWait(1500)
    shoot("1_list_working")
    settle(window)
    shoot("1_list_done")
    docks = window.session.viewer.window
    window.session.cells_wanted.emit()
    settle(window)
    panel = docks.dock_widgets["All cells"].findChild(CellsPanel)
    shoot("9_cells_nothing_chosen")
    places = panel.plot.axes.transData.inverted().transform(panel.plot.axes.transAxes.transform(LASSO))
    panel.plot.drawn.emit([tuple(place) for place in places])
    settle(window)
    shoot("9_cells_region")
    click(panel.leave_out_button)
    settle(window)
    shoot("9_cells_gate")
    docks.remove_dock_widget(docks.dock_widgets["All cells"].parent())
    window.session.follow_batch()
    settle(window)
    panel = docks.dock_widgets["Batch"].findChild(BatchPanel)
    panel.view.selectRow(0)
    panel.view.setFocus()
    QTest.keyClick(panel.view, Qt.Key.Key_R)
    settle(window)
    shoot("9_batch")
    docks.remove_dock_widget(docks.dock_widgets["Batch"].parent())


def _teach(window: CellvinoWindow, shoot: Shoot, folder: Path) -> None:
    other = folder / "other"
    other.mkdir()
    truth = write_field(other, 5)
    window.session.open(next(other.glob("*.tif")))
    settle(window)
    tab(window, TEACH)
    settle(window)
    shoot("6_teach_ready")
    click(window.teach_panel.start_button)
    settle(window)
    shoot("6_teach_begun")
    paint(window, truth)
    settle(window)
    shoot("6_teach_strokes")
    click(window.teach_panel.stop_button)
    settle(window)


def _retrain(window: CellvinoWindow, shoot: Shoot) -> None:
    tab(window, RETRAIN)
    settle(window)
    shoot("7_retrain_ready")
    panel = window.retrain_panel
    click(panel.train_button)
    settle(window)
    shoot("7_retrain_refused")


def _tracks(window: CellvinoWindow, shoot: Shoot, folder: Path) -> None:
    film = folder / "film"
    film.mkdir()
    write_film(film)
    window.session.viewer.layers.clear()
    tab(window, TRACKS)
    window.session.tracks.track(film / "nuclei", film / "found")
    QTest.qWait(400)
    shoot("8_tracks_working")
    settle(window)
    shoot("8_tracks_done")
    canvas = window.session.viewer.window._qt_viewer.canvas.native
    window.session.tracks.canvas.focus()
    QTest.keyClick(canvas, Qt.Key.Key_N)
    settle(window)
    shoot("8_tracks_doubt")
