"""A network as it was imported, with its metadata."""

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
class ReferenceTensors:
    """Test tensors of a network: an image (1, C, Y, X) before normalisation, and its expected maps (1, M, Y, X)."""

    given: NDArray[np.float32]
    expected: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Metadata of a network; empty and None where they are missing.

    ``before`` are steps between the normalised image and the network, ``after`` those between the network and its
    ``maps``, as defined by bioimage.io.
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
    test: ReferenceTensors | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ImportedNetwork:
    """A network (N, C, Y, X) to (N, M, Y / stride, X / stride), otherwise unchanged.

    ``weights`` and ``file`` are those that other programs can read, None where there are none.
    """

    network: ov.Model
    form: str
    weights: SourceWeights | None = None
    file: Path | None = None
    info: ModelInfo = field(default_factory=ModelInfo)

    def with_info(self, info: ModelInfo) -> ImportedNetwork:
        """Return the same network with its metadata."""
        return replace(self, info=info)
