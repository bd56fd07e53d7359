"""The inputs of golden work, and what the command line makes of them: each is done once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from golden_inputs import write_inputs
from golden_work import runs

from napari_cellvino.cli import main
from napari_cellvino.core.resources import shipped_folder


@pytest.fixture(scope="session")
def given(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of inputs."""
    return write_inputs(tmp_path_factory.mktemp("golden") / "given", shipped_folder("sample_data"))


@pytest.fixture(scope="session")
def typed(given: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """A function that returns the results of a run of `golden_work` by its name."""
    out = tmp_path_factory.mktemp("typed")

    def run(name: str) -> Path:
        if not (out / name).exists():
            assert main([str(word) for word in runs(given, out)[name]]) == 0
        return out / name

    return run
