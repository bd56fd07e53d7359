"""Training objectives: what each family of networks learns, one file per head."""

from napari_cellvino.training.fit.plan import TrainingPlan
from napari_cellvino.training.objectives.centre_offset import CentreOffsetObjective
from napari_cellvino.training.objectives.depth import DepthObjective
from napari_cellvino.training.objectives.grid import GridObjective
from napari_cellvino.training.objectives.mask import MaskObjective
from napari_cellvino.training.objectives.objective import Field, Objective, prepare

__all__ = ["Field", "Objective", "objective_for", "prepare"]

_OBJECTIVES: dict[str, type[Objective]] = {
    "centre_offset": CentreOffsetObjective,
    "depth": DepthObjective,
    "grid": GridObjective,
    "mask": MaskObjective,
}


def objective_for(plan: TrainingPlan) -> Objective:
    """Return the objective that a plan asks for."""
    return _OBJECTIVES[plan.head](plan)
