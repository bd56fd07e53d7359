from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from napari.utils.theme import get_theme
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor, QImage, QPalette, QPixmap
from qtpy.QtWidgets import QComboBox, QWidget

from napari_cellvino.figures.plot_style import save_png
from napari_cellvino.figures.track_strip import StripPicture, draw_strip
from napari_cellvino.gui.save.export_controller import NOT_YET
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.gui.widgets.wide_picture import WidePicture, on_dark

from ..conftest import WAIT_MS

OpenFile = Callable[[CellvinoWindow, Path], None]
Run = Callable[[CellvinoWindow], None]
Click = Callable[[QWidget], None]


def test_nothing_to_save_says_why(window: CellvinoWindow) -> None:
    window.show_step(4)
    assert not window.save_panel.save_button.isEnabled()
    assert "run the model first" in window.save_panel.hint.text()


def test_save_writes_the_files_and_asks_before_it_replaces(
    window: CellvinoWindow,
    open_file: OpenFile,
    plate_file: Path,
    run: Run,
    click: Click,
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    open_file(window, plate_file)
    run(window)
    panel, saver, outcome = window.save_panel, window.session.saver, window.session.workspace.outcome
    assert outcome is not None
    window.show_step(4)
    panel.folder.clear()
    qtbot.keyClicks(panel.folder, str(tmp_path))
    click(panel.save_button)
    qtbot.waitUntil(lambda: not saver.saving, timeout=WAIT_MS)
    assert saver.saved == tmp_path / "A01_s1"
    names = {"labels.tif", "objects.csv", "qc.png", "annotation.json"}
    assert {path.name for path in saver.saved.iterdir()} == names
    assert {path.name for path in tmp_path.iterdir()} == {"A01_s1", "counts.csv", "recipe.yaml"}
    np.testing.assert_array_equal(tifffile.imread(saver.saved / "labels.tif"), outcome.prediction.decoded.labels)
    assert panel.saved.isVisible()
    assert window.tabs.tabText(3) == "✓ Save"

    window.session.workspace.choose(channel="GFP")
    run(window)
    assert window.tabs.tabText(3) == "4 Save"
    window.show_step(4)
    click(panel.save_button)
    qtbot.waitUntil(lambda: not saver.saving, timeout=WAIT_MS)
    assert panel.failure.isVisible()
    click(panel.replace_button)
    qtbot.waitUntil(lambda: not saver.saving, timeout=WAIT_MS)
    assert panel.saved.isVisible()
    assert not panel.failure.isVisible()


def test_folder_that_cannot_be_written_is_a_notice(
    window: CellvinoWindow, open_file: OpenFile, plate_file: Path, run: Run, click: Click, qtbot: QtBot, tmp_path: Path
) -> None:
    open_file(window, plate_file)
    run(window)
    (tmp_path / "file").write_text("in the way")
    window.session.saver.choose(str(tmp_path / "file" / "below"))
    window.show_step(4)
    click(window.save_panel.save_button)
    qtbot.waitUntil(lambda: not window.session.saver.saving, timeout=WAIT_MS)
    assert window.save_panel.failure.isVisible()
    assert not window.save_panel.failure.details_button.isVisible()
    assert not window.save_panel.replace_button.isVisible()  # it would not help


def corner(picture: QPixmap) -> str:
    """Return the colour of the paper."""
    return picture.toImage().pixelColor(1, 1).name()


def test_colours_of_a_plot_keep_their_hue_on_dark() -> None:
    paper = (0x23, 0x24, 0x2B)
    white, black, blue, grey = on_dark(np.array([[[255] * 3, [0] * 3, [0, 114, 178], [128] * 3]], np.uint8), paper)[0]
    assert (white.tolist(), black.tolist()) == (list(paper), [255, 255, 255])
    assert blue[2] > blue[1] > blue[0] > 80  # lighter than on white
    assert np.ptp(grey.astype(int)) < 8


def test_images_in_a_plot_keep_their_colours_on_dark(qtbot: QtBot, tmp_path: Path) -> None:
    pixels = np.full((8, 8), 90)
    pixels[0] = 30
    save_png(
        draw_strip([StripPicture(0, pixels, pixels < 0)], title="one"),
        path := tmp_path / "s.png",
        software="x",
        with_places=True,
    )
    picture = WidePicture("a strip", plot=True)
    qtbot.addWidget(picture)
    palette = picture.palette()
    palette.setColor(QPalette.ColorRole.Window, QColor(35, 36, 43))
    picture.setPalette(palette)
    picture.resize(QImage(str(path)).width(), 10)
    picture.show()
    picture.show_file(path)
    shown = picture.pixmap().toImage()
    assert corner(picture.pixmap()) == "#23242b"
    assert (
        shown.pixelColor(shown.width() // 2, shown.height() * 2 // 3).name() == "#ffffff"
    )  # the brightest of the image


def test_what_was_saved_is_plotted_reported_and_exported(
    window: CellvinoWindow, open_file: OpenFile, plate_file: Path, run: Run, click: Click, qtbot: QtBot, tmp_path: Path
) -> None:
    open_file(window, plate_file)
    run(window)
    window.session.saver.choose(str(tmp_path))
    window.show_step(4)
    box, exporter, saver = window.save_panel.export_box, window.session.exporter, window.session.saver
    plot = box.plot_row
    qtbot.waitUntil(lambda: not exporter.searching, timeout=WAIT_MS)
    for widget in (plot.measure, plot.group, plot.button):
        assert not widget.isEnabled()
        assert widget.toolTip() == NOT_YET
    assert not box.kind.isVisible()  # folded
    click(window.save_panel.save_button)
    qtbot.waitUntil(lambda: not saver.saving, timeout=WAIT_MS)

    qtbot.waitUntil(plot.button.isEnabled, timeout=WAIT_MS)
    measures = [plot.measure.itemText(n) for n in range(plot.measure.count())]
    assert measures[:3] == ["Area", "Equivalent diameter", "Score of the model"]  # of one field, its count comes last
    assert {"Mean intensity of dna", "Mean intensity of gfp", "Cells per field"} <= set(measures)
    assert [plot.group.itemText(n) for n in range(plot.group.count())] == ["field"]
    assert plot.measure.currentText() == "Area"
    choose(qtbot, plot.measure, "Mean intensity of gfp")
    click(plot.button)
    qtbot.waitUntil(lambda: not exporter.working, timeout=WAIT_MS)
    assert (tmp_path / "plot-mean_gfp-by-field.png").is_file()
    assert box.made.text().startswith("✓  Mean intensity of gfp, by field: ")
    assert box.picture.isVisible()
    behind = get_theme("dark").background.as_hex()
    assert corner(box.picture.pixmap()) == behind
    assert corner(QPixmap(str(exporter.plot))) == "#ffffff", "what is printed is on white"
    window.session.viewer.theme = "light"
    assert corner(box.picture.pixmap()) == "#ffffff"
    click(window.save_panel.save_button)
    qtbot.waitUntil(lambda: not saver.saving and plot.button.isEnabled(), timeout=WAIT_MS)
    assert plot.measure.currentText() == "Mean intensity of gfp"  # the choice stays
    assert not box.picture.isVisible()  # it was of the results before
    click(box.report_button)
    qtbot.waitUntil(lambda: not exporter.working, timeout=WAIT_MS)
    assert "reviewed" in box.failure.words.text()
    assert not (tmp_path / "corrections.html").exists()

    click(box.fold.toggleButton())
    box.kind.setCurrentIndex(box.kind.findData("cellpose"))
    assert "Cellpose window" in box.about.text()
    click(box.export_button)
    qtbot.waitUntil(lambda: not exporter.working, timeout=WAIT_MS)
    assert list((tmp_path / "exported" / "cellpose").glob("*/A01_s1_seg.npy"))
    assert box.made.text().endswith(" in 1 field")
    assert not box.replace_button.isVisible()
    click(box.export_button)
    qtbot.waitUntil(lambda: not exporter.working, timeout=WAIT_MS)
    assert "cellpose" in box.failure.words.text()
    click(box.replace_button)
    qtbot.waitUntil(lambda: not exporter.working, timeout=WAIT_MS)
    assert not box.failure.isVisible()

    box.kind.setCurrentIndex(box.kind.findData("training"))
    click(box.export_button)
    qtbot.waitUntil(lambda: not exporter.working, timeout=WAIT_MS)
    assert "reviewed" in box.failure.words.text()
    assert not (tmp_path / "exported" / "training").exists()


def choose(qtbot: QtBot, combo: QComboBox, text: str) -> None:
    """Go down to an entry with the keys."""
    combo.setFocus()
    qtbot.keyClick(combo, Qt.Key.Key_Home)
    for _ in range(combo.findText(text)):
        qtbot.keyClick(combo, Qt.Key.Key_Down)
    assert combo.currentText() == text


def test_plots_are_of_all_results_in_the_folder(
    window: CellvinoWindow, open_file: OpenFile, plate_file: Path, run: Run, click: Click, qtbot: QtBot, tmp_path: Path
) -> None:
    plot, exporter, saver = window.save_panel.export_box.plot_row, window.session.exporter, window.session.saver
    saver.choose(str(tmp_path))
    for name in ("A01_s1", "B02_s1"):
        open_file(window, plate_file.with_name(f"{name}.ome.tif"))
        run(window)
        window.show_step(4)
        assert plot.button.isEnabled() == (name != "A01_s1")  # the first is on disk by then
        assert window.save_panel.export_box.not_in_it.isVisible() == (name != "A01_s1")
        click(window.save_panel.save_button)
        qtbot.waitUntil(lambda: saver.saved is not None and plot.button.isEnabled(), timeout=WAIT_MS)
        assert not window.save_panel.export_box.not_in_it.isVisible()
    assert plot.measure.currentText() == "Cells per field"
    click(plot.button)
    qtbot.waitUntil(lambda: not exporter.working, timeout=WAIT_MS)
    assert exporter.made is not None
    assert exporter.made.path == tmp_path / "plot-count-by-field.png"
    assert "in 2 fields" in exporter.made.summary


def test_a_damaged_neighbour_is_left_out_of_a_plot(
    window: CellvinoWindow, open_file: OpenFile, plate_file: Path, run: Run, click: Click, qtbot: QtBot, tmp_path: Path
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "annotation.json").write_text("{}")
    box, saver = window.save_panel.export_box, window.session.saver
    saver.choose(str(tmp_path))
    open_file(window, plate_file)
    run(window)
    window.show_step(4)
    click(window.save_panel.save_button)
    click(box.plot_row.button)
    qtbot.waitUntil(lambda: window.session.exporter.plot is not None, timeout=WAIT_MS)
    assert "broken: left out: " in box.made.text()
    assert box.picture.isVisible()


def test_every_format_has_words() -> None:
    from napari_cellvino.formats.registry import FORMATS
    from napari_cellvino.gui.save.export_panel import KINDS

    assert list(KINDS) == list(FORMATS)


def test_results_of_a_sample_go_home_and_not_among_the_samples(
    window: CellvinoWindow, open_file: OpenFile, plate_file: Path, run: Run, tmp_path: Path
) -> None:
    open_file(window, plate_file)
    run(window)
    assert window.session.saver.folder == str(tmp_path / "home" / "cellvino-results")


def test_results_on_disk_are_plotted_and_exported_before_a_run(
    window: CellvinoWindow, open_file: OpenFile, plate_file: Path, run: Run, click: Click, qtbot: QtBot, tmp_path: Path
) -> None:
    files = [tmp_path / "a.ome.tif", tmp_path / "b.ome.tif"]
    for file in files:
        shutil.copy(plate_file, file)
    box, exporter, saver = window.save_panel.export_box, window.session.exporter, window.session.saver
    open_file(window, files[0])
    run(window)
    window.show_step(4)
    click(window.save_panel.save_button)
    qtbot.waitUntil(lambda: saver.saved is not None, timeout=WAIT_MS)
    open_file(window, files[1])
    assert window.session.workspace.outcome is None
    qtbot.waitUntil(lambda: exporter.ready, timeout=WAIT_MS)
    click(box.plot_row.button)
    qtbot.waitUntil(lambda: exporter.made is not None, timeout=WAIT_MS)
    click(box.fold.toggleButton())
    click(box.export_button)
    qtbot.waitUntil(lambda: exporter.made is not None and not exporter.working, timeout=WAIT_MS)
    assert list((tmp_path / "cellvino-results" / "exported").glob("*"))


def test_a_folder_is_chosen_once_it_is_typed_and_not_with_each_key(
    window: CellvinoWindow, open_file: OpenFile, plate_file: Path, run: Run, qtbot: QtBot, tmp_path: Path
) -> None:
    open_file(window, plate_file)
    run(window)
    panel, saver = window.save_panel, window.session.saver
    window.show_step(4)
    before = saver.folder
    panel.folder.setFocus()
    panel.folder.clear()
    with qtbot.assertNotEmitted(saver.moved):
        qtbot.keyClicks(panel.folder, str(tmp_path))
    assert saver.folder == before
    assert panel.folder.text() == str(tmp_path)
    assert str(tmp_path) in panel.save_button.toolTip()
    with qtbot.waitSignal(saver.moved):
        qtbot.keyClick(panel.folder, Qt.Key.Key_Return)
    assert saver.folder == str(tmp_path)
