"""A channel that was guessed: what is saved from the window says so, as the command line does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from pytestqt.qtbot import QtBot

from napari_cellvino.cli import main
from napari_cellvino.gui.shell.window import CellvinoWindow

from ..conftest import WAIT_MS


def test_a_guess_is_kept_with_the_result_as_the_command_line_keeps_it(
    window: CellvinoWindow,
    open_file: Callable[[CellvinoWindow, Path], None],
    run: Callable[[CellvinoWindow], None],
    nuclei: NDArray[np.uint16],
    qtbot: QtBot,
    tmp_path: Path,
) -> None:
    image = tmp_path / "pair.tif"
    tifffile.imwrite(image, np.stack([nuclei[:128, :128]] * 2), imagej=True, metadata={"axes": "CYX"})
    open_file(window, image)
    run(window)
    assert window.run_panel.notice.words.text().count("no name of") == 1
    qtbot.waitUntil(lambda: not window.session.decoder.busy and not window.session.worker.busy, timeout=WAIT_MS)
    folder = window.session.workspace.save_request(tmp_path / "window").save()
    assert main(["run", str(image), "--out", str(tmp_path / "line")]) == 0
    for name in ("annotation.json", "counts.csv"):
        saved, expected = (root / name for root in (folder, tmp_path / "line" / "pair"))
        if expected.is_file():
            assert saved.read_bytes() == expected.read_bytes(), name
    assert "no name of" in (folder / "annotation.json").read_text(encoding="utf-8")
