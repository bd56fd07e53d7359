"""A watched folder, small fields of the samples, and a watch with a clock that the test sets."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
import tifffile

from napari_cellvino.cli import main
from napari_cellvino.core.recipe import Recipe
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.service.rules import RuleBook
from napari_cellvino.service.watch import Watch
from napari_cellvino.service.watch_events import WatchPlan

SIDE = 96


@pytest.fixture(scope="session")
def crops():
    """Crops of the nuclei of the sample wells, (96, 160) uint16, all different."""
    wells = [tifffile.imread(path)[0] for path in sorted((shipped_folder("sample_data") / "plate").glob("*.ome.tif"))]
    return [well[y : y + SIDE, x : x + 160] for well in wells for y in (0, 96) for x in (0, 96)]


@pytest.fixture(scope="session")
def engines():
    """Engines that all watches of these tests share: a model is compiled once."""
    with EngineProvider() as provider:
        yield provider


@pytest.fixture
def run_once(engines):
    """Return the events of a watch until everything that is there is done."""
    return lambda watch: list(watch.run(threading.Event(), engines, once=True))


@pytest.fixture
def inbox(tmp_path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder


@pytest.fixture
def make_watch(tmp_path, inbox):
    """Return a watch over the inbox that takes files for written at once."""

    def make(book=None, clock=time.time, **choices):
        values = {"settle_s": 0.0, "patience_s": 0.0, "every_s": 0.05, "base": Recipe(device="CPU")} | choices
        return Watch(WatchPlan((inbox,), tmp_path / "out", book or RuleBook(), **values), clock=clock)

    return make


@pytest.fixture
def cellvino_main(capsys):
    """Return what a command prints; it must succeed."""

    def call(*words):
        assert main([str(word) for word in words]) == 0
        return capsys.readouterr().out

    return call
