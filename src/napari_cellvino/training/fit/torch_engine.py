"""A network still in torch behind the seam of the engines, so that validation takes the way of every run."""

from __future__ import annotations

import time

import numpy as np
import torch
from numpy.typing import NDArray

from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import Engine, EngineInfo
from napari_cellvino.training.fit.networks import UNet
from napari_cellvino.training.objectives import Objective


class TorchEngine(Engine):
    """Runs a network where its weights lie, in float32; see `Engine`."""

    def __init__(self, net: UNet, objective: Objective) -> None:
        self._net, self._objective = net, objective

    def load(self, tile: int) -> EngineInfo:
        """Return what runs; nothing has to be made ready."""
        where = next(self._net.parameters()).device
        return EngineInfo(str(where), Precision.EXACT, "f32", f"torch {torch.__version__}")

    def seconds(self, tile: int) -> float:
        """Return the time of one empty tile."""
        start = time.perf_counter()
        self.infer(np.zeros((1, self._net.shape.in_channels, tile, tile), np.float32))
        return time.perf_counter() - start

    def infer(self, batch: NDArray[np.float32]) -> NDArray[np.float16]:
        """Return the maps (N, M, Y / stride, X / stride) of a batch (N, C, Y, X)."""
        training = self._net.training
        self._net.eval()
        try:
            with torch.inference_mode():
                where = next(self._net.parameters()).device
                maps = self._objective.activate(self._net(torch.from_numpy(batch).to(where)))
        finally:
            self._net.train(training)
        return np.asarray(maps.cpu().numpy(), np.float16)

    def cancel(self) -> None:
        """Do nothing: validation runs between two steps and is short."""
