"""Take the pictures of docs/teach.md: from cells that no model finds to a counted folder, in one sitting.

``python scripts/teach_pictures.py FOLDER --images /images`` draws six fields of cells that differ from their ground by
texture only into a new folder of /images, whose path the pictures show, runs a shipped model on the first, paints
strokes on it with the mouse, saves the model that comes of them, and runs it on all fields. It prints how many cells
are found, and how many there are.
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path

import napari
import numpy as np
import tifffile
from mouse_and_keys import click
from numpy.typing import NDArray
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from scipy import ndimage as ndi
from skimage.segmentation import find_boundaries

from napari_cellvino.gui.shell.demo import settle
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.training.synthetic.shapes import draw_labels

SIZE, FIELDS, SIDE, DIAMETER, FIRST_SEED = (1280, 800), 6, 384, 40.0, 20
STROKES, HALF = 8, 7  # of each kind; px to either side of its middle
BETWEEN_STROKES = 4

Labels = NDArray[np.integer]


def main() -> None:
    """Photograph the walk."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--images", type=Path, required=True, help="where the images are written; removed at the end")
    parser.add_argument("--theme", choices=("dark", "light"), default="dark")
    parser.add_argument("--size", type=int, nargs=2, default=SIZE, metavar=("WIDTH", "HEIGHT"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    images = options.images / "lawn"
    images.mkdir(parents=True)
    try:
        with tempfile.TemporaryDirectory() as models:
            os.environ["CELLVINO_MODELS"] = models
            truth = [write_field(images, number) for number in range(FIELDS)]
            _walk(images, truth, options)
    finally:
        shutil.rmtree(images)


def write_field(folder: Path, number: int) -> Labels:
    """Write a field, and return its cells: granular, on a ground as bright that varies slowly."""
    rng = np.random.default_rng(FIRST_SEED + number)
    labels = draw_labels("round", SIDE, DIAMETER, rng)
    grain, ground = (ndi.gaussian_filter(rng.normal(size=labels.shape), sigma) for sigma in (1.5, 6.0))
    inside = ndi.gaussian_filter((labels > 0) & ~find_boundaries(labels), 1.0, output=float)
    pixels = 110 + 14 * ground / ground.std() * (1 - inside) + 24 * grain / grain.std() * inside
    pixels += rng.normal(0, 4, labels.shape)
    tifffile.imwrite(folder / f"field {number + 1}.tif", pixels.clip(0, 255).astype(np.uint8))
    return labels


def _walk(images: Path, truth: list[Labels], options: argparse.Namespace) -> None:
    viewer = napari.Viewer(title="CellVINO", show=True)
    viewer.theme = options.theme
    viewer.window.resize(*options.size)
    _, window = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
    settle(window)
    session, panel = window.session, window.teach_panel
    session.open(images)
    settle(window)
    window.show_step(2)
    click(window.run_panel.run_button)
    _take(window, options.folder / "teach_before.png")
    viewer.layers[-1].visible = False  # what the shipped model outlined
    window.tabs.setCurrentWidget(panel.parent().parent())
    click(panel.start_button)
    paint(window, truth[0])
    _take(window, options.folder / "teach_strokes.png")
    QTest.keyClick(viewer.window._qt_viewer.canvas.native, Qt.Key.Key_N)
    _take(window, options.folder / "teach_next.png")
    panel.name.setText("lawn-cells")
    click(panel.save_button)
    settle(window)
    click(panel.stop_button)
    window.show_step(1)
    rows = window.open_panel.work_list
    click(rows.all_button)
    settle(window)
    rows.list.setFocus()
    QTest.keyClick(rows.list, Qt.Key.Key_Down)
    settle(window)
    viewer.reset_view()
    _take(window, options.folder / "teach_folder.png")
    for field, labels in zip(session.work_list.fields, truth, strict=True):
        print(f"{field.count} of {labels.max()} cells")
    session.work_list.clear()
    session.close()
    viewer.close()


def paint(window: CellvinoWindow, truth: Labels) -> None:
    """Paint strokes of each kind where they belong, with the mouse."""
    canvas = window.session.viewer.window._qt_viewer.canvas.native
    deep = ndi.distance_transform_edt(truth > 0)
    cells = ndi.maximum_position(deep, truth, range(1, int(truth.max()) + 1))
    far = np.argwhere(ndi.distance_transform_edt(truth == 0) > HALF)
    ground = far[np.linspace(0, len(far) - 1, STROKES + 2).astype(int)][1:-1]
    touching = np.argwhere((truth > 0) & (ndi.maximum_filter(truth, 3) != truth))
    lines = touching[np.linspace(0, len(touching) - 1, BETWEEN_STROKES + 2).astype(int)][1:-1]
    painted = cells[:: max(1, len(cells) // STROKES)][:STROKES]
    for key, places, half in (("C", painted, HALF), ("G", ground, HALF), ("T", lines, 2)):
        QTest.keyClick(canvas, getattr(Qt.Key, f"Key_{key}"))
        for y, x in places:
            _stroke(window, (y, x - half), (y, x + half))


def _stroke(window: CellvinoWindow, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a line between two pixels (y, x) of the picture."""
    viewer = window.session.viewer
    layer, canvas = viewer.layers.selection.active, viewer.window._qt_viewer.canvas.native
    camera = viewer.scene.camera
    points = []
    for place in (begin, end):
        away = (np.asarray(layer.data_to_world(place))[-2:] - np.asarray(camera.center[-2:])) * camera.zoom
        points.append(QPoint(round(canvas.width() / 2 + away[1]), round(canvas.height() / 2 + away[0])))
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=points[0])
    for step in range(1, 5):
        QTest.mouseMove(canvas, points[0] + (points[1] - points[0]) * step / 4)
        QTest.qWait(5)
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=points[1])
    QTest.qWait(450)  # two strokes are no double click


def _take(window: CellvinoWindow, path: Path) -> None:
    settle(window)
    window.session.viewer.window.screenshot(str(path), canvas_only=False, flash=False)


if __name__ == "__main__":
    main()
