"""Everything that decides how a network is made, in one small YAML file that its package carries along.

A package made from a plan can be fine-tuned, and the run that made it can be repeated.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_cellvino.core.errors import TrainingDataError
from napari_cellvino.core.yaml_text import load_yaml
from napari_cellvino.model_package.spec import Diameter, Normalisation

PLAN_NAME = "training.yaml"
HeadName = Literal["centre_offset", "depth", "grid", "mask"]
StyleName = Literal["fluorescence", "stained", "phase", "chamber", "mixed"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NetworkShape(_Frozen):
    """The shape of a U-Net: ``stem`` px become channels at once, each width is a level of half the resolution.

    ``stride`` is the number of input px per px of the maps; it must be a power of two and no coarser than the last
    level.
    """

    in_channels: Literal[1, 3] = 1
    widths: tuple[int, ...] = Field(default=(32, 64, 128, 256), min_length=2)
    stem: Literal[1, 2, 4] = 2
    stride: Literal[1, 2, 4, 8, 16] = 1

    @property
    def multiple(self) -> int:
        """Input sizes must be multiples of this many px."""
        return int(self.stem * 2 ** (len(self.widths) - 1))

    @model_validator(mode="after")
    def _stride_is_reached(self) -> Self:
        if self.stride > self.multiple:
            raise ValueError(f"stride {self.stride} is coarser than the network's last level, {self.multiple} px")
        return self


class TrainingPlan(_Frozen):
    """How to make a network: what it finds, its shape, what crops look like, and how long to fit.

    ``style`` names the set of intensity changes (see `augment`). Crops are resized by ``diameter_px.reference /
    diameter_px.assumed`` (1 where nothing is assumed) times a random factor in ``scale``, within what brings the
    field's median object diameter into ``diameter_px.smallest … largest``. ``steps`` crops of ``crop_px`` px are seen
    in batches of ``batch``; the learning rate warms up and falls along a half cosine. The finished network looks at
    each tile in ``views`` ways, half of them as ``negatives`` where that is asked.
    ``shares`` says how often crops come from a source of fields; sources that it does not name share what remains, rare
    kinds of image a little more often than their number.
    """

    head: HeadName
    classes: tuple[str, ...] = Field(min_length=1)
    diameter_px: Diameter
    style: StyleName
    network: NetworkShape = NetworkShape()
    normalise: Normalisation = Normalisation()
    box_sizes: bool = True
    shares: dict[str, float] = Field(default_factory=dict)
    tile: int = 640
    halo: int = 48
    views: Literal[1, 8] = 1
    negatives: bool = False
    crop_px: int = Field(default=224, ge=32)
    scale: tuple[float, float] = (0.5, 2.0)
    empty_fraction: float = Field(default=0.04, ge=0, le=0.5)
    steps: int = Field(default=6000, ge=1)
    batch: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=1.5e-3, gt=0)
    weight_decay: float = 1e-4
    warm_up: int = 200
    average: float = Field(default=0.998, ge=0, lt=1)
    checkpoint_every: int = Field(default=250, ge=1)
    seed: int = 0

    @property
    def usual_scale(self) -> float:
        """The factor that images are resized by where nobody names a diameter."""
        return self.diameter_px.reference / self.diameter_px.assumed if self.diameter_px.assumed else 1.0

    def dumps(self) -> str:
        """Return the plan as YAML."""
        return str(yaml.safe_dump(self.model_dump(mode="json", exclude_none=True), sort_keys=False))


def load_plan(path: Path) -> TrainingPlan:
    """Return the plan in a YAML file.

    Raises
    ------
    TrainingDataError
        If the file cannot be read or holds something that is no choice of a plan.
    """
    try:
        content = load_yaml(path.read_text(encoding="utf-8"))
        return TrainingPlan.model_validate(content)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TrainingDataError(f"training plan {path} cannot be read: {error}") from error
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise TrainingDataError(f"training plan {path} cannot be used: {faults}") from error
