"""Take pictures of the window in its states, both themes, two sizes: ``python scripts/screenshots.py FOLDER``.

Everything is done with mouse and keys, on a sample image, so what is seen is what a user sees.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch

import napari
from further_tour import tour_further
from mouse_and_keys import click, tab
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from review_tour import Shoot, tour_review

from napari_cellvino.core.plate import Well
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.gui.shell.demo import settle
from napari_cellvino.gui.shell.window import CellvinoWindow

SIZES = {"small": (1280, 800), "large": (1920, 1080)}
THEMES = ("dark", "light")
STACK = shipped_folder("sample_data") / "nuclei_stack.ome.tif"
PLATE = shipped_folder("sample_data") / "plate" / "A01_s1.ome.tif"


def main() -> None:
    """Photograph every state in every theme and size asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--theme", choices=THEMES, action="append")
    parser.add_argument("--only-review", action="store_true", help="leave the pictures of the other panels out")
    parser.add_argument("--size", choices=tuple(SIZES), action="append")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for theme in options.theme or THEMES:
        for size in options.size or tuple(SIZES):
            (_tour_review if options.only_review else _tour)(options.folder, theme, size)


def _tour(folder: Path, theme: str, size: str) -> None:
    with _viewer(theme, size) as window, tempfile.TemporaryDirectory() as results:
        shoot = partial(_shoot, window, folder, f"{theme}_{size}")
        window.session.saver.choose(results)  # beside the sample there may be results of the user
        _opening(window, shoot)
        _running(window, shoot)
        tour_review(window, shoot)
        _saving(window, shoot, Path(results))
        _plates(window, shoot, Path(results))
        tour_further(window, shoot, Path(results))


def _tour_review(folder: Path, theme: str, size: str) -> None:
    with _viewer(theme, size) as window, tempfile.TemporaryDirectory() as results:
        window.session.opener.open(STACK)
        settle(window)
        window.session.saver.choose(results)
        window.session.runner.run()
        settle(window)
        tour_review(window, partial(_shoot, window, folder, f"{theme}_{size}"))


def _as_new(folder: str) -> dict[str, str]:
    """Return an environment in which nobody has worked before: no times of runs, no settings, no work list."""
    return {"CELLVINO_CACHE": folder, "CELLVINO_SETTINGS": os.path.join(folder, "settings.json")}


@contextmanager
def _viewer(theme: str, size: str) -> Iterator[CellvinoWindow]:
    with tempfile.TemporaryDirectory() as cache, patch.dict(os.environ, _as_new(cache)):
        viewer = napari.Viewer(title="CellVINO", show=True)
        viewer.theme = theme
        viewer.window.resize(*SIZES[size])
        _, window = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
        settle(window)
        yield window
        viewer.close()
        QTest.qWait(100)


def _shoot(window: CellvinoWindow, folder: Path, which: str, name: str) -> None:
    """Keep a picture of the window with all that is drawn over the canvas."""
    QTest.qWait(300)
    window.session.viewer.window.screenshot(str(folder / f"{name}_{which}.png"), canvas_only=False, flash=False)


def _opening(window: CellvinoWindow, shoot: Shoot) -> None:
    settle(window)
    shoot("1_open_nothing")
    tab(window, 2)
    shoot("2_run_nothing")
    tab(window, 3)
    shoot("3_review_nothing")
    tab(window, 1)
    with tempfile.NamedTemporaryFile(suffix=".tif") as wrong:
        wrong.write(b"this is no image")
        wrong.flush()
        window.session.opener.open(Path(wrong.name))
        settle(window)
        shoot("1_open_failed")
    window.session.opener.open(PLATE)
    settle(window)
    click(window.open_panel.correct_button)
    shoot("1_open_plate")
    click(window.open_panel.correct_button)
    window.session.viewer.layers.clear()
    window.session.opener.open(STACK)
    settle(window)
    shoot("1_open_done")


def _running(window: CellvinoWindow, shoot: Shoot) -> None:
    panel = window.run_panel
    tab(window, 2)
    settle(window)
    shoot("2_run_ready")
    panel.diameter.setValue(1.0)  # a very small cell: the image grows, so that there is something to watch
    click(panel.run_button)
    QTest.qWait(1500)
    shoot("2_run_working")
    click(panel.cancel_button)
    settle(window)
    panel.diameter.setValue(0.0)
    click(panel.run_button)
    settle(window)
    shoot("2_run_done")
    slider = panel.sliders.rows["confidence"].slider
    slider.setFocus()
    for _ in range(6):
        QTest.keyClick(slider, Qt.Key.Key_PageUp)
    click(panel.more)
    settle(window)
    shoot("2_run_undecided")
    click(panel.more)
    click(panel.back_button)
    window.session.workspace.choose(device="NPU")
    click(panel.run_button)
    settle(window)
    shoot("2_run_failed")
    window.session.workspace.choose(device="AUTO")
    click(panel.run_button)
    settle(window)


def _saving(window: CellvinoWindow, shoot: Shoot, folder: Path) -> None:
    panel = window.save_panel
    tab(window, 4)
    panel.folder.setFocus()
    panel.folder.selectAll()
    QTest.keyClicks(panel.folder, os.fspath(folder))
    shoot("4_save_ready")
    click(panel.save_button)
    settle(window)
    shoot("4_save_done")
    click(panel.export_box.plot_row.button)
    settle(window)
    shoot("4_save_plot")


def _plates(window: CellvinoWindow, shoot: Shoot, folder: Path) -> None:
    panel = window.plate_panel
    window.session.viewer.layers.clear()
    tab(window, 5)
    shoot("5_plate_nothing")
    plate = Path(shutil.copytree(PLATE.parent, folder / "plate"))
    (plate / "B03_s1.ome.tif").write_bytes(b"this is no image")
    window.session.plates.open(plate)
    settle(window)
    QTest.keyClicks(panel.pattern.pattern, "{well}_s{field}.ome.tif")
    settle(window)
    shoot("5_plate_pattern")
    click(panel.pattern.open_button)
    settle(window)
    _well(window, "A01")
    settle(window)
    shoot("5_plate_ready")
    click(panel.contents_fold.toggleButton())
    QTest.keyClicks(panel.contents.compound, "DMSO")
    QTest.keyClicks(panel.contents.dose, "0.1")
    click(panel.contents.set_button)
    settle(window)
    shoot("5_plate_contents")
    click(panel.contents_fold.toggleButton())
    click(panel.running.all_button)
    QTest.qWait(200)
    shoot("5_plate_working")
    settle(window)
    shoot("5_plate_done")
    panel.wells.shown.setFocus()
    QTest.keyClick(panel.wells.shown, Qt.Key.Key_End)
    settle(window)
    shoot("5_plate_pictures")
    click(panel.profiles_fold.toggleButton())
    click(panel.profiles.ask_button)
    settle(window)
    shoot("5_plate_profiles")
    click(panel.profiles_fold.toggleButton())
    panel.running.folder.setFocus()
    panel.running.folder.selectAll()
    QTest.keyClicks(panel.running.folder, os.fspath(PLATE))
    click(panel.running.all_button)
    settle(window)
    shoot("5_plate_failed")


def _well(window: CellvinoWindow, name: str) -> None:
    grid = window.plate_panel.grid
    where = grid.geometry_of_wells
    if where is not None:
        QTest.mouseClick(grid, Qt.MouseButton.LeftButton, pos=where.cell(Well.parse(name)).center().toPoint())


if __name__ == "__main__":
    main()
