"""Hold what may be loaded where: no window toolkit without a window, no heavy library for a line of help."""

from __future__ import annotations

import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import napari_cellvino

WINDOW = {"PyQt5", "PyQt6", "PySide2", "PySide6", "qtpy", "napari", "magicgui", "superqt"}
HEAVY = {"torch", "nncf", "dask"}
USED_LATE = {"matplotlib", "jinja2"}  # where something is drawn or written, not before
SLOW_TO_LOAD = {"openvino", "pandas", "skimage", "scipy", "zarr", "numpy", "pydantic", "yaml"}


def headless_modules(folder: Path, prefix: str = "napari_cellvino.") -> Iterator[str]:
    for found in pkgutil.iter_modules([str(folder)], prefix):
        if found.name in {"napari_cellvino.gui", "napari_cellvino.training"} or found.name.endswith(".__main__"):
            continue
        yield found.name
        if found.ispkg:
            yield from headless_modules(folder / found.name.rpartition(".")[2], f"{found.name}.")


def among(modules: set[str], unwanted: set[str]) -> list[str]:
    return sorted({name.partition(".")[0] for name in modules} & unwanted)


@pytest.mark.slow
def test_headless_modules_load_no_window_and_no_training_library(imported_by: Callable[..., set[str]]) -> None:
    names = sorted(headless_modules(Path(napari_cellvino.__file__).parent))
    modules = imported_by(sys.executable, "-c", "\n".join(f"import {name}" for name in names))
    assert {"napari_cellvino.cli", "napari_cellvino.engines.openvino"} <= modules, "the modules were not found"
    assert among(modules, WINDOW | HEAVY | USED_LATE) == []


def test_help_loads_only_what_it_shows(imported_by: Callable[..., set[str]], scripts_folder: Path) -> None:
    modules = imported_by(scripts_folder / "cellvino", "--help")
    assert "napari_cellvino.cli" in modules
    assert among(modules, WINDOW | HEAVY | USED_LATE | SLOW_TO_LOAD) == []


def test_a_run_does_not_wait_for_what_it_does_not_use() -> None:
    """scipy.stats alone takes a second of every start; film tracking and clusters are for those who ask.

    A run over finished fields segments nothing: what segments asks for parts of SciPy and scikit-image where it works.
    """
    code = "import sys, napari_cellvino.cli.run; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"scipy.stats", "dask", "matplotlib", "torch"} & set(done.stdout.split())
    assert not [name for name in done.stdout.split() if name.startswith("napari_cellvino.tracking")]
    for_segmenting = {"scipy.ndimage", "scipy.spatial", "scipy.sparse", "scipy.linalg", "scipy.fft", "skimage.measure"}
    assert not for_segmenting & set(done.stdout.split())


def test_the_window_stands_before_what_only_a_run_needs() -> None:
    """A thread imports these once the window is painted; what napari itself needs is there anyway."""
    late = ["openvino", "pandas", "scipy.optimize", "scipy.stats", "zarr", "matplotlib", "torch", "xarray"]
    code = (
        "import sys, napari._qt.qt_main_window, napari._vispy; before = set(sys.modules)\n"
        "import napari_cellvino.gui.shell.window; print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert "napari_cellvino.gui.shell.window" in loaded
    assert sorted(set(late) & set(loaded)) == []


def test_layers_hold(root: Path, scripts_folder: Path) -> None:
    done = subprocess.run(
        [scripts_folder / "lint-imports", "--no-cache"], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
