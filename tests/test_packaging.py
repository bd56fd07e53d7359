"""Hold that what is built and installed is complete: the wheel from the source archive, elsewhere, without Qt."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from napari_cellvino.core.resources import shipped_folder

UV = shutil.which("uv")
SAMPLE = "nuclei_stack.ome.tif"


def run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the source archive that is built from the tree."""
    folder = tmp_path_factory.mktemp("dist")
    build = [UV, "build", "--out-dir"] if UV else [sys.executable, "-m", "build", "--outdir"]
    run(*build, folder, root, cwd=folder)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def clean_commands(wheel: Path, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a new environment that holds the wheel and its base dependencies, so no Qt."""
    folder = tmp_path_factory.mktemp("clean")
    commands = folder / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    create = [UV, "venv", "--python", sys.executable] if UV else [sys.executable, "-m", "venv", "--without-pip"]
    run(*create, folder / "env", cwd=folder)
    python = commands / "python"
    pip = [sys.executable, "-m", "pip", "--python", python, "install", "--no-compile"]
    install = [UV, "pip", "install", "--python", python] if UV else pip
    run(*install, wheel, "--constraint", root / "requirements" / "lock.txt", cwd=folder)
    return commands


def test_wheel_holds_all_that_ships(wheel: Path, root: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "napari_cellvino/napari.yaml" in names
    assert "napari_cellvino/py.typed" in names
    assert "napari_cellvino/results/templates/correction_report.html" in names
    assert f"napari_cellvino/sample_data/{SAMPLE}" in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    for rdf in (root / "models").glob("*/rdf.yaml"):
        shipped = {f"napari_cellvino/models/{rdf.parent.name}/{file.name}" for file in rdf.parent.iterdir()}
        assert shipped <= set(names)


@pytest.mark.slow
def test_wheel_counts_cells_in_a_clean_environment_without_qt(
    clean_commands: Path, root: Path, tmp_path: Path, imported_by: Callable[..., set[str]]
) -> None:
    env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    sample = root / "sample_data" / SAMPLE
    assert "run" in run(clean_commands / "cellvino", "--help", cwd=tmp_path)
    modules = imported_by(clean_commands / "cellvino", "run", sample, "--out", "out", cwd=tmp_path, env=env)

    loaded = {name.partition(".")[0] for name in modules}
    assert sorted(loaded & {"PyQt6", "PySide6", "qtpy", "napari", "magicgui", "superqt"}) == []
    with (tmp_path / "out" / "counts.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["error"] for row in rows] == [""]
    assert int(rows[0]["count"]) > 0
    written = {path.name for path in (tmp_path / "out").glob("*/*")}
    assert {"labels.tif", "objects.csv", "qc.png", "annotation.json"} <= written


def test_editable_install_finds_what_ships() -> None:
    assert (shipped_folder("sample_data") / SAMPLE).is_file()
    assert list(shipped_folder("models").glob("*/rdf.yaml"))


def direct_requirements(project: dict) -> list[Requirement]:
    extras = project["project"]["optional-dependencies"].values()
    groups = project["dependency-groups"].values()
    listed = [*project["project"]["dependencies"], *(line for lines in (*extras, *groups) for line in lines)]
    return [Requirement(line) for line in listed if isinstance(line, str)]


def test_lock_pins_every_dependency_and_names_no_server(root: Path) -> None:
    lock = (root / "requirements" / "lock.txt").read_text(encoding="utf-8")
    pins = dict(re.findall(r"^([a-z0-9.-]+)==([^\s;]+)", lock, flags=re.MULTILINE))
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    stale = [
        str(need)
        for need in direct_requirements(project)
        if pins.get(canonicalize_name(need.name), "0") not in need.specifier
    ]
    assert not stale, "run: make lock"
    assert not re.search(r"://| @ |\+", lock)
