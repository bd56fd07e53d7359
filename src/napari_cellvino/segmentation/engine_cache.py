"""The engines of one window: the last of each task is kept, since compiling a network takes longer than running it."""

from __future__ import annotations

from napari_cellvino.core.recipe import Precision
from napari_cellvino.engines.engine import Engine
from napari_cellvino.model_package import ModelPackage
from napari_cellvino.segmentation.pipeline import Pipeline, precision_of
from napari_cellvino.segmentation.refine import MaskRefiner


class Engines:
    """Makes engines, and keeps one for each task."""

    def __init__(self) -> None:
        self._held: dict[str, tuple[tuple[str, str, Precision], Engine]] = {}

    def engine(self, package: ModelPackage, device: str, precision: Precision) -> Engine:
        """Return the engine for a model on a device.

        Raises
        ------
        DeviceError
            If the device or the precision is not there.
        """
        from napari_cellvino.engines.openvino import OpenVinoEngine

        key, task = (package.sha256, device, precision), package.spec.task
        held = self._held.get(task)
        if held is None or held[0] != key:
            held = self._held[task] = (key, OpenVinoEngine(package, device=device, precision=precision))
        return held[1]

    def refiner(self, plan: Pipeline) -> MaskRefiner | None:
        """Return what outlines the cells of a run, or None where nothing does."""
        if plan.outline is None:
            return None
        return MaskRefiner(
            plan.outline, self.engine(plan.outline, plan.recipe.device, precision_of(plan.outline, plan.recipe))
        )

    def cancel(self) -> None:
        """Stop whatever runs, from any thread."""
        for _, engine in list(self._held.values()):
            engine.cancel()

    def clear(self) -> None:
        """Let go of all engines."""
        self._held.clear()
