"""Models that find boxes, with and without a second one that outlines them, in a real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
import tifffile
from napari.layers import Labels, Vectors
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from small_models import field, write_finder, write_outliner

from napari_cellvino.cli import main
from napari_cellvino.gui.shell.window import CellvinoWindow

from ..conftest import WAIT_MS

LIVING = [(20.0, 30.0), (60.0, 64.0), (60.0, 90.0), (3.0, 120.0)]
DEAD = [(100.0, 40.0), (75.0, 180.0)]
FADED = (130, 100)  # too faint for the default confidence
OpenFile = Callable[[CellvinoWindow, Path], None]
Run = Callable[[CellvinoWindow], None]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_finder(folder / "finder")
    write_finder(folder / "colour-finder", channels=3)
    write_outliner(folder / "outliner")
    return folder


@pytest.fixture(autouse=True)
def _installed(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CELLVINO_MODELS", str(models))


@pytest.fixture
def chamber(tmp_path: Path) -> Path:
    """A field of living and dead cells and a faint one, with a scale."""
    pixels = field((150, 211), LIVING, DEAD)
    faint = field((150, 211), [FADED]) == 200
    pixels[faint] = 150
    path = tmp_path / "chamber.ome.tif"
    metadata = {"axes": "YX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5}
    tifffile.imwrite(path, pixels, metadata=metadata, ome=True)
    return path


@pytest.fixture
def choose(qtbot: QtBot) -> Callable[[CellvinoWindow, str, str], None]:
    """A function that chooses a model, and one to outline, as the combos tell it."""

    def choose_it(window: CellvinoWindow, model: str, outline: str = "") -> None:
        panel, workspace = window.run_panel, window.session.workspace
        panel.model.value_changed.emit(model)
        qtbot.waitUntil(lambda: workspace.recipe.model == model, timeout=WAIT_MS)
        if outline != workspace.recipe.outline:
            panel.outline.value_changed.emit(outline)
            qtbot.waitUntil(lambda: workspace.recipe.outline == outline, timeout=WAIT_MS)

    return choose_it


def settle(window: CellvinoWindow, qtbot: QtBot) -> None:
    qtbot.waitUntil(lambda: not window.session.decoder.busy and not window.session.worker.busy, timeout=WAIT_MS)


def test_boxes_are_a_layer_with_a_colour_per_class(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    open_file: OpenFile,
    chamber: Path,
    run: Run,
    choose: Callable,
    click: Callable,
    qtbot: QtBot,
) -> None:
    open_file(window, chamber)
    source = viewer.layers[0]
    source.translate = (7, 9)
    choose(window, "finder")
    window.show_step(2)
    camera, runner = viewer.scene.camera, window.session.runner
    camera.center, camera.zoom = (0, *source.data_to_world((75, 180))), 4 * camera.zoom
    qtbot.waitUntil(lambda: source.corner_pixels[0, -1] > 100, timeout=WAIT_MS)
    click(window.run_panel.view_only)
    click(window.run_panel.run_button)
    qtbot.waitUntil(lambda: runner.trial is not None, timeout=WAIT_MS)
    tried = viewer.layers["chamber: trial on the view"]
    assert isinstance(tried, Vectors)
    assert len(tried.data) == 4 * runner.trial.count == 4
    seen = source.world_to_data(tried.data_to_world(tried.data[:, 0].mean(0)))
    np.testing.assert_allclose(seen, (75, 180), atol=3)
    click(window.run_panel.view_only)
    run(window)
    assert tried not in viewer.layers
    assert not [layer for layer in viewer.layers if isinstance(layer, Labels)]
    boxes = viewer.layers[-1]
    assert isinstance(boxes, Vectors)
    assert boxes.visible
    assert boxes.name == "chamber: cells (finder 1.0.0)"
    np.testing.assert_allclose(boxes.scale, (0.5, 0.5))
    np.testing.assert_allclose(boxes.translate, (7, 9))
    outcome = window.session.workspace.outcome
    assert outcome is not None
    np.testing.assert_allclose(boxes.data[::4, 0], outcome.prediction.decoded.objects.box[:, :2] - 0.5)
    hues = np.round(boxes.edge_color[::4, :3] * 255).astype(int).tolist()
    assert hues == [[86, 180, 233]] * 4 + [[230, 159, 0]] * 2
    panel = window.run_panel
    panel.sliders.rows["confidence"].number.setValue(0.6)
    settle(window, qtbot)
    run(window)
    assert [layer for layer in viewer.layers if isinstance(layer, Vectors)] == [boxes]  # no second layer of boxes
    assert panel.count.text() == "6 cells"
    said = panel.classes.text()
    assert "4 living" in said
    assert "2 dead" in said
    assert "66.7\u2009%&nbsp;viable" in said


def test_outlines_are_offered_for_models_that_find_boxes(
    window: CellvinoWindow, open_file: OpenFile, chamber: Path, choose: Callable
) -> None:
    open_file(window, chamber)
    panel = window.run_panel
    window.show_step(2)
    assert not panel.outline.isVisible()
    choose(window, "finder")
    assert panel.outline.isVisible()
    assert [panel.outline.itemData(row) for row in range(panel.outline.count())] == ["", "cell-contour", "outliner"]
    assert "overlap" in panel.sliders.rows
    assert "outline" not in panel.sliders.rows
    choose(window, "finder", "outliner")
    assert "outline" in panel.sliders.rows
    choose(window, "nuclei")
    assert window.session.workspace.recipe.outline == ""
    assert not panel.outline.isVisible()
    assert (
        "boxes round cells" in panel.model.itemData(panel.model.findData("finder"), Qt.ItemDataRole.ToolTipRole).lower()
    )


def test_outlined_cells_are_labels_in_the_colours_of_their_classes(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    open_file: OpenFile,
    chamber: Path,
    run: Run,
    choose: Callable,
    qtbot: QtBot,
) -> None:
    open_file(window, chamber)
    choose(window, "finder")
    run(window)
    choose(window, "finder", "outliner")
    assert "run again" in window.run_panel.stale.text()
    run(window)
    names = [layer.name for layer in viewer.layers]
    assert names == ["chamber", "chamber: cells (finder 1.0.0 + outliner 1.0.0)"]
    labels = viewer.layers[-1]
    assert isinstance(labels, Labels)
    truth = tifffile.imread(chamber)
    np.testing.assert_array_equal(labels.data > 0, (truth == 200) | (truth == 0))
    assert labels.features["class"].tolist() == [""] + ["living"] * 4 + ["dead"] * 2
    colours = [np.round(labels.get_color(n)[:3] * 255).astype(int).tolist() for n in (1, 6)]
    assert colours == [[86, 180, 233], [230, 159, 0]]


@pytest.mark.parametrize("outline", ["", "outliner"])
def test_a_slider_finds_the_faint_cell_and_back_loses_it(
    window: CellvinoWindow, open_file: OpenFile, chamber: Path, run: Run, choose: Callable, qtbot: QtBot, outline: str
) -> None:
    open_file(window, chamber)
    choose(window, "finder", outline)
    run(window)
    panel, workspace = window.run_panel, window.session.workspace
    settle(window, qtbot)
    panel.sliders.rows["confidence"].number.setValue(0.2)
    qtbot.waitUntil(lambda: panel.changes.text() == "+1 \u22120", timeout=WAIT_MS)
    assert workspace.outcome is not None
    assert workspace.outcome.count == 7
    panel.sliders.rows["confidence"].number.setValue(0.9)
    qtbot.waitUntil(lambda: workspace.outcome.prediction.values["confidence"] == 0.9, timeout=WAIT_MS)
    panel.back_button.click()
    qtbot.waitUntil(lambda: workspace.outcome.count == 6, timeout=WAIT_MS)


def test_sliders_of_another_model_wait_for_its_run(
    window: CellvinoWindow, open_file: OpenFile, chamber: Path, run: Run, choose: Callable, qtbot: QtBot
) -> None:
    open_file(window, chamber)
    choose(window, "finder", "outliner")
    run(window)
    shown = window.session.workspace.outcome
    choose(window, "finder")
    window.run_panel.sliders.rows["confidence"].number.setValue(0.2)
    qtbot.waitUntil(lambda: window.session.workspace.recipe.parameters.get("confidence") == 0.2, timeout=WAIT_MS)
    settle(window, qtbot)
    assert window.session.workspace.outcome is shown
    assert window.session.runner.failure is None


@pytest.mark.parametrize("outline", ["", "outliner"])
def test_what_is_saved_is_what_the_command_line_writes(
    window: CellvinoWindow,
    open_file: OpenFile,
    chamber: Path,
    run: Run,
    choose: Callable,
    qtbot: QtBot,
    tmp_path: Path,
    outline: str,
) -> None:
    open_file(window, chamber)
    choose(window, "finder", outline)
    run(window)
    settle(window, qtbot)
    window.run_panel.sliders.rows["confidence"].number.setValue(0.2)
    qtbot.waitUntil(lambda: window.session.workspace.outcome.count == 7, timeout=WAIT_MS)
    window.show_step(4)
    assert ("labels.tif" in window.save_panel.what.text()) == bool(outline)
    folder = window.session.workspace.save_request(tmp_path / "window").save()
    recipe = tmp_path / "window" / "recipe.yaml"
    assert main(["run", str(chamber), "--out", str(tmp_path / "line"), "--recipe", str(recipe)]) == 0
    names = {file.name for file in folder.iterdir()}
    assert ("labels.tif" in names) == bool(outline)
    for name in names:
        assert (folder / name).read_bytes() == (tmp_path / "line" / "chamber" / name).read_bytes(), name


def test_an_empty_field_and_then_a_full_one(
    window: CellvinoWindow, viewer: napari.Viewer, run: Run, choose: Callable
) -> None:
    layer = viewer.add_image(np.full((150, 211), 100, np.uint8))
    choose(window, "finder")
    run(window)
    assert window.run_panel.count.text() == "0 cells"
    assert "try another model" in window.run_panel.notice.words.text()
    layer.data = field((150, 211), LIVING, DEAD)
    run(window)
    assert window.run_panel.count.text() == "6 cells"
    assert len(viewer.layers[-1].data) == 4 * 6


def test_a_colour_image_is_offered_in_colour(
    window: CellvinoWindow, viewer: napari.Viewer, run: Run, choose: Callable
) -> None:
    viewer.add_image(np.stack([field((150, 211), LIVING, DEAD)] * 3, -1), rgb=True)
    names = [button.text() for button in window.open_panel.channel._group.buttons()]
    assert names[0] == "Grey"
    choose(window, "colour-finder")
    assert window.open_panel.channel._group.buttons()[0].text() == "Colour"
    run(window)
    assert window.run_panel.count.text() == "6 cells"
    assert window.session.workspace.outcome.prediction.plane.chosen == "colour"
