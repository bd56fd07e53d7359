"""Every plane joined in 3D, in a real viewer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from napari_cellvino.core.image import ZMode
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.results.field_result import finish_field

from ..conftest import WAIT_MS

OpenFile = Callable[[CellvinoWindow, Path], None]
Run = Callable[[CellvinoWindow], None]


@pytest.mark.filterwarnings("ignore:Contours are not displayed during 3D rendering:UserWarning")  # napari says so
def test_joined_in_3d_and_joined_again_as_sliders_move(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    open_file: OpenFile,
    small_stack: Path,
    run: Run,
    infers: list[int],
    qtbot: QtBot,
) -> None:
    open_file(window, small_stack)
    kind, panel, workspace = window.open_panel.planes.kind, window.run_panel, window.session.workspace
    kind.setCurrentIndex(kind.findData(ZMode.JOINED))
    assert workspace.recipe.z == "3d"
    assert "3D" in window.open_panel.planes.explanation.text()
    run(window)
    labels = viewer.layers[-1]
    assert labels.data.shape == viewer.layers[0].data.shape
    np.testing.assert_allclose(labels.scale, viewer.layers[0].scale)
    assert labels.axis_labels == ("z", "y", "x")
    outcome = workspace.outcome
    assert outcome is not None
    assert outcome.count == labels.data.max() > 10
    assert finish_field(workspace.outcome.prediction, workspace.done).table["volume_um3"].min() > 0

    qtbot.waitUntil(lambda: window.session.runner.expected is not None, timeout=WAIT_MS)  # one more tile is measured
    ran = len(infers)
    row = panel.sliders.rows["z_planes"]
    assert row.number.suffix() == " planes"
    row.number.setValue(30)  # more than there are
    qtbot.waitUntil(lambda: workspace.outcome is not None and workspace.outcome.count == 0, timeout=WAIT_MS)
    row.number.setValue(3)
    qtbot.waitUntil(lambda: workspace.outcome is not None and workspace.outcome.count == outcome.count, timeout=WAIT_MS)
    assert workspace.values["z_planes"] == 3
    assert len(infers) == ran  # no network
    assert labels is viewer.layers[-1]
    assert labels.data.max() == workspace.outcome.count
    viewer.dims.ndisplay = 3
    viewer.dims.ndisplay = 2

    kind.setCurrentIndex(kind.findData(ZMode.MIP))  # its sliders go, and the stack's result is told to be old
    assert "z_planes" not in panel.sliders.rows
    assert not any(name.startswith("z_") for name in workspace.recipe.parameters)
    run(window)
    assert viewer.layers[-1].data.ndim == 2
    assert labels not in viewer.layers


def test_mean_and_best_focus_are_offered(window: CellvinoWindow, open_file: OpenFile, stack_file: Path) -> None:
    open_file(window, stack_file)
    planes = window.open_panel.planes
    told = set()
    for way in ZMode:
        planes.kind.setCurrentIndex(planes.kind.findData(way))
        assert window.session.workspace.recipe.z_choice.way is way
        assert planes.plane.isVisibleTo(planes) == (way is ZMode.PLANE)
        told.add(planes.explanation.text())
    assert len(told) == len(ZMode)
