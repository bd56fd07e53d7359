from __future__ import annotations

import csv
import subprocess
from collections.abc import Callable
from pathlib import Path

import napari
import pytest
from PIL import Image as Picture

from napari_cellvino.gui.shell import launch
from napari_cellvino.gui.shell.window import CellvinoWindow


def test_help_loads_no_window(imported_by: Callable[..., set[str]], scripts_folder: Path) -> None:
    modules = imported_by(scripts_folder / "napari-cellvino", "--help")
    assert "napari_cellvino.gui.shell.launch" in modules
    assert not {name.partition(".")[0] for name in modules} & {"napari", "qtpy", "PyQt6", "numpy", "openvino"}


def test_size_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        launch.main(["--size", "big"])
    assert "write it like 1280x800" in capsys.readouterr().err


def test_demo_goes_all_the_way(scripts_folder: Path, tmp_path: Path) -> None:
    picture = tmp_path / "window.png"
    command = [scripts_folder / "napari-cellvino", "--demo", tmp_path / "out", "--screenshot", picture]
    done = subprocess.run(
        [*command, "--size", "1280x800", "--theme", "light"], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    with (tmp_path / "out" / "counts.csv").open(newline="") as file:
        row = next(csv.DictReader(file))
    assert int(row["count"]) > 20
    assert (tmp_path / "out" / "nuclei_stack" / "labels.tif").is_file()
    with Picture.open(picture) as image:
        assert image.size == (1280, 800)


def test_failed_demo_says_why_and_how_it_ended(
    window: CellvinoWindow,
    viewer: napari.Viewer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").write_text("in the way")
    options = launch._parser().parse_args(["--demo", str(tmp_path / "file"), "--screenshot", str(tmp_path / "w.png")])
    monkeypatch.setattr(launch, "_photograph", lambda *_: 0)  # which closes the viewer, that of all tests here
    assert launch._demonstrate(viewer, window, options) == 1
    assert f"the demo failed: {tmp_path / 'file'}" in capsys.readouterr().err
