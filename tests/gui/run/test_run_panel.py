from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QWidget

from napari_cellvino.core.progress import Progress
from napari_cellvino.core.recipe import WholeCellWay
from napari_cellvino.engines.engine import Engine, EngineConnectionError
from napari_cellvino.engines.provider import open_engine
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.model_package import find_package
from napari_cellvino.workflows.workspace import Workspace

from ..conftest import WAIT_MS

OpenFile = Callable[[CellvinoWindow, Path], None]
Run = Callable[[CellvinoWindow], None]
Click = Callable[[QWidget], None]
SMALL_CELL_PX = 3.0  # makes the model look at an enlarged image: many tiles, time to cancel


def test_nothing_open_says_why_run_cannot_be_pressed(window: CellvinoWindow) -> None:
    window.show_step(2)
    panel = window.run_panel
    assert not panel.run_button.isEnabled()
    assert panel.run_button.toolTip() == panel.hint.text() == "Open an image first: tab 1."
    layer = window.session.viewer.add_image(np.zeros((1,) * 6 + (8, 8), np.uint8), name="noext")
    window.session.viewer.layers.selection.active = layer
    combo = window.open_panel.image
    combo.activated.emit(combo.findText("noext"))
    assert window.open_panel.notice.words.text().startswith("✕  noext has 8 dimensions")  # names stay as they are
    assert panel.run_button.toolTip() == panel.hint.text() == "This image cannot be used; tab 1 says why."


def test_run_with_a_click(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, stack_file: Path, run: Run
) -> None:
    news: list[Progress] = []
    window.session.runner.progressed.connect(lambda progress, left: news.append(progress))
    open_file(window, stack_file)
    run(window)
    assert [p.done for p in news if p.noun == "planes"] == list(range(1, 14))
    assert [p for p in news if p.noun == "tiles"][-1].done == [p for p in news if p.noun == "tiles"][-1].total
    outcome = window.session.workspace.outcome
    assert outcome is not None
    assert outcome.count > 20
    panel = window.run_panel
    assert panel.count.text() == f"{outcome.count} cells"
    assert "maximum projection of 13 planes, in " in panel.detail.text()
    assert " on CPU, " in panel.detail.text()
    assert panel.run_button.text() == "&Run again"
    assert window.tabs.tabText(1) == "✓ Run"
    assert panel.minimumSizeHint().width() <= 380  # all of it beside a scroll bar, in a dock of 400


def test_cancel_in_the_middle(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, stack_file: Path, qtbot: QtBot, click: Click
) -> None:
    open_file(window, stack_file)
    window.session.workspace.choose(diameter_px=SMALL_CELL_PX)
    window.show_step(2)
    panel, runner = window.run_panel, window.session.runner
    tiles: list[Progress] = []
    runner.progressed.connect(lambda p, _: tiles.append(p) if p.noun == "tiles" else None)
    click(panel.run_button)
    assert panel.cancel_button.isVisible()
    assert not panel.run_button.isVisible()
    qtbot.waitUntil(lambda: bool(tiles), timeout=WAIT_MS)
    viewer.dims.set_current_step(0, 3)  # the viewer can be used meanwhile
    click(panel.cancel_button)
    qtbot.waitUntil(lambda: not runner.running, timeout=WAIT_MS)
    assert tiles[-1].done < tiles[-1].total
    assert runner.failure is None
    assert window.session.workspace.outcome is None
    assert panel.run_button.isEnabled()
    assert len(viewer.layers) == 1


def test_other_image_ends_the_run(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    open_file: OpenFile,
    stack_file: Path,
    nuclei: NDArray[np.uint16],
    qtbot: QtBot,
    click: Click,
) -> None:
    open_file(window, stack_file)
    window.session.workspace.choose(diameter_px=SMALL_CELL_PX)
    window.show_step(2)
    click(window.run_panel.run_button)
    qtbot.wait(300)
    viewer.layers.clear()
    assert "The run on nuclei_stack was stopped, as it was closed." in window.run_panel.notice.words.text()
    viewer.add_image(nuclei, name="other")
    runner = window.session.runner
    qtbot.waitUntil(lambda: not runner.running and not window.session.worker.busy, timeout=WAIT_MS)
    assert [layer.name for layer in viewer.layers] == ["other"]
    assert window.session.workspace.outcome is None


def test_device_that_is_not_there_is_a_notice(
    window: CellvinoWindow, open_file: OpenFile, plate_file: Path, qtbot: QtBot, click: Click
) -> None:
    open_file(window, plate_file)
    window.session.workspace.choose(device="GPU.7")
    window.show_step(2)
    click(window.run_panel.run_button)
    qtbot.waitUntil(lambda: window.session.runner.failure is not None, timeout=WAIT_MS)
    words = window.run_panel.failure.words.text()
    assert "GPU.7" in words
    assert "CPU" in words
    assert window.run_panel.run_button.isEnabled()


def test_missing_model_is_a_notice(viewer: napari.Viewer, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("napari_cellvino.model_package.registry.model_folders", lambda: ())
    _, window = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
    window.show_step(2)
    qtbot.waitUntil(lambda: window.session.catalogue.failure is not None, timeout=WAIT_MS)
    assert "no model 'nuclei'" in window.run_panel.failure.words.text()
    assert not window.run_panel.run_button.isEnabled()
    assert not window.run_panel.card_button.isEnabled()


def test_expected_time_is_found_without_asking(
    window: CellvinoWindow, open_file: OpenFile, plate_file: Path, run: Run, infers: list[int], qtbot: QtBot
) -> None:
    open_file(window, plate_file)
    panel, runner = window.run_panel, window.session.runner
    assert panel.cost.text().startswith("1 tile, ")
    qtbot.waitUntil(lambda: panel.cost.text().startswith("about "), timeout=WAIT_MS)
    run(window)
    qtbot.waitUntil(lambda: runner.expected is not None and runner.expected.repeated, timeout=WAIT_MS)
    taken, ran = runner.expected.cost, len(infers)
    assert panel.cost.toolTip() == "What the last run on this image took."
    window.session.workspace.choose(diameter_px=20.0)
    assert runner.expected is None
    window.session.workspace.choose(diameter_px=None)
    qtbot.waitUntil(lambda: runner.expected is not None, timeout=WAIT_MS)
    assert runner.expected.cost == taken
    assert len(infers) == ran, "no tile is measured anew"


def test_measured_speed_error_is_quiet(
    window: CellvinoWindow, open_file: OpenFile, plate_file: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    def broken(_: Workspace) -> float:
        raise MemoryError("no room")

    monkeypatch.setattr(Workspace, "expected", broken)
    open_file(window, plate_file)
    qtbot.wait(700)
    qtbot.waitUntil(lambda: not window.session.worker.busy, timeout=WAIT_MS)
    assert not window.run_panel.failure.isVisible()
    assert window.run_panel.cost.text().startswith("1 tile, ")


def test_a_server_of_the_settings_is_offered_and_where_pixels_go_is_said_before_a_run(
    window: CellvinoWindow,
    open_file: OpenFile,
    stack_file: Path,
    run: Run,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("grpc", reason="needs the remote extra")
    from model_servers import Middle, answering, listening

    engine, lock = open_engine(find_package("nuclei"), "CPU"), threading.Lock()

    def network(batch: NDArray[np.float32]) -> NDArray[np.float16]:
        with lock:
            engine.load(batch.shape[-1])
            return engine.infer(batch)

    middle, panel = Middle(answering(network)), window.run_panel
    with listening(middle) as address:
        monkeypatch.setenv("CELLVINO_SETTINGS", str(tmp_path / "settings.json"))
        (tmp_path / "settings.json").write_text(json.dumps({"servers": [address]}))
        window.session.catalogue.choose("nuclei")
        offered = f"Server {address.removeprefix('grpc://')}: nuclei 1"
        qtbot.waitUntil(lambda: panel.device.findText(offered) >= 0, timeout=WAIT_MS)
        assert middle.asked == ["ModelMetadata"]
        open_file(window, stack_file)
        window.show_step(2)
        assert not panel.away.isVisible()
        panel.device.setCurrentIndex(panel.device.findText(offered))
        panel.device.activated.emit(panel.device.currentIndex())
        assert panel.away.isVisible()
        assert address in panel.away.text()
        run(window)
        assert f" on {address} (nuclei 1), " in panel.detail.text()


def test_a_server_that_was_left_is_said_and_asked_again(
    window: CellvinoWindow,
    open_file: OpenFile,
    plate_file: Path,
    run: Run,
    click: Click,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def silent(_: object, address: str, __: object) -> Engine:
        asked.append(address)
        raise EngineConnectionError("nobody answers")

    address = "grpc://127.0.0.1:9"
    monkeypatch.setattr("napari_cellvino.engines.provider.open_server", silent)
    monkeypatch.setenv("CELLVINO_SETTINGS", str(tmp_path / "settings.json"))
    (tmp_path / "settings.json").write_text(json.dumps({"servers": [address], "server_fallback": "CPU"}))
    open_file(window, plate_file)
    window.session.workspace.choose(device=address)
    panel = window.run_panel
    for times in (1, 2):
        run(window)
        assert asked == times * [address]
        assert panel.away.text() == f"{address} did not answer: runs go on on this computer."
        click(panel.again_button)
        qtbot.waitUntil(lambda: not panel.again_button.isVisible(), timeout=WAIT_MS)
        assert panel.away.text().startswith("Pixels of tiles go to")


def test_whole_cells_are_chosen_seen_and_slid(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    open_file: OpenFile,
    plate_file: Path,
    run: Run,
    qtbot: QtBot,
    click: Click,
) -> None:
    open_file(window, plate_file)
    window.show_step(2)
    panel, session = window.run_panel, window.session
    panel.more.unfold()
    QTest.keyClick(panel.whole_cells, Qt.Key.Key_Down)
    assert session.workspace.recipe.whole_cells is WholeCellWay.EXPAND
    run(window)
    layer = session.whole_cells
    qtbot.waitUntil(lambda: layer.layer is not None, timeout=WAIT_MS)
    nuclei = session.reviewer.annotation.labels
    cells = layer.layer.data
    np.testing.assert_array_equal(cells[nuclei > 0], nuclei[nuclei > 0])
    before = np.count_nonzero(cells)
    assert before > 1.5 * np.count_nonzero(nuclei)
    panel.sliders.rows["cell_reach"].slider.setValue(2)
    qtbot.waitUntil(lambda: np.count_nonzero(layer.layer.data) < before, timeout=WAIT_MS)
    click(panel.only_cells_button)
    run(window)
    assert layer.layer is None
    assert not [one for one in viewer.layers if one.name.endswith("whole cells")]


def test_gates_of_other_images_are_named_and_can_be_dropped(
    window: CellvinoWindow, open_file: OpenFile, plate_file: Path, run: Run, click: Click, qtbot: QtBot
) -> None:
    open_file(window, plate_file)
    window.show_step(2)
    panel, session = window.run_panel, window.session
    session.workspace.choose(gates=[{"x": "mean_elsewhere", "low": 1.0}])
    assert panel.further.text() == "Also: 1 gate"
    click(panel.run_button)
    qtbot.waitUntil(lambda: session.runner.failure is not None, timeout=WAIT_MS)
    assert "mean_elsewhere" in session.runner.failure.message
    click(panel.only_cells_button)
    assert not panel.further.isVisible()
    run(window)
    assert session.workspace.outcome.count > 0


def test_a_trial_of_a_stack_lies_over_its_projection(
    window: CellvinoWindow, viewer: napari.Viewer, open_file: OpenFile, small_stack: Path, click: Click, qtbot: QtBot
) -> None:
    open_file(window, small_stack)
    window.show_step(2)
    camera, session = viewer.scene.camera, window.session
    source = session.opener.picture.source_layer()
    camera.zoom *= 3
    qtbot.waitUntil(lambda: source.corner_pixels[0, -1] > 0, timeout=WAIT_MS)
    click(window.run_panel.view_only)
    click(window.run_panel.run_button)
    qtbot.waitUntil(lambda: session.runner.trial is not None, timeout=WAIT_MS)
    region = session.runner.trial.region
    under = next(layer for layer in viewer.layers if "projection" in layer.name)
    expected = source.data.max(0)[region.rows, region.columns]
    assert np.corrcoef(np.ravel(under.data), np.ravel(expected))[0, 1] > 0.99
    assert not session.opener.covered
    assert window.open_panel.image.count() == 1
    click(window.run_panel.sliders.switches["signal_test"])
    qtbot.waitUntil(lambda: not [layer for layer in viewer.layers if "trial" in layer.name], timeout=WAIT_MS)


def test_the_view_only_is_tried_and_nothing_is_kept_of_it(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    open_file: OpenFile,
    plate_file: Path,
    run: Run,
    click: Click,
    qtbot: QtBot,
) -> None:
    open_file(window, plate_file)
    window.show_step(2)
    panel, session = window.run_panel, window.session
    source = session.opener.picture.source_layer()
    camera = viewer.scene.camera
    camera.center, camera.zoom = (0, *source.data_to_world((60, 200))[-2:]), 4 * camera.zoom
    qtbot.waitUntil(lambda: source.corner_pixels[0, -1] > 100, timeout=WAIT_MS)
    click(panel.view_only)
    click(panel.sliders.switches["signal_test"])
    click(panel.run_button)
    qtbot.waitUntil(lambda: session.runner.trial is not None, timeout=WAIT_MS)
    trial, layer = session.runner.trial, viewer.layers[f"{plate_file.name.removesuffix('.ome.tif')}: trial on the view"]
    assert trial.region.x0 > 100
    assert trial.region.width < 120
    assert (trial.count, layer.data.shape) == (
        len(np.unique(layer.data)) - 1,
        (trial.region.height, trial.region.width),
    )
    assert session.workspace.outcome is None
    assert panel.trial.text().startswith(f"{trial.count} cells in view")
    corner = source.world_to_data(layer.data_to_world((0, 0)))[-2:]
    np.testing.assert_allclose(corner, (trial.region.y0, trial.region.x0))
    click(panel.view_only)
    run(window)
    assert session.workspace.outcome.prediction.values["signal_test"] == 0
    assert not panel.trial.isVisible()
    assert layer not in viewer.layers
    whole = session.reviewer.annotation.labels[trial.region.rows, trial.region.columns]
    assert np.count_nonzero((whole > 0) != (layer.data > 0)) < 0.05 * whole.size
