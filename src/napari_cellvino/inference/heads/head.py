"""What every head promises: parameters that make sliders, and one pure decoding step."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_cellvino.errors import OptionError
from napari_cellvino.objects import Objects


@dataclass(frozen=True, slots=True)
class Parameter:
    """One number a user may move: ``unit`` is ``""``, ``px`` or ``px²`` (shown in µm where the scale is known)."""

    name: str
    title: str
    default: float
    low: float
    high: float
    step: float
    unit: str = ""
    help: str = ""

    def with_default(self, default: float) -> Parameter:
        """Return the parameter with another default."""
        return replace(self, default=default)

    def check(self, value: float) -> None:
        """Raise `OptionError` unless ``value`` lies in the range."""
        if not (math.isfinite(value) and self.low <= value <= self.high):
            raise OptionError(f"{self.name} = {value:g} is out of range; use {self.low:g} to {self.high:g} {self.unit}")


@dataclass(frozen=True, slots=True)
class Decoded:
    """Label image (Y, X) int32 with ids 1…N, each one connected, and one row of objects per id, in order."""

    labels: NDArray[np.int32]
    objects: Objects


class Head(Protocol):
    """One family of networks."""

    @property
    def name(self) -> str:
        """What packages call it."""
        ...

    @property
    def maps(self) -> tuple[str, ...]:
        """The maps it decodes, in order."""
        ...

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """What a user may move, with general defaults."""
        ...

    def decode(self, maps: NDArray[np.float16], values: Mapping[str, float]) -> Decoded:
        """Return labels and objects for maps (M, Y, X); ``values`` has every parameter."""
        ...

    def resample(self, maps: NDArray[np.float16], height: int, width: int) -> NDArray[np.float16]:
        """Return maps (M, Y, X) of a resized plane as they would be at ``height`` × ``width``."""
        ...
