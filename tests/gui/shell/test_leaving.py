from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QWidget

from napari_cellvino.gui.run.run_panel import RunPanel
from napari_cellvino.gui.shell.window import CellvinoWindow

from ..conftest import LEAVING_MS, WAIT_MS, our_threads


def test_dock_closed_during_a_run_leaves_nothing(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    open_file: Callable[[CellvinoWindow, Path], None],
    stack_file: Path,
    qtbot: QtBot,
    click: Callable[[QWidget], None],
) -> None:
    open_file(window, stack_file)
    session = window.session
    session.workspace.choose(diameter_px=3.0)
    window.show_step(2)
    click(window.run_panel.run_button)
    qtbot.wait(300)
    dead: list[int] = []
    window.destroyed.connect(lambda: dead.append(1))
    viewer.window.remove_dock_widget(window)  # what the dock's × does
    assert not session.is_open
    qtbot.waitUntil(lambda: not our_threads(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: bool(dead), timeout=WAIT_MS)
    workspace = session.workspace
    for signal in (workspace.stack_changed, workspace.recipe_changed, workspace.package_changed):
        assert len(signal) == 0
    assert len(workspace.outcome_changed) == 0
    viewer.add_image(np.zeros((8, 8)))  # nobody of ours hears of it
    assert session.opener.picture is None or session.opener.picture.name == "nuclei_stack"


def test_closed_session_lets_go_of_everything_large(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    open_file: Callable[[CellvinoWindow, Path], None],
    plate_file: Path,
    run: Callable[[CellvinoWindow], None],
    qtbot: QtBot,
) -> None:
    open_file(window, plate_file)
    run(window)
    workspace, runner = window.session.workspace, window.session.runner
    qtbot.waitUntil(lambda: runner.expected is not None, timeout=WAIT_MS)
    large = [
        weakref.ref(it)
        for it in (
            workspace.engines.engine(workspace.package, precision=workspace.package.automatic_precision),
            workspace.outcome.prediction.raw.maps,
            workspace.stack.planes,
        )
    ]
    qtbot.waitUntil(lambda: gc.get_freeze_count() > 0, timeout=WAIT_MS)  # no search for garbage holds the window up
    viewer.window.remove_dock_widget(window)
    assert gc.get_freeze_count() == 0
    viewer.layers.clear()
    qtbot.waitUntil(lambda: not our_threads(), timeout=WAIT_MS)

    def are_gone() -> bool:
        gc.collect()  # whatever the thread that ended last still held goes a moment later
        return [it() for it in large] == [None, None, None]

    qtbot.waitUntil(are_gone, timeout=LEAVING_MS)


def test_a_layer_that_was_there_before_the_dock_is_let_go_of(viewer: napari.Viewer, qtbot: QtBot) -> None:
    layer = viewer.add_image(np.zeros((64, 64), np.uint8))
    pixels = weakref.ref(layer.data)
    viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
    qtbot.waitUntil(lambda: gc.get_freeze_count() > 0, timeout=WAIT_MS)
    viewer.layers.remove(layer)
    del layer
    qtbot.waitUntil(lambda: pixels() is None, timeout=WAIT_MS)


def test_reopened_dock_starts_afresh(window: CellvinoWindow, viewer: napari.Viewer, qtbot: QtBot) -> None:
    viewer.window.remove_dock_widget(window)
    _, again = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
    assert again.session is not window.session
    qtbot.waitUntil(lambda: again.session.workspace.package is not None, timeout=WAIT_MS)


def test_panels_alone_share_one_session(viewer: napari.Viewer, qtbot: QtBot) -> None:
    docks = [viewer.window.add_plugin_dock_widget("napari-cellvino", name)[1] for name in ("Open", "Run", "Save")]
    session = docks[0].session
    assert all(dock.session is session for dock in docks)
    viewer.window.remove_dock_widget(docks[0])
    qtbot.wait(50)
    assert session.is_open
    qtbot.waitUntil(lambda: session.workspace.package is not None, timeout=WAIT_MS)
    session.workspace.choose(precision="exact")  # what is left hears of it, what is gone does not
    assert docks[1].findChild(RunPanel).precision.currentText() == "Exact (f32)"
    for dock in docks[1:]:
        viewer.window.remove_dock_widget(dock)
    assert not session.is_open


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_colours_follow_the_theme(window: CellvinoWindow, viewer: napari.Viewer, theme: str, qtbot: QtBot) -> None:
    """What is seen at once, hidden tabs after what is waiting to be done."""
    from napari_cellvino.gui.widgets.colours import colours

    pages = [window.tabs.widget(index) for index in range(window.tabs.count())]

    def styled(name: str) -> list[QWidget]:
        return [page for page in pages if colours(name).attention in page.styleSheet()]

    viewer.theme = other = "light" if theme == "dark" else "dark"
    qtbot.waitUntil(lambda: styled(other) == pages, timeout=WAIT_MS)
    window.show_step(2)
    viewer.theme = theme
    assert window._to_style[0] is window.tabs.currentWidget(), "what is seen comes first"
    qtbot.waitUntil(lambda: styled(theme) == pages, timeout=WAIT_MS)
    assert colours(theme).attention in window.tabs.tabBar().styleSheet()
