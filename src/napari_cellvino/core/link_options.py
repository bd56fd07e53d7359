"""How the cells of a film are linked, as choices of a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from napari_cellvino.core.errors import OptionError

if TYPE_CHECKING:
    from pydantic import ConfigDict

LEAST = {"reach": 0.1, "end": 0.01, "division": 0.0, "gap": 0, "intensity": 0.0, "features": 0.0}


@dataclass(frozen=True, slots=True)
class LinkOptions:
    """How cells are linked.

    Attributes
    ----------
    reach
        How far a cell moves between two frames, at most, in cell diameters.
    end
        What an end or a beginning costs; higher links more.
    division
        What a division costs beside its links; higher finds fewer.
    gap
        Frames in which a cell may be missing.
    intensity
        What it costs that a cell is brighter or darker in the next frame, by the spread of all; 0 leaves it out.
    features
        What it costs that a cell looks different to the network in the next frame; 0 leaves it out.
    """

    __pydantic_config__: ClassVar[ConfigDict] = {"extra": "forbid"}

    reach: float = 1.5
    end: float = 1.0
    division: float = 0.4
    gap: int = 2
    intensity: float = 0.0
    features: float = 0.0

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            if not getattr(self, name) >= least:
                raise OptionError(f"{name} = {getattr(self, name)} is not possible in linking; the least is {least}")
