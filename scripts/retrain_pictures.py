"""Take the pictures of docs/retrain.md: from fields that a model cannot do to one that learned from corrections.

``python scripts/retrain_pictures.py FOLDER`` turns the shipped wells to their negative (dark nuclei on bright ground,
as another stain shows them), runs ``nuclei`` on one, takes the true cells of five as corrections, retrains, and runs
the new model. The training is real and takes some minutes.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import napari
import tifffile
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QScrollArea, QWidget

from napari_cellvino.core.recipe import make_recipe
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.gui.shell.demo import settle
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.workflows.import_masks import import_masks

SIZES = {"small": (1280, 800), "large": (1920, 1080)}
THEMES = ("dark", "light")
CORRECTED, FRESH = ("A01", "A02", "A03", "B01", "B02"), "B03"


def main() -> None:
    """Photograph the walk; in further themes and sizes, the training that is there is shown again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--theme", choices=THEMES, action="append")
    parser.add_argument("--size", choices=tuple(SIZES), action="append")
    parser.add_argument("--work", type=Path, help="folder that keeps the training for the next time")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        work = options.work or Path(scratch)
        os.environ["CELLVINO_MODELS"] = str(Path(scratch) / "models")
        _prepare(work)
        for theme in options.theme or THEMES:
            for size in options.size or tuple(SIZES):
                _walk(work, options.folder, options.epochs, theme, size)


def _prepare(work: Path) -> None:
    """Write the fields in negative, and results of five whose cells were all accepted."""
    plate, fields = shipped_folder("sample_data") / "plate", work / "fields"
    fields.mkdir(parents=True, exist_ok=True)
    for well in (*CORRECTED, FRESH):
        pixels = tifffile.imread(plate / f"{well}_s1.ome.tif")[0]
        tifffile.imwrite(fields / f"{well}.tif", pixels.max() - pixels)
    for well in CORRECTED:
        recipe = make_recipe({}, source="the script")
        list(import_masks(plate / "labels" / f"{well}_s1.tif", [fields / f"{well}.tif"], work / "corrected", recipe))
        path = work / "corrected" / well / "annotation.json"
        content = json.loads(path.read_text(encoding="utf-8"))
        content["objects"] = [record | {"review": "edited"} for record in content["objects"]]
        path.write_text(json.dumps(content), encoding="utf-8")


def _walk(work: Path, folder: Path, epochs: int, theme: str, size: str) -> None:
    viewer = napari.Viewer(title="CellVINO", show=True)
    viewer.theme = theme
    viewer.window.resize(*SIZES[size])
    _, window = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")

    def shoot(name: str) -> None:
        QTest.qWait(400)
        viewer.window.screenshot(str(folder / f"{name}_{theme}_{size}.png"), canvas_only=False, flash=False)

    settle(window)
    _tab(window, 7)
    shoot("retrain_0_nothing")
    window.session.opener.open(work / "fields" / f"{FRESH}.tif")
    settle(window)
    _run(window)
    shoot("retrain_1_before")
    _train(window, work / "corrected", epochs, shoot)
    _tab(window, 2)
    _run(window)
    shoot("retrain_5_after")
    _tab(window, 7)
    _click(window.retrain_panel.back_button)
    settle(window)
    shoot("retrain_6_back")
    _save(window, work, shoot)
    viewer.close()
    QTest.qWait(200)


def _run(window: CellvinoWindow) -> None:
    _tab(window, 2)
    settle(window)
    _click(window.run_panel.run_button)
    settle(window)


def _train(window: CellvinoWindow, corrected: Path, epochs: int, shoot: Callable[[str], None]) -> None:
    panel, retrainer = window.retrain_panel, window.session.retrainer
    retrainer.epochs = epochs
    _tab(window, 7)
    panel.folder.setFocus()
    panel.folder.selectAll()
    QTest.keyClicks(panel.folder, os.fspath(corrected))
    QTest.keyClick(panel.folder, Qt.Key.Key_Return)
    settle(window)
    shoot("retrain_2_ready")
    _click(panel.train_button)
    taken = False
    while retrainer.running:
        QTest.qWait(200)
        if not taken and any(progress.step > progress.steps * 0.6 for progress in retrainer.progress):
            taken = True
            shoot("retrain_3_working")
    shoot("retrain_4_done")
    _to_the_end(panel)
    shoot("retrain_4_done_below")
    _click(panel.use_button)
    settle(window)


def _save(window: CellvinoWindow, work: Path, shoot: Callable[[str], None]) -> None:
    panel = window.save_panel
    window.session.saver.choose(str(work / "saved"))
    _tab(window, 4)
    panel.session.saver.save(overwrite=True)
    settle(window)
    _click(panel.export_box.plot_row.button)
    settle(window)
    _click(panel.export_box.fold.toggleButton())
    shoot("save_1_plot")


def _to_the_end(panel: QWidget) -> None:
    area = panel.parent().parent()
    if isinstance(area, QScrollArea):
        area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())


def _tab(window: CellvinoWindow, number: int) -> None:
    bar = window.tabs.tabBar()
    QTest.mouseClick(bar, Qt.MouseButton.LeftButton, pos=bar.tabRect(number - 1).center())


def _click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton, pos=QPoint(12, widget.height() // 2))


if __name__ == "__main__":
    main()
