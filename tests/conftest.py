"""What every test relies on: a home of its own, no file left open, and the shared images where they are."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from hypothesis import settings

import napari_cellvino  # noqa: F401  (before anything imports OpenVINO: it is silent then)

# Parts of the suite run side by side: threads of PyTorch that wait for each other would only get in their way.
os.environ.setdefault("OMP_NUM_THREADS", "1")

ROOT = Path(__file__).resolve().parents[1]
KEPT = 6  # compiled networks

# A busy machine is no failure. CI says the same each time for the same commit; a developer's runs look further.
settings.register_profile("cellvino", deadline=None, derandomize="CI" in os.environ)
settings.register_profile("quick", deadline=None, max_examples=8)  # for `make test-quick`
settings.load_profile("cellvino")


def pytest_configure(config: pytest.Config) -> None:
    """Point every place where a user's own things live into a new folder, before anything is imported that asks."""
    home = tempfile.TemporaryDirectory(prefix="cellvino-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    patch = pytest.MonkeyPatch()
    config.add_cleanup(patch.undo)
    patch.setenv("CELLVINO_CACHE", f"{home.name}/cache")
    patch.setenv("CELLVINO_SETTINGS", f"{home.name}/settings.json")
    patch.setenv("CELLVINO_MODELS", f"{home.name}/models")
    patch.setenv("NAPARI_CONFIG", f"{home.name}/napari.yaml")


def pytest_collection_finish() -> None:
    """Leave what was imported out of garbage collections: napari asks for one whenever a layer goes."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def _no_file_stays_open(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Fail at the end if a file that the tests wrote, or one that ships, is still open."""
    watched = (str(tmp_path_factory.getbasetemp()), str(ROOT / "models"), str(ROOT / "sample_data"))
    yield
    gc.collect()
    if sys.platform != "win32":  # where asking for open files can hang
        left_open = [file.path for file in psutil.Process().open_files() if file.path.startswith(watched)]
        assert not left_open


@pytest.fixture(autouse=True, scope="session")
def _networks_are_compiled_once() -> Iterator[None]:
    """Let engines of the same network share what is compiled; each has requests of its own."""
    from napari_cellvino.engines.openvino import OpenVinoEngine

    compile_, kept = OpenVinoEngine._compile, OrderedDict()

    def compile_once(engine: OpenVinoEngine, tile: int) -> object:
        files = (engine._weights, engine._weights.with_suffix(".bin"))
        key = (*((file, file.stat().st_mtime_ns) for file in files), engine._device, engine._precision, tile)
        compiled = kept.pop(key, None) or compile_(engine, tile)
        kept[key] = compiled  # the last one used is the last one to go
        while len(kept) > KEPT:
            kept.popitem(last=False)
        network = compiled.requests[0].get_compiled_model()
        return replace(compiled, requests=tuple(network.create_infer_request() for _ in compiled.requests))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OpenVinoEngine, "_compile", compile_once)
        yield


@pytest.fixture(autouse=True, scope="session")
def _loops_are_compiled_where_a_test_says_so() -> Iterator[None]:
    """Keep a process that tests much from compiling loops beside."""
    from napari_cellvino.core import compiled

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "WORTH_PX", 2**62)
        yield


@pytest.fixture(scope="session")
def loops() -> SimpleNamespace:
    """All compiled loops; where there is no Numba, the test is skipped."""
    pytest.importorskip("numba", reason="needs the fast extra")
    from napari_cellvino.core import compiled

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "_state", compiled._State())
        assert compiled.get_ready()
        return compiled.compiled()


@pytest.fixture
def with_loops(loops: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """A function that says whether compiled loops are used from now on, in this test."""
    from napari_cellvino.core import compiled

    monkeypatch.setattr(compiled, "_state", compiled._State())

    def use(yes: bool) -> None:
        compiled._state.loops = loops if yes else None

    return use


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public images beside the source tree; where it is absent, the test is skipped."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the public images in {folder}")
    return folder


@pytest.fixture(scope="session")
def hcs_folders(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Plates as the vendors' programs write them, a folder each."""
    folder = tmp_path_factory.mktemp("hcs")
    with zipfile.ZipFile(shared_data / "hcs_formats" / "hcs_formats.zip") as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="session")
def scripts_folder() -> Path:
    """The folder of the running environment's commands."""
    return Path(sys.executable).parent


@pytest.fixture(scope="session")
def imported_by() -> Callable[..., set[str]]:
    """A function that runs a command and returns the names of all modules that it imported."""

    def run(*command: str | Path, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> set[str]:
        done = subprocess.run(
            [str(word) for word in command],
            cwd=cwd,
            env={**(os.environ if env is None else env), "PYTHONPROFILEIMPORTTIME": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        # A line of the report is "import time: <self> | <cumulative> | <name>", the name indented by depth.
        report, said = [], []
        for line in done.stderr.splitlines():
            (report if line.startswith("import time:") else said).append(line)
        assert done.returncode == 0, "\n".join([done.stdout, *said])
        return {line.rpartition("|")[2].strip() for line in report}

    return run
