"""The command as it is typed, run in this process; and one run over the samples that several tests look at."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from napari_cellvino import cli
from napari_cellvino.core.errors import CellvinoError
from napari_cellvino.core.resources import shipped_folder


@dataclass(frozen=True)
class Called:
    """What a command answered; ``error`` is what ended it, None where nothing did."""

    code: int
    out: str
    err: str
    error: CellvinoError | None = None

    @property
    def json(self):
        """What was printed, all of it, as JSON by the standard."""
        return json.loads(self.out, parse_constant=_refuse)


def _refuse(word: str) -> None:
    raise AssertionError(f"{word} is no JSON")


Command = Callable[..., Called]


@pytest.fixture(scope="session")
def cellvino() -> Command:
    """A function that runs ``cellvino`` with arguments."""

    def call(*arguments: object) -> Called:
        out, err = io.StringIO(), io.StringIO()
        ended_by: list[CellvinoError] = []
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            exit_code = cli._exit_code
            patch.setattr(cli, "_exit_code", lambda error: ended_by.append(error) or exit_code(error))
            try:
                code = cli.main([str(word) for word in arguments])
            except SystemExit as end:  # argparse ends by itself
                code = end.code
        assert "Traceback" not in err.getvalue()
        return Called(code, out.getvalue(), err.getvalue(), *ended_by)

    return call


@pytest.fixture(scope="session")
def samples() -> Path:
    return shipped_folder("sample_data")


@pytest.fixture(scope="session")
def sample_run(cellvino, samples, tmp_path_factory) -> Path:
    """The results of a run over the stack and the plate with the defaults."""
    out = tmp_path_factory.mktemp("sample_run") / "out"
    called = cellvino("run", samples / "nuclei_stack.ome.tif", samples / "plate", "--out", out)
    assert called.code == 0, called.err
    assert called.out == ""
    assert "7 of 7" in called.err.splitlines()[-1]
    return out
