import napari
import numpy as np
from napari._vispy.canvas import VispyCanvas
from pytestqt.qtbot import QtBot

from napari_cellvino.gui.napari_bridge.drawing_context import CLEAN_UP, clean_up_in_own_context
from napari_cellvino.gui.shell.window import CellvinoWindow


def test_layers_of_all_kinds_come_and_go(viewer: napari.Viewer, window: CellvinoWindow, qtbot: QtBot) -> None:
    for _ in range(3):
        viewer.add_image(np.eye(32, dtype=np.float32))
        qtbot.wait(1)
        viewer.add_labels(np.ones((32, 32), int))
        qtbot.wait(1)
        viewer.add_shapes([np.array([[0, 0], [5, 5]])], shape_type="line")
        viewer.add_points([[1, 1]])
        qtbot.wait(1)
        viewer.layers.clear()
        qtbot.wait(1)
    assert len(viewer.layers) == 0


def test_is_put_in_place_once() -> None:
    clean_up_in_own_context()
    clean_up = getattr(VispyCanvas, CLEAN_UP)
    clean_up_in_own_context()
    assert getattr(VispyCanvas, CLEAN_UP) is clean_up
