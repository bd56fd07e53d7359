"""What a plan makes of a model's description."""

from __future__ import annotations

from collections.abc import Mapping

from napari_cellvino.model_package import ModelSpec
from napari_cellvino.model_package.spec import Task
from napari_cellvino.training.convert.describe import Config
from napari_cellvino.training.fit.plan import TrainingPlan
from napari_cellvino.training.objectives import objective_for

TASKS: Mapping[str, Task] = {"centre_offset": "instances", "depth": "instances", "grid": "detection", "mask": "mask"}
BYTES_FIXED = 60_000_000
BYTES_PER_PIXEL = {1: 640, 2: 160, 4: 48}  # by stem: measured at stem 2, which holds most at half resolution


def config_for(
    plan: TrainingPlan,
    name: str,
    *,
    parameters: Mapping[str, float] | None = None,
    tolerance: Mapping[str, float] | None = None,
) -> Config:
    """Return ``config.cellvino`` of a network that a plan describes; ``tolerance`` is what a check of it allows."""
    return {
        "name": name,
        "task": TASKS[plan.head],
        "head": {"name": plan.head, "parameters": dict(parameters or {})},
        "input_channels": plan.network.in_channels,
        "stride": plan.network.stride,
        "maps": list(objective_for(plan).maps),
        "classes": list(plan.classes),
        "normalise": plan.normalise.model_dump(),
        "diameter_px": plan.diameter_px.model_dump(exclude_none=True),
        "tile": plan.tile,
        "halo": plan.halo,
        "views": plan.views,
        "negatives": plan.negatives,
        "bytes_fixed": BYTES_FIXED,
        "bytes_per_pixel": BYTES_PER_PIXEL[plan.network.stem],
        "tolerance": dict(tolerance or {}),
        "weights": {"float": "model.xml"},
        "scores": [],
    }


def spec_for(plan: TrainingPlan, parameters: Mapping[str, float] | None = None) -> ModelSpec:
    """Return the description of a network still in training, so that it can be run and scored."""
    words = {"title": "", "version": "0", "description": "", "licence": ""}
    config = config_for(plan, "training", parameters=parameters) | {"sha256": {}, "views": 1}
    return ModelSpec.model_validate(words | config)
