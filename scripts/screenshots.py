"""Take pictures of the window in its states, both themes, two sizes: ``python scripts/screenshots.py FOLDER``.

Everything is done with mouse and keys, on a sample image, so what is seen is what a user sees.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from napari_cellvino.gui.demo import settle
from napari_cellvino.gui.window import CellvinoWindow
from napari_cellvino.resources import shipped_folder

SIZES = {"small": (1280, 800), "large": (1920, 1080)}
THEMES = ("dark", "light")
STACK = shipped_folder("sample_data") / "nuclei_stack.ome.tif"
PLATE = shipped_folder("sample_data") / "plate" / "A01_s1.ome.tif"


def main() -> None:
    """Photograph every state in every theme and size asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--theme", choices=THEMES, action="append")
    parser.add_argument("--size", choices=tuple(SIZES), action="append")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    for theme in options.theme or THEMES:
        for size in options.size or tuple(SIZES):
            _tour(options.folder, theme, size)


def _tour(folder: Path, theme: str, size: str) -> None:
    viewer = napari.Viewer(title="CellVINO", show=True)
    viewer.theme = theme
    viewer.window.resize(*SIZES[size])
    _, window = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")

    def shoot(name: str) -> None:
        QTest.qWait(300)
        path = folder / f"{name}_{theme}_{size}.png"
        viewer.window.screenshot(str(path), canvas_only=False, flash=False)

    with tempfile.TemporaryDirectory() as results:
        _opening(window, shoot)
        _running(window, shoot)
        window.session.saver.choose(results)
        _reviewing(window, shoot)
        _saving(window, shoot, Path(results))
    viewer.close()
    QTest.qWait(100)


def _opening(window: CellvinoWindow, shoot: Callable[[str], None]) -> None:
    settle(window)
    shoot("1_open_nothing")
    _tab(window, 2)
    shoot("2_run_nothing")
    _tab(window, 3)
    shoot("3_review_nothing")
    _tab(window, 1)
    with tempfile.NamedTemporaryFile(suffix=".tif") as wrong:
        wrong.write(b"this is no image")
        wrong.flush()
        window.session.opener.open(Path(wrong.name))
        settle(window)
        shoot("1_open_failed")
    window.session.opener.open(PLATE)
    settle(window)
    _click(window.open_panel.correct_button)
    shoot("1_open_plate")
    _click(window.open_panel.correct_button)
    window.session.viewer.layers.clear()
    window.session.opener.open(STACK)
    settle(window)
    shoot("1_open_done")


def _running(window: CellvinoWindow, shoot: Callable[[str], None]) -> None:
    panel = window.run_panel
    _tab(window, 2)
    settle(window)
    shoot("2_run_ready")
    panel.diameter.setValue(1.0)  # a very small cell: the image grows, so that there is something to watch
    _click(panel.run_button)
    QTest.qWait(1500)
    shoot("2_run_working")
    _click(panel.cancel_button)
    settle(window)
    panel.diameter.setValue(0.0)
    _click(panel.run_button)
    settle(window)
    shoot("2_run_done")
    slider = panel.sliders.rows["confidence"].slider
    slider.setFocus()
    for _ in range(6):
        QTest.keyClick(slider, Qt.Key.Key_PageUp)
    _click(panel.more)
    settle(window)
    shoot("2_run_undecided")
    _click(panel.more)
    _click(panel.back_button)
    window.session.workspace.choose(device="NPU")
    _click(panel.run_button)
    settle(window)
    shoot("2_run_failed")
    window.session.workspace.choose(device="AUTO")
    _click(panel.run_button)
    settle(window)


def _reviewing(window: CellvinoWindow, shoot: Callable[[str], None]) -> None:
    _tab(window, 3)
    shoot("3_review_ready")
    _key(window, "N")
    shoot("3_review_next")
    reviewer, panel = window.session.reviewer, window.review_panel
    places = {id_: reviewer.annotation.geometry(id_) for id_ in reviewer.annotation.records}
    large = sorted(places, key=lambda id_: -places[id_].area)
    reviewer.show_cell(large[0])
    (y0, x0), (y1, x1) = places[large[0]].region.low, places[large[0]].region.high
    middle = (x0 + x1) / 2
    _key(window, "S")
    _drag(window, (y0 - 2, middle), (y1 + 1, middle), end=lambda: shoot("3_review_split_before"))
    shoot("3_review_split_after")
    _key(window, "G")
    shoot("3_review_merge_after")
    _key(window, "D")
    shoot("3_review_delete_after")
    _key(window, "K")
    _drag(window, ((y0 + y1) / 2, middle))
    shoot("3_review_add_after")
    _key(window, "Escape")
    _key(window, "Period")
    shoot("3_review_grow_after")
    _key(window, "W")
    _drag(window, ((y0 + y1) / 2 - 4, middle))
    _drag(window, ((y0 + y1) / 2 + 4, middle))
    shoot("3_review_seeds_before")
    _key(window, "Return")
    shoot("3_review_seeds_after")
    panel.list.tabs.setCurrentIndex(1)
    shoot("3_review_gallery")
    panel.list.tabs.setCurrentIndex(0)
    panel.list.order.setCurrentIndex(1)
    panel.list.order.activated.emit(1)
    _key(window, "N")
    for _ in range(3):
        _key(window, "A")
    shoot("3_review_sample")
    panel.many.fold.setChecked(True)
    panel.many.limit.setValue(300)
    shoot("3_review_many")
    panel.many.fold.setChecked(False)


def _key(window: CellvinoWindow, key: str) -> None:
    window.session.viewer.window._qt_window.activateWindow()
    window.session.review_canvas.focus()
    QTest.qWait(50)
    QTest.keyClick(window.session.viewer.window._qt_viewer.canvas.native, getattr(Qt.Key, f"Key_{key}"))
    QTest.qWait(50)


def _drag(window: CellvinoWindow, *places: tuple[float, float], end: Callable[[], None] = lambda: None) -> None:
    """Press at a pixel of the cells' layer, move to the last one, and let go; at one place it is a click."""
    canvas, layer = window.session.viewer.window._qt_viewer.canvas.native, window.session.review_canvas.layer
    camera = window.session.viewer.scene.camera
    world = [np.asarray(layer.layer.data_to_world(place))[-2:] for place in places]
    away = [(at - np.asarray(camera.center[-2:])) * camera.zoom for at in world]
    points = [QPoint(round(canvas.width() / 2 + x), round(canvas.height() / 2 + y)) for y, x in away]
    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, pos=points[0])
    for step in range(1, 9):
        QTest.mouseMove(canvas, points[0] + (points[-1] - points[0]) * step / 8)
        QTest.qWait(10)
    end()
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, pos=points[-1])
    QTest.qWait(450)  # two clicks are no double click


def _saving(window: CellvinoWindow, shoot: Callable[[str], None], folder: Path) -> None:
    panel = window.save_panel
    _tab(window, 4)
    panel.folder.setFocus()
    panel.folder.selectAll()
    QTest.keyClicks(panel.folder, os.fspath(folder))
    shoot("4_save_ready")
    _click(panel.save_button)
    settle(window)
    shoot("4_save_done")


def _tab(window: CellvinoWindow, number: int) -> None:
    bar = window.tabs.tabBar()
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(number - 1).center())


def _click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(12, widget.height() // 2))


if __name__ == "__main__":
    main()
