"""One folder of results for a list, wherever it is chosen: tabs 1 and 4, all cells, and what is shown agree."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import napari
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot
from qtpy.QtWidgets import QWidget

from napari_cellvino.gui.cells.cells_panel import CellsPanel
from napari_cellvino.gui.shell.window import CellvinoWindow

from ..conftest import WAIT_MS

Click = Callable[[QWidget], None]
Settle = Callable[[], None]


def images(folder: Path, nuclei: NDArray[np.uint16], *names: str) -> Path:
    folder.mkdir()
    for number, name in enumerate(names):
        tifffile.imwrite(folder / f"{name}.tif", np.ascontiguousarray(nuclei[:112, 100 * number : 100 * number + 112]))
    return folder


@pytest.fixture
def settled(window: CellvinoWindow, qtbot: QtBot) -> Settle:
    """A function that waits until everything that was begun has come to its end."""
    session = window.session
    return lambda: qtbot.waitUntil(
        lambda: not session.busy and not session.opener.reading and not session.work_list.reading, timeout=WAIT_MS
    )


def type_folder(window: CellvinoWindow, folder: Path) -> None:
    """Type a folder for results into tab 4, as a person does."""
    window.show_step(4)
    field = window.save_panel.folder
    field.selectAll()
    field.insert(str(folder))
    field.editingFinished.emit()


def test_all_cells_are_of_the_folder_that_the_list_is_saved_to(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    nuclei: NDArray[np.uint16],
    tmp_path: Path,
    click: Click,
    settled: Settle,
    qtbot: QtBot,
) -> None:
    session, first, second = window.session, tmp_path / "first results", tmp_path / "second results"
    session.open(images(tmp_path / "images", nuclei, "a", "b"))
    settled()
    type_folder(window, first)
    settled()
    assert session.work_list.root == first
    window.show_step(1)
    assert window.open_panel.work_list.saved.text().endswith("/first results")
    click(window.open_panel.work_list.all_button)
    settled()
    assert sorted(path.name for path in first.iterdir() if path.is_dir()) == ["a", "b"]
    assert not (tmp_path / "images" / "cellvino-results").exists()
    assert session.workspace.saved is not None  # what the list says is done is shown
    click(window.open_panel.work_list.cells_button)
    qtbot.waitUntil(lambda: len(session.cells.table.fields) == 2, timeout=WAIT_MS)
    panel = viewer.window.dock_widgets["All cells"].findChild(CellsPanel)
    assert "in 2 fields of …/" in panel.title.text()
    assert panel.title.text().split(" · ")[0].endswith("/first results")
    session.plate_list.choose_root(second)  # in tab 1
    settled()
    assert (session.cells.root, Path(session.saver.folder)) == (second, second)
    assert window.save_panel.folder.text() == str(second)
    assert (len(session.cells.table), session.workspace.saved) == (0, None)
    assert [layer.name for layer in viewer.layers] == ["a"]  # no outlines of what stands elsewhere
    assert str(second) in panel.hint.text()
    session.plate_list.choose_root(first)
    settled()
    assert len(session.cells.table.fields) == 2
    assert session.workspace.saved is not None


def test_a_folder_that_was_chosen_holds_for_the_next_list_but_not_for_results_that_are_opened(
    window: CellvinoWindow, nuclei: NDArray[np.uint16], tmp_path: Path, click: Click, settled: Settle
) -> None:
    session, chosen, other = window.session, tmp_path / "chosen", tmp_path / "more" / "cellvino-results"
    session.open(images(tmp_path / "more", nuclei, "c"))
    settled()
    session.runner.run()
    settled()
    session.saver.save()
    settled()
    type_folder(window, chosen)
    session.open(images(tmp_path / "images", nuclei, "a", "b"))
    settled()
    assert session.work_list.root == chosen
    assert [Path(path).name for path in session.work_list.inputs] == ["more", "images"]  # one list, as of one folder
    session.open(other)
    settled()
    assert (session.work_list.root, Path(session.saver.folder)) == (other, other)
    assert session.homes.root == other
    assert session.saver.saved == other / "c"
