"""A real viewer, with a dock for each test, and a check that nothing of the dock is left behind."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import SimpleNamespace

import napari
import numpy as np
import pytest
import tifffile
from napari._qt.qt_viewer import QtViewer
from napari._qt.threads.status_checker import StatusChecker
from napari._vispy import canvas
from napari.settings import get_settings
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication, QWidget

from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.core.threads import TOGETHER
from napari_cellvino.gui.run import run_controller
from napari_cellvino.gui.shell import viewer_session
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.workflows.list_memory import forget_list
from tests.plate_images import write_plate

from .review_session import Review

WAIT_MS = 240_000  # as long as a busy machine may take
LEAVING_MS = 5_000  # for a window that was closed to be deleted
OF_THE_PROCESS = (TOGETHER, "cellvino-flush")
TWO_CLICKS_MS = 50  # apart: no double click; a person is given 400 ms


@pytest.fixture(autouse=True)
def no_results_at_home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Results of samples go to the home folder: one of the test's own."""
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")


@pytest.fixture(autouse=True)
def no_list_of_another_test() -> None:
    """The work list of the last time comes back: not that of another test."""
    forget_list()


@pytest.fixture(autouse=True)
def models_look_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven models at every first image would be most of the work of these tests."""
    monkeypatch.setattr(viewer_session, "looks_unasked", lambda: False)


@pytest.fixture(autouse=True)
def fault_ends_a_wait(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception inside Qt fails a test at once; what it waits for would never come."""
    faults, wait = request.node.qt_exception_capture_manager, QtBot.waitUntil

    def wait_until(qtbot: QtBot, wanted: Callable[[], bool | None], *, timeout: int = WAIT_MS) -> None:
        def is_there() -> bool | None:
            faults.fail_if_exceptions_occurred("WAIT")
            return wanted()

        wait(qtbot, is_there, timeout=timeout)

    monkeypatch.setattr(QtBot, "waitUntil", wait_until)


@pytest.fixture(scope="session")
def only_viewer(qapp: QApplication) -> Iterator[napari.Viewer]:
    """The viewer of all tests: it takes longer to start than most of them to run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StatusChecker, "start", lambda _: None)  # a thread that asks for nothing of ours
        patch.setattr(
            canvas, "gc", SimpleNamespace(collect=lambda: 0)
        )  # for drivers of Windows; a search of all is slow
        qapp.setDoubleClickInterval(TWO_CLICKS_MS)  # every click of a test waits for its end
        viewer = napari.Viewer(show=True, show_welcome_screen=False)
        QtViewer._instances.discard(viewer.window._qt_viewer)  # those of `make_napari_viewer` must go, this one stays
        for dock in (viewer.window._qt_viewer.dockLayerControls, viewer.window._qt_viewer.dockLayerList):
            dock.hide()  # nobody looks at them, they work all the same; the picture has their room
        yield viewer
        viewer.close()


@pytest.fixture
def viewer(only_viewer: napari.Viewer, qtbot: QtBot) -> Iterator[napari.Viewer]:
    """A viewer that is shown, as new; afterwards no thread and no window of ours may be left."""
    size, as_new = only_viewer.window._qt_window.size(), get_settings().model_dump()
    yield only_viewer
    only_viewer.window.remove_dock_widget("all")
    only_viewer.window._qt_window.resize(size)  # a wide dock has made it larger, or a test smaller
    picture = only_viewer.window._qt_viewer.canvas.native
    picture.setUpdatesEnabled(False)  # nothing is drawn of layers that go
    only_viewer.layers.clear()
    picture.setUpdatesEnabled(True)
    only_viewer.dims.ndisplay = 2
    only_viewer.scene.camera.reset()
    only_viewer.theme = "dark"
    if get_settings().model_dump() != as_new:
        get_settings().reset()
    qtbot.waitUntil(lambda: not our_threads(), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not our_windows(), timeout=LEAVING_MS)
    qtbot.wait(5)  # what a window has put off for after its end


@pytest.fixture
def window(viewer: napari.Viewer, qtbot: QtBot) -> CellvinoWindow:
    """The dock as the menu opens it, with its model verified."""
    _, window = viewer.window.add_plugin_dock_widget("napari-cellvino", "CellVINO")
    qtbot.waitUntil(lambda: window.session.workspace.package is not None, timeout=WAIT_MS)
    return window


@pytest.fixture
def stack_file(root: Path) -> Path:
    """A z-stack with scale that ships."""
    return root / "sample_data" / "nuclei_stack.ome.tif"


@pytest.fixture(scope="session")
def small_stack(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corner of that z-stack, to run in 3D."""
    path = tmp_path_factory.mktemp("stack") / "nuclei_stack.ome.tif"
    pixels = tifffile.imread(root / "sample_data" / path.name)[:, :224, :256]
    sizes = {"PhysicalSizeX": 0.325, "PhysicalSizeY": 0.325, "PhysicalSizeZ": 1.0}
    tifffile.imwrite(path, pixels, metadata={"axes": "ZYX", **sizes})
    return path


@pytest.fixture
def plate_file(root: Path) -> Path:
    """A field with two named channels that ships."""
    return root / "sample_data" / "plate" / "A01_s1.ome.tif"


@pytest.fixture(scope="session")
def dna_file(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The DNA channel of that field: a layer less, where only the cells matter."""
    path = tmp_path_factory.mktemp("dna") / "A01_s1.ome.tif"
    sizes = {"PhysicalSizeX": 0.65, "PhysicalSizeY": 0.65, "Channel": {"Name": ["DNA"]}}
    pixels = tifffile.imread(root / "sample_data" / "plate" / path.name)[0]
    tifffile.imwrite(path, pixels, metadata={"axes": "YX", **sizes})
    return path


@pytest.fixture
def plate(tmp_path: Path) -> Path:
    """A plate of three wells with two fields of two channels; the nuclei are in the second channel."""
    wells = [tifffile.imread(path)[0] for path in sorted((shipped_folder("sample_data") / "plate").glob("*.ome.tif"))]
    return write_plate(tmp_path / "p", wells)


@pytest.fixture
def nuclei(plate_file: Path) -> NDArray[np.uint16]:
    """The DNA channel of a field: uint16 (256, 256)."""
    return np.asarray(tifffile.imread(plate_file)[0])


@pytest.fixture
def click(qtbot: QtBot) -> Callable[[QWidget], None]:
    """A function that clicks a widget that is there to be clicked."""

    def press(widget: QWidget) -> None:
        qtbot.waitUntil(lambda: widget.isVisible() and widget.isEnabled(), timeout=WAIT_MS)
        qtbot.mouseClick(widget, Qt.MouseButton.LeftButton)

    return press


@pytest.fixture
def infers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A list that grows by the tile size at every inference of the real engine."""
    from napari_cellvino.engines.openvino import OpenVinoEngine

    calls: list[int] = []
    infer_all = OpenVinoEngine.infer_all

    def counted(engine: OpenVinoEngine, batches: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float16]]:
        return infer_all(engine, (calls.append(batch.shape[-1]) or batch for batch in batches))

    monkeypatch.setattr(OpenVinoEngine, "infer_all", counted)
    return calls


@pytest.fixture
def run(qtbot: QtBot, click: Callable[[QWidget], None]) -> Callable[[CellvinoWindow], None]:
    """A function that runs the model with a click and waits for the result."""

    def run_it(window: CellvinoWindow) -> None:
        window.show_step(2)
        panel, runner = window.run_panel, window.session.runner
        qtbot.waitUntil(panel.run_button.isEnabled, timeout=WAIT_MS)
        click(panel.run_button)
        assert runner.running
        qtbot.waitUntil(lambda: not runner.running, timeout=WAIT_MS)
        assert runner.failure is None
        assert window.session.workspace.outcome is not None

    return run_it


@pytest.fixture
def open_file(qtbot: QtBot) -> Callable[[CellvinoWindow, Path], None]:
    """A function that opens a file and waits until it is read."""

    def open_it(window: CellvinoWindow, path: Path) -> None:
        opener = window.session.opener
        opener.open(path)
        qtbot.waitUntil(lambda: not opener.reading, timeout=WAIT_MS)

    return open_it


@pytest.fixture
def no_estimates(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a run would take is measured by a run on one tile: not in windows in which nobody reads it."""
    monkeypatch.setattr(run_controller, "GUESS_DELAY_MS", WAIT_MS)


@pytest.fixture
def review(
    no_estimates: None,
    window: CellvinoWindow,
    open_file: Callable[[CellvinoWindow, Path], None],
    dna_file: Path,
    run: Callable[[CellvinoWindow], None],
    qtbot: QtBot,
    tmp_path: Path,
) -> Review:
    """A result that was just made, with the Review tab open, its table filled and the focus on the picture."""
    open_file(window, dna_file)
    window.session.saver.choose(str(tmp_path / "results"))
    run(window)
    review = Review(window, qtbot)
    qtbot.waitUntil(lambda: len(review.panel.list.table.cells.ids) == len(review.ids), timeout=WAIT_MS)
    qtbot.waitUntil(lambda: not window.session.decoder.busy, timeout=WAIT_MS)  # reasons of another threshold are in
    return review


def our_threads() -> list[threading.Thread]:
    """Return the threads of sessions that still run; those of the process are begun once and serve all."""
    ours = [thread for thread in threading.enumerate() if thread.name.startswith("cellvino")]
    return [thread for thread in ours if not thread.name.startswith(OF_THE_PROCESS)]


def our_windows() -> list[QWidget]:
    """Return the windows of ours that are not deleted."""
    return [
        widget for widget in QApplication.topLevelWidgets() if type(widget).__module__.startswith("napari_cellvino")
    ]
