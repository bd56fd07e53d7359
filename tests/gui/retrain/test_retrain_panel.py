"""The Retrain panel in a real viewer, with a real short training in its own process."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QWidget
from small_training import write_corrections, write_tiny_model

from napari_cellvino.gui.retrain.retrain_controller import ModelComparison
from napari_cellvino.gui.retrain.retrain_view import resolve_retrain
from napari_cellvino.gui.run.run_view import State
from napari_cellvino.gui.shell.window import CellvinoWindow
from napari_cellvino.model_package import find_package
from napari_cellvino.workflows.retrain import RetrainResult

from ..conftest import WAIT_MS

Click = Callable[[QWidget], None]


@pytest.fixture(scope="module")
def corrected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_corrections(tmp_path_factory.mktemp("results"))
    return write_corrections(folder, ("B01",), review="unseen")


def look(window: CellvinoWindow, folder: Path, qtbot: QtBot) -> None:
    window.show_step(7)
    panel = window.retrain_panel
    panel.folder.clear()
    qtbot.keyClicks(panel.folder, str(folder))
    qtbot.keyClick(panel.folder, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: not window.session.worker.busy, timeout=WAIT_MS)


def test_nothing_chosen_says_what_to_do_first(window: CellvinoWindow, qtbot: QtBot, tmp_path: Path) -> None:
    window.session.retrainer.missing = []
    window.session.retrainer.changed.emit()
    window.show_step(7)
    panel = window.retrain_panel
    assert resolve_retrain(window.session.retrainer).state is State.NOTHING
    assert "tab 4" in panel.hint.text()
    assert not panel.train_button.isEnabled()
    look(window, tmp_path, qtbot)
    assert "no saved results" in panel.failure.words.text()
    assert not panel.train_button.isEnabled()


def test_fields_are_chosen_and_those_not_reviewed_are_not(
    window: CellvinoWindow, corrected: Path, qtbot: QtBot
) -> None:
    window.session.retrainer.missing = []
    look(window, corrected, qtbot)
    panel, retrainer = window.retrain_panel, window.session.retrainer
    texts = [panel.fields.item(row).text() for row in range(panel.fields.count())]
    assert texts[0] == "A01_s1 · 58 cells · all reviewed"
    assert "0 of 49 reviewed" in texts[2]
    assert panel.fields.item(2).checkState() == Qt.CheckState.Unchecked
    assert "144 cells in 3 fields" in panel.summary.text()
    assert panel.train_button.isEnabled()
    assert panel.name.text() == "nuclei-own"
    for row in (0, 1):
        where = panel.fields.visualItemRect(panel.fields.item(row))
        box = QPoint(where.left() + 10, where.center().y())
        qtbot.mouseClick(panel.fields.viewport(), Qt.MouseButton.LeftButton, pos=box)
    assert len(retrainer.selected) == 1
    assert not panel.train_button.isEnabled()
    assert "at least 2 fields" in panel.hint.text()


def test_without_torch_one_sentence_says_how_to_get_it(window: CellvinoWindow, corrected: Path, qtbot: QtBot) -> None:
    window.session.retrainer.missing = ["torch"]
    look(window, corrected, qtbot)
    assert "pip install 'napari-cellvino[train]'" in window.retrain_panel.hint.text()
    assert not window.retrain_panel.train_button.isEnabled()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are using the legacy TorchScript-based ONNX export:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The feature will be removed:DeprecationWarning")
def test_train_stop_go_on_compare_use_and_go_back(
    window: CellvinoWindow,
    corrected: Path,
    click: Click,
    qtbot: QtBot,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("torch", reason="needs the train extra")
    monkeypatch.setenv("CELLVINO_MODELS", str(tmp_path / "models"))
    base = write_tiny_model(tmp_path)
    panel, retrainer, session = window.retrain_panel, window.session.retrainer, window.session
    session.catalogue.choose(str(base))
    qtbot.waitUntil(lambda: not session.worker.busy, timeout=WAIT_MS)
    retrainer.epochs = 1
    look(window, corrected, qtbot)
    assert panel.base.text() == "tiny 0.1.0"
    panel.name.clear()
    qtbot.keyClicks(panel.name, "mine")
    click(panel.train_button)
    assert retrainer.running
    qtbot.waitUntil(lambda: any(progress.step >= 3 for progress in retrainer.progress), timeout=WAIT_MS)
    assert "step" in panel.progress.text()
    assert panel.plot.isVisible()
    assert "loss" in panel.plot.describe()
    click(panel.stop_button)
    qtbot.waitUntil(lambda: not retrainer.running, timeout=WAIT_MS)
    assert retrainer.stopped
    assert "kept" in panel.progress.text()
    assert panel.train_button.text() == "Go on"

    click(panel.train_button)
    qtbot.waitUntil(lambda: not retrainer.running, timeout=WAIT_MS)
    assert retrainer.failure is None
    assert max(progress.step for progress in retrainer.progress) == 10
    assert "validation score" in panel.plot.describe()
    assert panel.scores.isVisible()
    assert retrainer.result is not None
    better = retrainer.result.done.better
    assert panel.use_button.text() == ("Use it" if better else "Use it all the same")
    assert panel.verdict.text().startswith("Better" if better else "Not better")
    assert panel.picture.isVisible()

    click(panel.use_button)
    qtbot.waitUntil(lambda: bool(retrainer.used) and not session.worker.busy, timeout=WAIT_MS)
    assert session.workspace.recipe.model == "mine"
    assert session.workspace.package is not None
    assert session.workspace.package.label == "mine 0.2.0"
    assert find_package("mine").folder == tmp_path / "models" / "mine"
    click(panel.back_button)
    qtbot.waitUntil(lambda: bool(retrainer.went_back) and not session.worker.busy, timeout=WAIT_MS)
    assert session.workspace.package.label == "tiny 0.1.0"
    assert "Back to tiny 0.1.0" in panel.verdict.text()


def test_a_model_of_doubted_labels_is_not_offered(window: CellvinoWindow, tmp_path: Path) -> None:
    window.show_step(7)
    panel, retrainer = window.retrain_panel, window.session.retrainer
    said = ("the outlines in A01 lie on edges of the image no more than elsewhere: are they of this image?",)
    for mostly in (True, False):
        done = RetrainResult(tmp_path, tmp_path, not mostly, (), (), said, mostly)
        retrainer.result = ModelComparison(done, None)
        retrainer.changed.emit()
        assert panel.use_button.text() == ("" if mostly else "Use it")
        assert panel.verdict.text().startswith("More than half" if mostly else "Better")
        assert f"⚠  {said[0]}" in panel.verdict.text()
    retrainer.result = ModelComparison(RetrainResult(tmp_path, tmp_path, False, (), (), said, True), None)
    retrainer.use()
    assert not window.session.worker.busy


@pytest.mark.slow
def test_closing_the_window_ends_the_training(
    window: CellvinoWindow, corrected: Path, click: Click, qtbot: QtBot
) -> None:
    pytest.importorskip("torch", reason="needs the train extra")
    look(window, corrected, qtbot)
    click(window.retrain_panel.train_button)
    qtbot.waitUntil(lambda: bool(window.session.retrainer.progress), timeout=WAIT_MS)
    assert [thread for thread in threading.enumerate() if thread.name.startswith("cellvino")]
