from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import dask.array as da
import napari
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QWidget

from napari_cellvino.core.image import MetadataOverrides, Spacing, ZMode
from napari_cellvino.gui.shell.window import CellvinoWindow

OpenFile = Callable[[CellvinoWindow, Path], None]
Click = Callable[[QWidget], None]


def test_nothing_open_says_what_to_do_first(window: CellvinoWindow) -> None:
    panel = window.open_panel
    assert panel.hint.isVisible()
    assert panel.hint.text().startswith("Open a file")
    assert not panel.image.isEnabled()
    assert window.tabs.tabText(0) == "1 Open"


def test_file_becomes_a_lazy_layer_with_its_scale(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, stack_file: Path
) -> None:
    open_file(window, stack_file)
    panel, layer = window.open_panel, viewer.layers["nuclei_stack"]
    assert isinstance(layer.data, da.Array)
    assert layer.data.chunksize == (1, 448, 512)
    np.testing.assert_array_equal(layer.data[5].compute(), tifffile.imread(stack_file, key=5))
    np.testing.assert_allclose(layer.scale, (1.0, 0.325, 0.325))
    assert [str(unit) for unit in layer.units] == ["micrometer"] * 3
    assert layer.axis_labels == ("z", "y", "x")
    assert panel.facts.text() == "13 planes · 512 × 448 px · uint16"
    assert panel.spacing.text() == "0.325 × 0.325 × 1 µm per pixel"
    assert panel.spacing.property("tone") == ""
    assert window.tabs.tabText(0) == "✓ Open"


def test_channels_of_a_file_are_layers_and_a_choice(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, plate_file: Path, click: Click
) -> None:
    open_file(window, plate_file)
    assert [layer.name for layer in viewer.layers] == ["A01_s1: DNA", "A01_s1: GFP"]
    assert window.open_panel.image.count() == 1
    second = window.open_panel.channel._group.button(1)
    assert second.text() == "GFP"
    click(second)
    assert window.session.workspace.recipe.channel == "GFP"


def test_existing_layer_is_chosen_and_another_by_the_list(
    window: CellvinoWindow, viewer: napari.Viewer, nuclei: NDArray[np.uint16], qtbot: QtBot
) -> None:
    viewer.add_image(nuclei, name="first")
    viewer.add_image(nuclei[:100], name="second")
    stack = window.session.workspace.stack
    assert stack is not None
    assert stack.origin.name == "first"
    combo = window.open_panel.image
    assert [combo.itemText(row) for row in range(combo.count())] == ["first", "second"]
    combo.setFocus()
    qtbot.keyClick(combo, Qt.Key.Key_Down)
    stack = window.session.workspace.stack
    assert stack is not None
    assert (stack.origin.name, stack.shape.y) == ("second", 100)


def test_layer_without_units_is_amber_and_can_be_corrected(
    window: CellvinoWindow, viewer: napari.Viewer, nuclei: NDArray[np.uint16], click: Click
) -> None:
    viewer.add_image(np.stack([nuclei] * 3), name="bare", scale=(2, 0.5, 0.5))
    panel = window.open_panel
    assert panel.spacing.property("tone") == "attention"
    assert "pixel size unknown" in panel.spacing.text()
    assert "taken as 3 planes" in panel.guesses.text()
    click(panel.correct_button)
    panel.correct.width.setValue(0.5)
    panel.correct.depth.setValue(2.0)
    click(panel.correct.apply_button)
    stack = window.session.workspace.stack
    assert stack is not None
    assert stack.spacing == Spacing(2.0, 0.5, 0.5)
    assert panel.spacing.property("tone") == ""
    assert not panel.correct.isVisible()


def test_sizes_that_no_microscope_gives_are_questioned(
    window: CellvinoWindow, open_file: OpenFile, nuclei: NDArray[np.uint16], tmp_path: Path
) -> None:
    sizes = {"PhysicalSizeX": 325.0, "PhysicalSizeY": 325.0}  # nm, without their unit
    tifffile.imwrite(tmp_path / "nm.ome.tif", nuclei, metadata={"axes": "YX", **sizes})
    open_file(window, tmp_path / "nm.ome.tif")
    assert "a pixel of 325 µm is unlikely" in window.open_panel.guesses.text()


def test_units_that_do_not_mix_are_said(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, plate_file: Path
) -> None:
    open_file(window, plate_file)
    assert "scale bar" not in window.open_panel.guesses.text()
    with napari.utils.notifications.NotificationManager():  # napari says it too, of every change
        viewer.add_image(np.zeros((8, 8), np.uint8), name="pixels")
    assert "scale bar has no unit" in window.open_panel.guesses.text()
    viewer.layers.remove("pixels")
    assert "scale bar" not in window.open_panel.guesses.text()


def test_dimensions_can_be_corrected(
    window: CellvinoWindow, viewer: napari.Viewer, nuclei: NDArray[np.uint16], click: Click
) -> None:
    viewer.add_image(np.stack([nuclei] * 3), name="bare")
    panel = window.open_panel
    assert panel.planes.isVisible()
    click(panel.correct_button)
    panel.correct.axes.setCurrentIndex(panel.correct.axes.findData("TYX"))
    click(panel.correct.apply_button)
    stack = window.session.workspace.stack
    assert stack is not None
    assert (stack.shape.t, stack.shape.z) == (3, 1)
    assert panel.frame.isVisible()
    assert not panel.planes.isVisible()


def test_channels_are_renamed_everywhere(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, plate_file: Path, click: Click
) -> None:
    open_file(window, plate_file)
    click(window.open_panel.channel._group.button(1))
    click(window.open_panel.correct_button)
    name = "Reporter_488nm_exposure_100ms_filter_525_50_laser_power_20"
    window.open_panel.correct.names[1].setText(name)
    click(window.open_panel.correct.apply_button)
    assert viewer.layers[1].name == f"A01_s1: {name}"
    assert window.session.workspace.recipe.channel == name
    assert window.open_panel.channel.minimumSizeHint().width() <= 300  # beside its title, in a dock of 400 px


def test_plane_choice_goes_into_the_recipe(window: CellvinoWindow, open_file: OpenFile, stack_file: Path) -> None:
    open_file(window, stack_file)
    choice = window.open_panel.planes
    assert not choice.plane.isVisible()
    choice.kind.setCurrentIndex(choice.kind.findData(ZMode.PLANE))
    assert choice.plane.isVisible()
    choice.plane.setValue(4)
    assert window.session.workspace.recipe.z == "plane:4"


@pytest.mark.parametrize("content", [b"this is a text", b""])
def test_wrong_file_is_a_notice(window: CellvinoWindow, open_file: OpenFile, tmp_path: Path, content: bytes) -> None:
    wrong = tmp_path / "wrong.tif"
    wrong.write_bytes(content)
    open_file(window, wrong)
    notice = window.open_panel.notice
    assert notice.isVisible()
    assert "wrong.tif" in notice.words.text()
    assert not notice.details_button.isVisible()
    assert window.session.workspace.stack is None


def test_error_nobody_foresaw_keeps_its_traceback(
    window: CellvinoWindow, open_file: OpenFile, stack_file: Path, monkeypatch: pytest.MonkeyPatch, click: Click
) -> None:
    from napari.utils.notifications import notification_manager

    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("napari_cellvino.gui.open.open_controller.open_as", broken)
    with notification_manager:
        open_file(window, stack_file)
    assert any("a bug" in str(record.message) for record in notification_manager.records)
    notice = window.open_panel.notice
    assert "ZeroDivisionError: a bug" in notice.words.text()
    click(notice.details_button)
    assert notice._details.isVisible()
    assert "in broken" in notice._details.toPlainText()


def test_dropped_file_is_opened(window: CellvinoWindow, stack_file: Path, qtbot: QtBot) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(stack_file))])
    buttons, keys = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    window.open_panel.dropEvent(QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, buttons, keys))
    qtbot.waitUntil(lambda: window.session.workspace.stack is not None, timeout=60_000)


def test_removed_layer_is_no_longer_worked_on(
    window: CellvinoWindow, viewer: napari.Viewer, nuclei: NDArray[np.uint16]
) -> None:
    viewer.add_image(nuclei)
    assert window.session.workspace.stack is not None
    viewer.layers.clear()
    assert window.session.workspace.stack is None
    assert window.open_panel.hint.isVisible()


def test_positions_of_a_file_take_turns(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, tmp_path: Path, qtbot: QtBot
) -> None:
    path = tmp_path / "two.ome.tif"
    with tifffile.TiffWriter(path, ome=True) as writer:
        for value in (1, 2):
            writer.write(np.full((40, 50), value, np.uint16), metadata={"axes": "YX"})
    open_file(window, path)
    panel = window.open_panel
    assert panel.position.isVisible()
    panel.position.setCurrentIndex(1)
    panel.position.activated.emit(1)
    qtbot.waitUntil(lambda: not window.session.opener.reading, timeout=60_000)
    assert len(viewer.layers) == 1
    assert int(viewer.layers[0].data.max()) == 2


def test_a_level_of_a_pyramid_takes_the_place_of_the_one_shown(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, tmp_path: Path, qtbot: QtBot
) -> None:
    pixels = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96)
    sizes = {"PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as writer:
        writer.write(pixels, subifds=1, tile=(32, 32), metadata={"axes": "YX", **sizes})
        writer.write(pixels[::2, ::2].copy(), subfiletype=1, tile=(32, 32), metadata=None)
    open_file(window, tmp_path / "a.ome.tif")
    panel, workspace = window.open_panel, window.session.workspace
    assert panel.level.isVisible()
    assert [panel.level.itemText(n) for n in range(panel.level.count())] == ["0: 96 × 64 px", "1: 48 × 32 px"]
    panel.level.setCurrentIndex(1)
    panel.level.activated.emit(1)
    qtbot.waitUntil(lambda: not window.session.opener.reading, timeout=60_000)
    assert [layer.name for layer in viewer.layers] == ["a"]
    np.testing.assert_array_equal(np.asarray(viewer.layers[0].data), pixels[::2, ::2])
    assert workspace.stack is not None
    assert (workspace.stack.spacing, workspace.stack.overrides.level) == (Spacing(None, 1.0, 1.0), 1)
    assert panel.level.value() == 1
    assert "level 1" in panel.guesses.text()
    panel.correct_button.click()
    panel.correct.region.setText("10:30,4:20")
    panel.correct.apply_button.click()
    qtbot.waitUntil(lambda: not window.session.opener.reading, timeout=60_000)
    np.testing.assert_array_equal(np.asarray(viewer.layers[0].data), pixels[::2, ::2][10:30, 4:20])
    assert workspace.stack.overrides == MetadataOverrides(level=1, region="10:30,4:20")
