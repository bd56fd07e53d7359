"""A network as it came, and what its makers say of it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray

from napari_cellvino.model_package.spec import Normalisation
from napari_cellvino.training.convert.describe import SourceWeights

Step = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class OwnTensors:
    """An image (1, C, Y, X), as it was before normalisation, and the maps (1, M, Y, X) that are promised for it."""

    given: NDArray[np.float32]
    promised: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """What the makers of a network say of it, as far as they do; empty and None where they do not.

    ``before`` are steps between the normalised image and the network, ``after`` those between the network and its
    ``maps``, in bioimage.io's words.
    """

    title: str = ""
    description: str = ""
    version: str = ""
    licence: str = ""
    authors: tuple[str, ...] = ()
    cite: tuple[dict[str, str], ...] = ()
    normalise: Normalisation | None = None
    before: tuple[Step, ...] = ()
    after: tuple[Step, ...] = ()
    maps: tuple[str, ...] = ()
    halo: int | None = None
    test: OwnTensors | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """A network (N, C, Y, X) to (N, M, Y / stride, X / stride), otherwise as it came.

    ``weights`` and ``file`` are what other programs can read of it, None where it has no such form.
    """

    network: ov.Model
    form: str
    weights: SourceWeights | None = None
    file: Path | None = None
    facts: ModelInfo = field(default_factory=ModelInfo)

    def said(self, facts: ModelInfo) -> Imported:
        """Return the same network with what its makers say of it."""
        return replace(self, facts=facts)
