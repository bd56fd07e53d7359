"""The shipped network on small images cut from the samples; one engine for all tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_cellvino.core.recipe import Recipe
from napari_cellvino.core.resources import shipped_folder
from napari_cellvino.engines.engine import Engine
from napari_cellvino.engines.openvino import OpenVinoEngine
from napari_cellvino.engines.provider import EngineProvider
from napari_cellvino.model_package import ModelPackage, find_package
from napari_cellvino.segmentation.pipeline import Pipeline, make_pipeline

SIDE = 128


@dataclass
class WatchedEngine(Engine):
    """The real engine, which counts tiles, and may be told to fail: ``fault`` is asked before each tile and load."""

    engine: Engine
    tiles: int = 0
    fault: Callable[[str, int], None] | None = None
    loaded: list[int] = field(default_factory=list)

    def seconds(self, tile):
        return self.engine.seconds(tile)

    def load(self, tile):
        if self.fault:
            self.fault("load", tile)
        self.loaded.append(tile)
        return self.engine.load(tile)

    def infer(self, batch):
        if self.fault:
            self.fault("infer", batch.shape[-1])
        self.tiles += 1
        return self.engine.infer(batch)

    def cancel(self):
        self.engine.cancel()


@pytest.fixture(scope="session")
def package() -> ModelPackage:
    return find_package("nuclei")


@pytest.fixture(scope="session")
def shipped_engine(package) -> Engine:
    return OpenVinoEngine(package, device="CPU", precision=package.automatic_precision)


@pytest.fixture
def engine(shipped_engine) -> WatchedEngine:
    return WatchedEngine(shipped_engine)


@pytest.fixture(scope="session")
def wells() -> list[np.ndarray]:
    """The nuclei of the six sample wells, (256, 256) uint16."""
    return [tifffile.imread(path)[0] for path in sorted((shipped_folder("sample_data") / "plate").glob("*.ome.tif"))]


@pytest.fixture
def images(tmp_path: Path, wells: list[np.ndarray]) -> list[Path]:
    """Three small images in a folder."""
    folder = tmp_path / "images"
    folder.mkdir()
    paths = [folder / f"field {n}.tif" for n in (1, 2, 3)]
    for path, well in zip(paths, wells, strict=False):
        tifffile.imwrite(path, well[:SIDE, :SIDE])
    return paths


@dataclass(frozen=True)
class Job:
    """A run of a pipeline into a folder."""

    root: Path
    pipeline: Pipeline
    engines: EngineProvider
    overwrite: bool = False

    def choosing(self, **choices: object) -> Job:
        return replace(self, pipeline=self.pipeline.with_choices(**choices))


@pytest.fixture
def job(tmp_path: Path, package: ModelPackage, engine: WatchedEngine) -> Job:
    """A run with the defaults into ``out``."""
    pipeline = make_pipeline(Recipe(device="CPU"), [package])
    return Job(tmp_path / "out", pipeline, EngineProvider(lambda *_: engine))
