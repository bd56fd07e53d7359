"""Take the pictures of docs/afternoon.md: 20 images, from the drop to the plot, in one sitting.

``python scripts/afternoon_pictures.py FOLDER --images /images`` cuts 20 fields out of the shipped wells into a new
folder of /images, whose path the pictures show, drops them on the window, runs them all, walks through them and reviews
a few cells, with mouse and keys.
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path

import napari
import numpy as np
import tifffile
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.gui.cells.cell_plot import CellPlot
from napari_cellvino.gui.shell.demo import settle
from napari_cellvino.gui.shell.window import CellvinoWindow

SIZE, FIELDS, SIDE = (1280, 800), 20, 160
LONG = "day 07 treated with 10 uM of the second compound, repeated by somebody else (copy 2)"


def main() -> None:
    """Photograph the walk."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=Path, required=True, help="where the images are written; removed at the end")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    images = options.images / "liver"
    images.mkdir(parents=True)
    try:
        _write(images)
        _walk(images, options.folder, options.theme)
    finally:
        shutil.rmtree(images)


def _write(folder: Path) -> None:
    """Write 20 fields of different wells, one with a long name."""
    wells = [tifffile.imread(path)[0] for path in sorted((shipped_folder("sample_data") / "plate").glob("*.ome.tif"))]
    for number in range(FIELDS):
        well, corner = wells[number % len(wells)], 16 * (number // len(wells))
        part = np.ascontiguousarray(well[corner : corner + SIDE, corner : corner + SIDE])
        name = LONG if number == 6 else f"day {number + 1:02d}"
        size = (1 / 0.65, 1 / 0.65)
        tifffile.imwrite(folder / f"{name}.tif", part, imagej=True, resolution=size, metadata={"unit": "um"})


def _walk(images: Path, folder: Path, theme: str) -> None:
    viewer = napari.Viewer(title="CellVINO", show=True)
    viewer.theme = theme
    viewer.window.resize(*SIZE)
    _, window = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
    settle(window)
    window.session.open(images)
    _take(viewer, window, folder / "afternoon_list.png")
    rows = window.open_panel.work_list
    QTest.mouseClick(rows.all_button, Qt.MouseButton.LeftButton)
    _take(viewer, window, folder / "afternoon_done.png")
    rows.list.setFocus()
    QTest.keyClick(rows.list, Qt.Key.Key_Down)
    settle(window)
    window.show_step(3)
    window.session.reviewer.step(1)
    _take(viewer, window, folder / "afternoon_review.png")
    window.show_step(1)
    QTest.mouseClick(rows.cells_button, Qt.MouseButton.LeftButton)
    settle(window)
    cells = viewer.window.dock_widgets["All cells"]
    _draw_round(cells.findChild(CellPlot), ((0.02, 0.02), (0.3, 0.02), (0.3, 0.9), (0.02, 0.9), (0.02, 0.04)))
    _take(viewer, window, folder / "afternoon_cells.png")
    viewer.window.remove_dock_widget(cells)
    window.show_step(4)
    QTest.mouseClick(window.save_panel.export_box.plot_row.button, Qt.MouseButton.LeftButton)
    _take(viewer, window, folder / "afternoon_plot.png")
    window.session.work_list.clear()
    window.session.close()
    viewer.close()


def _draw_round(plot: CellPlot, corners: Sequence[tuple[float, float]]) -> None:
    """Draw round points of the plot; corners are shares of its axes."""
    QTest.qWait(500)  # it is drawn when nothing else is to be done
    box, canvas = plot.axes.bbox, plot.canvas
    places = [
        QPoint(round(box.x0 + x * box.width), round(canvas.height() - box.y0 - y * box.height)) for x, y in corners
    ]
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=places[0])
    for place in places[1:]:
        QTest.mouseMove(canvas, place)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=places[-1])


def _take(viewer: napari.Viewer, window: CellvinoWindow, path: Path) -> None:
    settle(window)
    viewer.window.screenshot(str(path), canvas_only=False, flash=False)


if __name__ == "__main__":
    main()
